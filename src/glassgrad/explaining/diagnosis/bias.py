"""A missing bias: learning is slow because every unit is tied to its value at the origin."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np

from glassgrad.explaining.diagnosis.examination import Array, Examination, Layer
from glassgrad.explaining.diagnosis.trials import Trial, affordable
from glassgrad.explaining.diagnosis.verdict import Verdict
from glassgrad.language import Text, short
from glassgrad.nn import Linear, Parameter
from glassgrad.optim import Adam

__all__ = ["check"]

NO_STAND_IN = 0.1
"""How much of a constant the layer's inputs must fail to make up, as a share of its square. A column that is
fixed at 1, as in the `xor` example, pixels, and the outputs of sigmoids can stand in for a bias; centred
columns cannot. For the rows of XOR themselves the share is ⅓."""

STILL_MISSED = 0.01
"""A network that comes within this share of the trivial loss does well without."""

BETTER = 0.5
"""With biases the loss must become at most this share of what it becomes without, after as many steps."""

STEPS = 2000
"""Steps of each trial on all examined rows; fewer for a large network."""

RATE = 0.01
"""Adam's rate in the comparison: it moves each weight by about this much a step, whatever the scale of the
loss."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Find layers without a bias whose inputs cannot stand in for one, and train with and without."""
    lacking = [
        layer for layer in exam.layers if layer.bias is None and _unexplained(exam, layer) > NO_STAND_IN
    ]
    if not lacking or exam.missed() < STILL_MISSED:
        return
    model = copy.deepcopy(exam.subject.model)
    for module in model.modules():
        if isinstance(module, Linear) and module.bias is None:
            zeros = np.zeros(module.out_features, module.weight.dtype)
            module.bias = Parameter(zeros, name="bias")
    steps = affordable(exam, STEPS, len(exam.rows))
    without = Trial(exam, Adam(lr=RATE), batch=len(exam.rows)).run(steps).loss
    having = Trial(exam, Adam(lr=RATE), model=model, batch=len(exam.rows)).run(steps).loss
    if not having <= BETTER * without or exam.missed(without) < STILL_MISSED:
        return
    for layer in lacking:
        yield Verdict(
            "missing-bias",
            _TITLE,
            "warning",
            layer.place,
            having,
            _FINDING.fill(steps=steps, having=short(having), without=short(without), now=short(exam.loss)),
            _CAUSE,
            _FIX,
        )


def _unexplained(exam: Examination, layer: Layer) -> float:
    """Return which share of a constant no weighted sum of the layer's inputs can make up."""
    x: Array = exam.replay.values[layer.x].astype(np.float64)
    x = x.reshape(-1, x.shape[-1])
    ones = np.ones(len(x))
    best = np.linalg.lstsq(x, ones, rcond=None)[0]
    return float(np.mean((ones - x @ best) ** 2))


_TITLE = Text("slow for want of a bias", "편향이 없어 느린 학습")
_FINDING = Text(
    "{steps} more steps bring the loss from {now} to {without}; with biases, to {having}.",
    "{steps}번 더 갱신하면 손실이 {now}에서 {without:으로/로} 준다. 편향이 있으면 {having:으로/로} 준다.",
)
_CAUSE = Text(
    "With no bias every unit of this layer has the sum 0 where its inputs are 0, whatever the weights are, "
    "so the answer there is tied to those for the other rows. Training is slow for want of a bias; it is "
    "not impossible.",
    "편향이 없으면 입력이 0인 곳에서 이 층의 모든 유닛의 가중합이 가중치와 상관없이 0이다. 그래서 그곳의 "
    "답이 다른 행의 답에 묶인다. 편향이 없어 학습이 느린 것이지 불가능한 것은 아니다.",
)
_FIX = Text(
    "Give the layer a bias: Linear(…, bias=True), or add an input that is always 1.",
    "층에 편향을 둔다: Linear(…, bias=True). 또는 언제나 1인 입력을 더한다.",
)
