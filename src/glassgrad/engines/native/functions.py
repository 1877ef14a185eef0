"""Mathematical functions as straight lines of vector instructions.

Every function takes any number of lanes of ``float`` or ``double`` and gives as many. There are no tables and no
branches, so that all lanes go the same way. The polynomials were fitted for this module by Remez's algorithm in 60-digit
arithmetic; each is given with its interval and its error.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from glassgrad.engines.native.ir import Function, V

BY_LIBRARY = ("sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh", "atanh")
"""Functions computed lane by lane by the C library."""


@dataclass(frozen=True, slots=True)
class _Format:
    """What a function needs to know of a floating-point format."""

    bits: str
    mantissa: int
    bias: int
    ln2: tuple[float, float]  # the first with zeros at its end, so that n · ln2[0] is exact
    range: tuple[float, float]  # beyond which e^x is 0 or infinite
    exp: tuple[float, ...]
    expm1: tuple[float, ...]
    tanh: float  # beyond which tanh is ±1
    tiny: float  # the smallest normal number

    @property
    def magic(self) -> float:
        """A number so large that adding it rounds to a whole number, which then lies in the last bits."""
        return 1.5 * 2.0**self.mantissa


_FORMATS = {
    "float": _Format(
        "i32",
        23,
        127,
        (float.fromhex("0x1.62e4p-1"), float.fromhex("0x1.7f7d1cf79abcap-20")),
        (-104.5, 89.0),
        (0.4999999403953552, 0.1666651964187622, 0.0416683629155159, 0.00836879014968872, 0.0013816846767440438),
        (0.5, 0.16666539013385773, 0.04166661202907562, 0.008367147296667099, 0.001391705358400941),
        10.0,
        2.0**-126,
    ),
    "double": _Format(
        "i64",
        52,
        1023,
        (float.fromhex("0x1.62e42fefa38p-1"), float.fromhex("0x1.ef35793c7673p-45")),
        (-746.0, 710.0),
        (0.5000000000000011, 0.16666666666666416, 0.04166666666652882, 0.008333333333490787,
         0.0013888888944017016, 0.00019841269516757931, 2.4801492664761853e-05, 2.7557575313857237e-06,
         2.7630413910815243e-07, 2.5004179321621055e-08),
        (0.5000000000000006, 0.1666666666666669, 0.041666666666573066, 0.008333333333310992, 0.001388888893258613,
         0.00019841269912964548, 2.480150417432837e-05, 2.7557217179593923e-06, 2.762644176084999e-07,
         2.5118481200473308e-08),
        20.0,
        2.0**-1022,
    ),
}  # fmt: skip

_LOG_FLOAT = (0.3333333134651184, -0.250008225440979, 0.20001228153705597, -0.1662333607673645, 0.1420172154903412,
              -0.13160362839698792, 0.12761949002742767, -0.07634475082159042)  # fmt: skip
_LOG_DOUBLE = (0.6666666666666734, 0.39999999999414093, 0.28571428742533367, 0.22222198556874953,
               0.18183565237659782, 0.15314025707027776, 0.14796212684151883)  # fmt: skip


# --- the exponential ------------------------------------------------------------------------------------------------


def exp(f: Function, x: V) -> V:
    """e^x."""
    form = _FORMATS[x.kind]
    low, high = form.range
    x = f.select(f.compare("olt", x, f.like(low, x)), f.like(low, x), x)
    x = f.select(f.compare("ogt", x, f.like(high, x)), f.like(high, x), x)
    n, r = _reduce(f, x, 2 * form.bias)
    rest = _rest(f, r, form.exp)
    half = f.binary("lshr", n, f.like(1, n))
    first, second = (_power_of_two(f, form, h, x.kind) for h in (half, f.binary("sub", n, half)))
    return f.binary("fmul", f.fma(rest, first, first), second)


def _reduce(f: Function, x: V, added: int) -> tuple[V, V]:
    """Return n + `added`, in the last bits of whole numbers, and r where x = n·ln 2 + r with |r| ≤ ½ ln 2."""
    form = _FORMATS[x.kind]
    magic = f.like(form.magic + added, x)
    shifted = f.fma(x, f.like(1 / np.log(2), x), magic)
    n = f.binary("fsub", shifted, magic)
    r = f.fma(n, f.like(-form.ln2[1], x), f.fma(n, f.like(-form.ln2[0], x), x))
    return f.cast("bitcast", shifted, form.bits), r


def _power_of_two(f: Function, form: _Format, n: V, kind: str) -> V:
    """Return 2 to the power of what the last bits hold less the bias."""
    return f.cast("bitcast", f.binary("shl", n, f.like(form.mantissa, n)), kind)


def _rest(f: Function, r: V, coefficients: Sequence[float]) -> V:
    """Return e^r − 1 = r + r²·P(r)."""
    square = f.binary("fmul", r, r)
    return f.fma(polynomial(f, r, coefficients), square, r)


def polynomial(f: Function, x: V, coefficients: Sequence[float]) -> V:
    """Return Σ c_i x^i by Estrin's scheme: pairs, then pairs of pairs, so that few steps wait for one another."""
    terms = [f.like(c, x) for c in coefficients]
    while len(terms) > 1:
        terms = [
            f.fma(b, x, a) if b is not None else a
            for a, b in zip(terms[::2], [*terms[1::2], *[None] * (len(terms) % 2)], strict=True)
        ]
        if len(terms) > 1:
            x = f.binary("fmul", x, x)
    return terms[0]


