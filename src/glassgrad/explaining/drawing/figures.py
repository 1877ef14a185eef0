"""What is drawn, before it is laid out: gates and wires, matrices, bars and curves, as plain data.

The page, the notebook and the printed report draw the same picture because they read the same figure, places included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from glassgrad.language import Text

__all__ = [
    "Bar",
    "Bars",
    "Box",
    "Circuit",
    "Curve",
    "Curves",
    "Figure",
    "Matrices",
    "Matrix",
    "Surface",
    "Wire",
]

Array = np.ndarray[Any, Any]

MOST_ELEMENTS = 300
"""The most boxes and wires of a circuit; whoever makes one folds the rest."""


@dataclass(frozen=True, slots=True)
class Box:
    """A gate, an input, a parameter, a layer: something with wires.

    Attributes
    ----------
    key
        Its name within the circuit.
    label
        What is written in it: ``×``, ``σ``, ``W1[0,1]``, ``linear``.
    kind
        ``"input"``, ``"parameter"``, ``"gate"``, ``"layer"``, ``"loss"`` or ``"folded"`` (several that are not drawn).
    note
        What a reader sees on pointing at it: a sentence, or nothing.
    """

    key: str
    label: str
    kind: str = "gate"
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """From one box to another, with what runs along it.

    Attributes
    ----------
    source, target
        Keys of boxes.
    value
        The number that goes forward, written above the wire in green; for an array its shape, as text.
    gradient
        The gradient that comes back, written below it in red as ∇…; None where there is none.
    """

    source: str
    target: str
    value: float | str | None = None
    gradient: float | str | None = None


@dataclass(frozen=True, slots=True)
class Circuit:
    """Gates and the wires between them; drawn from left to right, what is computed first on the left.

    `highlight` names the keys of boxes on a path that is to stand out.
    """

    boxes: Sequence[Box]
    wires: Sequence[Wire]
    highlight: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix as a field of colours, blue below 0, white at 0, orange above it; `array` has two axes."""

    title: str
    array: Array


@dataclass(frozen=True, slots=True)
class Matrices:
    """Matrices side by side, such as a weight and its gradient."""

    parts: Sequence[Matrix]


@dataclass(frozen=True, slots=True)
class Bar:
    """One signed bar with its label."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Bars:
    """Signed bars one below the other, from a line at 0."""

    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points; `dashes` tells it from others where colour does not."""

    label: str
    x: Array
    y: Array
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves over one axis."""

    curves: Sequence[Curve]
    x_title: Text
    y_title: Text
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True, slots=True)
class Surface:
    """A function of two directions as a field of colours with contour lines, and paths of descent on it.

    Attributes
    ----------
    x, y
        The coordinates along both axes.
    z
        (len(y), len(x)) values.
    paths
        Curves in the plane.
    """

    x: Array
    y: Array
    z: Array
    paths: Sequence[Curve]
    x_title: Text
    y_title: Text


Figure: TypeAlias = Circuit | Matrices | Bars | Curves | Surface
