"""The verifier with the records' type rules: what the tests run after every pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.graph.rules import infer
from glassgrad.ir import Graph, Node, Shape, verify
from glassgrad.ops import lookup

__all__ = ["check_graph"]


def _types(node: Node) -> list[tuple[Shape, np.dtype[Any]]]:
    return infer(lookup(node.op), node.inputs, node.attrs, node.subgraphs)


def check_graph(graph: Graph) -> Graph:
    """Verify `graph` against the rules of the verifier and of every operation's record; return it.

    Raises
    ------
    GraphError
        Naming the node and the rule it breaks.
    """
    return verify(graph, _types)
