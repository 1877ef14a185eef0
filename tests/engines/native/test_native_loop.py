"""The native training loop ends where the NumPy engine's ends, for every optimizer, loss and kind of layer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wholes import whole_numbers, whole_steps

import glassgrad as gg
from glassgrad.engines import StepGraph, engine
from glassgrad.engines.native import NativeEngine
from glassgrad.engines.native.target import named
from glassgrad.engines.numpy import interpret
from glassgrad.errors import ShapeError
from glassgrad.graph import differentiate, evaluate
from glassgrad.ir import Graph
from glassgrad.nn import losses
from glassgrad.tensors import T
from glassgrad.training.step import TrainingStep, build_step
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


def assert_near(found: Sequence[Any], expected: Sequence[Any], dtype: Any) -> None:
    """Hold arrays against others, by the largest number of each."""
    room = 2e-4 if np.dtype(dtype) == np.float32 else 1e-10
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=0, atol=room * max(np.abs(b).max(), 1e-3), err_msg=f"array {i}")


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


# --- training ------------------------------------------------------------------------------------------------------

X = np.random.default_rng(6).normal(size=(40, 6))
LABELS = np.random.default_rng(7).integers(0, 3, 40)
SHARES = np.random.default_rng(8).dirichlet(np.ones(3), 40)


def train(
    name: str, made: TrainingStep, rows: Sequence[Array], steps: int = 12, size: int = 10
) -> list[Array]:
    """Return the state after some steps, and what they reported."""
    loop = native(made.step) if name == "native" else engine(name).loop(made.step)
    order = np.random.default_rng(0).integers(0, len(rows[0]), (steps, size))
    each = [np.full(steps, 0.01), np.arange(1, steps + 1)]
    state = [a.copy() for a in made.state]
    reports = loop.run(
        state, [*rows, np.arange(len(rows[0]))], order, each, made.fixed, np.zeros(1, np.uint8)
    )
    return [*(a.copy() for a in state), reports]


def check_training(
    model: Any,
    y: Array,
    loss: Any = "cross_entropy",
    optimizer: str = "sgd",
    dtype: str = "float64",
    x: Array = X,
    weighted: bool = False,
    size: int = 10,
    **options: Any,
) -> None:
    """Train with both engines, which must agree."""
    own = {k: options.pop(k) for k in ("weight_decay",) if k in options}
    x = x.astype(dtype) if x.dtype.kind == "f" else x
    y = y.astype(dtype) if y.dtype.kind == "f" else y
    criterion = losses.loss(loss) if isinstance(loss, str) else loss
    made = build_step(
        model, criterion, gg.optim.optimizer(optimizer, lr=0.01, **own), x, y, weighted=weighted, **options
    )
    weight = [np.asarray(np.random.default_rng(9).random(len(x)), dtype)] if weighted else []
    found, expected = (train(name, made, [x, y, *weight], size=size) for name in ("native", "numpy"))
    assert_near(found, expected, dtype)
    assert any((a != b).any() for a, b in zip(expected, made.state, strict=False)), "nothing was learnt"


def mlp(dtype: str = "float64", **options: Any) -> Any:
    return gg.nn.mlp(6, [9, 7], 3, dtype=dtype, seed=0, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", gg.optim.OPTIMIZERS.names())
def test_every_optimizer(name: str, dtype: str) -> None:
    check_training(mlp(dtype), LABELS, optimizer=name, dtype=dtype, weight_decay=0.1, clip_norm=0.3)


TARGETS = {
    "cross_entropy": LABELS,
    "binary_cross_entropy": np.eye(3)[LABELS],
    "binary_cross_entropy_with_logits": np.eye(3)[LABELS],
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", losses.LOSSES.names())
def test_every_loss(loss: str, weighted: bool) -> None:
    model = mlp()
    if loss == "binary_cross_entropy":
        model = gg.nn.Sequential(*model, gg.nn.Sigmoid())
    check_training(model, TARGETS.get(loss, SHARES), loss, weighted=weighted, clip_value=0.1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("labels", [True, False], ids=["labels", "probabilities"])
def test_cross_entropy(labels: bool, smoothing: float, dtype: str) -> None:
    loss = losses.loss("cross_entropy", label_smoothing=smoothing)
    check_training(mlp(dtype), LABELS if labels else SHARES, loss, dtype=dtype)


@pytest.mark.parametrize("name", gg.nn.ACTIVATIONS)
def test_every_activation(name: str) -> None:
    check_training(mlp(activation=name), LABELS)


class BatchNorm(gg.nn.Module):
    """Normalises the columns of a mini-batch, and remembers their means and variances."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale, self.shift = gg.nn.Parameter(np.ones(size)), gg.nn.Parameter(np.zeros(size))
        self.mean, self.var = gg.nn.Buffer(np.zeros(size)), gg.nn.Buffer(np.ones(size))
        self.count = gg.nn.Buffer(np.zeros((), np.int64))

    def forward(self, x: Any) -> Any:
        mean, var = gg.mean(x, axis=0), gg.var(x, axis=0)
        self.mean.update(self.mean * 0.9 + mean * 0.1)
        self.var.update(self.var * 0.9 + var * 0.1)
        self.count.update(self.count + 1)
        return (x - mean) / gg.sqrt(var + 1e-5) * self.scale + self.shift


