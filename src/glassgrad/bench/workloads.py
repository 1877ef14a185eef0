"""Six training runs, from four rows to 1.9 million parameters, stated once for every contestant.

Each names a network, a loss, an optimizer and a batch, and makes its data, its initial weights and the order
of its mini-batches from a seed, so that contestants start from the same numbers, see the same rows, and must
arrive at the same loss. The data are synthetic with the sizes of well-known sets (MNIST, California housing):
a step costs the same whatever the pixels are, and nothing has to be downloaded.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from glassgrad.errors import OptionError, did_you_mean

__all__ = ["ADAM", "WORKLOADS", "Arrays", "Workload", "find"]

Arrays = tuple[NDArray[Any], NDArray[Any]]

ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


@dataclass(frozen=True)
class Workload:
    """One training run.

    Attributes
    ----------
    name
        What it is called: ``"W1"``.
    sizes
        Units of each layer, the inputs first.
    hidden, output
        Activations of the hidden layers and of the last one.
    loss
        ``half_sse`` is ½ Σ (prediction − target)² over the batch, ``mse`` the mean over all elements of the
        batch, ``cross_entropy`` the mean over the rows, of a softmax of the last layer against integer labels.
    optimizer, learning_rate
        Gradient descent, or Adam with the settings of `ADAM`.
    batch, rows
        Rows of a mini-batch, and rows there are; where they are equal, every step takes all rows in their order.
    check_steps
        Steps after which the contestants' losses are compared.
    bias, dtype
        Whether the layers have a bias, and what everything is computed in.
    max_threads
        The most threads with which it is timed.
    order_steps
        Steps after which the order of the rows begins again.
    seed
        Of the data, the weights and the order.

    Examples
    --------
    >>> find("W3").describe()
    'W3: 784-128-10 relu, cross_entropy, adam, batch 32 of 60000, float32'
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

    @property
    def flops(self) -> int:
        """Floating-point operations of the matrix products of one step, a multiply–add counted as two.

        A layer of n inputs and m units takes 2·B·n·m of them for a batch of B rows in the forward pass, as many for
        the gradient of its weights, and as many for the gradient of its inputs, which the first layer does not need:

            2·B·(3·Σ nₖ·mₖ − n₁·m₁)

        Activations, the loss and the update are not counted.

        Examples
        --------
        >>> find("W1").flops == 2 * 4 * (3 * (3 * 4 + 4 * 1) - 3 * 4)
        True
        """
        products = [n * m for n, m in zip(self.sizes, self.sizes[1:], strict=False)]
        return 2 * self.batch * (3 * sum(products) - products[0])

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Workload:
        """Return the workload whose fields were written as JSON (`dataclasses.asdict`)."""
        return cls(**{**fields, "sizes": tuple(fields["sizes"])})

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
        """Return the rows on which the loss is compared."""
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
    workload.name: workload
    for workload in (
        Workload(
            "W1",
            (3, 4, 1),
            hidden="sigmoid",
            output="sigmoid",
            loss="half_sse",
            optimizer="sgd",
            learning_rate=1.0,
            batch=4,
            rows=4,
            check_steps=200,
            bias=False,
            dtype="float64",
        ),
        Workload(
            "W2",
            (784, 30, 10),
            hidden="sigmoid",
            output="sigmoid",
            loss="mse",
            optimizer="sgd",
            learning_rate=1.0,
            batch=10,
            rows=60_000,
            check_steps=50,
        ),
        Workload(
            "W3",
            (784, 128, 10),
            hidden="relu",
            output="identity",
            loss="cross_entropy",
            optimizer="adam",
            learning_rate=1e-3,
            batch=32,
            rows=60_000,
            check_steps=20,
        ),
        Workload(
            "W4",
            (8, 64, 64, 1),
            hidden="relu",
            output="identity",
            loss="mse",
            optimizer="adam",
            learning_rate=1e-3,
            batch=256,
            rows=16_512,
            check_steps=20,
        ),
        Workload(
            "W5",
            (784, 1024, 1024, 10),
            hidden="relu",
            output="identity",
            loss="cross_entropy",
            optimizer="adam",
            learning_rate=1e-3,
            batch=512,
            rows=60_000,
            check_steps=3,
        ),
        Workload(
            "W6",
            (10, 32, 32, 1),
            hidden="relu",
            output="identity",
            loss="mse",
            optimizer="sgd",
            learning_rate=0.01,
            batch=32,
            rows=10_000,
            check_steps=50,
            max_threads=1,
        ),
    )
}


def find(name: str) -> Workload:
    """Return the workload called `name`.

    Raises
    ------
    OptionError
        Where there is none, with the nearest name.

    Examples
    --------
    >>> find("w3")
    Traceback (most recent call last):
    glassgrad.errors.OptionError: there is no workload 'w3'. Did you mean 'W3'?
    """
    if name not in WORKLOADS:
        raise OptionError(f"there is no workload {name!r}. {did_you_mean(name, WORKLOADS)}")
    return WORKLOADS[name]
