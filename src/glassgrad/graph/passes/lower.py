"""Lower: open the composites that an engine has no kernel for into what they are made of."""

from __future__ import annotations

from collections.abc import Callable

from glassgrad.graph.passes.rewrite import Rewriter
from glassgrad.ir import Graph, Node, Value

__all__ = ["lower"]


def lower(graph: Graph, has_kernel: Callable[[str], bool]) -> Graph:
    """Return `graph` with the lowering of each composite without a kernel in its place."""
    out = Rewriter()
    for node in graph.nodes:
        inner = node.subgraphs.get("lowering")
        if inner is None or has_kernel(node.op):
            out.copy(node, [out.read(v) for v in node.inputs])
            continue
        opened = lower(inner, has_kernel)
        inside: dict[Value, Value] = dict(zip(opened.inputs, (out.read(v) for v in node.inputs), strict=True))
        for part in opened.nodes:
            for value in part.outputs:
                inside[value] = Value(value.shape, value.dtype)
            out.nodes.append(
                Node(
                    part.op,
                    tuple(inside.get(v, v) for v in part.inputs),
                    tuple(inside[v] for v in part.outputs),
                    part.attrs,
                    part.subgraphs,
                    f"{node.scope}/{node.op}" if node.scope else node.op,
                    node.source,
                    node.cause,
                )
            )
        for value, result in zip(node.outputs, opened.outputs, strict=True):
            out.values[value] = inside.get(result, result)
    return out.finish(graph)
