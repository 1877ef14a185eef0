"""Putting values at places: writing them (`index_set`) and adding them up (`scatter_add`).

`index_set` is what ``x[index] = value`` means where nothing is changed in place: a new array, equal to `x` but for the
places the index points at. Where it points at a place more than once the last value stays, so that value alone has a
gradient; where values are *added* at a place, each of them has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, IndexingError
from glassgrad.ir import Shape
from glassgrad.ops.families import linear
from glassgrad.ops.indexing import PICKS
from glassgrad.ops.namespace import function
from glassgrad.ops.places import check_values, filled, in_rows, layout, parse, picked_shape, scalar_mask
from glassgrad.ops.record import Op, Sample, Text
from glassgrad.ops.rules import cast, sum_to

# --- index_put, index_set -------------------------------------------------------------------------------------------


def _call_index_put(F: Any, x: Any, value: Any, index: Any) -> Any:
    mask = scalar_mask(index)
    if mask is not None:
        return F.reshape(F.index_put(F.expand_dims(x, 0), value, mask), tuple(x.shape))
    template, arrays = parse(tuple(x.shape), index)
    value = _with_dtype(value, x.dtype)
    picked = picked_shape(tuple(x.shape), template, [tuple(a.shape) for a in arrays])
    extra = len(value.shape) - len(picked)
    if extra > 0 and all(d == 1 for d in value.shape[:extra]):
        value = F.reshape(value, tuple(value.shape[extra:]))
    return F.bind(index_put, (x, value, *arrays), {"index": template})


def _with_dtype(value: Any, beside: np.dtype[Any]) -> Any:
    """Return a number in the dtype of the array it goes into, where that can hold it; arrays have their own."""
    if hasattr(value, "dtype"):
        return value
    array = np.asarray(value)
    return array if array.shape else np.asarray(array, np.result_type(beside, array.item()))


def _check_fits(x: np.dtype[Any], value: np.dtype[Any]) -> None:
    if not np.can_cast(value, x, "same_kind"):
        raise DTypeError(
            f"index_set: values of dtype {value} do not fit into an array of dtype {x} without loss: "
            f"write value.astype('{x}'), or make the array {np.result_type(x, value)} first"
        )


def _infer_index_put(x: Any, value: Any, *arrays: Any, index: tuple[Any, ...]) -> tuple[Shape, np.dtype[Any]]:
    check_values(tuple(value.shape), tuple(x.shape), index, arrays)
    _check_fits(x.dtype, value.dtype)
    return tuple(x.shape), x.dtype


def _index_put(x: Any, value: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    _check_fits(x.dtype, value.dtype)
    out = np.array(x, order="C")
    try:
        # NumPy goes through arrays in the order of memory: row-major, the last of repeated places is the last written.
        out[filled(index, [np.asarray(a, order="C") for a in arrays])] = np.asarray(value, order="C")
    except IndexError as error:
        raise IndexingError(f"index_set: {error}; the array has shape {tuple(x.shape)}") from None
    return out


def _transpose_index_put(
    F: Any, g: Any, x: Any, value: Any, *arrays: Any, index: tuple[Any, ...]
) -> tuple[Any, Any]:
    rest = F.bind(index_put, (g, np.zeros((), g.dtype), *arrays), {"index": index})
    there = F.getitem(g, filled(index, arrays))
    shapes = [tuple(a.shape) for a in arrays]
    if math.prod(layout(tuple(x.shape), index, shapes)[1]) != 1:
        there = F.where(_stays(F, x, there, arrays, index), there, 0.0)
    return rest, cast(F, sum_to(F, there, tuple(value.shape)), value.dtype)


def _stays(F: Any, x: Any, there: Any, arrays: Sequence[Any], index: tuple[Any, ...]) -> Any:
    """Say which values stay: those whose number is found at their place after all numbers have been written."""
    picked = tuple(there.shape)
    numbers = F.reshape(F.arange(math.prod(picked)), picked)
    last = F.bind(index_put, (F.zeros(tuple(x.shape), np.int64), numbers, *arrays), {"index": index})
    return F.equal(F.getitem(last, filled(index, arrays)), numbers)


def _batch_index_put(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    x, value, *arrays = xs
    with_rows = batched[1] or not any(batched[2:])
    if with_rows and not batched[1]:
        value = F.broadcast_to(value, (x.shape[0], *value.shape))
    shape = tuple(x.shape[1:] if batched[0] else x.shape)
    rows, value, index = in_rows(F, value, with_rows, shape, attrs["index"], arrays, batched[2:])
    x = x if batched[0] else F.broadcast_to(x, (rows, *shape))
    return F.index_put(x, value, index)


index_put: Op = linear(
    "index_put",
    _index_put,
    call=_call_index_put,
    infer=_infer_index_put,
    transpose=_transpose_index_put,
    batch=_batch_index_put,
    latex=r"{0}_{{i}} \leftarrow {1}",
    derivative=r"0 \text{ for } x \text{ where the index points}, 1 \text{ for the value there}",
    why=Text(
        "what was overwritten no longer counts and gets 0, and the value that stays at a place gets its gradient",
        "덮어쓴 원소는 결과에 들어가지 않으므로 0을 받고, 그 자리에 남은 값이 그 자리의 기울기를 받는다",
    ),
    samples=(
        *(Sample(((3, 4), tuple(np.empty((3, 4))[index].shape)), {"index": index}) for index in PICKS),
        Sample(((3, 4), ()), {"index": np.array([0, 2, 0])}),
        Sample(((3, 4), (3, 1)), {"index": (slice(None), slice(1, 3))}, complex=(0, 1)),
        Sample(((3, 4), (2,)), {"index": (slice(None), np.array([1, 1]))}, complex=(0,)),
    ),
    inputs=2,
    home="inside",
)


@function
def index_set(F: Any, x: Any, index: Any, value: Any) -> Any:
    """Return `x` with `value` written where `index` points: what ``x[index] = value`` leaves.

    Parameters
    ----------
    x
        The array; it stays as it is.
    index
        What stands in the brackets of ``x[index]``: whole numbers, slices, ``...``, None, arrays of whole numbers, or
        a mask. Where it names a place twice, the last value stays.
    value
        What is written; broadcast to the shape of ``x[index]`` and brought into the dtype of `x`.

    Returns
    -------
    Tensor
        Of the shape and dtype of `x`.

    Raises
    ------
    ShapeError
        Where the index leaves the array, or the value does not broadcast to what it points at.
    DTypeError
        Where the dtype of `x` cannot hold the values, as whole numbers cannot hold fractions.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.index_set(gg.tensor([1.0, 2.0, 3.0]), slice(1, None), 0.0)
    Tensor([1., 0., 0.])
    """
    return F.index_put(x, value, index)


@function
def scatter_add(F: Any, x: Any, index: Any, value: Any) -> Any:
    """Return `x` with `value` added where `index` points; what goes to one place is added up there.

    Parameters
    ----------
    x
        The array; it stays as it is.
    index
        What stands in the brackets of ``x[index]``.
    value
        What is added; broadcast to the shape of ``x[index]``.

    Returns
    -------
    Tensor
        Of the shape of `x`, in the dtype that `x` and `value` have together.

    Raises
    ------
    ShapeError
        Where the index leaves the array, or the value does not broadcast to what it points at.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.scatter_add(gg.zeros(3), [0, 2, 0], [1.0, 2.0, 3.0])
    Tensor([4., 0., 2.])
    """
    return F.add(x, F.index_add(_with_dtype(value, x.dtype), index, tuple(x.shape)))
