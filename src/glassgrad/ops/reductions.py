"""Sums and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.ir import Shape
from glassgrad.ops.families import linear
from glassgrad.ops.record import Sample, Text
from glassgrad.ops.shapes import normalise_axes

__all__ = ["kept", "reduced"]


def reduced(shape: Shape, axis: tuple[int, ...], keepdims: bool) -> Shape:
    """Return the shape left when `axis` is reduced away (or kept with size 1)."""
    if keepdims:
        return tuple(1 if a in axis else d for a, d in enumerate(shape))
    return tuple(d for a, d in enumerate(shape) if a not in axis)


def kept(F: Any, value: Any, shape: Shape, axis: tuple[int, ...]) -> Any:
    """Give a reduced value its axes of size 1 back, so that it broadcasts against `shape`."""
    return F.reshape(value, reduced(shape, axis, True))


def batch_reduction(name: str) -> Any:
    """Return the batching rule of a reduction: the axes move by one."""

    def batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
        shifted = {**attrs, "axis": tuple(a + 1 for a in attrs["axis"])}
        return getattr(F, name)(xs[0], **shifted)

    return batch


def _call_sum(
    F: Any, x: Any, axis: int | Sequence[int] | None = None, *, dtype: Any = None, keepdims: bool = False
) -> Any:
    if dtype is not None:
        x = F.astype(x, dtype)
    return F.bind(sum, (x,), {"axis": normalise_axes(axis, len(x.shape)), "keepdims": keepdims})


def _sum_dtype(d: np.dtype[Any]) -> np.dtype[Any]:
    return d if d.kind in "fc" else np.dtype(np.uint64 if d.kind == "u" else np.int64)


sum = linear(
    "sum",
    lambda x, *, axis, keepdims, out=None: np.add.reduce(
        x, axis=axis, keepdims=keepdims, dtype=_sum_dtype(x.dtype), out=out
    ),
    call=_call_sum,
    infer=lambda x, *, axis, keepdims: (reduced(tuple(x.shape), axis, keepdims), _sum_dtype(x.dtype)),
    transpose=lambda F, g, x, *, axis, keepdims: F.broadcast_to(kept(F, g, tuple(x.shape), axis), x.shape),
    batch=batch_reduction("sum"),
    latex=r"\sum {0}",
    derivative="1 for each term",
    why=Text(
        "every term adds to the sum with weight 1, so each gets the upstream gradient",
        "모든 항이 1의 비중으로 합에 들어가므로 각 항이 상류 기울기를 그대로 받는다",
    ),
    samples=(
        Sample(((2, 3),)),
        Sample(((2, 3, 4),), {"axis": (0, 2)}),
        Sample(((2, 3),), {"axis": -1, "keepdims": True}),
    ),
    writes_out=True,
)
