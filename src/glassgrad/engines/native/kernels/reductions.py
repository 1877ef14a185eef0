"""Reductions: sums, products, extremes and quantifiers, with what is computed before and after them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from glassgrad.engines.native.codegen import elementwise
from glassgrad.engines.native.codegen.ir import Function, V, kind_of
from glassgrad.engines.native.kernels.body import At, Body, Context
from glassgrad.engines.native.kernels.nests import Span, nested, outer_loops, sweep, walked
from glassgrad.engines.native.lowering.fuse import Kernel
from glassgrad.engines.native.lowering.items import Sizes, row_major

__all__ = ["emit_reduction", "reduction_units"]

_CHAINS = 4
"""Independent partial results along a long axis: an addition takes four cycles."""


class _Shape:
    """How the loops of a reduction lie: those that are kept, and those that are taken together."""

    def __init__(self, kernel: Kernel, context: Context) -> None:
        domain, axes = kernel.main.domain, kernel.main.axes
        kept = [a for a in range(len(domain)) if a not in axes]
        before = [*kernel.before, kernel.main]
        made = {v for item in kernel.before for v in item.out}
        reads = [a for item in before for a in item.reads if a.root not in made and any(a.strides)]
        walks = [context.layouts.strides(a) for a in reads] or [row_major(domain)]
        walks.sort(key=lambda walk: walk.count(0))  # what is read most decides the order of the loops
        stores = walked(context, kernel.before, kernel.stored, domain)
        walks = list(dict.fromkeys([*walks, *stores]))
        after = [
            self._widened(w, kept, len(domain))
            for w in walked(context, kernel.after, [*kernel.stored, *kernel.main.out], kernel.domain)
        ]
        own = self._widened(row_major(kernel.domain), kept, len(domain))
        self.outer = nested(domain, [*walks, own, *after], kept)
        self.inner = nested(domain, walks, axes)
        first = walks[0]
        self.along_kept = bool(self.outer) and self._step(first, self.outer[-1]) < self._step(
            first, self.inner[-1]
        )
        self.sizes = [math.prod(domain[a] for a in axes) for axes in self.outer]
        self.depths = [math.prod(domain[a] for a in axes) for axes in self.inner]
        self.kept_loops = [tuple(kept.index(a) for a in axes) for axes in self.outer]

    @staticmethod
    def _widened(walk: Sizes, kept: Sequence[int], rank: int) -> Sizes:
        wide = [0] * rank
        for a, stride in zip(kept, walk, strict=True):
            wide[a] = stride
        return tuple(wide)

    @staticmethod
    def _step(walk: Sizes, axes: tuple[int, ...]) -> float:
        return abs(walk[axes[-1]]) or math.inf


def reduction_units(kernel: Kernel, context: Context) -> int:
    """Return in how many units the kernel's work can be split."""
    shape = _Shape(kernel, context)
    if not shape.sizes or (shape.along_kept and len(shape.sizes) == 1):
        return 1
    return shape.sizes[0]


def emit_reduction(f: Function, kernel: Kernel, context: Context, span: Span | None) -> None:
    """Write the kernel's units of a span; all of them where it is None."""
    shape = _Shape(kernel, context)
    main, domain = kernel.main, kernel.main.domain
    before = Body(f, context, kernel.before, kernel.stored, domain, [*shape.outer, *shape.inner])
    after = Body(f, context, kernel.after, kernel.stored, kernel.domain, shape.kept_loops, main.out)
    reduce = _Reduce(f, kernel, before)
    lanes = context.lanes([*kernel.before, main])
    if shape.along_kept:
        rank = len(shape.sizes) - 1
        for index in outer_loops(f, shape.sizes[:-1], span if rank else None):
            for at, width, active in sweep(f, shape.sizes[-1], lanes):
                total = reduce.rows([*index, at], rank, width, active, shape.depths)
                _finish(after, kernel, [*index, at], total, rank, width, active)
        return
    for index in outer_loops(f, shape.sizes, span):
        total = reduce.line(index, shape.depths, lanes)
        _finish(after, kernel, index, total, None, 0, None)


def _finish(
    after: Body, kernel: Kernel, index: list[At], total: V, along: int | None, lanes: int, active: int | None
) -> None:
    (out,) = kernel.main.out
    after.refresh()
    if out in kernel.stored:
        after.store(after.own(out), total, index, along, active)
    after.run(index, along, lanes, active, {out: total})


