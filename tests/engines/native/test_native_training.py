"""Training natively ends where training with NumPy ends, for every optimizer, loss and kind of layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from closeness import assert_near

import glassgrad as gg
from glassgrad.engines import StepGraph, engine
from glassgrad.engines.native import NativeEngine
from glassgrad.errors import ShapeError
from glassgrad.nn import losses
from glassgrad.training.step import TrainingStep, build_step
from random_graphs import assert_same_bits

Array = np.ndarray[Any, Any]


def native(step: StepGraph) -> Any:
    return NativeEngine().loop(step)


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
        batches = np.arange(24).reshape(6, 4) * 2
        reports = loop.run(
            state, [np.arange(50)], batches, [np.arange(6)], [np.array(1 << 62)], np.zeros(1, np.uint8)
        )
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
