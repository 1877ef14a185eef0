"""The native training loop keeps what every loop promises, and writes state over itself only where nobody reads it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from closeness import assert_near
from hypothesis import given, settings
from hypothesis import strategies as st
from wholes import whole_numbers, whole_steps

import glassgrad as gg
from glassgrad.engines import StepGraph
from glassgrad.engines.native import NativeEngine
from glassgrad.engines.native.codegen.target import named
from glassgrad.engines.numpy import interpret
from glassgrad.errors import ShapeError
from glassgrad.graph import differentiate, evaluate
from glassgrad.ir import Graph
from glassgrad.tensors import T
from random_graphs import assert_same_bits

Array = np.ndarray[Any, Any]

ROWS, WIDE = 23, 4
STATE: list[tuple[int, ...]] = [(WIDE, 3), (3,), (WIDE, 3), (3,), (), (2,)]


def step_graph(dtype: str = "float64") -> StepGraph:
    """Return a step of momentum on a small network; the state also has a count and a piece that stays as it is."""

    def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
        return gg.mean(gg.square(gg.tanh(x @ w) @ b - y))

    shapes: list[tuple[Any, ...]] = [(WIDE, 3), (3,), ("N", WIDE), ("N",)]
    both = differentiate(gg.trace(loss, *(gg.Spec(s, dtype) for s in shapes)), [0, 1])

    def step(
        w: Any, b: Any, vw: Any, vb: Any, seen: Any, stays: Any, x: Any, y: Any, unread: Any, lr: Any, mu: Any
    ) -> Any:
        value, gw, gb = evaluate(T, both, [w, b, x, y])
        vw, vb = vw * mu + gw, vb * mu + gb
        count = seen + gg.sum(gg.astype(x[:, 0] > 0, dtype))
        return w - vw * lr, b - vb * lr, vw, vb, count, stays, value, gg.max(gw)

    graph = gg.trace(step, *(gg.Spec(s, dtype) for s in [*STATE, *shapes[2:], ("N",), (), ()]))
    return StepGraph(graph, state=6, rows=3, each=1, fixed=1)


def start(dtype: str = "float64") -> list[Array]:
    rng = np.random.default_rng(1)
    return [np.asarray(rng.normal(size=s) * (i < 2 or i == 5), dtype) for i, s in enumerate(STATE)]


def data(dtype: str = "float64") -> list[Array]:
    rng = np.random.default_rng(2)
    return [np.asarray(rng.normal(size=s), dtype) for s in ((ROWS, WIDE), (ROWS,), (ROWS,))]


def batches(size: int, epochs: int = 1) -> list[Array]:
    rng = np.random.default_rng(3)
    orders = [rng.permutation(ROWS) for _ in range(epochs)]
    return [order[i : i + size] for order in orders for i in range(0, ROWS, size)]


def by_size(loop: Any, state: Any, rows: Any, chosen: Sequence[Array], each: Any, fixed: Any) -> Array:
    """Take steps with mini-batches of any sizes: a call for each stretch of equal ones."""
    reports, done = [], 0
    for _, part in groupby(chosen, len):
        stretch = np.stack(list(part))
        now = [e[done : done + len(stretch)] for e in each]
        reports.append(loop.run(state, rows, stretch, now, fixed, np.zeros(1, np.uint8)))
        done += len(stretch)
    return np.concatenate(reports)


def run(
    loop: Any, state: list[Array], chosen: Sequence[Array], rates: Array, dtype: str = "float64"
) -> Array:
    return by_size(loop, state, data(dtype), chosen, [rates], [np.asarray(0.9, dtype)])


def by_interpreter(step: StepGraph, chosen: Sequence[Array], rates: Array, dtype: str) -> tuple[Any, Any]:
    state, rows, reports = start(dtype), data(dtype), []
    for batch, rate in zip(chosen, rates, strict=True):
        out = interpret(step.graph, [*state, *(r[batch] for r in rows), rate, np.asarray(0.9, dtype)])
        state, report = out[: step.state], out[step.state :]
        reports.append([float(r) for r in report])
    return state, np.array(reports)


def native(step: StepGraph, target: str = "host") -> Any:
    return NativeEngine(named(target)).loop(step)


# --- what a loop is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["host", "sse2"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 5, 8, 23])
def test_uneven_mini_batches(size: int, dtype: str, target: str) -> None:
    step, chosen = step_graph(dtype), batches(size, 2)
    rates = np.asarray(np.linspace(0.1, 0.01, len(chosen)), dtype)
    state = start(dtype)
    reports = run(native(step, target), state, chosen, rates, dtype)
    expected, expected_reports = by_interpreter(step, chosen, rates, dtype)
    assert_near(state, expected, dtype)
    assert_near(reports.T, expected_reports.T, dtype)
    assert_same_bits(state[4:], expected[4:])


def test_sizes_may_alternate() -> None:
    rng = np.random.default_rng(5)
    step, chosen = step_graph(), [rng.permutation(ROWS)[:n] for n in (3, 1, 1, 7, 3, 1, 23, 7)]
    rates, state = np.full(len(chosen), 0.05), start()
    reports = run(native(step), state, chosen, rates)
    expected, expected_reports = by_interpreter(step, chosen, rates, "float64")
    assert_near(state, expected, "float64")
    assert_near(reports.T, expected_reports.T, "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_many_calls_are_one_long_call(dtype: str) -> None:
    step, chosen = step_graph(dtype), batches(5, 3)
    rates, whole = np.full(len(chosen), 0.05, dtype), start(dtype)
    expected = run(native(step), whole, chosen, rates, dtype)
    state, loop, reports = start(dtype), native(step), []
    for cut in (slice(0, 1), slice(1, 4), slice(4, 5), slice(5, None)):
        reports.append(run(loop, state, chosen[cut], rates[cut], dtype))
    assert_same_bits([np.concatenate(reports)], [expected])
    assert_same_bits(state, whole)


def test_a_loop_goes_on_from_copies_of_an_earlier_state() -> None:
    step, chosen = step_graph(), batches(8)
    rates, loop, state = np.full(len(chosen), 0.05), native(step), start()
    run(loop, state, chosen[:1], rates[:1])
    kept = [a.copy() for a in state]
    first = run(loop, state, chosen[1:], rates[1:])
    after = [a.copy() for a in state]
    for again in ([a.copy() for a in kept], [a.copy(order="F") for a in kept]):
        assert_same_bits([run(loop, again, chosen[1:], rates[1:])], [first])
        assert_same_bits(again, after)


def test_state_in_any_order_of_memory_that_nobody_may_write() -> None:
    step, chosen = step_graph(), batches(8)
    rates = np.full(len(chosen), 0.1)
    plain, state = start(), [a.copy(order="F") for a in start()]
    for a in state:
        a.flags.writeable = False
    kept = list(state)
    run(native(step), plain, chosen, rates)
    run(native(step), state, chosen, rates)
    assert_same_bits(state, plain)
    assert_same_bits(kept, start())


def test_data_are_not_written_to() -> None:
    step, rows, chosen = step_graph(), data(), batches(5)
    for r in rows:
        r.flags.writeable = False
    by_size(native(step), start(), rows, chosen, [np.full(len(chosen), 0.1)], [np.array(0.9)])
    assert_same_bits(rows, data())


def test_data_in_any_order_of_memory_and_any_dtype() -> None:
    step, chosen = step_graph(), batches(5)
    rates, fixed = np.full(len(chosen), 0.1), [np.array(0.9)]
    x, y, z = (np.round(a * 8) for a in data())
    results = []
    for rows in (
        [x, y, z],
        [np.asfortranarray(x), y[::-1].copy()[::-1], z],
        [x.astype(np.int8), y.astype(">f4"), z],
    ):
        state = start()
        by_size(native(step), state, rows, chosen, [rates.astype(np.float64)], fixed)
        results.append(state)
    for found in results[1:]:
        assert_same_bits(found, results[0])


def test_the_flag_stops_after_the_step_at_hand() -> None:
    step, chosen, state = step_graph(), batches(5), start()
    rates = np.full(len(chosen), 0.1)
    stop = np.ones(1, np.uint8)
    reports = native(step).run(state, data(), np.stack(chosen[:4]), [rates], [np.array(0.9)], stop)
    assert reports.shape == (1, 2)
    expected = start()
    run(native(step), expected, chosen[:1], rates[:1])
    assert_same_bits(state, expected)


def test_no_batches_no_steps() -> None:
    state, none = start(), np.empty((0, 5), np.int64)
    reports = native(step_graph()).run(state, data(), none, [np.zeros(0)], [0.9], np.zeros(1, np.uint8))
    assert reports.shape == (0, 2)
    assert_same_bits(state, start())


def test_one_mini_batch_for_every_step() -> None:
    step, batch, rates = step_graph(), np.arange(3, 12), np.full(7, 0.1)
    results = []
    for repeated in (np.broadcast_to(batch, (7, 9)), np.tile(batch, (7, 1)), np.tile(batch, (7, 2))[:, :9]):
        state = start()
        reports = native(step).run(state, data(), repeated, [rates], [np.array(0.9)], np.zeros(1, np.uint8))
        results.append([*state, reports])
    assert_same_bits(results[0], results[1])
    assert_same_bits(results[2], results[1])


@pytest.mark.parametrize("bad", [-1, ROWS, 1 << 40])
def test_a_row_that_is_not_there(bad: int) -> None:
    chosen = np.array([[0, 1], [2, bad]])
    state = start()
    with pytest.raises(ShapeError, match=f"a row that is not among the {ROWS} rows"):
        native(step_graph()).run(
            state, data(), chosen, [np.full(2, 0.1)], [np.array(0.9)], np.zeros(1, np.uint8)
        )
    assert_same_bits(state, start())


@pytest.mark.parametrize("what", ["state", "rows", "each", "fixed"])
def test_arrays_of_another_shape_are_refused(what: str) -> None:
    """An array that is too small would be read, or written, beyond its end."""
    chosen = np.stack(batches(5)[:3])
    given: dict[str, list[Array]] = {
        "state": start(),
        "rows": data(),
        "each": [np.full(len(chosen), 0.1)],
        "fixed": [np.array(0.9)],
    }
    given[what][0] = {
        "state": np.ones(3),
        "rows": np.ones((ROWS, WIDE - 1)),
        "each": np.full(len(chosen) - 1, 0.1),
        "fixed": np.ones(2),
    }[what]
    with pytest.raises(ShapeError):
        native(step_graph()).run(
            given["state"], given["rows"], chosen, given["each"], given["fixed"], np.zeros(1, np.uint8)
        )


def test_two_loops_at_once_in_two_threads() -> None:
    step, chosen = step_graph("float32"), batches(5, 400)
    rates = np.full(len(chosen), 1e-3, np.float32)

    def train(_: int) -> list[Array]:
        state = start("float32")
        return [run(native(step), state, chosen, rates, "float32"), *state]

    alone = train(0)
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(train, range(4)):
            assert_same_bits(found, alone)


# --- state that is written where it lies ---------------------------------------------------------------------------


def check_whole_step(graph: Graph, states: int, seed: int, target: str) -> None:
    """Take steps of whole numbers, of which none is rounded, natively and with the interpreter."""
    step = StepGraph(graph, state=states, rows=1, each=0, fixed=1)
    shapes = [tuple(v.shape) for v in graph.inputs[:states]]
    state = [whole_numbers(s, seed + i) for i, s in enumerate(shapes)]  # type: ignore[arg-type]
    rows, fixed = whole_numbers((9, 3), seed), np.array(seed)
    expected, reports = [a.copy() for a in state], []
    chosen = [np.arange(4), np.arange(4) + 5, np.array([2]), np.array([8]), np.arange(4)[::-1]]
    for batch in chosen:
        *expected, report = interpret(graph, [*expected, rows[batch], fixed])
        reports.append([float(report)])
    found = by_size(native(step, target), state, [rows], chosen, [], [fixed])
    assert_same_bits(state, expected, graph)
    assert_same_bits([found], [np.array(reports)], graph)


STEPS = {
    "step": whole_steps(),
    "seed": st.integers(0, 99),
    "target": st.sampled_from(("host", "host", "avx2", "sse2")),
}


@settings(max_examples=80)
@given(**STEPS)
def test_random_steps_of_whole_numbers(step: tuple[Graph, int], seed: int, target: str) -> None:
    check_whole_step(*step, seed, target)


@pytest.mark.slow
@settings(max_examples=4000)
@given(**STEPS)
def test_many_random_steps_of_whole_numbers(step: tuple[Graph, int], seed: int, target: str) -> None:
    check_whole_step(*step, seed, target)


def test_state_that_others_read_later_swaps_or_follows_from_constants_alone() -> None:
    def step(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, x: Any, k: Any) -> Any:
        after = a * 2 + gg.sum(x)
        return after, b + a, d, c, gg.permute_dims(e, (1, 0)) + e, k * 3 + gg.zeros_like(f), gg.sum(after * a)

    shapes: list[Any] = [(3,), (3,), (3,), (3,), (5, 5), (3, 5), ("N", 3), ()]
    graph = gg.trace(step, *(gg.Spec(s, "int64") for s in shapes))
    check_whole_step(graph, 6, 3, "host")


def test_a_weight_that_a_product_with_itself_replaces() -> None:
    """Whatever the layout in which a weight suits its products."""

    def step(w: Any, v: Any, x: Any, k: Any) -> Any:
        y = x @ v @ gg.permute_dims(w, (1, 0))
        return w @ gg.permute_dims(w, (1, 0)) @ w, v - gg.permute_dims(x, (1, 0)) @ (y @ w), gg.sum(y) * k

    graph = gg.trace(step, *(gg.Spec(s, "int64") for s in [(17, 9), (3, 9), ("N", 3), ()]))
    for target in ("host", "sse2"):
        check_whole_step(graph, 2, 1, target)
