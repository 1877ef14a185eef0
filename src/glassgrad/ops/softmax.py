"""Softmax and the losses of classification: scores become probabilities, and are held against the answer.

The definitions are the textbook's; what runs subtracts the largest score first, so that no exponential overflows.
Their gradients are short (softmax − target) and written out here, because the speed of training hangs on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError
from glassgrad.ir import Shape
from glassgrad.ops.arithmetic import strong_multiply
from glassgrad.ops.families import cast, composite, elementwise, floating
from glassgrad.ops.indexing import check_labels
from glassgrad.ops.record import Kink, Sample, Text, lookup
from glassgrad.ops.reductions import batch_reduction, kept, reduced
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


# --- cross-entropy of classes --------------------------------------------------------------------------------------


def _call_cross_entropy(F: Any, logits: Any, target: Any, label_smoothing: float = 0.0) -> Any:
    if not 0 <= label_smoothing < 1:
        raise OptionError(f"label_smoothing must be at least 0 and below 1, but is {label_smoothing}")
    logits = cast(F, logits, floating(logits.dtype))
    if target.dtype.kind not in "iu" or len(target.shape) == len(logits.shape):
        target = cast(F, target, logits.dtype)
    _infer_cross_entropy(logits, target, label_smoothing=label_smoothing)
    return F.bind(cross_entropy, (logits, target), {"label_smoothing": float(label_smoothing)})


def _infer_cross_entropy(x: Any, target: Any, *, label_smoothing: float) -> tuple[Shape, np.dtype[Any]]:
    shape, given = tuple(x.shape), tuple(target.shape)
    if not shape:
        raise ShapeError("cross_entropy needs scores of shape (rows, classes), but was given a single number")
    if target.dtype.kind == "f":
        if given == shape[:-1] and given != shape:
            raise DTypeError(
                f"cross_entropy: a target of shape {given} holds labels, which are whole numbers; use .astype('int64')"
            )
        if given != shape:
            raise ShapeError(f"cross_entropy: probabilities of shape {given} for scores of shape {shape}")
    elif given != shape[:-1]:
        raise ShapeError(
            f"cross_entropy: labels of shape {given} for scores of shape {shape}; expected {shape[:-1]}"
        )
    return shape[:-1], x.dtype


def _cross_entropy(x: Any, target: Any, *, label_smoothing: float, out: Any = None) -> Any:
    classes = x.shape[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = x - np.maximum.reduce(x, axis=-1, keepdims=True)
        total = np.add.reduce(np.exp(shifted), axis=-1)
        if target.dtype.kind == "f":
            if label_smoothing:
                target = target * (1 - label_smoothing) + label_smoothing / classes
            weighted = strong_multiply.numpy(target, shifted - np.log(total)[..., None])  # type: ignore[misc]
            return np.negative(np.add.reduce(weighted, axis=-1), out=out)
        check_labels(target, classes)
        flat = shifted.reshape(-1, classes)
        picked = flat[np.arange(len(flat)), target.reshape(-1)].reshape(target.shape)
        if label_smoothing:
            picked = picked * (1 - label_smoothing) + shifted.mean(-1) * label_smoothing
        return np.subtract(np.log(total), picked, out=out)


def _smoothed(F: Any, target: Any, classes: int, label_smoothing: float) -> Any:
    if not label_smoothing:
        return target
    return F.add(F.multiply(target, 1 - label_smoothing), label_smoothing / classes)


def _against(F: Any, log_p: Any, target: Any, label_smoothing: float) -> Any:
    """Hold log-probabilities against the target: −Σ t · ln p."""
    classes = log_p.shape[-1]
    if target.dtype.kind == "f":
        t = _smoothed(F, target, classes, label_smoothing)
        return F.negative(F.sum(F.strong_multiply(t, log_p), axis=-1))
    picked = F.squeeze(F.take_along_axis(log_p, F.expand_dims(target, -1), -1), -1)
    if label_smoothing:
        even = F.multiply(F.mean(log_p, axis=-1), label_smoothing)
        picked = F.add(F.multiply(picked, 1 - label_smoothing), even)
    return F.negative(picked)


def _cross_entropy_slope(F: Any, x: Any, target: Any, label_smoothing: float) -> Any:
    """Return softmax − target, the gradient for the scores."""
    classes = x.shape[-1]
    p = F.softmax(x, -1)
    if target.dtype.kind == "f":
        t = _smoothed(F, target, classes, label_smoothing)
        p = F.multiply(p, F.sum(t, axis=-1, keepdims=True))
    else:
        t = _smoothed(F, F.one_hot(target, classes, x.dtype), classes, label_smoothing)
    return F.subtract(p, t)


def _pull_cross_entropy(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    (x, target), smoothing = xs, attrs["label_smoothing"]
    g = F.expand_dims(g, -1)
    by_scores = F.multiply(g, _cross_entropy_slope(F, x, target, smoothing)) if wanted[0] else None
    by_target = F.multiply(g, F.multiply(F.log_softmax(x, -1), smoothing - 1)) if wanted[1] else None
    return [by_scores, by_target]


def _push_cross_entropy(
    F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> Any:
    (x, target), smoothing = xs, attrs["label_smoothing"]
    dx, dt = tangents
    terms = []
    if dx is not None:
        terms.append(F.multiply(dx, _cross_entropy_slope(F, x, target, smoothing)))
    if dt is not None:
        terms.append(F.multiply(dt, F.multiply(F.log_softmax(x, -1), smoothing - 1)))
    return F.sum(terms[0] if len(terms) == 1 else F.add(*terms), axis=-1)


def _batch_cross_entropy(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    rows = next(x.shape[0] for x, b in zip(xs, batched, strict=True) if b)
    wide = [x if b else F.broadcast_to(x, (rows, *x.shape)) for x, b in zip(xs, batched, strict=True)]
    return F.cross_entropy(*wide, **attrs)


_LABELS = np.array([2, 0, 1, 1])
_SHARES = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]])

cross_entropy = composite(
    "cross_entropy",
    call=_call_cross_entropy,
    infer=_infer_cross_entropy,
    numpy=_cross_entropy,
    definition=lambda F, x, target, *, label_smoothing: _against(
        F, F.log(F.softmax(x, -1)), target, label_smoothing
    ),
    lowering=lambda F, x, target, *, label_smoothing: _against(
        F, F.log_softmax(x, -1), target, label_smoothing
    ),
    pull=_pull_cross_entropy,
    push=_push_cross_entropy,
    batch=_batch_cross_entropy,
    latex=r"-\sum {1} \ln \operatorname{{softmax}}({0})",
    derivative=r"\operatorname{softmax}(x) - t, \; -\ln \operatorname{softmax}(x)",
    why=Text(
        "softmax and the logarithm undo each other, and what is left is the error itself: prediction minus target",
        "소프트맥스와 로그가 서로를 지우고 오차 그 자체, 곧 예측값 빼기 정답만 남는다",
    ),
    samples=(
        Sample(((4, 3), _LABELS)),
        Sample(((4, 3), _SHARES)),
        Sample(((4, 3), (4, 3)), low=0.1, high=0.9),
        Sample(((4, 3), _LABELS), {"label_smoothing": 0.1}),
        Sample(((4, 3), _SHARES), {"label_smoothing": 0.1}),
    ),
    writes_out=True,
)


# --- cross-entropy of yes and no -----------------------------------------------------------------------------------


def _call_binary(name: str) -> Any:
    def call(F: Any, x: Any, target: Any) -> Any:
        x = cast(F, x, floating(x.dtype))
        return F.bind(lookup(name), (x, cast(F, target, x.dtype)))

    return call


def _binary(F: Any, p: Any, target: Any) -> Any:
    yes = F.strong_multiply(target, F.log(p))
    no = F.strong_multiply(F.subtract(1, target), F.log(F.subtract(1, p)))
    return F.negative(F.add(yes, no))


_YES = np.array([[1.0, 0.0, 0.3], [0.5, 1.0, 0.0]])

binary_cross_entropy_with_logits = elementwise(
    "binary_cross_entropy_with_logits",
    None,
    (lambda F, z, x, t: F.subtract(F.sigmoid(x), t), lambda F, z, x, t: F.negative(x)),
    call=_call_binary("binary_cross_entropy_with_logits"),
    dtype=floating,
    definition=lambda F, x, t: _binary(F, F.sigmoid(x), t),
    lowering=lambda F, x, t: F.add(
        F.subtract(F.maximum(x, 0), F.multiply(x, t)), F.log1p(F.exp(F.negative(F.abs(x))))
    ),
    latex=r"-{1} \ln \sigma({0}) - (1 - {1}) \ln(1 - \sigma({0}))",
    derivative=r"\sigma(x) - t, \; -x",
    why=Text(
        "the sigmoid and the logarithm undo each other, and what is left is the error itself: prediction minus target",
        "시그모이드와 로그가 서로를 지우고 오차 그 자체, 곧 예측값 빼기 정답만 남는다",
    ),
    samples=(Sample(((2, 3), _YES)), Sample(((2, 3), (2, 3)), low=0.1, high=0.9)),
)


def _binary_slope(F: Any, z: Any, p: Any, t: Any) -> Any:
    no = F.strong_multiply(F.subtract(1, t), F.reciprocal(F.subtract(1, p)))
    return F.subtract(no, F.strong_multiply(t, F.reciprocal(p)))


binary_cross_entropy = elementwise(
    "binary_cross_entropy",
    None,
    (_binary_slope, lambda F, z, p, t: F.subtract(F.log(F.subtract(1, p)), F.log(p))),
    call=_call_binary("binary_cross_entropy"),
    dtype=floating,
    strong=True,
    definition=_binary,
    latex=r"-{1} \ln {0} - (1 - {1}) \ln(1 - {0})",
    derivative=r"\frac{1 - t}{1 - p} - \frac{t}{p}, \; \ln \frac{1 - p}{p}",
    why=Text(
        "the loss is the surprise at the answer, and its slope is one over the probability that was given to it",
        "손실은 정답에 대한 놀라움이고, 그 기울기는 정답에 준 확률의 역수이다",
    ),
    kinks=(
        Kink("p = 0 or 1", "inf where the answer had probability 0; the limit where it had probability 1"),
    ),
    samples=(Sample(((2, 3), _YES), low=0.1, high=0.9), Sample(((2, 3), (2, 3)), low=0.1, high=0.9)),
)
