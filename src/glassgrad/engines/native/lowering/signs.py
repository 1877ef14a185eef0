"""The slope of ReLU read from its result: z > 0 is x > 0, to the last bit.

The backward pass asks whether x was positive, so both x and z would be kept in memory until then, two matrices for each
layer. What the result says as well need not be kept.
"""

from __future__ import annotations

from glassgrad.graph.passes.rewrite import Rewriter
from glassgrad.ir import Constant, Graph, Value

__all__ = ["signs_from_results"]


def signs_from_results(graph: Graph) -> Graph:
    """Return a graph that compares the result of a ReLU, rather than what went into it, with zero."""
    out = Rewriter()
    results: dict[Value, Value] = {}
    for node in graph.nodes:
        inputs = node.inputs
        if node.op == "greater" and inputs[0] in results and _is_zero(inputs[1]):
            inputs = (results[inputs[0]], inputs[1])
        new = out.copy(node, inputs)
        if node.op == "relu":
            results[node.inputs[0]] = new.outputs[0]
    return out.finish(graph)


def _is_zero(value: Value) -> bool:
    return isinstance(value, Constant) and value.array.ndim == 0 and not value.array
