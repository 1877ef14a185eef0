"""What NumPy says of an array without reading its numbers, and the functions that write into one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError
from glassgrad.numpy_calls.table import rule, value


@rule(np.shape)
def shape(F: Any, a: Any) -> Any:
    """Return the sizes of the axes."""
    return tuple(value(F, a).shape)


@rule(np.ndim)
def ndim(F: Any, a: Any) -> Any:
    """Return the number of axes."""
    return len(value(F, a).shape)


@rule(np.size)
def size(F: Any, a: Any, axis: Any = None) -> Any:
    """Return the number of elements, or that along axes."""
    sizes = tuple(value(F, a).shape)
    if axis is None:
        return math.prod(sizes)
    return math.prod(sizes[i] for i in ((axis,) if isinstance(axis, int) else axis))


@rule(np.iscomplexobj)
def iscomplexobj(F: Any, x: Any) -> Any:
    """Say whether the dtype is complex."""
    return value(F, x).dtype.kind == "c"


@rule(np.isrealobj)
def isrealobj(F: Any, x: Any) -> Any:
    """Say whether the dtype is not complex."""
    return value(F, x).dtype.kind != "c"


@rule(np.result_type)
def result_type(F: Any, *arrays_and_dtypes: Any) -> Any:
    """Return the dtype that an operation on all of them has."""
    return np.result_type(
        *(
            x.dtype if hasattr(x, "shape") and hasattr(x, "dtype") and not isinstance(x, type) else x
            for x in arrays_and_dtypes
        )
    )


@rule(np.common_type)
def common_type(F: Any, *arrays: Any) -> Any:
    """Return the floating-point type that all of them fit in."""
    return np.common_type(*(np.empty(0, value(F, a).dtype) for a in arrays))


# --- writing -------------------------------------------------------------------------------------------------------


def _target(spelling: str, a: Any) -> Any:
    if not hasattr(a, "_become"):
        raise DTypeError(
            f"{spelling} cannot write a Tensor into an array, which has no gradient: make the array a Tensor first, "
            "a = gg.asarray(a)"
        )
    return a


@rule(np.copyto)
def copyto(F: Any, dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Write values into an array, where a mask says so."""
    target = _target("np.copyto", dst)
    target._become(value(F, src) if where is True else F.where(where, value(F, src), target))


@rule(np.putmask)
def putmask(F: Any, a: Any, /, mask: Any, values: Any) -> None:
    """Write values into an array where a mask holds; fewer of them are repeated."""
    target = _target("np.putmask", a)
    fresh = F.reshape(value(F, values), (-1,))
    places = np.arange(math.prod(target.shape)).reshape(target.shape) % fresh.shape[0]
    target._become(F.where(value(F, mask), F.take(fresh, places), target))


@rule(np.fill_diagonal)
def fill_diagonal(F: Any, a: Any, val: Any, wrap: bool = False) -> None:
    """Write values on the main diagonal."""
    target = _target("np.fill_diagonal", a)
    rank = len(target.shape)
    numbers = np.arange(min(target.shape))
    target._become(F.index_set(target, (numbers,) * rank, value(F, val)))


@rule(np.put_along_axis)
def put_along_axis(F: Any, arr: Any, indices: Any, values: Any, axis: Any) -> None:
    """Write along an axis the values at the places that `indices` names at each place of the other axes."""
    target, indices = _target("np.put_along_axis", arr), value(F, indices)
    rank = len(target.shape)
    axis = axis % rank
    grid: list[Any] = list(np.ix_(*(np.arange(n) for n in indices.shape)))
    grid[axis] = indices
    target._become(F.index_set(target, tuple(grid), value(F, values)))
