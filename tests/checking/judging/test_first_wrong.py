"""Where a backward pass goes wrong first: each rule on a small program."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassgrad.checking.programs import check_program

ADAM = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(3, 9))
Y = rng.normal(size=(2, 9))
P = {
    "V": rng.normal(size=(4, 3)) * 0.6,
    "c": np.zeros((4, 1)),
    "W": rng.normal(size=(2, 4)) * 0.6,
    "b": np.zeros((2, 1)),
}
mean = {n: np.zeros_like(p) for n, p in P.items()}
square = {n: np.zeros_like(p) for n, p in P.items()}
for t in range(1, 20):
    h = np.tanh(P["V"] @ X + P["c"])
    out = P["W"] @ h + P["b"]
    d_out = (out - Y) / 9
    d_s = (P["W"].T @ d_out) * (1 - h * h)
    G = {
        "V": d_s @ X.T,
        "c": d_s.sum(axis=1, keepdims=True),
        "W": d_out @ h.T,
        "b": d_out.sum(axis=1, keepdims=True),
    }
    for n in P:
        mean[n] = 0.9 * mean[n] + 0.1 * G[n]
        square[n] = 0.99 * square[n] + 0.01 * G[n] ** 2
        P[n] -= 0.02 * mean[n] / (1 - 0.9**t) / (np.sqrt(square[n] / (1 - 0.99**t)) + 1e-8)
"""

PENALTY = """\
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(9, 3))
Y = rng.normal(size=(9, 2))
V = rng.normal(size=(3, 4)) * 0.6
W = rng.normal(size=(4, 2)) * 0.6
speed = {"V": np.zeros_like(V), "W": np.zeros_like(W)}
for epoch in range(20):
    h = np.tanh(X @ V)
    out = h @ W
    loss = 0.5 * np.sum((out - Y) ** 2) / 9 + 0.05 * np.sum(V * V) + 0.05 * np.sum(W * W)
    delta = (out - Y) / 9
    back = (delta @ W.T) * (1 - h * h)
    dW = h.T @ delta + 0.1 * W
    dV = X.T @ back + 0.1 * V
    speed["W"] = 0.9 * speed["W"] - 0.1 * dW
    W += speed["W"]
    speed["V"] = 0.9 * speed["V"] - 0.1 * dV
    V += speed["V"]
"""

LAYERS = """\
import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(9, 3))
Y = rng.normal(size=(9, 2))


class Affine:
    def __init__(self, a, b):
        self.W = rng.normal(size=(a, b)) * 0.6

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T


class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


layers = [Affine(3, 5), Relu(), Affine(5, 4), Relu(), Affine(4, 2)]
for epoch in range(20):
    out = X
    for layer in layers:
        out = layer.forward(out)
    dout = (out - Y) / 9
    for layer in layers[::-1]:
        dout = layer.backward(dout)
    for layer in layers[::2]:
        layer.W -= 0.1 * layer.dW
"""

NEURONS = """\
import math
import random

random.seed(4)
sizes = [2, 2, 2, 1]
net = [
    [{"w": [random.uniform(-1, 1) for _ in range(a + 1)]} for _ in range(b)]
    for a, b in zip(sizes, sizes[1:])
]
rows = [([random.uniform(-1, 1), random.uniform(-1, 1)], random.random()) for _ in range(5)]
for epoch in range(4):
    for x, y in rows:
        into = x
        for layer in net:
            for n in layer:
                n["in"] = into
                total = n["w"][-1]
                for w, v in zip(n["w"], into):
                    total += w * v
                n["out"] = math.tanh(total)
            into = [n["out"] for n in layer]
        for i in (2, 1, 0):
            for k, n in enumerate(net[i]):
                if i == 2:
                    n["delta"] = (n["out"] - y) * (1 - n["out"] ** 2)
                else:
                    back = 0.0
                    for upper in net[i + 1]:
                        back += upper["w"][k] * upper["delta"]
                    n["delta"] = back * (1 - n["out"] ** 2)
        for layer in net:
            for n in layer:
                for k, v in enumerate(n["in"]):
                    n["w"][k] -= 0.1 * n["delta"] * v
                n["w"][-1] -= 0.1 * n["delta"]
"""


@pytest.mark.parametrize(
    ("program", "old", "new", "name"),
    [
        pytest.param(
            ADAM, " * (1 - h * h)", "", "d_s", id="beside a small parameter of an adaptive optimiser"
        ),
        pytest.param(
            ADAM,
            "d_out = (out - Y)",
            "d_out = (Y - out)",
            "d_out",
            id="an adaptive optimiser goes up all gradients",
        ),
        pytest.param(
            ADAM, '"V": d_s', '"V": -d_s', "G['V']", id="an update that steps other parameters rightly"
        ),
        pytest.param(PENALTY, " + 0.1 * V", "", "dV", id="a term of a gradient is missing, with a velocity"),
        pytest.param(
            PENALTY, "delta = (out", "delta = 2 * (out", "delta", id="in another measure than the penalty"
        ),
        pytest.param(NEURONS, 'upper["w"][k]', 'n["w"][k]', "back", id="made of nothing of the forward pass"),
        pytest.param(
            LAYERS, "dx[self.mask] = 0", "dx[dout <= 0] = 0", "dx", id="written in place, then returned"
        ),
    ],
)
def test_the_first_wrong_quantity(tmp_path: Path, program: str, old: str, new: str, name: str) -> None:
    path = tmp_path / "program.py"
    path.write_text(program)
    assert check_program(path).verdict == "right"
    assert program.count(old) == 1
    path.write_text(program.replace(old, new))
    report = check_program(path)
    assert report.verdict == "wrong"
    assert report.findings[0].quantity.name.startswith(name)
