"""A weight that is updated before its gradient is passed on: found on the tape, mended by moving the update."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from glassgrad.checking.causes.sites import Site
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, Unplayable, ancestors, writers
from glassgrad.checking.recording.source import Source, Statement

__all__ = ["moved_after", "updated_before"]


def updated_before(site: Site) -> tuple[ParameterVerdict, Statement] | None:
    """Return the parameter whose update came too early, and the statement that updated it.

    The value must become the expected one, or make parameters right, when that update, and nothing else, is taken back.
    """
    tape, judgement = site.run.tape, site.judgement
    bound = tape.bindings[site.binding]
    at = At(bound.time, bound.cell)
    before = ancestors(tape, writers(tape, at))
    for stepped in _together(judgement):
        updates = {p: before & {*p.parameter.updates, *_stored(site, p)} for p in stepped}
        events = set().union(*updates.values())
        if not events or site.expected is None:
            continue
        taken_back = _taken_back(judgement, at, updates)
        if taken_back is None:
            continue
        how = match(taken_back, site.expected)
        right = how is not None and how.factor > 0
        if right or site.mending.right(max(writers(tape, at)), taken_back, range(len(taken_back))):
            first = next(p for p in stepped if updates[p])
            for b in tape.bindings:
                if b.kind in ("assign", "whole") and set(writers(tape, At(b.time, b.cell))) & events:
                    return first, site.run.statements[b.statement]
    return None


def _together(judgement: Judgement) -> list[list[ParameterVerdict]]:
    """Return each parameter alone, then those that one line updates, as the numbers in a list are."""
    tape = judgement.step.tape
    lines: dict[Any, list[ParameterVerdict]] = {}
    for p in judgement.parameters:
        place = tape.events[p.parameter.updates[0]].place if p.parameter.updates else None
        if place is not None:
            lines.setdefault((place.file, place.line), []).append(p)
    return [*([p] for p in judgement.parameters), *(group for group in lines.values() if len(group) > 1)]


def _taken_back(
    judgement: Judgement, at: At, updates: dict[ParameterVerdict, set[int]]
) -> list[np.ndarray[Any, Any]] | None:
    """Return a value on each draw as it would be without some updates."""

    def before(draw: int) -> dict[int, Any]:
        return {event: p.before[draw] for p, events in updates.items() for event in events}

    try:
        return [v[at] for v in judgement.draws.values([at], before)]
    except (Unplayable, ValueError, IndexError):
        return None


def _stored(site: Site, p: ParameterVerdict) -> set[int]:
    """Return the events that store a parameter's elements into it after a step of each."""
    tape = site.run.tape
    cell = tape.cells[tape.events[p.parameter.start].cells[0]]
    first = min(p.parameter.updates, default=len(tape.events))
    return {
        e.index
        for e in tape.events[first:]
        if e.target is not None
        and tape.cells[e.target].buffer is cell.buffer
        and e.index < site.judgement.step.end
    }


def moved_after(source: Source, update: Statement, use: Statement) -> list[tuple[str, str]]:
    """Return the moved lines and the file's text with an update moved behind a use, in the ways that are possible."""
    found = []
    for block in _blocks(source.tree):
        first = next((s for s in block if _holds(s, update)), None)
        if first is None:
            continue
        position = block.index(first)
        later = next((i for i, s in enumerate(block) if i > position and _holds(s, use)), None)
        last = len(block) - 1
        while last > position and isinstance(block[last], (ast.Return, ast.Continue, ast.Break)):
            last -= 1
        for end in dict.fromkeys((last, later)):
            if end is not None and end > position:
                found.append(_moved(source, first, block[end]))
    return found


def _blocks(tree: ast.AST) -> list[list[Any]]:
    return [
        getattr(node, name)
        for node in ast.walk(tree)
        for name in ("body", "orelse", "finalbody")
        if isinstance(getattr(node, name, None), list)
    ][::-1]


def _holds(node: Any, statement: Statement) -> bool:
    return bool(node.lineno <= statement.line <= node.end_lineno)


def _moved(source: Source, statement: Any, behind: Any) -> tuple[str, str]:
    lines = source.text.split("\n")
    start, end, place = statement.lineno - 1, statement.end_lineno, behind.end_lineno
    part = lines[start:end]
    text = "\n".join([*lines[:start], *lines[end:place], *part, *lines[place:]])
    return "\n".join(part).strip(), text
