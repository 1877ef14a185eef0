"""The gates: the drawing, a row for each wire, and the rule of each kind of gate."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.explaining.document import Block, Cell, Drawing, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import MOST_ELEMENTS, Box, Circuit, Wire
from glassgrad.explaining.exact import exact_sum
from glassgrad.explaining.scalars import Gate, Gates
from glassgrad.language import Text, short

if TYPE_CHECKING:
    from glassgrad.explaining.explanation import Explanation

__all__ = ["circuit_of", "gates_section", "rules_section"]

Array = np.ndarray[Any, Any]

_VALUE = Text("value", "값")

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


def circuit_of(gates: Gates, weights: Container[str] = ()) -> Circuit | None:
    """Return the gates as a figure that ends in the result; None where there are too many to draw.

    Parameters
    ----------
    gates
        The gates.
    weights
        Names of arrays that are trained, such as ``"0.weight"``, to tell them from other inputs.
    """
    *_, result = gates.values()
    shown = [gate for gate in gates.values() if gate.op != "constant"]
    boxes = [
        Box(
            gate.key,
            gate.key if gate.op == "input" else _label(gate, gates),
            "gate" if gate.op != "input" else "parameter" if gate.key.split("[")[0] in weights else "input",
            gate.why,
        )
        for gate in shown
    ]
    boxes.append(Box(f"{result.key}=", result.key, "loss"))
    wires = [
        Wire(key, gate.key, gates[key].value, back)
        for gate in shown
        for key, back in zip(gate.inputs, gate.downstream(), strict=True)
        if gates[key].op != "constant"
    ]
    wires.append(Wire(result.key, f"{result.key}=", result.value, result.gradient))
    return Circuit(boxes, wires) if len(boxes) + len(wires) <= MOST_ELEMENTS else None


def _label(gate: Gate, gates: Gates) -> str:
    """Return what is written in a gate: its sign, with a number that is always the same, such as ×0.5."""
    sign = _SIGNS.get(gate.op, gate.op)
    fixed = [gates[key].op == "constant" for key in gate.inputs]
    if len(fixed) != 2 or not any(fixed):
        return sign
    number = short(gates[gate.inputs[fixed.index(True)]].value)
    return f"{number} {sign}" if fixed[0] else f"{sign} {number}"


def gates_section(told: Explanation, gates: Gates) -> Section:
    """Return the drawing of the gates, and a row for each wire."""
    caption = Text(
        "Above each wire the value that goes forward, below it the gradient that comes back on it",
        "선 위에는 앞으로 가는 값, 선 아래에는 그 선을 따라 되돌아오는 기울기",
    )
    trained = told.weights if told.taken is not None else ()
    circuit = circuit_of(gates, {told.names[v] for v in trained})
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


def rules_section(gates: Gates) -> Section:
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
            total=short(exact_sum(back[shared])),
            parts=_sum(back[shared]),
        )
        blocks.append(Paragraph(text, "rule"))
    return Section("rules", Text("The rule of each gate", "게이트마다의 규칙"), blocks)


def _sum(parts: Sequence[float]) -> str:
    return " + ".join(short(p) if p >= 0 else f"({short(p)})" for p in parts)
