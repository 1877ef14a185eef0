"""Sums, means, extremes and running totals, with NumPy's ``dtype``, ``where`` and ``initial``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.errors import OptionError
from glassgrad.numpy_calls.table import RULES, given, only, rule, same, value
from glassgrad.ops.shapes import normalise_axes

same(
    {
        np.argmax: ("argmax", "a axis=axis keepdims=keepdims"),
        np.argmin: ("argmin", "a axis=axis keepdims=keepdims"),
        np.count_nonzero: ("count_nonzero", "a axis=axis keepdims=keepdims"),
        np.nansum: ("nansum", "a axis=axis keepdims=keepdims"),
        np.nanmean: ("nanmean", "a axis=axis keepdims=keepdims"),
    }
)


def _read(F: Any, a: Any, dtype: Any = None, where: Any = True, otherwise: Any = 0) -> Any:
    """Return the array to reduce: in the dtype asked for, with `otherwise` where it does not count."""
    a = value(F, a)
    if dtype is not None:
        a = F.astype(a, np.dtype(dtype))
    return F.where(where, a, otherwise) if given(where) and where is not True else a


def _kept(keepdims: Any) -> bool:
    return bool(keepdims) if given(keepdims) else False


@rule(np.sum)
def sum(
    F: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Add up."""
    total = F.sum(_read(F, a, dtype, where), axis=axis, keepdims=_kept(keepdims))
    return F.add(total, initial) if given(initial) else total


