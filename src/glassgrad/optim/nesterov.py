"""Nesterov's momentum: look where the ball will be, and take the slope there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.optim.momentum import Momentum
from glassgrad.optim.optimizer import OPTIMIZERS, Array, Parts, State, number
from glassgrad.tensors import Tensor

__all__ = ["Nesterov"]


@OPTIMIZERS.add("nesterov")
@dataclass(frozen=True, kw_only=True)
class Nesterov(Momentum):
    """Gradient descent with Nesterov's momentum (1983), in the form of Sutskever et al. (2013).

    b ← μ b + g, p ← p − η (g + μ b): as `torch.optim.SGD` with ``nesterov=True``. The settings are those of
    `Momentum`.
    """

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, hyper: Mapping[str, Any], step: Any
    ) -> tuple[Tensor, State]:
        """Return the parameter and its state after one step."""
        mu = number(hyper["momentum"], parameter)
        g = self.decayed(parameter, gradient, hyper)
        buffer = mu * state["momentum_buffer"] + g
        return parameter - number(hyper["lr"], parameter) * (g + mu * buffer), {"momentum_buffer": buffer}

    def parts(
        self,
        parameter: Array,
        gradient: Array,
        state: Mapping[str, Array],
        hyper: Mapping[str, float],
        step: int,
    ) -> Parts:
        """Return −η μ² b, −η (1 + μ) g and −η (1 + μ) λ p."""
        rate, mu = hyper["lr"], hyper["momentum"]
        carried = {"momentum": (-rate * mu**2, state["momentum_buffer"].astype(np.float64))}
        pulled = self.pull(-rate * (1.0 + mu), parameter, gradient)
        return Parts(carried | pulled, {"rate": rate, "momentum": mu})
