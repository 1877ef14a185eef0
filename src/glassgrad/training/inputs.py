"""What a person hands over to be trained, as training takes it: arrays of the right dtype, a loss, an optimizer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from glassgrad import optim
from glassgrad.data.checks import validate_arrays
from glassgrad.errors import DataError, OptionError
from glassgrad.nn import Module
from glassgrad.nn import losses as nn_losses
from glassgrad.nn.losses import Loss

__all__ = [
    "cast_arrays",
    "check_arrays",
    "check_positive",
    "find_loss",
    "find_optimizer",
    "model_dtype",
    "prepare_target",
]

Array = np.ndarray[Any, Any]


def model_dtype(model: Module) -> np.dtype[Any]:
    """Return the dtype of the model's parameters.

    Raises
    ------
    OptionError
        Where it has none: there is nothing to train.
    """
    for parameter in model.parameters():
        dtype: np.dtype[Any] = parameter.dtype
        return dtype
    raise OptionError("the model has no parameters: there is nothing to train")


def check_arrays(
    X: Any, y: Any, sample_weight: Any, loss: str | Loss | None
) -> tuple[Array, Array, Array | None, Loss]:
    """Return features, targets and weights as arrays that training can use, and the loss for them.

    Raises
    ------
    ShapeError, DTypeError, DataError
        Where the data cannot be used.
    """
    X, y, weight = validate_arrays(X, y, sample_weight)
    if y is None:
        raise DataError("training needs targets: pass y, one for each row of X")
    return X, y, weight, find_loss(loss, y)


def cast_arrays(
    X: Array, y: Array, weight: Array | None, loss: Loss, dtype: np.dtype[Any]
) -> tuple[Array, Array, Array | None]:
    """Return checked arrays as the step takes them: of the model's dtype, class numbers as int64."""
    features = np.ascontiguousarray(X, dtype)
    return features, prepare_target(y, loss, dtype), None if weight is None else weight.astype(dtype)


def prepare_target(y: Array, loss: Loss, dtype: np.dtype[Any]) -> Array:
    """Return targets as the loss takes them: int64 class numbers, or numbers of the model's dtype."""
    if y.dtype.kind not in "fiub":
        raise DataError(
            f"y holds {y.dtype} values; class names need numbers: np.unique(y, return_inverse=True)[1]"
        )
    if isinstance(loss, nn_losses.CrossEntropy) and y.dtype.kind in "iub" and y.ndim == 1:
        return np.ascontiguousarray(y, np.int64)
    return np.ascontiguousarray(y, dtype)


def find_loss(loss: str | Loss | None, y: Array) -> Loss:
    """Return a loss, by name or itself; by default cross-entropy for whole numbers, mean squared error for others."""
    if loss is None:
        loss = "cross_entropy" if y.dtype.kind in "iu" and y.ndim == 1 else "mse"
    return nn_losses.loss(loss) if isinstance(loss, str) else loss


def find_optimizer(
    optimizer: str | optim.Optimizer, lr: float | None, weight_decay: float | None
) -> optim.Optimizer:
    """Return an optimizer, by name or by itself, with settings that replace its own where given."""
    found = optim.optimizer(optimizer) if isinstance(optimizer, str) else optimizer
    if lr is not None:
        found = replace(found, lr=float(lr))
    return found if weight_decay is None else replace(found, weight_decay=float(weight_decay))


def check_positive(**options: float | None) -> None:
    """Refuse an option that is given and not above 0.

    Raises
    ------
    OptionError
        With its name.
    """
    for name, value in options.items():
        if value is not None and not value > 0:
            raise OptionError(f"{name} must be above 0; got {value!r}")
