"""PyTorch, eager: functional layers on plain parameters, the fused Adam, and plain descent by hand.

On networks this small ``torch.optim.SGD`` costs a third of the step, so its one line is written out. Numbers too small
to be normal are flushed to zero, since Adam's moments of a dead unit become such, and they are slow.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from glassgrad.bench.workloads import ADAM, Workload

__all__ = ["CONTESTANTS", "TorchPeer", "loss_of"]

torch.set_flush_denormal(True)


class TorchPeer:
    """Forward, backward, update."""

    name = "torch eager"
    checked = True

    def prepare(self, workload: Workload) -> None:
        """Make tensors that share the data's memory, and an optimizer."""
        self.workload = workload
        x, y = workload.data()
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.order = torch.from_numpy(workload.order()).unbind(0)
        self.step = 0
        self.layers = [
            (
                torch.tensor(w.T.copy(), requires_grad=True),
                torch.tensor(b, requires_grad=True) if workload.bias else None,
            )
            for w, b in workload.weights()
        ]
        self.parameters = [p for layer in self.layers for p in layer if p is not None]
        betas = (ADAM["beta1"], ADAM["beta2"])
        self.adam = torch.optim.Adam(self.parameters, workload.learning_rate, betas, ADAM["eps"], fused=True)

    def run(self, steps: int) -> None:
        """Train."""
        x, y = self.x, self.y
        update = self._adam if self.workload.optimizer == "adam" else self._descend
        for _ in range(steps):
            if self.workload.shuffled:
                rows = self.order[self.step % len(self.order)]
                x, y = self.x.index_select(0, rows), self.y.index_select(0, rows)
            self.step += 1
            update(loss_of(self.workload, self.layers, x, y))

    def loss(self) -> float:
        """Evaluate the held-out rows."""
        x, y = self.workload.held_out()
        with torch.no_grad():
            return float(loss_of(self.workload, self.layers, torch.from_numpy(x), torch.from_numpy(y)))

    def _adam(self, loss: torch.Tensor) -> None:
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.adam.step()

    def _descend(self, loss: torch.Tensor) -> None:
        gradients = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=self.workload.learning_rate)


def loss_of(
    workload: Workload,
    layers: Sequence[tuple[torch.Tensor, torch.Tensor | None]],
    a: torch.Tensor,
    y: torch.Tensor,
) -> torch.Tensor:
    """Return the workload's loss on the rows `a`; `layers` has weights (out, in) and biases."""
    last = len(layers) - 1
    for k, (w, b) in enumerate(layers):
        a = F.linear(a, w, b)
        kind = workload.output if k == last else workload.hidden
        if kind == "relu":
            a = torch.relu(a)
        elif kind == "sigmoid":
            a = torch.sigmoid(a)
    if workload.loss == "cross_entropy":
        return F.cross_entropy(a, y)
    if workload.loss == "mse":
        return F.mse_loss(a, y)
    return F.mse_loss(a, y, reduction="sum") / 2


CONTESTANTS = [TorchPeer]
