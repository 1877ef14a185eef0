"""`train_step`: the steps of `fit` one at a time, in a loop of one's own."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DataError, DTypeError, OptionError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 5))
Y = np.sin(X @ RNG.normal(size=(5, 2)))
LABELS = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)
ENGINES = pytest.mark.parametrize("engine", ["native", "numpy"])


def network(out: int = 2, dtype: str = "float64", **options: Any) -> gg.nn.Module:
    return gg.nn.mlp(5, [7], out, activation="tanh", dtype=dtype, seed=1, **options)


def batches_of(size: int) -> np.ndarray:
    return np.arange(90).reshape(-1, size)


def assert_same(model: gg.nn.Module, other: gg.nn.Module, rtol: float = 0.0) -> None:
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=rtol, atol=rtol)


# --- the steps are those of fit ---


@ENGINES
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adamw"])
def test_steps_are_those_of_fit(engine: str, optimizer: str) -> None:
    ours, theirs = network(), network()
    settings = {"optimizer": optimizer, "lr": 0.05, "weight_decay": 0.1, "clip_norm": 1.0, "clip_value": 0.3}
    step = gg.train_step(ours, "mse", engine=engine, **settings)
    losses = [[step(X[rows], Y[rows]) for rows in batches_of(30)] for _ in range(3)]
    history = gg.fit(
        theirs,
        X,
        Y,
        loss="mse",
        epochs=3,
        batch_size=30,
        shuffle=False,
        progress=False,
        engine=engine,
        **settings,
    )
    np.testing.assert_allclose(np.mean(losses, axis=1), history["loss"], rtol=1e-14)
    assert_same(ours, theirs)
    assert step.steps == 9


@ENGINES
def test_many_steps_in_one_call_are_single_ones(engine: str) -> None:
    weight = RNG.random(90)
    single, many = network(3), network(3)
    one, several = (gg.train_step(m, "cross_entropy", "adam", lr=0.01, engine=engine) for m in (single, many))
    batches = RNG.integers(0, 90, (12, 10))
    losses = [one(X[rows], LABELS[rows], weight[rows]) for rows in batches]
    found = several.many(X, LABELS, batches, weight)
    assert found.tolist() == losses
    assert found.dtype == np.float64
    assert_same(single, many)
    assert several.steps == 12
    assert several.many(X, LABELS, np.empty((0, 4), int)).shape == (0,)


def test_dropout_follows_the_rows_as_in_fit() -> None:
    ours, theirs = (network(dropout=0.4) for _ in range(2))
    step = gg.train_step(ours, "mse", "adam", seed=5)
    for _ in range(2):
        step.many(X, Y, batches_of(30))
    gg.fit(theirs, X, Y, loss="mse", epochs=2, batch_size=30, shuffle=False, seed=5, progress=False)
    assert_same(ours, theirs)
    assert all(module.training for module in ours.modules())


@ENGINES
def test_the_last_mini_batch_may_be_smaller(engine: str) -> None:
    ours, theirs = network(), network()
    step = gg.train_step(ours, "mse", "adam", engine=engine)
    for _ in range(2):
        for start in range(0, 90, 40):
            step(X[start : start + 40], Y[start : start + 40])
    gg.fit(theirs, X, Y, loss="mse", epochs=2, batch_size=40, shuffle=False, progress=False, engine=engine)
    assert_same(ours, theirs)


def test_the_loss_is_that_before_the_update() -> None:
    model = network()
    expected = np.mean((model(X).detach().numpy() - Y) ** 2)
    assert gg.train_step(model, "mse", "sgd")(X, Y) == pytest.approx(expected)


def test_the_step_is_a_gradient_descent_step() -> None:
    model, lr = network(), 0.1
    before = [p.numpy().copy() for p in model.parameters()]
    gg.mean((model(X) - Y) ** 2).backward()
    gradients = [p.grad.numpy() for p in model.parameters() if p.grad is not None]
    gg.train_step(model, "mse", "sgd", lr=lr)(X, Y)
    for p, old, gradient in zip(model.parameters(), before, gradients, strict=True):
        np.testing.assert_allclose(p.numpy(), old - lr * gradient, rtol=1e-12)


# --- between the steps ---


@ENGINES
def test_weights_assigned_in_between_are_used(engine: str) -> None:
    model, fresh = network(), network()
    step = gg.train_step(model, "mse", "sgd", lr=0.1, engine=engine)
    first = step(X, Y)
    assert step(X, Y) < first
    model.load_state_dict(fresh.state_dict())
    assert step(X, Y) == first


@ENGINES
def test_the_rate_can_be_set_between_steps(engine: str) -> None:
    model = network()
    step = gg.train_step(model, "mse", "sgd", lr=0.1, engine=engine)
    step(X, Y)
    kept = model.state_dict()
    step.lr = 0
    step(X, Y)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, kept[name])
    assert step.lr == 0.0
    for wrong in (-1.0, float("nan"), "fast"):
        with pytest.raises(OptionError, match="train_step: lr must be a number with 0 ≤ lr"):
            step.lr = wrong  # type: ignore[assignment]


@ENGINES
def test_a_training_can_go_on_from_a_state(engine: str) -> None:
    def stepper(model: gg.nn.Module) -> Any:
        return gg.train_step(model, "mse", "adam", lr=0.02, engine=engine)

    whole, first, second = network(), network(), network()
    step = stepper(whole)
    assert set(step.state()) == {*(f"model.{name}" for name in whole.state_dict()), "step"}
    for _ in range(6):
        step(X, Y)
    begun = stepper(first)
    for _ in range(3):
        begun(X, Y)
    state = begun.state()
    assert state["step"] == 3
    assert {"optimizer.0.weight.exp_avg", "optimizer.2.bias.exp_avg_sq"} <= set(state)
    begun(X, Y)  # what was taken is a copy
    going_on = stepper(second)
    going_on.start_with(state)
    for _ in range(3):
        going_on(X, Y)
    assert_same(second, whole)
    assert going_on.steps == 6
    begun.start_with(state)
    for _ in range(3):
        begun(X, Y)
    assert_same(first, whole)


def test_a_state_that_does_not_fit_is_refused_whole() -> None:
    model = network()
    step = gg.train_step(model, "mse", "adam")
    step(X, Y)
    before = step.state()
    changed = {"model.0.bias": np.zeros(7)}
    with pytest.raises(OptionError, match=r"no 'model\.0\.bia' .* Did you mean 'model\.0\.bias'"):
        step.start_with({**changed, "model.0.bia": np.zeros(7)})
    with pytest.raises(
        ShapeError, match=r"'optimizer\.0\.bias\.exp_avg' has shape \(3,\), but is \(7,\) here"
    ):
        step.start_with({**changed, "optimizer.0.bias.exp_avg": np.zeros(3)})
    for key, array in step.state().items():
        np.testing.assert_array_equal(array, before[key])


def test_arrays_of_other_shapes_and_weights_share_the_state() -> None:
    model = gg.nn.Sequential(gg.nn.Linear(3, 2, seed=0, dtype="float64"))
    step = gg.train_step(model, "mse", "momentum", lr=0.01)
    X3, Y3 = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))
    step(X3, Y3)
    step(X3, Y3, np.ones(6))
    step(X3.reshape(3, 2, 3), Y3.reshape(3, 2, 2))
    other = gg.nn.Sequential(gg.nn.Linear(3, 2, seed=0, dtype="float64"))
    again = gg.train_step(other, "mse", "momentum", lr=0.01)
    for _ in range(3):
        again(X3, Y3)
    assert_same(model, other, rtol=1e-12)
    assert step.steps == 3


def test_a_model_may_change_its_dtype() -> None:
    model = network()
    step = gg.train_step(model, "mse", "adam")
    step(X, Y)
    model.to("float32")
    step(X, Y)
    assert {str(p.dtype) for p in model.parameters()} == {"float32"}
    assert step.state()["optimizer.0.weight.exp_avg"].dtype == np.float32


def test_buffers_are_updated() -> None:
    class Centre(gg.nn.Module):
        def __init__(self) -> None:
            self.mean = gg.nn.Buffer(np.zeros(5))
            self.inner = gg.nn.Linear(5, 2, dtype="float64", seed=0)

        def forward(self, x: Any) -> Any:
            self.mean.update(gg.mean(x, axis=0))
            return self.inner(x - self.mean)

    model = Centre()
    step = gg.train_step(model, "mse", "sgd")
    step(X, Y)
    np.testing.assert_allclose(model.mean.numpy(), X.mean(axis=0), rtol=1e-12)
    assert "model.mean" in step.state()


# --- how it ends, and what it refuses ---


def test_a_loss_that_is_no_number_is_returned() -> None:
    step = gg.train_step(network(), "mse", "sgd", lr=1e300)
    with np.errstate(all="ignore"):
        losses = [step(X, Y) for _ in range(4)]
    assert np.isfinite(losses[0])
    assert not np.isfinite(losses[-1])


@ENGINES
def test_data_that_cannot_be_used_leaves_the_model_as_it_is(engine: str) -> None:
    model = network(3)
    step = gg.train_step(model, "cross_entropy", "adam", engine=engine)
    step(X, LABELS)
    before = model.state_dict()
    wrong: list[tuple[Any, Any, type[Exception], str]] = [
        (X, LABELS[:5], ShapeError, "one target for each row"),
        (X, None, DataError, "training needs targets"),
        (np.where(X > 1, np.nan, X), LABELS, DataError, "X holds nan in row"),
        (X, LABELS.astype("U1"), DataError, r"np\.unique"),
        (X, LABELS + 1, ShapeError, "label 3 is out of range"),
        (X.astype(object), LABELS, DTypeError, "objects"),
    ]
    for x, y, error, text in wrong:
        with pytest.raises(error, match=text):
            step(x, y)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert step.steps == 1
    assert np.isfinite(step(X, LABELS))


@pytest.mark.parametrize(
    ("batches", "text"),
    [
        ([1, 2], r"shape \(steps, rows\), but are int64 of shape \(2,\)"),
        ([[0.5]], "whole numbers .* float64"),
        (np.empty((2, 0), int), r"shape \(2, 0\)"),
        ([[0, 90]], "asks for row 90, but X has 90 rows"),
        ([[-1, 0]], "asks for row -1"),
    ],
)
def test_mini_batches_that_cannot_be(batches: Any, text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        gg.train_step(network(), "mse", "sgd").many(X, Y, batches)


def test_options_that_cannot_be() -> None:
    with pytest.raises(OptionError, match="no optimizer 'adma'"):
        gg.train_step(network(), "mse", "adma")
    with pytest.raises(OptionError, match="lr must be above 0"):
        gg.train_step(network(), "mse", "adam", lr=0)
    with pytest.raises(OptionError, match="clip_norm must be above 0"):
        gg.train_step(network(), "mse", "adam", clip_norm=-1.0)
    with pytest.raises(OptionError, match="no engine 'nmpy'"):
        gg.train_step(network(), "mse", "adam", engine="nmpy")
    with pytest.raises(OptionError, match="no parameters"):
        gg.train_step(gg.nn.ReLU(), "mse", "adam")
    with pytest.raises(OptionError, match="no loss 'msee'"):
        gg.train_step(network(), "msee", "adam")(X, Y)


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@ENGINES
def test_ctrl_c_ends_many_steps_and_keeps_what_was_learnt(engine: str) -> None:
    model = network()
    step = gg.train_step(model, "mse", "adam", engine=engine)
    step(X[:10], Y[:10])
    before = model.state_dict()
    batches = np.broadcast_to(np.arange(10), (50_000_000, 10))
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        step.many(X, Y, batches)
    assert time.perf_counter() - begin < 20
    assert 1 < step.steps < 50_000_000
    assert any((array != before[name]).any() for name, array in model.state_dict().items())
    assert step.state()["step"] == step.steps


# --- the plan ---


def test_the_plan_names_the_weights_and_takes_no_step() -> None:
    model = network(3)
    step = gg.train_step(model, "cross_entropy", "adam")
    text = step.plan(X[:16], LABELS[:16])
    assert text.startswith("train_step on mini-batches of 16 rows")
    assert "0.weight.exp_avg" in text
    assert step.steps == 0
    assert "define" in step.plan(X[:16], LABELS[:16], llvm=True)
    with pytest.raises(OptionError, match="runs with NumPy"):
        gg.train_step(model, "cross_entropy", "adam", engine="numpy").plan(X, LABELS)
