"""The search for a cause: edits of the statement, of what its operands are made by, and of the functions it calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from glassgrad.checking.causes.arithmetic import arithmetic_edits, axis_edits, digit_edits, sum_edits
from glassgrad.checking.causes.derivatives import derivative_edits
from glassgrad.checking.causes.edits import Edit
from glassgrad.checking.causes.mending import Mending
from glassgrad.checking.causes.operands import operand_edits, transposing_edits
from glassgrad.checking.causes.scope import Scope
from glassgrad.checking.causes.sites import Site
from glassgrad.checking.causes.sums import rewritten, term_edits
from glassgrad.checking.causes.trial import Tried, tried
from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, ancestors, writers
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.recording.source import Statement

__all__ = ["edits_of", "searched", "sites_of"]


_OTHER_FACTOR = 0.6
"""What an edit costs more that is right up to a constant."""


def sites_of(program: Program, run: Run, judgement: Judgement, fault: Fault) -> Iterator[Site]:
    """Yield where the cause may be: the fault's own statement, then those before it on the way to its parameters."""
    mending = Mending(judgement, fault.parameters)
    tried_already = None
    bindings = run.tape.bindings
    places = {(b.statement, b.time, b.cell): i for i, b in enumerate(bindings)}
    for which, at in enumerate(fault.values):
        binding = places.get((fault.statement, at.time, at.cell))
        expected = fault.expected[which]
        found = [v[at] for v in judgement.values]
        how = match(found, expected) if found[0].size == expected[0].size else None
        if binding is not None and any(np.any(e) for e in expected) and (how is None or how.factor < 0):
            yield Site(program, run, judgement, fault, fault.statement, binding, expected, mending)
            tried_already = fault.statement
            break
    for statement, binding in _on_the_way(run, judgement, fault):
        if statement == tried_already:
            continue
        yield Site(program, run, judgement, fault, statement, binding, None, mending)


def _on_the_way(run: Run, judgement: Judgement, fault: Fault) -> list[tuple[int, int]]:
    """Return statements with a result on the way to the fault's parameters: that of the fault, then those before it."""
    tape, end = run.tape, judgement.step.end
    updates = [u for p in fault.parameters for u in (*p.parameter.updates, *p.parameter.terms)]
    above = ancestors(tape, updates)
    early = min(updates, default=end)
    forward = {e for e in judgement.draws.forward if e < early} - set(judgement.backward)
    found: dict[int, list[int]] = {}
    for i, b in enumerate(tape.bindings):
        if b.kind not in ("assign", "return", "whole") or b.time > end + 1:
            continue
        event = max(writers(tape, At(b.time, b.cell)))
        if event in above and event not in forward and tape.events[event].function is not None:
            found.setdefault(b.statement, []).append(i)
    last = max((a.time for a in fault.values), default=end + 1)
    ordered = sorted(
        found.items(),
        key=lambda item: (
            item[0] != fault.statement,
            tape.bindings[item[1][0]].time > last,
            -tape.bindings[item[1][-1]].time,
        ),
    )
    chosen = []
    for statement, at in ordered:
        chosen.append((statement, at[-1]))
        if at[0] != at[-1] and tape.bindings[at[0]].cell != tape.bindings[at[-1]].cell:
            chosen.append((statement, at[0]))
    return chosen


def edits_of(statement: Statement, scope: Scope, crossed: bool) -> list[Edit]:
    """Return every edit of a statement."""
    if getattr(statement.node, "value", None) is None:
        return []
    found = [
        *sum_edits(statement),
        *transposing_edits(statement, scope),
        *arithmetic_edits(statement, scope),
        *digit_edits(statement, scope),
        *axis_edits(statement, scope, False),
        *operand_edits(statement, scope),
        *derivative_edits(statement, scope, crossed),
        *term_edits(statement, scope),
        *rewritten(statement, scope),
    ]
    found.sort(key=lambda edit: edit.cost)
    return found


def searched(site: Site) -> list[Tried]:
    """Return the edits of the site's statement that mend the fault, the likeliest first."""
    crossed = _crossed(site.judgement)
    found = tried(site, lambda scope: distinct(edits_of(site.statement, scope, crossed)))
    found.sort(key=lambda t: t.edit.cost + _OTHER_FACTOR * (abs(t.factor - 1) > 1e-6))
    return found


def distinct(edits: list[Edit]) -> list[Edit]:
    """Return edits, likely ones first, without those that give what another gives already."""
    kept: dict[tuple[int, str], Edit] = {}
    for edit in sorted(edits, key=lambda e: e.cost):
        kept.setdefault((edit.statement.index, ast.unparse(edit.node)), edit)
    return list(kept.values())


def _crossed(judgement: Judgement) -> bool:
    loss = judgement.descended.loss
    name = loss.key if loss is not None else judgement.descended.name
    return "entropy" in name or "softmax" in name or loss is None
