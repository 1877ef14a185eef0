"""A gradient is the sum over its paths, and over the rows: exactly, for small networks and for wide ones."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad import xp
from glassgrad.explaining import paths as paths_module
from glassgrad.explaining.paths import Paths
from glassgrad.explaining.replay import replay
from glassgrad.explaining.subjects import explain
from glassgrad.nn.losses.regression import MSE

RNG = np.random.default_rng(0)


def every_weight(told: Any) -> list[str]:
    return [told.names.element(v, i) for v in told.weights for i in range(told.played.values[v].size)]


def some_weights(told: Any, count: int) -> list[str]:
    names = every_weight(told)
    return [names[i] for i in RNG.choice(len(names), count, replace=len(names) < count)]


def assert_adds_up(told: Any, name: str) -> None:
    found = told.why(name)
    sums = found.paths
    assert abs(sums.rounding) <= 1e-14 * sums.size
    assert math.isclose(
        math.fsum([*(p.product for p in sums.paths), sums.others, sums.rounding]),
        found.gradient,
        rel_tol=1e-14,
        abs_tol=1e-300,
    )
    for path in sums.paths:
        assert math.isclose(math.prod(s.derivative for s in path.stops), path.product, rel_tol=1e-14)
        assert path.stops[-1].value is told.played.result
    if found.shares is not None:
        assert abs(found.shares.rounding) <= 1e-14 * max(found.shares.sizes.sum(), 1e-300)


# --- known answers --------------------------------------------------------------------------------------------------


def test_two_two_two() -> None:
    told = explain(gg.examples.get("two-two-two"))
    expected = {
        "0.weight": [[0.00080888, 0.00161775], [0.00071009, 0.00142017]],
        "2.weight": [[0.02592286, 0.02629590], [0.00740844, 0.00751506]],
    }
    for name, numbers in expected.items():
        for index in itertools.product(range(2), range(2)):
            why = told.why(f"{name}[{index[0]},{index[1]}]")
            assert round(why.gradient, 8) == numbers[index[0]][index[1]]
            assert why.paths.number == len(why.paths.paths) == (2 if name == "0.weight" else 1)
            assert f"{math.fsum(p.product for p in why.paths.paths):.15g}" == f"{why.gradient:.15g}"
            assert_adds_up(told, why.name)
    assert told.result == pytest.approx(0.023971900751730026, rel=1e-12)


def test_a_path_that_is_switched_off_contributes_nothing_and_is_counted() -> None:
    told = explain(lambda x: gg.relu(x) * 3.0 + gg.relu(-x) * 5.0, -2.0)
    why = told.why("x")
    assert [p.product for p in why.paths.paths] == [-5.0, 0.0]
    assert why.paths.number == 2


def test_a_number_that_is_read_twice_has_two_paths() -> None:
    why = explain(lambda x: x * x, 3.0).why("x")
    assert [p.product for p in why.paths.paths] == [3.0, 3.0]


# --- all kinds of operations ----------------------------------------------------------------------------------------

FUNCTIONS = {
    "softmax": lambda a, b: gg.sum(gg.softmax(a, axis=-1) * b),
    "log_softmax": lambda a, b: gg.sum(gg.log_softmax(a, axis=0) * b),
    "statistics": lambda a, b: (
        gg.mean(a * b) + gg.var(a) * gg.std(b) + gg.sum(gg.max(a, axis=0) * gg.min(b, axis=0))
    ),
    "moves": lambda a, b: gg.sum(
        gg.concat([a, gg.flip(b, axis=0)])[1:4] * gg.permute_dims(gg.reshape(a, (3, -1)), (0, 1))
    ),
    "products": lambda a, b: gg.sum(gg.tanh(a @ gg.permute_dims(b, (1, 0))) @ a),
    "vectors": lambda a, b: a[0] @ b[1] + gg.sum(a @ b[0]) + gg.sum(a[:, 0] @ b),
    "stacks": lambda a, b: gg.sum((gg.stack([a, b]) @ gg.permute_dims(a, (1, 0))) * 0.5),
    "cumulative": lambda a, b: (
        gg.sum(gg.cumulative_sum(a, axis=1) * b) + gg.sum(gg.cumulative_prod(b, axis=0))
    ),
    "logsumexp": lambda a, b: gg.sum(gg.logsumexp(a * b, axis=1)),
    "gates": lambda a, b: gg.sum(gg.where(a > b, gg.silu(a), gg.gelu(b)) / (1.0 + b * b) - gg.maximum(a, b)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_paths_add_up_through_every_kind_of_operation(name: str) -> None:
    told = explain(FUNCTIONS[name], RNG.normal(size=(3, 4)), RNG.uniform(0.5, 1.5, size=(3, 4)))
    for weight in every_weight(told):
        assert_adds_up(told, weight)
        assert told.why(weight).paths.complete


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.sampled_from(["relu", "tanh", "sigmoid", "gelu"]),
    st.sampled_from(["mse", "cross_entropy", "mae", "huber"]),
    st.integers(1, 5),
    st.integers(0, 1000),
)
def test_networks_of_any_shape(hidden: list[int], activation: str, loss: str, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = gg.nn.mlp(3, hidden, 4, activation=activation, dtype="float64", seed=seed)
    y = rng.integers(0, 4, rows) if loss == "cross_entropy" else rng.normal(size=(rows, 4))
    told = explain(model, rng.normal(size=(rows, 3)), y, loss=loss)
    for name in some_weights(told, 4):
        assert_adds_up(told, name)


# --- wide networks --------------------------------------------------------------------------------------------------


def brute_force(told: Any, name: str) -> list[float]:
    """Return every path's contribution, largest first, by walking all of them."""
    value, element = told.names.find(name)
    paths: Paths = told.paths
    terms = paths._terms(value, np.array([element]))
    return sorted(terms.tolist(), key=lambda t: -abs(t))


