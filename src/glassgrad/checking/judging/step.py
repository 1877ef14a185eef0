"""One step of training, found on the tape: its parameters, and where the prediction meets the target.

A parameter is a value from outside to which something is added that depends on it, and whose new state is read where
the old one was. That holds for weights in globals, attributes, dicts and lists, updated in place or bound anew, in
any order; the program's names are not needed. The step ends where the first updated parameter is read again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from glassgrad.checking.judging.beginnings import settle
from glassgrad.checking.judging.feedback import FedBack, fed_back, lost
from glassgrad.checking.judging.frozen import frozen
from glassgrad.checking.judging.meetings import meetings
from glassgrad.checking.judging.parts import Meeting, Parameter, Step, after, continues, makers
from glassgrad.checking.judging.replay import At, ancestors, writers, writes
from glassgrad.checking.judging.rounding import unrounded
from glassgrad.checking.recording.tape import Buffer, Cell, Event, Ref, Tape, Update, refs

__all__ = ["Meeting", "Parameter", "Step", "find_step"]

_TERMS = frozenset(("add", "subtract", "multiply", "divide"))


def find_step(tape: Tape, node_at: Callable[[Any], ast.AST | None]) -> Step | None:
    """Find the first step of training; None where there is none.

    Parameters
    ----------
    tape
        What was recorded.
    node_at
        Gives the syntax of a place.
    """
    step = (
        _added(tape, _candidates(tape, _kept(tape)), node_at)
        or _not_added(tape, fed_back(tape), node_at)
        or _not_added(tape, lost(tape), node_at)
        or _made_once(tape, node_at)
    )
    if step is None:
        return None
    still = frozen(step)
    for parameter, event, position in still:
        if not parameter.spelled:
            parameter.spelled = _spelled(node_at(tape.events[event].place), position)
    if still:
        step = _step(tape, step.end, [*step.parameters, *(parameter for parameter, *_ in still)], node_at)
    unrounded(step)
    return step


def _first_name(tape: Tape, start: int) -> str:
    """Return the first name that a value had."""
    for b in tape.bindings:
        if b.kind == "assign" and start in (tape.cells[b.cell].event, tape.cells[b.cell].buffer.maker):
            return b.name
    return ""


def _spelled(node: ast.AST | None, position: int) -> str:
    """Return how the source writes an operand of an operation or call."""
    operands: list[ast.expr] = []
    if isinstance(node, ast.BinOp):
        operands = [node.left, node.right]
    elif isinstance(node, ast.Call):
        operands = [*([node.func.value] if isinstance(node.func, ast.Attribute) else []), *node.args]
    return ast.unparse(operands[position]) if position < len(operands) else ""


def _added(tape: Tape, candidates: list[Parameter], node_at: Callable[[Any], ast.AST | None]) -> Step | None:
    """Return the step of a program that adds to its parameters."""
    while candidates:
        end, kept = _end(tape, candidates)
        if not kept:
            return None
        for parameter in kept:
            settle(tape, parameter)
        step = _step(tape, end, kept, node_at)
        wrong = _states(tape, step)
        if not wrong:
            return step
        candidates = [c for c in candidates if c.start not in wrong]
    return None


def _not_added(
    tape: Tape, candidates: list[FedBack], node_at: Callable[[Any], ast.AST | None]
) -> Step | None:
    """Return the step of a program that overwrites all its parameters, or loses all their new values."""
    while candidates:
        last = max(c.again for c in candidates)
        step = _step(tape, last, [c.parameter for c in candidates], node_at)
        if not step.meetings:
            return None
        predictions = [p for p, _ in step.meetings[0].pairs[:1]]
        before = ancestors(tape, [w for p in predictions for w in writers(tape, p)])
        kept = [
            c for c in candidates if c.parameter.start in before and not before & set(c.parameter.updates)
        ]
        if len(kept) == len(candidates):
            break
        candidates = kept
    if not candidates:
        return None
    end = min(c.again for c in candidates)
    kept = [c for c in candidates if c.parameter.updates[0] < end]
    below = after(tape, step.meetings[0].events, end)
    for c in kept:
        c.parameter.spelled = _first_name(tape, c.parameter.start)
        c.parameter.after = At(end, c.cell) if continues(tape, c.parameter, below) else None
    return _step(tape, end, [c.parameter for c in kept], node_at)


def _made_once(tape: Tape, node_at: Callable[[Any], ast.AST | None]) -> Step | None:
    """Return the step of a script without a loop that gives the new values new names."""
    read = {i for event in tape.events for i in event.reads}
    step = _added(tape, _candidates(tape, [u for u in tape.updates if u.event not in read]), node_at)
    return step if step is not None and step.meetings else None


# --- parameters ------------------------------------------------------------------------------------------------------


def root(tape: Tape, cell: Cell) -> Buffer:
    """Return the memory a number or view was taken from, through all indices."""
    buffer = cell.buffer
    while True:
        made = tape.events[buffer.maker]
        if made.name != "getitem" or buffer.state is None or not isinstance(made.args[0], Ref):
            return buffer
        buffer = tape.cells[made.args[0].cell].buffer


def _candidates(tape: Tape, updates: list[Update]) -> list[Parameter]:
    """Return what the program steps, each with all its updates."""
    found: dict[int, Parameter] = {}
    by_leaf: dict[Any, Parameter] = {}
    for update in updates:
        event = tape.events[update.event]
        cell = _old(tape, event, update.key[0])
        if cell is None:
            continue
        buffer = root(tape, cell)
        start = buffer.maker if _stored(tape, buffer, event.index) else cell.event
        parameter = found.get(start) or by_leaf.get(update.key)
        if parameter is None:
            whole = At(event.index, tape.events[start].cells[0])
            parameter = Parameter(start, update.key[0], whole)
            found[start] = parameter
        by_leaf.setdefault(update.key, parameter)
        parameter.updates.append(event.index)
        other = [a for a in event.args if not (isinstance(a, Ref) and tape.cells[a.cell] is cell)]
        for ref in refs(other):
            term = tape.cells[ref.cell]
            parameter.terms.append(max(term.event, min(term.buffer.writer, event.index - 1)))
    return list(found.values())


def _kept(tape: Tape) -> list[Update]:
    """Return the updates that were kept, and those before them that had no name to be kept under yet.

    A weight that was appended to a list has its first name when it is updated.
    """
    following: dict[Any, Update] = {}
    kept = []
    for update in reversed(tape.updates):
        after = following.get(update.key)
        same = after is not None and tape.events[after.event].stack == tape.events[update.event].stack
        if update.kept or (after is not None and after.kept and same):
            kept.append(update)
        following[update.key] = update
    return kept[::-1]


def _old(tape: Tape, event: Event, leaf: int) -> Cell | None:
    """Return the state that an update steps: where it is a sum of several terms, the one that it began with."""
    for ref in event.args:
        if isinstance(ref, Ref) and _is_state(cell := tape.cells[ref.cell], leaf):
            made = tape.events[cell.event]
            inner = _old(tape, made, leaf) if made.name in _TERMS and _together(made, event) else None
            return inner or cell
    return None


def _together(event: Event, other: Event) -> bool:
    """Say whether two events are of one line."""
    if not event.stack or not other.stack or event.stack[1:] != other.stack[1:]:
        return False
    here, there = event.stack[0], other.stack[0]
    return (here.file, here.line) == (there.file, there.line)


def _stored(tape: Tape, buffer: Buffer, update: int) -> bool:
    """Say whether the result of an update is written into memory."""
    return any(
        i >= update and (i == update or update in tape.events[i].reads)
        for i in writes(tape).get(id(buffer), ())
    )


def _is_state(cell: Cell, leaf: int) -> bool:
    return cell.state is not None and cell.state.leaf == leaf


def _end(tape: Tape, candidates: list[Parameter]) -> tuple[int, list[Parameter]]:
    """Return where the step ends, and the candidates that are parameters: read again where they were read before."""
    by_leaf: dict[int, list[Parameter]] = {}
    for c in candidates:
        by_leaf.setdefault(c.leaf, []).append(c)
    first = {c.start: c.updates[0] for c in candidates}
    places: dict[int, set[Any]] = {c.start: set() for c in candidates}
    again: dict[int, tuple[int, int]] = {}
    unchanged: list[int] = []
    for event in tape.events:
        for ref in refs((event.args, event.kwargs)):
            chain, buffer = makers(tape, tape.cells[ref.cell])
            if buffer.state is None:
                continue
            for c in by_leaf.get(buffer.state.leaf, ()):
                if _updating(tape, c, event):
                    continue
                sign = (event.name, event.stack)
                if event.index < first[c.start]:
                    if c.start in chain:
                        places[c.start].add(sign)
                elif c.start not in again and sign in places[c.start]:
                    if _stepped(tape, c, chain, buffer):
                        again[c.start] = (event.index, ref.cell)
                    elif c.start in chain:
                        unchanged.append(event.index)
    if not again and not unchanged:
        end = len(tape.events)
        for c in candidates:
            _close(tape, c, end, None)
        return end, candidates
    end = min(index for index, _ in again.values()) if again else unchanged[0]
    kept = []
    for c in candidates:
        if c.start in again:
            _close(tape, c, end, again[c.start][1])
            kept += [c] if c.updates else []
        elif c.updates[0] < end and places[c.start]:
            _close(tape, c, end, None)
            c.after = None
            kept.append(c)
    used = ancestors(tape, [t for c in kept if c.after is not None for t in c.terms])
    return end, [c for c in kept if c.after is not None or not used & set(c.updates)]


def _updating(tape: Tape, c: Parameter, event: Event) -> bool:
    """Say whether an event is part of the statement that updates a parameter."""
    return _together(event, tape.events[c.updates[0]])


def _stepped(tape: Tape, c: Parameter, chain: list[int], buffer: Buffer) -> bool:
    """Say whether what is read is a later state of this parameter, and not of another made of the same value."""
    if c.start in chain:
        return any(i in c.updates for i in _written(tape, buffer))
    return buffer.maker >= c.updates[0] and bool(
        ancestors_within(tape, buffer.maker, c.updates[0]) & set(c.updates)
    )


def ancestors_within(tape: Tape, event: int, least: int) -> set[int]:
    """Return an event and those it depends on, from an event on."""
    seen: set[int] = set()
    waiting = [event]
    while waiting:
        index = waiting.pop()
        if index >= least and index not in seen:
            seen.add(index)
            waiting += tape.events[index].reads
    return seen


def _written(tape: Tape, buffer: Buffer) -> Iterator[int]:
    for write in writes(tape).get(id(buffer), ()):
        yield write
        yield from tape.events[write].reads


def _close(tape: Tape, c: Parameter, end: int, cell: int | None) -> None:
    """Keep what belongs to the step, and find the parameter's value after it."""
    pairs = [(u, t) for u, t in zip(c.updates, c.terms, strict=False) if u < end]
    c.updates, c.terms = [u for u, _ in pairs], [t for _, t in pairs]
    start = tape.events[c.start]
    if cell is None:
        last = tape.events[c.updates[-1]]
        made = tape.cells[last.cells[0]] if last.cells else None
        whole = made.index if made is not None and made.buffer.state is not None else None
        if whole is None or _scalar_of(tape, last):
            whole = start.cells[0]
        c.after = At(end, whole)
    else:
        buffer = root(tape, tape.cells[cell])
        c.after = At(end, tape.events[buffer.maker].cells[0])


