"""Arithmetic: the gates every other operation is explained with."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.ops.complexes import modulus_dtype, modulus_pull, modulus_push
from glassgrad.ops.families import elementwise
from glassgrad.ops.record import Kink, Op, Sample, Text, lookup
from glassgrad.ops.rules import cast, floating, number

_PAIR = (Sample(((2, 3), (2, 3))), Sample(((2, 3), (3,))), Sample(((4, 1), (1, 3))))
_AWAY_FROM_ZERO = (Sample(((2, 3), (2, 3)), low=0.5, high=2.0), Sample(((2, 3), (3,)), low=-2.0, high=-0.5))
_ONE = (Sample(((2, 3),)), Sample(((),)))
_POSITIVE = (Sample(((2, 3),), low=0.3, high=3.0),)

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
    samples=_PAIR,
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
    samples=_PAIR,
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
    samples=_PAIR,
)


def _strong_multiply(g: Any, d: Any, out: Any = None) -> Any:
    with np.errstate(invalid="ignore"):
        product = np.multiply(g, d, out=out)
    lost = np.isnan(product)
    if lost.any():
        product = np.asarray(product)
        np.copyto(product, 0, where=lost & np.equal(g, 0))
    return product


strong_multiply = elementwise(
    "strong_multiply",
    _strong_multiply,
    (lambda F, z, g, d: d, lambda F, z, g, d: g),
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
    samples=_PAIR,
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
    samples=_AWAY_FROM_ZERO,
)


def _call_reciprocal(F: Any, x: Any) -> Any:
    if isinstance(x, (int, float)):
        x = float(x)
    return F.bind(reciprocal, (x if isinstance(x, float) else cast(F, x, floating(x.dtype)),))


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
    samples=(Sample(((2, 3),), low=0.5, high=2.0),),
)

negative = elementwise(
    "negative",
    np.negative,
    (lambda F, z, x: -1,),
    latex=r"-{0}",
    derivative="-1",
    why=Text("the sign turns, so the gradient's sign turns", "부호가 바뀌므로 기울기의 부호도 바뀐다"),
    samples=_ONE,
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
    samples=_ONE,
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
    samples=_POSITIVE,
)


def _call_pow(F: Any, x: Any, y: Any) -> Any:
    if isinstance(y, (int, float)) and not isinstance(y, bool) and y in (1, 2):
        return F.square(x) if y == 2 else F.multiply(x, 1)
    return F.bind(power, (x, y))


def _power_by_base(F: Any, z: Any, x: Any, y: Any) -> Any:
    return F.where(F.equal(y, 0), 0.0, F.multiply(y, F.pow(x, F.subtract(y, 1))))


def _power_by_exponent(F: Any, z: Any, x: Any, y: Any) -> Any:
    vanishes = F.logical_and(F.equal(x, 0), F.greater_equal(y, 0))
    return F.where(vanishes, 0.0, F.multiply(z, F.log(F.where(vanishes, 1.0, x))))


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
    samples=(Sample(((2, 3), (3,)), low=0.5, high=2.0), Sample(((2, 3), (2, 3)), low=0.5, high=2.0)),
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
    samples=_ONE,
)

sign = elementwise(
    "sign",
    np.sign,
    None,
    latex=r"\operatorname{{sign}} {0}",
    derivative="0",
    why=Text(
        "the sign is flat except where it jumps, so nothing flows back",
        "부호 함수는 뛰는 곳 말고는 평평하므로 기울기가 흐르지 않는다",
    ),
    samples=_ONE,
)


def _tie(better: str) -> Any:
    """Local derivatives of maximum and minimum: 1 to the one that wins, half to each in a tie."""

    def share(F: Any, own: Any, other: Any, dtype: np.dtype[Any]) -> Any:
        wins, ties = getattr(F, better)(own, other), F.equal(own, other)
        one, half, none = (number(share, dtype) for share in (1, 0.5, 0))
        return F.where(wins, one, F.where(ties, half, none))

    def first(F: Any, z: Any, x: Any, y: Any) -> Any:
        return share(F, x, y, z.dtype)

    def second(F: Any, z: Any, x: Any, y: Any) -> Any:
        return share(F, y, x, z.dtype)

    return first, second


def _call_extreme(pair: str, bounded: str) -> Any:
    def call(F: Any, x: Any, y: Any) -> Any:
        for value, bound in ((x, y), (y, x)):
            if isinstance(bound, (int, float)) and not isinstance(value, (int, float)):
                return F.bind(lookup(bounded), (value,), {"bound": bound})
        return F.bind(lookup(pair), (x, y))

    return call


def _bound_dtype(d: np.dtype[Any], *, bound: float) -> np.dtype[Any]:
    return np.result_type(d, bound)


for _pair, _bounded, _ufunc, _better, _rule in (
    (
        "maximum",
        "maximum_scalar",
        np.maximum,
        "greater",
        Text(
            "a max gate routes the upstream gradient to the larger input",
            "최댓값 게이트는 상류 기울기를 더 큰 입력 쪽으로 보낸다",
        ),
    ),
    (
        "minimum",
        "minimum_scalar",
        np.minimum,
        "less",
        Text(
            "a min gate routes the upstream gradient to the smaller input",
            "최솟값 게이트는 상류 기울기를 더 작은 입력 쪽으로 보낸다",
        ),
    ),
):
    _name = "max" if _pair == "maximum" else "min"
    elementwise(
        _pair,
        _ufunc,
        _tie(_better),
        call=_call_extreme(_pair, _bounded),
        latex=rf"\{_name}({{0}}, {{1}})",
        derivative=r"1 \text{ to the winner}",
        why=_rule,
        kinks=(Kink("x = y", "½ | ½"),),
        samples=_PAIR,
    )
    elementwise(
        _bounded,
        (lambda x, *, bound, out=None: np.maximum(x, bound, out=out))
        if _pair == "maximum"
        else (lambda x, *, bound, out=None: np.minimum(x, bound, out=out)),
        ((lambda better: lambda F, z, x, *, bound: getattr(F, better)(x, bound))(_better),),
        call=lambda F, x, bound, _bounded=_bounded: F.bind(lookup(_bounded), (x,), {"bound": bound}),
        dtype=_bound_dtype,
        writes_out=True,
        home="inside",
        latex=rf"\{_name}({{0}}, c)",
        derivative=rf"[x {'>' if _pair == 'maximum' else '<'} c]",
        why=_rule,
        kinks=(Kink("x = c", "0: the bound is part of the operation, as in ReLU"),),
        samples=(Sample(((2, 3),), {"bound": 0.25}),),
    )
