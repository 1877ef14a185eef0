"""Exponentials, logarithms, and the hyperbolic and circular families."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.ops.families import elementwise, ufunc_dtype
from glassgrad.ops.record import Kink, Op, Sample, Text
from glassgrad.ops.rules import floating, number, real_floating, smooth

_COMPLEX = Sample(((2, 3),), complex=(0,))
_ANY = (Sample(((2, 3),)), Sample(((),)), _COMPLEX)
_POSITIVE = (Sample(((2, 3),), low=0.3, high=3.0), _COMPLEX)
_PAIR = (Sample(((2, 3), (2, 3))), Sample(((2, 3), (3,))), Sample(((4, 1), (1, 3))))
_LN2 = float(np.log(2))
_INSIDE = (Sample(((2, 3),), low=-0.8, high=0.8), _COMPLEX)


def _unary(
    name: str,
    ufunc: np.ufunc,
    local: Any,
    latex: str,
    derivative: str,
    en: str,
    ko: str,
    *,
    samples: tuple[Sample, ...] = _ANY,
    strong: bool = False,
    kinks: tuple[Kink, ...] = (),
    kernel: Any = None,
) -> Op:
    return elementwise(
        name,
        kernel or ufunc,
        (local,),
        dtype=lambda d: ufunc_dtype(ufunc, (d,)),
        writes_out=True,
        latex=latex,
        derivative=derivative,
        why=Text(en, ko),
        samples=samples,
        strong=strong,
        kinks=kinks,
    )


def _expm1(x: Any, out: Any = None) -> Any:
    """Compute eˣ − 1; NumPy's formula for complex numbers gives NaN for 0 · inf, where the exponential has limits."""
    z = np.expm1(x, out=out)
    if z.dtype.kind == "c":
        z = np.asarray(z)
        z.real += 0.0  # −0 becomes 0
        lost = ~np.isfinite(z)
        if lost.any():
            np.copyto(z, np.exp(x) - 1, where=lost)
    return z


