"""Each verdict has a network that earns it: the fault is named, with its place and a number that was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import blobs, curve, digits, ends_in, prices, train, two_moons, yes_or_no

import glassgrad as gg
from glassgrad import examples, nn, optim
from glassgrad.explaining.diagnosis import Diagnosis, Verdict

XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
PARITY = np.array([[0.0], [1.0], [1.0], [0.0]])
ADAM = optim.Adam(lr=3e-3)


def only(found: Diagnosis) -> Verdict:
    assert len(found) == 1, found
    return found[0]


def scaled(model: nn.Sequential, by: float) -> nn.Sequential:
    """Multiply every weight."""
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.weight.assign(layer.weight.numpy() * by)
    return model


# --- units ---


def test_saturated_tanh() -> None:
    model = scaled(nn.mlp(64, 64, 10, activation="tanh", seed=0), 100)
    verdict = only(gg.diagnose(model, *digits()))
    assert (verdict.key, str(verdict.place), verdict.severity) == ("saturated", "layer 1", "fault")
    assert 0.9 <= verdict.evidence <= 1
    assert f"{verdict.evidence:.0%}" in verdict.finding.en


def test_saturated_sigmoid_names_its_units() -> None:
    X, y = yes_or_no()
    model = nn.Sequential(*nn.mlp(2, 2, 1, activation="sigmoid", seed=0))
    model[0].weight.assign(np.array([[0.1, 0.2], [0.3, -0.1]], np.float32))
    model[0].bias.assign(np.array([0.0, 20.0], np.float32))
    verdict = only(gg.diagnose(model, X, y, loss="binary_cross_entropy_with_logits"))
    assert (verdict.key, verdict.place.name, verdict.evidence) == ("saturated", "1", 1.0)
    assert "1 of 2 units (1)" in verdict.finding.en


def test_a_network_that_has_learnt_may_be_saturated() -> None:
    model = nn.mlp(2, 4, 1, activation="tanh", dtype="float64", seed=0)
    model[0].weight.assign(1e3 * np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]))
    model[0].bias.assign(1e3 * np.array([-0.5, -1.5, -0.5, -0.5]))
    model[2].weight.assign([[0.5, -0.5, 0.0, 0.0]])
    model[2].bias.assign([0.0])
    assert "saturated" not in gg.diagnose(model, XOR, PARITY, loss="mse")


def test_dead_relu() -> None:
    model = nn.mlp(64, [64, 32], 10, seed=0)
    bias = np.zeros(64, np.float32)
    bias[8:] = -100
    model[0].bias.assign(bias)
    verdict = only(gg.diagnose(model, *digits()))
    assert (verdict.key, str(verdict.place), verdict.severity) == ("dead-relu", "layer 1", "warning")
    assert verdict.evidence >= 56 / 64
    assert "8, 9, 10" in verdict.finding.en


def test_few_rows_prove_no_relu_dead() -> None:
    model = nn.mlp(2, 4, 1, dtype="float64", seed=0)
    model[0].weight.assign([[1.0, 1.0], [-1.0, -1.0], [-1.0, -2.0], [-2.0, -1.0]])
    assert "dead-relu" not in gg.diagnose(model, XOR, PARITY, loss="mse")
    model[0].weight.assign(-np.ones((4, 2)))
    assert "dead-relu" in gg.diagnose(model, XOR, PARITY, loss="mse")


# --- gradients ---


def test_vanishing_gradient() -> None:
    model = nn.mlp(64, [32] * 10, 10, activation="sigmoid", seed=0)
    verdict = only(gg.diagnose(model, *digits(), optimizer=ADAM))
    assert (verdict.key, str(verdict.place)) == ("vanishing-gradient", "layer 0")
    assert 0 < verdict.evidence < 1e-4


def test_exploding_gradient() -> None:
    model = scaled(nn.mlp(64, [32] * 12, 10, seed=0), 4)
    verdict = only(gg.diagnose(model, *digits()))
    assert (verdict.key, str(verdict.place)) == ("exploding-gradient", "layer 0")
    assert verdict.evidence > 1e4


def test_no_gradient_passes_a_step() -> None:
    model = nn.Sequential(nn.Linear(2, 3, seed=0), nn.Step(), nn.Linear(3, 1, seed=1))
    found = gg.diagnose(model, *curve_of_two(), loss="mse")
    assert (found[0].key, str(found[0].place), found[0].evidence) == ("no-gradient", "layer 1", 0.0)


def curve_of_two() -> tuple[Any, Any]:
    X, y = prices()
    return X[:, :2], y


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("start", [0.0, 0.1])
def test_symmetric_initialisation(start: float, trained: bool) -> None:
    model = nn.Sequential(nn.Linear(64, 32, seed=0), nn.Tanh(), nn.Linear(32, 10, seed=1))
    for layer in (model[0], model[2]):
        layer.weight.assign(np.full(layer.weight.shape, start, np.float32))
        layer.bias.assign(np.zeros(layer.bias.shape, np.float32))
    X, y = digits()
    if trained:
        train(model, X, y, optimizer=optim.SGD(lr=0.1), epochs=2)
    found = gg.diagnose(model, X, y)
    assert (found[0].key, str(found[0].place)) == ("symmetric-initialization", "parameter 0.weight")
    assert found[0].evidence == 1


def test_symmetry_of_weights_that_somebody_holds_himself() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            self.W = nn.Parameter(np.full((6, 4), 0.3))
            self.V = nn.Parameter(np.full((4, 3), 0.3))

        def forward(self, x: Any) -> Any:
            return gg.tanh(x @ self.W) @ self.V

    found = gg.diagnose(Own(), *blobs())
    assert ("symmetric-initialization", "parameter W") in [(v.key, str(v.place)) for v in found]


# --- the rate ---


@pytest.mark.parametrize(
    ("optimizer", "trained"),
    [
        (optim.SGD(lr=10.0), False),
        (optim.SGD(lr=10.0), True),
        (optim.Adam(lr=1.0), False),
        (optim.Momentum(lr=2.0), True),
        (optim.RMSprop(lr=0.1), False),
    ],
)
def test_rate_too_high(optimizer: optim.Optimizer, trained: bool) -> None:
    X, y = digits()
    model = nn.mlp(64, 64, 10, seed=0)
    if trained:
        train(model, X, y, optimizer=optimizer, epochs=3)
    found = gg.diagnose(model, X, y, optimizer=optimizer)
    assert (found[0].key, str(found[0].place)) == ("rate-too-high", "setting lr")
    assert found[0].evidence >= 0.3
    assert f"lr={optimizer.lr:g}" in found[0].finding.en


@pytest.mark.parametrize("optimizer", [optim.SGD(lr=1e-5), optim.Adam(lr=1e-7)])
def test_rate_too_low(optimizer: optim.Optimizer) -> None:
    verdict = only(gg.diagnose(nn.mlp(64, 64, 10, seed=0), *digits(), optimizer=optimizer))
    assert (verdict.key, str(verdict.place)) == ("rate-too-low", "setting lr")
    assert verdict.evidence <= 1e-4


def test_the_better_rate_that_a_verdict_names_is_better() -> None:
    X, y = digits()
    found = gg.diagnose(nn.mlp(64, 64, 10, seed=0), X, y, optimizer=optim.SGD(lr=10.0))
    better = float(found[0].fix.en.partition("lr=")[2].split()[0])
    losses = [
        train(nn.mlp(64, 64, 10, seed=0), X, y, optimizer=optim.SGD(lr=lr), epochs=5)["loss"][-1]
        for lr in (better, 10.0)
    ]
    assert losses[0] < 0.5 * losses[1]


def test_a_history_that_ended_in_nan_blames_the_rate() -> None:
    X, y = prices()
    model = nn.mlp(8, [64, 64], 1, seed=0)
    with pytest.warns(UserWarning, match="loss became"):
        history = train(model, X, y, optimizer=optim.SGD(lr=50.0), epochs=3)
    verdict = only(gg.diagnose(model, X, y, history=history))
    assert (verdict.key, str(verdict.place)) == ("rate-too-high", "setting lr")


# --- data ---


def test_unscaled_inputs_name_the_column() -> None:
    X, y = blobs()
    X = X.copy()
    X[:, 4] = 2000 + 10 * X[:, 4]
    verdict = only(gg.diagnose(nn.mlp(6, 16, 3, seed=0), X, y))
    assert (verdict.key, str(verdict.place)) == ("unscaled-inputs", "column 4")
    assert verdict.evidence == pytest.approx(np.sqrt(np.mean(X[:, 4].astype(np.float64) ** 2)))


def test_inputs_that_are_too_small() -> None:
    X, y = blobs()
    verdict = only(gg.diagnose(nn.mlp(6, 16, 3, seed=0), X / 1000, y))
    assert (verdict.key, round(verdict.evidence, 4)) == ("unscaled-inputs", 0.001)


def rare_class() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 5)).astype(np.float32)
    return X, (X[:, 0] + 0.5 * rng.normal(size=1500) > 2.4).astype(np.int64)


def test_class_imbalance() -> None:
    X, y = rare_class()
    model = nn.mlp(5, 16, 2, seed=0)
    train(model, X, y, optimizer=ADAM, epochs=3)
    verdict = only(gg.diagnose(model, X, y))
    assert (verdict.key, str(verdict.place)) == ("class-imbalance", "class 1")
    assert verdict.evidence == pytest.approx(y.mean())
    weighted = nn.losses.CrossEntropy(class_weight=[1.0, 50.0])
    assert list(gg.diagnose(model, X, y, loss=weighted)) == []


def test_class_imbalance_of_one_output() -> None:
    X, y = rare_class()
    target = y[:, None].astype(np.float32)
    for model, loss in (
        (nn.mlp(5, 8, 1, seed=0), "binary_cross_entropy_with_logits"),
        (ends_in(nn.Sigmoid(), 5, 8, 1, seed=0)(), "binary_cross_entropy"),
    ):
        train(model, X, target, loss=loss, optimizer=ADAM, epochs=3)
        assert str(only(gg.diagnose(model, X, target, loss=loss)).place) == "class 1"


def test_a_rare_class_that_is_recognised_is_no_fault() -> None:
    X, y = blobs(2)
    keep = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:10]])
    model = nn.mlp(6, 16, 2, seed=0)
    train(model, X[keep], y[keep], optimizer=ADAM, epochs=40)
    assert list(gg.diagnose(model, X[keep], y[keep])) == []


def test_overfitting() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 20)).astype(np.float32), rng.integers(0, 2, 60)
    train_rows, held = (X[:40], y[:40]), (X[40:], y[40:])
    model = nn.mlp(20, 128, 2, seed=0)
    history = train(model, *train_rows, optimizer=ADAM, epochs=80, validation=held)
    by_rows = only(gg.diagnose(model, *train_rows, validation=held))
    by_history = only(gg.diagnose(model, *train_rows, history=history))
    assert by_rows.key == by_history.key == "overfitting"
    assert by_rows.evidence == pytest.approx(by_history.evidence, rel=0.2)


def test_two_sure_mistakes_are_no_overfitting() -> None:
    X, y = blobs(2, rows=200)
    model = nn.mlp(6, 16, 2, seed=0)
    train(model, X, y, optimizer=optim.Adam(lr=0.01), epochs=40)
    held, wrong = X[:50], y[:50].copy()
    wrong[:2] = 1 - wrong[:2]
    assert list(gg.diagnose(model, X, y, validation=(held, wrong))) == []
    wrong[:20] = 1 - y[:20]
    assert only(gg.diagnose(model, X, y, validation=(held, wrong))).key == "overfitting"


# --- the network ---


def test_missing_bias_is_slow_not_impossible() -> None:
    example = examples.get("xor-no-bias")
    assert isinstance(example, examples.NetworkExample)
    model, history = example.train()
    verdict = only(gg.diagnose(model, example.X, example.y, loss=example.loss, history=history))
    assert (verdict.key, str(verdict.place), verdict.severity) == ("missing-bias", "layer 0", "warning")
    assert verdict.title.en == "slow for want of a bias"
    assert "not impossible" in verdict.cause.en
    assert verdict.evidence < 0.01


@pytest.mark.parametrize("between", [[], [nn.Identity()], [nn.Dropout(0.3)]])
def test_linear_layers_in_a_row(between: list[nn.Module]) -> None:
    model = nn.Sequential(nn.Linear(64, 32, seed=0), *between, nn.Linear(32, 10, seed=1))
    verdict = only(gg.diagnose(model, *digits()))
    assert (verdict.key, str(verdict.place)) == ("linear-layers", f"layer {1 + len(between)}")
    assert verdict.evidence == pytest.approx((65 * 32 + 33 * 10) / (65 * 10))


@pytest.mark.parametrize("trained", [False, True])
def test_softmax_twice(trained: bool) -> None:
    X, y = digits()
    model = ends_in(nn.Softmax(), 64, 32, 10, seed=0)()
    if trained:
        train(model, X, y, optimizer=ADAM, epochs=3)
    verdict = only(gg.diagnose(model, X, y))
    assert (verdict.key, str(verdict.place)) == ("softmax-twice", "layer 3")
    perfect = gg.nn.losses.CrossEntropy()(np.eye(10), np.arange(10)).item()
    assert verdict.evidence == pytest.approx(perfect)


def test_sigmoid_twice() -> None:
    model = ends_in(nn.Sigmoid(), 2, 16, 1, seed=0)()
    verdict = only(gg.diagnose(model, *yes_or_no(), loss="binary_cross_entropy_with_logits"))
    assert (verdict.key, str(verdict.place)) == ("sigmoid-twice", "layer 3")
    assert verdict.evidence == pytest.approx(np.log(2))


def test_targets_out_of_reach() -> None:
    X, y = curve()
    verdict = only(gg.diagnose(ends_in(nn.Sigmoid(), 1, 16, 1, activation="tanh", seed=0)(), X, y))
    assert (verdict.key, str(verdict.place)) == ("targets-out-of-reach", "layer 3")
    assert verdict.evidence == pytest.approx(np.mean((y < 0) | (y > 1)))


def test_slow_start_of_sigmoid_and_squared_error() -> None:
    """One neuron at w = b = 2 that is to learn 0 from 1: the textbook's example."""
    model = nn.Sequential(nn.Linear(1, 1, dtype="float64"), nn.Sigmoid())
    model[0].weight.assign([[2.0]])
    model[0].bias.assign([2.0])
    verdict = only(gg.diagnose(model, np.ones((1, 1)), np.zeros((1, 1)), loss="half_mse"))
    assert (verdict.key, str(verdict.place)) == ("sigmoid-squared-error", "layer 1")
    output = 1 / (1 + np.exp(-4))
    assert verdict.evidence == pytest.approx(output * (1 - output))
    model[0].weight.assign([[0.6]])
    model[0].bias.assign([0.9])
    assert list(gg.diagnose(model, np.ones((1, 1)), np.zeros((1, 1)), loss="half_mse")) == []