def _scalar_of(tape: Tape, event: Event) -> bool:
    """Say whether an update stepped one element of an array, which is stored into it afterwards."""
    for ref in refs(event.args):
        made = tape.events[tape.cells[ref.cell].buffer.maker]
        if made.name == "getitem" and tape.cells[ref.cell].buffer.state is not None:
            return True
    return False


def _states(tape: Tape, step: Step) -> set[int]:
    """Return candidates that are no parameters but change on the way to the prediction, as hidden states do."""
    if not step.meetings:
        return set()
    predictions = [tape.cells[p.cell].event for p, _ in step.meetings[0].pairs]
    before = ancestors(tape, predictions)
    return {c.start for c in step.parameters if before & set(c.updates)}


# --- the step --------------------------------------------------------------------------------------------------------


def _step(
    tape: Tape, end: int, parameters: list[Parameter], node_at: Callable[[Any], ast.AST | None]
) -> Step:
    used = ancestors(tape, [t for p in parameters for t in p.terms])
    depends: dict[int, int] = {}
    bits = {p.start: 1 << i for i, p in enumerate(parameters)}
    for event in tape.events[:end]:
        bit = bits.get(event.index, 0)
        for read in event.reads:
            bit |= depends.get(read, 0)
        if bit:
            depends[event.index] = bit
    step = Step(tape, end, parameters, used, depends, [])
    step.meetings = meetings(step, node_at)
    return step
