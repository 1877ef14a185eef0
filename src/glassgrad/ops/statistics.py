"""Mean, variance and standard deviation, along any axes; the number of rows may stay open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.ir import Shape
from glassgrad.ops.creation import count
from glassgrad.ops.families import composite
from glassgrad.ops.record import Kink, Sample, Text, lookup
from glassgrad.ops.reductions import COMPLEX, REDUCTIONS, batch_reduction, kept, reduced
from glassgrad.ops.rules import cast, component, conj, floating
from glassgrad.ops.shapes import normalise_axes


def _average(
    F: Any, x: Any, axis: int | Sequence[int] | None, keepdims: bool, **settings: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the input and the settings of a mean, variance or deviation in normal form."""
    axes = normalise_axes(axis, len(x.shape))
    return cast(F, x, floating(x.dtype)), {"axis": axes, "keepdims": bool(keepdims), **settings}


def _infer_reduced(x: Any, *, axis: tuple[int, ...], keepdims: bool, **_: Any) -> tuple[Shape, np.dtype[Any]]:
    return reduced(tuple(x.shape), axis, keepdims), x.dtype


def _call_mean(F: Any, x: Any, /, axis: int | Sequence[int] | None = None, *, keepdims: bool = False) -> Any:
    x, settings = _average(F, x, axis, keepdims)
    return F.bind(mean, (x,), settings)


def _mean(x: Any, *, axis: tuple[int, ...], keepdims: bool, out: Any = None) -> Any:
    total = np.add.reduce(x, axis=axis, keepdims=keepdims, out=out)
    number = x.size if len(axis) == x.ndim else math.prod(x.shape[a] for a in axis)
    if number:
        return np.divide(total, number, out=out)
    with np.errstate(invalid="ignore"):
        return np.divide(total, number, out=out)


