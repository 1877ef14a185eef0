"""Whole quotients, what they leave, and shifts: NumPy's steps, with its answers where the processor would stop.

A processor stops at a whole number divided by 0, and knows no shift by as many bits as a number has.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from glassgrad.engines.native.codegen.ir import Function, V

__all__ = ["floor_divide", "fmod", "remainder", "shifted_left", "shifted_right"]

DType: TypeAlias = np.dtype[Any]


def fmod(f: Function, dtype: DType, a: V, b: V) -> V:
    """Return what is left of `a`, with its sign, after `b` was taken away as often as goes; exact."""
    return f.binary("frem", a, b) if a.floating else _divided(f, dtype, a, b)[1]


def remainder(f: Function, dtype: DType, a: V, b: V) -> V:
    """Return what is left of `a`, with the sign of `b`."""
    rest = fmod(f, dtype, a, b)
    other = _other_sign(f, dtype, rest, b)
    if not a.floating:
        return f.select(other, f.binary("add", rest, b), rest)
    turned = f.select(other, f.binary("fadd", rest, b), rest)
    nothing = f.binary("and", f.compare("oeq", rest, f.like(0, a)), _is_not(f, b, 0))
    return f.select(nothing, f.intrinsic("copysign", f.like(0, a), b), turned)


def floor_divide(f: Function, dtype: DType, a: V, b: V) -> V:
    """Return the quotient, rounded down; with one operand infinite the quotient as it is."""
    if not a.floating:
        whole, rest = _divided(f, dtype, a, b)
        return f.select(_other_sign(f, dtype, rest, b), f.binary("sub", whole, f.like(1, a)), whole)
    zero, one = f.like(0, a), f.like(1, a)
    quotient, rest = f.binary("fdiv", a, b), f.binary("frem", a, b)
    near = f.binary("fdiv", f.binary("fsub", a, rest), b)
    near = f.select(_other_sign(f, dtype, rest, b), f.binary("fsub", near, one), near)
    down = f.intrinsic("floor", near)
    short = f.compare("ogt", f.binary("fsub", near, down), f.like(0.5, a))
    down = f.select(short, f.binary("fadd", down, one), down)
    down = f.select(_is_not(f, near, 0), down, f.intrinsic("copysign", zero, quotient))
    endless = [f.compare("oeq", f.intrinsic("fabs", v), f.like(np.inf, v)) for v in (a, b)]
    plain = f.binary("or", f.compare("oeq", b, zero), f.binary("xor", *endless))
    return f.select(plain, quotient, down)


def _is_not(f: Function, a: V, number: float) -> V:
    return f.compare("une" if a.floating else "ne", a, f.like(number, a))


def _other_sign(f: Function, dtype: DType, rest: V, b: V) -> V:
    """Say whether something is left, of another sign than the divisor's."""
    if dtype.kind == "u":
        return f.constant(False, "i1", b.lanes)
    below = "olt" if b.floating else "slt"
    signs = (f.compare(below, v, f.like(0, v)) for v in (rest, b))
    return f.binary("and", _is_not(f, rest, 0), f.binary("xor", *signs))


def _divided(f: Function, dtype: DType, a: V, b: V) -> tuple[V, V]:
    """Return quotient, rounded towards 0, and rest of whole numbers: 0 and 0 where the divisor is 0."""
    zero, one = f.like(0, a), f.like(1, a)
    none = f.compare("eq", b, zero)
    if dtype.kind == "u":
        divisor = f.select(none, one, b)
        whole, rest = (f.binary(op, a, divisor) for op in ("udiv", "urem"))
    else:
        turns = f.compare("eq", b, f.like(-1, b))  # the least number divided by −1 stops the processor, too
        divisor = f.select(f.binary("or", none, turns), one, b)
        whole, rest = (f.binary(op, a, divisor) for op in ("sdiv", "srem"))
        whole = f.select(turns, f.binary("sub", zero, a), whole)
    return tuple(f.select(none, zero, v) for v in (whole, rest))  # type: ignore[return-value]


def shifted_left(f: Function, dtype: DType, a: V, by: V) -> V:
    """Return `a` shifted left; 0 where nothing of it is left."""
    within, by = _within(f, dtype, by)
    return f.select(within, f.binary("shl", a, by), f.like(0, a))


def shifted_right(f: Function, dtype: DType, a: V, by: V) -> V:
    """Return `a` shifted right, its sign kept; 0 or −1 where nothing else of it is left."""
    within, by = _within(f, dtype, by)
    if dtype.kind == "u":
        return f.select(within, f.binary("lshr", a, by), f.like(0, a))
    rest = f.binary("ashr", a, f.like(8 * dtype.itemsize - 1, a))
    return f.select(within, f.binary("ashr", a, by), rest)


def _within(f: Function, dtype: DType, by: V) -> tuple[V, V]:
    """Return where a number of places is one that a number has, and those numbers, 0 for the others."""
    within = f.compare("ult", by, f.like(8 * dtype.itemsize, by))
    return within, f.select(within, by, f.like(0, by))
