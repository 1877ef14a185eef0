"""Copies of parts: repeating, padding, picking; diagonals and triangles; new arrays beside another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.numpy_calls.shaping import moveaxis
from glassgrad.numpy_calls.table import only, rule, value, values

# --- copies of parts -----------------------------------------------------------------------------------------------


@rule(np.tile)
def tile(F: Any, A: Any, reps: Any) -> Any:
    """Repeat the whole along its axes."""
    a = value(F, A)
    times = (reps,) if isinstance(reps, (int, np.integer)) else tuple(reps)
    rank = max(len(times), len(a.shape))
    times = (1,) * (rank - len(times)) + tuple(int(t) for t in times)
    shape = (1,) * (rank - len(a.shape)) + tuple(a.shape)
    wide = F.reshape(a, tuple(d for size in shape for d in (1, size)))
    wide = F.broadcast_to(wide, tuple(d for pair in zip(times, shape, strict=True) for d in pair))
    return F.identity(F.reshape(wide, tuple(t * d for t, d in zip(times, shape, strict=True))))


@rule(np.repeat)
def repeat(F: Any, a: Any, repeats: Any, axis: Any = None) -> Any:
    """Repeat each element along an axis."""
    a = value(F, a)
    if axis is None:
        a, axis = F.reshape(a, (-1,)), 0
    return F.take(a, np.repeat(np.arange(a.shape[axis]), np.asarray(repeats)), axis=axis)


_places: Any = np.pad


@rule(np.pad)
def pad(F: Any, array: Any, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Any:
    """Put values around an array: constant ones, or copies of its own as `mode` says."""
    only("pad", "mode", mode, "constant", "edge", "reflect", "symmetric", "wrap")
    only("pad", "reflect_type", kwargs.get("reflect_type", "even"), "even")
    array = F.identity(value(F, array))
    rank = len(array.shape)
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - rank, 0)) for i in range(rank)]
        pad_width = [w if np.ndim(w) else (w, w) for w in pad_width]
    widths = np.broadcast_to(np.asarray(pad_width, np.int64), (rank, 2))
    if mode != "constant":
        for axis, width in enumerate(widths):
            if width.any():
                array = F.take(array, _places(np.arange(array.shape[axis]), width, mode, **kwargs), axis=axis)
        return array
    filled = np.broadcast_to(kwargs.get("constant_values", 0), (rank, 2))
    for axis, ((before, after), (first, last)) in enumerate(zip(widths, filled, strict=True)):

        def edge(size: Any, fill: Any, array: Any = array, axis: int = axis) -> Any:
            return np.full((*array.shape[:axis], int(size), *array.shape[axis + 1 :]), fill, array.dtype)

        if before or after:
            array = F.concat([edge(before, first), array, edge(after, last)], axis=axis)
    return array


@rule(np.take)
def take(F: Any, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """Pick elements, or rows along an axis."""
    only("take", "mode", mode, "raise")
    return F.take(value(F, a), value(F, indices), axis=axis)


@rule(np.compress)
def compress(F: Any, condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    """Pick the rows along an axis for which a condition holds."""
    return F.take(value(F, a), np.flatnonzero(np.asarray(condition)), axis=axis)


@rule(np.delete)
def delete(F: Any, arr: Any, obj: Any, axis: Any = None) -> Any:
    """Leave rows along an axis out."""
    arr = value(F, arr)
    if axis is None:
        arr, axis = F.reshape(arr, (-1,)), 0
    return F.take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis=axis)


# --- diagonals -----------------------------------------------------------------------------------------------------


@rule(np.diagonal)
def diagonal(F: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Pick the diagonal of two axes, which goes along the last axis of the result."""
    a = moveaxis(F, a, (axis1, axis2), (-2, -1))
    height, width = a.shape[-2:]
    numbers = np.arange(max(0, min(height + min(offset, 0), width - max(offset, 0))))
    return F.getitem(a, (..., numbers + max(-offset, 0), numbers + max(offset, 0)))


@rule(np.linalg.diagonal)
def linalg_diagonal(F: Any, x: Any, /, *, offset: int = 0) -> Any:
    """Pick the diagonal of the last two axes."""
    return diagonal(F, x, offset, -2, -1)


@rule(np.trace)
def trace(
    F: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    """Add up the diagonal of two axes."""
    return F.sum(diagonal(F, a, offset, axis1, axis2), axis=-1, dtype=dtype)


@rule(np.linalg.trace)
def linalg_trace(F: Any, x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Add up the diagonal of the last two axes."""
    return trace(F, x, offset, -2, -1, dtype)


@rule(np.diag)
def diag(F: Any, v: Any, k: int = 0) -> Any:
    """Pick the diagonal of a matrix, or put a vector on that of a matrix of zeros."""
    v = value(F, v)
    if len(v.shape) != 1:
        return diagonal(F, v, k)
    size = v.shape[0] + abs(k)
    numbers = np.arange(v.shape[0])
    return F.index_add(v, (numbers + max(-k, 0), numbers + max(k, 0)), (size, size))


@rule(np.diagflat)
def diagflat(F: Any, v: Any, k: int = 0) -> Any:
    """Put all elements on the diagonal of a matrix of zeros."""
    return diag(F, F.reshape(value(F, v), (-1,)), k)


def _triangle(part: Any) -> Any:
    def triangle(F: Any, m: Any, k: int = 0) -> Any:
        m = value(F, m)
        sizes = tuple(m.shape[-2:]) if len(m.shape) > 1 else (m.shape[0], m.shape[0])
        return F.where(part(np.ones(sizes, bool), k), m, np.zeros((), m.dtype))

    return triangle


rule(np.tril)(_triangle(np.tril))
rule(np.triu)(_triangle(np.triu))


# --- new arrays beside another -------------------------------------------------------------------------------------


def _full(F: Any, a: Any, fill: Any, dtype: Any, shape: Any) -> Any:
    a = value(F, a)
    shape = tuple(a.shape) if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    fill = value(F, fill)
    kind = np.dtype(dtype) if dtype is not None else a.dtype
    return F.broadcast_to(fill if fill.dtype == kind else F.astype(fill, kind), shape)


@rule(np.zeros_like, np.empty_like)
def zeros_like(
    F: Any, a: Any, /, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, **_: Any
) -> Any:
    """Return zeros of the shape and dtype of another array."""
    return F.identity(_full(F, a, 0, dtype, shape))


@rule(np.ones_like)
def ones_like(
    F: Any, a: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, **_: Any
) -> Any:
    """Return ones of the shape and dtype of another array."""
    return F.identity(_full(F, a, 1, dtype, shape))


@rule(np.full_like)
def full_like(
    F: Any,
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    **_: Any,
) -> Any:
    """Return one value in the shape and dtype of another array."""
    return F.identity(_full(F, a, fill_value, dtype, shape))


@rule(np.meshgrid)
def meshgrid(F: Any, *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    """Return the coordinates of every point of a grid."""
    axes = [F.reshape(x, (-1,)) for x in values(F, xi)]
    rank = len(axes)
    place = list(range(rank))
    if indexing == "xy" and rank > 1:
        place[:2] = [1, 0]
    grids = [F.reshape(x, tuple(-1 if i == place[j] else 1 for i in range(rank))) for j, x in enumerate(axes)]
    shape = tuple(math.prod(axes[place.index(i)].shape) for i in range(rank))
    return tuple(grids if sparse else (F.broadcast_to(g, shape) for g in grids))
