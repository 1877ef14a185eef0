"""Activation functions as layers.

Each carries out the operation of the same name (`glassgrad.ops.activations`), which says what it is, what
its slope is, and why.
"""

from __future__ import annotations

from typing import Any

from glassgrad import xp
from glassgrad.errors import OptionError, did_you_mean
from glassgrad.nn.module import LAYERS, Module
from glassgrad.options import require
from glassgrad.tensors import Tensor, asarray

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "Identity",
    "LeakyReLU",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Step",
    "Tanh",
    "activation",
]


@LAYERS.add()
class Identity(Module):
    """The input as it is."""

    def forward(self, x: Any) -> Tensor:
        """Return the input."""
        return asarray(x)


@LAYERS.add()
class Step(Module):
    """1 where x ≥ 0, else 0: no gradient flows through it."""

    def forward(self, x: Any) -> Tensor:
        """Return zeros and ones."""
        return asarray(xp.step(asarray(x)))


@LAYERS.add()
class Sigmoid(Module):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, x: Any) -> Tensor:
        """Return numbers between 0 and 1."""
        return asarray(xp.sigmoid(asarray(x)))


@LAYERS.add()
class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Any) -> Tensor:
        """Return numbers between −1 and 1."""
        return asarray(xp.tanh(asarray(x)))


@LAYERS.add()
class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Any) -> Tensor:
        """Return the input with negative numbers made 0."""
        return asarray(xp.relu(asarray(x)))


@LAYERS.add()
class LeakyReLU(Module):
    """The input where it is above 0, else slope · x.

    Parameters
    ----------
    slope
        0 ≤ slope ≤ 1; 0.01 by default.
    """

    def __init__(self, slope: float = 0.01) -> None:
        require("LeakyReLU", "slope", slope, least=0, most=1)
        self.slope = slope

    def forward(self, x: Any) -> Tensor:
        """Return the input with negative numbers made small."""
        return asarray(xp.leaky_relu(asarray(x), self.slope))


@LAYERS.add()
class ELU(Module):
    """The input where it is above 0, else α (eˣ − 1).

    Parameters
    ----------
    alpha
        α > 0; 1 by default.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        require("ELU", "alpha", alpha, above=0)
        self.alpha = alpha

    def forward(self, x: Any) -> Tensor:
        """Return numbers above −α."""
        return asarray(xp.elu(asarray(x), self.alpha))


@LAYERS.add()
class GELU(Module):
    """The input times Φ(x), the normal distribution.

    Parameters
    ----------
    approximate
        ``"none"``, or ``"tanh"`` for the formula with tanh.
    """

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            hint = did_you_mean(str(approximate), ("none", "tanh"))
            raise OptionError(f"GELU: approximate must be 'none' or 'tanh'; got {approximate!r}. {hint}")
        self.approximate = approximate

    def forward(self, x: Any) -> Tensor:
        """Return the gated input."""
        return asarray(xp.gelu(asarray(x), self.approximate))


@LAYERS.add()
class SiLU(Module):
    """The input times sigmoid(x), also called swish."""

    def forward(self, x: Any) -> Tensor:
        """Return the gated input."""
        return asarray(xp.silu(asarray(x)))


@LAYERS.add()
class Softplus(Module):
    """ln(1 + eˣ), a smooth ReLU."""

    def forward(self, x: Any) -> Tensor:
        """Return numbers above 0."""
        return asarray(xp.softplus(asarray(x)))


@LAYERS.add()
class Softmax(Module):
    """eˣ / Σ eˣ: numbers above 0 whose sum is 1.

    Parameters
    ----------
    axis
        The axis along which they sum to 1; the last by default.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Tensor:
        """Return probabilities."""
        return asarray(xp.softmax(asarray(x), self.axis))


ACTIVATIONS: dict[str, type[Module]] = {
    "identity": Identity,
    "step": Step,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "silu": SiLU,
    "softplus": Softplus,
    "softmax": Softmax,
}
"""The activations by the name of their operation."""


def activation(name: str) -> Module:
    """Return the activation layer called `name`, with its usual settings.

    Raises
    ------
    OptionError
        Where there is none, with the nearest names.

    Examples
    --------
    >>> activation("relu")
    ReLU()
    """
    if name not in ACTIVATIONS:
        raise OptionError(f"there is no activation {name!r}. {did_you_mean(str(name), ACTIVATIONS)}")
    return ACTIVATIONS[name]()
