"""Eigenvalues and eigenvectors of any square matrix, which are complex even where the matrix is real.

As with Hermitian matrices the vectors have no gradient where values coincide. Where they do and the matrix is defective
(its vectors do not span the space), the values have none either.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from glassgrad.errors import DegenerateWarning
from glassgrad.ir import Shape
from glassgrad.ops.families import linear
from glassgrad.ops.linear_algebra import adjoint, batch_stacks, in_floats, matrix_shape
from glassgrad.ops.record import Kink, Op, Sample, Text, register
from glassgrad.ops.rules import cast, conj
from glassgrad.ops.spectra import converging, on_diagonal

_REAL = np.array([[1.0, 2.0, 0.5], [-1.5, 0.5, 0.25], [0.25, -0.5, -2.0]])
_COMPLEX = np.array([[1.0 + 0.5j, 0.5 - 1.0j], [0.25, -0.5j]])
_SAMPLES = (
    Sample((_REAL,)),
    Sample((np.stack([_REAL[:2, :2], _REAL[1:, 1:]]),)),
    Sample((_COMPLEX,)),
)
_DEFECTIVE = Kink("the matrix is defective", "NaN, with a warning")


# --- defective matrices --------------------------------------------------------------------------------------------


def _spanning(v: Any) -> Any:
    """Return eigenvectors as they are, and NaN for matrices of which they do not span the space."""
    sizes = np.linalg.svd(v, compute_uv=False)
    flat = sizes.min(-1, initial=np.inf) <= v.shape[-1] * np.finfo(v.dtype).eps * sizes.max(-1, initial=0)
    if not flat.any():
        return v.copy()
    place = np.argwhere(flat)[0].tolist()
    which = f"the matrix at {place} of the stack" if place else "the matrix"
    warnings.warn(
        f"{which} is defective: its eigenvectors do not span the space, so that its eigenvalues and eigenvectors "
        "have no derivative, and the gradient is NaN",
        DegenerateWarning,
        stacklevel=2,
    )
    return np.where(flat[..., None, None], np.nan, v)


spanning: Op = linear(
    "spanning",
    _spanning,
    call=lambda F, v: F.bind(spanning, (v,)),
    infer=lambda v: (matrix_shape("spanning", v, square=True), v.dtype),
    transpose=lambda F, g, v: g,
    batch=batch_stacks(lambda: spanning),
    latex=r"{0}",
    derivative="1",
    why=Text(
        "eigenvectors are looked at before their matrix is inverted, and pass on unchanged",
        "고유벡터 행렬의 역행렬을 구하기 전에 확인만 하므로 그대로 지나간다",
    ),
    samples=(Sample((_COMPLEX,)), Sample(((2, 3, 3),))),
    home="inside",
)


# --- eig -----------------------------------------------------------------------------------------------------------


class EigResult(NamedTuple):
    """Eigenvalues in no particular order, and the eigenvectors, of length 1, in the columns of a matrix."""

    eigenvalues: Any
    eigenvectors: Any


def _complex(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.result_type(dtype, np.complex64)


def _call_eig(F: Any, x: Any, /) -> EigResult:
    return EigResult(*F.bind(eig, (in_floats(F, x),)))


def _infer_eig(a: Any) -> list[tuple[Shape, np.dtype[Any]]]:
    shape, dtype = matrix_shape("eig", a, square=True), _complex(a.dtype)
    return [(shape[:-1], dtype), (shape, dtype)]


def _eig(a: Any) -> tuple[Any, Any]:
    values, vectors = np.linalg.eig(a)
    return values.astype(_complex(a.dtype)), vectors.astype(_complex(a.dtype))


def _across(F: Any, vectors: Any, inside: Any) -> Any:
    """Return V⁻ᴴ · inside · Vᴴ, a cotangent of the matrix from one seen along its eigenvectors."""
    back = adjoint(F, F.spanning(vectors))
    return F.solve(back, F.matmul(inside, back))


def _along(F: Any, vectors: Any, change: Any) -> Any:
    """Return V⁻¹ · change · V: a change of the matrix, seen along its eigenvectors."""
    return F.solve(F.spanning(vectors), F.matmul(cast(F, change, vectors.dtype), vectors))


def _lengthening(F: Any, vectors: Any, change: Any) -> Any:
    """Return how much each column grows along itself, as a row: what keeps vectors at length 1 takes it away."""
    growth = F.real(F.sum(F.multiply(conj(F, vectors), change), axis=-2, keepdims=True))
    return cast(F, growth, vectors.dtype)


def _pull_eig(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    (values, v), (by_values, by_vectors) = z, g
    kept = F.subtract(by_vectors, F.multiply(v, _lengthening(F, v, by_vectors)))
    turning = F.over_gaps(F.matmul(adjoint(F, v), kept), conj(F, values))
    return [cast(F, _across(F, v, F.add(turning, on_diagonal(F, by_values, v.dtype))), xs[0].dtype)]


def _push_eig(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    values, v = z
    inside = _along(F, v, tangents[0])
    along = F.diagonal(inside)
    turned = F.matmul(v, F.over_gaps(F.subtract(inside, on_diagonal(F, along, v.dtype)), values))
    return along, F.subtract(turned, F.multiply(v, _lengthening(F, v, turned)))


eig: Op = register(
    Op(
        name="eig",
        call=_call_eig,
        infer=_infer_eig,
        numpy=converging("eig", _eig),
        pull=_pull_eig,
        push=_push_eig,
        batch=batch_stacks(lambda: eig),
        latex=r"\operatorname{{eig}} {0}",
        derivative=r"V^{-\mathsf{H}} \left( \operatorname{diag} g_\lambda + \frac{V^{\mathsf{H}} (G_V - V "
        r"\operatorname{Re} \operatorname{diag} V^{\mathsf{H}} G_V)}{\overline{\lambda_j - \lambda_i}} \right) "
        r"V^{\mathsf{H}}",
        why=Text(
            "seen along the eigenvectors, a change's diagonal moves the values and what is beside it turns the "
            "vectors, the faster the nearer two values are; the vectors keep their length, and a loss must not depend "
            "on their phase",
            "고유벡터의 방향에서 보면 변화의 대각선은 고윳값을 움직이고 나머지는 고유벡터를 돌리는데, 두 값이 "
            "가까울수록 빨리 돈다; 고유벡터의 길이는 변하지 않으며, 손실은 그 위상에 따라 변하면 안 된다",
        ),
        kinks=(
            Kink("two eigenvalues coincide", "NaN for their vectors, with a warning that names them"),
            _DEFECTIVE,
        ),
        samples=_SAMPLES,
        several=True,
        home="linalg",
    )
)


def _pull_eigvals(
    F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    v = F.eig(xs[0])[1]
    return [cast(F, _across(F, v, on_diagonal(F, g, v.dtype)), xs[0].dtype)]


eigvals: Op = register(
    Op(
        name="eigvals",
        call=lambda F, x, /: F.bind(eigvals, (in_floats(F, x),)),
        infer=lambda a: (matrix_shape("eigvals", a, square=True)[:-1], _complex(a.dtype)),
        numpy=converging("eigvals", lambda a: np.linalg.eigvals(a).astype(_complex(a.dtype))),
        pull=_pull_eigvals,
        push=lambda F, tangents, z, xs, attrs, _: F.diagonal(_along(F, F.eig(xs[0])[1], tangents[0])),
        batch=batch_stacks(lambda: eigvals),
        latex=r"\lambda({0})",
        derivative=r"V^{-\mathsf{H}} \operatorname{diag}(g) V^{\mathsf{H}}",
        why=Text(
            "to first order an eigenvalue moves by what a change does to its own eigenvector, measured along it",
            "1차에서 고윳값은 변화가 자기 고유벡터를 그 방향으로 늘이는 만큼 움직인다",
        ),
        kinks=(_DEFECTIVE,),
        samples=_SAMPLES,
        home="linalg",
    )
)
