"""Elementwise kernels: every index once, by vectors along the axis that lies side by side."""

from __future__ import annotations

import math

from glassgrad.engines.native.codegen.ir import Function
from glassgrad.engines.native.kernels.body import At, Body, Context
from glassgrad.engines.native.kernels.nests import Span, nested, outer_loops, sweep, walked
from glassgrad.engines.native.lowering.fuse import Kernel

__all__ = ["emit_map", "map_units"]

_PIECE = 1 << 10
"""Elements that a unit of work has where there is one loop only."""


def map_units(kernel: Kernel, context: Context) -> int:
    """Return in how many units the kernel's work can be split."""
    sizes = _sizes(kernel, context)
    if not sizes:
        return 1
    return sizes[0] if len(sizes) > 1 else -(-sizes[0] // _PIECE)


def _sizes(kernel: Kernel, context: Context) -> list[int]:
    domain = kernel.domain
    loops = nested(domain, walked(context, kernel.after, kernel.stored, domain))
    return [math.prod(domain[a] for a in axes) for axes in loops]


def emit_map(f: Function, kernel: Kernel, context: Context, span: Span | None) -> None:
    """Write the kernel's units of a span; all of them where it is None."""
    domain = kernel.domain
    loops = nested(domain, walked(context, kernel.after, kernel.stored, domain))
    sizes = [math.prod(domain[a] for a in axes) for axes in loops]
    body = Body(f, context, kernel.after, kernel.stored, domain, loops)
    lanes = context.lanes(kernel.after)
    if not sizes:
        body.run([])
        return
    if len(sizes) == 1 and span is not None:
        _pieces(f, body, sizes[0], lanes, span)
        return
    for index in outer_loops(f, sizes[:-1], span):
        for at, width, active in sweep(f, sizes[-1], lanes):
            body.refresh()
            body.run([*index, at], len(sizes) - 1, width, active)


def _pieces(f: Function, body: Body, size: int, lanes: int, span: Span) -> None:
    """Split one long loop into pieces of equal length, and the rest."""
    start, stop = span
    whole = size // _PIECE
    last = f.minimum(stop, whole)
    with f.at_least_once(start, last), f.loop(f.mul(start, _PIECE), f.mul(last, _PIECE), 2 * lanes) as turn:
        body.refresh()
        body.run([At(turn.index)], 0, 2 * lanes)
    if size % _PIECE:
        with f.at_least_once(whole, stop):
            for at, width, active in sweep(f, size % _PIECE, lanes):
                body.refresh()
                body.run([At(at.base, at.plus + whole * _PIECE)], 0, width, active)
