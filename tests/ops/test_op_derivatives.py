from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_cases import CASES, SMOOTH, Case, central, each, rng

from glassgrad.engines import run
from glassgrad.functional import grad, jvp, vjp
from glassgrad.graph import batch_graph, pullback, pushforward
from glassgrad.tensors import T
from glassgrad.tracing import trace

pytestmark = pytest.mark.filterwarnings(
    "ignore::glassgrad.errors.DegenerateWarning"
)  # any cotangent will do here

ABOVE_FIRST = [c for c in SMOOTH if c.number < 3 or c.op.name in ("getitem", "index_add")]


def numbers(f: Any) -> Any:
    return lambda *xs: f(*xs).detach().numpy()


@each(SMOOTH)
def test_gradient_agrees_with_central_differences(case: Case) -> None:
    f, xs = case.of_floats()
    z, pull = vjp(f, *xs)
    g = rng().normal(size=z.shape)
    for i, found in enumerate(pull(g)):
        assert found.dtype == np.float64
        expected = central(lambda *a: np.sum(g * numbers(f)(*a)), xs, i)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-7)


@each(SMOOTH)
def test_forward_and_reverse_mode_are_adjoint(case: Case) -> None:
    f, xs = case.of_floats()
    draw = rng()
    z, pull = vjp(f, *xs)
    g = draw.normal(size=z.shape)
    for moving in [range(len(xs)), *[[i] for i in range(len(xs))]]:
        vs = [draw.normal(size=x.shape) if i in moving else np.zeros(x.shape) for i, x in enumerate(xs)]
        _, tangent = jvp(f, xs, vs)
        assert tangent.shape == z.shape
        forward = np.sum(g * tangent.numpy())
        reverse = sum(np.sum(c.numpy() * v) for c, v in zip(pull(g), vs, strict=True))
        np.testing.assert_allclose(forward, reverse, rtol=1e-10, atol=1e-12)


@each(ABOVE_FIRST)
def test_second_derivative_agrees_with_central_differences(case: Case) -> None:
    f, xs = case.of_floats()
    draw = rng()
    g = draw.normal(size=f(*xs).shape)
    us = [draw.normal(size=x.shape) for x in xs]
    first = grad(lambda *a: T.sum(T.multiply(f(*a), g)), argnums=tuple(range(len(xs))))

    def slope(*a: Any) -> Any:
        return _sum([T.sum(T.multiply(c, u)) for c, u in zip(first(*a), us, strict=True)])

    second = grad(slope, argnums=tuple(range(len(xs))))(*xs)
    for i, found in enumerate(second):
        expected = central(numbers(slope), xs, i)
        np.testing.assert_allclose(found.numpy(), expected, rtol=2e-6, atol=1e-6)


def _sum(terms: list[Any]) -> Any:
    out = terms[0]
    for term in terms[1:]:
        out = out + term
    return out


@each(SMOOTH)
def test_gradient_graphs_compute_what_eager_gradients_are(case: Case) -> None:
    f, xs = case.of_floats()
    g = rng().normal(size=f(*xs).shape)
    compiled = run(pullback(trace(f, *xs), (True,) * len(xs)), *xs, g)
    eager = vjp(f, *xs)[1](g)
    for ours, theirs in zip(compiled, eager, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-14, atol=1e-15)


ROWS = 3


def _rows(case: Case, arrays: list[np.ndarray], batched: tuple[bool, ...]) -> list[list[np.ndarray]]:
    """Return for each row the inputs: those that are batched differ from row to row.

    Numbers change places; where a sample gives the numbers themselves, as for a symmetric matrix, they change in size.
    """
    draw = rng()
    given = [isinstance(x, np.ndarray) and x.dtype.kind in "fc" for x in case.sample.inputs]

    def vary(i: int, a: np.ndarray) -> np.ndarray:
        if i < len(given) and given[i]:
            return a * draw.uniform(0.8, 1.2)
        return draw.permutation(a.reshape(-1)).reshape(a.shape)

    return [
        [vary(i, a) if b else a for i, (a, b) in enumerate(zip(arrays, batched, strict=True))]
        for _ in range(ROWS)
    ]


def _patterns(n: int) -> list[tuple[bool, ...]]:
    return sorted({(True,) * n, *(tuple(i == k for i in range(n)) for k in range(n))})


@each([c for c in CASES if c.arrays() and c.op.name != "random_uniform"])
def test_batching_is_a_loop_over_rows(case: Case) -> None:
    graph = trace(case, *case.arrays())
    graphs = [graph]
    if case in SMOOTH:
        wanted = tuple(v.dtype.kind in "fc" for v in graph.inputs)
        graphs += [pullback(graph, wanted), pushforward(graph, wanted)]
    for each_graph in graphs:
        draw = rng()
        arrays = case.arrays()
        arrays += [draw.normal(size=v.shape) for v in each_graph.inputs[len(arrays) :]]
        for batched in _patterns(len(arrays)):
            rows = _rows(case, arrays, batched)
            together = [
                np.stack([r[i] for r in rows]) if b else a
                for i, (a, b) in enumerate(zip(arrays, batched, strict=True))
            ]
            found = run(batch_graph(each_graph, batched, ROWS), *together)
            expected = [run(each_graph, *r) for r in rows]
            for k, out in enumerate(found):
                np.testing.assert_allclose(out, np.stack([e[k] for e in expected]), rtol=1e-12, atol=1e-14)


@each([c for c in CASES if c.op.composite])
def test_definition_lowering_and_kernel_agree(case: Case) -> None:
    arrays = case.arrays()
    graph = trace(case, *arrays)
    node = next(n for n in graph.nodes if n.op == case.op.name)
    assert len(graph.nodes) == 1
    kernel = case(*arrays).detach().numpy()
    for role in ("definition", "lowering"):
        (out,) = run(node.subgraphs[role], *arrays)
        assert out.dtype == kernel.dtype
        np.testing.assert_allclose(out, kernel, rtol=1e-12, atol=1e-14)
    if case not in SMOOTH:
        return
    wanted = tuple(a.dtype.kind in "fc" for a in arrays)
    g = rng().normal(size=kernel.shape)
    simplified = run(pullback(graph, wanted), *arrays, g)
    for role in ("definition", "lowering"):
        for ours, theirs in zip(
            simplified, run(pullback(node.subgraphs[role], wanted), *arrays, g), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


def test_the_sigmoid_is_the_four_gates_of_the_textbook() -> None:
    graph = trace(T.sigmoid, np.ones(3))
    gates = graph.nodes[0].subgraphs["definition"].nodes
    assert [g.op for g in gates] == ["multiply", "exp", "add", "reciprocal"]


@pytest.mark.parametrize(
    "name", ["sigmoid", "relu", "softmax", "log_softmax", "mean", "cross_entropy", "tanh"]
)
def test_kernels_write_where_they_are_told(name: str) -> None:
    from glassgrad.ops import REGISTRY

    op = REGISTRY[name]
    assert op.writes_out
    case = next(c for c in CASES if c.op is op)
    arrays = case.arrays()
    attrs = trace(case, *arrays).nodes[-1].attrs
    expected = np.asarray(op.numpy(*arrays, **attrs))
    out = np.full(expected.shape, np.nan)
    before = [a.copy() for a in arrays]
    result = op.numpy(*arrays, **attrs, out=out)
    assert result is out
    np.testing.assert_array_equal(out, expected)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)
