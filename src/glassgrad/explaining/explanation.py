"""An explanation: a run held still, so that any number of it can be asked about.

The questions are the same whatever was run: what are its gates, why has this number this gradient, which rows pushed
it, and, where a network is trained, how does it change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.errors import GraphError, OptionError
from glassgrad.explaining.changes.taken import TakenStep
from glassgrad.explaining.changes.update import Update, update_of
from glassgrad.explaining.document import Document
from glassgrad.explaining.names import Names
from glassgrad.explaining.paths import Paths, PathSum, Shares
from glassgrad.explaining.replay import Replay
from glassgrad.explaining.scalars import Gates, scalar_gates
from glassgrad.explaining.zoom import Zoomed, zoom
from glassgrad.ir import Graph, Value
from glassgrad.language import Lang, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from glassgrad.explaining.derivation.derivation import Derivation
    from glassgrad.explaining.surfaces.landscape import Landscape

__all__ = ["Explanation", "Why"]

Array = np.ndarray[Any, Any]

_LEAVES = 20_000
"""How often a formula may read its inputs, each time counted: it doubles with every branch, layer after layer."""

_FEW = 16
"""Weights up to which each is explained unasked."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why one number has its gradient.

    Attributes
    ----------
    name
        The number, such as ``"0.weight[1,0]"``.
    value, gradient
        It, and the gradient of the result for it.
    paths
        The gradient as a sum over paths.
    shares
        The gradient as a sum over the rows of the mini-batch; None where there are no rows.
    """

    name: str
    value: float
    gradient: float
    paths: PathSum
    shares: Shares | None


@dataclass(eq=False)
class Explanation:
    """A run that can be asked about any of its numbers.

    Attributes
    ----------
    title
        What is explained.
    graph
        What was run, layers opened to products of matrices; the batch size may be open.
    played
        The run.
    names
        What its values are called.
    taken
        The training step it is a part of; None where nothing is trained.
    weights
        The values whose gradients are wanted: parameters, or the inputs of a function.
    around
        Draws the result as a landscape around where it stands; None where it cannot be drawn.

    Examples
    --------
    >>> import glassgrad as gg
    >>> why = gg.explain(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0).why("x")
    >>> why.gradient, why.paths.number
    (-4.0, 1.0)
    """

    title: Text
    graph: Graph
    played: Replay
    names: Names
    taken: TakenStep | None = None
    weights: tuple[Value, ...] = field(default=())
    around: Callable[[], Landscape] | None = None

    @cached_property
    def paths(self) -> Paths:
        """All paths of the run."""
        return Paths(self.played)

    @property
    def result(self) -> float:
        """The scalar that is explained."""
        return float(self.played.values[self.played.result])

    def why(self, name: str, most: int = 10) -> Why:
        """Return why a number has its gradient.

        Parameters
        ----------
        name
            The number: a value's name and an index, such as ``"0.weight[1,0]"``.
        most
            How many paths to tell apart.

        Raises
        ------
        OptionError
            Where there is no such number, or the result does not depend on it.
        """
        value, element = self.names.find(name)
        if value.dtype.kind == "c":
            raise OptionError(
                f"{name} is {value.dtype}, and explanations follow real numbers: ask about what it is made of, or give "
                "its two parts to the function as numbers of their own"
            )
        if value.dtype.kind != "f":
            raise OptionError(f"{name} is {value.dtype}, which has no gradient")
        found = self.paths.why(value, element, most)
        number = float(self.played.values[value].reshape(-1)[element])
        shares = self.paths.shares(value, element)
        return Why(self.names.element(value, element), number, found.gradient, found, shares)

    def gates(self, *, opened: bool = True, most: int = 300) -> Gates:
        """Return the scalar gates; see `glassgrad.explaining.scalars.scalar_gates`.

        Raises
        ------
        TooMany
            Where there are more than `most`.
        """
        return scalar_gates(self.played, self.names, opened=opened, most=most)

    def zoom(self, name: str, most: int = 20) -> Zoomed:
        """Open the operation that made a number; see `glassgrad.explaining.zoom.zoom`.

        Raises
        ------
        OptionError
            Where there is no such number, or nothing made it.
        """
        return zoom(self, name, most)

    def update(self, name: str) -> Update:
        """Return why a weight changes in this step: the optimizer's update taken apart.

        Raises
        ------
        OptionError
            Where there is no such weight, or nothing is trained.
        """
        value, index = self._weight(name)
        if self.taken is None or value not in self.weights:
            raise OptionError(f"{name} is no weight that is trained here, so nothing updates it")
        return update_of(self.taken, self.names[value], index)

    def derive(self, name: str) -> Derivation:
        """Return the chain rule for one input or weight, factor by factor, and three answers beside it.

        Raises
        ------
        OptionError
            Where there is no such number, or SymPy is not installed.
        GraphError
            Where the graph is too large for formulas.
        """
        from glassgrad.explaining.derivation.derivation import derive

        value, index = self._weight(name)
        if (leaves := self.paths.total()) > _LEAVES:
            raise GraphError(
                f"written out, the formula would read its inputs {leaves:,.0f} times; formulas are for {_LEAVES:,} at "
                "most.\nTake fewer rows or layers. For the largest paths and the exact sum of the others use why."
            )
        return derive(self.played, value, index, label=name)

    def surface(self) -> Landscape:
        """Draw the result around where it stands: a function of one number as a curve, a loss over two directions.

        Raises
        ------
        OptionError
            Where it is neither.
        """
        if self.around is None:
            raise OptionError(
                "a landscape can be drawn of a function of one number, and of the loss of a network on rows and targets"
            )
        return self.around()

    def _weight(self, name: str) -> tuple[Value, tuple[int, ...]]:
        value, element = self.names.find(name)
        return value, tuple(int(i) for i in np.unravel_index(element, self.played.values[value].shape))

    def largest(self) -> str:
        """Return the name of the weight whose gradient is largest."""
        sizes = [(float(np.abs(self.played.gradient(v)).max(initial=0.0)), v) for v in self.weights]
        if not sizes:
            raise OptionError("nothing here has a gradient: give at least one floating-point number")
        _, value = max(sizes, key=lambda pair: pair[0])
        return self.names.element(value, int(np.abs(self.played.gradient(value)).argmax()))

    def worth(self) -> list[str]:
        """Return the names of the weights that are explained unasked: all of few, else that of largest gradient."""
        every = [(v, i) for v in self.weights for i in range(self.played.values[v].size)]
        return [self.names.element(v, i) for v, i in every] if len(every) <= _FEW else [self.largest()]

    def document(self, weight: str | None = None) -> Document:
        """Return the explanation as a document; of one weight, or of those that are worth it.

        Parameters
        ----------
        weight
            The number to ask about; by default every weight of a small network, the one of largest gradient of a
            larger one.
        """
        from glassgrad.explaining.telling import document

        return document(self, weight)

    def text(
        self, weight: str | None = None, *, lang: Lang = "en", width: int = 100, colour: bool = False
    ) -> str:
        """Return the explanation for a terminal of a width, in colour where it is asked for."""
        from glassgrad.explaining.render.terminal import terminal

        return terminal(self.document(weight), lang, width, colour=colour)

    def html(self, weight: str | None = None, *, lang: Lang = "en") -> str:
        """Return the explanation as one page that works offline."""
        from glassgrad.explaining.render.html import html

        return html(self.document(weight), lang)

    def latex(self, weight: str | None = None, *, lang: Lang = "en", answers: bool = True) -> str:
        """Return the explanation as a LaTeX document; without answers it is a worksheet."""
        from glassgrad.explaining.render.latex import latex

        return latex(self.document(weight), lang, answers=answers)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from glassgrad.explaining.render.notebook import mimebundle

        return mimebundle(self.document(), "en")
