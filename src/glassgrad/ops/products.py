"""Products of vectors and tensors, and the diagonals of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.families import bilinear, linear
from glassgrad.ops.linear_algebra import batch_stacks, linalg_function
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Op, Sample, Text
from glassgrad.ops.rules import cast, conj, sum_to
from glassgrad.ops.shapes import normalise_axes, normalise_axis

# --- contractions --------------------------------------------------------------------------------------------------


@function
def tensordot(F: Any, x1: Any, x2: Any, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Any:
    """Multiply two arrays and sum over pairs of their axes.

    Parameters
    ----------
    x1, x2
        The arrays.
    axes
        How many of the last axes of `x1` meet the first of `x2`, in order; or the axes of each that meet, pair by pair.

    Returns
    -------
    An array with the other axes of `x1`, then the other axes of `x2`.

    Raises
    ------
    ShapeError
        Where the axes of a pair differ in size.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.tensordot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0], axes=1)
    Tensor([3., 7.])
    """
    x1, x2 = F.value(x1), F.value(x2)
    a, b = tuple(x1.shape), tuple(x2.shape)
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(len(a), len(b)):
            raise ShapeError(
                f"tensordot over {axes} axes needs as many in each array, but the shapes are {a} and {b}"
            )
        first, second = range(len(a) - int(axes), len(a)), range(int(axes))
        pairs = list(zip(first, second, strict=True))
    else:
        sides = [[side] if isinstance(side, int) else list(side) for side in axes]
        if len(sides) != 2 or len(sides[0]) != len(sides[1]):
            raise ShapeError(f"tensordot: the axes are two sequences of equal length, not {axes}")
        pairs = [(normalise_axis(i, len(a)), normalise_axis(j, len(b))) for i, j in zip(*sides, strict=True)]
        for side, shape in zip(zip(*pairs, strict=True), (a, b), strict=False):
            normalise_axes(side, len(shape))
    for i, j in pairs:
        if a[i] != b[j]:
            raise ShapeError(
                f"tensordot: axis {i} of {a} has size {a[i]} and axis {j} of {b} has size {b[j]}, but they are summed "
                "over together"
            )
    rest_a = [i for i in range(len(a)) if i not in [p[0] for p in pairs]]
    rest_b = [j for j in range(len(b)) if j not in [p[1] for p in pairs]]
    outer, inner = math.prod(a[i] for i in rest_a), math.prod(a[p[0]] for p in pairs)
    left = F.reshape(F.permute_dims(x1, (*rest_a, *(p[0] for p in pairs))), (outer, inner))
    across = math.prod(b[j] for j in rest_b)
    right = F.reshape(F.permute_dims(x2, (*(p[1] for p in pairs), *rest_b)), (inner, across))
    return F.reshape(F.matmul(left, right), (*(a[i] for i in rest_a), *(b[j] for j in rest_b)))


@function
def vecdot(F: Any, x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Return the dot product of vectors along an axis, the first of each pair conjugated.

    Parameters
    ----------
    x1, x2
        Arrays whose axis `axis` has one size and whose other axes broadcast.
    axis
        The axis of the vectors in each array; counted from the end where the arrays differ in their number of axes.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.vecdot([1j, 2.0], [1j, 1.0])
    Tensor(3.+0.j, dtype=complex128)
    """
    x1, x2 = F.value(x1), F.value(x2)
    a, b = (normalise_axis(axis, len(x.shape)) for x in (x1, x2))
    if not x1.shape or not x2.shape or x1.shape[a] != x2.shape[b]:
        raise ShapeError(
            f"vecdot along axis {axis} needs vectors of one size there, but the shapes are {tuple(x1.shape)} and "
            f"{tuple(x2.shape)}"
        )
    row = F.expand_dims(conj(F, F.moveaxis(x1, a, -1)), -2)
    product = F.matmul(row, F.expand_dims(F.moveaxis(x2, b, -1), -1))
    return F.squeeze(product, (-2, -1))


