"""glassgrad: the step that `fit` runs, driven with the order of rows that every contestant is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.bench.peers import OURS
from glassgrad.bench.workloads import ADAM, Workload
from glassgrad.engines import Loop, engine
from glassgrad.nn import Linear, Module, ReLU, Sequential, Sigmoid
from glassgrad.nn.losses import Loss
from glassgrad.nn.losses import loss as find_loss
from glassgrad.optim import Optimizer
from glassgrad.optim import optimizer as find_optimizer
from glassgrad.training.step import Predictor, TrainingStep, build_step

__all__ = ["CONTESTANTS", "Glassgrad", "chosen", "network"]


class Glassgrad:
    """The training loop of the default engine."""

    name = OURS
    checked = True

    def prepare(self, workload: Workload) -> None:
        """Build the network with the given weights, and make its step ready."""
        self.build(workload)
        self.loop = self.compile()
        self.predictor = Predictor(self.model, self.rows[0], engine())

    def build(self, workload: Workload) -> TrainingStep:
        """Load the data and trace the step."""
        self.workload = workload
        self.model = network(workload)
        self.criterion, optimizer = chosen(workload)
        x, y = workload.data()
        self.step = build_step(self.model, self.criterion, optimizer, x, y)
        self.state = [array.copy() for array in self.step.state]
        self.rows = [x, y, np.arange(len(x))]
        self.order = workload.order() if workload.shuffled else np.arange(workload.rows)[None]
        self.stop = np.zeros(1, np.uint8)
        self.taken = 0
        return self.step

    def compile(self) -> Loop:
        """Hand the step to the engine."""
        return engine().loop(self.step.step)

    def run(self, steps: int) -> None:
        """Train."""
        at = np.arange(self.taken, self.taken + steps)
        rates = np.full(steps, self.workload.learning_rate)
        self.loop.run(self.state, self.rows, self._batches(at), [rates, at + 1], self.step.fixed, self.stop)
        self.taken += steps

    def loss(self) -> float:
        """Evaluate the held-out rows."""
        x, y = self.workload.held_out()
        return float(self.criterion(self.predictor(self.state, x), y).item())

    def _batches(self, at: NDArray[Any]) -> NDArray[np.int64]:
        """Return the row numbers of each step, (steps, rows); where every step has all rows, they exist once."""
        if len(self.order) == 1:
            return np.broadcast_to(self.order, (len(at), self.order.shape[1]))
        return np.take(self.order, at % len(self.order), axis=0)


def chosen(workload: Workload) -> tuple[Loss, Optimizer]:
    """Return a workload's loss and optimizer."""
    settings = ADAM if workload.optimizer == "adam" else {}
    optimizer = find_optimizer(workload.optimizer, lr=workload.learning_rate, **settings)
    return find_loss({"half_sse": "half_sum_squares"}.get(workload.loss, workload.loss)), optimizer


def network(workload: Workload) -> Module:
    """Return a workload's network, with its weights."""
    layers: list[Module] = []
    for k, (weight, bias) in enumerate(workload.weights()):
        inputs, units = weight.shape
        linear = Linear(inputs, units, bias=workload.bias, dtype=workload.dtype)
        linear.weight.assign(weight.T)
        if linear.bias is not None:
            linear.bias.assign(bias)
        layers.append(linear)
        kind = workload.output if k == len(workload.sizes) - 2 else workload.hidden
        if kind != "identity":
            layers.append(Sigmoid() if kind == "sigmoid" else ReLU())
    return Sequential(*layers)


CONTESTANTS = [Glassgrad]
