"""Baselines: what a network must beat to have been worth training.

Two of them, given the same rows and the same features as the network: the trivial predictor, which looks at
the targets alone, and a linear model, which is a network without hidden layers. Both are deterministic, so
a network that loses to one of them has a fault, not bad luck.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassgrad.engines.numpy.threads import blas_threads

__all__ = [
    "MOST_STEPS",
    "linear_outputs",
    "logistic_regression",
    "logistic_steps",
    "ridge_regression",
    "trivial_outputs",
]

Array = NDArray[Any]

_PENALTY = 1.0
_LARGEST_SYSTEM = 5000
_BLOCK_ROWS = 1 << 14
MOST_STEPS: Final = 100
"""The limit where a step is little work."""

_FEWEST_STEPS = 5
_WORK = 1.3e10
_TOLERANCE = 1e-6


def trivial_outputs(y: ArrayLike, rows: int, classes: int = 0) -> NDArray[np.float64]:
    """Return outputs that ignore the features: the mean, or the logarithms of the classes' shares.

    Parameters
    ----------
    y
        (n,) targets of the training rows: class numbers, or quantities.
    rows
        How many rows to predict.
    classes
        How many classes there are; 0 for quantities.

    Returns
    -------
    ndarray
        (rows, 1) quantities, or (rows, classes) logits, whose largest is the most frequent class.

    Examples
    --------
    >>> trivial_outputs([1.0, 2.0, 6.0], 2).tolist()
    [[3.0], [3.0]]
    >>> np.exp(trivial_outputs([0, 1, 1, 1], 1, classes=2)).round(2).tolist()
    [[0.25, 0.75]]
    """
    if not classes:
        return np.full((rows, 1), float(np.mean(np.asarray(y, dtype=np.float64))))
    counts = np.bincount(np.asarray(y, dtype=np.int64), minlength=classes)
    shares = np.maximum(counts, 0.5) / counts.sum()  # a class that training has not gets half a row
    return np.tile(np.log(shares), (rows, 1))


def linear_outputs(X: Array, y: Array, X_test: Array, classes: int = 0) -> NDArray[np.float64] | None:
    """Fit the linear model and return its outputs for the test rows.

    Parameters
    ----------
    X, y
        (n, features) and (n,): the training rows.
    X_test
        (m, features): the rows to predict.
    classes
        How many classes there are; 0 for quantities.

    Returns
    -------
    ndarray or None
        (m, 1) quantities or (m, classes) logits; None where the system is too large to be solved in a moment.
    """
    if not classes and min(X.shape) > _LARGEST_SYSTEM:
        return None
    with blas_threads(X.size * (classes or min(X.shape))):
        weight, bias = logistic_regression(X, y, classes) if classes else ridge_regression(X, y)
        return _in_blocks(X_test, weight) + bias


def logistic_steps(rows: int, features: int, classes: int) -> int:
    """Return how many steps the logistic regression may take: fewer where a step is much work.

    A baseline that takes longer than the network is no service; on 54 000 images of MNIST 30 steps take about
    two seconds and come within a hundredth of the accuracy of many more.

    Examples
    --------
    >>> logistic_steps(1258, 64, 10), logistic_steps(54_000, 784, 10)
    (100, 30)
    """
    return max(_FEWEST_STEPS, min(MOST_STEPS, int(_WORK / (rows * features * classes))))


def ridge_regression(
    X: Array, y: Array, penalty: float = _PENALTY
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights (features, 1) and bias (1,) that minimise ‖Xw + b − y‖² + penalty·‖w‖².

    In closed form, through the smaller of the two Gram matrices of the centred features.

    Examples
    --------
    >>> weight, bias = ridge_regression(np.array([[0.0], [1.0]]), np.array([1.0, 3.0]), penalty=1e-12)
    >>> weight.round(6).tolist(), bias.round(6).tolist()
    ([[2.0]], [1.0])
    """
    n, features = X.shape
    centre = X.mean(axis=0, dtype=np.float64)
    mean = float(np.mean(y, dtype=np.float64))
    wanted = np.asarray(y, dtype=np.float64) - mean
    if features <= n:
        gram = np.zeros((features, features))
        moment = np.zeros(features)
        for first in range(0, n, _BLOCK_ROWS):
            block = X[first : first + _BLOCK_ROWS] - centre
            gram += block.T @ block
            moment += block.T @ wanted[first : first + _BLOCK_ROWS]
        weight = np.linalg.solve(gram + penalty * np.eye(features), moment)
    else:
        centred = X - centre
        weight = centred.T @ np.linalg.solve(centred @ centred.T + penalty * np.eye(n), wanted)
    return np.asarray(weight[:, None], dtype=np.float64), np.array([mean - centre @ weight])


def logistic_regression(
    X: Array, y: Array, classes: int, penalty: float = _PENALTY
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights (features, classes) and biases (classes,) of multinomial logistic regression.

    They minimise Σ −log p(y) + ½·penalty·‖W‖² by L-BFGS from zero, which is deterministic; it ends where a
    step lowers the sum by less than a millionth, or after `logistic_steps`.

    Examples
    --------
    >>> weight, bias = logistic_regression(np.array([[-1.0], [1.0]]), np.array([0, 1]), 2)
    >>> float((weight[0, 1] - weight[0, 0]).round(3))
    1.043
    """
    from scipy.optimize import minimize

    n, features = X.shape
    rows = np.asarray(X, dtype=X.dtype if X.dtype.kind == "f" else np.float64)
    wanted = (np.arange(n), y)

    def objective(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight = parameters[classes:].reshape(features, classes)
        logits = rows @ weight.astype(rows.dtype) + parameters[:classes].astype(rows.dtype)
        logits -= logits.max(axis=1, keepdims=True)
        p = np.exp(logits)
        total = p.sum(axis=1, keepdims=True)
        loss = float(np.log(total).sum(dtype=np.float64) - logits[wanted].sum(dtype=np.float64))
        p /= total
        p[wanted] -= 1
        gradient = np.concatenate([p.sum(axis=0, dtype=np.float64), (rows.T @ p).ravel()])
        gradient[classes:] += penalty * weight.ravel()
        return (loss + penalty * float((weight**2).sum()) / 2) / n, gradient / n

    found = minimize(
        objective,
        np.zeros(classes * (features + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": logistic_steps(n, features, classes), "gtol": 1e-6, "ftol": _TOLERANCE},
    )
    return found.x[classes:].reshape(features, classes), found.x[:classes]


def _in_blocks(X: Array, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    parts = [X[first : first + _BLOCK_ROWS] @ weight for first in range(0, len(X), _BLOCK_ROWS)]
    return np.concatenate(parts)
