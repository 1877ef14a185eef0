"""The perceptron: a weighted sum and a step, which learns by Rosenblatt's rule because no gradient flows.

Where the rule does not come to rest, it matters why. Two classes can be told apart by a line exactly when
their convex hulls do not meet, and whether they meet is a linear program: its solution is a point that both
classes surround, which is the proof a person can check by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad import xp
from glassgrad.errors import DataError, ShapeError
from glassgrad.nn.linear import Linear
from glassgrad.nn.module import LAYERS
from glassgrad.options import require
from glassgrad.tensors import Tensor, asarray

__all__ = ["CommonPoint", "Perceptron", "RosenblattResult", "common_point"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CommonPoint:
    """A point within the convex hulls of both classes: the proof that no line parts them.

    Attributes
    ----------
    point
        The point.
    rows_of_0, rows_of_1
        Rows of each class that surround it, and their shares, which add up to 1.
    """

    point: tuple[float, ...]
    rows_of_0: dict[int, float]
    rows_of_1: dict[int, float]

    def __str__(self) -> str:
        at = ", ".join(f"{v:.6g}" for v in self.point)
        zeros, ones = (_rows(rows) for rows in (self.rows_of_0, self.rows_of_1))
        return (
            f"The point ({at}) lies among {zeros} of class 0 and among {ones} of class 1, so every line has rows of "
            "both classes on one side."
        )


def _rows(shares: dict[int, float]) -> str:
    numbers = [str(i) for i in shares]
    return f"row {numbers[0]}" if len(numbers) == 1 else f"rows {', '.join(numbers)}"


@dataclass(frozen=True)
class RosenblattResult:
    """How Rosenblatt's rule ended.

    Attributes
    ----------
    converged
        Whether every row is classified rightly.
    corrections, epochs
        How often the weights were corrected, and how often the rows were gone through.
    message
        What happened, and, where no line parts the classes, why.
    """

    converged: bool
    corrections: int
    epochs: int
    message: str


@LAYERS.add()
class Perceptron(Linear):
    """y = step(w·x + b), which is 1 where w·x + b ≥ 0 and else 0.

    Parameters
    ----------
    in_features
        How many numbers go in.
    out
        How many perceptrons there are side by side.
    dtype
        float32 (the default) or float64.

    Attributes
    ----------
    weight, bias : Parameter
        (out, in_features) and (out,), all 0 at first.

    Examples
    --------
    >>> gate = Perceptron(2, dtype="float64")
    >>> result = gate.fit_rosenblatt([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1])
    >>> result.converged
    True
    >>> gate([[1.0, 1.0], [0.0, 1.0]]).tolist()
    [[1.0], [0.0]]
    """

    def __init__(self, in_features: int, out: int = 1, *, dtype: Any = "float32") -> None:
        super().__init__(in_features, out, weight_init="zeros", dtype=dtype)

    def forward(self, x: Any) -> Tensor:
        """Return zeros and ones, (…, out)."""
        return asarray(xp.step(super().forward(x)))

    def settings(self) -> dict[str, Any]:
        """Return the constructor's settings."""
        return {
            "in_features": self.in_features,
            "out": self.out_features,
            "dtype": str(self.weight.dtype),
        }

    def fit_rosenblatt(self, X: Any, y: Any, *, lr: float = 1.0, max_epochs: int = 1000) -> RosenblattResult:
        """Learn by Rosenblatt's rule (1958), from the weights at hand.

        The rows are gone through in order; where ŷ ≠ y, w ← w + η (y − ŷ) x and b ← b + η (y − ŷ). If a
        line parts the classes, that ends after finitely many corrections (Novikoff, 1962).

        Parameters
        ----------
        X
            (n, in_features) numbers.
        y
            (n,) or (n, out) zeros and ones.
        lr
            η > 0; from weights of 0 it only scales them.
        max_epochs
            Give up after going through the rows so often.

        Returns
        -------
        RosenblattResult
            Whether it converged, and after how many corrections; where not, whether any line could.

        Raises
        ------
        ShapeError, DataError, OptionError
            Where data or settings cannot be used.
        """
        require("fit_rosenblatt", "lr", lr, above=0)
        require("fit_rosenblatt", "max_epochs", max_epochs, least=1, whole=True)
        rows, wanted = self._rows_and_classes(X, y)
        weight, bias = (np.array(p.numpy(), np.float64) for p in (self.weight, self._offset()))
        corrections, epochs, converged = 0, 0, False
        while not converged and epochs < max_epochs:
            epochs += 1
            before = corrections
            for x, t in zip(rows, wanted, strict=True):
                error = t - (weight @ x + bias >= 0)
                if error.any():
                    weight += lr * np.outer(error, x)
                    bias += lr * error
                    corrections += 1
            converged = corrections == before
        self.weight.assign(weight)
        self._offset().assign(bias)
        if converged:
            message = f"Converged after {corrections} corrections: every row is on its side of the line."
        else:
            message = self._why_not(rows, wanted, epochs)
        return RosenblattResult(converged, corrections, epochs, message)

    def _offset(self) -> Any:
        assert self.bias is not None
        return self.bias

    def _rows_and_classes(self, X: Any, y: Any) -> tuple[Array, Array]:
        rows, wanted = np.asarray(X, np.float64), np.asarray(y, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.in_features:
            raise ShapeError(f"X has shape {rows.shape}, but the perceptron takes (n, {self.in_features})")
        if wanted.shape == rows.shape[:1] and self.out_features == 1:
            wanted = wanted[:, None]
        if wanted.shape != (len(rows), self.out_features):
            raise ShapeError(
                f"y has shape {wanted.shape}, but {len(rows)} rows and {self.out_features} outputs need "
                f"({len(rows)}, {self.out_features})"
            )
        if not np.isin(wanted, (0, 1)).all():
            raise DataError("a perceptron says 0 or 1, so y must hold zeros and ones")
        if not np.isfinite(rows).all():
            raise DataError("X holds numbers that are not finite")
        return rows, wanted

    def _why_not(self, rows: Array, wanted: Array, epochs: int) -> str:
        for k in range(self.out_features):
            found = common_point(rows, wanted[:, k])
            if found is not None:
                which = "" if self.out_features == 1 else f" of output {k}"
                return f"The classes{which} are not linearly separable. {found}"
        return (
            f"Not done after {epochs} epochs, though a line parts the classes: give more epochs, or scale X."
        )


def common_point(X: Any, y: Any) -> CommonPoint | None:
    """Return a point that lies in the convex hulls of both classes; None where a line parts them.

    Parameters
    ----------
    X
        (n, features) finite numbers.
    y
        (n,) zeros and ones.

    Examples -------- >>> print(common_point([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])) The point
    (0.5, 0.5) lies among rows 0, 3 of class 0 and among rows 1, 2 of class 1, so every line has rows of
    both classes on one side. >>> common_point([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]) is None True
    """
    from scipy.optimize import linprog

    rows, classes = np.asarray(X, np.float64), np.asarray(y)
    zeros, ones = np.flatnonzero(classes == 0), np.flatnonzero(classes == 1)
    if not len(zeros) or not len(ones):
        return None
    # Shares λ, μ ≥ 0, each adding up to 1, with Σ λ x (class 0) = Σ μ x (class 1).
    scale = np.abs(rows).max() or 1.0
    equal = np.zeros((rows.shape[1] + 2, len(rows)))
    equal[:-2, : len(zeros)] = rows[zeros].T / scale
    equal[:-2, len(zeros) :] = -rows[ones].T / scale
    equal[-2, : len(zeros)] = 1
    equal[-1, len(zeros) :] = 1
    right = np.r_[np.zeros(rows.shape[1]), 1, 1]
    shares = linprog(np.zeros(len(rows)), A_eq=equal, b_eq=right, method="highs").x
    if shares is None:
        return None
    own = {int(i): float(s) for i, s in zip(zeros, shares[: len(zeros)], strict=True) if s > 1e-9}
    other = {int(i): float(s) for i, s in zip(ones, shares[len(zeros) :], strict=True) if s > 1e-9}
    point = sum(s * rows[i] for i, s in own.items())
    return CommonPoint(tuple(np.asarray(point).tolist()), own, other)