def expm1(f: Function, x: V) -> V:
    """e^x − 1."""
    form = _FORMATS[x.kind]
    low, high = -0.5 * form.mantissa - 14, form.range[1]
    low = -(form.mantissa + 2) * np.log(2)
    y = f.select(f.compare("olt", x, f.like(low, x)), f.like(low, x), x)
    y = f.select(f.compare("ogt", y, f.like(high, x)), f.like(high, x), y)
    n, r = _reduce(f, y, form.bias - 1)
    rest = _rest(f, r, form.expm1)
    scale = _power_of_two(f, form, n, x.kind)
    half = f.fma(rest, scale, f.binary("fadd", scale, f.like(-0.5, x)))
    whole = f.binary("fadd", half, half)
    near = f.compare("olt", f.intrinsic("fabs", x), f.like(0.5 * np.log(2) * 0.999, x))
    return f.intrinsic("copysign", f.select(near, rest, whole), x)


def tanh(f: Function, x: V) -> V:
    """The hyperbolic tangent."""
    form = _FORMATS[x.kind]
    size = f.intrinsic("fabs", x)
    size = f.select(f.compare("ogt", size, f.like(form.tanh, x)), f.like(form.tanh, x), size)
    n, r = _reduce(f, f.binary("fmul", size, f.like(-2, x)), form.bias)
    scale = _power_of_two(f, form, n, x.kind)
    e = f.fma(_rest(f, r, form.expm1), scale, f.binary("fadd", scale, f.like(-1, x)))
    return f.intrinsic("copysign", f.binary("fdiv", e, f.binary("fadd", e, f.like(2, x))), x)


def sigmoid(f: Function, x: V) -> V:
    """1 / (1 + e^−x)."""
    z = exp(f, f.fneg(f.intrinsic("fabs", x)))
    one = f.like(1, x)
    top = f.select(f.compare("olt", x, f.like(0, x)), z, one)
    return f.binary("fdiv", top, f.binary("fadd", z, one))


# --- the logarithm ---------------------------------------------------------------------------------------------------


def log(f: Function, x: V) -> V:
    """The natural logarithm."""
    form = _FORMATS[x.kind]
    small = f.compare("olt", x, f.like(form.tiny, x))
    grown = f.select(small, f.binary("fmul", x, f.like(2.0 ** (form.mantissa + 2), x)), x)
    lost = f.select(small, f.like(-(form.mantissa + 2), x), f.like(0, x))
    k, m = _split(f, grown)
    k = f.binary("fadd", k, lost)
    y = _log1p_reduced(f, f.binary("fadd", m, f.like(-1, x)), k)
    return _log_edges(f, x, y)


