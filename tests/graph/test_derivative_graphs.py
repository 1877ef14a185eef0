"""Graphs of derivatives: differentiate, pullback, pushforward, and graphs for many rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad.engines.numpy import interpret
from glassgrad.errors import DTypeError, OptionError, ShapeError
from glassgrad.graph import batch_graph, differentiate, pullback, pushforward
from glassgrad.graph.types import check_graph
from glassgrad.ir import BATCH, Graph
from random_graphs import assert_same_bits, graphs, values_for

RNG = np.random.default_rng(0)
DRAWN = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=40)


def network(x: Any, w: Any, b: Any) -> Any:
    hidden = gg.tanh(x @ w + b)
    return gg.mean(gg.logsumexp(hidden, axis=1) + gg.softplus(hidden[:, 0]))


def specs(dtype: str = "float64") -> list[gg.Spec]:
    return [gg.Spec(("N", 2), dtype), gg.Spec((2, 3), dtype), gg.Spec((3,), dtype)]


def numbers(n: int = 4, dtype: str = "float64") -> list[np.ndarray]:
    return [np.asarray(RNG.normal(size=s), dtype) for s in ((n, 2), (2, 3), (3,))]


def central(f: Any, args: list[np.ndarray], i: int) -> np.ndarray:
    out = np.zeros_like(args[i])
    for at in np.ndindex(out.shape):
        moved = []
        for step in (1e-6, -1e-6):
            shifted = [a.copy() for a in args]
            shifted[i][at] += step
            moved.append(float(f(shifted)))
        out[at] = (moved[0] - moved[1]) / 2e-6
    return out


def test_gradients_are_the_slopes() -> None:
    graph = gg.trace(network, *specs())
    both = check_graph(differentiate(graph))
    args = numbers()
    loss, *gradients = interpret(both, args)
    assert loss == interpret(graph, args)[0]
    for i, gradient in enumerate(gradients):
        assert gradient.shape == args[i].shape
        np.testing.assert_allclose(
            gradient, central(lambda a: interpret(graph, a)[0], args, i), rtol=1e-6, atol=1e-8
        )


def test_forward_nodes_stay_as_they_are() -> None:
    graph = gg.trace(network, *specs())
    both = differentiate(graph)
    assert both.nodes[: len(graph.nodes)] == graph.nodes
    assert both.inputs == graph.inputs
    assert both.outputs[: len(graph.outputs)] == graph.outputs


def test_wrt_chooses_and_orders() -> None:
    graph = gg.trace(network, *specs())
    every = differentiate(graph)
    some = differentiate(graph, [2, 0])
    args = numbers()
    _, gx, _, gb = interpret(every, args)
    assert_same_bits(interpret(some, args)[1:], [gb, gx])
    assert len(some.nodes) < len(every.nodes)
    names = [graph.inputs[2].name, graph.inputs[0].name]
    assert_same_bits(interpret(differentiate(graph, names), args)[1:], [gb, gx])
    for wrong, hint in ((["nothing"], "has no input 'nothing'"), ([9], "has no input 9: it has")):
        with pytest.raises(OptionError, match=hint):
            differentiate(graph, wrong)


def test_the_second_order_is_a_graph_too() -> None:
    def f(x: Any) -> Any:
        return gg.sum(gg.sin(x) * x * x)

    first = differentiate(gg.trace(f, gg.Spec((3,))))
    squared = Graph(first.inputs, first.nodes, (first.outputs[1],))

    def total(x: Any) -> Any:
        return gg.sum(gg.grad(f)(x) * np.array([1.0, 10.0, 100.0]))

    second = check_graph(differentiate(gg.trace(total, gg.Spec((3,)))))
    x = RNG.normal(size=3)
    expected = (2 * np.sin(x) + 4 * x * np.cos(x) - x**2 * np.sin(x)) * [1.0, 10.0, 100.0]
    np.testing.assert_allclose(interpret(second, [x])[1], expected, rtol=1e-12)
    np.testing.assert_allclose(interpret(squared, [x])[0], 2 * x * np.sin(x) + x**2 * np.cos(x), rtol=1e-12)


def test_values_used_twice_outputs_that_are_inputs_and_constants() -> None:
    x = np.array(3.0)
    for f, expected in (
        (lambda x: x * x + x, 7.0),
        (lambda x: x, 1.0),
        (lambda x: 5.0, 0.0),
        (lambda x: gg.stop_gradient(x) * x, 3.0),
        (lambda x: gg.astype(gg.astype(x, "int64"), "float64") + x, 1.0),
        (lambda x: gg.where(x > 0.0, x * 4.0, gg.log(x)), 4.0),
    ):
        graph = check_graph(differentiate(gg.trace(f, gg.Spec(()))))
        assert interpret(graph, [x])[1] == expected


def test_what_cannot_be_differentiated_is_said() -> None:
    vector = gg.trace(lambda x: x * 2.0, gg.Spec((3,)))
    with pytest.raises(ShapeError, match=r"output 0 .* shape \(3,\)"):
        differentiate(vector)
    whole = gg.trace(lambda x, k: gg.sum(x) * k, gg.Spec((3,)), gg.Spec((), "int64"))
    assert len(differentiate(whole).outputs) == 2
    with pytest.raises(DTypeError, match=r"input 1 .* int64"):
        differentiate(whole, [1])
    with pytest.raises(DTypeError, match="is int64"):
        differentiate(gg.trace(lambda k: gg.sum(k), gg.Spec((3,), "int64")))


def test_a_gradient_has_the_dtype_of_its_input() -> None:
    graph = gg.trace(lambda x, w: gg.sum(x * w), gg.Spec((3,), "float32"), gg.Spec((3,)))
    assert [v.dtype.name for v in differentiate(graph).outputs] == ["float64", "float32", "float64"]


# --- both modes tell the same ---


@DRAWN
@given(graphs(max_steps=15, dtypes=[np.float64]), st.integers(0, 1000))
def test_pullback_is_the_transpose_of_pushforward(graph: Graph, seed: int) -> None:
    rng = np.random.default_rng(seed)
    args = [rng.uniform(0.5, 1.5, a.shape) for a in values_for(graph, seed)]
    flags = (True,) * len(args)
    back, ahead = check_graph(pullback(graph, flags)), check_graph(pushforward(graph, flags))
    tangents = [rng.normal(size=a.shape) for a in args]
    cotangents = [np.asarray(rng.normal(size=v.shape), v.dtype) for v in graph.outputs]
    pushed, pulled = interpret(ahead, [*args, *tangents]), interpret(back, [*args, *cotangents])
    terms = [c * p for c, p, v in zip(cotangents, pushed, graph.outputs, strict=True) if v.dtype.kind == "f"]
    left, right = (
        sum(float(np.sum(t)) for t in terms),
        sum(float(np.sum(p * t)) for p, t in zip(pulled, tangents, strict=True)),
    )
    if np.isfinite([left, right]).all():
        size = sum(float(np.sum(np.abs(t))) for t in terms) + sum(
            float(np.sum(np.abs(p * t))) for p, t in zip(pulled, tangents, strict=True)
        )
        assert abs(left - right) <= 1e-9 * size + 1e-12


@DRAWN
@given(graphs(max_steps=12), st.integers(0, 1000), st.data())
def test_a_batched_graph_is_the_graph_row_by_row(graph: Graph, seed: int, data: Any) -> None:
    flags = tuple(data.draw(st.lists(st.booleans(), min_size=len(graph.inputs), max_size=len(graph.inputs))))
    rows = 3
    batched = check_graph(batch_graph(graph, flags, rows))
    rng = np.random.default_rng(seed)
    single = values_for(graph, seed)
    args = [
        np.asarray(rng.normal(size=(rows, *a.shape)), a.dtype) if b else a
        for a, b in zip(single, flags, strict=True)
    ]
    together = interpret(batched, args)
    for i in range(rows):
        alone = interpret(graph, [a[i] if b else a for a, b in zip(args, flags, strict=True)])
        for found, expected in zip(together, alone, strict=True):
            assert found.shape == (rows, *expected.shape)
            assert found.dtype == expected.dtype
            scale = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
            tolerance = 2e-3 if expected.dtype == np.float32 else 1e-8
            np.testing.assert_allclose(found[i], expected, rtol=tolerance, atol=tolerance * scale)


def test_gradients_for_every_row() -> None:
    def loss(w: Any, x: Any) -> Any:
        return gg.sum(gg.tanh(x @ w) ** 2)

    one = differentiate(gg.trace(loss, gg.Spec((2, 3)), gg.Spec((2,))), [0])
    each = check_graph(batch_graph(one, (False, True), BATCH))
    w, x = RNG.normal(size=(2, 3)), RNG.normal(size=(5, 2))
    _, gradients = interpret(each, [w, x])
    assert gradients.shape == (5, 2, 3)
    for row, gradient in zip(x, gradients, strict=True):
        np.testing.assert_allclose(gradient, interpret(one, [w, row])[1], rtol=1e-12)


def test_derived_graphs_are_made_once_and_die_with_their_graph() -> None:
    import gc
    import weakref

    graph = gg.trace(lambda x: gg.sin(x), gg.Spec((2,)))
    assert pullback(graph, (True,)) is pullback(graph, (True,))
    assert pushforward(graph, (True,)) is not pullback(graph, (True,))
    dead = weakref.ref(graph)
    del graph
    gc.collect()
    assert dead() is None
