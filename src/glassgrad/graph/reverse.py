"""Reverse mode: the backward pass, once for graphs and once for recorded Tensors, by one sweep.

The sweep goes through the steps from the last to the first. Each step hands the gradient of its outputs to its
operation's rule, which returns the gradient of its inputs; where a value was used several times, the gradients add.
Going in the reverse of an order in which the steps can run (a topological order) is what makes a value's gradient
complete, every branch added, before it is handed on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError, did_you_mean
from glassgrad.graph.builder import Builder, Traced
from glassgrad.graph.inside import inside_of
from glassgrad.graph.watch import watching
from glassgrad.ir import Graph, Node, Value, derived, inexact
from glassgrad.ops import Op, lookup

__all__ = ["Step", "differentiate", "pullback", "reverse_sweep"]


class Step(Protocol):
    """One operation as the sweeps see it, whether a graph's node or a record of an eager run."""

    @property
    def op(self) -> Op:
        """The operation's record."""

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Its static settings."""

    @property
    def subgraphs(self) -> Mapping[str, Graph] | None:
        """The graphs it owns; None where they are to be looked up."""

    @property
    def input_keys(self) -> Sequence[Hashable | None]:
        """Where each input came from; None where no derivative is wanted."""

    @property
    def output_keys(self) -> Sequence[Hashable]:
        """What its outputs are known by."""

    @property
    def origin(self) -> Node | None:
        """The node that what the sweep adds is caused by."""

    def operands(self, F: Any) -> Sequence[Any]:
        """Return the inputs' values, as `F` takes them."""

    def results(self, F: Any) -> Any:
        """Return the output's value, or a tuple of them."""


def rule_inputs(F: Any, step: Step) -> tuple[Sequence[Any], Mapping[str, Any] | None]:
    """Return a step's operands and the graphs it owns."""
    xs, subgraphs = step.operands(F), step.subgraphs
    if subgraphs is None and step.op.composite and not step.op.elementwise:
        subgraphs = inside_of(step.op, xs, step.attrs)
    return xs, subgraphs


@np.errstate(all="ignore")  # rules may divide by 0 where the result is not used
def reverse_sweep(
    F: Any, steps: Iterable[Step], cotangents: dict[Hashable, Any], *, release: bool = False
) -> None:
    """Carry cotangents from outputs to inputs.

    Parameters
    ----------
    F
        Namespace in which the cotangents are computed.
    steps
        The steps, last first. An input key of None wants no gradient.
    cotangents
        The seeds, by key; when the sweep returns, the gradient of every key that was reached.
    release
        Whether the gradients of the steps' outputs are dropped as soon as they have been handed on.
    """
    take = cotangents.pop if release else cotangents.get
    watch = watching()
    if watch is not None:
        watch.settle()
    for step in steps:
        gs = [take(key, None) for key in step.output_keys]
        if step.op.pull is None or all(g is None for g in gs) or all(k is None for k in step.input_keys):
            continue
        F.mark(step.origin)
        z = step.results(F)
        if step.op.several:
            g: Any = tuple(F.zeros_like(v) if one is None else one for one, v in zip(gs, z, strict=True))
        else:
            g = gs[0]
        xs, subgraphs = rule_inputs(F, step)
        wanted = [key is not None for key in step.input_keys]
        if watch is None:
            found = step.op.pull(F, wanted, g, z, xs, step.attrs, subgraphs)
        else:
            with watch.muted():
                found = step.op.pull(F, wanted, g, z, xs, step.attrs, subgraphs)
            watch.pulled(step, g, xs, found)
        for key, cotangent in zip(step.input_keys, found, strict=True):
            if key is not None and cotangent is not None:
                before = cotangents.get(key)
                cotangents[key] = cotangent if before is None else F.add(before, cotangent)
    F.mark(None)


class GraphStep:
    """A graph's node as a step."""

    __slots__ = ("attrs", "builder", "input_keys", "op", "origin", "output_keys", "subgraphs")

    def __init__(self, builder: Builder, node: Node, moving: set[Value]) -> None:
        self.builder = builder
        self.origin = node
        self.op = lookup(node.op)
        self.attrs = node.attrs
        self.subgraphs = node.subgraphs
        self.input_keys = [v if v in moving else None for v in node.inputs]
        self.output_keys = node.outputs

    def operands(self, F: Any) -> list[Traced]:
        """Return handles on the node's inputs."""
        return [Traced(self.builder, v) for v in self.origin.inputs]

    def results(self, F: Any) -> Any:
        """Return handles on the node's outputs."""
        handles = tuple(Traced(self.builder, v) for v in self.origin.outputs)
        return handles if self.op.several else handles[0]


