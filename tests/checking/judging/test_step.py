"""The step of training is found however a program keeps its weights and whatever is wrong with its updates."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassgrad.checking.judging.step import Step, find_step
from glassgrad.checking.naming import nodes_of
from glassgrad.checking.recording.run import Program

DATA = """
import numpy as np
rng = np.random.default_rng(3)
X = rng.uniform(-1, 1, (8, 3))
T = rng.uniform(-1, 1, (8, 2))
"""

NAMES = """
W, b = rng.normal(0, 0.5, (3, 2)), np.zeros(2)
for _ in range(6):
    y = np.tanh(X @ W + b)
    d = (y - T) * (1 - y ** 2)
    {W}
    {b}
"""

KEPT = {
    "globals": NAMES.format(W="W = W - 0.1 * X.T @ d", b="b = b - 0.1 * d.sum(0)"),
    "in place": NAMES.format(W="W -= 0.1 * X.T @ d", b="b -= 0.1 * d.sum(0)"),
    "dict": """
p = {'W': rng.normal(0, 0.5, (3, 2)), 'b': np.zeros(2)}
for _ in range(6):
    y = np.tanh(X @ p['W'] + p['b'])
    d = (y - T) * (1 - y ** 2)
    g = {'W': X.T @ d, 'b': d.sum(0)}
    for k in p:
        p[k] = p[k] - 0.1 * g[k]
""",
    "tuple": """
def step(params):
    W, b = params
    y = np.tanh(X @ W + b)
    d = (y - T) * (1 - y ** 2)
    return tuple(p - 0.1 * g for p, g in zip(params, (X.T @ d, d.sum(0))))

params = rng.normal(0, 0.5, (3, 2)), np.zeros(2)
for _ in range(6):
    params = step(params)
""",
    "objects": """
class Layer:
    def __init__(self):
        self.W, self.b = rng.normal(0, 0.5, (3, 2)), np.zeros(2)

    def forward(self, x):
        self.x, self.y = x, np.tanh(x @ self.W + self.b)
        return self.y

    def backward(self, d):
        d = d * (1 - self.y ** 2)
        self.W -= 0.1 * self.x.T @ d
        self.b -= 0.1 * d.sum(0)

layer = Layer()
for _ in range(6):
    layer.backward(layer.forward(X) - T)
