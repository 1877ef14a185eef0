"""Sorting and searching: order, ranks and places.

A sorted array is the same numbers in other places, so its gradient goes back to those places. What says which place
(`argsort`, `searchsorted`) is a whole number and has no gradient; elements picked with it have theirs. NaN counts as
the largest of all numbers, as in NumPy: it comes last, or first in descending order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError, TraceError, did_you_mean
from glassgrad.ir import Shape
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Kink, Op, Sample, Text, lookup, register
from glassgrad.ops.rules import map_rows
from glassgrad.ops.shapes import normalise_axis

__all__ = ["TopK", "known"]

_SAMPLES = (
    Sample(((5,),)),
    Sample(((2, 4),), {"axis": 1, "descending": True}),
    Sample(((4, 2),), {"axis": 0}),
    Sample(((2, 3),), {"stable": False}),
)


def known(what: str, values: Any) -> np.ndarray[Any, Any]:
    """Return whole numbers or truth values that the size of a result hangs on.

    Raises
    ------
    TraceError
        Where they are being traced: the graph would not know its shapes.
    """
    try:
        return np.asarray(values)
    except TraceError:
        raise TraceError(
            f"{what} cannot be traced: the shape of its result would depend on the values, which are not known yet. "
            "Call it outside the traced function, or keep the shape: gg.where(mask, x, 0) in place of picked "
            "elements, xp.sort or xp.argsort in place of unique ones"
        ) from None


# --- sort, argsort -------------------------------------------------------------------------------------------------


def _call_along(name: str) -> Any:
    def call(F: Any, x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
        if not x.shape:
            raise ShapeError(f"{name} goes along an axis, but was given a single number")
        at = normalise_axis(axis, len(x.shape))
        settings = {"axis": at, "descending": bool(descending), "stable": bool(stable)}
        return F.bind(lookup(name), (x,), settings)

    return call


def _batch_along(name: str) -> Any:
    def batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
        return F.bind(lookup(name), xs, {**attrs, "axis": attrs["axis"] + 1})

    return batch


def _sort(x: Any, *, axis: int, descending: bool, stable: bool) -> Any:
    """Sort; in descending order the reverse of the reversed, so that equal elements keep their order."""
    if not descending:
        return np.sort(x, axis=axis, stable=stable)
    return np.ascontiguousarray(np.flip(np.sort(np.flip(x, axis), axis=axis, stable=stable), axis))


def _argsort(x: Any, *, axis: int, descending: bool, stable: bool) -> Any:
    if not descending:
        return np.argsort(x, axis=axis, stable=stable)
    return x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, stable=stable), axis)


def _order(F: Any, x: Any, attrs: Mapping[str, Any]) -> Any:
    return F.argsort(x, axis=attrs["axis"], descending=attrs["descending"])


def _pull_sort(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    ranks = F.argsort(_order(F, xs[0], attrs), axis=attrs["axis"])
    return [F.take_along_axis(g, ranks, axis=attrs["axis"])]


sort: Op = register(
    Op(
        name="sort",
        call=_call_along("sort"),
        infer=lambda x, **_: (tuple(x.shape), x.dtype),
        numpy=_sort,
        pull=_pull_sort,
        push=lambda F, tangents, z, xs, attrs, _: F.take_along_axis(
            tangents[0], _order(F, xs[0], attrs), axis=attrs["axis"]
        ),
        batch=_batch_along("sort"),
        latex=r"\operatorname{{sort}}({0})",
        derivative=r"1 \text{ at the place it came from}",
        why=Text(
            "sorting moves numbers to other places, so each gradient moves back to where its number was",
            "정렬은 숫자의 자리를 옮길 뿐이므로 각 기울기는 그 숫자가 있던 자리로 되돌아간다",
        ),
        kinks=(Kink("a tie", "the elements' own order, as in a stable sort"),),
        samples=_SAMPLES,
    )
)

argsort: Op = register(
    Op(
        name="argsort",
        call=_call_along("argsort"),
        infer=lambda x, **_: (tuple(x.shape), np.dtype(np.int64)),
        numpy=_argsort,
        pull=None,
        push=None,
        batch=_batch_along("argsort"),
        latex=r"\operatorname{{argsort}}({0})",
        derivative="0",
        why=Text(
            "a place is a whole number that jumps when two elements overtake each other, so nothing flows back",
            "자리는 두 원소의 순서가 바뀔 때 뛰는 정수이므로 기울기가 흐르지 않는다",
        ),
        samples=_SAMPLES,
    )
)


class TopK(NamedTuple):
    """The largest (or smallest) elements, the first of them first, and where they were."""

    values: Any
    indices: Any


@function
def topk(F: Any, x: Any, /, k: int, *, axis: int = -1, largest: bool = True) -> TopK:
    """Return the `k` largest (or smallest) elements along `axis`, in order, and their indices.

    Parameters
    ----------
    k
        How many; at most the size of the axis.
    largest
        Whether the largest are wanted. Of equal elements the earlier comes first; NaN counts as the largest.

    Returns
    -------
    TopK
        ``values``, of which each element's gradient goes back to where it was, and ``indices`` (int64).

    Raises
    ------
    ShapeError
        Where the axis has fewer than `k` elements.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.topk([3.0, 1.0, 2.0], 2)
    TopK(values=Tensor([3., 2.]), indices=Tensor([0, 2]))
    """
    order = F.argsort(x, axis=axis, descending=largest)
    at = normalise_axis(axis, len(x.shape))
    size = x.shape[at]
    if k < 0 or (isinstance(size, int) and k > size):
        raise ShapeError(
            f"topk takes 0 to {size} elements along axis {at} of shape {tuple(x.shape)}, not {k}"
        )
    indices = F.getitem(order, (*(slice(None),) * at, slice(0, k)))
    return TopK(F.take_along_axis(x, indices, axis=at), indices)


# --- searchsorted, nonzero -----------------------------------------------------------------------------------------


def _call_searchsorted(F: Any, x1: Any, x2: Any, /, *, side: str = "left", sorter: Any | None = None) -> Any:
    if side not in ("left", "right"):
        raise OptionError(f"searchsorted has no side {side!r}. {did_you_mean(side, ('left', 'right'))}")
    inputs = (x1, x2) if sorter is None else (x1, x2, sorter)
    return F.bind(searchsorted, inputs, {"side": side})


def _infer_searchsorted(x1: Any, x2: Any, *sorter: Any, side: str) -> tuple[Shape, np.dtype[Any]]:
    if len(x1.shape) != 1:
        raise ShapeError(f"searchsorted looks in one sorted axis, but the array has shape {tuple(x1.shape)}")
    if sorter and tuple(sorter[0].shape) != tuple(x1.shape):
        raise ShapeError(
            f"searchsorted: the sorter has shape {tuple(sorter[0].shape)}, the array {tuple(x1.shape)}; it is what "
            "argsort returns for it"
        )
    if sorter and sorter[0].dtype.kind not in "iu":
        raise DTypeError(f"searchsorted: the sorter holds places, whole numbers, but is {sorter[0].dtype}")
    return tuple(x2.shape), np.dtype(np.int64)


def _searchsorted(x1: Any, x2: Any, sorter: Any = None, *, side: Any) -> Any:
    return np.asarray(np.searchsorted(x1, x2, side, sorter), np.int64)


def _batch_searchsorted(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], subgraphs: Any
) -> Any:
    if any(b for i, b in enumerate(batched) if i != 1):
        return map_rows(lambda: searchsorted)(F, xs, batched, attrs, subgraphs)
    return F.bind(searchsorted, xs, attrs)


searchsorted: Op = register(
    Op(
        name="searchsorted",
        call=_call_searchsorted,
        infer=_infer_searchsorted,
        numpy=_searchsorted,
        pull=None,
        push=None,
        batch=_batch_searchsorted,
        latex=r"|\{{i : {0}_i < {1}\}}|",
        derivative="0",
        why=Text(
            "a place is a whole number that jumps when a value passes an element, so nothing flows back",
            "자리는 값이 원소를 지날 때 뛰는 정수이므로 기울기가 흐르지 않는다",
        ),
        samples=(
            Sample((np.array([1.0, 2.0, 2.0, 5.0]), np.array([[0.0, 2.0], [5.0, 7.0]]))),
            Sample((np.array([1.0, 2.0, 2.0, 5.0]), np.array([2.0, 3.0])), {"side": "right"}),
        ),
    )
)


@function
def nonzero(F: Any, x: Any, /) -> tuple[Any, ...]:
    """Return the indices of the elements that are not 0, an array for each axis, in row-major order.

    Raises
    ------
    ShapeError
        Where `x` is a single number, which has no axes.
    TraceError
        While traced: how many there are depends on the values.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.nonzero([[0, 7], [8, 0]])
    (Tensor([0, 1]), Tensor([1, 0]))
    """
    if not x.shape:
        raise ShapeError("nonzero names places along axes, but was given a single number")
    places = known("nonzero", F.not_equal(x, 0))
    return tuple(F.value(i.astype(np.int64)) for i in np.nonzero(places))