exp = _unary(
    "exp", np.exp, lambda F, z, x: z, r"e^{{{0}}}", "e^x",
    "the exponential grows as fast as it is large: its slope is its own value",
    "지수 함수는 자기 값만큼 빠르게 자란다: 기울기가 곧 자기 값이다",
    strong=True,
)  # fmt: skip
exp2 = elementwise(
    "exp2",
    smooth(np.exp2),
    (lambda F, z, x: F.multiply(z, _LN2),),
    strong=True,
    dtype=floating,
    definition=lambda F, x: F.pow(number(2, x.dtype), x),
    writes_out=True,
    latex=r"2^{{{0}}}",
    derivative=r"2^x \ln 2",
    why=Text(
        "2ˣ is e to the x·ln 2: its slope is its own value times ln 2",
        "2ˣ은 e의 x·ln 2제곱이다: 기울기는 자기 값의 ln 2배이다",
    ),
    samples=(Sample(((2, 3),)), Sample(((),))),
)
expm1 = _unary(
    "expm1", np.expm1, lambda F, z, x: F.add(z, 1), r"e^{{{0}}} - 1", "e^x",
    "the constant 1 changes nothing, so the slope is that of the exponential",
    "상수 1은 아무것도 바꾸지 않으므로 기울기는 지수 함수의 것이다",
    kernel=_expm1, strong=True,
)  # fmt: skip
log = _unary(
    "log", np.log, lambda F, z, x: F.reciprocal(x), r"\ln {0}", r"\frac{1}{x}",
    "the logarithm answers to relative change: one unit of x counts 1/x",
    "로그는 상대적 변화에 반응한다: x의 1만큼 변화는 1/x로 나타난다",
    samples=_POSITIVE, strong=True, kinks=(Kink("x = 0", "inf, the one-sided limit"),),
)  # fmt: skip
log1p = _unary(
    "log1p", np.log1p, lambda F, z, x: F.reciprocal(F.add(x, 1)), r"\ln(1 + {0})", r"\frac{1}{1+x}",
    "the logarithm of 1 + x: one unit of x counts 1/(1+x)",
    "1 + x의 로그: x의 1만큼 변화는 1/(1+x)로 나타난다",
    samples=_POSITIVE, strong=True,
)  # fmt: skip
log2 = _unary(
    "log2", np.log2, lambda F, z, x: F.divide(float(1 / np.log(2)), x), r"\log_2 {0}", r"\frac{1}{x \ln 2}",
    "a logarithm to base 2 is the natural one divided by ln 2",
    "밑이 2인 로그는 자연로그를 ln 2로 나눈 것이다",
    samples=_POSITIVE, strong=True,
)  # fmt: skip
log10 = _unary(
    "log10", np.log10, lambda F, z, x: F.divide(float(1 / np.log(10)), x), r"\log_{{10}} {0}", r"\frac{1}{x \ln 10}",
    "a logarithm to base 10 is the natural one divided by ln 10",
    "밑이 10인 로그는 자연로그를 ln 10으로 나눈 것이다",
    samples=_POSITIVE, strong=True,
)  # fmt: skip
sinh = _unary(
    "sinh", np.sinh, lambda F, z, x: F.cosh(x), r"\sinh {0}", r"\cosh x",
    "half of eˣ − e⁻ˣ: the second term's sign turns, which gives cosh",
    "eˣ − e⁻ˣ의 절반: 둘째 항의 부호가 바뀌어 cosh가 된다",
    strong=True,
)  # fmt: skip
cosh = _unary(
    "cosh", np.cosh, lambda F, z, x: F.sinh(x), r"\cosh {0}", r"\sinh x",
    "half of eˣ + e⁻ˣ: the second term's sign turns, which gives sinh",
    "eˣ + e⁻ˣ의 절반: 둘째 항의 부호가 바뀌어 sinh가 된다",
    strong=True,
)  # fmt: skip
tanh = _unary(
    "tanh", np.tanh, lambda F, z, x: F.subtract(1, F.square(z)), r"\tanh {0}", r"1 - \tanh^2 x",
    "steepest at 0 and flat where it saturates at ±1: the slope is 1 minus the output squared",
    "0에서 가장 가파르고 ±1에서 포화되면 평평하다: 기울기는 1에서 출력의 제곱을 뺀 것이다",
)  # fmt: skip
asinh = _unary(
    "asinh", np.arcsinh, lambda F, z, x: F.reciprocal(F.sqrt(F.add(F.square(x), 1))),
    r"\operatorname{{asinh}} {0}", r"\frac{1}{\sqrt{x^2+1}}",
    "the inverse of sinh: one over the slope of sinh at the output",
    "sinh의 역함수: 출력에서의 sinh 기울기의 역수이다",
)  # fmt: skip
acosh = _unary(
    "acosh", np.arccosh,
    lambda F, z, x: F.divide(  # not one root of x² − 1, which has other branch cuts
        F.reciprocal(F.sqrt(F.subtract(x, 1))), F.sqrt(F.add(x, 1))
    ),
    r"\operatorname{{acosh}} {0}", r"\frac{1}{\sqrt{x^2-1}}",
    "the inverse of cosh: one over the slope of cosh at the output",
    "cosh의 역함수: 출력에서의 cosh 기울기의 역수이다",
    samples=(Sample(((2, 3),), low=1.3, high=3.0), _COMPLEX), strong=True,
)  # fmt: skip
atanh = _unary(
    "atanh", np.arctanh, lambda F, z, x: F.reciprocal(F.subtract(1, F.square(x))),
    r"\operatorname{{atanh}} {0}", r"\frac{1}{1-x^2}",
    "the inverse of tanh: one over the slope of tanh at the output",
    "tanh의 역함수: 출력에서의 tanh 기울기의 역수이다",
    samples=_INSIDE, strong=True,
)  # fmt: skip
sin = _unary(
    "sin", np.sin, lambda F, z, x: F.cos(x), r"\sin {0}", r"\cos x",
    "the sine rises fastest where it crosses zero, as the cosine says",
    "사인은 0을 지날 때 가장 빨리 오르며, 그 빠르기가 코사인이다",
)  # fmt: skip
cos = _unary(
    "cos", np.cos, lambda F, z, x: F.negative(F.sin(x)), r"\cos {0}", r"-\sin x",
    "the cosine falls where the sine is positive",
    "코사인은 사인이 양수인 곳에서 내려간다",
)  # fmt: skip
tan = _unary(
    "tan", np.tan, lambda F, z, x: F.add(F.square(z), 1), r"\tan {0}", r"1 + \tan^2 x",
    "the slope is 1 plus the output squared: never flat, and steep near its poles",
    "기울기는 1에 출력의 제곱을 더한 것이다: 평평한 곳이 없고 극 근처에서 가파르다",
    samples=_INSIDE,
)  # fmt: skip
asin = _unary(
    "asin", np.arcsin, lambda F, z, x: F.reciprocal(F.sqrt(F.subtract(1, F.square(x)))),
    r"\arcsin {0}", r"\frac{1}{\sqrt{1-x^2}}",
    "the inverse of sine: one over the cosine of the output",
    "사인의 역함수: 출력의 코사인의 역수이다",
    samples=_INSIDE, strong=True,
)  # fmt: skip
acos = _unary(
    "acos", np.arccos, lambda F, z, x: F.negative(F.reciprocal(F.sqrt(F.subtract(1, F.square(x))))),
    r"\arccos {0}", r"-\frac{1}{\sqrt{1-x^2}}",
    "a quarter turn minus the arcsine, so the sign turns",
    "직각에서 아크사인을 뺀 것이므로 부호가 바뀐다",
    samples=_INSIDE, strong=True,
)  # fmt: skip
atan = _unary(
    "atan", np.arctan, lambda F, z, x: F.reciprocal(F.add(F.square(x), 1)), r"\arctan {0}", r"\frac{1}{1+x^2}",
    "the inverse of tangent: one over 1 plus the input squared",
    "탄젠트의 역함수: 1에 입력의 제곱을 더한 것의 역수이다",
)  # fmt: skip


