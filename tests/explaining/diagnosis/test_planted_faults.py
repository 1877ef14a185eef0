"""One fault is planted in a run that is good without it: it is found, and its layer, row or setting is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import blobs, curve, digits, prices, train

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.explaining.diagnosis import Diagnosis

HOUSING = Path(__file__).parents[4] / "shared" / "data" / "california_housing" / "housing.csv"
ADAM = optim.Adam(lr=3e-3)


def places(found: Diagnosis) -> list[tuple[str, str]]:
    return [(verdict.key, str(verdict.place)) for verdict in found]


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Sequential, Any, Any]:
    """A good run: nothing is wrong with it."""
    X, y = digits()
    model = nn.mlp(64, [64, 32], 10, seed=0)
    train(model, X, y, optimizer=ADAM, epochs=6)
    assert list(gg.diagnose(model, X, y, optimizer=ADAM)) == []
    return model, X, y


def copy_of(model: nn.Sequential) -> nn.Sequential:
    copied = nn.mlp(64, [64, 32], 10, seed=0)
    copied.load_state_dict(model.state_dict())
    return copied


@pytest.mark.parametrize(("parameter", "layer"), [("0.bias", "layer 1"), ("2.bias", "layer 3")])
def test_a_dead_layer(trained: tuple[nn.Sequential, Any, Any], parameter: str, layer: str) -> None:
    model, X, y = trained
    broken = copy_of(model)
    state = broken.state_dict()
    state[parameter] -= 100
    broken.load_state_dict(state)
    found = gg.diagnose(broken, X, y, optimizer=ADAM)
    assert ("dead-relu", layer) in places(found)
    assert found[0].severity == "fault"


@pytest.mark.parametrize("activation", ["gelu", "silu", "elu", "softplus", "tanh", "sigmoid"])
def test_a_dead_layer_of_another_kind(activation: str) -> None:
    X, y = blobs()
    model = nn.mlp(6, [16, 16], 3, activation=activation, seed=0)
    train(model, X, y, optimizer=ADAM, epochs=10)
    assert list(gg.diagnose(model, X, y, optimizer=ADAM)) == []
    model[2].bias.assign(np.full(16, -100, np.float32))
    key = "saturated" if activation in ("tanh", "sigmoid") else "dead-relu"
    assert (key, "layer 3") in places(gg.diagnose(model, X, y, optimizer=ADAM))


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("optimizer", [ADAM, optim.SGD(lr=0.1)])
def test_inputs_times_1000(activation: str, optimizer: optim.Optimizer) -> None:
    X, y = digits()
    X = X * 1000
    model = nn.mlp(64, 64, 10, activation=activation, seed=0)
    assert "unscaled-inputs" in gg.diagnose(model, X, y, optimizer=optimizer)
    train(model, X, y, optimizer=optimizer, epochs=3)
    assert "unscaled-inputs" in gg.diagnose(model, X, y, optimizer=optimizer)


def test_one_column_times_1000() -> None:
    X, y = blobs()
    X = X.copy()
    X[:, 2] *= 1000
    model = nn.mlp(6, 16, 3, seed=0)
    train(model, X, y, optimizer=ADAM, epochs=5)
    assert ("unscaled-inputs", "column 2") in places(gg.diagnose(model, X, y, optimizer=ADAM))


@pytest.mark.parametrize("rate", [optim.SGD(lr=0.1), optim.Adam(lr=0.003), optim.Momentum(lr=0.02)])
def test_rate_times_100(rate: optim.Optimizer) -> None:
    from dataclasses import replace

    X, y = digits()
    model = nn.mlp(64, [64, 32], 10, seed=0)
    assert list(gg.diagnose(model, X, y, optimizer=rate)) == []
    high = replace(rate, lr=100 * rate.lr)
    history = train(model, X, y, optimizer=high, epochs=4)
    assert ("rate-too-high", "setting lr") in places(
        gg.diagnose(model, X, y, optimizer=high, history=history)
    )


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU])
@pytest.mark.parametrize("epochs", [0, 30])
def test_a_missing_bias(activation: type[nn.Module], epochs: int) -> None:
    """The same network with biases is healthy on the same rows."""
    X, y = curve()
    y = y + 2
    for bias in (True, False):
        model = nn.Sequential(nn.Linear(1, 32, bias, seed=0), activation(), nn.Linear(32, 1, bias, seed=1))
        if epochs:
            train(model, X, y, optimizer=optim.Adam(lr=0.01), epochs=epochs)
        found = gg.diagnose(model, X, y, optimizer=optim.Adam(lr=0.01))
        assert (("missing-bias", "layer 0") in places(found)) is not bias
        assert ("missing-bias" in found) is not bias


def test_nan_in_row_517(trained: tuple[nn.Sequential, Any, Any]) -> None:
    model, X, y = trained
    X = X.copy()
    X[517, 3] = np.nan
    found = gg.diagnose(model, X, y, optimizer=ADAM)
    assert places(found) == [("not-finite", "row 517")]
    assert "NaN in row 517, column 3" in found[0].finding.en
    assert "linear (layer 0)" in found[0].finding.en
    assert "517행" in found[0].finding.ko


def test_nan_in_a_row_that_no_sample_holds() -> None:
    """Of 5000 rows 1000 are examined; every one is searched."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5000, 8)).astype(np.float32), rng.integers(0, 2, 5000)
    model = nn.mlp(8, 8, 2, seed=0)
    for row in (0, 517, 1234, 4999):
        broken = X.copy()
        broken[row, 1] = np.inf
        assert ("not-finite", f"row {row}") in places(gg.diagnose(model, broken, y))


