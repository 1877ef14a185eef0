"""Norms of vectors and matrices, whose gradient at 0 is 0: of all slopes there, the least."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, ShapeError
from glassgrad.ir import Shape
from glassgrad.ops.linear_algebra import in_floats, linalg_function, matrix_shape
from glassgrad.ops.record import Kink, Op, Sample, Text, register
from glassgrad.ops.reductions import batch_reduction, kept, reduced
from glassgrad.ops.rules import cast, component, conj
from glassgrad.ops.shapes import normalise_axes

_EXTREMES = {math.inf: ("max", np.max), -math.inf: ("min", np.min)}


# --- vector_norm ---------------------------------------------------------------------------------------------------


def _call_vector_norm(
    F: Any,
    x: Any,
    /,
    *,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    ord: float = 2,
) -> Any:
    if (
        isinstance(ord, (str, bool))
        or not isinstance(ord, (int, float, np.integer, np.floating))
        or ord != ord
    ):
        raise OptionError(
            f"vector_norm: the order is a number, or inf or -inf, not {ord!r}; 'fro' and 'nuc' belong to matrix_norm"
        )
    x = in_floats(F, x)
    settings = {"axis": normalise_axes(axis, len(x.shape)), "keepdims": bool(keepdims), "ord": float(ord)}
    return F.bind(vector_norm, (x,), settings)


def _infer_vector_norm(
    x: Any, *, axis: tuple[int, ...], keepdims: bool, ord: float
) -> tuple[Shape, np.dtype[Any]]:
    if ord in _EXTREMES and any(x.shape[a] == 0 for a in axis):
        raise ShapeError(
            f"vector_norm with ord={ord} of no values: axis {axis} of shape {tuple(x.shape)} has size 0, "
            "and there is no largest or smallest of none"
        )
    return reduced(tuple(x.shape), axis, keepdims), component(x.dtype)


def _vector_norm(x: Any, *, axis: tuple[int, ...], keepdims: bool, ord: float) -> Any:
    if ord == 2:
        squares = np.square(x) if x.dtype.kind == "f" else np.square(x.real) + np.square(x.imag)
        return np.sqrt(np.sum(squares, axis=axis, keepdims=keepdims))
    size = np.abs(x)
    if ord == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.asarray(np.sum(size != 0, axis=axis, keepdims=keepdims), size.dtype)
    if ord in _EXTREMES:
        return _EXTREMES[ord][1](size, axis=axis, keepdims=keepdims)
    # Measured in units of the element that counts most, so that high powers neither overflow nor vanish.
    unit = (
        np.max(size, axis=axis, keepdims=True, initial=0)
        if ord > 0
        else np.min(size, axis=axis, keepdims=True, initial=np.inf)
    )
    unit = np.where((unit == 0) | ~np.isfinite(unit), np.asarray(1, size.dtype), unit)
    with np.errstate(all="ignore"):
        powers = np.sum(np.power(size / unit, size.dtype.type(ord)), axis=axis, keepdims=True)
        norm = unit * np.power(powers, size.dtype.type(1 / ord))
    return norm.reshape(reduced(x.shape, axis, keepdims))


def _nonzero(F: Any, size: Any) -> Any:
    """Return `size` with 1 in the place of each 0, so that it can divide what is 0 there anyway."""
    return F.where(F.equal(size, 0), 1.0, size)


def _outwards(F: Any, x: Any, size: Any) -> Any:
    """Return x/|x|, and 0 at 0."""
    return F.divide(x, _nonzero(F, size)) if x.dtype.kind == "c" else F.sign(x)


def _direction(F: Any, x: Any, z: Any, attrs: Mapping[str, Any]) -> Any:
    """Return the direction of the elements in which the norm grows fastest, as long as its slope."""
    axis, order = attrs["axis"], attrs["ord"]
    norm = kept(F, z, tuple(x.shape), axis)
    if order == 2:
        return F.divide(x, _nonzero(F, norm))
    if order == 0:
        return F.zeros_like(x)
    size = F.abs(x)
    outwards = _outwards(F, x, size)
    if order == 1:
        return outwards
    if order in _EXTREMES:
        holds = cast(F, F.equal(size, norm), size.dtype)
        return F.multiply(outwards, F.divide(holds, F.sum(holds, axis=axis, keepdims=True)))
    unused = F.logical_or(F.equal(size, 0), F.equal(norm, 0))
    share = F.divide(F.where(unused, 1.0, size), F.where(unused, 1.0, norm))
    return F.multiply(outwards, F.where(unused, 0.0, F.pow(share, order - 1.0)))


def _pull_vector_norm(
    F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    (x,) = xs
    return [F.multiply(kept(F, g, tuple(x.shape), attrs["axis"]), _direction(F, x, z, attrs))]


def _push_vector_norm(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    along = F.multiply(conj(F, _direction(F, xs[0], z, attrs)), tangents[0])
    return cast(F, F.sum(along, axis=attrs["axis"], keepdims=attrs["keepdims"]), z.dtype)


vector_norm: Op = register(
    Op(
        name="vector_norm",
        call=_call_vector_norm,
        infer=_infer_vector_norm,
        numpy=_vector_norm,
        pull=_pull_vector_norm,
        push=_push_vector_norm,
        batch=batch_reduction("vector_norm"),
        latex=r"\lVert {0} \rVert_p",
        derivative=r"\frac{x}{|x|} \left( \frac{|x|}{\lVert x \rVert} \right)^{p-1}",
        why=Text(
            "the length grows along the vector itself: each element counts with its share in the length, to "
            "the power p − 1",
            "길이는 벡터 자신의 방향으로 가장 빨리 자란다: 각 성분은 길이에서 차지하는 몫의 p − 1 제곱만큼 "
            "작용한다",
        ),
        kinks=(
            Kink("x = 0", "0"),
            Kink("an element of 0, p ≤ 1", "0 for it"),
            Kink("a tie, p = ±∞", "an even share to each"),
        ),
        samples=(
            Sample(((3,),)),
            Sample(((2, 3),), {"axis": -1, "keepdims": True}),
            Sample(((2, 3, 2),), {"axis": (0, 2), "ord": 3}),
            Sample(((2, 3),), {"axis": 1, "ord": 1}),
            Sample(((2, 3),), {"axis": 0, "ord": math.inf}),
            Sample(((2, 3),), {"ord": -math.inf}),
            Sample(((4,),), {"ord": 0.5}),
            Sample(((4,),), {"ord": -1.5}, low=0.5, high=2.0),
            Sample(((3,),), complex=(0,)),
            Sample(((2, 3),), {"axis": 1, "ord": 1.5}, complex=(0,)),
            Sample(((3,),), {"ord": 1}, complex=(0,)),
        ),
        home="linalg",
    )
)


# --- matrix_norm ---------------------------------------------------------------------------------------------------

_MATRIX_ORDERS = ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)


@linalg_function
def matrix_norm(F: Any, x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Return a norm of each matrix.

    Parameters
    ----------
    x
        Matrices of shape (…, M, N).
    keepdims
        Whether the last two axes stay, with size 1.
    ord
        ``'fro'``: the root of the sum of squares; ``'nuc'``: the sum of the singular values; 2, -2: the largest,
        smallest singular value; 1, -1: the largest, smallest sum of absolute values in a column; inf, -inf: in a row.

    Returns
    -------
    Real numbers of shape (…), or (…, 1, 1).

    Raises
    ------
    OptionError
        Where there is no such norm.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.linalg.matrix_norm([[3.0, 0.0], [0.0, 4.0]])
    Tensor(5.)
    """
    if isinstance(ord, bool) or ord not in _MATRIX_ORDERS:
        raise OptionError(
            f"there is no matrix norm of order {ord!r}. Known: {', '.join(map(repr, _MATRIX_ORDERS))}"
        )
    x = in_floats(F, x)
    matrix_shape("matrix_norm", x)
    if ord == "fro":
        return F.vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        norm = F.sum(F.svdvals(x), axis=-1)
    elif ord in (2, -2):
        norm = (F.max if ord == 2 else F.min)(F.svdvals(x), axis=-1)
    else:
        sums = F.sum(F.abs(x), axis=-2 if ord in (1, -1) else -1)
        norm = (F.max if ord > 0 else F.min)(sums, axis=-1)
    return F.reshape(norm, (*norm.shape, 1, 1)) if keepdims else norm
