"""Class imbalance: a class so rare that the network does well without ever naming it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.explaining.diagnosis.examination import MOST_ROWS, Examination
from glassgrad.explaining.diagnosis.verdict import Place, Verdict
from glassgrad.language import Text

__all__ = ["check"]

RARER = 10
"""A class is rare where the most frequent one has this many times its rows: who never names it is right ten
times out of eleven, or more often."""

FOUND = 0.5
"""A network that recognises half of the rare rows has learnt what they are, and the imbalance does no
harm."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Find the rarest class, and see whether the network recognises its rows."""
    labels, loss = exam.labels, exam.subject.loss
    if labels is None or getattr(loss, "class_weight", None) is not None:
        return
    counts = np.bincount(labels)
    present = np.flatnonzero(counts)
    rarest, commonest = present[counts[present].argmin()], counts.argmax()
    if counts[commonest] < RARER * counts[rarest]:
        return
    rows = np.flatnonzero(labels == rarest)[:MOST_ROWS]
    assert exam.subject.X is not None
    found = float((exam.answers(exam.subject.X[rows]) == rarest).mean())
    if found >= FOUND:
        return
    share = float(counts[rarest] / len(labels))
    names = [exam.subject.label(int(which)) for which in (rarest, commonest)]
    yield Verdict(
        "class-imbalance",
        _TITLE,
        "warning",
        Place("class", names[0]),
        share,
        _FINDING.fill(
            rarest=names[0],
            share=f"{share:.1%}",
            count=int(counts[rarest]),
            commonest=names[1],
            most=int(counts[commonest]),
            found=f"{found:.0%}",
        ),
        _CAUSE,
        _FIX,
    )


_TITLE = Text("class imbalance", "클래스 불균형")
_FINDING = Text(
    "Class {rarest} is {share} of the rows ({count}, against {most} of class {commonest}), and the network "
    "recognizes {found} of them.",
    "클래스 {rarest:은/는} 행의 {share}뿐이고({count}개, 클래스 {commonest:은/는} {most}개) 신경망은 그중 "
    "{found}를 알아본다.",
)
_CAUSE = Text(
    "The loss is a mean over the rows, so a rare class hardly counts in the gradient, and a network that "
    "never names it has a high accuracy.",
    "손실은 행의 평균이므로 드문 클래스는 기울기에서 거의 셈에 들지 않는다. 그 클래스를 한 번도 답하지 "
    "않아도 정확도는 높다.",
)
_FIX = Text(
    "Let rare classes count more: loss=nn.losses.CrossEntropy(class_weight=[…]), and judge by each class, "
    "not by the accuracy.",
    "드문 클래스를 더 무겁게 센다: loss=nn.losses.CrossEntropy(class_weight=[…]). 정확도 대신 클래스별로 "
    "판단한다.",
)
