"""Median and quantiles: numbers read off the sorted array, so gradients go back to the elements that were read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError, did_you_mean
from glassgrad.ir import Shape
from glassgrad.ops.creation import count
from glassgrad.ops.namespace import function
from glassgrad.ops.reductions import reduced
from glassgrad.ops.rules import cast, floating
from glassgrad.ops.shapes import normalise_axes

_PLOTTING = {
    "linear": (1.0, 1.0),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""Plotting positions (α, β) of the methods of Hyndman and Fan (1996) that interpolate."""

_SHARES = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5}
"""Methods that give the element above a fixed weight, at the place of ``linear``."""

_METHODS = (*_PLOTTING, *_SHARES, "nearest")


def _sorted(F: Any, name: str, x: Any, axis: int | Sequence[int] | None) -> tuple[Any, Any, tuple[int, ...]]:
    """Return the values sorted along one last axis, how many there are, and the axes that became it."""
    if x.dtype.kind == "c":
        raise DTypeError(
            f"{name} goes by order, which {x.dtype} has none of: take it of xp.abs(x) or xp.real(x)"
        )
    axes = normalise_axes(axis, len(x.shape))
    if any(x.shape[a] == 0 for a in axes):
        raise ShapeError(f"{name} of no values: axis {axes} of shape {tuple(x.shape)} has size 0")
    x = cast(F, x, floating(x.dtype))
    rest = tuple(a for a in range(len(x.shape)) if a not in axes)
    size = math.prod(x.shape[a] for a in axes)
    flat = F.reshape(F.permute_dims(x, (*rest, *axes)), (*(x.shape[a] for a in rest), size))
    return F.sort(flat), count(F, x, axes), axes


def _read(F: Any, ordered: Any, place: Any) -> Any:
    return F.take(ordered, F.astype(place, np.int64), axis=-1)


def _finished(F: Any, found: Any, ordered: Any, shape: Shape, more: int) -> Any:
    """Put the last `more` axes first, say NaN where a NaN was sorted to the end, and give the result its shape."""
    rank = len(found.shape) - more
    found = F.permute_dims(found, (*range(rank, rank + more), *range(rank)))
    found = F.where(F.isnan(F.getitem(ordered, (..., -1))), np.nan, found)
    return F.reshape(found, (*found.shape[:more], *shape))


@function
def median(F: Any, x: Any, /, axis: int | Sequence[int] | None = None, *, keepdims: bool = False) -> Any:
    """Return the value in the middle along `axis`, or the average of the two in the middle.

    The gradient goes to the one, or half to each of the two; among equal elements to those that a stable sort puts
    there. NaN where an element is NaN.

    Raises
    ------
    ShapeError
        Where there are no values.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.median([3.0, 1.0, 2.0, 10.0])
    Tensor(2.5)
    """
    ordered, n, axes = _sorted(F, "median", x, axis)
    middle = F.multiply(F.subtract(n, 1.0), 0.5)
    both = F.add(_read(F, ordered, F.floor(middle)), _read(F, ordered, F.ceil(middle)))
    return _finished(F, F.multiply(both, 0.5), ordered, reduced(tuple(x.shape), axes, keepdims), 0)


@function
def quantile(
    F: Any,
    x: Any,
    q: Any,
    /,
    axis: int | Sequence[int] | None = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
) -> Any:
    """Return the values below which the shares `q` of the elements along `axis` lie.

    Parameters
    ----------
    q
        Shares between 0 and 1: a number or an array, whose axes come first in the result. With a method that
        interpolates the quantile has a derivative by `q`, too.
    method
        How the elements on both sides are combined: ``"linear"``, ``"lower"``, ``"higher"``, ``"nearest"``,
        ``"midpoint"``, ``"interpolated_inverted_cdf"``, ``"hazen"``, ``"weibull"``, ``"median_unbiased"`` or
        ``"normal_unbiased"``, as in NumPy.

    Raises
    ------
    OptionError
        Where there is no such method, or a share that is known lies outside 0 and 1.
    ShapeError
        Where there are no values.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.quantile([1.0, 2.0, 4.0, 8.0], [0.25, 0.5])
    Tensor([1.75, 3.  ])
    """
    if method not in _METHODS:
        raise OptionError(f"quantile has no method {method!r}. {did_you_mean(method, _METHODS)}")
    ordered, n, axes = _sorted(F, "quantile", x, axis)
    dtype = np.result_type(ordered.dtype, floating(q.dtype)) if hasattr(q, "dtype") else ordered.dtype
    if not hasattr(q, "dtype") or isinstance(q, np.ndarray):
        q = np.asarray(q, np.float64)
        if not ((q >= 0) & (q <= 1)).all():
            raise OptionError(f"quantile takes shares between 0 and 1, but was given {q}")
    alpha, beta = _PLOTTING.get(method, (1.0, 1.0))
    place = F.add(F.multiply(q, F.subtract(n, alpha + beta - 1)), alpha - 1)
    place = F.minimum(F.maximum(place, 0.0), F.subtract(n, 1.0))
    low, high, weight = _neighbours(F, place, method)
    low, high = (F.astype(_read(F, ordered, i), dtype) for i in (low, high))
    weight = cast(F, weight, dtype)
    found = F.add(F.strong_multiply(F.subtract(1.0, weight), low), F.strong_multiply(weight, high))
    return _finished(F, found, ordered, reduced(tuple(x.shape), axes, keepdims), len(q.shape))


def _neighbours(F: Any, place: Any, method: str) -> tuple[Any, Any, Any]:
    """Return the places of the elements below and above, and the weight of the latter."""
    if method == "nearest":
        place = F.round(place)
    below, above = F.floor(place), F.ceil(place)
    if method in _SHARES:
        return below, above, F.full(place.shape, _SHARES[method], dtype=place.dtype)
    return below, above, F.subtract(place, below)
