"""Figures in a terminal: a circuit as a list of its wires, bars of blocks, small matrices as numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text as Words

from glassgrad.explaining.drawing.figures import Bars, Circuit, Curves, Figure, Matrices, Matrix, Surface
from glassgrad.explaining.drawing.layout import place, written
from glassgrad.explaining.drawing.paper import number
from glassgrad.language import Lang, Text

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["sketch"]

Array = np.ndarray[Any, Any]

_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_MOST_NUMBERS = 80


def sketch(figure: Figure, lang: Lang, width: int) -> RenderableType:
    """Return a figure as text, for a terminal of a width."""
    match figure:
        case Circuit():
            return _circuit(figure, lang)
        case Bars():
            return _bars(figure, width)
        case Matrices():
            return Group(*(_matrix(part, lang, width) for part in figure.parts))
        case Curves():
            return _curves(figure, lang, width)
        case _:
            return _surface(figure, lang)


def _grid(*titles: tuple[Text | str, bool], lang: Lang) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for title, right in titles:
        text = title.to(lang) if isinstance(title, Text) else title
        grid.add_column(Words(text), justify="right" if right else "left", overflow="fold")
    return grid


def _circuit(figure: Circuit, lang: Lang) -> RenderableType:
    """Return the gates from left to right, each with what comes in: its value, and the gradient that goes back."""
    placed = {b.key: b for b in place(figure).boxes}
    order = sorted(figure.boxes, key=lambda b: (placed[b.key].x, placed[b.key].y))
    names = {b.key: b.label for b in figure.boxes}
    numbers = {
        b.key: n for n, b in enumerate((b for b in order if any(w.target == b.key for w in figure.wires)), 1)
    }
    arriving = defaultdict(list)
    for wire in figure.wires:
        arriving[wire.target].append(wire)
    grid = _grid(
        ("#", True),
        (Text("gate", "게이트"), False),
        (Text("from", "입력"), False),
        (Text("value", "값"), True),
        (Text("∇ gradient", "∇ 기울기"), True),
        lang=lang,
    )
    for gate in order:
        for n, wire in enumerate(arriving[gate.key]):
            source = names[wire.source]
            if wire.source in numbers:
                source = f"#{numbers[wire.source]} {source}"
            marked = "bold" if {gate.key, wire.source} <= figure.highlight else ""
            grid.add_row(
                "" if n else str(numbers[gate.key]),
                Words("" if n else names[gate.key], marked),
                Words(source, marked),
                Words(written(wire.value), "green"),
                Words(written(wire.gradient) and f"∇{written(wire.gradient)}", "red"),
            )
    return grid


def _bars(figure: Bars, width: int) -> RenderableType:
    """Return bars from a line at 0: negative ones to its left, positive ones to its right."""
    values = [b.value if math.isfinite(b.value) else 0.0 for b in figure.bars]
    most, least = max([0.0, *values]), min([0.0, *values])
    names = max((Words(b.label).cell_len for b in figure.bars), default=0)
    room = max(10, min(48, width - min(names, width // 2) - 16))
    unit = (most - least) / room or 1.0
    left = math.ceil(-least / unit)
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(overflow="fold", max_width=max(width - room - 16, 12))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    for bar, value in zip(figure.bars, values, strict=True):
        size = abs(value) / unit
        full = int(size)
        if value < 0:
            drawn = "█" * full + ("" if size - full < 0.5 else "▐")
            drawn = f"{('▐' if size - full >= 0.5 else '') + '█' * full:>{left}}│"
        else:
            part = _EIGHTHS[int((size - full) * 8)].strip()
            drawn = f"{'':>{left}}│{'█' * full}{part}"
        grid.add_row(Words(bar.label), Words(drawn), Words(number(bar.value)))
    return grid


def _matrix(part: Matrix, lang: Lang, width: int) -> RenderableType:
    """Return a small matrix as numbers, a large one as what is known of its numbers."""
    array = np.asarray(part.array, np.float64)
    rows, columns = array.shape
    texts = [[number(float(v)) for v in row] for row in array] if array.size <= _MOST_NUMBERS else []
    if texts and columns * (2 + max(len(text) for row in texts for text in row)) <= width:
        grid = Grid.grid(padding=(0, 0, 0, 2))
        for _ in range(columns):
            grid.add_column(justify="right", no_wrap=True)
        for row in texts:
            grid.add_row(*row)
        return Group(Words(part.title, "bold"), grid)
    finite = array[np.isfinite(array)]
    told = Text(
        "{title}: {rows} × {columns}, from {low} to {high}, mean size {mean}, norm {norm}",
        "{title}: {rows} × {columns}, 최소 {low}, 최대 {high}, 평균 크기 {mean}, 노름 {norm}",
    ).fill(
        title=part.title,
        rows=rows,
        columns=columns,
        low=number(finite.min()) if finite.size else "–",
        high=number(finite.max()) if finite.size else "–",
        mean=number(np.abs(finite).mean()) if finite.size else "–",
        norm=number(float(np.linalg.norm(finite))),
    )
    bad = Text("; {n} not finite", "; 유한하지 않은 수 {n}개").fill(n=array.size - finite.size).to(lang)
    return Words(told.to(lang) + (bad if finite.size < array.size else ""))


def _curves(figure: Curves, lang: Lang, width: int) -> RenderableType:
    """Return a row for each curve: where it starts and ends, its extremes, and its course in blocks."""
    grid = _grid(
        (figure.y_title, False),
        (Text("first", "처음"), True),
        (Text("last", "끝"), True),
        (Text("lowest", "최소"), True),
        (Text("at {x}", "그때의 {x}").fill(x=figure.x_title), True),
        (Text("course", "모양"), False),
        lang=lang,
    )
    for curve in figure.curves:
        x, y = (np.asarray(a, np.float64) for a in (curve.x, curve.y))
        keep = np.isfinite(y) & ((y > 0) | (not figure.log_y))
        x, y = x[keep], y[keep]
        if not y.size:
            grid.add_row(Words(curve.label), "–", "–", "–", "–", "")
            continue
        lowest = int(np.argmin(y))
        grid.add_row(
            Words(curve.label),
            *(Words(number(v)) for v in (y[0], y[-1], y[lowest], x[lowest])),
            Words(_course(np.log(y) if figure.log_y else y, max(8, min(32, width - 76)))),
        )
    return grid


def _course(y: Array, width: int) -> str:
    places = np.unique(np.linspace(0, len(y) - 1, min(len(y), width)).round().astype(int))
    shown = y[places]
    spread = float(shown.max() - shown.min()) or 1.0
    return "".join(_HEIGHTS[int((v - shown.min()) / spread * 7.999)] for v in shown)


def _surface(figure: Surface, lang: Lang) -> RenderableType:
    """Return where the surface is lowest and highest, and where each path leads."""
    z = np.asarray(figure.z, np.float64)
    titles = (figure.x_title.to(lang), figure.y_title.to(lang))
    grid = _grid(("", False), (titles[0], True), (titles[1], True), (Text("value", "값"), True), lang=lang)
    if np.isfinite(z).any():
        for name, place_ in (
            (Text("lowest", "최소"), np.nanargmin(np.where(np.isfinite(z), z, np.nan))),
            (Text("highest", "최대"), np.nanargmax(np.where(np.isfinite(z), z, np.nan))),
        ):
            i, j = np.unravel_index(place_, z.shape)
            numbers = (figure.x[j], figure.y[i], z[i, j])
            grid.add_row(Words(name.to(lang)), *(Words(number(float(v))) for v in numbers))
    for path in figure.paths:
        for name, k in ((Text("{path}: start", "{path}: 시작"), 0), (Text("{path}: end", "{path}: 끝"), -1)):
            if len(path.x):
                ends = (float(path.x[k]), float(path.y[k]))
                grid.add_row(
                    Words(name.fill(path=path.label).to(lang)), *(Words(number(v)) for v in ends), ""
                )
    return grid
