"""Running sums, products and extremes, and products whose gradients stay exact where factors are 0.

The gradient of a product is usually written z / x, which fails at x = 0. Here every element's gradient is the product
of the factors before it and of those after it; and as running products are a linear recurrence, whose derivative is
one again, this stays exact for derivatives of every order. A running maximum is a recurrence, too: within a stretch
of equal results the gradients add up, and a new maximum starts anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.families import linear
from glassgrad.ops.record import Kink, Op, Sample, Text, lookup, register
from glassgrad.ops.reductions import COMPLEX, batch_reduction, in_dtype, kept, reduced, whole_dtype
from glassgrad.ops.rules import cast, conj, total
from glassgrad.ops.shapes import normalise_axes, normalise_axis

_ALONG = (Sample(((5,),)), Sample(((2, 3),), {"axis": 1}), Sample(((3, 2),), {"axis": 0}))
_ZEROS = np.array([2.0, 0.0, 3.0, 0.0, 1.0])


def _neighbour(F: Any, x: Any, axis: int, reverse: bool, fill: float) -> Any:
    """Return for each place the element one place earlier (later where `reverse`), and `fill` at the end."""
    size = x.shape[axis]
    if size == 0:
        return x
    front = (slice(None),) * axis
    edge = F.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), fill, x.dtype)
    if reverse:
        return F.concat([F.getitem(x, (*front, slice(1, None))), edge], axis=axis)
    return F.concat([edge, F.getitem(x, (*front, slice(None, -1)))], axis=axis)


# --- linear recurrence ---------------------------------------------------------------------------------------------


def _call_recurrence(F: Any, a: Any, b: Any, axis: int = 0, reverse: bool = False) -> Any:
    shape = broadcast_shapes(tuple(a.shape), tuple(b.shape))
    settings = {"axis": normalise_axis(axis, len(shape)), "reverse": bool(reverse)}
    return F.bind(linear_recurrence, (F.broadcast_to(a, shape), F.broadcast_to(b, shape)), settings)


def _infer_recurrence(a: Any, b: Any, *, axis: int, reverse: bool) -> tuple[Shape, np.dtype[Any]]:
    if tuple(a.shape) != tuple(b.shape):
        raise ShapeError(f"linear_recurrence: shapes {tuple(a.shape)} and {tuple(b.shape)} differ")
    return tuple(a.shape), np.result_type(a.dtype, b.dtype)


def _recur(a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    s = np.array(np.broadcast_to(b, np.shape(b)), np.result_type(a, b))
    along, factors = np.moveaxis(s, axis, 0), np.moveaxis(a, axis, 0)
    order = range(len(along))[::-1] if reverse else range(len(along))
    for before, now in pairwise(order):
        along[now] += factors[now] * along[before]
    return s


def _pull_recurrence(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    (a, b), axis, reverse = xs, attrs["axis"], attrs["reverse"]
    h = F.linear_recurrence(conj(F, _neighbour(F, a, axis, not reverse, 0.0)), g, axis, not reverse)
    by_factor = F.multiply(h, conj(F, _neighbour(F, z, axis, reverse, 0.0))) if wanted[0] else None
    return [
        None if by_factor is None else cast(F, by_factor, a.dtype),
        cast(F, h, b.dtype) if wanted[1] else None,
    ]


def _push_recurrence(
    F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> Any:
    axis, reverse = attrs["axis"], attrs["reverse"]
    da, db = tangents
    moved = None if da is None else F.multiply(da, _neighbour(F, z, axis, reverse, 0.0))
    return F.linear_recurrence(xs[0], total(F, [moved, db]), axis, reverse)


def _batch_recurrence(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    rows = next(x.shape[0] for x, b in zip(xs, batched, strict=True) if b)
    wide = [x if b else F.broadcast_to(x, (rows, *x.shape)) for x, b in zip(xs, batched, strict=True)]
    return F.linear_recurrence(*wide, attrs["axis"] + 1, attrs["reverse"])


linear_recurrence: Op = register(
    Op(
        name="linear_recurrence",
        call=_call_recurrence,
        infer=_infer_recurrence,
        numpy=_recur,
        pull=_pull_recurrence,
        push=_push_recurrence,
        batch=_batch_recurrence,
        latex=r"s_i = {0}_i s_{{i-1}} + {1}_i",
        derivative=r"h_i = g_i + a_{i+1} h_{i+1}; \; h_i s_{i-1}, \, h_i",
        why=Text(
            "each step hands its gradient on to the step before, times its factor: the same recurrence, backwards",
            "각 단계는 기울기에 자기 계수를 곱해 앞 단계로 넘긴다: 같은 점화식이 거꾸로 흐른다",
        ),
        samples=(
            Sample(((5,), (5,))),
            Sample(((2, 3), (2, 3)), {"axis": 1, "reverse": True}),
            Sample(((3, 2), (2,)), {"axis": 0}),
            Sample(((2, 3), (2, 3)), {"axis": 1}, complex=(0, 1)),
            Sample(((2, 3), (2, 3)), {"axis": 1}, complex=(1,)),
        ),
    )
)


# --- running sum and product ---------------------------------------------------------------------------------------


def _axis(name: str, x: Any, axis: int | None) -> int:
    if axis is None and len(x.shape) != 1:
        raise ShapeError(f"{name} of an array of shape {tuple(x.shape)} needs an axis to go along")
    return normalise_axis(axis or 0, len(x.shape))


def _running(name: str, initial: int) -> Any:
    """Return the call of a running sum or product, which begins with `initial`."""

    def call(
        F: Any,
        x: Any,
        /,
        axis: int | None = None,
        *,
        dtype: Any = None,
        include_initial: bool = False,
        reverse: bool = False,
    ) -> Any:
        settings = {"axis": _axis(name, x, axis), "reverse": bool(reverse)}
        z = in_dtype(F, x, dtype, lambda x: F.bind(lookup(name), (x,), settings))
        if not include_initial:
            return z
        at = settings["axis"]
        edge = F.full((*z.shape[:at], 1, *z.shape[at + 1 :]), initial, dtype=z.dtype)
        return F.concat([z, edge] if reverse else [edge, z], axis=at)

    return call


def _accumulate(ufunc: np.ufunc) -> Any:
    def kernel(x: Any, *, axis: int, reverse: bool, out: Any = None) -> Any:
        dtype = whole_dtype(x.dtype)
        if not reverse:
            return ufunc.accumulate(x, axis=axis, dtype=dtype, out=out)
        out = np.empty(x.shape, dtype) if out is None else out
        ufunc.accumulate(np.flip(x, axis), axis=axis, dtype=dtype, out=np.flip(out, axis))
        return out

    return kernel


def _batch_along(name: str) -> Any:
    def batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
        return F.bind(lookup(name), xs, {**attrs, "axis": attrs["axis"] + 1})

    return batch


def _infer_along(x: Any, *, axis: int, reverse: bool) -> tuple[Shape, np.dtype[Any]]:
    return tuple(x.shape), whole_dtype(x.dtype)


cumulative_sum: Op = linear(
    "cumulative_sum",
    _accumulate(np.add),
    call=_running("cumulative_sum", 0),
    infer=_infer_along,
    transpose=lambda F, g, x, *, axis, reverse: F.cumulative_sum(g, axis=axis, reverse=not reverse),
    batch=_batch_along("cumulative_sum"),
    latex=r"\sum_{{j \leq i}} {0}_j",
    derivative=r"[j \leq i]",
    why=Text(
        "each element is in every later sum, so the gradients of all those sums add up: a running sum from the end",
        "각 원소는 그 뒤의 모든 합에 들어 있으므로 그 합들의 기울기가 더해진다: 끝에서부터의 누적합이다",
    ),
    samples=(*_ALONG, *COMPLEX),
    writes_out=True,
)


def _pull_cumulative_prod(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    (x,), axis, reverse = xs, attrs["axis"], attrs["reverse"]
    h = F.linear_recurrence(conj(F, _neighbour(F, x, axis, not reverse, 0.0)), g, axis, not reverse)
    return [F.multiply(h, conj(F, _neighbour(F, z, axis, reverse, 1.0)))]


def _push_cumulative_prod(
    F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> Any:
    (x,), axis, reverse = xs, attrs["axis"], attrs["reverse"]
    moved = F.multiply(tangents[0], _neighbour(F, z, axis, reverse, 1.0))
    return F.linear_recurrence(x, moved, axis, reverse)


cumulative_prod: Op = register(
    Op(
        name="cumulative_prod",
        call=_running("cumulative_prod", 1),
        infer=_infer_along,
        numpy=_accumulate(np.multiply),
        pull=_pull_cumulative_prod,
        push=_push_cumulative_prod,
        batch=_batch_along("cumulative_prod"),
        latex=r"\prod_{{j \leq i}} {0}_j",
        derivative=r"\prod_{k \leq i, k \neq j} x_k",
        why=Text(
            "each factor is in every later product, and in each it counts as much as the product of the other factors",
            "각 인수는 그 뒤의 모든 곱에 들어 있고, 각 곱에서 나머지 인수들의 곱만큼 작용한다",
        ),
        kinks=(Kink("a factor of 0", "exact: nothing is divided"),),
        samples=(*_ALONG, *COMPLEX, Sample((_ZEROS,)), Sample((_ZEROS * (1 - 2j),))),
        writes_out=True,
    )
)


# --- running extremes ----------------------------------------------------------------------------------------------


def _stretches(F: Any, x: Any, z: Any, axis: int) -> tuple[Any, Any, Any]:
    """Return who holds the extreme, whether the extreme before goes on, and among how many holders so far.

    Where it does not go on, a new stretch of equal results begins. NaN equals nothing and is held by nobody.
    """
    holds = cast(F, F.equal(x, z), x.dtype)
    goes_on = cast(F, F.equal(z, _neighbour(F, z, axis, False, 0.0)), x.dtype)
    return holds, goes_on, F.maximum(F.linear_recurrence(goes_on, holds, axis), 1.0)


def _pull_running(
    F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    (x,), axis = xs, attrs["axis"]
    holds, goes_on, number = _stretches(F, x, z, axis)
    h = F.linear_recurrence(_neighbour(F, goes_on, axis, True, 0.0), F.divide(g, number), axis, True)
    return [F.where(F.not_equal(holds, 0), h, 0.0)]


def _push_running(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    holds, goes_on, number = _stretches(F, xs[0], z, attrs["axis"])
    moved = F.where(F.not_equal(holds, 0), tangents[0], 0.0)
    return F.divide(F.linear_recurrence(goes_on, moved, attrs["axis"]), number)


def _running_extreme(name: str, ufunc: np.ufunc, latex: str, en: str, ko: str) -> Op:
    op: Op

    def call(F: Any, x: Any, /, *, axis: int | None = None) -> Any:
        return F.bind(op, (x,), {"axis": _axis(name, x, axis)})

    op = register(
        Op(
            name=name,
            call=call,
            infer=lambda x, *, axis: (tuple(x.shape), x.dtype),
            numpy=lambda x, *, axis, out=None: ufunc.accumulate(x, axis=axis, out=out),
            pull=_pull_running,
            push=_push_running,
            batch=_batch_along(name),
            latex=latex,
            derivative=r"1 \text{ to the holder so far}",
            why=Text(en, ko),
            kinks=(Kink("a tie with an earlier element", "an even share to each holder so far"),),
            samples=_ALONG,
            writes_out=True,
        )
    )
    return op


cummax = _running_extreme(
    "cummax", np.maximum, r"\max_{{j \leq i}} {0}_j",
    "each result is the largest element so far, so that element gets the gradients of all results it holds",
    "각 결과는 그때까지 가장 큰 원소이므로, 그 원소가 자신이 차지한 모든 결과의 기울기를 받는다",
)  # fmt: skip
cummin = _running_extreme(
    "cummin", np.minimum, r"\min_{{j \leq i}} {0}_j",
    "each result is the smallest element so far, so that element gets the gradients of all results it holds",
    "각 결과는 그때까지 가장 작은 원소이므로, 그 원소가 자신이 차지한 모든 결과의 기울기를 받는다",
)  # fmt: skip


# --- product -------------------------------------------------------------------------------------------------------


def _call_prod(
    F: Any, x: Any, /, axis: int | Sequence[int] | None = None, *, dtype: Any = None, keepdims: bool = False
) -> Any:
    settings = {"axis": normalise_axes(axis, len(x.shape)), "keepdims": bool(keepdims)}
    return in_dtype(F, x, dtype, lambda x: F.bind(prod, (x,), settings))


def _others(F: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """Return for each element the product of the other elements along `axis`, with nothing divided."""
    rest = tuple(a for a in range(len(x.shape)) if a not in axis)
    order = (*rest, *axis)
    moved = F.permute_dims(x, order)
    flat = F.reshape(moved, (*(x.shape[a] for a in rest), -1))
    last = len(rest)
    before, after = (
        _neighbour(F, F.cumulative_prod(flat, axis=last, reverse=reverse), last, reverse, 1.0)
        for reverse in (False, True)
    )
    product = F.reshape(F.multiply(before, after), moved.shape)
    return F.permute_dims(product, tuple(int(i) for i in np.argsort(order)))


def _pull_prod(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    (x,), axis = xs, attrs["axis"]
    return [F.multiply(kept(F, g, tuple(x.shape), axis), conj(F, _others(F, x, axis)))]


prod: Op = register(
    Op(
        name="prod",
        call=_call_prod,
        infer=lambda x, *, axis, keepdims: (reduced(tuple(x.shape), axis, keepdims), whole_dtype(x.dtype)),
        numpy=lambda x, *, axis, keepdims, out=None: np.multiply.reduce(
            x, axis=axis, keepdims=keepdims, dtype=whole_dtype(x.dtype), out=out
        ),
        pull=_pull_prod,
        push=lambda F, tangents, z, xs, attrs, _: F.sum(
            F.multiply(tangents[0], _others(F, xs[0], attrs["axis"])), **attrs
        ),
        batch=batch_reduction("prod"),
        latex=r"\prod {0}",
        derivative=r"\prod_{j \neq i} x_j",
        why=Text(
            "a long multiply gate: each factor gets the upstream gradient times the product of all the others",
            "긴 곱셈 게이트와 같다: 각 인수는 상류 기울기에 나머지 모두의 곱을 곱해 받는다",
        ),
        kinks=(Kink("a factor of 0", "exact: nothing is divided"),),
        samples=(
            Sample(((2, 3),)),
            Sample(((2, 3, 4),), {"axis": (0, 2)}),
            Sample(((2, 3),), {"axis": -1, "keepdims": True}),
            Sample((np.array([[2.0, 0.0, 3.0], [0.0, 1.5, 0.0]]),), {"axis": 1}),
            *COMPLEX,
            Sample((_ZEROS[:4] * (1 - 2j),)),
        ),
        writes_out=True,
    )
)
