"""The tape played again, in float64: on other numbers, or on Tensors, so that everything in it can be differentiated.

The calls are made again in the order in which the program made them, with its aliases and writes in place. Values
can be put in the place of any event's result, which is how other parameters are tried and how a wrong quantity is
replaced by the exact one.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from glassgrad.checking.judging.rules import IN_PLACE, SPECIAL, holds_tensors, numeric
from glassgrad.checking.recording.tape import Cell, Event, Ref, Tape
from glassgrad.errors import CheckError, DTypeError, OptionError, TraceError

__all__ = [
    "At",
    "Playing",
    "Replay",
    "Unplayable",
    "ancestors",
    "differentiated",
    "event_of",
    "used_cell",
    "writers",
    "writes",
]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, order=True, slots=True)
class At:
    """What a cell holds at a time: after event ``time - 1``."""

    time: int
    cell: int


_MOST_ARGS = 16


def event_of(key: int) -> int:
    """Return the event in whose result, or in whose use of a value, a gradient with that key is."""
    return key if key >= 0 else ~key // _MOST_ARGS


def used_cell(tape: Tape, key: int) -> Cell:
    """Return the value in whose use by an event a gradient with a negative key is."""
    ref: Ref = tape.events[event_of(key)].args[~key % _MOST_ARGS]
    return tape.cells[ref.cell]


def ancestors(tape: Tape, events: Iterable[int], but: Container[int] = ()) -> set[int]:
    """Return the events that some events depend on, and those themselves; not by way of those in `but`."""
    seen: set[int] = set()
    waiting = list(events)
    while waiting:
        index = waiting.pop()
        if index not in seen and index not in but:
            seen.add(index)
            waiting += tape.events[index].reads
    return seen


class Replay:
    """Plays the part of a tape that some values need.

    Parameters
    ----------
    tape
        The tape.
    wanted
        The values to return.
    """

    def __init__(self, tape: Tape, wanted: Collection[At]) -> None:
        self.tape, self.wanted = tape, sorted(wanted)
        sources = set()
        for at in self.wanted:
            sources |= set(writers(tape, at))
        self.events = sorted(ancestors(tape, sources))

    def run(self, given: Mapping[int, Any], space: Space | None = None) -> dict[At, Any]:
        """Return the wanted values.

        Parameters
        ----------
        given
            For some events the result they are to have.
        space
            What the values are: arrays, or Tensors.
        """
        playing = Playing(self, given, space or Space())
        playing.until(None)
        return playing.found

    @staticmethod
    def play(event: Event, tape: Tape, registers: dict[int, Any], given: Any, space: Space) -> None:
        """Make one call again; `given` is the result it is to have, None for its own."""
        if event.function is None:
            registers[event.cells[0]] = space.leaf(event, event.value if given is None else given)
            return
        if event.index in space.unchanged:
            cell = space.unchanged[event.index]
            if cell is not None:
                registers[event.cells[0]] = registers[cell]
            return
        if given is None or event.target is not None:
            args = space.used(event, _resolved(event.args, registers))
            try:
                result = space.call(event, args, _resolved(event.kwargs, registers))
            except Exception as error:
                raise Unplayable(event, error) from error
            if event.target is not None:
                if given is not None:
                    registers[event.target][...] = given
                space.wrote(event, registers)
                return
            results = list(_flat(result))
        else:
            results = [given]
        if given is not None:
            results = [space.leaf(event, given)]
        for cell, value in zip(event.cells, results, strict=False):
            if event.matrix and np.ndim(value) == 1:
                value = np.reshape(value, (1, -1) if tape.cells[cell].shape[0] == 1 else (-1, 1))
            registers[cell] = space.result(event, cell, value)


class Playing:
    """A replay under way: what cells hold, and the wanted values that were met."""

    def __init__(self, replay: Replay, given: Mapping[int, Any], space: Space) -> None:
        self.replay, self.given, self.space = replay, given, space
        self.registers: dict[int, Any] = {}
        self.found: dict[At, Any] = {}
        self._event = self._value = 0

    def until(self, stop: int | None) -> None:
        """Play the events before one; all where there is none."""
        replay = self.replay
        events, wanted = replay.events, replay.wanted
        end = len(events) if stop is None else bisect.bisect_left(events, stop)
        with np.errstate(all="ignore"):
            for index in events[self._event : end]:
                self._meet(index)
                event = replay.tape.events[index]
                Replay.play(event, replay.tape, self.registers, self.given.get(index), self.space)
        self._event = max(end, self._event)
        if stop is None:
            self._meet(wanted[-1].time + 1 if wanted else 0)

    def _meet(self, index: int) -> None:
        wanted = self.replay.wanted
        while self._value < len(wanted) and wanted[self._value].time <= index:
            at = wanted[self._value]
            self.found[at] = self.space.copied(self.registers[at.cell])
            self._value += 1

    def resumed(self, given: Mapping[int, Any]) -> Playing:
        """Return a copy that is played on with other results of events to come."""
        other = Playing(self.replay, {**self.given, **given}, self.space)
        other.registers, other.found = dict(self.registers), dict(self.found)
        other._event, other._value = self._event, self._value
        return other


class Unplayable(Exception):
    """A call cannot be made again on other values."""

    def __init__(self, event: Event, error: Exception) -> None:
        super().__init__(f"{event.name}: {error}")
        self.event = event


class Space:
    """Plays on float64 arrays.

    `unchanged` holds the updates that are not to be made, each with the cell whose value stays: a loss that the
    program computes after its update is a function of the parameters all the same.
    """

    unchanged: Mapping[int, int | None] = MappingProxyType({})

    def leaf(self, event: Event, value: Any) -> Any:
        """Return a value from outside."""
        value = np.asarray(value)
        return np.array(value, dtype=np.float64 if value.dtype.kind == "f" else None)

    def used(self, event: Event, args: Any) -> Any:
        """Return the arguments of a call as they are to be used."""
        return args

    def call(self, event: Event, args: Any, kwargs: Any) -> Any:
        """Make a call."""
        assert event.function is not None
        if event.name == "astype" and np.dtype(args[1]).kind == "f":
            return np.array(args[0], dtype=np.float64)
        dtype = kwargs.get("dtype")
        if dtype is not None and np.dtype(dtype).kind == "f":
            kwargs = {**kwargs, "dtype": np.float64}
        return event.function(*args, **kwargs)

    def result(self, event: Event, cell: int, value: Any) -> Any:
        """Return the result of a call as it is kept."""
        return value if isinstance(value, np.ndarray) else np.asarray(value)

    def wrote(self, event: Event, registers: dict[int, Any]) -> None:
        """Note a write in place."""

    def copied(self, value: Any) -> Any:
        """Return a value that later writes leave alone."""
        return np.array(value)


class _Tensors(Space):
    """Plays on Tensors, and lets every result be differentiated for: a zero is added to each, whose gradient is its."""

    def __init__(
        self, tape: Tape, cut: Collection[int], probed: Collection[int], written: Collection[int]
    ) -> None:
        self.tape, self.cut, self.probed, self.written = tape, cut, probed, written
        reads = Counter(ref.cell for i in probed for ref in tape.events[i].args if isinstance(ref, Ref))
        self.shared = {cell for cell, times in reads.items() if times > 1}
        self.zeros: dict[int, Any] = {}

    def used(self, event: Event, args: Any) -> Any:
        import glassgrad as gg

        if event.target is not None or event.index not in self.probed:
            return args
        for i, ref in enumerate(event.args[:_MOST_ARGS]):
            if not isinstance(ref, Ref):
                continue
            cell = self.tape.cells[ref.cell]
            parameter = cell.buffer.maker in self.cut or cell.event in self.cut
            if parameter or (cell.index in self.shared and isinstance(args[i], gg.Tensor)):
                key = ~(event.index * _MOST_ARGS + i)
                self.zeros[key] = zero = gg.tensor(np.zeros(args[i].shape), requires_grad=True)
                args = (*args[:i], np.add(args[i], zero), *args[i + 1 :])
        return args

    def leaf(self, event: Event, value: Any) -> Any:
        import glassgrad as gg

        array = Space().leaf(event, value)
        if event.index in self.cut:
            self.zeros[event.index] = tensor = gg.tensor(array, requires_grad=True)
            return np.add(tensor, np.zeros(()))
        return gg.tensor(array) if set(event.cells) & set(self.written) else array

    def call(self, event: Event, args: Any, kwargs: Any) -> Any:
        if not holds_tensors((args, kwargs)):
            return super().call(event, args, kwargs)
        if event.name in ("getitem", "setitem"):
            args = (args[0], _index(args[1]), *args[2:])
        special = (SPECIAL if event.target is None else IN_PLACE).get(event.name)
        if special is not None:
            return special(*args, **kwargs)
        kwargs.pop("dtype", None)
        assert event.function is not None
        if "out" not in kwargs and isinstance(event.function, np.ufunc):
            kwargs.pop("where", None)  # the other places hold what they happen to hold
        try:
            return event.function(*args, **kwargs)
        except (DTypeError, TraceError, OptionError, TypeError):
            if event.target is not None:
                raise
            return numeric(event.function, args, kwargs)

    def result(self, event: Event, cell: int, value: Any) -> Any:
        import glassgrad as gg

        if not isinstance(value, gg.Tensor):
            value = super().result(event, cell, value)
            return gg.tensor(value) if cell in self.written else value
        if event.index in self.probed:
            self.zeros[event.index] = zero = gg.tensor(np.zeros(value.shape), requires_grad=True)
            value = np.add(value, zero)
        return value

    def wrote(self, event: Event, registers: dict[int, Any]) -> None:
        import glassgrad as gg

        assert event.target is not None
        target = registers[event.target]
        if event.index in self.probed and isinstance(target, gg.Tensor):
            self.zeros[event.index] = zero = gg.tensor(np.zeros(target.shape), requires_grad=True)
            target += zero

    def copied(self, value: Any) -> Any:
        import glassgrad as gg

        return np.add(value, np.zeros(())) if isinstance(value, gg.Tensor) else super().copied(value)


def differentiated(
    tape: Tape,
    loss: Callable[[dict[At, Any]], Any],
    wanted: Collection[At],
    given: Mapping[int, Any],
    cut: Collection[int],
    probed: Collection[int],
    written: Collection[int],
    unchanged: Mapping[int, int | None],
) -> tuple[float, dict[int, Array]]:
    """Return a loss and its gradients in parameters, in the results of events, and in each use of a parameter.

    A parameter or value that is used several times has a gradient in each use as well, with a negative key: see
    `event_of` and `used_cell`.

    Parameters
    ----------
    tape
        The tape.
    loss
        Makes the loss, a number, of the wanted values.
    wanted
        The values it needs.
    given
        The results some events are to have.
    cut
        The events whose results are parameters.
    probed
        The events whose results the loss is differentiated for as well.
    written
        Cells that are written in place with what depends on the parameters.
    unchanged
        Updates that are not to be made.

    Raises
    ------
    Unplayable
        Where a call has no derivative rule.
    """
    import glassgrad as gg

    space = _Tensors(tape, cut, probed, written)
    space.unchanged = unchanged
    values = Replay(tape, wanted).run(given, space)
    with np.errstate(all="ignore"):
        result = loss(values)
        if not isinstance(result, gg.Tensor) or not result.requires_grad:
            raise CheckError("The loss does not depend on the parameters.")
        result = np.sum(result)
        result.backward()
    gradients = {i: np.asarray(z.grad.detach().numpy()) for i, z in space.zeros.items() if z.grad is not None}
    return float(result.detach().numpy()), gradients


def writers(tape: Tape, at: At) -> Iterator[int]:
    """Yield the event that made a cell, and the last one before a time that wrote its memory."""
    cell = tape.cells[at.cell]
    yield cell.event
    made = writes(tape).get(id(cell.buffer), ())
    before = bisect.bisect_left(made, at.time)
    if before:
        yield made[before - 1]


def writes(tape: Tape) -> dict[int, list[int]]:
    """Return the writes in place of each buffer, in order."""
    known: dict[int, list[int]] | None = tape.cache.get("writes")
    if known is None:
        known = {}
        for event in tape.events:
            if event.target is not None:
                known.setdefault(id(tape.cells[event.target].buffer), []).append(event.index)
        tape.cache["writes"] = known
    return known


def _resolved(value: Any, registers: dict[int, Any]) -> Any:
    if isinstance(value, Ref):
        return registers[value.cell]
    if isinstance(value, (list, tuple)):
        return type(value)(_resolved(item, registers) for item in value)
    if isinstance(value, dict):
        return {k: _resolved(item, registers) for k, item in value.items()}
    if isinstance(value, slice):
        return slice(*(_resolved(item, registers) for item in (value.start, value.stop, value.step)))
    return value


def _flat(result: Any) -> Iterator[Any]:
    if isinstance(result, (list, tuple)):
        for item in result:
            yield from _flat(item)
    else:
        yield result


def _index(index: Any) -> Any:
    """Return an index with ranges as lists."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    return np.arange(index.start, index.stop, index.step) if isinstance(index, range) else index
