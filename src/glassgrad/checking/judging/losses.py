"""The standard losses: what a backward pass may be descending although the program never computes it.

A gradient pass starts where the prediction meets the target. Each loss here is a function of the two; it is the one
that is descended where the exact gradients of it are the program's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.language import Text

__all__ = ["INDEXED", "LOSSES", "Loss"]


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss of a prediction and a target.

    Attributes
    ----------
    key, name, formula
        What it is called and how it is written; y is the target, ŷ the prediction.
    function
        ``function(prediction, target)``, added over all elements.
    output
        The activation it usually follows: ``"softmax"``, ``"sigmoid"``, ``"tanh"`` or nothing.
    suits
        Whether predictions and targets may be those of such a loss at all.
    """

    key: str
    name: Text
    formula: str
    function: Callable[[Any, Any], Any]
    output: str = ""
    suits: Callable[[Any, Any], bool] = lambda p, y: True


def _half_squares(p: Any, y: Any) -> Any:
    return np.sum((p - y) ** 2) * 0.5


def _absolute(p: Any, y: Any) -> Any:
    return np.sum(np.abs(p - y))


def _cross_entropy(p: Any, y: Any) -> Any:
    return -np.sum(y * np.log(p))


def _binary(p: Any, y: Any) -> Any:
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


def _signed(p: Any, y: Any) -> Any:
    return -np.sum((1 + y) * np.log(1 + p) + (1 - y) * np.log(1 - p)) * 0.5


def _poisson(p: Any, y: Any) -> Any:
    return np.sum(p - y * np.log(p))


def _counts(p: Any, y: Any) -> bool:
    """Say whether predictions may be rates of counts: probabilities of 0 and 1 are none."""
    return not (np.all((p > 0) & (p < 1)) and np.all((y >= 0) & (y <= 1)))


def _hinge(p: Any, y: Any) -> Any:
    return np.sum(np.maximum(0, 1 - y * p))


def _perceptron(p: Any, y: Any) -> Any:
    return np.sum(np.maximum(0, -y * p))


LOSSES = (
    Loss("half-squares", Text("half the sum of squares", "제곱합의 절반"), "½Σ(y − ŷ)²", _half_squares),
    Loss(
        "binary-cross-entropy",
        Text("binary cross-entropy", "이진 교차 엔트로피"),
        "−Σ(y·ln ŷ + (1 − y)·ln(1 − ŷ))",
        _binary,
        "sigmoid",
    ),
    Loss("cross-entropy", Text("cross-entropy", "교차 엔트로피"), "−Σ y·ln ŷ", _cross_entropy, "softmax"),
    Loss(
        "signed-cross-entropy",
        Text("cross-entropy of targets −1 and 1", "정답이 −1과 1인 교차 엔트로피"),
        "−½Σ((1 + y)·ln(1 + ŷ) + (1 − y)·ln(1 − ŷ))",
        _signed,
        "tanh",
    ),
    Loss("absolute", Text("sum of absolute errors", "절댓값 오차의 합"), "Σ|y − ŷ|", _absolute),
    Loss("hinge", Text("hinge loss", "힌지 손실"), "Σ max(0, 1 − y·ŷ)", _hinge),
    Loss("perceptron", Text("perceptron loss", "퍼셉트론 손실"), "Σ max(0, −y·ŷ)", _perceptron),
    Loss("poisson", Text("Poisson loss", "푸아송 손실"), "Σ(ŷ − y·ln ŷ)", _poisson, suits=_counts),
)

INDEXED = (
    Loss(
        "cross-entropy",
        Text("cross-entropy", "교차 엔트로피"),
        "−Σ ln ŷ[y]",
        lambda p, index: -np.sum(np.log(p[index])),
        "softmax",
    ),
)
"""Losses of a prediction and the index of the right class in it."""