def _split(f: Function, x: V) -> tuple[V, V]:
    """Return k, as a floating-point number, and m in [√½, √2), where x = 2^k · m."""
    form = _FORMATS[x.kind]
    bits = f.cast("bitcast", x, form.bits)
    root = int(np.array(np.sqrt(0.5), f"f{int(form.bits[1:]) // 8}").view(f"i{int(form.bits[1:]) // 8}"))
    one = form.bias << form.mantissa
    moved = f.binary("add", bits, f.like(one - root, bits))
    exponent = f.binary("lshr", moved, f.like(form.mantissa, bits))
    whole = 2.0**form.mantissa
    base = (form.bias + form.mantissa) << form.mantissa
    k = f.cast("bitcast", f.binary("or", exponent, f.like(base, bits)), x.kind)
    k = f.binary("fadd", k, f.like(-(whole + form.bias), x))
    m = f.binary("and", moved, f.like((1 << form.mantissa) - 1, bits))
    return k, f.cast("bitcast", f.binary("add", m, f.like(root, bits)), x.kind)


def _log1p_reduced(f: Function, t: V, k: V) -> V:
    """Return k·ln 2 + ln(1 + t) for 1 + t in [√½, √2)."""
    form = _FORMATS[t.kind]
    square = f.binary("fmul", t, t)
    if t.kind == "float":
        tail = f.binary("fmul", f.binary("fmul", square, t), polynomial(f, t, _LOG_FLOAT))
        tail = f.fma(k, f.like(form.ln2[1], t), tail)
        low = f.fma(square, f.like(-0.5, t), tail)
        return f.fma(k, f.like(form.ln2[0], t), f.binary("fadd", t, low))
    half = f.binary("fmul", square, f.like(0.5, t))
    s = f.binary("fdiv", t, f.binary("fadd", t, f.like(2, t)))
    z = f.binary("fmul", s, s)
    r = f.binary("fmul", z, polynomial(f, z, _LOG_DOUBLE))
    low = f.fma(s, f.binary("fadd", half, r), f.binary("fmul", k, f.like(form.ln2[1], t)))
    return f.fma(k, f.like(form.ln2[0], t), f.binary("fsub", t, f.binary("fsub", half, low)))


def _log_edges(f: Function, x: V, y: V) -> V:
    """Put −inf at 0, NaN below, and infinity and NaN where they are given."""
    zero = f.like(0, x)
    inside = f.binary("and", f.compare("ogt", x, zero), f.compare("olt", x, f.like(np.inf, x)))
    edge = f.select(f.compare("olt", x, zero), f.like(np.nan, x), x)
    edge = f.select(f.compare("oeq", x, zero), f.like(-np.inf, x), edge)
    return f.select(inside, y, edge)


# --- the C library ----------------------------------------------------------------------------------------------------


def by_library(name: str) -> Callable[[Function, V], V]:
    """Return a function that calls the C library's, in double, for one lane after the other."""

    def emit(f: Function, x: V) -> V:
        return lanewise(f, name, x)

    return emit


def lanewise(f: Function, name: str, *args: V) -> V:
    """Call a function of the C library, in double, for one lane after the other."""
    kind, lanes = args[0].kind, args[0].lanes
    wide = [a if kind == "double" else f.cast("fpext", a, "double") for a in args]
    if lanes:
        result = V("poison", "double", lanes)
        for i in range(lanes):
            one = f.call(name, "double", [f.lane(a, i) for a in wide])
            result = f.emit(f"insertelement {result}, {one}, i64 {i}", "double", lanes)
    else:
        result = f.call(name, "double", wide)
    return result if kind == "double" else f.cast("fptrunc", result, kind)


def power(f: Function, x: V, y: V) -> V:
    """x^y."""
    return lanewise(f, "pow", x, y)


log1p = by_library("log1p")
log2 = by_library("log2")
log10 = by_library("log10")
erf = by_library("erf")
sin = by_library("sin")
cos = by_library("cos")
tan = by_library("tan")


@lru_cache(maxsize=1)
def resolve() -> None:
    """Tell LLVM where the C library's functions are."""
    import llvmlite.binding as llvm

    library = ctypes.CDLL(ctypes.util.find_library("m") or None)
    for name in (*BY_LIBRARY, "pow", "log1p", "log2", "log10", "erf", "sin", "cos", "tan"):
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        assert address is not None
        llvm.add_symbol(name, address)
