"""Arranging, joining and parting arrays: what moves numbers without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, ShapeError
from glassgrad.numpy_calls.table import only, rule, same, value, values
from glassgrad.ops.shapes import normalise_axis

same(
    {
        np.transpose: ("transpose", "a axes"),
        np.swapaxes: ("swapaxes", "a axis1 axis2"),
        np.broadcast_to: ("broadcast_to", "array shape"),
        np.flip: ("flip", "m axis=axis"),
        np.roll: ("roll", "a shift axis=axis"),
        np.take_along_axis: ("take_along_axis", "arr indices axis=axis"),
        np.matrix_transpose: ("matrix_transpose", "x"),
    }
)


# --- another shape -------------------------------------------------------------------------------------------------


@rule(np.reshape)
def reshape(F: Any, a: Any, /, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    """Arrange in another shape: in the order of rows, or, where `order` is ``"F"``, of columns."""
    a = value(F, a)
    only("reshape", "order", order, "C", "F", "A", "K")
    if order in ("A", "K") and len(a.shape) > 1:
        raise OptionError(
            f"reshape with order={order!r} goes by how the numbers lie in memory, which no gradient knows: write "
            'order="C" for the order of rows, or order="F" for that of columns'
        )
    if order == "F":
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        a = F.transpose(F.reshape(F.transpose(a), sizes[::-1]))
    else:
        a = F.reshape(a, shape)
    return F.identity(a) if copy else a


@rule(np.ravel)
def ravel(F: Any, a: Any, order: str = "C") -> Any:
    """Arrange along one axis; a copy, as NumPy's, where the numbers do not lie side by side in memory."""
    a = value(F, a)
    payload = getattr(a, "_payload", None)
    parted = isinstance(payload, np.ndarray) and not payload.flags.c_contiguous
    return reshape(F, a, (-1,), order, copy=parted if order == "C" else None)


@rule(np.squeeze)
def squeeze(F: Any, a: Any, axis: Any = None) -> Any:
    """Remove axes of size 1: all of them, or those named."""
    a = value(F, a)
    return F.squeeze(a, tuple(i for i, size in enumerate(a.shape) if size == 1) if axis is None else axis)


@rule(np.expand_dims)
def expand_dims(F: Any, a: Any, axis: Any) -> Any:
    """Insert axes of size 1."""
    a = value(F, a)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    rank = len(a.shape) + len(axes)
    new = {normalise_axis(x, rank) for x in axes}
    sizes = iter(a.shape)
    return F.reshape(a, tuple(1 if i in new else next(sizes) for i in range(rank)))


def at_least(rank: int) -> Any:
    """Return the rule that gives arrays `rank` axes, where they have fewer."""

    def filled(F: Any, *arys: Any) -> Any:
        out = []
        for a in values(F, arys):
            if len(a.shape) == 2 and rank == 3:
                a = F.reshape(a, (*a.shape, 1))
            elif len(a.shape) == 1 and rank == 3:
                a = F.reshape(a, (1, *a.shape, 1))
            elif len(a.shape) < rank:
                a = F.reshape(a, (*(1,) * (rank - len(a.shape)), *a.shape))
            out.append(a)
        return out[0] if len(out) == 1 else tuple(out)

    return filled


rule(np.atleast_1d)(at_least(1))
rule(np.atleast_2d)(at_least(2))
rule(np.atleast_3d)(at_least(3))


@rule(np.broadcast_arrays)
def broadcast_arrays(F: Any, *args: Any, subok: bool = False) -> Any:
    """Bring arrays to the shape that they have together."""
    arrays = values(F, args)
    shape = np.broadcast_shapes(*(tuple(a.shape) for a in arrays))
    return tuple(F.broadcast_to(a, shape) for a in arrays)


@rule(np.moveaxis)
def moveaxis(F: Any, a: Any, source: Any, destination: Any) -> Any:
    """Move axes to other places."""
    a = value(F, a)
    rank = len(a.shape)
    sources = [normalise_axis(x, rank) for x in ((source,) if isinstance(source, int) else source)]
    targets = [
        normalise_axis(x, rank) for x in ((destination,) if isinstance(destination, int) else destination)
    ]
    if len(sources) != len(targets):
        raise ShapeError(f"moveaxis has {len(sources)} axes to move and {len(targets)} places for them")
    order = [x for x in range(rank) if x not in sources]
    for target, x in sorted(zip(targets, sources, strict=True)):
        order.insert(target, x)
    return F.permute_dims(a, order)


@rule(np.rollaxis)
def rollaxis(F: Any, a: Any, axis: int, start: int = 0) -> Any:
    """Move one axis back until it lies before the axis at `start`."""
    a = value(F, a)
    rank = len(a.shape)
    axis, start = normalise_axis(axis, rank), start % rank if start < 0 else start
    return moveaxis(F, a, axis, start - 1 if axis < start else start)


@rule(np.flipud)
def flipud(F: Any, m: Any) -> Any:
    """Reverse the first axis."""
    return F.flip(value(F, m), axis=0)


