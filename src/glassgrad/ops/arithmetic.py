"""Arithmetic: the gates every other operation is explained with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError
from glassgrad.ir import inexact
from glassgrad.ops.complexes import direction, modulus_dtype, modulus_pull, modulus_push
from glassgrad.ops.families import elementwise
from glassgrad.ops.record import Kink, Op, Sample, Text
from glassgrad.ops.rules import cast, floating, real_floating, room, smooth, total

_PAIR = (Sample(((2, 3), (2, 3))), Sample(((2, 3), (3,))), Sample(((4, 1), (1, 3))))
_AWAY_FROM_ZERO = (Sample(((2, 3), (2, 3)), low=0.5, high=2.0), Sample(((2, 3), (3,)), low=-2.0, high=-0.5))
_ONE = (Sample(((2, 3),)), Sample(((),)))
_POSITIVE = (Sample(((2, 3),), low=0.3, high=3.0),)
_COMPLEX = (Sample(((2, 3),), complex=(0,)),)
_COMPLEX_PAIR = (Sample(((2, 3), (3,)), complex=(0, 1)), Sample(((2, 3), (3,)), complex=(1,)))

add = elementwise(
    "add",
    np.add,
    (lambda F, z, x, y: 1, lambda F, z, x, y: 1),
    latex=r"{0} + {1}",
    derivative="1, 1",
    why=Text(
        "an add gate passes the upstream gradient on to both inputs unchanged",
        "덧셈 게이트는 상류 기울기를 두 입력에 그대로 전달한다",
    ),
    samples=(*_PAIR, *_COMPLEX_PAIR),
)

subtract = elementwise(
    "subtract",
    np.subtract,
    (lambda F, z, x, y: 1, lambda F, z, x, y: -1),
    latex=r"{0} - {1}",
    derivative="1, -1",
    why=Text(
        "a subtraction passes the upstream gradient on to the first input and its negative to the second",
        "뺄셈은 상류 기울기를 첫 입력에 그대로, 둘째 입력에 부호를 바꾸어 전달한다",
    ),
    samples=(*_PAIR, *_COMPLEX_PAIR),
)

multiply = elementwise(
    "multiply",
    np.multiply,
    (lambda F, z, x, y: y, lambda F, z, x, y: x),
    latex=r"{0} \cdot {1}",
    derivative="y, x",
    why=Text(
        "a multiply gate swaps its inputs: each gets the upstream gradient times the other's value",
        "곱셈 게이트는 입력을 서로 바꾼다: 상류 기울기에 상대편의 값을 곱해 전달한다",
    ),
    samples=(*_PAIR, *_COMPLEX_PAIR),
)


def _strong_multiply(g: Any, d: Any, out: Any = None) -> Any:
    with np.errstate(invalid="ignore"):
        product = np.multiply(g, d, out=out)
    lost = np.isnan(product)
    if lost.any():
        product = np.asarray(product)
        np.copyto(product, 0, where=lost & np.equal(g, 0))
    return product


def _push_strong_multiply(
    F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
) -> Any:
    """Move along both factors; what moves the second is lost, too, where the first is exactly 0."""
    (g, d), (along_g, along_d) = xs, tangents
    pairs = ((along_g, d), (g, along_d))
    terms = [F.strong_multiply(a, b) for a, b in pairs if a is not None and b is not None]
    return total(F, [cast(F, F.broadcast_to(term, tuple(z.shape)), z.dtype) for term in terms])


strong_multiply = elementwise(
    "strong_multiply",
    _strong_multiply,
    (lambda F, z, g, d: d, lambda F, z, g, d: g),
    push=_push_strong_multiply,
    strong=True,
    writes_out=True,
    home="inside",
    latex=r"{0} \odot_0 {1}",
    derivative="d, g",
    why=Text(
        "an upstream gradient of exactly 0 stays 0 even where the local derivative is infinite: a branch that was "
        "not taken passes nothing back",
        "상류 기울기가 정확히 0이면 국소적 미분이 무한대여도 0이다: 지나가지 않은 가지로는 아무것도 흐르지 않는다",
    ),
    samples=(*_PAIR, *_COMPLEX_PAIR),
)

divide = elementwise(
    "divide",
    np.divide,
    (lambda F, z, x, y: F.reciprocal(cast(F, y, z.dtype)), lambda F, z, x, y: F.negative(F.divide(z, y))),
    strong=True,
    latex=r"\frac{{{0}}}{{{1}}}",
    derivative=r"\frac{1}{y}, -\frac{x}{y^2}",
    why=Text(
        "the quotient grows by 1/y for each unit of x, and shrinks by x/y² for each unit of y",
        "몫은 x가 1 늘 때 1/y만큼 늘고, y가 1 늘 때 x/y²만큼 준다",
    ),
    samples=(*_AWAY_FROM_ZERO, *_COMPLEX_PAIR),
)


def _call_reciprocal(F: Any, x: Any, /) -> Any:
    if isinstance(x, (int, float)):
        x = float(x)
    return F.bind(reciprocal, (x if isinstance(x, (float, complex)) else cast(F, x, floating(x.dtype)),))


reciprocal: Op = elementwise(
    "reciprocal",
    np.reciprocal,
    (lambda F, z, x: F.negative(F.square(z)),),
    call=_call_reciprocal,
    strong=True,
    dtype=floating,
    latex=r"\frac{{1}}{{{0}}}",
    derivative=r"-\frac{1}{x^2}",
    why=Text("1/x falls by 1/x² for each unit of x", "1/x는 x가 1 늘 때 1/x²만큼 준다"),
    samples=(Sample(((2, 3),), low=0.5, high=2.0), *_COMPLEX),
)

positive = elementwise(
    "positive",
    np.positive,
    (lambda F, z, x: 1,),
    latex=r"+{0}",
    derivative="1",
    why=Text("the value passes on unchanged, and so does the gradient", "값도 기울기도 그대로 지나간다"),
    samples=(*_ONE, *_COMPLEX),
)

negative = elementwise(
    "negative",
    np.negative,
    (lambda F, z, x: -1,),
    latex=r"-{0}",
    derivative="-1",
    why=Text("the sign turns, so the gradient's sign turns", "부호가 바뀌므로 기울기의 부호도 바뀐다"),
    samples=(*_ONE, *_COMPLEX),
)

square = elementwise(
    "square",
    np.square,
    (lambda F, z, x: F.multiply(x, 2),),
    latex=r"{0}^2",
    derivative="2x",
    why=Text(
        "x² is x·x, a branch into both inputs of a multiply gate, so the two x add up to 2x",
        "x²은 x·x, 곧 곱셈 게이트의 두 입력으로 갈라진 가지이므로 두 x가 더해져 2x가 된다",
    ),
    samples=(*_ONE, *_COMPLEX),
)

sqrt = elementwise(
    "sqrt",
    np.sqrt,
    (lambda F, z, x: F.divide(0.5, z),),
    strong=True,
    latex=r"\sqrt{{{0}}}",
    derivative=r"\frac{1}{2\sqrt{x}}",
    why=Text("the root grows ever more slowly: by 1/(2√x)", "제곱근은 갈수록 느리게 자란다: 1/(2√x)만큼"),
    kinks=(Kink("x = 0", "inf, the one-sided limit"),),
    samples=(*_POSITIVE, *_COMPLEX),
)


rsqrt = elementwise(
    "rsqrt",
    lambda x, out=None: np.reciprocal(roots := np.sqrt(x, out=room(x, out)), out=roots),
    (lambda F, z, x: F.divide(F.multiply(z, -0.5), x),),
    dtype=floating,
    strong=True,
    definition=lambda F, x: F.reciprocal(F.sqrt(x)),
    writes_out=True,
    latex=r"\frac{{1}}{{\sqrt{{{0}}}}}",
    derivative=r"-\frac{z}{2x}",
    why=Text(
        "x to the power −½: the exponent comes down in front and falls by one, which divides the output by x",
        "x의 −½제곱이다: 지수가 앞으로 내려오고 하나 줄어드는데, 그것은 출력을 x로 나누는 것이다",
    ),
    kinks=(Kink("x = 0", "−inf, the one-sided limit"),),
    samples=(*_POSITIVE, *_COMPLEX),
)

cbrt = elementwise(
    "cbrt",
    smooth(np.cbrt),
    (lambda F, z, x: F.divide(1 / 3, F.square(z)),),
    strong=True,
    definition=lambda F, x: F.multiply(F.sign(x), F.pow(F.abs(x), 1 / 3)),
    dtype=real_floating,
    writes_out=True,
    latex=r"\sqrt[3]{{{0}}}",
    derivative=r"\frac{1}{3 z^2}",
    why=Text(
        "the inverse of the cube: one over the slope 3z² that the cube has at the output",
        "세제곱의 역함수: 출력에서 세제곱이 갖는 기울기 3z²의 역수이다",
    ),
    kinks=(Kink("x = 0", "inf, the limit from both sides"),),
    samples=(Sample(((2, 3),)), Sample(((),), low=0.5)),
)


def _keeps_dtype(x: Any, y: float) -> bool:
    return isinstance(y, int) or (hasattr(x, "dtype") and inexact(x.dtype))


def _call_pow(F: Any, x: Any, y: Any, /) -> Any:
    if isinstance(y, (int, float)) and y in (1, 2) and not isinstance(y, bool) and _keeps_dtype(x, y):
        return F.square(x) if y == 2 else F.multiply(x, 1)
    if isinstance(y, int) and y < 0 and hasattr(x, "dtype") and x.dtype.kind in "iu":
        raise DTypeError(
            f"{x.dtype} to the power {y} would be a fraction, which {x.dtype} cannot hold: write x ** {y}.0"
        )
    return F.bind(power, (x, y))


def _power_by_base(F: Any, z: Any, x: Any, y: Any) -> Any:
    lowered = F.where(F.logical_and(F.equal(x, 0), F.equal(y, 0)), 0, F.subtract(y, 1))  # 0 · 0⁰, not 0 · 0⁻¹
    return F.strong_multiply(y, F.pow(x, lowered))


def _power_by_exponent(F: Any, z: Any, x: Any, y: Any) -> Any:
    vanishes = F.logical_and(F.equal(x, 0), F.greater_equal(F.real(y) if y.dtype.kind == "c" else y, 0))
    logarithm = F.log(cast(F, F.where(vanishes, 1.0, x), z.dtype))
    return F.where(vanishes, 0.0, F.strong_multiply(z, logarithm))


power = elementwise(
    "pow",
    np.power,
    (_power_by_base, _power_by_exponent),
    call=_call_pow,
    strong=True,
    latex=r"{{{0}}}^{{{1}}}",
    derivative=r"y x^{y-1}, x^y \ln x",
    why=Text(
        "the exponent comes down in front and falls by one; against the exponent itself the power grows by ln x",
        "지수가 앞으로 내려오고 하나 줄어든다; 지수에 대해서는 ln x배로 자란다",
    ),
    kinks=(Kink("x = 0, y = 0", "0 | 0"), Kink("x < 0", "y·x^(y−1) | NaN")),
    samples=(
        Sample(((2, 3), (3,)), low=0.5, high=2.0),
        Sample(((2, 3), (2, 3)), low=0.5, high=2.0),
        Sample(((2, 3), (3,)), complex=(0, 1)),
        Sample(((2, 3), (3,)), complex=(1,)),
    ),
)

abs = elementwise(
    "abs",
    np.abs,
    (),
    pull=modulus_pull,
    push=modulus_push,
    dtype=modulus_dtype,
    latex=r"\left|{0}\right|",
    derivative=r"\operatorname{sign} x",
    why=Text(
        "right of zero the value passes on, left of it the sign turns",
        "0의 오른쪽에서는 그대로, 왼쪽에서는 부호가 바뀐다",
    ),
    kinks=(Kink("x = 0", "0"),),
    samples=(*_ONE, *_COMPLEX),
)


def _call_sign(F: Any, x: Any, /) -> Any:
    number_kind = "c" if isinstance(x, complex) else getattr(getattr(x, "dtype", None), "kind", "f")
    return F.bind(direction if number_kind == "c" else sign, (x,))


sign: Op = elementwise(
    "sign",
    np.sign,
    None,
    call=_call_sign,
    latex=r"\operatorname{{sign}} {0}",
    derivative="0",
    why=Text(
        "the sign is flat except where it jumps, so nothing flows back",
        "부호 함수는 뛰는 곳 말고는 평평하므로 기울기가 흐르지 않는다",
    ),
    samples=_ONE,
)
