"""Reductions: many numbers become one, and its gradient goes back to each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, ShapeError
from glassgrad.ir import Shape, inexact
from glassgrad.ops.families import linear
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Kink, Op, Sample, Text, register
from glassgrad.ops.rules import cast, component, floating
from glassgrad.ops.shapes import normalise_axes, normalise_axis

__all__ = ["COMPLEX", "REDUCTIONS", "batch_reduction", "in_dtype", "kept", "reduced", "whole_dtype"]

REDUCTIONS = (
    Sample(((2, 3),)),
    Sample(((2, 3, 4),), {"axis": (0, 2)}),
    Sample(((2, 3),), {"axis": -1, "keepdims": True}),
)

COMPLEX = (Sample(((2, 3),), {"axis": 1}, complex=(0,)),)


def reduced(shape: Shape, axis: tuple[int, ...], keepdims: bool) -> Shape:
    """Return the shape left when `axis` is reduced away (or kept with size 1)."""
    if keepdims:
        return tuple(1 if a in axis else d for a, d in enumerate(shape))
    return tuple(d for a, d in enumerate(shape) if a not in axis)


def kept(F: Any, value: Any, shape: Shape, axis: tuple[int, ...]) -> Any:
    """Give a reduced value its axes of size 1 back, so that it broadcasts against `shape`."""
    return F.reshape(value, reduced(shape, axis, True))


def batch_reduction(name: str) -> Any:
    """Return the batching rule of a reduction: the axes move by one."""

    def batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
        shifted = {**attrs, "axis": tuple(a + 1 for a in attrs["axis"])}
        return getattr(F, name)(xs[0], **shifted)

    return batch


def whole_dtype(d: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which numbers of dtype `d` are summed: whole numbers in 64 bits."""
    return d if inexact(d) else np.dtype(np.uint64 if d.kind == "u" else np.int64)


def in_dtype(F: Any, x: Any, dtype: Any, reduce: Callable[[Any], Any]) -> Any:
    """Return ``reduce(x)`` in `dtype` (None: the reduction's own), cast first, so that nothing overflows on the way."""
    if dtype is None:
        return reduce(x)
    return cast(F, reduce(cast(F, x, np.dtype(dtype))), np.dtype(dtype))


def _call_sum(
    F: Any, x: Any, /, axis: int | Sequence[int] | None = None, *, dtype: Any = None, keepdims: bool = False
) -> Any:
    settings = {"axis": normalise_axes(axis, len(x.shape)), "keepdims": bool(keepdims)}
    if dtype is None:
        return F.bind(sum, (x,), settings)
    return in_dtype(F, x, dtype, lambda x: F.bind(sum, (x,), settings))


def _sum(x: Any, *, axis: tuple[int, ...], keepdims: bool, out: Any = None) -> Any:
    if not axis:  # NumPy adds 0, which makes 0 of −0
        return np.positive(x, out=out, dtype=whole_dtype(x.dtype))
    return np.add.reduce(x, axis=axis, keepdims=keepdims, dtype=whole_dtype(x.dtype), out=out)


sum = linear(
    "sum",
    _sum,
    call=_call_sum,
    infer=lambda x, *, axis, keepdims: (reduced(tuple(x.shape), axis, keepdims), whole_dtype(x.dtype)),
    transpose=lambda F, g, x, *, axis, keepdims: F.broadcast_to(kept(F, g, tuple(x.shape), axis), x.shape),
    batch=batch_reduction("sum"),
    latex=r"\sum {0}",
    derivative="1 for each term",
    why=Text(
        "every term adds to the sum with weight 1, so each gets the upstream gradient",
        "모든 항이 1의 비중으로 합에 들어가므로 각 항이 상류 기울기를 그대로 받는다",
    ),
    samples=REDUCTIONS + COMPLEX,
    writes_out=True,
)


# --- largest and smallest ------------------------------------------------------------------------------------------


