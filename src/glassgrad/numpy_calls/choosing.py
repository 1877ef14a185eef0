"""Choosing among values, ordering them, and differences between neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, ShapeError
from glassgrad.numpy_calls.shaping import moveaxis
from glassgrad.numpy_calls.table import given, only, rule, same, value, values
from glassgrad.ops.shapes import normalise_axis

same(
    {
        np.sinc: ("sinc", "x"),
        np.real: ("real", "val"),
        np.imag: ("imag", "val"),
        np.diff: ("diff", "a n=n axis=axis"),
        np.searchsorted: ("searchsorted", "a v side=side sorter=sorter"),
        np.nonzero: ("nonzero", "a"),
    }
)


@rule(np.where)
def where(F: Any, condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """Choose element by element; without choices, the places where the condition holds."""
    condition = value(F, condition)
    if x is None and y is None:
        return F.nonzero(condition)
    if condition.dtype != np.bool_:
        condition = F.not_equal(condition, 0)
    if isinstance(x, (bool, int, float)) and isinstance(y, (bool, int, float)):
        x = value(F, x)
    read = [c if isinstance(c, (bool, int, float, complex)) else value(F, c) for c in (x, y)]
    return F.where(condition, *read)


@rule(np.select)
def select(F: Any, condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Choose by the first condition that holds."""
    if len(condlist) != len(choicelist):
        raise ShapeError(f"select has {len(condlist)} conditions and {len(choicelist)} choices")
    chosen = value(F, default)
    dtype = np.result_type(chosen.dtype, *(value(F, c).dtype for c in choicelist))
    chosen = F.astype(chosen, dtype)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        chosen = F.where(value(F, condition), value(F, choice), chosen)
    return chosen


@rule(np.clip)
def clip(
    F: Any,
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
    **kwargs: Any,
) -> Any:
    """Bring values between two bounds."""
    low, high = (new if given(new) else old for new, old in ((min, a_min), (max, a_max)))
    return F.clip(value(F, a), low if given(low) else None, high if given(high) else None)


@rule(np.round, np.around)
def round(F: Any, a: Any, decimals: int = 0, out: Any = None) -> Any:
    """Round to a number of decimals; even ones win ties."""
    a = value(F, a)
    if decimals == 0:
        return F.round(a)
    scale = 10.0**decimals
    return F.divide(F.round(F.multiply(a, scale)), scale)


@rule(np.fix)
def fix(F: Any, x: Any, out: Any = None) -> Any:
    """Round towards zero."""
    return F.trunc(value(F, x))


@rule(np.angle)
def angle(F: Any, z: Any, deg: bool = False) -> Any:
    """Return the angle of complex numbers from the positive real axis."""
    z = value(F, z)
    turned = F.atan2(F.imag(z), F.real(z))
    return F.multiply(turned, 180.0 / np.pi) if deg else turned


@rule(np.real_if_close)
def real_if_close(F: Any, a: Any, tol: float = 100) -> Any:
    """Return the real parts where the imaginary ones are next to nothing."""
    a = value(F, a)
    if a.dtype.kind != "c":
        return a
    bound = np.finfo(a.dtype).eps * tol if tol > 1 else tol
    return F.real(a) if bool(F.all(F.less(F.abs(F.imag(a)), bound))) else a


