"""Real and imaginary parts and the conjugate: where complex numbers meet real ones.

The cotangent of a complex value is ∂L/∂Re + i·∂L/∂Im, the direction in which a real loss grows fastest, so that
``x -= rate * gradient`` descends for complex parameters as it does for real ones. The vector–Jacobian product of a
function with a complex derivative therefore multiplies by the derivative's conjugate. (PyTorch has the same
convention; JAX returns the conjugate of this gradient.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.ops.families import elementwise
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Kink, Op, Sample, Text
from glassgrad.ops.rules import cast, scale

_SAMPLES = (Sample(((2, 3),), complex=(0,)), Sample(((2, 3),)))


def _component(d: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the parts of numbers of dtype `d`."""
    return np.empty(0, d).real.dtype


def _part(name: str, numpy: Any, unit: complex, latex: str, en: str, ko: str) -> Op:
    op: Op

    def pull(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Any, _: Any) -> list[Any]:
        if xs[0].dtype.kind == "c":
            return [cast(F, F.multiply(g, unit), xs[0].dtype)]
        return [g if unit == 1 else F.zeros_like(g)]

    def push(F: Any, tangents: Any, z: Any, xs: Any, attrs: Any, _: Any) -> Any:
        return F.bind(op, tangents)

    op = elementwise(
        name,
        lambda x: np.array(numpy(x)),
        (),
        pull=pull,
        push=push,
        dtype=_component,
        latex=latex,
        derivative="1" if unit == 1 else "i",
        why=Text(en, ko),
        samples=_SAMPLES,
    )
    return op


real = _part(
    "real", np.real, 1, r"\operatorname{{Re}} {0}",
    "only the real part counts, so the upstream gradient goes there and nothing to the imaginary part",
    "실수부만 결과에 들어가므로 상류 기울기는 실수부로만 간다",
)  # fmt: skip
imag = _part(
    "imag", np.imag, 1j, r"\operatorname{{Im}} {0}",
    "only the imaginary part counts, so the upstream gradient goes there and nothing to the real part",
    "허수부만 결과에 들어가므로 상류 기울기는 허수부로만 간다",
)  # fmt: skip


conj: Op = elementwise(
    "conj",
    np.conjugate,
    (),
    pull=lambda F, wanted, g, z, xs, attrs, _: [F.conj(g)],
    push=lambda F, tangents, z, xs, attrs, _: F.conj(tangents[0]),
    latex=r"\overline{{{0}}}",
    derivative=r"\overline{\,\cdot\,}",
    why=Text(
        "the imaginary part turns its sign, and so does that of the gradient",
        "허수부의 부호가 바뀌므로 기울기의 허수부도 부호가 바뀐다",
    ),
    samples=_SAMPLES,
)


def modulus_pull(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Any, _: Any) -> list[Any]:
    """Return the cotangent of `x` for |x|: outwards from 0, along x/|x|."""
    return [scale(F, g, F.sign(xs[0]), False)]


def modulus_push(F: Any, tangents: Any, z: Any, xs: Any, attrs: Any, _: Any) -> Any:
    """Return the tangent of |x|: how far `x` moves outwards."""
    outwards = F.sign(xs[0])
    if outwards.dtype.kind != "c":
        return F.multiply(tangents[0], outwards)
    return F.real(F.multiply(F.conj(outwards), tangents[0]))


def modulus_dtype(d: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of |x|."""
    return _component(d) if d.kind == "c" else d


def _turned(F: Any, x: Any, t: Any) -> Any:
    """Return how x/|x| moves as `x` moves by `t`: by the part across `x`, over |x|; 0 at 0."""
    unit, length = F.sign(x), F.abs(x)
    at_zero = F.equal(length, 0)
    across = F.subtract(t, F.multiply(unit, F.real(F.multiply(F.conj(unit), t))))
    return F.where(at_zero, 0.0, F.divide(across, F.where(at_zero, 1.0, length)))


direction: Op = elementwise(
    "direction",
    np.sign,
    (),
    pull=lambda F, wanted, g, z, xs, attrs, _: [_turned(F, xs[0], g)],
    push=lambda F, tangents, z, xs, attrs, _: _turned(F, xs[0], tangents[0]),
    home="inside",
    latex=r"\frac{{{0}}}{{\left|{0}\right|}}",
    derivative=r"\frac{t - s \operatorname{Re}(\bar{s} t)}{|x|}, \; s = \frac{x}{|x|}",
    why=Text(
        "the result keeps its length 1 and only turns, so what points along it is taken out of the gradient and the "
        "rest is divided by |x|",
        "결과는 길이 1을 유지한 채 돌기만 하므로, 기울기에서 같은 방향의 성분을 빼고 나머지를 |x|로 나눈다",
    ),
    kinks=(Kink("x = 0", "0"),),
    samples=(Sample(((2, 3),), complex=(0,)),),
)


@function
def angle(F: Any, x: Any, /) -> Any:
    """Return the angle of each complex number to the positive real axis, between −π and π.

    Parameters
    ----------
    x
        Complex or real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from glassgrad import xp
    >>> xp.angle(np.array([1.0, 1.0j])) / xp.pi
    Tensor([0. , 0.5])
    """
    return F.atan2(F.imag(x), F.real(x))
