"""The matrix product, the layer that is made of it, and what rules about matrices are written with.

A *stack* of matrices is an array whose last two axes are those of the matrices; every function of linear algebra works
on each matrix of a stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.families import bilinear, composite
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Op, Sample, Text
from glassgrad.ops.rules import cast, component, conj, floating, promoted, sum_to, total

__all__ = [
    "adjoint",
    "batch_stacks",
    "hermitian",
    "in_floats",
    "linalg_function",
    "matrix_shape",
    "swapped",
    "triangle",
]


linalg_function = partial(function, home="linalg")
"""Makes a function that people find in ``xp.linalg``."""


# --- what rules about matrices are written with --------------------------------------------------------------------


def matrix_shape(name: str, x: Any, *, square: bool = False) -> tuple[Any, ...]:
    """Return the shape of a stack of matrices that the operation `name` can take.

    Raises
    ------
    ShapeError
        Where there are fewer than two axes, the matrices are not square where they must be, or a size is open.
    DTypeError
        Where LAPACK has no routine for the dtype.
    """
    shape = tuple(x.shape)
    if len(shape) < 2:
        raise ShapeError(
            f"{name} needs a matrix, or a stack of them: at least two axes, but the shape is {shape}"
        )
    if not all(isinstance(d, int) for d in shape[-2:]):
        raise ShapeError(
            f"{name} needs matrices of known size, but the last two axes of {shape} hold the batch size: "
            "the batch goes in front of them"
        )
    if square and shape[-1] != shape[-2]:
        raise ShapeError(
            f"{name} needs square matrices, but those of shape {shape} have {shape[-2]} rows and {shape[-1]} columns"
        )
    if x.dtype.char not in "fdFD":
        raise DTypeError(
            f"{name} computes in single or double precision, not in {x.dtype}: use x.astype('float32')"
        )
    return shape


def in_floats(F: Any, x: Any) -> Any:
    """Return `x` as an array of real or complex numbers; whole numbers become float64."""
    x = F.value(x)
    return cast(F, x, floating(x.dtype))


def swapped(x: Any) -> Any:
    """Return the transpose of each matrix of an array."""
    return np.swapaxes(x, -1, -2)


def adjoint(F: Any, x: Any) -> Any:
    """Return the conjugate transpose of each matrix."""
    return F.matrix_transpose(conj(F, x))


def hermitian(F: Any, x: Any) -> Any:
    """Return the Hermitian part (x + xᴴ)/2 of each matrix; that of real matrices is symmetric."""
    return F.multiply(F.add(x, adjoint(F, x)), 0.5)


def triangle(F: Any, x: Any, *, diagonal: float, upper: bool = False) -> Any:
    """Return the lower (or upper) triangle of each matrix, its diagonal times `diagonal`."""
    size = x.shape[-1]
    strict = np.triu(np.ones((size, size)), 1) if upper else np.tril(np.ones((size, size)), -1)
    return F.multiply(x, (strict + diagonal * np.eye(size)).astype(component(x.dtype)))


def batch_stacks(op: Any) -> Any:
    """Return the batching rule of an operation on stacks (of matrices, of vectors): rows are one more axis in front.

    Parameters
    ----------
    op
        A function that returns the operation's record.
    """

    def batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
        rank = max(len(x.shape) - b for x, b in zip(xs, batched, strict=True))
        aligned = [
            F.reshape(x, (x.shape[0], *(1,) * (rank + 1 - len(x.shape)), *x.shape[1:])) if b else x
            for x, b in zip(xs, batched, strict=True)
        ]
        return F.bind(op(), aligned, attrs)

    return batch


# --- the matrix product --------------------------------------------------------------------------------------------


def _infer(a: Any, b: Any) -> tuple[Shape, np.dtype[Any]]:
    sa, sb = tuple(a.shape), tuple(b.shape)
    if not sa or not sb:
        raise ShapeError(
            f"matmul needs arrays with at least one axis, but got {sa} and {sb}; use * for numbers"
        )
    inner_a, inner_b = sa[-1], sb[-2] if len(sb) > 1 else sb[-1]
    if inner_a != inner_b:
        raise ShapeError(
            f"matmul: {sa} @ {sb} does not fit: the last axis of the first has size {inner_a}, "
            f"the {'second to last' if len(sb) > 1 else 'only'} axis of the second {inner_b}"
        )
    batch = broadcast_shapes(sa[:-2], sb[:-2])
    rows = sa[-2:-1] if len(sa) > 1 else ()
    columns = sb[-1:] if len(sb) > 1 else ()
    return (*batch, *rows, *columns), promoted(a.dtype, b.dtype)


def _matrices(F: Any, g: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Give vectors the axis of size 1 that makes them matrices, and the gradient likewise."""
    ga, gb = len(a.shape) == 1, len(b.shape) == 1
    if ga:
        a = F.expand_dims(a, 0)
    if gb:
        b = F.expand_dims(b, 1)
    if ga:
        g = F.expand_dims(g, -1 if gb else -2)
    if gb:
        g = F.expand_dims(g, -1)
    return g, a, b


