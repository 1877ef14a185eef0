"""Loss and output layer that do not fit: softmax or sigmoid twice, targets out of reach, sigmoid with squared error."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from glassgrad.explaining.diagnosis.examination import Examination, place_of
from glassgrad.explaining.diagnosis.verdict import Verdict
from glassgrad.ir import Node
from glassgrad.language import Text, short
from glassgrad.nn.losses import MAE, MSE, BinaryCrossEntropyWithLogits, CrossEntropy, Huber

__all__ = ["check"]

WRONG = 0.5
"""An output of a sigmoid is wrong where it lies this far from the target: on the other side of the middle."""

SLOW_SLOPE = 0.05
"""The slope of a sigmoid below which a wrong output is corrected slowly: it is there for outputs beyond 0.05
and 0.95, and at best ¼. Where a network starts, outputs lie near ½; in the textbook's example of a slow
start (output 0.98, target 0) the slope is 0.02."""

MOST_WRONG = 0.2
"""The share of rows that must be wrong in such a way. The last few mistakes of a network that has learnt,
and the rare class of an uneven data set, are fewer."""

OUT_OF_REACH = 0.05
"""The share of targets that must lie outside of what the last activation can give; single outliers are no
fault."""

_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf), "softmax": (0.0, 1.0)}


def check(exam: Examination) -> Iterator[Verdict]:
    """Look at the network's last activation and at the loss."""
    last = exam.producers.get(exam.source_of(exam.output))
    if last is None:
        return
    loss = exam.subject.loss
    if isinstance(loss, CrossEntropy) and last.op == "softmax":
        yield _softmax_twice(exam, last)
    elif isinstance(loss, BinaryCrossEntropyWithLogits) and last.op == "sigmoid":
        yield _sigmoid_twice(last)
    elif exam.usable and isinstance(loss, (MSE, MAE, Huber)) and last.op in _RANGES:
        yield from _out_of_reach(exam, last)
        if last.op == "sigmoid" and isinstance(loss, MSE):
            yield from _slow_start(exam, last)


def _softmax_twice(exam: Examination, last: Node) -> Verdict:
    classes = int(last.outputs[0].shape[-1])  # type: ignore[arg-type]
    floor = math.log(1 + (classes - 1) / math.e)
    finding = _SOFTMAX_FINDING.fill(classes=classes, floor=short(floor))
    return Verdict(
        "softmax-twice", _SOFTMAX, "fault", place_of(last), floor, finding, _SOFTMAX_CAUSE, _SOFTMAX_FIX
    )


def _sigmoid_twice(last: Node) -> Verdict:
    floor = math.log(2)
    finding = _SIGMOID_FINDING.fill(floor=short(floor))
    return Verdict(
        "sigmoid-twice", _SIGMOID, "fault", place_of(last), floor, finding, _SIGMOID_CAUSE, _SIGMOID_FIX
    )


def _out_of_reach(exam: Examination, last: Node) -> Iterator[Verdict]:
    low, high = _RANGES[last.op]
    outside = float(((exam.y < low) | (exam.y > high)).mean())
    if outside >= OUT_OF_REACH:
        interval = f"{low:g} … {high:g}" if math.isfinite(high) else f"≥ {low:g}"
        yield Verdict(
            "targets-out-of-reach",
            _REACH,
            "fault",
            place_of(last),
            outside,
            _REACH_FINDING.fill(share=f"{outside:.0%}", interval=interval, op=last.op),
            _REACH_CAUSE,
            _REACH_FIX,
        )


def _slow_start(exam: Examination, last: Node) -> Iterator[Verdict]:
    output = np.asarray(exam.replay.values[last.outputs[0]], np.float64)
    if output.shape != exam.y.shape:
        return
    slope = output * (1 - output)
    wrong = (np.abs(output - exam.y) > WRONG) & (slope < SLOW_SLOPE)
    share = float(wrong.reshape(len(wrong), -1).any(axis=1).mean())
    if share < MOST_WRONG:
        return
    typical = float(np.median(slope[wrong]))
    yield Verdict(
        "sigmoid-squared-error",
        _SLOW,
        "warning",
        place_of(last),
        typical,
        _SLOW_FINDING.fill(share=f"{share:.0%}", slope=short(typical), times=short(1 / max(typical, 1e-300))),
        _SLOW_CAUSE,
        _SLOW_FIX,
    )


