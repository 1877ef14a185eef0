"""Determinants, with derivatives that stay exact where the matrix is singular.

The derivative of a determinant is the matrix of cofactors. It is usually written det(A) A⁻ᵀ, which fails where A is
singular; but cofactors are polynomials in the entries and always exist. From a singular value decomposition they follow
by products in which nothing is divided, and so do their derivatives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.families import composite
from glassgrad.ops.linear_algebra import adjoint, batch_stacks, in_floats, matrix_shape, swapped
from glassgrad.ops.record import Kink, Op, Sample, Text, lookup, register
from glassgrad.ops.rules import cast, component, conj
from glassgrad.ops.solving import inverse_or_nan

_MATRICES = (Sample(((3, 3),)), Sample(((2, 3, 3),)), Sample(((3, 3),), complex=(0,)))
_SINGULAR = (
    Sample((np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]]),)),
    Sample((np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [-1.0, -2.0, -3.0]]),)),
)


def _over_stack(x: Any) -> Any:
    """Give a number for each matrix the two axes with which it multiplies the matrix."""
    return x[..., None, None]


# --- cofactors -----------------------------------------------------------------------------------------------------


def _others(s: Any) -> Any:
    """Return for each element the product of the others along the last axis, with nothing divided."""
    one = np.ones((*s.shape[:-1], 1), s.dtype)
    before = np.concatenate([one, np.cumprod(s[..., :-1], axis=-1)], axis=-1)
    after = np.concatenate([np.cumprod(s[..., :0:-1], axis=-1)[..., ::-1], one], axis=-1)
    return before * after


def _by_singular_values(a: Any) -> Any:
    """Return the cofactors of each matrix by products of all its singular values but one, exact at every rank."""
    u, s, vh = np.linalg.svd(a)
    turn = _over_stack(np.linalg.det(u) * np.linalg.det(vh))
    return turn * ((np.conj(u) * _others(s)[..., None, :]) @ np.conj(vh))


def _cofactor(a: Any) -> Any:
    """Return the cofactors: by the inverse where that is accurate, by singular values elsewhere."""
    if a.shape[-1] == 0:
        return a.copy()
    inverse = inverse_or_nan(a)
    out = _over_stack(np.linalg.det(a)) * swapped(inverse)
    with np.errstate(all="ignore"):
        condition = np.linalg.norm(a, 1, (-2, -1)) * np.linalg.norm(inverse, 1, (-2, -1))
    poor = ~(condition < np.finfo(a.dtype).eps ** (-1 / 3))
    if np.any(poor & np.isfinite(a).all((-2, -1))):
        poor &= np.isfinite(a).all((-2, -1))
        out[poor] = _by_singular_values(a[poor])
    return out


def _slope(a: Any, e: Any) -> Any:
    """Return how the cofactors of `a` change along `e`.

    In the bases of the singular vectors `a` is diagonal, and the cofactors of a matrix near a diagonal one are, to
    first order, products of all singular values but two.
    """
    a, e = np.broadcast_arrays(a, e)
    if a.shape[-1] == 0:
        return np.zeros(a.shape, np.result_type(a, e))
    u, s, vh = np.linalg.svd(a)
    turn = _over_stack(np.linalg.det(u) * np.linalg.det(vh))
    size = s.shape[-1]
    but_two = _others(np.where(np.eye(size, dtype=bool), 1, s[..., None, :])) * (
        1 - np.eye(size, dtype=s.dtype)
    )
    inside = swapped(np.conj(u)) @ e @ swapped(np.conj(vh))
    along = (but_two @ np.diagonal(inside, axis1=-2, axis2=-1)[..., None])[..., 0]
    changed = np.eye(size, dtype=s.dtype) * along[..., None] - but_two * swapped(inside)
    return turn * (np.conj(u) @ changed @ np.conj(vh))


def _slope_by_inverse(F: Any, a: Any, e: Any) -> Any:
    turned = F.matrix_transpose(F.bind(lookup("inv"), (a,), {"strict": False}))
    cofactors = F.cofactor(a)
    share = F.sum(F.multiply(turned, e), axis=(-2, -1), keepdims=True)
    return F.subtract(
        F.multiply(cofactors, share), F.matmul(F.matmul(cofactors, F.matrix_transpose(e)), turned)
    )


def _infer_slope(a: Any, e: Any) -> tuple[Shape, np.dtype[Any]]:
    shapes = [matrix_shape("cofactor_slope", x, square=True) for x in (a, e)]
    return broadcast_shapes(*shapes), np.result_type(a.dtype, e.dtype)


slope: Op = composite(
    "cofactor_slope",
    call=lambda F, a, e: F.bind(slope, (a, e)),
    infer=_infer_slope,
    numpy=_slope,
    definition=_slope_by_inverse,
    batch=batch_stacks(lambda: slope),
    latex=r"\operatorname{{cof}}'({0})[{1}]",
    derivative=r"\operatorname{cof}''(A)",
    why=Text(
        "a cofactor is a determinant of a smaller matrix, so it changes by products of all the entries but "
        "two rows and columns",
        "여인수도 더 작은 행렬의 행렬식이므로 두 행과 두 열을 뺀 나머지 성분들의 곱만큼 변한다",
    ),
    samples=(Sample(((3, 3), (3, 3))), Sample(((2, 2, 2), (2, 2, 2)), complex=(0, 1))),
    home="inside",
)


def _pull_cofactor(
    F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    # The second derivative of a determinant is symmetric, so the slope is its own transpose.
    return [conj(F, F.cofactor_slope(xs[0], conj(F, g)))]


cofactor: Op = register(
    Op(
        name="cofactor",
        call=lambda F, a: F.bind(cofactor, (a,)),
        infer=lambda a: (matrix_shape("cofactor", a, square=True), a.dtype),
        numpy=_cofactor,
        pull=_pull_cofactor,
        push=lambda F, tangents, z, xs, attrs, _: F.cofactor_slope(xs[0], tangents[0]),
        batch=batch_stacks(lambda: cofactor),
        latex=r"\operatorname{{cof}}({0})",
        derivative=r"\operatorname{cof}'(A)",
        why=Text(
            "each cofactor is the determinant of the matrix without a row and a column, so it changes as a "
            "determinant",
            "여인수는 한 행과 한 열을 뺀 행렬의 행렬식이므로 행렬식처럼 변한다",
        ),
        kinks=(Kink("a singular matrix", "exact; NaN in the derivative of the derivative"),),
        samples=_MATRICES,
        home="inside",
    )
)


# --- det -----------------------------------------------------------------------------------------------------------


def _call_det(F: Any, x: Any, /) -> Any:
    return F.bind(det, (in_floats(F, x),))


def _infer_det(a: Any) -> tuple[Shape, np.dtype[Any]]:
    return matrix_shape("det", a, square=True)[:-2], a.dtype


def _pull_det(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    return [F.multiply(F.reshape(g, (*g.shape, 1, 1)), conj(F, F.cofactor(xs[0])))]


def _push_det(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    return F.sum(F.multiply(F.cofactor(xs[0]), tangents[0]), axis=(-2, -1))


det: Op = register(
    Op(
        name="det",
        call=_call_det,
        infer=_infer_det,
        numpy=np.linalg.det,
        pull=_pull_det,
        push=_push_det,
        batch=batch_stacks(lambda: det),
        latex=r"\det {0}",
        derivative=r"\operatorname{cof}(A) = \det(A) A^{-\top}",
        why=Text(
            "along one entry the determinant is a straight line whose slope is the determinant of what is "
            "left without that entry's row and column: its cofactor",
            "성분 하나만 움직이면 행렬식은 직선이고, 그 기울기는 그 성분의 행과 열을 뺀 나머지의 행렬식, 곧 "
            "여인수이다",
        ),
        kinks=(
            Kink("rank n − 1", "exact: the cofactors, of which nothing is divided"),
            Kink("rank n − 2 or less", "0, exactly: every cofactor is 0"),
        ),
        samples=(*_MATRICES, *_SINGULAR),
        home="linalg",
    )
)


# --- slogdet -------------------------------------------------------------------------------------------------------


class SlogdetResult(NamedTuple):
    """The determinant as sign · exp(logabsdet)."""

    sign: Any
    logabsdet: Any


def _call_slogdet(F: Any, x: Any, /) -> SlogdetResult:
    return SlogdetResult(*F.bind(slogdet, (in_floats(F, x),)))


def _infer_slogdet(a: Any) -> list[tuple[Shape, np.dtype[Any]]]:
    stack = matrix_shape("slogdet", a, square=True)[:-2]
    return [(stack, a.dtype), (stack, component(a.dtype))]


def _inverse(F: Any, a: Any) -> Any:
    return F.bind(lookup("inv"), (a,), {"strict": False})


def _pull_slogdet(
    F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    by_sign, by_log = g
    a, sign = xs[0], z[0]
    if a.dtype.kind == "c":
        turning = F.multiply(F.imag(F.multiply(by_sign, conj(F, sign))), 1j)
        by_log = F.add(cast(F, by_log, a.dtype), turning)
    return [F.multiply(F.reshape(by_log, (*by_log.shape, 1, 1)), adjoint(F, _inverse(F, a)))]


def _push_slogdet(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    (a,), (sign, _magnitude) = xs, z
    moved = F.sum(F.multiply(F.matrix_transpose(_inverse(F, a)), tangents[0]), axis=(-2, -1))
    if a.dtype.kind != "c":
        return None, moved
    return F.multiply(F.multiply(F.imag(moved), 1j), sign), F.real(moved)


slogdet: Op = register(
    Op(
        name="slogdet",
        call=_call_slogdet,
        infer=_infer_slogdet,
        numpy=lambda a: tuple(np.linalg.slogdet(a)),
        pull=_pull_slogdet,
        push=_push_slogdet,
        batch=batch_stacks(lambda: slogdet),
        latex=r"\ln \left|\det {0}\right|",
        derivative=r"A^{-\mathsf{H}}",
        why=Text(
            "the logarithm divides the determinant's derivative by the determinant, which leaves the "
            "inverse, transposed",
            "로그는 행렬식의 미분을 행렬식으로 나누므로 전치한 역행렬만 남는다",
        ),
        kinks=(Kink("a singular matrix", "NaN: the logarithm of 0 has no slope"),),
        samples=_MATRICES,
        several=True,
        home="linalg",
    )
)
