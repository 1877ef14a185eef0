"""The places an index points at: the normal form of an index, the shape it picks, and its rows in a batch.

Reading (`getitem`) and writing (`index_set`, `index_add`) take the same indices, so what an index means is settled
here once. In normal form it is static but for whole-number arrays, which are inputs of the operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, IndexingError, ShapeError, TraceError
from glassgrad.ir import Dim, Shape, broadcast_shapes

__all__ = [
    "ARRAY",
    "LABEL",
    "WHOLE",
    "check_labels",
    "check_values",
    "filled",
    "in_rows",
    "layout",
    "moved",
    "parse",
    "picked_shape",
    "row_numbers",
    "rows_first",
    "scalar_mask",
]

ARRAY = "array"
"""Stands in an index for the next of the whole-number arrays among the inputs."""

LABEL = "label"
"""The same for an array of labels, of which a negative one does not count from the end but is an error."""

WHOLE = slice(None)


# --- the index in normal form --------------------------------------------------------------------------------------


def parse(shape: Shape, index: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """Return the index with an entry for each axis, and the arrays in it."""
    if type(index) is int and shape:
        rest = (_slice(WHOLE, size, axis) for axis, size in enumerate(shape[1:], 1))
        return (_position(index, shape[0], 0), *rest), []
    entries = list(index) if isinstance(index, tuple) else [index]
    entries = [part for entry in entries for part in _opened(entry)]
    used = sum(entry is not None and entry is not Ellipsis for entry in entries)
    if used > len(shape):
        raise IndexingError(f"an index for {used} axes is too long for an array of shape {shape}")
    dots = [i for i, entry in enumerate(entries) if entry is Ellipsis]
    if len(dots) > 1:
        raise IndexingError("an index can hold '...' once")
    at = dots[0] if dots else len(entries)
    entries[at : at + len(dots)] = [WHOLE] * (len(shape) - used)
    template: list[Any] = []
    arrays: list[Any] = []
    axis = 0
    for entry in entries:
        if entry is None:
            template.append(None)
            continue
        if isinstance(entry, slice):
            template.append(_slice(entry, shape[axis], axis))
        elif isinstance(entry, (int, np.integer)):
            template.append(_position(int(entry), shape[axis], axis))
        else:
            if isinstance(entry, tuple):
                entry, size = entry
                if size not in (shape[axis], 0):
                    raise IndexingError(
                        f"a mask has {size} places along axis {axis}, but the array has shape {shape}"
                    )
            template.append(ARRAY)
            arrays.append(entry)
        axis += 1
    return tuple(template), arrays


def _opened(entry: Any) -> list[Any]:
    """Return the entries that one entry stands for: a mask is as many arrays, with the axis' size, as it has axes."""
    if entry is None or entry is Ellipsis or isinstance(entry, slice):
        return [entry]
    if isinstance(entry, (bool, np.bool_)) or (getattr(entry, "dtype", None) == np.bool_ and not entry.shape):
        raise IndexingError("True and False are no indices; write np.newaxis (None) for a new axis")
    if isinstance(entry, (int, np.integer)):
        return [entry]
    if isinstance(entry, (list, tuple)):
        entry = np.asarray(entry, None if len(entry) else np.int64)
    if not hasattr(entry, "dtype"):
        raise DTypeError(
            "an index is made of whole numbers, slices, None, '...' and arrays; this one holds a "
            f"{type(entry).__name__}"
        )
    if entry.dtype == np.bool_:
        return list(zip(np.nonzero(_values(entry)), entry.shape, strict=True))
    if entry.dtype.kind not in "iu":
        raise DTypeError(
            f"an array that indexes holds whole numbers or truth values, but this one is {entry.dtype}"
        )
    return [entry]


def _values(mask: Any) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(mask)
    except TraceError:
        raise TraceError(
            "a traced mask cannot index, because the shape of the result would depend on its values: "
            "use gg.where(mask, x, 0) instead"
        ) from None


def scalar_mask(index: Any) -> np.ndarray[Any, Any] | None:
    """Return for an index that is one truth value where it points on a new first axis: at 0, or nowhere."""
    if isinstance(index, tuple) and len(index) == 1:
        (index,) = index
    if getattr(index, "dtype", None) != np.bool_ or getattr(index, "shape", None) != ():
        return None
    return np.zeros(int(_values(index)), np.int64)


def _position(i: int, size: int | Dim, axis: int) -> int:
    if isinstance(size, Dim):
        return i
    if not -size <= i < size:
        raise IndexingError(f"index {i} is out of range for axis {axis} of size {size}")
    return i % size


def _at_least(dim: int | Dim, least: int) -> bool:
    """Say whether a dimension is `least` or more in every batch of one row or more."""
    if isinstance(dim, int):
        return dim >= least
    return dim.at(1) >= least and all(c >= 0 for c in dim.coefficients[1:])


def _slice(s: slice, size: int | Dim, axis: int) -> slice:
    """Return a slice whose bounds lie in the axis."""
    if isinstance(size, int) and not isinstance(s.start, Dim) and not isinstance(s.stop, Dim):
        places = range(*s.indices(size))
        if not places:
            return slice(0, 0, 1)
        return slice(places.start, places.stop if places.stop >= 0 else None, places.step)
    if s.start is None and s.stop is None and s.step in (None, 1, -1):
        return slice(None, None, s.step or 1)
    start = 0 if s.start is None else _from_front(s.start, size)
    stop = size if s.stop is None else _from_front(s.stop, size)
    if s.step not in (None, 1) or not (
        _at_least(start, 0) and _at_least(stop - start, 0) and _at_least(size - stop, 0)
    ):
        raise ShapeError(
            f"axis {axis} is the batch, {size} long, and N is not known yet, so [{s.start}:{s.stop}:{s.step}] has no "
            "size; slice the batch before the traced function, or keep the axis whole with ':'"
        )
    return slice(start, stop, 1)


def _from_front(bound: Any, size: int | Dim) -> Any:
    return bound if isinstance(bound, Dim) or bound >= 0 else size + int(bound)


def _length(s: slice, size: int | Dim) -> int | Dim:
    if s.start is None and s.stop is None and isinstance(size, Dim):
        return size
    if isinstance(s.stop, Dim) or isinstance(s.start, Dim):
        return s.stop - s.start  # type: ignore[no-any-return]
    return len(range(*s.indices(size if isinstance(size, int) else s.stop)))


def layout(
    shape: Shape, index: Sequence[Any], arrays: Sequence[Shape]
) -> tuple[list[int | Dim], Shape, int | None]:
    """Return the sizes of the axes that are kept, those the arrays bring, and where the latter go among the former.

    Where numbers and arrays stand side by side, the arrays' axes take their place; where a slice parts them, NumPy
    puts them first, and so does this. The place is None where there are no arrays.
    """
    sizes: list[int | Dim] = []
    places: list[int] = []
    advanced: list[int] = []
    axis = 0
    for i, entry in enumerate(index):
        if entry is None:
            sizes.append(1)
            continue
        if isinstance(entry, slice):
            sizes.append(_length(entry, shape[axis]))
        else:
            advanced.append(i)
            places.append(len(sizes))
        axis += 1
    if not arrays:
        return sizes, (), None
    together = advanced[-1] - advanced[0] == len(advanced) - 1
    return sizes, broadcast_shapes(*arrays), places[0] if together else 0


def picked_shape(shape: Shape, index: Sequence[Any], arrays: Sequence[Shape]) -> Shape:
    """Return the shape of what an index picks; `arrays` are the shapes of its arrays."""
    sizes, brought, place = layout(shape, index, arrays)
    at = place or 0
    return (*sizes[:at], *brought, *sizes[at:])


