"""Gradient descent with momentum: a ball that keeps rolling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from glassgrad.optim.optimizer import OPTIMIZERS, Array, Optimizer, Parts, State, number
from glassgrad.options import require
from glassgrad.tensors import Tensor

__all__ = ["Momentum"]


@OPTIMIZERS.add("momentum")
@dataclass(frozen=True, kw_only=True)
class Momentum(Optimizer):
    """Gradient descent along a decaying sum of the gradients (Polyak, 1964).

    b ← μ b + g, p ← p − η b: as `torch.optim.SGD` with ``momentum`` (no dampening).

    Parameters
    ----------
    lr
        η; 1e-3 by default.
    momentum
        μ, 0 ≤ μ < 1; 0.9 by default (PyTorch's 0 would be plain SGD).
    weight_decay
        λ; g + λp takes the place of g.
    """

    pieces: ClassVar[tuple[str, ...]] = ("momentum_buffer",)

    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        require(type(self).__name__, "momentum", self.momentum, least=0, below=1)

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, hyper: Mapping[str, Any], step: Any
    ) -> tuple[Tensor, State]:
        """Return the parameter and its state after one step."""
        g = self.decayed(parameter, gradient, hyper)
        buffer = number(hyper["momentum"], parameter) * state["momentum_buffer"] + g
        return parameter - number(hyper["lr"], parameter) * buffer, {"momentum_buffer": buffer}

    def parts(
        self,
        parameter: Array,
        gradient: Array,
        state: Mapping[str, Array],
        hyper: Mapping[str, float],
        step: int,
    ) -> Parts:
        """Return −η μ b, −η g and −η λ p."""
        rate, mu = hyper["lr"], hyper["momentum"]
        carried = {"momentum": (-rate * mu, state["momentum_buffer"].astype(np.float64))}
        return Parts(carried | self.pull(-rate, parameter, gradient), {"rate": rate, "momentum": mu})
