"""The matrix product, the work of every layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.families import bilinear, cast, sum_to
from glassgrad.ops.record import Sample, Text


def _infer(a: Any, b: Any) -> tuple[Shape, np.dtype[Any]]:
    sa, sb = tuple(a.shape), tuple(b.shape)
    if not sa or not sb:
        raise ShapeError(
            f"matmul needs arrays with at least one axis, but got {sa} and {sb}; use * for numbers"
        )
    inner_a, inner_b = sa[-1], sb[-2] if len(sb) > 1 else sb[-1]
    if inner_a != inner_b:
        raise ShapeError(
            f"matmul: {sa} @ {sb} does not fit: the last axis of the first has size {inner_a}, "
            f"the {'second to last' if len(sb) > 1 else 'only'} axis of the second {inner_b}"
        )
    batch = broadcast_shapes(sa[:-2], sb[:-2])
    rows = sa[-2:-1] if len(sa) > 1 else ()
    columns = sb[-1:] if len(sb) > 1 else ()
    return (*batch, *rows, *columns), np.result_type(a.dtype, b.dtype)


def _matrices(F: Any, g: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Give vectors the axis of size 1 that makes them matrices, and the gradient likewise."""
    ga, gb = len(a.shape) == 1, len(b.shape) == 1
    if ga:
        a = F.expand_dims(a, 0)
    if gb:
        b = F.expand_dims(b, 1)
    if ga:
        g = F.expand_dims(g, -1 if gb else -2)
    if gb:
        g = F.expand_dims(g, -1)
    return g, a, b


def _pull_first(F: Any, g: Any, z: Any, a: Any, b: Any) -> Any:
    g2, a2, b2 = _matrices(F, g, a, b)
    product = sum_to(F, F.matmul(g2, F.matrix_transpose(b2)), tuple(a2.shape))
    return cast(F, F.reshape(product, a.shape), a.dtype)


def _pull_second(F: Any, g: Any, z: Any, a: Any, b: Any) -> Any:
    g2, a2, b2 = _matrices(F, g, a, b)
    product = sum_to(F, F.matmul(F.matrix_transpose(a2), g2), tuple(b2.shape))
    return cast(F, F.reshape(product, b.shape), b.dtype)


def _batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
    a, b = xs
    vector_a, vector_b = len(a.shape) - batched[0] == 1, len(b.shape) - batched[1] == 1
    if vector_a:
        a = F.expand_dims(a, -2)
    if vector_b:
        b = F.expand_dims(b, -1)
    rank = max(len(a.shape) - batched[0], len(b.shape) - batched[1])
    a, b = (
        F.reshape(x, (x.shape[0], *(1,) * (rank + 1 - len(x.shape)), *x.shape[1:])) if own else x
        for x, own in ((a, batched[0]), (b, batched[1]))
    )
    out = F.matmul(a, b)
    if vector_b:
        out = F.squeeze(out, -1)
    return F.squeeze(out, -1 if vector_b else -2) if vector_a else out


matmul = bilinear(
    "matmul",
    np.matmul,
    call=lambda F, a, b: F.bind(matmul, (a, b)),
    infer=_infer,
    pulls=(_pull_first, _pull_second),
    batch=_batch,
    latex=r"{0} {1}",
    derivative=r"G B^\top, A^\top G",
    why=Text(
        "each output is a weighted sum, so the gradient goes back through the transposed matrix",
        "각 출력이 가중합이므로 기울기는 전치 행렬을 거쳐 되돌아간다",
    ),
    samples=(
        Sample(((2, 3), (3, 4))),
        Sample(((3,), (3, 2))),
        Sample(((2, 3), (3,))),
        Sample(((3,), (3,))),
        Sample(((2, 1, 2, 3), (4, 3, 2))),
    ),
)
