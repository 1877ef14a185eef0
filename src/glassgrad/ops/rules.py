"""What derivative and batching rules are written with: summing over what was broadcast, casting, adding up.

Rules are functions of the namespace ``F`` they are carried out in, and so is what helps them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.ir import Shape, inexact
from glassgrad.ops.record import Op

__all__ = [
    "cast",
    "component",
    "conj",
    "each",
    "floating",
    "map_rows",
    "number",
    "room",
    "scale",
    "sum_to",
    "total",
]


def sum_to(F: Any, g: Any, shape: Shape) -> Any:
    """Sum `g` over the axes along which an input of `shape` was broadcast."""
    if tuple(g.shape) == tuple(shape):
        return g
    extra = len(g.shape) - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + i for i, d in enumerate(shape) if d == 1 and g.shape[extra + i] != 1
    )
    if len(axes) == extra:
        return F.sum(g, axis=axes)
    return F.reshape(F.sum(g, axis=axes, keepdims=True), shape)


def cast(F: Any, value: Any, dtype: np.dtype[Any]) -> Any:
    """Return `value` in `dtype`, itself where it has it already; of a complex value the real part becomes real."""
    if value.dtype == dtype:
        return value
    if value.dtype.kind == "c" and dtype.kind != "c":
        value = F.real(value)
    return value if value.dtype == dtype else F.astype(value, dtype)


def conj(F: Any, value: Any) -> Any:
    """Return the complex conjugate, `value` itself where it is real."""
    if type(value) in (int, float):
        return value
    if type(value) is complex:
        return value.conjugate()
    return F.conj(value) if value.dtype.kind == "c" else value


def floating(*dtypes: np.dtype[Any], **_: Any) -> np.dtype[Any]:
    """Return the dtype of a smooth function of inputs of these dtypes: theirs, or float64 for whole numbers."""
    together = dtypes[0] if len(dtypes) == 1 else np.result_type(*dtypes)
    return together if inexact(together) else np.dtype(np.float64)


def component(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the real and imaginary parts of numbers of `dtype`, itself where they have one part."""
    return np.empty(0, dtype).real.dtype


def real_floating(*dtypes: np.dtype[Any], **_: Any) -> np.dtype[Any]:
    """Return `floating` for a function of real numbers; complex ones are a TypeError, which its caller words."""
    result = floating(*dtypes)
    if result.kind == "c":
        raise TypeError("real numbers only")
    return result


def promoted(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype that holds values of all of these, as NumPy has it.

    Raises
    ------
    DTypeError
        Where that is float64 for whole numbers, which holds them up to 2⁵³ only: uint64 beside a signed dtype.
    """
    result = np.result_type(*dtypes)
    if result.kind == "f" and all(d.kind in "iu" for d in dtypes):
        raise mixed_signs(dtypes)
    return result


def mixed_signs(dtypes: Sequence[np.dtype[Any]]) -> DTypeError:
    """Return the error for uint64 beside a signed dtype."""
    names = " and ".join(dict.fromkeys(str(d) for d in dtypes))
    return DTypeError(
        f"{names} have no whole-number dtype in common, and float64 would lose digits beyond 2^53: "
        "convert one of them, e.g. x.astype('int64')"
    )


def room(x: Any, out: Any, dtype: Callable[..., np.dtype[Any]] = floating) -> Any:
    """Return where the kernel of a smooth function whose results have that dtype writes them."""
    return np.empty(np.shape(x), dtype(np.asarray(x).dtype)) if out is None else out


def smooth(ufunc: np.ufunc) -> Callable[..., Any]:
    """Return a kernel that computes in the dtype `floating` names: NumPy takes float16 for small whole numbers."""

    def kernel(*xs: Any, out: Any = None) -> Any:
        dtype = np.result_type(*xs)
        if inexact(dtype):
            return ufunc(*xs, out=out)
        return ufunc(*(np.asarray(x, np.float64) for x in xs), out=out)

    return kernel


def number(value: float, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return a number with a dtype of its own, for where there is no array beside it to take one from."""
    return np.asarray(value, dtype)


def total(F: Any, terms: Sequence[Any]) -> Any:
    """Add up the terms that are not None; None where none is."""
    present = [term for term in terms if term is not None]
    if not present:
        return None
    result = present[0]
    for term in present[1:]:
        result = F.add(result, term)
    return result


def scale(F: Any, g: Any, local: Any, strong: bool) -> Any:
    """Upstream times local: 1 passes on, a truth value routes, and a strong kind never turns 0 into NaN."""
    if type(local) in (
        int,
        float,
        complex,
    ):  # a NumPy scalar is one too, but it was computed and may be infinite
        return g if local == 1 else F.negative(g) if local == -1 else F.multiply(g, local)
    if local.dtype == bool:
        return F.where(local, g, 0.0)
    return F.strong_multiply(g, local) if strong else F.multiply(g, local)


def each(*rules: Callable[..., Any] | None) -> Any:
    """Make a pull from one rule an input: ``rule(F, g, z, *xs, **attrs)``, None where nothing flows back."""

    def pull(
        F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
    ) -> list[Any]:
        return [
            rule(F, g, z, *xs, **attrs) if want and rule is not None else None
            for want, rule in zip(wanted, rules, strict=True)
        ]

    return pull


def map_rows(op_of: Callable[[], Op]) -> Any:
    """Return a batching rule that applies the operation to each row in turn, where nothing better is known."""

    def batch(
        F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], subgraphs: Any
    ) -> Any:
        size = next(x.shape[0] for x, b in zip(xs, batched, strict=True) if b)
        if not isinstance(size, int):
            raise ShapeError(f"{op_of().name} cannot be batched over a symbolic number of rows")
        rows = [
            F.bind(op_of(), [x[i] if b else x for x, b in zip(xs, batched, strict=True)], attrs, subgraphs)
            for i in range(size)
        ]
        if isinstance(rows[0], tuple):
            return tuple(F.stack([row[k] for row in rows]) for k in range(len(rows[0])))
        return F.stack(rows)

    return batch
