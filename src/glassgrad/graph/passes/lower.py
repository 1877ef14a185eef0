"""Lower: open what an engine runs as its parts: composites that it has no kernel for, and every call."""

from __future__ import annotations

from collections.abc import Callable, Container

from glassgrad.graph.passes.rewrite import Rewriter
from glassgrad.ir import Graph, Node, Value

__all__ = ["CALLS", "lower"]


CALLS = frozenset({"call", "checkpoint", "custom"})
"""Operations that are what the graph is that they own; engines run that in their place."""


def lower(graph: Graph, has_kernel: Callable[[str], bool], calls: Container[str] = CALLS) -> Graph:
    """Return `graph` with the lowering of each composite without a kernel, and the body of each call, in its place.

    Who differentiates what comes out leaves ``"custom"`` out of `calls`: its derivative is not that of its body.
    """
    out = Rewriter()
    for node in graph.nodes:
        called = node.op in calls
        inner = node.subgraphs["body"] if called else node.subgraphs.get("lowering")
        if inner is None or (has_kernel(node.op) and not called):
            out.copy(node, [out.read(v) for v in node.inputs])
            continue
        opened = lower(inner, has_kernel, calls)
        inside: dict[Value, Value] = dict(zip(opened.inputs, (out.read(v) for v in node.inputs), strict=True))
        made: dict[Node, Node] = {}
        for part in opened.nodes:
            for value in part.outputs:
                inside[value] = Value(value.shape, value.dtype)
            scope, source, cause = node.op, node.source, node.cause
            if called:  # what was called has lines and causes of its own
                scope, source = part.scope, part.source or source
                cause = made.get(part.cause, part.cause) if part.cause is not None else cause
            made[part] = Node(
                part.op,
                tuple(inside.get(v, v) for v in part.inputs),
                tuple(inside[v] for v in part.outputs),
                part.attrs,
                part.subgraphs,
                "/".join(filter(None, (node.scope, scope))),
                source,
                cause,
            )
            out.nodes.append(made[part])
        for value, result in zip(node.outputs, opened.outputs, strict=True):
            out.values[value] = inside.get(result, result)
        if made:
            out.replace(node, next(reversed(made.values())))
    return out.finish(graph)
