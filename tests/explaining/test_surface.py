"""Landscapes: every drawn number is the loss there, and starts that end in different minima do so."""

from __future__ import annotations

import time

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import examples
from glassgrad.errors import OptionError
from glassgrad.explaining.document import Paragraph, Table
from glassgrad.explaining.drawing.figures import Curves, Surface
from glassgrad.explaining.recording.recorder import Recorder
from glassgrad.explaining.surfaces import many
from glassgrad.explaining.surfaces.many import objective_of, objective_of_function
from glassgrad.explaining.surfaces.surface import (
    curve,
    plane_of_descents,
    plane_of_run,
    random_plane,
    two_weights,
)

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
PARITY = np.array([[0.0], [1.0], [1.0], [0.0]])


def xor_net(seed, dtype="float64"):
    return gg.nn.mlp(2, [2], 1, activation="tanh", dtype=dtype, seed=seed)


def loss_of(model, state, X=CORNERS, y=PARITY):
    """Return the mean squared error, computed apart from glassgrad's own batching."""
    model.load_state_dict(state)
    return float(np.mean((gg.predict(model, X, engine="numpy") - y) ** 2))


# --- two-minima ---


def test_two_minima():
    two = examples.get("two-minima")
    starts = (2.0, 0.5, -2.0, 0.1)
    found = curve(two.function, -2.5, 2.5, starts=starts, rate=two.lr, steps=two.steps)
    ends = [round(float(d.path[-1, 0]), 8) for d in found.descents]
    assert ends == [1.34699741, 1.34699741, -1.4729976, -1.4729976]
    values = [round(float(d.values[-1]), 8) for d in found.descents]
    assert values == [-2.61855598, -2.61855598, -5.44419207, -5.44419207]
    assert [round(x, 8) for x in found.partings] == [0.12600019]
    assert [round(x, 8) for x in found.minima] == [-1.4729976, 1.34699741]
    assert [sorted(d.label for d in g) for g in found.ends()] == [["-2", "0.1"], ["0.5", "2"]]
    for descent, start in zip(found.descents, starts, strict=True):
        x, f = two.descend(start)
        assert descent.path[0, 0] == start
        assert (descent.path[-1, 0], descent.values[-1]) == pytest.approx((x, f), rel=1e-14)
    assert isinstance(found.figure, Curves)
    drawn = found.figure.curves[0]
    np.testing.assert_allclose(drawn.y, drawn.x**4 - 4 * drawn.x**2 + drawn.x, rtol=1e-13, atol=1e-13)
    text = "".join(b.text.en for b in found.section().blocks if isinstance(b, Paragraph))
    assert "0.12600019" in text
    (table,) = [b for b in found.section().blocks if isinstance(b, Table)]
    assert [row[-1] for row in table.rows] == ["-1.47299760"] * 2 + ["1.34699741"] * 2
    assert "2 different ends" in text


def test_starts_beside_the_parting_go_their_own_ways():
    two = examples.get("two-minima")
    found = curve(two.function, -2.5, 2.5, starts=(0.126, 0.1261), rate=two.lr, steps=4000)
    assert [round(float(d.path[-1, 0]), 6) for d in found.descents] == [-1.472998, 1.346997]


def test_a_curve_without_starts_or_minima():
    found = curve(lambda x: gg.exp(x), 0.0, 1.0)
    assert found.minima == found.partings == found.descents == ()
    assert found.document().sections


