"""What a value put in the place of another makes right, found by playing the step again from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict, carried
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, Playing, Replay, Space, Unplayable, ancestors, writers
from glassgrad.checking.recording.tape import Tape

__all__ = ["Mending"]

Array = np.ndarray[Any, Any]

_MOST_INNER = 12
_PROBLEMS = (Unplayable, ValueError, IndexError, KeyError, TypeError)


class Mending:
    """Whether another result of an event makes the fault's value what it should be, or parameters right.

    Parameters
    ----------
    judgement
        What was found of the program.
    fault
        What is to be mended.
    earlier
        Faults that are taken as mended already.
    """

    def __init__(self, judgement: Judgement, fault: Fault, earlier: Sequence[Fault] = ()) -> None:
        self.judgement, self.fault = judgement, fault
        self._given = list(judgement.draws.given)
        for other in earlier:
            self._given = [g | other.given(judgement, d) for d, g in enumerate(self._given)]
        self._tape = judgement.step.tape
        self.parameters = [p for p in fault.parameters if p.parameter.after is not None]
        self._inner = {id(p): self._of_its_size(p) for p in self.parameters if p.step is None}
        wanted = {p.parameter.after for p in self.parameters if p.parameter.after is not None}
        wanted |= {at for ats in self._inner.values() for at in ats}
        self._whole = Replay(self._tape, wanted)
        self._begun: dict[tuple[int, int, bool], _Begun] = {}
        self._goals: dict[int, tuple[At, list[Array]] | None] = {}
        self._wrong = self._not_as_expected()

    @property
    def wrong(self) -> tuple[At, list[Array]] | None:
        """The first of the fault's values that is not what it should be, with that."""
        return self._wrong[0] if self._wrong else None

    def _not_as_expected(self) -> list[tuple[At, list[Array]]]:
        fault = self.fault
        try:
            values = [Replay(self._tape, set(fault.values)).run(g) for g in self._given]
        except _PROBLEMS:
            values = self.judgement.values
        found = []
        for at, expected in zip(fault.values, fault.expected, strict=True):
            mine = [v[at] for v in values]
            how = match(mine, expected) if mine[0].size == expected[0].size else None
            if any(map(np.any, expected)) and (how is None or how.factor < 0):
                found.append((at, expected))
        return found

    def reaches(self, event: int) -> bool:
        """Say whether a wrong value of the fault is made of an event's result."""
        return self._goal(event) is not None

    def mends(self, event: int, values: Sequence[Array], draws: Sequence[int]) -> bool:
        """Say whether values, one for each of some draws, make the fault's value right as an event's results."""
        goal = self._goal(event)
        if goal is None:
            return False
        at, expected = goal
        found = self._played(event, values, draws, Replay(self._tape, [at]), near=True)
        how = match([f[at] for f in found], [expected[d] for d in draws]) if found is not None else None
        return how is not None and how.factor > 0 and not how.transposed

    def right(self, event: int, values: Sequence[Array], draws: Sequence[int]) -> bool:
        """Say whether values, one for each of some draws, make parameters right as an event's results."""
        played = self._played(event, values, draws, self._whole, near=False)
        return played is not None and any(self._right(p, played, draws, event) for p in self.parameters)

    def _goal(self, event: int) -> tuple[At, list[Array]] | None:
        """Return the first of the fault's wrong values that is made of an event's result, with what it should be."""
        if event not in self._goals:
            self._goals[event] = None
            for at, expected in self._wrong:
                if event < at.time and event in ancestors(self._tape, writers(self._tape, at)):
                    self._goals[event] = at, expected
                    break
        return self._goals[event]

    def _played(
        self, event: int, values: Sequence[Array], draws: Sequence[int], replay: Replay, *, near: bool
    ) -> list[dict[At, Array]] | None:
        found = []
        for draw, value in zip(draws, values, strict=True):
            try:
                key = event, draw, near
                if key not in self._begun:
                    self._begun[key] = _Begun(replay, event, self._given[draw])
                found.append(self._begun[key].run(value))
            except _PROBLEMS:
                return None
        return found

    def _right(
        self, p: ParameterVerdict, values: list[dict[At, Array]], draws: Sequence[int], put: int
    ) -> bool:
        after = p.parameter.after
        assert after is not None
        exact, before = [p.exact[d] for d in draws], [p.before[d] for d in draws]
        if values[0][after].shape != before[0].shape or not any(map(np.any, exact)):
            return False
        change = [v[after] - b for v, b in zip(values, before, strict=True)]
        how = match(change, exact, None if p.penalised else before)
        if how is not None:
            largest = max(float(np.max(np.abs(c))) for c in change)
            mine = abs(how.factor) * max(float(np.max(np.abs(e))) for e in exact)
            return how.factor < 0 and mine > 1e-3 * largest
        if not all(np.all(np.sign(c) * np.sign(e) <= 0) for c, e in zip(change, exact, strict=True)):
            return False
        inner = (at for at in self._inner.get(id(p), ()) if at.time - 1 != put)
        return any(match([v[at] for v in values], exact, before) is not None for at in inner)

    def _of_its_size(self, p: ParameterVerdict) -> list[At]:
        """Return results before the update that have the parameter's size: one of them may be its gradient."""
        whole = carried(self.judgement, p.parameter)
        found = []
        for i in reversed(self.judgement.backward):
            at = self.judgement.result(i) if i in whole else None
            if at is not None and int(np.prod(self._tape.cells[at.cell].shape)) == p.exact[0].size:
                found.append(at)
        return found[:_MOST_INNER]


class _Begun:
    """A replay played up to an event, and from there again and again; what is written in place is put back."""

    def __init__(self, replay: Replay, event: int, given: Any) -> None:
        self._event = event
        self._playing = Playing(replay, given, Space())
        self._playing.until(event)
        tape: Tape = replay.tape
        written = {
            id(tape.cells[e.target].buffer)
            for e in map(tape.events.__getitem__, replay.events)
            if e.index >= event and e.target is not None
        }
        held = self._playing.registers.items()
        arrays = [a for cell, a in held if id(tape.cells[cell].buffer) in written]
        self._kept = [(a, a.copy()) for a in arrays if isinstance(a, np.ndarray)]

    def run(self, value: Array) -> dict[At, Array]:
        """Return the wanted values with another result of the event."""
        for array, kept in self._kept:
            array[...] = kept
        playing = self._playing.resumed({self._event: value})
        playing.until(None)
        return playing.found
