"""Judging one gradient from what was measured: right or wrong, and what is wrong with it.

The exact gradient is the reference, and numeric differentiation its witness: where the two disagree, the code blocks a
gradient, and the slope of the function decides. Where a gradient differs at a kink, no gradient is right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from glassgrad.checking import sentences as say
from glassgrad.checking.comparison import ROUNDING, Comparison, Disguise, compare, disguise, relative_errors
from glassgrad.checking.measuring import Draw, Measured, numeric_at
from glassgrad.checking.numeric import Numeric
from glassgrad.checking.results import CheckedGradient, Verdict
from glassgrad.language import Text, short

__all__ = ["judge"]

Array = np.ndarray[Any, Any]
State: TypeAlias = Literal["right", "wrong", "kink", "jump", "blocked"]

_NEGLIGIBLE = 1e-5
"""Relative errors up to this are told and do not count as wrong."""
_SHORT = 2e-3
"""The same where the result is computed in float32 or less."""
_NUMERIC = 1e-6
"""Relative errors beside numeric gradients up to this are theirs, whatever they estimate."""
_NEARBY = 32
"""About as many elements are differentiated numerically at points nearby where there is no exact gradient."""
_PROBED = 8
"""Elements that are differentiated numerically where a gradient differs from the exact one."""


@dataclass(eq=False, slots=True)
class _At:
    """What one gradient is at one point: its state there, and the numbers it rests on."""

    draw: Draw
    shape: tuple[int, ...]
    given: Array
    exact: Array | None
    numeric: Numeric
    comparison: Comparison
    state: State
    kinks: list[int]
    """Of the elements that were differentiated numerically, those with a kink or jump, as numbers in that list."""


def judge(measured: Measured, which: int) -> CheckedGradient:
    """Judge the gradient of one array."""
    name = measured.subject.names[which]
    scale = _scale(measured)
    none = measured.draws[0].given[which] is None
    seen = [_look(measured, draw, which, scale) for draw in measured.draws]
    wrong = [one for one in seen if one.state == "wrong"]
    if not wrong:
        return _not_wrong(measured, name, which, seen)
    return _wrong(measured, name, which, seen, wrong, scale, none=none)


def _scale(measured: Measured) -> float:
    """Return a size below which a gradient is 0: what rounding leaves of numbers as large as the others are."""
    sizes = [abs(d.value) * 1e-3 for d in measured.draws]
    for draw in measured.draws:
        sizes += [float(np.max(np.abs(g), where=np.isfinite(g), initial=0.0)) for g in draw.exact or ()]
    sizes += [
        float(np.max(np.abs(n.value), where=np.isfinite(n.value), initial=0.0)) for n in measured.numeric
    ]
    return 1e-6 * max(sizes, default=0.0)


def _tolerance(measured: Measured) -> float:
    return ROUNDING if measured.digits.itemsize >= 8 else _SHORT


def _look(measured: Measured, draw: Draw, which: int, scale: float) -> _At:
    """Compare one gradient at one point with the exact and the numeric one."""
    array = draw.point.arrays[which]
    given = draw.given[which]
    given = np.zeros(array.shape) if given is None else given
    first = draw is measured.draws[0]
    exact = None if draw.exact is None else draw.exact[which]
    fits = given.shape == array.shape
    if exact is not None:
        found = compare(given, exact, scale, _tolerance(measured))
        if first:
            numeric = measured.numeric[which]
        else:
            errors = relative_errors(given, exact, scale).reshape(-1) if fits else np.zeros(0)
            worst = np.argsort(-errors, kind="stable")[: 0 if found.close else _PROBED]
            numeric = numeric_at(measured, draw, which, worst.tolist())
    else:
        numeric = measured.numeric[which]
        if not first:
            every = max(1, len(numeric.at) // _NEARBY)
            numeric = numeric_at(measured, draw, which, numeric.at[::every].tolist())
        found = _against(given, numeric, scale) if fits else compare(given, array)
    state, kinks = _state(given, exact, numeric, found, scale, measured)
    return _At(draw, array.shape, given, exact, numeric, found, state, kinks)


def _against(given: Array, numeric: Numeric, scale: float) -> Comparison:
    """Compare a gradient with a numeric one, within what that may be off by, where it has slopes."""
    at = numeric.at[numeric.smooth]
    if not len(at):
        return Comparison(0.0, None, 0, len(numeric.at))
    mine, slopes = given.reshape(-1)[at], numeric.value[numeric.smooth]
    errors = relative_errors(mine, slopes, scale)
    bad = ~_agree(mine, slopes, numeric.error[numeric.smooth], scale)
    shown = np.where(bad, errors, -1.0) if bad.any() else errors
    worst = int(np.argmax(shown))
    place = tuple(int(k) for k in np.unravel_index(int(at[worst]), given.shape))
    return Comparison(float(errors[worst]), place, int(bad.sum()), len(numeric.at))


def _agree(one: Array, slopes: Array, errors: Array, scale: float) -> Array:
    """Say for each number whether it is a slope, within what the slope may be off by."""
    largest = float(np.max(np.abs(slopes), initial=0.0))
    size = np.maximum(np.maximum(np.abs(one), np.abs(slopes)), max(scale, 1e-3 * largest))
    with np.errstate(invalid="ignore"):
        agree: Array = np.abs(one - slopes) <= 10 * errors + _NUMERIC * size
    return agree


def _state(
    given: Array, exact: Array | None, numeric: Numeric, found: Comparison, scale: float, measured: Measured
) -> tuple[State, list[int]]:
    """Say what a gradient is at one point, and at which of the probed elements there is a kink."""
    corners = [k for k, shape in enumerate(numeric.shapes) if shape != "smooth"]
    if given.shape != (exact.shape if exact is not None else given.shape) or (
        found.at is None and found.wrong
    ):
        return "wrong", []
    mine = given.reshape(-1)[numeric.at]
    between = [k for k in corners if _between(mine[k], numeric, k, scale)]
    smooth = np.flatnonzero(numeric.smooth)
    is_slope = _agree(mine[smooth], numeric.value[smooth], numeric.error[smooth], scale)
    if exact is None:
        if not found.close or len(between) < len(corners):
            return "wrong", corners
        return ("kink" if corners else "right"), corners
    true = exact.reshape(-1)[numeric.at]
    tolerance = _tolerance(measured)
    exact_is_slope = _agree(true[smooth], numeric.value[smooth], numeric.error[smooth], scale)
    if found.close:
        return ("right" if exact_is_slope.all() else "blocked"), corners
    off = relative_errors(mine, true, scale) > tolerance
    if (off[smooth] & (exact_is_slope | ~is_slope)).any() or not off.any():
        return "wrong", corners
    if any(off[k] and k not in between for k in corners):
        return "wrong", corners
    return ("blocked" if off[smooth].any() else "kink"), [k for k in corners if off[k]]


def _between(number: float, numeric: Numeric, k: int, scale: float) -> bool:
    """Say whether a number lies between the slopes to either side of a kink; at a jump nothing is wrong."""
    if numeric.shapes[k] == "jump":
        return True
    low, high = sorted((numeric.left[k], numeric.right[k]))
    slack = 1e-4 * max(abs(low), abs(high), scale)
    return bool(low - slack <= number <= high + slack)


# --- not wrong -------------------------------------------------------------------------------------------------------


def _not_wrong(measured: Measured, name: str, which: int, seen: list[_At]) -> CheckedGradient:
    findings: list[Text] = []
    cause: str | None = None
    first = seen[0]
    corners = [(one, k) for one in seen for k in one.kinks]
    kinks = [(one, k) for one, k in corners if one.numeric.shapes[k] == "kink"]
    blocked = next((one for one in seen if one.state == "blocked"), None)
    if blocked is not None:
        cause = "blocked"
        findings.append(_blocked(name, blocked, _scale(measured)))
    if kinks:
        cause = cause or "kink"
        one, k = kinks[0]
        findings.append(
            say.KINK.fill(
                place=_place(name, one, k),
                name=name,
                n=sum(1 for other, _ in kinks if other is one),
                left=short(one.numeric.left[k]),
                right=short(one.numeric.right[k]),
                given=short(one.given.reshape(-1)[one.numeric.at[k]]),
            )
        )
    elif corners:
        cause = cause or "jump"
        one, k = corners[0]
        findings.append(say.JUMP.fill(place=_place(name, one, k), name=name))
    if not findings and not any(_reference(one).any() for one in seen) and not first.given.any():
        cause, findings = "flat", [say.STILL.fill(name=name)]
    verdict: Verdict = "notice" if findings else "right"
    usual = [one.comparison for one in seen if one.state == "right"]
    worst = max(usual, key=lambda found: found.error) if usual else None
    return _result(measured, name, verdict, cause, None, first, which, findings, worst, wrong=0)


def _reference(one: _At) -> Array:
    """Return what a gradient is compared with; for a numeric one NaN where nothing was estimated."""
    return one.numeric.dense(one.shape)[0] if one.exact is None else one.exact


def _place(name: str, one: _At, k: int) -> str:
    index = np.unravel_index(int(one.numeric.at[k]), one.given.shape)
    return say.at_place(name, tuple(int(i) for i in index))


def _blocked(name: str, one: _At, scale: float) -> Text:
    assert one.exact is not None
    true, mine = one.exact.reshape(-1)[one.numeric.at], one.given.reshape(-1)[one.numeric.at]
    smooth = np.flatnonzero(one.numeric.smooth)
    differs = ~_agree(true[smooth], one.numeric.value[smooth], one.numeric.error[smooth], scale)
    k = int(smooth[int(np.argmax(differs * np.abs(true[smooth] - one.numeric.value[smooth])))])
    slope = float(one.numeric.value[k])
    nearer = abs(mine[k] - slope) < abs(mine[k] - true[k])
    which = Text("slope", "변화율") if nearer else Text("derivative of the code", "코드의 미분")
    return say.BLOCKED.fill(
        exact=short(true[k]), place=_place(name, one, k), numeric=short(slope), which=which
    )


# --- wrong -----------------------------------------------------------------------------------------------------------


def _wrong(
    measured: Measured, name: str, which: int, seen: list[_At], wrong: list[_At], scale: float, *, none: bool
) -> CheckedGradient:
    shown = wrong[0]
    right = _reference(shown)
    tolerance = _tolerance(measured) if shown.exact is not None else _NEGLIGIBLE
    fits = shown.given.shape == shown.shape
    found = _disguise(seen, scale, tolerance, fits=fits)
    errors = [one.comparison.error for one in wrong]
    if found is None and fits and max(errors) <= _NEGLIGIBLE and shown.exact is not None:
        text = say.CLOSE.fill(error=short(max(errors)))
        return _result(measured, name, "notice", "precision", None, shown, which, [text], wrong=0)
    cause, factor, texts = _cause(measured, name, which, seen, shown, right, found, none=none)
    harmless = factor is not None and factor > 0 and cause in ("factor", "reshaped") and measured.loss
    kept = none and not measured.loss
    elsewhere = shown.draw is not measured.draws[0] and seen[0].state == "right"
    inputs_only = elsewhere and all(one.draw.moved_inputs for one in wrong) and len(seen) > 2
    verdict: Verdict = "notice" if harmless or kept or inputs_only else "wrong"
    findings = list(texts)
    if verdict == "wrong" and fits and shown.comparison.at is not None and cause != "zero":
        findings.insert(0, _where(name, shown, right))
    if inputs_only:
        text = say.INPUTS_ONLY.fill(place=say.at_place(name, shown.comparison.at), error=short(max(errors)))
        return _result(measured, name, verdict, "inputs", None, shown, which, [text], wrong=0)
    if elsewhere and not harmless:
        findings.append(say.COINCIDENCE)
    count = shown.comparison.wrong if verdict == "wrong" else 0
    return _result(measured, name, verdict, cause, factor, shown, which, findings, wrong=count)


def _disguise(seen: list[_At], scale: float, tolerance: float, *, fits: bool) -> Disguise | None:
    """Return what makes the gradient of the right one, at all points; of a sample it can only be a constant factor."""
    known = [one for one in seen if one.state in ("right", "wrong")]
    pairs = [(one.given, _reference(one)) for one in known]
    if all(np.isfinite(right).all() for _, right in pairs):
        return disguise(pairs, scale, tolerance)
    if not fits:
        return None
    looked = [(one, one.numeric.at[one.numeric.smooth]) for one in known]
    some = [(one.given.reshape(-1)[at], one.numeric.value[one.numeric.smooth]) for one, at in looked]
    found = disguise(some, scale, tolerance)
    return found if found is not None and found.kind in ("zero", "factor") else None


def _where(name: str, shown: _At, right: Array) -> Text:
    at = shown.comparison.at
    assert at is not None
    given = float(shown.given[at])
    words = {"given": short(given), "right": short(right[at]), "place": say.at_place(name, at)}
    if not np.isfinite(given):
        return say.NAN.fill(**words)
    found = shown.comparison
    return say.WRONG.fill(error=short(found.error), wrong=found.wrong, size=found.size, **words)


def _cause(
    measured: Measured,
    name: str,
    which: int,
    seen: list[_At],
    shown: _At,
    right: Array,
    found: Disguise | None,
    *,
    none: bool,
) -> tuple[str | None, float | None, list[Text]]:
    """Return what is wrong, for programs, the constant factor, and the sentences."""
    fits = shown.given.shape == right.shape
    shapes = {"given": shown.given.shape, "right": shown.shape, "name": name}
    if fits and not np.isfinite(shown.given).all():
        return "nan", None, []
    if found is not None:
        if found.kind == "zero":
            return "zero", 0.0, [(say.NONE_GIVEN if none else say.ZERO).fill(name=name)]
        factor = None if found.factor == 1.0 else found.factor
        more = [] if factor is None else [say.ALSO_FACTOR.fill(factor=_factor(factor))]
        if found.kind == "transposed":
            return "transposed", factor, [*_shape(fits, shapes), say.TRANSPOSED, *more]
        if found.kind == "summed":
            axes = Text(
                " and ".join(f"axis {a}" for a in found.axes), ", ".join(f"축 {a}" for a in found.axes)
            )
            axis = str(found.axes[0]) if len(found.axes) == 1 else str(found.axes)
            text = say.SUMMED.fill(axes=axes, name=name, axis=axis)
            if (rows := _broadcast(measured, shown, found.axes)) is not None:
                return "broadcast", None, [say.SHAPE.fill(**shapes), say.BROADCAST.fill(n=rows)]
            return "summed", factor, [say.SHAPE.fill(**shapes), text, *more]
        if found.kind == "reshaped":
            return "reshaped", found.factor, [say.RESHAPED.fill(**shapes), *more]
        if found.factor < 0:
            return "sign", found.factor, [say.SIGN, *(more if found.factor != -1.0 else [])]
        text = say.FACTOR_NOTICE if measured.loss else say.FACTOR_RULE
        return (
            "factor",
            found.factor,
            [text.fill(factor=_factor(found.factor), name=name), *_rows(measured, found.factor)],
        )
    other = _other(measured, which, seen)
    if other is not None:
        return "other", None, [*_shape(fits, shapes), say.OTHER.fill(other=other)]
    if not fits:
        return "shape", None, [say.SHAPE.fill(**shapes)]
    if all(not np.nan_to_num(_reference(one)).any() for one in seen):
        return "flat", None, [say.FLAT.fill(name=name)]
    return None, None, []


def _shape(fits: bool, words: dict[str, Any]) -> list[Text]:
    return [] if fits else [say.SHAPE.fill(**words)]


def _factor(factor: float) -> str:
    """Return a constant as a person would write it: 2, 1/32, 0.7."""
    sign = "−" if factor < 0 else ""
    size = abs(factor)
    if size < 1 and abs(1 / size - round(1 / size)) < 1e-6 / size:
        return f"{sign}1/{round(1 / size)}"
    return short(factor)


def _rows(measured: Measured, factor: float) -> list[Text]:
    """Say that a factor is the number of rows, where it is."""
    arrays = [*measured.subject.start.inputs, *measured.draws[0].cotangents]
    arrays = [x for x in arrays if isinstance(x, np.ndarray) and x.ndim > 0]
    for rows in {len(x) for x in arrays if len(x) > 2}:
        if any(abs(factor - one) <= 1e-6 * one for one in (rows, 1 / rows)):
            return [say.FACTOR_ROWS.fill(factor=_factor(factor), rows=rows)]
    return []


def _broadcast(measured: Measured, shown: _At, axes: tuple[int, ...]) -> int | None:
    """Return N where an (N, 1) array has probably met an (N,) one: a weight's only column has become N of them."""
    if len(shown.shape) != 2 or shown.shape[1] != 1 or axes != (1,):
        return None
    n = shown.given.shape[1]
    shapes = [np.shape(x) for x in measured.subject.start.inputs]
    met = any(s == (n,) for s in shapes) and any(len(s) > 1 and s[0] == n for s in shapes)
    return n if met else None


def _other(measured: Measured, which: int, seen: list[_At]) -> str | None:
    """Return the name of another array whose exact gradient this is."""
    for k, name in enumerate(measured.subject.names):
        if k != which and all(
            one.draw.exact is not None
            and one.draw.exact[k].any()
            and compare(one.given, one.draw.exact[k], 0.0, _tolerance(measured)).close
            for one in seen
        ):
            return name
    return None


def _result(
    measured: Measured,
    name: str,
    verdict: Verdict,
    cause: str | None,
    factor: float | None,
    shown: _At,
    which: int,
    findings: list[Text],
    worst: Comparison | None = None,
    *,
    wrong: int,
) -> CheckedGradient:
    numeric, numeric_error = shown.numeric.dense(shown.shape)
    found = shown.comparison if worst is None else worst
    return CheckedGradient(
        name,
        verdict,
        cause,
        factor,
        found.error,
        found.at,
        wrong,
        measured.numeric[which].size,
        shown.given,
        shown.exact,
        numeric,
        numeric_error,
        len(measured.numeric[which].at),
        tuple(findings),
    )