def filled(index: Sequence[Any], arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Return the index that NumPy takes."""
    remaining = iter(arrays)
    return tuple(next(remaining) if isinstance(entry, str) else entry for entry in index)


def check_values(values: Shape, shape: Shape, index: Sequence[Any], arrays: Sequence[Any]) -> None:
    """Refuse values that do not broadcast to the places of an array of `shape` at which an index points.

    Raises
    ------
    ShapeError
        Where they do not.
    """
    picked = picked_shape(shape, index, [tuple(a.shape) for a in arrays])
    try:
        fits = broadcast_shapes(values, picked) == picked
    except ShapeError:
        fits = False
    if not fits:
        raise ShapeError(
            f"the index points at shape {picked} of an array of shape {shape}, but the values have shape {values}, "
            "which does not broadcast to it"
        )


def check_labels(index: Sequence[Any], arrays: Sequence[Any]) -> None:
    """Refuse labels below 0, which would count from the end.

    Raises
    ------
    IndexingError
        Where there is one.
    """
    remaining = iter(arrays)
    for entry in index:
        if isinstance(entry, str):
            array = next(remaining)
            if entry == LABEL and np.size(array) and np.min(array) < 0:
                raise IndexingError(f"labels count from 0, but one is {np.min(array)}")


# --- in a batch ----------------------------------------------------------------------------------------------------


def rows_first(arrays: Sequence[Any], batched: Sequence[bool], F: Any) -> list[Any]:
    """Give every index array that has rows the axes of size 1 that keep the rows first when they broadcast."""
    rank = max((len(a.shape) - b for a, b in zip(arrays, batched, strict=True)), default=0)
    return [
        F.reshape(a, (a.shape[0], *(1,) * (rank + 1 - len(a.shape)), *a.shape[1:])) if b else a
        for a, b in zip(arrays, batched, strict=True)
    ]


def moved(F: Any, x: Any, source: int, count: int, destination: int) -> Any:
    """Move `count` axes from `source` on so that they begin at `destination`."""
    order = [a for a in range(len(x.shape)) if not source <= a < source + count]
    order[destination:destination] = range(source, source + count)
    return F.permute_dims(x, order)


def row_numbers(F: Any, rows: int | Dim, arrays: Sequence[Any], batched: Sequence[bool]) -> Any:
    """Return the numbers of the rows, to go beside arrays of which some differ from row to row."""
    rank = max(len(a.shape) - b for a, b in zip(arrays, batched, strict=True))
    return F.reshape(F.arange(rows), (rows, *(1,) * rank))


def in_rows(
    F: Any,
    values: Any,
    with_rows: bool,
    shape: Shape,
    index: Sequence[Any],
    arrays: Sequence[Any],
    own: Sequence[bool],
) -> tuple[int | Dim, Any, tuple[Any, ...]]:
    """Return the rows, and the values and the index that write each row's values into an array (rows, \\*shape).

    Parameters
    ----------
    values, with_rows
        What is written at the index, and whether every row has its own.
    shape, index
        The shape of one row's array and its index in normal form.
    arrays, own
        The arrays of the index, and which of them differ from row to row.
    """
    rows = values.shape[0] if with_rows else next(a.shape[0] for a, b in zip(arrays, own, strict=True) if b)
    shapes = [tuple(a.shape[1:] if b else a.shape) for a, b in zip(arrays, own, strict=True)]
    _sizes, brought, place = layout(shape, index, shapes)
    picked = picked_shape(shape, index, shapes)
    one = tuple(values.shape[1:] if with_rows else values.shape)
    aligned = (rows if with_rows else 1, *(1,) * (len(picked) - len(one)), *one)
    values = F.broadcast_to(F.reshape(values, aligned), (rows, *picked))
    if not any(own):
        parted = layout((rows, *shape), (WHOLE, *index), shapes)[2] == 0
        values = moved(F, values, 0, 1, len(brought)) if parted else values
        return rows, values, (WHOLE, *filled(index, arrays))
    assert place is not None
    values = moved(F, values, 1 + place, len(brought), 1)
    numbers = row_numbers(F, rows, arrays, own)
    return rows, values, (numbers, *filled(index, rows_first(arrays, own, F)))
