"""Losses of quantities: how far the prediction is from the number it should be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from glassgrad import xp
from glassgrad.nn.losses.loss import LOSSES, Loss, cast
from glassgrad.options import require
from glassgrad.tensors import Tensor, asarray

__all__ = ["MAE", "MSE", "HalfMSE", "HalfSumSquares", "Huber"]


def _error(output: Tensor, target: Tensor) -> Tensor:
    return asarray(output - cast(target, output.dtype))


@LOSSES.add("mse")
@dataclass(frozen=True)
class MSE(Loss):
    """Mean squared error: the mean of (ŷ − y)² over all elements.

    Examples
    --------
    >>> MSE()([[1.0, 2.0]], [[0.0, 0.0]])
    Tensor(2.5)
    """

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the squared errors."""
        return asarray(xp.square(_error(output, target)))


@LOSSES.add("half_mse")
@dataclass(frozen=True)
class HalfMSE(MSE):
    """1/(2n) · Σ (ŷ − y)² over n rows and all outputs, whose gradient has no factor 2.

    Examples
    --------
    >>> HalfMSE()([[1.0, 2.0]], [[0.0, 0.0]])
    Tensor(2.5)
    """

    def factor(self, output: Tensor) -> float:
        """Return half the number of outputs, which the mean over all elements divides by."""
        return float(math.prod(output.shape[1:])) / 2


@LOSSES.add("half_sum_squares")
@dataclass(frozen=True)
class HalfSumSquares(MSE):
    """½ Σ (ŷ − y)² over all elements: the error of the textbooks. It grows with the number of rows.

    Examples
    --------
    >>> HalfSumSquares()([[1.0, 2.0]], [[0.0, 0.0]])
    Tensor(2.5)
    """

    reduction: ClassVar[Literal["mean", "sum"]] = "sum"

    def factor(self, output: Tensor) -> float:
        """Return ½."""
        return 0.5


@LOSSES.add("mae")
@dataclass(frozen=True)
class MAE(Loss):
    """Mean absolute error: the mean of |ŷ − y| over all elements.

    Examples
    --------
    >>> MAE()([[1.0, -2.0]], [[0.0, 0.0]])
    Tensor(1.5)
    """

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the absolute errors."""
        return asarray(xp.abs(_error(output, target)))


@LOSSES.add("huber")
@dataclass(frozen=True)
class Huber(Loss):
    """The mean of ½e² where |e| ≤ δ, else δ(|e| − ½δ), with e = ŷ − y (Huber, 1964).

    Parameters
    ----------
    delta
        δ > 0; 1 by default.

    Raises
    ------
    OptionError
        Where δ is not above 0.

    Examples
    --------
    >>> Huber()([[0.5, 3.0]], [[0.0, 0.0]])
    Tensor(1.3125)
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        require("huber", "delta", self.delta, above=0)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """Return a (|e| − ½a) with a = min(|e|, δ), which is both branches in one."""
        size = xp.abs(_error(output, target))
        near = xp.minimum(size, float(self.delta))
        return asarray(near * (size - near * 0.5))
