"""Products: tiles of partial sums held in registers over the whole of the summed axis.

For each tile of the result, some rows by some vectors, every step along the summed axis reads the vectors of
one operand and, for each row, one number of the other, broadcast. When the sums are complete, what follows
the product (a bias, an activation, the whole update of a weight) is done on the tile before it leaves the
registers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glassgrad.engines.native.codegen import elementwise
from glassgrad.engines.native.codegen.ir import Function, V, kind_of
from glassgrad.engines.native.kernels.body import At, Body, Context
from glassgrad.engines.native.kernels.nests import Span, outer_loops
from glassgrad.engines.native.kernels.packing import pack_panel, packed_at, panels, units
from glassgrad.engines.native.lowering.fuse import Kernel
from glassgrad.engines.native.lowering.products import DEPTH, Plan, Product

__all__ = ["contraction_units", "emit_contraction"]

_CHAINS = 8
"""Partial sums that must be under way for the multiply-adds not to wait for each other."""

_AHEAD = 64
"""Length of the summed axis from which what a tile's body reads is asked for before the sums begin."""


def contraction_units(product: Product) -> int:
    """Return in how many units the work can be split."""
    return product.tiles[0 if product.rows_first else 1]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the summed axis: where it starts, its length, and whether it is the first or the last."""

    start: V | int
    length: int
    first: bool
    last: bool


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile: `rows` rows from `row` on, and the vectors at `columns` (start, active lanes) of a panel."""

    outer: Sequence[At]
    row: At
    rows: int
    panel: V | int
    columns: Sequence[tuple[int, int]]


