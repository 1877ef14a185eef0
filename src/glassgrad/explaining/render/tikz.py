"""Figures as TikZ, for LaTeX documents: the same places as in the SVG, drawn by TeX."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from glassgrad.explaining.drawing.axes import Axis, axis, exact_axis
from glassgrad.explaining.drawing.figures import Bars, Circuit, Curve, Curves, Figure, Matrices, Surface
from glassgrad.explaining.drawing.layout import place, text_width, written
from glassgrad.explaining.drawing.paper import number, shade
from glassgrad.language import Lang

__all__ = ["tikz"]

_WIDTH = 440.0
_PAGE = 600.0
"""Pixels that fit the width of a page at three quarters of a point each."""

_MOST_CELLS = 32
_DASHES = ("solid", "dashed", "dotted", "dash dot")
_SUBDUED = "black!55"


def tikz(figure: Figure, lang: Lang, tex: Callable[[str], str]) -> str:
    """Return a figure as a ``tikzpicture`` no wider than the page.

    Parameters
    ----------
    figure
        What to draw.
    lang
        The language of its titles.
    tex
        Escapes text for LaTeX.
    """
    match figure:
        case Circuit():
            width, lines = _circuit(figure, tex)
        case Bars():
            width, lines = _bars(figure, tex)
        case Curves():
            width, lines = _WIDTH, list(_curves(figure, lang, tex))
        case Matrices():
            width, lines = _matrices(figure, tex)
        case Surface():
            width, lines = _WIDTH, list(_surface(figure, lang, tex))
    picture = "\n".join(
        [r"\begin{tikzpicture}[x=0.75pt,y=-0.75pt,font=\footnotesize]", *lines, r"\end{tikzpicture}"]
    )
    return picture if width <= _PAGE else rf"\resizebox{{\linewidth}}{{!}}{{{picture}}}"


def _at(x: float, y: float) -> str:
    return f"({x:.1f},{y:.1f})"


def _text(x: float, y: float, text: str, options: str = "") -> str:
    return rf"\node[{options}] at {_at(x, y)} {{{text}}};"


def _colour(share: float) -> str:
    """Return a colour definition and its use for a share of the largest size."""
    red, green, blue = (int(shade(share)[i : i + 2], 16) for i in (1, 3, 5))
    return f"{{rgb,255:red,{red};green,{green};blue,{blue}}}"


def _circuit(figure: Circuit, tex: Callable[[str], str]) -> tuple[float, list[str]]:
    placed = place(figure)
    lines = []
    for run, wire in zip(placed.wires, figure.wires, strict=True):
        thick = {wire.source, wire.target} <= figure.highlight
        (x, y), *rest = run.points
        way = _at(x, y)
        for nx, ny in rest:
            bend = max((nx - x) / 2, 0.0)
            way += f" .. controls {_at(x + bend, y)} and {_at(nx - bend, ny)} .. {_at(nx, ny)}"
            x, y = nx, ny
        lines.append(rf"\draw[{'very thick' if thick else _SUBDUED}] {way};")
        lx, ly = run.label
        if wire.value is not None:
            lines.append(_text(lx, ly, tex(written(wire.value)), "above=-1pt,green!45!black"))
        if wire.gradient is not None:
            lines.append(_text(lx, ly, tex("∇" + written(wire.gradient)), "below=-1pt,red!70!black"))
    for spot, box in zip(placed.boxes, figure.boxes, strict=True):
        corners = f"{_at(spot.x, spot.y)} rectangle {_at(spot.x + spot.width, spot.y + spot.height)}"
        style = "rounded corners=2pt,fill=white" if box.kind in ("input", "parameter") else "fill=black!4"
        style += ",very thick" if box.key in figure.highlight else ""
        lines.append(rf"\draw[{style}] {corners};")
        lines.append(_text(spot.x + spot.width / 2, spot.y + spot.height / 2, tex(box.label)))
    return placed.width, lines


def _bars(figure: Bars, tex: Callable[[str], str]) -> tuple[float, list[str]]:
    values = [b.value if math.isfinite(b.value) else 0.0 for b in figure.bars]
    left = 16 + max((text_width(b.label, 11) for b in figure.bars), default=0.0)
    low, high = min([0.0, *values]), max([0.0, *values])
    scale = exact_axis(low, high, left, left + 280)
    lines = []
    for row, (bar, value) in enumerate(zip(figure.bars, values, strict=True)):
        y = 24.0 * row + 12
        style = "black!35" if value >= 0 else "pattern=north east lines,draw=black!60"
        lines.append(rf"\filldraw[{style}] {_at(scale(0.0), y - 8)} rectangle {_at(scale(value), y + 8)};")
        lines.append(_text(left - 6, y, tex(bar.label), "anchor=east"))
        lines.append(_text(left + 286, y, tex(number(bar.value)), "anchor=west"))
    lines.append(rf"\draw {_at(scale(0.0), 0)} -- {_at(scale(0.0), 24.0 * len(figure.bars))};")
    return left + 350, lines


def _axes(across: Axis, up: Axis, x_title: str, y_title: str) -> Iterator[str]:
    yield rf"\draw {_at(across.start, up.end)} -- {_at(across.start, up.start)} -- {_at(across.end, up.start)};"
    for value, text in across.marks():
        yield rf"\draw[black!15] {_at(across(value), up.start)} -- {_at(across(value), up.end)};"
        yield _text(across(value), up.start, text, "below")
    for value, text in up.marks():
        yield rf"\draw[black!15] {_at(across.start, up(value))} -- {_at(across.end, up(value))};"
        yield _text(across.start, up(value), text, "left")
    yield _text((across.start + across.end) / 2, up.start + 34, x_title, "")
    yield _text(8, (up.start + up.end) / 2, y_title, "rotate=90")


def _marked(marks: Iterator[str], tex: Callable[[str], str]) -> Iterator[str]:
    for line in marks:
        head, brace, text = line.rpartition(" {")
        yield f"{head} {{{tex(text.removesuffix('};'))}}};" if brace and line.startswith(r"\node") else line


def _curves(figure: Curves, lang: Lang, tex: Callable[[str], str]) -> Iterator[str]:
    across = axis(_all([c.x for c in figure.curves]), 64, _WIDTH - 16, log=figure.log_x)
    up = axis(_all([c.y for c in figure.curves]), 260, 24, log=figure.log_y)
    yield from _marked(_axes(across, up, figure.x_title.to(lang), figure.y_title.to(lang)), tex)
    yield from _lines(figure.curves, across, up, tex)


def _lines(curves: Sequence[Curve], across: Axis, up: Axis, tex: Callable[[str], str]) -> Iterator[str]:
    for n, curve in enumerate(curves):
        points = [(float(x), float(y)) for x, y in zip(curve.x, curve.y, strict=True)]
        seen = [(across(x), up(y)) for x, y in points if across.holds(x) and up.holds(y)]
        style = "dashed" if curve.dashed else _DASHES[n % len(_DASHES)]
        if seen:
            yield rf"\draw[thick,{style}] {' -- '.join(_at(x, y) for x, y in seen)};"
            yield _text(
                *seen[-1], tex(curve.label), "above,inner sep=4pt" if n % 2 == 0 else "below,inner sep=4pt"
            )
        if curve.dots:
            yield from (rf"\fill {_at(x, y)} circle (1.5pt);" for x, y in seen)


def _all(arrays: Sequence[Any]) -> list[float]:
    return [float(x) for array in arrays for x in np.ravel(array)]


def _matrices(figure: Matrices, tex: Callable[[str], str]) -> tuple[float, list[str]]:
    lines, left = [], 10.0
    for part in figure.parts:
        array = part.array[:_MOST_CELLS, :_MOST_CELLS]
        largest = float(np.nanmax(np.abs(array), initial=0.0)) or 1.0
        numbers = array.size <= 36
        size = 62.0 if numbers else max(8.0, 220.0 / max(array.shape))
        lines.append(_text(left, 8, tex(part.title), "anchor=west"))
        for i, j in np.ndindex(*array.shape):
            x, y = left + j * size, 20 + i * (22.0 if numbers else size)
            corner = _at(x + size, y + (22.0 if numbers else size))
            fill = "white" if numbers else _colour(float(array[i, j]) / largest)
            lines.append(rf"\filldraw[black!30,fill={fill}] {_at(x, y)} rectangle {corner};")
            if numbers:
                lines.append(_text(x + size / 2, y + 11, tex(number(float(array[i, j])))))
        left += array.shape[1] * size + 30
    return left, lines


def _surface(figure: Surface, lang: Lang, tex: Callable[[str], str]) -> Iterator[str]:
    across = exact_axis(float(figure.x[0]), float(figure.x[-1]), 64, _WIDTH - 16)
    up = exact_axis(float(figure.y[0]), float(figure.y[-1]), 330, 16)
    low, high = float(np.nanmin(figure.z)), float(np.nanmax(figure.z))
    columns = np.unique(
        np.linspace(0, len(figure.x) - 1, min(len(figure.x), _MOST_CELLS)).round().astype(int)
    )
    rows = np.unique(np.linspace(0, len(figure.y) - 1, min(len(figure.y), _MOST_CELLS)).round().astype(int))
    wide, tall = (across.end - across.start) / len(columns), (up.start - up.end) / len(rows)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            share = (float(figure.z[row, column]) - low) / ((high - low) or 1.0)
            if math.isfinite(share):
                x, y = across.start + j * wide, up.start - (i + 1) * tall
                yield rf"\fill[black!{round(70 * share)}] {_at(x, y)} rectangle {_at(x + wide, y + tall)};"
    yield from _marked(_axes(across, up, figure.x_title.to(lang), figure.y_title.to(lang)), tex)
    yield from _lines(figure.paths, across, up, tex)