@rule(np.nan_to_num)
def nan_to_num(
    F: Any, x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """Put numbers in the place of NaN and infinities, in the array itself where ``copy=False`` asks for that."""
    given = value(F, x)
    limits = np.finfo(given.dtype)
    found = F.where(F.isnan(given), nan, given)
    found = F.where(F.equal(found, np.inf), limits.max if posinf is None else posinf, found)
    found = F.where(F.equal(found, -np.inf), limits.min if neginf is None else neginf, found)
    if copy or given is not x:
        return found
    given._become(found)
    return given


# --- order ---------------------------------------------------------------------------------------------------------


def _ordered(name: str) -> Any:
    def ordered(F: Any, a: Any, *args: Any, axis: Any = -1, **kwargs: Any) -> Any:
        a, axis = value(F, a), args[-1] if args and not isinstance(args[-1], str) else axis
        if axis is None:
            a, axis = F.reshape(a, (-1,)), -1
        return getattr(F, name)(a, axis=axis)

    return ordered


@rule(np.sort)
def sort(F: Any, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """Sort along an axis."""
    return _ordered("sort")(F, a, axis=axis)


@rule(np.argsort)
def argsort(
    F: Any, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    """Return the places of the elements in their order."""
    return _ordered("argsort")(F, a, axis=axis)


@rule(np.partition)
def partition(F: Any, a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """Put the element of rank `kth` in its place, less before it and more behind it: sorted, it is."""
    return _ordered("sort")(F, a, axis=axis)


@rule(np.argpartition)
def argpartition(
    F: Any, a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """Return the places of what `partition` puts in order."""
    return _ordered("argsort")(F, a, axis=axis)


# --- neighbours ----------------------------------------------------------------------------------------------------


@rule(np.ediff1d)
def ediff1d(F: Any, ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Return the differences of neighbours of the flattened array."""
    steps = F.diff(F.reshape(value(F, ary), (-1,)))
    parts = [to_begin, steps, to_end]
    return F.concat([F.reshape(value(F, p), (-1,)) for p in parts if p is not None])


@rule(np.gradient)
def gradient(F: Any, f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Return differences of neighbours over twice their distance, one-sided at the ends."""
    only("gradient", "edge_order", edge_order if edge_order != 1 else None, None)
    f = value(F, f)
    rank = len(f.shape)
    axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    steps = list(varargs) or [1.0]
    steps = steps * len(list(axes)) if len(steps) == 1 else steps
    found = []
    for at, step in zip(axes, steps, strict=True):
        if np.ndim(step):
            raise OptionError(
                "np.gradient has a derivative rule for evenly spaced values: give the distance as a number"
            )
        g = moveaxis(F, f, at, 0)
        inner = F.divide(F.subtract(g[2:], g[:-2]), F.multiply(step, 2.0))
        first, last = (F.divide(F.subtract(b, a), step) for a, b in ((g[:1], g[1:2]), (g[-2:-1], g[-1:])))
        found.append(moveaxis(F, F.concat([first, inner, last]), 0, at))
    return found[0] if len(found) == 1 else tuple(found)


@rule(np.trapezoid)
def trapezoid(F: Any, y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate along an axis by the trapezoidal rule."""
    y = value(F, y)
    axis = normalise_axis(axis, len(y.shape))
    before = (slice(None),) * axis
    together = F.add(y[(*before, slice(1, None))], y[(*before, slice(None, -1))])
    if x is not None:
        x = value(F, x)
        dx = F.diff(x, axis=-1 if len(x.shape) == 1 else axis)
        if len(x.shape) == 1:
            dx = F.reshape(dx, (-1, *(1,) * (len(y.shape) - axis - 1)))
    return F.divide(F.sum(F.multiply(dx, together), axis=axis), 2.0)


@rule(np.interp)
def interp(F: Any, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Read values off the lines between points."""
    only("interp", "period", period, None)
    x, xp, fp = values(F, (x, xp, fp))
    at = F.clip(F.subtract(F.searchsorted(xp, x, side="right"), 1), 0, xp.shape[0] - 2)
    x0, x1, y0, y1 = F.take(xp, at), F.take(xp, F.add(at, 1)), F.take(fp, at), F.take(fp, F.add(at, 1))
    found = F.add(y0, F.multiply(F.divide(F.subtract(x, x0), F.subtract(x1, x0)), F.subtract(y1, y0)))
    found = F.where(F.less(x, xp[0]), fp[0] if left is None else left, found)
    return F.where(F.greater(x, xp[-1]), fp[-1] if right is None else right, found)


@rule(np.linspace)
def linspace(
    F: Any,
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """Return evenly spaced values from one number to another."""
    start, stop = F.multiply(value(F, start), 1.0), F.multiply(value(F, stop), 1.0)
    parts = num - 1 if endpoint else num
    step = F.divide(F.subtract(stop, start), float(max(parts, 1)))
    rank = max(len(start.shape), len(stop.shape))
    ramp = np.arange(num, dtype=np.float64).reshape((num, *(1,) * rank))
    found = F.add(start, F.multiply(ramp, step))
    if endpoint and num > 1:
        found = F.concat([found[:-1], F.broadcast_to(stop, (1, *found.shape[1:]))])
    found = moveaxis(F, found if dtype is None else F.astype(found, np.dtype(dtype)), 0, axis)
    return (found, step) if retstep else found


@rule(np.apply_along_axis)
def apply_along_axis(F: Any, func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Apply a function of one axis to every row along it."""
    arr = moveaxis(F, arr, axis, -1)
    around = tuple(arr.shape[:-1])
    found = [value(F, func1d(arr[place], *args, **kwargs)) for place in np.ndindex(*around)]
    joined = F.stack(found)
    joined = F.reshape(joined, (*around, *joined.shape[1:]))
    rank, at = len(found[0].shape), normalise_axis(axis, len(arr.shape))
    return moveaxis(F, joined, tuple(range(len(around), len(around) + rank)), tuple(range(at, at + rank)))


@rule(np.polyval)
def polyval(F: Any, p: Any, x: Any) -> Any:
    """Return the value of the polynomial whose coefficients, the highest power's first, are `p`."""
    p, x = values(F, (p, x))
    total = F.zeros_like(x)
    for i in range(p.shape[0]):
        total = F.add(F.multiply(total, x), p[i])
    return total


@rule(np.vander)
def vander(F: Any, x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the powers of the elements, a row for each."""
    x = value(F, x)
    powers = np.arange(x.shape[0] if N is None else N, dtype=np.float64)
    return F.pow(F.expand_dims(x, -1), powers if increasing else powers[::-1])
