"""Matrices and surfaces as SVG: fields of colour, cell by cell."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np

from glassgrad.explaining.drawing.axes import Axis, exact_axis
from glassgrad.explaining.drawing.charts import cross_axes, cut, mark
from glassgrad.explaining.drawing.figures import Curve, Matrices, Matrix, Surface
from glassgrad.explaining.drawing.layout import text_width
from glassgrad.explaining.drawing.paper import (
    COLOURS,
    NOT_A_NUMBER,
    at,
    frame,
    number,
    shade,
    tip,
    whole,
    words,
)
from glassgrad.language import Lang, Text

__all__ = ["draw_matrices", "draw_surface", "shrunk"]

Array = np.ndarray[Any, Any]

MOST_CELLS = 64
"""The most rows and columns of a field that are drawn; larger ones are averaged block by block."""

_SHADES = 24
_TOLD = 256
"""Up to so many cells tell their numbers on pointing at them; so few that digits fit are written in."""

_BLOCKS = Text(
    "each cell is the mean of up to {rows} × {columns} numbers",
    "칸 하나는 최대 {rows} × {columns}개 수의 평균이다",
)
_BAD = Text("{n} not finite (pink)", "유한하지 않은 수 {n}개(분홍)")


def draw_matrices(figure: Matrices, lang: Lang) -> str:
    """Return matrices side by side as SVG; where they are too wide for that, one below the other."""
    panels = [_panel(part, lang) for part in figure.parts]
    body, x, y, tallest, widest = [], 0.0, 0.0, 0.0, 0.0
    for drawn, width, height in panels:
        if x and x + width > 640:
            x, y, tallest = 0.0, y + tallest, 0.0
        body.append(f'<g transform="translate({at(x)} {at(y)})">{drawn}</g>')
        x, tallest = x + width, max(tallest, height)
        widest = max(widest, x)
    title = ", ".join(part.title for part in figure.parts)
    return frame("".join(body), max(widest, 120.0), max(y + tallest, 40.0), title, lang)


def shrunk(array: Array, most: int = MOST_CELLS) -> tuple[Array, tuple[int, int]]:
    """Return an array with at most so many rows and columns, each cell the mean of a block, and the block's size.

    Numbers that are not finite are not averaged: a block is NaN where any of its numbers is.

    Examples
    --------
    >>> small, block = shrunk(np.arange(6.0).reshape(1, 6), 3)
    >>> small.tolist(), block
    ([[0.5, 2.5, 4.5]], (1, 2))
    """
    rows, columns = (max(1, -(-n // most)) for n in array.shape)
    if rows == columns == 1:
        return array, (1, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.add.reduceat(array, np.arange(0, array.shape[0], rows), axis=0)
        sums = np.add.reduceat(sums, np.arange(0, array.shape[1], columns), axis=1)
        counts = np.outer(_lengths(array.shape[0], rows), _lengths(array.shape[1], columns))
        means: Array = sums / counts
    return means, (rows, columns)


def _lengths(whole_: int, block: int) -> Array:
    starts = np.arange(0, whole_, block)
    return np.diff(np.append(starts, whole_))


def _panel(part: Matrix, lang: Lang) -> tuple[str, float, float]:
    """Return one matrix with its title and its scale, and their size."""
    array = np.asarray(part.array, np.float64)
    field, block = shrunk(array)
    rows, columns = field.shape
    finite = field[np.isfinite(field)]
    most = float(np.abs(finite).max()) if finite.size else 0.0
    shares = field / most if most else np.where(np.isfinite(field), 0.0, np.nan)
    texts = [[number(v) for v in row] for row in field] if columns <= 8 and rows * columns <= 80 else []
    digits = max((text_width(t, 12) for row in texts for t in row), default=0.0) + 12
    fits = bool(texts) and digits * columns <= 420
    if fits:
        wide, high = max(digits, 46.0), 28.0
    else:
        high = min(max(232.0 / max(rows, columns, 1), 3.0), 24.0)
        wide = min(max(232.0 / max(columns, 1), 3.0), 3 * high, 24.0)
        if min(rows, columns) * 6 < max(rows, columns):  # a vector: cells that can be seen
            wide, high = (wide, max(high, 14.0)) if rows < columns else (max(wide, 14.0), high)
    left, top = 14.0 + max(text_width(str(array.shape[0] - 1), 11) + 6, 12.0), 46.0
    size = (columns * wide, rows * high)
    parts = [
        f'<text class="ggf-ink ggf-strong" x="14" y="20">{words(part.title)}<tspan dx="8" '
        f'class="ggf-quiet ggf-shape_">{array.shape[0]} × {array.shape[1]}</tspan></text>',
        _marks(array.shape, (rows, columns), (wide, high), (left, top), every=fits),
    ]
    if rows * columns <= _TOLD:
        parts.append(_cells(array, shares, texts if fits else [], (wide, high), (left, top), lang))
    else:
        parts.append(_runs(shares, (wide, high), (left, top)))
    parts.append(
        f'<rect class="ggf-axis" x="{at(left)}" y="{at(top)}" width="{at(size[0])}" height="{at(size[1])}"/>'
    )
    y = top + size[1] + 10
    scale, wide_scale = _scale(most, left, y, lang)
    parts.append(scale)
    notes = []
    if block != (1, 1):
        notes.append(_BLOCKS.fill(rows=block[0], columns=block[1]).to(lang))
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        notes.append(_BAD.fill(n=bad).to(lang))
    y += 26
    for note in notes:
        y += 15
        parts.append(f'<text class="ggf-quiet ggf-small" x="{at(left)}" y="{at(y)}">{words(note)}</text>')
    width = max(
        left + size[0],
        left + wide_scale,
        22 + 1.08 * text_width(f"{part.title}{array.shape[0]} × {array.shape[1]}", 12),
        *(left + text_width(note, 11) for note in notes),
    )
    return "".join(parts), width + 14, y + 12


def _marks(
    shape: tuple[int, ...],
    drawn: tuple[int, int],
    cell: tuple[float, float],
    corner: tuple[float, float],
    *,
    every: bool,
) -> str:
    """Return the indices of rows and columns: all of them, or the first and the last."""
    parts = []
    for i in range(drawn[0]) if every else sorted({0, drawn[0] - 1}):
        name = i if drawn[0] == shape[0] or i == 0 else shape[0] - 1
        y = corner[1] + (i + 0.5) * cell[1] + 4
        parts.append(
            f'<text class="ggf-quiet ggf-small ggf-end" x="{at(corner[0] - 5)}" y="{at(y)}">{name}</text>'
        )
    for j in range(drawn[1]) if every else sorted({0, drawn[1] - 1}):
        name = j if drawn[1] == shape[1] or j == 0 else shape[1] - 1
        x = corner[0] + (j + 0.5) * cell[0]
        parts.append(
            f'<text class="ggf-quiet ggf-small ggf-middle" x="{at(x)}" y="{at(corner[1] - 6)}">{name}</text>'
        )
    return "".join(parts)


def _cells(
    array: Array,
    shares: Array,
    texts: list[list[str]],
    cell: tuple[float, float],
    corner: tuple[float, float],
    lang: Lang,
) -> str:
    """Return cells one by one, each with its number."""
    parts = []
    for (i, j), share in np.ndenumerate(shares):
        x, y = corner[0] + j * cell[0], corner[1] + i * cell[1]
        colour = shade(float(share)) if np.isfinite(share) else NOT_A_NUMBER
        box = f'<rect x="{at(x)}" y="{at(y)}" width="{at(cell[0])}" height="{at(cell[1])}" fill="{colour}"/>'
        text = ""
        if texts:
            ink = "#ffffff" if abs(share) > 0.7 else "#16181d"
            text = (
                f'<text class="ggf-middle" x="{at(x + cell[0] / 2)}" y="{at(y + cell[1] / 2 + 4)}" fill="{ink}">'
                f"{texts[i][j]}</text>"
            )
        told = whole(float(array[i, j])) if array.shape == shares.shape else number(float(share))
        parts.append(f"<g>{tip(f'[{i}, {j}] {told}', lang)}{box}{text}</g>")
    return f'<g shape-rendering="crispEdges">{"".join(parts)}</g>'


def _runs(shares: Array, cell: tuple[float, float], corner: tuple[float, float]) -> str:
    """Return cells as strokes, a path for each colour: neighbours of one colour are one stroke."""
    steps = np.where(np.isfinite(shares), np.round(shares * _SHADES), _SHADES + 1).astype(int)
    colours = {k: shade(k / _SHADES) for k in range(-_SHADES, _SHADES + 1)} | {_SHADES + 1: NOT_A_NUMBER}
    return _strokes(steps, colours, cell, corner)


def _strokes(
    steps: Array, colours: dict[int, str], cell: tuple[float, float], corner: tuple[float, float]
) -> str:
    lines: dict[int, list[str]] = defaultdict(list)
    for i, row in enumerate(steps):
        edges = np.flatnonzero(np.diff(row)) + 1
        for start, end in zip([0, *edges], [*edges, len(row)], strict=True):
            lines[int(row[start])].append(f"M{start} {i}h{end - start}")
    paths = "".join(
        f'<path stroke="{colours[k]}" d="{"".join(lines[k])}"/>' for k in sorted(lines) if k in colours
    )
    place = f"translate({at(corner[0])} {at(corner[1] + cell[1] / 2)})scale({cell[0]:.4g} {cell[1]:.4g})"
    return f'<g transform="{place}" stroke-width="1.02" shape-rendering="crispEdges" fill="none">{paths}</g>'


def _scale(most: float, x: float, y: float, lang: Lang) -> tuple[str, float]:
    """Return the key to the colours from −most to most, and how wide it is."""
    ends = (number(-most), "0", number(most)) if most else ("", "0", "")
    lead, tail = text_width(ends[0], 11), text_width(ends[2], 11)
    x += lead + (6 if lead else 0)
    steps = 16
    wide = 96.0
    cells = "".join(
        f'<rect x="{at(x + k * wide / steps)}" y="{at(y)}" width="{at(wide / steps + 0.3)}" height="9" '
        f'fill="{shade((2 * k + 1) / steps - 1)}"/>'
        for k in range(steps)
    )
    texts = (
        f'<text class="ggf-quiet ggf-small ggf-end" x="{at(x - 5)}" y="{at(y + 9)}">{ends[0]}</text>'
        f'<text class="ggf-quiet ggf-small ggf-middle" x="{at(x + wide / 2)}" y="{at(y + 21)}">0</text>'
        f'<text class="ggf-quiet ggf-small" x="{at(x + wide + 5)}" y="{at(y + 9)}">{ends[2]}</text>'
    )
    told = Text("largest size: {most}", "가장 큰 크기: {most}").fill(most=whole(most)).to(lang)
    bar = f'<rect class="ggf-axis" x="{at(x)}" y="{at(y)}" width="{at(wide)}" height="9"/>'
    return f"<g>{tip(told, lang)}{cells}{bar}{texts}</g>", lead + 6 + wide + 5 + tail


_HEIGHTS = ((250, 250, 245), (214, 222, 205), (160, 188, 185), (104, 146, 168), (64, 97, 143), (40, 48, 104))
"""From low, which is light, to high, which is dark: told apart by lightness alone."""

_LEVELS = 12
_FINEST = 96


def draw_surface(figure: Surface, lang: Lang) -> str:
    """Return a function of two directions as SVG: light where it is low, contour lines, paths from ring to mark.

    Contour lines part the field into shares of equal area, so that a valley shows beside a mountain.
    """
    z = np.asarray(figure.z, np.float64)
    finite = np.sort(z[np.isfinite(z)].ravel())
    width, top = 440.0, 20.0 + 18.0 * len(figure.paths)
    levels = np.unique(np.quantile(finite, np.arange(1, _LEVELS) / _LEVELS)) if finite.size else np.array([])
    y_axis = exact_axis(float(figure.y[0]), float(figure.y[-1]), top + 300, top)
    left = 30 + max((text_width(text, 11) for _, text in y_axis.marks()), default=0.0)
    x_axis = exact_axis(float(figure.x[0]), float(figure.x[-1]), left, width - 92)
    small, _ = shrunk(_refined(z[::-1]), _FINEST)
    cell = ((x_axis.end - left) / small.shape[1], 300 / small.shape[0])
    steps = np.where(np.isfinite(small), np.searchsorted(levels, small), -1).astype(int)
    count = len(levels) + 1
    colours = {k: _height_colour(k / max(count - 1, 1)) for k in range(count)}
    parts = [_strokes(steps, colours, cell, (left, top))]
    lines = "".join(_contour(figure, z, level, x_axis, y_axis) for level in levels)
    parts.append(f'<path d="{lines}" fill="none" stroke="#16181d" stroke-opacity=".35" stroke-width=".8"/>')
    parts.append(cross_axes(x_axis, y_axis, figure.x_title.to(lang), figure.y_title.to(lang), grid=False))
    parts.append(_levels(levels, finite, colours, width - 78, top))
    for n, path in enumerate(figure.paths):
        parts.append(_walk(path, n, x_axis, y_axis, lang))
        parts.append(
            f'<path class="ggf-line ggf-line{n % len(COLOURS)}" d="M14 {at(16 + 18 * n)}h26"/>'
            f"{mark(n, 27, 16 + 18 * n)}"
            f'<text class="ggf-ink" x="46" y="{at(20 + 18 * n)}">{words(cut(path.label, width - 60, 12))}</text>'
        )
    return frame("".join(parts), width, top + 346, figure.y_title.to(lang), lang)


def _refined(z: Array) -> Array:
    """Return a coarse field with more cells, linear in between, so that it follows its contour lines."""
    for axis in (0, 1):
        count = z.shape[axis]
        if 1 < count < _FINEST:
            places = (np.arange(_FINEST) + 0.5) * (count - 1) / _FINEST
            low = places.astype(int)
            part = (places - low)[:, None] if axis == 0 else places - low
            with np.errstate(invalid="ignore"):
                z = (1 - part) * z.take(low, axis) + part * z.take(low + 1, axis)
    return z


def _height_colour(share: float) -> str:
    place = share * (len(_HEIGHTS) - 1)
    low = min(int(place), len(_HEIGHTS) - 2)
    part = place - low
    pair = zip(_HEIGHTS[low], _HEIGHTS[low + 1], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pair)


def _levels(levels: Array, finite: Array, colours: dict[int, str], x: float, top: float) -> str:
    """Return the key to the heights, highest above."""
    if not finite.size:
        return ""
    high = 300 / len(colours)
    parts = []
    edges = [float(finite[0]), *map(float, levels), float(finite[-1])]
    for k, colour in colours.items():
        y = top + 300 - (k + 1) * high
        parts.append(f'<rect x="{at(x)}" y="{at(y)}" width="12" height="{at(high + 0.3)}" fill="{colour}"/>')
    for k, edge in enumerate(edges):
        if k % 2 == 0 or k == len(edges) - 1:
            y = top + 300 - k * high
            parts.append(
                f'<g><title>{whole(edge)}</title><text class="ggf-quiet ggf-small" x="{at(x + 17)}" '
                f'y="{at(y + 4)}">{number(edge)}</text></g>'
            )
    return "".join(parts)


def _contour(figure: Surface, z: Array, level: float, x_axis: Axis, y_axis: Axis) -> str:
    """Return the line on which the surface has one height, cell by cell (marching squares)."""
    lines = []
    above = z > level
    mixed = above[:-1, :-1].astype(int) + above[:-1, 1:] + above[1:, :-1] + above[1:, 1:]
    solid = np.isfinite(z[:-1, :-1] + z[:-1, 1:] + z[1:, :-1] + z[1:, 1:])
    for i, j in np.argwhere((mixed > 0) & (mixed < 4) & solid):
        corners = ((i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j))
        cuts = []
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
            if above[a] != above[b]:
                part = (level - z[a]) / (z[b] - z[a])
                x = figure.x[a[1]] + part * (figure.x[b[1]] - figure.x[a[1]])
                y = figure.y[a[0]] + part * (figure.y[b[0]] - figure.y[a[0]])
                cuts.append(f"{at(x_axis(x))} {at(y_axis(y))}")
        lines += [f"M{a}L{b}" for a, b in zip(cuts[::2], cuts[1::2], strict=True)]
    return "".join(lines)


def _walk(path: Curve, n: int, x_axis: Axis, y_axis: Axis, lang: Lang) -> str:
    """Return a path on the surface, as far as it lies within; a ring is its start, its mark its end."""
    xs, ys = np.asarray(path.x, np.float64), np.asarray(path.y, np.float64)
    keep = np.unique(np.linspace(0, len(xs) - 1, min(len(xs), 300)).astype(int)) if len(xs) else ()
    points = [(x_axis(float(xs[i])), y_axis(float(ys[i]))) for i in keep if math.isfinite(xs[i] + ys[i])]
    if not points:
        return ""
    ox, oy, wide, high = x_axis.start, y_axis.end, x_axis.end - x_axis.start, y_axis.start - y_axis.end
    line = "M" + "L".join(f"{at(x - ox)} {at(y - oy)}" for x, y in points)
    (sx, sy), (ex, ey) = ((x - ox, y - oy) for x, y in (points[0], points[-1]))
    colour = COLOURS[n % len(COLOURS)][0]  # the field is light in both colour schemes
    return (
        f'<svg x="{at(ox)}" y="{at(oy)}" width="{at(wide)}" height="{at(high)}" overflow="hidden">'
        f"<g>{tip(path.label, lang)}"
        f'<path class="ggf-line" d="{line}" stroke="#ffffff" style="stroke-width:4.5"/>'
        f'<path class="ggf-line" d="{line}" stroke="{colour}"/>'
        f'<circle cx="{at(sx)}" cy="{at(sy)}" r="4.5" fill="#ffffff" stroke="{colour}" stroke-width="2"/>'
        f'<g style="fill:{colour}">{mark(n, ex, ey, "")}</g></g></svg>'
    )
