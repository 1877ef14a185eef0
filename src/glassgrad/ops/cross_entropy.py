"""The losses of classification: predicted scores held against the answer.

The definitions are the textbook's; what runs goes through the logarithm of softmax, so that nothing overflows. Their
gradients are short (softmax − target) and written out here, because the speed of training hangs on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError
from glassgrad.ir import Shape
from glassgrad.ops.arithmetic import strong_multiply
from glassgrad.ops.families import composite, elementwise
from glassgrad.ops.indexing import pick_labels
from glassgrad.ops.record import Kink, Op, Sample, Text, lookup, register
from glassgrad.ops.rules import cast, floating
from glassgrad.ops.softmax import softmax

# --- labels --------------------------------------------------------------------------------------------------------


def _check_labels(labels: Any, classes: int) -> None:
    """Raise a ShapeError where a label is not one of ``0 … classes − 1``."""
    if labels.size == 0:
        return
    if labels.dtype == np.int64 and labels.view(np.uint64).max() < classes:  # a negative label is a huge one
        return
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        raise ShapeError(
            f"label {low if low < 0 else high} is out of range: with {classes} classes they go from 0 to {classes - 1}"
        )


def _one_hot(labels: Any, *, classes: int, dtype: np.dtype[Any]) -> Any:
    labels = np.asarray(labels)
    _check_labels(labels, classes)
    out = np.zeros((labels.size, classes), dtype)
    out[np.arange(labels.size), labels.reshape(-1)] = 1
    return out.reshape(*labels.shape, classes)


def _call_one_hot(F: Any, labels: Any, classes: int, dtype: Any = np.float64) -> Any:
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"one_hot needs whole-number labels, but these are {labels.dtype}")
    return F.bind(one_hot, (labels,), {"classes": int(classes), "dtype": np.dtype(dtype)})


one_hot: Op = register(
    Op(
        name="one_hot",
        call=_call_one_hot,
        infer=lambda labels, *, classes, dtype: ((*labels.shape, classes), dtype),
        numpy=_one_hot,
        pull=None,
        push=None,
        batch=lambda F, xs, batched, attrs, _: F.one_hot(xs[0], **attrs),
        latex=r"e_{{{0}}}",
        derivative="0",
        why=Text(
            "a label is a whole number: it cannot move a little, so it has no gradient",
            "레이블은 정수여서 조금씩 움직일 수 없으므로 기울기가 없다",
        ),
        samples=(Sample((np.array([2, 0, 1]),), {"classes": 3}),),
        definition=lambda F, labels, *, classes, dtype: F.astype(
            F.equal(F.expand_dims(labels, -1), F.arange(classes)), dtype
        ),
        lowering=lambda F, labels, *, classes, dtype: F.astype(
            F.equal(F.expand_dims(labels, -1), F.arange(classes)), dtype
        ),
    )
)


# --- cross-entropy of classes --------------------------------------------------------------------------------------


def _call_cross_entropy(F: Any, logits: Any, target: Any, label_smoothing: float = 0.0) -> Any:
    if not 0 <= label_smoothing < 1:
        raise OptionError(f"label_smoothing must be at least 0 and below 1, but is {label_smoothing}")
    logits, target = F.value(logits), F.value(target)
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
        _check_labels(target, classes)
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
    picked = pick_labels(F, log_p, target)
    if label_smoothing:
        even = F.multiply(F.mean(log_p, axis=-1), label_smoothing)
        picked = F.add(F.multiply(picked, 1 - label_smoothing), even)
    return F.negative(picked)


def _cross_entropy_slope(F: Any, x: Any, target: Any, label_smoothing: float) -> Any:
    """Return softmax − target, the gradient for the scores."""
    classes = x.shape[-1]
    if target.dtype.kind != "f" and not label_smoothing:
        return F.softmax_error(x, target)
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
    return F.cross_entropy(*_all_rows(F, xs, batched), **attrs)


def _all_rows(F: Any, xs: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
    """Give every input the rows that some have."""
    rows = next(x.shape[0] for x, b in zip(xs, batched, strict=True) if b)
    return [x if b else F.broadcast_to(x, (rows, *x.shape)) for x, b in zip(xs, batched, strict=True)]


def _softmax_error(x: Any, labels: Any, *, out: Any = None) -> Any:
    p = softmax.numpy(x, axis=x.ndim - 1, out=out)  # type: ignore[misc]
    flat = p.reshape(-1, x.shape[-1])
    flat[np.arange(len(flat)), np.reshape(labels, -1)] -= 1
    return p


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


softmax_error: Op = composite(
    "softmax_error",
    call=lambda F, logits, labels: F.bind(softmax_error, (logits, labels)),
    infer=lambda x, labels: (tuple(x.shape), x.dtype),
    numpy=_softmax_error,
    definition=lambda F, x, labels: F.subtract(F.softmax(x, -1), F.one_hot(labels, x.shape[-1], x.dtype)),
    batch=lambda F, xs, batched, attrs, _: F.softmax_error(*_all_rows(F, xs, batched)),
    latex=r"\operatorname{{softmax}}({0}) - e_{{{1}}}",
    derivative=r"p_i ([i = j] - p_j)",
    why=Text(
        "the answer is fixed, so what changes is the softmax alone",
        "정답은 고정되어 있으므로 변하는 것은 소프트맥스뿐이다",
    ),
    samples=(Sample(((4, 3), _LABELS)),),
    writes_out=True,
)


# --- cross-entropy of yes and no -----------------------------------------------------------------------------------


def _call_binary(name: str) -> Any:
    def call(F: Any, x: Any, target: Any) -> Any:
        x, target = F.value(x), F.value(target)
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
