"""Sine, cosine and tangent.

The angle is reduced by π/2 in three parts, with what the reduced angle lost in rounding kept beside it, so that results
are as good near a multiple of π as elsewhere. That holds up to angles of 2¹⁷; where a lane has a larger one, a branch
asks the C library. `functions` says how the polynomials were fitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from glassgrad.engines.native.codegen.floats import bits_of, lanewise, leading, polynomial, rounded
from glassgrad.engines.native.codegen.ir import I1, Function, V

__all__ = ["cos", "sin", "tan"]

_QUARTER = (
    float.fromhex("0x1.921fb5444p+0"),
    float.fromhex("0x1.68c234c4cp-39"),
    float.fromhex("0x1.98a2e03707345p-77"),
)
"""π/2 in three parts; the first two, 36 bits each, are exact when multiplied by a number of 17 bits."""

_FAR = 2.0**17
"""Angles from here on are left to the C library."""

_SIN = (
    0.1666666666666663, -0.008333333333322118, 0.00019841269829588956, -2.7557313621159247e-06,
    2.5050747724255802e-08, -1.5896227760943576e-10,
)  # fmt: skip
"""P, where sin r = r − r³·P(r²) for |r| ≤ π/4: degree 5, 2^-56.3."""

_COS = (
    0.041666666666666595, -0.0013888888888873056, 2.4801587288850653e-05, -2.7557314178988574e-07,
    2.0875700799352644e-09, -1.1358534274429555e-11,
)  # fmt: skip
"""P, where cos r = 1 − r²/2 + r⁴·P(r²) for |r| ≤ π/4: degree 5, 2^-59.7."""

_TAN = (
    0.3333333333333278, 0.13333333333414313, 0.05396825392681471, 0.021869489605515248, 0.00886321921289818,
    0.0035922886443628455, 0.0014547605777039034, 0.0005950538737248977, 0.0002224116125627301,
    0.00013646029716972086, -2.6294322650452128e-05, 8.936789598554815e-05, -4.483091128437371e-05,
    2.0852258609682642e-05,
)  # fmt: skip
"""P, where tan r = r + r³·P(r²) for |r| ≤ π/4: degree 13, 2^-55.4."""


def sin(f: Function, x: V) -> V:
    """Return the sine, within 1 ulp."""
    return _circular(f, x, "sin", lambda x: _wave(f, x, 0))


def cos(f: Function, x: V) -> V:
    """Return the cosine, within 1 ulp."""
    return _circular(f, x, "cos", lambda x: _wave(f, x, 1))


def tan(f: Function, x: V) -> V:
    """Return the tangent, within 1.5 ulp."""
    return _circular(f, x, "tan", lambda x: _tan(f, x))


def _circular(f: Function, x: V, name: str, near: Callable[[V], V]) -> V:
    """Compute in double; where a lane holds a large angle, ask the C library for such lanes."""
    wide = x if x.kind == "double" else f.cast("fpext", x, "double")
    y = near(wide)
    large = f.compare("oge", f.intrinsic("fabs", wide), f.like(_FAR, wide))
    some = f.call(f"llvm.vector.reduce.or.v{x.lanes}i1", I1, [large]) if x.lanes else large
    before, inside, after = f.block, f.label("far"), f.label("near")
    f.do(f"br {some}, label %{inside}, label %{after}")
    f.begin(inside)
    asked = f.select(large, lanewise(f, name, wide), y)
    f.do(f"br label %{after}")
    f.begin(after)
    y = f.emit(f"phi {y.type} [ {y.text}, %{before} ], [ {asked.text}, %{inside} ]", y.kind, y.lanes)
    return y if x.kind == "double" else f.cast("fptrunc", y, x.kind)


def _turned(f: Function, x: V) -> tuple[V, V, V]:
    """Reduce x = n·π/2 + r − e with |r| ≤ π/4 and e smaller than r's last place; return n's bits, r and e."""
    n, bits = rounded(f, x, 2 / math.pi)
    first, second, third = _QUARTER
    w = f.fma(n, f.like(-first, x), x)
    high = f.fma(n, f.like(-second, x), w)
    low = f.fma(n, f.like(second, x), f.binary("fsub", high, w))
    low = f.fma(n, f.like(third, x), low)
    r = f.binary("fsub", high, low)
    return bits, r, f.binary("fsub", low, f.binary("fsub", high, r))


def _wave(f: Function, x: V, quarters: int) -> V:
    """Return sin(x + quarters·π/2)."""
    n, r, e = _turned(f, x)
    n = f.binary("add", n, f.like(quarters, n))
    z = f.binary("fmul", r, r)
    sine = f.binary("fsub", r, f.fma(f.binary("fmul", z, r), polynomial(f, z, _SIN), e))
    one, half = f.like(1, x), f.binary("fmul", z, f.like(0.5, x))
    whole = f.binary("fsub", one, half)
    rest = f.binary("fsub", f.binary("fsub", one, whole), half)
    rest = f.fma(r, e, rest)
    rest = f.fma(f.binary("fmul", z, z), polynomial(f, z, _COS), rest)
    cosine = f.binary("fadd", whole, rest)
    y = f.select(_odd(f, n), cosine, sine)
    sign = f.binary("shl", f.binary("lshr", n, f.like(1, n)), f.like(63, n))
    return f.cast("bitcast", f.binary("xor", bits_of(f, y), sign), x.kind)


def _odd(f: Function, n: V) -> V:
    return f.compare("ne", f.binary("and", n, f.like(1, n)), f.like(0, n))


def _tan(f: Function, x: V) -> V:
    n, r, e = _turned(f, x)
    z = f.binary("fmul", r, r)
    bend = f.binary("fmul", f.binary("fmul", z, r), polynomial(f, z, _TAN))
    rough = f.binary("fadd", r, bend)
    slope = f.fma(rough, rough, f.like(1, x))
    less = f.binary("fsub", f.binary("fmul", e, slope), bend)
    high = f.binary("fsub", r, less)
    low = f.binary("fsub", f.binary("fsub", r, high), less)
    # −1 / (high + low): the quotient's leading bits times those of `high` is exact, and tells how much is missing
    inverse = f.binary("fdiv", f.like(-1, x), high)
    top, head = leading(f, inverse), leading(f, high)
    tail = f.binary("fadd", f.binary("fsub", high, head), low)
    missing = f.fma(top, tail, f.fma(top, head, f.like(1, x)))
    return f.select(_odd(f, n), f.fma(inverse, missing, top), high)
