"""Handwritten digits: the first real task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassgrad.data.digits import load_digits
from glassgrad.data.split import split_rows
from glassgrad.examples.example import Example, Row
from glassgrad.nn import mlp
from glassgrad.ops import Text
from glassgrad.training.fit import fit, predict

__all__ = ["DIGITS", "DigitsExample"]


@dataclass(frozen=True)
class DigitsExample(Example):
    """1 797 images of 8×8 pixels, ten classes."""

    def run(self) -> list[Row]:
        """Train a 64-64-10 network and return its accuracy on rows it has not seen."""
        data = load_digits()
        assert data.y is not None
        parts = split_rows(data.height, validation=0.0, test=0.2, seed=0, labels=data.y)
        X = data.X.reshape(len(data.X), -1) / np.float32(16)
        model = mlp(64, [64], 10, seed=0)
        fit(model, X[parts.train], data.y[parts.train], epochs=30, progress=False)
        right = predict(model, X[parts.test]).argmax(axis=1) == data.y[parts.test]
        return [("rows", str(len(X))), ("test accuracy", f"{right.mean():.4f}")]


DIGITS = DigitsExample(
    "digits",
    Text("handwritten digits, 8×8 pixels", "손글씨 숫자, 8×8 픽셀"),
    Text(
        "Inputs are pixels, there are ten outputs, and the largest is the answer.",
        "입력은 픽셀이고 출력은 열 개이며, 가장 큰 출력이 답이다.",
    ),
)
