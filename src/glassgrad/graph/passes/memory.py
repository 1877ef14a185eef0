"""Plan memory: where in one block of memory each value of a static graph lives, worked out once.

Two values share memory where one is dead before the other is made. Views (a reshape, a transpose) live where what
they look at lives and keep it alive. The plan is a table of offsets; engines turn it into arrays or addresses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from glassgrad.ir import Constant, Graph, Node, Value

__all__ = ["ALIGNMENT", "MemoryPlan", "Space", "plan_memory"]

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
    ending: dict[int, list[Value]] = {}
    for value, position in last.items():
        ending.setdefault(position, []).append(value)
    elsewhere = {*graph.inputs, *graph.outputs}
    space = Space()
    offsets: dict[Value, int] = {}
    held: dict[Value, int] = {}
    for position, node in enumerate(graph.nodes):
        for value in node.outputs if needs_memory(node) else ():
            if value in elsewhere:
                continue
            heir = next(
                (
                    v
                    for v in node.inputs
                    if in_place(node)
                    and v in offsets
                    and last[v] == position
                    and v.shape == value.shape
                    and v.dtype == value.dtype
                ),
                None,
            )
            if heir is not None:
                offsets[value] = offsets[heir]
                held[value] = held.pop(heir)
            else:
                held[value] = _bytes(value)
                offsets[value] = space.take(held[value])
            if value not in last:
                ending.setdefault(position, []).append(value)
        for v in ending.get(position, ()):
            if v in held:
                space.give(offsets[v], held.pop(v))
    return MemoryPlan(offsets, space.top)


def _bytes(value: Value) -> int:
    if isinstance(value, Constant):
        return 0
    size = math.prod(value.shape)
    assert isinstance(size, int), "memory is planned for static shapes"
    return -(-max(size * value.dtype.itemsize, 1) // ALIGNMENT) * ALIGNMENT


class Space:
    """Free stretches of the block; the best fitting one is taken."""

    def __init__(self) -> None:
        self.top = 0
        self.free: list[tuple[int, int]] = []

    def take(self, size: int) -> int:
        """Return the start of a free stretch of `size` bytes."""
        fitting = [(length, start) for start, length in self.free if length >= size]
        if fitting:
            length, start = min(fitting)
            self.free.remove((start, length))
            if length > size:
                self.free.append((start + size, length - size))
            return start
        start = self.top
        self.top += size
        return start

    def give(self, start: int, size: int) -> None:
        """Take a stretch back."""
        self.free.append((start, size))
        self.free.sort()
        merged: list[tuple[int, int]] = []
        for begin, length in self.free:
            if merged and merged[-1][0] + merged[-1][1] == begin:
                merged[-1] = (merged[-1][0], merged[-1][1] + length)
            else:
                merged.append((begin, length))
        self.free = merged