def _holders(F: Any, x: Any, z: Any, axis: tuple[int, ...]) -> Any:
    """Return each element's share in the extreme value: ties share evenly."""
    holds = cast(F, F.equal(x, kept(F, z, tuple(x.shape), axis)), x.dtype)
    return F.divide(holds, F.sum(holds, axis=axis, keepdims=True))


def _extreme(name: str, ufunc: np.ufunc, en: str, ko: str) -> Op:
    op: Op

    def call(F: Any, x: Any, /, axis: int | Sequence[int] | None = None, *, keepdims: bool = False) -> Any:
        return F.bind(op, (x,), {"axis": normalise_axes(axis, len(x.shape)), "keepdims": bool(keepdims)})

    def infer(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> tuple[Shape, np.dtype[Any]]:
        if any(x.shape[a] == 0 for a in axis):
            raise ShapeError(f"{name} of no values: axis {axis} of shape {tuple(x.shape)} has size 0")
        return reduced(tuple(x.shape), axis, keepdims), x.dtype

    def numpy(x: Any, *, axis: tuple[int, ...], keepdims: bool, out: Any = None) -> Any:
        infer(x, axis=axis, keepdims=keepdims)
        return ufunc.reduce(x, axis=axis, keepdims=keepdims, out=out)

    def pull(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
        (x,), axis = xs, attrs["axis"]
        return [F.multiply(kept(F, g, tuple(x.shape), axis), _holders(F, x, z, axis))]

    def push(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
        return F.sum(F.multiply(tangents[0], _holders(F, xs[0], z, attrs["axis"])), **attrs)

    op = register(
        Op(
            name=name,
            call=call,
            infer=infer,
            numpy=numpy,
            pull=pull,
            push=push,
            batch=batch_reduction(name),
            latex=rf"\{name} {{0}}",
            derivative=r"1 \text{ to the winner}",
            why=Text(en, ko),
            kinks=(Kink("a tie", "an even share to each"),),
            samples=REDUCTIONS,
            writes_out=True,
        )
    )
    return op


_extreme(
    "max",
    np.maximum,
    "only the largest value decides, so it alone gets the upstream gradient",
    "가장 큰 값만 결과를 정하므로 상류 기울기는 그 값으로만 간다",
)
_extreme(
    "min",
    np.minimum,
    "only the smallest value decides, so it alone gets the upstream gradient",
    "가장 작은 값만 결과를 정하므로 상류 기울기는 그 값으로만 간다",
)


# --- reductions through which no gradient flows --------------------------------------------------------------------


def _flat(
    name: str, numpy: Any, call: Any, infer: Any, samples: tuple[Sample, ...], latex: str, why: Text
) -> Op:
    return register(
        Op(
            name=name,
            call=call,
            infer=infer,
            numpy=numpy,
            pull=None,
            push=None,
            batch=batch_reduction(name),
            latex=latex,
            derivative="0",
            why=why,
            samples=samples,
        )
    )


def _position(name: str, numpy: Any) -> Op:
    op: Op

    def call(F: Any, x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Any:
        if axis is None:
            at = F.bind(op, (F.reshape(x, (-1,)),), {"axis": (0,), "keepdims": False})
            return F.reshape(at, (1,) * len(x.shape)) if keepdims else at
        axes = normalise_axes(axis, len(x.shape))
        if len(axes) != 1:
            raise ShapeError(f"{name} goes along one axis, but was given {axis}")
        return F.bind(op, (x,), {"axis": axes, "keepdims": bool(keepdims)})

    def infer(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> tuple[Shape, np.dtype[Any]]:
        if x.shape[axis[0]] == 0:
            raise ShapeError(f"{name} of no values: axis {axis[0]} of shape {tuple(x.shape)} has size 0")
        return reduced(tuple(x.shape), axis, keepdims), np.dtype(np.int64)

    def kernel(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        infer(x, axis=axis, keepdims=keepdims)
        return numpy(x, axis=axis[0], keepdims=keepdims)

    op = _flat(
        name, kernel, call, infer, (Sample(((2, 3),)), Sample(((2, 3),), {"axis": 1})),
        rf"\operatorname{{{{{name}}}}} {{0}}",
        Text(
            "a position jumps from one element to another and is flat elsewhere, so nothing flows back",
            "위치는 한 원소에서 다른 원소로 뛸 뿐 그 밖에서는 평평하므로 기울기가 흐르지 않는다",
        ),
    )  # fmt: skip
    return op


_position("argmax", np.argmax)
_position("argmin", np.argmin)


def _quantifier(name: str, ufunc: np.ufunc, latex: str) -> Op:
    op: Op

    def call(F: Any, x: Any, /, axis: int | Sequence[int] | None = None, *, keepdims: bool = False) -> Any:
        return F.bind(op, (x,), {"axis": normalise_axes(axis, len(x.shape)), "keepdims": bool(keepdims)})

    op = _flat(
        name,
        lambda x, *, axis, keepdims: ufunc.reduce(np.asarray(x, bool), axis=axis, keepdims=keepdims),
        call,
        lambda x, *, axis, keepdims: (reduced(tuple(x.shape), axis, keepdims), np.dtype(bool)),
        (Sample((np.array([[True, False, True], [True, True, True]]),), {"axis": 1}),),
        latex,
        Text(
            "a truth value jumps and is flat elsewhere, so nothing flows back",
            "참·거짓 값은 뛰거나 평평할 뿐이므로 기울기가 흐르지 않는다",
        ),
    )
    return op


_quantifier("any", np.logical_or, r"\bigvee {0}")
_quantifier("all", np.logical_and, r"\bigwedge {0}")


# --- written in them -----------------------------------------------------------------------------------------------


@function
def count_nonzero(
    F: Any, x: Any, /, axis: int | Sequence[int] | None = None, *, keepdims: bool = False
) -> Any:
    """Count the elements that are not 0 along `axis`."""
    return F.sum(F.not_equal(x, 0), axis=axis, keepdims=keepdims)


@function
def nansum(F: Any, x: Any, /, axis: int | Sequence[int] | None = None, *, keepdims: bool = False) -> Any:
    """Sum along `axis` without the elements that are NaN, to which no gradient goes.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.nansum([1.0, xp.nan, 3.0])
    Tensor(4.)
    """
    return F.sum(F.where(F.isnan(x), 0, x), axis=axis, keepdims=keepdims)


@function
def nanmean(F: Any, x: Any, /, axis: int | Sequence[int] | None = None, *, keepdims: bool = False) -> Any:
    """Average along `axis` the elements that are not NaN; NaN where there is none.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.nanmean([1.0, xp.nan, 3.0])
    Tensor(2.)
    """
    x = cast(F, x, floating(x.dtype))
    number = F.sum(F.logical_not(F.isnan(x)), axis=axis, keepdims=keepdims)
    share = F.astype(F.maximum(number, 1), component(x.dtype))
    mean = F.divide(F.nansum(x, axis=axis, keepdims=keepdims), share)
    return F.where(F.equal(number, 0), np.nan, mean)


@function
def diff(
    F: Any, x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any | None = None, append: Any | None = None
) -> Any:
    """Return the differences of neighbours along `axis`, taken `n` times.

    Parameters
    ----------
    prepend, append
        Arrays put before and after `x` along `axis` first; their other axes are those of `x`.

    Raises
    ------
    OptionError
        Where `n` is negative.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.diff([1, 4, 9, 16], n=2)
    Tensor([2, 2])
    """
    if n < 0:
        raise OptionError(f"diff takes differences n times, and n cannot be {n}: it is 0 or more")
    if not x.shape:
        raise ShapeError("diff goes along an axis, but was given a single number")
    front = (slice(None),) * normalise_axis(axis, len(x.shape))
    if prepend is not None or append is not None:
        x = F.concat([part for part in (prepend, x, append) if part is not None], axis=len(front))
    for _ in range(n):
        after, before = F.getitem(x, (*front, slice(1, None))), F.getitem(x, (*front, slice(None, -1)))
        x = (F.not_equal if x.dtype.kind == "b" else F.subtract)(after, before)
    return F.value(x)
