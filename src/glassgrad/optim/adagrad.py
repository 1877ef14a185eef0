"""AdaGrad: a rate of its own for each number, which falls with all the gradients it has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from glassgrad import xp
from glassgrad.optim.optimizer import OPTIMIZERS, Array, Optimizer, Parts, State, number
from glassgrad.options import require
from glassgrad.tensors import Tensor

__all__ = ["AdaGrad"]


@OPTIMIZERS.add("adagrad")
@dataclass(frozen=True, kw_only=True)
class AdaGrad(Optimizer):
    """AdaGrad (Duchi, Hazan and Singer, 2011).

    s ← s + g², p ← p − η g / (√s + ε): as `torch.optim.Adagrad` (no ``lr_decay``), with its defaults.

    Parameters
    ----------
    lr
        η; 0.01 by default.
    eps
        ε; 1e-10 by default.
    weight_decay
        λ; g + λp takes the place of g.
    """

    pieces: ClassVar[tuple[str, ...]] = ("sum",)

    lr: float = 1e-2
    eps: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        require(type(self).__name__, "eps", self.eps, above=0)

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, hyper: Mapping[str, Any], step: Any
    ) -> tuple[Tensor, State]:
        """Return the parameter and its state after one step."""
        g = self.decayed(parameter, gradient, hyper)
        total = state["sum"] + xp.square(g)
        move = g / (xp.sqrt(total) + number(hyper["eps"], parameter))
        return parameter - number(hyper["lr"], parameter) * move, {"sum": total}

    def parts(
        self,
        parameter: Array,
        gradient: Array,
        state: Mapping[str, Array],
        hyper: Mapping[str, float],
        step: int,
    ) -> Parts:
        """Return −r g and −r λ p with the effective rate r = η / (√s + ε)."""
        total = state["sum"] + self.squared(parameter, gradient)
        effective = hyper["lr"] / (np.sqrt(total) + hyper["eps"])
        rates = {"rate": hyper["lr"], "second_moment": total, "effective_rate": effective}
        return Parts(self.pull(-effective, parameter, gradient), rates)
