"""Linear systems: the inverse, solutions, and powers.

The derivative of an inverse is made of the inverse, and that of a solution of another solution with the same matrix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, ShapeError
from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.linear_algebra import (
    adjoint,
    batch_stacks,
    in_floats,
    linalg_function,
    matrix_shape,
    triangle,
)
from glassgrad.ops.matrix_error import MatrixError
from glassgrad.ops.record import Kink, Op, Sample, Text, register
from glassgrad.ops.rules import cast, sum_to, total

__all__ = ["inverse_or_nan"]


# --- inv -----------------------------------------------------------------------------------------------------------


def _singular(name: str, a: Any, instead: str) -> MatrixError:
    """Return the error for a stack with a singular matrix: which one it is, and its rank."""
    ranks = np.linalg.matrix_rank(a)
    place = tuple(int(i) for i in np.unravel_index(np.argmin(ranks), ranks.shape))
    which = f"the matrix at {list(place)} of the stack" if place else "the matrix"
    return MatrixError(
        f"{name}: {which} is singular: of its {a.shape[-1]} rows only {ranks[place]} are independent. {instead}"
    )


def inverse_or_nan(a: Any) -> Any:
    """Return the inverse of each matrix, NaN where there is none."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError as error:
        if "Singular" not in str(error):
            raise
    regular = np.linalg.slogdet(a)[0] != 0
    out = np.full(a.shape, np.nan, a.dtype)
    out[regular] = np.linalg.inv(a[regular])
    return out


def _inv(a: Any, *, strict: bool) -> Any:
    if not strict:
        return inverse_or_nan(a)
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError as error:
        if "Singular" not in str(error):
            raise
        raise _singular("inv", a, "It has no inverse; pinv is the nearest there is to one") from None


def _infer_inv(a: Any, *, strict: bool) -> tuple[Shape, np.dtype[Any]]:
    return matrix_shape("inv", a, square=True), a.dtype


def _call_inv(F: Any, x: Any, /) -> Any:
    return F.bind(inv, (in_floats(F, x),), {"strict": True})


