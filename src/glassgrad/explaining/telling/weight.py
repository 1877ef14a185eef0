"""One number: how it came about, the paths that add up to its gradient, and the rows that pushed it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.errors import GraphError, OptionError
from glassgrad.explaining.changes.losschange import loss_change
from glassgrad.explaining.document import Block, Cell, Drawing, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import Bar, Bars, Matrices, Matrix
from glassgrad.explaining.exact import exact_sum
from glassgrad.explaining.linearise import UNSEEN
from glassgrad.explaining.paths import Path
from glassgrad.explaining.zoom import Zoomed
from glassgrad.language import Text, short

if TYPE_CHECKING:
    from glassgrad.explaining.explanation import Explanation, Why


__all__ = ["derived", "of_update", "of_weight"]

Array = np.ndarray[Any, Any]

_IMAGE = 8
"""Pixels along a side from which the weights into a unit are shown as an image."""

_ROWS = 8
"""Rows of the mini-batch that are told apart in a table."""

_FORMULAS = 80
"""Numbers that a graph may compute for its formulas to be written out unasked; more take seconds and pages."""

_ONES = UNSEEN | {"add", "sum"}
"""Operations whose local derivative is always 1."""

_VALUE = Text("value", "값")


def of_weight(told: Explanation, name: str) -> Iterator[Section]:
    """Yield why a number has its gradient; of one that was computed, how it came about."""
    why = told.why(name)
    if told.names.find(name)[0] not in told.played.graph.inputs:
        yield _made(told.zoom(name))
    found = why.paths
    rows: list[list[Cell]] = [
        [_way(told, why.name, path), _factors(path), path.product] for path in found.paths
    ]
    rest = found.number - len(found.paths)
    if rest:
        rows.append(
            [Text("the other {n} paths", "나머지 경로 {n}개").fill(n=f"{rest:,.0f}"), "", found.others]
        )
    if found.rounding:
        rows.append([Text("rounding", "반올림"), "", found.rounding])
    rows.append([Text("the gradient", "기울기"), "", found.gradient])
    header = [Text("path", "경로"), Text("local derivatives", "국소적 미분"), Text("product", "곱")]
    text = Text(
        "{name} is {value}; its gradient {gradient} is a sum over {n} paths. Each path contributes the product of the "
        "local derivatives along it.",
        "{name:은/는} {value}이고, 그 기울기 {gradient:은/는} 경로 {n}개의 합이다. 각 경로는 지나는 국소적 미분의 "
        "곱만큼 보탠다.",
    ).fill(name=why.name, value=short(why.value), gradient=short(why.gradient), n=f"{found.number:,.0f}")
    if found.number == 1:
        text = Text(
            "{name} is {value}; one path leads from it to the result, so its gradient {gradient} is one product.",
            "{name:은/는} {value}이며, 결과로 가는 경로가 하나뿐이므로 기울기 {gradient:은/는} 곱 하나이다.",
        ).fill(name=why.name, value=short(why.value), gradient=short(why.gradient))
    if found.number == 0:
        text = Text(
            "{name} is {value}. On no path from it to the result does a gradient flow: something on the way is flat.",
            "{name:은/는} {value}이다. 여기서 결과로 가는 어떤 경로로도 기울기가 흐르지 않는다: 도중에 평평한 곳이 "
            "있다.",
        ).fill(name=why.name, value=short(why.value))
    blocks: list[Block] = [Paragraph(text), Table(header, rows, total=True, hidden=frozenset({2}))]
    blocks += [*_downhill(told, why), *_image(told, name)]
    title = Text("Why {name} has its gradient", "{name}의 기울기는 어디서 오는가").fill(name=why.name)
    yield Section(f"why-{why.name}", title, [*blocks, *_shares(why)])


def of_update(told: Explanation, name: str) -> Iterator[Section]:
    """Yield why the weight changes in this step, and what the whole update does to the loss."""
    if told.taken is not None and told.names.find(name)[0] in told.weights:
        yield told.update(name).section()
        yield loss_change(told.taken).section()


def derived(told: Explanation, name: str) -> Iterator[Section]:
    """Yield the derivation, where the graph is small enough for formulas and SymPy is there."""
    nodes = [node for node in told.played.graph.nodes if node.op not in UNSEEN]
    if sum(told.played.values[node.outputs[0]].size for node in nodes) > _FORMULAS:
        return
    with suppress(GraphError, OptionError):
        yield from told.derive(name).document().sections


def _made(found: Zoomed) -> Section:
    """Return how a number came about: what went into the operation that made it."""
    text = Text(
        "{name} is {value}: {op} made it. The gradient that reaches it, {gradient}, goes back through each input times "
        "the local derivative there.",
        "{name:은/는} {value}이며 {op:이/가} 만들었다. 여기에 닿는 기울기 {gradient:은/는} 각 입력으로 그곳의 국소적 "
        "미분이 곱해져 되돌아간다.",
    ).fill(name=found.name, value=short(found.value), op=found.op, gradient=short(found.gradient))
    rows: list[list[Cell]] = [[p.name, p.value, p.local, p.downstream] for p in found.parts]
    if found.folded:
        rows.append(
            [Text("{n} others", "나머지 {n}개").fill(n=f"{found.folded:,}"), found.others, None, None]
        )
    if found.rounding:
        rows.append([Text("rounding", "반올림"), found.rounding, None, None])
    if found.others is not None:
        rows.append([found.name, found.value, None, None])
    header = [
        Text("input", "입력"),
        _VALUE,
        Text("local derivative", "국소적 미분"),
        Text("downstream", "하류"),
    ]
    title = Text("How {name} came about", "{name:은/는} 어떻게 나왔는가").fill(name=found.name)
    table = Table(header, rows, total=found.others is not None)
    return Section(f"made-{found.name}", title, [Paragraph(text), table])


def _way(told: Explanation, start: str, path: Path) -> str:
    """Return the numbers a path runs through; moves of numbers and matrix products within a layer are left out."""
    stops = [s for s in path.stops if s.node.op not in UNSEEN]
    return " → ".join([start, *(told.names.element(s.value, s.element) for s in stops)])


def _factors(path: Path) -> str:
    """Return the local derivatives along a path, without the ones of moves and sums."""
    numbers = [s.derivative for s in path.stops if s.node.op not in _ONES] or [1.0]
    return " · ".join(short(d) if d >= 0 else f"({short(d)})" for d in numbers)


def _downhill(told: Explanation, why: Why) -> Iterator[Block]:
    """Say which way the number must go for the result to fall."""
    if told.taken is None or why.gradient == 0 or not math.isfinite(why.gradient):
        return
    yield Paragraph(
        Text(
            "The gradient is positive: making {name} smaller makes the loss smaller.",
            "기울기가 양수이므로 {name:을/를} 줄이면 손실이 줄어든다.",
        ).fill(name=why.name)
        if why.gradient > 0
        else Text(
            "The gradient is negative: making {name} larger makes the loss smaller.",
            "기울기가 음수이므로 {name:을/를} 늘리면 손실이 줄어든다.",
        ).fill(name=why.name)
    )


def _image(told: Explanation, name: str) -> Iterator[Block]:
    """Yield the weights that lead into the same unit as an image, where their number is a square."""
    value, element = told.names.find(name)
    if value not in told.weights or len(value.shape) != 2:
        return
    array, gradient = told.played.values[value], told.played.gradient(value)
    unit, side = element // array.shape[1], math.isqrt(array.shape[1])
    if side < _IMAGE or side * side != array.shape[1]:
        return
    base = told.names[value]
    parts = [
        Matrix(f"{base}[{unit}]", array[unit].reshape(side, side)),
        Matrix(f"∇{base}[{unit}]", gradient[unit].reshape(side, side)),
    ]
    caption = Text(
        "The weights that lead into unit {unit}, and their gradients, laid out as the inputs are: {side} × {side}",
        "유닛 {unit}으로 들어가는 가중치와 그 기울기를 입력의 배열대로 {side} × {side}로 펼친 것",
    ).fill(unit=unit, side=side)
    yield Drawing(Matrices(parts), caption)


def _shares(why: Why) -> Iterator[Block]:
    """Yield what each row of the mini-batch contributes; of many rows those that push hardest."""
    if why.shares is None or len(why.shares.rows) < 2:
        return
    rows = why.shares.rows
    order = np.argsort(-np.abs(rows), kind="stable")[:_ROWS]
    up, down = int((rows > 0).sum()), int((rows < 0).sum())
    yield Paragraph(
        Text(
            "Of {n} rows {up} push the gradient of {name} up and {down} push it down.",
            "행 {n}개 가운데 {up}개는 {name}의 기울기를 올리고 {down}개는 내린다.",
        ).fill(n=len(rows), up=up, down=down, name=why.name)
    )
    bars = [Bar(f"{int(i)}", float(rows[i])) for i in order]
    caption = Text("What the rows that push hardest contribute", "가장 세게 미는 행들이 보태는 몫")
    yield Drawing(Bars(bars), caption)
    cells: list[list[Cell]] = [[Text("row {i}", "행 {i}").fill(i=int(i)), float(rows[i])] for i in order]
    rest = len(rows) - len(order)
    if rest:
        others = exact_sum([*rows, *(-rows[order])])
        cells.append([Text("the other {n} rows", "나머지 행 {n}개").fill(n=rest), others])
    if why.shares.apart:
        cells.append([Text("through no row", "행을 거치지 않는 몫"), why.shares.apart])
    if why.shares.rounding:
        cells.append([Text("rounding", "반올림"), why.shares.rounding])
    cells.append([Text("the gradient", "기울기"), why.gradient])
    header = [Text("row, counted from 0", "행 (0부터 셈)"), Text("contribution", "몫")]
    yield Table(header, cells, total=True)
