"""Softmax and the losses of classification: scores become probabilities, and are held against the answer.

The definitions are the textbook's; what runs subtracts the largest score first, so that no exponential overflows.
Their gradients are short (softmax − target) and written out here, because the speed of training hangs on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.ops.families import composite
from glassgrad.ops.record import Kink, Sample, Text, lookup
from glassgrad.ops.reductions import batch_reduction, kept, reduced
from glassgrad.ops.rules import cast, floating
from glassgrad.ops.shapes import normalise_axes, normalise_axis

# --- softmax, log-softmax ------------------------------------------------------------------------------------------


def _shifted(F: Any, x: Any, axis: int) -> Any:
    return F.subtract(x, F.stop_gradient(F.max(x, axis=axis, keepdims=True)))


def _along(name: str) -> Any:
    """Return the call of an operation along one axis."""

    def call(F: Any, x: Any, axis: int = -1) -> Any:
        if not x.shape:
            raise ShapeError(f"{name} goes along an axis, but was given a single number")
        along = normalise_axis(axis, len(x.shape))
        if x.shape[along] == 0:
            raise ShapeError(f"{name} of no values: axis {along} of shape {tuple(x.shape)} has size 0")
        if x.dtype.kind == "c":
            raise DTypeError(f"{name} takes real numbers, but was given {x.dtype}; use gg.real or gg.abs")
        return F.bind(lookup(name), (cast(F, x, floating(x.dtype)),), {"axis": along})

    return call


def _batch_along(name: str) -> Any:
    def batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
        return getattr(F, name)(xs[0], attrs["axis"] + 1)

    return batch


def _softmax(x: Any, *, axis: int, out: Any = None) -> Any:
    with np.errstate(invalid="ignore"):
        e = np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True), out=out)
        np.exp(e, out=e)
        return np.divide(e, np.add.reduce(e, axis=axis, keepdims=True), out=e)


def _softmax_definition(F: Any, x: Any, *, axis: int) -> Any:
    e = F.exp(x)
    return F.divide(e, F.sum(e, axis=axis, keepdims=True))


def _softmax_lowering(F: Any, x: Any, *, axis: int) -> Any:
    return _softmax_definition(F, _shifted(F, x, axis), axis=axis)


def _softmax_product(F: Any, v: Any, z: Any, axis: int) -> Any:
    """Multiply by the Jacobian of softmax, which is symmetric: z · (v − Σ v z)."""
    return F.multiply(z, F.subtract(v, F.sum(F.multiply(v, z), axis=axis, keepdims=True)))


_ROWS = (Sample(((2, 3),)), Sample(((3, 4, 2),), {"axis": 1}), Sample(((5,),), low=-8.0, high=8.0))

softmax = composite(
    "softmax",
    call=_along("softmax"),
    infer=lambda x, *, axis: (tuple(x.shape), x.dtype),
    numpy=_softmax,
    definition=_softmax_definition,
    lowering=_softmax_lowering,
    pull=lambda F, wanted, g, z, xs, attrs, _: [_softmax_product(F, g, z, attrs["axis"])],
    push=lambda F, tangents, z, xs, attrs, _: _softmax_product(F, tangents[0], z, attrs["axis"]),
    batch=_batch_along("softmax"),
    latex=r"\operatorname{{softmax}}({0})",
    derivative=r"z_i ([i = j] - z_j)",
    why=Text(
        "the probabilities share a sum of 1: what one gains, the others lose in proportion to their size, so each "
        "gradient is measured against the average of all",
        "확률들의 합은 1이다: 하나가 얻으면 나머지가 크기에 비례해 잃으므로, 각 기울기에서 전체의 가중 평균을 뺀다",
    ),
    samples=_ROWS,
    writes_out=True,
)


def _log_softmax(x: Any, *, axis: int, out: Any = None) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True), out=out)
        total = np.add.reduce(np.exp(z), axis=axis, keepdims=True)
        return np.subtract(z, np.log(total, out=total), out=z)


def _log_softmax_lowering(F: Any, x: Any, *, axis: int) -> Any:
    shifted = _shifted(F, x, axis)
    return F.subtract(shifted, F.log(F.sum(F.exp(shifted), axis=axis, keepdims=True)))


log_softmax = composite(
    "log_softmax",
    call=_along("log_softmax"),
    infer=lambda x, *, axis: (tuple(x.shape), x.dtype),
    numpy=_log_softmax,
    definition=lambda F, x, *, axis: F.log(F.softmax(x, axis)),
    lowering=_log_softmax_lowering,
    pull=lambda F, wanted, g, z, xs, attrs, _: [
        F.subtract(g, F.multiply(F.exp(z), F.sum(g, axis=attrs["axis"], keepdims=True)))
    ],
    push=lambda F, tangents, z, xs, attrs, _: F.subtract(
        tangents[0], F.sum(F.multiply(F.exp(z), tangents[0]), axis=attrs["axis"], keepdims=True)
    ),
    batch=_batch_along("log_softmax"),
    latex=r"\ln \operatorname{{softmax}}({0})",
    derivative=r"[i = j] - \operatorname{softmax}(x)_j",
    why=Text(
        "each score passes its gradient on, and all scores together pay for the common normaliser, each its "
        "probability's part",
        "각 점수는 기울기를 그대로 전달하고, 공통 정규화 항의 몫은 모든 점수가 자기 확률만큼 나누어 낸다",
    ),
    samples=_ROWS,
    writes_out=True,
)


# --- logsumexp -----------------------------------------------------------------------------------------------------


def _call_logsumexp(
    F: Any, x: Any, axis: int | Sequence[int] | None = None, *, keepdims: bool = False
) -> Any:
    if x.dtype.kind == "c":
        raise DTypeError(
            f"logsumexp takes real numbers, but was given {x.dtype}; use gg.log(gg.sum(gg.exp(z)))"
        )
    x = cast(F, x, floating(x.dtype))
    return F.bind(logsumexp, (x,), {"axis": normalise_axes(axis, len(x.shape)), "keepdims": keepdims})


def _logsumexp(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    largest = np.asarray(np.maximum.reduce(x, axis=axis, keepdims=True, initial=-np.inf))
    shift = np.where(np.isfinite(largest), largest, np.zeros((), x.dtype))
    with np.errstate(divide="ignore", over="ignore"):
        total = np.log(np.add.reduce(np.exp(np.subtract(x, shift)), axis=axis, keepdims=True)) + shift
    return total if keepdims else total.reshape(reduced(x.shape, axis, False))


def _logsumexp_lowering(F: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    largest = F.stop_gradient(F.max(x, axis=axis, keepdims=True))
    shift = F.where(F.isfinite(largest), largest, 0.0)
    total = F.sum(F.exp(F.subtract(x, shift)), axis=axis, keepdims=True)
    z = F.add(F.log(total), shift)
    return z if keepdims else F.reshape(z, reduced(tuple(x.shape), axis, False))


def _weights(F: Any, x: Any, z: Any, axis: tuple[int, ...]) -> Any:
    """Return a softmax that is 0 where all is −inf, and even over the entries that are +inf."""
    ordinary = F.logical_not(F.isinf(kept(F, z, tuple(x.shape), axis)))
    shift = F.stop_gradient(F.max(x, axis=axis, keepdims=True))
    e = F.exp(F.subtract(F.where(ordinary, x, 0.0), F.where(ordinary, shift, 0.0)))
    usual = F.divide(e, F.sum(e, axis=axis, keepdims=True))
    largest = cast(F, F.equal(x, float("inf")), x.dtype)
    shares = F.divide(largest, F.maximum(F.sum(largest, axis=axis, keepdims=True), 1))
    return F.where(ordinary, usual, shares)


logsumexp = composite(
    "logsumexp",
    call=_call_logsumexp,
    infer=lambda x, *, axis, keepdims: (reduced(tuple(x.shape), axis, keepdims), x.dtype),
    numpy=_logsumexp,
    definition=lambda F, x, *, axis, keepdims: F.log(F.sum(F.exp(x), axis=axis, keepdims=keepdims)),
    lowering=_logsumexp_lowering,
    pull=lambda F, wanted, g, z, xs, attrs, _: [
        F.multiply(kept(F, g, tuple(xs[0].shape), attrs["axis"]), _weights(F, xs[0], z, attrs["axis"]))
    ],
    push=lambda F, tangents, z, xs, attrs, _: F.sum(
        F.multiply(tangents[0], _weights(F, xs[0], z, attrs["axis"])), **attrs
    ),
    batch=batch_reduction("logsumexp"),
    latex=r"\ln \sum e^{{{0}}}",
    derivative=r"\operatorname{softmax}(x)",
    why=Text(
        "a smooth maximum: the gradient is shared out by softmax, most of it to the largest",
        "매끄러운 최댓값: 기울기가 소프트맥스 비율로 나뉘며 가장 큰 값이 가장 많이 받는다",
    ),
    kinks=(Kink("all −inf", "0"), Kink("some +inf", "an even share to each +inf")),
    samples=(
        Sample(((2, 3),)),
        Sample(((2, 3),), {"axis": 1}),
        Sample(((2, 3, 4),), {"axis": (0, 2), "keepdims": True}),
    ),
)
