"""Data and networks that the tests of diagnoses share: those that learn well, and rows to learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.data import load_digits

Array = np.ndarray[Any, Any]
Rows = tuple[Array, Array]


def digits() -> Rows:
    data = load_digits()
    assert data.y is not None
    return data.X.reshape(len(data.X), -1) / np.float32(16), data.y


def one_hot_digits() -> Rows:
    X, y = digits()
    return X, np.eye(10, dtype=np.float32)[y]


def blobs(classes: int = 3, features: int = 6, rows: int = 300, seed: int = 0) -> Rows:
    """Classes around centres of their own."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    X = 2 * rng.normal(size=(classes, features))[y] + rng.normal(size=(rows, features))
    return standardised(X), y


def two_moons(rows: int = 400) -> Rows:
    rng = np.random.default_rng(0)
    y, angle = np.arange(rows) % 2, rng.uniform(0, np.pi, rows)
    X = np.stack([np.cos(angle) * (1 - 2 * y) + y, np.sin(angle) * (1 - 2 * y) + 0.5 * y], axis=1)
    return standardised(X + 0.1 * rng.normal(size=X.shape)), y


def yes_or_no() -> Rows:
    X, y = two_moons()
    return X, y[:, None].astype(np.float32)


def curve(rows: int = 300) -> Rows:
    """One feature, and a quantity that bends."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.7, 1.7, (rows, 1))
    return X.astype(np.float32), standardised(np.sin(2 * X) + 0.3 * X + 0.1 * rng.normal(size=X.shape))


def prices(rows: int = 400) -> Rows:
    """Eight features, and a quantity with interactions and noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 8))
    y = X[:, 0] + np.abs(X[:, 1]) - X[:, 2] * X[:, 3] + 0.5 * rng.normal(size=rows)
    return X.astype(np.float32), standardised(y[:, None])


def standardised(X: Array) -> Array:
    return ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)


class ByHand(nn.Module):
    """A network whose forward pass somebody wrote, without layers."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.W1 = nn.Parameter(rng.normal(size=(6, 16)) / np.sqrt(6), dtype="float32")
        self.b1 = nn.Parameter(np.zeros(16), dtype="float32")
        self.W2 = nn.Parameter(rng.normal(size=(16, 3)) / 4, dtype="float32")
        self.b2 = nn.Parameter(np.zeros(3), dtype="float32")

    def forward(self, x: Any) -> Any:
        return gg.tanh(x @ self.W1 + self.b1) @ self.W2 + self.b2


@dataclass(frozen=True)
class Case:
    """A network that learns well, and how."""

    build: Callable[[], nn.Module]
    rows: Callable[[], Rows]
    optimizer: optim.Optimizer
    epochs: int
    loss: str | None = None


def ends_in(layer: nn.Module, *sizes: Any, **settings: Any) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*nn.mlp(*sizes, **settings), layer)


HEALTHY: dict[str, Case] = {
    "digits, relu, Adam": Case(lambda: nn.mlp(64, 64, 10, seed=0), digits, optim.Adam(lr=3e-3), 8),
    "digits, tanh, SGD": Case(
        lambda: nn.mlp(64, [64, 32], 10, activation="tanh", seed=1), digits, optim.SGD(lr=0.1), 8
    ),
    "digits, dropout, AdamW": Case(
        lambda: nn.mlp(64, [128, 64], 10, dropout=0.2, seed=2), digits, optim.AdamW(lr=3e-3), 6
    ),
    "digits, sigmoid and squared error": Case(
        ends_in(nn.Sigmoid(), 64, 30, 10, activation="sigmoid", seed=0),
        one_hot_digits,
        optim.SGD(lr=1.0),
        15,
        "half_mse",
    ),
    "digits, six layers, GELU": Case(
        lambda: nn.mlp(64, [32] * 5, 10, activation="gelu", seed=0), digits, optim.Adam(lr=1e-3), 5
    ),
    "digits, six layers, tanh, RMSprop": Case(
        lambda: nn.mlp(64, [32] * 5, 10, activation="tanh", seed=0), digits, optim.RMSprop(lr=1e-3), 5
    ),
    "digits, no biases": Case(
        lambda: nn.Sequential(
            nn.Linear(64, 64, bias=False, weight_init="he_uniform", seed=1),
            nn.ReLU(),
            nn.Linear(64, 10, bias=False, seed=2),
        ),
        digits,
        optim.Adam(lr=3e-3),
        6,
    ),
    "blobs, by hand, AdaGrad": Case(ByHand, blobs, optim.AdaGrad(lr=0.05), 20),
    "blobs, logistic regression from zeros": Case(
        lambda: nn.Sequential(nn.Linear(6, 3, weight_init="zeros")), blobs, optim.SGD(lr=0.1), 20
    ),
    "blobs, ELU, Nesterov": Case(
        lambda: nn.mlp(6, [16, 16], 3, activation="elu", seed=0), blobs, optim.Nesterov(lr=0.02), 15
    ),
    "moons, one logit, SiLU": Case(
        lambda: nn.mlp(2, [16, 16], 1, activation="silu", seed=0),
        yes_or_no,
        optim.Adam(lr=1e-2),
        20,
        "binary_cross_entropy_with_logits",
    ),
    "moons, a probability": Case(
        ends_in(nn.Sigmoid(), 2, 16, 1, activation="tanh", seed=0),
        yes_or_no,
        optim.Momentum(lr=0.05),
        30,
        "binary_cross_entropy",
    ),
    "curve, tanh, float64": Case(
        lambda: nn.mlp(1, 32, 1, activation="tanh", dtype="float64", seed=0), curve, optim.Adam(lr=1e-2), 60
    ),
    "curve, leaky ReLU, absolute error": Case(
        lambda: nn.mlp(1, [32, 32], 1, activation="leaky_relu", seed=0), curve, optim.Adam(lr=3e-3), 40, "mae"
    ),
    "prices, relu, Huber": Case(lambda: nn.mlp(8, 32, 1, seed=0), prices, optim.AdamW(lr=3e-3), 20, "huber"),
    "prices, linear": Case(lambda: nn.Sequential(nn.Linear(8, 1, seed=0)), prices, optim.SGD(lr=0.05), 30),
    "pixels, a narrow linear layer": Case(
        lambda: nn.Sequential(nn.Linear(64, 4, seed=0), nn.Linear(4, 64, seed=1)),
        lambda: (digits()[0], digits()[0]),
        optim.Adam(lr=3e-3),
        8,
        "mse",
    ),
}


def train(model: nn.Module, X: Array, y: Array, **settings: Any) -> gg.History:
    return gg.fit(model, X, y, progress=False, engine="numpy", **settings)
