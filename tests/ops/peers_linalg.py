"""Linear algebra elsewhere.

The Hermitian part of a matrix is given to the others, because what they make of a matrix that is not Hermitian differs
(which triangle they read, whether their gradient is symmetric); glassgrad's gradient is that of the Hermitian matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from op_peers import Peer
from op_structure import SEEN, hermitian_part

tl, jl = torch.linalg, jnp.linalg


def _of_hermitian(space: Any, f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, **kwargs: f(hermitian_part(space, x), **kwargs)


def _norm(x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    return tl.vector_norm(x, ord, dim=axis, keepdim=keepdims)


def _jax_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    size = jnp.abs(x)
    if np.isinf(ord):
        return (jnp.max if ord > 0 else jnp.min)(size, axis=axis, keepdims=keepdims)
    return jnp.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _by_gaps(space: Any, m: Any, values: Any) -> Any:
    size = values.shape[-1]
    eye = space.eye(size)
    return m / (values[..., None, :] - values[..., :, None] + eye) * (1 - eye)


def _cofactor(space: Any) -> Callable[..., Any]:
    """Return the cofactors by the determinants of what is left without a row and a column."""

    def minor(x: Any, i: int, j: int) -> Any:
        rows = [k for k in range(x.shape[-1]) if k != i]
        columns = [k for k in range(x.shape[-1]) if k != j]
        left = x[..., rows, :][..., columns]
        if len(rows) == 1:
            return left[..., 0, 0]
        return left[..., 0, 0] * left[..., 1, 1] - left[..., 0, 1] * left[..., 1, 0]

    def cofactor(x: Any) -> Any:
        n = x.shape[-1]
        rows = [space.stack([(-1) ** (i + j) * minor(x, i, j) for j in range(n)], -1) for i in range(n)]
        return space.stack(rows, -2)

    return cofactor


def _det(space: Any) -> Callable[..., Any]:
    """Return the determinant along the first row: PyTorch's own derivatives are wrong where the matrix is singular."""
    return lambda x: space.sum(x[..., 0, :] * _cofactor(space)(x)[..., 0, :], -1)


def _slope(space: Any) -> Callable[..., Any]:
    if space is torch:
        return lambda a, e: torch.func.jvp(_cofactor(torch), (a,), (e,))[1]
    return lambda a, e: jax.jvp(_cofactor(jnp), (a,), (e,))[1]


def _embed(d: Any, rows: int, columns: int, offset: int = 0) -> Any:
    return torch.diag_embed(d, offset)[..., :rows, :columns]


def _triangular(a: Any, b: Any, upper: bool = False) -> Any:
    return tl.solve_triangular(a, b, upper=upper)


def _beside(space: Any, q: Any) -> Any:
    """Return the columns of `q`, then the projector on what they leave over.

    That is as good as a basis of it where only the projector on that basis is looked at.
    """
    rest = space.eye(q.shape[-2]) - q @ space.conj(q).mT
    return space.concatenate([q, rest], -1)


def _svd(space: Any, svd: Callable[..., Any]) -> Callable[..., Any]:
    """Return the whole decomposition in terms of the thin one, of which alone the others know all derivatives."""

    def whole(x: Any, full_matrices: bool = True) -> Any:
        u, s, vh = svd(x, full_matrices=False)
        if not full_matrices:
            return u, s, vh
        v = space.conj(vh).mT
        u, v = (m if m.shape[-1] == m.shape[-2] else _beside(space, m) for m in (u, v))
        return u, s, space.conj(v).mT

    return whole


def _torch_qr(x: Any, mode: str = "reduced") -> Any:
    q, r = tl.qr(x)
    return (_beside(torch, q), r) if mode == "complete" else (q, r)


PEERS = {
    "matmul": Peer(torch.matmul, jnp.matmul),
    "cross": Peer(lambda a, b, axis=-1: tl.cross(*torch.broadcast_tensors(a, b), dim=axis), jnp.cross),
    "diagonal": Peer(lambda x, offset=0: tl.diagonal(x, offset=offset), jl.diagonal),
    "embed_diagonal": Peer(_embed, because="JAX has no such function for stacks"),
    "vector_norm": Peer(_norm, _jax_norm),
    "inv": Peer(tl.inv, jl.inv),
    "solve": Peer(lambda a, b: tl.solve(a, b.to(torch.result_type(a, b))), jl.solve),
    "solve_triangular": Peer(_triangular, because="JAX's takes no stacks"),
    "pinv": Peer(tl.pinv, jl.pinv, rtol=1e-7),
    "det": Peer(_det(torch), _det(jnp)),
    "slogdet": Peer(tl.slogdet, jl.slogdet),
    "cofactor": Peer(_cofactor(torch), _cofactor(jnp)),
    "cofactor_slope": Peer(_slope(torch), _slope(jnp)),
    "cholesky": Peer(_of_hermitian(torch, tl.cholesky), _of_hermitian(jnp, jl.cholesky)),
    "qr": Peer(_torch_qr, lambda x, mode="reduced": jl.qr(x, mode), seen=SEEN["qr"]),
    "over_gaps": Peer(lambda m, v: _by_gaps(torch, m, v), lambda m, v: _by_gaps(jnp, m, v)),
    "eig": Peer(tl.eig, seen=SEEN["eig"], because="JAX has no derivative of the vectors"),
    "spanning": Peer(lambda v: v * 1.0, lambda v: v * 1.0),
    "eigvals": Peer(tl.eigvals, because="JAX has no second derivative of the values"),
    "eigh": Peer(_of_hermitian(torch, tl.eigh), _of_hermitian(jnp, jl.eigh), seen=SEEN["eigh"]),
    "eigvalsh": Peer(_of_hermitian(torch, tl.eigvalsh), _of_hermitian(jnp, jl.eigvalsh)),
    "svd": Peer(_svd(torch, tl.svd), _svd(jnp, jl.svd), seen=SEEN["svd"]),
    "svdvals": Peer(tl.svdvals, lambda x: jl.svd(x, compute_uv=False)),
}
