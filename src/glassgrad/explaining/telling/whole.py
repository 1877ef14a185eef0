"""The whole: what is explained, the network, its layers, and its operations where gates are too many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.explaining.document import Block, Cell, Drawing, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import Matrices, Matrix
from glassgrad.explaining.exact import exact_sum
from glassgrad.explaining.linearise import UNSEEN, unseen
from glassgrad.explaining.zoom import layers_of, operations_of
from glassgrad.ir import Constant, inexact
from glassgrad.language import Text, short
from glassgrad.ops import lookup

if TYPE_CHECKING:
    from glassgrad.explaining.explanation import Explanation


__all__ = ["layers", "network", "operations", "summary"]

Array = np.ndarray[Any, Any]


_ADDENDS = 8
"""Rows and outputs whose part in the loss is told apart."""

_LINEAR = UNSEEN | {"sum", "mean", "multiply", "divide"}
"""Operations through which a sum stays one, where only one of their inputs is no constant."""


def summary(told: Explanation) -> Section:
    """Return what is explained."""
    names = told.names
    text = Text(
        "{name} is {number}. Every number below is one of this run, in its own precision; gradients say how much "
        "{name} answers when a number moves by a little.",
        "{name:은/는} {number}이다. 아래의 모든 수는 이 실행의 것이며 그 정밀도 그대로이다. 기울기는 어떤 수가 "
        "조금 움직일 때 {name:이/가} 얼마나 따라 움직이는지를 말한다.",
    ).fill(name=names[told.played.result], number=short(told.result))
    return Section("result", Text("Result", "결과"), [Paragraph(text), *_addends(told)])


def _addends(told: Explanation) -> Iterator[Block]:
    """Yield what the result is the sum of, where it is a sum: a loss of its rows and outputs."""
    played = told.played
    makers = played.graph.producers()
    value = played.result
    while value in makers and makers[value].op in _LINEAR:
        moving = [v for v in makers[value].inputs if not isinstance(v, Constant)]
        if len(moving) != 1:
            return
        value = moving[0]
    if value.dtype.kind != "f":
        return
    parts = (played.values[value].astype(np.float64) * played.gradient(value)).reshape(-1)
    if len(parts) < 2 or abs(exact_sum(parts) - told.result) > 1e-6 * np.abs(parts).sum():
        return
    order = np.argsort(-np.abs(parts), kind="stable")[:_ADDENDS]
    rows: list[list[Cell]] = [[told.names.element(value, int(i)), float(parts[i])] for i in np.sort(order)]
    if len(order) < len(parts):
        others = exact_sum([*parts, *(-parts[order])])
        rows.append([Text("the other {n}", "나머지 {n}개").fill(n=len(parts) - len(order)), others])
    rows.append([told.names[played.result], told.result])
    caption = Text("What {name} is the sum of", "{name:을/를} 이루는 것").fill(name=told.names[played.result])
    header = [Text("from", "어디서"), Text("adds", "더하는 값")]
    yield Table(header, rows, caption, total=True, hidden=frozenset({1}))


def network(told: Explanation) -> Iterator[Section]:
    """Yield the layers and how they follow each other, where there are some."""
    circuit = layers_of(told) if any(node.scope for node in told.played.graph.nodes) else None
    if circuit is not None:
        caption = Text(
            "The layers: above each wire the shape of what goes forward, below it the size of its gradient",
            "층: 선 위에는 앞으로 가는 값의 형상, 선 아래에는 그 기울기의 크기",
        )
        yield Section("network", Text("Network", "신경망"), [Drawing(circuit, caption)])


def layers(told: Explanation) -> Iterator[Section]:
    """Yield a row for each array of weights: its size, that of its gradient, and the ratio of update to weight."""
    if not any(told.played.values[v].size > 1 for v in told.weights):
        return
    rate = None if told.taken is None else told.taken.rate
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
    return float(np.linalg.norm(array.astype(np.result_type(array, np.float64)).reshape(-1)))


def operations(told: Explanation, reason: Text | None = None) -> Section:
    """Return the operations with the sizes of what they make, where single gates are not told: by default too many."""
    rows: list[list[Cell]] = []
    for node in told.played.graph.nodes:
        value = node.outputs[0]
        if unseen(node) or not inexact(value.dtype):
            continue
        size, slope = _norm(told.played.values[value]), _norm(told.played.gradient(value))
        rows.append(
            [told.names[value], lookup(node.op).name, " × ".join(map(str, value.shape)) or "1", size, slope]
        )
    header = [
        Text("name", "이름"),
        Text("operation", "연산"),
        Text("shape", "형상"),
        Text("‖value‖", "‖값‖"),
        Text("‖gradient‖", "‖기울기‖"),
    ]
    note = Text(
        "There are too many single gates to draw; one weight at a time can be followed below.",
        "게이트가 너무 많아 하나씩 그릴 수 없다. 아래에서 가중치 하나씩을 따라갈 수 있다.",
    )
    if reason is not None:
        note = Text(
            "Single gates are not told apart: {reason}. Values and gradients are those of the run all the same.",
            "게이트를 하나씩 가릴 수는 없다: {reason}. 값과 기울기는 그래도 이 실행의 것이다.",
        ).fill(reason=reason)
    circuit = operations_of(told)
    caption = Text(
        "The operations: above each wire a shape, below it the size of the gradient",
        "연산: 선 위에는 형상, 선 아래에는 기울기의 크기",
    )
    drawn: list[Block] = [] if circuit is None else [Drawing(circuit, caption)]
    return Section("operations", Text("Operations", "연산"), [Paragraph(note), *drawn, Table(header, rows)])
