"""Kernels of operations that fit no common form: adding at computed places, joining, positions, running sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.engines.native.codegen import elementwise
from glassgrad.engines.native.codegen.ir import I64, Function, V, kind_of
from glassgrad.engines.native.kernels.body import Body, Context
from glassgrad.engines.native.kernels.control import emit_cond, emit_scan
from glassgrad.engines.native.kernels.moves import move, zero
from glassgrad.engines.native.kernels.nests import outer_loops, sweep
from glassgrad.engines.native.kernels.randoms import emit_random
from glassgrad.engines.native.lowering.fuse import Kernel
from glassgrad.engines.native.lowering.items import Item, Sizes, View, row_major, shape_of
from glassgrad.ir import Value

__all__ = ["emit_other"]


def emit_other(f: Function, kernel: Kernel, context: Context) -> None:
    """Write the kernel of an operation of its own kind."""
    _RULES[kernel.main.op](f, kernel.main, context)


_MEETS = {"index_add": "add", "index_max": "maximum", "index_min": "minimum"}
"""How a value and what its place holds become one; a value that is put there replaces it."""


def _scatter(f: Function, item: Item, context: Context) -> None:
    """Take values, one after the other, to the places that an index points to."""
    (out,), base = item.out, item.base
    assert base is not None
    dtype = out.dtype
    target = context.places.base(f, out)
    if item.op == "index_add":
        zero(f, target, out)
    elif item.op == "index_put":
        (around,) = item.views
        move(
            f, _start(f, around, context), around.strides, target, row_major(around.shape), around.shape, out
        )
    else:
        _fill(f, target, out, _least(dtype, item.op == "index_min"))
    body = Body(f, context, [item], [], item.domain)
    values, *indices = item.reads
    sizes, rank = item.domain, len(item.domain)
    strides = body.strides(base)
    flat = rank > 0 and strides[-1] == 1 and not any(i.strides[-1] for i in indices)
    lanes = context.layouts.target.lanes(dtype.itemsize)
    for outer in outer_loops(f, sizes[:-1] if flat else sizes):
        for at, width, active in sweep(f, sizes[-1], lanes) if flat else [(None, 0, None)]:
            body.refresh()
            index = outer if at is None else [*outer, at]
            along = rank - 1 if flat else None
            value = body.operand(values, {}, index, along, width, active)
            address = body.address(base, strides, index)
            if indices:
                found = [body.operand(i, {}, index, None, 0, None) for i in indices]
                place = body.steps(item, found, [i.root.dtype for i in indices])
                address = f.at(address, place, dtype.itemsize)
            if item.op in _MEETS:
                before = f.load(address, value.kind, width, active)
                value = _apply(f, _MEETS[item.op], before, value, out)
            f.store(value, address, active)


def _least(dtype: np.dtype[Any], most: bool) -> float:
    """Return what every number of a dtype replaces as the larger, or as the smaller one."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).max if most else np.iinfo(dtype).min
    return (np.inf if most else -np.inf) if dtype.kind == "f" else most


def _fill(f: Function, target: V, root: Value, number: float) -> None:
    kind, size = kind_of(root.dtype), root.dtype.itemsize
    with f.loop(0, math.prod(shape_of(root))) as turn:
        f.store(f.constant(number, kind), f.at(target, turn.index, size))


def _apply(f: Function, name: str, a: V, b: V, out: Value) -> V:
    return elementwise.apply(f, name, [a, b], [out.dtype] * 2, out.dtype, {})


def _concat(f: Function, item: Item, context: Context) -> None:
    (out,) = item.out
    axis, strides = item.attrs["axis"], row_major(shape_of(out))
    target, start = context.places.base(f, out), 0
    for view in item.views:
        source = _start(f, view, context)
        to = f.at(target, start * strides[axis], out.dtype.itemsize)
        move(f, source, view.strides, to, strides, view.shape, out)
        start += view.shape[axis]


def _start(f: Function, view: View, context: Context) -> V:
    base = context.places.base(f, view.root)
    return f.at(base, view.offset, view.root.dtype.itemsize)


