"""One array and many: joining arrays along an axis, and taking one apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.families import linear
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Sample, Text
from glassgrad.ops.rules import cast, promoted
from glassgrad.ops.shapes import normalise_axis


def _call_concat(F: Any, arrays: Sequence[Any], /, axis: int | None = 0) -> Any:
    xs = list(arrays)
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
    return (*first[:axis], size, *first[axis + 1 :]), promoted(*(x.dtype for x in xs))


def _split(F: Any, g: Any, *xs: Any, axis: int) -> list[Any]:
    out: list[Any] = []
    start: Any = 0
    for x in xs:
        stop = start + x.shape[axis]
        piece = g[(slice(None),) * axis + (slice(start, stop),)]
        out.append(cast(F, piece, x.dtype))
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
    samples=(
        Sample(((2, 3), (1, 3)), {"axis": 0}),
        Sample(((2, 3), (2, 1)), {"axis": 1}),
        Sample(((2, 3), (2, 1)), {"axis": -1}, complex=(1,)),
        Sample(((2, 3), (2,)), {"axis": None}),
    ),
    inputs=0,
)


@function
def stack(F: Any, arrays: Sequence[Any], /, axis: int = 0) -> Any:
    """Join arrays of equal shape along a new axis.

    Parameters
    ----------
    arrays
        The arrays, or one array whose first axis is gone through.
    axis
        Where the new axis is in the result.

    Raises
    ------
    ShapeError
        Where there are no arrays, or their shapes differ.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.stack([gg.zeros(3), gg.ones(3)], axis=1).shape
    (3, 2)
    """
    xs = [F.value(x) for x in arrays]
    if not xs:
        raise ShapeError("stack needs at least one array, but was given none")
    shapes = {tuple(x.shape) for x in xs}
    if len(shapes) > 1:
        raise ShapeError(
            f"stack needs arrays of one shape, but got {' and '.join(map(str, sorted(shapes, key=str)))}"
        )
    return F.concat([F.expand_dims(x, axis) for x in xs], axis=normalise_axis(axis, len(xs[0].shape) + 1))


@function
def unstack(F: Any, x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Return the slices of `x` along `axis`, without that axis.

    Raises
    ------
    ShapeError
        Where the axis is the open batch, whose number of slices is not known.

    Examples
    --------
    >>> import glassgrad as gg
    >>> first, second = gg.unstack(gg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> second
    Tensor([3., 4.])
    """
    at = normalise_axis(axis, len(x.shape))
    size = x.shape[at]
    if not isinstance(size, int):
        raise ShapeError(
            f"unstack along axis {at}, which is {size} long: how many slices there are is not known yet"
        )
    return tuple(F.getitem(x, (slice(None),) * at + (i,)) for i in range(size))


@function
def broadcast_arrays(F: Any, *arrays: Any) -> list[Any]:
    """Return the arrays, each broadcast to the shape that all of them have together.

    Raises
    ------
    ShapeError
        Where the shapes do not fit.

    Examples
    --------
    >>> import glassgrad as gg
    >>> [a.shape for a in gg.broadcast_arrays(gg.ones((2, 1)), gg.ones(3))]
    [(2, 3), (2, 3)]
    """
    xs = [F.value(x) for x in arrays]
    shape = broadcast_shapes(*(tuple(x.shape) for x in xs))
    return [F.broadcast_to(x, shape) for x in xs]