def test_a_saddle_is_a_plateau() -> None:
    model = scaled(nn.mlp(2, 8, 1, activation="tanh", dtype="float64", seed=0), 1e-4)
    verdict = only(gg.diagnose(model, XOR - 0.5, PARITY - 0.5, optimizer=optim.SGD(lr=0.2)))
    assert (verdict.key, verdict.severity) == ("plateau", "fault")
    assert verdict.evidence < 1e-8


def test_a_local_minimum() -> None:
    """Two hidden units that learn XOR from some first weights, and from others end at a loss of 1/8."""
    sgd, losses, found = optim.SGD(lr=2.0), [], []
    for seed in (0, 2):
        model = ends_in(nn.Sigmoid(), 2, 2, 1, activation="sigmoid", dtype="float64", seed=seed)()
        settings = {"optimizer": sgd, "loss": "mse", "epochs": 8000, "batch_size": 4}
        losses.append(train(model, XOR, PARITY, **settings)["loss"][-1])
        found.append(gg.diagnose(model, XOR, PARITY, loss="mse", optimizer=sgd))
    assert losses[0] < 1e-3
    assert losses[1] == pytest.approx(0.125, abs=1e-3)
    assert list(found[0]) == []
    assert only(found[1]).key == "plateau"


def test_rows_without_anything_to_learn_are_no_plateau() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 1)).astype(np.float32), rng.normal(size=(200, 1)).astype(np.float32)
    model = nn.Sequential(nn.Linear(1, 1, seed=0))
    train(model, X, y, optimizer=optim.SGD(lr=0.1), epochs=30)
    assert list(gg.diagnose(model, X, y, optimizer=optim.SGD(lr=0.1))) == []


def test_two_moons_are_not_learnt_by_one_linear_map_and_nobody_is_blamed() -> None:
    X, y = two_moons()
    model = nn.Sequential(nn.Linear(2, 2, seed=0))
    train(model, X, y, optimizer=optim.SGD(lr=0.1), epochs=20)
    assert list(gg.diagnose(model, X, y, optimizer=optim.SGD(lr=0.1))) == []


def test_a_rate_at_which_everything_diverges_is_compared_with_one_at_which_nothing_does() -> None:
    X, y = prices()
    verdict = only(gg.diagnose(nn.mlp(8, [64, 64], 1, seed=0), X, y, optimizer=optim.SGD(lr=30.0)))
    assert verdict.key == "rate-too-high"
    assert "no number" in verdict.finding.en
    better = float(verdict.fix.en.partition("lr=")[2].split()[0])
    history = train(nn.mlp(8, [64, 64], 1, seed=0), X, y, optimizer=optim.SGD(lr=better), epochs=20)
    assert history["loss"][-1] < 0.7 * history["loss"][0]