def dependents(graph: Graph, sources: Iterable[Value]) -> set[Value]:
    """Return the real and complex values of `graph` that depend on `sources`, these included."""
    moving = set(sources)
    for node in graph.nodes:
        if lookup(node.op).pull is not None and any(v in moving for v in node.inputs):
            moving.update(v for v in node.outputs if inexact(v.dtype))
    return moving


def _sweep_graph(
    builder: Builder, graph: Graph, wanted: Sequence[Value], cotangents: dict[Hashable, Any]
) -> list[Any]:
    moving = dependents(graph, wanted)
    with builder.active():
        reverse_sweep(builder, (GraphStep(builder, n, moving) for n in reversed(graph.nodes)), cotangents)
        return [
            builder.zeros_like(Traced(builder, v)) if cotangents.get(v) is None else cotangents[v]
            for v in wanted
        ]


def differentiate(graph: Graph, wrt: Sequence[int | str] | None = None, *, output: int = 0) -> Graph:
    """Add the backward pass to a graph.

    Parameters
    ----------
    graph
        A graph of which one output is a scalar, the loss.
    wrt
        Positions or names of the inputs whose gradient is wanted; every floating-point input by default.
    output
        Position of the output to differentiate.

    Returns
    -------
    Graph
        The same inputs and nodes, then the backward nodes (each names the forward node that caused it); its
        outputs are those of `graph` followed by the gradients, in the order of `wrt`. A gradient has the shape and
        dtype of its input.

    Raises
    ------
    OptionError
        Where `wrt` names no input.
    ShapeError
        Where the output is not a scalar.
    DTypeError
        Where an input named by `wrt` is not floating point, or the output is not.

    Examples
    --------
    >>> import glassgrad as gg
    >>> square = gg.trace(lambda x: gg.sum(x * x), gg.Spec((3,)))
    >>> gg.run(gg.differentiate(square), [1.0, 2.0, 3.0])
    [array(14.), array([2., 4., 6.])]
    """
    loss = graph.outputs[output]
    if loss.shape != ():
        raise ShapeError(
            f"only a scalar can be differentiated, but output {output} of {graph.name} has shape {loss.shape}"
        )
    if not inexact(loss.dtype):
        raise DTypeError(f"output {output} of {graph.name} is {loss.dtype}, which has no gradient")
    if wrt is None:
        wrt = [i for i, v in enumerate(graph.inputs) if inexact(v.dtype)]
    wanted = [_input(graph, which) for which in wrt]
    for which, value in zip(wrt, wanted, strict=True):
        if not inexact(value.dtype):
            raise DTypeError(
                f"input {which} of {graph.name} is {value.dtype}: only floating-point inputs have gradients"
            )
    builder = Builder(graph.name, graph)
    seed = Traced(builder, builder.lift(1.0, loss.dtype))
    gradients = _sweep_graph(builder, graph, wanted, {loss: seed})
    return builder.finish([*graph.outputs, *gradients])


def _input(graph: Graph, which: int | str) -> Value:
    """Return an input by its position or name."""
    named = {v.name: v for v in graph.inputs if v.name}
    if isinstance(which, str):
        if which not in named:
            raise OptionError(f"{graph.name} has no input {which!r}. {did_you_mean(which, named)}")
        return named[which]
    if not -len(graph.inputs) <= which < len(graph.inputs):
        raise OptionError(
            f"{graph.name} has no input {which}: it has {len(graph.inputs)} ({', '.join(named)}), counted from 0"
        )
    return graph.inputs[which]


@derived
def pullback(graph: Graph, wanted: tuple[bool, ...]) -> Graph:
    """Return the graph from the inputs of `graph` and cotangents of its outputs to those of the wanted inputs."""
    builder = Builder(f"{graph.name}.pullback", graph)
    values = [v for v, want in zip(graph.inputs, wanted, strict=True) if want]
    cotangents: dict[Hashable, Any] = {}
    with builder.active():
        for i, value in enumerate(graph.outputs):
            g = builder.input(value.shape, value.dtype, f"g{i}")
            if inexact(value.dtype):
                cotangents[value] = builder.add(cotangents[value], g) if value in cotangents else g
    return builder.finish(_sweep_graph(builder, graph, values, cotangents))
