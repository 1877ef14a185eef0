"""Graphs on expressions: every record that SymPy can say computes, and has the derivative of, what ran on numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sympy")

import sympy as sp

import glassgrad as gg
from glassgrad.errors import GraphError
from glassgrad.explaining.derivation.formulas import Largest, Sigmoid, Smallest, number, opened
from glassgrad.explaining.derivation.scalarised import symbolic_answer
from glassgrad.explaining.derivation.symbolic import exact, expressions, operations
from glassgrad.explaining.replay import replay
from glassgrad.graph import Builder
from glassgrad.ir import Graph
from glassgrad.ops import REGISTRY, Sample

WITHOUT_FORMULA = {
    *("scan", "cond", "linear_recurrence", "random_uniform"),  # loops, choices, chance
    *("argmax", "argmin", "any", "all", "isnan", "isfinite", "isinf"),  # positions and truth values
    "index_add",
}
FLAT = {
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "one_hot",
    "arange",
    "dimension",
}
FLAT |= {name for name in REGISTRY if name.startswith("logical_")}
CASES = [
    pytest.param(name, sample, id=f"{name}-{k}")
    for name, op in REGISTRY.items()
    for k, sample in enumerate(op.samples)
    if name not in WITHOUT_FORMULA | FLAT
]


def scalar_graph(name: str, sample: Sample, seed: int) -> tuple[Graph, list[np.ndarray[Any, Any]]]:
    """Return a graph of one operation whose result is weighted and added up, and inputs for it."""
    rng = np.random.default_rng(seed)
    arrays = [
        x if isinstance(x, np.ndarray) else rng.uniform(sample.low, sample.high, x) for x in sample.inputs
    ]
    builder = Builder(name)
    given = [builder.input(a.shape, a.dtype, f"x{i}") for i, a in enumerate(arrays)]
    with builder.active():
        call = REGISTRY[name].call
        made = (
            call(builder, given, **sample.kwargs)
            if name == "concat"
            else call(builder, *given, **sample.kwargs)
        )
        weights = rng.uniform(0.5, 1.5, tuple(made.shape))
        graph = builder.finish([builder.sum(builder.multiply(made, weights))])
    return graph, arrays


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_values_and_derivatives_are_those_of_the_record(name: str, sample: Sample) -> None:
    graph, arrays = scalar_graph(name, sample, seed=3)
    played = replay(graph, arrays)
    numbers = [
        np.array([exact(float(x)) for x in a.flat], object).reshape(a.shape) if a.dtype.kind == "f" else a
        for a in arrays
    ]
    found = sp.sympify(np.asarray(expressions(played.graph, numbers)[played.result], object).item())
    assert number(found, {}) == pytest.approx(float(played.values[played.result]), rel=1e-12, abs=1e-12)
    rng = np.random.default_rng(4)
    for place, value in enumerate(played.graph.inputs):
        if value.dtype.kind != "f":
            continue
        index = tuple(int(rng.integers(d)) for d in arrays[place].shape)
        expected = float(played.gradient(value)[index])
        assert symbolic_answer(played, place, index) == pytest.approx(expected, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("name", ["argmax", "linear_recurrence", "any", "isnan", "index_add"])
def test_what_has_no_formula_is_named(name: str) -> None:
    op = REGISTRY[name]
    sample = op.samples[0]
    shapes = [np.shape(x) if isinstance(x, np.ndarray) else x for x in sample.inputs]
    builder = Builder(name)
    given = [builder.input(shape, np.float64) for shape in shapes]
    with builder.active():
        graph = builder.finish([op.call(builder, *given, **sample.kwargs)])
    symbols = [np.array(sp.symbols(f"x:{int(np.prod(s))}", real=True), object).reshape(s) for s in shapes]
    with pytest.raises(GraphError, match=f"{name} has no formula"):
        expressions(graph, symbols)


def test_a_settled_value_is_read_by_its_symbol() -> None:
    graph = gg.trace(lambda x: gg.exp(gg.tanh(x)), gg.Spec(()))
    x, h = sp.symbols("x h", real=True)
    seen = []

    def settle(node: Any, value: Any, array: Any) -> Any:
        seen.append((node.op, array.item()))
        return np.array(h if node.op == "tanh" else array.item(), object)

    found = expressions(graph, [np.array(x, object)], settle)
    assert found[graph.outputs[0]].item() == sp.exp(h)
    assert seen == [("tanh", sp.tanh(x)), ("exp", sp.exp(h))]


def test_numbers_are_taken_over_exactly() -> None:
    for value in (0.1, -3.0, 0.375, 1e300, 5e-324, float(np.float32(0.1))):
        assert float(exact(value)) == value
    assert exact(0.5) == sp.Rational(1, 2)
    assert exact(2.0).is_Integer
    assert exact(float("inf")) == sp.oo
    assert exact(float("nan")) is sp.nan


def test_named_functions_have_the_derivative_of_what_they_stand_for() -> None:
    x = sp.Symbol("x", real=True)
    for at in (-1.3, -0.2, 0.4, 2.0):
        for kind in (Sigmoid,):
            short, long = kind(x).diff(x), opened(kind(x)).diff(x)
            assert number(short, {x: exact(at)}) == pytest.approx(number(long, {x: exact(at)}), rel=1e-14)


@pytest.mark.parametrize("kind", [Largest, Smallest])
@pytest.mark.parametrize(
    "values", [(1.0, 2.0), (2.0, 2.0), (3.0, 1.0, 3.0), (1.0, 1.0, 1.0), (4.0, 2.0, 3.0)]
)
def test_ties_share_evenly(kind: Any, values: tuple[float, ...]) -> None:
    symbols = sp.symbols(f"x:{len(values)}", real=True)
    numbers = dict(zip(symbols, map(exact, values), strict=True))
    best = max(values) if kind is Largest else min(values)
    for symbol, value in zip(symbols, values, strict=True):
        share = 1 / values.count(best) if value == best else 0.0
        assert number(kind(*symbols).diff(symbol), numbers) == pytest.approx(share)
        assert number(opened(kind(*symbols)).diff(symbol), numbers) == pytest.approx(share)


def test_the_size_of_a_graph_is_known_before_it_is_written_out() -> None:
    layer = gg.trace(lambda x, w: gg.sum(gg.sigmoid(x @ w)), gg.Spec((3, 10)), gg.Spec((10, 4)))
    assert operations(layer) == 3 * 4 * 10 + 12 + 12
    assert operations(gg.trace(lambda x: x.reshape((6,)), gg.Spec((2, 3)))) == 0
