"""Sets: which values an array holds, and how often.

Values are compared by value: −0 and 0 are one value, and each NaN is a value of its own. They come sorted. Each
value is an element of the array, the first that holds it, and its gradient goes back to that element.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glassgrad.ops.namespace import function
from glassgrad.ops.sorting import known

__all__ = ["UniqueAll", "UniqueCounts", "UniqueInverse"]


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Any
    inverse_indices: Any


@function
def unique_all(F: Any, x: Any, /) -> UniqueAll:
    """Return the distinct values, where each is first, which one each element holds, and how often each is held.

    Returns
    -------
    UniqueAll
        ``values``, sorted, of which each one's gradient goes back to the first element that holds it; ``indices``
        into the flattened array; ``inverse_indices`` of the shape of `x`; and ``counts`` (all int64).

    Raises
    ------
    TraceError
        While traced: how many values there are depends on the values.

    Examples
    --------
    >>> from glassgrad import xp
    >>> values, indices, inverse, counts = xp.unique_all([3, 1, 3])
    >>> values, indices, inverse, counts
    (Tensor([1, 3]), Tensor([1, 0]), Tensor([1, 0, 1]), Tensor([1, 2]))
    """
    flat = F.reshape(x, (-1,))
    order = F.argsort(flat)
    ordered = F.take(flat, order)
    changes = F.not_equal(F.getitem(ordered, slice(1, None)), F.getitem(ordered, slice(None, -1)))
    places, changed = known("the set of values", order), known("the set of values", changes)
    new = np.ones(places.shape, bool)
    new[1:] = changed
    starts = np.nonzero(new)[0]
    inverse = np.empty(places.shape, np.int64)
    inverse[places] = np.cumsum(new) - 1
    indices = places[starts]
    return UniqueAll(
        F.take(flat, indices),
        F.value(indices),
        F.value(inverse.reshape(x.shape)),
        F.value(np.diff(starts, append=places.size)),
    )


@function
def unique_counts(F: Any, x: Any, /) -> UniqueCounts:
    """Return the distinct values, sorted, and how often each is held; see `unique_all`.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.unique_counts([3, 1, 3])
    UniqueCounts(values=Tensor([1, 3]), counts=Tensor([1, 2]))
    """
    found = F.unique_all(x)
    return UniqueCounts(found.values, found.counts)


@function
def unique_inverse(F: Any, x: Any, /) -> UniqueInverse:
    """Return the distinct values, sorted, and which one each element holds; see `unique_all`.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.unique_inverse([3, 1, 3])
    UniqueInverse(values=Tensor([1, 3]), inverse_indices=Tensor([1, 0, 1]))
    """
    found = F.unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


@function
def unique_values(F: Any, x: Any, /) -> Any:
    """Return the distinct values, sorted; see `unique_all`.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.unique_values([3, 1, 3])
    Tensor([1, 3])
    """
    return F.unique_all(x).values


@function
def isin(F: Any, x1: Any, x2: Any, /, *, invert: bool = False) -> Any:
    """Say of each element of `x1` whether it is among those of `x2` (or is not, where `invert`).

    Returns
    -------
    Tensor
        Truth values of the shape of `x1`.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.isin([1, 2, 3], [3, 1])
    Tensor([ True, False,  True])
    """
    given = [x if isinstance(x, (int, float)) else F.value(x) for x in (x1, x2)]
    dtype = np.result_type(*(getattr(x, "dtype", x) for x in given))
    wanted, among = (F.astype(np.asarray(x) if isinstance(x, (int, float)) else x, dtype) for x in given)
    if 0 in among.shape:
        return F.full(wanted.shape, bool(invert), dtype=bool)
    ordered = F.sort(F.reshape(among, (-1,)))
    places = F.minimum(F.searchsorted(ordered, wanted), ordered.shape[0] - 1)
    return (F.not_equal if invert else F.equal)(F.take(ordered, places), wanted)
