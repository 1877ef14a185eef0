"""What the hooks in the program call while it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.checking.recording.scalars import METHODS
from glassgrad.checking.recording.standins import numbers_of
from glassgrad.checking.recording.tape import Enough, Ref, Tape
from glassgrad.checking.recording.traced import (
    SCALARS,
    Session,
    adopted,
    cell_of,
    is_traced,
    key,
    outside,
    plain,
    record,
)

__all__ = ["Hooks"]

_DEPTH, _WIDTH = 3, 64
_CALCULATED = frozenset(("add", "subtract", "multiply", "divide", "dot", "matmul", "sum"))


class Hooks:
    """What the instrumented statements call."""

    Enough = Enough

    def __init__(self, tape: Tape, probe: Callable[[dict[str, Any], dict[str, Any]], None] | None) -> None:
        self.tape, self._probe = tape, probe
        self.adopted = lambda value: adopted(value, "outside")

    def begin_again(self, steps: int) -> None:
        """Record on a new tape, on which everything so far comes from outside."""
        before = self.tape
        self.tape = Tape(before.files, steps, before.seconds)
        self.tape.floor = before.floor
        Session.tape = self.tape

    def bound(self, statement: int, kind: str, text: str, root: str, value: Any, *indices: Any) -> None:
        """Note what a target holds."""
        if Session.tape is not self.tape:
            return
        self.tape.tick()
        name = root
        for index in indices:
            if is_traced(value):
                stored = _stored(self.tape, value) if _plain(index) else None
                self._bind(
                    statement, name if stored is not None else f"{name}[{_index(index)}]", value, "whole"
                )
                if stored is not None:
                    self.tape.bind(statement, f"{name}[{_index(index)}]", stored, kind)
                return
            name = f"{name}[{_index(index)}]"
            try:
                value = value[index]
            except (TypeError, KeyError, IndexError):
                return
        self._hold(statement, name, value, kind, _DEPTH)

    def _hold(self, statement: int, name: str, value: Any, kind: str, depth: int) -> None:
        if is_traced(value):
            self._bind(statement, name, value, kind)
        elif depth and isinstance(value, (list, tuple)) and len(value) <= _WIDTH:
            for i, item in enumerate(value):
                self._hold(statement, f"{name}[{i}]", item, kind, depth - 1)
        elif depth and isinstance(value, dict) and len(value) <= _WIDTH:
            for index, item in value.items():
                self._hold(statement, f"{name}[{index!r}]", item, kind, depth - 1)
        elif depth and isinstance(value, np.ndarray) and value.dtype == object and value.size <= _WIDTH:
            for place in np.ndindex(value.shape):
                self._hold(statement, f"{name}[{', '.join(map(str, place))}]", value[place], kind, depth - 1)

    def _bind(self, statement: int, name: str, value: Any, kind: str) -> None:
        self.tape.bind(statement, name, cell_of(self.tape, value).index, kind, plain(value))

    def returned(self, statement: int, value: Any) -> Any:
        """Note what a function returns."""
        value = adopted(value, "outside")
        if Session.tape is self.tape:
            self._hold(statement, "return", value, "return", 1)
        return value

    def turn(self) -> None:
        """Note a turn of a loop that may never end."""
        if Session.tape is self.tape:
            self.tape.tick()

    def number(self, kind: Any, value: Any) -> Any:
        """``float(x)``, ``int(x)`` or ``np.float64(x)``: a number that records stays one, if it was calculated."""
        if kind is int and is_traced(value) and self._calculated(value):
            return record(np.trunc, "int", (value,), {}, now=int)
        if is_traced(value) and (kind is float or kind in SCALARS):
            return record(METHODS["astype"], "astype", (value, kind), {}, now=lambda x, kind: kind(x))
        return kind(value)

    def _calculated(self, value: Any) -> bool:
        """Say whether a number is no element of the data, which may be an index."""
        made = self.tape.events[cell_of(self.tape, value).event]
        return np.ndim(value) == 0 and made.function is not None and made.name in _CALCULATED

    def kind(self, function: Any, value: Any) -> Any:
        """``type(x)``: the type that the program knows."""
        return function(plain(value) if function is type and is_traced(value) else value)

    def literal(self, value: float) -> Any:
        """A float in a list or call of a program that keeps its weights in lists."""
        return outside(value, "literal")

    def stepped(self, value: Any) -> Any:
        """What is given to a name from which something is taken away again and again: numbers of NumPy's record too."""
        return outside(value, "outside") if isinstance(value, np.floating) else adopted(value, "outside")

    def renamed(self, value: Any) -> Any:
        """What has a name and is given another: the second is an event of its own, so that one can be wrong alone."""
        value = adopted(value, "outside")
        if Session.tape is not self.tape or not is_traced(value):
            return value
        buffer = cell_of(self.tape, value).buffer
        filled = buffer.written and buffer.state is not None and buffer.state.version == 0
        if not filled and (buffer.state is not None or self.tape.events[buffer.maker].function is None):
            return value
        return record(renamed, "renamed", (value,), {}, now=None if isinstance(value, np.ndarray) else _same)

    def listed(self, value: Any) -> Any:
        """A list of numbers that becomes an array when something is taken away from it."""
        array = np.asarray(value) if not is_traced(value) else value
        return adopted(array.astype(np.float64), "list") if array.dtype.kind in "fi" else value

    def dot(self, left: Any, right: Any) -> Any:
        """``a.dot(b)``: a plain array does not ask b."""
        if is_traced(right) and type(left) is np.ndarray:
            left = adopted(left, "outside")
        return left.dot(right)

    def astype(self, array: Any, *args: Any, **kwargs: Any) -> Any:
        """``a.astype(float)``: objects that record become an array that does."""
        if type(array) is np.ndarray and array.dtype == object and len(args) == 1:
            return numbers_of(array, args[0])
        return array.astype(*args, **kwargs)

    def probe(self) -> None:
        """Hand over the names in scope."""
        frame = sys._getframe(1)
        if self._probe is not None and Session.tape is self.tape:
            self._probe(frame.f_globals, frame.f_locals)


def renamed(value: Any) -> Any:
    """Return an array's memory, or a number, as another object."""
    return np.positive(value) if isinstance(value, (float, np.generic)) else value[...]


def _same(value: Any) -> Any:
    return value


def _plain(index: Any) -> bool:
    """Say whether an index is made of whole numbers and slices."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(p, (int, np.integer, slice)) and not isinstance(p, bool) for p in parts)


def _stored(tape: Tape, array: Any) -> int | None:
    """Return the cell of what was just written into an array, where it was one value."""
    event = tape.events[cell_of(tape, array).buffer.writer]
    value = event.args[2] if event.name == "setitem" else None
    return value.cell if isinstance(value, Ref) else None


def _index(index: Any) -> str:
    return repr(index) if isinstance(index, str) else key(index)