@linalg_function
def outer(F: Any, x1: Any, x2: Any, /) -> Any:
    """Return the table of all products of an element of `x1` with one of `x2`, both of one axis.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.linalg.outer([1.0, 2.0], [3.0, 4.0])
    Tensor([[3., 4.],
            [6., 8.]])
    """
    x1, x2 = F.value(x1), F.value(x2)
    if len(x1.shape) != 1 or len(x2.shape) != 1:
        raise ShapeError(
            f"outer needs two vectors, arrays of one axis, but the shapes are {tuple(x1.shape)} and {tuple(x2.shape)}"
        )
    return F.multiply(F.expand_dims(x1, 1), F.expand_dims(x2, 0))


# --- cross ---------------------------------------------------------------------------------------------------------


def _call_cross(F: Any, x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    x1, x2 = F.value(x1), F.value(x2)
    if axis >= 0:
        if len(x1.shape) != len(x2.shape):
            raise ShapeError(
                f"cross of arrays of shapes {tuple(x1.shape)} and {tuple(x2.shape)}: count the axis from the end, "
                f"because axis {axis} is another one in each"
            )
        axis = normalise_axis(axis, len(x1.shape)) - len(x1.shape)
    for x in (x1, x2):
        normalise_axis(axis, len(x.shape))
    return F.bind(cross, (x1, x2), {"axis": axis})


def _infer_cross(a: Any, b: Any, *, axis: int) -> tuple[Shape, np.dtype[Any]]:
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ShapeError(
            f"cross needs vectors of size 3 along axis {axis}, but the shapes are {tuple(a.shape)} and {tuple(b.shape)}"
        )
    dtype = np.result_type(a.dtype, b.dtype)
    if dtype == np.bool_:
        raise DTypeError("cross subtracts, and truth values do not: use .astype('int64') first")
    return broadcast_shapes(tuple(a.shape), tuple(b.shape)), dtype


def _cross(a: Any, b: Any, *, axis: int) -> Any:
    _infer_cross(a, b, axis=axis)
    return np.cross(a, b, axis=axis)


def _pull_cross(first: bool) -> Any:
    def pull(F: Any, g: Any, z: Any, a: Any, b: Any, *, axis: int) -> Any:
        x, product = (a, (conj(F, b), g)) if first else (b, (g, conj(F, a)))
        return cast(F, sum_to(F, F.cross(*product, axis=axis), tuple(x.shape)), x.dtype)

    return pull


cross: Op = bilinear(
    "cross",
    _cross,
    call=_call_cross,
    infer=_infer_cross,
    pulls=(_pull_cross(True), _pull_cross(False)),
    batch=batch_stacks(lambda: cross),
    latex=r"{0} \times {1}",
    derivative=r"b \times g, \; g \times a",
    why=Text(
        "a cross product is a difference of products, and turning the three vectors round g·(a×b) = a·(b×g) "
        "= b·(g×a) leaves it as it is",
        "외적은 곱들의 차이고, 세 벡터를 돌려도 g·(a×b) = a·(b×g) = b·(g×a)로 값이 같다",
    ),
    samples=(
        Sample(((3,), (3,))),
        Sample(((2, 3), (3,))),
        Sample(((3, 2), (3, 1)), {"axis": 0}),
        Sample(((2, 3), (3,)), complex=(0, 1)),
    ),
    home="linalg",
)


# --- diagonals -----------------------------------------------------------------------------------------------------


def _diagonal_size(rows: int, columns: int, offset: int) -> int:
    return max(0, min(rows + min(offset, 0), columns - max(offset, 0)))


def _call_diagonal(F: Any, x: Any, /, *, offset: int = 0) -> Any:
    return F.bind(diagonal, (F.value(x),), {"offset": int(offset)})


def _infer_diagonal(x: Any, *, offset: int) -> tuple[Shape, np.dtype[Any]]:
    shape: tuple[Any, ...] = tuple(x.shape)
    if len(shape) < 2 or not all(isinstance(d, int) for d in shape[-2:]):
        raise ShapeError(
            f"diagonal needs matrices of known size along the last two axes, but the shape is {shape}"
        )
    *stack, rows, columns = shape
    return (*stack, _diagonal_size(rows, columns, offset)), x.dtype


def _diagonal(x: Any, *, offset: int) -> Any:
    _infer_diagonal(x, offset=offset)
    rows, columns = x.shape[-2:]
    within = min(max(offset, -rows), columns)  # NumPy wants the offset to fit in a C int
    return np.diagonal(x, within, -2, -1)


def _embed_diagonal(d: Any, *, offset: int, rows: int, columns: int) -> Any:
    _infer_embed(d, offset=offset, rows=rows, columns=columns)
    out = np.zeros((*d.shape[:-1], rows, columns), d.dtype)
    places = np.arange(d.shape[-1])
    out[..., places - min(offset, 0), places + max(offset, 0)] = d
    return out


def _infer_embed(d: Any, *, offset: int, rows: int, columns: int) -> tuple[Shape, np.dtype[Any]]:
    if not d.shape or d.shape[-1] != _diagonal_size(rows, columns, offset):
        raise ShapeError(
            f"diagonal {offset} of a {rows} by {columns} matrix has {_diagonal_size(rows, columns, offset)} elements, "
            f"but the values have shape {tuple(d.shape)}"
        )
    return (*d.shape[:-1], rows, columns), d.dtype


diagonal: Op = linear(
    "diagonal",
    _diagonal,
    call=_call_diagonal,
    infer=_infer_diagonal,
    transpose=lambda F, g, x, *, offset: F.embed_diagonal(g, *x.shape[-2:], offset=offset),
    batch=lambda F, xs, b, attrs, _: F.diagonal(xs[0], **attrs),
    latex=r"\operatorname{{diag}} {0}",
    derivative="the gradient along the diagonal, 0 elsewhere",
    why=Text(
        "only the elements on the diagonal are read, so the gradient goes back to those",
        "대각선의 원소만 읽으므로 기울기도 그 원소로만 되돌아간다",
    ),
    samples=(
        Sample(((3, 3),)),
        Sample(((2, 3, 4),), {"offset": 1}),
        Sample(((3, 2),), {"offset": -1}),
        Sample(((2, 2),), complex=(0,)),
    ),
    view=True,
    home="linalg",
)

embed_diagonal: Op = linear(
    "embed_diagonal",
    _embed_diagonal,
    call=lambda F, d, rows, columns, *, offset=0: F.bind(
        embed_diagonal, (d,), {"offset": offset, "rows": rows, "columns": columns}
    ),
    infer=_infer_embed,
    transpose=lambda F, g, d, *, offset, rows, columns: F.diagonal(g, offset=offset),
    batch=lambda F, xs, b, attrs, _: F.embed_diagonal(xs[0], **attrs),
    latex=r"\operatorname{{diag}}^{{-1}} {0}",
    derivative="the gradient's diagonal",
    why=Text(
        "the numbers stand on the diagonal alone, so each gets the gradient of its place there",
        "숫자는 대각선에만 놓이므로 각자 자기 자리의 기울기를 받는다",
    ),
    samples=(
        Sample(((3,),), {"rows": 3, "columns": 3}),
        Sample(((2, 2),), {"rows": 3, "columns": 2, "offset": -1}),
    ),
    home="inside",
)


@linalg_function
def trace(F: Any, x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Sum the diagonal of each matrix.

    Parameters
    ----------
    x
        Matrices of shape (…, M, N).
    offset
        Which diagonal: 0 for the main one, positive above it, negative below.
    dtype
        The dtype to sum in; by default that of `x`, 64 bits for whole numbers.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.linalg.trace([[1.0, 2.0], [3.0, 4.0]])
    Tensor(5.)
    """
    return F.sum(F.diagonal(x, offset=offset), axis=-1, dtype=dtype)
