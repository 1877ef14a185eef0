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
    *("scan", "cond", "call", "custom", "checkpoint"),  # no samples; what they own is tried below
    *(
        "linear_recurrence",
        "random_uniform",
        "nextafter",
        "argmax",
        "argmin",
        "argsort",
        "searchsorted",
        "any",
        "all",
    ),
    *("sort", "cummax", "cummin", "index_max", "index_min"),  # choices between cases without end
    *("bitwise_left_shift", "bitwise_right_shift", "dimension", "arange"),  # whole numbers
    *(
        "cholesky",
        "qr",
        "slogdet",
        "svd",
        "svdvals",
        "eigh",
        "eigvalsh",
        "pinv",
        "eig",
        "eigvals",
        "solve_triangular",
    ),
    *(
        "cofactor",
        "cofactor_slope",
        "over_gaps",
        "spanning",
        "fft",
        "ifft",
        "fftn",
        "ifftn",
        "rfft",
        "irfft",
        "rfftn",
        "irfftn",
    ),
    *("hfft", "ihfft"),
}
"""Operations that a derivation refuses by name; the test below asks each."""


def real(sample: Sample) -> bool:
    """Say whether a sample has real numbers, of which formulas are."""
    fixed = [x for x in sample.inputs if isinstance(x, np.ndarray)]
    dtypes = [x.dtype for x in fixed] + [np.dtype(sample.kwargs.get("dtype", float))]
    return not sample.complex and not any(dtype.kind == "c" for dtype in dtypes)


CASES = [
    pytest.param(name, sample, id=f"{name}-{k}")
    for name, op in REGISTRY.items()
    for k, sample in enumerate(op.samples)
    if name not in WITHOUT_FORMULA and real(sample) and (name, k) != ("signbit", 1)  # −0 is 0 to SymPy
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
        chosen = (
            builder.where(made, weights, 0.0) if made.dtype.kind == "b" else builder.multiply(made, weights)
        )
        graph = builder.finish([builder.sum(chosen)])
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


def refusal(name: str, sample: Sample) -> str:
    """Return the error of deriving an operation of symbols, or nothing."""
    builder = Builder(name)
    given, symbols = [], []
    for i, x in enumerate(sample.inputs):
        array = x if isinstance(x, np.ndarray) else np.ones(x)
        given.append(builder.input(array.shape, array.dtype))
        named = [sp.Symbol(f"x{i}_{k}", real=True) for k in range(array.size)]
        symbols.append(np.array(named, object).reshape(array.shape) if array.dtype.kind == "f" else array)
    with builder.active():
        call = REGISTRY[name].call
        made = (
            call(builder, given, **sample.kwargs)
            if name == "concat"
            else call(builder, *given, **sample.kwargs)
        )
        graph = builder.finish([*made] if REGISTRY[name].several else [made])
    try:
        expressions(graph, symbols)
    except GraphError as error:
        return str(error)
    return ""


def test_what_has_no_formula_is_named() -> None:
    refused = {}
    for name, op in REGISTRY.items():
        sample = next((s for s in op.samples if real(s)), None)
        if sample is not None and any(
            not isinstance(x, np.ndarray) or x.dtype.kind == "f" for x in sample.inputs
        ):
            refused[name] = refusal(name, sample)
    told = {name for name, message in refused.items() if message}
    assert told == WITHOUT_FORMULA & refused.keys()
    assert all(refused[name].startswith(name.removesuffix("_slope") + " ") for name in told)


def test_large_matrices_are_refused_plainly() -> None:
    x = np.array(sp.symbols("x:25", real=True), object).reshape(5, 5)
    for f in (gg.linalg.det, gg.linalg.inv):
        with pytest.raises(GraphError, match="with 5 rows"):
            expressions(gg.trace(lambda x: f(x), gg.Spec((5, 5))), [x])  # noqa: B023


def test_complex_numbers_are_refused_plainly() -> None:
    graph = gg.trace(lambda x: gg.sum(gg.abs(gg.fft.rfft(x))), gg.Spec((3,)))
    with pytest.raises(
        GraphError, match="rfft computes with complex numbers here, and formulas are for real ones"
    ):
        expressions(graph, [np.array(sp.symbols("x:3", real=True), object)])


def test_what_is_called_is_opened_and_what_has_its_own_rule_is_not() -> None:
    x = sp.Symbol("x", real=True)
    inside = gg.checkpoint(lambda x: gg.sin(x) * 2.0)
    graph = gg.trace(lambda x: inside(x), gg.Spec(()))
    assert expressions(graph, [np.array(x, object)])[graph.outputs[0]].item() == 2 * sp.sin(x)

    @gg.custom_vjp
    def doubled(x: Any) -> Any:
        return x * 2.0

    doubled.defvjp(lambda result, x: lambda g: (g,))
    with pytest.raises(GraphError, match="custom has no formula"):
        expressions(gg.trace(lambda x: doubled(x), gg.Spec(())), [np.array(x, object)])


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
