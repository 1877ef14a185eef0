"""Segments: rows that belong together are added up, averaged or compared, in whatever order they come.

The sum is `index_add` at the rows' labels. For the largest and the smallest there is an operation of their own, which
keeps of the values that go to one place the extreme one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, IndexingError, ShapeError, TraceError
from glassgrad.ir import Dim, Shape
from glassgrad.ops.indexing import infer_index_add
from glassgrad.ops.namespace import function
from glassgrad.ops.places import LABEL, check_labels, filled, in_rows, parse
from glassgrad.ops.record import Kink, Op, Sample, Text, lookup, register
from glassgrad.ops.rules import cast, floating, sum_to

# --- the largest and the smallest at a place -----------------------------------------------------------------------


def _start(ufunc: np.ufunc, dtype: np.dtype[Any]) -> Any:
    """Return what a place holds before any value has come: less (more) than all of them."""
    if dtype.kind == "c":
        raise DTypeError("complex numbers have no order: compare their real parts or absolute values")
    largest = ufunc is np.minimum
    if dtype.kind == "f":
        return np.inf if largest else -np.inf
    if dtype.kind == "b":
        return largest
    return np.iinfo(dtype).max if largest else np.iinfo(dtype).min


def _extreme(name: str, ufunc: np.ufunc, word: str, why: Text) -> Op:
    """Register what keeps at each place the largest (smallest) of the values that an index puts there."""

    def call(F: Any, values: Any, index: Any, shape: Sequence[Any]) -> Any:
        template, arrays = parse(tuple(shape), index)
        return F.bind(op, (values, *arrays), {"index": template, "shape": tuple(shape)})

    def infer(values: Any, *arrays: Any, index: Any, shape: Shape) -> tuple[Shape, np.dtype[Any]]:
        _start(ufunc, values.dtype)
        return infer_index_add(values, *arrays, index=index, shape=shape)

    def numpy(values: Any, *arrays: Any, index: Any, shape: tuple[int, ...]) -> Any:
        out = np.full(shape, _start(ufunc, values.dtype), values.dtype)
        check_labels(index, arrays)
        try:
            ufunc.at(out, filled(index, arrays), values)
        except IndexError as error:
            raise IndexingError(f"{name}: {error}; the array has shape {shape}") from None
        return out

    def reached(F: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return which values reach the extreme of their place, and how many do at each place (1 where none)."""
        values, *arrays = xs
        reach = F.equal(values, _read(F, z, arrays, attrs))
        count = F.bind(lookup("index_add"), (F.astype(reach, z.dtype), *arrays), attrs)
        return reach, F.maximum(count, 1)

    def pull(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Any, _: Any) -> list[Any]:
        values, *arrays = xs
        reach, count = reached(F, z, xs, attrs)
        share = F.where(reach, _read(F, F.divide(g, count), arrays, attrs), 0.0)
        return [sum_to(F, share, tuple(values.shape)), *[None] * len(arrays)]

    def push(F: Any, tangents: Any, z: Any, xs: Any, attrs: Any, _: Any) -> Any:
        reach, count = reached(F, z, xs, attrs)
        moved = F.where(reach, tangents[0], 0.0)
        return F.divide(F.bind(lookup("index_add"), (moved, *xs[1:]), attrs), count)

    def batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
        values, *arrays = xs
        shape = attrs["shape"]
        rows, values, index = in_rows(F, values, batched[0], shape, attrs["index"], arrays, batched[1:])
        return call(F, values, index, (rows, *shape))

    op = register(
        Op(
            name=name,
            call=call,
            infer=infer,
            numpy=numpy,
            pull=pull,
            push=push,
            batch=batch,
            latex=rf"\{word}_{{{{i}}}} {{0}}",
            derivative=rf"1 \text{{ at the }} \arg\{word}",
            why=why,
            kinks=(Kink("a tie", "an even split among the tied values"),),
            samples=(
                Sample(((3,),), {"index": np.array([0, 1, 0]), "shape": (2,)}),
                Sample(((4, 2),), {"index": np.array([1, 2, 1, 0]), "shape": (3, 2)}),
                Sample(((2, 3),), {"index": (slice(None), np.array([1, 1, 0])), "shape": (2, 2)}),
            ),
            home="inside",
        )
    )
    return op


def _read(F: Any, z: Any, arrays: Sequence[Any], attrs: Mapping[str, Any]) -> Any:
    """Read at the places that were written."""
    return F.bind(lookup("getitem"), (z, *arrays), {"index": attrs["index"]})


