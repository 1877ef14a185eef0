"""Axes: which numbers are marked, where they stand, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassgrad.explaining.drawing.paper import number

__all__ = ["LARGEST", "Axis", "axis", "exact_axis"]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MOST_MARKS = 6

LARGEST = 1e280
"""What is larger has no place on an axis: the axis itself could not be computed."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis that shows the numbers from `low` to `high` between two places of the picture.

    Attributes
    ----------
    low, high
        The numbers at its ends.
    start, end
        Where they stand.
    log
        Whether equal lengths are equal ratios.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return where a number stands."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        return self.start + (self._scaled(value) - low) / (high - low) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Return whether a number has a place: no larger than `LARGEST`, and positive on a logarithmic axis."""
        return abs(value) <= LARGEST and (value >= 1 / LARGEST or not self.log)

    def marks(self) -> list[tuple[float, str]]:
        """Return the numbers to mark, with how they are written."""
        if self.log:
            return [(v, _power(v)) for v in _log_marks(self.low, self.high)]
        values, step = _marks(self.low, self.high)
        most = max(map(abs, values), default=0.0)
        digits = _decade(most) - _decade(step) + 1 if most else 1  # so that neighbours read differently
        return [(v, f"{v:.{max(digits, 4)}g}".replace("-", "−")) for v in values]

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value


def axis(values: Sequence[float], start: float, end: float, *, log: bool = False) -> Axis:
    """Return an axis on which all numbers have a place, with a little room at its ends.

    Numbers that have no place (see `Axis.holds`) are not asked.

    Examples
    --------
    >>> [text for _, text in axis([0.0, 9.7], 0, 100).marks()]
    ['0', '2', '4', '6', '8', '10']
    >>> [text for _, text in axis([1e-9, 1.0], 0, 100, log=True).marks()]
    ['10⁻⁸', '10⁻⁶', '10⁻⁴', '10⁻²', '1']
    """
    array = np.asarray(values, np.float64)
    array = array[(np.abs(array) <= LARGEST) & ((array >= 1 / LARGEST) | (not log))]
    low, high = (float(array.min()), float(array.max())) if array.size else (0.1 if log else 0.0, 1.0)
    if log:
        spare = max(10 ** (0.04 * (math.log10(high) - math.log10(low))), 1.2)
        return Axis(low / spare, high * spare, start, end, True)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    spare = 0.04 * (high - low)
    return Axis(low - spare, high + spare, start, end)


def exact_axis(low: float, high: float, start: float, end: float) -> Axis:
    """Return a linear axis from one number to another, of any width."""
    return Axis(low, high if high > low else low + 1.0, start, end)


def _marks(low: float, high: float) -> tuple[list[float], float]:
    """Return round numbers from one to another, and how far they are apart."""
    rough = (high - low) / _MOST_MARKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [round(n * step, 12 - math.floor(math.log10(step))) for n in range(first, last + 1)], step


def _decade(number: float) -> int:
    return math.floor(math.log10(number) + 1e-9)


def _log_marks(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= 2:
        step = -(-(last - first + 1) // _MOST_MARKS)
        return [10.0**n for n in range(first, last + 1) if n % step == 0]
    within = [m * 10.0**n for n in range(first - 1, last + 1) for m in (1, 2, 5)]
    found = [v for v in within if low <= v <= high]
    return found if len(found) > 1 else [low, high]


def _power(value: float) -> str:
    power = round(math.log10(value))
    return f"10{str(power).translate(_RAISED)}" if power and value == 10.0**power else number(value)
