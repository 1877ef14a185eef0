"""Worse than a constant: a trained network whose answers would better be one and the same number."""

from __future__ import annotations

from collections.abc import Iterator

from glassgrad.explaining.diagnosis.examination import Examination
from glassgrad.explaining.diagnosis.verdict import Place, Verdict
from glassgrad.language import Text, short

__all__ = ["check"]

WORSE = 1.5
"""The share of a constant answer's loss above which a trained network is of no use on these rows. Training begins near
1 and lowers it; what rows held back add stays far below half of it unless the network has learnt something else."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Compare a trained network with the best constant answer."""
    trained = exam.subject.limits is not None or exam.subject.history is not None
    missed = exam.missed()
    if not trained or not missed > WORSE:
        return
    finding = _FINDING.fill(loss=short(exam.loss), constant=short(exam.trivial), times=short(missed))
    yield Verdict(
        "worse-than-constant", _TITLE, "fault", Place("network", "network"), missed, finding, _CAUSE, _FIX
    )


_TITLE = Text("worse than a constant answer", "상수로 답하느니만 못함")
_FINDING = Text(
    "The loss on these rows is {loss}, {times} times that of one constant answer ({constant}).",
    "이 행들의 손실은 {loss}이고, 하나의 상수로 답할 때({constant})의 {times}배이다.",
)
_CAUSE = Text(
    "What the network has learnt does not hold for these rows: their target is in other units or labels than in "
    "training, their columns mean something else, or training itself went wrong.",
    "신경망이 배운 것이 이 행들에는 맞지 않는다: 정답의 단위나 레이블이 학습 때와 다르거나, 열의 뜻이 다르거나, "
    "학습 자체가 잘못되었다.",
)
_FIX = Text(
    "Compare a few rows with those of training, target included; then evaluate the model on the rows it was trained "
    "on.",
    "정답까지 포함하여 몇 행을 훈련 행과 견주어 보고, 모델을 학습에 쓴 행으로 평가해 본다.",
)
