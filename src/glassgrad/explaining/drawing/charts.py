"""Bars and curves as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.explaining.drawing.axes import LARGEST, Axis, axis
from glassgrad.explaining.drawing.figures import Bars, Curve, Curves
from glassgrad.explaining.drawing.layout import text_width
from glassgrad.explaining.drawing.paper import COLOURS, at, frame, number, tip, whole, words
from glassgrad.language import Lang, Text

__all__ = ["cross_axes", "cut", "draw_bars", "draw_curves", "mark"]

Array = np.ndarray[Any, Any]

_WIDTH = 440.0
_ROW = 26.0
_WIDEST_LABEL = 150.0
_APART, _MOST_POINTS = 0.7, 800
"""Points of a curve that are drawn are so many pixels apart at least, and no more in number: two for each column."""

_NO_VALUE = Text("no value can be drawn", "그릴 수 있는 값이 없다")


def draw_bars(figure: Bars, lang: Lang) -> str:
    """Return signed bars as SVG: negative ones to the left of 0, positive ones to the right."""
    values = [bar.value if abs(bar.value) <= LARGEST else 0.0 for bar in figure.bars]
    low, high = min([0.0, *values]), max([0.0, *values])
    labels = max((text_width(bar.label, 12) for bar in figure.bars), default=0.0)
    above = labels > _WIDEST_LABEL  # long labels, such as paths, stand above their bars
    left = 14.0 if above else 24.0 + labels
    numbers = max((text_width(number(bar.value), 12) for bar in figure.bars), default=0.0)
    right = _WIDTH - numbers - 24
    scale = Axis(low, high if high > low else low + 1.0, left, right)
    zero, step = scale(0.0), _ROW + (16 if above else 0)
    height = 24 + step * max(len(figure.bars), 1)
    parts = []
    for row, (bar, value) in enumerate(zip(figure.bars, values, strict=True)):
        y = 12 + row * step + (16 if above else 0)
        start, end = sorted((zero, scale(value)))
        label = cut(bar.label, _WIDTH - 28, 12) if above else bar.label
        place = (
            f'class="ggf-ink" x="14" y="{at(y - 3)}"'
            if above
            else f'class="ggf-ink ggf-end" x="{at(left - 10)}" y="{at(y + 17)}"'
        )
        parts.append(
            f"<g>{tip(f'{bar.label}: {whole(bar.value)}', lang)}<text {place}>{words(label)}</text>"
            f'<rect class="ggf-{"up" if value >= 0 else "down"}" x="{at(start)}" y="{at(y + 4)}" '
            f'width="{at(max(end - start, 0.7 if value else 0))}" height="18" rx="2"/>'
            f'<text class="ggf-ink ggf-end" x="{at(_WIDTH - 14)}" y="{at(y + 17)}">{number(bar.value)}</text></g>'
        )
    parts.append(f'<path class="ggf-axis" d="M{at(zero)} 8V{at(height - 8)}"/>')
    title = Text("{n} bars", "막대 {n}개").fill(n=len(figure.bars)).to(lang)
    return frame("".join(parts), _WIDTH, height, title, lang)


def draw_curves(figure: Curves, lang: Lang) -> str:
    """Return curves over one axis as SVG, with their names above them."""
    names, tall = _names(figure.curves)
    height = 300.0 + tall
    across = _all([curve.x for curve in figure.curves])
    up = _all([curve.y for curve in figure.curves])
    y_axis = axis(up, height - 46, 20 + tall, log=figure.log_y)
    left = 30 + max(text_width(text, 11) for _, text in y_axis.marks() or [(0, "")])
    x_axis = axis(across, left, _WIDTH - 18, log=figure.log_x)
    parts = [names, cross_axes(x_axis, y_axis, figure.x_title.to(lang), figure.y_title.to(lang))]
    drawn = [_curve(curve, n, x_axis, y_axis, lang) for n, curve in enumerate(figure.curves)]
    if not any(drawn):
        parts.append(
            f'<text class="ggf-quiet ggf-middle" x="{at((left + _WIDTH - 18) / 2)}" y="{at(height / 2)}">'
            f"{words(_NO_VALUE.to(lang))}</text>"
        )
    title = ", ".join(curve.label for curve in figure.curves) or _NO_VALUE.to(lang)
    return frame("".join(parts + drawn), _WIDTH, height, title, lang)


def _names(curves: Sequence[Curve]) -> tuple[str, float]:
    """Return the curves' names with a sample of each line, and the height they take."""
    parts, x, y = [], 14.0, 20.0
    for n, curve in enumerate(curves):
        label = cut(curve.label, _WIDTH - 60, 12)
        wide = 34 + text_width(label, 12) + 14
        if x + wide > _WIDTH and x > 14:
            x, y = 14.0, y + 18
        dashes = ' stroke-dasharray="5 4"' if curve.dashed else ""
        parts.append(
            f'<path class="ggf-line ggf-line{n % len(COLOURS)}"{dashes} d="M{at(x)} {at(y - 4)}h26"/>'
            f"{mark(n, x + 13, y - 4)}"
            f'<text class="ggf-ink" x="{at(x + 32)}" y="{at(y)}">{words(label)}</text>'
        )
        x += wide
    return "".join(parts), y - 14 if parts else 0.0


