"""What a well-formed graph is, stated once and checked after every pass in the tests.

1. Every value is made once: as an input, a constant, or an output of one node.
2. A node reads only inputs of its own graph, constants, and outputs of earlier nodes (a subgraph captures nothing).
3. Shapes are tuples of sizes ≥ 0 or polynomials in N; dtypes are NumPy dtypes.
4. The types of a node's outputs are those its operation's rule gives for its inputs.
5. A cause that is part of the graph comes before the node that it caused.
6. All of it holds inside the subgraphs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from glassgrad.errors import GraphError
from glassgrad.ir.dims import Dim, Shape
from glassgrad.ir.graph import Constant, Graph, Node, Value

__all__ = ["TypeRule", "verify"]

TypeRule: TypeAlias = Callable[[Node], Sequence[tuple[Shape, np.dtype[Any]]]]


def verify(graph: Graph, type_rule: TypeRule | None = None) -> Graph:
    """Check that `graph` is well formed.

    Parameters
    ----------
    graph
        The graph to check.
    type_rule
        Gives the types of a node's outputs; without it rule 4 is not checked (this room knows no operation).

    Returns
    -------
    Graph
        The same graph, so that the check can stand in an expression.

    Raises
    ------
    GraphError
        Naming the node and the rule it breaks.
    """
    made: set[Value] = set()
    for value in graph.inputs:
        if value in made:
            raise GraphError(f"{graph.name}: the input {value} is listed twice")
        made.add(_checked(value, graph))
    for position, node in enumerate(graph.nodes):
        where = f"{graph.name}, node {position} ({node.op})"
        for value in node.inputs:
            if not isinstance(value, Constant) and value not in made:
                raise GraphError(f"{where} reads {value}, which is made later, elsewhere or never")
        if type_rule is not None:
            expected = [(tuple(shape), np.dtype(dtype)) for shape, dtype in type_rule(node)]
            found = [(v.shape, v.dtype) for v in node.outputs]
            if found != expected:
                raise GraphError(f"{where} makes {found}, but its rule gives {expected}")
        for value in node.outputs:
            if value in made:
                raise GraphError(f"{where} makes {value}, which was made before")
            made.add(_checked(value, graph))
        for inner in node.subgraphs.values():
            verify(inner, type_rule)
    positions = {node: position for position, node in enumerate(graph.nodes)}
    for position, node in enumerate(graph.nodes):
        if node.cause is not None and positions.get(node.cause, -1) >= position:
            raise GraphError(f"{graph.name}, node {position} ({node.op}) comes before its cause")
    for value in graph.outputs:
        if not isinstance(value, Constant) and value not in made:
            raise GraphError(f"{graph.name} returns {value}, which it does not make")
    return graph


def _checked(value: Value, graph: Graph) -> Value:
    if not isinstance(value.shape, tuple) or not all(
        isinstance(d, Dim) or (isinstance(d, int) and d >= 0) for d in value.shape
    ):
        raise GraphError(f"{graph.name}: {value} has the shape {value.shape!r}")
    if not isinstance(value.dtype, np.dtype):
        raise GraphError(f"{graph.name}: {value} has the dtype {value.dtype!r}, not a NumPy dtype")
    return value
