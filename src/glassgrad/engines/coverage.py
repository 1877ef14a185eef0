"""Which engines run an operation: asked of the engines themselves, on the record's own samples.

A list kept by hand would drift from what the engines can do. So a sample of each record becomes a graph of one node,
which an engine takes or refuses.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, did_you_mean
from glassgrad.graph.builder import Builder
from glassgrad.ir import Graph
from glassgrad.ops import Op, Sample

__all__ = ["lacking"]


def lacking(op: Op, engine: str) -> str:
    """Return what keeps an engine from running an operation on real numbers, empty where nothing does.

    Parameters
    ----------
    op
        The operation's record.
    engine
        ``"native"`` or ``"numpy"``.

    Raises
    ------
    OptionError
        Where there is no such engine.

    Examples
    --------
    >>> from glassgrad.ops import lookup
    >>> lacking(lookup("tanh"), "native"), lacking(lookup("svd"), "native")
    ('', "the operation 'svd'")
    """
    if engine not in ("native", "numpy"):
        raise OptionError(f"there is no engine {engine!r}. {did_you_mean(engine, ('native', 'numpy'))}")
    if engine == "numpy" or not op.samples:
        return ""
    from glassgrad.engines.native import NativeEngine

    native = NativeEngine()
    graphs = [_graph(op, sample) for sample in op.samples]
    real = [graph for graph in graphs if not _complex(graph)] or graphs
    return next((reason for graph in real if (reason := native.lacks(graph))), "")


def _complex(graph: Graph) -> bool:
    """Say whether complex numbers come up in a graph."""
    values = (*graph.inputs, *(v for node in graph.nodes for v in (*node.inputs, *node.outputs)))
    return any(value.dtype.kind == "c" for value in values)


def _graph(op: Op, sample: Sample) -> Graph:
    """Return the graph of one call on a sample."""
    builder = Builder(op.name)
    inputs: list[Any] = [
        builder.input(given, np.float64)
        if isinstance(given, tuple)
        else builder.input(given.shape, given.dtype)
        for given in sample.inputs
    ]
    first = list(inspect.signature(op.call).parameters.values())[1]
    arguments = [inputs] if first.name == "arrays" else inputs
    with builder.active():
        result = getattr(builder, op.name)(*arguments, **sample.kwargs)
    return builder.finish(result if isinstance(result, tuple) else [result])
