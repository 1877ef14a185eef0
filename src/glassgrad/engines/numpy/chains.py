"""Chains: elementwise operations on large arrays, carried out together, one cache-sized piece after the other.

An optimizer's update is a dozen elementwise operations on arrays of every parameter. Done one after the other, each
sends the whole of its result through the memory and the next one fetches it back. Done piece by piece, what lies
between the first and the last stays in the cache, in scratch of one piece's size. Only operations that IEEE 754 rounds
exactly take part, so that the bits cannot depend on where a piece ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.ir import Constant, Graph, Node, Value
from glassgrad.ops import lookup

__all__ = ["CHAIN", "chain_source", "with_chains"]

CHAIN = "chain"
"""What a node that stands for several is called; its attribute ``nodes`` holds them."""

_EXACT = frozenset(
    {"abs", "add", "divide", "maximum", "minimum", "multiply"}
    | {"negative", "reciprocal", "sign", "sqrt", "square", "subtract"}
)
_PIECE = 1 << 17
"""Bytes of one array in a piece; half a dozen of them fit into the second-level cache."""

_LEAST = 2 * _PIECE
"""Bytes of an array from which pieces pay."""


def with_chains(graph: Graph) -> Graph:
    """Return a static graph in which a node of the operation `CHAIN` stands for each chain.

    Operations that do not read the chain move before it, so that an update is not torn apart by the small sums
    between its steps.
    """
    views = {v for node in graph.nodes if lookup(node.op).view for v in node.outputs}
    used: dict[Value, int] = {}
    for values in (*(node.inputs for node in graph.nodes), graph.outputs):
        for value in values:
            used[value] = used.get(value, 0) + 1
    done: list[Node] = []
    chain: list[Node] = []
    made: set[Value] = set()

    def close() -> None:
        done.extend(_closed(chain, used) if len(chain) > 1 else chain)
        chain.clear()
        made.clear()

    for node in graph.nodes:
        fits = _fits(node, views)
        if chain and (fits and node.outputs[0].shape == chain[0].outputs[0].shape):
            pass
        elif fits or made.intersection(node.inputs):
            close()
        if fits:
            chain.append(node)
            made.update(node.outputs)
        else:
            done.append(node)
    close()
    return Graph(graph.inputs, tuple(done), graph.outputs, graph.name)


def _fits(node: Node, views: set[Value]) -> bool:
    out = node.outputs[0]
    size = math.prod(out.shape)
    return (
        node.op in _EXACT
        and isinstance(size, int)
        and size * out.dtype.itemsize >= _LEAST
        and all(v.shape == () or (v.shape == out.shape and v not in views) for v in node.inputs)
    )


def _closed(chain: Sequence[Node], used: dict[Value, int]) -> list[Node]:
    own = {v for node in chain for v in node.outputs}
    inside: dict[Value, int] = {}
    for node in chain:
        for value in node.inputs:
            inside[value] = inside.get(value, 0) + 1
    inputs = tuple(dict.fromkeys(v for node in chain for v in node.inputs if v not in own))
    outputs = tuple(v for node in chain for v in node.outputs if used.get(v, 0) > inside.get(v, 0))
    return [Node(CHAIN, inputs, outputs, {"nodes": tuple(chain)})]


def chain_source(
    node: Node, name: Callable[[Value], str], where: dict[Value, str], names: dict[str, Any]
) -> list[str]:
    """Return the lines of Python that carry out a chain.

    Parameters
    ----------
    node
        The node that stands for the chain.
    name
        Gives the variable of a value.
    where
        The variable of the memory for each of the chain's outputs.
    names
        What the lines refer to by name; their kernels and scratch are added.
    """
    nodes: tuple[Node, ...] = node.attrs["nodes"]
    shape = nodes[0].outputs[0].shape
    large = [v for v in node.inputs if v.shape == shape and not isinstance(v, Constant)]
    constants = [v for v in node.inputs if v.shape == shape and isinstance(v, Constant)]
    lines = [f"f{name(v)} = {name(v)}.reshape(-1)" for v in (*large, *constants)]
    lines += [f"f{name(v)} = {where[v]}.reshape(-1)" for v in node.outputs]
    places, scratch = _scratch(nodes, set(node.outputs))
    label = f"pieces{len(names)}"
    names[label] = _pieces(math.prod(shape), scratch)  # type: ignore[arg-type]
    temporaries = "".join(f", t{i}" for i in range(len(scratch)))
    lines.append(f"for s{temporaries} in {label}:")
    lines += [f"    p{name(v)} = f{name(v)}[s]" for v in (*large, *constants, *node.outputs)]
    pieces = {v: f"p{name(v)}" for v in (*large, *constants, *node.outputs)}
    pieces |= {v: f"t{i}" for v, i in places.items()}
    for part in nodes:
        kernel = f"k{len(names)}_{part.op}"
        names[kernel] = lookup(part.op).numpy
        arguments = ", ".join(pieces.get(v) or name(v) for v in part.inputs)
        lines.append(f"    {kernel}({arguments}, out={pieces[part.outputs[0]]})")
    return lines + [f"{name(v)} = {where[v]}" for v in node.outputs]


def _scratch(nodes: Sequence[Node], kept: set[Value]) -> tuple[dict[Value, int], list[np.dtype[Any]]]:
    """Give each value that stays inside a place in scratch; a place is used again when its value is dead."""
    last = {v: position for position, node in enumerate(nodes) for v in node.inputs}
    places: dict[Value, int] = {}
    dtypes: list[np.dtype[Any]] = []
    free: list[int] = []
    for position, node in enumerate(nodes):
        free += [places[v] for v in dict.fromkeys(node.inputs) if v in places and last[v] == position]
        (value,) = node.outputs
        if value in kept:
            continue
        fitting = next((i for i in free if dtypes[i] == value.dtype), None)
        if fitting is None:
            fitting = len(dtypes)
            dtypes.append(value.dtype)
        else:
            free.remove(fitting)
        places[value] = fitting
    return places, dtypes


def _pieces(size: int, scratch: Sequence[np.dtype[Any]]) -> list[tuple[Any, ...]]:
    """Return a slice for each piece, with scratch of its length."""
    widest = max((d.itemsize for d in scratch), default=8)
    length = _PIECE // widest
    memory = [np.empty(min(length, size), d) for d in scratch]
    starts = range(0, size, length)
    return [
        (slice(start, min(start + length, size)), *(m[: min(length, size - start)] for m in memory))
        for start in starts
    ]