@rule(np.prod)
def prod(
    F: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Multiply together."""
    product = F.prod(_read(F, a, dtype, where, 1), axis=axis, keepdims=_kept(keepdims))
    return F.multiply(product, initial) if given(initial) else product


def _extreme(name: str, together: str) -> Any:
    def extreme(
        F: Any,
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        if given(where) and where is not True and not given(initial):
            raise OptionError(
                f"np.{name} with where= needs initial=, the result of a row of which nothing counts"
            )
        found = getattr(F, name)(_read(F, a, None, where, initial), axis=axis, keepdims=_kept(keepdims))
        return getattr(F, together)(found, initial) if given(initial) else found

    return extreme


rule(np.max, np.amax)(_extreme("max", "maximum"))
rule(np.min, np.amin)(_extreme("min", "minimum"))


def _count(F: Any, a: Any, axis: Any, where: Any) -> Any:
    """Return how many elements count in each row that is reduced."""
    return F.sum(
        F.astype(F.broadcast_to(value(F, where), a.shape), np.dtype(np.float64)), axis=axis, keepdims=True
    )


@rule(np.mean)
def mean(
    F: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Any:
    """Take the mean."""
    a = _read(F, a, dtype)
    if not given(where) or where is True:
        return F.mean(a, axis=axis, keepdims=_kept(keepdims))
    kept = F.sum(F.where(where, a, 0), axis=axis, keepdims=True)
    return _squeezed(F, F.divide(kept, _count(F, a, axis, where)), axis, keepdims)


def _squeezed(F: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    return x if _kept(keepdims) else F.squeeze(x, normalise_axes(axis, len(x.shape)))


@rule(np.var)
def var(
    F: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """Take the variance."""
    a, off = _read(F, a, dtype), correction if given(correction) else ddof
    if (not given(where) or where is True) and not given(mean):
        return F.var(a, axis=axis, correction=off, keepdims=_kept(keepdims))
    where = where if given(where) else True
    count = _count(F, a, axis, where)
    centre = mean if given(mean) else F.divide(F.sum(F.where(where, a, 0), axis=axis, keepdims=True), count)
    squares = F.where(where, F.square(F.abs(F.subtract(a, centre))), 0)
    spread = F.divide(F.sum(squares, axis=axis, keepdims=True), F.subtract(count, off))
    return _squeezed(F, spread, axis, keepdims)


@rule(np.std)
def std(
    F: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """Take the standard deviation."""
    if (not given(where) or where is True) and not given(mean):
        off = correction if given(correction) else ddof
        return F.std(_read(F, a, dtype), axis=axis, correction=off, keepdims=_kept(keepdims))
    spread = var(F, a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction)
    return F.where(F.equal(spread, 0), spread, F.sqrt(spread))  # flat where all are equal, as `std` is


def _without_nan(reduce: Any, otherwise: float | None = None) -> Any:
    """Return the rule of a reduction that leaves NaN out; extremes are looked for from `otherwise` on."""

    def without_nan(F: Any, a: Any, *args: Any, where: Any = True, **kwargs: Any) -> Any:
        a = value(F, a)
        if a.dtype.kind not in "fc":
            return reduce(F, a, *args, where=where, **kwargs)
        counts = F.logical_not(F.isnan(a))
        counts = F.logical_and(counts, where) if given(where) and where is not True else counts
        numbers = F.where(counts, a, 0.0)
        if otherwise is None or given(kwargs.get("initial")):
            return reduce(F, numbers, *args, where=counts, **kwargs)
        extreme = reduce(F, numbers, *args, where=counts, initial=otherwise, **kwargs)
        return F.where(RULES[np.any](F, counts, *args, **kwargs), extreme, np.nan)

    return without_nan


rule(np.nanprod)(_without_nan(prod))
rule(np.nanvar)(_without_nan(var))
rule(np.nanstd)(_without_nan(std))
rule(np.nanmax)(_without_nan(_extreme("max", "maximum"), -np.inf))
rule(np.nanmin)(_without_nan(_extreme("min", "minimum"), np.inf))


def _truths(name: str, otherwise: bool) -> Any:
    def truths(
        F: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
    ) -> Any:
        return getattr(F, name)(_read(F, a, None, where, otherwise), axis=axis, keepdims=_kept(keepdims))

    return truths


rule(np.all)(_truths("all", True))
rule(np.any)(_truths("any", False))


@rule(np.ptp)
def ptp(F: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """Take the greatest less the least."""
    a, keep = value(F, a), _kept(keepdims)
    return F.subtract(F.max(a, axis=axis, keepdims=keep), F.min(a, axis=axis, keepdims=keep))


@rule(np.average)
def average(
    F: Any,
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: Any = False,
) -> Any:
    """Take the mean with weights."""
    a = value(F, a)
    if weights is None:
        mean = F.mean(a, axis=axis, keepdims=_kept(keepdims))
        count = math.prod(a.shape) // math.prod(mean.shape) if math.prod(mean.shape) else 0
        return (mean, F.full(tuple(mean.shape), float(count))) if returned else mean
    weights = value(F, weights)
    if weights.shape != a.shape:
        axes = [x % len(a.shape) for x in ((axis,) if isinstance(axis, int) else axis)]
        sizes = iter(weights.shape)
        weights = F.reshape(weights, tuple(next(sizes) if i in axes else 1 for i in range(len(a.shape))))
        weights = F.broadcast_to(weights, tuple(a.shape))
    total = F.sum(weights, axis=axis, keepdims=_kept(keepdims))
    mean = F.divide(F.sum(F.multiply(a, weights), axis=axis, keepdims=_kept(keepdims)), total)
    return (mean, total) if returned else mean


def _running(name: str) -> Any:
    def running(F: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        a = _read(F, a, dtype)
        if axis is None:
            a, axis = F.reshape(a, (-1,)), 0
        return getattr(F, name)(a, axis=axis)

    return running


rule(np.cumsum)(_running("cumulative_sum"))
rule(np.cumprod)(_running("cumulative_prod"))


def _cumulative(name: str) -> Any:
    def cumulative(
        F: Any,
        x: Any,
        /,
        *,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        include_initial: bool = False,
    ) -> Any:
        return getattr(F, name)(_read(F, x, dtype), axis=axis, include_initial=include_initial)

    return cumulative


rule(np.cumulative_sum)(_cumulative("cumulative_sum"))
rule(np.cumulative_prod)(_cumulative("cumulative_prod"))


@rule(np.median)
def median(
    F: Any,
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
) -> Any:
    """Take the middle value."""
    return F.median(value(F, a), axis=axis, keepdims=_kept(keepdims))


def _quantiles(name: str, whole: float) -> Any:
    def quantiles(
        F: Any,
        a: Any,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = False,
        *,
        weights: Any = None,
    ) -> Any:
        only(name, "method", method, "linear")
        only(name, "weights", weights, None)
        wanted = F.divide(value(F, q), whole)
        return F.quantile(value(F, a), wanted, axis=axis, keepdims=_kept(keepdims))

    return quantiles


rule(np.quantile)(_quantiles("quantile", 1.0))
rule(np.percentile)(_quantiles("percentile", 100.0))
