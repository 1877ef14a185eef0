"""scikit-learn's multilayer perceptrons, through ``partial_fit``: a shuffled pass over the rows it gets.

They choose their own initial weights and batches, and a regressor's output is linear, so their loss is not
compared; nor does the learning rate matter, which is kept low enough for that linear output. A run of k steps
is a pass over k · batch rows; what ``partial_fit`` does once per pass is spread over those steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from glassgrad.bench.peers import NotExpressibleError
from glassgrad.bench.workloads import ADAM, Workload

__all__ = ["CONTESTANTS", "SklearnPeer"]


class SklearnPeer:
    """MLPClassifier for cross-entropy, MLPRegressor for squared error."""

    name = "scikit-learn"
    checked = False

    def prepare(self, workload: Workload) -> None:
        """Make the estimator."""
        if not workload.bias:
            raise NotExpressibleError("its layers always have a bias")
        self.workload = workload
        self.x, y = workload.data()
        self.y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        self.options: dict[str, Any] = {}
        if workload.loss == "cross_entropy":
            self.options["classes"] = np.arange(workload.sizes[-1])
        kind = MLPClassifier if workload.loss == "cross_entropy" else MLPRegressor
        self.model = kind(
            hidden_layer_sizes=workload.sizes[1:-1],
            activation="relu" if workload.hidden == "relu" else "logistic",
            solver=workload.optimizer,
            alpha=0.0,
            batch_size=workload.batch,
            learning_rate_init=min(workload.learning_rate, 0.01),
            momentum=0.0,
            beta_1=ADAM["beta1"],
            beta_2=ADAM["beta2"],
            epsilon=ADAM["eps"],
            random_state=workload.seed,
        )

    def run(self, steps: int) -> None:
        """Train."""
        longest = self.workload.rows // self.workload.batch
        while steps:
            part = min(steps, longest)
            rows = part * self.workload.batch
            self.model.partial_fit(self.x[:rows], self.y[:rows], **self.options)
            steps -= part

    def loss(self) -> float:
        """Return the loss of its last pass."""
        return float(self.model.loss_)


CONTESTANTS = [SklearnPeer]
