"""Parameters of a program in which nothing is added to anything: all of them are overwritten, or nothing is kept.

Where no additive update is found, a parameter is a value from outside that is used, and in whose place something is
read later that came of that use. So are hidden states and the activations of a loop over layers; the step that is made
of all of them tells which came before prediction and target met.
"""

from __future__ import annotations

from dataclasses import dataclass

from glassgrad.checking.judging.parts import Parameter, makers
from glassgrad.checking.judging.replay import At, writers
from glassgrad.checking.recording.tape import Cell, Place, Tape, refs

__all__ = ["FedBack", "fed_back"]

_Slot = tuple[str, tuple[Place, ...], int]


@dataclass(frozen=True, eq=False)
class FedBack:
    """What may be a parameter, and the event that first reads its next value, as which cell."""

    parameter: Parameter
    again: int
    cell: int


def fed_back(tape: Tape) -> list[FedBack]:
    """Return values from outside in whose place something is read later that came of their use."""
    bits: dict[int, int] = {}
    of_leaf: dict[int, int] = {}
    carried: list[int] = []
    olds: dict[_Slot, list[int]] = {}
    news: dict[_Slot, list[int]] = {}
    found: dict[int, FedBack] = {}
    for event in tape.events:
        own = 0
        for read in event.reads:
            own |= carried[read]
        for position, ref in enumerate(refs((event.args, event.kwargs))):
            slot = event.name, event.stack, position
            cell = tape.cells[ref.cell]
            made = max(writers(tape, At(event.index, cell.index)))
            held = carried[made] | carried[cell.event]
            start, leaf = _outside(tape, cell)
            if start is not None and not held & ~of_leaf.get(leaf, 0):
                if start not in bits:
                    bits[start] = 1 << len(bits)
                    of_leaf[leaf] = of_leaf.get(leaf, 0) | bits[start]
                if start not in olds.setdefault(slot, []):
                    olds[slot].append(start)
                own |= bits[start]
            elif held and slot in olds:
                seen = news.setdefault(slot, [])
                if made in seen:
                    continue
                seen.append(made)
                old = olds[slot][len(seen) - 1] if len(seen) <= len(olds[slot]) else None
                if old is not None and held & bits[old] and old not in found:
                    before = At(old + 1, tape.events[old].cells[0])
                    found[old] = FedBack(
                        Parameter(old, old, before, None, [made], [made]), event.index, cell.index
                    )
        carried.append(own)
    return list(found.values())


def _outside(tape: Tape, cell: Cell) -> tuple[int | None, int]:
    """Return the event that made what a cell is a part of, and the value from outside that it is a state of."""
    buffer = makers(tape, cell)[1]
    return (buffer.maker, buffer.state.leaf) if buffer.state is not None else (None, -1)