_SOFTMAX = Text("softmax applied twice", "두 번 적용된 소프트맥스")
_SOFTMAX_FINDING = Text(
    "The network ends with a softmax, and cross_entropy applies another: with {classes} classes the loss "
    "cannot fall below {floor}.",
    "신경망이 소프트맥스로 끝나는데 cross_entropy가 소프트맥스를 한 번 더 적용한다. 클래스가 "
    "{classes}개이면 손실이 {floor}보다 작아질 수 없다.",
)
_SOFTMAX_CAUSE = Text(
    "cross_entropy takes scores. Probabilities lie between 0 and 1, and softmax of such numbers is nearly "
    "even, so the gradient is small and no answer is ever sure.",
    "cross_entropy는 점수를 받는다. 확률은 0과 1 사이이고 그런 수의 소프트맥스는 거의 고르므로 기울기가 "
    "작고 확신하는 답이 나올 수 없다.",
)
_SOFTMAX_FIX = Text(
    "Remove the softmax from the network; for probabilities apply it to the predictions.",
    "신경망에서 소프트맥스를 뺀다. 확률이 필요하면 예측값에 적용한다.",
)
_SIGMOID = Text("sigmoid applied twice", "두 번 적용된 시그모이드")
_SIGMOID_FINDING = Text(
    "The network ends with a sigmoid, and binary_cross_entropy_with_logits applies another: the loss of a "
    "row whose target is 0 cannot fall below {floor}.",
    "신경망이 시그모이드로 끝나는데 binary_cross_entropy_with_logits가 시그모이드를 한 번 더 적용한다. "
    "정답이 0인 행의 손실은 {floor}보다 작아질 수 없다.",
)
_SIGMOID_CAUSE = Text(
    "The sigmoid of a number between 0 and 1 lies between 0.5 and 0.73, so the answer is always yes.",
    "0과 1 사이 수의 시그모이드는 0.5와 0.73 사이이므로 답이 언제나 ‘예’이다.",
)
_SIGMOID_FIX = Text(
    "Remove the sigmoid from the network, or use the loss binary_cross_entropy.",
    "신경망에서 시그모이드를 빼거나 손실 함수 binary_cross_entropy를 쓴다.",
)
_REACH = Text("targets out of reach", "닿을 수 없는 정답")
_REACH_FINDING = Text(
    "{share} of the targets lie outside of what {op} can give ({interval}).",
    "정답의 {share}가 {op:이/가} 낼 수 있는 범위({interval}) 밖에 있다.",
)
_REACH_CAUSE = Text(
    "The last activation bounds the output, so the error on these rows can never become 0.",
    "마지막 활성화 함수가 출력을 제한하므로 이 행들의 오차는 결코 0이 될 수 없다.",
)
_REACH_FIX = Text(
    "End the network with a Linear layer, or scale the targets into that range.",
    "신경망을 Linear 층으로 끝내거나 정답을 그 범위로 변환한다.",
)
_SLOW = Text("slow start of sigmoid and squared error", "시그모이드와 제곱 오차의 느린 출발")
_SLOW_FINDING = Text(
    "On {share} of the rows an output is on the wrong side and the sigmoid's slope there is {slope}, so the "
    "error counts only 1/{times}.",
    "행의 {share}에서 출력이 반대쪽에 있는데 그곳에서 시그모이드의 국소적 미분이 {slope:이라/라} 오차가 "
    "1/{times:으로/로} 줄어든다.",
)
_SLOW_CAUSE = Text(
    "The gradient of the squared error is (o − t)·σ′, and σ′ is smallest where the output is most wrong.",
    "제곱 오차의 기울기는 (o − t)·σ′인데, 출력이 가장 틀린 곳에서 σ′가 가장 작다.",
)
_SLOW_FIX = Text(
    "Use the loss binary_cross_entropy, whose gradient is o − t alone, or start with smaller weights.",
    "기울기가 o − t뿐인 손실 함수 binary_cross_entropy를 쓰거나 초깃값을 더 작게 한다.",
)
