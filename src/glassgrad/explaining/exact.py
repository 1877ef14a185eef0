"""Exact sums, of numbers that need not be finite: a network that has diverged wants to be explained, too."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["difference", "exact_sum", "times"]


def exact_sum(terms: Iterable[float]) -> float:
    """Return the sum of some numbers, rounded once; infinite or NaN where adding them one by one would be.

    Examples
    --------
    >>> exact_sum([1e16, 1.0, -1e16]), exact_sum([float("inf"), float("-inf")])
    (1.0, nan)
    """
    numbers = [float(x) for x in terms]
    try:
        return math.fsum(numbers)
    except (ValueError, OverflowError):
        return sum(numbers)


def times(a: Any, b: Any) -> Any:
    """Return a · b, where 0 · ∞ is 0: what is not used contributes nothing, however steep it is.

    Examples
    --------
    >>> times(np.array([0.0, 2.0, float("inf")]), np.array([float("inf"), 3.0, 1.0])).tolist()
    [0.0, 6.0, inf]
    """
    with np.errstate(invalid="ignore"):
        made = np.multiply(a, b)
    unused = np.isnan(made) & (np.equal(a, 0) | np.equal(b, 0))
    return np.where(unused, 0.0, made) if np.any(unused) else made


def difference(a: float, b: float) -> float:
    """Return a − b; 0 where both are the same infinity, or both NaN.

    Examples
    --------
    >>> difference(3.0, 1.0), difference(float("inf"), float("inf"))
    (2.0, 0.0)
    """
    return 0.0 if a == b or (math.isnan(a) and math.isnan(b)) else a - b
