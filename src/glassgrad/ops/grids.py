"""Ranges and grids: evenly spaced numbers, unit matrices, triangles, and the coordinates of a grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError, did_you_mean
from glassgrad.ir import Dim, require_cpu
from glassgrad.ops.creation import constant, no_batch
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Op, Sample, Text, register
from glassgrad.ops.rules import cast, floating

# --- evenly spaced numbers -----------------------------------------------------------------------------------------


def _number(x: Any) -> Any:
    """Return a bound of a range as a number of Python's, or the batch size."""
    if isinstance(x, (int, float, Dim)):
        return x
    if getattr(x, "shape", None) != ():
        raise DTypeError(f"arange goes from number to number, but was given {x!r}")
    return int(x) if x.dtype.kind in "iub" else float(x)


def _call_arange(
    F: Any, start: Any, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
) -> Any:
    require_cpu(device)
    first, last = (0, _number(start)) if stop is None else (_number(start), _number(stop))
    step = _number(step)
    whole = not any(isinstance(bound, float) for bound in (first, last, step))
    if isinstance(first, Dim) or isinstance(last, Dim):
        size = last - first
        if step != 1:
            raise ShapeError("arange up to the batch size counts by 1")
    elif step == 0:
        raise OptionError("arange cannot count in steps of 0")
    elif whole:
        size = max(0, -((first - last) // step))
    else:
        size = _steps(first, last, step)
    kind = np.dtype(dtype if dtype is not None else np.int64 if whole else np.float64)
    return F.bind(arange, (), {"start": first, "step": step, "size": size, "dtype": kind})


def _steps(first: float, last: float, step: float) -> int:
    steps = (last - first) / step
    if not math.isfinite(steps):
        raise OptionError(f"arange needs finite bounds and a finite step, but got {first}, {last}, {step}")
    return max(0, math.ceil(steps))


def _arange(*, start: Any, step: Any, size: int, dtype: np.dtype[Any]) -> Any:
    if dtype.kind in "iu" and isinstance(start, int) and isinstance(step, int):
        # Whole numbers of 64 bits wrap around, and come back into the range of the dtype where the result fits it.
        steps = np.arange(size, dtype=np.uint64) * np.uint64(step % 2**64)
        return (steps + np.uint64(start % 2**64)).astype(dtype)
    return (float(start) + float(step) * np.arange(size)).astype(dtype)


arange: Op = register(
    Op(
        name="arange",
        call=_call_arange,
        infer=lambda *, start, step, size, dtype: ((size,), dtype),
        numpy=_arange,
        pull=None,
        push=None,
        batch=no_batch,
        latex=r"0, 1, 2, \dots",
        derivative="0",
        why=Text("the numbers are fixed beforehand", "미리 정해진 숫자들이다"),
        samples=(
            Sample((), {"start": 4}),
            Sample((), {"start": 1, "stop": 7, "step": 2}),
            Sample((), {"start": 1.0, "stop": -0.5, "step": -0.25}),
        ),
    )
)


@function
def linspace(
    F: Any,
    start: Any,
    stop: Any,
    /,
    num: int = 50,
    *,
    dtype: Any = None,
    device: Any = None,
    endpoint: bool = True,
) -> Any:
    """Return `num` numbers that go from `start` to `stop` in equal steps.

    Parameters
    ----------
    start, stop
        The ends: numbers, or Tensors (also of several axes, which come after the new first one). The result is
        differentiable with respect to both.
    num
        How many numbers.
    dtype
        By default the floating dtype of the ends, float64 for Python's numbers.
    device
        ``"cpu"`` or None.
    endpoint
        Whether `stop` itself is the last number.

    Raises
    ------
    OptionError
        Where `num` is negative.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.linspace(0, 1, 5)
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    require_cpu(device)
    if num < 0:
        raise OptionError(f"linspace makes {num} numbers? It needs 0 or more")
    ends = [x if hasattr(x, "dtype") else constant(x, None) for x in (start, stop)]
    kind = floating(*(x.dtype for x in ends))
    low, high = (cast(F, F.value(x), kind) for x in ends)
    places = np.arange(num, dtype=np.empty(0, kind).real.dtype)
    places = places.reshape(num, *(1,) * max(len(low.shape), len(high.shape)))
    step = F.divide(F.subtract(high, low), max(num - bool(endpoint), 1))
    out = F.add(F.multiply(places, step), low)
    if endpoint and num > 1:
        out = F.where(places == num - 1, high, out)
    return out if dtype is None else cast(F, out, np.dtype(dtype))


# --- matrices and grids ---------------------------------------------------------------------------------------------


def _offsets(F: Any, rows: Any, columns: Any) -> Any:
    """Return at each place of a matrix the number of its diagonal: column minus row."""
    return F.subtract(F.arange(columns), F.expand_dims(F.arange(rows), 1))


@function
def eye(
    F: Any, n_rows: Any, n_cols: Any = None, /, k: int = 0, dtype: Any = None, *, device: Any = None
) -> Any:
    """Return a matrix with ones on its `k`-th diagonal and zeros elsewhere.

    Parameters
    ----------
    n_rows, n_cols
        Its sizes; square where `n_cols` is None.
    k
        The diagonal: 0 is the main one, those above it are positive.
    dtype
        float64 by default.
    device
        ``"cpu"`` or None.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.eye(2, 3, k=1)
    Tensor([[0., 1., 0.],
            [0., 0., 1.]])
    """
    require_cpu(device)
    on = F.equal(_offsets(F, n_rows, n_rows if n_cols is None else n_cols), k)
    return F.astype(on, np.float64 if dtype is None else dtype)


def _triangle(F: Any, x: Any, name: str, keeps: Any) -> Any:
    if len(x.shape) < 2:
        raise ShapeError(f"{name} needs at least two axes, but the array has shape {tuple(x.shape)}")
    return F.where(keeps(_offsets(F, *x.shape[-2:])), x, np.zeros((), x.dtype))


@function
def tril(F: Any, x: Any, /, k: int = 0) -> Any:
    """Return the lower triangle of each matrix: what is above the `k`-th diagonal becomes 0 and has no gradient.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.tril(gg.ones((2, 2)))
    Tensor([[1., 0.],
            [1., 1.]])
    """
    return _triangle(F, x, "tril", lambda offset: F.less_equal(offset, k))


@function
def triu(F: Any, x: Any, /, k: int = 0) -> Any:
    """Return the upper triangle of each matrix: what is below the `k`-th diagonal becomes 0 and has no gradient.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.triu(gg.ones((2, 2)), k=1)
    Tensor([[0., 1.],
            [0., 0.]])
    """
    return _triangle(F, x, "triu", lambda offset: F.greater_equal(offset, k))


@function
def meshgrid(F: Any, *arrays: Any, indexing: str = "xy") -> list[Any]:
    """Return the coordinates of a grid: each array along an axis of its own, repeated along those of the others.

    Parameters
    ----------
    arrays
        Arrays of one axis.
    indexing
        ``"xy"``: the first array goes along the columns and the second down the rows, as in a drawing; ``"ij"``: each
        goes along the axis of its own number.

    Raises
    ------
    ShapeError
        Where an array has more than one axis.
    OptionError
        Where `indexing` is neither.

    Examples
    --------
    >>> import glassgrad as gg
    >>> across, down = gg.meshgrid([1.0, 2.0], [3.0, 4.0, 5.0])
    >>> across.shape
    (3, 2)
    """
    if indexing not in ("xy", "ij"):
        raise OptionError(f"meshgrid knows no indexing {indexing!r}. {did_you_mean(indexing, ('xy', 'ij'))}")
    xs = [F.value(x) for x in arrays]
    for x in xs:
        if len(x.shape) > 1:
            raise ShapeError(f"meshgrid takes arrays of one axis, but one has shape {tuple(x.shape)}")
    axes = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        axes[0], axes[1] = 1, 0
    wide = [
        F.reshape(x, tuple(-1 if b == a else 1 for b in range(len(xs))))
        for x, a in zip(xs, axes, strict=True)
    ]
    return [F.identity(x) for x in F.broadcast_arrays(*wide)]
