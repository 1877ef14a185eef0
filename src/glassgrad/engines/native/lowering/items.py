"""Items: what is really computed, over which indices, read from where.

Views vanish here. A reshape, a transpose, a broadcast or a slice moves no number; whoever reads it reads the array it
looks at, its *root*, with other strides. Axes of size 1 are left out of every domain, so that a column, a row and a
vector are the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from glassgrad.ir import Node, Value

__all__ = ["Access", "Item", "Items", "View", "row_major", "shape_of", "squeezed"]

Sizes = tuple[int, ...]


def row_major(shape: Sequence[int]) -> Sizes:
    """Return the strides, in elements, of an array that lies row by row."""
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    return tuple(strides)


@dataclass(frozen=True, slots=True)
class Access:
    """How a domain reads a root: element ``offset + Σ index · stride`` of its row-major order."""

    root: Value
    offset: int
    strides: Sizes

    def whole(self, domain: Sizes) -> bool:
        """Say whether the domain's indices are the root's own."""
        return (
            self.offset == 0
            and self.strides == row_major(domain)
            and math.prod(shape_of(self.root)) == math.prod(domain)
        )


@dataclass(frozen=True, slots=True)
class View:
    """A value as a way to look at its root; strides in elements of the root's row-major order."""

    root: Value
    offset: int
    shape: Sizes
    strides: Sizes

    def over(self, shape: Sizes) -> Access:
        """Return how the axes of `shape` longer than 1 read this, broadcast as NumPy does it."""
        own = (0,) * (len(shape) - len(self.shape)) + tuple(
            0 if d == 1 else s for d, s in zip(self.shape, self.strides, strict=True)
        )
        return Access(self.root, self.offset, tuple(s for s, d in zip(own, shape, strict=True) if d != 1))

    def with_axes(self, before: int, after: int) -> View:
        """Return the view with axes of size 1 put before and after its own."""
        shape = (1,) * before + self.shape + (1,) * after
        return View(self.root, self.offset, shape, (0,) * before + self.strides + (0,) * after)


def shape_of(value: Value) -> Sizes:
    """Return the shape of a value of a static graph."""
    return cast(Sizes, value.shape)


def squeezed(shape: Sequence[int]) -> Sizes:
    """Return the sizes that are not 1."""
    return tuple(d for d in shape if d != 1)


@dataclass(eq=False, slots=True)
class Item:
    """One thing to compute.

    Attributes
    ----------
    op
        The operation's name; ``"contract"`` for products, ``"copy"`` for a move.
    kind
        ``"map"`` (elementwise over the domain), ``"reduce"`` (over `axes` of the domain), ``"contract"`` (the sum of
        products over the last axis of the domain), or ``"other"``.
    out
        The roots it makes.
    domain
        The sizes of its indices, without ones.
    reads
        How the domain reads each operand.
    axes
        Axes of the domain that a reduction takes together.
    base
        What `attrs["steps"]` walk through by computed indices: the array a gather reads or a scatter adds to.
    views
        The operands as they stand, for operations of their own kind.
    node
        Where it comes from.
    """

    op: str
    kind: str
    out: tuple[Value, ...]
    domain: Sizes
    reads: tuple[Access, ...] = ()
    axes: Sizes = ()
    base: Access | None = None
    views: tuple[View, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)
    node: Node | None = None

    def roots(self) -> set[Value]:
        """Return every root it reads."""
        base = {self.base.root} - set(self.out) if self.base else set()
        return {a.root for a in self.reads} | {v.root for v in self.views} | base


@dataclass(slots=True)
class Items:
    """A graph with static shapes as items.

    Attributes
    ----------
    inputs
        The roots of the graph's inputs.
    items
        What is computed, in an order in which it can be.
    outputs
        The root of each output; it is not an input nor a constant, and lies row by row.
    """

    inputs: tuple[Value, ...]
    items: list[Item]
    outputs: list[Value]
