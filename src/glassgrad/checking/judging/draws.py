"""The step played on several parameters and inputs, so that nothing is right by coincidence.

The first draw is the program's own; the next has other parameters, the last two other inputs as well. On each, every
value of the program is compared with the exact gradients at that place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from glassgrad.checking.judging.repeats import Repeats
from glassgrad.checking.judging.replay import At, Replay, ancestors, differentiated, writers, writes
from glassgrad.checking.judging.step import Step
from glassgrad.checking.recording.tape import refs

__all__ = ["DRAWS", "Draws"]

Array = np.ndarray[Any, Any]

DRAWS = 4
_SEED = 20_240_229
_MOST_INPUTS = 4_000_000
_HALVINGS = 24
_REDRAWN = 8
_MOST_KEPT = 3
"""Sets of wanted values of which it is known what they are on each draw."""


class Draws:
    """The draws of a step.

    Parameters
    ----------
    step
        The step.
    predictions, targets
        Where they meet; the targets are not drawn anew.

    Attributes
    ----------
    given
        For each draw, the results that events are to have.
    """

    def __init__(self, step: Step, predictions: Collection[At], targets: Collection[At]) -> None:
        self.step, self.tape = step, step.tape
        self._repeats: dict[frozenset[At], Repeats] = {}
        forward = ancestors(self.tape, [w for p in predictions for w in self._writers(p)])
        self.forward = sorted(forward)
        starts = [p.start for p in step.parameters]
        rng = np.random.default_rng(_SEED)
        own = self.at_start()
        fixed = ancestors(self.tape, [w for t in targets for w in self._writers(t)])
        inputs = self._inputs(forward, fixed, set(starts))
        self.given: list[dict[int, Any]] = [dict(zip(starts, own, strict=True))]
        self._own = {**inputs, **self.given[0]}
        for draw in range(1, DRAWS):
            given: dict[int, Any] = {s: _moved(w, rng) for s, w in zip(starts, own, strict=True)}
            if draw >= 2:
                given |= {i: _jittered(value, rng) for i, value in inputs.items()}
            self.given.append(self._same_way(given))
        self.written = self._written_cells(forward)

    def _same_way(self, given: dict[int, Any]) -> dict[int, Any]:
        """Return a draw so near the program's own numbers that it would have taken the same branches."""
        guards = {
            At(time, cell): value
            for cell, time, value in self.tape.guards
            if time <= self.step.end
            and any(self._moves(w, given) for w in writers(self.tape, At(time, cell)))
        }
        replay = Replay(self.tape, guards)
        for _ in range(_HALVINGS if guards else 0):
            found = replay.run(given)
            if all(_decision(found[at], value) for at, value in guards.items()):
                break
            given = self._halfway(given)
        return given

    def _moves(self, event: int, given: Mapping[int, Any]) -> bool:
        return event in self.step.depends or bool(ancestors(self.tape, [event]) & given.keys())

    def at_start(self) -> list[Array]:
        """Return the parameters as the program has them before the step."""
        wanted = [At(p.start + 1, self.tape.events[p.start].cells[0]) for p in self.step.parameters]
        found = Replay(self.tape, wanted).run({})
        return [np.asarray(found[w], dtype=np.float64) for w in wanted]

    def values(
        self,
        wanted: Collection[At],
        extra: Callable[[int], Mapping[int, Any]] | None = None,
        draws: Collection[int] | None = None,
    ) -> list[dict[At, Array]]:
        """Return values on each draw.

        Parameters
        ----------
        wanted
            Which values.
        extra
            For a draw, results that other events are to have.
        draws
            Which draws; all where it is left out.
        """
        key = frozenset(wanted)
        repeats = self._repeats.pop(key, None) or Repeats(self.tape, wanted, self.given)
        self._repeats[key] = repeats
        if len(self._repeats) > _MOST_KEPT:
            del self._repeats[next(iter(self._repeats))]
        chosen = range(len(self.given)) if draws is None else draws
        return [repeats.run(d, extra(d) if extra else {}) for d in chosen]

    def gradients(
        self, loss: Callable[[dict[At, Any]], Any], wanted: Collection[At], probed: Collection[int]
    ) -> list[tuple[float, dict[int, Array]]]:
        """Return a loss and its exact gradients on each draw."""
        cut = [p.start for p in self.step.parameters]
        found = []
        for draw in range(len(self.given)):
            for _ in range(_REDRAWN if draw else 1):
                given = self.given[draw]
                exact = differentiated(
                    self.tape, loss, wanted, given, cut, probed, self.written, self._unchanged()
                )
                if all(np.all(np.isfinite(exact[1][start])) for start in cut if start in exact[1]):
                    break
                self.given[draw] = self._halfway(given)  # a root or logarithm of what is below 0 there
            found.append(exact)
        return found

    def _halfway(self, given: dict[int, Any]) -> dict[int, Any]:
        """Return a draw nearer to the program's own numbers."""
        return {i: self._own[i] + (value - self._own[i]) * 0.5 for i, value in given.items()}

    def _unchanged(self) -> dict[int, int | None]:
        """Return the updates of the step, each with the cell that holds the value it is to leave as it was."""
        found: dict[int, int | None] = {}
        for p in self.step.parameters:
            first = min(p.updates, default=None)
            if first is None:
                continue
            made = self.tape.events[p.start]
            cell = self.tape.cells[made.cells[0]]
            for i in writes(self.tape).get(id(cell.buffer), ()):
                if i >= first:
                    found[i] = None
            for u in p.updates:
                event = self.tape.events[u]
                if event.target is None and self.tape.cells[event.cells[0]].shape == cell.shape:
                    found[u] = cell.index
        return found

    def _writers(self, at: At) -> list[int]:
        return list(writers(self.tape, at))

    def _inputs(self, forward: set[int], fixed: set[int], starts: set[int]) -> dict[int, Any]:
        """Return the values from outside that the forward pass computes with, but those that the program has twice."""
        tape, step = self.tape, self.step
        past = ancestors(tape, starts)
        begin = min((i for i in step.depends if i not in starts), default=0)
        indices = set()
        for i in forward:
            event = tape.events[i]
            if event.name in ("getitem", "setitem"):
                for ref in refs(event.args[1]):
                    indices |= ancestors(tape, [tape.cells[ref.cell].event])
        found = {}
        for i in forward - fixed - past - indices:
            event = tape.events[i]
            if (
                event.function is None
                and i < begin
                and i not in step.depends
                and np.size(event.value) <= _MOST_INPUTS
            ):
                value = np.asarray(event.value)
                if value.dtype.kind in "fiu" and value.size > 1:
                    found[i] = value.astype(np.float64)
        known: dict[bytes, int] = {}
        for event in tape.events[: step.end]:
            if event.function is None and 1 < np.size(event.value) <= _MOST_INPUTS:
                key = _content(event.value)
                known[key] = known.get(key, 0) + 1
        return {i: value for i, value in found.items() if known[_content(value)] == 1}

    def _written_cells(self, forward: set[int]) -> set[int]:
        buffers = {
            id(self.tape.cells[e.target].buffer)
            for e in (self.tape.events[i] for i in forward)
            if e.target is not None and e.index in self.step.depends
        }
        return {c.index for c in self.tape.cells if id(c.buffer) in buffers}


def _content(value: Any) -> bytes:
    """Return the numbers in a value, in whatever order they stand."""
    return np.sort(np.asarray(value, dtype=np.float64), axis=None).tobytes()


def _decision(found: Array, value: Any) -> bool:
    return (
        bool(np.all(found)) == value
        if isinstance(value, bool)
        else bool(np.all(found.astype(np.int64) == value))
    )


def _moved(value: Array, rng: np.random.Generator) -> Array:
    """Return a parameter with noise of its own size, so that equal and zero entries part."""
    spread = float(np.std(value)) if value.size > 1 else 0.0
    size = spread or float(np.mean(np.abs(value))) or 0.3
    return value + 0.4 * size * rng.standard_normal(value.shape)


def _jittered(value: Array, rng: np.random.Generator) -> Array:
    """Return an input with noise, but where it is constant along an axis, as a column of ones is."""
    noise: Array = np.multiply(0.2 * float(np.std(value)), rng.standard_normal(value.shape))
    for axis in range(value.ndim):
        if value.shape[axis] > 1 and (value.ndim > 1):
            noise = np.where(np.ptp(value, axis=axis, keepdims=True) == 0, 0.0, noise)
    return value + noise
