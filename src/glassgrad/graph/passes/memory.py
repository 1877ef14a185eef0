"""Plan memory: where in one block of memory each value of a static graph lives, worked out once.

Two values share memory where one is dead before the other is made. Views (a reshape, a transpose) live where what
they look at lives and keep it alive. The plan is a table of offsets; engines turn it into arrays or addresses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from glassgrad.ir import Constant, Graph, Node, Value

__all__ = ["ALIGNMENT", "MemoryPlan", "arrange", "plan_memory"]

ALIGNMENT = 64
"""Bytes to which every offset is rounded: a cache line, and the widest vector."""


@dataclass(frozen=True)
class MemoryPlan:
    """Where values live.

    Attributes
    ----------
    offsets
        Offset in bytes of each value that has memory of its own.
    size
        Bytes in all.
    """

    offsets: dict[Value, int]
    size: int


def plan_memory(
    graph: Graph,
    needs_memory: Callable[[Node], bool],
    is_view: Callable[[Node], bool],
    in_place: Callable[[Node], bool],
) -> MemoryPlan:
    """Plan the memory of a graph without a symbolic dimension.

    Parameters
    ----------
    graph
        The graph; its inputs, constants and outputs live elsewhere and get no memory here.
    needs_memory
        Whether a node's outputs are written into memory of the plan.
    is_view
        Whether a node's output looks at the memory of its first input.
    in_place
        Whether a node, of one output, may write it over an input that dies there.
    """
    base: dict[Value, Value] = {}
    for node in graph.nodes:
        if is_view(node):
            base[node.outputs[0]] = base.get(node.inputs[0], node.inputs[0])
    last: dict[Value, int] = {}
    for position, node in enumerate(graph.nodes):
        for value in node.inputs:
            last[base.get(value, value)] = position
    for value in graph.outputs:
        last[base.get(value, value)] = len(graph.nodes)
    elsewhere = {*graph.inputs, *graph.outputs}
    owner: dict[Value, Value] = {}
    first: dict[Value, int] = {}
    ends: dict[Value, int] = {}
    for position, node in enumerate(graph.nodes):
        for value in node.outputs if needs_memory(node) else ():
            if value in elsewhere:
                continue
            heir = next(
                (v for v in node.inputs if in_place(node) and _dies(v, value, position, last, owner)), None
            )
            own = owner[value] = value if heir is None else owner[heir]
            first.setdefault(own, position)
            ends[own] = last.get(value, position)
    placed, size = arrange([(first[v], ends[v], _bytes(v)) for v in first])
    at = dict(zip(first, placed, strict=True))
    return MemoryPlan({v: at[own] for v, own in owner.items()}, size)


def _dies(old: Value, new: Value, position: int, last: dict[Value, int], owner: dict[Value, Value]) -> bool:
    """Say whether a value that is made at a position may lie where an operand lies that dies there."""
    return old in owner and last[old] == position and old.shape == new.shape and old.dtype == new.dtype


def _bytes(value: Value) -> int:
    if isinstance(value, Constant):
        return 0
    size = math.prod(value.shape)
    assert isinstance(size, int), "memory is planned for static shapes"
    return -(-max(size * value.dtype.itemsize, 1) // ALIGNMENT) * ALIGNMENT


def arrange(spans: Sequence[tuple[int, int, int]]) -> tuple[list[int], int]:
    """Lay out stretches of memory so that none overlaps another that is needed at the same time.

    Parameters
    ----------
    spans
        For each stretch the first and the last position at which it is needed, and its bytes.

    Returns
    -------
    list, int
        The offset of each stretch, and the bytes in all.

    Notes
    -----
    Larger stretches choose first, each the smallest gap that holds it (greedy by size: Pisarchyk and Lee, Efficient
    Memory Management for Deep Neural Net Inference, 2020).

    Examples
    --------
    >>> arrange([(0, 1, 64), (1, 2, 128), (2, 3, 64)])
    ([128, 0, 128], 192)
    """
    first, last, size = np.array(spans, np.int64).reshape(-1, 3).T
    offsets = np.full(len(spans), -1, np.int64)
    for i in np.argsort(-size, kind="stable"):
        near = np.flatnonzero((offsets >= 0) & (first <= last[i]) & (last >= first[i]))
        near = near[np.argsort(offsets[near], kind="stable")]
        starts, ends = offsets[near], np.maximum.accumulate(offsets[near] + size[near])
        begins = np.concatenate([[0], ends])
        gaps = np.append(starts, np.iinfo(np.int64).max) - begins
        fitting = np.flatnonzero(gaps >= size[i])
        offsets[i] = begins[fitting[np.argmin(gaps[fitting])]]
    return offsets.tolist(), int((offsets + size).max(initial=0))
