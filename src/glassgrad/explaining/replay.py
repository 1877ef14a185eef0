"""Replaying: the forward pass once more, and the gradient of its result for every value on the way.

An explanation shows the numbers of the run, so it runs the run's own graph again, on the run's own inputs and in their
dtype, with the NumPy implementation of each record; then it carries the gradient of one scalar, the *result*, back to
every value by the same rules that training uses.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.graph.passes import for_arrays
from glassgrad.graph.reverse import reverse_sweep
from glassgrad.graph.rules import Arrays
from glassgrad.ir import BATCH, Constant, Graph, Node, Value, inexact
from glassgrad.ops import Op, lookup

__all__ = ["Replay", "forward", "replay", "upto"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Replay:
    """A graph that was run, with every number of it.

    Attributes
    ----------
    graph
        The forward pass, for the shapes at hand; its one output is the scalar that is explained.
    values
        The number or array of each value: inputs, constants, results of nodes.
    gradients
        For each floating-point value the gradient of the result, of the value's shape and dtype (of a complex one
        ∂/∂Re + i·∂/∂Im); values that the result does not depend on are absent.
    rows
        The values whose first axis is the row of a mini-batch.
    """

    graph: Graph
    values: Mapping[Value, Array]
    gradients: Mapping[Value, Array]
    rows: frozenset[Value]

    @property
    def result(self) -> Value:
        """The scalar that is explained."""
        return self.graph.outputs[0]

    def gradient(self, value: Value) -> Array:
        """Return the gradient for a value; zeros where the result does not depend on it."""
        found = self.gradients.get(value)
        return np.zeros_like(self.values[value]) if found is None else found


def upto(graph: Graph, output: int = 0) -> Graph:
    """Return the part of a graph that leads to one of its outputs; it takes the same inputs."""
    wanted = {graph.outputs[output]}
    nodes: list[Node] = []
    for node in reversed(graph.nodes):
        if not wanted.isdisjoint(node.outputs):
            wanted.update(node.inputs)
            nodes.append(node)
    return Graph(graph.inputs, tuple(reversed(nodes)), (graph.outputs[output],), graph.name)


def replay(graph: Graph, inputs: Sequence[Any], *, output: int = 0) -> Replay:
    """Run the part of a graph that leads to one scalar output, and carry its gradient back.

    Parameters
    ----------
    graph
        The graph; the batch size may be open.
    inputs
        An array for each of its inputs.
    output
        Which output is the result.

    Raises
    ------
    ShapeError
        Where the inputs do not have the graph's shapes, or the output is not a scalar.
    DTypeError
        Where the output is a complex number.

    Examples
    --------
    >>> import glassgrad as gg
    >>> played = replay(gg.trace(lambda x, w: gg.sum(x * w), gg.Spec((2,)), gg.Spec((2,))), [[1.0, 2.0], [3.0, 4.0]])
    >>> float(played.values[played.result]), played.gradients[played.graph.inputs[0]].tolist()
    (11.0, [3.0, 4.0])
    """
    arrays = [np.asarray(x, v.dtype, order="C") for x, v in zip(inputs, graph.inputs, strict=True)]
    static = for_arrays(graph, arrays)
    rows = {
        v for given, v in zip(_values(graph), _values(static), strict=True) if given.shape[:1] == (BATCH,)
    }
    whole = upto(static, output)
    (result,) = whole.outputs
    if result.shape != ():
        raise ShapeError(
            f"only a scalar can be explained, but {graph.name} returns one of shape {result.shape}"
        )
    if result.dtype.kind == "c":
        raise DTypeError(
            f"explanations follow real numbers, but {graph.name} returns a {result.dtype}: take gg.real, gg.imag or "
            "gg.abs of it"
        )
    values = forward(whole, arrays)
    return Replay(whole, values, _backward(whole, values), frozenset(rows & values.keys()))


def _values(graph: Graph) -> list[Value]:
    return [*graph.inputs, *(v for node in graph.nodes for v in node.outputs)]


@np.errstate(all="ignore")
def forward(graph: Graph, arrays: Sequence[Array]) -> dict[Value, Array]:
    """Return every value of a graph with static shapes: inputs, constants, and what its nodes make."""
    values: dict[Value, Array] = dict(zip(graph.inputs, arrays, strict=True))
    values |= {c: c.array for c in graph.constants()}
    engine = Arrays()
    for node in graph.nodes:
        op = lookup(node.op)
        made = engine.bind(op, [values[v] for v in node.inputs], node.attrs, node.subgraphs or None)
        values |= zip(node.outputs, map(np.asarray, made if op.several else [made]), strict=True)
    return values


@np.errstate(all="ignore")
def _backward(graph: Graph, values: Mapping[Value, Array]) -> dict[Value, Array]:
    moving = {v for v in graph.inputs if inexact(v.dtype)}
    for node in graph.nodes:
        if lookup(node.op).pull is not None and not moving.isdisjoint(node.inputs):
            moving |= {v for v in node.outputs if inexact(v.dtype)}
    (result,) = graph.outputs
    found: dict[Hashable, Any] = {result: np.ones_like(values[result])}
    reverse_sweep(Arrays(), (_Played(n, values, moving) for n in reversed(graph.nodes)), found)
    return {
        v: np.asarray(g) for v, g in found.items() if isinstance(v, Value) and not isinstance(v, Constant)
    }


class _Played:
    """A node with its numbers, as the backward sweep takes it."""

    def __init__(self, node: Node, values: Mapping[Value, Array], moving: set[Value]) -> None:
        self.origin = node
        self.op: Op = lookup(node.op)
        self.attrs, self.subgraphs = node.attrs, node.subgraphs
        self.input_keys = [v if v in moving else None for v in node.inputs]
        self.output_keys = node.outputs
        self._values = values

    def operands(self, F: Any) -> list[Array]:
        """Return the inputs' arrays."""
        return [self._values[v] for v in self.origin.inputs]

    def results(self, F: Any) -> Any:
        """Return the output's array, or a tuple of them."""
        found = tuple(self._values[v] for v in self.output_keys)
        return found if self.op.several else found[0]
