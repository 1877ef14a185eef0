"""A plateau or a local minimum: no gradient is left, and yet the same network could do much better."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.explaining.diagnosis.examination import Examination
from glassgrad.explaining.diagnosis.trials import Trial, affordable
from glassgrad.explaining.diagnosis.verdict import Place, Verdict
from glassgrad.language import Text, short
from glassgrad.optim import Adam

__all__ = ["check"]

FLAT = 0.05
"""‖∇L‖·‖w‖/L below which the ground is flat: a change of the weights by a fifth of their size changes the
loss by less than a hundredth. Good networks with as much still to learn were seen to have 0.4 and more,
linear models that have converged 0.08."""

STILL_MISSED = 0.4
"""At least this share of the trivial loss must be left: below it, a flat place is where training should
end."""

BETTER = 0.5
"""From new weights the loss must become at most this share of what it becomes by going on from the present
ones. Where the rows hold nothing more to learn, both end alike, and there is no verdict."""

STARTS = 3
"""From how many new weights is tried."""

STEPS = 2000
"""Steps of each trial on all examined rows; fewer for a large network."""

RATE = 0.01
"""Adam's rate in the trials, where the optimizer is not known."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Where the ground is flat and high, train the same network from new weights, and compare."""
    values = exam.parameters.values()
    slope = np.sqrt(sum(float(np.sum(np.square(exam.replay.gradient(v), dtype=np.float64))) for v in values))
    size = np.sqrt(sum(float(np.sum(np.square(exam.replay.values[v], dtype=np.float64))) for v in values))
    if exam.missed() < STILL_MISSED or slope * size >= FLAT * exam.loss:
        return
    steps = affordable(exam, STEPS, len(exam.rows))
    trial = Trial(exam, exam.subject.optimizer or Adam(lr=RATE), batch=len(exam.rows))
    stays = trial.run(steps).loss
    reached = min(trial.run(steps, start=trial.fresh(seed)).loss for seed in range(STARTS))
    if reached <= BETTER * stays:
        yield Verdict(
            "plateau",
            _TITLE,
            "fault",
            Place("network", "network"),
            slope,
            _FINDING.fill(
                slope=short(slope),
                loss=short(exam.loss),
                steps=steps,
                stays=short(stays),
                reached=short(reached),
            ),
            _CAUSE,
            _FIX,
        )


_TITLE = Text("plateau or local minimum", "고원 또는 지역 최솟값")
_FINDING = Text(
    "The gradient's norm is {slope} at a loss of {loss}; {steps} more steps end at {stays}, as many from "
    "new weights at {reached}.",
    "손실이 {loss}인데 기울기의 크기가 {slope}이다. {steps}번 더 갱신하면 손실이 {stays:이/가} 되고, 새 "
    "가중치에서 같은 횟수를 갱신하면 {reached:이/가} 된다.",
)
_CAUSE = Text(
    "Gradient descent follows the ground under it, and the ground is flat here: a plateau, a saddle, or a "
    "minimum that is not the lowest.",
    "경사 하강법은 발밑의 땅만 따라간다. 이곳은 평평하다: 고원이거나 안장점이거나, 가장 낮지는 않은 지역 "
    "최솟값이다.",
)
_FIX = Text(
    "Start anew from other weights (another seed, weight_init='he_uniform' or 'xavier_uniform'), or use "
    "more hidden units or an optimizer with momentum.",
    "다른 가중치에서 다시 시작하거나(다른 seed, weight_init='he_uniform' 또는 'xavier_uniform') 은닉 유닛을 "
    "늘리거나 모멘텀이 있는 옵티마이저를 쓴다.",
)
