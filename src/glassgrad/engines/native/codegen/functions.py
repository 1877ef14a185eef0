"""Mathematical functions as straight lines of vector instructions.

A function takes any number of lanes of ``float`` or ``double`` and gives as many. There are no tables and no branches,
so all lanes go the same way. Each says how far its results may be from the true ones, in units in the last place, on
machines with fused multiply-add and without. Zeros keep their sign, infinities and NaN come out as NumPy has them, and
results too small for a normal number are right wherever the processor has not been told to flush them.

Every polynomial was fitted for this module: Remez's algorithm in 60-digit arithmetic for the least relative error of
the function (not of the polynomial), the coefficients then rounded. The tables give interval, degree and error. They
are evaluated by Estrin's scheme, whose steps hardly wait for one another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glassgrad.engines.native.codegen.floats import (
    FORMATS,
    at_least,
    at_most,
    exponent,
    lanewise,
    polynomial,
    power_of_two,
    rounded,
    split,
    split_normal,
)
from glassgrad.engines.native.codegen.ir import Function, V

__all__ = [
    "BY_LIBRARY", "by_library", "cbrt", "erf", "exp", "expm1", "log", "log1p", "log2", "log10", "raised", "rest_of_exp",
    "sigmoid", "tanh",
]  # fmt: skip

_Pair = tuple[float, float]
_LN2: dict[str, _Pair] = {
    "float": (float.fromhex("0x1.62e4p-1"), float.fromhex("0x1.7f7d1cf79abcap-20")),
    "double": (float.fromhex("0x1.62e42fefa38p-1"), float.fromhex("0x1.ef35793c7673p-45")),
}
"""ln 2 in two parts, of which the first has zeros at its end: multiplied by an exponent it is exact."""


# --- exponentials ---------------------------------------------------------------------------------------------------

_EXP = {
    # |r| ≤ ½ ln 2: degree 4, 2^-26.0
    "float": (0.5, 0.16666539013385773, 0.04166661202907562, 0.008367147296667099, 0.001391705358400941),
    # degree 9, 2^-55.5
    "double": (
        0.5000000000000006, 0.1666666666666669, 0.041666666666573066, 0.008333333333310992, 0.001388888893258613,
        0.00019841269912964548, 2.480150417432837e-05, 2.7557217179593923e-06, 2.762644176084999e-07,
        2.5118481200473308e-08,
    ),
}  # fmt: skip
"""P, where e^r − 1 = r + r²·P(r); the errors are those of e^r − 1."""


def rest_of_exp(f: Function, r: V, rest: V) -> V:
    """Return e^r − 1 − r + `rest`, for |r| ≤ ½ ln 2."""
    return f.fma(polynomial(f, r, _EXP[r.kind]), f.binary("fmul", r, r), rest)


def raised(f: Function, n: V, main: V, rest: V) -> V:
    """Return 2^n · (1 + main + rest), where bits end in n plus twice the bias.

    2^n is multiplied in as two halves, of which each is a normal number: only the last product may leave their range.
    """
    half = f.binary("lshr", n, f.like(1, n))
    first = power_of_two(f, half, main.kind)
    second = power_of_two(f, f.binary("sub", n, half), main.kind)
    return f.binary("fmul", f.fma(f.binary("fadd", main, rest), first, first), second)


def _without_powers(f: Function, x: V, added: int) -> tuple[V, V, V]:
    """Reduce x = n·ln 2 + r, |r| ≤ ½ ln 2.

    Returns bits that end in n + `added`, and e^r − 1 as the sum of a number without error and a small one: rounded
    once less, which is what keeps e^x − 1 within its bound.
    """
    n, bits = rounded(f, x, 1 / math.log(2), added)
    high, low = _LN2[x.kind]
    main = f.fma(n, f.like(-high, x), x)
    rest = f.binary("fmul", n, f.like(-low, x))
    return bits, main, rest_of_exp(f, f.binary("fadd", main, rest), rest)


def exp(f: Function, x: V) -> V:
    """Return e^x, within 1 ulp."""
    low, high = (-104.5, 89.0) if x.kind == "float" else (-746.0, 710.0)
    return _exp(f, at_most(f, at_least(f, x, low), high))


def _exp(f: Function, x: V) -> V:
    """Return e^x between the bounds beyond which it is 0 or infinite."""
    return raised(f, *_without_powers(f, x, 2 * FORMATS[x.kind].bias))


def expm1(f: Function, x: V) -> V:
    """Return e^x − 1, within 1.5 ulp."""
    form = FORMATS[x.kind]
    y = at_least(f, x, -(form.fraction + 3) * math.log(2))
    y = at_most(f, y, 89.0 if x.kind == "float" else 710.0)
    n, main, rest = _without_powers(f, y, form.bias - 1)  # half of it, as 2^n itself may be too large
    scale = power_of_two(f, n, x.kind)
    half = f.fma(main, scale, f.binary("fadd", scale, f.like(-0.5, x)))
    half = f.fma(rest, scale, half)
    tiny = f.compare("olt", f.intrinsic("fabs", x), f.like(2.0 ** -(form.fraction + 2), x))
    return f.select(tiny, x, f.binary("fadd", half, half))


_TANH = {
    # |x| ≤ 0.55: degree 4, 2^-27.8
    "float": (
        -0.33333316445350647, 0.13332585990428925, -0.05385230854153633, 0.021071676164865494, -0.006274235434830189,
    ),
    # degree 10, 2^-58.8
    "double": (
        -0.333333333333333, 0.13333333333326622, -0.05396825396376076, 0.021869488385859188, -0.008863232601486873,
        0.003592092030839689, -0.0014555428481394846, 0.0005884444955595561, -0.00023338158848915872,
        8.331648031027534e-05, -1.949470773704401e-05,
    ),
}  # fmt: skip
"""P, where tanh x = x + x³·P(x²)."""


def tanh(f: Function, x: V) -> V:
    """Return the hyperbolic tangent, within 1.5 ulp: a polynomial near 0, and 1 − 2 / (e^2|x| + 1) from ½ on."""
    form = FORMATS[x.kind]
    size, square = f.intrinsic("fabs", x), f.binary("fmul", x, x)
    near = f.fma(f.binary("fmul", square, size), polynomial(f, square, _TANH[x.kind]), size)
    twice = at_most(f, f.binary("fadd", size, size), (form.fraction + 4) * math.log(2))
    n, main, rest = _without_powers(f, twice, form.bias)
    scale, one = power_of_two(f, n, x.kind), f.like(1, x)
    e = f.fma(f.binary("fadd", main, rest), scale, f.binary("fadd", scale, one))
    far = f.binary("fsub", one, f.binary("fdiv", f.like(2, x), e))
    y = f.select(f.compare("olt", size, f.like(0.55, x)), near, far)
    return f.intrinsic("copysign", y, x)


def sigmoid(f: Function, x: V) -> V:
    """Return 1 / (1 + e^−x), within 2 ulp, as 1 − q or e − e·q with e = e^−|x| and q = e / (1 + e)."""
    size = f.fneg(f.intrinsic("fabs", x))
    e = _exp(f, at_least(f, size, -104.5 if x.kind == "float" else -746.0))
    one = f.like(1, x)
    whole = f.select(f.compare("olt", x, f.like(0, x)), e, one)
    return f.fma(f.fneg(whole), f.binary("fdiv", e, f.binary("fadd", e, one)), whole)


# --- logarithms -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Log:
    """A logarithm: log(1 + t) = lead·t + t·P(t) for √½ ≤ 1 + t < √2, and log 2 in two parts as `_LN2`."""

    lead: float
    two: dict[str, _Pair]
    fits: dict[str, tuple[float, ...]]


_LN = _Log(
    1.0,
    _LN2,
    {
        # degree 9, 2^-27.5
        "float": (
            -4.12246001224581e-11, -0.49999988079071045, 0.33333325386047363, -0.25001585483551025,
            0.2000196874141693, -0.16609008610248566, 0.1418183445930481, -0.1324349343776703,
            0.12904685735702515, -0.07621074467897415,
        ),
        # degree 20, 2^-56.6
        "double": (
            2.4526150367968024e-18, -0.5000000000000004, 0.3333333333333292, -0.24999999999972802,
            0.20000000000099005, -0.1666666667160095, 0.1428571427886833, -0.12499999590477906,
            0.11111111115868126, -0.10000018388012116, 0.09090927447610794, -0.08332855653947427,
            0.07691425619789542, -0.07150028692787876, 0.06686081799907263, -0.06193855990309108,
            0.05657763078211198, -0.05679040350118444, 0.0653344259521483, -0.06007741766516118,
            0.026161018822303737,
        ),
    },
)  # fmt: skip

_LOG2 = _Log(
    1.0,
    {"float": (1.0, 0.0), "double": (1.0, 0.0)},
    {
        # degree 9, 2^-25.7
        "float": (
            0.4426950514316559, -0.7213473320007324, 0.4808982312679291, -0.3606966435909271, 0.2885673940181732,
            -0.23961734771728516, 0.20460063219070435, -0.19106324017047882, 0.18617527186870575,
            -0.10994885861873627,
        ),
        # degree 21, 2^-54.6
        "double": (
            0.4426950408889634, -0.7213475204444818, 0.48089834696299105, -0.36067376022220776, 0.2885390081766875,
            -0.2404491734869431, 0.20609929170286803, -0.1803368797630265, 0.16029943893128867, -0.14426951143722813,
            0.1311544889587447, -0.12022476415405806, 0.11096726061977777, -0.10303666366108019, 0.09630925922469667,
            -0.09046574738779622, 0.08389571015445448, -0.07675846691440565, 0.07819158656765894,
            -0.09080444506108434, 0.08233670054744074, -0.03496846598778225,
        ),
    },
)  # fmt: skip

_LOG10 = _Log(
    0.5,
    {
        "float": (float.fromhex("0x1.344p-2"), float.fromhex("0x1.3509f79fef312p-18")),
        "double": (float.fromhex("0x1.34413509f78p-2"), float.fromhex("0x1.fef311f12b358p-46")),
    },
    {
        # degree 9, 2^-26.0
        "float": (
            -0.06570551544427872, -0.21714718639850616, 0.14476479589939117, -0.10858051478862762,
            0.08686744421720505, -0.07213200628757477, 0.061590928584337234, -0.057515762746334076,
            0.05604434013366699, -0.03309790417551994,
        ),
        # degree 21, 2^-56.4
        "double": (
            -0.06570551809674817, -0.21714724095162594, 0.14476482730108492, -0.10857362047580299,
            0.08685889638031767, -0.07238241365218234, 0.062042068887663955, -0.05428681013311977,
            0.04825493940642445, -0.04342945040239347, 0.03948143524256259, -0.03619126023199926,
            0.03340447398321557, -0.03101712641512606, 0.028991975886811683, -0.027232903543887115,
            0.02525512526402205, -0.023106600962417376, 0.023538012965422184, -0.027334861703008438,
            0.024785816608782606, -0.010526557164678164,
        ),
    },
)  # fmt: skip


def log(f: Function, x: V) -> V:
    """Return the natural logarithm, within 1.25 ulp."""
    return _log(f, x, _LN)


def log2(f: Function, x: V) -> V:
    """Return the logarithm to base 2, within 2 ulp; whole for powers of 2."""
    return _log(f, x, _LOG2)


def log10(f: Function, x: V) -> V:
    """Return the logarithm to base 10, within 2 ulp."""
    return _log(f, x, _LOG10)


def _log(f: Function, x: V, base: _Log) -> V:
    k, m = split(f, x)
    return _edges(f, x, _log1p(f, k, f.binary("fadd", m, f.like(-1, x)), base))


def _log1p(f: Function, k: V, t: V, base: _Log) -> V:
    """Return log 2^k + log(1 + t)."""
    high, low = base.two[t.kind]
    p = polynomial(f, t, base.fits[t.kind])
    if base is _LOG2:
        return f.binary("fadd", k, f.fma(p, t, t))
    rest = f.fma(k, f.like(low, t), f.binary("fmul", p, t))
    return f.fma(k, f.like(high, t), f.fma(t, f.like(base.lead, t), rest))


def _edges(f: Function, x: V, y: V) -> V:
    """Put what a logarithm is at 0, below it, at infinity and at NaN, in the place of `y`."""
    zero = f.like(0, x)
    inside = f.binary("and", f.compare("ogt", x, zero), f.compare("olt", x, f.like(np.inf, x)))
    edge = f.select(f.compare("olt", x, zero), f.like(np.nan, x), x)
    edge = f.select(f.compare("oeq", x, zero), f.like(-np.inf, x), edge)
    return f.select(inside, y, edge)


def log1p(f: Function, x: V) -> V:
    """Return ln(1 + x), within 2 ulp.

    The sum 1 + x, rounded, only says which k is taken out: t = x·2^−k + (2^−k − 1) is then as good as x.
    """
    form = FORMATS[x.kind]
    one = f.like(1, x)
    u = f.binary("fadd", x, one)
    biased, m = split_normal(f, u)
    scale = power_of_two(f, f.binary("sub", f.like(2 * form.bias, biased), biased), x.kind)
    t = f.fma(x, scale, f.binary("fsub", scale, one))
    large = f.compare("ogt", x, f.like(2.0 ** (form.fraction + 2), x))
    t = f.select(large, f.binary("fsub", m, one), t)
    y = _edges(f, u, _log1p(f, exponent(f, biased, f.like(0, x)), t, _LN))
    return f.intrinsic("copysign", y, x)


# --- the cube root ---------------------------------------------------------------------------------------------------


def cbrt(f: Function, x: V) -> V:
    """Return the cube root, within 1.25 ulp: a third of the logarithm, raised, and a step of Newton's that mends it."""
    size = f.intrinsic("fabs", x)
    third = f.like(1 / 3, x)
    y = exp(f, f.binary("fmul", log(f, size), third))
    beside = f.binary("fdiv", f.binary("fdiv", size, y), y)
    y = f.binary("fsub", y, f.binary("fmul", f.binary("fsub", y, beside), third))
    inside = f.binary("and", f.compare("ogt", size, f.like(0, x)), f.compare("olt", size, f.like(np.inf, x)))
    return f.intrinsic("copysign", f.select(inside, y, size), x)


