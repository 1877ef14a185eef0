"""Eigenvalues and eigenvectors of Hermitian matrices.

The values alone have a gradient everywhere but at kinks; the vectors have none where values coincide, because there any
basis of the space they span would do. `over_gaps` is where that shows: it divides by the gaps between the values, gives
NaN where a gap is 0 and the gradient needs it, and names the values in a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from glassgrad.errors import DegenerateWarning
from glassgrad.ir import Shape
from glassgrad.ir.origin import caller
from glassgrad.ops.linear_algebra import adjoint, batch_stacks, hermitian, in_floats, matrix_shape
from glassgrad.ops.matrix_error import MatrixError
from glassgrad.ops.record import Kink, Op, Sample, Text, register
from glassgrad.ops.rules import cast, component, conj, total

__all__ = ["coinciding", "converging", "on_diagonal"]

_NO_PHASE = (
    "the loss depends on the phase of complex eigenvectors or singular vectors, which is free (v and v·exp(iφ) are "
    "both right), so its gradient means nothing; make it depend on what the phase leaves alone, such as |v| or v vᴴ"
)

_WARNED: dict[Any, Any] = {}
"""What `warnings` notes of the warnings given, so that a loop gives each once."""


# --- gaps ----------------------------------------------------------------------------------------------------------


def coinciding(values: Any) -> Any:
    """Say of each pair of values whether they are equal but for rounding.

    Parameters
    ----------
    values
        Eigenvalues or singular values of each matrix, of shape (…, N).

    Returns
    -------
    Truth values of shape (…, N, N), false on the diagonal.

    Examples
    --------
    >>> coinciding(np.array([1.0, 1.0, 2.0]))
    array([[False,  True, False],
           [ True, False, False],
           [False, False, False]])
    """
    size = values.shape[-1]
    largest = np.max(np.abs(values), axis=-1, initial=0)[..., None, None]
    gaps = np.abs(values[..., None, :] - values[..., :, None])
    return (gaps <= size * np.finfo(values.dtype).eps * largest) & ~np.eye(size, dtype=bool)


def _told(values: Any, lost: Any) -> str:
    """Return the sentence about the first pair of values that coincide where the gradient needs them apart."""
    *place, i, j = (int(p[0]) for p in np.nonzero(lost))
    which = f" of the matrix at {place} of the stack" if place else ""
    found = values[tuple(place)]
    return (
        f"the eigenvalues or singular values {min(i, j)} and {max(i, j)}{which} coincide (both {found[i]:.6g}): their "
        "vectors could be any basis of one plane, so a gradient through the vectors does not exist there and is NaN. "
        "The values alone (eigvalsh, svdvals) have one"
    )


def _warn(text: str) -> None:
    """Warn on the user's line, once a line."""
    source = caller()
    file, line = (source.file, source.line) if source is not None else ("glassgrad", 1)
    warnings.warn_explicit(text, DegenerateWarning, file, line, registry=_WARNED)


def _over_gaps(m: Any, values: Any) -> Any:
    close = coinciding(values)
    size = values.shape[-1]
    gaps = values[..., None, :] - values[..., :, None]
    lost = close & (m != 0)
    out = np.zeros(np.broadcast_shapes(m.shape, gaps.shape), np.result_type(m, values))
    np.divide(m, gaps, out=out, where=~close & ~np.eye(size, dtype=bool))
    if lost.any():
        out[lost] = np.nan
        _warn(_told(values, lost))
    if m.dtype.kind == "c":
        phases = np.diagonal(m, axis1=-2, axis2=-1).imag
        noise = np.sqrt(np.finfo(m.dtype).eps) * np.max(np.abs(m), axis=(-2, -1), initial=0)
        if np.any(np.abs(phases) > noise[..., None]):
            _warn(_NO_PHASE)
    return out


def _infer_over_gaps(m: Any, values: Any) -> tuple[Shape, np.dtype[Any]]:
    return matrix_shape("over_gaps", m, square=True), np.result_type(m.dtype, values.dtype)


