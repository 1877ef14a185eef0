"""Loop nests: in which order the axes of a domain are walked through, and which are walked through as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glassgrad.engines.native.codegen.ir import Function, V
from glassgrad.engines.native.kernels.body import At, Context
from glassgrad.engines.native.lowering.items import Access, Item, Sizes, row_major
from glassgrad.ir import Value

__all__ = ["Span", "nested", "outer_loops", "sweep", "walked"]

Span = tuple[V | int, V | int]
"""The first unit of a kernel's work to do, and the one after the last."""

_UNROLLED = 4
"""Whole vectors along an axis from which two are taken at a time."""


def walked(context: Context, items: Sequence[Item], stored: Sequence[Value], domain: Sizes) -> list[Sizes]:
    """Return the strides, in memory, with which items go through a domain; those of what is stored come first."""
    made = {v for item in items for v in item.out}
    accesses = [Access(v, 0, row_major(domain)) for v in stored if v in made]
    for item in items:
        accesses += [a for a in item.reads if a.root not in made]
        accesses += [item.base] if item.base is not None else []
    return list(dict.fromkeys(context.layouts.strides(a) for a in accesses if any(a.strides)))


def nested(domain: Sizes, walks: Sequence[Sizes], axes: Sequence[int] | None = None) -> list[tuple[int, ...]]:
    """Return the loops of a nest, slowest first: each goes through one axis, or several that lie one in the
    other.

    Parameters
    ----------
    domain
        Sizes of the axes.
    walks
        Strides over the domain; the first decides the order.
    axes
        The axes to walk through; all of them by default.
    """
    axes = range(len(domain)) if axes is None else axes
    first = walks[0] if walks else row_major(domain)
    order = sorted(axes, key=lambda a: (first[a] == 0, -abs(first[a])))
    order = [a for a in order if first[a] == 0] + [a for a in order if first[a] != 0]
    loops: list[tuple[int, ...]] = []
    for axis in order:
        slower = loops[-1][-1] if loops else None
        if slower is not None and all(w[slower] == w[axis] * domain[axis] for w in walks):
            loops[-1] = (*loops[-1], axis)
        else:
            loops.append((axis,))
    return loops


def sweep(f: Function, size: int, lanes: int) -> Iterator[tuple[At, int, int | None]]:
    """Go along an axis by vectors: the index, the lanes, and how many of them are active."""
    wide = 2 * lanes if size >= _UNROLLED * lanes else lanes
    at = size - size % wide
    if at:
        with f.loop(0, at, wide) as turn:
            yield At(turn.index), wide, None
    while at < size:
        active = min(lanes, size - at)
        width = min(lanes, 1 << (active - 1).bit_length())
        yield At(at), width, active
        at += active


def outer_loops(f: Function, sizes: Sequence[int], span: Span | None = None) -> Iterator[list[At]]:
    """Go through all axes one by one; of the first only the indices of the span, where it is given."""
    if not sizes:
        yield []
        return
    start, stop = (0, sizes[0]) if span is None else span
    with f.loop(start, stop) as turn:
        for rest in outer_loops(f, sizes[1:]):
            yield [At(turn.index), *rest]