# --- the error function ---------------------------------------------------------------------------------------------

_ERF_NEAR = {
    # |x| ≤ 1: degree 6, 2^-28.6
    "float": (
        0.12837916612625122, -0.3761262595653534, 0.1128358542919159, -0.026853812858462334, 0.005188328213989735,
        -0.0008010199526324868, 7.853877468733117e-05,
    ),
    # degree 12, 2^-56.3
    "double": (
        0.1283791670955126, -0.3761263890318375, 0.11283791670954857, -0.026866170645072896, 0.005223977624780875,
        -0.000854832697874252, 0.00012055331036906967, -1.4925593506996244e-05, 1.646097281787736e-06,
        -1.6350025224659058e-07, 1.4657879817443645e-08, -1.1365665742317495e-09, 5.945261196686509e-11,
    ),
}  # fmt: skip
"""P, where erf x = x + x·P(x²)."""

_ERF_FAR = {
    # 1 ≤ x ≤ 4: degree 6, 2^-28.1
    "float": (
        -0.00035373069113120437, -1.1270400285720825, -0.6382257342338562, -0.10303729772567749, 0.021805284544825554,
        -0.0029395984020084143, 0.00018557308067101985,
    ),
    # 1 ≤ x ≤ 6: degree 17, 2^-56.8
    "double": (
        -5.132505735314511e-07, -1.128373991631987, -0.6366440554144664, -0.10270228903603754, 0.018988040780860437,
        0.00041353805462176124, -0.0019189469337494644, 0.0007730439531590229, -0.0001365546305552889,
        -1.952364334321002e-05, 2.253321289770478e-05, -8.578891581167019e-06, 2.1148269189776146e-06,
        -3.695703769719451e-07, 4.593386423748142e-08, -3.89007214882103e-09, 2.0203755173628163e-10,
        -4.8651853958647015e-12,
    ),
}  # fmt: skip
"""P, where erf x = 1 − e^P(x): P is smooth, and what is left of the 1 is so small that its error does not count."""


def erf(f: Function, x: V) -> V:
    """Return the error function, within 1.75 ulp."""
    size = f.intrinsic("fabs", x)
    near = f.fma(x, polynomial(f, f.binary("fmul", x, x), _ERF_NEAR[x.kind]), x)
    size = at_most(f, size, 4.0 if x.kind == "float" else 6.0)
    n, main, rest = _without_powers(f, polynomial(f, size, _ERF_FAR[x.kind]), FORMATS[x.kind].bias)
    scale = power_of_two(f, n, x.kind)
    left = f.fma(f.binary("fadd", main, rest), scale, scale)
    far = f.intrinsic("copysign", f.binary("fsub", f.like(1, x), left), x)
    return f.select(f.compare("olt", size, f.like(1, x)), near, far)


# --- the C library --------------------------------------------------------------------------------------------------

BY_LIBRARY = ("sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "erfc", "atan2")
"""Functions that are the C library's, called in double for one lane after the other."""


def by_library(name: str) -> Callable[..., V]:
    """Return the function that calls the C library's of that name: within 2 ulp, of ``erfc`` within 3.5."""
    return lambda f, *args: lanewise(f, name, *args)
