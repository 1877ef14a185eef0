"""Losses: one number that says how wrong the network is, and that training makes small.

Each is a frozen record of its settings that can be called, chosen by name and written as JSON. Losses are
means over the rows (but for ``half_sum_squares``); with weights of the rows, Σwℓ/Σw.
"""

from glassgrad.nn.losses.classification import (
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
)
from glassgrad.nn.losses.loss import LOSSES, Loss, loss
from glassgrad.nn.losses.regression import MAE, MSE, HalfMSE, HalfSumSquares, Huber

__all__ = [
    "LOSSES",
    "MAE",
    "MSE",
    "BinaryCrossEntropy",
    "BinaryCrossEntropyWithLogits",
    "CrossEntropy",
    "HalfMSE",
    "HalfSumSquares",
    "Huber",
    "Loss",
    "loss",
]
