"""What programs write with NumPy: recorded to the last bit, and played again on arrays and on Tensors."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.checking.judging.replay import At, Replay, differentiated
from glassgrad.checking.recording.run import Program
from glassgrad.checking.recording.traced import is_traced, plain

BEFORE = """
import numpy as np, math, copy, pickle
W = np.random.randn(3, 4)
v = np.random.randn(4)
s = np.random.randn(4, 4)[0, 0]
P = 0.1 + np.random.rand(3, 4)
"""

SNIPPETS = """
np.exp(W) + np.tanh(v) | np.where(W > 0, W, 0.1 * W) | np.select([W > 0.5, W < -0.5], [W, -W], 0.25 * W)
np.clip(W, -0.5, 0.5) | np.pad(W, 1) | np.pad(W, ((1, 0), (0, 2)), 'constant') | np.pad(W, 1, mode='edge')
np.tile(v, (3, 2)) | np.repeat(W, 2, axis=1) | np.repeat(v, 3) | np.einsum('ij,j->i', W, v)
np.einsum('ij,kj->ik', W, W) | np.tensordot(W, v, axes=1) | np.tensordot(W, W, axes=([0, 1], [0, 1]))
np.outer(v, v) | np.inner(W, v) | np.vdot(v, v) | np.kron(v, W) | np.roll(W, 1, axis=1) | np.roll(v, -2)
np.flip(W, 0) | np.fliplr(W) | np.flipud(W) | np.rot90(W) | W[::-1, ::2] | np.insert(W, 1, 0.5, axis=1)
np.insert(W, 0, v, axis=0) | np.delete(W, 1, axis=0) | np.append(v, 1.0) | np.append(W, [v], axis=0)
np.append(v, W) | np.stack([v, v * 2]) | np.hstack([v, [1.0]]) | np.vstack((v, W)) | np.concatenate([W, W * 2], 1)
np.column_stack([v, v * v]) | np.dstack([W, W]) | np.split(W, 2, axis=1)[1] | np.array_split(v, 3)[0]
np.hsplit(W, 2)[0] | np.vsplit(W, 3)[2] | np.r_[v, v] | np.c_[v, v * 2] | np.r_[1.0, v] | np.c_[np.ones(3), W]
np.lib.stride_tricks.as_strided(W, (2, 2, 2, 2), (32, 8, 32, 8)) ** 2
np.lib.stride_tricks.sliding_window_view(W, (2, 2)) | np.apply_along_axis(lambda r: r / np.sum(r ** 2), 1, W)
np.apply_along_axis(np.sum, 0, W) | np.vectorize(lambda x: x * x if x > 0 else 0.5 * x)(W)
np.vectorize(math.exp)(W) | np.frompyfunc(lambda x: x * 3.0, 1, 1)(W).astype(float) | W[[0, 2], [1, 3]] | W[W > 0]
W[:, [0, 1]] | W[np.arange(3), [0, 1, 2]] | W[..., None] * v[:, None] | np.take(W, [0, 2], axis=1) | W.take([1, 5])
W.flat[3] * 2 | np.array([x * x for x in W.flat]) | np.nan_to_num(W) | np.linalg.norm(W) | np.linalg.norm(W, axis=1)
np.linalg.inv(W[:, :3]) | np.linalg.pinv(W) | np.linalg.solve(W[:, :3], W[:, 3]) | np.linalg.det(W[:, :3])
np.trace(W[:, :3]) | np.diag(v) | np.diag(W[:, :3]) | np.triu(W) | np.tril(W) | np.cumsum(W, axis=1) | np.cumprod(v)
np.prod(W, axis=0) | np.diff(v) | np.mean(W, axis=0, keepdims=True) | W.std(axis=0) | W.var() | np.average(v)
np.average(W, axis=0, weights=[1., 2., 3.]) | np.median(W, axis=1) | np.max(W, axis=1) | np.amin(W) | np.ptp(W)
np.maximum(W, 0) | np.minimum(W, v) | np.fmax(W, 0.1) | np.sort(v) | v[np.argsort(v)] | np.partition(v, 2)
np.squeeze(W[None]) | np.expand_dims(v, 1) | np.atleast_2d(v) | v[np.newaxis] | np.moveaxis(W, 0, 1) | np.swapaxes(W, 0, 1)
W.reshape(-1, 2) | W.ravel() | W.flatten() | W.T.copy() | np.transpose(W) | np.ravel(W, 'F') | W.reshape((2, 6), order='F')
np.broadcast_to(v, (3, 4)) * W | np.meshgrid(v, v)[0] | np.full((2, 3), s) | np.full_like(W, s) | np.ones((2, 2)) * s
np.sum([s, s * 2, 3.0]) | np.array([s, s * s]) | np.array([v, v]) | np.array([[s, 1.0], [2, s]]) | np.exp([s, s])
np.mean([v, 2 * v], axis=0) | np.dot([1., 2., 3.], W) | np.asarray([v, v]).T | np.multiply.outer(v, v) | np.add.reduce(W)
np.maximum.accumulate(v) | np.logaddexp(W, v) | np.hypot(W, v) | np.arctan2(W, P) | np.sign(W) * W | np.square(W)
np.power(P, 2.5) | P ** 3 | 2.0 ** W | P ** W | np.log1p(P) | np.expm1(W) | np.sinc(W) | np.heaviside(W, 0.5) * W
np.reciprocal(P) | np.cbrt(P) | np.abs(W) | np.fabs(W) | np.floor(W) + W | np.mod(P, 0.3) | np.exp2(W) | np.log2(P)
np.log10(P) | np.float_power(P, 2) | np.cross(v[:3], W[:, 0]) | np.interp(v, [-3., 0., 3.], [0., 1., 4.]) | W @ v
np.matmul(W, W.T) | np.linalg.multi_dot([W, W.T, W]) | np.linalg.matrix_power(W[:, :3], 3) | np.trapezoid(v)
np.convolve(v, [1., 2.]) | np.correlate(v, [1., 0.5]) | np.gradient(v) | np.polyval([1., 2., 3.], v) | np.piecewise(v, [v < 0, v >= 0], [lambda x: -x, lambda x: x * x])
np.choose([0, 1, 0, 1], [v, v * 2]) | np.compress([True, False, True], W, axis=0) | W.compress([1, 0, 1], axis=0)
np.extract(W > 0, W) | np.unravel_index(3, (2, 2))[0] + v | np.nansum(W) | np.nanmean(W, 0) | np.count_nonzero(W) * v
np.isnan(W) * 1.0 + W | np.logical_and(W > 0, W < 1) * W | ~(W > 0) * W | np.float64(s) * 2 | np.float32(s) * 1.0
float(s) * float(s) | float(np.sum(W)) ** 2 | abs(s) | sum(v) | sum([x * x for x in v]) | max(v) | min(list(v)) | sorted(v)[1]
round(s, 2) + s | math.exp(s) | math.sqrt(s * s + 1) | math.log(s * s + 1, 2) | math.tanh(s) + math.sin(s) | math.pow(abs(s), 1.5)
-s | +s | s ** 2 | 2 ** s | s / 3 | 3 / s | s - 1 | 1 - s | 7 % (s * s + 1) | s * v | v * s | s // 0.1 + s
W.sum(1).max() | W.dot(v) | v.dot(v) | W.mean(0)[1] | W.astype(np.float32) | W.astype('float64') | W.astype(np.longdouble).sum()
[row.sum() for row in W][1] | [a * b for a, b in zip(W, W[::-1])][0] | [i * r for i, r in enumerate(W)][2] | {k: x * k for k, x in enumerate(v)}[3]
copy.deepcopy(W) * 2 | copy.copy(v) * 3 | copy.deepcopy({'w': [W, s]})['w'][1] * 2 | copy.deepcopy({'w': [W, s]})['w'][0] * 2
np.array([W, W], dtype=object)[1] * 2 | (np.array([v, W], dtype=object) * 2)[1] | np.array(W, dtype=np.longdouble)[0]
W.item(3) * 2 | s.item() * 2 | W[1].tolist()[0] + s | np.asmatrix(W) * np.asmatrix(v).T | np.matrix(W).T | np.asmatrix(W)[1]
np.asmatrix(W)[:, 1] | np.asmatrix(W).sum(axis=1) | np.asmatrix(W).A * W | np.asmatrix(W).A1 | np.matrix(W[:, :3]).I | np.matrix(W[:, :3]) ** 2
np.multiply(np.asmatrix(W), W) | np.asmatrix(W).mean() | np.asmatrix(W).mean(0) | np.exp(-np.asmatrix(W)) | np.asmatrix(W)[0, 1] * 2 | np.asmatrix(W).ravel()
np.asmatrix(W).flatten() | np.vstack([np.asmatrix(W), np.ones(4)]) | np.asmatrix(W).reshape(2, 6) | 2 * np.asmatrix(W) - 1 | np.dot(np.asmatrix(W), v)
W[np.ix_([0, 2], [1, 3])] | W[np.where(W > 0)] | W[np.nonzero(W)] | np.argwhere(W)[0] + s | np.digitize(v, [0.]) + v
np.fromiter((x * 2 for x in v), float) | np.block([[W, W], [W, W]]) | np.broadcast_arrays(v, W)[0] * 2 | np.einsum('i,i', v, v)
np.einsum('ij->j', W) | np.lexsort((v,)) + v | v[::-1].cumsum() | np.unique(v) | np.apply_over_axes(np.sum, W, [0]) | np.asarray(W, np.float32)
W.clip(0, 1) | W.clip(min=0) | np.round(W, 1) + W | W.round(2) + W | np.resize(v, (2, 3)) | np.float64(np.mean(W)) | W.argmax() + W
np.random.permutation(v).sum() + v | np.random.choice(v) + v | np.random.normal(0, 1, 4) * v | np.random.default_rng(3).normal(size=4) * v
np.eye(4)[[1, 0]] * v | np.zeros_like(W) + W | np.mgrid[0:3, 0:4][0] * W | np.indices((3, 4))[1] * W | np.tri(3, 4) * W
W.T.T | W.swapaxes(0, 1) | W.squeeze() | W.trace() | W.diagonal() | W.repeat(2) | W.cumsum() | W.prod() | W.any() * W | W.view() * 2
(W > 0).astype(int) * W | (W > 0).sum() + W | np.sum(W, where=W > 0) | np.add(W, 1, where=W > -9) | np.linalg.norm(v, 1) | np.linalg.norm(W, 'fro')
np.divide(W, np.linalg.norm(W, axis=1, keepdims=True)) | W / W.sum(axis=1)[:, None] | np.exp(W) / np.exp(W).sum(1, keepdims=True)
np.linalg.cholesky(W @ W.T) | np.linalg.eigh(W @ W.T)[0] | np.linalg.svd(W)[1] | np.fft.fft(v).real + v | v.real * 2 | np.real(v)
pickle.loads(pickle.dumps(W)) + W | np.ma.array(v).sum() + v | np.iscomplexobj(W) + W | np.shape(W)[0] * W | len(W) * W | np.size(W) * W
"""  # noqa: E501

WRITES = r"""
R = W.copy(); R[0] = v; R[:, 1] *= 2; R += W
R = W.copy(); R[R < 0] = 0
R = W.copy(); R[R < 0] *= 0.1
R = W.copy(); R[[0, 2]] = v; R[np.arange(3), [1, 2, 3]] -= 1
R = np.zeros((3, 4)); np.add.at(R, ([0, 0, 2],), W)
R = np.zeros(3); np.add.at(R, [0, 0, 2], v[:3])
R = np.zeros(3); np.subtract.at(R, [1, 1, 2], v[:3])
R = np.empty((3, 4)); np.multiply(W, 2, out=R)
R = np.empty((3, 4)); np.exp(W, R)
R = np.empty((3, 3)); np.dot(W, W.T, out=R)
R = np.empty((3, 3)); np.dot(W, W.T, R)
R = np.empty(4); np.sum(W, axis=0, out=R)
R = np.empty((3, 4)); np.clip(W, 0, 1, out=R)
R = W.copy(); np.clip(R, -0.5, 0.5, R)
R = W * 1; np.maximum(R, 0, R)
R = W * 1; R.clip(-0.3, 0.3, out=R)
R = np.zeros((3, 4)); np.add(W, 1, out=R, where=W > 0)
R = np.zeros((3, 4)); np.copyto(R, W)
R = np.zeros((3, 4)); np.copyto(R, W, where=W > 0)
R = W.copy(); np.putmask(R, R > 0, 0.5)
R = W.copy(); np.put(R, [0, 5], v[:2])
R = W.copy(); R.put([0, 5], v[:2])
R = W.copy(); np.place(R, R > 0, [0.5, 1.5])
R = W[:, :3].copy(); np.fill_diagonal(R, v[0])
R = W.copy(); R.fill(s)
R = W.copy(); R.flat = v
R = W.copy(); R.flat[2] = s; R.flat[::5] = 0
R = v.copy(); R.sort()
R = v.copy(); np.random.shuffle(R)
R = W.copy(); np.random.shuffle(R)
R = W.copy(); np.random.default_rng(1).shuffle(R)
R = W.copy(); np.random.RandomState(1).shuffle(R)
R = np.arange(9.0) * s; np.random.default_rng(1).shuffle(R)
R = np.stack([W, W * 2]); np.random.shuffle(R); np.random.shuffle(R[0])
R = W.copy(); R.shape = (4, 3); R = R * 2
R = W.copy(); R.shape = 12; R[3] = s
R = W.copy(); R.resize((4, 3)); R = R * 2
R = np.asmatrix(W.copy()); R[0] = v; R[:, 1] = np.asmatrix(W[:, 0]).T; R *= np.asmatrix(np.eye(4))
R = np.asmatrix(W.copy()); R[0, 1] = s; R -= 0.5
R = np.zeros((3, 4), dtype=np.float32); R[:] = W
R = np.array([0.0] * 4); R[1] = s
R = [0.0] * 4; R[1] = s; R = np.array(R)
R = np.zeros((2, 4)); R[0], R[1] = v, v * 2
R = W.copy(); a, b = R[0], R[1]; a += b; b[:] = a * 2
R = W.T.copy().T; R[1:, ::2] /= 3
R = np.empty((3, 4)); R[...] = W; R[1] = 0; R[1, 2] = s
R = W.copy(); R.real[0] = v
R = W.copy(); view = R.reshape(-1); view[3] = s
R = W.copy(); view = R.ravel(); view *= 2
R = np.zeros(3); R[0] = float(s); R[1] = math.exp(s); R[2] = np.sum(W)
R = np.concatenate([np.zeros((1, 4)), W]); R[0] -= v
x = 0\nfor e in v: x += e * e\nR = x
x = []\nfor row in W:\n    for e in row: x.append(max(0, e))\nR = np.array(x)
x = 0.0\nfor i in range(len(v)):\n    x = x + v[i] * float(W[0][i])\nR = x
from scipy.special import expit; R = expit(W)
from scipy.special import softmax; R = softmax(W, axis=1)
from scipy.special import logsumexp; R = logsumexp(W, axis=1)
import scipy.special as sp; R = sp.xlogy(P, P) + sp.erf(W) + sp.log_softmax(W) + sp.gammaln(P) + sp.log_expit(W)
import scipy.special; R = scipy.special.expit(s)
import numpy.linalg as la; R = la.inv(W[:, :3])
from numpy.linalg import norm; R = norm(W, axis=0)
from numpy import *; R = dot(W, v) + exp(-s)
"""


def statements() -> list[str]:
    expressions = [e.strip() for line in SNIPPETS.strip().splitlines() for e in line.split(" | ")]
    writes = [line.replace("\\n", "\n") for line in WRITES.strip().splitlines()]
    return [f"R = {e}" for e in expressions] + writes


def plainly(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    np.random.seed(0)
    random.seed(0)
    with np.errstate(all="ignore"):
        exec(compile(code, "plain", "exec"), names)
    return names


def same(a: Any, b: Any) -> None:
    if isinstance(a, (list, tuple)):
        assert type(a) is type(b)
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
        return
    raw = plain(b)
    assert np.asarray(a).dtype == np.asarray(raw).dtype
    assert np.shape(a) == np.shape(raw)
    if np.asarray(a).dtype == object:
        same(list(a), list(raw))
    elif np.asarray(a).dtype == np.longdouble:
        assert np.array_equal(a, raw)
    else:
        assert np.asarray(a).tobytes() == np.asarray(raw).tobytes()
    if not isinstance(a, np.bool_):
        assert type(a) is type(raw)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("statement", statements())
def test_a_call_is_recorded_to_the_last_bit_and_can_be_played_again(statement: str, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(BEFORE + statement + "\n")
    expected = plainly(BEFORE + statement)["R"]
    run = Program(file).execute()
    assert run.failure is None
    found = run.names["R"]
    same(expected, found)
    if not is_traced(found):
        return
    tape = run.tape
    wanted = At(len(tape.events), found._cell.index)
    replayed = Replay(tape, [wanted]).run({})[wanted]
    loose = 1e-6 if np.asarray(plain(found)).dtype == np.float32 else 1e-12
    np.testing.assert_allclose(replayed, np.asarray(plain(found), float), rtol=loose, atol=loose)
    starts = [e.index for e in tape.events[:6] if e.function is None and np.size(e.value) in (12, 4, 16)][:4]
    if run.names["R"] is None or not np.issubdtype(np.asarray(replayed).dtype, np.floating):
        return
    weights = np.cos(np.arange(replayed.size)).reshape(replayed.shape)
    written = {c.index for c in tape.cells}
    own = {i: np.array(tape.events[i].value) for i in starts}

    def loss(values: Any) -> Any:
        import glassgrad as gg

        value = values[wanted]
        return np.sum(value * weights) if isinstance(value, gg.Tensor) else float(np.sum(value * weights))

    _, gradients = differentiated(tape, loss, [wanted], own, starts, [], written, {})
    assert gradients
    rng = np.random.default_rng(5)
    direction = {i: rng.standard_normal(value.shape) for i, value in own.items()}
    h = 1e-6
    up, down = (
        loss(Replay(tape, [wanted]).run({i: own[i] + sign * h * direction[i] for i in own}))
        for sign in (1, -1)
    )
    exact = sum(float(np.sum(g * direction[i])) for i, g in gradients.items())
    assert (up - down) / (2 * h) == pytest.approx(exact, rel=2e-5, abs=2e-6)


def test_the_program_sees_pythons_numbers(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text("import random, math\nx = random.random()\ny = math.exp(x) * 2\nz = x > 0.5\n")
    names = Program(file).execute().names
    rng = random.Random(0)
    x = rng.random()
    assert plain(names["x"]) == x
    assert type(plain(names["x"])) is float
    assert plain(names["y"]) == math.exp(x) * 2
    assert names["z"] is (x > 0.5)
