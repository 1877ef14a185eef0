"""Numeric differentiation: slopes from values of the function alone, each with an estimate of its own error.

Nothing here knows a rule of differentiation, so it is wrong only in ways of its own, and those it can see. Every slope
is taken at several widths h: too wide, and the curve's bend shows; too narrow, and digits cancel. Slopes to the left
and to the right that do not meet as h shrinks are a kink; a difference that does not shrink at all is a jump. Where the
function computes with complex numbers, a step of 1e-30 i gives the slope to the last digit, and is believed where
differences to many digits agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

__all__ = ["WIDTHS", "Numeric", "Slope", "numeric_gradient", "sample", "slope"]

Array = np.ndarray[Any, Any]
Shape: TypeAlias = Literal["smooth", "kink", "jump"]

WIDTHS = tuple(10.0**-k for k in range(2, 9))
"""The widths h that are tried, times the size of the number where that is above 1."""

_WIDE, _NARROW = 2, 4
"""Of the widths, those whose one-sided slopes are compared: 1e-4 and 1e-6."""

_COMPLEX = 1e-30
_WITNESS = 1e-7
"""The relative error of a difference that can vouch for a complex step: code that takes the modulus of a number, or
compares, answers with a slope from which something is missing."""
_ULPS = 16
"""What a value of the function may be off by, in units of its last digit."""


@dataclass(frozen=True, slots=True)
class Slope:
    """The derivative of a function of one number, estimated.

    Attributes
    ----------
    value, error
        The slope, and what it may be off by; NaN and infinite where the function has no finite value.
    left, right
        The slopes to either side, at a small width.
    shape
        ``"smooth"``, ``"kink"`` (the slopes to either side differ) or ``"jump"``.
    """

    value: float
    error: float
    left: float
    right: float
    shape: Shape


def slope(
    f: Callable[[Any], Any],
    at: float,
    *,
    digits: type[np.floating[Any]] | np.dtype[Any] = np.float64,
    complex_step: bool = False,
) -> Slope:
    """Estimate the derivative of a function at a place.

    Parameters
    ----------
    f
        A function from one number to one number.
    at
        The place.
    digits
        The dtype in which `f` computes: it says how exact a value is.
    complex_step
        Whether `f` may be asked for the value at a complex number.

    Examples
    --------
    >>> found = slope(lambda x: x**3, 2.0)
    >>> abs(found.value - 12.0) < 1e-8 and found.error < 1e-6, found.shape
    (True, 'smooth')
    >>> slope(abs, 0.0).shape, slope(np.sign, 0.0).shape
    ('kink', 'jump')
    """
    with np.errstate(all="ignore"):
        return _slope(f, at, float(np.finfo(digits).eps), complex_step)


def _slope(f: Callable[[Any], Any], at: float, eps: float, complex_step: bool) -> Slope:
    middle = float(f(at))
    count = len(WIDTHS)
    central, left, right, noise = (np.full(count, np.nan) for _ in range(4))
    moved = np.zeros(count)
    for i, width in enumerate(WIDTHS):
        h = width * max(1.0, abs(at))
        high, low = at + h, at - h
        above, below = float(f(high)), float(f(low))
        central[i] = (above - below) / (high - low)
        right[i], left[i] = (above - middle) / (high - at), (middle - below) / (at - low)
        noise[i] = _ULPS * eps * max(abs(above), abs(below), abs(middle)) / h
        moved[i] = max(abs(above - middle), abs(middle - below))
    bend = np.abs(central - np.roll(central, 1)) / 10
    bend[0] = np.nan
    errors = bend + noise
    if not np.isfinite(errors).any():
        return Slope(float("nan"), float("inf"), float(left[_NARROW]), float(right[_NARROW]), "smooth")
    best = int(np.nanargmin(errors))
    value, error = float(central[best]), float(errors[best])
    shape = _shape(left, right, noise, moved, middle, eps)
    if shape == "smooth" and complex_step and error <= _WITNESS * abs(value):
        exact = _complex(f, at)
        if exact is not None and abs(exact - value) <= 10 * error:
            value, error = exact, 4 * eps * abs(exact) + _COMPLEX
    return Slope(value, error, float(left[_NARROW]), float(right[_NARROW]), shape)


def _shape(left: Array, right: Array, noise: Array, moved: Array, middle: float, eps: float) -> Shape:
    """Say what the function looks like: on a smooth curve the slopes to either side meet as the width shrinks."""
    if moved[_NARROW] > 0.5 * moved[_WIDE] and moved[_NARROW] > 1e3 * _ULPS * eps * max(abs(middle), 1e-300):
        return "jump"
    gap = np.abs(right - left)
    meets = gap[_NARROW] <= 0.3 * gap[_WIDE] or gap[_NARROW] <= 8 * noise[_NARROW]
    negligible = gap[_NARROW] <= 1e-6 * max(abs(left[_NARROW]), abs(right[_NARROW]))
    return "smooth" if meets or negligible else "kink"


def _complex(f: Callable[[Any], Any], at: float) -> float | None:
    """Return the slope by a complex step; None where the function has no complex value there."""
    try:
        found = complex(f(complex(at, _COMPLEX)))
    except Exception:  # whatever the user's code does with a number it was not written for
        return None
    return found.imag / _COMPLEX if np.isfinite(found) else None


@dataclass(frozen=True, slots=True)
class Numeric:
    """A gradient estimated at some of its elements.

    Attributes
    ----------
    at
        The elements, as positions in the flattened array.
    value, error, left, right
        For each of them what `Slope` has.
    shapes
        For each of them ``"smooth"``, ``"kink"`` or ``"jump"``.
    size
        How many elements the array has.
    """

    at: Array
    value: Array
    error: Array
    left: Array
    right: Array
    shapes: tuple[Shape, ...]
    size: int

    @property
    def smooth(self) -> Array:
        """For each element whether it has a slope."""
        return np.array([shape == "smooth" for shape in self.shapes], bool) & np.isfinite(self.error)

    def dense(self, shape: Sequence[int]) -> tuple[Array, Array]:
        """Return slopes and errors as arrays of a shape, NaN where nothing was estimated."""
        full = np.full((2, self.size), np.nan)
        full[0, self.at], full[1, self.at] = self.value, self.error
        value, error = full.reshape(2, *shape)
        return value, error


def numeric_gradient(
    f: Callable[[Array], Any],
    array: Array,
    at: Sequence[int],
    *,
    digits: type[np.floating[Any]] | np.dtype[Any] = np.float64,
    complex_step: bool = False,
) -> Numeric:
    """Estimate the gradient of a function of one array, element by element.

    Parameters
    ----------
    f
        A function from an array like `array` to a number. It gets the same array each time, with one element changed,
        and may not write to it.
    array
        The place: float64, any shape.
    at
        The elements to estimate, as positions in the flattened array.
    digits, complex_step
        As in `slope`.

    Examples
    --------
    >>> found = numeric_gradient(lambda w: np.sum(w**2), np.array([1.0, -3.0]), [0, 1], complex_step=True)
    >>> found.value
    array([ 2., -6.])
    """

    moving = [np.array(array, np.float64), np.array(array, complex if complex_step else np.float64)]

    def along(place: int) -> Callable[[Any], Any]:
        def one(number: Any) -> Any:
            moved = moving[isinstance(number, complex)].reshape(-1)
            before, moved[place] = moved[place], number
            try:
                return f(moved.reshape(array.shape))
            finally:
                moved[place] = before

        return one

    flat = array.reshape(-1)
    slopes = [slope(along(int(i)), float(flat[int(i)]), digits=digits, complex_step=complex_step) for i in at]
    return Numeric(
        np.array(at, int),
        np.array([s.value for s in slopes], float),
        np.array([s.error for s in slopes], float),
        np.array([s.left for s in slopes], float),
        np.array([s.right for s in slopes], float),
        tuple(s.shape for s in slopes),
        array.size,
    )


def sample(size: int, most: int, rng: np.random.Generator, first: Sequence[int] = ()) -> list[int]:
    """Return which elements of an array are looked at: all where there are few, else `first` and others at random.

    Examples
    --------
    >>> sample(3, 8, np.random.default_rng(0))
    [0, 1, 2]
    >>> chosen = sample(1000, 4, np.random.default_rng(0), [7])
    >>> len(chosen), 7 in chosen
    (4, True)
    """
    if size <= most:
        return list(range(size))
    chosen = dict.fromkeys(int(i) for i in first[:most])
    for i in rng.permutation(size)[: 2 * most]:
        if len(chosen) == most:
            break
        chosen[int(i)] = None
    return sorted(chosen)
