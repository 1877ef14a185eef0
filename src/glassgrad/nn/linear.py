"""The fully connected layer: every output is a weighted sum of all inputs."""

from __future__ import annotations

from typing import Any

from glassgrad import xp
from glassgrad.errors import ShapeError
from glassgrad.ir import current_scope
from glassgrad.nn.initialisers import initialise
from glassgrad.nn.module import LAYERS, Module, Parameter, float_dtype
from glassgrad.nn.random import next_weights, weights_from
from glassgrad.options import require
from glassgrad.tensors import Tensor, asarray

__all__ = ["Linear"]


@LAYERS.add()
class Linear(Module):
    """y = x Wᵀ + b.

    Parameters
    ----------
    in_features, out_features
        How many numbers go in and come out, at least 1.
    bias
        Whether there is a b.
    weight_init
        One of `glassgrad.nn.INITIALISERS`. With ``"uniform"``, the default, weights and biases lie within
        ±1/√in_features as in PyTorch; with any other, biases are 0.
    dtype
        float32 (the default) or float64; inputs are cast to it.
    seed
        Of the initial weights; by default the next ones of the seed around (`weights_from`, `manual_seed`).

    Attributes
    ----------
    weight : Parameter
        (out_features, in_features).
    bias : Parameter or None
        (out_features,).

    Raises
    ------
    OptionError, DTypeError
        Where a setting makes no sense.
    ShapeError
        When called, where the last axis of the input has not in_features elements.

    Examples
    --------
    >>> layer = Linear(3, 2, seed=0)
    >>> layer
    Linear(in_features=3, out_features=2)  # weight (2, 3), bias (2,): 8 parameters
    >>> layer([[1.0, 2.0, 3.0]]).shape
    (1, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_init: str = "uniform",
        dtype: Any = "float32",
        seed: int | None = None,
    ) -> None:
        require("Linear", "in_features", in_features, least=1, whole=True)
        require("Linear", "out_features", out_features, least=1, whole=True)
        self.in_features = int(in_features)
        self.out_features = int(out_features)
        self.weight_init = weight_init
        self.seed = seed
        bias_init = "uniform" if weight_init == "uniform" else "zeros"
        with weights_from(seed):
            self.weight = self._parameter("weight", weight_init, (out_features, in_features), dtype)
            self.bias = self._parameter("bias", bias_init, (out_features,), dtype) if bias else None

    def _parameter(self, name: str, how: str, shape: tuple[int, ...], dtype: Any) -> Parameter:
        seed, number = next_weights()
        values = initialise(
            how, shape, seed=seed, number=number, dtype=float_dtype(dtype), fan_in=self.in_features
        )
        return Parameter(values, name=name)

    def forward(self, x: Any) -> Tensor:
        """Return (…, out_features) for an input of shape (…, in_features)."""
        x = asarray(x)
        if not x.shape or x.shape[-1] != self.in_features:
            where = f" (layer {current_scope()!r})" if current_scope() else ""
            raise ShapeError(
                f"Linear{where} takes inputs of shape (…, {self.in_features}), but was given {x.shape}; "
                f"its weight has shape {self.weight.shape}"
            )
        if x.dtype != self.weight.dtype:
            x = x.astype(self.weight.dtype)
        return asarray(xp.linear(x, self.weight, self.bias))

    def settings(self) -> dict[str, Any]:
        """Return the constructor's settings; the dtype is that of the weights at hand."""
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "bias": self.bias is not None,
            "weight_init": self.weight_init,
            "dtype": str(self.weight.dtype),
            "seed": self.seed,
        }

    def describe(self) -> str:
        """Return the sizes, and whether the bias is lacking."""
        plain = "" if self.bias is not None else ", bias=False"
        return f"in_features={self.in_features}, out_features={self.out_features}{plain}"
