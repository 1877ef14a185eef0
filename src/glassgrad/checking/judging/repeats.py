"""The step played once on each draw, and then again and again with a few results replaced.

Only what depends on the replaced results is played again; everything else is kept. Memory that is written in place has
many values in turn, so all that is done to it is played again where a later event needs one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.checking.judging.replay import At, Replay, Space, writers
from glassgrad.checking.recording.tape import Event, Tape, refs

__all__ = ["Repeats"]

Array = np.ndarray[Any, Any]

_MOST_KEPT = 1 << 28
"""Bytes of one draw."""


@dataclass(frozen=True, eq=False)
class _First:
    """What a draw gave: what each cell that is never written held, and the wanted values."""

    registers: dict[int, Any]
    found: dict[At, Array]


@dataclass(frozen=True, eq=False)
class _Part:
    """What is to be played again where certain events have other results: those events and the values that change."""

    events: list[int]
    wanted: list[At]


class Repeats:
    """Plays the part of a tape that some values need, on several draws.

    Parameters
    ----------
    tape
        The tape.
    wanted
        The values to return.
    draws
        For each draw, the results that events are to have.
    """

    def __init__(self, tape: Tape, wanted: Collection[At], draws: Sequence[Mapping[int, Any]]) -> None:
        self._tape, self._draws = tape, draws
        self._replay = Replay(tape, wanted)
        self._first: dict[int, _First | None] = {}
        self._parts: dict[frozenset[int], _Part] = {}
        cells = tape.cells
        events = [tape.events[i] for i in self._replay.events]
        written = {id(cells[e.target].buffer) for e in events if e.target is not None}
        self._on: dict[int, list[int]] = {buffer: [] for buffer in written}
        for event in events:
            touched = [*event.cells, *([] if event.target is None else [event.target])]
            for buffer in {id(cells[c].buffer) for c in touched} & written:
                self._on[buffer].append(event.index)

    def run(self, draw: int, replaced: Mapping[int, Any]) -> dict[At, Array]:
        """Return the wanted values of a draw where some events have other results.

        Raises
        ------
        Unplayable
            Where a call cannot be made on these values.
        """
        first = self._first_of(draw)
        if first is None:
            return self._replay.run({**self._draws[draw], **replaced})
        if not replaced:
            return dict(first.found)
        part = self._part(frozenset(replaced))
        registers = dict(first.registers)
        for index in replaced:
            for cell in self._tape.events[index].cells:
                registers.pop(cell, None)
        given = {**self._draws[draw], **replaced}
        again = self._played(part.events, part.wanted, registers, given)
        return {**first.found, **again}

    def _first_of(self, draw: int) -> _First | None:
        """Play a draw as it is; None where there is too much to be kept of it."""
        if draw not in self._first:
            replay, registers = self._replay, dict[int, Any]()
            found = self._played(replay.events, replay.wanted, registers, self._draws[draw])
            kept = {c: v for c, v in registers.items() if id(self._tape.cells[c].buffer) not in self._on}
            size = sum(v.nbytes for v in kept.values())
            self._first[draw] = _First(kept, found) if size <= _MOST_KEPT else None
        return self._first[draw]

    def _played(
        self, events: list[int], wanted: list[At], registers: dict[int, Any], given: Mapping[int, Any]
    ) -> dict[At, Array]:
        """Play some events on what cells hold, and return some values; both are in the order of time."""
        found: dict[At, Array] = {}
        space, met = Space(), 0
        with np.errstate(all="ignore"):
            for index in events:
                while met < len(wanted) and wanted[met].time <= index:
                    found[wanted[met]] = space.copied(registers[wanted[met].cell])
                    met += 1
                event = self._tape.events[index]
                Replay.play(event, self._tape, registers, given.get(index), space)
        for at in wanted[met:]:
            found[at] = space.copied(registers[at.cell])
        return found

    def _part(self, replaced: frozenset[int]) -> _Part:
        known = self._parts.get(replaced)
        if known is not None:
            return known
        tape, moved, waiting = self._tape, set[int](), list[int]()
        for index in self._replay.events:
            if index in replaced or any(r in moved for r in tape.events[index].reads):
                moved.add(index)
                waiting.append(index)
        wanted = [at for at in self._replay.wanted if any(w in moved for w in writers(tape, at))]
        needed = set(waiting)

        def add(cell: int, time: int) -> None:
            for other in self._on.get(id(tape.cells[cell].buffer), ()):
                if other >= time:
                    break
                if other not in needed:
                    needed.add(other)
                    waiting.append(other)

        for at in wanted:
            add(at.cell, at.time)
        while waiting:
            event = tape.events[waiting.pop()]
            for cell in _cells(event):
                add(cell, event.index)
        part = self._parts[replaced] = _Part(sorted(needed), wanted)
        return part


def _cells(event: Event) -> list[int]:
    """Return the cells that an event takes or writes."""
    taken = [ref.cell for ref in refs((event.args, event.kwargs))]
    return taken if event.target is None else [*taken, event.target]
