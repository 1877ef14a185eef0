"""The reference: a graph run node by node, each operation by its record's NumPy implementation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.graph.passes import for_arrays
from glassgrad.graph.rules import Arrays, evaluate
from glassgrad.ir import Graph

__all__ = ["interpret"]


def interpret(graph: Graph, inputs: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
    """Return the outputs of `graph` on `inputs`.

    Raises
    ------
    ShapeError
        Where an input does not have the shape the graph takes.

    Examples
    --------
    >>> import glassgrad as gg
    >>> interpret(gg.trace(lambda x: x + 1.0, gg.Spec(("N",))), [[1.0, 2.0]])
    [array([2., 3.])]
    """
    arrays = [np.asarray(x, v.dtype, order="C") for x, v in zip(inputs, graph.inputs, strict=True)]
    with np.errstate(all="ignore"):
        return [np.asarray(out) for out in evaluate(Arrays(), for_arrays(graph, arrays), arrays)]
