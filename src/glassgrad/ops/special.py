"""Special functions: the error function, the gamma function's logarithm and its derivatives, sinc, x·ln y.

Each derivative that is no elementary function is a record of its own with a derivative of its own, so that every
order exists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.errors import OptionError
from glassgrad.ops.families import elementwise
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Kink, Op, Sample, Text
from glassgrad.ops.rules import cast, floating, number, real_floating, room

_ANY = (Sample(((2, 3),)), Sample(((),)))
_POSITIVE = (Sample(((2, 3),), low=0.3, high=4.0), Sample(((2, 3),), low=-0.9, high=-0.2))
_PAIR = (Sample(((2, 3), (2, 3)), low=0.3, high=3.0), Sample(((2, 3), (3,)), low=0.3, high=3.0))


def _scipy(name: str) -> Callable[..., Any]:
    """Return the kernel that is SciPy's function, imported when it first runs."""

    def kernel(x: Any, out: Any = None) -> Any:
        from scipy import special

        return getattr(special, name)(x, out=room(x, out))

    return kernel


# --- the error function ------------------------------------------------------------------------------------------


def _bell(F: Any, x: Any, height: float) -> Any:
    return F.multiply(F.exp(F.negative(F.square(x))), height)


erf = elementwise(
    "erf",
    _scipy("erf"),
    (lambda F, z, x: _bell(F, x, 2 / math.sqrt(math.pi)),),
    dtype=floating,
    writes_out=True,
    latex=r"\operatorname{{erf}} {0}",
    derivative=r"\tfrac{2}{\sqrt{\pi}} e^{-x^2}",
    why=Text(
        "the error function is the area under the bell curve, so its slope is the bell curve's height",
        "오차 함수는 종 모양 곡선 아래의 넓이이므로 기울기는 그 곡선의 높이이다",
    ),
    samples=_ANY,
)

erfc = elementwise(
    "erfc",
    _scipy("erfc"),
    (lambda F, z, x: _bell(F, x, -2 / math.sqrt(math.pi)),),
    dtype=floating,
    writes_out=True,
    latex=r"\operatorname{{erfc}} {0}",
    derivative=r"-\tfrac{2}{\sqrt{\pi}} e^{-x^2}",
    why=Text(
        "the rest of the area under the bell curve, to the right of x: it shrinks by the curve's height",
        "종 모양 곡선에서 x 오른쪽에 남은 넓이이므로 곡선의 높이만큼 줄어든다",
    ),
    samples=_ANY,
)


# --- the gamma function ------------------------------------------------------------------------------------------


lgamma = elementwise(
    "lgamma",
    _scipy("gammaln"),
    (lambda F, z, x: F.digamma(x),),
    strong=True,
    dtype=real_floating,
    writes_out=True,
    latex=r"\ln\left|\Gamma({0})\right|",
    derivative=r"\psi(x)",
    why=Text(
        "the slope of the logarithm of Γ has a name of its own, the digamma function ψ, and grows like ln x",
        "로그 감마 함수의 기울기는 디감마 함수 ψ라는 이름을 따로 가지며 ln x처럼 자란다",
    ),
    kinks=(Kink("x = 0, −1, −2, …", "what ψ is at its pole: infinite or NaN"),),
    samples=_POSITIVE,
)

digamma = elementwise(
    "digamma",
    _scipy("psi"),
    (lambda F, z, x: F.digamma_slope(x, 1),),
    strong=True,
    dtype=real_floating,
    writes_out=True,
    latex=r"\psi({0})",
    derivative=r"\psi^{(1)}(x) = \sum_{k \ge 0} \frac{1}{(x + k)^2}",
    why=Text(
        "ψ is a sum of terms −1/(x+k), and each grows by 1/(x+k)²",
        "ψ는 −1/(x+k) 꼴의 항을 더한 것이고 각 항은 1/(x+k)²만큼 자란다",
    ),
    samples=_POSITIVE,
)


def _digamma_slope(x: Any, *, order: int, out: Any = None) -> Any:
    from scipy import special

    out = room(x, out)
    special.zeta(order + 1, np.asarray(x, out.dtype), out=out)  # Σ 1/(x+k)ⁿ⁺¹
    return np.multiply(out, math.factorial(order) * (-1) ** (order + 1), out=out)


digamma_slope: Op = elementwise(
    "digamma_slope",
    _digamma_slope,
    (lambda F, z, x, *, order: F.digamma_slope(x, order + 1),),
    call=lambda F, x, order: F.bind(digamma_slope, (x,), {"order": order}),
    strong=True,
    dtype=real_floating,
    writes_out=True,
    home="inside",
    latex=r"\psi^{{(n)}}({0})",
    derivative=r"\psi^{(n+1)}(x)",
    why=Text(
        "the n-th derivative of the digamma function; one order more is its slope",
        "디감마 함수의 n계 도함수이므로 기울기는 차수가 하나 높은 것이다",
    ),
    samples=(
        Sample(((2, 3),), {"order": 1}, low=0.3, high=4.0),
        Sample(((2, 3),), {"order": 2}, low=0.3, high=4.0),
        Sample(((2, 3),), {"order": 1}, low=-0.9, high=-0.2),
    ),
)


