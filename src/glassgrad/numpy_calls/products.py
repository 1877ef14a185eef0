"""Products of arrays, linear algebra and Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.numpy_calls.filling import diagonal
from glassgrad.numpy_calls.shaping import moveaxis
from glassgrad.numpy_calls.table import only, rule, same, value, values

_linalg, _fft = np.linalg, np.fft

same(
    {
        _linalg.inv: ("inv", "a"),
        _linalg.det: ("det", "a"),
        _linalg.slogdet: ("slogdet", "a"),
        _linalg.cholesky: ("cholesky", "a upper=upper"),
        _linalg.eigvals: ("eigvals", "a"),
        _linalg.eig: ("eig", "a"),
        _linalg.matrix_power: ("matrix_power", "a n"),
        _linalg.matrix_rank: ("matrix_rank", "A rtol=rtol"),
        _linalg.svdvals: ("svdvals", "x"),
        _linalg.matrix_transpose: ("matrix_transpose", "x"),
        _linalg.matrix_norm: ("matrix_norm", "x keepdims=keepdims ord=ord"),
        _linalg.vector_norm: ("vector_norm", "x axis=axis keepdims=keepdims ord=ord"),
    }
)

same(
    {
        getattr(_fft, name): (name, "a n=n axis=axis norm=norm")
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    }
)
same(
    {
        getattr(_fft, name): (name, "a s=s axes=axes norm=norm")
        for name in ("fftn", "ifftn", "rfftn", "irfftn")
    }
)
same(
    {
        getattr(_fft, f"{name}2"): (f"{name}n", "a s=s axes=axes norm=norm")
        for name in ("fft", "ifft", "rfft", "irfft")
    }
)
for _name in ("fft", "ifft", "rfft", "irfft"):
    same(
        {
            getattr(_fft, _name): (_name, "a n=n axis=axis norm=norm"),
            getattr(_fft, f"{_name}n"): (f"{_name}n", "a s=s axes=axes norm=norm"),
            getattr(_fft, f"{_name}2"): (f"{_name}n", "a s=s axes=axes norm=norm"),
        }
    )
same({getattr(_fft, name): (name, "a n=n axis=axis norm=norm") for name in ("hfft", "ihfft")})
same({getattr(_fft, name): (name, "x axes=axes") for name in ("fftshift", "ifftshift")})


# --- products ------------------------------------------------------------------------------------------------------


@rule(np.dot)
def dot(F: Any, a: Any, b: Any, out: Any = None) -> Any:
    """Sum over the last axis of `a` and the last but one of `b`."""
    a, b = values(F, (a, b))
    if not a.shape or not b.shape:
        return F.multiply(a, b)
    if len(a.shape) <= 2 and len(b.shape) <= 2:
        return F.matmul(a, b)
    return F.tensordot(a, b, axes=((len(a.shape) - 1,), (max(len(b.shape) - 2, 0),)))


@rule(np.inner)
def inner(F: Any, a: Any, b: Any, /) -> Any:
    """Sum over the last axes of both."""
    a, b = values(F, (a, b))
    if not a.shape or not b.shape:
        return F.multiply(a, b)
    return F.tensordot(a, b, axes=((len(a.shape) - 1,), (len(b.shape) - 1,)))


@rule(np.outer)
def outer(F: Any, a: Any, b: Any, out: Any = None) -> Any:
    """Multiply every element of one with every element of the other."""
    a, b = (F.reshape(x, (-1,)) for x in values(F, (a, b)))
    return F.multiply(F.expand_dims(a, 1), F.expand_dims(b, 0))


@rule(_linalg.outer)
def linalg_outer(F: Any, x1: Any, x2: Any, /) -> Any:
    """Multiply every element of one vector with every element of the other."""
    return outer(F, x1, x2)


@rule(np.vdot)
def vdot(F: Any, a: Any, b: Any, /) -> Any:
    """Sum the products of all elements, those of `a` conjugated."""
    a, b = (F.reshape(x, (-1,)) for x in values(F, (a, b)))
    return F.matmul(F.conj(a) if a.dtype.kind == "c" else a, b)


@rule(_linalg.vecdot)
def linalg_vecdot(F: Any, x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Sum the products along one axis, `x1` conjugated."""
    return F.vecdot(value(F, x1), value(F, x2), axis=axis)


@rule(_linalg.matmul)
def linalg_matmul(F: Any, x1: Any, x2: Any, /) -> Any:
    """Multiply matrices."""
    return F.matmul(value(F, x1), value(F, x2))