# --- many points at once ---


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("kind", ["regression", "classes"])
def test_values_and_gradients_are_those_of_each_point(activation, kind, monkeypatch):
    rng = np.random.default_rng(3)
    model = gg.nn.mlp(3, [4, 3], 2, activation=activation, dtype="float64", seed=1)
    X = rng.normal(size=(9, 3))
    y = rng.integers(0, 2, 9) if kind == "classes" else rng.normal(size=(9, 2))
    objective = objective_of(model, X, y)
    points = {name: w + rng.normal(size=(11, *w.shape)) for name, w in objective.start.items()}
    values, gradients = objective.gradients(points)
    monkeypatch.setattr(many, "_BYTES", 4000)  # several calls, the last not full
    np.testing.assert_allclose(objective.values(points), values, rtol=1e-14)
    loss = gg.nn.losses.loss("cross_entropy" if kind == "classes" else "mse")
    for i in range(11):
        model.load_state_dict({name: p[i] for name, p in points.items()})
        model.zero_grad()
        value = loss(model(X), y)
        value.backward()
        assert values[i] == pytest.approx(value.item(), rel=1e-12)
        for name, w in model.named_parameters():
            np.testing.assert_allclose(gradients[name][i], w.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_descents_at_once_are_those_one_by_one():
    nets = [xor_net(s) for s in range(3)]
    objective = objective_of(nets[0], CORNERS, PARITY, "mse")
    starts = {name: np.stack([n.state_dict()[name] for n in nets]) for name in objective.names}
    steps, ways, values = objective.descend(starts, 0.2, 50, keep=10)
    assert steps[0] == 0
    assert steps[-1] == 50
    for i, net in enumerate(nets):
        gg.fit(
            net, CORNERS, PARITY, loss="mse", optimizer="sgd", lr=0.2, epochs=50, batch_size=4, shuffle=False,
            progress=False, engine="numpy",
        )  # fmt: skip
        for name, w in net.state_dict().items():
            np.testing.assert_allclose(ways[name][-1, i], w, rtol=1e-10, atol=1e-12)
        assert values[-1, i] == pytest.approx(loss_of(net, net.state_dict()), rel=1e-10)


def test_a_function_of_one_number():
    objective = objective_of_function(lambda x: gg.sin(x), "x")
    x = np.linspace(0, 3, 1000)
    values, gradients = objective.gradients({"x": x})
    np.testing.assert_allclose(values, np.sin(x), atol=1e-15)
    np.testing.assert_allclose(gradients["x"], np.cos(x), atol=1e-15)


# --- planes ---


def test_the_surface_over_two_weights_is_the_loss():
    model = xor_net(3)
    objective = objective_of(model, CORNERS, PARITY, "mse")
    state = model.state_dict()
    found = two_weights(
        objective, ("0.weight", (0, 1)), ("2.bias", (0,)), span=1.5, points=9, rate=0.2, steps=30
    )
    assert isinstance(found.figure, Surface)
    for j, v in enumerate(found.figure.y):
        for i, u in enumerate(found.figure.x):
            moved = {k: a.copy() for k, a in state.items()}
            moved["0.weight"][0, 1], moved["2.bias"][0] = u, v
            assert found.figure.z[j, i] == pytest.approx(loss_of(model, moved), rel=1e-12)
    assert found.figure.x[4] == pytest.approx(state["0.weight"][0, 1])
    (descent,) = found.descents
    assert (np.diff(descent.values) <= 1e-15).all()
    moved = {k: a.copy() for k, a in state.items()}
    moved["0.weight"][0, 1], moved["2.bias"][0] = descent.path[-1]
    assert descent.values[-1] == pytest.approx(loss_of(model, moved), rel=1e-12)
    assert found.figure.x_title.ko == "0.weight[0,1]"


def test_a_surface_is_worked_out_in_parts(monkeypatch):
    model = gg.nn.mlp(3, [4], 2, activation="tanh", dtype="float64", seed=1)
    rng = np.random.default_rng(0)
    objective = objective_of(model, rng.normal(size=(9, 3)), rng.normal(size=(9, 2)))
    whole = random_plane(objective, points=9).figure.z
    monkeypatch.setattr(many, "_BYTES", 12_000)
    assert 1 < objective.at_once(objective.names) < 81
    np.testing.assert_allclose(random_plane(objective, points=9).figure.z, whole, rtol=1e-14)


def test_two_weights_of_one_matrix():
    model = xor_net(3)
    objective = objective_of(model, CORNERS, PARITY, "mse")
    found = two_weights(objective, ("0.weight", (0, 1)), ("0.weight", (1, 0)), points=5)
    moved = {k: a.copy() for k, a in model.state_dict().items()}
    moved["0.weight"][0, 1], moved["0.weight"][1, 0] = found.figure.x[4], found.figure.y[1]
    assert found.figure.z[1, 4] == pytest.approx(loss_of(model, moved), rel=1e-12)


def test_random_directions_follow_the_size_of_each_unit(monkeypatch):
    model = gg.nn.mlp(3, [4], 2, activation="tanh", dtype="float64", seed=1)
    model.load_state_dict({k: v * 10 ** (i - 1.0) for i, (k, v) in enumerate(model.state_dict().items())})
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
    objective = objective_of(model, X, y)
    asked = {}
    plain = type(objective).values
    monkeypatch.setattr(
        type(objective), "values", lambda self, points: asked.update(points) or plain(self, points)
    )
    found = random_plane(objective, seed=4, points=3, span=1.0)
    assert set(asked) == {"0.weight", "2.weight"}
    assert found.figure.z[1, 1] == pytest.approx(float(np.mean((gg.predict(model, X) - y) ** 2)), rel=1e-12)
    for name, points in asked.items():
        w = objective.start[name]
        first, second = points[5] - w, points[7] - w  # at (1, 0) and (0, 1)
        for direction in (first, second):
            np.testing.assert_allclose(
                np.linalg.norm(direction, axis=1), np.linalg.norm(w, axis=1), rtol=1e-12
            )
        assert abs(np.sum(first * second)) < 0.9 * np.linalg.norm(first) * np.linalg.norm(second)
    again = random_plane(objective, seed=4, points=3).figure.z
    assert (again == found.figure.z).all()
    assert (random_plane(objective, seed=5, points=3).figure.z != again).any()


def test_xor_nets_end_in_different_minima():
    nets = {f"seed {s}": xor_net(s) for s in range(8)}
    objective = objective_of(nets["seed 0"], CORNERS, PARITY, "mse")
    starts = {label: net.state_dict() for label, net in nets.items()}
    begin = time.perf_counter()
    found = plane_of_descents(objective, starts, rate=0.3, steps=3000)
    assert time.perf_counter() - begin < 10
    solved, held = found.ends()
    assert {d.label for d in held} == {"seed 3", "seed 6"}
    assert all(d.values[-1] < 1e-12 for d in solved)
    assert all(0.12 < d.values[-1] < 0.13 for d in held)
    for descent in found.descents:
        assert descent.values[0] == pytest.approx(loss_of(nets["seed 0"], starts[descent.label]), rel=1e-12)
    z = found.figure.z
    assert z.shape == (41, 41)
    assert np.isfinite(z).all()
    assert 0.5 < found.shown <= 1
    texts = [b.text for b in found.section().blocks if isinstance(b, Paragraph)]
    assert any("2 different ends" in t.en for t in texts)
    assert all(t.en != t.ko and "{" not in t.en + t.ko for t in texts)
    (table,) = [b for b in found.section().blocks if isinstance(b, Table)]
    assert [row[-1] for row in table.rows] == ["A"] * 6 + ["B"] * 2


def test_the_plane_of_two_ways_contains_them():
    """Two straight ways span a plane, which must then hold all of them and the loss along them."""
    X = np.eye(2)
    model = gg.nn.Linear(2, 1, bias=False, dtype="float64")
    objective = objective_of(model, X, np.zeros((2, 1)), "mse")
    starts = {"a": {"weight": np.array([[3.0, 0.5]])}, "b": {"weight": np.array([[-1.0, 2.0]])}}
    found = plane_of_descents(objective, starts, rate=0.1, steps=40, points=31)
    assert found.shown == pytest.approx(1.0)
    for descent in found.descents:
        for (x, y), value in zip(descent.path, descent.values, strict=True):
            i, j = np.abs(found.figure.x - x).argmin(), np.abs(found.figure.y - y).argmin()
            step = max(np.diff(found.figure.x)[0], np.diff(found.figure.y)[0])
            assert abs(found.figure.z[j, i] - value) < 4 * step


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_plane_of_a_recorded_run(dtype):
    X, y = np.random.default_rng(0).normal(size=(60, 3)), None
    y = np.sin(X[:, :1])
    recorder = Recorder()
    model = gg.nn.mlp(3, [8], 1, seed=0, dtype=dtype)
    gg.fit(model, X, y, epochs=30, batch_size=20, loss="mse", lr=0.01, callbacks=[recorder], progress=False)
    recording = recorder.recording
    assert len(recording.states) >= 3
    found = plane_of_run(objective_of(model, X, y, "mse"), recording, points=15)
    (descent,) = found.descents
    assert descent.steps.tolist() == sorted(recording.states)
    assert descent.values[-1] < descent.values[0]
    last = recording.states[max(recording.states)][:4]
    state = dict(zip(["0.weight", "0.bias", "2.weight", "2.bias"], last, strict=True))
    assert descent.values[-1] == pytest.approx(loss_of(model, state, X, y), rel=1e-5)
    assert found.figure.z.min() <= descent.values.max()


def test_digits_are_drawn_in_little_time():
    model, X, y = examples.get("digits").train()
    begin = time.perf_counter()
    found = random_plane(objective_of(model, X, y), points=21)
    assert time.perf_counter() - begin < 20
    assert found.figure.z.shape == (21, 21)
    assert found.figure.z[10, 10] < np.median(found.figure.z)


# --- errors ---


def test_errors_teach():
    objective = objective_of(xor_net(0), CORNERS, PARITY, "mse")
    with pytest.raises(OptionError, match="low < high"):
        curve(lambda x: x * x, 1.0, 1.0)
    with pytest.raises(OptionError, match=r"no parameter '0\.weigh'\. Did you mean '0\.weight'"):
        two_weights(objective, ("0.weigh", (0, 0)), ("2.bias", (0,)))
    with pytest.raises(OptionError, match=r"0\.weight\[0…1,0…1\]"):
        two_weights(objective, ("0.weight", (2, 0)), ("2.bias", (0,)))
    with pytest.raises(OptionError, match=r"both are 2\.bias\[0\]"):
        two_weights(objective, ("2.bias", (0,)), ("2.bias", (0,)))
    with pytest.raises(OptionError, match="several starts"):
        plane_of_descents(objective, {"a": xor_net(0).state_dict()}, rate=0.1, steps=5)
    recorder = Recorder(memory=0)
    examples.get("two-two-two").train(callbacks=[recorder])
    with pytest.raises(OptionError, match="three states"):
        plane_of_run(objective, recorder.recording)
    vector = objective_of_function(lambda x: x * x, "x")
    with pytest.raises(OptionError, match="no matrix of weights"):
        random_plane(vector)
