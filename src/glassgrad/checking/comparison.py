"""Comparing a gradient with the one it should be: how far off, where, and whether it is that gradient in disguise.

A wrong gradient is rarely random numbers. It is the right one times a constant, transposed, not summed over the rows,
or zero; which of these it is says what to mend. One array can be any of them by coincidence, so a disguise has to hold
for all pairs that are given, which come from different parameters and inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, TypeAlias

import numpy as np

__all__ = ["ROUNDING", "Comparison", "Disguise", "Kind", "compare", "disguise"]

Array = np.ndarray[Any, Any]
Pair: TypeAlias = tuple[Array, Array]

ROUNDING = 1e-7
"""Relative errors up to this are rounding, where both gradients are computed in float64."""

_SMALL = 1e-3
"""Elements below this share of an array's largest are measured against that share: they are what is left when larger
numbers cancel, and carry the rounding of those."""

Kind: TypeAlias = Literal["zero", "factor", "transposed", "summed", "reshaped"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far one array is from another.

    Attributes
    ----------
    error
        The largest of |a − b| / max(|a|, |b|, scale); infinite where shapes differ or a number is not finite.
    at
        Its place; None where shapes differ, or there are no elements.
    wrong, size
        How many elements are off by more than the tolerance, and how many there are.
    """

    error: float
    at: tuple[int, ...] | None
    wrong: int
    size: int

    @property
    def close(self) -> bool:
        """Whether no element is off by more than the tolerance."""
        return self.wrong == 0


def compare(given: Array, right: Array, scale: float = 0.0, tolerance: float = ROUNDING) -> Comparison:
    """Compare two arrays element by element.

    Parameters
    ----------
    given, right
        The arrays.
    scale
        A size below which numbers count as 0 with an error; at least a thousandth of the largest of `right` is taken.
    tolerance
        The relative error that is allowed.

    Examples
    --------
    >>> compare(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5, 3.0]))
    Comparison(error=0.2, at=(1,), wrong=1, size=3)
    """
    if given.shape != right.shape:
        return Comparison(float("inf"), None, right.size, right.size)
    if right.size == 0:
        return Comparison(0.0, None, 0, 0)
    errors = relative_errors(given, right, scale)
    worst = int(np.argmax(errors))
    at = tuple(int(i) for i in np.unravel_index(worst, right.shape))
    return Comparison(float(errors.flat[worst]), at, int(np.sum(errors > tolerance)), right.size)


def relative_errors(given: Array, right: Array, scale: float = 0.0) -> Array:
    """Return |a − b| / max(|a|, |b|, scale) for each element; infinite where exactly one is no finite number."""
    with np.errstate(all="ignore"):
        sizes = np.abs(right)
        largest = float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))
        floor = max(scale, _SMALL * largest, np.finfo(float).tiny)
        errors = np.abs(given - right) / np.maximum(np.maximum(np.abs(given), sizes), floor)
        alike = (given == right) | (np.isnan(given) & np.isnan(right))
    return np.where(alike, 0.0, np.where(np.isfinite(errors), errors, np.inf))


@dataclass(frozen=True, slots=True)
class Disguise:
    """What makes a wrong gradient of the right one.

    Attributes
    ----------
    kind
        ``"zero"``: it is 0 throughout. ``"factor"``: it is the right one times `factor`. ``"transposed"``,
        ``"summed"``, ``"reshaped"``: its transpose, its sum over `axes`, or it in the right shape is that.
    factor
        The constant that is left then; negative where the sign is wrong.
    axes
        The axes over which it was not summed.
    """

    kind: Kind
    factor: float = 1.0
    axes: tuple[int, ...] = ()


def disguise(pairs: Sequence[Pair], scale: float = 0.0, tolerance: float = ROUNDING) -> Disguise | None:
    """Return what makes the given gradients of the right ones, the same for all pairs; None where nothing known does.

    Parameters
    ----------
    pairs
        Given and right arrays, for different parameters and inputs.
    scale, tolerance
        As in `compare`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> right = [rng.normal(size=(2, 3)) for _ in range(3)]
    >>> disguise([(2 * b, b) for b in right])
    Disguise(kind='factor', factor=2.0, axes=())
    >>> disguise([(-b.T, b) for b in right])
    Disguise(kind='transposed', factor=-1.0, axes=())
    """
    if not pairs or not any(b.any() for _, b in pairs):
        return None
    if not all(np.isfinite(a).all() and np.isfinite(b).all() for a, b in pairs):
        return None
    if all(not a.any() for a, _ in pairs):
        return Disguise("zero", 0.0)

    def found(kind: Kind, change: Callable[[Array], Array], axes: tuple[int, ...] = ()) -> Disguise | None:
        changed = [(change(a), b) for a, b in pairs]
        if any(a.shape != b.shape for a, b in changed):
            return None
        factor = constant_factor(changed, scale, tolerance)
        return None if factor is None else Disguise(kind, factor, axes)

    given, right = pairs[0]
    tries = [found("factor", lambda a: a), found("transposed", lambda a: a.T)]
    for n in range(1, given.ndim + 1):
        for axes in combinations(range(given.ndim), n):
            tries.append(found("summed", lambda a, axes=axes: a.sum(axis=axes), axes))  # type: ignore[misc]
            tries.append(
                found("summed", lambda a, axes=axes: a.sum(axis=axes, keepdims=True), axes)  # type: ignore[misc]
            )
    if given.shape != right.shape and given.size == right.size:
        tries.insert(0, found("reshaped", lambda a: a.reshape(right.shape)))
    return next((one for one in tries if one is not None), None)


def constant_factor(pairs: Sequence[Pair], scale: float = 0.0, tolerance: float = ROUNDING) -> float | None:
    """Return c where every a is c·b, with one c that is not 0; None where there is none.

    Examples
    --------
    >>> constant_factor([(np.array([-3.0, 6.0]), np.array([1.0, -2.0]))])
    -3.0
    """
    above = sum(float(np.sum(a * b)) for a, b in pairs)
    below = sum(float(np.sum(b * b)) for _, b in pairs)
    if below == 0.0 or above == 0.0 or not np.isfinite(above / below):
        return None
    factor = above / below
    whole = round(factor)
    if whole and abs(factor - whole) <= tolerance * abs(whole):
        factor = float(whole)
    fits = all(compare(a, factor * b, abs(factor) * scale, tolerance).close for a, b in pairs)
    return factor if fits else None
