"""Which loss a wrong program was meant to descend: the one by which the fewest faults explain all that is wrong.

A parameter whose gradient by a loss the program has, on all draws, proves that loss. Where that is so by none, every
loss has its own idea of what is wrong, and the one that needs one fault where others need several is believed.
"""

from __future__ import annotations

import numpy as np

from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.locate import locate

__all__ = ["choose"]

_MOST = 6


def choose(found: list[Judgement]) -> tuple[Judgement, list[Fault]]:
    """Return the judgement of `judgements` that is to be believed, and what is wrong by it."""
    best = max(found, key=lambda j: (j.score[:3], -_unlikely(j), j.score))
    if best.right or any(best.score[1:3]):
        return best, locate(best)
    explained: list[tuple[Judgement, list[Fault]]] = []
    for judgement in sorted(found, key=_unlikely)[:_MOST]:
        faults = locate(judgement)
        explained.append((judgement, faults))
        if len(faults) == 1 and faults[0].kind == "gradient" and faults[0].values:
            break
    return min(explained, key=lambda item: _missing(item[1]))


def _unlikely(judgement: Judgement) -> int:
    """Return how far a loss is from the likely ones: what the program calls its loss, then what fits its output."""
    descended = judgement.descended
    if descended.loss is None:
        return 0 if not _piecewise(judgement) else 3
    first = judgement.step.meetings[:1]
    if descended.meeting is not None and descended.meeting not in first:
        return 4
    return {"half-squares": 1, _fitting(judgement): 2}.get(descended.loss.key, 3)


def _piecewise(judgement: Judgement) -> bool:
    """Say whether a loss only counts, as a mean absolute error does: people print such and descend another."""
    meetings = judgement.step.meetings[:1]
    at = meetings[0].pairs[0][0] if meetings else None
    event = None if at is None else judgement.step.tape.cells[at.cell].event
    exact = judgement.gradients[0].get(event) if event is not None else None
    return exact is not None and exact.size > 1 and np.unique(np.round(np.abs(exact), 12)).size == 1


def _fitting(judgement: Judgement) -> str:
    """Return the cross-entropy that belongs to the values that the prediction takes."""
    meeting = judgement.descended.meeting
    values = None if meeting is None else judgement.values[0].get(meeting.pairs[0][0])
    if values is None or np.any(values <= 0) or np.any(values >= 1):
        return "signed-cross-entropy"
    sums = [np.sum(values, axis=axis) for axis in range(values.ndim)]
    return "cross-entropy" if any(np.allclose(s, 1.0) for s in sums) else "binary-cross-entropy"


def _missing(faults: list[Fault]) -> int:
    """Return how many faults there are, those that no quantity explains counted as more."""
    return sum(1 if fault.values else 3 for fault in faults)
