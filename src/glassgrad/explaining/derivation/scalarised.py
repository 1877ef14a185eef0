"""A graph taken apart into scalars: a symbol, a name and a definition for each number that it computes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from glassgrad.errors import OptionError
from glassgrad.explaining.derivation.derivation import MOST_PATHS, Derivation, Factor, Path, Step, check
from glassgrad.explaining.derivation.formulas import (
    Absolute,
    AtLeast,
    AtMost,
    Chosen,
    Clipped,
    Largest,
    Named,
    Relu,
    Sign,
    Smallest,
    number,
    opened,
)
from glassgrad.explaining.derivation.formulas import Step as Jump
from glassgrad.explaining.derivation.notation import UNICODE, Name, layered
from glassgrad.explaining.derivation.symbolic import exact, expressions
from glassgrad.explaining.replay import Replay
from glassgrad.ir import Constant, Graph, Node, Value
from glassgrad.language import Text, short
from glassgrad.ops import lookup

__all__ = ["scalarise", "symbolic_answer"]

Array = np.ndarray[Any, Any]

_SHORT = 40
"""The most operations of an expression that is shown whole."""

_SIMPLE = 24
"""The most operations of an expression that SymPy's search for a simpler form is let loose on."""

_FEW = 60
"""Up to so many steps all are shown; of more, those on the way alone."""


@dataclass(eq=False)
class Scalars:
    """Every scalar of a graph."""

    wrt: Any
    result: Any
    names: dict[Any, Name]
    numbers: dict[Any, float]
    steps: list[Step]
    played: Replay | None
    place: int
    index: tuple[int, ...]
    whole: Any

    def derivation(self, label: str) -> Derivation:
        """Return the derivation along every path from the number to the result."""
        touched = {self.wrt}
        forward = []
        for step in self.steps:
            if not touched.isdisjoint(step.definition.free_symbols):
                touched.add(step.symbol)
                forward.append(step)
        wanted = {self.result}
        steps = []
        for step in reversed(forward):
            if step.symbol in wanted:
                wanted |= step.definition.free_symbols
                steps.append(step)
        factors = [
            self._factor(step, by)
            for step in steps
            for by in sorted(step.definition.free_symbols & touched, key=lambda s: str(s.name))
        ]
        count = _count(self.wrt, self.result, factors)
        paths = list(_paths(self.wrt, self.result, factors)) if count <= MOST_PATHS else None
        closed = None
        if self.whole is not None:
            closed = _simplified(sp.diff(self.whole, self.wrt))
        shown = self.whole is not None and closed is not None and closed.count_ops() <= _SHORT
        return Derivation(
            label,
            self.wrt,
            self.result,
            self.names,
            self.numbers,
            self.steps if len(self.steps) <= _FEW else steps[::-1],
            factors,
            paths,
            count,
            self.whole if shown else None,
            closed if shown else None,
            check(self.played, self.place, self.index) if self.played is not None else None,
            list(self._notes(steps[::-1], factors)),
        )

    def _factor(self, step: Step, by: Any) -> Factor:
        slope = sp.diff(step.definition, by)
        simple = slope
        if step.definition.is_Function:
            simple = slope.xreplace({step.definition: step.symbol})
        worth = number(slope, self._exact(slope)) if self.numbers else None
        if worth is not None and not math.isfinite(worth):
            at = f"{UNICODE.name(self.names[by])} = {short(self.numbers[by])}"
            raise OptionError(
                f"{UNICODE.expression(step.definition, self.names)} has no finite derivative at {at}, "
                "so there is no sum of paths to show."
            )
        return Factor(step, by, slope, simple, worth)

    def _exact(self, expression: Any) -> dict[Any, Any]:
        return {s: exact(self.numbers[s]) for s in expression.free_symbols}

    def _notes(self, steps: Sequence[Step], factors: Sequence[Factor]) -> Iterator[Text]:
        for op in dict.fromkeys(step.op for step in steps):
            record = lookup(op)
            if record.pull is None:
                yield Text(f"{op}: {record.why.en}.", f"{op}: {record.why.ko}")
        if not self.numbers:
            return
        slopes = {f.of.symbol: f.number for f in factors}
        for step in steps:
            if _at_kink(step.definition, self.numbers):
                yield Text(
                    "{formula} has a kink exactly where it is used: there is no derivative, and {taken} is taken. "
                    "A central difference looks at both sides and may differ.",
                    "{formula}의 꺾인 점에 정확히 놓여 있다: 거기에는 미분이 없어 {taken:을/를} 쓴다. 양쪽을 함께 보는 "
                    "중앙 차분과는 다를 수 있다.",
                ).fill(
                    formula=UNICODE.expression(step.definition, self.names),
                    taken=short(slopes[step.symbol] or 0.0),
                )