@rule(np.fliplr)
def fliplr(F: Any, m: Any) -> Any:
    """Reverse the second axis."""
    return F.flip(value(F, m), axis=1)


@rule(np.rot90)
def rot90(F: Any, m: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """Turn by quarters from the first of two axes to the second."""
    m = value(F, m)
    first, second = (normalise_axis(x, len(m.shape)) for x in axes)
    if k % 4 >= 2:
        m = F.flip(m, axis=(first, second))
    return F.swapaxes(F.flip(m, axis=second), first, second) if k % 2 else m


@rule(np.copy)
def copy(F: Any, a: Any, order: str = "K", subok: bool = False) -> Any:
    """Return the values in an array of its own."""
    return F.identity(value(F, a))


@rule(np.astype)
def astype(F: Any, x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """Return the values in another dtype."""
    return F.astype(value(F, x), np.dtype(dtype))


# --- joining and parting -------------------------------------------------------------------------------------------


@rule(np.concatenate)
def concatenate(
    F: Any, arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    """Join along an axis."""
    joined = F.concat(values(F, arrays), axis=axis)
    return joined if dtype is None else F.astype(joined, np.dtype(dtype))


@rule(np.stack)
def stack(
    F: Any, arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    """Join along a new axis."""
    joined = F.stack(values(F, arrays), axis=axis)
    return joined if dtype is None else F.astype(joined, np.dtype(dtype))


@rule(np.vstack)
def vstack(F: Any, tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Put rows below one another."""
    return concatenate(F, [at_least(2)(F, a) for a in tup], dtype=dtype)


@rule(np.hstack)
def hstack(F: Any, tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """Put columns beside one another."""
    arrays = [at_least(1)(F, a) for a in tup]
    return concatenate(F, arrays, 0 if len(arrays[0].shape) == 1 else 1, dtype=dtype)


@rule(np.dstack)
def dstack(F: Any, tup: Any) -> Any:
    """Put arrays behind one another, along the third axis."""
    return concatenate(F, [at_least(3)(F, a) for a in tup], 2)


@rule(np.column_stack)
def column_stack(F: Any, tup: Any) -> Any:
    """Put vectors beside one another, as columns."""
    arrays = values(F, tup)
    return F.concat([F.transpose(at_least(2)(F, a)) if len(a.shape) < 2 else a for a in arrays], axis=1)


@rule(np.block)
def block(F: Any, arrays: Any) -> Any:
    """Put the blocks of nested lists together: innermost lists along the last axis, the next along the one before."""

    def depth(x: Any) -> int:
        return 1 + depth(x[0]) if isinstance(x, list) else 0

    def leaves(x: Any) -> list[Any]:
        return [leaf for item in x for leaf in leaves(item)] if isinstance(x, list) else [x]

    levels = depth(arrays)
    rank = max(levels, *(len(value(F, leaf).shape) for leaf in leaves(arrays)))

    def joined(x: Any, level: int) -> Any:
        if isinstance(x, list):
            return F.concat([joined(item, level + 1) for item in x], axis=rank - levels + level)
        x = value(F, x)
        return F.reshape(x, ((1,) * (rank - len(x.shape)) + tuple(x.shape)))

    return joined(arrays, 0)


@rule(np.append)
def append(F: Any, arr: Any, values: Any, axis: Any = None) -> Any:
    """Put values behind an array."""
    pair = [value(F, arr), value(F, values)]
    return F.concat([F.reshape(a, (-1,)) for a in pair] if axis is None else pair, axis=axis or 0)


@rule(np.array_split)
def array_split(F: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Part an array at places, or into a number of pieces that differ in length by one at most."""
    ary = value(F, ary)
    axis = normalise_axis(axis, len(ary.shape))
    size = ary.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        each, longer = divmod(size, int(indices_or_sections))
        lengths = [each + 1] * longer + [each] * (int(indices_or_sections) - longer)
        bounds = [0, *(int(b) for b in np.cumsum(lengths))]
    else:
        bounds = [0, *(int(b) for b in indices_or_sections), size]
    before = (slice(None),) * axis
    return [F.getitem(ary, (*before, slice(a, b))) for a, b in pairwise(bounds)]


def _split(along: int | None) -> Any:
    def split(F: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
        ary = value(F, ary)
        at = (0 if along == 1 and len(ary.shape) == 1 else along) if along is not None else axis
        if isinstance(indices_or_sections, int) and ary.shape[at] % indices_or_sections:
            raise ShapeError(
                f"an axis of size {ary.shape[at]} does not part into {indices_or_sections} equal pieces: "
                "np.array_split makes unequal ones"
            )
        return array_split(F, ary, indices_or_sections, at)

    return split


rule(np.split)(_split(None))
rule(np.vsplit)(_split(0))
rule(np.hsplit)(_split(1))
rule(np.dsplit)(_split(2))


@rule(np.unstack)
def unstack(F: Any, x: Any, /, *, axis: int = 0) -> Any:
    """Part an array into its rows along an axis."""
    x = value(F, x)
    before = (slice(None),) * normalise_axis(axis, len(x.shape))
    return tuple(F.getitem(x, (*before, i)) for i in range(x.shape[axis]))