@function
def polygamma(F: Any, n: int, x: Any, /) -> Any:
    """Return the n-th derivative of the digamma function.

    Parameters
    ----------
    n
        The order, a whole number from 0 (the digamma function itself) up.
    x
        Real numbers.

    Raises
    ------
    OptionError
        Where `n` is no such number.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.polygamma(1, [1.0]) * 6 / xp.pi**2
    Tensor([1.])
    """
    if not isinstance(n, int) or n < 0:
        raise OptionError(f"polygamma: the order must be a whole number from 0 up, not {n!r}")
    return F.digamma(x) if n == 0 else F.digamma_slope(x, n)


# --- sinc --------------------------------------------------------------------------------------------------------


def _sinc_slope(x: Any, *, order: int, out: Any = None) -> Any:
    """Return the derivative of sin(πx)/(πx) of an order: a power series near 0, a recursion away from it."""
    out = room(x, out)
    u = np.multiply(np.asarray(x, out.dtype), np.pi)
    near = np.abs(u) < 1 + 0.4 * order
    far = np.where(near, 1, u)
    value = np.sin(far) / far
    for n in range(1, order + 1):
        value = (np.sin(far + n * np.pi / 2) - n * value) / far
    close = np.where(near, u, 0)
    series = np.zeros_like(close)
    for j in range(20 + 2 * order, (order + 1) // 2 - 1, -1):
        power = 2 * j - order
        series += (-1) ** j / ((2 * j + 1) * math.factorial(power)) * close**power
    out[...] = np.where(near, series, value) * np.pi**order
    return out


sinc_slope: Op = elementwise(
    "sinc_slope",
    _sinc_slope,
    (lambda F, z, x, *, order: F.sinc_slope(x, order + 1),),
    call=lambda F, x, order: F.bind(sinc_slope, (x,), {"order": order}),
    dtype=floating,
    writes_out=True,
    home="inside",
    latex=r"\operatorname{{sinc}}^{{(n)}} {0}",
    derivative=r"\operatorname{sinc}^{(n+1)} x",
    why=Text(
        "the n-th derivative of sinc; one order more is its slope",
        "sinc의 n계 도함수이므로 기울기는 차수가 하나 높은 것이다",
    ),
    samples=(
        Sample(((2, 3),), {"order": 1}),
        Sample(((2, 3),), {"order": 2}, low=-0.6, high=0.6),
        Sample((np.array([0.0, -0.0, 1.0, 0.1]),), {"order": 1}),
    ),
)


def _sinc_definition(F: Any, x: Any) -> Any:
    at_zero = F.equal(x, 0)
    u = F.multiply(F.where(at_zero, 1.0, x), math.pi)
    return F.where(at_zero, number(1, x.dtype), F.divide(F.sin(u), u))


def _sinc(x: Any, out: Any = None) -> Any:
    out = room(x, out)
    out[...] = np.sinc(np.asarray(x, out.dtype))
    return out


sinc = elementwise(
    "sinc",
    _sinc,
    (lambda F, z, x: F.sinc_slope(x, 1),),
    dtype=floating,
    definition=_sinc_definition,
    writes_out=True,
    latex=r"\frac{{\sin \pi {0}}}{{\pi {0}}}",
    derivative=r"\frac{\cos \pi x - \operatorname{sinc} x}{x}",
    why=Text(
        "the quotient's slope; at 0, where the formula is 0/0, the curve has its summit and the slope is 0",
        "몫의 기울기이다; 식이 0/0이 되는 0에서는 곡선이 꼭대기에 있어 기울기가 0이다",
    ),
    samples=(*_ANY, Sample(((2, 3),), low=-6.0, high=6.0)),
)


# --- x ln y ------------------------------------------------------------------------------------------------------


def _xlogy(x: Any, y: Any, out: Any = None) -> Any:
    from scipy import special

    if out is None:
        out = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)), floating(np.result_type(x, y)))
    return special.xlogy(np.asarray(x, out.dtype), np.asarray(y, out.dtype), out=out)


def _xlogy_lowering(F: Any, x: Any, y: Any) -> Any:
    vanishes = F.logical_and(F.equal(x, 0), F.logical_not(F.isnan(y)))
    return F.where(vanishes, 0.0, F.multiply(x, F.log(F.where(vanishes, 1.0, y))))


def _share(F: Any, z: Any, x: Any, y: Any) -> Any:
    origin = F.logical_and(F.equal(x, 0), F.equal(y, 0))
    return F.where(origin, 0.0, F.divide(x, F.where(origin, 1.0, y)))


xlogy = elementwise(
    "xlogy",
    _xlogy,
    (lambda F, z, x, y: F.log(cast(F, y, z.dtype) if hasattr(y, "dtype") else y), _share),
    strong=True,
    dtype=floating,
    definition=lambda F, x, y: F.multiply(x, F.log(y)),
    lowering=_xlogy_lowering,
    writes_out=True,
    latex=r"{0} \ln {1}",
    derivative=r"\ln y, \frac{x}{y}",
    why=Text(
        "x counts by the logarithm of y, and y by x/y; what x = 0 weighs is 0 whatever its logarithm",
        "x는 y의 로그만큼, y는 x/y만큼 결과에 들어간다; x = 0이면 로그가 무엇이든 0이다",
    ),
    kinks=(Kink("x = 0, y = 0", "−inf | 0"),),
    samples=_PAIR,
)
