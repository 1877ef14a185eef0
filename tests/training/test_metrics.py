"""Metrics against scikit-learn, and at the edges that scikit-learn leaves open."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.errors import OptionError, ShapeError
from glassgrad.training.metrics import METRICS, accuracy, log_loss, mae, metric, probabilities, r2, rmse

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(50, 4)) * 3
LABELS = RNG.integers(0, 4, 50)
GIVEN, WANTED = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 3))


@pytest.mark.parametrize("weighted", [False, True])
def test_classification_metrics_are_those_of_scikit_learn(weighted: bool) -> None:
    sk = pytest.importorskip("sklearn.metrics")
    weight = RNG.random(50) if weighted else None
    assert accuracy(LOGITS, LABELS, weight) == pytest.approx(
        sk.accuracy_score(LABELS, LOGITS.argmax(1), sample_weight=weight), rel=1e-12
    )
    assert log_loss(LOGITS, LABELS, weight) == pytest.approx(
        sk.log_loss(LABELS, probabilities(LOGITS), sample_weight=weight), rel=1e-12
    )
    binary, one = (LABELS > 1).astype(int), LOGITS[:, :1]
    expected = sk.log_loss(binary, probabilities(one), sample_weight=weight)
    assert log_loss(one, binary, weight) == pytest.approx(expected, rel=1e-12)
    assert accuracy(one[:, 0], binary[:, None], weight) == pytest.approx(
        sk.accuracy_score(binary, one[:, 0] > 0, sample_weight=weight), rel=1e-12
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("columns", [1, 3])
def test_regression_metrics_are_those_of_scikit_learn(weighted: bool, columns: int) -> None:
    sk = pytest.importorskip("sklearn.metrics")
    weight = RNG.random(40) if weighted else None
    given, wanted = GIVEN[:, :columns], WANTED[:, :columns]
    keys = {"sample_weight": weight}
    assert mae(given, wanted, weight) == pytest.approx(
        sk.mean_absolute_error(wanted, given, **keys), rel=1e-12
    )
    assert rmse(given, wanted, weight) ** 2 == pytest.approx(
        sk.mean_squared_error(wanted, given, **keys), rel=1e-12
    )
    assert r2(given, wanted, weight) == pytest.approx(sk.r2_score(wanted, given, **keys), rel=1e-12)


def test_class_probabilities_as_targets_are_the_same_as_labels() -> None:
    one_hot = np.eye(4)[LABELS]
    assert accuracy(LOGITS, one_hot) == accuracy(LOGITS, LABELS)
    assert log_loss(LOGITS, one_hot) == pytest.approx(log_loss(LOGITS, LABELS), rel=1e-12)


def test_two_logits_and_their_difference_say_the_same() -> None:
    two, labels = LOGITS[:, :2], LABELS % 2
    difference = two[:, 1] - two[:, 0]
    assert log_loss(two, labels) == pytest.approx(log_loss(difference, labels), rel=1e-12)
    np.testing.assert_allclose(probabilities(two), probabilities(difference), rtol=1e-12)


def test_huge_logits_overflow_nothing() -> None:
    with np.errstate(all="raise", under="ignore"):
        assert log_loss([[1e5, 0.0]], [1]) == 1e5
        assert log_loss([1e5], [0]) == 1e5
        assert log_loss([-1e5], [0]) == 0


def test_r2_of_constant_targets_is_finite() -> None:
    assert r2([1.0, 2.0], [3.0, 3.0]) == 0.0
    assert r2([3.0, 3.0], [3.0, 3.0]) == 1.0


def test_shapes_that_numpy_would_broadcast_are_errors() -> None:
    for name in ("rmse", "mae", "r2"):
        with pytest.raises(ShapeError, match=r"\(5, 1\) and targets \(5,\)"):
            METRICS[name](np.zeros((5, 1)), np.zeros(5))
    with pytest.raises(ShapeError, match=r"expected \(5,\)"):
        mae(np.zeros(5), np.zeros(5), np.ones(4))
    with pytest.raises(ShapeError, match="class numbers"):
        accuracy(np.zeros((5, 3)), np.zeros(4))


def test_an_unknown_metric_names_the_nearest() -> None:
    assert metric("rmse") is rmse
    with pytest.raises(OptionError, match="Did you mean 'accuracy'"):
        metric("acuracy")
