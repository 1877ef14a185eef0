"""Graphs as text that a person can read, and that stays the same."""

from __future__ import annotations

from typing import Any

import numpy as np

import glassgrad as gg
from glassgrad.graph import differentiate


def loss(x: Any, w: Any, b: Any) -> Any:
    with gg.scope("layer1"):
        z = gg.tanh(x @ w + b)
    return gg.mean(z * 0.5)


LINE = loss.__code__.co_firstlineno
GRAPH = gg.trace(loss, gg.Spec(("N", 2)), gg.Spec((2, 3)), gg.Spec((3,)))


def test_a_small_graph() -> None:
    here = "test_printer.py"
    assert str(GRAPH).splitlines() == [
        "loss(x: float64[N, 2], w: float64[2, 3], b: float64[3])",
        f"  %0: float64[N, 3] = matmul(x, w)                       # layer1  {here}:{LINE + 2}",
        f"  %1: float64[N, 3] = add(%0, b)                         # layer1  {here}:{LINE + 2}",
        f"  %2: float64[N, 3] = tanh(%1)                           # layer1  {here}:{LINE + 2}",
        f"  %3: float64[N, 3] = multiply(%2, 0.5)                  # {here}:{LINE + 3}",
        f"  %4: float64[] = mean(%3, axis=(0, 1), keepdims=False)  # {here}:{LINE + 3}",
        "  return %4",
    ]


def test_the_same_graph_prints_the_same() -> None:
    again = gg.trace(loss, gg.Spec(("N", 2)), gg.Spec((2, 3)), gg.Spec((3,)))
    assert str(again) == str(GRAPH)
    assert repr(GRAPH) == "Graph(loss: 3 inputs, 5 nodes, 1 outputs)"


def test_backward_nodes_name_their_cause() -> None:
    lines = str(differentiate(GRAPH)).splitlines()
    assert any("= matmul(" in line and "← %0 matmul" in line for line in lines)
    assert lines[-1].count(",") == 3


def test_names_are_distinct_and_constants_are_shown() -> None:
    graph = gg.trace(lambda x, y: (x + np.arange(3.0), y * 2.0), gg.Spec((3,)), gg.Spec((3,)))
    graph.inputs[1].name = "x"
    text = str(graph)
    assert "(x: float64[3], x_2: float64[3])" in text
    assert ": float64[3] = constant" in text
    assert "multiply(x_2, 2.0)" in text


def test_subgraphs_are_printed_on_request() -> None:
    graph = gg.trace(gg.softplus, gg.Spec((3,)), name="soft")
    assert "lowering" not in str(graph)
    text = gg.format_graph(graph, subgraphs=True)
    assert "softplus.lowering(x0: float64[3])" in text
    assert "log1p(" in text


def test_arrays_among_the_settings_are_short() -> None:
    graph = gg.trace(lambda x: x[np.array([0, 2, 0])], gg.Spec((3, 4)))
    assert max(len(line) for line in str(graph).splitlines()) < 130
