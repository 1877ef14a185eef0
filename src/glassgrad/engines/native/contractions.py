"""Products: tiles of partial sums held in registers over the whole of the summed axis.

For each tile of the result, some rows by some vectors, every step along the summed axis reads the vectors of
one operand and, for each row, one number of the other, broadcast. When the sums are complete, what follows
the product (a bias, an activation, the whole update of a weight) is done on the tile before it leaves the
registers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from glassgrad.engines.native.body import At, Body, Context
from glassgrad.engines.native.fuse import Kernel
from glassgrad.engines.native.ir import Function, V, kind_of
from glassgrad.engines.native.nests import Span, outer_loops
from glassgrad.engines.native.products import Product, chunks
from glassgrad.ir import Value

__all__ = ["contraction_units", "emit_contraction", "emit_packing", "packed_root", "packing_units"]

_CHAINS = 8
"""Partial sums that must be under way for the multiply-adds not to wait for each other."""

_NEAR = 1 << 20
"""Bytes of the vector operand up to which it stays in the second-level cache while one row of tiles after the other
goes through all of it, so that the result is written side by side."""


def packed_root(product: Product, dtype: np.dtype[Any]) -> Value:
    """Return the root that holds the vector operand in panels: (outer…, panels, depth, width)."""
    sizes = [a.size for a in product.outer if a.vectors]
    panels = -(-product.along.size // product.width)
    return Value((*sizes, panels, product.depth, product.width), dtype)


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


class _Tiles:
    """The tiles of one product."""

    def __init__(
        self, f: Function, kernel: Kernel, context: Context, product: Product, packed: Value | None
    ) -> None:
        self.f, self.kernel, self.context, self.product, self.packed = f, kernel, context, product, packed
        (self.out,) = kernel.main.out
        self.kind = kind_of(self.out.dtype)
        self.size = self.out.dtype.itemsize
        self.body = Body(f, context, kernel.after, kernel.stored, kernel.domain, given=kernel.main.out)
        first, second = kernel.main.reads[::-1] if product.swapped else kernel.main.reads
        self.numbers = f.at(context.places.base(f, first.root), first.offset, self.size)
        vectors = f.at(context.places.base(f, second.root), second.offset, self.size)
        self.vectors = context.places.base(f, packed) if packed is not None else vectors

    def emit(
        self, outer: Sequence[At], row: At, rows: int, panel: V | int, columns: Sequence[tuple[int, int]]
    ) -> None:
        """Write one tile: `rows` rows from `row` on, and the vectors at `columns` (start, active) of a panel."""
        f, p = self.f, self.product
        at_numbers = self._address(
            self.numbers, [(o, a.numbers) for o, a in zip(outer, p.outer, strict=True)]
        )
        if p.rows is not None:
            at_numbers = self._address(at_numbers, [(row, p.rows.numbers)])
        at_vectors, step = self._vectors(outer, panel)
        sums = self._sums(at_numbers, at_vectors, step, rows, columns)
        index = [At()] * len(self.kernel.domain)
        for o, axis in zip(outer, p.outer, strict=True):
            index[axis.place] = o
        start = f.mul(panel, p.width)
        self.body.refresh()
        for i in range(rows):
            for j, (begin, active) in enumerate(columns):
                if p.rows is not None:
                    index[p.rows.place] = At(row.base, row.plus + i)
                index[p.along.place] = At(start, begin)
                limit = None if active == p.lanes else active
                if self.out in self.kernel.stored:
                    self.body.store(self.body.own(self.out), sums[i][j], index, p.along.place, limit)
                self.body.run(index, p.along.place, p.lanes, limit, {self.out: sums[i][j]})

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
        self, numbers: V, vectors: V, step: int, rows: int, columns: Sequence[tuple[int, int]]
    ) -> list[list[V]]:
        f, p = self.f, self.product
        count = rows * len(columns)
        chains = max(1, min(4, _CHAINS // count, p.depth))
        unroll = max(chains, 2 if count > 4 else 4)
        unroll = min(-(-unroll // chains) * chains, p.depth)
        unroll -= unroll % chains
        zero = f.constant(0, self.kind, p.lanes)
        totals = [zero] * (count * chains)
        whole = p.depth - p.depth % unroll
        with f.loop(0, whole, unroll, carried=totals) as turn:
            at_v = f.at(vectors, f.mul(turn.index, step), self.size)
            at_n = f.at(numbers, f.mul(turn.index, p.depth_numbers), self.size)
            sums = turn.carried
            for k in range(unroll):
                sums = self._step(sums, k % chains, at_n, at_v, k, step, rows, columns)
            turn.next(sums)
        totals = turn.results
        for k in range(whole, p.depth):
            totals = self._step(totals, k % chains, numbers, vectors, k, step, rows, columns)
        while len(totals) > count:
            joined = [self._add(a, b) for a, b in zip(totals[:count], totals[-count:], strict=True)]
            totals = joined + totals[count:-count]
        width = len(columns)
        return [totals[i * width : (i + 1) * width] for i in range(rows)]

    def _add(self, a: V, b: V) -> V:
        return self.f.binary("fadd" if a.floating else "add", a, b)

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
            limit = None if active == p.lanes or self.packed is not None else active
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
                    found[place] = f.binary("add", f.binary("mul", number, vector), found[place])
        return found


def emit_contraction(
    f: Function, kernel: Kernel, context: Context, product: Product, packed: Value | None, span: Span | None
) -> None:
    """Write the units of a span of the product's tiles; all of them where it is None."""
    tiles = _Tiles(f, kernel, context, product, packed)
    for outer in outer_loops(f, [a.size for a in product.outer]):
        if _rows_first(product):
            for row, rows in _rows(f, product, span):
                for panel, columns in _panels(f, product, None):
                    tiles.emit(outer, row, rows, panel, columns)
        else:
            for panel, columns in _panels(f, product, span):
                for row, rows in _rows(f, product, None):
                    tiles.emit(outer, row, rows, panel, columns)


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


def emit_packing(
    f: Function, kernel: Kernel, context: Context, product: Product, packed: Value, span: Span | None
) -> None:
    """Copy the vector operand into panels, in which what a tile reads lies side by side."""
    p = product
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
