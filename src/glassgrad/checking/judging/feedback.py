"""Parameters of a program in which nothing is added to anything and kept: all of them are overwritten, or lost.

Where no additive update is found, a parameter is a value from outside that is used, and in whose place something is
read later that came of that use. So are hidden states and the activations of a loop over layers; the step that is made
of all of them tells which came before prediction and target met.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from glassgrad.checking.judging.parts import Parameter, makers
from glassgrad.checking.judging.replay import At, ancestors, writers
from glassgrad.checking.recording.tape import Cell, Event, Place, Tape, refs

__all__ = ["FedBack", "fed_back", "lost"]

_Slot = tuple[str, tuple[Place, ...], int]


@dataclass(frozen=True, eq=False)
class FedBack:
    """What may be a parameter, and the event that first reads its next value, as which cell."""

    parameter: Parameter
    again: int
    cell: int


def fed_back(tape: Tape) -> list[FedBack]:
    """Return values from outside in whose place something is read later that came of their use."""
    found: dict[int, FedBack] = {}
    olds: dict[_Slot, list[int]] = {}
    news: dict[_Slot, list[int]] = {}
    for event, slot, cell, start, held in _reads(tape):
        if start is not None:
            if start not in olds.setdefault(slot, []):
                olds[slot].append(start)
        elif held and slot in olds:
            made = max(writers(tape, At(event.index, cell.index)))
            seen = news.setdefault(slot, [])
            if made in seen:
                continue
            seen.append(made)
            old = olds[slot][len(seen) - 1] if len(seen) <= len(olds[slot]) else None
            if old in held and old is not None and old not in found:
                before = At(old + 1, tape.events[old].cells[0])
                parameter = Parameter(old, old, before, None, [made], [made])
                found[old] = FedBack(parameter, event.index, cell.index)
    return list(found.values())


def lost(tape: Tape) -> list[FedBack]:
    """Return values from outside of which new ones are made that go nowhere: the old ones are read again."""
    first: dict[int, _Slot] = {}
    stepped: dict[int, Parameter] = {}
    found: dict[int, FedBack] = {}
    operands: list[tuple[Cell, int | None, Container[int]]] = []
    for event, slot, cell, start, held in _reads(tape):
        operands = [*(operands if slot[2] else []), (cell, start, held)]
        if start is None and not held:
            continue
        if start is not None and first.setdefault(start, slot) == slot and start in stepped:
            found.setdefault(start, FedBack(stepped[start], event.index, tape.events[start].cells[0]))
        if event.name in ("add", "subtract") and slot[2] == 1 and len(operands) == 2:
            for (_, old, _), (term, _, of) in (operands, operands[::-1])[: 1 + (event.name == "add")]:
                if old is not None and old in of and old not in stepped:
                    before = At(old + 1, tape.events[old].cells[0])
                    made = max(writers(tape, At(event.index, term.index)))
                    stepped[old] = Parameter(old, old, before, None, [event.index], [made])
    terms = {f: ancestors(tape, f.parameter.terms) for f in found.values()}
    return [f for f in terms if not any(f.parameter.updates[0] in terms[g] for g in terms)]


def _reads(tape: Tape) -> Iterator[tuple[Event, _Slot, Cell, int | None, Container[int]]]:
    """Yield all that events read: where, the value from outside that it is, and those that it was made of."""
    bits: dict[int, int] = {}
    of_leaf: dict[int, int] = {}
    carried: list[int] = []
    for event in tape.events:
        own = 0
        for read in event.reads:
            own |= carried[read]
        for position, ref in enumerate(refs((event.args, event.kwargs))):
            cell = tape.cells[ref.cell]
            held = carried[max(writers(tape, At(event.index, cell.index)))] | carried[cell.event]
            start, leaf = _outside(tape, cell)
            if start is None or held & ~of_leaf.get(leaf, 0):
                start = None
            elif start not in bits:
                bits[start] = 1 << len(bits)
                of_leaf[leaf] = of_leaf.get(leaf, 0) | bits[start]
            if start is not None:
                own |= bits[start]
            yield event, (event.name, event.stack, position), cell, start, _Bits(bits, held)
        carried.append(own)


@dataclass(frozen=True)
class _Bits:
    """Some values from outside, as bits."""

    known: dict[int, int]
    held: int

    def __contains__(self, start: object) -> bool:
        return bool(self.known.get(start, 0) & self.held)  # type: ignore[call-overload]

    def __bool__(self) -> bool:
        return bool(self.held)


def _outside(tape: Tape, cell: Cell) -> tuple[int | None, int]:
    """Return the event that made what a cell is a part of, and the value from outside that it is a state of."""
    buffer = makers(tape, cell)[1]
    return (buffer.maker, buffer.state.leaf) if buffer.state is not None else (None, -1)
