"""Circuits: a few gates, through which the gradient is followed back by hand."""

from __future__ import annotations

from glassgrad import xp
from glassgrad.examples.example import FunctionExample
from glassgrad.ops import Text
from glassgrad.tensors import Tensor

__all__ = ["CIRCUITS"]


def _product(x: Tensor, y: Tensor, z: Tensor) -> dict[str, Tensor]:
    q = x + y
    return {"q": q, "f": q * z}


def _sigmoid(w0: Tensor, x0: Tensor, w1: Tensor, x1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    total = w0 * x0 + w1 * x1 + w2
    return {"sum": total, "f": xp.sigmoid(total)}


def _max(x: Tensor, y: Tensor, z: Tensor, w: Tensor) -> dict[str, Tensor]:
    product, larger = x * y, xp.maximum(z, w)
    total = product + larger
    return {"x·y": product, "max": larger, "sum": total, "f": total * 2.0}


def _matrix(W: Tensor, x: Tensor) -> dict[str, Tensor]:
    q = W @ x
    return {"q": q, "f": xp.sum(xp.square(q))}


CIRCUITS = (
    FunctionExample(
        "circuit-product",
        Text("f = (x + y)·z", "f = (x + y)·z"),
        Text(
            "An add gate passes the upstream gradient on to both inputs; a multiply gate swaps its inputs.",
            "덧셈 게이트는 상류 기울기를 두 입력에 그대로 전달하고, 곱셈 게이트는 입력을 서로 바꾸어 곱한다.",
        ),
        _product,
        {"x": -2.0, "y": 5.0, "z": -4.0},
    ),
    FunctionExample(
        "circuit-sigmoid",
        Text("a neuron: 1/(1 + e^−(w0·x0 + w1·x1 + w2))", "뉴런 하나: 1/(1 + e^−(w0·x0 + w1·x1 + w2))"),
        Text(
            "Four gates, ·(−1), exp, +1 and 1/x, are one sigmoid gate with the local derivative σ(1 − σ).",
            "네 게이트 ·(−1), exp, +1, 1/x는 국소적 미분이 σ(1 − σ)인 시그모이드 게이트 하나와 같다.",
        ),
        _sigmoid,
        {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0},
    ),
    FunctionExample(
        "circuit-max",
        Text("f = 2·(x·y + max(z, w))", "f = 2·(x·y + max(z, w))"),
        Text(
            "A max gate routes the upstream gradient to its larger input.",
            "최댓값 게이트는 상류 기울기를 더 큰 입력 쪽으로만 보낸다.",
        ),
        _max,
        {"x": 3.0, "y": -4.0, "z": 2.0, "w": -1.0},
    ),
    FunctionExample(
        "circuit-matrix",
        Text("f = ‖W·x‖²", "f = ‖W·x‖²"),
        Text(
            "A matrix product is a gate as well; its local derivative is a Jacobian, here the matrix W itself.",
            "행렬 곱도 하나의 게이트이며, 그 국소적 미분은 야코비 행렬(Jacobian), 여기서는 행렬 W 자신이다.",
        ),
        _matrix,
        {"W": [[0.1, 0.5], [-0.3, 0.8]], "x": [0.2, 0.4]},
    ),
)
