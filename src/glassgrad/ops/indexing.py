"""Picking elements and putting them back: indexing and its transpose.

One pair of operations does all of it. `getitem` reads where an index points; `index_add` adds into zeros at the same
places, so that what was read twice gets both gradients. The index is static but for whole-number arrays, which are
inputs, so that labels can be traced. `take`, `take_along_axis` and the loss of labels are written in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError, TraceError
from glassgrad.ir import Dim, Shape, broadcast_shapes
from glassgrad.ops.families import linear
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Op, Sample, Text
from glassgrad.ops.shapes import normalise_axis

__all__ = ["ARRAY", "LABEL", "layout", "pick_labels"]

ARRAY = "array"
"""Stands in an index for the next of the whole-number arrays among the inputs."""

LABEL = "label"
"""The same for an array of labels, of which a negative one does not count from the end but is an error."""

_WHOLE = slice(None)


# --- the index in normal form --------------------------------------------------------------------------------------


def _parse(shape: Shape, index: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """Return the index with an entry for each axis, and the arrays in it."""
    entries = list(index) if isinstance(index, tuple) else [index]
    entries = [part for entry in entries for part in _opened(entry)]
    used = sum(entry is not None and entry is not Ellipsis for entry in entries)
    if used > len(shape):
        raise ShapeError(f"an index for {used} axes is too long for an array of shape {shape}")
    dots = [i for i, entry in enumerate(entries) if entry is Ellipsis]
    if len(dots) > 1:
        raise ShapeError("an index can hold '...' once")
    at = dots[0] if dots else len(entries)
    entries[at : at + len(dots)] = [_WHOLE] * (len(shape) - used)
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
                if size != shape[axis]:
                    raise ShapeError(
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
        raise ShapeError("True and False are no indices; write np.newaxis (None) for a new axis")
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
        try:
            return list(zip(np.nonzero(np.asarray(entry)), entry.shape, strict=True))
        except TraceError:
            raise TraceError(
                "a traced mask cannot index, because the shape of the result would depend on its values: "
                "use gg.where(mask, x, 0) instead"
            ) from None
    if entry.dtype.kind not in "iu":
        raise DTypeError(
            f"an array that indexes holds whole numbers or truth values, but this one is {entry.dtype}"
        )
    return [entry]


def _position(i: int, size: int | Dim, axis: int) -> int:
    if isinstance(size, Dim):
        return i
    if not -size <= i < size:
        raise ShapeError(f"index {i} is out of range for axis {axis} of size {size}")
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


def _picked_shape(shape: Shape, index: Sequence[Any], arrays: Sequence[Shape]) -> Shape:
    sizes, brought, place = layout(shape, index, arrays)
    at = place or 0
    return (*sizes[:at], *brought, *sizes[at:])


def _filled(index: Sequence[Any], arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Return the index that NumPy takes."""
    remaining = iter(arrays)
    return tuple(next(remaining) if isinstance(entry, str) else entry for entry in index)


# --- getitem, index_add --------------------------------------------------------------------------------------------


def _call_getitem(F: Any, x: Any, index: Any) -> Any:
    template, arrays = _parse(tuple(x.shape), index)
    if (
        not arrays
        and all(
            entry == slice(0, size, 1) or entry == slice(None, None, 1)
            for entry, size in zip(template, x.shape, strict=False)
        )
        and len(template) == len(x.shape)
    ):
        return F.identity(x)
    return F.bind(getitem, (x, *arrays), {"index": template})


