"""Decompositions into triangles: Cholesky's, and the orthogonal one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from glassgrad.errors import OptionError
from glassgrad.ir import Shape
from glassgrad.ops.linear_algebra import (
    adjoint,
    batch_stacks,
    hermitian,
    in_floats,
    matrix_shape,
    triangle,
)
from glassgrad.ops.matrix_error import MatrixError
from glassgrad.ops.record import Kink, Op, Sample, Text, register

__all__ = ["completed_back", "completed_forward"]


# --- cholesky ------------------------------------------------------------------------------------------------------


def _cholesky(a: Any) -> Any:
    try:
        return np.linalg.cholesky(a)
    except np.linalg.LinAlgError as error:
        if "positive definite" not in str(error):
            raise
    if not np.isfinite(a).all():
        raise MatrixError("cholesky: the matrix holds NaN or infinity")
    least = np.linalg.eigvalsh(a)[..., 0]
    place = tuple(int(i) for i in np.unravel_index(np.argmin(least), least.shape))
    which = f"the matrix at {list(place)} of the stack" if place else "the matrix"
    raise MatrixError(
        f"cholesky: {which} is not positive definite: its smallest eigenvalue is {least[place]:.3g}. "
        "A covariance that is singular but for rounding becomes so with a small multiple of the identity added"
    )


def _call_cholesky(F: Any, x: Any, /, *, upper: bool = False) -> Any:
    lower = F.bind(cholesky, (in_floats(F, x),))
    return adjoint(F, lower) if upper else lower


def _pull_cholesky(
    F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    turned = adjoint(F, z)
    inside = triangle(F, F.matmul(turned, g), diagonal=0.5)
    left = F.solve_triangular(turned, inside, upper=True)
    return [hermitian(F, adjoint(F, F.solve_triangular(turned, adjoint(F, left), upper=True)))]


def _push_cholesky(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    left = F.solve_triangular(z, hermitian(F, tangents[0]))
    inside = adjoint(F, F.solve_triangular(z, adjoint(F, left)))
    return F.matmul(z, triangle(F, inside, diagonal=0.5))


_DEFINITE = np.array([[4.0, 1.0, -1.0], [1.0, 3.0, 0.5], [-1.0, 0.5, 2.0]])

cholesky: Op = register(
    Op(
        name="cholesky",
        call=_call_cholesky,
        infer=lambda a: (matrix_shape("cholesky", a, square=True), a.dtype),
        numpy=_cholesky,
        pull=_pull_cholesky,
        push=_push_cholesky,
        batch=batch_stacks(lambda: cholesky),
        latex=r"\operatorname{{chol}} {0}",
        derivative=r"\operatorname{sym}\left(L^{-\mathsf{H}} \Phi(L^{\mathsf{H}} G) L^{-1}\right)",
        why=Text(
            "L Lᴴ = A moves by dL Lᴴ + L dLᴴ, which fixes dL because it is a triangle; the lower triangle "
            "of A is read, and the gradient is that of the Hermitian matrix as a whole",
            "L Lᴴ = A의 변화는 dL Lᴴ + L dLᴴ이고 dL이 삼각행렬이므로 하나로 정해진다; A의 아래 삼각형만 "
            "읽고, 기울기는 에르미트 행렬 전체에 대한 것이다",
        ),
        samples=(
            Sample((_DEFINITE,)),
            Sample((_DEFINITE,), {"upper": True}),
            Sample((np.stack([_DEFINITE, 2 * _DEFINITE]),)),
            Sample((np.array([[3.0, 1.0 - 0.5j], [1.0 + 0.5j, 2.0]]),)),
        ),
        home="linalg",
    )
)


# --- qr ------------------------------------------------------------------------------------------------------------


class QRResult(NamedTuple):
    """An orthonormal basis and the upper triangle whose product is the matrix."""

    Q: Any
    R: Any


def completed_back(F: Any, q: Any, g: Any, size: int) -> tuple[Any, Any]:
    """Return the first `size` columns of an orthonormal basis and their cotangent, with what the others hand on.

    The others span what is left over, and any basis of that would do: they turn only as the first ones make them turn.
    """
    if q.shape[-1] == size:
        return q, g
    q1, q2, g1, g2 = (F.getitem(x, (..., s)) for x in (q, g) for s in (slice(0, size), slice(size, None)))
    return q1, F.subtract(g1, F.matmul(q2, adjoint(F, F.matmul(adjoint(F, q1), g2))))


def completed_forward(F: Any, q: Any, moved: Any, size: int) -> Any:
    """Return the tangent of a whole orthonormal basis from that of its first `size` columns."""
    if q.shape[-1] == size:
        return moved
    q1, q2 = F.getitem(q, (..., slice(0, size))), F.getitem(q, (..., slice(size, None)))
    rest = F.negative(F.matmul(q1, F.matmul(adjoint(F, moved), q2)))
    return F.concat([moved, rest], axis=-1)


def _call_qr(F: Any, x: Any, /, *, mode: str = "reduced") -> QRResult:
    if mode not in ("reduced", "complete"):
        raise OptionError(f"qr has the modes 'reduced' and 'complete', not {mode!r}")
    return QRResult(*F.bind(qr, (in_floats(F, x),), {"mode": mode}))


def _infer_qr(a: Any, *, mode: str) -> list[tuple[Shape, np.dtype[Any]]]:
    *stack, rows, columns = matrix_shape("qr", a)
    inner = rows if mode == "complete" else min(rows, columns)
    return [((*stack, rows, inner), a.dtype), ((*stack, inner, columns), a.dtype)]


def _columns(F: Any, x: Any, start: int, stop: int | None) -> Any:
    return F.getitem(x, (..., slice(start, stop)))


def _divided(F: Any, x: Any, r: Any) -> Any:
    """Return x r⁻¹ for an upper triangle r."""
    return adjoint(F, F.solve_triangular(adjoint(F, r), adjoint(F, x)))


def _divided_by_adjoint(F: Any, x: Any, r: Any) -> Any:
    """Return x r⁻ᴴ for an upper triangle r."""
    return adjoint(F, F.solve_triangular(r, adjoint(F, x), upper=True))


def _pull_qr(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    (q, r), (gq, gr) = z, g
    rows, columns = xs[0].shape[-2:]
    size = min(rows, columns)
    q, gq = completed_back(F, q, gq, size)
    rest = None
    if columns > size:  # the columns beyond the square ones are only turned: R₂ = Qᴴ A₂
        gr2 = _columns(F, gr, size, None)
        rest = F.matmul(q, gr2)
        gq = F.add(gq, F.matmul(_columns(F, xs[0], size, None), adjoint(F, gr2)))
        r, gr = _columns(F, r, 0, size), _columns(F, gr, 0, size)
    elif r.shape[-2] > size:
        r, gr = (F.getitem(x, (..., slice(0, size), slice(None))) for x in (r, gr))
    inside = F.subtract(F.matmul(gr, adjoint(F, r)), F.matmul(adjoint(F, q), gq))
    half = triangle(F, inside, diagonal=0.5, upper=True)
    first = _divided_by_adjoint(F, F.add(gq, F.matmul(q, F.add(half, adjoint(F, half)))), r)
    return [first if rest is None else F.concat([first, rest], axis=-1)]


def _push_qr(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    (q, r), (da,) = z, tangents
    rows, columns = xs[0].shape[-2:]
    size = min(rows, columns)
    q1 = _columns(F, q, 0, size)
    r1 = F.getitem(r, (..., slice(0, size), slice(0, size)))
    per = _divided(F, _columns(F, da, 0, size), r1)
    inside = F.matmul(adjoint(F, q1), per)
    upper = triangle(F, F.add(inside, adjoint(F, inside)), diagonal=0.5, upper=True)
    dq = F.subtract(per, F.matmul(q1, upper))
    dr = F.matmul(upper, r1)
    if columns > size:
        moved = F.add(
            F.matmul(adjoint(F, dq), _columns(F, xs[0], size, None)),
            F.matmul(adjoint(F, q1), _columns(F, da, size, None)),
        )
        dr = F.concat([dr, moved], axis=-1)
    elif r.shape[-2] > size:
        dr = F.concat([dr, F.zeros_like(F.getitem(r, (..., slice(size, None), slice(None))))], axis=-2)
    return completed_forward(F, q, dq, size), dr


qr: Op = register(
    Op(
        name="qr",
        call=_call_qr,
        infer=_infer_qr,
        numpy=lambda a, *, mode: tuple(np.linalg.qr(a, mode)),
        pull=_pull_qr,
        push=_push_qr,
        batch=batch_stacks(lambda: qr),
        latex=r"\operatorname{{qr}} {0}",
        derivative=r"\left(G_Q + Q \operatorname{syminv}(G_R R^{\mathsf{H}} - Q^{\mathsf{H}} G_Q)\right) "
        r"R^{-\mathsf{H}}",
        why=Text(
            "the basis can only turn and the triangle only stay one, which parts a change of the matrix "
            "between them; with mode='complete' the columns beyond the matrix's own turn no more than they "
            "must, so only what does not depend on their choice has a gradient",
            "기저는 돌기만 하고 삼각행렬은 삼각행렬로 남으므로 행렬의 변화가 둘로 나뉜다; "
            "mode='complete'에서 남는 열은 꼭 필요한 만큼만 도므로, 그 열을 어떻게 고르든 같은 값만 "
            "기울기가 있다",
        ),
        kinks=(
            Kink("the first columns are linearly dependent", "NaN or infinite: their basis is arbitrary"),
        ),
        samples=(
            Sample(((3, 3),)),
            Sample(((4, 2),)),
            Sample(((2, 2, 4),)),
            Sample(((3, 2),), {"mode": "complete"}),
            Sample(((3, 2),), complex=(0,)),
            Sample(((2, 3),), complex=(0,)),
        ),
        several=True,
        home="linalg",
    )
)
