"""The training loop replays a step as often as there are mini-batches, and gives what the interpreter gives."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines import StepGraph, engine
from glassgrad.engines.numpy import chains, interpret
from glassgrad.graph import differentiate, evaluate
from glassgrad.tensors import T
from random_graphs import assert_same_bits

RNG = np.random.default_rng(0)
ROWS, WIDE = 23, 4


def step_graph(dtype: str = "float64") -> StepGraph:
    """Return a step of momentum on a small network; the state also has a buffer, a constant and a count."""

    def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
        return gg.mean(gg.square(gg.tanh(x @ w) @ b - y))

    shapes: list[tuple[Any, ...]] = [(WIDE, 3), (3,), ("N", WIDE), ("N",)]
    both = differentiate(gg.trace(loss, *(gg.Spec(s, dtype) for s in shapes)), [0, 1])

    def step(
        w: Any, b: Any, vw: Any, vb: Any, seen: Any, fixed: Any, x: Any, y: Any, unread: Any, lr: Any, mu: Any
    ) -> Any:
        value, gw, gb = evaluate(T, both, [w, b, x, y])
        vw, vb = vw * mu + gw, vb * mu + gb
        return (
            w - vw * lr,
            b - vb * lr,
            vw,
            vb,
            seen + gg.sum(gg.astype(x[:, 0] > 0, dtype)),
            fixed,
            value,
            gg.max(gw),
        )

    state: list[tuple[Any, ...]] = [(WIDE, 3), (3,), (WIDE, 3), (3,), (), (2,)]
    graph = gg.trace(step, *(gg.Spec(s, dtype) for s in [*state, *shapes[2:], ("N",), (), ()]))
    return StepGraph(graph, state=6, rows=3, each=1, fixed=1)


def start(dtype: str = "float64") -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    shapes: list[tuple[int, ...]] = [(WIDE, 3), (3,), (WIDE, 3), (3,), (), (2,)]
    return [np.asarray(rng.normal(size=s) * (i < 2 or i == 5), dtype) for i, s in enumerate(shapes)]


def data(dtype: str = "float64") -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [np.asarray(rng.normal(size=s), dtype) for s in ((ROWS, WIDE), (ROWS,), (ROWS,))]


def batches(size: int, epochs: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    orders = [rng.permutation(ROWS) for _ in range(epochs)]
    return [order[i : i + size] for order in orders for i in range(0, ROWS, size)]


def by_interpreter(
    step: StepGraph, chosen: list[np.ndarray], rates: np.ndarray, dtype: str
) -> tuple[Any, Any]:
    state, rows, reports = start(dtype), data(dtype), []
    for batch, rate in zip(chosen, rates, strict=True):
        out = interpret(step.graph, [*state, *(r[batch] for r in rows), rate, np.asarray(0.9, dtype)])
        state, report = out[: step.state], out[step.state :]
        reports.append([float(r) for r in report])
    return state, np.array(reports)


def run(
    step: StepGraph,
    state: list[np.ndarray],
    chosen: list[np.ndarray],
    rates: Any,
    dtype: str,
    loop: Any = None,
) -> Any:
    loop = loop or engine("numpy").loop(step)
    return by_size(loop, state, data(dtype), chosen, [rates], [np.asarray(0.9, dtype)])


def by_size(loop: Any, state: Any, rows: Any, chosen: Any, each: Any, fixed: Any) -> np.ndarray:
    """Run mini-batches of any sizes: a call for each stretch of equal ones."""
    reports, done = [np.empty((0, 2))], 0
    for _, part in groupby(chosen, len):
        batches = np.stack(list(part))
        now = [e[done : done + len(batches)] for e in each]
        found = loop.run(state, rows, batches, now, fixed, np.zeros(1, np.uint8))
        reports.append(found.reshape(len(found), -1))
        done += len(batches)
    return np.concatenate([r for r in reports if len(r)] or reports)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 5, 8, 23])
@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "in pieces"])
def test_uneven_mini_batches(size: int, dtype: str, pieces: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if pieces:
        monkeypatch.setattr(chains, "_PIECE", 32)
        monkeypatch.setattr(chains, "_LEAST", 8)
    step, chosen = step_graph(dtype), batches(size, 2)
    rates = np.asarray(np.linspace(0.1, 0.01, len(chosen)), dtype)
    state = start(dtype)
    reports = run(step, state, chosen, rates, dtype)
    expected, expected_reports = by_interpreter(step, chosen, rates, dtype)
    assert_same_bits(state, expected)
    assert_same_bits([reports], [expected_reports])


def test_sizes_may_alternate() -> None:
    step = step_graph()
    rng = np.random.default_rng(5)
    chosen = [rng.permutation(ROWS)[:n] for n in (3, 1, 1, 7, 3, 1, 23, 7)]
    rates = np.full(len(chosen), 0.05)
    state = start()
    reports = run(step, state, chosen, rates, "float64")
    expected, expected_reports = by_interpreter(step, chosen, rates, "float64")
    assert_same_bits(state, expected)
    assert_same_bits([reports], [expected_reports])


def test_many_calls_are_one_long_call() -> None:
    step, chosen = step_graph(), batches(5, 3)
    rates = np.full(len(chosen), 0.05)
    whole = start()
    expected = run(step, whole, chosen, rates, "float64")
    state, loop, reports = start(), engine("numpy").loop(step), []
    for cut in (slice(0, 1), slice(1, 4), slice(4, 5), slice(5, None)):
        reports.append(run(step, state, chosen[cut], rates[cut], "float64", loop))
    assert_same_bits([np.concatenate(reports)], [expected])
    assert_same_bits(state, whole)


def test_a_loop_goes_on_from_copies_of_an_earlier_state() -> None:
    step, chosen = step_graph(), batches(8)
    rates = np.full(len(chosen), 0.05)
    loop, state = engine("numpy").loop(step), start()
    run(step, state, chosen[:1], rates[:1], "float64", loop)
    kept = [a.copy() for a in state]
    first = run(step, state, chosen[1:], rates[1:], "float64", loop)
    after = [a.copy() for a in state]
    again = [a.copy() for a in kept]
    assert_same_bits([run(step, again, chosen[1:], rates[1:], "float64", loop)], [first])
    assert_same_bits(again, after)


def test_data_are_not_written_to() -> None:
    step, rows = step_graph(), data()
    kept = [r.copy() for r in rows]
    for r in rows:
        r.flags.writeable = False
    chosen = batches(5)
    loop = engine("numpy").loop(step)
    by_size(loop, start(), rows, chosen, [np.full(len(chosen), 0.1)], [np.array(0.9)])
    assert_same_bits(rows, kept)


def test_the_flag_stops_after_the_step_at_hand() -> None:
    step, chosen = step_graph(), batches(5)
    stop = np.ones(1, np.uint8)
    state = start()
    rates = np.full(len(chosen), 0.1)
    reports = (
        engine("numpy").loop(step).run(state, data(), np.stack(chosen[:4]), [rates], [np.array(0.9)], stop)
    )
    assert reports.shape == (1, 2)
    expected, _ = by_interpreter(step, chosen[:1], rates[:1], "float64")
    assert_same_bits(state, expected)


def test_no_batches_no_steps() -> None:
    state, none = start(), np.zeros(1, np.uint8)
    batches = np.empty((0, 5), np.int64)
    reports = engine("numpy").loop(step_graph()).run(state, data(), batches, [np.zeros(0)], [0.9], none)
    assert reports.shape == (0, 2)
    assert_same_bits(state, start())


def test_weights_in_any_order_of_memory() -> None:
    step, chosen = step_graph(), batches(8)
    rates = np.full(len(chosen), 0.1)
    state = [np.asfortranarray(a) if a.ndim > 1 else a for a in start()]
    run(step, state, chosen, rates, "float64")
    assert_same_bits(state, by_interpreter(step, chosen, rates, "float64")[0])


def test_what_is_written_over_its_input_is_never_read_again() -> None:
    def step(a: Any, b: Any, c: Any, d: Any, x: Any) -> Any:
        new_a = a * 0.5 + gg.sum(x)
        new_b = b + a  # reads the old a, after the new one
        new_c = c * gg.sum(gg.reshape(c, (-1,)))  # a view of itself
        return new_a, new_b, new_c, a + d, gg.sum(new_a * a)

    graph = gg.trace(step, *(gg.Spec(s) for s in [(3,), (3,), (3,), (3,), ("N",)]))
    both = StepGraph(graph, state=4, rows=1, each=0, fixed=0)
    state = [RNG.normal(size=3) for _ in range(4)]
    expected = [a.copy() for a in state]
    rows, chosen = [RNG.normal(size=6)], [np.arange(4), np.arange(1), np.arange(2, 6), np.arange(5, 6)]
    reports = []
    for batch in chosen:
        *expected, report = interpret(graph, [*expected, rows[0][batch]])
        reports.append([float(report)])
    found = by_size(engine("numpy").loop(both), state, rows, chosen, [], [])
    assert_same_bits(state, expected)
    assert_same_bits([found], [np.array(reports)])
