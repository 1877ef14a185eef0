"""Where predictions meet targets in a step: there the gradient pass begins."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.checking.judging.parts import Meeting, Step, makers
from glassgrad.checking.judging.replay import At, ancestors, writers
from glassgrad.checking.recording.tape import Cell, Event, Ref, Tape, refs

__all__ = ["meetings"]


def meetings(step: Step, node_at: Callable[[Any], ast.AST | None]) -> list[Meeting]:
    """Return where predictions may meet targets, the likeliest first.

    That is on the way to the updates; or elsewhere, if what comes of it is not used; or it would be, if a target that
    is used met the prediction that is not.
    """
    return (
        _meetings(step, node_at, step.slice) or _meetings(step, node_at, set(range(step.end))) or _unmet(step)
    )


def _meetings(step: Step, node_at: Callable[[Any], ast.AST | None], within: set[int]) -> list[Meeting]:
    """Return where predictions may meet targets: the places after which no parameter comes in that is not before."""
    tape = step.tape
    groups: dict[Any, list[tuple[int, At, Any, str]]] = {}
    states = {p.start for p in step.parameters}
    for index in sorted(within):
        event = tape.events[index]
        met = _met(step, event, states, node_at) if index in step.depends and index < step.end else None
        if met is not None:
            groups.setdefault((event.name, event.stack), []).append((index, *met))
    found = []
    for group in groups.values():
        before = after = 0
        events = {i for i, *_ in group}
        for i in events:
            before |= step.depends[i]
        below = _descendants(step, events)
        for i in below:
            after |= step.depends[i]
        kind = group[0][3]
        pairs = tuple((p, d) for _, p, d, _ in group)
        found.append((bool(after & ~before), min(events), Meeting(pairs, kind, tuple(sorted(events)))))
    whole = [item for item in found if not item[0]]
    return [meeting for _, _, meeting in sorted(whole or found, key=lambda item: item[1])]


def _unmet(step: Step) -> list[Meeting]:
    """Return where a prediction and a target would meet, of which the program uses only the target.

    The prediction is the last that is made of most parameters and used by no update; the target is the first value of
    its shape from outside that an update uses and that was not there when the step began.
    """
    tape = step.tape
    first = min((i for i in step.depends if i not in {p.start for p in step.parameters}), default=step.end)
    updates = min((u for p in step.parameters for u in p.updates), default=step.end)
    made = [tape.events[i] for i in step.depends if first <= i < updates and i not in step.slice]
    made = [e for e in made if e.cells and tape.cells[e.cells[0]].shape]
    most = max((step.depends[e.index].bit_count() for e in made), default=0)
    stacks: dict[Any, list[Event]] = {}
    for event in made:
        if step.depends[event.index].bit_count() == most:
            stacks.setdefault(event.stack, []).append(event)
    outside = [tape.events[i] for i in sorted(step.slice) if first <= i < updates and i not in step.depends]
    for events in reversed(stacks.values()):
        shape = tape.cells[events[0].cells[0]].shape
        forward = ancestors(tape, [e.index for e in events])
        targets = [e for e in outside if e.function is None and e.index not in forward]
        targets = [e for e in targets if tape.cells[e.cells[0]].shape == shape]
        if len(targets) == len(events):
            pairs = tuple(
                (At(p.index + 1, p.cells[0]), At(updates, t.cells[0]))
                for p, t in zip(events, targets, strict=True)
            )
            return [Meeting(pairs, "value", tuple(e.index for e in events))]
    return []


def _descendants(step: Step, events: set[int]) -> set[int]:
    below = set(events)
    for index in sorted(step.slice):
        if index not in below and any(r in below for r in step.tape.events[index].reads):
            below.add(index)
    return below


def _met(
    step: Step, event: Event, states: set[int], node_at: Callable[[Any], ast.AST | None]
) -> tuple[At, Any, str] | None:
    """Return prediction, target and kind where an event may be their meeting."""
    tape = step.tape
    if event.name in ("getitem", "setitem") and isinstance(event.args[0], Ref):
        target = tape.cells[event.args[0].cell]
        if not _dependent(step, target, event) or states & set(makers(tape, target)[0]):
            return None
        if event.name == "setitem" and not _made_there(tape, event, target):
            return None
        index = event.args[1]
        if any(True for _ in refs(index)) or (_whole(index) and not _literal_index(event, node_at)):
            if any(step.depends.get(tape.cells[r.cell].event) for r in refs(index)):
                return None
            return At(event.index, target.index), index, "index"
        return None
    if event.name not in ("subtract", "divide", "multiply") or len(event.args) != 2:
        return None
    sides = [_side(step, a, event, states) for a in event.args]
    if {s[0] for s in sides} == {"prediction", "target"}:
        p, y = (sides[0][1], sides[1][1]) if sides[0][0] == "prediction" else (sides[1][1], sides[0][1])
        return p, y, "value"
    if event.name == "subtract" and {s[0] for s in sides} == {"prediction", "number"}:
        at = next(i for i, s in enumerate(sides) if s[0] == "number")
        node = node_at(event.place)
        operand = (node.left if at == 0 else node.right) if isinstance(node, ast.BinOp) else None
        if operand is None or _is_literal(operand):
            return None
        return sides[1 - at][1], sides[at][1], "value"
    return None


def _made_there(tape: Tape, event: Event, target: Cell) -> bool:
    """Say whether what is written into an array is a number, or was made of what stood at that place."""
    value = event.args[2]
    if not isinstance(value, Ref):
        return True
    made = tape.events[tape.cells[value.cell].event]
    near = [made, *(tape.events[i] for i in made.reads)]
    read = (e.args[0] for e in near if e.name == "getitem" and isinstance(e.args[0], Ref))
    return any(tape.cells[ref.cell].buffer is target.buffer for ref in read)


def _side(step: Step, value: Any, event: Event, states: set[int]) -> tuple[str, Any]:
    tape = step.tape
    if isinstance(value, Ref):
        cell = tape.cells[value.cell]
        if not _dependent(step, cell, event):
            return "target", At(event.index, value.cell)
        return ("state" if states & set(makers(tape, cell)[0]) else "prediction"), At(event.index, value.cell)
    return ("number", value) if isinstance(value, (int, float, np.generic)) else ("", None)


def _dependent(step: Step, cell: Cell, event: Event) -> bool:
    return any(step.depends.get(w) for w in writers(step.tape, At(event.index, cell.index)))


def _whole(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(p, (int, np.integer, list)) and not isinstance(p, bool) for p in parts)


def _literal_index(event: Event, node_at: Callable[[Any], ast.AST | None]) -> bool:
    node = node_at(event.place)
    if not isinstance(node, ast.Subscript):
        return True
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return all(_is_literal(p) or isinstance(p, ast.Slice) for p in parts)


def _is_literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.UnaryOp) and _is_literal(node.operand))