@rule(np.tensordot)
def tensordot(F: Any, a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum over pairs of axes."""
    if not isinstance(axes, (int, np.integer)):
        axes = tuple((x,) if isinstance(x, (int, np.integer)) else tuple(x) for x in axes)
    return F.tensordot(value(F, a), value(F, b), axes=axes)


@rule(_linalg.tensordot)
def linalg_tensordot(F: Any, x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Sum over pairs of axes."""
    return tensordot(F, x1, x2, axes)


@rule(np.einsum)
def einsum(F: Any, *operands: Any, out: Any = None, optimize: Any = False, **kwargs: Any) -> Any:
    """Multiply and sum as the subscripts say: given as text, or as a list of numbers behind each array."""
    if isinstance(operands[0], str):
        return F.einsum(operands[0], *values(F, operands[1:]))
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def written(axes: Sequence[Any]) -> str:
        return "".join("..." if x is Ellipsis else letters[x] for x in axes)

    arrays, subscripts = operands[0 : len(operands) // 2 * 2 : 2], operands[1::2]
    text = ",".join(map(written, subscripts))
    if len(operands) % 2:
        text += "->" + written(operands[-1])
    return F.einsum(text, *values(F, arrays))


@rule(np.kron)
def kron(F: Any, a: Any, b: Any) -> Any:
    """Put the whole of `b`, times each element of `a`, in the place of that element."""
    a, b = values(F, (a, b))
    rank = max(len(a.shape), len(b.shape))
    sizes = [(1,) * (rank - len(x.shape)) + tuple(x.shape) for x in (a, b)]
    wide = F.reshape(a, tuple(d for size in sizes[0] for d in (size, 1)))
    tall = F.reshape(b, tuple(d for size in sizes[1] for d in (1, size)))
    return F.reshape(F.multiply(wide, tall), tuple(m * n for m, n in zip(*sizes, strict=True)))


@rule(np.cross)
def cross(
    F: Any, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """Return the vector at right angles to two vectors of three elements."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moveaxis(F, a, axisa, -1), moveaxis(F, b, axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError(
            f"cross takes vectors of 3 elements, but the axes have {a.shape[-1]} and {b.shape[-1]}"
        )
    turned = [np.array([1, 2, 0]), np.array([2, 0, 1])]
    (a1, b2), (a2, b1) = ((F.take(a, i, axis=-1), F.take(b, j, axis=-1)) for i, j in (turned, turned[::-1]))
    return moveaxis(F, F.subtract(F.multiply(a1, b2), F.multiply(a2, b1)), -1, axisc)


@rule(_linalg.cross)
def linalg_cross(F: Any, x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Return the vector at right angles to two vectors of three elements."""
    return cross(F, x1, x2, axis=axis)


@rule(np.convolve)
def convolve(F: Any, a: Any, v: Any, mode: str = "full") -> Any:
    """Slide the reversed second vector over the first and add up the products."""
    a, v = values(F, (a, v))
    if a.shape[0] < v.shape[0]:
        a, v = v, a
    n, m = a.shape[0], v.shape[0]
    ends = np.zeros(m - 1, a.dtype)
    windows = np.arange(n + m - 1)[:, None] + np.arange(m)[None, :]
    full = F.matmul(F.take(F.concat([ends, a, ends]), windows), F.flip(v))
    start, size = {"full": (0, n + m - 1), "same": ((m - 1) // 2, n), "valid": (m - 1, n - m + 1)}[mode]
    return full[start : start + size]


# --- linear algebra ------------------------------------------------------------------------------------------------


@rule(_linalg.norm)
def norm(F: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of vectors or matrices."""
    x = value(F, x)
    if axis is None and (ord is None or len(x.shape) == 1):
        found = F.vector_norm(F.reshape(x, (-1,)), ord=2 if ord is None else ord)
        return F.reshape(found, (1,) * len(x.shape)) if keepdims else found
    axes = tuple(range(len(x.shape))) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if len(axes) == 1:
        return F.vector_norm(x, axis=axes[0], ord=2 if ord is None else ord, keepdims=keepdims)
    found = F.matrix_norm(
        moveaxis(F, x, axes, (-2, -1)), ord="fro" if ord is None else ord, keepdims=keepdims
    )
    return moveaxis(F, found, (-2, -1), axes) if keepdims else found


@rule(_linalg.solve)
def solve(F: Any, a: Any, b: Any) -> Any:
    """Solve linear equations."""
    return F.solve(value(F, a), value(F, b))


@rule(_linalg.pinv)
def pinv(F: Any, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """Return the pseudo-inverse."""
    rtol = rcond if rtol is np._NoValue else rtol
    return F.pinv(value(F, a)) if rtol is None else F.pinv(value(F, a), rtol=rtol)


@rule(_linalg.svd)
def svd(F: Any, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Part a matrix into rotations and singular values."""
    a = value(F, a)
    return F.svd(a, full_matrices=full_matrices) if compute_uv else F.svdvals(a)


def _symmetric(F: Any, a: Any, UPLO: str) -> Any:
    """Return the symmetric matrix that one triangle states, which NumPy alone reads."""
    a = value(F, a)
    size = a.shape[-1]
    upper = UPLO.upper() == "U"
    strict = np.triu(np.ones((size, size), bool), 1) if upper else np.tril(np.ones((size, size), bool), -1)
    part = F.where(strict, a, np.zeros((), a.dtype))
    mirror = F.matrix_transpose(part)
    if a.dtype.kind == "c":
        mirror = F.conj(mirror)
    return F.add(F.add(part, mirror), F.multiply(a, np.eye(size, dtype=a.dtype)))


@rule(_linalg.eigh)
def eigh(F: Any, a: Any, UPLO: str = "L") -> Any:
    """Part a symmetric matrix into eigenvalues and eigenvectors."""
    return F.eigh(_symmetric(F, a, UPLO))


@rule(_linalg.eigvalsh)
def eigvalsh(F: Any, a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues of a symmetric matrix."""
    return F.eigvalsh(_symmetric(F, a, UPLO))


@rule(_linalg.qr)
def qr(F: Any, a: Any, mode: str = "reduced") -> Any:
    """Part a matrix into an orthogonal and a triangular one."""
    only("linalg.qr", "mode", mode, "reduced", "complete", "r")
    found = F.qr(value(F, a), mode="reduced" if mode == "r" else mode)
    return found[1] if mode == "r" else found


@rule(_linalg.multi_dot)
def multi_dot(F: Any, arrays: Any, *, out: Any = None) -> Any:
    """Multiply a row of matrices."""
    return reduce(F.matmul, values(F, arrays))


@rule(_linalg.cond)
def cond(F: Any, x: Any, p: Any = None) -> Any:
    """Return how much a matrix can stretch errors: the greatest singular value over the least, or by another norm."""
    x = value(F, x)
    if p in (None, 2, -2):
        found = F.svdvals(x)
        ratio = F.divide(found[..., 0], found[..., -1])
        return F.reciprocal(ratio) if p == -2 else ratio
    return F.multiply(F.matrix_norm(x, ord=p), F.matrix_norm(F.inv(x), ord=p))


@rule(_linalg.tensorinv)
def tensorinv(F: Any, a: Any, ind: int = 2) -> Any:
    """Return the inverse of the map from the axes behind `ind` to those before it."""
    a = value(F, a)
    first, last = tuple(a.shape[:ind]), tuple(a.shape[ind:])
    return F.reshape(F.inv(F.reshape(a, (int(np.prod(first)), -1))), (*last, *first))


@rule(_linalg.tensorsolve)
def tensorsolve(F: Any, a: Any, b: Any, axes: Any = None) -> Any:
    """Solve linear equations of several axes."""
    a, b = values(F, (a, b))
    if axes is not None:
        a = moveaxis(F, a, tuple(axes), tuple(range(len(a.shape) - len(axes), len(a.shape))))
    unknown = tuple(a.shape[len(b.shape) :])
    found = F.solve(F.reshape(a, (-1, int(np.prod(unknown)))), F.reshape(b, (-1,)))
    return F.reshape(found, unknown)


@rule(np.cov)
def cov(
    F: Any,
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """Return how variables vary together: a row of `m` for each, or a column."""
    only("cov", "fweights", fweights, None)
    only("cov", "aweights", aweights, None)
    rows = [
        F.reshape(x, (1, -1)) if len(x.shape) < 2 else x if rowvar else F.transpose(x)
        for x in values(F, [m] if y is None else [m, y])
    ]
    x = F.concat(rows)
    off = (0 if bias else 1) if ddof is None else ddof
    x = F.subtract(x, F.mean(x, axis=1, keepdims=True))
    found = F.divide(
        F.matmul(x, F.conj(F.transpose(x)) if x.dtype.kind == "c" else F.transpose(x)),
        float(x.shape[1] - off),
    )
    return F.squeeze(found, tuple(i for i, d in enumerate(found.shape) if d == 1))


@rule(np.corrcoef)
def corrcoef(F: Any, x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Return the covariances of variables over their spreads."""
    found = cov(F, x, y, rowvar)
    if not found.shape:
        return F.divide(found, found)
    spread = F.sqrt(F.real(diagonal(F, found)))
    return F.divide(F.divide(found, F.expand_dims(spread, 1)), F.expand_dims(spread, 0))
