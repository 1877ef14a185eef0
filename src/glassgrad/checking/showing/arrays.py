"""Arrays for reports: the part that is worth seeing, the elements that are furthest off, all numbers to copy."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["MOST_WHOLE", "Window", "copied", "differs", "furthest", "numbers", "window"]

Array = np.ndarray[Any, Any]

MOST_WHOLE = 4096
"""Arrays of more elements are not given as a whole."""

_WIDEST = 8
_CLOSE = 1e-6


@dataclass(frozen=True, eq=False, slots=True)
class Window:
    """A matrix of at most 8 × 8 numbers out of an array, with the indices they have there.

    Attributes
    ----------
    before
        The indices of the axes before the last two.
    rows, columns
        The indices of the last two; `rows` is empty for a vector, both are for a number.
    """

    before: tuple[int, ...]
    rows: range
    columns: range
    numbers: Array


def numbers(array: Array | None) -> Array | None:
    """Return an array in float64, or None where there is none or its elements are no real numbers."""
    if array is None or np.iscomplexobj(array):
        return None
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def window(array: Array, place: tuple[int, ...] = ()) -> Window:
    """Return the part of an array around a place.

    Examples
    --------
    >>> part = window(np.arange(300.0).reshape(3, 100), (1, 50))
    >>> part.rows, part.columns, part.numbers[1, 4]
    (range(0, 3), range(46, 54), np.float64(150.0))
    """
    place = place if len(place) == array.ndim else (0,) * array.ndim
    before = place[:-2]
    flat = np.atleast_2d(array[before])
    reach = [_around(n, at) for n, at in zip(array.shape[-2:], place[-2:], strict=True)]
    rows, columns = [range(0), range(0), *reach][-2:]
    return Window(before, rows, columns, flat[_slice(rows), _slice(columns)])


def _around(size: int, at: int) -> range:
    start = max(0, min(at - _WIDEST // 2, size - _WIDEST))
    return range(start, min(start + _WIDEST, size))


def _slice(part: range) -> slice:
    return slice(part.start, part.stop) if part else slice(None)


def furthest(found: Array, exact: Array, most: int) -> list[tuple[int, ...]]:
    """Return the places of the elements that differ most, in their order; all where there are no more than that."""
    with np.errstate(all="ignore"):
        difference = np.nan_to_num(np.abs(found - exact), nan=np.inf)
    order = np.argsort(-difference, axis=None, kind="stable")[:most]
    return [tuple(int(i) for i in np.unravel_index(k, exact.shape)) for k in sorted(int(o) for o in order)]


def differs(found: Array, exact: Array) -> Array:
    """Return which elements are off by more than rounding."""
    with np.errstate(all="ignore"):
        scale = np.nanmax(np.abs(exact), initial=0.0) or 1.0
        return np.asarray(~(np.abs(found - exact) <= _CLOSE * scale))


def copied(array: Array) -> str:
    """Return an array with all digits, to be pasted into a program.

    Examples
    --------
    >>> print(copied(np.array([[0.1, 1 / 3], [2.0, -1.5]])))
    np.array([[0.1, 0.3333333333333333],
              [2.0, -1.5]])
    """
    lines = np.array2string(
        array,
        max_line_width=100,
        separator=", ",
        threshold=sys.maxsize,
        prefix="np.array(",
        formatter={"float_kind": lambda number: repr(float(number))},
    )
    return f"np.array({lines})".replace("nan", "np.nan").replace("inf", "np.inf")
