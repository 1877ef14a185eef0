"""Metrics: how good a network's outputs are, in the numbers people compare.

A loss is what training follows; a metric is what a person reports. Each is an exact definition on plain
arrays, with weights for the rows, so that the figures of a progress bar, of ``evaluate`` and of another
library agree. Outputs are those of the network: logits for classes, numbers for quantities.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassgrad.errors import OptionError, ShapeError, did_you_mean

__all__ = ["METRICS", "Metric", "accuracy", "log_loss", "mae", "metric", "probabilities", "r2", "rmse"]

Array = NDArray[Any]


class Metric(Protocol):
    """A function of outputs, targets and weights of the rows."""

    def __call__(self, outputs: ArrayLike, targets: ArrayLike, weight: ArrayLike | None = None) -> float:
        """Return the metric."""


def accuracy(outputs: ArrayLike, targets: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the share of rows whose likeliest class is the right one.

    Parameters
    ----------
    outputs
        (n, k) logits or probabilities of k ≥ 2 classes, the largest being the answer (the first of
        equal ones); or (n,) or (n, 1) logits of class 1 against class 0, where more than 0 says 1.
    targets
        (n,) or (n, 1) class numbers, or (n, k) probabilities, of which the largest is the right class.
    weight
        (n,) weights of the rows: Σ w·[right] / Σ w.

    Raises
    ------
    ShapeError
        Where outputs, targets and weights have not the same number of rows.

    Examples
    --------
    >>> accuracy([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]], [0, 1, 1])
    0.6666666666666666
    """
    scores, wanted = _rows(outputs, targets)
    given = scores.argmax(axis=1) if scores.shape[1] > 1 else scores[:, 0] > 0
    right = wanted.argmax(axis=1) if wanted.shape[1] > 1 else wanted[:, 0]
    return _mean(given == right, weight)


def log_loss(outputs: ArrayLike, targets: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean of −log p, where p is the probability given to the right class.

    Parameters
    ----------
    outputs
        (n, k) logits of k ≥ 2 classes, of which softmax makes probabilities; or (n,) or (n, 1) logits
        of class 1 against class 0, of which the sigmoid does.
    targets
        (n,) or (n, 1) class numbers, or (n, k) probabilities q, for which a row's loss is −Σ q·log p.
    weight
        (n,) weights of the rows: Σ w·ℓ / Σ w.

    Raises
    ------
    ShapeError
        Where outputs, targets and weights do not fit each other.

    Examples
    --------
    >>> round(log_loss([[0.0, 0.0], [100.0, 0.0]], [0, 0]), 6)
    0.346574
    """
    logits, wanted = _rows(outputs, targets)
    if logits.shape[1] == 1:
        z = logits[:, 0]
        return _mean(np.logaddexp(0.0, z) - wanted[:, 0] * z, weight)
    log_p = logits - logits.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    if wanted.shape[1] > 1:
        return _mean(-(wanted * log_p).sum(axis=1), weight)
    return _mean(-np.take_along_axis(log_p, wanted.astype(np.int64), axis=1)[:, 0], weight)


def rmse(outputs: ArrayLike, targets: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the root of the mean squared error: √(mean (ŷ − y)²) over all rows and columns.

    Raises
    ------
    ShapeError
        Where the shapes differ.

    Examples
    --------
    >>> rmse([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    given, wanted = _equal(outputs, targets)
    return float(np.sqrt(_mean(((given - wanted) ** 2).mean(axis=1), weight)))


def mae(outputs: ArrayLike, targets: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean absolute error: mean |ŷ − y| over all rows and columns.

    Raises
    ------
    ShapeError
        Where the shapes differ.

    Examples
    --------
    >>> mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    given, wanted = _equal(outputs, targets)
    return _mean(np.abs(given - wanted).mean(axis=1), weight)


def r2(outputs: ArrayLike, targets: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the share of the targets' variance that is explained: 1 − Σ(ŷ − y)² / Σ(y − ȳ)².

    It is 1 for perfect predictions, 0 for the mean's, and less for worse ones. Of several columns it is the
    mean. A column that never changes has no variance to explain: it counts as 1 where it is predicted
    exactly, and else as 0.

    Raises
    ------
    ShapeError
        Where the shapes differ.

    Examples
    --------
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.7857142857142857
    """
    given, wanted = _equal(outputs, targets)
    w = _weights(weight, len(wanted))[:, None]
    left = (w * (given - wanted) ** 2).sum(axis=0)
    mean = (w * wanted).sum(axis=0) / w.sum()
    there = (w * (wanted - mean) ** 2).sum(axis=0)
    shares = np.where(there > 0, 1 - left / np.where(there > 0, there, 1), np.where(left > 0, 0.0, 1.0))
    return float(shares.mean())


METRICS: dict[str, Callable[..., float]] = {
    "accuracy": accuracy,
    "log_loss": log_loss,
    "rmse": rmse,
    "mae": mae,
    "r2": r2,
}
"""The metrics by name."""


def metric(name: str) -> Metric:
    """Return the metric of that name.

    Raises
    ------
    OptionError
        Where there is none.

    Examples
    --------
    >>> metric("mae") is mae
    True
    """
    if name not in METRICS:
        raise OptionError(f"There is no metric {name!r}. {did_you_mean(name, METRICS)}")
    return METRICS[name]


def probabilities(outputs: ArrayLike) -> NDArray[np.float64]:
    """Return the probability of each class, float64 (n, k), or (n, 2) where one logit stands for two classes.

    Examples
    --------
    >>> probabilities([[0.0, 0.0], [1000.0, 0.0]]).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    logits = _columns(outputs)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def _columns(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array.reshape(len(array), -1)


def _rows(outputs: ArrayLike, targets: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    given, wanted = _columns(outputs), _columns(targets)
    if len(given) != len(wanted) or wanted.shape[1] not in (1, given.shape[1]):
        raise ShapeError(
            f"Outputs have shape {np.shape(outputs)} and targets {np.shape(targets)}: "
            "expected (n, classes) and (n,) class numbers or (n, classes) probabilities."
        )
    return given, wanted


def _equal(outputs: ArrayLike, targets: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if np.shape(outputs) != np.shape(targets):
        raise ShapeError(
            f"Outputs have shape {np.shape(outputs)} and targets {np.shape(targets)}: they must be equal."
        )
    return _columns(outputs), _columns(targets)


def _weights(weight: ArrayLike | None, rows: int) -> NDArray[np.float64]:
    weights = np.ones(rows) if weight is None else np.asarray(weight, dtype=np.float64)
    if weights.shape != (rows,):
        raise ShapeError(f"Weights have shape {weights.shape}; expected ({rows},): one for each row.")
    return weights


def _mean(values: Array, weight: ArrayLike | None) -> float:
    weights = _weights(weight, len(values))
    return float((weights * values).sum() / weights.sum())
