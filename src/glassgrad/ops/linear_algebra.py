"""The matrix product, and the layer that is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.families import bilinear, composite
from glassgrad.ops.record import Op, Sample, Text
from glassgrad.ops.rules import cast, conj, sum_to, total


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
    return (*batch, *rows, *columns), np.result_type(a.dtype, b.dtype)


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


def _batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
    a, b = xs
    vector_a, vector_b = len(a.shape) - batched[0] == 1, len(b.shape) - batched[1] == 1
    if vector_a:
        a = F.expand_dims(a, -2)
    if vector_b:
        b = F.expand_dims(b, -1)
    rank = max(len(a.shape) - batched[0], len(b.shape) - batched[1])
    a, b = (
        F.reshape(x, (x.shape[0], *(1,) * (rank + 1 - len(x.shape)), *x.shape[1:])) if own else x
        for x, own in ((a, batched[0]), (b, batched[1]))
    )
    out = F.matmul(a, b)
    if vector_b:
        out = F.squeeze(out, -1)
    return F.squeeze(out, -1 if vector_b else -2) if vector_a else out


matmul: Op = bilinear(
    "matmul",
    np.matmul,
    call=lambda F, a, b: F.bind(matmul, (a, b)),
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
        "a weighted sum for every output: the gradient goes back through the weights, each weight collects upstream "
        "times its input over the rows, and each bias collects upstream alone",
        "출력마다 하나의 가중합이다: 기울기는 가중치를 거쳐 되돌아가고, 각 가중치는 행마다 상류 기울기에 자기 입력을 "
        "곱해 모으며, 각 편향은 상류 기울기만 모은다",
    ),
    samples=(
        Sample(((4, 3), (2, 3), (2,))),
        Sample(((4, 3), (2, 3))),
        Sample(((3,), (2, 3), (2,))),
        Sample(((2, 4, 3), (2, 3), (2,))),
    ),
    writes_out=True,
)
