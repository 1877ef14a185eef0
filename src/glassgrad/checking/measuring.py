"""Measuring a subject: its results, its author's gradients and the exact ones at several points, and numeric slopes.

At one point a wrong gradient can be right by coincidence: weights that are 0, or a matrix that is its own transpose. So
everything is measured at the point that was given, at two others with the parameters moved, and at one with parameters
and inputs moved; at fewer where the code is not finite there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.checking.numeric import Numeric, numeric_gradient, sample
from glassgrad.checking.subject import NotDifferentiated, Point, Subject, perturbed
from glassgrad.errors import CheckError, DTypeError

__all__ = ["Draw", "Measured", "measure", "numeric_at"]

Array = np.ndarray[Any, Any]

_MOST, _MOST_ALONE = 24, 96
"""Elements of one array that are differentiated numerically, with exact gradients beside them and without."""
_FEW = 48
"""Arrays of up to this many elements are differentiated numerically as a whole."""
_REPEATED = 1e-9
"""Two runs that differ by more than this are two functions; threads may add up in another order."""


@dataclass(eq=False, slots=True)
class Draw:
    """One point, and what was measured there.

    Attributes
    ----------
    point
        The point.
    cotangents
        One for each result: 1 for a loss.
    value
        Results times cotangents, a number.
    given, exact
        The gradients; `exact` is None where the forward code cannot be differentiated.
    moved_inputs
        Whether the inputs are others than those that were given.
    """

    point: Point
    cotangents: list[Array]
    value: float
    given: list[Array | None]
    exact: list[Array] | None
    moved_inputs: bool


@dataclass(eq=False, slots=True)
class Measured:
    """All that was measured of a subject.

    Attributes
    ----------
    subject, back
        The subject, and what turns random numbers back before each run.
    draws
        The points, the one that was given first.
    numeric
        For each array the numeric gradient at the first point.
    digits
        The dtype in which results are computed.
    loss
        Whether the result is one number that is to be descended, not part of something larger.
    random
        Whether the forward pass draws random numbers.
    reason
        Why there are no exact gradients; None where there are.
    """

    subject: Subject
    back: Callable[[], None]
    draws: list[Draw]
    numeric: list[Numeric]
    digits: np.dtype[Any]
    loss: bool
    random: bool
    reason: str | None


def measure(subject: Subject, back: Callable[[], None], seed: int) -> Measured:
    """Measure a subject.

    Raises
    ------
    CheckError
        Where it fails at the point given, is not finite there, or differs from run to run.
    DTypeError
        Where a result is no real number.
    """
    rng = np.random.default_rng(seed)
    results, again = subject.run(subject.start), subject.run(subject.start)
    random = not _same(results, again)
    back()
    results = subject.run(subject.start)
    back()
    if random and not _same(results, subject.run(subject.start)):
        raise CheckError(
            f"{subject.label} returns another result each time it is run, with the same arguments and the same random "
            "numbers: there is no function to differentiate. Does it keep something between calls (a counter, a "
            "running mean, an array it adds to), or draw from a generator that it makes without a seed?"
        )
    digits = _digits(subject, results)
    loss = not subject.rule and len(results) == 1 and results[0].ndim == 0
    measured = Measured(subject, back, [], [], digits, loss, random, None)
    first = _draw(measured, subject.start, results, rng, moved_inputs=False)
    back()
    repeated = subject.given(subject.start, first.cotangents)
    if not _same([g for g in first.given if g is not None], [g for g in repeated if g is not None]):
        raise CheckError(
            f"the backward pass of {subject.label} returns another gradient each time it is run, with the same "
            "arguments. Does it add to arrays that live on from call to call? Begin with zeros in each"
        )
    measured.draws.append(first)
    for point, moved_inputs in (
        (perturbed(subject.start, rng), False),
        (perturbed(subject.start, rng, turned=True), False),
        (perturbed(subject.start, rng, inputs=True), True),
    ):
        _add_nearby(measured, point, rng, moved_inputs=moved_inputs)
    for i, array in enumerate(subject.start.arrays):
        exact, given = None if first.exact is None else first.exact[i], first.given[i]
        worst: Sequence[int] = ()
        if exact is not None and given is not None and given.shape == exact.shape:
            off = np.nan_to_num(np.abs(given - exact), nan=np.inf).reshape(-1)
            worst = np.argsort(-off, kind="stable")[: _MOST // 2].tolist()
        most = max(_MOST_ALONE if exact is None else _MOST, array.size if array.size <= _FEW else 0)
        measured.numeric.append(numeric_at(measured, first, i, sample(array.size, most, rng, worst)))
    return measured


def numeric_at(measured: Measured, draw: Draw, which: int, at: Sequence[int]) -> Numeric:
    """Return the numeric gradient of one array at a point, for some elements."""
    subject, arrays = measured.subject, draw.point.arrays

    def value(array: Array) -> Any:
        measured.back()
        try:
            results = subject.run(Point((*arrays[:which], array, *arrays[which + 1 :]), draw.point.inputs))
        except CheckError:  # outside of where the function is defined
            return np.nan
        return _weighted(results, draw.cotangents)

    return numeric_gradient(
        value, arrays[which], at, digits=measured.digits, complex_step=subject.complex_step
    )


def _add_nearby(measured: Measured, point: Point, rng: np.random.Generator, *, moved_inputs: bool) -> None:
    """Measure at a point nearby, where forward and backward pass are finite there."""
    try:
        measured.back()
        results = measured.subject.run(point)
    except CheckError:
        return
    if not all(np.isfinite(r).all() for r in results):
        return
    moved = any(a is not b for a, b in zip(point.inputs, measured.subject.start.inputs, strict=True))
    draw = _draw(measured, point, results, rng, moved_inputs=moved_inputs and moved)
    finite = [all(g is None or np.isfinite(g).all() for g in one.given) for one in (measured.draws[0], draw)]
    if finite[1] or not finite[0]:
        measured.draws.append(draw)


def _draw(
    measured: Measured, point: Point, results: list[Array], rng: np.random.Generator, *, moved_inputs: bool
) -> Draw:
    subject, back = measured.subject, measured.back
    weights = [1.0] if measured.loss else [rng.normal(size=r.shape) for r in results]
    cotangents = [np.asarray(weight) for weight in weights]
    back()
    given = subject.given(point, cotangents)
    exact: list[Array] | None = None
    if measured.reason is None:
        try:
            back()
            exact = subject.exact(point, cotangents)
        except NotDifferentiated as error:
            measured.reason = str(error)
    return Draw(point, cotangents, float(_weighted(results, cotangents)), given, exact, moved_inputs)


def _weighted(results: Sequence[Array], cotangents: Sequence[Array]) -> Any:
    return sum(np.sum(r * c) for r, c in zip(results, cotangents, strict=True))


def _digits(subject: Subject, results: Sequence[Array]) -> np.dtype[Any]:
    """Return the shortest format among the results, which have to be finite real numbers."""
    if not results:
        raise DTypeError(f"{subject.label} has no result in floating point, and so no gradient")
    for r in results:
        if r.dtype.kind == "c":
            raise DTypeError(
                f"{subject.label} returns {r.dtype}, but gradients are checked of real results: take the real part, "
                "the imaginary part or the modulus"
            )
        if r.dtype.kind != "f":
            raise DTypeError(
                f"{subject.label} returns {r.dtype}, which jumps and is flat in between: it has no gradient. Compute "
                "it in floating point"
            )
        if not np.isfinite(r).all():
            bad = np.argwhere(~np.isfinite(r))[0].tolist()
            where = f" at {bad}" if bad else ""
            raise CheckError(
                f"{subject.label} returns {r[tuple(bad)]}{where} at the parameters given, and so has no gradient: "
                "give parameters at which it is finite (gg.debug_nans tells where it comes from)"
            )
    return min((r.dtype for r in results), key=lambda d: d.itemsize)


def _same(one: Sequence[Array], other: Sequence[Array]) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=_REPEATED, atol=0.0, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )
