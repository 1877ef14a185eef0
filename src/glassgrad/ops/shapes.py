"""Operations that move numbers without changing them; their derivatives move the gradient back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.ir import Dim, Shape
from glassgrad.ops.families import linear
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Sample, Text
from glassgrad.ops.rules import sum_to

__all__ = ["normalise_axes", "normalise_axis"]


def normalise_axis(axis: int, ndim: int) -> int:
    """Return `axis` counted from the front.

    Raises
    ------
    ShapeError
        Where the array has no such axis.
    """
    if not -ndim <= axis < ndim:
        raise ShapeError(f"axis {axis} is out of range for an array with {ndim} axes")
    return axis % ndim if ndim else 0


def normalise_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return the axes counted from the front, in order; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = [axis] if isinstance(axis, int) else list(axis)
    normal = tuple(sorted(normalise_axis(int(a), ndim) for a in axes))
    if len(set(normal)) != len(normal):
        raise ShapeError(f"axes {tuple(axes)} name one axis twice")
    return normal


# --- reshape -------------------------------------------------------------------------------------------------------


def _call_reshape(F: Any, x: Any, shape: int | Sequence[Any]) -> Any:
    sizes = (shape,) if isinstance(shape, (int, Dim)) else tuple(shape)
    have = math.prod(x.shape)
    if -1 in sizes:
        known = math.prod(d for d in sizes if d != -1)
        try:
            missing = 0 if known == 0 else have // known
        except ShapeError:
            missing = -1
        sizes = tuple(missing if d == -1 else d for d in sizes)
    if math.prod(sizes) != have:
        raise ShapeError(
            f"cannot reshape {tuple(x.shape)} ({have} elements) into "
            f"{shape if isinstance(shape, int) else tuple(shape)}"
        )
    return F.value(x) if sizes == tuple(x.shape) else F.bind(reshape, (x,), {"shape": sizes})


reshape = linear(
    "reshape",
    lambda x, *, shape: np.asarray(x).reshape(shape),
    call=_call_reshape,
    infer=lambda x, *, shape: (shape, x.dtype),
    transpose=lambda F, g, x, *, shape: F.reshape(g, x.shape),
    batch=lambda F, xs, b, attrs, _: F.reshape(xs[0], (xs[0].shape[0], *attrs["shape"])),
    latex=r"\operatorname{{reshape}}({0})",
    derivative="reshape back",
    why=Text(
        "the numbers stay and only their arrangement changes, so the gradient is arranged back",
        "숫자는 그대로이고 배열만 바뀌므로 기울기도 원래 배열로 되돌린다",
    ),
    samples=(Sample(((2, 3),), {"shape": (3, 2)}), Sample(((2, 3),), {"shape": (-1,)})),
    view=True,
)


@function
def expand_dims(F: Any, x: Any, axis: int = 0) -> Any:
    """Insert an axis of size 1 at `axis`."""
    at = normalise_axis(axis, len(x.shape) + 1)
    return F.reshape(x, (*x.shape[:at], 1, *x.shape[at:]))


@function
def squeeze(F: Any, x: Any, axis: int | Sequence[int]) -> Any:
    """Remove the axes of size 1 named by `axis`."""
    axes = normalise_axes(axis, len(x.shape))
    for a in axes:
        if x.shape[a] != 1:
            raise ShapeError(
                f"axis {a} of shape {tuple(x.shape)} has size {x.shape[a]}, not 1: it cannot be squeezed"
            )
    return F.reshape(x, tuple(d for a, d in enumerate(x.shape) if a not in axes))


@function
def flatten(F: Any, x: Any, start: int = 0) -> Any:
    """Merge the axes from `start` on into one."""
    return F.reshape(x, (*x.shape[:start], math.prod(x.shape[start:])))


# --- transpose -----------------------------------------------------------------------------------------------------


def _call_permute(F: Any, x: Any, axes: Sequence[int]) -> Any:
    order = tuple(normalise_axis(int(a), len(x.shape)) for a in axes)
    if sorted(order) != list(range(len(x.shape))):
        raise ShapeError(
            f"axes {tuple(axes)} are not a permutation of the {len(x.shape)} axes of {tuple(x.shape)}"
        )
    return F.value(x) if order == tuple(range(len(order))) else F.bind(permute_dims, (x,), {"axes": order})


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argsort(axes))


permute_dims = linear(
    "permute_dims",
    lambda x, *, axes: np.asarray(x).transpose(axes),
    call=_call_permute,
    infer=lambda x, *, axes: (tuple(x.shape[a] for a in axes), x.dtype),
    transpose=lambda F, g, x, *, axes: F.permute_dims(g, _inverse(axes)),
    batch=lambda F, xs, b, attrs, _: F.permute_dims(xs[0], (0, *(a + 1 for a in attrs["axes"]))),
    latex=r"{0}^\top",
    derivative="the inverse permutation",
    why=Text(
        "the axes change places, so the gradient's axes change back",
        "축의 자리가 바뀌므로 기울기의 축도 되돌린다",
    ),
    samples=(Sample(((2, 3, 4),), {"axes": (2, 0, 1)}),),
    view=True,
)


@function
def matrix_transpose(F: Any, x: Any) -> Any:
    """Exchange the last two axes."""
    n = len(x.shape)
    if n < 2:
        raise ShapeError(
            f"matrix_transpose needs at least two axes, but the array has shape {tuple(x.shape)}"
        )
    return F.permute_dims(x, (*range(n - 2), n - 1, n - 2))


@function
def transpose(F: Any, x: Any, axes: Sequence[int] | None = None) -> Any:
    """Reverse the axes, or put them in the order `axes`."""
    return F.permute_dims(x, tuple(reversed(range(len(x.shape)))) if axes is None else axes)


@function
def swapaxes(F: Any, x: Any, a: int, b: int) -> Any:
    """Exchange two axes."""
    order = list(range(len(x.shape)))
    a, b = normalise_axis(a, len(order)), normalise_axis(b, len(order))
    order[a], order[b] = order[b], order[a]
    return F.permute_dims(x, order)


@function
def moveaxis(F: Any, x: Any, source: int, destination: int) -> Any:
    """Move one axis to another place."""
    n = len(x.shape)
    order = [a for a in range(n) if a != normalise_axis(source, n)]
    order.insert(normalise_axis(destination, n), normalise_axis(source, n))
    return F.permute_dims(x, order)


# --- broadcast_to --------------------------------------------------------------------------------------------------


def _call_broadcast_to(F: Any, x: Any, shape: Sequence[Any]) -> Any:
    shape = tuple(shape)
    have = getattr(x, "shape", ())
    tail = shape[len(shape) - len(have) :]
    if len(have) > len(shape) or any(d not in (1, want) for d, want in zip(have, tail, strict=True)):
        raise ShapeError(f"shape {tuple(have)} does not broadcast to {shape}")
    return F.value(x) if tuple(have) == shape else F.bind(broadcast_to, (x,), {"shape": shape})


def _batch_broadcast_to(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    (x,) = xs
    rows, shape = x.shape[0], attrs["shape"]
    aligned = F.reshape(x, (rows, *(1,) * (len(shape) - len(x.shape) + 1), *x.shape[1:]))
    return F.broadcast_to(aligned, (rows, *shape))


broadcast_to = linear(
    "broadcast_to",
    lambda x, *, shape: np.broadcast_to(x, shape),
    call=_call_broadcast_to,
    infer=lambda x, *, shape: (shape, x.dtype),
    transpose=lambda F, g, x, *, shape: sum_to(F, g, tuple(x.shape)),
    batch=_batch_broadcast_to,
    latex=r"\operatorname{{broadcast}}({0})",
    derivative="sum over the copies",
    why=Text(
        "one number was copied to many places, so the gradients of all its copies add up",
        "숫자 하나가 여러 곳으로 복사되었으므로 모든 복사본의 기울기가 더해진다",
    ),
    samples=(Sample(((3,),), {"shape": (2, 3)}), Sample(((2, 1),), {"shape": (2, 3)})),
    view=True,
)


# --- flip, concat, stack -------------------------------------------------------------------------------------------


def _call_flip(F: Any, x: Any, axis: int | Sequence[int] | None = None) -> Any:
    return F.bind(flip, (x,), {"axis": normalise_axes(axis, len(x.shape))})


flip = linear(
    "flip",
    lambda x, *, axis: np.flip(x, axis),
    call=_call_flip,
    infer=lambda x, *, axis: (tuple(x.shape), x.dtype),
    transpose=lambda F, g, x, *, axis: F.flip(g, axis),
    batch=lambda F, xs, b, attrs, _: F.flip(xs[0], tuple(a + 1 for a in attrs["axis"])),
    latex=r"\operatorname{{flip}}({0})",
    derivative="flip back",
    why=Text(
        "the order is reversed, so the gradient's order is reversed",
        "순서가 뒤집히므로 기울기의 순서도 뒤집는다",
    ),
    samples=(Sample(((2, 3),), {"axis": 1}),),
    view=True,
)


def _call_concat(F: Any, xs: Sequence[Any], axis: int | None = 0) -> Any:
    if len(xs) == 0:
        raise ShapeError("concat needs at least one array, but was given none")
    xs = [F.value(x) for x in xs]
    if axis is None:
        xs, axis = [F.reshape(x, (-1,)) for x in xs], 0
    return F.bind(concat, tuple(xs), {"axis": normalise_axis(axis, len(xs[0].shape))})


def _infer_concat(*xs: Any, axis: int) -> tuple[Shape, np.dtype[Any]]:
    first = tuple(xs[0].shape)
    for x in xs[1:]:
        other = tuple(x.shape)
        if len(other) != len(first) or any(
            a != b for i, (a, b) in enumerate(zip(first, other, strict=True)) if i != axis
        ):
            raise ShapeError(f"concat along axis {axis} needs equal other axes, but got {first} and {other}")
    size = sum((x.shape[axis] for x in xs[1:]), xs[0].shape[axis])
    return (*first[:axis], size, *first[axis + 1 :]), np.result_type(*(x.dtype for x in xs))


def _split(F: Any, g: Any, *xs: Any, axis: int) -> list[Any]:
    out: list[Any] = []
    start: Any = 0
    for x in xs:
        stop = start + x.shape[axis]
        out.append(g[(slice(None),) * axis + (slice(start, stop),)])
        start = stop
    return out


def _batch_joined(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    rows = next(x.shape[0] for x, b in zip(xs, batched, strict=True) if b)
    wide = [x if b else F.broadcast_to(x, (rows, *x.shape)) for x, b in zip(xs, batched, strict=True)]
    return F.concat(wide, axis=attrs["axis"] + 1)


concat = linear(
    "concat",
    lambda *xs, axis: np.concatenate(xs, axis),
    call=_call_concat,
    infer=_infer_concat,
    transpose=_split,
    batch=_batch_joined,
    latex=r"[{0}; {1}]",
    derivative="each part's own piece",
    why=Text(
        "each input is a piece of the result, so it gets its piece of the gradient",
        "각 입력은 결과의 한 조각이므로 기울기에서 자기 조각을 받는다",
    ),
    samples=(Sample(((2, 3), (1, 3)), {"axis": 0}), Sample(((2, 3), (2, 1)), {"axis": 1})),
    inputs=0,
)


@function
def stack(F: Any, xs: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays of equal shape along a new axis."""
    if len(xs) == 0:
        raise ShapeError("stack needs at least one array, but was given none")
    xs = [F.value(x) for x in xs]
    return F.concat([F.expand_dims(x, axis) for x in xs], axis=normalise_axis(axis, len(xs[0].shape) + 1))
