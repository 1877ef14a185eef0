"""Arrays as a person hands them over, checked once, at the door.

What NumPy would broadcast, convert or carry along in silence (NaN, an (N, 1) target, objects) costs hours
when it is found in a loss curve; here it costs one message with the row and the mend in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassgrad.errors import DataError, DTypeError, ShapeError

__all__ = ["check_target_shape", "validate_arrays"]

_BLOCK = 1 << 18
"""Numbers that are looked at together."""


def validate_arrays(
    X: ArrayLike,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    *,
    prediction_shape: tuple[int, ...] | None = None,
    source: str = "X",
) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None]:
    """Return features, targets and weights as arrays that training can use, or say what is wrong.

    Parameters
    ----------
    X
        (n, …) numbers, n ≥ 1, at least two dimensions.
    y
        (n, …) numbers, or (n,) texts that name classes; None for prediction.
    sample_weight
        (n,) numbers ≥ 0, not all 0.
    prediction_shape
        The shape of what the model gives for X; y must then have exactly this shape.
    source
        What X is called in messages.

    Raises
    ------
    ShapeError
        Where lengths or shapes differ, (n, 1) against (n,) among them.
    DTypeError
        Where an array holds Python objects or complex numbers.
    DataError
        Where an array is empty, or holds NaN or infinity; the first such row and column is named.

    Examples
    --------
    >>> X, y, weight = validate_arrays([[1.0, 2.0], [3.0, 4.0]], [0, 1])
    >>> X.shape, y.shape, weight
    ((2, 2), (2,), None)
    """
    name = "X" if source == "X" else f"X of {source}"
    features = _array(X, name, numeric=True)
    if features.ndim < 2:
        raise ShapeError(
            f"{name} has shape {features.shape}; expected (n, features): one sample a row.\n"
            "For one feature write X[:, None]; for one sample write X[None, :]."
        )
    if features.size == 0:
        raise DataError(
            f"{name} is empty: its shape is {features.shape}.\nTraining needs at least one sample."
        )
    _check_finite(features, name)
    targets = None if y is None else _targets(y, features, name, prediction_shape)
    weights = None if sample_weight is None else _weights(sample_weight, len(features))
    return features, targets, weights


def check_target_shape(prediction: tuple[int, ...], target: tuple[int, ...]) -> None:
    """Refuse a target whose shape is not the prediction's; NumPy would broadcast (n, 1) and (n,) to (n, n).

    Raises
    ------
    ShapeError
        Where the shapes differ.

    Examples
    --------
    >>> check_target_shape((5, 1), (5,))
    Traceback (most recent call last):
    ...
    glassgrad.errors.ShapeError: The prediction has shape (5, 1) and the target (5,): they must be equal.
    Write y[:, None] to give the target the prediction's shape.
    """
    if prediction == target:
        return
    message = f"The prediction has shape {prediction} and the target {target}: they must be equal."
    if prediction == (*target, 1):
        message += "\nWrite y[:, None] to give the target the prediction's shape."
    elif target == (*prediction, 1):
        message += "\nWrite y[:, 0] to give the target the prediction's shape."
    raise ShapeError(message)


def _targets(
    y: ArrayLike, features: NDArray[Any], name: str, prediction_shape: tuple[int, ...] | None
) -> NDArray[Any]:
    targets = _array(y, "y", numeric=False)
    if targets.ndim == 0 or len(targets) != len(features):
        raise ShapeError(
            f"{name} has {len(features)} rows and y has shape {targets.shape}: one target for each row.\n"
            "Check that both were read, filtered and shuffled together."
        )
    if prediction_shape is not None:
        check_target_shape(prediction_shape, targets.shape)
    if targets.dtype.kind == "f":
        _check_finite(targets, "y")
    return targets


def _weights(sample_weight: ArrayLike, rows: int) -> NDArray[Any]:
    weights = _array(sample_weight, "sample_weight", numeric=True)
    if weights.shape != (rows,):
        raise ShapeError(
            f"sample_weight has shape {weights.shape}; expected ({rows},): one weight for each row."
        )
    _check_finite(weights, "sample_weight")
    if (weights < 0).any() or not weights.any():
        raise DataError("sample_weight must be at least 0 everywhere and above 0 somewhere.")
    return weights


def _array(values: ArrayLike, name: str, *, numeric: bool) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise ShapeError(f"{name} is not a rectangle: its rows have different lengths.") from None
    if numeric and array.dtype.kind in "US":
        raise DTypeError(
            f"{name} holds texts; expected numbers.\nRead a table with text columns with glassgrad.data.read."
        )
    if array.dtype.kind not in ("biuf" if numeric else "biufU"):
        kinds = {"O": "Python objects", "c": "complex numbers", "M": "dates", "m": "durations"}
        kind = kinds.get(array.dtype.kind, "other values")
        raise DTypeError(
            f"{name} holds {kind} (dtype {array.dtype}); expected {'real ' * (kind == 'complex numbers')}numbers.\n"
            "Convert it: np.asarray(values, dtype=np.float32), with every cell a number."
        )
    return array


def _check_finite(array: NDArray[Any], name: str) -> None:
    if array.dtype.kind != "f":
        return
    block = max(1, _BLOCK * len(array) // max(array.size, 1))
    for first in range(
        0, len(array), block
    ):  # in blocks: the answers for all numbers would take memory of their own
        finite = np.isfinite(array[first : first + block])
        if not finite.all():
            where = np.argwhere(~finite)[0]
            row, rest = first + int(where[0]), tuple(map(int, where[1:]))
            value = array[(row, *rest)]
            column = "" if not rest else f", column {rest[0] if len(rest) == 1 else rest}"
            raise DataError(
                f"{name} holds {value} in row {row}{column} (counted from 0).\n"
                "Drop such rows, or replace the value: np.nan_to_num, or the column's median."
            )
