"""Powers.

x^y = 2^(y · log₂ x): any error of the logarithm comes out multiplied by y · ln x, by several hundred. So in double the
logarithm is carried in two parts, together good to 65 bits, and so is the product. Products of leading parts are exact,
as a leading part has 21 bits; no fused multiply-add is needed for that. In float, double itself is long enough.
`functions` says how the polynomial was fitted.
"""

from __future__ import annotations

import math

import numpy as np

from glassgrad.engines.native.codegen.floats import (
    FORMATS,
    at_least,
    at_most,
    bits_of,
    leading,
    polynomial,
    rounded,
    split,
)
from glassgrad.engines.native.codegen.functions import exp, log, raised, rest_of_exp
from glassgrad.engines.native.codegen.ir import Function, V

__all__ = ["power"]

_LOG = (
    0.5999999999999996, 0.42857142857167607, 0.3333333332631843, 0.27272728303902244, 0.23076835406682533,
    0.2000447250782096, 0.1751229706009347, 0.17982973747580605,
)  # fmt: skip
"""P, where 3·artanh(s) / s = 3 + s² + s⁴·P(s²) for |s| ≤ 0.1716: degree 7, 2^-67.3 of the logarithm."""

_SCALE = (float.fromhex("0x1.ec709cp-1"), float.fromhex("0x1.c3a03fd749fc1p-25"))
"""2 / (3 ln 2) in two parts, the first of 24 bits."""

_LN2 = (float.fromhex("0x1.62e42ep-1"), float.fromhex("0x1.efa39ef35793cp-25"))
"""ln 2, likewise."""


def power(f: Function, x: V, y: V) -> V:
    """Return x^y, within 1.25 ulp, with C's and NumPy's rules at 0, 1, infinity, NaN and for negative x."""
    if x.kind == "float":
        x, y = f.cast("fpext", x, "double"), f.cast("fpext", y, "double")
        size = f.intrinsic("fabs", x)
        size = exp(f, f.binary("fmul", y, log(f, size)))
        return f.cast("fptrunc", _signed(f, x, y, size), "float")
    return _signed(f, x, y, _size(f, f.intrinsic("fabs", x), y))


def _signed(f: Function, x: V, y: V, size: V) -> V:
    """Return x^y where `size` is |x|^y wherever that does not come out as 0 · ∞."""
    zero, one, infinity = (f.like(v, x) for v in (0, 1, np.inf))
    whole = _whole(f, y)
    even = _whole(f, f.binary("fmul", y, f.like(0.5, y)))
    odd = f.binary("and", whole, _no(f, even))
    bits = bits_of(f, x)
    turned = f.binary("and", odd, f.compare("slt", bits, f.like(0, bits)))
    result = f.select(turned, f.fneg(size), size)
    negative = f.binary("and", f.compare("olt", x, zero), f.compare("ogt", x, f.like(-np.inf, x)))
    result = f.select(f.binary("and", negative, _no(f, whole)), f.like(np.nan, x), result)
    both = f.binary(
        "and",
        f.compare("oeq", f.intrinsic("fabs", x), one),
        f.compare("oeq", f.intrinsic("fabs", y), infinity),
    )
    plain = f.binary("or", f.compare("oeq", x, one), f.compare("oeq", y, zero))
    return f.select(f.binary("or", plain, both), one, result)


def _whole(f: Function, y: V) -> V:
    """Say whether a number is whole; infinity is."""
    size, large = f.intrinsic("fabs", y), f.like(2.0**52, y)
    near = f.binary("fsub", f.binary("fadd", size, large), large)
    return f.binary("or", f.compare("oeq", near, size), f.compare("oge", size, large))


def _no(f: Function, truth: V) -> V:
    return f.binary("xor", truth, f.like(True, truth))


