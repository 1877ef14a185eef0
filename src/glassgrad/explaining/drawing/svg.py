"""Any figure as SVG: one picture for the page, the notebook, the printed report and a slide."""

from __future__ import annotations

from glassgrad.explaining.drawing.charts import draw_bars, draw_curves
from glassgrad.explaining.drawing.circuit import draw_circuit
from glassgrad.explaining.drawing.fields import draw_matrices, draw_surface
from glassgrad.explaining.drawing.figures import Bars, Circuit, Curves, Figure, Matrices
from glassgrad.language import Lang

__all__ = ["svg"]


def svg(figure: Figure, lang: Lang = "en") -> str:
    """Return a figure as the text of an SVG document, without script, links or identifiers.

    Numbers are written with four significant digits; pointing at one shows all of it. Light and dark grounds follow
    the reader's colour scheme.

    Parameters
    ----------
    figure
        A circuit, matrices, bars, curves or a surface.
    lang
        The language of what is written: ``"en"`` or ``"ko"``.

    Raises
    ------
    OptionError, GraphError
        Where a circuit is too large or not one (see `layout.place`).

    Examples
    --------
    >>> from glassgrad.explaining.drawing.figures import Bar
    >>> svg(Bars([Bar("gradient", -2.5)]), "ko")[:46]
    '<svg xmlns="http://www.w3.org/2000/svg" class='
    """
    match figure:
        case Circuit():
            return draw_circuit(figure, lang)
        case Matrices():
            return draw_matrices(figure, lang)
        case Bars():
            return draw_bars(figure, lang)
        case Curves():
            return draw_curves(figure, lang)
        case _:
            return draw_surface(figure, lang)
