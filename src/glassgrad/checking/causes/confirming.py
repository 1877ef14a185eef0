"""The corrected program run and judged again: are the parameters of the fault right now?"""

from __future__ import annotations

from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement, judge
from glassgrad.checking.judging.replay import Unplayable
from glassgrad.checking.judging.step import find_step
from glassgrad.checking.naming import nodes_of
from glassgrad.checking.recording.run import Program
from glassgrad.errors import GlassgradError

__all__ = ["breaks", "is_mended", "judged"]


def judged(program: Program, like: Judgement, numbers: bool = False) -> Judgement | None:
    """Judge a corrected program by the loss that the program was judged by; None where it cannot be."""
    try:
        run = program.execute(numbers=numbers)
        if run.failure is not None:
            return None
        step = find_step(run.tape, nodes_of(program))
        if step is None:
            return None
        name = like.descended.name if like.descended.loss is None else None
        return judge(step, nodes_of(program), run.tape.bindings, name)
    except (GlassgradError, Unplayable, ValueError, IndexError, KeyError):
        return None


def breaks(after: Judgement, before: Judgement) -> bool:
    """Say whether a parameter that was right is wrong in the corrected program."""
    verdicts = {p.parameter.start: p for p in after.parameters}
    kept = [verdicts.get(p.parameter.start) for p in before.parameters if p.right]
    return any(p is not None and not p.right for p in kept)


def is_mended(after: Judgement, fault: Fault, *, steps: bool = False) -> bool:
    """Say whether the parameters that a fault made wrong are right in the corrected program.

    Their steps may be wrong on their own account, if the exact gradients are there; not so where the correction is
    one of the steps.
    """
    if after.right:
        return True
    verdicts = {p.parameter.start: p for p in after.parameters}
    wanted = [verdicts.get(p.parameter.start) for p in fault.parameters]
    if steps or fault.kind == "update":
        return all(p is not None and p.right for p in wanted)
    return all(p is not None and (p.right or p.gradient is not None) for p in wanted)