def scalarise(
    graph: Graph,
    place: int,
    index: tuple[int, ...],
    played: Replay | None,
    called: Mapping[Value, str],
    closed: bool,
) -> Scalars:
    """Give every scalar of a graph a symbol.

    Parameters
    ----------
    graph
        A static graph with one scalar output.
    place, index
        Which input, and which element of it, the derivative is wanted for.
    played
        The run; None for symbols alone.
    called
        Names for values that nodes make.
    closed
        Whether the whole expression is wanted as well.
    """
    naming = _Naming(graph, played, called)
    inputs = [naming.input(v) for v in graph.inputs]
    found = np.asarray(expressions(graph, inputs, naming.settle)[graph.outputs[0]], object).item()
    result = naming.finish(found)
    whole = None
    if closed:
        whole = np.asarray(expressions(graph, inputs)[graph.outputs[0]], object).item()
    return Scalars(
        inputs[place][index], result, naming.names, naming.numbers, naming.steps, played, place, index, whole
    )


def symbolic_answer(played: Replay, place: int, index: tuple[int, ...]) -> float:
    """Return SymPy's own derivative of a run's result: one expression in one symbol, all else exact numbers."""
    symbol = sp.Symbol("w", real=True)
    inputs: list[Array] = []
    for i, value in enumerate(played.graph.inputs):
        array = played.values[value]
        if value.dtype.kind != "f":
            inputs.append(array)
            continue
        exactly = np.empty(array.shape, object)
        for at in np.ndindex(array.shape):
            exactly[at] = symbol if i == place and at == index else exact(float(array[at]))
        inputs.append(exactly)
    found = sp.sympify(np.asarray(expressions(played.graph, inputs)[played.result], object).item())
    at = exact(float(played.values[played.graph.inputs[place]][index]))
    return number(sp.diff(opened(found), symbol), {symbol: at})


class _Naming:
    """Names and numbers for the scalars of a graph, in the order in which they come."""

    def __init__(self, graph: Graph, played: Replay | None, called: Mapping[Value, str]) -> None:
        self.names: dict[Any, Name] = {}
        self.numbers: dict[Any, float] = {}
        self.steps: list[Step] = []
        self._played = played
        self._rows = played.rows if played is not None else frozenset()
        prefixes = [(v.name or "").rpartition(".")[0] for v in graph.inputs if "." in (v.name or "")]
        self._layers = {prefix: i + 1 for i, prefix in enumerate(dict.fromkeys(prefixes))}
        self._base = {v: self._named(v, i) for i, v in enumerate(graph.inputs)}
        self._base |= {v: layered(name, v.shape, {}) for v, name in called.items()}  # type: ignore[arg-type]
        self._taken = {(n.letter, n.layer) for n in self._base.values()}
        self._layer_of = {v: n.layer for v, n in self._base.items() if n.letter == "w"}
        self._users: dict[Value, list[Node]] = {}
        for node in graph.nodes:
            for v in node.inputs:
                self._users.setdefault(v, []).append(node)
        taken = {letter for letter, _ in self._taken}
        self._unnamed = next(letter for letter in ("u", "v", "g", "r", "step") if letter not in taken)
        self._letter = "f" if not self._layers else "E"
        self._count = 0

    def _named(self, value: Value, place: int) -> Name:
        return layered(value.name or f"x{place}", value.shape, self._layers)  # type: ignore[arg-type]

    def input(self, value: Value) -> Array:
        """Return the symbols of an input; the numbers themselves where they are whole."""
        numbers = None if self._played is None else self._played.values[value]
        if value.dtype.kind != "f":
            if numbers is None:
                raise OptionError(f"{value.name} holds whole numbers: a derivation needs to know them")
            return numbers
        shape = tuple(int(d) for d in value.shape)  # type: ignore[arg-type]
        symbols = np.empty(shape, object)
        for at in np.ndindex(shape):
            name = self._element(self._base[value], value, at)
            symbols[at] = self._symbol(name, None if numbers is None else float(numbers[at]))
        return symbols

    def settle(self, node: Node, value: Value, array: Array) -> Array:
        """Give every expression that a node makes a symbol of its own; symbols, numbers and truth values stay."""
        out = np.empty(array.shape, object)
        base = self._of(node, value)
        for at in np.ndindex(array.shape):
            made: Any = array[at]
            plain = made.is_Symbol or not made.free_symbols or not isinstance(made, sp.Expr)
            out[at] = made if plain else self._step(node.op, self._name(base, value, at), made, value, at)
        return out

    def finish(self, found: Any) -> Any:
        """Return the result's symbol, under its own name."""
        expression = sp.sympify(found)
        last = self.steps[-1].symbol if self.steps else None
        if expression != last:
            last = self._step("identity", Name("f"), expression, None, ())
        known = {(n.letter, n.layer) for n in self.names.values()}
        letter = next(c for c in (self._letter, "f", "E", "F", "J", "result") if (c, None) not in known)
        if self.names[last].letter == self._unnamed and self.names[last].layer is None:
            self.names[last] = Name(letter)
        return last

    def _step(self, op: str, name: Name, definition: Any, value: Value | None, at: tuple[int, ...]) -> Any:
        worth = None
        if self._played is not None:
            known = self._played.values.get(value) if value is not None else None
            exactly = {s: exact(self.numbers[s]) for s in definition.free_symbols}
            worth = float(known[at]) if known is not None else number(definition, exactly)
            if not math.isfinite(worth):
                numbers = {s: self.numbers[s] for s in definition.free_symbols}
                raise OptionError(
                    f"{UNICODE.expression(definition, self.names)} = {UNICODE.substituted(definition, numbers)} "
                    f"is {worth} (operation {op!r}): there is nothing to derive at these numbers."
                )
        symbol = self._symbol(name, worth)
        self.steps.append(Step(symbol, definition, op, worth))
        return symbol

    def _symbol(self, name: Name, worth: float | None) -> Any:
        symbol = sp.Symbol(f"s{len(self.names):06d}", real=True)
        self.names[symbol] = name
        if worth is not None:
            self.numbers[symbol] = worth
        return symbol

    def _of(self, node: Node, value: Value) -> Name | None:
        """Return the name that the elements of a value share: z for what a layer adds up, a for its activation."""
        if value in self._base:
            return self._base[value]
        read = [self._base[v] for v in node.inputs if v in self._base and not isinstance(v, Constant)]
        layers = {n.letter: n.layer for n in read}
        layer, letter = None, "a"
        if node.op in ("linear", "matmul"):
            layer = next((k for v in node.inputs if (k := self._layer_of.get(v)) is not None), None)
            letter = "s" if self._gets_bias(value, layer) else "z"
        elif node.op == "add" and "b" in layers and layers.get("s") == layers["b"]:
            layer, letter = layers["b"], "z"
        elif node.op in ("permute_dims", "reshape") and node.inputs[0] in self._layer_of:
            self._layer_of[value] = self._layer_of[node.inputs[0]]
        elif len(node.inputs) == 1 and "z" in layers and lookup(node.op).elementwise:
            layer = layers["z"]
        name = Name(letter, layer)
        if layer is None or (letter, layer) in self._taken:
            return None
        self._taken.add((name.letter, layer))
        self._base[value] = name
        return name

    def _gets_bias(self, value: Value, layer: int | None) -> bool:
        """Say whether all that is done with a weighted sum is to add the layer's bias."""
        users = self._users.get(value, [])
        biases = [v for node in users if node.op == "add" for v in node.inputs if v is not value]
        return len(users) == 1 and any(self._base.get(v) == Name("b", layer) for v in biases)

    def _name(self, base: Name | None, value: Value, at: tuple[int, ...]) -> Name:
        if base is not None:
            return self._element(base, value, at)
        self._count += 1
        return Name(self._unnamed, None, (self._count,))

    def _element(self, base: Name, value: Value, at: tuple[int, ...]) -> Name:
        places = tuple(i + 1 for i in at)
        if len(places) > 1 and value in self._rows and value.shape[0] == 1:
            places = places[1:]
        return Name(base.letter, base.layer, base.index + places)


