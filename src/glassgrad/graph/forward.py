"""Forward mode: tangents carried from inputs to outputs, by one sweep for graphs and recorded Tensors."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from glassgrad.graph.builder import Builder, Traced
from glassgrad.graph.reverse import GraphStep, Step, dependents, rule_inputs
from glassgrad.ir import Graph, derived

__all__ = ["forward_sweep", "pushforward"]


@np.errstate(all="ignore")  # rules may divide by 0 where the result is not used
def forward_sweep(F: Any, steps: Iterable[Step], tangents: dict[Hashable, Any]) -> None:
    """Carry tangents through `steps`, first to last; a key without a tangent stands still."""
    for step in steps:
        given = [None if key is None else tangents.get(key) for key in step.input_keys]
        if step.op.push is None or all(t is None for t in given):
            continue
        F.mark(step.origin)
        z = step.results(F)
        xs, subgraphs = rule_inputs(F, step)
        out = step.op.push(F, given, z, xs, step.attrs, subgraphs)
        for key, tangent in zip(step.output_keys, out if step.op.several else (out,), strict=True):
            if tangent is not None:
                tangents[key] = tangent
    F.mark(None)


@derived
def pushforward(graph: Graph, moving: tuple[bool, ...]) -> Graph:
    """Return the graph from the inputs of `graph` and tangents of the moving ones to the output tangents."""
    builder = Builder(f"{graph.name}.pushforward", graph)
    sources = [v for v, moves in zip(graph.inputs, moving, strict=True) if moves]
    tangents: dict[Hashable, Any] = {
        v: builder.input(v.shape, v.dtype, f"d{v.name or i}") for i, v in enumerate(sources)
    }
    reached = dependents(graph, sources)
    with builder.active():
        forward_sweep(builder, (GraphStep(builder, n, reached) for n in graph.nodes), tangents)
        outputs = [
            tangents[v] if tangents.get(v) is not None else builder.zeros_like(Traced(builder, v))
            for v in graph.outputs
        ]
    return builder.finish(outputs)
