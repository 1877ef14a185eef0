"""Rebuilding a graph node by node: what passes have in common.

Graphs are immutable, so a pass makes a new one. A node whose inputs did not change is kept as it is; the others are
copied with their scope, source line and cause, so that explanations of the new graph still lead to the user's code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassgrad.ir import Graph, Node, Value

__all__ = ["Rewriter", "without_dead_nodes"]


class Rewriter:
    """Collects the nodes of a new graph made from an old one.

    Attributes
    ----------
    values
        What each old value has become, where it is another.
    nodes
        The new nodes so far.
    """

    def __init__(self) -> None:
        self.values: dict[Value, Value] = {}
        self.nodes: list[Node] = []
        self._moved: dict[Node, Node] = {}

    def read(self, value: Value) -> Value:
        """Return what `value` has become."""
        return self.values.get(value, value)

    def copy(
        self,
        node: Node,
        inputs: Sequence[Value],
        *,
        outputs: tuple[Value, ...] | None = None,
        attrs: Mapping[str, Any] | None = None,
        subgraphs: Mapping[str, Graph] | None = None,
        op: str | None = None,
    ) -> Node:
        """Add `node`, with other inputs, outputs, settings or another operation where given."""
        inputs = tuple(inputs)
        cause = self._moved.get(node.cause, node.cause) if node.cause is not None else None
        changed = outputs is not None or attrs is not None or subgraphs is not None or op is not None
        if changed or inputs != node.inputs or cause is not node.cause:
            new = Node(
                op or node.op,
                inputs,
                node.outputs if outputs is None else outputs,
                node.attrs if attrs is None else attrs,
                node.subgraphs if subgraphs is None else subgraphs,
                node.scope,
                node.source,
                cause,
            )
            self._moved[node] = new
            node = new
        self.nodes.append(node)
        return node

    def replace(self, node: Node, by: Node) -> None:
        """Say that `node` has become `by`, an earlier node that computes the same."""
        self._moved[node] = by

    def finish(self, graph: Graph, inputs: Sequence[Value] | None = None) -> Graph:
        """Return the new graph."""
        outputs = tuple(self.read(v) for v in graph.outputs)
        return Graph(tuple(inputs or graph.inputs), tuple(self.nodes), outputs, graph.name)


def without_dead_nodes(graph: Graph) -> Graph:
    """Return `graph` without the nodes whose results nobody reads."""
    needed = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(v in needed for v in node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    return Graph(graph.inputs, tuple(reversed(kept)), graph.outputs, graph.name)
