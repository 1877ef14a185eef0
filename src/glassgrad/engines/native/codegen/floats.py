"""What mathematical functions are made of: the formats of floating-point numbers, polynomials, powers of two.

Everything takes any number of lanes of ``float`` or ``double``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassgrad.engines.native.codegen.ir import Function, V

__all__ = [
    "FORMATS", "Format", "at_least", "at_most", "bits_of", "exponent", "lanewise", "leading", "polynomial",
    "power_of_two", "rounded", "split", "split_normal",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Format:
    """A floating-point format: the whole numbers of its size, the bits of its fraction, the bias of its exponent."""

    whole: str
    fraction: int
    bias: int
    half_root: int  # the bits of √½

    @property
    def magic(self) -> float:
        """A number so large that what is added to it becomes a whole number, in its last bits."""
        return 1.5 * 2.0**self.fraction


FORMATS = {
    "float": Format("i32", 23, 127, int(np.float32(0.5**0.5).view(np.int32))),
    "double": Format("i64", 52, 1023, int(np.float64(0.5**0.5).view(np.int64))),
}


def polynomial(f: Function, x: V, coefficients: Sequence[float]) -> V:
    """Return Σ cᵢxⁱ by Estrin's scheme: pairs of terms, then pairs of pairs."""
    terms = [f.like(c, x) for c in coefficients]
    while True:
        pairs = [f.fma(high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
        if len(terms) == 1:
            return terms[0]
        x = f.binary("fmul", x, x)


def at_least(f: Function, x: V, bound: float) -> V:
    """Return max(x, bound); NaN stays."""
    limit = f.like(bound, x)
    return f.select(f.compare("olt", x, limit), limit, x)


def at_most(f: Function, x: V, bound: float) -> V:
    """Return min(x, bound); NaN stays."""
    limit = f.like(bound, x)
    return f.select(f.compare("ogt", x, limit), limit, x)


def bits_of(f: Function, x: V) -> V:
    """Return the same bits as a whole number."""
    return f.cast("bitcast", x, FORMATS[x.kind].whole)


def power_of_two(f: Function, n: V, kind: str) -> V:
    """Return 2 to the power of what the last bits of `n` hold, less the bias."""
    return f.cast("bitcast", f.binary("shl", n, f.like(FORMATS[kind].fraction, n)), kind)


def rounded(f: Function, x: V, factor: float, added: int = 0) -> tuple[V, V]:
    """Return x · factor rounded to a whole number; and bits that end in it plus `added`."""
    magic = f.like(FORMATS[x.kind].magic + added, x)
    moved = f.fma(x, f.like(factor, x), magic)
    return f.binary("fsub", moved, magic), bits_of(f, moved)


def split(f: Function, x: V) -> tuple[V, V]:
    """Return k and m, where a positive x is 2^k · m and √½ ≤ m < √2."""
    form = FORMATS[x.kind]
    more = form.fraction + 2
    small = f.compare("olt", x, f.like(2.0 ** (1 - form.bias), x))
    biased, m = split_normal(f, f.select(small, f.binary("fmul", x, f.like(2.0**more, x)), x))
    return exponent(f, biased, f.select(small, f.like(more, x), f.like(0, x))), m


def split_normal(f: Function, x: V) -> tuple[V, V]:
    """Return the same for numbers that are not too small to be normal, but k as a whole number plus the bias."""
    form = FORMATS[x.kind]
    bits = bits_of(f, x)
    moved = f.binary("add", bits, f.like((form.bias << form.fraction) - form.half_root, bits))
    biased = f.binary("lshr", moved, f.like(form.fraction, bits))
    m = f.binary("and", moved, f.like((1 << form.fraction) - 1, bits))
    return biased, f.cast("bitcast", f.binary("add", m, f.like(form.half_root, bits)), x.kind)


def exponent(f: Function, biased: V, less: V) -> V:
    """Return an exponent plus the bias as a floating-point number without it, less `less`."""
    form = FORMATS[less.kind]
    ones = (form.bias + form.fraction) << form.fraction  # 2^fraction, whose last bits count ones
    number = f.cast("bitcast", f.binary("or", biased, f.like(ones, biased)), less.kind)
    return f.binary("fsub", number, f.binary("fadd", less, f.like(2.0**form.fraction + form.bias, less)))


def leading(f: Function, x: V) -> V:
    """Return the first 21 bits of a double; two such numbers have an exact product."""
    bits = bits_of(f, x)
    return f.cast("bitcast", f.binary("and", bits, f.like(-1 << 32, bits)), x.kind)


def lanewise(f: Function, name: str, *args: V) -> V:
    """Call a function of the C library, in double, for one lane after the other."""
    kind, lanes = args[0].kind, args[0].lanes
    wide = [a if kind == "double" else f.cast("fpext", a, "double") for a in args]
    result = V("poison", "double", lanes) if lanes else f.call(name, "double", wide)
    for i in range(lanes):
        one = f.call(name, "double", [f.lane(a, i) for a in wide])
        result = f.emit(f"insertelement {result}, {one}, i64 {i}", "double", lanes)
    return result if kind == "double" else f.cast("fptrunc", result, kind)
