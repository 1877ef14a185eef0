"""How a contraction is carried out: which axis lies along vectors, which along rows of a tile, what is
repacked.

One form serves almost every product. Vectors lie along one axis of the result; one operand, the *vectors*, is
read along that axis, the other, the *numbers*, one element at a time and broadcast; the partial sums stay in
registers over the whole of the summed axis. An operand that does not lie along the vector axis is first
copied so that it does, in panels as wide as a tile: all of them ahead, or each when its turn comes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.engines.native.lowering.items import Sizes
from glassgrad.ir import Value

__all__ = ["DEPTH", "Axis", "Plan", "Product", "chunks", "plan_contraction", "plan_product"]

_NEAR = 1 << 20
"""Bytes of the vector operand up to which it stays in the second-level cache while one row of tiles after the other
goes through all of it, so that the result is written side by side."""

_PACK = 0.6
"""What copying one element into a panel costs, in vector multiply-adds."""

_STRIDED = 1 << 10
"""Bytes between the rows of an operand from which its rows crowd each other out of the caches."""


_DEEP, DEPTH = 2048, 512
"""Lengths of the summed axis from which it is cut into blocks, and of a block, whose operands stay in the caches."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of the result: its size and its strides, in elements, in the numbers, the vectors and the result."""

    place: int
    size: int
    numbers: int
    vectors: int
    result: int


@dataclass(frozen=True, slots=True)
class Product:
    """The plan of a contraction.

    Attributes
    ----------
    swapped
        Whether the second operand gives the numbers and the first the vectors.
    along
        The axis along vectors.
    rows
        The axis along the rows of a tile; None where the numbers have none.
    outer
        The other axes.
    depth
        Length of the summed axis.
    depth_numbers, depth_vectors
        Its strides.
    lanes, itemsize
        Numbers in a vector, and the bytes of one.
    tile
        Rows and vectors of a tile.
    filled
        Whether the last vector may be read and written whole, though not all of it counts.
    packed
        Whether the vectors are copied into panels first.
    """

    swapped: bool
    along: Axis
    rows: Axis | None
    outer: tuple[Axis, ...]
    depth: int
    depth_numbers: int
    depth_vectors: int
    lanes: int
    itemsize: int
    tile: tuple[int, int]
    filled: bool
    packed: bool

    @property
    def width(self) -> int:
        """How many numbers of the vector axis a tile covers."""
        return self.lanes * self.tile[1]

    @property
    def tiles(self) -> tuple[int, int]:
        """Rows of tiles, and panels: columns of tiles."""
        rows = -(-self.rows.size // self.tile[0]) if self.rows else 1
        return rows, -(-self.along.size // self.width)

    @property
    def rows_first(self) -> bool:
        """Whether each row of tiles goes through all panels rather than each panel through all rows."""
        rows, panels = self.tiles
        return rows > 1 and (panels == 1 or self.depth * self.along.size * self.itemsize <= _NEAR)

    @property
    def ahead(self) -> bool:
        """Whether all panels are packed before the product rather than each before it is used."""
        return self.packed and (self.rows_first or any(a.vectors == 0 for a in self.outer))

    @property
    def blocks(self) -> int:
        """Into how many blocks the summed axis is cut: where it is long, the sums wait in memory between them."""
        return 1 if self.depth < _DEEP else -(-self.depth // DEPTH)

    @property
    def cost(self) -> float:
        """The work, in vector multiply-adds."""
        vectors = -(-self.along.size // self.lanes)
        rows = (self.rows.size if self.rows else 1) * math.prod(a.size for a in self.outer)
        shared = math.prod(a.size for a in self.outer if a.vectors)
        return vectors * rows * self.depth + (self.packed * _PACK * self.depth * self.along.size * shared)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a product is carried out, and the roots it needs while it runs.

    Attributes
    ----------
    product
        Its tiles.
    packed
        All panels of the vector operand, (outer…, panels, depth, width), where they are copied ahead.
    panel
        One panel, (depth, width), where each is copied when its turn comes.
    partial
        Sums that wait between blocks of the summed axis, (outer…, rows, panels · width).
    """

    product: Product
    packed: Value | None
    panel: Value | None
    partial: Value | None

    @property
    def scratch(self) -> list[Value]:
        """The roots that all threads share."""
        return [v for v in (self.packed, self.partial) if v is not None]


def plan_contraction(product: Product, dtype: np.dtype[Any]) -> Plan:
    """Return the plan of a product, with the roots it needs while it runs."""
    p, packed, panel, partial = product, None, None, None
    rows, count = p.tiles
    if p.ahead:
        packed = Value((*(a.size for a in p.outer if a.vectors), count, p.depth, p.width), dtype)
    elif p.packed:
        panel = Value((p.depth if p.blocks == 1 else DEPTH, p.width), dtype)
    if p.blocks > 1:
        partial = Value((*(a.size for a in p.outer), rows * p.tile[0], count * p.width), dtype)
    return Plan(product, packed, panel, partial)


def plan_product(
    domain: Sizes,
    first: Sizes,
    second: Sizes,
    result: Sizes,
    lanes: int,
    registers: int,
    itemsize: int,
    pitch: int = 0,
) -> Product:
    """Plan a contraction.

    Parameters
    ----------
    domain
        Sizes of the result's axes, then of the summed one.
    first, second
        Strides of the operands over the domain.
    result
        Strides of the result over its axes.
    lanes, registers
        Of the target's vectors.
    itemsize
        Bytes of one number.
    pitch
        Numbers from one column of what is stored to the next, where it lies column by column; else 0.
    """
    axes = range(len(domain) - 1)

    def suits(a: int) -> tuple[int, int, int]:
        own = (first[a] == 0) != (second[a] == 0)
        return (own, -abs(result[a]), domain[a])

    along = max(axes, key=suits)
    swapped = second[along] == 0
    numbers, vectors = (second, first) if swapped else (first, second)
    made = [Axis(a, domain[a], numbers[a], vectors[a], result[a]) for a in axes]
    rows = max((x for x in made if x.vectors == 0 and x.place != along), key=lambda x: x.size, default=None)
    outer = tuple(x for x in made if x.place != along and x is not rows)
    size, depth = domain[along], domain[-1]
    lanes = min(lanes, 1 << (size - 1).bit_length())
    n_rows = rows.size if rows else 1
    tile = _tile(n_rows, -(-size // lanes), registers)
    crowded = abs(vectors[-1]) * itemsize >= _STRIDED and depth * n_rows >= 1 << 12 and n_rows >= 4 * tile[0]
    packed = vectors[along] != 1 or crowded
    filled = pitch > size and pitch % lanes == 0
    return Product(
        swapped,
        made[along],
        rows,
        outer,
        depth,
        numbers[-1],
        vectors[-1],
        lanes,
        itemsize,
        tile,
        filled,
        packed,
    )


def _tile(rows: int, vectors: int, registers: int) -> tuple[int, int]:
    """Return how many rows and vectors of partial sums stay in registers."""
    room = 24 if registers >= 32 else 12
    columns = min(vectors, 2)
    most = room // columns
    if rows == 1:
        return 1, min(vectors, 8)
    count = -(-rows // most)
    return -(-rows // count), columns


def chunks(size: int, lanes: int) -> Sequence[tuple[int, int]]:
    """Return the start and the active lanes of each vector that covers `size` numbers."""
    return [(start, min(lanes, size - start)) for start in range(0, size, lanes)]
