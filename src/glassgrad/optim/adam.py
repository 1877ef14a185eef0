"""Adam: momentum, and a rate of its own for each number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from glassgrad import xp
from glassgrad.optim.optimizer import OPTIMIZERS, Array, Optimizer, Parts, State, number
from glassgrad.options import require
from glassgrad.tensors import Tensor

__all__ = ["Adam"]


@OPTIMIZERS.add("adam")
@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), with the defaults of `torch.optim.Adam`.

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², p ← p − η m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ) and
    v̂ = v / (1 − β₂ᵗ). It is computed as p − a m / (√v + b), with the two numbers
    a = η √(1 − β₂ᵗ) / (1 − β₁ᵗ) and b = ε √(1 − β₂ᵗ) worked out once a step: the same, in two passes fewer.

    Parameters
    ----------
    lr
        η; 1e-3 by default.
    beta1, beta2
        β₁ and β₂, from 0 up to but not 1; 0.9 and 0.999 by default.
    eps
        ε; 1e-8 by default.
    weight_decay
        λ; g + λp takes the place of g. `AdamW` decays the weights themselves.
    """

    pieces: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq")

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("beta1", "beta2"):
            require(type(self).__name__, name, getattr(self, name), least=0, below=1)
        require(type(self).__name__, "eps", self.eps, above=0)

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, hyper: Mapping[str, Any], step: Any
    ) -> tuple[Tensor, State]:
        """Return the parameter and its state after one step."""
        return self.moved(parameter, self.decayed(parameter, gradient, hyper), state, hyper, step)

    def moved(
        self, p: Tensor, g: Tensor, state: State, hyper: Mapping[str, Any], step: Any
    ) -> tuple[Tensor, State]:
        """Return the parameter moved against `g`, weight decay apart, and its state."""
        beta1, beta2 = hyper["beta1"], hyper["beta2"]
        t = number(step, beta1)
        root = xp.sqrt(1.0 - beta2**t)
        size = number(hyper["lr"], root) * root / (1.0 - beta1**t)
        m = number(beta1, g) * state["exp_avg"] + number(1.0 - beta1, g) * g
        v = number(beta2, g) * state["exp_avg_sq"] + number(1.0 - beta2, g) * xp.square(g)
        move = m / (xp.sqrt(v) + number(hyper["eps"] * root, g))
        return p - number(size, p) * move, {"exp_avg": m, "exp_avg_sq": v}

    def parts(
        self,
        parameter: Array,
        gradient: Array,
        state: Mapping[str, Array],
        hyper: Mapping[str, float],
        step: int,
    ) -> Parts:
        """Return −r β₁ m, −r (1 − β₁) g and −r (1 − β₁) λ p, r being η / (1 − β₁ᵗ) / (√v̂ + ε)."""
        effective, rates = self.rates(self.squared(parameter, gradient), state, hyper, step)
        pulled = self.pull(-effective * (1.0 - hyper["beta1"]), parameter, gradient)
        carried = (-effective * hyper["beta1"], state["exp_avg"].astype(np.float64))
        return Parts({"momentum": carried} | pulled, rates)

    def rates(
        self, squared: Array, state: Mapping[str, Array], hyper: Mapping[str, float], step: int
    ) -> tuple[Array, dict[str, Any]]:
        """Return the effective rate for a squared gradient, and what it is made of."""
        beta1, beta2 = hyper["beta1"], hyper["beta2"]
        first, second = (
            1.0 - float(np.power(beta, float(step))) for beta in (beta1, beta2)
        )  # as `update` does
        v = beta2 * state["exp_avg_sq"].astype(np.float64) + (1.0 - beta2) * squared
        effective = hyper["lr"] / first / (np.sqrt(v / second) + hyper["eps"])
        return effective, {
            "rate": hyper["lr"],
            "first_correction": first,
            "second_moment": v,
            "second_correction": second,
            "effective_rate": effective,
        }