# --- paths -----------------------------------------------------------------------------------------------------------


def _count(wrt: Any, result: Any, factors: Sequence[Factor]) -> int:
    ways = {wrt: 1}
    for factor in reversed(factors):
        ways[factor.of.symbol] = ways.get(factor.of.symbol, 0) + ways.get(factor.by, 0)
    return ways.get(result, 0)


def _paths(wrt: Any, result: Any, factors: Sequence[Factor]) -> Iterator[Path]:
    """Yield every way from the number to the result; the stack keeps it from growing deep."""
    into: dict[Any, list[Factor]] = {}
    for factor in factors:
        into.setdefault(factor.of.symbol, []).append(factor)
    reaches = {wrt}
    for factor in reversed(factors):
        if factor.by in reaches:
            reaches.add(factor.of.symbol)
    stack: list[tuple[Any, tuple[Factor, ...]]] = [(result, ())]
    while stack:
        symbol, way = stack.pop()
        if symbol == wrt:
            yield Path(way)
            continue
        onward = [f for f in into.get(symbol, ()) if f.by in reaches]
        stack += [(f.by, (*way, f)) for f in reversed(onward)]


def _simplified(expression: Any) -> Any:
    operations = expression.count_ops()
    if operations > _SHORT or expression.has(sp.Piecewise, Chosen):
        return expression
    known = _functions(expression)
    forms = [sp.factor(expression), *([sp.simplify(expression)] if operations <= _SIMPLE else [])]
    forms = [form for form in forms if _functions(form) <= known]
    return min((expression, *forms), key=lambda e: e.count_ops())


def _functions(expression: Any) -> set[Any]:
    return {f.func for f in expression.atoms(sp.Function)}


def _at_kink(definition: Any, numbers: Mapping[Any, float]) -> bool:
    """Say whether a function with a corner or a jump is used exactly there."""
    if not isinstance(definition, Named) or isinstance(definition, Chosen):
        return False
    worth = [number(x, {s: exact(numbers[s]) for s in x.free_symbols}) for x in definition.args]
    if not isinstance(definition, (Absolute, Relu, Jump, Sign, AtLeast, AtMost, Clipped, Largest, Smallest)):
        return definition.breaks(*worth)
    if isinstance(definition, (Largest, Smallest)):
        best = max(worth) if isinstance(definition, Largest) else min(worth)
        return worth.count(best) > 1
    corners = worth[1:] or [0.0]
    return worth[0] in corners
