"""Activation functions: what makes a network more than one matrix product, each with the shape of its slope.

Most are composites: the definition is the textbook's formula, and the local derivative is the short one that people
know (z·(1 − z) for the sigmoid), so that neither explanations nor training go through the inside.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, did_you_mean
from glassgrad.ops.families import elementwise
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Kink, Op, Sample, Text
from glassgrad.ops.rules import number, real_floating, room

_ANY = (Sample(((2, 3),)), Sample(((),)), Sample(((2, 3),), low=-8.0, high=8.0))


# --- sigmoid and its kin -------------------------------------------------------------------------------------------


_UNITS = {char: (np.array(-1, char), np.array(1, char)) for char in "efdg"}
"""−1 and 1 in each dtype: arrays reach a ufunc sooner than Python's numbers do."""


def _sigmoid(x: Any, out: Any = None) -> Any:
    z = room(x, out, real_floating)
    minus_one, one = _UNITS[z.dtype.char]
    np.multiply(x, minus_one, out=z)
    with np.errstate(over="ignore"):  # e^−x may become inf, and 1/(1 + inf) is 0 as it should be
        np.exp(z, out=z)
    np.add(z, one, out=z)
    return np.reciprocal(z, out=z)


def _stable_sigmoid(F: Any, x: Any) -> Any:
    e = F.exp(F.negative(F.abs(x)))
    return F.divide(F.where(F.less(x, 0), e, number(1, e.dtype)), F.add(e, 1))


sigmoid = elementwise(
    "sigmoid",
    _sigmoid,
    (lambda F, z, x: F.multiply(z, F.subtract(1, z)),),
    dtype=real_floating,
    definition=lambda F, x: F.reciprocal(F.add(F.exp(F.multiply(x, -1)), 1)),
    lowering=_stable_sigmoid,
    writes_out=True,
    latex=r"\sigma({0})",
    derivative=r"z (1 - z)",
    why=Text(
        "the four local derivatives along the way, −1, eˣ, 1 and −1/x², multiply to z·(1 − z): at most ¼, and almost "
        "0 where the sigmoid saturates",
        "지나온 네 국소적 미분 −1, eˣ, 1, −1/x²을 곱하면 z·(1 − z)가 된다: 커야 ¼이고 시그모이드가 포화된 곳에서는 "
        "거의 0이다",
    ),
    samples=_ANY,
)

silu = elementwise(
    "silu",
    None,
    (lambda F, z, x: F.add(z, F.multiply(F.sigmoid(x), F.subtract(1, z))),),
    dtype=real_floating,
    definition=lambda F, x: F.multiply(x, F.sigmoid(x)),
    latex=r"{0} \, \sigma({0})",
    derivative=r"z + \sigma(x)(1 - z)",
    why=Text(
        "x is used twice, as the value and as its own gate, so two paths add up",
        "x가 값으로도 그 게이트로도 두 번 쓰이므로 두 경로의 기울기가 더해진다",
    ),
    samples=_ANY,
)

softplus = elementwise(
    "softplus",
    None,
    (lambda F, z, x: F.sigmoid(x),),
    dtype=real_floating,
    definition=lambda F, x: F.log(F.add(F.exp(x), 1)),
    lowering=lambda F, x: F.add(F.log1p(F.exp(F.negative(F.abs(x)))), F.maximum(x, 0)),
    latex=r"\ln(1 + e^{{{0}}})",
    derivative=r"\sigma(x)",
    why=Text(
        "a smooth ReLU: its slope rises from 0 to 1 as the sigmoid does",
        "매끄러운 ReLU: 기울기가 시그모이드처럼 0에서 1로 오른다",
    ),
    samples=_ANY,
)


# --- ReLU and its kin ----------------------------------------------------------------------------------------------


def _real_number(d: np.dtype[Any]) -> np.dtype[Any]:
    if d.kind == "c":
        raise TypeError("real numbers only")
    return np.result_type(d, 0)


def _relu(x: Any, out: Any = None) -> Any:
    if np.iscomplexobj(x):  # NumPy orders complex numbers by their real parts
        raise TypeError("real numbers only")
    return np.maximum(x, 0, out=out)


relu = elementwise(
    "relu",
    _relu,
    (lambda F, z, x: F.greater(x, 0),),
    dtype=_real_number,
    writes_out=True,
    latex=r"\operatorname{{ReLU}}({0})",
    derivative="[x > 0]",
    why=Text(
        "a switch: where x is positive the upstream gradient passes on unchanged, elsewhere it is cut off",
        "스위치와 같다: x가 양수인 곳에서는 상류 기울기가 그대로 흐르고 그 밖에서는 끊긴다",
    ),
    kinks=(Kink("x = 0", "0"),),
    samples=_ANY,
)


def _leaky_relu(x: Any, *, slope: float, out: Any = None) -> Any:
    z = np.multiply(x, slope, out=room(x, out, real_floating))
    np.copyto(z, x, where=np.greater(x, 0))
    return z


