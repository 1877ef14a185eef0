"""Gradient descent, with nothing added: on mini-batches, stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glassgrad.optim.optimizer import OPTIMIZERS, Array, Optimizer, Parts, State, number
from glassgrad.tensors import Tensor

__all__ = ["SGD"]


@OPTIMIZERS.add("sgd")
@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """Go against the gradient: p ← p − η g.

    Parameters
    ----------
    lr
        η; 1e-3 by default, as `torch.optim.SGD`.
    weight_decay
        λ; g + λp takes the place of g.

    Examples
    --------
    >>> SGD(lr=0.5).config()
    {'name': 'sgd', 'lr': 0.5, 'weight_decay': 0.0}
    """

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, hyper: Mapping[str, Any], step: Any
    ) -> tuple[Tensor, State]:
        """Return the parameter and its (empty) state after one step."""
        g = self.decayed(parameter, gradient, hyper)
        return parameter - number(hyper["lr"], parameter) * g, {}

    def parts(
        self,
        parameter: Array,
        gradient: Array,
        state: Mapping[str, Array],
        hyper: Mapping[str, float],
        step: int,
    ) -> Parts:
        """Return −η g and −η λ p."""
        rate = hyper["lr"]
        return Parts(self.pull(-rate, parameter, gradient), {"rate": rate})