def _size(f: Function, x: V, y: V) -> V:
    """Return x^y for x ≥ 0, in double."""
    zero, infinity = f.like(0, x), f.like(np.inf, x)
    usual = f.binary("and", f.compare("ogt", x, zero), f.compare("olt", x, infinity))
    usual = f.binary("and", usual, f.compare("olt", f.intrinsic("fabs", y), infinity))
    grows = f.binary("xor", f.compare("ogt", y, zero), f.compare("olt", x, f.like(1, x)))
    limit = f.select(grows, infinity, zero)
    limit = f.select(f.compare("uno", x, y), f.like(np.nan, x), limit)
    return f.select(usual, _exp2(f, *_product(f, y, *_log2(f, x))), limit)


def _log2(f: Function, x: V) -> tuple[V, V]:
    """Return log₂ x as a leading part and the rest, through s = (m − 1) / (m + 1) and log m = 2 artanh s."""
    k, m = split(f, x)
    one = f.like(1, x)
    below, above = f.binary("fsub", m, one), f.binary("fadd", m, one)
    above_head = leading(f, above)
    above_tail = f.binary("fsub", m, f.binary("fsub", above_head, one))
    inverse = f.binary("fdiv", one, above)
    s = f.binary("fmul", below, inverse)
    head = leading(f, s)
    missing = f.fma(f.fneg(head), above_head, below)
    missing = f.fma(f.fneg(head), above_tail, missing)
    tail = f.binary("fmul", missing, inverse)
    # 3·artanh(s) / s = 3 + s² + …, in two parts
    square, exact = f.binary("fmul", s, s), f.binary("fmul", head, head)
    more = f.binary("fmul", tail, f.binary("fadd", head, s))
    more = f.fma(f.binary("fmul", square, square), polynomial(f, square, _LOG), more)
    three = f.like(3, x)
    factor = leading(f, f.binary("fadd", f.binary("fadd", exact, three), more))
    factor_tail = f.binary("fsub", more, f.binary("fsub", f.binary("fsub", factor, three), exact))
    # times s
    main = f.binary("fmul", head, factor)
    rest = f.fma(tail, factor, f.binary("fmul", factor_tail, s))
    product = leading(f, f.binary("fadd", main, rest))
    product_tail = f.binary("fsub", rest, f.binary("fsub", product, main))
    # times 2 / (3 ln 2), plus k
    high, low = _SCALE
    main = f.binary("fmul", product, f.like(high, x))
    rest = f.fma(product, f.like(low, x), f.binary("fmul", product_tail, f.like(high + low, x)))
    total = leading(f, f.binary("fadd", f.binary("fadd", main, rest), k))
    return total, f.binary("fsub", rest, f.binary("fsub", f.binary("fsub", total, k), main))


def _product(f: Function, y: V, head: V, tail: V) -> tuple[V, V]:
    """Return y · (head + tail) in two parts, no larger than what 2^ needs to be 0 or infinite."""
    y_head = leading(f, y)
    rest = f.binary("fmul", f.binary("fsub", y, y_head), head)
    rest = f.fma(y, tail, rest)
    main = f.binary("fmul", y_head, head)
    total = f.binary("fadd", main, rest)
    held = at_most(f, at_least(f, total, -1080.0), 1030.0)
    same = f.compare("oeq", held, total)
    return f.select(same, main, held), f.select(same, rest, f.like(0, y))


def _exp2(f: Function, main: V, rest: V) -> V:
    """Return 2^(main + rest)."""
    n, bits = rounded(f, f.binary("fadd", main, rest), 1.0, 2 * FORMATS[main.kind].bias)
    main = f.binary("fsub", main, n)
    head = leading(f, f.binary("fadd", main, rest))
    tail = f.binary("fsub", rest, f.binary("fsub", head, main))
    high, low = _LN2
    main = f.binary("fmul", head, f.like(high, head))
    rest = f.fma(tail, f.like(math.log(2), tail), f.binary("fmul", head, f.like(low, head)))
    return raised(f, bits, main, rest_of_exp(f, f.binary("fadd", main, rest), rest))
