"""How a contraction is carried out: which axis lies along vectors, which along rows of a tile, what is
repacked.

One form serves almost every product. Vectors lie along one axis of the result; one operand, the *vectors*, is
read along that axis, the other, the *numbers*, one element at a time and broadcast; the partial sums stay in
registers over the whole of the summed axis. An operand that does not lie along the vector axis is first
copied so that it does, in panels as wide as a tile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from glassgrad.engines.native.items import Sizes

__all__ = ["DEPTH", "Axis", "Product", "chunks", "plan_product"]

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