class _Reduce:
    """Takes the numbers of a reduction together."""

    def __init__(self, f: Function, kernel: Kernel, body: Body) -> None:
        self.f, self.op, self.body = f, kernel.main.op, body
        self.access = kernel.main.reads[0]
        self.dtype = self.access.root.dtype
        self.kind = kind_of(self.dtype)

    def neutral(self, lanes: int) -> V:
        """Return what changes nothing."""
        dtype, value = self.dtype, 0.0
        if self.op == "prod":
            value = 1
        elif self.op in ("max", "min"):
            low = self.op == "max"
            if dtype.kind == "f":
                value = -math.inf if low else math.inf
            elif dtype.kind == "b":
                value = not low
            else:
                value = np.iinfo(dtype).min if low else np.iinfo(dtype).max
        elif self.op == "all":
            value = 1
        return self.f.constant(value, self.kind, lanes)

    def join(self, a: V, b: V) -> V:
        """Take two partial results together."""
        name = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}.get(self.op)
        if name is None or self.kind == "i1":
            either = self.op in ("any", "max", "sum")
            return self.f.binary("or" if either else "and", a, b)
        return elementwise.apply(self.f, name, [a, b], [self.dtype] * 2, self.dtype, {})

    def number(self, index: Sequence[At], along: int | None, lanes: int, active: int | None) -> V:
        """Return what is to be taken together at an index."""
        self.body.refresh()
        made = self.body.run(index, along, lanes, active)
        return self.body.operand(self.access, made, index, along, lanes, active)

    def rows(
        self, index: Sequence[At], along: int, lanes: int, active: int | None, depths: Sequence[int]
    ) -> V:
        """Return a vector of results: one index after the other is added to all lanes."""
        total = self.neutral(lanes)
        return self._nested(total, list(index), depths, lambda at: self.number(at, along, lanes, active))

    def _nested(self, total: V, index: list[At], depths: Sequence[int], number) -> V:  # type: ignore[no-untyped-def]
        with self.f.loop(0, depths[0], carried=[total]) as turn:
            at = [*index, At(turn.index)]
            if len(depths) > 1:
                turn.next([self._nested(turn.carried[0], at, depths[1:], number)])
            else:
                turn.next([self.join(turn.carried[0], number(at))])
        return turn.results[0]

    def line(self, index: Sequence[At], depths: Sequence[int], lanes: int) -> V:
        """Return one result: vectors along the last axis, whose lanes are taken together at the end."""
        lanes = min(lanes, 1 << (depths[-1] - 1).bit_length())
        simple = all(item.op != "gather" for item in self.body.items)
        chains = _CHAINS if simple and depths[-1] >= 2 * _CHAINS * lanes else 1
        totals = self._lines([self.neutral(lanes)] * chains, list(index), depths, lanes)
        while len(totals) > 1:
            half = len(totals) // 2
            totals = [self.join(a, b) for a, b in zip(totals[:half], totals[half:], strict=True)]
        total = totals[0]
        while total.lanes > 1:
            half = total.lanes // 2
            low, high = (self.f.shuffle(total, total, range(s, s + half)) for s in (0, half))
            total = self.join(low, high)
        return self.f.lane(total, 0) if total.lanes else total

    def _lines(self, totals: list[V], index: list[At], depths: Sequence[int], lanes: int) -> list[V]:
        f = self.f
        if len(depths) > 1:
            with f.loop(0, depths[0], carried=totals) as turn:
                turn.next(self._lines(turn.carried, [*index, At(turn.index)], depths[1:], lanes))
            return turn.results
        totals = list(totals)
        along, size, chains = len(index), depths[0], len(totals)
        done = size - size % (lanes * chains)
        if done:
            with f.loop(0, done, lanes * chains, carried=totals) as turn:
                turn.next(
                    [
                        self.join(total, self.number([*index, At(turn.index, i * lanes)], along, lanes, None))
                        for i, total in enumerate(turn.carried)
                    ]
                )
            totals = turn.results
        for i, start in enumerate(range(done, size, lanes)):
            active = min(lanes, size - start)
            one = self.number([*index, At(start)], along, lanes, active)
            if active < lanes:
                one = f.select(f.lanes([i < active for i in range(lanes)], "i1"), one, self.neutral(lanes))
            totals[i % chains] = self.join(totals[i % chains], one)
        return totals
