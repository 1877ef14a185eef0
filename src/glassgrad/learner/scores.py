"""Scores: what outputs on known rows are worth, in the units a person thinks in.

A network of a standardised price has a loss in standard deviations; nobody can judge it. Scores are taken
after the target is turned back into its own units, and the same function judges the network and its
baselines, so that the columns of the final table can be compared.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.preprocessing import Preprocessing
from glassgrad.learner.baselines import MOST_STEPS, linear_outputs, logistic_steps, trivial_outputs
from glassgrad.learner.network import output_count
from glassgrad.learner.preparation import Preparation
from glassgrad.learner.summary import Summary
from glassgrad.nn import Module
from glassgrad.nn.losses import Loss
from glassgrad.nn.losses import loss as find_loss
from glassgrad.training.fit import predict
from glassgrad.training.metrics import accuracy, mae, r2, rmse

__all__ = ["compare", "comparing_is_slow", "judge", "network_target", "score"]

Array = NDArray[Any]

_SLOW = 3e9


def score(preprocessing: Preprocessing, loss: Loss, outputs: Array, y: Array) -> dict[str, float]:
    """Return the scores of outputs.

    Parameters
    ----------
    preprocessing
        Knows the task and the target's units.
    loss
        The loss the network was trained by.
    outputs
        (n, k): logits, or standardised quantities.
    y
        (n,): class numbers, or standardised quantities.

    Returns
    -------
    dict
        ``loss`` (on the outputs as they are) and ``accuracy``; or ``loss``, and in the target's own units
        ``rmse`` and ``mae``, and ``r2``, which is NaN for a single row.
    """
    outputs = np.asarray(outputs)
    value = float(loss(outputs, network_target(y, outputs.shape[1], outputs.dtype)).item())
    if preprocessing.task == "classification":
        return {"loss": value, "accuracy": accuracy(outputs, y)}
    given = preprocessing.inverse_target(outputs[:, 0])
    wanted = preprocessing.inverse_target(y)
    explained = r2(given, wanted) if len(y) > 1 else math.nan  # a single row does not vary
    return {"loss": value, "rmse": rmse(given, wanted), "mae": mae(given, wanted), "r2": explained}


def network_target(y: Array, outputs: int, dtype: Any) -> Array:
    """Return targets as a loss takes them: int64 (n,) for several classes, else (n, 1) of the network's dtype.

    Examples
    --------
    >>> network_target(np.array([0, 1]), 1, "float32").shape
    (2, 1)
    """
    if outputs > 1:
        return np.asarray(y, dtype=np.int64)
    return np.asarray(y, dtype=dtype)[:, None]


def judge(network: Module, prepared: Preparation, summary: Summary) -> None:
    """Write into the summary how good a network is on the rows that were held back."""
    recipe, fitted = prepared.recipe, prepared.preprocessing
    loss = find_loss(recipe.loss or "mse")
    if prepared.validation is not None:
        outputs = predict(network, prepared.validation.X, engine=recipe.engine)
        summary.validation = dict(score(fitted, loss, outputs, prepared.validation.y))
    if prepared.test is not None:
        outputs = predict(network, prepared.test.X, engine=recipe.engine)
        summary.test = dict(score(fitted, loss, outputs, prepared.test.y))


def comparing_is_slow(prepared: Preparation) -> bool:
    """Say whether the baselines of a network may take more than a moment."""
    if prepared.test is None:
        return False
    rows, features = prepared.train.X.shape
    work = rows * features * (100 * prepared.classes or min(rows, features))
    return bool(work > _SLOW)


def compare(prepared: Preparation, summary: Summary) -> None:
    """Write into the summary how good the baselines of a network are on the test rows."""
    if prepared.test is None:
        return
    recipe, fitted, classes = prepared.recipe, prepared.preprocessing, prepared.classes
    loss = find_loss(recipe.loss or "mse")
    train, test = prepared.train, prepared.test
    if classes:
        steps = logistic_steps(len(train), train.X.shape[1], classes)
        summary.linear_steps = steps if steps < MOST_STEPS else None
    plain = {
        "trivial": trivial_outputs(train.y, len(test), prepared.classes),
        "linear": linear_outputs(train.X, train.y, test.X, prepared.classes),
    }
    for name, logits in plain.items():
        if logits is not None:
            if output_count(fitted, recipe) < logits.shape[1]:
                logits = logits[:, 1:] - logits[:, :1]
            summary.baselines[name] = dict(score(fitted, loss, logits, test.y))
