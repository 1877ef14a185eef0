"""Specialise: put a number in the place of the batch size N."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.graph.passes.rewrite import Rewriter
from glassgrad.ir import Constant, Dim, Graph, Value, derived
from glassgrad.ir.dims import is_static, solve_batch

__all__ = ["for_arrays", "specialise"]


@derived
def specialise(graph: Graph, n: int) -> Graph:
    """Return `graph` for a batch of `n` rows: every shape and setting is a number."""
    out = Rewriter()

    def fixed(value: Value) -> Value:
        if isinstance(value, Constant) or is_static(value.shape):
            return value
        if value not in out.values:
            shape = tuple(d.at(n) if isinstance(d, Dim) else d for d in value.shape)
            out.values[value] = Value(shape, value.dtype, value.name)
        return out.values[value]

    inputs = [fixed(v) for v in graph.inputs]
    for node in graph.nodes:
        outputs = tuple(fixed(v) for v in node.outputs)
        attrs = {k: _at(v, n) for k, v in node.attrs.items()}
        subgraphs = {role: specialise(inner, n) for role, inner in node.subgraphs.items()}
        same = (
            outputs == node.outputs
            and attrs == dict(node.attrs)
            and all(subgraphs[r] is g for r, g in node.subgraphs.items())
        )
        if same:
            out.copy(node, [out.read(v) for v in node.inputs])
        else:
            out.copy(
                node, [out.read(v) for v in node.inputs], outputs=outputs, attrs=attrs, subgraphs=subgraphs
            )
    new = out.finish(graph, inputs)
    return graph if new.nodes == graph.nodes and new.inputs == graph.inputs else new


def for_arrays(graph: Graph, arrays: Sequence[np.ndarray[Any, Any]]) -> Graph:
    """Return `graph` for the batch size that `arrays`, its inputs, have.

    Raises
    ------
    ShapeError
        Where a shape does not fit.
    """
    n = solve_batch([v.shape for v in graph.inputs], [a.shape for a in arrays])
    return graph if n is None else specialise(graph, n)


def _at(setting: Any, n: int) -> Any:
    if isinstance(setting, Dim):
        return setting.at(n)
    if isinstance(setting, slice):
        return slice(*(_at(part, n) for part in (setting.start, setting.stop, setting.step)))
    if isinstance(setting, tuple):
        return tuple(_at(part, n) for part in setting)
    return setting
