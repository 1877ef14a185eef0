"""What stands for a function on Tensors, where the function itself has no rule in glassgrad.

Functions that only move values are played on the places of the values; for the rest the derivative is taken
numerically: for each element of a ufunc, or as the whole Jacobian where that is small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["IN_PLACE", "SPECIAL", "holds_tensors", "numeric"]

Array = np.ndarray[Any, Any]

_MOST_ENTRIES = 4_000_000
_MOST_CALLS = 4_000


def holds_tensors(value: Any) -> bool:
    """Say whether there is a Tensor among nested arguments."""
    import glassgrad as gg

    if isinstance(value, gg.Tensor):
        return True
    if isinstance(value, (list, tuple)):
        return any(map(holds_tensors, value))
    if isinstance(value, dict):
        return any(map(holds_tensors, value.values()))
    return False


def numeric(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function that has no rule, with a derivative taken numerically.

    The result is the value plus the derivative times what is zero: the argument less its own value.

    Raises
    ------
    ValueError
        Where the Jacobian is too large, or the result is no array.
    """
    if holds_tensors(kwargs):
        raise ValueError("Tensors among the options")
    raw = _arrays(args)
    value = np.asarray(function(*raw, **_arrays(kwargs)), dtype=np.float64)
    result: Any = value
    for i, arg in enumerate(args):
        if not holds_tensors(arg):
            continue
        if isinstance(arg, (list, tuple)):
            raise ValueError("a list of Tensors")

        def partial(x: Array, i: int = i) -> Array:
            moved = (*raw[:i], x, *raw[i + 1 :])
            return np.asarray(function(*moved, **_arrays(kwargs)), dtype=np.float64)

        change = np.subtract(arg, raw[i])
        if isinstance(function, np.ufunc):
            result = np.add(result, np.multiply(_slope(partial, raw[i], np.ones_like(raw[i])), change))
            continue
        if raw[i].size * value.size > _MOST_ENTRIES or raw[i].size > _MOST_CALLS:
            raise ValueError("too many elements for a numeric derivative")
        columns = []
        for place in np.ndindex(raw[i].shape):
            direction = np.zeros(raw[i].shape)
            direction[place] = 1.0
            columns.append(np.ravel(_slope(partial, raw[i], direction)))
        jacobian = np.stack(columns, axis=1)
        result = np.add(result, np.reshape(np.matmul(jacobian, np.ravel(change)), value.shape))
    return result


def _slope(function: Callable[[Array], Array], at: Array, direction: Array) -> Array:
    """Return the derivative along a direction, of sixth order in the step."""
    h = 1e-3 * max(1.0, float(np.max(np.abs(at), initial=0.0)))
    total: Any = 0.0
    for times, weight in ((1, 0.75), (2, -0.15), (3, 1 / 60)):
        ahead, behind = function(at + times * h * direction), function(at - times * h * direction)
        total = total + weight * (ahead - behind)
    return np.asarray(total / h)


def _arrays(value: Any) -> Any:
    """Return arguments with arrays in place of Tensors."""
    import glassgrad as gg

    if isinstance(value, gg.Tensor):
        return np.asarray(value.detach().numpy())
    if isinstance(value, (list, tuple)):
        return type(value)(map(_arrays, value))
    if isinstance(value, dict):
        return {k: _arrays(v) for k, v in value.items()}
    return value


# --- functions that only move values ---------------------------------------------------------------------------------


def _moving(function: Callable[..., Any], *data: int) -> Callable[..., Any]:
    """Return a function played on the places of the values of some of its arguments."""

    def call(*args: Any, **kwargs: Any) -> Any:
        places, pool, start = list(args), [], 0
        for i in data:
            value = _assembled(args[i]) if holds_tensors(args[i]) else np.asarray(args[i], dtype=np.float64)
            places[i] = np.arange(start, start + value.size).reshape(value.shape)
            pool.append(np.ravel(value))
            start += value.size
        return np.concatenate(pool)[function(*places, **kwargs)]

    return call


def _assembled(value: Any, *args: Any, ndmin: int = 0, **kwargs: Any) -> Any:
    if isinstance(value, (list, tuple)):
        value = np.stack(
            [_assembled(item) if holds_tensors(item) else np.asarray(item, float) for item in value]
        )
    else:
        value = _same(value)
    while value.ndim < ndmin:
        value = np.expand_dims(value, 0)
    return value


def _columns(parts: Any) -> Any:
    return np.column_stack(parts if isinstance(parts, tuple) else (parts,))


def _row(parts: Any) -> Any:
    return np.concatenate([np.atleast_1d(p) for p in (parts if isinstance(parts, tuple) else (parts,))])


