"""Random numbers as an operation: a pure function of seed, step and row, so that a graph draws anew each step.

The numbers come from `glassgrad.philox`. Seed, step and row numbers are inputs; what keeps two random operations of
one graph apart, `node`, is a setting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.ir import Shape
from glassgrad.ops.record import Op, Sample, Text, register
from glassgrad.ops.rules import map_rows
from glassgrad.philox import uniform


def _call(
    F: Any, seed: Any, step: Any, rows: Any, *, node: int, shape: Sequence[int], dtype: Any = np.float32
) -> Any:
    seed, step = (np.asarray(n, np.int64) if isinstance(n, int) else n for n in (seed, step))
    settings = {"node": int(node), "shape": tuple(int(d) for d in shape), "dtype": np.dtype(dtype)}
    return F.bind(random_uniform, (seed, step, rows), settings)


def _infer(
    seed: Any, step: Any, rows: Any, *, node: int, shape: Shape, dtype: np.dtype[Any]
) -> tuple[Shape, np.dtype[Any]]:
    if len(seed.shape) or len(step.shape) or len(rows.shape) != 1:
        raise ShapeError(
            "random_uniform takes a seed and a step of shape () and row numbers of shape (n,), but got "
            f"{tuple(seed.shape)}, {tuple(step.shape)} and {tuple(rows.shape)}"
        )
    if any(v.dtype.kind not in "iu" for v in (seed, step, rows)):
        raise DTypeError("random_uniform: seed, step and row numbers must be integers")
    return (rows.shape[0], *shape), dtype


def _numpy(
    seed: Any, step: Any, rows: Any, *, node: int, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Any:
    numbers = uniform(
        int(seed) % (1 << 64),
        node=node,
        step=int(step),
        rows=rows,
        elements=math.prod(shape),
        dtype=dtype,
    )
    return numbers.reshape(len(rows), *shape)


random_uniform: Op = register(
    Op(
        name="random_uniform",
        call=_call,
        infer=_infer,
        numpy=_numpy,
        pull=None,
        push=None,
        batch=map_rows(lambda: random_uniform),
        latex=r"U[0, 1)",
        derivative="0",
        why=Text(
            "the numbers are drawn, not computed from anything that could move, so nothing flows back",
            "뽑은 숫자일 뿐 움직일 수 있는 값에서 계산된 것이 아니므로 기울기가 흐르지 않는다",
        ),
        samples=(
            Sample(
                (np.array(7), np.array(3), np.arange(4)),
                {"node": 2, "shape": (2, 3), "dtype": np.dtype("float64")},
            ),
        ),
    )
)
