"""A derivation: the chain rule for one number, factor by factor along every path, and three answers beside it.

Every scalar that the graph computes gets a symbol and a definition; a path is a way from the number to the result
through these, and its term the product of the local derivatives along it. The sum of the paths is backpropagation done
by hand. It is held against three answers that know nothing of it or of each other: SymPy's derivative of the whole
expression, the gradient that glassgrad computed, and central differences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.errors import GraphError, OptionError, ShapeError
from glassgrad.explaining.derivation.differences import Sweep, central_differences, function_of
from glassgrad.explaining.replay import Replay
from glassgrad.ir import Graph, Value
from glassgrad.language import Text

if TYPE_CHECKING:
    from glassgrad.explaining.derivation.notation import Name
    from glassgrad.explaining.document import Document

__all__ = [
    "MOST_OPERATIONS",
    "MOST_PATHS",
    "Check",
    "Derivation",
    "Factor",
    "Path",
    "Step",
    "derive",
    "write",
]

Array = np.ndarray[Any, Any]

MOST_PATHS = 200
"""The most paths that are written out one by one."""

MOST_OPERATIONS = 5000
"""The most scalar operations that are written out as formulas."""


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """A scalar on the way, and how it is computed from those before it.

    Attributes
    ----------
    symbol
        SymPy's symbol for it.
    definition
        The expression that it stands for, in symbols of inputs and earlier steps.
    op
        The operation that computes it.
    number
        Its number; None where the inputs have none.
    """

    symbol: Any
    definition: Any
    op: str
    number: float | None


@dataclass(frozen=True, eq=False, slots=True)
class Factor:
    """A local derivative: how a step answers to one of its inputs.

    Attributes
    ----------
    of
        The step.
    by
        The symbol of the input.
    slope
        The derivative of the step's definition.
    simple
        The same, with the step's own symbol where its definition appears again.
    number
        Its number; None where the inputs have none.
    """

    of: Step
    by: Any
    slope: Any
    simple: Any
    number: float | None


@dataclass(frozen=True, eq=False, slots=True)
class Path:
    """A way from the number to the result: its factors, that of the result first."""

    factors: tuple[Factor, ...]

    @property
    def number(self) -> float:
        """The product of the factors."""
        return math.prod(f.number or 0.0 for f in self.factors)


@dataclass(frozen=True, eq=False, slots=True)
class Check:
    """Independent answers to the same question.

    Attributes
    ----------
    symbolic
        SymPy's derivative of the whole expression, evaluated with many digits.
    backpropagation
        The gradient that glassgrad computed.
    sweep
        Central differences over h.
    """

    symbolic: float
    backpropagation: float
    sweep: Sweep

    @property
    def difference(self) -> float:
        """The central difference at the width where it errs least."""
        return self.sweep.estimate

    @property
    def largest(self) -> float:
        """The largest distance between two of the three answers."""
        answers = (self.symbolic, self.backpropagation, self.difference)
        return max(answers) - min(answers) if all(map(math.isfinite, answers)) else math.nan


@dataclass(frozen=True, eq=False)
class Derivation:
    """The derivative of one scalar by another, written out.

    Attributes
    ----------
    label
        What the number is called in the program, such as ``0.weight[1,0]``.
    wrt, result
        The symbols of the number and of the result.
    names
        The name of every symbol.
    numbers
        The number of every symbol; empty for a derivation in symbols alone.
    steps
        The scalars that the graph computes, in order; of a larger graph those on the way alone.
    factors
        The local derivatives between them, the result's first.
    paths
        The ways from the number to the result; None where there are more than `MOST_PATHS`.
    path_count
        How many ways there are.
    whole, closed
        The result as one expression and its derivative, simplified; None where they are too long to be of use.
    check
        The independent answers; None for a derivation in symbols alone.
    notes
        What a reader should know: operations that no gradient passes, kinks.
    """

    label: str
    wrt: Any
    result: Any
    names: Mapping[Any, Name]
    numbers: Mapping[Any, float]
    steps: Sequence[Step]
    factors: Sequence[Factor]
    paths: Sequence[Path] | None
    path_count: int
    whole: Any = None
    closed: Any = None
    check: Check | None = None
    notes: Sequence[Text] = ()

    @property
    def value(self) -> float | None:
        """The derivative as the paths give it; None for a derivation in symbols alone."""
        if not self.numbers:
            return None
        return math.fsum(p.number for p in self.paths) if self.paths is not None else self.upstream[self.wrt]

    @cached_property
    def upstream(self) -> Mapping[Any, float]:
        """The gradient of the result for every step on the way and for the number, all paths together."""
        found: dict[Any, float] = {self.result: 1.0}
        for factor in self.factors:
            share = found.get(factor.of.symbol, 0.0) * (factor.number or 0.0)
            found[factor.by] = found.get(factor.by, 0.0) + share
        found.setdefault(self.wrt, 0.0)
        return found

    def document(self) -> Document:
        """Return the derivation as a document: what is computed, each factor, each path, the sum, the check."""
        from glassgrad.explaining.derivation.text import document

        return document(self)

    def latex(self) -> str:
        r"""Return the derivation in LaTeX, a line a step, as an ``aligned`` block without dollar signs."""
        from glassgrad.explaining.derivation.notation import LATEX
        from glassgrad.explaining.derivation.text import lines

        rows = [" = ".join(line.parts).replace(" = ", " &= ", 1) for line in lines(self, LATEX)]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def unicode(self) -> str:
        """Return the derivation in Unicode, a line a step."""
        from glassgrad.explaining.derivation.notation import UNICODE

        return self._text(UNICODE)

    def plain(self) -> str:
        """Return the derivation in ASCII, a line a step."""
        from glassgrad.explaining.derivation.notation import PLAIN

        return self._text(PLAIN)

    def _text(self, script: Any) -> str:
        from glassgrad.explaining.derivation.text import lines

        return "\n".join(" = ".join(line.parts) for line in lines(self, script))

    def __str__(self) -> str:
        return self.unicode()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from glassgrad.explaining.render.notebook import mimebundle

        return mimebundle(self.document(), "en")

    def __repr__(self) -> str:
        of = self.names[self.result].plain
        return f"Derivation(of {of} by {self.label}: {len(self.steps)} steps, {self.path_count} paths)"


def derive(
    played: Replay, value: Value, index: Sequence[int] = (), *, label: str | None = None
) -> Derivation:
    """Derive the result of a run by one number of one of its inputs.

    Parameters
    ----------
    played
        The run.
    value
        An input of its graph.
    index
        Which element of it.
    label
        What the number is called in the program; by default after the input and the index.

    Raises
    ------
    OptionError
        Where SymPy is not installed, the value is no floating-point input, the index is outside it, or the function has
        no finite value or derivative there.
    GraphError
        Where the graph is too large to be written out, or an operation in it has no formula that SymPy knows.

    Examples
    --------
    >>> import glassgrad as gg
    >>> from glassgrad.explaining.replay import replay
    >>> played = replay(gg.trace(lambda x, y: x * gg.tanh(y), gg.Spec(()), gg.Spec(())), [2.0, 0.5])
    >>> print(derive(played, played.graph.inputs[1]))
    u₁ = tanh(y) = tanh(0.5) = 0.4621
    f = x·u₁ = 2·0.4621 = 0.9242
    ∂f/∂u₁ = ∂/∂u₁ [x·u₁] = x = 2
    ∂u₁/∂y = ∂/∂y [tanh(y)] = 1 − tanh(y)² = 1 − u₁² = 1 − 0.4621² = 0.7864
    ∂f/∂y = ∂f/∂u₁ · ∂u₁/∂y = 2 · 0.7864 = 1.573
    """
    return write(played.graph, value, tuple(index), played=played, label=label)


def write(
    graph: Graph,
    value: Value,
    index: tuple[int, ...],
    *,
    played: Replay | None,
    label: str | None = None,
    called: Mapping[Value, str] | None = None,
    closed: bool = False,
) -> Derivation:
    """Derive the result of a graph, with the numbers of a run or without any.

    Parameters
    ----------
    graph
        A static graph with one scalar output.
    value, index, label
        As for `derive`.
    played
        The run; None for symbols alone.
    called
        Names for values that nodes make.
    closed
        Whether the whole expression and its derivative are wanted as well.
    """
    _need_sympy()
    from glassgrad.explaining.derivation.scalarised import scalarise
    from glassgrad.explaining.derivation.symbolic import operations

    where = _place(graph, value, index)
    count = operations(graph)
    if count > MOST_OPERATIONS:
        raise GraphError(
            f"{graph.name} stands for {count:,} scalar operations; formulas are for {MOST_OPERATIONS:,} at most.\n"
            "Take fewer rows. For the largest paths and the exact sum of the others use gg.explain."
        )
    return scalarise(graph, where, index, played, called or {}, closed).derivation(
        label or _label(graph, value, index)
    )


def check(played: Replay, place: int, index: tuple[int, ...]) -> Check:
    """Return the three independent answers for one number of a run."""
    from glassgrad.explaining.derivation.scalarised import symbolic_answer

    graph = played.graph
    inputs = [played.values[v] for v in graph.inputs]
    at = float(inputs[place][index])
    f = function_of(graph, inputs, place, index)
    return Check(
        symbolic_answer(played, place, index),
        float(played.gradient(graph.inputs[place])[index]),
        central_differences(f, at),
    )


def _place(graph: Graph, value: Value, index: tuple[int, ...]) -> int:
    places = [i for i, v in enumerate(graph.inputs) if v is value]
    if not places:
        raise OptionError(f"{value!r} is no input of {graph.name}: derive by one of its inputs")
    if value.dtype.kind != "f":
        raise OptionError(
            f"{value.name or 'the input'} holds {value.dtype} numbers, which have no derivative"
        )
    shape = tuple(int(d) for d in value.shape)  # type: ignore[arg-type]
    if len(index) != len(shape) or not all(0 <= i < d for i, d in zip(index, shape, strict=True)):
        ranges = ",".join(f"0…{d - 1}" for d in shape)
        raise ShapeError(
            f"{value.name or 'the input'} has no element [{','.join(map(str, index))}]: its shape is "
            f"{shape}, so name one of [{ranges}]"
        )
    return places[0]


def _label(graph: Graph, value: Value, index: tuple[int, ...]) -> str:
    name = value.name or f"x{graph.inputs.index(value)}"
    return f"{name}[{','.join(map(str, index))}]" if index else name


def _need_sympy() -> None:
    try:
        import sympy  # noqa: F401
    except ModuleNotFoundError:
        raise OptionError(
            "Derivations in symbols need SymPy, which is not installed.\n"
            "Install it with: pip install 'glassgrad[explain]'"
        ) from None
