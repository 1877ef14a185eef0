"""What the program's arrays are called, and what they are: ``layer_2_delta`` is −∂E/∂z2."""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.matching import Match
from glassgrad.checking.judging.replay import At, event_of, used_cell, writers
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.recording.tape import Binding, Place
from glassgrad.checking.recording.traced import is_traced
from glassgrad.language import Text, short

__all__ = ["Names", "nodes_of"]

Array = np.ndarray[Any, Any]
_Made: TypeAlias = tuple[Binding, At, str, Callable[[Array], Array]]
"""A named value, and an activation of it."""

_CLOSE = 1e-9
_MOST_SEARCHED = 5000
_NEAR = 40
"""An activation takes fewer calls than this."""


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def _softmax(axis: int) -> Callable[[Array], Array]:
    def softmax(z: Array) -> Array:
        e = np.exp(z - z.max(axis=axis, keepdims=True))
        return np.asarray(e / e.sum(axis=axis, keepdims=True))

    return softmax


ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "ReLU": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "softplus": (lambda z: np.log1p(np.exp(z)), _sigmoid),
}
"""Activations that are recognised by value, with their slopes."""


def nodes_of(program: Program) -> Callable[[Place | None], ast.AST | None]:
    """Return a function from a place in the source to the syntax that stands there."""
    known: dict[str, dict[tuple[int, int, int, int], ast.AST]] = {}

    def node(place: Place | None) -> ast.AST | None:
        if place is None or place.file not in program.sources:
            return None
        nodes = known.get(place.file)
        if nodes is None:
            nodes = known[place.file] = {
                (n.lineno, n.end_lineno or 0, n.col_offset, n.end_col_offset or 0): n
                for n in ast.walk(program.sources[place.file].tree)
                if isinstance(n, (ast.expr, ast.stmt))
            }
        return nodes.get((place.line, place.end_line, place.column, place.end_column))

    return node


class Names:
    """The names of one judged program.

    Parameters
    ----------
    program, run, judgement
        What was run, what was recorded, and how it was judged.
    """

    def __init__(self, program: Program, run: Run, judgement: Judgement) -> None:
        self.program, self.run, self.judgement = program, run, judgement
        self._node = nodes_of(program)
        self._bound: dict[int, str] = {}
        self._into: dict[int, str] | None = None
        tape = judgement.step.tape
        for b in judgement.bindings:
            if b.kind == "assign" and b.time <= judgement.step.end:
                event = max(writers(tape, At(b.time, b.cell)))
                self._bound.setdefault(event, b.name)
        still = {v.parameter.start: v.parameter for v in judgement.parameters if not v.parameter.updates}
        for start, name in _paths(run.names, set(still)).items():
            if still[start].spelled.isidentifier() and not name.isidentifier():
                still[
                    start
                ].spelled = name  # what the forward pass calls it for the moment is not where it is kept
        for verdict in judgement.parameters:
            verdict.parameter.name = self.parameter(verdict.parameter)

    def parameter(self, parameter: Any) -> str:
        """Return a parameter's name: that of its update, else the first it had."""
        tape = self.judgement.step.tape
        updates = set(parameter.updates)
        first = ""
        for b in self.run.tape.bindings:
            at = At(b.time, b.cell)
            if b.kind != "assign" or tape.cells[b.cell].shape != tape.cells[parameter.before.cell].shape:
                continue
            sources = set(writers(tape, at))
            if sources & updates and b.name != "return":
                return b.name
            if parameter.start in sources and not first:
                first = b.name
        return first or parameter.spelled or self.expression(parameter.start) or "?"

    def event(self, event: int) -> str:
        """Return the name of what an event gave: its name in the program, else the expression."""
        event = event_of(event)
        for verdict in self.judgement.parameters:
            if verdict.parameter.start == event:
                return verdict.parameter.name
        return self._bound.get(event) or self._entering(event) or self.expression(event)

    def _entering(self, event: int) -> str:
        """Return ``z(a)`` for a value without a name that goes into the activation whose output is called a."""
        if self._into is None:
            self._into = {}
            values = self.judgement.values
            bound = [
                (b, At(b.time, b.cell)) for b in self.judgement.bindings if b.time <= self.judgement.step.end
            ]
            outputs = [(b, at) for b, at in bound if b.kind == "assign" and at in values[0]]
            for b, at in bound:
                if b.kind != "argument" or at not in values[0]:
                    continue
                entered = max(writers(self.judgement.step.tape, at))
                if entered in self._bound or entered in self._into or entered in self.judgement.backward:
                    continue
                for named, output in outputs:
                    if at.time <= output.time <= at.time + _NEAR and self._activates(at, output):
                        self._into[entered] = f"z({named.name})"
                        break
        return self._into.get(event, "")

    def _activates(self, at: At, output: At) -> bool:
        z, a = ([v[x] for v in self.judgement.values] for x in (at, output))
        return z[0].shape == a[0].shape and (
            any(_same(a, z, f) for f, _ in ACTIVATIONS.values())
            or (z[0].ndim > 0 and any(_same(a, z, _softmax(axis)) for axis in range(-z[0].ndim, 0)))
        )

    def expression(self, event: int) -> str:
        """Return the source of the call that an event was."""
        made = self.judgement.step.tape.events[event]
        node = self._node(made.place)
        if node is None or made.place is None:
            return made.name
        return self.program.sources[made.place.file].segment(node)

    def gradient(self, event: int, element: int | None = None) -> str:
        """Return ∂E/∂… for the gradient that a key of `Judgement.gradients` stands for, or one element of it."""
        if element is not None:
            shape = self.judgement.gradients[0][event].shape
            place = ", ".join(str(i) for i in np.unravel_index(element, shape))
            return f"{self.gradient(event)}[{place}]"
        if event < 0:
            cell = used_cell(self.judgement.step.tape, event)
            for verdict in self.judgement.parameters:
                if verdict.parameter.start in (cell.event, cell.buffer.maker):
                    return f"∂E/∂{self._symbol(verdict.parameter.name)}"
            return f"∂E/∂{self._symbol(self.event(cell.event))} | {self.expression(event_of(event))}"
        return f"∂E/∂{self._symbol(self.event(event))}"

    def meaning(self, event: int, how: Match) -> str:
        """Return which gradient a quantity is, with its factor: ``−∂E/∂z2``."""
        symbol = self.gradient(event, how.element) + ("ᵀ" if how.transposed else "")
        if abs(abs(how.factor) - 1) < _CLOSE:
            return f"{'−' if how.factor < 0 else ''}{symbol}"
        return f"{short(how.factor)}·{symbol}"

    def activation(self, at: At) -> Text | None:
        """Return which activation of which other value a value of the forward pass is."""
        return self._recognised(at, 0, Text("{kind} of {z}", "{z}의 {kind}"))

    def slope(self, at: At) -> Text | None:
        """Return of which activation a value is the local derivative, and where."""
        return self._recognised(at, 1, Text("the slope of {kind} at {z}", "{z}에서 {kind}의 기울기"))

    def _recognised(self, at: At, which: int, says: Text) -> Text | None:
        values = self.judgement.values
        found = [v[at] for v in values]
        entries, marks = self._made.get((which, found[0].shape), ((), np.zeros(0)))
        mark = _mark(found[0])
        for i in np.flatnonzero(np.abs(marks - mark) <= 1e-7 * (1 + abs(mark))):
            binding, other, kind, function = entries[i]
            if other != at and other.time <= at.time and _same(found, [v[other] for v in values], function):
                return says.fill(kind=_KIND[kind], z=self._called(binding, other))
        return None

    @functools.cached_property
    def _made(self) -> dict[tuple[int, tuple[int, ...]], tuple[list[_Made], Array]]:
        """What activations (0) and their slopes (1) make of the values that have names, by shape, each with a mark."""
        first, tape = self.judgement.values[0], self.judgement.step.tape
        entries: dict[tuple[int, tuple[int, ...]], list[_Made]] = {}
        marks: dict[tuple[int, tuple[int, ...]], list[float]] = {}
        seen: set[tuple[int, ...]] = set()
        for b in self.judgement.bindings:
            other = At(b.time, b.cell)
            if b.kind == "return" or other not in first or not first[other].size:
                continue
            content = (b.cell, *writers(tape, other))
            if content in seen:
                continue
            seen.add(content)
            z = np.asarray(first[other], dtype=float)
            made = [(which, kind, f[which]) for kind, f in ACTIVATIONS.items() for which in (0, 1)]
            made += [(0, "softmax", _softmax(axis)) for axis in range(-z.ndim, 0)]
            with np.errstate(all="ignore"):
                for which, kind, function in made:
                    entries.setdefault((which, z.shape), []).append((b, other, kind, function))
                    marks.setdefault((which, z.shape), []).append(_mark(function(z)))
        return {key: (entries[key], np.array(marks[key])) for key in entries}

    def _called(self, binding: Binding, at: At) -> str:
        if binding.kind != "argument":
            return binding.name
        event = max(writers(self.judgement.step.tape, at))
        return self._bound.get(event) or self.expression(event)

    def _symbol(self, name: str) -> str:
        return (
            name
            if name.isidentifier() or name.replace(".", "").replace("_", "").isalnum()
            else f"({name})"
            if " " in name
            else name
        )


