"""Whether the gradient of the loss holds the derivative of the output already, as that of a cross-entropy does."""

from __future__ import annotations

from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, Unplayable, ancestors, writers

__all__ = ["holds_derivative"]

_LOGARITHMS = frozenset(["log", "log2", "log10", "log1p", "logaddexp"])


def holds_derivative(judgement: Judgement) -> bool:
    """Say whether prediction minus target is the gradient of what the prediction is an activation of.

    Of a loss that the program computes this is measured; where prediction and target are never subtracted, a
    logarithm of the prediction tells.
    """
    loss = judgement.descended.loss
    if loss is not None:
        return "entropy" in loss.key or "softmax" in loss.key
    for meeting in judgement.step.meetings[:1]:
        prediction, target = meeting.pairs[0]
        if meeting.kind == "index":
            return True
        if not isinstance(target, At):
            continue
        try:
            values = judgement.draws.values([prediction, target])
        except (Unplayable, ValueError, IndexError):
            continue
        if values[0][prediction].size != values[0][target].size:
            continue
        errors = [v[prediction] - v[target].reshape(v[prediction].shape) for v in values]
        own = max(writers(judgement.step.tape, prediction))
        if own in judgement.gradients[0] and match(errors, [g[own] for g in judgement.gradients]):
            return False
        if judgement.meanings.find(errors) is not None:
            return True
        return _logarithm(judgement, prediction)
    return False


def _logarithm(judgement: Judgement, prediction: At) -> bool:
    """Say whether a loss takes the logarithm of what is made of a prediction."""
    tape = judgement.step.tape
    made = [w for at in judgement.descended.wanted for w in writers(tape, at)]
    before = ancestors(tape, writers(tape, prediction))
    return any(tape.events[i].name in _LOGARITHMS for i in ancestors(tape, made) - before)
