"""Random numbers in machine code: Philox, the same numbers as `glassgrad.philox` gives, to the last bit."""

from __future__ import annotations

import math

from glassgrad.engines.native.codegen.ir import I64, Function, V, kind_of
from glassgrad.engines.native.kernels.body import Context
from glassgrad.engines.native.lowering.items import Item, View, shape_of
from glassgrad.philox import KEY_STEPS, MULTIPLIERS, ROUNDS

__all__ = ["emit_random"]

_LANES = 16
"""Counters that are encrypted together."""


def emit_random(f: Function, item: Item, context: Context) -> None:
    """Fill the output with numbers uniform in [0, 1), keyed by seed, step, row and element."""
    (out,) = item.out
    seed, step, rows = item.views
    keys = [_word(f, _number(f, seed, context), shift) for shift in (0, 32)]
    counted = _word(f, _number(f, step, context), 0)
    elements = math.prod(shape_of(out)[1:])
    size = out.dtype.itemsize
    each = 16 // size
    target = context.places.base(f, out)
    data = f.at(context.places.base(f, rows.root), rows.offset, rows.root.dtype.itemsize)
    blocks = -(-elements // each)
    with f.loop(0, rows.shape[0]) as row:
        where = f.at(data, f.mul(row.index, rows.strides[0]), rows.root.dtype.itemsize)
        number = _word(f, _long(f, where, rows), 0)
        line = f.at(target, f.mul(row.index, elements), size)
        done = elements // (each * _LANES) * _LANES
        if done:
            with f.loop(0, done, _LANES) as turn:
                words = _encrypted(f, turn.index, number, counted, item.attrs["node"], keys)
                f.store(_uniform(f, words, size), f.at(line, f.mul(turn.index, each), size))
        if done < blocks:
            words = _encrypted(f, V(str(done), I64), number, counted, item.attrs["node"], keys)
            rest = elements - done * each
            f.store(_uniform(f, words, size), f.at(line, done * each, size), active=rest)


def _number(f: Function, view: View, context: Context) -> V:
    base = context.places.base(f, view.root)
    return _long(f, f.at(base, view.offset, view.root.dtype.itemsize), view)


def _long(f: Function, address: V, view: View) -> V:
    """Read a whole number of a view in 64 bits."""
    dtype = view.root.dtype
    number = f.load(address, kind_of(dtype))
    return number if number.kind == I64 else f.cast("sext" if dtype.kind == "i" else "zext", number, I64)


def _word(f: Function, number: V, shift: int) -> V:
    """Return 32 bits of a number as a vector of counters' words."""
    moved = f.binary("lshr", number, f.constant(shift, I64)) if shift else number
    return f.splat(f.cast("trunc", moved, "i32"), _LANES)


def _encrypted(f: Function, block: V, row: V, step: V, node: int, keys: list[V]) -> list[V]:
    """Return the four random words of each of sixteen counters."""
    first = f.splat(f.cast("trunc", block, "i32"), _LANES)
    counters = f.binary("add", first, f.lanes(range(_LANES), "i32"))
    even, odd = [counters, step], [row, f.constant(node, "i32", _LANES)]
    half = f.constant(32, I64, _LANES)
    for r in range(ROUNDS):
        products = []
        for word, multiplier in zip(even, MULTIPLIERS, strict=True):
            wide = f.cast("zext", word, I64)
            products.append(f.binary("mul", wide, f.constant(multiplier, I64, _LANES)))
        made = []
        for product, other, key, key_step in zip(products[::-1], odd, keys, KEY_STEPS, strict=True):
            high = f.cast("trunc", f.binary("lshr", product, half), "i32")
            round_key = f.binary("add", key, f.constant(r * key_step % (1 << 32), "i32", _LANES))
            made.append(f.binary("xor", f.binary("xor", high, other), round_key))
        even, odd = made, [f.cast("trunc", product, "i32") for product in products[::-1]]
    return [even[0], odd[0], even[1], odd[1]]


def _uniform(f: Function, words: list[V], size: int) -> V:
    """Return the words of sixteen counters, in order, as numbers in [0, 1)."""
    n = _LANES
    low = f.shuffle(words[0], words[1], range(2 * n))
    high = f.shuffle(words[2], words[3], range(2 * n))
    order = [i + n * w for i in range(n) for w in range(4)]
    mixed = f.shuffle(low, high, order)
    if size == 4:
        bits = f.binary("lshr", mixed, f.constant(8, "i32", 4 * n))
        return f.binary("fmul", f.cast("uitofp", bits, "float"), f.constant(2.0**-24, "float", 4 * n))
    pairs = f.emit(f"bitcast {mixed} to <{2 * n} x i64>", I64, 2 * n)
    bits = f.binary("lshr", pairs, f.constant(11, I64, 2 * n))
    return f.binary("fmul", f.cast("uitofp", bits, "double"), f.constant(2.0**-53, "double", 2 * n))
