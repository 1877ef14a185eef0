"""A node knows the user's own file and line, its scope, and, if it goes backward, what caused it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import glassgrad as gg
from glassgrad.graph import differentiate
from glassgrad.graph.passes import lower, simplify, specialise
from glassgrad.graph.types import check_graph
from glassgrad.ir import Graph, Node, current_scope


def model(x: Any, w: Any) -> Any:
    with gg.scope("first"), gg.scope("linear"):
        hidden = x @ w
    with gg.scope("gate"):
        hidden = gg.softplus(hidden * 1.0) + gg.sigmoid(hidden * 1.0)
    return gg.sum(gg.std(hidden, axis=1))


FIRST = model.__code__.co_firstlineno


def traced() -> Graph:
    return differentiate(gg.trace(model, gg.Spec(("N", 2)), gg.Spec((2, 3))))


def by_op(graph: Graph, op: str) -> Node:
    return next(node for node in graph.nodes if node.op == op)


def test_the_users_line_and_scope() -> None:
    graph = gg.trace(model, gg.Spec(("N", 2)), gg.Spec((2, 3)))
    for op, line, scope in (
        ("matmul", 2, "first/linear"),
        ("softplus", 4, "gate"),
        ("std", 5, ""),
        ("sum", 5, ""),
    ):
        node = by_op(graph, op)
        assert node.source is not None
        assert (Path(node.source.file), node.source.line) == (Path(__file__), FIRST + line)
        assert node.source.function == "model"
        assert str(node.source) == f"{node.source.file}:{FIRST + line}"
        assert node.scope == scope


def test_lines_of_methods_transforms_and_bodies_are_the_users() -> None:
    def body(carry: Any, row: Any) -> Any:
        return carry * row, carry.sum()

    def f(x: Any) -> Any:
        last, sums = gg.scan(body, x, x)
        return last.mean() + sums.sum() + gg.grad(lambda t: (t * t).sum())(x).max()

    graph = gg.trace(f, gg.Spec((3,)))
    inner = by_op(graph, "scan").subgraphs["body"]
    for node in (*graph.nodes, *inner.nodes):
        assert node.source is not None
        assert Path(node.source.file) == Path(__file__), node
    assert {node.source.line for node in inner.nodes if node.source} == {body.__code__.co_firstlineno + 1}


def test_backward_nodes_have_their_cause() -> None:
    graph = traced()
    forward = len(gg.trace(model, gg.Spec(("N", 2)), gg.Spec((2, 3))).nodes)
    assert all(node.cause is None for node in graph.nodes[:forward])
    backward = graph.nodes[forward:]
    assert all(node.cause in graph.nodes[:forward] for node in backward)
    assert {node.cause.op for node in backward if node.cause} >= {
        "matmul",
        "softplus",
        "sigmoid",
        "std",
        "sum",
    }
    product = next(n for n in backward if n.op == "matmul")
    assert product.cause is by_op(graph, "matmul")
    assert product.cause.scope == "first/linear"


PASSES = {
    "simplify": simplify,
    "specialise": lambda g: specialise(g, 4),
    "lower": lambda g: lower(g, lambda name: False),
    "all": lambda g: simplify(lower(specialise(simplify(g), 4), lambda name: name == "sigmoid")),
}


@pytest.mark.parametrize("name", PASSES)
def test_origins_survive_every_pass(name: str) -> None:
    before = traced()
    after = check_graph(PASSES[name](before))
    lines = {FIRST + 2, FIRST + 4, FIRST + 5}
    forward = [node for node in after.nodes if node.cause is None]
    assert forward
    assert {node.source.line for node in forward if node.source} == lines
    assert by_op(after, "matmul").scope == "first/linear"
    backward = [node for node in after.nodes if node.cause is not None]
    assert backward
    causes = {node.cause for node in backward}
    assert {cause.source.line for cause in causes if cause and cause.source} == lines
    kept = [node for node in before.nodes if node.cause is None and node.op in {n.op for n in forward}]
    for op in {node.op for node in kept} & {"matmul", "sigmoid"}:  # no pass takes these away
        if any(cause is not None and cause.op == op for cause in causes):
            assert by_op(after, op) in causes, op


def test_a_lowered_node_says_what_it_is_part_of() -> None:
    graph = lower(gg.trace(model, gg.Spec(("N", 2)), gg.Spec((2, 3))), lambda name: False)
    assert by_op(graph, "log1p").scope == "gate/softplus"


def test_scope_ends_with_the_block_even_after_an_error() -> None:
    def fails() -> None:
        with gg.scope("outer"):
            raise ZeroDivisionError(current_scope())

    with pytest.raises(ZeroDivisionError, match="outer"):
        fails()
    assert current_scope() == ""


def test_a_script_is_the_user_too(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import glassgrad as gg\nf = lambda x: (\n    x * 2.0)\nprint(gg.trace(f, gg.Spec((2,))).nodes[0].source)\n"
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == f"{script}:3"
