"""Rearranging elements along the axes: rolling, repeating, tiling, padding."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError, TraceError, did_you_mean
from glassgrad.ops.families import linear
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Op, Sample, Text
from glassgrad.ops.shapes import normalise_axis

# --- roll ----------------------------------------------------------------------------------------------------------


def _call_roll(F: Any, x: Any, /, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Any:
    if axis is None:
        flat = F.roll(F.reshape(x, (-1,)), shift if isinstance(shift, int) else sum(shift), 0)
        return F.reshape(flat, tuple(x.shape))
    axes: list[Any] = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    shifts: list[Any] = list(shift) if isinstance(shift, (tuple, list)) else [shift] * len(axes)
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(
            f"roll: {len(shifts)} shifts for {len(axes)} axes; give one for each, or one for all"
        )
    places: dict[int, int] = {}
    for a, by in zip(axes, shifts, strict=True):
        at = normalise_axis(a, len(x.shape))
        places[at] = places.get(at, 0) + operator.index(by)
    return F.bind(roll, (x,), {"shift": tuple(places.values()), "axis": tuple(places)})


roll: Op = linear(
    "roll",
    lambda x, *, shift, axis: np.roll(x, shift, axis),
    call=_call_roll,
    infer=lambda x, *, shift, axis: (tuple(x.shape), x.dtype),
    transpose=lambda F, g, x, *, shift, axis: F.roll(g, tuple(-s for s in shift), axis),
    batch=lambda F, xs, b, attrs, _: F.roll(xs[0], attrs["shift"], tuple(a + 1 for a in attrs["axis"])),
    latex=r"\operatorname{{roll}}({0})",
    derivative="roll back",
    why=Text(
        "the elements move on in a ring, so the gradient moves back in it",
        "원소들이 고리를 따라 옮겨 가므로 기울기는 고리를 따라 되돌아온다",
    ),
    samples=(
        Sample(((2, 3),), {"shift": 1}),
        Sample(((2, 3),), {"shift": -4, "axis": 1}),
        Sample(((3, 4),), {"shift": (1, 2), "axis": (0, -1)}, complex=(0,)),
    ),
)


# --- repeat, tile --------------------------------------------------------------------------------------------------


@function
def repeat(F: Any, x: Any, repeats: Any, /, axis: int | None = None) -> Any:
    """Repeat each element in its place.

    Parameters
    ----------
    x
        The array.
    repeats
        How often: a whole number, or an array with one for each element along the axis.
    axis
        The axis along which elements stand; None takes the flattened array.

    Returns
    -------
    Tensor
        Of the dtype of `x`. An element gets the gradients of all its copies.

    Raises
    ------
    ShapeError
        Where there are more or fewer numbers than elements, or one is negative.
    TraceError
        Where an array of numbers is being traced: the shape of the result would depend on its values.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.repeat(gg.tensor([1.0, 2.0]), 2)
    Tensor([1., 1., 2., 2.])
    >>> gg.repeat(gg.tensor([1.0, 2.0]), [3, 1])
    Tensor([1., 1., 1., 2.])
    """
    if axis is None:
        x, axis = F.reshape(x, (-1,)), 0
    at = normalise_axis(axis, len(x.shape))
    front, size, back = x.shape[:at], x.shape[at], x.shape[at + 1 :]
    counts = _counts(repeats)
    if counts.size and counts.min() < 0:
        raise ShapeError(f"repeat: an element cannot be repeated {counts.min()} times")
    if counts.size == 1:
        times = int(counts.reshape(()))
        copies = F.broadcast_to(F.expand_dims(x, at + 1), (*front, size, times, *back))
        return F.identity(F.reshape(copies, (*front, size * times, *back)))
    if counts.shape != (size,):
        raise ShapeError(f"repeat: axis {at} has {size} elements, but there are numbers for {counts.shape}")
    return F.take(x, np.repeat(np.arange(size), counts), axis=at)


def _counts(repeats: Any) -> np.ndarray[Any, Any]:
    try:
        counts = np.asarray(repeats)
    except TraceError:
        raise TraceError(
            "repeat: the numbers of copies are being traced, but the shape of the result depends on them: give a "
            "whole number, or an array that is not an input of the traced function"
        ) from None
    if counts.dtype.kind not in "iu":
        raise DTypeError(f"repeat: numbers of copies are whole numbers, but these are {counts.dtype}")
    return counts


@function
def tile(F: Any, x: Any, repetitions: int | Sequence[int], /) -> Any:
    """Lay copies of the whole array side by side.

    Parameters
    ----------
    x
        The array.
    repetitions
        How many copies along each axis, the last axis last; missing ones are 1, and missing axes of `x` are added in
        front.

    Returns
    -------
    Tensor
        Of the dtype of `x`. An element gets the gradients of all its copies.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.tile(gg.tensor([1.0, 2.0]), (2, 2))
    Tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]])
    """
    given: list[Any] = list(repetitions) if isinstance(repetitions, (tuple, list)) else [repetitions]
    times = [operator.index(t) for t in given]
    if any(t < 0 for t in times):
        raise ShapeError(f"tile: numbers of copies are 0 or more, but got {tuple(times)}")
    rank = max(len(times), len(x.shape))
    times = [1] * (rank - len(times)) + times
    shape = (*(1,) * (rank - len(x.shape)), *x.shape)
    apart = F.reshape(x, tuple(part for d in shape for part in (1, d)))
    copies = F.broadcast_to(apart, tuple(part for t, d in zip(times, shape, strict=True) for part in (t, d)))
    return F.identity(F.reshape(copies, tuple(t * d for t, d in zip(times, shape, strict=True))))


# --- pad -----------------------------------------------------------------------------------------------------------

_MIRRORS = ("edge", "reflect", "symmetric", "wrap")


@function
def pad(F: Any, x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Any:
    """Put elements around the array.

    Parameters
    ----------
    x
        The array.
    pad_width
        How many elements go before and after along each axis: one number for all, a pair (before, after) for all
        axes, or a pair for each.
    mode
        What they are: ``"constant"``; ``"edge"``, the outermost element; ``"reflect"``, what lies inside, mirrored at
        the outermost element; ``"symmetric"``, mirrored at the edge, so that the outermost element comes twice;
        ``"wrap"``, what lies at the other end.
    constant_values
        The number for ``"constant"``; a Tensor gets the gradients of all its copies.

    Returns
    -------
    Tensor
        Of the dtype of `x`. An element gets its gradient and those of its copies.

    Raises
    ------
    OptionError
        Where there is no such mode.
    ShapeError
        Where the widths are no pairs, or negative, or an axis without elements has nothing to copy.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.pad(gg.tensor([1.0, 2.0, 3.0]), (1, 2))
    Tensor([0., 1., 2., 3., 0., 0.])
    >>> gg.pad(gg.tensor([1.0, 2.0, 3.0]), 2, "reflect")
    Tensor([3., 2., 1., 2., 3., 2., 1.])
    """
    if mode not in ("constant", *_MIRRORS):
        raise OptionError(f"pad has no mode {mode!r}. {did_you_mean(mode, ('constant', *_MIRRORS))}")
    widths = _widths(pad_width, len(x.shape))
    if mode == "constant":
        shape = tuple(before + d + after for d, (before, after) in zip(x.shape, widths, strict=True))
        inside = tuple(slice(before, before + d) for d, (before, _) in zip(x.shape, widths, strict=True))
        if getattr(constant_values, "shape", np.shape(constant_values)) != ():
            raise ShapeError("pad: constant_values is one number; pad side by side where the sides differ")
        if not hasattr(constant_values, "dtype") and constant_values == 0:
            return F.index_add(x, inside, shape)
        return F.index_set(F.full(shape, constant_values, x.dtype), inside, x)
    for axis, width in enumerate(widths):
        if width != (0, 0):
            x = F.take(x, _sources(x.shape[axis], width, mode, axis), axis=axis)
    return F.value(x)


def _widths(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    widths = np.asarray(pad_width)
    if widths.dtype.kind not in "iu":
        raise DTypeError(f"pad: widths are whole numbers, but these are {widths.dtype}")
    try:
        pairs = np.broadcast_to(widths, (rank, 2))
    except ValueError:
        raise ShapeError(
            f"pad: widths are a number, a pair (before, after) or {rank} pairs, one for each axis, "
            f"but these have shape {widths.shape}"
        ) from None
    if pairs.size and pairs.min() < 0:
        raise ShapeError(f"pad: widths are 0 or more, but one is {pairs.min()}; slices cut an array smaller")
    return [(int(before), int(after)) for before, after in pairs]


def _sources(size: Any, width: tuple[int, int], mode: str, axis: int) -> np.ndarray[Any, Any]:
    """Return for each place along the padded axis the place it copies."""
    if not isinstance(size, int):
        raise ShapeError(
            f"pad with mode {mode!r} along axis {axis}, which is {size} long: the places to copy are not known yet; "
            "pad the batch before the traced function"
        )
    if size == 0:
        raise ShapeError(f"pad with mode {mode!r}: axis {axis} has no elements to copy")
    places: np.ndarray[Any, Any] = np.arange(-width[0], size + width[1])
    if mode == "edge":
        return np.asarray(np.clip(places, 0, size - 1))
    if mode == "wrap":
        return places % size
    period = 2 * size if mode == "symmetric" else max(2 * size - 2, 1)
    places = places % period
    return np.asarray(np.minimum(places, period - (mode == "symmetric") - places))
