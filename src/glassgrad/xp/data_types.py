"""Questions about dtypes and shapes that need no values: what dtypes hold, which becomes which, what broadcasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad import ir
from glassgrad.errors import DTypeError, OptionError, did_you_mean
from glassgrad.tensors import Tensor

__all__ = ["broadcast_shapes", "can_cast", "finfo", "iinfo", "isdtype", "result_type"]

_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}
"""The standard's kinds of dtypes, in NumPy's letters."""


@dataclass(frozen=True, slots=True)
class FloatInfo:
    """What a real dtype, or the parts of a complex one, can hold.

    Attributes
    ----------
    bits
        Bits of one number.
    eps
        Distance from 1 to the next larger number.
    max, min
        The largest number and the smallest, its negative.
    smallest_normal
        The smallest positive number with full precision.
    dtype
        The real dtype.
    """

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class IntInfo:
    """What a dtype of whole numbers can hold.

    Attributes
    ----------
    bits
        Bits of one number.
    max, min
        The largest number and the smallest.
    dtype
        The dtype.
    """

    bits: int
    max: int
    min: int
    dtype: np.dtype[Any]


def _dtype(x: Any) -> np.dtype[Any]:
    """Return a dtype, or that of an array."""
    return x.dtype if isinstance(x, (Tensor, np.ndarray)) else np.dtype(x)


def finfo(type: Any, /) -> FloatInfo:
    """Return what numbers of a real or complex dtype, or of an array's, can hold.

    Raises
    ------
    DTypeError
        Where it is neither real nor complex.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.finfo(xp.complex64).dtype
    dtype('float32')
    """
    dtype = _dtype(type)
    if dtype.kind not in "fc":
        raise DTypeError(f"finfo describes real and complex dtypes, but {dtype} is neither: use iinfo")
    info = np.finfo(dtype)
    return FloatInfo(
        bits=int(info.bits),
        eps=float(info.eps),
        max=float(info.max),
        min=float(info.min),
        smallest_normal=float(info.smallest_normal),
        dtype=np.dtype(info.dtype),
    )


def iinfo(type: Any, /) -> IntInfo:
    """Return what numbers of a dtype of whole numbers, or of an array's, can hold.

    Raises
    ------
    DTypeError
        Where it does not hold whole numbers.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.iinfo(xp.uint8).max
    255
    """
    dtype = _dtype(type)
    if dtype.kind not in "iu":
        raise DTypeError(f"iinfo describes dtypes of whole numbers, but {dtype} is none: use finfo")
    info = np.iinfo(dtype)
    return IntInfo(bits=info.bits, max=int(info.max), min=int(info.min), dtype=dtype)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Say whether a dtype is of a kind, or of one of several.

    Parameters
    ----------
    dtype
        The dtype.
    kind
        A dtype, one of ``"bool"``, ``"signed integer"``, ``"unsigned integer"``, ``"integral"``,
        ``"real floating"``, ``"complex floating"``, ``"numeric"``, or a tuple of such.

    Raises
    ------
    OptionError
        Where there is no such kind.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.isdtype(xp.float32, ("integral", "real floating"))
    True
    """
    dtype = np.dtype(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise OptionError(f"there is no kind of dtypes {kind!r}. {did_you_mean(kind, _KINDS)}")
        return dtype.kind in _KINDS[kind]
    return bool(dtype == np.dtype(kind))


def can_cast(from_: Any, to: Any, /) -> bool:
    """Say whether every value of a dtype, or of an array's, is one of the dtype `to`.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.can_cast(xp.float32, xp.float64), xp.can_cast(xp.float64, xp.int64)
    (True, False)
    """
    return np.can_cast(_dtype(from_), np.dtype(to))


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """Return the dtype in which arrays, dtypes and Python numbers are computed together.

    Raises
    ------
    DTypeError
        Where there is neither an array nor a dtype: Python's numbers take the dtype of what they meet.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.result_type(xp.float32, xp.int8, 1.0)
    dtype('float32')
    """
    numbers = [x for x in arrays_and_dtypes if isinstance(x, (bool, int, float, complex))]
    dtypes = [_dtype(x) for x in arrays_and_dtypes if not isinstance(x, (bool, int, float, complex))]
    if not dtypes:
        raise DTypeError(
            "result_type needs an array or a dtype: Python's numbers take the dtype of what they meet"
        )
    return np.result_type(*dtypes, *numbers)


def broadcast_shapes(*shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the shape to which arrays of these shapes broadcast together.

    Raises
    ------
    ShapeError
        Where they do not.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    return ir.broadcast_shapes(*map(tuple, shapes))
