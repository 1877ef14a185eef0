"""AdamW: Adam with the weight decay taken out of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.optim.adam import Adam
from glassgrad.optim.optimizer import OPTIMIZERS, Array, Parts, State, number
from glassgrad.tensors import Tensor

__all__ = ["AdamW"]


@OPTIMIZERS.add("adamw")
@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

    With the defaults of `torch.optim.AdamW`: p ← (1 − ηλ) p, then Adam's step. The settings are those of
    `Adam`, but that ``weight_decay``, λ, is 0.01 by default and shrinks the weights themselves, at the same
    rate whatever their gradients are.
    """

    weight_decay: float = 1e-2

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, hyper: Mapping[str, Any], step: Any
    ) -> tuple[Tensor, State]:
        """Return the parameter and its state after one step."""
        if self.weight_decay:
            lr = hyper["lr"]
            keep = 1.0 - lr * number(hyper["weight_decay"], lr)
            parameter = number(keep, parameter) * parameter
        return self.moved(parameter, gradient, state, hyper, step)

    def parts(
        self,
        parameter: Array,
        gradient: Array,
        state: Mapping[str, Array],
        hyper: Mapping[str, float],
        step: int,
    ) -> Parts:
        """Return −η λ p, and what Adam does with the gradient alone."""
        effective, rates = self.rates(np.square(gradient, dtype=np.float64), state, hyper, step)
        terms: dict[str, tuple[Any, Any]] = {
            "momentum": (-effective * hyper["beta1"], state["exp_avg"].astype(np.float64)),
            "gradient": (-effective * (1.0 - hyper["beta1"]), gradient.astype(np.float64)),
        }
        if self.weight_decay:
            terms["decoupled_decay"] = (-hyper["lr"] * self.weight_decay, parameter.astype(np.float64))
        return Parts(terms, rates)
