"""Networks on real data: paths and rows add up for a hundred random weights, and the numbers are those of training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.data import load_digits, read
from glassgrad.explaining.subjects import explain
from glassgrad.learner.learner import Learner
from glassgrad.learner.recipe import Recipe

HOUSING = Path(__file__).parents[2].parent / "shared" / "data" / "california_housing" / "housing.csv"


def assert_a_hundred_weights_add_up(told: Any) -> None:
    rng = np.random.default_rng(0)
    names = [told.names.element(v, i) for v in told.weights for i in range(told.played.values[v].size)]
    for name in rng.choice(names, 100, replace=False).tolist():
        why = told.why(name)
        sums, shares = why.paths, why.shares
        assert abs(sums.rounding) <= 1e-14 * sums.size
        assert sums.complete
        assert shares is not None
        assert abs(math.fsum(shares.rows) - why.gradient) <= 1e-14 * max(shares.sizes.sum(), 1e-300)


def test_digits() -> None:
    data = load_digits()
    X = data.X.reshape(len(data.X), -1) / 16.0
    model = gg.nn.mlp(64, [64], 10, dtype="float64", seed=0)
    gg.fit(model, X, data.y, epochs=3, progress=False)
    assert_a_hundred_weights_add_up(explain(model, X[:32], data.y[:32]))


@pytest.mark.skipif(not HOUSING.exists(), reason="the real data sets (../shared/data) are absent")
def test_housing() -> None:
    rows = read(HOUSING)
    recipe = Recipe(hidden=(32, 16), epochs=2, dtype="float64")
    learner = Learner.train(rows, target="median_house_value", recipe=recipe, progress=False)
    told = explain(learner, rows.take(np.arange(64)))
    assert_a_hundred_weights_add_up(told)
    shown = told.text(told.largest(), lang="ko")
    assert "기울기" in shown


def test_the_gradient_shown_is_that_of_training_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        model = gg.nn.mlp(20, [30, 10], 4, dtype=dtype, seed=0)
        X, y = rng.normal(size=(17, 20)).astype(dtype), rng.integers(0, 4, 17)
        told = explain(model, X, y)
        loss = gg.nn.losses.loss("cross_entropy")(model(X), y)
        loss.backward()
        for value, (name, parameter) in zip(told.weights, model.named_parameters(), strict=True):
            np.testing.assert_array_equal(told.played.gradients[value], parameter.grad.numpy(), err_msg=name)