def _getitem(x: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    try:
        return x[_filled(index, arrays)]
    except IndexError as error:
        raise ShapeError(f"getitem: {error}; the array has shape {tuple(x.shape)}") from None


def _call_index_add(F: Any, values: Any, index: Any, shape: Sequence[Any]) -> Any:
    template, arrays = _parse(tuple(shape), index)
    return F.bind(index_add, (values, *arrays), {"index": template, "shape": tuple(shape)})


def _index_add(g: Any, *arrays: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, g.dtype)
    if not arrays:
        out[index] = g
        return out
    try:
        np.add.at(out, _filled(index, arrays), g)
    except IndexError as error:
        raise ShapeError(f"index_add: {error}; the array has shape {tuple(shape)}") from None
    return out


def _infer_index_add(
    g: Any, *arrays: Any, index: tuple[Any, ...], shape: Shape
) -> tuple[Shape, np.dtype[Any]]:
    picked = _picked_shape(shape, index, [tuple(a.shape) for a in arrays])
    if broadcast_shapes(tuple(g.shape), picked) != picked:
        raise ShapeError(
            f"index_add: the index points at shape {picked}, but the values have shape {tuple(g.shape)}"
        )
    return shape, g.dtype


def _rows_first(arrays: Sequence[Any], batched: Sequence[bool], F: Any) -> list[Any]:
    """Give every index array that has rows the axes of size 1 that keep the rows first when they broadcast."""
    rank = max((len(a.shape) - b for a, b in zip(arrays, batched, strict=True)), default=0)
    return [
        F.reshape(a, (a.shape[0], *(1,) * (rank + 1 - len(a.shape)), *a.shape[1:])) if b else a
        for a, b in zip(arrays, batched, strict=True)
    ]


def _moved(F: Any, x: Any, source: int, count: int, destination: int) -> Any:
    """Move `count` axes from `source` on so that they begin at `destination`."""
    order = [a for a in range(len(x.shape)) if not source <= a < source + count]
    order[destination:destination] = range(source, source + count)
    return F.permute_dims(x, order)


def _row_numbers(F: Any, rows: int | Dim, arrays: Sequence[Any], batched: Sequence[bool]) -> Any:
    rank = max(len(a.shape) - b for a, b in zip(arrays, batched, strict=True))
    return F.reshape(F.arange(rows), (rows, *(1,) * rank))


def _batch_getitem(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    (x, *arrays), (x_rows, *own) = xs, batched
    index = attrs["index"]
    one = tuple(x.shape[1:] if x_rows else x.shape)
    shapes = [tuple(a.shape[1:] if b else a.shape) for a, b in zip(arrays, own, strict=True)]
    _sizes, brought, place = layout(one, index, shapes)
    if not any(own):
        out = F.getitem(x, (_WHOLE, *_filled(index, arrays)))
        split = layout(tuple(x.shape), (_WHOLE, *index), shapes)[2] == 0
        return _moved(F, out, len(brought), 1, 0) if split else out
    aligned = _rows_first(arrays, own, F)
    if not x_rows:
        out = F.getitem(x, _filled(index, aligned))
        return _moved(F, out, place or 0, 1, 0)
    numbers = _row_numbers(F, x.shape[0], arrays, own)
    out = F.getitem(x, (numbers, *_filled(index, aligned)))
    assert place is not None
    return _moved(F, out, 1, len(brought), 1 + place)


def _batch_index_add(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    (g, *arrays), (g_rows, *own) = xs, batched
    index, shape = attrs["index"], attrs["shape"]
    rows = next(x.shape[0] for x, b in zip(xs, batched, strict=True) if b)
    shapes = [tuple(a.shape[1:] if b else a.shape) for a, b in zip(arrays, own, strict=True)]
    _sizes, brought, place = layout(shape, index, shapes)
    picked = _picked_shape(shape, index, shapes)
    g = F.broadcast_to(g if g_rows else F.expand_dims(g, 0), (rows, *picked))
    if not any(own):
        split = layout((rows, *shape), (_WHOLE, *index), shapes)[2] == 0
        g = _moved(F, g, 0, 1, len(brought)) if split else g
        return F.index_add(g, (_WHOLE, *_filled(index, arrays)), (rows, *shape))
    numbers = _row_numbers(F, rows, arrays, own)
    assert place is not None
    g = _moved(F, g, 1 + place, len(brought), 1)
    return F.index_add(g, (numbers, *_filled(index, _rows_first(arrays, own, F))), (rows, *shape))


_ROWS = np.array([0, 2, 0])
_COLUMNS = np.array([1, 1, 3])
_PICKS: tuple[Any, ...] = (
    (slice(None), 1),
    (slice(None, None, -1), None, slice(1, 3)),
    (Ellipsis, -1),
    _ROWS,
    (_ROWS, _COLUMNS),
    (slice(1, 3), _COLUMNS),
    np.array([[0, 1], [2, 2]]),
)

getitem: Op = linear(
    "getitem",
    _getitem,
    call=_call_getitem,
    infer=lambda x, *arrays, index: (
        _picked_shape(tuple(x.shape), index, [tuple(a.shape) for a in arrays]),
        x.dtype,
    ),
    transpose=lambda F, g, x, *arrays, index: F.bind(
        index_add, (g, *arrays), {"index": index, "shape": tuple(x.shape)}
    ),
    batch=_batch_getitem,
    latex=r"{0}_{{i}}",
    derivative=r"1 \text{ where the index points}",
    why=Text(
        "what was picked gets its gradient back in its place, what was picked twice gets both, and the rest gets 0",
        "골라낸 원소는 제자리에서 기울기를 돌려받고, 두 번 골라낸 원소는 둘을 더해 받으며, 나머지는 0을 받는다",
    ),
    samples=tuple(Sample(((3, 4),), {"index": index}) for index in _PICKS),
    view=True,
)

index_add: Op = linear(
    "index_add",
    _index_add,
    call=_call_index_add,
    infer=_infer_index_add,
    transpose=lambda F, h, g, *arrays, index, shape: F.bind(getitem, (h, *arrays), {"index": index}),
    batch=_batch_index_add,
    latex=r"\sum_{{i}} {0} e_i",
    derivative="read at the same places",
    why=Text(
        "each value is added at its place, so it gets the gradient of that place",
        "각 값은 자기 자리에 더해지므로 그 자리의 기울기를 받는다",
    ),
    samples=tuple(
        Sample((tuple(np.empty((3, 4))[index].shape),), {"index": index, "shape": (3, 4)}) for index in _PICKS
    ),
)


# --- written in them -----------------------------------------------------------------------------------------------


@function
def take(F: Any, x: Any, indices: Any, axis: int | None = None) -> Any:
    """Pick the elements at `indices` along `axis` (of the flattened array where it is None)."""
    if axis is None:
        x, axis = F.reshape(x, (-1,)), 0
    return F.getitem(x, (_WHOLE,) * normalise_axis(axis, len(x.shape)) + (indices,))


@function
def take_along_axis(F: Any, x: Any, indices: Any, axis: int = -1) -> Any:
    """Pick along `axis` the elements that `indices` names at each place of the other axes."""
    rank = len(x.shape)
    if len(indices.shape) != rank:
        raise ShapeError(
            f"take_along_axis needs indices with as many axes as the array: got {tuple(indices.shape)} for "
            f"{tuple(x.shape)}"
        )
    at = normalise_axis(axis, rank)
    index = tuple(
        indices if a == at else F.reshape(F.arange(x.shape[a]), (1,) * a + (-1,) + (1,) * (rank - a - 1))
        for a in range(rank)
    )
    return F.getitem(x, index)


def pick_labels(F: Any, x: Any, labels: Any) -> Any:
    """Pick along the last axis, at each place of the others, the element that the label there names."""
    shape = tuple(x.shape)
    rank = len(shape)
    places = [
        F.reshape(F.arange(d), (1,) * a + (-1,) + (1,) * (rank - a - 2)) for a, d in enumerate(shape[:-1])
    ]
    return F.bind(getitem, (x, *places, labels), {"index": (ARRAY,) * (rank - 1) + (LABEL,)})
