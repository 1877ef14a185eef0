"""Every rule of a well-formed graph, broken on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import GraphError
from glassgrad.graph.types import check_graph
from glassgrad.ir import BATCH, Constant, Graph, Node, Value, verify

F64 = np.dtype(np.float64)


def value(*shape: Any, dtype: Any = F64, name: str | None = None) -> Value:
    return Value(shape, dtype, name)


def double(x: Value, **changes: Any) -> Node:
    settings = {"outputs": (Value(x.shape, x.dtype),), "attrs": {}, **changes}
    return Node("negative", (x,), **settings)


def test_a_good_graph_is_returned() -> None:
    x = value(BATCH, 3)
    node = double(x)
    graph = Graph((x,), (node,), (node.outputs[0], x, Constant(np.ones(2))))
    assert check_graph(graph) is graph


def broken_graphs() -> dict[str, tuple[Graph, str]]:
    x, y = value(2, name="x"), value(2, name="y")
    node = double(x)
    after = double(node.outputs[0])
    twice = Node("negative", (x,), node.outputs)
    causes = double(x)
    early = double(x, cause=causes)
    inner = Graph((x,), (double(y),), (x,))
    owner = Node("cond", (x,), (value(2),), {}, {"true": inner})
    return {
        "an input twice": (Graph((x, x), (), (x,)), "listed twice"),
        "a value made twice": (Graph((x,), (node, twice), (x,)), r"node 1 \(negative\) makes .*made before"),
        "an input made again": (Graph((x,), (Node("negative", (x,), (x,)),), (x,)), "made before"),
        "a value made later": (Graph((x,), (after, node), (x,)), r"node 0 \(negative\) reads .*made later"),
        "a value from elsewhere": (Graph((x,), (double(y),), (x,)), r"reads Value\(y.*elsewhere"),
        "an output never made": (Graph((x,), (), (y,)), r"returns Value\(y"),
        "a negative size": (Graph((value(-1),), (), ()), r"shape \(-1,\)"),
        "a shape that is a list": (Graph((Value([2], F64),), (), ()), r"shape \[2\]"),  # type: ignore[arg-type]
        "a dtype that is a name": (Graph((Value((2,), "float64"),), (), ()), "not a NumPy dtype"),  # type: ignore[arg-type]
        "a cause that comes later": (
            Graph((x,), (early, causes), (x,)),
            r"node 0 \(negative\) comes before its cause",
        ),
        "a subgraph that captures": (Graph((x,), (owner,), (x,)), r"node 0 \(negative\) reads Value\(y"),
    }


@pytest.mark.parametrize("case", broken_graphs())
def test_a_broken_rule_is_named(case: str) -> None:
    graph, message = broken_graphs()[case]
    with pytest.raises(GraphError, match=message):
        verify(graph)


@pytest.mark.parametrize(
    "output", [value(3), value(2, dtype=np.dtype(np.float32)), value(), value(BATCH)], ids=str
)
def test_types_are_those_of_the_rule(output: Value) -> None:
    x = value(2)
    graph = Graph((x,), (double(x, outputs=(output,)),), (x,))
    verify(graph)  # without the records nobody can tell
    with pytest.raises(GraphError, match="its rule gives"):
        check_graph(graph)


def test_types_are_checked_inside_subgraphs() -> None:
    graph = gg.trace(lambda x: gg.softplus(x), gg.Spec((2,)))
    (node,) = graph.nodes
    inner = node.subgraphs["lowering"]
    wrong = Graph(inner.inputs, inner.nodes, (value(2),), "lowering")
    bad = Node(node.op, node.inputs, node.outputs, node.attrs, {"lowering": wrong})
    with pytest.raises(GraphError, match="lowering returns"):
        check_graph(Graph(graph.inputs, (bad,), graph.outputs))


def test_a_cause_outside_the_graph_is_allowed() -> None:
    x = value(2)
    node = double(x, cause=double(x))
    verify(Graph((x,), (node,), node.outputs))


def test_constants_are_read_only_copies_in_row_major_order() -> None:
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    constant = Constant(array)
    array[0, 0] = 100.0
    assert constant.array[0, 0] == 0.0
    assert constant.array.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        constant.array[0, 0] = 1.0
