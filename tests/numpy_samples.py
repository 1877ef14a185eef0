"""NumPy's functions on one array of numbers, for each way in which glassgrad takes them over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

X = np.array([[0.31, 1.27, 2.05, 0.84], [1.66, 0.52, 2.71, 1.09], [2.38, 1.91, 0.17, 1.43]])
S = X[:, :3] + X[:, :3].T + 4 * np.eye(3)
MASK = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, True]])
la, fft = np.linalg, np.fft

SAME_ANYWHERE: dict[str, Callable[[Any], Any]] = {
    # reductions
    "sum": lambda x: np.sum(x, axis=1, keepdims=True),
    "sum where": lambda x: np.sum(x, axis=0, where=MASK, initial=2.0),
    "sum dtype": lambda x: np.sum(x, dtype=np.float64) + np.sum(x > 1, dtype=np.float32),
    "prod": lambda x: np.prod(x, 0, where=MASK),
    "max": lambda x: np.max(x, axis=0),
    "amax where": lambda x: np.amax(x, axis=1, where=MASK, initial=0.5),
    "min": lambda x: np.min(x) + np.amin(x, axis=0),
    "mean": lambda x: np.mean(x, axis=(0, 1)),
    "mean where": lambda x: np.mean(x, axis=0, where=MASK),
    "var": lambda x: np.var(x, axis=0, ddof=1),
    "var where": lambda x: np.var(x, axis=1, where=MASK, keepdims=True),
    "var of a mean": lambda x: np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)),
    "std": lambda x: np.std(x, 1, correction=1),
    "std where": lambda x: np.std(x, axis=0, where=MASK),
    "ptp": lambda x: np.ptp(x, axis=1),
    "average": lambda x: np.average(x, axis=0, weights=[1.0, 2.0, 4.0]),
    "average of all": lambda x: np.average(x, weights=x**2, returned=True),
    "cumsum": lambda x: np.cumsum(x),
    "cumprod": lambda x: np.cumprod(x, axis=1),
    "cumulative_sum": lambda x: np.cumulative_sum(x, axis=1, include_initial=True),
    "cumulative_prod": lambda x: np.cumulative_prod(x[0]),
    "median": lambda x: np.median(x, axis=1),
    "quantile": lambda x: np.quantile(x, [0.2, 0.7], axis=0),
    "percentile": lambda x: np.percentile(x, 33.0, axis=1, keepdims=True),
    "nansum": lambda x: np.nansum(np.where(x > 2.3, np.nan, x), axis=0),
    "nanmean": lambda x: np.nanmean(np.where(x > 2.3, np.nan, x), axis=0),
    "nans": lambda x: (
        np.nanmax(np.where(x > 2.3, np.nan, x), axis=0)
        + np.nanmin(np.where(x < 0.6, np.nan, x), axis=0)
        + np.nanvar(np.where(x > 2.3, np.nan, x), axis=0, ddof=1)
        + np.nanstd(np.where(x > 2.3, np.nan, x), axis=0)
        + np.nanprod(np.where(x > 2.3, np.nan, x), axis=0)
    ),
    "argmax": lambda x: np.argmax(x, axis=1) * 1.0,
    "argmin": lambda x: np.argmin(x) * 1.0,
    "count_nonzero": lambda x: np.count_nonzero(x > 1.0, axis=0) * 1.0,
    "all": lambda x: np.all(x > 0.2, axis=1) * 1.0,
    "any": lambda x: np.any(x > 2.5, axis=1, where=MASK) * 1.0,
    # ufuncs and their methods
    "trigonometry": lambda x: np.sin(x) + np.cos(x) * np.tan(x / 2) + np.arctan(x) - np.arcsin(x / 3),
    "hyperbolic": lambda x: np.sinh(x) + np.cosh(x) * np.tanh(x) + np.arcsinh(x) + np.arccosh(x + 1),
    "inverse": lambda x: np.arccos(x / 4) + np.arctanh(x / 3) + np.arctan2(x, x[0]) + np.reciprocal(x),
    "exponentials": lambda x: np.exp(x) + np.exp2(x) + np.expm1(x) + np.log(x) + np.log1p(x) * np.log2(x),
    "powers": lambda x: np.power(x, 1.5) + np.square(x) + np.sqrt(x) + np.cbrt(x) + np.float_power(x, x),
    "logs": lambda x: np.log10(x) + np.logaddexp(x, 1.0) + np.logaddexp2(x, x[0]),
    "pairs": lambda x: (
        np.maximum(x, 1.0) + np.minimum(x, x[1]) + np.fmax(x, 0.7) + np.fmin(x, 2) + np.hypot(x, 2)
    ),
    "arithmetic": lambda x: np.add(x, 1) - np.subtract(2, x) * np.multiply(x, x) / np.divide(x, 3.0),
    "remainders": lambda x: np.mod(x, 0.7) + np.fmod(x, 0.6) + np.floor_divide(x, 0.5) + np.remainder(x, 0.9),
    "two results": lambda x: (*np.divmod(x, 0.7), *np.modf(x * 1.7)),
    "signs": lambda x: np.negative(x) + np.absolute(x - 1.2) + np.fabs(x) + np.sign(x - 1) + np.positive(x),
    "copysign": lambda x: np.copysign(x, 1.2 - x) + np.heaviside(x - 1, 0.5),
    "angles": lambda x: np.deg2rad(x) + np.rad2deg(x) + np.radians(x) - np.degrees(x),
    "steps": lambda x: (
        np.floor(x) + np.ceil(x) + np.trunc(x) + np.rint(x) + np.fix(x) + np.round(x * 1.01, 1) - np.around(x)
    ),
    "comparisons": lambda x: 1.0 * (np.less(x, 1) & np.greater(x, 0.4) | ~np.equal(x, x) ^ np.isnan(x)),
    "where of a ufunc": lambda x: np.log(x, out=x * 0.0, where=x > 1.0) + np.add(x, 1, dtype=np.float64),
    "reduce": lambda x: (
        np.add.reduce(x) + np.multiply.reduce(x, axis=0) + np.maximum.reduce(x, axis=0, initial=1.0)
    ),
    "reduce all": lambda x: np.minimum.reduce(x, axis=None) * np.add.reduce(x, axis=1, keepdims=True),
    "accumulate": lambda x: (
        np.add.accumulate(x, axis=1) + np.multiply.accumulate(x) + np.maximum.accumulate(x)
    ),
    "outer of a ufunc": lambda x: np.add.outer(x[0], x[:, :2]) * np.multiply.outer(x[0], x[:, 1:3]),
    "vecdot": lambda x: np.vecdot(x, x[0]) + np.matvec(x, x[1]) + la.vecdot(x, x[2]),
    "vecmat": lambda x: np.vecmat(x[:, 0], x),
    # shapes
    "reshape": lambda x: np.reshape(x, (2, -1)) + np.reshape(x, (2, 6), order="F"),
    "ravel": lambda x: np.ravel(x) * np.ravel(x, "F"),
    "transpose": lambda x: np.transpose(np.reshape(x, (3, 2, 2)), (2, 0, 1)),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1) + np.matrix_transpose(x) + la.matrix_transpose(x),
    "squeeze": lambda x: np.squeeze(x[:1]) + np.squeeze(x[:, None], axis=1)[1],
    "expand_dims": lambda x: np.expand_dims(x, (0, -1)),
    "atleast": lambda x: (np.atleast_1d(x[0, 0]), np.atleast_2d(x[0]), np.atleast_3d(x, x[0])[1]),
    "broadcast": lambda x: np.broadcast_to(x[0], (2, 4)) + np.broadcast_arrays(x, x[0])[1][:2],
    "moveaxis": lambda x: np.moveaxis(np.reshape(x, (3, 2, 2)), (0, 2), (1, 0)),
    "rollaxis": lambda x: np.rollaxis(np.reshape(x, (3, 2, 2)), 2, 1),
    "flips": lambda x: np.flip(x) + np.flipud(x) * np.fliplr(x) + np.flip(x, axis=(0,)),
    "rot90": lambda x: (np.rot90(x), np.rot90(x, 2), np.rot90(x, 3), np.rot90(x, -1)),
    "copy, astype": lambda x: np.copy(x) + np.astype(x, np.float64),
    "concatenate": lambda x: np.concatenate([x, np.ones((1, 4)), x[:1]]) * np.concatenate((x, x[:2]), axis=0),
    "concatenate flat": lambda x: np.concatenate([x, x[0]], axis=None, dtype=np.float64),
    "stacks": lambda x: (
        np.stack([x, x], axis=1),
        np.vstack([x[0], x]),
        np.hstack([x, x[:, :1]]),
        np.hstack([x[0], x[1]]),
    ),
    "more stacks": lambda x: (
        np.dstack([x, x]),
        np.column_stack([x[:, 0], x]),
        np.append(x, x[0]),
        np.append(x, x, axis=1),
    ),
    "block": lambda x: (
        np.block([[x, x[:, :1]], [np.ones((1, 4)), x[0, 0]]]),
        np.block([x[0], 1.0]),
        np.block(x),
    ),
    "splits": lambda x: (
        *np.array_split(x, 3, axis=1),
        *np.split(x, [1, 3], axis=1),
        *np.vsplit(x, 3),
        *np.hsplit(x, 2),
    ),
    "dsplit": lambda x: (*np.dsplit(np.reshape(x, (3, 2, 2)), 2), *np.unstack(x, axis=1)),
    "tile": lambda x: np.tile(x, (2, 1, 2)) + np.tile(x, 2),
    "repeat": lambda x: (np.repeat(x, 2), np.repeat(x, [1, 0, 2], axis=0)),
    "pad": lambda x: np.pad(x, ((1, 2), (0, 1)), constant_values=3.0),
    "pad modes": lambda x: np.pad(x, 2, "reflect") + np.pad(x, 2, mode="edge") + np.pad(x, (2, 2), "wrap"),
    "pad axes": lambda x: np.pad(x, {1: (1, 0), 0: 2}, mode="symmetric"),
    "roll": lambda x: np.roll(x, 3) + np.roll(x, (1, 2), axis=(0, 1)),
    "take": lambda x: (
        np.take(x, [0, 2, 2], axis=1) + np.take_along_axis(x, np.argsort(X, axis=1)[:, :3], axis=1)
    ),
    "compress, delete": lambda x: (np.compress([True, False, True], x, axis=0), np.delete(x, 1, axis=1)),
    "diagonals": lambda x: (
        np.diagonal(x, 1),
        np.diag(x, -1),
        np.diag(x[0], 2),
        np.diagflat(x[:2, :2]),
        la.diagonal(x),
    ),
    "trace": lambda x: np.trace(x, offset=1) + la.trace(x[:, :3]),
    "triangles": lambda x: np.tril(x, 1) * np.triu(x) + np.tril(x[0]).sum(),
    "likes": lambda x: x * np.ones_like(x) + np.zeros_like(x, shape=(3, 1)) + np.full_like(x, x[0, 0]),
    "meshgrid": lambda x: (*np.meshgrid(x[0], x[:, 1]), *np.meshgrid(x[0], x[1], indexing="ij", sparse=True)),
    # choosing
    "where": lambda x: np.where(x > 1, x**2, 0.0) + np.where(MASK, 1.0, x),
    "select": lambda x: np.select([x < 0.5, x < 1.5], [x * 2, x**2], default=-1.0),
    "clip": lambda x: np.clip(x, 0.5, 2.0) + np.clip(x, min=x[0], max=None),
    "nan_to_num": lambda x: np.nan_to_num(np.where(MASK, x, np.nan), nan=3.0),
    "complex parts": lambda x: (
        np.real(x * 2j + x) + np.imag(x * 2j) * np.angle(x + 1j) + np.angle(x + 1j, deg=True)
    ),
    "real_if_close": lambda x: np.real_if_close(x),
    "conjugates": lambda x: np.abs(np.conj(x + 2j * x**2)) + np.sinc(x),
    "sort": lambda x: np.sort(x, axis=0) + np.sort(x, axis=None).reshape(3, 4),
    "partition": lambda x: np.partition(x, 1, axis=1)[:, 1],
    "diff": lambda x: np.diff(x, axis=0) + np.diff(x, n=2, axis=0),
    "ediff1d": lambda x: np.ediff1d(x, to_begin=[1.0], to_end=x[0]),
    "gradient": lambda x: (*np.gradient(x), np.gradient(x, 0.5, axis=1)),
    "trapezoid": lambda x: np.trapezoid(x, dx=0.1) + np.trapezoid(x, x=np.arange(3.0) ** 2, axis=0)[:3],
    "linspace": lambda x: (
        np.linspace(x[0], x[1], 5),
        np.linspace(0, x[0, 0], 4, endpoint=False, retstep=True),
    ),
    "interp": lambda x: np.interp(x, np.sort(x[1]), x[0]),
    "polyval": lambda x: np.polyval(x[0], x) + np.vander(x[0], 4)[:3],
    "apply_along_axis": lambda x: np.apply_along_axis(lambda v: v[:2] * np.sum(v), 1, x),
    # products
    "dot": lambda x: (np.dot(x, x.T), np.dot(2.0, x), np.dot(x.reshape(2, 3, 2), x[:2]), np.dot(x, x[0])),
    "inner, outer": lambda x: (np.inner(x, x), np.outer(x[0], x), np.vdot(x, x), la.outer(x[0], x[1])),
    "tensordot": lambda x: (
        np.tensordot(x, x, axes=([0], [0])),
        np.tensordot(x, x, 2),
        la.tensordot(x, x.T, axes=1),
    ),
    "einsum": lambda x: (np.einsum("ij,kj->ik", x, x), np.einsum(x, [0, 1], x, [0, 2], [1, 2])),
    "matmul": lambda x: np.matmul(x, x.T) + la.matmul(x, x.T) + x @ x.T,
    "kron": lambda x: np.kron(x[:2], x[0]),
    "cross": lambda x: (
        np.cross(x[:, :3], x[0, :3]) + np.cross(x.T[:3], x.T[1:], axis=0) + la.cross(x[:, 1:], x[:, :3])
    ),
    "convolve": lambda x: (
        np.convolve(x[0], x[1, :3]),
        np.convolve(x[0], x[1], "same"),
        np.convolve(x[0, :2], x[1], "valid"),
    ),
    "cov": lambda x: (np.cov(x), np.cov(x, rowvar=False, bias=True), np.corrcoef(x)),
    # linear algebra
    "inv": lambda x: la.inv(x[:, :3] + S) + la.matrix_power(x[:, :3], 3) + la.tensorinv(S * x[0, 0], ind=1),
    "det": lambda x: (la.det(x[:, :3]), *la.slogdet(x[:, :3] + S)),
    "cholesky": lambda x: la.cholesky(x @ x.T + S),
    "solve": lambda x: la.solve(S, x) + la.tensorsolve(S * x[0, 0], x[:, 0])[:, None],
    "svd": lambda x: (la.svd(x, compute_uv=False), la.svdvals(x), la.svd(x, full_matrices=False)[1]),
    "eigh": lambda x: (la.eigvalsh(x @ x.T), la.eigh(x[:, :3] + S, "U")[0], np.abs(la.eigh(x[:, :3] + S)[1])),
    "qr": lambda x: (*la.qr(x[:, :3]), la.qr(x[:, :2], mode="r")),
    "pinv": lambda x: la.pinv(x) * la.cond(x) + la.cond(x[:, :3], 1),
    "norms": lambda x: (
        la.norm(x) + la.norm(x, axis=0)[0] + la.norm(x, 1) + la.norm(x[0], 3) + la.norm(x, axis=(1, 0))
    ),
    "more norms": lambda x: (
        la.norm(x, np.inf, axis=1, keepdims=True) + la.vector_norm(x, axis=0) + la.matrix_norm(x)
    ),
    "matrix_rank": lambda x: la.matrix_rank(x) * 1.0,
    "multi_dot": lambda x: la.multi_dot([x, x.T, x]),
    "eig": lambda x: (np.sort(np.abs(la.eigvals(x[:, :3]))), np.sort(np.abs(la.eig(x[:, :3])[0]))),
    # Fourier
    "fft": lambda x: (fft.fft(x), fft.ifft(x, 6, axis=0), fft.rfft(x, norm="ortho"), fft.irfft(fft.rfft(x))),
    "fft of axes": lambda x: (
        fft.fft2(x),
        fft.ifft2(x),
        fft.rfft2(x),
        fft.irfft2(fft.rfft2(x)),
        fft.fftn(x, axes=(0,)),
    ),
    "fft of all": lambda x: (
        fft.ifftn(x),
        fft.rfftn(x),
        fft.irfftn(fft.rfftn(x)),
        fft.hfft(x + 1j * x),
        fft.ihfft(x),
    ),
    "shifts": lambda x: fft.fftshift(x) + fft.ifftshift(x, axes=1),
    # facts and methods
    "facts": lambda x: (
        x * np.shape(x)[0] + np.ndim(x) * np.size(x) - np.size(x, 1) + np.iscomplexobj(x) + np.isrealobj(x)
    ),
    "types": lambda x: x.astype(np.result_type(x, np.float32)) + np.ones(1, np.common_type(x)),
    "methods": lambda x: (
        x.sum(axis=0) + x.mean(0) * x.std(0, ddof=1) - x.var(axis=0) + x.max(0) * x.min(axis=0)
    ),
    "more methods": lambda x: x.dot(x.T).ravel() + x.T.flatten()[:9] + x[:, :3].T.reshape(9) + x.copy()[0, 0],
    "method shapes": lambda x: (
        x.transpose(1, 0).swapaxes(0, 1).reshape(2, 6) + x.reshape((2, -1)) + x[None].squeeze()[0, 0]
    ),
    "method values": lambda x: (
        x.clip(0.5, 2).cumsum() * x.prod() + x.round(1).take([0]) + x.diagonal().sum() + x.trace()
    ),
    "method places": lambda x: (
        x.argmax() + x.argsort(axis=1).sum() * x.cumprod(axis=0) + x.repeat(1, axis=0) + x.real.imag
    ),
}

WITH_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "nonzero": lambda x: (*np.nonzero(x > 1.5), *np.where(x > 1.5), *(x > 2).nonzero()),
    "searchsorted": lambda x: np.searchsorted(np.sort(x[0]), [0.5, 1.5], side="right"),
    "orders": lambda x: (np.argsort(x, axis=0), np.argsort(x, axis=None)),
    "argpartition": lambda x: np.take_along_axis(x, np.argpartition(x, 0, axis=1), axis=1)[:, :1],
    "reading": lambda x: (
        np.allclose(x, x),
        np.array_equal(x, x + 1),
        np.isclose(x, 1.27),
        np.argwhere(x > 2),
    ),
}
"""What needs the numbers or has no gradient: not traced."""

WRITERS: dict[str, Callable[[Any], Any]] = {
    "copyto": lambda x: np.copyto(x, 3.0, where=MASK),
    "putmask": lambda x: np.putmask(x, MASK, [1.0, 2.0, 3.0]),
    "fill_diagonal": lambda x: np.fill_diagonal(x, 9.0),
    "put_along_axis": lambda x: np.put_along_axis(x, np.array([[0], [3], [1]]), 5.0, axis=1),
    "at": lambda x: np.subtract.at(x, ([0, 0], [1, 1]), [1.0, 2.0]),
    "out": lambda x: np.multiply(x, 2.0, out=x, where=MASK),
    "sum out": lambda x: np.sum(x, 0, None, x[0]),
}
