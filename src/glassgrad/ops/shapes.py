"""Operations that move numbers without changing them; their derivatives move the gradient back."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import IndexingError, ShapeError
from glassgrad.ir import Dim
from glassgrad.ops.families import linear
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Sample, Text
from glassgrad.ops.rules import sum_to

__all__ = ["normalise_axes", "normalise_axis"]


def normalise_axis(axis: int, ndim: int) -> int:
    """Return `axis` counted from the front.

    Raises
    ------
    IndexingError
        Where the array has no such axis.
    """
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise IndexingError(f"axis {axis} is out of range for an array with {ndim} axes")
    return axis % ndim


def normalise_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return the axes counted from the front, in order; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    if not isinstance(axis, (tuple, list)):
        return (normalise_axis(axis, ndim),)  # type: ignore[arg-type]
    axes = list(axis)
    normal = tuple(sorted(normalise_axis(a, ndim) for a in axes))
    if len(set(normal)) != len(normal):
        raise ShapeError(f"axes {tuple(axes)} name one axis twice")
    return normal


# --- reshape -------------------------------------------------------------------------------------------------------


def _call_reshape(F: Any, x: Any, /, shape: int | Sequence[Any], *, copy: bool | None = None) -> Any:
    sizes = (shape,) if isinstance(shape, (int, Dim)) else tuple(shape)
    have = math.prod(x.shape)
    if sizes.count(-1) > 1:
        raise ShapeError(
            f"one size of a shape may be -1, to be worked out from the others, but {sizes} has two"
        )
    if -1 in sizes:
        known = math.prod(d for d in sizes if d != -1)
        try:
            missing = 0 if known == 0 else have // known
        except ShapeError:
            missing = -1
        sizes = tuple(missing if d == -1 else d for d in sizes)
    if math.prod(sizes) != have or any(isinstance(d, int) and d < 0 for d in sizes):
        raise ShapeError(
            f"cannot reshape {tuple(x.shape)} ({have} elements) into "
            f"{shape if isinstance(shape, int) else tuple(shape)}"
        )
    if copy is not None:
        return F.bind(reshape, (x,), {"shape": sizes, "copy": bool(copy)})
    return F.value(x) if sizes == tuple(x.shape) else F.bind(reshape, (x,), {"shape": sizes})


def _reshape(x: Any, *, shape: tuple[int, ...], copy: bool | None = None) -> Any:
    x = np.asarray(x)
    out = x.reshape(shape)
    if copy:
        return np.array(out, order="C")
    if copy is False and x.size and not np.may_share_memory(x, out):
        raise ShapeError(
            f"reshape of {x.shape} into {shape} must copy, because the numbers do not lie in that order in memory: "
            "leave out copy=False"
        )
    return out


reshape = linear(
    "reshape",
    _reshape,
    call=_call_reshape,
    infer=lambda x, *, shape, copy=None: (shape, x.dtype),
    transpose=lambda F, g, x, *, shape, copy=None: F.reshape(g, x.shape),
    batch=lambda F, xs, b, attrs, _: F.reshape(xs[0], (xs[0].shape[0], *attrs["shape"])),
    latex=r"\operatorname{{reshape}}({0})",
    derivative="reshape back",
    why=Text(
        "the numbers stay and only their arrangement changes, so the gradient is arranged back",
        "숫자는 그대로이고 배열만 바뀌므로 기울기도 원래 배열로 되돌린다",
    ),
    samples=(
        Sample(((2, 3),), {"shape": (3, 2)}),
        Sample(((2, 3),), {"shape": (-1,)}),
        Sample(((2, 3),), {"shape": (6,), "copy": True}, complex=(0,)),
    ),
    view=True,
)


@function
def expand_dims(F: Any, x: Any, /, axis: int | Sequence[int] = 0) -> Any:
    """Insert axes of size 1 so that they are at `axis` in the result.

    Parameters
    ----------
    x
        The array.
    axis
        A place, or a tuple of them, in the shape of the result; negative ones count from its end.

    Raises
    ------
    IndexingError
        Where a place is outside the result.
    ShapeError
        Where a place is named twice.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.expand_dims(gg.ones((2, 3)), (0, -1)).shape
    (1, 2, 3, 1)
    """
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    places = normalise_axes(axis, len(x.shape) + count)
    sizes = iter(x.shape)
    return F.reshape(x, tuple(1 if a in places else next(sizes) for a in range(len(x.shape) + count)))


@function
def squeeze(F: Any, x: Any, /, axis: int | Sequence[int] | None = None) -> Any:
    """Remove the axes of size 1 named by `axis`; all of them where it is None, as NumPy does.

    Parameters
    ----------
    x
        The array.
    axis
        An axis or a tuple of them.

    Raises
    ------
    ShapeError
        Where an axis has another size.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.squeeze(gg.ones((1, 3, 1)), axis=0).shape
    (3, 1)
    """
    if axis is None:
        axis = tuple(a for a, d in enumerate(x.shape) if d == 1)
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


def _call_permute(F: Any, x: Any, /, axes: Sequence[int]) -> Any:
    order = tuple(normalise_axis(a, len(x.shape)) for a in axes)
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
def moveaxis(F: Any, x: Any, source: int | Sequence[int], destination: int | Sequence[int], /) -> Any:
    """Move axes to other places; the others keep their order.

    Parameters
    ----------
    x
        The array.
    source, destination
        An axis and its new place, or as many axes as places.

    Raises
    ------
    ShapeError
        Where an axis or a place is named twice, or there are not as many of one as of the other.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.moveaxis(gg.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    n = len(x.shape)
    sources = [source] if isinstance(source, int) else list(source)
    places = [destination] if isinstance(destination, int) else list(destination)
    if len(sources) != len(places):
        raise ShapeError(f"moveaxis: {len(sources)} axes to move, but {len(places)} places to move them to")
    normalise_axes(places, n)
    taken = normalise_axes(sources, n)
    order = [a for a in range(n) if a not in taken]
    for place, a in sorted(
        (normalise_axis(d, n), normalise_axis(s, n)) for d, s in zip(places, sources, strict=True)
    ):
        order.insert(place, a)
    return F.permute_dims(x, order)


# --- broadcast_to --------------------------------------------------------------------------------------------------


def _call_broadcast_to(F: Any, x: Any, /, shape: int | Sequence[Any]) -> Any:
    shape = (shape,) if isinstance(shape, (int, Dim)) else tuple(shape)
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


# --- flip -------------------------------------------------------------------------------------------


def _call_flip(F: Any, x: Any, /, axis: int | Sequence[int] | None = None) -> Any:
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
