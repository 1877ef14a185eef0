"""What a worksheet leaves out of its figures."""

from __future__ import annotations

from dataclasses import replace

from glassgrad.explaining.drawing.figures import Circuit, Figure

__all__ = ["without_numbers"]


def without_numbers(figure: Figure) -> Figure:
    """Return a circuit whose wires have no numbers, to be filled in; any other figure as it is.

    Examples
    --------
    >>> from glassgrad.explaining.drawing.figures import Box, Wire
    >>> without_numbers(Circuit([Box("x", "x"), Box("f", "f")], [Wire("x", "f", 3.0, 1.0)])).wires[0].value
    """
    if not isinstance(figure, Circuit):
        return figure
    return replace(figure, wires=[replace(wire, value=None, gradient=None) for wire in figure.wires])
