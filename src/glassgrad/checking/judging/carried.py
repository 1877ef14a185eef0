"""Gradients that are never set to zero: each step adds its own to those of the steps before.

The first step is right, since the sum begins at zero. A velocity is carried over as well, and rightly; but it is made
smaller in each step, and this sum is not.
"""

from __future__ import annotations

from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, ancestors, writers
from glassgrad.checking.recording.tape import Event, Ref, Tape

__all__ = ["carried"]


def carried(judgement: Judgement) -> Fault | None:
    """Return the fault of the first gradient to which the next step adds its own; None where there is none."""
    tape = judgement.step.tape
    for b in judgement.bindings:
        event = tape.events[max(writers(tape, At(b.time, b.cell)))]
        if b.kind not in ("assign", "whole") or b.time > judgement.step.end or event.name != "add":
            continue
        touched = [p for p in judgement.parameters if _is_gradient(judgement, p, event, At(b.time, b.cell))]
        following = next(
            (e for e in tape.events[judgement.step.end :] if (e.name, e.stack) == (event.name, event.stack)),
            None,
        )
        if touched and following is not None and _adds_to(tape, following, event.index):
            return Fault("carried", b.statement, b.name, [], [], [], 1.0, touched)
    return None


def _is_gradient(judgement: Judgement, p: ParameterVerdict, event: Event, at: At) -> bool:
    """Say whether a sum is the whole gradient of a parameter, and its update is made of it."""
    if (
        at not in judgement.values[0]
        or event.index in p.parameter.updates
        or (p.step is not None and p.step.decay != 0)
    ):
        return False
    found = [v[at] for v in judgement.values]
    if found[0].shape != p.exact[0].shape or event.index not in ancestors(
        judgement.step.tape, p.parameter.terms
    ):
        return False
    return any(e.any() for e in p.exact) and match(found, p.exact) is not None


def _adds_to(tape: Tape, event: Event, earlier: int) -> bool:
    """Say whether a sum holds an earlier one as it was."""
    waiting, seen = [event], set()
    while waiting:
        here = waiting.pop()
        for ref in here.args:
            made = max(writers(tape, At(here.index, ref.cell))) if isinstance(ref, Ref) else -1
            if made == earlier:
                return True
            if made > earlier and made not in seen and tape.events[made].name in ("add", "renamed"):
                seen.add(made)
                waiting.append(tape.events[made])
    return False
