"""Telling: an explanation as a document, from the whole down to single numbers.

First what is explained; then the layers, each with the size of its weights and of their gradients; then the gates with
the numbers on their wires, where they can be followed one by one; then, for each weight asked about, the paths that add
up to its gradient and the rows that pushed it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.explain.document import Block, Cell, Document, Drawing, Paragraph, Section, Table
from glassgrad.explain.drawing.figures import MOST_ELEMENTS, Bar, Bars, Box, Circuit, Matrices, Matrix, Wire
from glassgrad.explain.linearise import UNSEEN
from glassgrad.explain.paths import Path
from glassgrad.explain.scalars import Gate, Gates, TooMany
from glassgrad.explain.zoom import Zoomed, layers_of, operations_of
from glassgrad.language import Text, short
from glassgrad.ops import lookup

if TYPE_CHECKING:
    from glassgrad.explain.explanation import Explanation, Why

__all__ = ["circuit_of", "document"]

Array = np.ndarray[Any, Any]

_ROWS = 8
"""Rows of the mini-batch that are told apart in a table."""

_IMAGE = 8
"""Pixels along a side from which the weights into a unit are shown as an image."""

_NAME, _VALUE = Text("name", "이름"), Text("value", "값")


def document(told: Explanation, weight: str | None = None) -> Document:
    """Return an explanation as a document; see `Explanation.document`."""
    sections = [_summary(told)]
    if weight is not None:
        sections += _of_weight(told, weight)
    sections += [*_network(told), *_layers(told)]
    try:
        gates = told.gates()
        sections += [_gates(gates), _rules(gates)]
    except TooMany:
        sections.append(_operations(told))
    for name in told.worth() if weight is None else []:
        sections += _of_weight(told, name)
    return Document(told.title, sections)


# --- the whole -----------------------------------------------------------------------------------------------------


def _summary(told: Explanation) -> Section:
    names = told.names
    text = Text(
        "{name} is {number}. Every number below is one of this run, in its own precision; gradients say how much "
        "{name} answers when a number moves by a little.",
        "{name:은/는} {number}이다. 아래의 모든 수는 이 실행의 것이며 그 정밀도 그대로이다. 기울기는 어떤 수가 "
        "조금 움직일 때 {name:이/가} 얼마나 따라 움직이는지를 말한다.",
    ).fill(name=names[told.played.result], number=short(told.result))
    return Section("result", Text("Result", "결과"), [Paragraph(text)])


def _network(told: Explanation) -> Iterator[Section]:
    """Yield the layers and how they follow each other, where there are some."""
    circuit = layers_of(told) if any(node.scope for node in told.played.graph.nodes) else None
    if circuit is not None:
        caption = Text(
            "The layers: above each wire the shape of what goes forward, below it the size of its gradient",
            "층: 선 위에는 앞으로 가는 값의 형상, 선 아래에는 그 기울기의 크기",
        )
        yield Section("network", Text("Network", "신경망"), [Drawing(circuit, caption)])


def _layers(told: Explanation) -> Iterator[Section]:
    """Yield a row for each array of weights: its size, that of its gradient, and the ratio of update to weight."""
    if not any(told.played.values[v].size > 1 for v in told.weights):
        return
    rate = None if told.training is None else told.training.optimizer.lr
    header = [
        Text("weights", "가중치"),
        Text("shape", "형상"),
        Text("‖W‖", "‖W‖"),
        Text("‖∇W‖", "‖∇W‖"),
        *([] if rate is None else [Text("η‖∇W‖ / ‖W‖", "η‖∇W‖ / ‖W‖")]),
    ]
    rows: list[list[Cell]] = []
    for value in told.weights:
        norm, slope = (_norm(a) for a in (told.played.values[value], told.played.gradient(value)))
        row: list[Cell] = [told.names[value], " × ".join(map(str, value.shape)) or "1", norm, slope]
        rows.append(row if rate is None else [*row, rate * slope / norm if norm else None])
    blocks: list[Block] = [Table(header, rows)]
    for value in told.weights:
        if len(value.shape) == 2:
            name = told.names[value]
            pair = [
                Matrix(name, told.played.values[value]),
                Matrix(f"∇{name}", told.played.gradient(value)),
            ]
            caption = Text("{name} and its gradient", "{name:과/와} 그 기울기").fill(name=name)
            blocks.append(Drawing(Matrices(pair), caption))
    yield Section("layers", Text("Layers", "층"), blocks)


def _norm(array: Array) -> float:
    return float(np.linalg.norm(array.astype(np.float64).reshape(-1)))


def _operations(told: Explanation) -> Section:
    """Return the operations with the sizes of what they make, where single gates are too many."""
    rows: list[list[Cell]] = []
    for node in told.played.graph.nodes:
        value = node.outputs[0]
        if node.op in UNSEEN or value.dtype.kind != "f":
            continue
        size, slope = _norm(told.played.values[value]), _norm(told.played.gradient(value))
        rows.append(
            [told.names[value], lookup(node.op).name, " × ".join(map(str, value.shape)) or "1", size, slope]
        )
    header = [
        _NAME,
        Text("operation", "연산"),
        Text("shape", "형상"),
        Text("‖value‖", "‖값‖"),
        Text("‖gradient‖", "‖기울기‖"),
    ]
    note = Text(
        "There are too many single gates to draw; one weight at a time can be followed below.",
        "게이트가 너무 많아 하나씩 그릴 수 없다. 아래에서 가중치 하나씩을 따라갈 수 있다.",
    )
    circuit = operations_of(told)
    caption = Text(
        "The operations: above each wire a shape, below it the size of the gradient",
        "연산: 선 위에는 형상, 선 아래에는 기울기의 크기",
    )
    drawn: list[Block] = [] if circuit is None else [Drawing(circuit, caption)]
    return Section("operations", Text("Operations", "연산"), [Paragraph(note), *drawn, Table(header, rows)])


# --- gates ---------------------------------------------------------------------------------------------------------

_SIGNS = {
    "multiply": "×",
    "add": "+",
    "subtract": "−",
    "divide": "÷",
    "sum": "Σ",
    "square": "x²",
    "reciprocal": "1/x",
}
_SIGNS |= {"exp": "exp", "negative": "−x", "sigmoid": "σ", "maximum": "max", "minimum": "min", "relu": "ReLU"}


def circuit_of(gates: Gates) -> Circuit | None:
    """Return the gates as a figure; None where there are too many to draw."""
    *_, result = gates.values()
    shown = [gate for gate in gates.values() if gate.op != "constant"]
    boxes = [
        Box(
            gate.key,
            gate.key if gate.op == "input" else _label(gate, gates),
            "input" if gate.op == "input" else "loss" if gate is result else "gate",
            gate.why,
        )
        for gate in shown
    ]
    wires = [
        Wire(key, gate.key, gates[key].value, back)
        for gate in shown
        for key, back in zip(gate.inputs, gate.downstream(), strict=True)
        if gates[key].op != "constant"
    ]
    return Circuit(boxes, wires) if len(boxes) + len(wires) <= MOST_ELEMENTS else None


def _label(gate: Gate, gates: Gates) -> str:
    """Return what is written in a gate: its sign, with a number that is always the same, such as ×0.5."""
    sign = _SIGNS.get(gate.op, gate.op)
    fixed = [gates[key].op == "constant" for key in gate.inputs]
    if len(fixed) != 2 or not any(fixed):
        return sign
    number = short(gates[gate.inputs[fixed.index(True)]].value).replace("-", "−")
    return f"{number} {sign}" if fixed[0] else f"{sign} {number}"


def _gates(gates: Gates) -> Section:
    caption = Text(
        "Above each wire the value that goes forward, below it the gradient that comes back on it",
        "선 위에는 앞으로 가는 값, 선 아래에는 그 선을 따라 되돌아오는 기울기",
    )
    circuit = circuit_of(gates)
    drawn: list[Block] = [] if circuit is None else [Drawing(circuit, caption)]
    return Section("gates", Text("Gates", "게이트"), [*drawn, _table(gates)])


def _table(gates: Gates) -> Table:
    """Return a row for each wire: upstream times local is downstream."""
    rows: list[list[Cell]] = []
    for gate in gates.values():
        for key, local, back in zip(gate.inputs, gate.local, gate.downstream(), strict=True):
            if back is not None and gates[key].op != "constant":
                rows.append([gate.key, _SIGNS.get(gate.op, gate.op), gate.value, key, gates[key].value])
                rows[-1] += [gate.gradient, local, back]
    header = [
        Text("gate", "게이트"),
        Text("operation", "연산"),
        Text("output", "출력"),
        Text("input", "입력"),
        _VALUE,
        Text("upstream", "상류"),
        Text("× local", "× 국소적 미분"),
        Text("= downstream", "= 하류"),
    ]
    caption = Text(
        "upstream · local derivative = downstream, for every wire",
        "모든 선에서 상류 기울기 · 국소적 미분 = 하류 기울기",
    )
    return Table(header, rows, caption, hidden=frozenset({7}))


def _rules(gates: Gates) -> Section:
    """Return the rule of each kind of gate, once; and that branches add up, where there are any."""
    blocks: list[Block] = []
    for op, why in sorted({g.op: g.why for g in gates.values() if g.why is not None}.items()):
        sign = _SIGNS.get(op, op)
        blocks.append(Paragraph(Text(f"{sign}: {why.en}.", f"{sign}: {why.ko}."), "rule"))
    back: dict[str, list[float]] = {}
    for gate in gates.values():
        for key, part in zip(gate.inputs, gate.downstream(), strict=True):
            if part is not None and gates[key].op != "constant":
                back.setdefault(key, []).append(part)
    shared = next((key for key, parts in back.items() if len(parts) > 1), None)
    if shared is not None:
        text = Text(
            "A branch sums: {name} is read {count} times, and its gradient {total} is the sum of what comes back, "
            "{parts}.",
            "갈라진 가지는 더한다: {name:은/는} {count}번 읽히며, 그 기울기 {total:은/는} 되돌아온 것의 합 "
            "{parts}이다.",
        ).fill(
            name=shared,
            count=len(back[shared]),
            total=short(math.fsum(back[shared])),
            parts=_sum(back[shared]),
        )
        blocks.append(Paragraph(text, "rule"))
    return Section("rules", Text("The rule of each gate", "게이트마다의 규칙"), blocks)


def _sum(parts: Sequence[float]) -> str:
    return " + ".join(short(p) if p >= 0 else f"({short(p)})" for p in parts)


# --- one weight ----------------------------------------------------------------------------------------------------


def _of_weight(told: Explanation, name: str) -> Iterator[Section]:
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
    blocks: list[Block] = [Paragraph(text), Table(header, rows, total=True, hidden=frozenset({2}))]
    blocks += [*_downhill(told, why), *_image(told, name)]
    title = Text("Why {name} has its gradient", "{name}의 기울기는 어디서 오는가").fill(name=why.name)
    yield Section(f"why-{why.name}", title, [*blocks, *_shares(why)])


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
    numbers = [s.derivative for s in path.stops if s.derivative != 1.0] or [1.0]
    return " · ".join(short(d) if d >= 0 else f"({short(d)})" for d in numbers)


def _downhill(told: Explanation, why: Why) -> Iterator[Block]:
    """Say which way the number must go for the result to fall."""
    if told.training is None or why.gradient == 0 or not math.isfinite(why.gradient):
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
        others = math.fsum(rows) - math.fsum(rows[order])
        cells.append([Text("the other {n} rows", "나머지 행 {n}개").fill(n=rest), others])
    if why.shares.rounding:
        cells.append([Text("rounding", "반올림"), why.shares.rounding])
    cells.append([Text("the gradient", "기울기"), why.gradient])
    header = [Text("row", "행"), Text("contribution", "몫")]
    yield Table(header, cells, total=True)
