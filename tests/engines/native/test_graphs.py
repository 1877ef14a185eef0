"""Whole graphs, compiled, give what the interpreter gives: random ones, and the shapes that kernels take."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from wholes import whole_graphs, whole_numbers

import glassgrad as gg
from glassgrad.engines.coverage import lacking
from glassgrad.engines.native import NativeEngine
from glassgrad.engines.native.codegen.target import named
from glassgrad.engines.numpy import interpret
from glassgrad.graph import differentiate
from glassgrad.graph.passes import for_arrays
from glassgrad.ir import Graph
from glassgrad.ops import REGISTRY
from random_graphs import assert_same_bits, graphs, values_for

ENGINES = {name: NativeEngine(named(name)) for name in ("host", "avx2", "sse2")}
TARGETS = st.sampled_from(("host", "host", "avx2", "sse2"))
MANY = 1500

LEFT_TO_NUMPY = {name for name, op in REGISTRY.items() if lacking(op, "native")}

OF_SIGNS = {"atan2", "copysign", "signbit"}
"""Operations that read the sign of a zero or of NaN, which arithmetic may leave one way or the other."""


def random_graphs(**settings: Any) -> st.SearchStrategy[Graph]:
    """Return graphs of what the engine says it compiles, of a known and of an open batch."""
    without = LEFT_TO_NUMPY | OF_SIGNS
    return graphs(without=without, **settings) | graphs(without=without, symbolic=True, **settings)


def native(graph: Graph, arrays: Any, target: str = "host") -> list[np.ndarray]:
    return ENGINES[target].compile(graph)(*arrays)


def has_empty(graph: Graph, arrays: Any) -> bool:
    """Say whether there are arrays without elements, which are left to NumPy."""
    return any(0 in v.shape for node in for_arrays(graph, arrays).nodes for v in node.outputs)


# --- random graphs -------------------------------------------------------------------------------------------------


def check_random(graph: Graph, seed: int, target: str) -> None:
    program = ENGINES[target].compile(graph)
    compared = False
    for rows in (5, 1):
        arrays = values_for(graph, seed, rows)
        if not has_empty(graph, arrays):
            compared |= assert_close(graph, arrays, program(*arrays))
    assume(compared)


FLOATS = random_graphs(max_steps=16)
LOSSES = random_graphs(max_steps=12, loss=True)


@settings(max_examples=40)
@given(graph=FLOATS, seed=st.integers(0, 99), target=TARGETS)
def test_random_graphs(graph: Graph, seed: int, target: str) -> None:
    check_random(graph, seed, target)


@settings(max_examples=25)
@given(graph=LOSSES, seed=st.integers(0, 99), target=TARGETS)
def test_gradients_of_random_graphs(graph: Graph, seed: int, target: str) -> None:
    check_random(differentiate(graph, range(len(graph.inputs))), seed, target)


def check_whole(graph: Graph, seed: int, target: str) -> None:
    program = ENGINES[target].compile(graph)
    for rows in (4, 1):
        shapes = [tuple(d if isinstance(d, int) else d.at(rows) for d in v.shape) for v in graph.inputs]
        arrays = [whole_numbers(s, seed + i) for i, s in enumerate(shapes)]
        if not has_empty(graph, arrays):
            assert_same_bits(program(*arrays), interpret(graph, arrays), graph)


WHOLES = whole_graphs() | whole_graphs(symbolic=True)


@settings(max_examples=120)
@given(graph=WHOLES, seed=st.integers(0, 99), target=TARGETS)
def test_random_graphs_of_whole_numbers(graph: Graph, seed: int, target: str) -> None:
    check_whole(graph, seed, target)


@pytest.mark.slow
@settings(max_examples=MANY)
@given(graph=random_graphs(), seed=st.integers(0, 99), target=TARGETS)
def test_many_random_graphs(graph: Graph, seed: int, target: str) -> None:
    check_random(graph, seed, target)


@pytest.mark.slow
@settings(max_examples=MANY)
@given(graph=random_graphs(loss=True), seed=st.integers(0, 99), target=TARGETS)
def test_gradients_of_many_random_graphs(graph: Graph, seed: int, target: str) -> None:
    check_random(differentiate(graph, range(len(graph.inputs))), seed, target)


@pytest.mark.slow
@settings(max_examples=4 * MANY)
@given(
    graph=whole_graphs(steps=30) | whole_graphs(steps=30, symbolic=True),
    seed=st.integers(0, 99),
    target=TARGETS,
)
def test_many_random_graphs_of_whole_numbers(graph: Graph, seed: int, target: str) -> None:
    check_whole(graph, seed, target)


# --- chains --------------------------------------------------------------------------------------------------------


def same(f: Any, *shapes: tuple[int, ...], dtype: str = "float64", targets: Any = ("host", "sse2")) -> Graph:
    """Hold a function of small whole numbers, of which no sum is rounded, against the interpreter; return its graph."""
    graph = gg.trace(f, *(gg.Spec(s, dtype) for s in shapes))
    arrays = [whole_numbers(s, i).astype(dtype) for i, s in enumerate(shapes)]
    for target in targets:
        assert_same_bits(native(graph, arrays, target), interpret(graph, arrays), graph)
    return graph


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 70), (2, 1, 9), (4, 3, 2, 5)])
def test_a_chain_with_broadcasts_and_results_in_between(shape: tuple[int, ...], dtype: str) -> None:
    def f(x: Any, y: Any, row: Any, column: Any, one: Any) -> Any:
        a = x * y + row
        b = gg.maximum(a, column) - one
        c = gg.where(b > a, b, x) * b
        return c - a, b, gg.square(c) + column * row, a

    row = shape[-1:]
    column = (*shape[:-1], 1) if shape else ()
    same(f, shape, shape, row, column, (), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_update_like_that_of_adam(dtype: str) -> None:
    def adam(p: Any, g: Any, m: Any, v: Any, rate: Any) -> Any:
        m = m * 0.9 + g * 0.1
        v = v * 0.999 + gg.square(g) * 0.001
        return p - rate * m / (gg.sqrt(v) + 1e-8), m, v

    for shape in ((33, 17), (4099,)):
        same(adam, shape, shape, shape, shape, (), dtype=dtype)


def test_one_array_in_two_orders_of_its_axes() -> None:
    def f(x: Any, y: Any) -> Any:
        z = x + 1.0
        return z + gg.permute_dims(z, (1, 0)), gg.permute_dims(y, (1, 0)) * z, gg.flip(z, axis=0) - z

    same(f, (9, 9), (9, 9))


def test_inputs_constants_and_results_as_outputs() -> None:
    constant = np.arange(6.0).reshape(2, 3)

    def f(x: Any) -> Any:
        y = x * 2.0
        return x, y, y, gg.tensor(constant), gg.reshape(y, (6,)), gg.permute_dims(x, (1, 0)), x[:1]

    same(f, (2, 3))


# --- reductions ----------------------------------------------------------------------------------------------------

REDUCTIONS = ("sum", "max", "min", "prod")


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("shape", [(70,), (9, 33), (33, 9), (5, 4, 17), (3, 2, 4, 5)], ids=str)
def test_reductions_with_work_before_and_after(shape: tuple[int, ...], name: str) -> None:
    """Along every choice of axes; the numbers before, and what they become after, are results as well."""
    reduce = getattr(gg, name)
    subsets = [
        axes for n in range(1, len(shape) + 1) for axes in itertools.combinations(range(len(shape)), n)
    ]

    def f(x: Any, row: Any) -> Any:
        results = []
        for i, axes in enumerate(subsets):
            before = x * 2 - row * i
            kept = reduce(before, axis=axes, keepdims=True)
            after = gg.maximum(kept * 3, -kept) + i
            results += [before - kept, after, reduce(gg.abs(x) + i, axis=axes) - 1]
        return [*results, *([before] if name == "sum" else [])]

    dtype = "int64" if name == "prod" else "float32"
    same(f, shape, shape[-1:], dtype=dtype)


def test_sums_of_sums_and_a_reduction_of_what_is_picked() -> None:
    def f(x: Any, rows: Any) -> Any:
        total = gg.sum(x, axis=1)
        picked = x[gg.tensor(np.array([3, 0, 3])), ::3]
        one = x[gg.tensor(np.array(2)), ::3]
        return gg.sum(total), gg.max(total * 2.0) - total, gg.sum(picked * rows), gg.sum(one, axis=0), one

    same(f, (5, 9), (3, 3))


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8"])
def test_quantifiers_and_counts(dtype: str) -> None:
    def f(x: Any) -> Any:
        return [g(x, axis=axis) for g in (gg.any, gg.all, gg.sum, gg.max, gg.min) for axis in (None, 0, 1)]

    graph = gg.trace(f, gg.Spec((5, 37), dtype))
    for fill in (0.0, 0.02, 0.98, 1.0):
        x = (np.random.default_rng(1).random((5, 37)) < fill).astype(dtype)
        assert_same_bits(native(graph, [x]), interpret(graph, [x]))


# --- products ------------------------------------------------------------------------------------------------------

SHAPES = [(1, 1, 1), (2, 3, 2), (7, 16, 9), (16, 8, 33), (33, 64, 17), (70, 5, 8), (3, 257, 65)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_what_follows_a_product(m: int, k: int, n: int, dtype: str) -> None:
    """Along the rows, along the columns, on every element, on a sum of either, and on the product itself."""

    def f(a: Any, b: Any, row: Any, column: Any, whole: Any, one: Any) -> Any:
        product = a @ b
        biased = gg.maximum(product + row, 0) * column
        return (
            biased - whole * one,
            product,
            gg.sum(product * row, axis=1),
            gg.max(biased, axis=0),
            gg.permute_dims(product, (1, 0)) + one,
        )

    shapes = [(m, k), (k, n), (n,), (m, 1), (m, n), ()]
    same(f, *shapes, dtype=dtype, targets=("host", "avx2", "sse2"))


@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_every_order_of_the_axes_of_a_product(m: int, k: int, n: int) -> None:
    def f(a: Any, b: Any, at: Any, bt: Any) -> Any:
        t = gg.permute_dims
        pairs = [(x, y) for x in (a, t(at, (1, 0))) for y in (b, t(bt, (1, 0)))]
        return [t(x @ y, (1, 0)) - i for i, (x, y) in enumerate(pairs)] + [x @ y for x, y in pairs]

    same(f, (m, k), (k, n), (k, m), (n, k), dtype="float32")


def test_two_layers_and_their_gradients() -> None:
    """Weights, their gradients and their successors may lie column by column; what leaves lies row by row."""

    def loss(x: Any, w: Any, b: Any, v: Any) -> Any:
        return gg.sum(gg.relu(gg.relu(x @ w + b) @ v))

    shapes = [(17, 9), (9, 33), (33,), (33, 5)]
    graph = differentiate(gg.trace(loss, *(gg.Spec(s) for s in shapes)), range(4))
    arrays = [whole_numbers(s, i).astype(float) for i, s in enumerate(shapes)]
    for target in ENGINES:
        assert_same_bits(native(graph, arrays, target), interpret(graph, arrays))


def test_products_so_large_that_operands_are_copied_or_cut() -> None:
    """Rows that crowd each other out of the caches, a long summed axis, both, and neither beside them."""

    def f(a: Any, b: Any, deep: Any, row: Any) -> Any:
        t = gg.permute_dims
        return (
            gg.relu(a @ b + row),
            a @ t(a, (1, 0)),
            deep @ t(deep, (1, 0)) + 1.0,
            t(deep[:, :260] @ b, (1, 0)),
        )

    same(f, (100, 260), (260, 300), (67, 2600), (300,), targets=("host", "avx2", "sse2"))


def test_products_of_many_matrices_with_shared_operands() -> None:
    def f(a: Any, b: Any, c: Any, row: Any) -> Any:
        turned = gg.permute_dims(a, (0, 2, 1))
        return a @ b + row, a @ c, turned @ a - 1.0, gg.sum(turned @ a, axis=0), c @ b[0], a @ c[:, 0]

    same(f, (5, 7, 33), (1, 33, 9), (33, 33), (9,), dtype="float32")


class Always:
    """Shares every program's work among the same number of threads."""

    def __init__(self, count: int) -> None:
        self.count = count

    def next(self, steps: int) -> tuple[int, int]:
        return steps, self.count

    def note(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_work_that_threads_share(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassgrad.engines.native.program.Pace", lambda *_: Always(threads))

    def f(x: Any, flat: Any, a: Any, b: Any, row: Any) -> Any:
        y = gg.relu(x * 2.0 + row)
        sums = [gg.sum(y, axis=axis) for axis in (0, 1, (0, 1))]
        turned = gg.permute_dims(x, (1, 0))
        products = [gg.relu(a @ b), gg.sum(a @ b, axis=1), b @ a - 1.0, turned @ x]
        return y, flat * 3.0 - 1.0, gg.max(flat), *sums, gg.max(turned, axis=0), *products

    graph = same(f, (70, 701), (49_999,), (5, 130, 60), (5, 60, 130), (701,), targets=("host",))
    assert program_of(graph).shared


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_products_so_large_that_threads_claim_their_panels(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glassgrad.engines.native.program.Pace", lambda *_: Always(threads))

    def f(a: Any, b: Any, many: Any, wide: Any) -> Any:
        deep = gg.relu(a @ gg.permute_dims(b, (1, 0)))
        return deep, many @ gg.permute_dims(wide, (0, 2, 1)) + 1.0, gg.permute_dims(many, (0, 2, 1)) @ many

    graph = same(f, (64, 2100), (131, 2100), (2, 61, 700), (2, 400, 700), dtype="float32", targets=("host",))
    compiled = program_of(graph)
    assert compiled.shared
    assert compiled.scratch >= 512 * 16 * 4


def program_of(graph: Graph) -> Any:
    """Return what was compiled for a graph with static shapes."""
    arrays = [np.zeros(v.shape, v.dtype) for v in graph.inputs]
    return ENGINES["host"].compile(graph).at(arrays)._compiled


# --- loops and choices ---------------------------------------------------------------------------------------------


def recurrent(xs: Any, h: Any, w: Any, u: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = gg.tanh(h @ w + x @ u)
        return h, (h * 2.0, gg.sum(h, axis=1))

    return gg.scan(step, h, xs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_recurrent_network_and_its_gradient(length: int, dtype: str) -> None:
    def loss(*given: Any) -> Any:
        h, (ys, sums) = recurrent(*given)
        return gg.sum(h * h) + gg.mean(ys * ys * ys), sums, ys

    shapes: list[Any] = [(length, "N", 3), ("N", 5), (5, 5), (3, 5)]
    graph = differentiate(gg.trace(loss, *(gg.Spec(s, dtype) for s in shapes)), range(4))
    rng = np.random.default_rng(0)
    for rows in (4, 1):
        fixed = [tuple(rows if d == "N" else d for d in s) for s in shapes]
        arrays = [np.asarray(rng.normal(size=s), dtype) for s in fixed]
        for target in ENGINES:
            assert assert_close(graph, arrays, native(graph, arrays, target))


def test_a_loop_backwards_through_views_with_a_constant() -> None:
    def f(xs: Any, c: Any, k: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            a, n = c
            return (x, n + 1), (a - k, c)  # what comes in goes out, and what goes through becomes the carry

        seen = gg.flip(gg.permute_dims(xs, (1, 0, 2)), axis=2)
        return gg.scan(step, (c, gg.tensor(np.array(3))), seen, reverse=True)

    same(f, (4, 6, 5), (4, 5), (5,))


def test_loops_in_loops_and_choices_in_them() -> None:
    def f(xs: Any, c: Any) -> Any:
        def outer(c: Any, x: Any) -> Any:
            def inner(d: Any, y: Any) -> Any:
                d = gg.cond(gg.sum(d) > y, lambda d: d - y, lambda d: d * 2.0, d)
                return d, gg.max(d)

            d, tops = gg.scan(inner, c, x)
            return gg.minimum(d, 9.0), (tops, gg.sum(d))

        return gg.scan(outer, c, xs)

    same(f, (5, 3), (4,))


@pytest.mark.parametrize("taken", [False, True])
def test_a_choice_and_its_gradient(taken: bool) -> None:
    def loss(which: Any, x: Any, w: Any) -> Any:
        y, z = gg.cond(which, lambda x: (x @ w, x), lambda x: (x @ gg.flip(w, axis=0), x * 3.0), x)
        return gg.sum(y * y) + gg.sum(z)

    specs = [gg.Spec((), "bool"), gg.Spec((3, 4)), gg.Spec((4, 2))]
    graph = differentiate(gg.trace(loss, *specs), [1, 2])
    arrays = [np.array(taken), whole_numbers((3, 4), 0).astype(float), whole_numbers((4, 2), 1).astype(float)]
    for target in ENGINES:
        assert_same_bits(native(graph, arrays, target), interpret(graph, arrays))


def test_one_body_in_two_loops() -> None:
    def f(xs: Any, a: Any, b: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            return c + x, c * x

        first, ys = gg.scan(step, a, xs)
        return first, gg.scan(step, b + gg.sum(ys), ys)

    same(f, (6, 3), (3,), (3,))


# --- memory --------------------------------------------------------------------------------------------------------


def test_inputs_are_left_alone_and_outputs_are_fresh() -> None:
    graph = gg.trace(lambda x, y: (x + y, x), gg.Spec((5, 7)), gg.Spec((7,)))
    program = ENGINES["host"].compile(graph)
    x, y = np.arange(70.0).reshape(7, 10)[:, ::2].T, np.ones(7)
    for a in (x, y):
        a.flags.writeable = False
    first = program(x, y)
    kept = [a.copy() for a in first]
    program(x * 2, y)
    assert_same_bits(first, kept)
    assert_same_bits(first, [x + y, x.copy()])
    assert all(a.flags.writeable and a.flags.c_contiguous and not np.shares_memory(a, x) for a in first)


def test_inputs_of_other_byte_orders_and_between_the_places_of_numbers() -> None:
    graph = gg.trace(lambda x: x * 2.0, gg.Spec((70,), "float32"))
    x = np.arange(70, dtype=np.float32)
    raw = np.zeros(1 + x.nbytes, np.uint8)
    raw[1:] = x.view(np.uint8)
    odd = raw[1:].view(np.float32)
    assert not odd.flags.aligned
    for given_ in (x, odd, x.astype(">f4"), x.astype(np.float64)):
        assert_same_bits(native(graph, [given_]), [x * 2])


def test_a_program_serves_several_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    graph = gg.trace(lambda x: gg.sum(gg.exp(x) @ gg.permute_dims(x, (1, 0)), axis=0), gg.Spec(("N", 33)))
    program = ENGINES["host"].compile(graph)
    inputs = [np.random.default_rng(i).normal(size=(1 + i % 5, 33)) for i in range(40)]
    expected = [program(x)[0] for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda x: program(x)[0], inputs))
    assert_same_bits(found, expected)
