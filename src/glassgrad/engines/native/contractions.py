"""Products: tiles of partial sums held in registers over the whole of the summed axis.

For each tile of the result, some rows by some vectors, every step along the summed axis reads the vectors of
one operand and, for each row, one number of the other, broadcast. When the sums are complete, what follows
the product (a bias, an activation, the whole update of a weight) is done on the tile before it leaves the
registers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.engines.native import elementwise
from glassgrad.engines.native.body import At, Body, Context
from glassgrad.engines.native.fuse import Kernel
from glassgrad.engines.native.ir import Function, V, kind_of
from glassgrad.engines.native.nests import Span, outer_loops
from glassgrad.engines.native.products import DEPTH, Product, chunks
from glassgrad.ir import Value

__all__ = [
    "Plan",
    "contraction_units",
    "emit_contraction",
    "emit_packing",
    "packing_units",
    "plan_contraction",
]

_CHAINS = 8
"""Partial sums that must be under way for the multiply-adds not to wait for each other."""

_NEAR = 1 << 20
"""Bytes of the vector operand up to which it stays in the second-level cache while one row of tiles after the other
goes through all of it, so that the result is written side by side."""


def plan_contraction(product: Product, dtype: np.dtype[Any]) -> Plan:
    """Return the plan of a product, with the roots it needs while it runs."""
    packed = packed_root(product, dtype) if product.packed else None
    return Plan(product, packed, partial_root(product, dtype) if product.blocks > 1 else None)


def packed_root(product: Product, dtype: np.dtype[Any]) -> Value:
    """Return the root that holds the vector operand in panels: (outer…, panels, depth, width)."""
    sizes = [a.size for a in product.outer if a.vectors]
    panels = -(-product.along.size // product.width)
    return Value((*sizes, panels, product.depth, product.width), dtype)


def partial_root(product: Product, dtype: np.dtype[Any]) -> Value:
    """Return the root in which sums wait between blocks of the summed axis: (outer…, rows, panels · width)."""
    rows, panels = _counts(product)
    sizes = [a.size for a in product.outer]
    return Value((*sizes, rows * product.tile[0], panels * product.width), dtype)


# --- the product -----------------------------------------------------------------------------------------------------


def contraction_units(product: Product) -> int:
    """Return in how many units the work can be split."""
    rows, panels = _counts(product)
    return rows if _rows_first(product) else panels


def _counts(product: Product) -> tuple[int, int]:
    rows = -(-product.rows.size // product.tile[0]) if product.rows else 1
    return rows, -(-product.along.size // product.width)


def _rows_first(product: Product) -> bool:
    """Say whether each row of tiles goes through all panels rather than each panel through all rows."""
    rows, panels = _counts(product)
    return rows > 1 and (panels == 1 or product.depth * product.along.size * product.itemsize <= _NEAR)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a product is carried out: its tiles, the root of its panels, and the root of its waiting sums."""

    product: Product
    packed: Value | None
    partial: Value | None


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the summed axis: where it starts, its length, and whether it is the first or the last."""

    start: V | int
    length: int
    first: bool
    last: bool


class _Tiles:
    """The tiles of one product."""

    def __init__(self, f: Function, kernel: Kernel, context: Context, plan: Plan) -> None:
        self.f, self.kernel, self.context, self.product = f, kernel, context, plan.product
        self.packed = packed = plan.packed
        self.partial = None if plan.partial is None else context.places.base(f, plan.partial)
        (self.out,) = kernel.main.out
        self.kind = kind_of(self.out.dtype)
        self.size = self.out.dtype.itemsize
        self.body = Body(f, context, kernel.after, kernel.stored, kernel.domain, given=kernel.main.out)
        first, second = kernel.main.reads[::-1] if self.product.swapped else kernel.main.reads
        self.numbers = f.at(context.places.base(f, first.root), first.offset, self.size)
        vectors = f.at(context.places.base(f, second.root), second.offset, self.size)
        self.vectors = context.places.base(f, packed) if packed is not None else vectors

    def emit(
        self,
        outer: Sequence[At],
        row: At,
        rows: int,
        panel: V | int,
        columns: Sequence[tuple[int, int]],
        block: Block,
    ) -> None:
        """Write one tile: `rows` rows from `row` on, and the vectors at `columns` (start, active) of a panel.

        Of the summed axis it takes one block; the sums wait in memory for the next, or are complete after the last.
        """
        f, p = self.f, self.product
        moves = [(o, a.numbers) for o, a in zip(outer, p.outer, strict=True)]
        moves += [] if p.rows is None else [(row, p.rows.numbers)]
        at_numbers = self._address(self.numbers, [*moves, (At(block.start), p.depth_numbers)])
        at_vectors, step = self._vectors(outer, panel)
        at_vectors = self._address(at_vectors, [(At(block.start), step)])
        waiting = self._waiting(outer, row, rows, panel, columns) if p.blocks > 1 else []
        begin = [] if block.first else [f.load(at, self.kind, p.lanes) for at in waiting]
        sums = self._sums(at_numbers, at_vectors, step, rows, columns, block.length, begin)
        if not block.last:
            for total, at in zip(sums, waiting, strict=True):
                f.store(total, at)
            return
        index = [At()] * len(self.kernel.domain)
        for o, axis in zip(outer, p.outer, strict=True):
            index[axis.place] = o
        start = f.mul(panel, p.width)
        self.body.refresh()
        for n, total in enumerate(sums):
            i, (begins, active) = n // len(columns), columns[n % len(columns)]
            if p.rows is not None:
                index[p.rows.place] = At(row.base, row.plus + i)
            index[p.along.place] = At(start, begins)
            limit = None if active == p.lanes or p.filled else active
            if self.out in self.kernel.stored:
                self.body.store(self.body.own(self.out), total, index, p.along.place, limit)
            self.body.run(index, p.along.place, p.lanes, limit, {self.out: total})

    def _waiting(
        self,
        outer: Sequence[At],
        row: At,
        rows: int,
        panel: V | int,
        columns: Sequence[tuple[int, int]],
    ) -> list[V]:
        """Return where the sums of a tile wait."""
        f, p = self.f, self.product
        assert self.partial is not None
        tall, panels = _counts(p)
        where: V | int = 0
        for o, a in zip(outer, p.outer, strict=True):
            where = f.add(f.mul(where, a.size), o.base)
        where = f.add(f.mul(where, tall * p.tile[0]), f.add(row.base, row.plus))
        start = f.add(f.mul(where, panels * p.width), f.mul(panel, p.width))
        base = f.at(self.partial, start, self.size)
        return [
            f.at(base, i * panels * p.width + begin, self.size) for i in range(rows) for begin, _ in columns
        ]

    def _address(self, base: V, moves: Sequence[tuple[At, int]]) -> V:
        f = self.f
        for at, stride in moves:
            base = f.at(base, f.mul(at.base, stride), self.size)
            base = f.at(base, at.plus * stride, self.size)
        return base

    def _vectors(self, outer: Sequence[At], panel: V | int) -> tuple[V, int]:
        """Return the address of the vector operand for a panel, and its step along the summed axis."""
        f, p = self.f, self.product
        if self.packed is None:
            moves = [(o, a.vectors) for o, a in zip(outer, p.outer, strict=True)]
            base = self._address(self.vectors, moves)
            return f.at(base, f.mul(panel, p.width), self.size), p.depth_vectors
        where: V | int = 0
        for o, a in zip(outer, p.outer, strict=True):
            if a.vectors:
                where = f.add(f.mul(where, a.size), f.add(o.base, o.plus))
        panels = _counts(p)[1]
        where = f.add(f.mul(where, panels), panel)
        return f.at(self.vectors, f.mul(where, p.depth * p.width), self.size), p.width

    def _sums(
        self,
        numbers: V,
        vectors: V,
        step: int,
        rows: int,
        columns: Sequence[tuple[int, int]],
        depth: int,
        begin: Sequence[V],
    ) -> list[V]:
        """Return the sums of a tile, row by row, over `depth` places, on top of those it begins with."""
        f, p = self.f, self.product
        count = rows * len(columns)
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
                sums = self._step(sums, k % chains, at_n, at_v, k, step, rows, columns)
            turn.next(sums)
        totals = turn.results
        for k in range(whole, depth):
            totals = self._step(totals, k % chains, numbers, vectors, k, step, rows, columns)
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
        rows: int,
        columns: Sequence[tuple[int, int]],
    ) -> list[V]:
        """Add the products of one place along the summed axis."""
        f, p = self.f, self.product
        found = list(totals)
        read = []
        for begin, active in columns:
            whole = active == p.lanes or p.filled or self.packed is not None
            limit = None if whole else active
            address = f.at(vectors, k * step + begin, self.size)
            read.append(f.load(address, self.kind, p.lanes, limit))
        first = chain * rows * len(columns)
        for i in range(rows):
            away = k * p.depth_numbers + (i * p.rows.numbers if p.rows else 0)
            number = f.splat(f.load(f.at(numbers, away, self.size), self.kind), p.lanes)
            for j, vector in enumerate(read):
                place = first + i * len(columns) + j
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
            if _rows_first(product):
                for row, rows in _rows(f, product, span):
                    for panel, columns in _panels(f, product, None):
                        tiles.emit(outer, row, rows, panel, columns, block)
            else:
                for panel, columns in _panels(f, product, span):
                    for row, rows in _rows(f, product, None):
                        tiles.emit(outer, row, rows, panel, columns, block)


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
    for unit, whole in _units(f, size // tall, -(-size // tall), span):
        yield (At(f.mul(unit, tall)), tall) if whole else (At(size - size % tall), size % tall)


def _panels(
    f: Function, product: Product, span: Span | None
) -> Iterator[tuple[V | int, Sequence[tuple[int, int]]]]:
    """Go through the panels: the number of each and its vectors."""
    width, size = product.width, product.along.size
    for unit, whole in _units(f, size // width, -(-size // width), span):
        yield unit, chunks(width if whole else size % width, product.lanes)


def _units(f: Function, whole: int, count: int, span: Span | None) -> Iterator[tuple[V | int, bool]]:
    """Go through the whole units of a span in a loop, then through the smaller last one if there is one."""
    start, stop = (0, count) if span is None else span
    if whole:
        last = f.minimum(stop, whole)
        with f.at_least_once(start, last), f.loop(start, last) as turn:
            yield turn.index, True
    if count > whole:
        with f.at_least_once(whole, stop):
            yield whole, False


# --- packing ---------------------------------------------------------------------------------------------------------


def packing_units(product: Product) -> int:
    """Return in how many units the copying into panels can be split."""
    return _counts(product)[1]


def emit_packing(f: Function, kernel: Kernel, context: Context, plan: Plan, span: Span | None) -> None:
    """Copy the vector operand into panels, in which what a tile reads lies side by side."""
    p, packed = plan.product, plan.packed
    assert packed is not None
    access = kernel.main.reads[0] if p.swapped else kernel.main.reads[1]
    kind, size = kind_of(packed.dtype), packed.dtype.itemsize
    source = f.at(context.places.base(f, access.root), access.offset, size)
    target = context.places.base(f, packed)
    panels = _counts(p)[1]
    shared = [a for a in p.outer if a.vectors]
    for outer in outer_loops(f, [a.size for a in shared]):
        begin: V = source
        where: V | int = 0
        for at, axis in zip(outer, shared, strict=True):
            begin = f.at(begin, f.mul(at.base, axis.vectors), size)
            where = f.add(f.mul(where, axis.size), at.base)
        for panel, columns in _panels(f, p, span):
            start = f.at(begin, f.mul(f.mul(panel, p.width), p.along.vectors), size)
            place = f.mul(f.add(f.mul(where, panels), panel), p.depth * p.width)
            to = f.at(target, place, size)
            for offset, active in columns:
                here = f.at(start, offset * p.along.vectors, size)
                there = f.at(to, offset, size)
                _copy(f, p, here, there, active, kind, size)


def _copy(f: Function, p: Product, source: V, target: V, active: int, kind: str, size: int) -> None:
    """Copy one vector's width over the whole of the summed axis."""
    if p.along.vectors == 1:
        with f.loop(0, p.depth) as turn:
            limit = None if active == p.lanes else active
            read = f.load(f.at(source, f.mul(turn.index, p.depth_vectors), size), kind, p.lanes, limit)
            f.store(read, f.at(target, f.mul(turn.index, p.width), size))
        return
    square = p.lanes if p.depth_vectors == 1 else 1
    whole = p.depth - p.depth % square
    if whole and square > 1:
        with f.loop(0, whole, square) as turn:
            start = f.at(source, turn.index, size)
            lines = [f.load(f.at(start, i * p.along.vectors, size), kind, square) for i in range(active)]
            lines += [lines[-1]] * (square - active)
            for i, line in enumerate(transposed(f, lines)):
                f.store(line, f.at(target, f.mul(f.add(turn.index, i), p.width), size))
    else:
        whole = 0
    if whole < p.depth:
        with f.loop(whole, p.depth) as turn:
            start = f.at(source, f.mul(turn.index, p.depth_vectors), size)
            line = f.constant(0, kind, p.lanes)
            for i in range(active):
                one = f.load(f.at(start, i * p.along.vectors, size), kind)
                line = f.emit(f"insertelement {line}, {one}, i64 {i}", kind, p.lanes)
            f.store(line, f.at(target, f.mul(turn.index, p.width), size))


def transposed(f: Function, lines: Sequence[V]) -> list[V]:
    """Transpose a square of vectors in registers: rounds of taking the halves of pairs of lines together."""
    n = len(lines)
    lines = list(lines)
    for bit in range(int(math.log2(n))):
        step = 1 << bit
        made = list(lines)
        for i in range(n):
            if i & step:
                continue
            a, b = lines[i], lines[i | step]
            low = [(x if not x & step else (x ^ step) + n) for x in range(n)]
            high = [((x | step) if not x & step else x + n) for x in range(n)]
            made[i] = f.shuffle(a, b, low)
            made[i | step] = f.shuffle(a, b, high)
        lines = made
    return lines
