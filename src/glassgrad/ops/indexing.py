"""Picking elements and putting them back: indexing and its transpose.

One pair of operations does all of it. `getitem` reads where an index points; `index_add` adds into zeros at the same
places, so that what was read twice gets both gradients. The index is static but for whole-number arrays, which are
inputs, so that labels can be traced. `take`, `take_along_axis` and the loss of labels are written in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import IndexingError, ShapeError
from glassgrad.ir import Shape
from glassgrad.ops.families import linear
from glassgrad.ops.namespace import function
from glassgrad.ops.places import (
    ARRAY,
    LABEL,
    WHOLE,
    check_labels,
    check_values,
    filled,
    in_rows,
    layout,
    moved,
    parse,
    picked_shape,
    row_numbers,
    rows_first,
    scalar_mask,
)
from glassgrad.ops.record import Op, Sample, Text
from glassgrad.ops.rules import sum_to
from glassgrad.ops.shapes import normalise_axis

__all__ = ["PICKS", "infer_index_add", "pick_labels"]


# --- getitem, index_add --------------------------------------------------------------------------------------------


def _call_getitem(F: Any, x: Any, index: Any) -> Any:
    if type(index) is int:
        return F.bind(getitem, (x,), {"index": parse(x.shape, index)[0]})
    mask = scalar_mask(index)
    if mask is not None:
        return F.getitem(F.expand_dims(x, 0), mask)
    template, arrays = parse(tuple(x.shape), index)
    return F.bind(getitem, (x, *arrays), {"index": template})


def _getitem(x: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    if not arrays:
        return x[index]
    check_labels(index, arrays)
    try:
        return x[filled(index, arrays)]
    except IndexError as error:
        raise IndexingError(f"getitem: {error}; the array has shape {tuple(x.shape)}") from None


def _call_index_add(F: Any, values: Any, index: Any, shape: Sequence[Any]) -> Any:
    template, arrays = parse(tuple(shape), index)
    return F.bind(index_add, (values, *arrays), {"index": template, "shape": tuple(shape)})


def _index_add(g: Any, *arrays: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, g.dtype)
    if not arrays:
        out[index] = g
        return out
    check_labels(index, arrays)
    try:
        np.add.at(out, filled(index, arrays), g)
    except IndexError as error:
        raise IndexingError(f"index_add: {error}; the array has shape {tuple(shape)}") from None
    return out


def infer_index_add(
    g: Any, *arrays: Any, index: tuple[Any, ...], shape: Shape
) -> tuple[Shape, np.dtype[Any]]:
    """Return the type of what is gathered at places of `shape`: the values' dtype.

    Raises
    ------
    ShapeError
        Where the values do not broadcast to what the index points at.
    """
    check_values(tuple(g.shape), shape, index, arrays)
    return shape, g.dtype


def _batch_getitem(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    (x, *arrays), (x_rows, *own) = xs, batched
    index = attrs["index"]
    one = tuple(x.shape[1:] if x_rows else x.shape)
    shapes = [tuple(a.shape[1:] if b else a.shape) for a, b in zip(arrays, own, strict=True)]
    _sizes, brought, place = layout(one, index, shapes)
    if not any(own):
        out = F.getitem(x, (WHOLE, *filled(index, arrays)))
        split = layout(tuple(x.shape), (WHOLE, *index), shapes)[2] == 0
        return moved(F, out, len(brought), 1, 0) if split else out
    aligned = rows_first(arrays, own, F)
    if not x_rows:
        out = F.getitem(x, filled(index, aligned))
        return moved(F, out, place or 0, 1, 0)
    numbers = row_numbers(F, x.shape[0], arrays, own)
    out = F.getitem(x, (numbers, *filled(index, aligned)))
    assert place is not None
    return moved(F, out, 1, len(brought), 1 + place)


def _batch_index_add(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    g, *arrays = xs
    shape = attrs["shape"]
    rows, g, index = in_rows(F, g, batched[0], shape, attrs["index"], arrays, batched[1:])
    return F.index_add(g, index, (rows, *shape))


_ROWS = np.array([0, 2, 0])
_COLUMNS = np.array([1, 1, 3])
PICKS: tuple[Any, ...] = (
    (slice(None), 1),
    (slice(None, None, -1), None, slice(1, 3)),
    (Ellipsis, -1),
    _ROWS,
    (_ROWS, _COLUMNS),
    (slice(1, 3), _COLUMNS),
    np.array([[0, 1], [2, 2]]),
)
"""Indices into an array of shape (3, 4), for the samples of what reads and writes at them."""

getitem: Op = linear(
    "getitem",
    _getitem,
    call=_call_getitem,
    infer=lambda x, *arrays, index: (
        picked_shape(tuple(x.shape), index, [tuple(a.shape) for a in arrays]),
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
    samples=tuple(Sample(((3, 4),), {"index": index}) for index in PICKS),
    view=True,
)

index_add: Op = linear(
    "index_add",
    _index_add,
    call=_call_index_add,
    infer=infer_index_add,
    transpose=lambda F, h, g, *arrays, index, shape: sum_to(
        F, F.bind(getitem, (h, *arrays), {"index": index}), tuple(g.shape)
    ),
    batch=_batch_index_add,
    latex=r"\sum_{{i}} {0} e_i",
    derivative="read at the same places",
    why=Text(
        "each value is added at its place, so it gets the gradient of that place",
        "각 값은 자기 자리에 더해지므로 그 자리의 기울기를 받는다",
    ),
    samples=tuple(
        Sample((tuple(np.empty((3, 4))[index].shape),), {"index": index, "shape": (3, 4)}) for index in PICKS
    ),
)


# --- written in them -----------------------------------------------------------------------------------------------


@function
def take(F: Any, x: Any, indices: Any, /, axis: int | None = None) -> Any:
    """Pick the elements at `indices` along `axis`.

    Parameters
    ----------
    x
        The array.
    indices
        Whole numbers of any shape, which takes the place of the axis; negative ones count from the end.
    axis
        The axis; None takes from the flattened array.

    Returns
    -------
    Tensor
        Of the dtype of `x`. What is picked twice gets both gradients.

    Raises
    ------
    IndexingError
        Where a number is outside the axis.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.take(gg.tensor([1.0, 2.0, 3.0]), gg.tensor([2, 0]))
    Tensor([3., 1.])
    """
    if axis is None:
        x, axis = F.reshape(x, (-1,)), 0
    return F.getitem(x, (WHOLE,) * normalise_axis(axis, len(x.shape)) + (indices,))


@function
def take_along_axis(F: Any, x: Any, indices: Any, /, axis: int = -1) -> Any:
    """Pick along `axis`, at each place of the other axes, the elements that `indices` names there.

    Parameters
    ----------
    x
        The array.
    indices
        Whole numbers, with as many axes as `x`; the other axes broadcast with those of `x`.
    axis
        The axis that is picked from.

    Returns
    -------
    Tensor
        Of the dtype of `x` and, along `axis`, of the size of `indices`.

    Raises
    ------
    ShapeError
        Where the numbers of axes differ, or the other axes do not broadcast.

    Examples
    --------
    >>> import glassgrad as gg
    >>> x = gg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> gg.take_along_axis(x, gg.tensor([[1], [0]]))
    Tensor([[2.],
            [3.]])
    """
    indices = F.value(np.asarray(indices)) if isinstance(indices, (list, tuple)) else indices
    rank = len(x.shape)
    if len(indices.shape) != rank:
        raise ShapeError(
            f"take_along_axis needs indices with as many axes as the array: got {tuple(indices.shape)} for "
            f"{tuple(x.shape)}"
        )
    at = normalise_axis(axis, rank)
    wide = tuple(
        n if a != at and d == 1 else d for a, (d, n) in enumerate(zip(x.shape, indices.shape, strict=True))
    )
    index = tuple(
        indices if a == at else F.reshape(F.arange(d), (1,) * a + (-1,) + (1,) * (rank - a - 1))
        for a, d in enumerate(wide)
    )
    return F.getitem(F.broadcast_to(x, wide), index)


def pick_labels(F: Any, x: Any, labels: Any) -> Any:
    """Pick along the last axis, at each place of the others, the element that the label there names."""
    shape = tuple(x.shape)
    rank = len(shape)
    places = [
        F.reshape(F.arange(d), (1,) * a + (-1,) + (1,) * (rank - a - 2)) for a, d in enumerate(shape[:-1])
    ]
    return F.bind(getitem, (x, *places, labels), {"index": (ARRAY,) * (rank - 1) + (LABEL,)})
