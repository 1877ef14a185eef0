"""The search for a cause: edits of the statement, of what its operands are made by, and of the functions it calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.checking.causes.arithmetic import arithmetic_edits, axis_edits, digit_edits, sum_edits
from glassgrad.checking.causes.derivatives import derivative_edits
from glassgrad.checking.causes.edits import Edit
from glassgrad.checking.causes.operands import operand_edits, transposing_edits
from glassgrad.checking.causes.phrases import called, leaves
from glassgrad.checking.causes.scope import Scope
from glassgrad.checking.causes.trial import Site, Tried, tried
from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.recording.source import Statement

__all__ = ["edits_of", "searched", "site_of"]


def site_of(program: Program, run: Run, judgement: Judgement, fault: Fault) -> Site | None:
    """Return where the fault's first wrong value is made; None where it has no value of its own."""
    places = {(b.statement, b.time, b.cell): i for i, b in enumerate(run.tape.bindings)}
    for which, at in enumerate(fault.values):
        binding = places.get((fault.statement, at.time, at.cell))
        found = [v[at] for v in judgement.values]
        how = match(found, fault.expected[which])
        exact = any(np.any(e) for e in fault.expected[which])
        if binding is not None and exact and (how is None or how.factor < 0):
            return Site(program, run, judgement, fault, which, binding)
    return None


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
    ]
    found.sort(key=lambda edit: edit.cost)
    return found


def searched(site: Site) -> list[Tried]:
    """Return the edits that give the exact value, the likeliest first."""
    crossed = _crossed(site.judgement)

    def edits_in(scope: Scope) -> list[Edit]:
        found = edits_of(site.statement, scope, crossed)
        for statement, far in around(site, scope):
            for edit in edits_of(statement, scope, crossed):
                found.append(Edit(edit.key, edit.title, statement, edit.changes, edit.cost + far))
        return found

    found = tried(site, edits_in)
    found.sort(key=lambda t: (abs(t.factor - 1) > 1e-6, t.edit.cost))
    return found


def _crossed(judgement: Judgement) -> bool:
    loss = judgement.descended.loss
    name = loss.key if loss is not None else judgement.descended.name
    return "entropy" in name or "softmax" in name or loss is None


def around(site: Site, scope: Scope) -> Iterator[tuple[Statement, float]]:
    """Yield the statements that made the operands of the fault's, and those of the functions that it calls."""
    seen = {site.statement.index}
    node: Any = site.statement.node
    near = list(_makers(site, node))
    for statement in near:
        if statement.index not in seen:
            seen.add(statement.index)
            yield statement, 0.3
    for caller in (node, *(s.node for s in near)):
        for statement in _inside(site, caller):
            if statement.index not in seen:
                seen.add(statement.index)
                yield statement, 0.6


def _makers(site: Site, node: Any) -> Iterator[Statement]:
    """Yield the last statements before the fault's that gave its operands their values, forward ones left out."""
    statements, bindings = site.run.statements, site.run.tape.bindings
    forward = set(site.judgement.draws.forward)
    for text, places in leaves(node.value).items():
        for b in reversed(bindings[: site.binding]):
            statement = statements[b.statement]
            if b.kind != "assign" or statement.function != site.statement.function:
                continue
            targets = statement.node.targets if isinstance(statement.node, ast.Assign) else [
                getattr(statement.node, "target", None)
            ]
            if any(t is not None and ast.unparse(t) == text for t in targets):
                event = site.run.tape.cells[b.cell].event
                if event not in forward and statement.index != site.statement.index:
                    yield statement
                break


def _inside(site: Site, node: Any) -> Iterator[Statement]:
    """Yield the statements of the program's functions that a statement calls."""
    names = {called(n) for n in ast.walk(node) if isinstance(n, ast.Call)}
    for statement in site.run.statements:
        if statement.function.split(".")[-1] in names and isinstance(
            statement.node, (ast.Return, ast.Assign, ast.AugAssign)
        ):
            yield statement
