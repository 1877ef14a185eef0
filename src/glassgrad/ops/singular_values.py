"""The singular value decomposition, and the singular values alone.

The singular vectors are the eigenvectors of two Hermitian matrices, of A Aᴴ and Aᴴ A, and turn as those do: where
singular values coincide they have no gradient, and `over_gaps` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from glassgrad.ir import Shape
from glassgrad.ops.decompositions import completed_back, completed_forward
from glassgrad.ops.linear_algebra import adjoint, batch_stacks, in_floats, matrix_shape
from glassgrad.ops.record import Kink, Op, Sample, Text, register
from glassgrad.ops.rules import cast, component, total
from glassgrad.ops.spectra import converging, on_diagonal


class SVDResult(NamedTuple):
    """Left singular vectors in columns, singular values in descending order, right singular vectors in rows."""

    U: Any
    S: Any
    Vh: Any


def _call_svd(F: Any, x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    return SVDResult(*F.bind(svd, (in_floats(F, x),), {"full_matrices": bool(full_matrices)}))


def _infer_svd(a: Any, *, full_matrices: bool) -> list[tuple[Shape, np.dtype[Any]]]:
    *stack, rows, columns = matrix_shape("svd", a)
    size = min(rows, columns)
    left, right = (rows, columns) if full_matrices else (size, size)
    return [
        ((*stack, rows, left), a.dtype),
        ((*stack, size), component(a.dtype)),
        ((*stack, right, columns), a.dtype),
    ]


def _columns_over(F: Any, x: Any, s: Any) -> Any:
    """Return the columns of `x`, each divided by a singular value; one that is 0 stays 0 whatever divides it."""
    return F.strong_multiply(x, cast(F, F.reciprocal(F.expand_dims(s, -2)), x.dtype))


def _apart(F: Any, m: Any, s: Any) -> Any:
    """Return m_ij / (s_j² − s_i²), and 0 on the diagonal."""
    sums = F.add(F.expand_dims(s, -1), F.expand_dims(s, -2))
    return F.divide(F.over_gaps(m, s), F.where(F.equal(sums, 0), 1.0, sums))


def _pull_svd(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    (u, s, vh), (gu, gs, gvh) = z, g
    size, dtype = s.shape[-1], u.dtype
    u, gu = completed_back(F, u, gu, size)
    v, gv = completed_back(F, adjoint(F, vh), adjoint(F, gvh), size)
    by_u, by_v = F.matmul(adjoint(F, u), gu), F.matmul(adjoint(F, v), gv)
    centre = on_diagonal(F, gs, dtype)
    told_u, told_v = by_u, by_v
    if dtype.kind == "c":
        along_u, along_v = F.diagonal(by_u), F.diagonal(by_v)
        halves = F.strong_multiply(F.imag(F.subtract(along_u, along_v)), F.divide(0.5, s))
        centre = F.add(centre, F.multiply(on_diagonal(F, halves, dtype), 1j))
        # u_i and v_i share one free phase: what the loss gains along it is both diagonals together, 0 if it is sound.
        told_u = F.add(by_u, on_diagonal(F, along_v, dtype))
        told_v = F.add(by_v, on_diagonal(F, along_u, dtype))
    turn_u, turn_v = _apart(F, told_u, s), _apart(F, told_v, s)
    turn_u, turn_v = F.add(turn_u, adjoint(F, turn_u)), F.add(turn_v, adjoint(F, turn_v))
    row, column = F.expand_dims(s, -2), F.expand_dims(s, -1)
    centre = total(F, [centre, F.multiply(turn_u, row), F.multiply(turn_v, column)])
    left = F.matmul(u, centre)
    if u.shape[-2] > size:
        left = F.add(left, _columns_over(F, F.subtract(gu, F.matmul(u, by_u)), s))
    out = F.matmul(left, adjoint(F, v))
    if v.shape[-2] > size:
        outside = _columns_over(F, F.subtract(gv, F.matmul(v, by_v)), s)
        out = F.add(out, F.matmul(u, adjoint(F, outside)))
    return [out]


def _push_svd(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    (u, s, vh), (da,) = z, tangents
    size, dtype = s.shape[-1], u.dtype
    whole_u, whole_v = u, adjoint(F, vh)
    u, v = (F.getitem(x, (..., slice(0, size))) for x in (whole_u, whole_v))
    row, column = F.expand_dims(s, -2), F.expand_dims(s, -1)
    by_v, by_u = F.matmul(da, v), F.matmul(adjoint(F, da), u)
    inside = F.matmul(adjoint(F, u), by_v)
    turned = adjoint(F, inside)
    turn_u = _apart(F, F.add(F.multiply(inside, row), F.multiply(turned, column)), s)
    turn_v = _apart(F, F.add(F.multiply(inside, column), F.multiply(turned, row)), s)
    if dtype.kind == "c":
        halves = F.strong_multiply(F.imag(F.diagonal(inside)), F.divide(0.5, s))
        phases = F.multiply(on_diagonal(F, halves, dtype), 1j)
        turn_u, turn_v = F.add(turn_u, phases), F.subtract(turn_v, phases)
    du, dv = F.matmul(u, turn_u), F.matmul(v, turn_v)
    if u.shape[-2] > size:
        du = F.add(du, _columns_over(F, F.subtract(by_v, F.matmul(u, inside)), s))
    if v.shape[-2] > size:
        dv = F.add(dv, _columns_over(F, F.subtract(by_u, F.matmul(v, turned)), s))
    ds = cast(F, F.diagonal(inside), s.dtype)
    return completed_forward(F, whole_u, du, size), ds, adjoint(F, completed_forward(F, whole_v, dv, size))


_SVD_SAMPLES = (
    Sample(((3, 3),), {"full_matrices": False}),
    Sample(((4, 2),), {"full_matrices": False}),
    Sample(((2, 2, 3),), {"full_matrices": False}),
    Sample(((3, 2),)),
    Sample(((2, 3),), {"full_matrices": False}, complex=(0,)),
    Sample(((3, 2),), complex=(0,)),
)

svd: Op = register(
    Op(
        name="svd",
        call=_call_svd,
        infer=_infer_svd,
        numpy=converging("svd", lambda a, *, full_matrices: tuple(np.linalg.svd(a, full_matrices))),
        pull=_pull_svd,
        push=_push_svd,
        batch=batch_stacks(lambda: svd),
        latex=r"\operatorname{{svd}} {0}",
        derivative=r"U \left( \operatorname{diag} g_S + \frac{K_U S + S K_V}{s_j^2 - s_i^2} \right) V^{\mathsf{H}} "
        r"+ \dots",
        why=Text(
            "seen between the singular vectors, a change's diagonal moves the values and what is beside it "
            "turns the vectors, the faster the nearer two values are; a loss must not depend on the common "
            "sign or phase of a left and a right vector, nor on the choice of the columns that "
            "full_matrices adds",
            "왼쪽과 오른쪽 특이벡터 사이에서 보면 변화의 대각선은 특잇값을 움직이고 나머지는 벡터를 "
            "돌리는데, 두 값이 가까울수록 빨리 돈다; 손실은 짝을 이룬 두 벡터의 공통된 부호나 위상, "
            "full_matrices가 더하는 열의 선택에 따라 변하면 안 된다",
        ),
        kinks=(
            Kink("two singular values coincide", "NaN for their vectors, with a warning that names them"),
            Kink("a singular value of 0", "NaN for its vectors"),
        ),
        samples=_SVD_SAMPLES,
        several=True,
        home="linalg",
    )
)


def _call_svdvals(F: Any, x: Any, /) -> Any:
    return F.bind(svdvals, (in_floats(F, x),))


def _infer_svdvals(a: Any) -> tuple[Shape, np.dtype[Any]]:
    *stack, rows, columns = matrix_shape("svdvals", a)
    return (*stack, min(rows, columns)), component(a.dtype)


def _pull_svdvals(
    F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    u, s, vh = F.svd(xs[0], full_matrices=False)
    share = F.multiply(g, F.sign(s))
    return [F.matmul(F.multiply(u, F.expand_dims(share, -2)), vh)]


def _push_svdvals(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    u, s, vh = F.svd(xs[0], full_matrices=False)
    inside = F.matmul(F.matmul(adjoint(F, u), tangents[0]), adjoint(F, vh))
    return F.multiply(cast(F, F.diagonal(inside), z.dtype), F.sign(s))


svdvals: Op = register(
    Op(
        name="svdvals",
        call=_call_svdvals,
        infer=_infer_svdvals,
        numpy=converging("svdvals", lambda a: np.linalg.svd(a, compute_uv=False)),
        pull=_pull_svdvals,
        push=_push_svdvals,
        batch=batch_stacks(lambda: svdvals),
        latex=r"\sigma({0})",
        derivative=r"u_i v_i^{\mathsf{H}}",
        why=Text(
            "a singular value is how much the matrix stretches its right vector into its left one, and to "
            "first order the vectors' turning does not change that",
            "특잇값은 행렬이 오른쪽 벡터를 왼쪽 벡터로 늘이는 정도이고, 벡터가 도는 것은 1차에서 이를 "
            "바꾸지 않는다",
        ),
        kinks=(
            Kink("a singular value of 0", "0"),
            Kink(
                "two singular values coincide",
                "that of one of the bases; exact for functions symmetric in them",
            ),
        ),
        samples=(Sample(((3, 3),)), Sample(((2, 3, 2),)), Sample(((2, 3),), complex=(0,))),
        home="linalg",
    )
)
