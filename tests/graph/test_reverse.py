"""The backward pass as a graph: whose each node is."""

from __future__ import annotations

import glassgrad as gg


def test_backward_nodes_belong_to_the_layer_of_their_cause():
    """A reader of the graph can group forward and backward nodes by layer."""

    def f(w, x):
        with gg.scope("layer1"):
            h = gg.tanh(x @ w)
        with gg.scope("loss"):
            return gg.sum(h * h)

    graph = gg.trace(f, gg.Spec((3, 2)), gg.Spec((4, 3)))
    backward = [node for node in gg.differentiate(graph).nodes if node.cause is not None]
    assert {node.scope for node in backward} == {"layer1", "loss"}
    assert all(node.scope == node.cause.scope for node in backward)
