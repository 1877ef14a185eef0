"""Overfitting: what was learnt of the training rows does not hold for others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.explaining.diagnosis.examination import MOST_ROWS, Examination
from glassgrad.explaining.diagnosis.subject import Pair
from glassgrad.explaining.diagnosis.verdict import Place, Verdict
from glassgrad.language import Text, short

__all__ = ["check", "check_history"]

GAP = 0.3
"""How much larger the loss on held-out rows must be than that on training rows, as a share of the trivial
loss: nearly a third of all there was to learn holds for the training rows alone. A ratio of the two losses
would not do: a good digits network has 0.001 and 0.08, eighty times as much, and is right on 98 % of new
rows (a gap of 0.03)."""

LEARNT = 0.75
"""The loss on training rows must be at most this share of the trivial one. A network that has learnt nothing
may do better or worse on a few other rows by chance."""

RISEN = 1.5
"""How far above its lowest the validation loss must have ended, where only the history is known; it wavers
by a few percent from epoch to epoch."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Compare the loss on held-out rows with that on training rows."""
    subject = exam.subject
    if subject.validation is None:
        return
    train = _missed(exam, (exam.X, exam.y) if subject.trained is None else subject.trained)
    held = _missed(exam, subject.validation)
    if train[1] > LEARNT or held[1] - train[1] < GAP or not _wrong_more_often(exam):
        return
    yield _verdict(
        held[1] - train[1],
        _FINDING.fill(train=short(train[0]), held=short(held[0]), gap=f"{held[1] - train[1]:.0%}"),
    )


def _wrong_more_often(exam: Examination) -> bool:
    """Say whether the held-out rows are wrong more often, too, where the rows have classes.

    A few answers that are wrong and sure make a large loss, and are no reason to train anew.
    """
    subject = exam.subject
    assert subject.validation is not None
    train = _errors(exam, (exam.X, exam.y) if subject.trained is None else subject.trained)
    held = _errors(exam, subject.validation)
    if train is None or held is None:
        return True
    return held[0] - train[0] >= GAP * held[1]


def _errors(exam: Examination, pair: Pair) -> tuple[float, float] | None:
    """Return which share of the rows the network gets wrong, and which the most frequent class would."""
    X, y = (part[:MOST_ROWS] for part in pair)
    labels = exam.labels_of(y)
    if labels is None:
        return None
    wrong = float((exam.answers(X) != labels).mean())
    return wrong, float(1 - np.bincount(labels).max() / len(labels))


def _missed(exam: Examination, pair: Pair) -> tuple[float, float]:
    """Return the loss of some rows, and what share of their trivial loss it is."""
    X, y = (part[:MOST_ROWS] for part in pair)
    loss, trivial = exam.loss_of(X, y), exam.trivial_loss(y)
    return loss, loss / trivial if trivial > 0 else 0.0


def check_history(exam: Examination) -> Iterator[Verdict]:
    """Look at how the losses went, where the held-out rows themselves are not at hand."""
    history, loss = exam.subject.history, exam.subject.loss
    if history is None or exam.subject.validation is not None or "val_loss" not in history:
        return
    held, train = np.array(history["val_loss"]), np.array(history["loss"])
    if not len(held) or not (np.isfinite(held).all() and np.isfinite(train).all()):
        return
    kept = (history.best_epoch or history.epochs) - 1
    if exam.usable and loss.reduction == "mean" and exam.trivial > 0:
        gap = (held[kept] - train[kept]) / exam.trivial
        # the loss alone does not tell how many rows are wrong, so it must be worse than knowing nothing
        useless = exam.labels is None or held[kept] >= exam.trivial
        if train[kept] <= LEARNT * exam.trivial and gap >= GAP and useless:
            finding = _FINDING.fill(train=short(train[kept]), held=short(held[kept]), gap=f"{gap:.0%}")
            yield _verdict(float(gap), finding)
        return
    best = int(held.argmin())
    risen = float(held[kept] / held[best]) if held[best] > 0 else 1.0
    if risen >= RISEN and held[kept] - held[best] >= GAP * held[0] and train[kept] < train[best]:
        finding = _HISTORY_FINDING.fill(
            best=short(held[best]), epoch=best + 1, last=short(held[kept]), times=short(risen)
        )
        yield _verdict(risen, finding)


def _verdict(evidence: float, finding: Text) -> Verdict:
    return Verdict(
        "overfitting", _TITLE, "warning", Place("network", "network"), evidence, finding, _CAUSE, _FIX
    )


_TITLE = Text("overfitting", "과대적합")
_FINDING = Text(
    "The loss is {train} on training rows and {held} on rows held back: {gap} of the loss of a constant "
    "answer lies between them.",
    "손실이 훈련 행에서는 {train}, 떼어 둔 행에서는 {held}이다. 그 차이는 상수로 답할 때의 손실의 {gap}이다.",
)
_HISTORY_FINDING = Text(
    "The validation loss was lowest in epoch {epoch} ({best}) and is {last} now, {times} times as much, "
    "while the training loss went on falling.",
    "검증 손실은 에폭 {epoch}에서 가장 작았고({best}) 지금은 그 {times}배인 {last}이다. 그동안 훈련 손실은 "
    "계속 줄었다.",
)
_CAUSE = Text(
    "The network has learnt its rows by heart, noise included, in place of what they have in common.",
    "신경망이 행들의 공통점 대신 잡음까지 포함해 행 자체를 외웠다.",
)
_FIX = Text(
    "Stop earlier (patience=10), train on more rows, or hold the network back: fewer units, dropout, "
    "weight_decay.",
    "더 일찍 멈추거나(patience=10) 훈련 데이터를 늘리거나, 유닛 수를 줄이고 dropout과 weight_decay를 쓴다.",
)
