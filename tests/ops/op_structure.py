"""What functions of structured matrices need to be tested as all others are.

A Hermitian matrix cannot be moved one entry at a time, and its eigenvectors are free in sign and phase: so the tests
move the Hermitian part of their input, and look at what does not depend on the choice of the vectors.
"""

from __future__ import annotations

from typing import Any

from glassgrad.ops import REGISTRY

MATRICES = {op.name for op in REGISTRY.values() if op.home == "linalg"} | {
    "cofactor", "cofactor_slope", "embed_diagonal", "over_gaps", "solve_triangular", "spanning",
}  # fmt: skip
"""Operations on stacks of matrices: the batch is an axis of the stack, never of a matrix."""

HERMITIAN = {"cholesky", "eigh", "eigvalsh"}
"""Functions of Hermitian matrices: one triangle is read, and the gradient is that of the matrix as a whole."""


def hermitian_part(space: Any, x: Any) -> Any:
    return (x + space.conj(x).mT) * 0.5


def _eigh(space: Any, result: Any) -> Any:
    values, v = result
    return values, v[..., :, None, :] * space.conj(v)[..., None, :, :]


def _svd(space: Any, result: Any) -> Any:
    u, s, vh = result
    k = s.shape[-1]
    pairs = u[..., :, :k, None] * vh[..., None, :k, :]
    rest = [m[..., :, k:] for m in (u, space.conj(vh).mT) if m.shape[-1] > k]
    return (s, pairs, *(m @ space.conj(m).mT for m in rest))


def _qr(space: Any, result: Any) -> Any:
    q, r = result
    k = min(r.shape[-2:])
    rest = q[..., :, k:]
    return (q[..., :, :k], r[..., :k, :], rest @ space.conj(rest).mT) if q.shape[-1] > k else (q, r)


SEEN = {"eig": _eigh, "eigh": _eigh, "svd": _svd, "qr": _qr}
"""What of a result does not depend on a free choice, by the functions of a namespace."""