def _pull_first(F: Any, g: Any, z: Any, a: Any, b: Any) -> Any:
    g2, a2, b2 = _matrices(F, g, a, b)
    product = sum_to(F, F.matmul(g2, F.matrix_transpose(conj(F, b2))), tuple(a2.shape))
    return cast(F, F.reshape(product, a.shape), a.dtype)


def _pull_second(F: Any, g: Any, z: Any, a: Any, b: Any) -> Any:
    g2, a2, b2 = _matrices(F, g, a, b)
    product = sum_to(F, F.matmul(F.matrix_transpose(conj(F, a2)), g2), tuple(b2.shape))
    return cast(F, F.reshape(product, b.shape), b.dtype)


_batch_matrices = batch_stacks(lambda: matmul)


def _batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
    a, b = xs
    vector_a, vector_b = len(a.shape) - batched[0] == 1, len(b.shape) - batched[1] == 1
    if vector_a:
        a = F.expand_dims(a, -2)
    if vector_b:
        b = F.expand_dims(b, -1)
    out = _batch_matrices(F, (a, b), batched, attrs, _)
    if vector_b:
        out = F.squeeze(out, -1)
    return F.squeeze(out, -1 if vector_b else -2) if vector_a else out


def _call(F: Any, x1: Any, x2: Any, /) -> Any:
    return F.bind(matmul, (x1, x2))


matmul: Op = bilinear(
    "matmul",
    np.matmul,
    call=_call,
    infer=_infer,
    pulls=(_pull_first, _pull_second),
    batch=_batch,
    latex=r"{0} {1}",
    derivative=r"G B^\top, A^\top G",
    why=Text(
        "each output is a weighted sum, so the gradient goes back through the transposed matrix",
        "각 출력이 가중합이므로 기울기는 전치 행렬을 거쳐 되돌아간다",
    ),
    samples=(
        Sample(((2, 3), (3, 4))),
        Sample(((3,), (3, 2))),
        Sample(((2, 3), (3,))),
        Sample(((3,), (3,))),
        Sample(((2, 1, 2, 3), (4, 3, 2))),
        Sample(((2, 3), (3, 2)), complex=(0, 1)),
    ),
)


# --- linear --------------------------------------------------------------------------------------------------------