leaky_relu: Op = elementwise(
    "leaky_relu",
    _leaky_relu,
    (lambda F, z, x, *, slope: F.where(F.greater(x, 0), number(1, z.dtype), number(slope, z.dtype)),),
    call=lambda F, x, slope=0.01: F.bind(leaky_relu, (x,), {"slope": float(slope)}),
    dtype=real_floating,
    definition=lambda F, x, *, slope: F.where(F.greater(x, 0), x, F.multiply(x, slope)),
    writes_out=True,
    latex=r"\operatorname{{LeakyReLU}}({0})",
    derivative=r"1 \text{ if } x > 0 \text{ else } a",
    why=Text(
        "as ReLU, but left of zero a small part of the gradient leaks through, so that no neuron dies",
        "ReLU와 같되 0의 왼쪽에서도 기울기가 조금 새어 나가므로 뉴런이 죽지 않는다",
    ),
    kinks=(Kink("x = 0", "the slope a"),),
    samples=(Sample(((2, 3),)), Sample(((2, 3),), {"slope": 0.3}), Sample(((),), {"slope": 0.3})),
)


def _elu(x: Any, *, alpha: float, out: Any = None) -> Any:
    z = np.minimum(x, 0, out=room(x, out, real_floating))
    np.expm1(z, out=z)
    np.multiply(z, alpha, out=z)
    np.copyto(z, x, where=np.greater(x, 0))
    return z


elu: Op = elementwise(
    "elu",
    _elu,
    (lambda F, z, x, *, alpha: F.where(F.greater(x, 0), number(1, z.dtype), F.add(z, alpha)),),
    call=lambda F, x, alpha=1.0: F.bind(elu, (x,), {"alpha": float(alpha)}),
    dtype=real_floating,
    definition=lambda F, x, *, alpha: F.where(
        F.greater(x, 0), x, F.multiply(F.subtract(F.exp(F.minimum(x, 0)), 1), alpha)
    ),
    lowering=lambda F, x, *, alpha: F.where(F.greater(x, 0), x, F.multiply(F.expm1(F.minimum(x, 0)), alpha)),
    writes_out=True,
    latex=r"\operatorname{{ELU}}({0})",
    derivative=r"1 \text{ if } x > 0 \text{ else } z + \alpha",
    why=Text(
        "as ReLU right of zero; left of it an exponential, whose slope α·eˣ is the output plus α",
        "0의 오른쪽에서는 ReLU와 같고, 왼쪽에서는 지수 함수여서 기울기 α·eˣ이 출력에 α를 더한 것이다",
    ),
    kinks=(Kink("x = 0, α ≠ 1", "α"),),
    samples=(Sample(((2, 3),)), Sample(((2, 3),), {"alpha": 0.5}), Sample(((),))),
)


# --- GELU ----------------------------------------------------------------------------------------------------------

_ROOT = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _normal_cdf(F: Any, x: Any) -> Any:
    return F.multiply(F.add(F.erf(F.multiply(x, math.sqrt(0.5))), 1), 0.5)


def _tanh_gate(F: Any, x: Any) -> Any:
    inner = F.multiply(F.add(F.multiply(F.multiply(F.square(x), x), _CUBIC), x), _ROOT)
    return F.multiply(F.add(F.tanh(inner), 1), 0.5)


def _gelu(F: Any, x: Any, *, approximate: str) -> Any:
    return F.multiply(x, _tanh_gate(F, x) if approximate == "tanh" else _normal_cdf(F, x))


def _gelu_slope(F: Any, z: Any, x: Any, *, approximate: str) -> Any:
    if approximate == "none":
        density = F.multiply(F.exp(F.multiply(F.square(x), -0.5)), 1 / math.sqrt(2 * math.pi))
        return F.add(_normal_cdf(F, x), F.multiply(x, density))
    gate = _tanh_gate(F, x)
    steepness = F.add(F.multiply(F.square(x), 6 * _CUBIC * _ROOT), 2 * _ROOT)
    return F.add(gate, F.multiply(F.multiply(x, steepness), F.multiply(gate, F.subtract(1, gate))))


def _call_gelu(F: Any, x: Any, approximate: str = "none") -> Any:
    if approximate not in ("none", "tanh"):
        raise OptionError(
            f"gelu: approximate={approximate!r} is unknown. {did_you_mean(str(approximate), ('none', 'tanh'))}"
        )
    return F.bind(gelu, (x,), {"approximate": approximate})


gelu: Op = elementwise(
    "gelu",
    None,
    (_gelu_slope,),
    call=_call_gelu,
    dtype=real_floating,
    definition=_gelu,
    latex=r"\operatorname{{GELU}}({0})",
    derivative=r"\Phi(x) + x \varphi(x)",
    why=Text(
        "x is used twice, as the value and in its gate Φ(x), the share of the bell curve left of x: two paths add up",
        "x가 값으로도, 종 모양 곡선에서 x 왼쪽의 비율인 게이트 Φ(x) 안에서도 쓰이므로 두 경로의 기울기가 더해진다",
    ),
    samples=(*_ANY, Sample(((2, 3),), {"approximate": "tanh"}, low=-6.0, high=6.0)),
)


@function
def hardtanh(F: Any, x: Any, low: float = -1.0, high: float = 1.0) -> Any:
    """Cut `x` off at `low` and `high`."""
    return F.clip(x, low, high)