def _paths(names: dict[str, Any], starts: set[int]) -> dict[int, str]:
    """Return where values are kept, as one would write it: ``net.layers[0].weights[1]``."""
    found: dict[int, str] = {}
    seen: set[int] = set()
    waiting = [(name, value) for name, value in names.items() if not name.startswith("__")] if starts else []
    for path, value in waiting:  # it grows: what is kept nearest to a name of the module comes first
        if is_traced(value):
            if value._cell is not None and value._cell.event in starts:
                found.setdefault(value._cell.event, path)
            continue
        if id(value) in seen or len(seen) > _MOST_SEARCHED or isinstance(value, (type, types.ModuleType)):
            continue
        seen.add(id(value))
        if isinstance(value, (list, tuple)):
            waiting += [(f"{path}[{i}]", item) for i, item in enumerate(value)]
        elif isinstance(value, dict):
            waiting += [(f"{path}[{key!r}]", item) for key, item in value.items()]
        elif not callable(value) and not isinstance(value, np.ndarray):
            waiting += [(f"{path}.{key}", item) for key, item in getattr(value, "__dict__", {}).items()]
    return found


_KIND = {
    "sigmoid": Text("sigmoid", "시그모이드"),
    "tanh": Text("tanh", "tanh"),
    "ReLU": Text("ReLU", "ReLU"),
    "softplus": Text("softplus", "소프트플러스"),
    "softmax": Text("softmax", "소프트맥스"),
}


def _mark(array: Array) -> float:
    """Return a number by which equal arrays are known."""
    flat = np.ravel(array)
    return float(flat @ np.cos(np.arange(flat.size)))


def _same(found: list[Array], z: list[Array], function: Callable[[Array], Array]) -> bool:
    with np.errstate(all="ignore"):
        return all(
            np.allclose(f, function(np.asarray(v, dtype=float)), rtol=1e-9, atol=1e-12)
            for f, v in zip(found, z, strict=True)
        )