_extreme(
    "index_max",
    np.maximum,
    "max",
    Text(
        "only the largest value at a place decides the result there, so it gets that place's gradient",
        "각 자리에서 가장 큰 값만 결과를 정하므로 그 값이 그 자리의 기울기를 받는다",
    ),
)
_extreme(
    "index_min",
    np.minimum,
    "min",
    Text(
        "only the smallest value at a place decides the result there, so it gets that place's gradient",
        "각 자리에서 가장 작은 값만 결과를 정하므로 그 값이 그 자리의 기울기를 받는다",
    ),
)


# --- segments ------------------------------------------------------------------------------------------------------


def _gathered(F: Any, name: str, op: str, x: Any, segments: Any, count: int | Dim | None) -> Any:
    """Apply an operation that gathers at places to rows, the places being their segments."""
    segments = (
        segments if hasattr(segments, "dtype") else np.asarray(segments, None if len(segments) else np.int64)
    )
    if segments.dtype.kind not in "iu":
        raise DTypeError(f"{name}: the numbers of segments are whole numbers, but these are {segments.dtype}")
    if len(segments.shape) != 1 or not x.shape or segments.shape[0] != x.shape[0]:
        raise ShapeError(
            f"{name}: each row has the number of its segment, but the array has shape {tuple(x.shape)} and the "
            f"numbers {tuple(segments.shape)}"
        )
    if count is None:
        try:
            labels = np.asarray(segments)
        except TraceError:
            raise TraceError(
                f"{name}: the numbers of segments are being traced, so how many segments there are is not known: "
                "give num_segments"
            ) from None
        count = int(labels.max()) + 1 if labels.size else 0
    shape = (count, *x.shape[1:])
    template, _ = parse(shape, segments)
    return F.bind(lookup(op), (x, segments), {"index": (LABEL, *template[1:]), "shape": shape})


@function
def segment_sum(F: Any, x: Any, segments: Any, num_segments: int | Dim | None = None) -> Any:
    """Add up the rows of each segment.

    Parameters
    ----------
    x
        An array whose first axis holds rows.
    segments
        For each row the number of its segment, from 0; in any order.
    num_segments
        How many segments there are; by default one more than the largest number, which must then be known.

    Returns
    -------
    Tensor
        Shape (segments, ...); the sum of an empty segment is 0. Each row gets the gradient of its segment.

    Raises
    ------
    ShapeError
        Where there is not one number for each row.
    IndexingError
        Where a number is outside the segments.
    TraceError
        Where `num_segments` is missing while the numbers are being traced.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.segment_sum(gg.tensor([1.0, 2.0, 4.0]), [0, 1, 0])
    Tensor([5., 2.])
    """
    return _gathered(F, "segment_sum", "index_add", x, segments, num_segments)


@function
def segment_mean(F: Any, x: Any, segments: Any, num_segments: int | Dim | None = None) -> Any:
    """Average the rows of each segment; the mean of an empty one is 0. Otherwise as `segment_sum`.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.segment_mean(gg.tensor([1.0, 2.0, 4.0]), [0, 1, 0])
    Tensor([2.5, 2. ])
    """
    total = _gathered(F, "segment_mean", "index_add", cast(F, x, floating(x.dtype)), segments, num_segments)
    count = total.shape[0]
    ones = F.ones((x.shape[0],), np.empty(0, total.dtype).real.dtype)
    rows = F.maximum(_gathered(F, "segment_mean", "index_add", ones, segments, count), 1)
    return F.divide(total, F.reshape(rows, (count, *(1,) * (len(x.shape) - 1))))


@function
def segment_max(F: Any, x: Any, segments: Any, num_segments: int | Dim | None = None) -> Any:
    """Take the largest element of each segment; −∞ (or the least whole number) where it is empty.

    Ties share the gradient evenly. Otherwise as `segment_sum`.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.segment_max(gg.tensor([1.0, 2.0, 4.0]), [0, 1, 0])
    Tensor([4., 2.])
    """
    return _gathered(F, "segment_max", "index_max", x, segments, num_segments)


@function
def segment_min(F: Any, x: Any, segments: Any, num_segments: int | Dim | None = None) -> Any:
    """Take the smallest element of each segment; +∞ (or the largest whole number) where it is empty.

    Ties share the gradient evenly. Otherwise as `segment_sum`.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.segment_min(gg.tensor([1.0, 2.0, 4.0]), [0, 1, 0])
    Tensor([1., 2.])
    """
    return _gathered(F, "segment_min", "index_min", x, segments, num_segments)