def test_the_largest_paths_are_found_without_walking_all() -> None:
    model = gg.nn.mlp(5, [7, 6], 3, activation="tanh", dtype="float64", seed=1)
    told = explain(model, RNG.normal(size=(4, 5)), RNG.integers(0, 3, 4))
    for name in some_weights(told, 10):
        expected = brute_force(told, name)
        found = [p.product for p in told.why(name, most=12).paths.paths]
        np.testing.assert_allclose(np.abs(found), np.abs(expected[: len(found)]), rtol=1e-12)
        assert told.why(name).paths.number == len(expected)


def test_where_paths_are_too_many_the_others_are_summed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths_module, "LISTED", 5)
    model = gg.nn.mlp(5, [7, 6], 3, activation="tanh", dtype="float64", seed=1)
    told = explain(model, RNG.normal(size=(4, 5)), RNG.integers(0, 3, 4))
    for name in some_weights(told, 10):
        expected = brute_force(told, name)
        sums = told.why(name, most=3).paths
        assert sums.complete == (len(expected) <= 5)
        assert sums.others == pytest.approx(math.fsum(expected[3:]), rel=1e-9, abs=1e-15)
        assert abs(sums.rounding) <= 1e-14 * np.abs(expected).sum()


def test_digits_100_random_weights() -> None:
    model, X, y = gg.examples.get("digits").train(epochs=3)
    wide = gg.nn.mlp(64, [64], 10, dtype="float64", seed=0)
    wide.load_state_dict({k: v.astype(np.float64) for k, v in model.state_dict().items()})
    told = explain(wide, X[:32], y[:32])
    for name in some_weights(told, 100):
        assert_adds_up(told, name)


def test_float32_shows_its_rounding() -> None:
    model = gg.nn.mlp(6, [5], 3, seed=0)
    told = explain(model, RNG.normal(size=(8, 6)), RNG.integers(0, 3, 8))
    roundings = []
    for name in every_weight(told):
        sums = told.why(name).paths
        assert abs(sums.rounding) <= 1e-6 * max(sums.size, 1e-30)
        roundings.append(sums.rounding)
    assert any(roundings)


# --- rows -----------------------------------------------------------------------------------------------------------


def test_rows_push_as_gradients_of_single_rows_say() -> None:
    model = gg.nn.mlp(4, [5], 3, dtype="float64", seed=0)
    X, y = RNG.normal(size=(6, 4)), RNG.integers(0, 3, 6)
    told = explain(model, X, y)
    single = [explain(model, X[i : i + 1], y[i : i + 1]) for i in range(6)]
    for name in some_weights(told, 10):
        shares = told.why(name).shares
        np.testing.assert_allclose(shares.rows, [one.why(name).gradient / 6 for one in single], rtol=1e-12)