""",
    "out": NAMES.format(W="np.subtract(W, 0.1 * X.T @ d, out=W)", b="np.add(b, -0.1 * d.sum(0), out=b)"),
    "element by element": NAMES.format(
        W="""G = X.T @ d
    for i in range(3):
        for j in range(2):
            W[i, j] -= 0.1 * G[i, j]""",
        b="b -= 0.1 * d.sum(0)",
    ),
}

WRONG = {
    "overwritten": NAMES.format(W="W = -0.1 * X.T @ d", b="b = -0.1 * d.sum(0)"),
    "one overwritten": NAMES.format(W="W = -0.1 * X.T @ d", b="b -= 0.1 * d.sum(0)"),
    "overwritten in place": NAMES.format(W="W[...] = -0.1 * X.T @ d", b="b -= 0.1 * d.sum(0)"),
    "lost": NAMES.format(W="W - 0.1 * X.T @ d", b="b - 0.1 * d.sum(0)"),
    "one lost": NAMES.format(W="new = W - 0.1 * X.T @ d", b="b -= 0.1 * d.sum(0)"),
    "a weight left out": NAMES.format(W="pass", b="b -= 0.1 * d.sum(0)"),
    "a bias left out": NAMES.format(W="W -= 0.1 * X.T @ d", b="pass"),
    "not summed": NAMES.format(W="W -= 0.1 * X.T @ d", b="b = b - 0.1 * d"),
}


def found(tmp_path: Path, source: str) -> Step | None:
    file = tmp_path / "program.py"
    file.write_text(DATA + source)
    program = Program(file)
    return find_step(program.execute().tape, nodes_of(program))


def shapes(step: Step | None) -> list[tuple[int, ...]]:
    assert step is not None
    return sorted(step.tape.cells[p.before.cell].shape for p in step.parameters)


@pytest.mark.parametrize("kept", KEPT)
def test_weights_are_found_however_they_are_kept(tmp_path: Path, kept: str) -> None:
    step = found(tmp_path, KEPT[kept])
    assert shapes(step) == [(2,), (3, 2)]
    assert step is not None
    assert all(p.after is not None and p.updates for p in step.parameters)


@pytest.mark.parametrize("wrong", WRONG)
def test_weights_are_found_whatever_becomes_of_them(tmp_path: Path, wrong: str) -> None:
    assert shapes(found(tmp_path, WRONG[wrong])) == [(2,), (3, 2)]


@pytest.mark.parametrize("wrong", ["overwritten", "one overwritten", "overwritten in place"])
def test_what_holds_nothing_of_the_old_weight_is_not_its_next_value(tmp_path: Path, wrong: str) -> None:
    step = found(tmp_path, WRONG[wrong])
    assert step is not None
    [weight] = [p for p in step.parameters if step.tape.cells[p.before.cell].shape == (3, 2)]
    assert weight.after is None
    assert weight.updates


def test_a_weight_that_is_clipped_after_its_update_is_one(tmp_path: Path) -> None:
    source = NAMES.format(
        W="W = np.clip(W - 0.1 * X.T @ d, -9, 9)", b="b = np.clip(b - 0.1 * d.sum(0), -9, 9)"
    )
    step = found(tmp_path, source)
    assert shapes(step) == [(2,), (3, 2)]
    assert step is not None
    assert all(p.after is not None for p in step.parameters)


CONSTANTS = """
scale, shift = np.full(3, 2.0), rng.normal(0, 1, 3)
fixed = rng.normal(0, 1, (3, 3))
W, b = rng.normal(0, 0.5, (3, 2)), np.zeros(2)
mean = np.zeros(2)
for _ in range(6):
    h = np.maximum((X * scale + shift) @ fixed, 0)
    y = h @ W + b
    d = y - T
    mean = 0.9 * mean + 0.1 * y.mean(0)
    dX = d @ W.T
    W -= 0.1 * h.T @ d
    b -= 0.1 * d.sum(0)
"""


def test_constants_and_inputs_are_no_parameters(tmp_path: Path) -> None:
    assert shapes(found(tmp_path, CONSTANTS)) == [(2,), (3, 2)]


RECURRENT = """
U, V, W = rng.normal(0, 0.5, (3, 4)), rng.normal(0, 0.5, (4, 4)), rng.normal(0, 0.5, (4, 2))
h = np.zeros(4)
for _ in range(3):
    for t in range(2):
        old = h
        h = np.tanh(X[t] @ U + h @ V)
        d = h @ W - T[t]
        dh = (d @ W.T) * (1 - h ** 2)
        W = {0}0.1 * np.outer(h, d)
        U = {1}0.1 * np.outer(X[t], dh)
        V = {2}0.1 * np.outer(old, dh)
"""


@pytest.mark.parametrize("old", [("W - ", "U - ", "V - "), ("-", "-", "-")])
def test_a_hidden_state_is_no_parameter(tmp_path: Path, old: tuple[str, ...]) -> None:
    assert shapes(found(tmp_path, RECURRENT.format(*old))) == [(3, 4), (4, 2), (4, 4)]


SUMMED = """
W, b = rng.normal(0, 0.5, (3, 2)), np.zeros(2)
for _ in range(3):
    dW, db = np.zeros((3, 2)), np.zeros(2)
    for x, t in zip(X, T):
        d = x @ W + b - t
        dW = dW + np.outer(x, d)
        db = db + d
    W = W - 0.1 * dW
    b = b - 0.1 * db
"""


def test_sums_over_samples_are_no_parameters(tmp_path: Path) -> None:
    step = found(tmp_path, SUMMED)
    assert shapes(step) == [(2,), (3, 2)]
    assert step is not None
    assert all(len(p.updates) == 1 for p in step.parameters)


def test_nothing_is_found_where_nothing_is_trained(tmp_path: Path) -> None:
    assert (
        found(tmp_path, "W = rng.normal(0, 1, (3, 2))\nfor _ in range(4):\n    y = np.tanh(X @ W) - T")
        is None
    )
