"""Baselines against scikit-learn's ridge and logistic regression."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.learner.baselines import (
    linear_outputs,
    logistic_regression,
    logistic_steps,
    ridge_regression,
    trivial_outputs,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(200, 7), (30, 50)])
def test_ridge_is_that_of_scikit_learn_by_either_gram_matrix(shape: tuple[int, int]) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    X = RNG.normal(size=shape) + 3
    y = X @ RNG.normal(size=shape[1]) + RNG.normal(size=shape[0]) + 100
    expected = linear_model.Ridge(1.0).fit(X, y)
    weight, bias = ridge_regression(X, y)
    np.testing.assert_allclose(weight[:, 0], expected.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(bias[0], expected.intercept_, rtol=1e-8)


def test_ridge_is_the_same_over_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = RNG.normal(size=(100, 4)), RNG.normal(size=100)
    whole = ridge_regression(X, y)
    monkeypatch.setattr("glassgrad.learner.baselines._BLOCK_ROWS", 7)
    for a, b in zip(whole, ridge_regression(X, y), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logistic_regression_is_that_of_scikit_learn(dtype: type) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    X = RNG.normal(size=(300, 5)).astype(dtype)
    y = (X @ RNG.normal(size=(5, 3)) + RNG.gumbel(size=(300, 3))).argmax(1)
    expected = linear_model.LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(X, y)
    weight, bias = logistic_regression(X, y, 3)
    p = np.exp(X @ weight + bias)
    np.testing.assert_allclose(p / p.sum(1, keepdims=True), expected.predict_proba(X), atol=2e-3)


def test_logistic_regression_gives_the_same_bits_twice() -> None:
    X, y = RNG.normal(size=(50, 3)).astype(np.float32), RNG.integers(0, 2, 50)
    first, second = logistic_regression(X, y, 2), logistic_regression(X, y, 2)
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


def test_the_trivial_predictor_gives_the_shares_of_the_classes() -> None:
    logits = trivial_outputs([2, 2, 2, 0], 3, classes=4)
    assert logits.shape == (3, 4)
    assert (logits.argmax(1) == 2).all()
    np.testing.assert_allclose(np.exp(logits[0]), [0.25, 0.125, 0.75, 0.125])


def test_a_system_too_large_to_solve_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassgrad.learner.baselines._LARGEST_SYSTEM", 3)
    X = RNG.normal(size=(10, 4))
    assert linear_outputs(X, np.zeros(10), X) is None
    assert linear_outputs(X, RNG.integers(0, 2, 10), X, classes=2) is not None


def test_a_step_that_is_much_work_makes_for_fewer_of_them() -> None:
    assert logistic_steps(1258, 64, 10) == 100
    assert logistic_steps(30_000, 108, 2) == 100
    assert 20 <= logistic_steps(54_000, 784, 10) <= 40
    assert logistic_steps(10**8, 10**4, 10**3) == 5


def test_a_regression_cut_short_is_still_better_than_the_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    X = RNG.normal(size=(300, 5))
    y = (X @ RNG.normal(size=(5, 3))).argmax(1)
    monkeypatch.setattr("glassgrad.learner.baselines._WORK", 5 * X.size * 3)
    weight, bias = logistic_regression(X, y, 3)
    assert ((X @ weight + bias).argmax(1) == y).mean() > 0.8