class LayerNorm(gg.nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale, self.shift = gg.nn.Parameter(np.ones(size)), gg.nn.Parameter(np.zeros(size))

    def forward(self, x: Any) -> Any:
        mean, std = gg.mean(x, axis=-1, keepdims=True), gg.std(x, axis=-1, keepdims=True)
        return (x - mean) / (std + 1e-5) * self.scale + self.shift


class Embedding(gg.nn.Module):
    """Looks up a vector for each of several words, some of them twice in a row."""

    def __init__(self, words: int, size: int) -> None:
        super().__init__()
        self.table = gg.nn.Parameter(np.random.default_rng(0).normal(size=(words, size)))

    def forward(self, words: Any) -> Any:
        return gg.reshape(gg.take(self.table, words, axis=0), (words.shape[0], -1))


class Recurrent(gg.nn.Module):
    """Goes through the columns of its input one by one, and chooses how by what it has seen."""

    def __init__(self, size: int) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.w = gg.nn.Parameter(rng.normal(size=(size, size)) / size)
        self.u = gg.nn.Parameter(rng.normal(size=(1, size)))

    def forward(self, x: Any) -> Any:
        def step(h: Any, column: Any) -> Any:
            h = gg.cond(gg.sum(h) > 0, lambda h: gg.tanh(h @ self.w), lambda h: h @ self.w * 0.5, h)
            return h + gg.expand_dims(column, 1) @ self.u, gg.sum(h)

        h, sums = gg.scan(step, gg.zeros((x.shape[0], self.w.shape[0])), gg.permute_dims(x, (1, 0)))
        return h + gg.mean(sums)


LAYERS = {
    "batch norm": lambda: gg.nn.Sequential(gg.nn.Linear(6, 9, dtype="float64", seed=0), BatchNorm(9)),
    "layer norm": lambda: gg.nn.Sequential(gg.nn.Linear(6, 9, dtype="float64", seed=0), LayerNorm(9)),
    "recurrent": lambda: Recurrent(9),
    "dropout": lambda: mlp(dropout=0.3)[:-1],
}


@pytest.mark.parametrize("size", [10, 1])
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, size: int) -> None:
    layer = LAYERS[name]()
    width = 7 if name == "dropout" else 9
    model = gg.nn.Sequential(layer, gg.nn.Linear(width, 3, dtype="float64", seed=1))
    check_training(model, LABELS, size=size)


def words(dtype: str = "int64") -> Array:
    return np.random.default_rng(5).integers(0, 11, (40, 4)).astype(dtype)


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_an_embedding(optimizer: str, dtype: str) -> None:
    model = gg.nn.Sequential(Embedding(11, 5), gg.nn.Linear(20, 3, dtype="float64", seed=0))
    check_training(model, LABELS, optimizer=optimizer, x=words(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropout_draws_the_same_numbers(dtype: str) -> None:
    """What a step draws depends on seed, step and row, and neither on the engine nor on the mini-batch."""

    def step(last: Any, rows: Any, count: Any, seed: Any) -> Any:
        mask = gg.xp.random_uniform(seed, count, rows, node=5, shape=(3, 37), dtype=dtype) < 0.5
        return gg.sum(gg.astype(mask, dtype), axis=0) + last * 0, gg.sum(gg.astype(mask, dtype))

    specs = [gg.Spec((3, 37), dtype), *(gg.Spec(s, "int64") for s in (("N",), (), ()))]
    both = StepGraph(gg.trace(step, *specs), state=1, rows=1, each=1, fixed=1)
    results = []
    for loop in (native(both), engine("numpy").loop(both)):
        state = [np.zeros((3, 37), dtype)]
        reports = by_size(loop, state, [np.arange(50)], batches(4), [np.arange(6)], [np.array(1 << 62)])
        results.append([*state, reports])
    assert_same_bits(*results)


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("bad", [3, -1, 1 << 40])
def test_a_label_out_of_range_is_named(bad: int, smoothing: float) -> None:
    loss = losses.loss("cross_entropy", label_smoothing=smoothing)
    made = build_step(mlp(), loss, gg.optim.optimizer("sgd", lr=0.1), X, LABELS)
    labels = LABELS.copy()
    labels[:] = bad
    with pytest.raises(
        ShapeError, match=rf"^label {bad} is out of range: with 3 classes they go from 0 to 2$"
    ):
        train("native", made, [X, labels])
    assert_near(train("native", made, [X, LABELS]), train("numpy", made, [X, LABELS]), "float64")


def test_a_word_out_of_range_is_named_and_negative_ones_count_from_the_end() -> None:
    model = gg.nn.Sequential(Embedding(11, 5), gg.nn.Linear(20, 3, dtype="float64", seed=0))
    x = words()
    made = build_step(model, losses.loss("cross_entropy"), gg.optim.optimizer("sgd", lr=0.1), x, LABELS)
    assert_same_bits(train("native", made, [x - 11, LABELS]), train("native", made, [x, LABELS]))
    x[:, 2] = 11
    with pytest.raises(ShapeError, match=r"index 11 is out of range for an axis of size 11$"):
        train("native", made, [x, LABELS])


def test_a_loop_works_after_an_error_and_so_do_subnormal_numbers() -> None:
    made = build_step(
        mlp("float32"), losses.loss("cross_entropy"), gg.optim.optimizer("sgd", lr=0.1), np.float32(X), LABELS
    )
    loop, none = native(made.step), np.zeros(1, np.uint8)
    order, each = np.arange(40).reshape(4, 10), [np.full(4, 0.1), np.arange(1, 5)]

    def steps(labels: Array) -> list[Array]:
        state = [a.copy() for a in made.state]
        reports = loop.run(state, [np.float32(X), labels, np.arange(40)], order, each, made.fixed, none)
        return [*(a.copy() for a in state), reports]

    first = steps(LABELS)
    with pytest.raises(ShapeError, match="label 4 is out of range"):
        steps(LABELS * 0 + 4)
    assert_same_bits(steps(LABELS), first)
    assert (np.array([5e-324]) * 1.0)[0] != 0
    assert (np.array([1e-45], np.float32) * np.float32(1.0))[0] != 0
