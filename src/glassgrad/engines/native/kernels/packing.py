"""Panels: the vector operand of a product, copied so that what a tile reads lies side by side.

Where each row of tiles goes through all panels they are copied ahead, by a kernel of their own. Else each is copied
when its turn comes, into memory that its thread has for itself and that stays in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from glassgrad.engines.native.codegen.ir import Function, V, kind_of
from glassgrad.engines.native.kernels.body import At, Context
from glassgrad.engines.native.kernels.nests import Span, outer_loops
from glassgrad.engines.native.lowering.fuse import Kernel
from glassgrad.engines.native.lowering.products import Plan, Product, chunks

__all__ = [
    "Plan",
    "emit_packing",
    "pack_panel",
    "packed_at",
    "packing_units",
    "panels",
    "units",
]


def panels(
    f: Function, product: Product, span: Span | None
) -> Iterator[tuple[V | int, Sequence[tuple[int, int]]]]:
    """Go through the panels: the number of each and its vectors."""
    width, size = product.width, product.along.size
    for unit, whole in units(f, size // width, -(-size // width), span):
        yield unit, chunks(width if whole else size % width, product.lanes)


def units(f: Function, whole: int, count: int, span: Span | None) -> Iterator[tuple[V | int, bool]]:
    """Go through the whole units of a span in a loop, then through the smaller last one if there is one."""
    start, stop = (0, count) if span is None else span
    if whole:
        last = f.minimum(stop, whole)
        with f.at_least_once(start, last), f.loop(start, last) as turn:
            yield turn.index, True
    if count > whole:
        with f.at_least_once(whole, stop):
            yield whole, False


def packing_units(product: Product) -> int:
    """Return in how many units the copying ahead can be split."""
    return product.tiles[1]


def packed_at(f: Function, product: Product, outer: Sequence[At], panel: V | int) -> V | int:
    """Return the number of a panel among all that were copied ahead."""
    where: V | int = 0
    for at, axis in zip(outer, product.outer, strict=True):
        if axis.vectors:
            where = f.add(f.mul(where, axis.size), f.add(at.base, at.plus))
    return f.add(f.mul(where, product.tiles[1]), panel)


def emit_packing(f: Function, kernel: Kernel, context: Context, plan: Plan, span: Span | None) -> None:
    """Copy the panels of a span ahead; all of them where it is None."""
    p, packed = plan.product, plan.packed
    assert packed is not None
    access = kernel.main.reads[0] if p.swapped else kernel.main.reads[1]
    size = packed.dtype.itemsize
    source = f.at(context.places.base(f, access.root), access.offset, size)
    target = context.places.base(f, packed)
    for outer in outer_loops(f, [a.size if a.vectors else 1 for a in p.outer]):
        begin = source
        for at, axis in zip(outer, p.outer, strict=True):
            begin = f.at(begin, f.mul(at.base, axis.vectors), size)
        for panel, columns in panels(f, p, span):
            to = f.at(target, f.mul(packed_at(f, p, outer, panel), p.depth * p.width), size)
            pack_panel(f, p, kind_of(packed.dtype), begin, to, panel, columns, p.depth)


def pack_panel(
    f: Function,
    product: Product,
    kind: str,
    source: V,
    target: V,
    panel: V | int,
    columns: Sequence[tuple[int, int]],
    depth: int,
) -> None:
    """Copy `depth` places of one panel from where the operand begins."""
    p, size = product, product.itemsize
    start = f.at(source, f.mul(f.mul(panel, p.width), p.along.vectors), size)
    if p.along.vectors == 1:
        with f.loop(0, depth) as turn:
            line, to = (
                f.at(a, f.mul(turn.index, n), size) for a, n in ((start, p.depth_vectors), (target, p.width))
            )
            for offset, active in columns:
                limit = None if active == p.lanes else active
                f.store(f.load(f.at(line, offset, size), kind, p.lanes, limit), f.at(to, offset, size))
        return
    for offset, active in columns:
        here, there = f.at(start, offset * p.along.vectors, size), f.at(target, offset, size)
        _turn(f, p, kind, here, there, active, depth)


def _turn(f: Function, p: Product, kind: str, source: V, target: V, active: int, depth: int) -> None:
    """Copy what does not lie along the vector axis, for one vector's width."""
    size = p.itemsize
    square = p.lanes if p.depth_vectors == 1 and p.lanes > 1 else depth + 1
    whole = depth - depth % square
    if whole:
        with f.loop(0, whole, square) as turn:
            start = f.at(source, turn.index, size)
            lines = [f.load(f.at(start, i * p.along.vectors, size), kind, square) for i in range(active)]
            lines += [lines[-1]] * (square - active)
            for i, line in enumerate(transposed(f, lines)):
                f.store(line, f.at(target, f.mul(f.add(turn.index, i), p.width), size))
    if whole < depth:
        with f.loop(whole, depth) as turn:
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
