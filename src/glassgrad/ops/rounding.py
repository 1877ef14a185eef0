"""Rounding, whole quotients and remainders, and the parts of a floating-point number: steps, flat in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError
from glassgrad.ops.families import elementwise, predicate, ufunc_dtype
from glassgrad.ops.record import Kink, Op, Sample, Text
from glassgrad.ops.rules import number, real_floating, smooth

_ONE = (Sample(((2, 3),), low=-3.0, high=3.0), Sample(((),)), Sample((np.array([[-3, 0, 2]]),)))
_BESIDE = (
    Sample(((2, 3), (3,)), low=0.3, high=3.0),
    Sample(((4, 1), (1, 3)), low=-3.0, high=-0.3),
    Sample((np.array([[-3.5, 2.25, 7.25], [-0.1, 8.3, -1.7]]), np.array([[2.0], [-1.5]]))),
)
_FLAT = Text(
    "the result is flat except where it jumps, so nothing flows back",
    "결과는 뛰는 곳 말고는 평평하므로 기울기가 흐르지 않는다",
)


# --- to a whole number -------------------------------------------------------------------------------------------


def _rounding(name: str, ufunc: np.ufunc, kinds: str, latex: str) -> Op:
    """Register a rounding; whole numbers, already where it leads, keep their dtype."""

    def kernel(x: Any, out: Any = None) -> Any:
        dtype = getattr(x, "dtype", None)
        if dtype is None or dtype.kind == "f":
            return ufunc(x, out=out)
        if dtype.kind not in kinds:
            raise DTypeError(_refusal(name, dtype))
        return ufunc(x, out=out) if dtype.kind == "c" else np.positive(x, out=out)

    def same(d: np.dtype[Any]) -> np.dtype[Any]:
        if d.kind not in kinds:
            raise DTypeError(_refusal(name, d))
        return d

    return elementwise(
        name,
        kernel,
        None,
        dtype=same,
        writes_out=True,
        latex=latex,
        derivative="0",
        why=_FLAT,
        kinks=(Kink("where it jumps", "0"),),
        samples=_ONE + ((Sample(((2, 3),), complex=(0,)),) if "c" in kinds else ()),
    )


def _refusal(name: str, dtype: np.dtype[Any]) -> str:
    if dtype.kind == "c":
        return f"{name} does not take {dtype}: apply it to gg.real(x) and gg.imag(x), each of which is real"
    return f"{name} takes numbers, not {dtype}: use .astype('int64') first"


ceil = _rounding("ceil", np.ceil, "iuf", r"\lceil {0} \rceil")
floor = _rounding("floor", np.floor, "iuf", r"\lfloor {0} \rfloor")
trunc = _rounding("trunc", np.trunc, "iuf", r"\operatorname{{trunc}} {0}")
round = _rounding("round", np.rint, "iufc", r"\operatorname{{round}} {0}")


# --- whole quotients and remainders ------------------------------------------------------------------------------


def _floor_divide(x: Any, y: Any, out: Any = None) -> Any:
    """Divide and round down; with one operand infinite the quotient, ±inf or ±0, as it is (the Array API's rule)."""
    endless = np.logical_xor(np.isinf(x), np.isinf(y))
    if not endless.any():
        return np.floor_divide(x, y, out=out)
    with np.errstate(invalid="ignore"):
        whole = np.asarray(np.floor_divide(x, y, out=out))
    np.copyto(whole, np.divide(x, y, dtype=whole.dtype), where=endless)
    return whole


floor_divide = elementwise(
    "floor_divide",
    _floor_divide,
    None,
    dtype=lambda *dtypes: ufunc_dtype(np.floor_divide, dtypes),
    writes_out=True,
    latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor",
    derivative="0, 0",
    why=_FLAT,
    kinks=(Kink("x a multiple of y", "0 | 0"),),
    samples=(*_BESIDE, Sample((np.array([-7, 7, 5]), np.array([2, -2, 3])))),
)


def _remainder(name: str, ufunc: np.ufunc, quotient: Callable[..., Any], latex: str, rounded: str) -> Op:
    return elementwise(
        name,
        ufunc,
        (lambda F, z, x, y: 1, lambda F, z, x, y: F.negative(quotient(F, x, y))),
        strong=True,
        latex=latex,
        derivative=rf"1, -\operatorname{{{rounded}}} \frac{{x}}{{y}}",
        why=Text(
            "what is left after y was taken away a whole number of times: x counts once, y minus that many times",
            "y를 정수 번 빼고 남은 것이다: x는 한 번, y는 그 횟수만큼 음수로 들어간다",
        ),
        kinks=(Kink("x a multiple of y", "the slope on the side that the result belongs to"),),
        samples=(*_BESIDE, Sample((np.array([-7, 7, 5]), np.array([2, -2, 3])))),
    )


remainder = _remainder(
    "remainder", np.remainder, lambda F, x, y: F.floor_divide(x, y), r"{0} \bmod {1}", "floor"
)
fmod = _remainder(
    "fmod",
    np.fmod,
    lambda F, x, y: F.trunc(F.divide(x, y)),
    r"\operatorname{{fmod}}({0}, {1})",
    "trunc",
)


# --- parts of a number -------------------------------------------------------------------------------------------


signbit = predicate(
    "signbit",
    np.signbit,
    latex=r"[{0} \text{{ has a minus sign}}]",
    samples=(Sample(((2, 3),)), Sample((np.array([0.0, -0.0, -np.inf]),))),
)

copysign = elementwise(
    "copysign",
    smooth(np.copysign),
    (lambda F, z, x, y: F.multiply(F.sign(x), F.copysign(number(1, z.dtype), y)), None),
    dtype=real_floating,
    writes_out=True,
    latex=r"\left|{0}\right| \operatorname{{sign}} {1}",
    derivative=r"\operatorname{sign} x \operatorname{sign} y, 0",
    why=Text(
        "the size of x with the sign of y: x passes on, turned where the signs differ, and y says only which",
        "x의 크기에 y의 부호를 붙인 것이다: 부호가 다르면 x의 기울기를 뒤집어 보내고, y는 부호만 정한다",
    ),
    kinks=(Kink("x = 0", "0, as for |x|"),),
    samples=(Sample(((2, 3), (3,))), Sample(((4, 1), (1, 3)))),
)

nextafter = elementwise(
    "nextafter",
    np.nextafter,
    None,
    latex=r"\operatorname{{nextafter}}({0}, {1})",
    derivative="0, 0",
    why=Text(
        "the neighbour of x among the numbers of its dtype is a matter of rounding, so nothing flows back",
        "x의 이웃은 그 숫자 형식의 반올림 문제이므로 기울기가 흐르지 않는다",
    ),
    samples=(Sample(((2, 3), (3,))),),
)
