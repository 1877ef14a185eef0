"""Numbers that come from nowhere: constants of a shape, and the batch size as a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.ir import Dim
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Op, Text, register

__all__ = ["count"]


@function
def full(F: Any, shape: Sequence[Any], value: float, dtype: Any = np.float64) -> Any:
    """Return an array of `shape` filled with one number."""
    return F.broadcast_to(np.asarray(value, dtype), tuple(shape))


@function
def zeros(F: Any, shape: Sequence[Any], dtype: Any = np.float64) -> Any:
    """Return an array of `shape` filled with 0."""
    return F.full(shape, 0, dtype)


@function
def ones(F: Any, shape: Sequence[Any], dtype: Any = np.float64) -> Any:
    """Return an array of `shape` filled with 1."""
    return F.full(shape, 1, dtype)


@function
def zeros_like(F: Any, x: Any) -> Any:
    """Return zeros of the shape and dtype of `x`."""
    return F.full(x.shape, 0, x.dtype)


@function
def ones_like(F: Any, x: Any) -> Any:
    """Return ones of the shape and dtype of `x`."""
    return F.full(x.shape, 1, x.dtype)


def count(F: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """Return how many elements a reduction over `axis` takes together: a number, or a value where N is among them."""
    sizes = math.prod(x.shape[a] for a in axis)
    return (
        F.bind(dimension, (), {"size": sizes, "dtype": x.dtype}) if isinstance(sizes, Dim) else float(sizes)
    )


def _no_batch(*_: Any) -> Any:
    raise ShapeError("the batch size has no inputs, so it cannot be batched")


dimension: Op = register(
    Op(
        name="dimension",
        call=lambda F, size, dtype: F.bind(dimension, (), {"size": size, "dtype": np.dtype(dtype)}),
        infer=lambda *, size, dtype: ((), dtype),
        numpy=lambda *, size, dtype: np.asarray(size, dtype),
        pull=None,
        push=None,
        batch=_no_batch,
        latex="N",
        derivative="0",
        why=Text("a count does not change with the values", "개수는 값에 따라 변하지 않는다"),
    )
)
