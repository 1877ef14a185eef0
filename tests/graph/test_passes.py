"""Passes give the same numbers to the last bit, and do what they say."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad.engines.numpy import interpret
from glassgrad.engines.numpy.program import _in_place, _views, _writes
from glassgrad.graph import differentiate
from glassgrad.graph.passes import lower, plan_memory, simplify, specialise
from glassgrad.graph.passes.memory import ALIGNMENT
from glassgrad.graph.types import check_graph
from glassgrad.ir import Graph, Value
from glassgrad.ops import lookup
from random_graphs import BINARY, UNARY, assert_same_bits, graphs, values_for

DRAWN = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=50)
X = gg.Spec((2, 3))


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def without_kernel(name: str) -> bool:
    return lookup(name).numpy is not None


# --- the same numbers ---


@DRAWN
@given(graphs(), st.integers(0, 1000))
def test_passes_keep_every_bit(graph: Graph, seed: int) -> None:
    inputs = values_for(graph, seed)
    expected = interpret(graph, inputs)
    for name, after in {
        "simplify": simplify(graph),
        "twice": simplify(simplify(graph)),
        "lower": lower(graph, without_kernel),
        "both": simplify(lower(graph, without_kernel)),
    }.items():
        assert_same_bits(interpret(check_graph(after), inputs), expected, name)


@DRAWN
@given(graphs(loss=True, symbolic=True, max_steps=15), st.integers(0, 1000), st.integers(1, 4))
def test_passes_keep_every_bit_of_gradients(graph: Graph, seed: int, n: int) -> None:
    both = differentiate(graph)
    inputs = values_for(graph, seed, n)
    fixed = check_graph(specialise(both, n))
    assert all(isinstance(d, int) for node in fixed.nodes for v in node.outputs for d in v.shape)
    expected = interpret(both, inputs)
    assert_same_bits(interpret(fixed, inputs), expected)
    assert_same_bits(interpret(check_graph(simplify(fixed)), inputs), expected)
    assert_same_bits(interpret(check_graph(lower(simplify(both), without_kernel)), inputs), expected)


@DRAWN
@given(graphs())
def test_simplify_never_adds_and_is_done_after_few_rounds(graph: Graph) -> None:
    once = simplify(graph)
    assert len(once.nodes) <= len(graph.nodes)
    assert once.inputs == graph.inputs
    assert [(v.shape, v.dtype) for v in once.outputs] == [(v.shape, v.dtype) for v in graph.outputs]


# --- simplify ---


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (lambda x: gg.sin(x) * gg.sin(x), ["sin", "multiply"]),
        (lambda x: gg.sum(x, axis=1) + gg.sum(x, axis=-1), ["sum", "add"]),
        (lambda x: x * 1.0 + 1.0 * x, ["add"]),
        (lambda x: x / 1.0, []),
        (lambda x: gg.negative(gg.negative(x)), []),
        (lambda x: (gg.sin(x), gg.cos(x))[0], ["sin"]),
        (lambda x: gg.reshape(gg.reshape(x, (6,)), (2, 3)), []),
        (lambda x: gg.reshape(gg.reshape(x, (6,)), (3, 2)), ["reshape"]),
        (lambda x: gg.permute_dims(gg.permute_dims(x, (1, 0)), (1, 0)), []),
        (lambda x: gg.astype(x, "float64"), []),
        (lambda x: x[:][..., :3][::-1], ["getitem"]),
        (lambda x: gg.sum(x, axis=()), []),
        (lambda x: x + gg.broadcast_to(gg.sum(x, axis=0), (2, 3)), ["sum", "add"]),
        (lambda x: x * (gg.exp(gg.asarray(0.0)) + 1.0), ["multiply"]),
        (lambda x: x + np.ones((2, 3)) * 2.0 + np.ones((2, 3)) * 2.0, ["add", "add"]),
    ],
)
def test_simplify_leaves_out(f: Any, left: list[str]) -> None:
    graph = gg.trace(f, X)
    after = check_graph(simplify(graph))
    assert ops(after) == left
    x = np.random.default_rng(0).normal(size=(2, 3))
    assert_same_bits(interpret(after, [x]), interpret(graph, [x]))


@pytest.mark.parametrize(
    ("f", "values"),
    [
        (lambda x: (1.0 / gg.maximum(x, 0.0), 1.0 / gg.maximum(x, -0.0)), [-1.0, 0.0]),
        (
            lambda x: (gg.maximum(gg.astype(x, "int64"), 1), gg.maximum(gg.astype(x, "int64"), 1.0)),
            [0.0, 5.0],
        ),
        (lambda x: (x * 4.0) * 0.25, [1e308, 1.0]),
        (lambda x: (x * 0.5) * 2.0, [5e-324, 1.0]),
        (lambda x: x + 0.0, [-0.0, 1.0]),
        (lambda x: (x + 1e16) - 1e16, [1.0, 2.0]),
        (lambda x: x * 0.0, [np.inf, 1.0]),
        (lambda x: x / x, [0.0, 2.0]),
        (lambda x: gg.sum(gg.reshape(x, (1, 2)), axis=0), [-0.0, 1.0]),
    ],
)
def test_simplify_keeps_what_only_seems_the_same(f: Any, values: list[float]) -> None:
    graph = gg.trace(f, gg.Spec((2,)))
    assert_same_bits(interpret(simplify(graph), [values]), interpret(graph, [values]))


def test_simplify_keeps_the_gradient_stopped() -> None:
    graph = simplify(gg.trace(lambda x: gg.sum(gg.stop_gradient(x) * x), gg.Spec((2,))))
    assert interpret(differentiate(graph), [[1.0, 2.0]])[1].tolist() == [1.0, 2.0]


def test_gradients_of_a_simplified_graph_are_the_same() -> None:
    def f(x: Any) -> Any:
        return gg.mean(gg.tanh(x @ gg.transpose(x)) * 1.0 + gg.sum(gg.negative(gg.negative(x))))

    graph = gg.trace(f, X)
    x = np.random.default_rng(1).normal(size=(2, 3))
    expected = interpret(differentiate(graph), [x])[1]
    np.testing.assert_allclose(interpret(differentiate(simplify(graph)), [x])[1], expected, rtol=1e-14)


# --- lower, specialise ---


def test_lower_opens_composites_without_a_kernel() -> None:
    graph = gg.trace(lambda x: gg.silu(gg.softplus(x)), X)
    after = check_graph(lower(graph, without_kernel))
    assert {"silu", "softplus"}.isdisjoint(ops(after))
    assert "log1p" in ops(after)
    everything = check_graph(lower(graph, lambda _: False))
    assert not any(lookup(op).composite for op in ops(everything))


def test_lower_reuses_inside_graphs_without_mixing_them_up() -> None:
    graph = gg.trace(lambda x: gg.softplus(x) + gg.softplus(gg.softplus(x)), X)
    x = np.random.default_rng(0).normal(size=(2, 3))
    assert_same_bits(interpret(check_graph(lower(graph, without_kernel)), [x]), interpret(graph, [x]))


def test_specialise_puts_the_number_everywhere() -> None:
    def f(x: Any) -> Any:
        rows, _ = gg.scan(lambda c, k: (c + x * k, c), gg.zeros_like(x), np.arange(2.0))
        return gg.mean(gg.reshape(rows, (-1,))) + gg.sum(gg.broadcast_to(gg.mean(x, axis=0), x.shape))

    graph = gg.trace(f, gg.Spec(("N", 3)))
    fixed = check_graph(specialise(graph, 4))

    def open_ends(g: Graph) -> list[object]:
        inner = [part for node in g.nodes for sub in node.subgraphs.values() for part in open_ends(sub)]
        shapes = [v.shape for v in (*g.inputs, *g.outputs, *(o for node in g.nodes for o in node.outputs))]
        return [d for s in shapes for d in s if not isinstance(d, int)] + inner

    assert open_ends(graph)
    assert not open_ends(fixed)
    assert "N" not in str(fixed)
    assert specialise(graph, 4) is fixed
    assert specialise(fixed, 7) is fixed


# --- memory ---


def live_spans(graph: Graph) -> dict[Value, tuple[int, int]]:
    """Return when each value is made and last looked at, through views of views, worked out the slow way."""
    made = {v: i for i, node in enumerate(graph.nodes) for v in node.outputs}
    looks_at = {v: {v} for v in (*graph.inputs, *made)}
    for node in graph.nodes:
        if _views(node):
            looks_at[node.outputs[0]] |= looks_at.get(node.inputs[0], set())
    ends = dict(made)
    for i, node in enumerate(graph.nodes):
        for v in node.inputs:
            for seen in looks_at.get(v, ()):
                if seen in made:
                    ends[seen] = max(ends[seen], i)
    for v in graph.outputs:
        for seen in looks_at.get(v, ()):
            if seen in made:
                ends[seen] = len(graph.nodes)
    return {v: (made[v], ends[v]) for v in made}


@DRAWN
@given(st.one_of(graphs(max_steps=60), graphs(loss=True, max_steps=20).map(differentiate)))
def test_no_two_live_values_share_memory(graph: Graph) -> None:
    graph = simplify(lower(graph, without_kernel))
    plan = plan_memory(graph, _writes, _views, _in_place)
    spans = live_spans(graph)
    makers = graph.producers()
    places = []
    for value, offset in plan.offsets.items():
        size = int(np.prod(value.shape)) * value.dtype.itemsize
        assert offset % ALIGNMENT == 0
        assert offset >= 0
        assert offset + size <= plan.size
        assert value not in graph.outputs
        places.append((value, offset, offset + size, *spans[value]))
    for i, (a, a_from, a_to, a_made, a_end) in enumerate(places):
        for b, b_from, b_to, b_made, b_end in places[:i]:
            if a_from >= b_to or b_from >= a_to or a_from == a_to or b_from == b_to:
                continue
            first, second = (b, a) if b_made < a_made else (a, b)
            end, start = min((b_made, b_end), (a_made, a_end))[1], max(a_made, b_made)
            handed_on = end == start and first in makers[second].inputs and _in_place(makers[second])
            assert end < start or handed_on, f"{first} (until {end}) and {second} (from {start}) overlap"


def test_memory_is_used_again() -> None:
    def chain(x: Any) -> Any:
        for _ in range(50):
            x = gg.sin(x) @ np.ones((16, 16))
        return gg.sum(x)

    graph = gg.trace(chain, gg.Spec((16, 16)))
    plan = plan_memory(graph, _writes, _views, _in_place)
    assert plan.size <= 3 * 16 * 16 * 8


def test_memory_of_a_long_graph_is_planned_quickly() -> None:
    def chain(x: Any) -> Any:
        for _ in range(5000):
            x = gg.sin(x) * 1.01
        return x

    graph = simplify(differentiate(gg.trace(chain, gg.Spec(()))))
    start = time.perf_counter()
    plan_memory(graph, _writes, _views, _in_place)
    assert time.perf_counter() - start < 5  # quadratic work takes minutes


def test_symbolic_graphs_have_no_plan() -> None:
    with pytest.raises(AssertionError, match="static"):
        plan_memory(gg.trace(lambda x: gg.sum(x * x), gg.Spec(("N",))), _writes, _views, _in_place)


def test_the_operations_of_random_graphs_are_many() -> None:
    assert len(UNARY) > 25
    assert len(BINARY) > 8
    assert Counter(UNARY).most_common(1)[0][1] == 1