def test_infinity_in_a_target() -> None:
    X, y = prices()
    y = y.copy()
    y[300] = np.inf
    assert places(gg.diagnose(nn.mlp(8, 8, 1, seed=0), X, y)) == [("not-finite", "row 300")]


def test_nan_in_a_weight(trained: tuple[nn.Sequential, Any, Any]) -> None:
    model, X, y = trained
    broken = copy_of(model)
    weight = broken[2].weight.numpy().copy()
    weight[3, 4] = np.nan
    broken[2].weight.assign(weight)
    found = gg.diagnose(broken, X, y, optimizer=ADAM)
    assert places(found) == [("not-finite", "parameter 2.weight")]
    assert found[0].evidence == 1


class Logarithm(nn.Module):
    """A network that takes the logarithm of something that can be 0."""

    def __init__(self) -> None:
        self.inner = nn.Linear(8, 4, seed=0)
        self.outer = nn.Linear(4, 1, seed=1)

    def forward(self, x: Any) -> Any:
        size = gg.sum(gg.abs(x), axis=-1, keepdims=True)
        return self.outer(gg.tanh(self.inner(x))) + 0.0 * gg.log(size)


class Root(nn.Module):
    """A network whose output is a number where its derivative is none."""

    def __init__(self) -> None:
        self.layer = nn.Linear(8, 1, bias=False, seed=0)

    def forward(self, x: Any) -> Any:
        return gg.sqrt(gg.square(self.layer(x)))


@pytest.mark.parametrize(("network", "operation"), [(Logarithm, "log"), (Root, "sqrt")])
def test_the_operation_that_makes_the_first_nan(network: type[nn.Module], operation: str) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 8)).astype(np.float32), rng.normal(size=(3000, 1)).astype(np.float32)
    model = network()
    assert "not-finite" not in gg.diagnose(model, X, y)
    X[1717] = 0
    found = gg.diagnose(model, X, y)
    assert places(found)[0] == ("not-finite", "row 1717")
    line = next(
        n for n, text in enumerate(Path(__file__).read_text().splitlines(), 1) if f"gg.{operation}(" in text
    )
    assert f"{operation} ({__file__}:{line})" in found[0].finding.en
    assert " 0 " in found[0].finding.en


@pytest.mark.skipif(not HOUSING.exists(), reason="needs the shared housing table")
class TestHousing:
    """A learner on a table: columns, lines and settings are named as the table names them."""

    @staticmethod
    def learner(**recipe: Any) -> gg.Learner:
        from glassgrad.learner import Recipe

        settings = {"epochs": 3, **recipe}
        return gg.Learner.train(
            HOUSING, target="median_house_value", recipe=Recipe(**settings), progress=False
        )

    def test_a_good_run_gets_no_verdict(self) -> None:
        for recipe in (
            {},
            {"activation": "tanh", "optimizer": "sgd"},
            {"dropout": 0.2, "hidden": (64, 64, 64)},
        ):
            learner = self.learner(**recipe)
            assert list(gg.diagnose(learner, HOUSING)) == []
            assert list(gg.diagnose(learner)) == []

    def test_rate_times_100(self) -> None:
        found = gg.diagnose(self.learner(lr=0.3), HOUSING)
        assert ("rate-too-high", "setting lr") in places(found)

    def test_rows_in_other_units(self) -> None:
        import polars as pl

        rows = pl.read_csv(HOUSING).with_columns(pl.col("median_income") * 1000)
        found = gg.diagnose(self.learner(), rows)
        assert ("foreign-inputs", "column median_income") in places(found)


def test_labels_of_another_meaning_are_worse_than_a_constant(trained: tuple[nn.Sequential, Any, Any]) -> None:
    model, X, y = trained
    history = train(copy_of(model), X, y, optimizer=ADAM, epochs=1)
    found = gg.diagnose(model, X, 9 - y, history=history)
    assert places(found) == [("worse-than-constant", "the network")]
    assert not list(gg.diagnose(model, X, 9 - y))  # a network of which nobody says that it was trained