def _pull_over_gaps(
    F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    m, values = xs
    by_values = None
    if wanted[1]:
        share = F.over_gaps(cast(F, F.multiply(g, conj(F, z)), values.dtype), conj(F, values))
        by_values = F.subtract(F.sum(share, axis=-1), F.sum(share, axis=-2))
    beside = F.multiply(g, 1 - np.eye(values.shape[-1], dtype=values.dtype))
    return [cast(F, F.over_gaps(beside, conj(F, values)), m.dtype) if wanted[0] else None, by_values]


def _push_over_gaps(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    (dm, dv), values = tangents, xs[1]
    closing = None
    if dv is not None:
        closing = F.multiply(z, F.subtract(F.expand_dims(dv, -1), F.expand_dims(dv, -2)))
    return F.over_gaps(total(F, [dm, closing]), values)


over_gaps: Op = register(
    Op(
        name="over_gaps",
        call=lambda F, m, values: F.bind(over_gaps, (m, values)),
        infer=_infer_over_gaps,
        numpy=_over_gaps,
        pull=_pull_over_gaps,
        push=_push_over_gaps,
        batch=lambda F, xs, batched, attrs, _: F.bind(
            over_gaps,
            [
                x if b else F.broadcast_to(x, (xs[batched.index(True)].shape[0], *x.shape))
                for x, b in zip(xs, batched, strict=True)
            ],
        ),
        latex=r"\frac{{{0}_{{ij}}}}{{{1}_j - {1}_i}}",
        derivative=r"\frac{1}{\lambda_j - \lambda_i}, \; \mp \frac{z_{ij}}{\lambda_j - \lambda_i}",
        why=Text(
            "how fast two vectors turn into each other is divided by the gap between their values: the "
            "nearer the values, the less holds the vectors apart",
            "두 벡터가 서로에게로 도는 빠르기는 두 값의 간격으로 나뉜다: 값이 가까울수록 벡터를 붙들어 두는 "
            "힘이 약하다",
        ),
        kinks=(
            Kink("two values coincide", "NaN, with a warning that names them; 0 where nothing needs the gap"),
        ),
        samples=(
            Sample(((3, 3), np.array([-1.0, 0.5, 2.0]))),
            Sample(((2, 2), np.array([0.5, 2.0]))),
            Sample((np.array([[0.5, 1.0 - 2.0j], [0.25j, -1.0]]), np.array([-1.0 + 0.5j, 2.0j]))),
        ),
        home="inside",
    )
)


# --- eigh ----------------------------------------------------------------------------------------------------------


class EighResult(NamedTuple):
    """Eigenvalues in ascending order, and the eigenvectors in the columns of a matrix."""

    eigenvalues: Any
    eigenvectors: Any


def converging(name: str, f: Any) -> Any:
    """Return the kernel `f`, which says what is wrong with a matrix for which LAPACK finds no values."""

    def kernel(a: Any, **attrs: Any) -> Any:
        try:
            return f(a, **attrs)
        except np.linalg.LinAlgError as error:
            if not any(cause in str(error) for cause in ("converge", "infs or NaNs")):
                raise
            cause = (
                "it holds NaN or infinity"
                if not np.isfinite(a).all()
                else "its entries differ too much in size"
            )
            raise MatrixError(f"{name}: no values were found for the matrix: {cause}") from None

    return kernel


def _call_eigh(F: Any, x: Any, /) -> EighResult:
    return EighResult(*F.bind(eigh, (in_floats(F, x),)))


def _infer_eigh(a: Any) -> list[tuple[Shape, np.dtype[Any]]]:
    shape = matrix_shape("eigh", a, square=True)
    return [(shape[:-1], component(a.dtype)), (shape, a.dtype)]


def _around(F: Any, v: Any, inside: Any) -> Any:
    """Return v · inside · vᴴ."""
    return F.matmul(F.matmul(v, inside), adjoint(F, v))


def on_diagonal(F: Any, values: Any, dtype: np.dtype[Any]) -> Any:
    """Return the diagonal matrices of `values`, in `dtype`."""
    return cast(F, F.embed_diagonal(values, values.shape[-1], values.shape[-1]), dtype)


def _pull_eigh(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> list[Any]:
    (values, v), (by_values, by_vectors) = z, g
    turning = F.over_gaps(F.matmul(adjoint(F, v), by_vectors), values)
    return [hermitian(F, _around(F, v, F.add(turning, on_diagonal(F, by_values, v.dtype))))]


def _push_eigh(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    values, v = z
    inside = F.matmul(F.matmul(adjoint(F, v), hermitian(F, tangents[0])), v)
    return cast(F, F.diagonal(inside), values.dtype), F.matmul(v, F.over_gaps(inside, values))


_SYMMETRIC = np.array([[2.0, 0.5, -1.0], [0.5, -1.0, 0.25], [-1.0, 0.25, 0.5]])
_HERMITIAN = np.array([[1.0, 0.5 - 1.0j], [0.5 + 1.0j, -0.5]])
_SYMMETRIC_SAMPLES = (
    Sample((_SYMMETRIC,)),
    Sample((np.stack([_SYMMETRIC[:2, :2], _SYMMETRIC[1:, 1:]]),)),
    Sample((_HERMITIAN,)),
)

eigh: Op = register(
    Op(
        name="eigh",
        call=_call_eigh,
        infer=_infer_eigh,
        numpy=converging("eigh", lambda a: tuple(np.linalg.eigh(a))),
        pull=_pull_eigh,
        push=_push_eigh,
        batch=batch_stacks(lambda: eigh),
        latex=r"\operatorname{{eigh}} {0}",
        derivative=r"V \left( \operatorname{diag} g_\lambda + \frac{V^{\mathsf{H}} G_V}{\lambda_j - \lambda_i} \right) "
        r"V^{\mathsf{H}}",
        why=Text(
            "seen along the eigenvectors, a change's diagonal moves the values and what is beside it turns "
            "the vectors, the faster the nearer two values are; the lower triangle is read, the gradient is "
            "that of the Hermitian matrix as a whole, and a loss must not depend on the sign or phase of a "
            "vector",
            "고유벡터의 방향에서 보면 변화의 대각선은 고윳값을 움직이고 나머지는 고유벡터를 돌리는데, 두 "
            "값이 가까울수록 빨리 돈다; 아래 삼각형만 읽고, 기울기는 에르미트 행렬 전체에 대한 것이며, "
            "손실은 벡터의 부호나 위상에 따라 변하면 안 된다",
        ),
        kinks=(Kink("two eigenvalues coincide", "NaN for their vectors, with a warning that names them"),),
        samples=_SYMMETRIC_SAMPLES,
        several=True,
        home="linalg",
    )
)


def _call_eigvalsh(F: Any, x: Any, /) -> Any:
    return F.bind(eigvalsh, (in_floats(F, x),))


def _pull_eigvalsh(
    F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any
) -> list[Any]:
    v = F.eigh(xs[0])[1]
    return [hermitian(F, _around(F, v, on_diagonal(F, g, v.dtype)))]


def _push_eigvalsh(F: Any, tangents: Any, z: Any, xs: Any, attrs: Mapping[str, Any], _: Any) -> Any:
    v = F.eigh(xs[0])[1]
    inside = F.matmul(F.matmul(adjoint(F, v), hermitian(F, tangents[0])), v)
    return cast(F, F.diagonal(inside), z.dtype)


eigvalsh: Op = register(
    Op(
        name="eigvalsh",
        call=_call_eigvalsh,
        infer=lambda a: (matrix_shape("eigvalsh", a, square=True)[:-1], component(a.dtype)),
        numpy=converging("eigvalsh", np.linalg.eigvalsh),
        pull=_pull_eigvalsh,
        push=_push_eigvalsh,
        batch=batch_stacks(lambda: eigvalsh),
        latex=r"\lambda({0})",
        derivative=r"v_i v_i^{\mathsf{H}}",
        why=Text(
            "an eigenvalue is how much the matrix stretches its eigenvector, and to first order the "
            "vector's turning does not change that",
            "고윳값은 행렬이 고유벡터를 늘이는 정도이고, 벡터가 도는 것은 1차에서 이를 바꾸지 않는다",
        ),
        kinks=(
            Kink(
                "two eigenvalues coincide", "that of one of the bases; exact for functions symmetric in them"
            ),
        ),
        samples=_SYMMETRIC_SAMPLES,
        home="linalg",
    )
)