def _pull_mean(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    (x,), axis = xs, attrs["axis"]
    share = F.divide(g, count(F, x, axis))
    return [F.broadcast_to(kept(F, share, tuple(x.shape), axis), x.shape)]


mean = composite(
    "mean",
    call=_call_mean,
    infer=_infer_reduced,
    numpy=_mean,
    definition=lambda F, x, *, axis, keepdims: F.divide(
        F.sum(x, axis=axis, keepdims=keepdims), count(F, x, axis)
    ),
    pull=_pull_mean,
    push=lambda F, tangents, z, xs, attrs, _: F.mean(tangents[0], **attrs),
    batch=batch_reduction("mean"),
    latex=r"\frac{{1}}{{n}} \sum {0}",
    derivative=r"\frac{1}{n}",
    why=Text(
        "every term has an n-th part in the mean, so each gets an n-th of the upstream gradient",
        "모든 항이 평균의 n분의 1을 차지하므로 각 항은 상류 기울기의 n분의 1을 받는다",
    ),
    samples=REDUCTIONS + COMPLEX,
    writes_out=True,
)


# --- variance, standard deviation ----------------------------------------------------------------------------------


def _freedom(F: Any, x: Any, axis: tuple[int, ...], correction: float) -> Any:
    """Return n − correction, what squares are divided by; at least 0, so that too few values have no deviation."""
    n = count(F, x, axis)
    if isinstance(n, float):
        return max(n - correction, 0.0)
    return F.subtract(n, correction) if correction else n


def _infer_spread(x: Any, *, axis: tuple[int, ...], keepdims: bool, **_: Any) -> tuple[Shape, np.dtype[Any]]:
    return reduced(tuple(x.shape), axis, keepdims), component(x.dtype)


def _spread(name: str) -> Any:
    """Return the call of a variance or deviation."""

    def call(
        F: Any,
        x: Any,
        /,
        axis: int | Sequence[int] | None = None,
        *,
        correction: float = 0.0,
        keepdims: bool = False,
    ) -> Any:
        x, settings = _average(F, x, axis, keepdims, correction=float(correction))
        return F.bind(lookup(name), (x,), settings)

    return call


def _var(F: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool, correction: float) -> Any:
    deviation = F.subtract(x, F.mean(x, axis=axis, keepdims=True))
    total = F.sum(_squares(F, deviation), axis=axis, keepdims=keepdims)
    return F.divide(total, _freedom(F, x, axis, correction))


def _squares(F: Any, x: Any) -> Any:
    return F.real(F.multiply(x, F.conj(x))) if x.dtype.kind == "c" else F.square(x)


def _deviation(F: Any, x: Any, axis: tuple[int, ...], correction: float) -> Any:
    """Return (x − mean) / (n − correction), of which the gradients of var and std are made."""
    deviation = F.subtract(x, F.mean(x, axis=axis, keepdims=True))
    return F.divide(deviation, _freedom(F, x, axis, correction))


def _pull_var(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    (x,), axis = xs, attrs["axis"]
    slope = F.multiply(_deviation(F, x, axis, attrs["correction"]), 2)
    return [F.multiply(kept(F, g, tuple(x.shape), axis), slope)]


def _push_var(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    return F.multiply(_along_deviation(F, tangents[0], xs[0], attrs), 2)


def _along_deviation(F: Any, tangent: Any, x: Any, attrs: Mapping[str, Any]) -> Any:
    """Return how far a tangent goes along the deviations."""
    slope = conj(F, _deviation(F, x, attrs["axis"], attrs["correction"]))
    along = F.sum(F.multiply(tangent, slope), axis=attrs["axis"], keepdims=attrs["keepdims"])
    return cast(F, along, component(x.dtype))


_SPREAD = (*REDUCTIONS, Sample(((2, 3),), {"axis": 1, "correction": 1}), *COMPLEX)

var = composite(
    "var",
    call=_spread("var"),
    infer=_infer_spread,
    definition=_var,
    pull=_pull_var,
    push=_push_var,
    batch=batch_reduction("var"),
    latex=r"\operatorname{{Var}}({0})",
    derivative=r"\frac{2 (x - \bar x)}{n - c}",
    why=Text(
        "only a value's distance from the mean counts: that the mean moves too adds nothing, because the distances "
        "add up to 0",
        "평균에서 떨어진 거리만 중요하다: 평균도 함께 움직이지만 거리의 합이 0이므로 더해지는 것이 없다",
    ),
    samples=_SPREAD,
)


def _std(F: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool, correction: float) -> Any:
    return F.sqrt(F.var(x, axis=axis, keepdims=keepdims, correction=correction))


def _std_from_largest(F: Any, x: Any, **settings: Any) -> Any:
    """Measure from the largest value, so that equal values have a deviation of exactly 0."""
    if any(x.shape[a] == 0 for a in settings["axis"]):
        return _std(F, x, **settings)
    return _std(F, F.subtract(x, F.max(x, axis=settings["axis"], keepdims=True)), **settings)


def _std_scale(F: Any, g: Any, z: Any) -> Any:
    """Return g / z, and 0 where z is 0."""
    constant = F.equal(z, 0)
    return F.where(constant, 0.0, F.divide(g, F.where(constant, 1.0, z)))


def _pull_std(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    (x,), axis = xs, attrs["axis"]
    scale = kept(F, _std_scale(F, g, z), tuple(x.shape), axis)
    return [F.multiply(scale, _deviation(F, x, axis, attrs["correction"]))]


def _push_std(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    return _std_scale(F, _along_deviation(F, tangents[0], xs[0], attrs), z)


std = composite(
    "std",
    call=_spread("std"),
    infer=_infer_spread,
    definition=_std,
    lowering=_std_from_largest,
    pull=_pull_std,
    push=_push_std,
    batch=batch_reduction("std"),
    latex=r"\operatorname{{std}}({0})",
    derivative=r"\frac{x - \bar x}{(n - c) z}",
    why=Text(
        "the root of the variance: the variance's gradient divided by twice the deviation",
        "분산의 제곱근이므로 분산의 기울기를 표준편차의 두 배로 나눈 것이다",
    ),
    kinks=(Kink("all values equal", "0"),),
    samples=_SPREAD,
)