# --- logarithms and angles of pairs ------------------------------------------------------------------------------


def _apart(F: Any, x: Any, y: Any) -> Any:
    """Return x − y, 0 where both are the same infinity."""
    alike = F.logical_and(F.equal(x, y), F.isinf(x))
    return F.where(alike, 0.0, F.subtract(x, y))


def _part(F: Any, z: Any, own: Any, other: Any) -> Any:
    """Return the share of e^own in the sum e^own + e^other; none of nothing."""
    return F.where(F.equal(z, -np.inf), 0.0, F.sigmoid(_apart(F, own, other)))


logaddexp = elementwise(
    "logaddexp",
    smooth(np.logaddexp),
    (lambda F, z, x, y: _part(F, z, x, y), lambda F, z, x, y: _part(F, z, y, x)),
    dtype=real_floating,
    definition=lambda F, x, y: F.log(F.add(F.exp(x), F.exp(y))),
    lowering=lambda F, x, y: F.add(F.maximum(x, y), F.log1p(F.exp(F.negative(F.abs(_apart(F, x, y)))))),
    writes_out=True,
    latex=r"\ln(e^{{{0}}} + e^{{{1}}})",
    derivative=r"\sigma(x - y), \sigma(y - x)",
    why=Text(
        "each input gets the upstream gradient times its share in the sum of the exponentials, so the two shares add "
        "up to 1",
        "각 입력은 지수 함수의 합에서 자기 몫만큼의 상류 기울기를 받으므로 두 몫을 더하면 1이 된다",
    ),
    kinks=(Kink("x = y = −inf", "0 | 0"), Kink("x = y = inf", "½ | ½")),
    samples=_PAIR,
)


def _on(F: Any, z: Any, x: Any) -> Any:
    """Return x/z, and 0 where the length z is 0."""
    nowhere = F.equal(z, 0)
    return F.where(nowhere, 0.0, F.divide(x, F.where(nowhere, 1.0, z)))


def _length(F: Any, x: Any, y: Any) -> Any:
    """Return √(x² + y²) without squaring the longer side, which may overflow."""
    x, y = F.abs(x), F.abs(y)
    longer, shorter = F.maximum(x, y), F.minimum(x, y)
    plain = F.logical_or(F.equal(longer, 0), F.isinf(longer))
    ratio = F.where(plain, 0.0, F.divide(shorter, F.where(plain, 1.0, longer)))
    return F.where(
        F.logical_or(F.isinf(x), F.isinf(y)),
        number(np.inf, longer.dtype),
        F.multiply(longer, F.sqrt(F.add(F.square(ratio), 1))),
    )


hypot = elementwise(
    "hypot",
    smooth(np.hypot),
    (lambda F, z, x, y: _on(F, z, x), lambda F, z, x, y: _on(F, z, y)),
    dtype=real_floating,
    definition=lambda F, x, y: F.sqrt(F.add(F.square(x), F.square(y))),
    lowering=_length,
    writes_out=True,
    latex=r"\sqrt{{{0}^2 + {1}^2}}",
    derivative=r"\frac{x}{z}, \frac{y}{z}",
    why=Text(
        "the hypotenuse answers to each side by the cosine of the angle between them",
        "빗변은 각 변에 대해 그 사이 각의 코사인만큼 변한다",
    ),
    kinks=(Kink("x = 0, y = 0", "0 | 0"),),
    samples=_PAIR,
)


def _turn(F: Any, own: Any, other: Any) -> Any:
    """Return other/(own² + other²), and 0 at the origin."""
    length = F.hypot(own, other)
    return _on(F, length, _on(F, length, other))


atan2 = elementwise(
    "atan2",
    smooth(np.arctan2),
    (lambda F, z, y, x: _turn(F, y, x), lambda F, z, y, x: F.negative(_turn(F, x, y))),
    dtype=real_floating,
    writes_out=True,
    latex=r"\operatorname{{atan2}}({0}, {1})",
    derivative=r"\frac{x}{x^2 + y^2}, -\frac{y}{x^2 + y^2}",
    why=Text(
        "the angle of the point (x, y) turns by the movement across its arrow, divided by the arrow's length",
        "점 (x, y)의 각은 화살표를 가로지르는 움직임을 화살표의 길이로 나눈 만큼 돈다",
    ),
    kinks=(Kink("x = 0, y = 0", "0 | 0"),),
    samples=_PAIR,
)
