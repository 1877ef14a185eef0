"""Hand-written NumPy: every array preallocated, every operation in place, one flat vector of parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glassgrad.bench.workloads import ADAM, Workload

__all__ = ["CONTESTANTS", "NumPyPeer"]

Array = NDArray[np.floating]
CHUNK = 16_384  # parameters updated at a time, so that Adam's five vectors stay in the second-level cache


class NumPyPeer:
    """Backpropagation by hand."""

    name = "numpy"
    checked = True

    def prepare(self, workload: Workload) -> None:
        """Allocate everything a step needs."""
        self.workload = workload
        self.x, self.y = workload.data()
        self.order = list(workload.order())
        self.step = 0
        dtype, batch = np.dtype(workload.dtype), workload.batch
        layers = workload.weights()
        size = sum(w.size + b.size * workload.bias for w, b in layers)
        self.flat, self.flat_gradient = np.empty(size, dtype), np.empty(size, dtype)
        self.w, self.b = self._views(self.flat)
        self.dw, self.db = self._views(self.flat_gradient)
        for k, (w, b) in enumerate(layers):
            self.w[k][:] = w
            if self.b:
                self.b[k][:] = b
        self.a = [np.empty((batch, n), dtype) for n in workload.sizes]
        self.da = [np.empty((batch, n), dtype) for n in workload.sizes]
        self.mask = [np.empty((batch, n), bool) for n in workload.sizes]
        self.yb = np.empty((batch, *self.y.shape[1:]), self.y.dtype)
        self.row = np.empty((batch, 1), dtype)
        self.ones, self.range = np.ones(batch, dtype), np.arange(batch)
        if not workload.shuffled:
            self.a[0][:], self.yb[:] = self.x, self.y
        if workload.optimizer == "adam":
            self.first, self.second = np.zeros(size, dtype), np.zeros(size, dtype)
            self.scratch = np.empty(min(CHUNK, size), dtype)
            vectors = (self.flat, self.flat_gradient, self.first, self.second)
            self.chunks = [
                (*(v[i : i + CHUNK] for v in vectors), self.scratch[: min(CHUNK, size - i)])
                for i in range(0, size, CHUNK)
            ]

    def run(self, steps: int) -> None:
        """Train."""
        workload = self.workload
        for _ in range(steps):
            if workload.shuffled:
                rows = self.order[self.step % len(self.order)]
                np.take(self.x, rows, axis=0, out=self.a[0], mode="clip")
                np.take(self.y, rows, axis=0, out=self.yb, mode="clip")
            self.step += 1
            self._forward(self.a)
            self._output_gradient()
            self._backward()
            if workload.optimizer == "adam":
                self._adam()
            else:
                self.flat_gradient *= workload.learning_rate
                self.flat -= self.flat_gradient

    def loss(self) -> float:
        """Evaluate the held-out rows."""
        x, y = self.workload.held_out()
        a = [x, *(np.empty((len(x), n), x.dtype) for n in self.workload.sizes[1:])]
        self._forward(a)
        if self.workload.loss == "cross_entropy":
            z = a[-1] - a[-1].max(axis=1, keepdims=True)
            return float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean())
        squares = (a[-1] - y) ** 2
        return float(squares.sum() / 2 if self.workload.loss == "half_sse" else squares.mean())

    def _views(self, flat: Array) -> tuple[list[Array], list[Array]]:
        weights, biases, at = [], [], 0
        for n, m in zip(self.workload.sizes, self.workload.sizes[1:], strict=False):
            weights.append(flat[at : at + n * m].reshape(n, m))
            at += n * m
            if self.workload.bias:
                biases.append(flat[at : at + m])
                at += m
        return weights, biases

    def _forward(self, a: list[Array]) -> None:
        last = len(self.w) - 1
        for k, w in enumerate(self.w):
            z = a[k + 1]
            np.matmul(a[k], w, out=z)
            if self.b:
                z += self.b[k]
            kind = self.workload.output if k == last else self.workload.hidden
            if kind == "relu":
                np.maximum(z, 0, out=z)
            elif kind == "sigmoid":
                np.negative(z, out=z)
                np.exp(z, out=z)
                z += 1
                np.reciprocal(z, out=z)

    def _output_gradient(self) -> None:
        """Write the gradient of the loss by the last layer's weighted sums."""
        a, d = self.a[-1], self.da[-1]
        if self.workload.loss == "cross_entropy":
            np.max(a, axis=1, keepdims=True, out=self.row)
            np.subtract(a, self.row, out=d)
            np.exp(d, out=d)
            np.sum(d, axis=1, keepdims=True, out=self.row)
            self.row *= self.workload.batch
            d /= self.row
            d[self.range, self.yb] -= 1 / self.workload.batch
            return
        np.subtract(a, self.yb, out=d)
        if self.workload.loss == "mse":
            d *= 2 / d.size
        if self.workload.output == "sigmoid":
            self._sigmoid_gradient(a, d)

    def _sigmoid_gradient(self, a: Array, d: Array) -> None:
        d *= a
        np.subtract(1, a, out=a)
        d *= a

    def _backward(self) -> None:
        for k in reversed(range(len(self.w))):
            d, a = self.da[k + 1], self.a[k]
            np.matmul(a.T, d, out=self.dw[k])
            if self.b:
                np.dot(self.ones, d, out=self.db[k])
            if k:
                below = self.da[k]
                np.matmul(d, self.w[k].T, out=below)
                if self.workload.hidden == "relu":
                    np.greater(a, 0, out=self.mask[k])
                    below *= self.mask[k]
                else:
                    self._sigmoid_gradient(a, below)

    def _adam(self) -> None:
        """Update with the moments scaled by 1 / (1 − β), which saves two passes over the parameters."""
        beta1, beta2, eps = ADAM["beta1"], ADAM["beta2"], ADAM["eps"]
        root = ((1 - beta2) / (1 - beta2**self.step)) ** 0.5
        rate = self.workload.learning_rate * (1 - beta1) / (1 - beta1**self.step) / root
        for p, g, m, v, t in self.chunks:
            m *= beta1
            m += g
            g *= g
            v *= beta2
            v += g
            np.sqrt(v, out=t)
            t += eps / root
            np.divide(m, t, out=t)
            t *= rate
            p -= t


CONTESTANTS = [NumPyPeer]