def _call_linear(F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    return F.bind(linear, (x, weight) if bias is None else (x, weight, bias))


def _infer_linear(x: Any, weight: Any, bias: Any = None) -> tuple[Shape, np.dtype[Any]]:
    sx, sw = tuple(x.shape), tuple(weight.shape)
    if len(sw) != 2 or not sx or sx[-1] != sw[1]:
        raise ShapeError(
            f"linear: the input of shape {sx} does not fit the weight of shape {sw} (out, in): "
            f"the input's last axis must have size {sw[1] if len(sw) == 2 else 'in'}"
        )
    if bias is not None and tuple(bias.shape) != sw[:1]:
        raise ShapeError(f"linear: the bias has shape {tuple(bias.shape)}, but there are {sw[0]} outputs")
    dtypes = [x.dtype, weight.dtype] + ([] if bias is None else [bias.dtype])
    return (*sx[:-1], sw[0]), np.result_type(*dtypes)


def _linear(x: Any, weight: Any, bias: Any = None, *, out: Any = None) -> Any:
    z = np.matmul(x, weight.T, out=out)
    return z if bias is None else np.add(z, bias, out=out)


def _linear_definition(F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    product = F.matmul(x, F.matrix_transpose(weight))
    return product if bias is None else F.add(product, bias)


def _pull_linear(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    x, weight, *bias = xs
    rows_g, rows_x = (F.reshape(v, (-1, v.shape[-1])) for v in (g, x))
    pulled = [
        cast(F, F.matmul(g, conj(F, weight)), x.dtype) if wanted[0] else None,
        cast(F, F.matmul(F.matrix_transpose(rows_g), conj(F, rows_x)), weight.dtype) if wanted[1] else None,
    ]
    if bias:
        pulled.append(cast(F, F.sum(rows_g, axis=0), bias[0].dtype) if wanted[2] else None)
    return pulled


def _push_linear(
    F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> Any:
    x, weight, *_bias = xs
    dx, dw, *db = tangents
    moved = total(F, [None if dx is None else F.linear(dx, weight), None if dw is None else F.linear(x, dw)])
    if db and db[0] is not None:
        moved = F.broadcast_to(db[0], z.shape) if moved is None else F.add(moved, db[0])
    return cast(F, moved, z.dtype)


def _batch_linear(
    F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any
) -> Any:
    if not any(batched[1:]):
        return F.linear(*xs)
    x, weight, *bias = xs
    if batched[0] and len(x.shape) == 2:
        x, single = F.expand_dims(x, 1), True
    else:
        single = len(x.shape) == 1
        x = F.expand_dims(x, 0) if single else x
    w = F.matrix_transpose(weight)
    if batched[1]:
        w = F.reshape(w, (w.shape[0], *(1,) * (len(x.shape) - 2 - batched[0]), *w.shape[1:]))
    product = F.matmul(x, w)
    if bias:
        b = bias[0]
        if batched[2]:
            b = F.reshape(b, (b.shape[0], *(1,) * (len(product.shape) - 2), b.shape[-1]))
            if not (batched[0] or batched[1]):
                b = F.reshape(b, (b.shape[0], *(1,) * (len(product.shape) - 1), b.shape[-1]))
        product = F.add(product, b)
    return F.squeeze(product, -2) if single else product


linear = composite(
    "linear",
    call=_call_linear,
    infer=_infer_linear,
    numpy=_linear,
    definition=_linear_definition,
    pull=_pull_linear,
    push=_push_linear,
    batch=_batch_linear,
    latex=r"{0} {1}^\top + {2}",
    derivative=r"G W, G^\top X, \sum G",
    why=Text(
        "a weighted sum for every output: the gradient goes back through the weights, each weight collects "
        "upstream times its input over the rows, and each bias collects upstream alone",
        "출력마다 하나의 가중합이다: 기울기는 가중치를 거쳐 되돌아가고, 각 가중치는 행마다 상류 기울기에 "
        "자기 입력을 곱해 모으며, 각 편향은 상류 기울기만 모은다",
    ),
    samples=(
        Sample(((4, 3), (2, 3), (2,))),
        Sample(((4, 3), (2, 3))),
        Sample(((3,), (2, 3), (2,))),
        Sample(((2, 4, 3), (2, 3), (2,))),
    ),
    writes_out=True,
)