def _lines(f: Function, shape: Sizes, axis: int, *strides: Sizes):  # type: ignore[no-untyped-def]
    """Go through all lines along an axis: for each the offsets at which they begin."""
    rest = [a for a in range(len(shape)) if a != axis]
    for index in outer_loops(f, [shape[a] for a in rest]):
        offsets = []
        for own in strides:
            offset: V | int = 0
            for at, a in zip(index, rest, strict=True):
                offset = f.add(offset, f.mul(at.base, own[a]))
            offsets.append(offset)
        yield offsets


def _position(f: Function, item: Item, context: Context) -> None:
    """Find the first place of the largest or smallest along an axis; NaN is before all."""
    (view,), (out,) = item.views, item.out
    (axis,) = item.attrs["axis"]
    size, dtype = view.root.dtype.itemsize, view.root.dtype
    kept = (*view.shape[:axis], 1, *view.shape[axis + 1 :])
    source, target = _start(f, view, context), context.places.base(f, out)
    stride = view.strides[axis]
    for here, there in _lines(f, view.shape, axis, view.strides, row_major(kept)):
        line = f.at(source, here, size)
        first = [f.load(line, kind_of(dtype)), f.constant(0, I64)]
        with f.loop(0, view.shape[axis], carried=first) as turn:
            best, place = turn.carried
            one = f.load(f.at(line, f.mul(turn.index, stride), size), best.kind)
            better = _better(f, item.op == "argmax", one, best, dtype.kind)
            turn.next([f.select(better, one, best), f.select(better, turn.index, place)])
        f.store(turn.results[1], f.at(target, there, 8))


def _better(f: Function, largest: bool, one: V, best: V, kind: str) -> V:
    word = "gt" if largest else "lt"
    if kind != "f":
        return f.compare(("s" if kind == "i" else "u") + word, one, best)
    more = f.compare("o" + word, one, best)
    unknown = f.binary("and", f.compare("uno", one, one), f.compare("ord", best, best))
    return f.binary("or", more, unknown)


_RUNNING = {"cumulative_sum": "add", "cumulative_prod": "multiply", "cummax": "maximum", "cummin": "minimum"}


def _running(f: Function, item: Item, context: Context) -> None:
    """Carry a number along an axis: s = s + x, s · x, max(s, x) or a · s + b; it begins with x, or b."""
    (out,), views = item.out, item.views
    axis, shape = item.attrs["axis"], views[0].shape
    size, kind = out.dtype.itemsize, kind_of(out.dtype)
    n, own = shape[axis], row_major(shape)
    bases = [_start(f, v, context) for v in views]
    target = context.places.base(f, out)
    for there, *here in _lines(f, shape, axis, own, *(v.strides for v in views)):
        to = f.at(target, there, size)
        lines = [f.at(b, o, size) for b, o in zip(bases, here, strict=True)]
        with f.loop(0, n, carried=[f.constant(0, kind)]) as turn:
            backwards = item.attrs.get("reverse", False)
            at = f.binary("sub", f.constant(n - 1, I64), turn.index) if backwards else turn.index
            read = [
                f.load(f.at(line, f.mul(at, v.strides[axis]), size), kind)
                for line, v in zip(lines, views, strict=True)
            ]
            (before,) = turn.carried
            if item.op == "linear_recurrence":
                follows = _apply(f, "add", _apply(f, "multiply", read[0], before, out), read[1], out)
            else:
                follows = _apply(f, _RUNNING[item.op], before, read[0], out)
            begins = f.compare("eq", turn.index, f.constant(0, I64))
            now = f.select(begins, read[-1], follows)
            f.store(now, f.at(to, f.mul(at, own[axis]), size))
            turn.next([now])


_RULES: dict[str, Callable[[Function, Item, Context], None]] = {
    "concat": _concat,
    "argmax": _position,
    "argmin": _position,
    "linear_recurrence": _running,
    "random_uniform": emit_random,
    "scan": emit_scan,
    "cond": emit_cond,
}
_RULES |= dict.fromkeys((*_MEETS, "index_put"), _scatter)
_RULES |= dict.fromkeys(_RUNNING, _running)
