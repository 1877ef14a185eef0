"""Operations that own graphs: their bodies are compiled like everything else, and called inside a loop or a
choice.

What a body reads is copied to where it expects it, and what it makes from there: a few loads beside the
body's own work.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from glassgrad.engines.native.codegen.ir import I1, I64, Function, V
from glassgrad.engines.native.kernels.body import Context
from glassgrad.engines.native.kernels.moves import move
from glassgrad.engines.native.lowering.items import Item, View, row_major, shape_of
from glassgrad.ir import Value

__all__ = ["emit_cond", "emit_scan"]


def emit_scan(f: Function, item: Item, context: Context) -> None:
    """Write the loop of a `scan`."""
    assert item.node is not None
    carry, xs = item.attrs["carry"], item.attrs["xs"]
    body = context.inside(item.node.subgraphs["body"])
    states, rows = item.views[:carry], item.views[carry : carry + xs]
    inputs = body.items.inputs
    for view, value in zip(
        (*states, *item.views[carry + xs :]), (*inputs[:carry], *inputs[carry + xs :]), strict=True
    ):
        _into(f, view, value, context, body.places.base(f, value))
    length = rows[0].shape[0]
    with f.loop(0, length) as turn:
        i = turn.index
        if item.attrs["reverse"]:
            i = f.binary("sub", f.constant(length - 1, I64), i)
        for view, value in zip(rows, inputs[carry : carry + xs], strict=True):
            row = View(view.root, view.offset, view.shape[1:], view.strides[1:])
            _into(f, row, value, context, body.places.base(f, value), f.mul(i, view.strides[0]))
        body.call(f)
        for made, value in _read(zip(body.items.outputs[carry:], item.out[carry:], strict=True), context):
            size = math.prod(shape_of(made))
            to = f.at(context.places.base(f, value), f.mul(i, size), value.dtype.itemsize)
            _whole(f, made, body.places.base(f, made), to)
        for made, value in zip(body.items.outputs[:carry], inputs[:carry], strict=True):
            _whole(f, made, body.places.base(f, made), body.places.base(f, value))
    for value, out in _read(zip(inputs[:carry], item.out[:carry], strict=True), context):
        _whole(f, value, body.places.base(f, value), context.places.base(f, out))


def emit_cond(f: Function, item: Item, context: Context) -> None:
    """Write the choice of a `cond`."""
    assert item.node is not None
    which, *operands = item.views
    address = f.at(context.places.base(f, which.root), which.offset, 1)
    chosen = f.load(address, I1)
    other = f.binary("xor", chosen, f.constant(1, I1))
    for role, taken in (("true", chosen), ("false", other)):
        body = context.inside(item.node.subgraphs[role])
        with f.when(taken):
            for view, value in zip(operands, body.items.inputs, strict=True):
                _into(f, view, value, context, body.places.base(f, value))
            body.call(f)
            for made, out in _read(zip(body.items.outputs, item.out, strict=True), context):
                _whole(f, made, body.places.base(f, made), context.places.base(f, out))


def _read(pairs: Iterable[tuple[Value, Value]], context: Context) -> list[tuple[Value, Value]]:
    """Return the pairs of which the second, a result, is read by something: the others have no place."""
    return [pair for pair in pairs if pair[1] in context.places.of]


def _into(f: Function, view: View, value: Value, context: Context, target: V, away: V | int = 0) -> None:
    size = value.dtype.itemsize
    source = f.at(f.at(context.places.base(f, view.root), view.offset, size), away, size)
    move(f, source, view.strides, target, row_major(view.shape), view.shape, value)


def _whole(f: Function, value: Value, source: V, target: V) -> None:
    shape = shape_of(value)
    strides = row_major(shape)
    move(f, source, strides, target, strides, shape, value)
