"""Comparisons, logic, choice, and the steps and stops through which no gradient flows."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import DTypeError
from glassgrad.ir import inexact, require_cpu
from glassgrad.ops.families import elementwise, predicate
from glassgrad.ops.record import Kink, Op, Sample, Text
from glassgrad.ops.rules import floating, promoted

_PAIR = (Sample(((2, 3), (2, 3))), Sample(((2, 3), (3,))))
_COMPLEX = (Sample(((2, 3),), complex=(0,)),)
_COMPLEX_PAIR = (Sample(((2, 3), (3,)), complex=(0, 1)),)
_ONE = (Sample(((2, 3),)),)
_TRUTH = np.array([[True, False, True], [False, False, True]])

equal = predicate("equal", np.equal, latex=r"[{0} = {1}]", samples=_PAIR + _COMPLEX_PAIR)
not_equal = predicate("not_equal", np.not_equal, latex=r"[{0} \neq {1}]", samples=_PAIR + _COMPLEX_PAIR)
less = predicate("less", np.less, latex=r"[{0} < {1}]", samples=_PAIR)
less_equal = predicate("less_equal", np.less_equal, latex=r"[{0} \leq {1}]", samples=_PAIR)
greater = predicate("greater", np.greater, latex=r"[{0} > {1}]", samples=_PAIR)
greater_equal = predicate("greater_equal", np.greater_equal, latex=r"[{0} \geq {1}]", samples=_PAIR)
logical_and = predicate(
    "logical_and", np.logical_and, latex=r"{0} \wedge {1}", samples=(Sample((_TRUTH, _TRUTH)),)
)
logical_or = predicate(
    "logical_or", np.logical_or, latex=r"{0} \vee {1}", samples=(Sample((_TRUTH, _TRUTH)),)
)
logical_xor = predicate(
    "logical_xor", np.logical_xor, latex=r"{0} \oplus {1}", samples=(Sample((_TRUTH, _TRUTH)),)
)
logical_not = predicate("logical_not", np.logical_not, latex=r"\neg {0}", samples=(Sample((_TRUTH,)),))
isnan = predicate("isnan", np.isnan, latex=r"[{0} \text{{ is NaN}}]", samples=_ONE + _COMPLEX)
isfinite = predicate("isfinite", np.isfinite, latex=r"[{0} \text{{ is finite}}]", samples=_ONE + _COMPLEX)
isinf = predicate("isinf", np.isinf, latex=r"[{0} = \pm\infty]", samples=_ONE + _COMPLEX)

_BITS = {np.dtype(np.float32): np.dtype(np.int32), np.dtype(np.float64): np.dtype(np.int64)}
_MANY = 4096


def _where(c: Any, x: Any, y: Any, out: Any = None) -> Any:
    """Choose; among many elements by masking bits, as np.where branches at each, many times slower on a mixed mask."""
    bits = _BITS.get(np.result_type(x, y)) if np.size(c) > _MANY and c.dtype == np.bool_ else None
    if bits is None:
        chosen = np.where(c, x, y)
        if out is None:
            return chosen
        out[...] = chosen
        return out
    if out is None:
        shape = np.broadcast_shapes(c.shape, np.shape(x), np.shape(y))
        out = np.empty(shape, np.result_type(x, y))
    a, b = (np.asarray(v, out.dtype).view(bits) for v in (x, y))
    mask, room = np.negative(c.view(np.int8)), out.view(bits)  # −1, all bits set, where c is true
    if b.ndim == 0 and b == 0:
        np.bitwise_and(a, mask, out=room)
    else:
        np.bitwise_xor(a, b, out=room)
        np.bitwise_and(room, mask, out=room)
        np.bitwise_xor(room, b, out=room)
    return out


where: Op = elementwise(
    "where",
    _where,
    (
        None,
        lambda F, z, c, x, y: c,
        lambda F, z, c, x, y: F.logical_not(c),
    ),
    call=lambda F, condition, x, y, /: F.bind(where, (condition, x, y)),
    dtype=lambda c, x, y: promoted(x, y),
    writes_out=True,
    latex=r"{1} \text{{ if }} {0} \text{{ else }} {2}",
    derivative="1 where chosen",
    why=Text(
        "the upstream gradient goes to the branch that was chosen, and nothing to the other",
        "상류 기울기는 선택된 가지로 가고 다른 가지로는 아무것도 가지 않는다",
    ),
    samples=(
        Sample((_TRUTH, (2, 3), (3,))),
        Sample((_TRUTH, (2, 3), (2, 3))),
        Sample((_TRUTH, (2, 3), (3,)), complex=(1, 2)),
        Sample((_TRUTH, (2, 3), (3,)), complex=(2,)),
    ),
)


def _step(x: Any, out: Any = None) -> Any:
    return np.heaviside(x, 1, out=out, dtype=floating(np.asarray(x).dtype))


step = elementwise(
    "step",
    _step,
    None,
    writes_out=True,
    dtype=floating,
    latex=r"\operatorname{{step}}({0})",
    derivative="0",
    why=Text(
        "the step function is flat except where it jumps: no gradient flows, so a perceptron learns by "
        "Rosenblatt's rule instead",
        "계단 함수는 뛰는 곳 말고는 평평해서 기울기가 흐르지 않는다. 그래서 퍼셉트론은 로젠블랫의 규칙으로 배운다",
    ),
    kinks=(Kink("x = 0", "0; the value there is 1"),),
    samples=_ONE,
)


def _copy(x: Any, out: Any = None) -> Any:
    """Copy numbers and truth values alike (np.positive takes numbers only)."""
    if out is None:
        return np.array(x)
    np.copyto(out, x)
    return out


stop_gradient = elementwise(
    "stop_gradient",
    _copy,
    None,
    writes_out=True,
    latex=r"\operatorname{{stop}}({0})",
    derivative="0",
    why=Text(
        "the value passes on; the gradient is stopped on purpose", "값은 지나가고 기울기는 일부러 막는다"
    ),
    samples=_ONE + _COMPLEX,
)

identity = elementwise(
    "identity",
    _copy,
    (lambda F, z, x: 1,),
    writes_out=True,
    latex=r"{0}",
    derivative="1",
    why=Text("the value passes on unchanged, and so does the gradient", "값도 기울기도 그대로 지나간다"),
    samples=_ONE + _COMPLEX,
)


again = elementwise(
    "again",
    _copy,
    (lambda F, z, x: 1,),
    writes_out=True,
    latex=r"{0}",
    derivative="1",
    why=Text("the value passes on unchanged, and so does the gradient", "값도 기울기도 그대로 지나간다"),
    samples=_ONE + _COMPLEX,
    home="inside",
)
"""The identity that no pass removes: what is computed from it is not shared with what was computed before."""


def _call_astype(F: Any, x: Any, dtype: Any, *, copy: bool = True, device: Any = None) -> Any:
    require_cpu(device)
    dtype = np.dtype(dtype)
    if x.dtype.kind == "c" and dtype.kind in "iuf":
        raise DTypeError(
            f"a complex array ({x.dtype}) does not become {dtype}: take gg.real(x), gg.imag(x) or gg.abs(x) first"
        )
    return F.bind(astype, (x,), {"dtype": dtype}) if copy or x.dtype != dtype else F.value(x)


astype = elementwise(
    "astype",
    lambda x, *, dtype: np.asarray(x).astype(dtype),
    (lambda F, z, x, *, dtype: 1 if inexact(dtype) and inexact(x.dtype) else 0,),
    call=_call_astype,
    dtype=lambda d, *, dtype: dtype,
    latex=r"{0}",
    derivative="1",
    why=Text("another number format, the same number", "숫자 형식만 바뀌고 값은 같다"),
    samples=(
        Sample(((2, 3),), {"dtype": np.float64}),
        Sample(((2, 3),), {"dtype": np.complex128}),
        Sample(((2, 3),), {"dtype": np.complex128}, complex=(0,)),
    ),
)
