"""Handwritten digits: the first real task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.data.digits import load_digits
from glassgrad.data.split import split_rows
from glassgrad.examples.example import Example, Row
from glassgrad.nn import Module, mlp
from glassgrad.ops import Text
from glassgrad.training.fit import fit, predict

__all__ = ["DIGITS", "DigitsExample"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class DigitsExample(Example):
    """1 797 images of 8×8 pixels, ten classes."""

    def train(self, epochs: int = 30) -> tuple[Module, Array, Array]:
        """Train a 64-64-10 network; return it with the rows it has not seen and what they show."""
        data = load_digits()
        assert data.y is not None
        parts = split_rows(data.height, validation=0.0, test=0.2, seed=0, labels=data.y)
        X = data.X.reshape(len(data.X), -1) / np.float32(16)
        model = mlp(64, [64], 10, seed=0)
        if epochs:
            fit(model, X[parts.train], data.y[parts.train], epochs=epochs, progress=False)
        return model, X[parts.test], data.y[parts.test]

    def run(self) -> list[Row]:
        """Train and return the accuracy on rows that the network has not seen."""
        model, X, y = self.train()
        right = predict(model, X).argmax(axis=1) == y
        return [("rows", str(load_digits().height)), ("test accuracy", f"{right.mean():.4f}")]


DIGITS = DigitsExample(
    "digits",
    Text("handwritten digits, 8×8 pixels", "손글씨 숫자, 8×8 픽셀"),
    Text(
        "Inputs are pixels, there are ten outputs, and the largest is the answer.",
        "입력은 픽셀이고 출력은 열 개이며, 가장 큰 출력이 답이다.",
    ),
)
