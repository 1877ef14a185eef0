"""Small networks whose every number is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.examples.example import NetworkExample
from glassgrad.nn import Linear, Sequential, Sigmoid
from glassgrad.ops import Text

__all__ = ["NETWORKS"]

Array = np.ndarray[Any, Any]


def _sigmoid_layers(*weights: Array) -> Sequential:
    """Return sigmoid layers without bias whose weights are given as (out, in)."""
    layers: list[Any] = []
    for w in weights:
        layer = Linear(w.shape[1], w.shape[0], bias=False, dtype="float64")
        layer.weight.assign(w)
        layers += [layer, Sigmoid()]
    return Sequential(*layers)


def _xor() -> Sequential:
    legacy = np.random.RandomState(1)
    first = 2 * legacy.random_sample((3, 4)) - 1
    second = 2 * legacy.random_sample((4, 1)) - 1
    return _sigmoid_layers(first.T, second.T)


def _xor_no_bias() -> Sequential:
    legacy = np.random.RandomState(0)
    first = legacy.random_sample((2, 2))
    second = legacy.random_sample((2, 1))
    return _sigmoid_layers(first.T, second.T)


def _two_two_two() -> Sequential:
    return _sigmoid_layers(np.array([[0.3, 0.25], [0.4, 0.35]]), np.array([[0.45, 0.4], [0.7, 0.6]]))


_CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
_PARITY = np.array([[0.0], [1.0], [1.0], [0.0]])

NETWORKS = (
    NetworkExample(
        "xor",
        Text("XOR by a 3-4-1 network", "3-4-1 신경망으로 배우는 XOR"),
        Text(
            "Sigmoid units without bias; a third input fixed at 1 takes its place. Gradient descent on all four rows "
            "at once, E = ½Σ(y − ŷ)².",
            "편향 없는 시그모이드 유닛이며, 1로 고정된 셋째 입력이 편향을 대신한다. 네 행 전체에 대한 경사 하강법, "
            "E = ½Σ(y − ŷ)².",
        ),
        np.column_stack([_CORNERS, np.ones(4)]),
        _PARITY,
        _xor,
        0.1,
        60_000,
    ),
    NetworkExample(
        "xor-no-bias",
        Text("XOR by a 2-2-1 network without any bias", "편향이 전혀 없는 2-2-1 신경망의 XOR"),
        Text(
            "Without a bias every hidden unit is 0.5 at x = (0, 0), so the output there is tied to the other rows: "
            "training is slow, not impossible.",
            "편향이 없으면 x = (0, 0)에서 모든 은닉 유닛이 0.5이므로 그 출력이 다른 행에 묶인다: 학습이 불가능한 것이 "
            "아니라 느리다.",
        ),
        _CORNERS,
        _PARITY,
        _xor_no_bias,
        0.1,
        20_000,
    ),
    NetworkExample(
        "two-two-two",
        Text("a 2-2-2 network worked by hand", "손으로 계산하는 2-2-2 신경망"),
        Text(
            "One row, four weights a layer, one step of gradient descent: small enough for every number to be "
            "followed with a pencil.",
            "한 행, 층마다 가중치 네 개, 경사 하강법 한 단계: 모든 수를 연필로 따라갈 수 있을 만큼 작다.",
        ),
        np.array([[0.1, 0.2]]),
        np.array([[0.4, 0.6]]),
        _two_two_two,
        0.5,
        1,
    ),
)
