"""The compiled replay gives what the interpreter gives, to the last bit."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad.engines.numpy import NumpyProgram, chains, interpret
from glassgrad.errors import OptionError, ShapeError
from glassgrad.graph import differentiate
from glassgrad.graph.types import check_graph
from glassgrad.ir import Graph
from random_graphs import assert_same_bits, graphs, values_for

SLOW_TO_DRAW = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=60
)


def agree(graph: Graph, inputs: list[Any]) -> None:
    kept = [np.array(x) for x in inputs]
    program = NumpyProgram(graph)
    expected = interpret(graph, inputs)
    assert_same_bits(program(*inputs), expected, graph)
    assert_same_bits(program(*inputs), expected, graph)  # memory left from the first call is not read
    assert_same_bits(inputs, kept, "an input was written to")


@SLOW_TO_DRAW
@given(graphs(), st.integers(0, 1000))
def test_random_graphs(graph: Graph, seed: int) -> None:
    agree(graph, values_for(graph, seed))


@SLOW_TO_DRAW
@given(graphs(loss=True, max_steps=20), st.integers(0, 1000))
def test_random_gradients(graph: Graph, seed: int) -> None:
    agree(check_graph(differentiate(graph)), values_for(graph, seed))


@SLOW_TO_DRAW
@given(st.one_of(graphs(), graphs(loss=True, max_steps=20).map(differentiate)), st.integers(0, 1000))
def test_random_graphs_in_pieces(graph: Graph, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:  # as if the arrays were large
        patch.setattr(chains, "_PIECE", 32)
        patch.setattr(chains, "_LEAST", 8)
        agree(graph, values_for(graph, seed))


@settings(SLOW_TO_DRAW, max_examples=30)
@given(graphs(symbolic=True, max_steps=20), st.lists(st.integers(1, 9), min_size=2, max_size=4))
def test_one_program_serves_every_batch_size(graph: Graph, sizes: list[int]) -> None:
    program = NumpyProgram(graph)
    for n in (*sizes, sizes[0]):
        inputs = values_for(graph, n, n)
        try:
            expected = interpret(graph, inputs)
        except ShapeError:  # an operation that cannot have this many rows
            continue
        assert_same_bits(program(*inputs), expected, graph)


def _same_object(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (_same_object, [(3,)]),
        (lambda x: (x, x, x * 2.0, x), [(3,)]),
        (lambda x: (gg.reshape(x, (-1,)), x.T, gg.broadcast_to(x, (4, 2, 3))), [(2, 3)]),
        (lambda x: 3.0, [(3,)]),
        (lambda x: (gg.exp(x), gg.reshape(gg.exp(x), (3, 1)), gg.exp(x)[::-1]), [(3,)]),
        (lambda x: gg.sum(x), [(0, 3)]),
        (lambda x: (x + 1.0, gg.sum(x, axis=1)), [(0, 3)]),
        (lambda x: x * x, [()]),
        (lambda x, y: x @ y, [(3,), (3,)]),
        (lambda x: gg.sin(x.T) + gg.sin(x.T).T, [(3, 3)]),
        (lambda x: gg.sum(gg.sin(x.T), axis=0), [(50, 300)]),
        (
            lambda x: gg.sum(x * 1.0, axis=0) + gg.sum(gg.reshape(gg.reshape(x, (-1,)), (300, 50)), axis=0),
            [(300, 50)],
        ),
    ],
    ids=lambda p: None if callable(p) else str(p),
)
def test_the_edges(f: Any, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(0)
    agree(gg.trace(f, *(gg.Spec(s) for s in shapes)), [rng.normal(size=s) for s in shapes])


def test_inputs_in_any_order_of_memory() -> None:
    graph = gg.trace(lambda x: (gg.sum(x * 1.0, axis=0), gg.sum(x, axis=0)), gg.Spec((40, 70)))
    x = np.asfortranarray(np.random.default_rng(0).normal(size=(40, 70)))
    agree(graph, [x])
    assert_same_bits(interpret(graph, [x]), interpret(graph, [np.ascontiguousarray(x)]))


def test_what_a_loop_or_choice_returns_does_not_share_memory() -> None:
    def f(x: Any) -> Any:
        start = gg.exp(x)
        last, _ = gg.scan(lambda c, row: (c, row * 2.0), start, np.ones((2, 3)))
        either = gg.cond(gg.sum(x) > 0.0, lambda a: a, lambda a: -a, gg.cos(x))
        reused = gg.cos(gg.sin(x) * 3.0)
        return gg.sum(reused), last * 2.0, either + 1.0

    for sign in (1.0, -1.0):
        agree(gg.trace(f, gg.Spec((3,))), [sign * np.array([0.1, 0.2, 0.3])])


def test_outputs_belong_to_the_caller() -> None:
    program = NumpyProgram(gg.trace(lambda x: (gg.exp(x), gg.exp(x) + 1.0, x), gg.Spec((3,))))
    x = np.arange(3.0)
    first = program(x)
    kept = [a.copy() for a in first]
    for array in program(x + 1.0):
        array[...] = -1.0
    assert_same_bits(first, kept)
    assert x.tolist() == [0.0, 1.0, 2.0]


def test_a_wrong_shape_is_named() -> None:
    program = NumpyProgram(gg.trace(lambda x, y: x + y, gg.Spec(("N", 3)), gg.Spec(("N", 3))))
    with pytest.raises(ShapeError, match=r"shape \(4, 2\).*takes \(N, 3\)"):
        program(np.zeros((4, 2)), np.zeros((4, 3)))
    with pytest.raises(ShapeError, match="N = 4"):
        program(np.zeros((4, 3)), np.zeros((5, 3)))


def test_source_is_straight_line_python() -> None:
    program = NumpyProgram(gg.trace(lambda x: gg.exp(x * 2.0), gg.Spec((3,))))
    source = program.at([np.zeros(3)]).source
    assert source.startswith("def run(inputs, outputs):")
    assert "_multiply(" in source
    assert "_exp(" in source


def test_threads_share_a_program() -> None:
    def f(x: Any) -> Any:
        for _ in range(30):
            x = gg.sin(x) + x
        return x

    program = NumpyProgram(gg.trace(f, gg.Spec(("N",))))
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=20000) for _ in range(8)]
    expected = [program(x)[0] for x in inputs]
    found: list[Any] = [None] * 8

    def work(i: int) -> None:
        for _ in range(5):
            found[i] = program(inputs[i])[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_same_bits(found, expected)


def test_programs_of_many_batch_sizes_are_not_all_kept() -> None:
    program = NumpyProgram(gg.trace(lambda x: gg.exp(x) * 2.0, gg.Spec(("N",))))
    for n in range(1, 60):
        assert len(program(np.zeros(n))[0]) == n
    assert len(program._static) <= 16


def test_engine_by_name() -> None:
    assert gg.engines.engine("auto").name == "native"
    with pytest.raises(OptionError, match="'numpy'"):
        gg.engines.engine("numpi")


def test_run_converts_to_the_dtype_of_the_graph() -> None:
    graph = gg.trace(lambda x: x * 2.0, gg.Spec((2,), "float32"))
    (out,) = gg.run(graph, [1, 2])
    assert out.dtype == np.float32
    assert out.tolist() == [2.0, 4.0]
