"""What speaks for a loss: how much of the step is right by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import Replay, Unplayable

if TYPE_CHECKING:
    from glassgrad.checking.judging.judge import Judgement, ParameterVerdict

__all__ = ["score"]

_EQUAL = 1e-6


def score(judgement: Judgement) -> tuple[float, ...]:
    """Return what speaks for a loss: that all is right, how many parameters are, and how many meet its gradient.

    That of a penalty, a multiple of the parameter, says nothing. Of two losses by which as many are right, that is
    meant by which those are that are used last: the error of the output shows the loss, and what is deeper follows.
    """
    moved = [p for p in judgement.parameters if any(map(np.any, p.exact))]
    met = [p for p in moved if p.step is not None or judgement.right or _steered(judgement, p)]
    right = sum(p.right for p in met)
    named = last = 0
    if not judgement.right:
        starts = {p.parameter.start for p in moved if p.right}
        events = judgement.step.tape.events
        last = max((i for i in judgement.draws.forward if starts & set(events[i].reads)), default=0)
        ats = map(judgement.result, judgement.backward)
        named = sum(at is not None and judgement.meaning(at) is not None for at in ats)
    own = sum(match(p.exact, p.before) is None for p in met)
    return (float(judgement.right), float(right), float(own), float(last), float(named))


def _steered(judgement: Judgement, p: ParameterVerdict) -> bool:
    """Say whether a step is made of the exact gradient alone, as Adam's is, and not of data besides it.

    A gradient that is multiplied with something positive goes down the loss too, and is none.
    """
    at = None if p.gradient is None else judgement.result(p.gradient[0])
    if at is None or p.gradient is None or p.change is None or p.parameter.after is None:
        return False
    own, other = judgement.draws.given[0], judgement.draws.given[-1]
    starts = {q.parameter.start for q in judgement.parameters}
    given = {i: own[i] if i in starts else value for i, value in other.items()}
    given[p.gradient[0]] = judgement.values[0][at]
    try:
        found = Replay(judgement.step.tape, [p.parameter.after]).run(given)[p.parameter.after]
    except (Unplayable, ValueError, IndexError, KeyError):
        return False
    how = match([found - p.before[0]], [p.change[0]]) if found.shape == p.before[0].shape else None
    return how is not None and how.factor > 0 and (found.size > 1 or abs(how.factor - 1) < _EQUAL)
