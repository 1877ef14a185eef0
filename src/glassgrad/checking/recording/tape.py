"""The tape: every call on arrays that a program made, in order, with the place in the source that made it.

Calls are kept as the program made them, in-place writes and views included, because that is what is to be judged.
A *cell* is one array object of the program; cells that share memory share a *buffer*. What a call reads is known as
the events that last wrote the memory, so that the dependences between events form a graph although the program
writes in place.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import numpy as np

__all__ = ["Binding", "Buffer", "Cell", "Enough", "Event", "Place", "Ref", "State", "Tape", "Update", "refs"]

Array = np.ndarray[Any, Any]

_MOST_EVENTS = 400_000
_MOST_KEPT = 4096
_MOST_UPDATES = 20_000


class Enough(BaseException):
    """Ends the program: what was recorded is enough. Not an `Exception`, so that ``except Exception`` lets it pass."""


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of source: lines from 1, columns from 0, as in `ast`."""

    file: str
    line: int
    end_line: int
    column: int
    end_column: int
    function: str


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands for a cell among the arguments of an event."""

    cell: int


@dataclass(frozen=True, slots=True)
class State:
    """A value from outside, or the part of it that the indices of `path` lead to, after a number of updates.

    `home` is the memory in which this version may be kept.
    """

    leaf: int
    path: tuple[str, ...]
    version: int
    home: frozenset[int] = frozenset()

    @property
    def key(self) -> tuple[int, tuple[str, ...]]:
        """Which value it is a state of."""
        return self.leaf, self.path


@dataclass(slots=True)
class Buffer:
    """Memory: the event that made it, the one that wrote it last, and whether anything was written in place.

    `state` says which value from outside it is a state of, and after how many updates; None where it is none. `cut`
    says that it is of whole numbers and something was written into it that was none.
    """

    maker: int
    writer: int
    state: State | None = None
    written: bool = False
    cut: bool = False


@dataclass(slots=True)
class Cell:
    """One array or number of the program, its memory, and the event that made it.

    `path` holds the indices that lead from the whole memory to a view.
    """

    index: int
    buffer: Buffer
    event: int
    shape: tuple[int, ...] = ()
    path: tuple[str, ...] = ()

    @property
    def state(self) -> State | None:
        """Which value from outside it is a state of, and after how many updates."""
        whole = self.buffer.state
        return (
            whole
            if whole is None or not self.path
            else State(whole.leaf, whole.path + self.path, whole.version, whole.home)
        )


@dataclass(slots=True, eq=False)
class Event:
    """One call, or a value that came from outside (then `function` is None and `value` holds it).

    Attributes
    ----------
    reads
        The events whose results it takes.
    cells
        The cells it made.
    target
        For a write in place the cell that was written, else None.
    leaves
        The values from outside that the result depends on, as bits.
    stack
        Where the call stands: innermost first, then the calls around it.
    matrix
        Whether the result is an ``np.matrix``, which keeps two axes where an array has one.
    """

    index: int
    function: Callable[..., Any] | None
    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    reads: tuple[int, ...] = ()
    cells: tuple[int, ...] = ()
    target: int | None = None
    leaves: int = 0
    value: Any = None
    stack: tuple[Place, ...] = ()
    matrix: bool = False

    @property
    def place(self) -> Place | None:
        """Where the call itself stands."""
        return self.stack[0] if self.stack else None


@dataclass(frozen=True, slots=True)
class Binding:
    """A name that was given a value.

    Attributes
    ----------
    statement
        The number of the statement.
    name
        The target as the source spells it, with the values of its indices.
    cell
        The value.
    time
        How many events there were: the value is what the cell held after event ``time - 1``.
    kind
        ``"assign"``, ``"whole"`` (an array of which a part was assigned), ``"loop"``, ``"argument"`` or ``"return"``.
    stack
        Where it happened, the calls around it included.
    value
        What the program itself computed, where that is small.
    """

    statement: int
    name: str
    cell: int
    time: int
    kind: str
    stack: tuple[Place, ...]
    value: Any = None


@dataclass(slots=True)
class Update:
    """A step of what may be a parameter.

    Attributes
    ----------
    key
        The value from outside.
    event, version
        The event that made the new state, and which it is.
    home
        The memory that may hold the old state.
    kept
        Whether the new state went where the old one was: in place, into the same array, or to the same name. A hidden
        state to which a bias is added looks like a step of the bias otherwise.
    """

    key: tuple[int, tuple[str, ...]]
    event: int
    version: int
    home: frozenset[int]
    kept: bool = False


class Tape:
    """Everything that was recorded of one run.

    Parameters
    ----------
    files
        The files whose code is the user's.
    steps
        The program is stopped when one value has been updated this many times.
    seconds
        It is stopped as well after this time.
    """

    def __init__(self, files: set[str], steps: int = 4, seconds: float = 45.0) -> None:
        self.files = files
        self.steps, self.seconds = steps, seconds
        self.following: Callable[[], None] | None = None
        self.events: list[Event] = []
        self.cells: list[Cell] = []
        self.bindings: list[Binding] = []
        self.updates: list[Update] = []
        self.constants: dict[int, tuple[Any, int]] = {}
        self.guards: list[tuple[int, int, Any]] = []
        self.outside = 0
        self._ticks = 0
        self._counts: dict[Any, int] = {}
        self._bits: dict[Any, int] = {}
        self._newest: dict[Any, Update] = {}
        self._held: dict[str, set[int]] = {}
        self.ended = ""
        self.cache: dict[str, Any] = {}
        self.floor: FrameType | None = None
        self._positions: dict[tuple[int, int], Place] = {}
        self._codes: dict[int, CodeType] = {}
        self._deadline = time.monotonic() + seconds

    # -- what the traced arrays call -------------------------------------------------------------------------------

    def leaf(self, value: Any, name: str) -> Cell:
        """Record a value that came from outside."""
        event = self._event(None, name)
        event.value = value
        event.leaves = 1 << self.outside
        self.outside += 1
        cell = self._cell(event, None)
        cell.shape = np.shape(value)
        cell.buffer.state = State(event.index, (), 0, frozenset((id(cell.buffer),)))
        return cell

    def call(
        self, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Event:
        """Record a call; the arguments hold a `Ref` where they held a traced value."""
        self.tick()
        event = self._event(function, name)
        event.args, event.kwargs = args, kwargs
        reads: dict[int, None] = {}
        for value in (*args, *kwargs.values()) if kwargs else args:
            for ref in (value,) if type(value) is Ref else () if type(value) in _SINGLE else refs(value):
                cell = self.cells[ref.cell]
                reads[cell.event] = reads[cell.buffer.writer] = None
        event.reads = tuple(reads)
        for read in event.reads:
            event.leaves |= self.events[read].leaves
        return event

    def made(self, event: Event, of: Cell | None, index: str | None = None) -> Cell:
        """Record a result of an event: of memory of its own, or a view of another cell by an index."""
        if of is None:
            return self._cell(event, None)
        cell = self._cell(event, of.buffer)
        cell.path = of.path if index is None else (*of.path, index)
        return cell

    def writing(self, cell: Cell) -> None:
        """Keep what a value from outside was before the program's first write to it."""
        made = self.events[cell.buffer.maker]
        if made.function is None and not cell.buffer.written:
            made.value = np.array(made.value)

    def wrote(self, event: Event, cell: Cell) -> None:
        """Record that an event wrote a cell in place."""
        event.target = cell.index
        if cell.buffer.writer not in event.reads:
            event.reads = (*event.reads, cell.buffer.writer)
            event.leaves |= self.events[cell.buffer.writer].leaves
        cell.buffer.writer = event.index
        cell.buffer.written = True

    def constant(self, value: Any, name: str = "constant") -> Cell:
        """Return the cell of a value that no recorded call made."""
        known = self.constants.get(id(value))
        if known is not None and known[0] is value:
            return self.cells[known[1]]
        cell = self.leaf(value, name)
        self.constants[id(value)] = (value, cell.index)
        return cell

    def bit(self, state: State) -> int:
        """Return the bit by which it is seen what depends on the newest state of a value."""
        return self._bits.get(state.key, self.events[state.leaf].leaves)

    def updated(self, event: Event, before: State, kept: bool) -> None:
        """Record a new state of what may be a parameter."""
        event.leaves |= 1 << self.outside
        self._bits[before.key] = 1 << self.outside
        self.outside += 1
        update = Update(before.key, event.index, before.version + 1, before.home)
        self.updates.append(update)
        self._newest[before.key] = update
        if kept:
            self.keep(before.key)
        elif len(self.updates) > _MOST_UPDATES:
            self.stop("updates")

    def keep(self, key: tuple[int, tuple[str, ...]]) -> None:
        """Note that the newest state went where the old one was, and end the program when there were enough steps."""
        update = self._newest.get(key)
        if update is None or update.kept:
            return
        update.kept = True
        self._counts[key] = count = self._counts.get(key, 0) + 1
        if count >= self.steps and self.following is not None:
            self.following()
            self.steps = sys.maxsize
        elif count >= self.steps:
            self.stop("steps")

    def hold(self, name: str, state: State, memory: int) -> None:
        """Note that a name holds a state, in some memory: if it held that of the one before, the new one was kept."""
        held = self._held.setdefault(name, set())
        update = self._newest.get(state.key)
        if update is not None and update.home & held and state.version >= update.version:
            self.keep(state.key)
        held.add(memory)

    def stop(self, reason: str) -> None:
        """End the program.

        Raises
        ------
        Enough
            Always.
        """
        self.ended = self.ended or reason
        raise Enough(reason)

    def guard(self, cell: int, value: Any) -> None:
        """Note that the program went on from a truth value or whole number, which other numbers may change."""
        self.guards.append((cell, len(self.events), value))

    # -- what the instrumented statements call ---------------------------------------------------------------------

    def bind(self, statement: int, name: str, cell: int, kind: str, value: Any = None) -> None:
        """Record that a name was given a value; of a small array what it holds is kept, to be compared with float64."""
        kept = np.array(value) if value is not None and np.size(value) <= _MOST_KEPT else None
        self.bindings.append(Binding(statement, name, cell, len(self.events), kind, self.stack(), kept))
        state = self.cells[cell].state
        if state is not None:
            self.hold(name, state, id(self.cells[cell].buffer))

    # -- places ----------------------------------------------------------------------------------------------------

    def stack(self) -> tuple[Place, ...]:
        """Return where the program is: its own frames, innermost first."""
        places = []
        frame: FrameType | None = sys._getframe(2)
        files, known = self.files, self._positions
        while frame is not None and frame is not self.floor:
            code = frame.f_code
            if code.co_filename in files:
                place = known.get((id(code), frame.f_lasti))
                places.append(place or self._place(code, frame.f_lasti))
            frame = frame.f_back
        return tuple(places)

    def _place(self, code: CodeType, at: int) -> Place:
        self._codes[id(code)] = code  # or another code could get its id
        line, end_line, column, end_column = list(code.co_positions())[at // 2]
        place = Place(
            code.co_filename,
            line or 0,
            end_line or line or 0,
            column or 0,
            end_column or 0,
            code.co_qualname,
        )
        self._positions[id(code), at] = place
        return place

    # -- inside ----------------------------------------------------------------------------------------------------

    def _event(self, function: Callable[..., Any] | None, name: str) -> Event:
        event = Event(len(self.events), function, name, stack=self.stack())
        self.events.append(event)
        return event

    def _cell(self, event: Event, buffer: Buffer | None) -> Cell:
        cell = Cell(len(self.cells), buffer or Buffer(event.index, event.index), event.index)
        self.cells.append(cell)
        event.cells = (*event.cells, cell.index)
        return cell

    def tick(self) -> None:
        """Stop the program where it has run long enough.

        Raises
        ------
        Enough
            Then, and at every later call: a bare ``except`` of the program may have swallowed it.
        """
        self._ticks += 1
        if self.ended:
            raise Enough(self.ended)
        if len(self.events) > _MOST_EVENTS:
            self.stop("events")
        if not self._ticks % 256 and time.monotonic() > self._deadline:
            self.stop("time")


_SINGLE = frozenset((int, float, str, bool, type(None), type(Ellipsis), np.float64, np.int64))
"""Types of arguments with no reference in them."""


def refs(value: Any) -> Iterator[Ref]:
    """Yield the references inside nested arguments, in order."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from refs(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from refs(item)
    elif isinstance(value, slice):
        yield from refs((value.start, value.stop, value.step))
