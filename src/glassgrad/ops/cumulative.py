"""Running sums and products, and products whose gradients stay exact where factors are 0.

The gradient of a product is usually written z / x, which fails at x = 0. Here every element's gradient is the product
of the factors before it and of those after it; and as running products are a linear recurrence, whose derivative is
one again, this stays exact for derivatives of every order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.families import linear
from glassgrad.ops.record import Kink, Op, Sample, Text, register
from glassgrad.ops.reductions import batch_reduction, reduced, whole_dtype
from glassgrad.ops.rules import total
from glassgrad.ops.shapes import normalise_axes, normalise_axis

_ALONG = (Sample(((5,),)), Sample(((2, 3),), {"axis": 1}), Sample(((3, 2),), {"axis": 0}))


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
    axis, reverse = attrs["axis"], attrs["reverse"]
    following = _neighbour(F, xs[0], axis, not reverse, 0.0)
    h = F.linear_recurrence(following, g, axis, not reverse)
    by_factor = F.multiply(h, _neighbour(F, z, axis, reverse, 0.0)) if wanted[0] else None
    return [by_factor, h if wanted[1] else None]


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
        ),
    )
)


# --- running sum and product ---------------------------------------------------------------------------------------


def _axis(name: str, x: Any, axis: int | None) -> int:
    if axis is None and len(x.shape) != 1:
        raise ShapeError(f"{name} of an array of shape {tuple(x.shape)} needs an axis to go along")
    return normalise_axis(axis or 0, len(x.shape))


def _call_cumulative_sum(
    F: Any, x: Any, axis: int | None = None, *, reverse: bool = False, include_initial: bool = False
) -> Any:
    at = _axis("cumulative_sum", x, axis)
    z = F.bind(cumulative_sum, (x,), {"axis": at, "reverse": bool(reverse)})
    return _with_initial(F, z, 0.0, at, reverse) if include_initial else z


def _with_initial(F: Any, z: Any, first: float, axis: int, reverse: bool) -> Any:
    edge = F.full((*z.shape[:axis], 1, *z.shape[axis + 1 :]), first, z.dtype)
    return F.concat([z, edge] if reverse else [edge, z], axis=axis)


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
        return getattr(F, name)(xs[0], axis=attrs["axis"] + 1, reverse=attrs["reverse"])

    return batch


def _infer_along(x: Any, *, axis: int, reverse: bool) -> tuple[Shape, np.dtype[Any]]:
    return tuple(x.shape), whole_dtype(x.dtype)


cumulative_sum: Op = linear(
    "cumulative_sum",
    _accumulate(np.add),
    call=_call_cumulative_sum,
    infer=_infer_along,
    transpose=lambda F, g, x, *, axis, reverse: F.cumulative_sum(g, axis, reverse=not reverse),
    batch=_batch_along("cumulative_sum"),
    latex=r"\sum_{{j \leq i}} {0}_j",
    derivative=r"[j \leq i]",
    why=Text(
        "each element is in every later sum, so the gradients of all those sums add up: a running sum from the end",
        "각 원소는 그 뒤의 모든 합에 들어 있으므로 그 합들의 기울기가 더해진다: 끝에서부터의 누적합이다",
    ),
    samples=_ALONG,
    writes_out=True,
)


def _call_cumulative_prod(
    F: Any, x: Any, axis: int | None = None, *, reverse: bool = False, include_initial: bool = False
) -> Any:
    at = _axis("cumulative_prod", x, axis)
    z = F.bind(cumulative_prod, (x,), {"axis": at, "reverse": bool(reverse)})
    return _with_initial(F, z, 1.0, at, reverse) if include_initial else z


def _pull_cumulative_prod(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    (x,), axis, reverse = xs, attrs["axis"], attrs["reverse"]
    h = F.linear_recurrence(_neighbour(F, x, axis, not reverse, 0.0), g, axis, not reverse)
    return [F.multiply(h, _neighbour(F, z, axis, reverse, 1.0))]


def _push_cumulative_prod(
    F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> Any:
    (x,), axis, reverse = xs, attrs["axis"], attrs["reverse"]
    moved = F.multiply(tangents[0], _neighbour(F, z, axis, reverse, 1.0))
    return F.linear_recurrence(x, moved, axis, reverse)


cumulative_prod: Op = register(
    Op(
        name="cumulative_prod",
        call=_call_cumulative_prod,
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
        samples=(*_ALONG, Sample((np.array([2.0, 0.0, 3.0, 0.0, 1.0]),))),
        writes_out=True,
    )
)


# --- product -------------------------------------------------------------------------------------------------------


def _call_prod(
    F: Any, x: Any, axis: int | Sequence[int] | None = None, *, dtype: Any = None, keepdims: bool = False
) -> Any:
    if dtype is not None:
        x = F.astype(x, dtype)
    return F.bind(prod, (x,), {"axis": normalise_axes(axis, len(x.shape)), "keepdims": keepdims})


def _others(F: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """Return for each element the product of the other elements along `axis`, with nothing divided."""
    rest = tuple(a for a in range(len(x.shape)) if a not in axis)
    order = (*rest, *axis)
    moved = F.permute_dims(x, order)
    flat = F.reshape(moved, (*(x.shape[a] for a in rest), -1))
    last = len(rest)
    before, after = (
        _neighbour(F, F.cumulative_prod(flat, last, reverse=reverse), last, reverse, 1.0)
        for reverse in (False, True)
    )
    product = F.reshape(F.multiply(before, after), moved.shape)
    return F.permute_dims(product, tuple(int(i) for i in np.argsort(order)))


def _pull_prod(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    (x,), axis = xs, attrs["axis"]
    return [F.multiply(F.reshape(g, reduced(tuple(x.shape), axis, True)), _others(F, x, axis))]


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
        ),
        writes_out=True,
    )
)
