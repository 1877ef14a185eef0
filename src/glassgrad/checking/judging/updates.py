"""Updates that are wrong: they go up, overwrite, are lost, or are never made."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.checking.judging.faults import Fault, Named, writer
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.matching import Match
from glassgrad.checking.judging.replay import At

__all__ = ["all_turned", "of_update"]

Array = np.ndarray[Any, Any]


def all_turned(
    judgement: Judgement,
    wrong: list[ParameterVerdict],
    first: tuple[list[Named], list[tuple[int, Match]]] | None,
) -> Fault | None:
    """Return the fault of a program whose parameters all go up their gradients.

    Parameters
    ----------
    judgement, wrong
        The judgement, and its parameters that are not right.
    first
        The results of the first statement of the backward pass that are exact gradients, and which.
    """
    turned = [p for p in wrong if p.step is not None and p.step.factor > 0 and any(map(np.any, p.exact))]
    moving = [p for p in judgement.parameters if any(map(np.any, p.exact))]
    if not turned or len(turned) < len(moving):
        return None
    tape = judgement.step.tape
    updates = [tape.events[p.parameter.updates[0]] for p in turned]
    statements = {(e.place.file, e.place.line) for e in updates if e.place is not None}
    if first is None or (len(statements) == 1 and all(e.name == "add" for e in updates) and len(turned) > 1):
        return of_update(judgement, turned[0], turned)
    members, meanings = first
    expected = [[-v[named.at] for v in judgement.values] for named in members]
    of = [(meaning[0], meaning[1].element) for meaning in meanings]
    binding = members[0].binding
    ats = [named.at for named in members]
    return Fault(
        "gradient", binding.statement, binding.name, ats, expected, of, -meanings[0][1].factor, turned
    )


def of_update(judgement: Judgement, p: ParameterVerdict, all_: list[ParameterVerdict] | None = None) -> Fault:
    """Return the fault of a parameter that no named quantity before its update explains."""
    tape = judgement.step.tape
    updates = set(p.parameter.updates)
    statement = -1
    for b in judgement.bindings:
        written = writer(judgement, At(b.time, b.cell))
        if b.kind != "assign" or b.time > judgement.step.end:
            continue
        overwritten = not updates and b.name == p.parameter.name and written != p.parameter.start
        if updates & {written, *tape.events[written].reads} or (
            overwritten and written in judgement.step.depends
        ):
            statement = b.statement
            break
    there = p.gradient is not None or p.step is not None or p.change is None or not p.parameter.updates
    kind = "update" if there else "gradient"
    return Fault(kind, statement, p.parameter.name, [], [], [], 1.0, all_ or [p])
