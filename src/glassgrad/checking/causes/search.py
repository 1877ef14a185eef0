"""The search for a cause: edits of the statement, of what its operands are made by, and of the functions it calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glassgrad.checking.causes.arithmetic import arithmetic_edits, axis_edits, digit_edits, sum_edits
from glassgrad.checking.causes.bodies import body_edits
from glassgrad.checking.causes.crossed import holds_derivative
from glassgrad.checking.causes.derivatives import derivative_edits
from glassgrad.checking.causes.edits import Edit, same, unwritten
from glassgrad.checking.causes.evaluating import part_named
from glassgrad.checking.causes.mending import Mending
from glassgrad.checking.causes.operands import operand_edits, transposing_edits
from glassgrad.checking.causes.scope import Scope
from glassgrad.checking.causes.shares import share_edits
from glassgrad.checking.causes.sites import Site
from glassgrad.checking.causes.sums import rewritten, term_edits
from glassgrad.checking.causes.trial import Tried, tried
from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.replay import At, ancestors, writers
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.recording.source import Statement
from glassgrad.checking.recording.targets import written

__all__ = ["edits_of", "searched", "sites_of"]

Array = np.ndarray[Any, Any]

_MOST, _MOST_BEFORE = 1600, 600
"""Edits of the fault's own statement, and of one before it."""
_OTHER_FACTOR = 0.6
"""What an edit costs more that is right up to a constant."""


def sites_of(
    program: Program, run: Run, judgement: Judgement, fault: Fault, earlier: Sequence[Fault] = ()
) -> Iterator[Site]:
    """Yield where the cause may be: the fault's own statement, then those before it on the way to its parameters.

    The faults that come earlier are taken as mended.
    """
    mending = Mending(judgement, fault, earlier)
    places = {(b.statement, b.time, b.cell): i for i, b in enumerate(run.tape.bindings)}
    wrong = mending.wrong
    binding = None
    if wrong is not None:
        at, expected = wrong
        binding = places.get((fault.statement, at.time, at.cell))
        if binding is not None:
            yield Site(program, run, judgement, fault, fault.statement, binding, expected, mending, earlier)
    for statement, other in _on_the_way(run, judgement, fault, wrong[0] if wrong is not None else None):
        if statement != fault.statement or binding is None:
            yield Site(program, run, judgement, fault, statement, other, None, mending, earlier)


def _on_the_way(run: Run, judgement: Judgement, fault: Fault, wrong: At | None) -> list[tuple[int, int]]:
    """Return statements on the way to the fault's parameters, each with a result of its.

    That of the fault is the first, then what its wrong value is made of, the latest first, then the rest.
    """
    tape, end = run.tape, judgement.step.end
    updates = [u for p in fault.parameters for u in (*p.parameter.updates, *p.parameter.terms)]
    above = ancestors(tape, updates)
    early = min(updates, default=end)
    forward = {e for e in judgement.draws.forward if e < early} - set(judgement.backward)
    made_of = set() if wrong is None else ancestors(tape, writers(tape, wrong))
    found: dict[int, list[int]] = {}
    near: dict[int, list[int]] = {}
    for i, b in enumerate(tape.bindings):
        if b.kind not in ("assign", "return", "whole") or b.time > end + 1:
            continue
        event = max(writers(tape, At(b.time, b.cell)))
        if event in above and event not in forward and tape.events[event].function is not None:
            found.setdefault(b.statement, []).append(i)
            if wrong is not None and b.time <= wrong.time and event in made_of:
                near[b.statement] = [i]
    found |= near
    ordered = sorted(
        found,
        key=lambda s: (s != fault.statement, s not in near, -tape.bindings[found[s][-1]].time),
    )
    chosen = []
    for statement in ordered:
        at = found[statement]
        chosen.append((statement, at[-1]))
        if at[0] != at[-1] and tape.bindings[at[0]].cell != tape.bindings[at[-1]].cell:
            chosen.append((statement, at[0]))
    return chosen


def edits_of(statement: Statement, scope: Scope, crossed: bool) -> list[Edit]:
    """Return every edit of what a statement calculates."""
    if getattr(statement.node, "value", None) is None:
        return []
    found = [
        *transposing_edits(statement, scope),
        *arithmetic_edits(statement, scope),
        *digit_edits(statement, scope),
        *axis_edits(statement, scope, False),
        *operand_edits(statement, scope),
        *derivative_edits(statement, scope, crossed),
        *share_edits(statement, scope),
        *term_edits(statement, scope),
        *rewritten(statement, scope),
    ]
    found.sort(key=lambda edit: edit.cost)
    return found


def searched(site: Site) -> list[Tried]:
    """Return the edits of the site's statement that mend the fault, the likeliest first."""
    crossed = holds_derivative(site.judgement)
    adding = list(sum_edits(site.statement))

    def edits_in(scope: Scope) -> list[Edit]:
        scope = _inside(site.statement, scope)
        own = []
        for part in _parts(site):
            alone = site.statement if part is None else replace(site.statement, node=ast.Return(part))
            own += [replace(edit, statement=site.statement) for edit in edits_of(alone, scope, crossed)]
        own = [_writing(site.statement.node, edit) for edit in own]
        inner = body_edits(site, scope, lambda statement, names: edits_of(statement, names, crossed))
        return distinct([*adding, *own, *inner])[: _MOST if site.expected is not None else _MOST_BEFORE]

    found = tried(site, edits_in, adding)
    found.sort(key=lambda t: t.edit.cost + _OTHER_FACTOR * (abs(t.factor - 1) > 1e-6))
    return found


def _writing(statement: ast.stmt, edit: Edit) -> Edit:
    """Return an edit that writes its result where the statement's call does, if that writes it anywhere."""
    out = written(statement)
    after = None if out is None else written(edit.node)
    if out is None or (after is not None and same(after, out)):
        return edit
    every: Any = ast.Subscript(out, ast.Constant(...), ast.Store())
    new = ast.Assign([every], unwritten(edit.node.value))
    return replace(edit, changes=((statement, new),))


def _parts(site: Site) -> list[Any]:
    """Return what is to be edited: of a literal the part that the name is of, of a comprehension also its items."""
    name = site.run.tape.bindings[site.binding].name
    part = part_named(site.statement.node, name)
    whole = getattr(site.statement.node, "value", None) if part is None else part
    return [part, whole.elt] if isinstance(whole, (ast.ListComp, ast.GeneratorExp)) else [part]


def _inside(statement: Statement, scope: Scope) -> Scope:
    """Return the names in scope with those of the statement's comprehensions, at their first turn."""
    names = dict(scope.names)
    for node in ast.walk(statement.node):
        if not isinstance(node, ast.comprehension):
            continue
        try:
            item = next(iter(scope.within(names).value(node.iter)))
        except Exception:
            continue
        names |= _unpacked(node.target, item)
    return scope if len(names) == len(scope.names) else scope.within(names)


def _unpacked(target: Any, item: Any) -> dict[str, Any]:
    if isinstance(target, ast.Name):
        return {target.id: item}
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(item, (list, tuple)):
        return {k: v for t, i in zip(target.elts, item, strict=False) for k, v in _unpacked(t, i).items()}
    return {}


def distinct(edits: list[Edit]) -> list[Edit]:
    """Return edits, likely ones first, each once."""
    kept: dict[Any, Edit] = {}
    for edit in sorted(edits, key=lambda e: e.cost):
        changes = tuple((id(old), ast.unparse(ast.fix_missing_locations(new))) for old, new in edit.changes)
        kept.setdefault(changes, edit)
    return list(kept.values())
