"""Numbers that come from nowhere: constants of a shape, and the batch size as a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.ir import Dim, require_cpu
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Op, Text, register
from glassgrad.ops.rules import cast

__all__ = ["constant", "count", "no_batch"]


def constant(value: Any, dtype: Any) -> np.ndarray[Any, Any]:
    """Return a number as an array without axes."""
    try:
        array = np.asarray(value, dtype)
    except (TypeError, ValueError):
        raise DTypeError(f"the value {value!r} has no place in an array of dtype {np.dtype(dtype)}") from None
    if array.dtype.kind not in "fciub":
        raise DTypeError(f"an array is filled with a number, but {value!r} is none")
    return array


# --- filled ----------------------------------------------------------------------------------------------------------


@function
def full(
    F: Any, shape: int | Sequence[Any], fill_value: Any, dtype: Any = None, *, device: Any = None
) -> Any:
    """Return an array of `shape` filled with one value.

    Parameters
    ----------
    shape
        Its sizes; a number for one axis.
    fill_value
        The number, or a Tensor that broadcasts to `shape`; the gradients of all copies of the latter add up.
    dtype
        By default that of `fill_value`: bool, int64, float64 or complex128 for Python's numbers.
    device
        ``"cpu"`` or None.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.full((2, 2), 7.0)
    Tensor([[7., 7.],
            [7., 7.]])
    """
    require_cpu(device)
    if not hasattr(fill_value, "dtype"):
        return F.broadcast_to(constant(fill_value, dtype), shape)
    if dtype is not None:
        fill_value = cast(F, fill_value, np.dtype(dtype))
    return F.identity(F.broadcast_to(fill_value, shape))


@function
def zeros(F: Any, shape: int | Sequence[Any], dtype: Any = None, *, device: Any = None) -> Any:
    """Return an array of `shape` filled with 0, float64 unless another dtype is named.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.zeros(3)
    Tensor([0., 0., 0.])
    """
    return F.full(shape, 0, np.float64 if dtype is None else dtype, device=device)


@function
def ones(F: Any, shape: int | Sequence[Any], dtype: Any = None, *, device: Any = None) -> Any:
    """Return an array of `shape` filled with 1, float64 unless another dtype is named.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.ones(3)
    Tensor([1., 1., 1.])
    """
    return F.full(shape, 1, np.float64 if dtype is None else dtype, device=device)


@function
def empty(F: Any, shape: int | Sequence[Any], dtype: Any = None, *, device: Any = None) -> Any:
    """Return an array of `shape` whose values nobody should read; here they are 0, so that every run is alike.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.empty((2, 0)).shape
    (2, 0)
    """
    return F.zeros(shape, dtype, device=device)


@function
def full_like(F: Any, x: Any, /, fill_value: Any, dtype: Any = None, *, device: Any = None) -> Any:
    """Return an array filled with one value, of the shape of `x` and of its dtype unless another is named.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.full_like(gg.tensor([1, 2]), 7)
    Tensor([7, 7])
    """
    return F.full(tuple(x.shape), fill_value, x.dtype if dtype is None else dtype, device=device)


@function
def zeros_like(F: Any, x: Any, /, dtype: Any = None, *, device: Any = None) -> Any:
    """Return zeros of the shape of `x`, and of its dtype unless another is named.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.zeros_like(gg.tensor([1, 2]))
    Tensor([0, 0])
    """
    return F.full_like(x, 0, dtype, device=device)


@function
def ones_like(F: Any, x: Any, /, dtype: Any = None, *, device: Any = None) -> Any:
    """Return ones of the shape of `x`, and of its dtype unless another is named.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.ones_like(gg.tensor([0.5, 2.0]))
    Tensor([1., 1.])
    """
    return F.full_like(x, 1, dtype, device=device)


@function
def empty_like(F: Any, x: Any, /, dtype: Any = None, *, device: Any = None) -> Any:
    """Return an array of the shape of `x` whose values nobody should read; here they are 0.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.empty_like(gg.tensor([[1, 2]])).shape
    (1, 2)
    """
    return F.zeros_like(x, dtype, device=device)


# --- the batch size --------------------------------------------------------------------------------------------------


def count(F: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """Return how many elements a reduction over `axis` takes together: a number, or a value where N is among them."""
    sizes = math.prod(x.shape[a] for a in axis)
    return (
        F.bind(dimension, (), {"size": sizes, "dtype": x.dtype}) if isinstance(sizes, Dim) else float(sizes)
    )


def no_batch(*_: Any) -> Any:
    """Refuse to batch an operation that has no inputs."""
    raise ShapeError("the batch size has no inputs, so it cannot be batched")


dimension: Op = register(
    Op(
        name="dimension",
        call=lambda F, size, dtype: F.bind(dimension, (), {"size": size, "dtype": np.dtype(dtype)}),
        infer=lambda *, size, dtype: ((), dtype),
        numpy=lambda *, size, dtype: np.asarray(size, dtype),
        pull=None,
        push=None,
        batch=no_batch,
        latex="N",
        derivative="0",
        why=Text("a count does not change with the values", "개수는 값에 따라 변하지 않는다"),
    )
)
