"""NumPy's universal functions: what each is in the namespace, and what their methods ``reduce``, ``outer``, … are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.errors import OptionError
from glassgrad.numpy_calls.table import RULES, value
from glassgrad.ops.namespace import find
from glassgrad.ops.record import Op

__all__ = ["find_method", "find_ufunc"]

_NAMES: dict[np.ufunc, str] = {
    np.absolute: "abs",
    np.fabs: "abs",
    np.arccos: "acos",
    np.arccosh: "acosh",
    np.arcsin: "asin",
    np.arcsinh: "asinh",
    np.arctan: "atan",
    np.arctan2: "atan2",
    np.arctanh: "atanh",
    np.power: "pow",
    np.conjugate: "conj",
    np.rint: "round",
    np.left_shift: "bitwise_left_shift",
    np.right_shift: "bitwise_right_shift",
}
"""Universal functions that the namespace calls by another name."""

_WRITTEN: dict[np.ufunc, Callable[..., Any]] = {
    np.deg2rad: lambda F, x: F.multiply(x, np.pi / 180.0),
    np.radians: lambda F, x: F.multiply(x, np.pi / 180.0),
    np.rad2deg: lambda F, x: F.multiply(x, 180.0 / np.pi),
    np.degrees: lambda F, x: F.multiply(x, 180.0 / np.pi),
    np.float_power: lambda F, x, y: F.pow(F.astype(value(F, x), np.dtype(np.float64)), y),
    np.divmod: lambda F, x, y: (F.floor_divide(x, y), F.remainder(x, y)),
    np.modf: lambda F, x: (F.subtract(x, F.trunc(x)), F.trunc(x)),
    np.heaviside: lambda F, x, y: F.where(F.equal(x, 0), y, F.where(F.less(x, 0), 0.0, 1.0)),
    np.logaddexp2: lambda F, x, y: F.divide(
        F.logaddexp(F.multiply(x, np.log(2.0)), F.multiply(y, np.log(2.0))), np.log(2.0)
    ),
    np.invert: lambda F, x: (F.logical_not if x.dtype == np.bool_ else F.bitwise_invert)(x),
    np.matvec: lambda F, a, x: F.squeeze(F.matmul(a, F.expand_dims(value(F, x), -1)), -1),
    np.vecmat: lambda F, x, a: F.squeeze(F.matmul(F.expand_dims(F.conj(value(F, x)), -2), value(F, a)), -2),
}
"""Universal functions that are a few of the namespace's."""

_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}

_RUNNING: dict[np.ufunc, str] = {
    np.add: "cumulative_sum",
    np.multiply: "cumulative_prod",
    np.maximum: "cummax",
    np.minimum: "cummin",
}


def find_ufunc(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """Return the rule of a universal function, ``rule(F, *xs)``; None where there is none."""
    written = _WRITTEN.get(ufunc)
    if written is not None:
        return written
    name = _NAMES.get(ufunc, ufunc.__name__)
    found = find(name)
    return found.call if isinstance(found, Op) else found


def find_method(ufunc: np.ufunc, method: str) -> Callable[..., Any] | None:
    """Return the rule of one of its methods; None where there is none."""
    if method == "outer":
        apply = find_ufunc(ufunc)
        return None if apply is None or ufunc.nin != 2 else lambda F, a, b: _outer(F, apply, a, b)
    if method == "reduce" and (reduction := RULES.get(_REDUCTIONS.get(ufunc, len))) is not None:
        return lambda F, a, axis=0, dtype=None, out=None, keepdims=False, **rest: reduction(
            F, _typed(F, a, dtype), axis, keepdims=keepdims, **rest
        )
    if method == "accumulate" and (name := _RUNNING.get(ufunc)) is not None:
        return lambda F, a, axis=0, dtype=None, out=None: getattr(F, name)(_typed(F, a, dtype), axis=axis)
    if method == "at" and ufunc in (np.add, np.subtract):
        return lambda F, a, indices, b: _at(F, ufunc, a, indices, b)
    return None


def _typed(F: Any, a: Any, dtype: Any) -> Any:
    return value(F, a) if dtype is None else F.astype(value(F, a), np.dtype(dtype))


def _outer(F: Any, apply: Callable[..., Any], a: Any, b: Any) -> Any:
    a, b = value(F, a), value(F, b)
    return apply(F, F.reshape(a, (*a.shape, *(1,) * len(b.shape))), b)


def _at(F: Any, ufunc: np.ufunc, a: Any, indices: Any, b: Any) -> None:
    """Add at places, in place; what is added at a place twice counts twice."""
    if not hasattr(a, "_become"):
        raise OptionError(
            f"np.{ufunc.__name__}.at cannot write a Tensor into an array, which has no gradient: make the array one "
            "first, a = gg.asarray(a)"
        )
    b = F.astype(value(F, b), a.dtype)
    there = F.broadcast_to(b, tuple(F.getitem(a, indices).shape))
    a._become(ufunc(a, F.index_add(there, indices, tuple(a.shape))))