def test_numbers_of_a_row_have_no_shares() -> None:
    model = gg.nn.mlp(4, [5], 3, dtype="float64", seed=0)
    told = explain(model, RNG.normal(size=(6, 4)), RNG.integers(0, 3, 6))
    why = told.why("X[2,1]")
    assert why.shares is None
    assert {p.row for p in why.paths.paths} == {2}


def test_a_function_without_a_scalar_result_is_refused() -> None:
    with pytest.raises(gg.errors.ShapeError, match="only a scalar can be explained"):
        explain(lambda x: x * 2.0, np.ones(3))


def test_replay_gives_the_gradients_of_training() -> None:
    x = RNG.normal(size=(3, 4))
    graph = gg.trace(lambda x: gg.sum(xp.sin(x) * x), gg.Spec(("N", 4)))
    played = replay(graph, [x])
    np.testing.assert_array_equal(
        played.gradients[played.graph.inputs[0]], gg.run(gg.differentiate(graph), x)[1]
    )
    assert played.graph.inputs[0] in played.rows


# --- what once went wrong ---


def test_numbers_that_are_not_finite_are_explained():
    told = explain(lambda x, y: gg.log(x) * y + gg.sqrt(x), 0.0, 2.0)
    found = told.why("x")
    assert found.gradient == math.inf
    assert (found.paths.number, found.paths.rounding) == (2, 0.0)
    told = explain(lambda x: gg.sum(gg.log(x) - gg.log(x)), np.array([0.0, 1.0]))
    assert math.isnan(told.why("x[0]").gradient)
    assert "x[0]" in told.text()


def test_a_weight_without_gradient_in_a_wide_network_is_explained_at_once():
    model = gg.nn.mlp(20, [64] * 3, 10, seed=0)
    X = RNG.normal(size=(32, 20)).astype(np.float32)
    X[:, 0] = 0  # a pixel at the rim: every path through it contributes 0
    found = explain(model, X, np.arange(32) % 10).why("0.weight[0,0]")
    assert found.paths.number > 1e6
    assert [p.product for p in found.paths.paths] == [0.0] * 10


def test_a_deep_network_is_explained():
    model = gg.nn.mlp(4, [4] * 300, 2, seed=0, dtype="float64")
    told = explain(model, RNG.normal(size=(3, 4)), [0, 1, 0])
    assert told.why("0.weight[0,0]").paths.number > 1e100


def test_a_number_of_many_in_a_graph_full_of_branches():
    def f(x):
        for _ in range(26):
            x = gg.sin(x) * gg.cos(x)
        return gg.sum(x)

    told = explain(f, np.linspace(0.1, 0.9, 8))
    assert told.why("x[0]").paths.number == 2**26
    assert_adds_up(told, "x[0]")


def test_many_paths_from_a_number_that_was_computed():
    def f(x):
        z = y = gg.exp(x)
        for _ in range(18):
            z = z * gg.sin(z) + z
        return z + y

    found = explain(f, 0.3).why("exp").paths
    assert not found.complete
    assert abs(found.rounding) <= 1e-12 * abs(found.gradient)


def test_what_feeds_no_row_is_told_apart():
    class Penalised(MSE):
        def __call__(self, output, target, sample_weight=None):
            return super().__call__(output, target, sample_weight) + 0.5 * gg.sum(gg.square(model.weight))

    model = gg.nn.Linear(3, 2, seed=0, dtype="float64")
    told = explain(model, RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2)), loss=Penalised())
    shares = told.why("weight[1,2]").shares
    assert shares.apart == model.weight.numpy()[1, 2]
    assert abs(shares.rounding) < 1e-15
    assert "through no row" in told.text("weight[1,2]")


def test_rows_that_lie_along_another_axis_have_no_shares():
    def f(w, x):
        return gg.sum(gg.tanh(xp.matmul(w, xp.permute_dims(x, (1, 0)))))

    graph = gg.trace(f, gg.Spec((2, 3)), gg.Spec(("N", 3)))
    played = replay(graph, [RNG.normal(size=(2, 3)), RNG.normal(size=(5, 3))])
    assert Paths(played).shares(played.graph.inputs[0], 0) is None
