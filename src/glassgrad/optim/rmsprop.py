"""RMSprop: a rate of its own for each number, from the recent size of its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from glassgrad import xp
from glassgrad.optim.optimizer import OPTIMIZERS, Array, Optimizer, Parts, State, number
from glassgrad.options import require
from glassgrad.tensors import Tensor

__all__ = ["RMSprop"]


@OPTIMIZERS.add("rmsprop")
@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning", 2012).

    v ← α v + (1 − α) g², p ← p − η g / (√v + ε): as `torch.optim.RMSprop` (neither centred nor with
    momentum), with its defaults.

    Parameters
    ----------
    lr
        η; 0.01 by default.
    alpha
        α, 0 ≤ α < 1; 0.99 by default.
    eps
        ε; 1e-8 by default.
    weight_decay
        λ; g + λp takes the place of g.
    """

    pieces: ClassVar[tuple[str, ...]] = ("square_avg",)

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        require(type(self).__name__, "alpha", self.alpha, least=0, below=1)
        require(type(self).__name__, "eps", self.eps, above=0)

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, hyper: Mapping[str, Any], step: Any
    ) -> tuple[Tensor, State]:
        """Return the parameter and its state after one step."""
        g = self.decayed(parameter, gradient, hyper)
        alpha = hyper["alpha"]
        average = number(alpha, g) * state["square_avg"] + number(1.0 - alpha, g) * xp.square(g)
        move = g / (xp.sqrt(average) + number(hyper["eps"], parameter))
        return parameter - number(hyper["lr"], parameter) * move, {"square_avg": average}

    def parts(
        self,
        parameter: Array,
        gradient: Array,
        state: Mapping[str, Array],
        hyper: Mapping[str, float],
        step: int,
    ) -> Parts:
        """Return −r g and −r λ p with the effective rate r = η / (√v + ε)."""
        alpha = hyper["alpha"]
        average = alpha * state["square_avg"].astype(np.float64)
        average = average + (1.0 - alpha) * self.squared(parameter, gradient)
        effective = hyper["lr"] / (np.sqrt(average) + hyper["eps"])
        rates = {"rate": hyper["lr"], "second_moment": average, "effective_rate": effective}
        return Parts(self.pull(-effective, parameter, gradient), rates)