class _Tiles:
    """The tiles of one product."""

    def __init__(self, f: Function, kernel: Kernel, context: Context, plan: Plan) -> None:
        self.f, self.kernel, self.context, self.product = f, kernel, context, plan.product
        self.plan = plan
        self.partial = None if plan.partial is None else context.places.base(f, plan.partial)
        (self.out,) = kernel.main.out
        self.kind = kind_of(self.out.dtype)
        self.size = self.out.dtype.itemsize
        self.body = Body(f, context, kernel.after, kernel.stored, kernel.domain, given=kernel.main.out)
        numbers, vectors = kernel.main.reads[::-1] if self.product.swapped else kernel.main.reads
        self.numbers = f.at(context.places.base(f, numbers.root), numbers.offset, self.size)
        self.given = f.at(context.places.base(f, vectors.root), vectors.offset, self.size)
        packed = plan.packed or plan.panel
        self.vectors = self.given if packed is None else context.places.base(f, packed)

    def pack(
        self, outer: Sequence[At], panel: V | int, columns: Sequence[tuple[int, int]], block: Block
    ) -> None:
        """Copy a block of a panel of the vector operand, where panels are copied when their turn comes."""
        p = self.product
        if self.plan.panel is not None:
            moves = [(o, a.vectors) for o, a in zip(outer, p.outer, strict=True)]
            source = self._address(self.given, [*moves, (At(block.start), p.depth_vectors)])
            pack_panel(self.f, p, self.kind, source, self.vectors, panel, columns, block.length)

    def emit(self, tile: Tile, block: Block) -> None:
        """Write one tile.

        Of the summed axis it takes one block; the sums wait in memory for the next, or are complete after the last.
        """
        f, p = self.f, self.product
        moves = [(o, a.numbers) for o, a in zip(tile.outer, p.outer, strict=True)]
        moves += [] if p.rows is None else [(tile.row, p.rows.numbers)]
        at_numbers = self._address(self.numbers, [*moves, (At(block.start), p.depth_numbers)])
        at_vectors, step = self._vectors(tile.outer, tile.panel, block)
        waiting = self._waiting(tile) if p.blocks > 1 else []
        begin = [] if block.first else [f.load(at, self.kind, p.lanes) for at in waiting]
        if block.last:
            self._prefetch(tile)
        sums = self._sums(at_numbers, at_vectors, step, tile, block.length, begin)
        if not block.last:
            for total, at in zip(sums, waiting, strict=True):
                f.store(total, at)
            return
        self.body.refresh()
        for total, (index, active) in zip(sums, self._places(tile), strict=True):
            limit = None if active == p.lanes or p.filled else active
            if self.out in self.kernel.stored:
                self.body.store(self.body.own(self.out), total, index, p.along.place, limit)
            self.body.run(index, p.along.place, p.lanes, limit, {self.out: total})

    def _places(self, tile: Tile) -> Iterator[tuple[Sequence[At], int]]:
        """Go through the vectors of a tile: the index of each, and how many of its lanes count."""
        p = self.product
        index = [At()] * len(self.kernel.domain)
        for o, axis in zip(tile.outer, p.outer, strict=True):
            index[axis.place] = o
        start = self.f.mul(tile.panel, p.width)
        for i in range(tile.rows):
            for begins, active in tile.columns:
                if p.rows is not None:
                    index[p.rows.place] = At(tile.row.base, tile.row.plus + i)
                index[p.along.place] = At(start, begins)
                yield index, active

    def _prefetch(self, tile: Tile) -> None:
        """Ask for what the body will read, so that it is there when the sums are complete."""
        if self.product.depth < _AHEAD:
            return
        self.body.refresh()
        for index, _ in self._places(tile):
            self.body.prefetch(index, self.product.along.place)

    def _waiting(self, tile: Tile) -> list[V]:
        """Return where the sums of a tile wait."""
        f, p = self.f, self.product
        assert self.partial is not None
        tall, panels = p.tiles
        where: V | int = 0
        for o, a in zip(tile.outer, p.outer, strict=True):
            where = f.add(f.mul(where, a.size), o.base)
        where = f.add(f.mul(where, tall * p.tile[0]), f.add(tile.row.base, tile.row.plus))
        start = f.add(f.mul(where, panels * p.width), f.mul(tile.panel, p.width))
        base = f.at(self.partial, start, self.size)
        places = [(i, begin) for i in range(tile.rows) for begin, _ in tile.columns]
        return [f.at(base, i * panels * p.width + begin, self.size) for i, begin in places]

    def _address(self, base: V, moves: Sequence[tuple[At, int]]) -> V:
        f = self.f
        for at, stride in moves:
            base = f.at(base, f.mul(at.base, stride), self.size)
            base = f.at(base, at.plus * stride, self.size)
        return base

    def _vectors(self, outer: Sequence[At], panel: V | int, block: Block) -> tuple[V, int]:
        """Return the address of a block of the vector operand for a panel, and its step along the summed axis."""
        f, p = self.f, self.product
        if self.plan.panel is not None:
            return self.vectors, p.width
        if self.plan.packed is not None:
            where = f.mul(packed_at(f, p, outer, panel), p.depth * p.width)
            return self._address(f.at(self.vectors, where, self.size), [(At(block.start), p.width)]), p.width
        moves = [(o, a.vectors) for o, a in zip(outer, p.outer, strict=True)]
        base = self._address(self.vectors, [*moves, (At(block.start), p.depth_vectors)])
        return f.at(base, f.mul(panel, p.width), self.size), p.depth_vectors

    def _sums(
        self,
        numbers: V,
        vectors: V,
        step: int,
        tile: Tile,
        depth: int,
        begin: Sequence[V],
    ) -> list[V]:
        """Return the sums of a tile, row by row, over `depth` places, on top of those it begins with."""
        f, p = self.f, self.product
        count = tile.rows * len(tile.columns)
        chains = max(1, min(4, _CHAINS // count, depth))
        unroll = max(chains, 2 if count > 4 else 4)
        unroll = min(-(-unroll // chains) * chains, depth)
        unroll -= unroll % chains
        zero = f.constant(0, self.kind, p.lanes)
        totals = [*(begin or [zero] * count), *([zero] * count * (chains - 1))]
        whole = depth - depth % unroll
        with f.loop(0, whole, unroll, carried=totals) as turn:
            at_v = f.at(vectors, f.mul(turn.index, step), self.size)
            at_n = f.at(numbers, f.mul(turn.index, p.depth_numbers), self.size)
            sums = turn.carried
            for k in range(unroll):
                sums = self._step(sums, k % chains, at_n, at_v, k, step, tile)
            turn.next(sums)
        totals = turn.results
        for k in range(whole, depth):
            totals = self._step(totals, k % chains, numbers, vectors, k, step, tile)
        while len(totals) > count:
            joined = [self._apply("add", a, b) for a, b in zip(totals[:count], totals[-count:], strict=True)]
            totals = joined + totals[count:-count]
        return list(totals)

    def _apply(self, name: str, a: V, b: V) -> V:
        dtype = self.out.dtype
        return elementwise.apply(self.f, name, [a, b], [dtype] * 2, dtype, {})

    def _step(
        self,
        totals: Sequence[V],
        chain: int,
        numbers: V,
        vectors: V,
        k: int,
        step: int,
        tile: Tile,
    ) -> list[V]:
        """Add the products of one place along the summed axis."""
        f, p = self.f, self.product
        found = list(totals)
        read = []
        for begin, active in tile.columns:
            whole = active == p.lanes or p.filled or p.packed
            limit = None if whole else active
            address = f.at(vectors, k * step + begin, self.size)
            read.append(f.load(address, self.kind, p.lanes, limit))
        first = chain * tile.rows * len(tile.columns)
        for i in range(tile.rows):
            away = k * p.depth_numbers + (i * p.rows.numbers if p.rows else 0)
            number = f.splat(f.load(f.at(numbers, away, self.size), self.kind), p.lanes)
            for j, vector in enumerate(read):
                place = first + i * len(tile.columns) + j
                if number.floating:
                    found[place] = f.fma(number, vector, found[place])
                else:
                    found[place] = self._apply("add", self._apply("multiply", number, vector), found[place])
        return found


def emit_contraction(f: Function, kernel: Kernel, context: Context, plan: Plan, span: Span | None) -> None:
    """Write the units of a span of the product's tiles; all of them where it is None."""
    tiles = _Tiles(f, kernel, context, plan)
    product = plan.product
    for block in _depth_blocks(f, product):
        for outer in outer_loops(f, [a.size for a in product.outer]):
            if product.rows_first:
                for row, rows in _rows(f, product, span):
                    for panel, columns in panels(f, product, None):
                        tiles.emit(Tile(outer, row, rows, panel, columns), block)
            else:
                for panel, columns in panels(f, product, span):
                    tiles.pack(outer, panel, columns, block)
                    for row, rows in _rows(f, product, None):
                        tiles.emit(Tile(outer, row, rows, panel, columns), block)


def _depth_blocks(f: Function, product: Product) -> Iterator[Block]:
    """Go through the blocks of the summed axis."""
    depth, blocks = product.depth, product.blocks
    if blocks == 1:
        yield Block(0, depth, first=True, last=True)
        return
    yield Block(0, DEPTH, first=True, last=False)
    if blocks > 2:
        with f.loop(1, blocks - 1) as turn:
            yield Block(f.mul(turn.index, DEPTH), DEPTH, first=False, last=False)
    yield Block((blocks - 1) * DEPTH, depth - (blocks - 1) * DEPTH, first=False, last=True)


def _rows(f: Function, product: Product, span: Span | None) -> Iterator[tuple[At, int]]:
    """Go through the rows of tiles: the first row and how many there are."""
    if product.rows is None:
        yield At(), 1
        return
    tall, size = product.tile[0], product.rows.size
    for unit, whole in units(f, size // tall, -(-size // tall), span):
        yield (At(f.mul(unit, tall)), tall) if whole else (At(size - size % tall), size % tall)