def _same(value: Any, *args: Any, **kwargs: Any) -> Any:
    return np.add(value, np.zeros(()))


def _full(shape: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
    return np.add(np.zeros(shape), value)


def _full_like(array: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
    return np.add(np.zeros(np.shape(array)), value)


def _unique(array: Any, *args: Any, **kwargs: Any) -> Any:
    return np.ravel(array)[np.unique(_arrays(array), return_index=True)[1]]


def _choose(index: Any, choices: Any, *args: Any, **kwargs: Any) -> Any:
    index, result = np.asarray(_arrays(index)), choices[0]
    for k, choice in enumerate(choices[1:], 1):
        result = np.where(index == k, choice, result)
    return result


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    convolve: Any = np.convolve
    return convolve(a, v[::-1], mode)


# --- writes in place -------------------------------------------------------------------------------------------------


def _put(array: Any, places: Any, values: Any, mode: str = "raise") -> None:
    where = np.unravel_index(np.ravel(_arrays(places)), array.shape)
    array[where] = _cycled(values, np.size(places)) if np.ndim(values) else values


def _place(array: Any, mask: Any, values: Any) -> None:
    mask = np.asarray(_arrays(mask), dtype=bool)
    array[mask] = _cycled(values, int(np.count_nonzero(mask)))


def _cycled(values: Any, count: int) -> Any:
    values = _assembled(values) if holds_tensors(values) else np.asarray(values)
    return np.ravel(values)[np.arange(count) % values.size]


def _fill(array: Any, value: Any) -> None:
    array[...] = value


def _sort(array: Any, axis: int = -1, **kwargs: Any) -> None:
    array[...] = np.take_along_axis(_same(array), np.argsort(_arrays(array), axis=axis), axis)


def _partition(array: Any, kth: Any, axis: int = -1, **kwargs: Any) -> None:
    array[...] = np.take_along_axis(_same(array), np.argpartition(_arrays(array), kth, axis=axis), axis)


def _fill_diagonal(array: Any, value: Any, wrap: bool = False) -> None:
    places = np.diag_indices(min(array.shape), array.ndim)
    array[places] = _cycled(value, len(places[0])) if np.ndim(value) else value


# --- SciPy -----------------------------------------------------------------------------------------------------------


def _expit(x: Any) -> Any:
    return np.exp(np.negative(np.logaddexp(0.0, np.negative(x))))


def _log_expit(x: Any) -> Any:
    return np.negative(np.logaddexp(0.0, np.negative(x)))


def _logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, **kwargs: Any) -> Any:
    top = np.max(_arrays(a), axis=axis, keepdims=True)
    terms = np.exp(np.subtract(a, top))
    total = np.log(np.sum(terms if b is None else np.multiply(b, terms), axis=axis, keepdims=keepdims))
    return np.add(total, top if keepdims else np.squeeze(top, axis=axis))


def _log_softmax(x: Any, axis: Any = None) -> Any:
    return np.subtract(x, _logsumexp(x, axis=axis, keepdims=True))


def _softmax(x: Any, axis: Any = None) -> Any:
    return np.exp(_log_softmax(x, axis))


def _xlogy(x: Any, y: Any) -> Any:
    zero = _arrays(x) == 0
    return np.where(zero, 0.0, np.multiply(x, np.log(np.where(zero, 1.0, y))))


SPECIAL: dict[str, Callable[..., Any]] = {
    "array": _assembled,
    "astype": _same,
    "copy": _same,
    "flatten": lambda value, order="C": _same(np.ravel(value, order)),
    "c_": _columns,
    "r_": _row,
    "full": _full,
    "full_like": _full_like,
    "partition": lambda a, kth, axis=-1: np.take_along_axis(
        a, np.argpartition(_arrays(a), kth, axis=axis), axis
    ),
    "unique": _unique,
    "choose": _choose,
    "correlate": _correlate,
    "append": _moving(np.append, 0, 1),
    "insert": _moving(np.insert, 0, 2),
    "resize": _moving(np.resize, 0),
    "extract": _moving(np.extract, 1),
    "sliding_window_view": _moving(np.lib.stride_tricks.sliding_window_view, 0),
    "expit": _expit,
    "log_expit": _log_expit,
    "logsumexp": _logsumexp,
    "log_softmax": _log_softmax,
    "softmax": _softmax,
    "xlogy": _xlogy,
}
"""What stands for a function on Tensors."""

IN_PLACE: dict[str, Callable[..., Any]] = {
    "put": _put,
    "place": _place,
    "fill": _fill,
    "sort": _sort,
    "partition": _partition,
    "fill_diagonal": _fill_diagonal,
}
"""What stands for a function that writes into a Tensor."""
