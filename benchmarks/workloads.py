"""Six training runs, from four rows to 1.9 million parameters, stated once for every contestant.

Each names a network, a loss, an optimizer and a batch, and makes its data, its initial weights and the order
of its mini-batches from a seed, so that contestants start from the same numbers, see the same rows, and must
arrive at the same loss. The data are synthetic with the sizes of well-known sets (MNIST, California housing):
a step costs the same whatever the pixels are, and nothing has to be downloaded.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["ADAM", "WORKLOADS", "Arrays", "Workload"]

Arrays = tuple[NDArray[Any], NDArray[Any]]

ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


@dataclass(frozen=True)
class Workload:
    """One training run.

    ``half_sse`` is ½ Σ (prediction − target)² over the batch, ``mse`` the mean over all elements of the
    batch, ``cross_entropy`` the mean over the rows, of a softmax of the last layer against integer labels.
    """

    name: str
    sizes: tuple[int, ...]
    hidden: Literal["sigmoid", "relu"]
    output: Literal["sigmoid", "identity"]
    loss: Literal["half_sse", "mse", "cross_entropy"]
    optimizer: Literal["sgd", "adam"]
    learning_rate: float
    batch: int
    rows: int
    check_steps: int
    bias: bool = True
    dtype: Literal["float32", "float64"] = "float32"
    max_threads: int = 2
    order_steps: int = 4096
    seed: int = 0

    @property
    def shuffled(self) -> bool:
        """Whether a step gathers a mini-batch (otherwise it takes all rows)."""
        return self.batch < self.rows

    def describe(self) -> str:
        """Return one line that says what is trained."""
        layers = "-".join(map(str, self.sizes))
        bias = "" if self.bias else ", no bias"
        rows = f"batch {self.batch} of {self.rows}" if self.shuffled else f"all {self.rows} rows"
        return (
            f"{self.name}: {layers} {self.hidden}{bias}, {self.loss}, {self.optimizer}, {rows}, {self.dtype}"
        )

    def data(self) -> Arrays:
        """Return inputs (rows, in) and targets: (rows, out) numbers, or int64 (rows,) for cross-entropy."""
        if self.rows == 4:
            corners = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=self.dtype)
            return corners, np.array([[0], [1], [1], [0]], dtype=self.dtype)
        x, scores = _teacher(self.rows, self.sizes[0], self.sizes[-1], self.dtype, self.seed)
        if self.loss == "cross_entropy":
            return x, scores.argmax(axis=1)
        if self.output == "sigmoid":
            return x, np.eye(self.sizes[-1], dtype=self.dtype)[scores.argmax(axis=1)]
        return x, scores

    def held_out(self) -> Arrays:
        """Return the rows on which :meth:`Contestant.loss` is measured."""
        x, y = self.data()
        return x[:1000], y[:1000]

    def weights(self) -> list[Arrays]:
        """Return a weight (in, out) and a bias (out,) for each layer, the bias zero where there is none."""
        rng = np.random.default_rng([self.seed, 1])
        gain = 2.0 if self.hidden == "relu" else 1.0
        return [
            (
                (rng.standard_normal((n, m)) * np.sqrt(gain / n)).astype(self.dtype),
                np.zeros(m, dtype=self.dtype),
            )
            for n, m in zip(self.sizes, self.sizes[1:], strict=False)
        ]

    def order(self) -> NDArray[np.int64]:
        """Return the row numbers of each step, (order_steps, batch); longer runs begin again at the top."""
        rng = np.random.default_rng([self.seed, 2])
        wanted = self.order_steps * self.batch
        epochs = [rng.permutation(self.rows) for _ in range(-(-wanted // self.rows))]
        return np.concatenate(epochs)[:wanted].reshape(self.order_steps, self.batch)


@functools.lru_cache(maxsize=1)
def _teacher(rows: int, inputs: int, outputs: int, dtype: str, seed: int) -> Arrays:
    """Return uniform inputs and what a fixed random one-layer teacher says of them."""
    rng = np.random.default_rng([seed, 0])
    x = rng.random((rows, inputs), dtype=np.dtype(dtype))
    teacher = rng.standard_normal((inputs, outputs)).astype(dtype) * np.dtype(dtype).type(inputs**-0.5)
    return x, np.tanh(2 * (x @ teacher - 0.5 * teacher.sum(axis=0)))


WORKLOADS = {
    w.name: w
    for w in (
        Workload(
            "W1",
            (3, 4, 1),
            "sigmoid",
            "sigmoid",
            "half_sse",
            "sgd",
            1.0,
            4,
            4,
            200,
            bias=False,
            dtype="float64",
        ),
        Workload("W2", (784, 30, 10), "sigmoid", "sigmoid", "mse", "sgd", 1.0, 10, 60_000, 50),
        Workload("W3", (784, 128, 10), "relu", "identity", "cross_entropy", "adam", 1e-3, 32, 60_000, 20),
        Workload("W4", (8, 64, 64, 1), "relu", "identity", "mse", "adam", 1e-3, 256, 16_512, 20),
        Workload(
            "W5", (784, 1024, 1024, 10), "relu", "identity", "cross_entropy", "adam", 1e-3, 512, 60_000, 3
        ),
        Workload(
            "W6", (10, 32, 32, 1), "relu", "identity", "mse", "sgd", 0.01, 32, 10_000, 50, max_threads=1
        ),
    )
}