def _pull_inv(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    turned = adjoint(F, z)
    return [F.negative(F.matmul(F.matmul(turned, g), turned))]


def _push_inv(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    return F.negative(F.matmul(F.matmul(z, tangents[0]), z))


_MATRICES = (Sample(((3, 3),)), Sample(((2, 3, 3),)), Sample(((2, 2),), complex=(0,)))

inv: Op = register(
    Op(
        name="inv",
        call=_call_inv,
        infer=_infer_inv,
        numpy=_inv,
        pull=_pull_inv,
        push=_push_inv,
        batch=batch_stacks(lambda: inv),
        latex=r"{0}^{{-1}}",
        derivative=r"-A^{-\mathsf{H}} G A^{-\mathsf{H}}",
        why=Text(
            "A A⁻¹ stays the identity, so a change of A is answered by a change of A⁻¹ with the inverse on "
            "both sides and the sign turned, as (1/a)′ = −1/a²",
            "A A⁻¹은 늘 단위행렬이므로 A의 변화에 A⁻¹은 양쪽에서 역행렬을 곱하고 부호를 바꾼 만큼 변한다: "
            "(1/a)′ = −1/a²과 같다",
        ),
        samples=_MATRICES,
        home="linalg",
    )
)


# --- solve ---------------------------------------------------------------------------------------------------------


def _fits(name: str, a: Any, b: Any) -> tuple[Shape, np.dtype[Any]]:
    """Return the shape and dtype of the solution of AX = B, both stacks of matrices."""
    sa, sb = matrix_shape(name, a, square=True), matrix_shape(name, b)
    if sa[-1] != sb[-2]:
        raise ShapeError(
            f"{name}: a matrix of shape {sa} has {sa[-2]} equations, but the right-hand sides of shape {sb} have "
            f"{sb[-2]} rows (axis -2)"
        )
    return (*broadcast_shapes(sa[:-2], sb[:-2]), *sb[-2:]), np.result_type(a.dtype, b.dtype)


def _solve(a: Any, b: Any) -> Any:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError as error:
        if "Singular" not in str(error):
            raise
        instead = "There is no solution, or more than one; pinv(a) @ b is the nearest and shortest"
        raise _singular("solve", a, instead) from None


def _call_solve(F: Any, x1: Any, x2: Any, /) -> Any:
    a, b = in_floats(F, x1), in_floats(F, x2)
    if len(b.shape) != 1:
        return F.bind(solve, (a, b))
    if len(a.shape) >= 2 and a.shape[-1] != b.shape[0]:
        raise ShapeError(
            f"solve: a matrix of shape {tuple(a.shape)} needs a right-hand side of size {a.shape[-1]}, "
            f"but it has size {b.shape[0]}"
        )
    return F.squeeze(F.bind(solve, (a, F.expand_dims(b, -1))), -1)


def _pull_systems(back: Any, read: Any) -> Any:
    """Return the pull of a solution X of AX = B.

    ``back(F, a, g, attrs)`` solves with Aᴴ, and ``read(F, a, attrs)`` is the part of the matrix that is read.
    """

    def pull(
        F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
    ) -> list[Any]:
        a, b = xs
        u = back(F, a, g, attrs)
        by_a = None
        if wanted[0]:
            outer = F.negative(F.matmul(u, adjoint(F, z)))
            by_a = cast(F, read(F, sum_to(F, outer, tuple(a.shape)), attrs), a.dtype)
        return [by_a, cast(F, sum_to(F, u, tuple(b.shape)), b.dtype) if wanted[1] else None]

    return pull


def _push_systems(op: Any, read: Any) -> Any:
    """Return the push of a solution X of AX = B: another solution with A; `read` as in `_pull_systems`."""

    def push(
        F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
    ) -> Any:
        da, db = tangents
        moved = None if da is None else F.negative(F.matmul(read(F, da, attrs), z))
        return cast(F, F.bind(op(), (xs[0], total(F, [db, moved])), attrs), z.dtype)

    return push


solve: Op = register(
    Op(
        name="solve",
        call=_call_solve,
        infer=lambda a, b: _fits("solve", a, b),
        numpy=_solve,
        pull=_pull_systems(lambda F, a, g, attrs: F.solve(adjoint(F, a), g), lambda F, x, attrs: x),
        push=_push_systems(lambda: solve, lambda F, x, attrs: x),
        batch=batch_stacks(lambda: solve),
        latex=r"{0}^{{-1}} {1}",
        derivative=r"-U X^{\mathsf{H}}, \; U = A^{-\mathsf{H}} G",
        why=Text(
            "the gradient of the right-hand side solves the system with the transposed matrix; that of the "
            "matrix is its outer product with the solution, with the sign turned",
            "우변의 기울기는 전치 행렬로 된 연립방정식을 푼 것이고, 행렬의 기울기는 그것과 해의 외적에 "
            "부호를 바꾼 것이다",
        ),
        samples=(
            Sample(((4, 4), (4, 2))),
            Sample(((3, 3), (3,))),
            Sample(((2, 1, 2, 2), (3, 2, 1))),
            Sample(((2, 2), (2, 1)), complex=(0, 1)),
            Sample(((2, 3, 3), (3,)), complex=(0,)),
        ),
        home="linalg",
    )
)


# --- triangular systems --------------------------------------------------------------------------------------------


def _solve_triangular(a: Any, b: Any, *, upper: bool) -> Any:
    """Return X of AX = B by substitution; a stack goes through NumPy's solver, which takes all at once."""
    if a.ndim == b.ndim == 2 and a.size and b.size:
        from scipy.linalg import solve_triangular  # 0.1 s that `import glassgrad` need not wait for

        try:
            return solve_triangular(a, b, lower=not upper, check_finite=False)
        except np.linalg.LinAlgError:
            return np.full(b.shape, np.nan, np.result_type(a, b))
    systems = np.triu(a) if upper else np.tril(a)
    regular = np.all(np.diagonal(systems, axis1=-2, axis2=-1) != 0, axis=-1)[..., None, None]
    solutions = np.linalg.solve(np.where(regular, systems, np.eye(a.shape[-1], dtype=a.dtype)), b)
    return np.where(regular, solutions, np.asarray(np.nan, solutions.dtype))


def _same_triangle(F: Any, x: Any, attrs: Mapping[str, Any]) -> Any:
    return triangle(F, x, diagonal=1.0, upper=attrs["upper"])


triangular: Op = register(
    Op(
        name="solve_triangular",
        call=lambda F, a, b, *, upper=False: F.bind(triangular, (a, b), {"upper": upper}),
        infer=lambda a, b, *, upper: _fits("solve_triangular", a, b),
        numpy=_solve_triangular,
        pull=_pull_systems(
            lambda F, a, g, attrs: F.solve_triangular(adjoint(F, a), g, upper=not attrs["upper"]),
            _same_triangle,
        ),
        push=_push_systems(lambda: triangular, _same_triangle),
        batch=batch_stacks(lambda: triangular),
        latex=r"{0}^{{-1}} {1}",
        derivative=r"-\operatorname{tri}(U X^{\mathsf{H}}), \; U = A^{-\mathsf{H}} G",
        why=Text(
            "as for any system, but what is outside the triangle is not read and gets no gradient",
            "다른 연립방정식과 같지만, 삼각형 밖의 성분은 읽지 않으므로 기울기를 받지 않는다",
        ),
        kinks=(Kink("a 0 on the diagonal", "NaN: there is no solution"),),
        samples=(
            Sample(((3, 3), (3, 2)), low=0.5, high=2.0),
            Sample(((2, 3, 3), (3, 1)), {"upper": True}, low=0.5, high=2.0),
            Sample(((2, 2), (2, 2)), complex=(0, 1)),
        ),
        home="inside",
    )
)


# --- powers ----------------------------------------------------------------------------------------------------------


@linalg_function
def matrix_power(F: Any, x: Any, n: int, /) -> Any:
    """Multiply each square matrix by itself, `n` factors in all, by squaring.

    Parameters
    ----------
    x
        Square matrices of shape (…, M, M).
    n
        How many factors; 0 gives the identity, and a negative number takes the inverse.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.linalg.matrix_power([[1.0, 1.0], [0.0, 1.0]], 5)
    Tensor([[1., 5.],
            [0., 1.]])
    """
    x = F.value(x)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise OptionError(f"matrix_power takes a whole number of factors, not {n!r}")
    shape = tuple(x.shape)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"matrix_power needs square matrices, but the shape is {shape}")
    if n == 0:
        return F.broadcast_to(F.value(np.eye(shape[-1], dtype=x.dtype)), shape)
    if n < 0:
        x, n = F.inv(x), -n
    result = None
    while True:
        if n & 1:
            result = x if result is None else F.matmul(result, x)
        n >>= 1
        if not n:
            return result
        x = F.matmul(x, x)
