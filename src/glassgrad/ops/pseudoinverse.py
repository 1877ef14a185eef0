"""The pseudoinverse and the rank: what remains of inverses where a matrix is not square, or singular."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.linear_algebra import adjoint, in_floats, linalg_function, matrix_shape
from glassgrad.ops.record import Kink, Op, Sample, Text, register
from glassgrad.ops.rules import cast, component

# --- pinv ----------------------------------------------------------------------------------------------------------


def _call_pinv(F: Any, x: Any, /, *, rtol: Any = None) -> Any:
    x = in_floats(F, x)
    return F.bind(pinv, (x, _tolerance(F, "pinv", x, rtol)))


def _tolerance(F: Any, name: str, x: Any, rtol: Any) -> Any:
    """Return the share of the largest singular value below which one counts as 0: a number for each matrix."""
    rows, columns = matrix_shape(name, x)[-2:]
    real = component(x.dtype)
    if rtol is None:
        rtol = max(rows, columns) * np.finfo(real).eps
    return cast(F, rtol, real) if hasattr(rtol, "dtype") else np.asarray(rtol, real)


def _infer_pinv(a: Any, rtol: Any) -> tuple[Shape, np.dtype[Any]]:
    *stack, rows, columns = matrix_shape("pinv", a)
    broadcast_shapes(tuple(stack), tuple(rtol.shape))
    return (*stack, columns, rows), a.dtype


def _pull_pinv(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    a, turned, back = xs[0], adjoint(F, z), adjoint(F, g)
    inside = F.matmul(F.matmul(turned, g), turned)
    left, right = F.matmul(back, F.matmul(z, turned)), F.matmul(F.matmul(turned, z), back)
    outside = F.add(
        F.subtract(left, F.matmul(a, F.matmul(z, left))), F.subtract(right, F.matmul(F.matmul(right, z), a))
    )
    return [F.subtract(outside, inside), None]


def _push_pinv(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    a, da, turned = xs[0], tangents[0], adjoint(F, z)
    if da is None:
        return None
    back = adjoint(F, da)
    inside = F.matmul(F.matmul(z, da), z)
    left, right = F.matmul(F.matmul(z, turned), back), F.matmul(back, F.matmul(turned, z))
    outside = F.add(
        F.subtract(left, F.matmul(F.matmul(left, a), z)), F.subtract(right, F.matmul(z, F.matmul(a, right)))
    )
    return F.subtract(outside, inside)


def _batch_pinv(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
    a, rtol = xs
    if not batched[0]:
        a = F.broadcast_to(a, (rtol.shape[0], *a.shape))
    stack = len(a.shape) - 3
    if batched[1]:
        rtol = F.reshape(rtol, (rtol.shape[0], *(1,) * (stack + 1 - len(rtol.shape)), *rtol.shape[1:]))
    return F.bind(pinv, (a, rtol))


pinv: Op = register(
    Op(
        name="pinv",
        call=_call_pinv,
        infer=_infer_pinv,
        numpy=lambda a, rtol: np.linalg.pinv(a, rtol=np.asarray(rtol)),
        pull=_pull_pinv,
        push=_push_pinv,
        batch=_batch_pinv,
        latex=r"{0}^{{+}}",
        derivative=r"-P^{\mathsf{H}} G P^{\mathsf{H}} + (I - A P) G^{\mathsf{H}} P P^{\mathsf{H}} "
        r"+ P^{\mathsf{H}} P G^{\mathsf{H}} (I - P A)",
        why=Text(
            "as for the inverse, and two terms more for the directions that the matrix cannot reach or does "
            "not see, which turn as it turns",
            "역행렬과 같되, 행렬이 닿지 못하거나 보지 못하는 방향도 행렬과 함께 돌기 때문에 항이 둘 더 있다",
        ),
        kinks=(Kink("where the rank changes", "the derivative among matrices of the same rank"),),
        samples=(
            Sample(((3, 2),)),
            Sample(((2, 2, 3),)),
            Sample(((3, 3),)),
            Sample(((3, 2),), complex=(0,)),
        ),
        home="linalg",
    )
)


# --- rank --------------------------------------------------------------------------------------------------------


@linalg_function
def matrix_rank(F: Any, x: Any, /, *, rtol: Any = None) -> Any:
    """Count the singular values of each matrix that are not 0 but for rounding.

    Parameters
    ----------
    x
        Matrices of shape (…, M, N).
    rtol
        The share of the largest singular value up to which one counts as 0, a number or one for each matrix;
        max(M, N) times the rounding unit by default.

    Returns
    -------
    The ranks, whole numbers of shape (…), through which no gradient flows.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.linalg.matrix_rank([[1.0, 2.0], [2.0, 4.0]])
    Tensor(1)
    """
    x = in_floats(F, x)
    share = _tolerance(F, "matrix_rank", x, rtol)
    values = F.svdvals(x)
    if values.shape[-1] == 0:
        return F.zeros(x.shape[:-2], dtype=np.int64)
    if len(share.shape):
        share = F.expand_dims(share, -1)
    least = F.multiply(F.max(values, axis=-1, keepdims=True), share)
    return F.sum(F.greater(values, least), axis=-1)
