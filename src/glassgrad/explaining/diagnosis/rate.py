"""The learning rate: too high or too low, by how far an update moves the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassgrad.explaining.diagnosis.examination import Examination
from glassgrad.explaining.diagnosis.trials import Outcome, Trial, affordable
from glassgrad.explaining.diagnosis.verdict import Place, Verdict
from glassgrad.language import Text, short

__all__ = ["check", "check_history"]

HIGH = 0.3
"""The update ratio ‖Δw‖/‖w‖ from which a rate may be too high. A gradient holds near the weights where it
was taken, and 0.3 of their size is not near. In thirty good runs the largest of the first ten steps was
0.004 to 0.27, in linear models, whose weights are few, up to 1; a hundred times the rate gave 0.5 to 10⁸.
The trials that follow decide."""

LOW = 1e-4
"""The update ratio below which a rate may be too low: ten thousand steps to turn the weights by their own
size."""

PROBE = 10
"""Steps in which the ratio is measured."""

STEPS = 400
"""Steps of each of the trials that confirm a suspicion; fewer for a large network."""

BETTER = 0.5
"""Another rate must reach at most this share of the loss in as many steps …"""

NOTHING, MUCH = 0.9, 0.7
"""… or, where the rows allow no small loss, at most the second of these shares of the trivial loss, while
the rate at hand stays above the first."""

LOWER = (10, 100, 1000)
"""By what a rate that may be too high is divided for the other trials."""

USUAL = 0.01
"""The update ratio that a rate is brought to where it was too low: in the middle of what good runs start
with."""

STILL_MISSED = 0.02
"""A rate under which a network comes within this share of the trivial loss is not too high for it."""

NOT_LEARNT = 0.5
"""Only where so much of the trivial loss is left, in the network and after a trial, is a rate too low."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Take steps from new first weights, at the rate at hand and, where it is suspect, at others."""
    optimizer = exam.subject.optimizer
    assert optimizer is not None
    trial = Trial(exam, optimizer)
    start, rate = trial.fresh(), optimizer.lr
    probe = trial.run(PROBE, start=start)
    steps = affordable(exam, STEPS, exam.subject.batch_size)
    if probe.ratio >= HIGH or math.isinf(probe.loss):
        here = trial.run(steps, start=start)
        others = {rate / by: trial.run(steps, lr=rate / by, start=start) for by in LOWER}
        better = min(others, key=lambda r: others[r].loss)
        learnt = min(exam.missed(), exam.missed(here.loss)) <= STILL_MISSED
        if not learnt and _is_better(exam, others[better].loss, here.loss):
            yield _verdict("rate-too-high", probe, steps, rate, here.loss, better, others[better].loss)
    elif probe.ratio <= LOW and exam.missed() >= NOT_LEARNT:
        here, better = trial.run(steps, start=start), _rounded(rate * USUAL / max(probe.ratio, LOW * LOW))
        other = trial.run(steps, lr=better, start=start)
        if exam.missed(here.loss) > NOT_LEARNT and _is_better(exam, other.loss, here.loss):
            yield _verdict("rate-too-low", probe, steps, rate, here.loss, better, other.loss)


def _is_better(exam: Examination, other: float, here: float) -> bool:
    if not math.isfinite(other):
        return False
    nothing = exam.missed(here) >= NOTHING and exam.missed(other) <= MUCH
    return other <= BETTER * here or nothing


def _rounded(rate: float) -> float:
    """Return a rate as a person would write it."""
    return float(f"{rate:.0e}")


def _verdict(
    key: str, probe: Outcome, steps: int, rate: float, loss: float, better: float, other: float
) -> Verdict:
    high = key == "rate-too-high"
    ratio = probe.ratio if math.isfinite(probe.ratio) and probe.ratio else math.inf
    finding = _FINDING.fill(
        parameter=probe.parameter or "w",
        ratio=short(ratio),
        rate=f"{rate:g}",
        steps=steps,
        loss=_loss(loss),
        better=f"{better:g}",
        other=_loss(other),
    )
    return Verdict(
        key,
        _HIGH if high else _LOW,
        "fault",
        Place("setting", "lr"),
        ratio,
        finding,
        _HIGH_CAUSE if high else _LOW_CAUSE,
        _FIX.fill(better=f"{better:g}"),
    )


def _loss(value: float) -> Text:
    return Text(short(value), short(value)) if math.isfinite(value) else _NO_NUMBER


def check_history(exam: Examination) -> Iterator[Verdict]:
    """Look at how training ended, where no other fault explains it."""
    history = exam.subject.history
    if history is None or history.stopped != "not finite":
        return
    losses = [x for x in history.columns.get("loss", []) if math.isfinite(x)]
    finding = _STOPPED.fill(epoch=history.epochs + 1, last=short(losses[-1]) if losses else "–")
    evidence = float(history.epochs + 1)
    fix = _STOPPED_FIX
    yield Verdict(
        "rate-too-high", _HIGH, "fault", Place("setting", "lr"), evidence, finding, _HIGH_CAUSE, fix
    )


_HIGH = Text("learning rate too high", "너무 큰 학습률")
_LOW = Text("learning rate too low", "너무 작은 학습률")
_NO_NUMBER = Text("no number", "수가 아닌 값")
_FINDING = Text(
    "At lr={rate} one step changes {parameter} by {ratio} of its size, and {steps} steps from new weights "
    "end at a loss of {loss}; at {better} they end at {other}.",
    "lr={rate}에서는 한 번의 갱신이 {parameter:을/를} 그 크기의 {ratio}배만큼 바꾸고, 새 가중치에서 "
    "{steps}번 갱신하면 손실이 {loss:이/가} 된다. lr={better}에서는 {other:이/가} 된다.",
)
_HIGH_CAUSE = Text(
    "The gradient holds only near the weights where it was taken; a step that is too long lands on the "
    "other side of the valley, higher up.",
    "기울기는 그것을 구한 가중치 가까이에서만 맞다. 너무 긴 걸음은 골짜기 건너편 더 높은 곳에 이른다.",
)
_LOW_CAUSE = Text(
    "The direction is right and the steps are so short that training takes many times as long as it need.",
    "방향은 맞지만 걸음이 너무 짧아서 학습이 필요한 것보다 몇 배나 오래 걸린다.",
)
_FIX = Text("Set lr={better} and start anew.", "lr={better:으로/로} 두고 다시 시작한다.")
_STOPPED = Text(
    "The loss was no number any more in epoch {epoch}; the last one before was {last}.",
    "에폭 {epoch}에서 손실이 수가 아니게 되었다. 그 전의 마지막 손실은 {last}이다.",
)
_STOPPED_FIX = Text(
    "Take a tenth of the learning rate, or clip the gradient: clip_norm=1.0.",
    "학습률을 10분의 1로 줄이거나 기울기를 클리핑한다: clip_norm=1.0.",
)
