"""glassgrad: the step that `fit` runs, driven with the order of rows that every contestant is given."""

from __future__ import annotations

import numpy as np
from workloads import ADAM, Workload

import glassgrad as gg
from glassgrad.engines import engine
from glassgrad.training.step import Predictor, build_step

__all__ = ["CONTESTANTS", "Glassgrad"]


class Glassgrad:
    """The training loop of the default engine."""

    name = "glassgrad"
    checked = True

    def prepare(self, workload: Workload) -> None:
        """Build the network with the given weights, trace the step and make it ready."""
        self.workload = workload
        layers: list[gg.nn.Module] = []
        for k, (n, m) in enumerate(zip(workload.sizes, workload.sizes[1:], strict=False)):
            layers.append(gg.nn.Linear(n, m, bias=workload.bias, dtype=workload.dtype))
            last = k == len(workload.sizes) - 2
            kind = workload.output if last else workload.hidden
            if kind != "identity":
                layers.append(gg.nn.Sigmoid() if kind == "sigmoid" else gg.nn.ReLU())
        model = gg.nn.Sequential(*layers)
        linear = [layer for layer in layers if isinstance(layer, gg.nn.Linear)]
        for layer, (w, b) in zip(linear, workload.weights(), strict=True):
            layer.weight.assign(w.T)
            if layer.bias is not None:
                layer.bias.assign(b)
        loss = gg.nn.losses.loss({"half_sse": "half_sum_squares"}.get(workload.loss, workload.loss))
        settings = ADAM if workload.optimizer == "adam" else {}
        optimizer = gg.optim.optimizer(workload.optimizer, lr=workload.learning_rate, **settings)
        self.x, self.y = workload.data()
        step = build_step(model, loss, optimizer, self.x, self.y)
        self.loop = engine().loop(step.step)
        self.state, self.fixed = [a.copy() for a in step.state], step.fixed
        self.rows = [self.x, self.y, np.arange(len(self.x))]
        self.order = list(workload.order()) if workload.shuffled else [np.arange(workload.rows)]
        self.predictor = Predictor(model, self.x, engine())
        self.criterion = loss
        self.taken = 0
        self.stop = np.zeros(1, np.uint8)

    def run(self, steps: int) -> None:
        """Train."""
        at = range(self.taken, self.taken + steps)
        batches = [self.order[i % len(self.order)] for i in at]
        numbers = np.arange(self.taken + 1, self.taken + steps + 1)
        rates = np.full(steps, self.workload.learning_rate)
        self.loop.run(self.state, self.rows, batches, [rates, numbers], self.fixed, self.stop)
        self.taken += steps

    def loss(self) -> float:
        """Evaluate the held-out rows."""
        x, y = self.workload.held_out()
        return float(self.criterion(self.predictor(self.state, x), y).item())


CONTESTANTS = [Glassgrad]