def cross_axes(x_axis: Axis, y_axis: Axis, x_title: str, y_title: str, *, grid: bool = True) -> str:
    """Return two axes with their marks and titles: the vertical one's title lies along it, on its left."""
    bottom, left = y_axis.start, x_axis.start
    parts, lines = [], []
    room = float("-inf")
    for value, text in x_axis.marks():
        x, wide = x_axis(value), text_width(text, 11)
        lines.append(f"M{at(x)} {at(y_axis.start)}V{at(y_axis.end)}")
        if x - wide / 2 > room:
            parts.append(
                f'<text class="ggf-quiet ggf-small ggf-middle" x="{at(x)}" y="{at(bottom + 15)}">{text}</text>'
            )
            room = x + wide / 2 + 6
    for value, text in y_axis.marks():
        y = y_axis(value)
        lines.append(f"M{at(left)} {at(y)}H{at(x_axis.end)}")
        parts.append(
            f'<text class="ggf-quiet ggf-small ggf-end" x="{at(left - 6)}" y="{at(y + 4)}">{text}</text>'
        )
    frame_ = f'<path class="ggf-axis" d="M{at(left)} {at(y_axis.end)}V{at(bottom)}H{at(x_axis.end)}"/>'
    middle = (y_axis.start + y_axis.end) / 2
    titles = (
        f'<text class="ggf-ink ggf-middle" x="{at((left + x_axis.end) / 2)}" y="{at(bottom + 34)}">'
        f'{words(x_title)}</text><text class="ggf-ink ggf-middle" '
        f'transform="translate(16 {at(middle)})rotate(-90)">{words(y_title)}</text>'
    )
    lattice = f'<path class="ggf-grid" d="{"".join(lines)}"/>' if grid and lines else ""
    return lattice + frame_ + "".join(parts) + titles


def _curve(curve: Curve, n: int, x_axis: Axis, y_axis: Axis, lang: Lang) -> str:
    """Return a line through the points that have a place; it breaks where one has none."""
    xs, ys = np.asarray(curve.x, np.float64), np.asarray(curve.y, np.float64)
    pieces: list[list[tuple[float, float]]] = [[]]
    for i in range(len(ys)):
        if x_axis.holds(xs[i]) and y_axis.holds(ys[i]):
            pieces[-1].append((x_axis(float(xs[i])), y_axis(float(ys[i]))))
        elif pieces[-1]:
            pieces.append([])
    pieces = [_thinned(piece) for piece in pieces]
    points = [point for piece in pieces for point in piece]
    if not points:
        return ""
    line = "".join(
        "M" + "L".join(f"{at(x)} {at(y)}" for x, y in piece) + ("h.1" if len(piece) == 1 else "")
        for piece in pieces
        if piece
    )
    last = points[-1]
    spots = points if curve.dots and len(points) <= 60 else [last]
    ends = Text("last: {x}, {y}", "마지막: {x}, {y}").fill(x=whole(xs[-1]), y=whole(ys[-1])).to(lang)
    dashes = ' stroke-dasharray="5 4"' if curve.dashed else ""
    return (
        f"<g>{tip(f'{curve.label}{chr(10)}{ends}', lang)}"
        f'<path class="ggf-line ggf-line{n % len(COLOURS)}"{dashes} d="{line}"/>'
        f"{''.join(mark(n, x, y) for x, y in spots)}</g>"
    )


def mark(n: int, x: float, y: float, kind: str = "ggf-dot") -> str:
    """Return the mark of the n-th curve, so that curves differ in more than colour."""
    shapes = (
        "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0",
        "m-3.2-3.2h6.4v6.4h-6.4z",
        "m0-4.4l4.4 4.4l-4.4 4.4l-4.4-4.4z",
        "m0-4.2l4.2 7.4h-8.4z",
    )
    style = f' class="{kind}{n % len(COLOURS)}"' if kind else ""
    return f'<path{style} d="M{at(x)} {at(y)}{shapes[n % len(shapes)]}"/>'


def cut(text: str, width: float, size: float) -> str:
    """Return a text that is no wider than so many pixels; what is left out becomes an ellipsis in its middle."""
    if text_width(text, size) <= width:
        return text
    half = len(text) // 2
    while half > 1 and text_width(text[:half] + "…" + text[-half:], size) > width:
        half -= 1
    return text[:half] + "…" + text[-half:]


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out points that cannot be told from the one before; of too many, all but the extremes of each stretch."""
    kept = points[:1]
    for x, y in points[1:-1]:
        if abs(x - kept[-1][0]) + abs(y - kept[-1][1]) >= _APART:
            kept.append((x, y))
    kept += points[1:][-1:]
    if len(kept) <= _MOST_POINTS:
        return kept
    heights = np.array([y for _, y in kept])
    chosen = {0, len(kept) - 1}
    for part in np.array_split(np.arange(len(kept)), _MOST_POINTS // 2):
        chosen |= {int(part[np.argmin(heights[part])]), int(part[np.argmax(heights[part])])}
    return [kept[i] for i in sorted(chosen)]


def _all(arrays: list[Array]) -> list[float]:
    return [float(v) for array in arrays for v in np.asarray(array, np.float64).ravel()]
