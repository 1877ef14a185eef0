"""Numbers that come from nowhere: constants of a shape, and the batch size as a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.ir import Dim
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Op, Sample, Text, register

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


def _call_arange(F: Any, start: Any, stop: Any = None, step: int = 1, dtype: Any = None) -> Any:
    first, last = (0, start) if stop is None else (start, stop)
    if isinstance(first, Dim) or isinstance(last, Dim):
        size = last - first
        if step != 1:
            raise ShapeError("arange up to the batch size counts by 1")
    else:
        size = max(0, math.ceil((last - first) / step))
    kind = (
        np.int64
        if isinstance(first, int) and isinstance(step, int) and not isinstance(last, float)
        else float
    )
    settings = {"start": first, "step": step, "size": size, "dtype": np.dtype(dtype or kind)}
    return F.bind(arange, (), settings)


arange: Op = register(
    Op(
        name="arange",
        call=_call_arange,
        infer=lambda *, start, step, size, dtype: ((size,), dtype),
        numpy=lambda *, start, step, size, dtype: (start + step * np.arange(size)).astype(dtype),
        pull=None,
        push=None,
        batch=_no_batch,
        latex=r"0, 1, 2, \dots",
        derivative="0",
        why=Text("the numbers are fixed beforehand", "미리 정해진 숫자들이다"),
        samples=(Sample((), {"start": 4}), Sample((), {"start": 1, "stop": 7, "step": 2})),
    )
)
