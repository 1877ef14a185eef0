from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from glassgrad import nn
from glassgrad.errors import DataError, OptionError, ShapeError
from glassgrad.nn import common_point

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
GATES = {
    "and": ([0, 0, 0, 1], (0.5, 0.5), -0.7),
    "nand": ([1, 1, 1, 0], (-0.5, -0.5), 0.7),
    "or": ([0, 1, 1, 1], (0.5, 0.5), -0.2),
}


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gates_by_given_weights_and_by_rosenblatts_rule(gate, dtype):
    y, w, b = GATES[gate]
    model = nn.Perceptron(2, dtype=dtype)
    model.weight.assign([w])
    model.bias.assign([b])
    assert model(CORNERS).tolist() == [[float(t)] for t in y]
    learner = nn.Perceptron(2, dtype=dtype)
    result = learner.fit_rosenblatt(CORNERS, y)
    assert result.converged
    assert 0 < result.corrections < 30
    assert learner(CORNERS).tolist() == [[float(t)] for t in y]


def test_xor_is_two_layers_and_never_one():
    layers = {}
    for gate, (_, w, b) in GATES.items():
        layers[gate] = nn.Perceptron(2, dtype="float64")
        layers[gate].weight.assign([w])
        layers[gate].bias.assign([b])
    hidden = np.hstack([layers[g](CORNERS).numpy() for g in ("nand", "or")])
    assert layers["and"](hidden).tolist() == [[0.0], [1.0], [1.0], [0.0]]

    result = nn.Perceptron(2).fit_rosenblatt(CORNERS, [0, 1, 1, 0], max_epochs=50)
    assert not result.converged
    assert result.epochs == 50
    assert result.message == (
        "The classes are not linearly separable. The point (0.5, 0.5) lies among rows 0, 3 of class 0 and among "
        "rows 1, 2 of class 1, so every line has rows of both classes on one side."
    )


def test_no_convergence_in_time_is_not_called_inseparable():
    X = np.array([[0.0], [0.05], [1.0]])
    result = nn.Perceptron(1, dtype="float64").fit_rosenblatt(X, [0, 1, 1], max_epochs=2)
    assert not result.converged
    assert "a line parts the classes: give more epochs" in result.message
    assert nn.Perceptron(1, dtype="float64").fit_rosenblatt(X, [0, 1, 1], max_epochs=10_000).converged


def test_several_outputs_learn_side_by_side():
    y = np.array([GATES[g][0] for g in GATES]).T
    model = nn.Perceptron(2, 3, dtype="float64")
    assert model.fit_rosenblatt(CORNERS, y).converged
    assert model(CORNERS).tolist() == y.tolist()
    y[:, 1] = [0, 1, 1, 0]
    assert "The classes of output 1 are not" in nn.Perceptron(2, 3).fit_rosenblatt(CORNERS, y).message


def widest_margin(X, y):
    """Return the margin of the line with |w₁|, |w₂| ≤ 1 that parts the classes best; 0 where none does."""
    signs = np.where(y == 1, 1.0, -1.0)
    rows = np.column_stack([-signs[:, None] * X, -signs, np.ones(len(X))])  # t − s(w·x + b) ≤ 0
    bounds = [(-1, 1), (-1, 1), (None, None), (0, 1)]
    return linprog([0, 0, 0, -1], rows, np.zeros(len(X)), bounds=bounds).x[3]


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_common_point_is_a_proof(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((8, 2)), rng.integers(0, 2, 8)
    found = common_point(X, y)
    margin = widest_margin(X, y)
    if found is None:
        assert margin > 1e-7
        if margin > 0.05:  # Rosenblatt's rule needs at most (R / margin)² corrections, R² being some 10 here
            assert nn.Perceptron(2, dtype="float64").fit_rosenblatt(X, y, max_epochs=20_000).converged
        return
    assert margin < 1e-7
    for rows, label in ((found.rows_of_0, 0), (found.rows_of_1, 1)):
        assert all(y[i] == label for i in rows)
        assert all(share > 0 for share in rows.values())
        assert sum(rows.values()) == pytest.approx(1)
        np.testing.assert_allclose(sum(s * X[i] for i, s in rows.items()), found.point, atol=1e-7)


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ([[1.0]], [1], ShapeError, r"takes \(n, 2\)"),
        (CORNERS, [0, 1], ShapeError, r"need \(4, 1\)"),
        (CORNERS, [0, 1, 2, 0], DataError, "zeros and ones"),
        (CORNERS, [-1, 1, 1, -1], DataError, "zeros and ones"),
        (CORNERS * np.nan, [0, 1, 1, 0], DataError, "not finite"),
    ],
)
def test_data_that_cannot_be_used_is_refused(X, y, error, message):
    with pytest.raises(error, match=message):
        nn.Perceptron(2).fit_rosenblatt(X, y)
    with pytest.raises(OptionError, match="max_epochs"):
        nn.Perceptron(2).fit_rosenblatt(CORNERS, [0, 0, 0, 1], max_epochs=0)
