"""Opening: what there is no kernel for becomes what there are kernels for.

Calls and composites hold their own insides. A few operations have none, because NumPy has one call for each: moves
that are views and joins here, norms that are reductions, slopes that are series.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.engines.native.codegen.elementwise import SUPPORTED
from glassgrad.graph.builder import Builder
from glassgrad.graph.passes import lower
from glassgrad.graph.passes.rewrite import Rewriter
from glassgrad.ir import Graph, Node

__all__ = ["opened", "opens"]


def opens(node: Node) -> bool:
    """Say whether a node is opened."""
    return (
        node.op in _FORMS or node.op == "call" or ("lowering" in node.subgraphs and node.op not in SUPPORTED)
    )


def opened(graph: Graph) -> Graph:
    """Return a graph in which each node that `opens` has become what is inside it."""
    graph = lower(graph, _has_kernel)
    if not any(node.op in _FORMS for node in graph.nodes):
        return graph
    out = Rewriter()
    for node in graph.nodes:
        form = _FORMS.get(node.op)
        inside = None if form is None else {"lowering": _traced(form, node)}
        out.copy(node, [out.read(v) for v in node.inputs], subgraphs=inside)
    return lower(out.finish(graph), _has_kernel)


def _has_kernel(name: str) -> bool:
    return name in SUPPORTED


def _traced(form: Callable[..., Any], node: Node) -> Graph:
    builder = Builder(f"{node.op}.lowering")
    handles = [builder.input(v.shape, v.dtype) for v in node.inputs]
    with builder.active():
        return builder.finish([form(builder, *handles, **node.attrs)])


def _roll(F: Any, x: Any, *, shift: Sequence[int], axis: Sequence[int]) -> Any:
    for by, a in zip(shift, axis, strict=True):
        size = x.shape[a]
        cut = -by % size if size else 0
        if cut:
            front = (slice(None),) * a
            x = F.concat([x[(*front, slice(cut, None))], x[(*front, slice(None, cut))]], axis=a)
    return F.identity(x)


def _embed_diagonal(F: Any, d: Any, *, offset: int, rows: int, columns: int) -> Any:
    places = np.arange(d.shape[-1])
    index = (..., places - min(offset, 0), places + max(offset, 0))
    return F.index_put(F.zeros((*d.shape[:-1], rows, columns), d.dtype), d, index)


def _cross(F: Any, a: Any, b: Any, *, axis: int) -> Any:
    first, second = (F.moveaxis(x, axis, 0) for x in (a, b))
    parts = [
        F.subtract(F.multiply(first[i - 2], second[i - 1]), F.multiply(first[i - 1], second[i - 2]))
        for i in range(3)
    ]
    return F.stack(parts, axis=axis)


def _vector_norm(F: Any, x: Any, *, axis: Sequence[int], keepdims: bool, ord: float) -> Any:
    around = {"axis": tuple(axis), "keepdims": keepdims}
    if ord == 2:
        return F.sqrt(F.sum(F.square(x), **around))
    size = F.abs(x)
    if ord == 0:
        return F.sum(F.astype(F.not_equal(size, 0), x.dtype), **around)
    if ord == 1:
        return F.sum(size, **around)
    if abs(ord) == math.inf:
        return (F.max if ord > 0 else F.min)(size, **around)
    # in units of the element that counts most, so that high powers neither overflow nor vanish
    unit = (F.max if ord > 0 else F.min)(size, axis=tuple(axis), keepdims=True)
    unit = F.where(F.logical_and(F.not_equal(unit, 0), F.isfinite(unit)), unit, 1.0)
    powers = F.sum(F.pow(F.divide(size, unit), ord), axis=tuple(axis), keepdims=True)
    norm = F.multiply(unit, F.pow(powers, 1 / ord))
    return norm if keepdims else F.squeeze(norm, tuple(axis))


def _sinc_slope(F: Any, x: Any, *, order: int) -> Any:
    """Return a derivative of sin(πx)/(πx): a power series near 0, a recursion away from it."""
    u = F.multiply(x, math.pi)
    near = F.less(F.abs(u), 1 + 0.4 * order)
    far, close = F.where(near, 1.0, u), F.where(near, u, 0.0)
    sine, cosine = F.sin(far), F.cos(far)
    turned = (sine, cosine, F.negative(sine), F.negative(cosine))
    value = F.divide(sine, far)
    for n in range(1, order + 1):
        value = F.divide(F.subtract(turned[n % 4], F.multiply(value, n)), far)
    first, last = (order + 1) // 2, 20 + 2 * order
    square, series = F.square(close), F.zeros_like(close)
    for j in range(last, first - 1, -1):
        term = (-1) ** j / ((2 * j + 1) * math.factorial(2 * j - order))
        series = F.add(F.multiply(series, square), term)
    series = F.multiply(series, close) if order % 2 else series
    return F.multiply(F.where(near, series, value), math.pi**order)


_FORMS: dict[str, Callable[..., Any]] = {
    "roll": _roll,
    "embed_diagonal": _embed_diagonal,
    "cross": _cross,
    "vector_norm": _vector_norm,
    "sinc_slope": _sinc_slope,
}
