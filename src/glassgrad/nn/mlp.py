"""The multilayer perceptron in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassgrad.nn.activations import activation as activation_layer
from glassgrad.nn.dropout import Dropout
from glassgrad.nn.linear import Linear
from glassgrad.nn.module import Module
from glassgrad.nn.random import weights_from
from glassgrad.nn.sequential import Sequential

__all__ = ["mlp"]

_LIKE_RELU = frozenset(["relu", "leaky_relu", "elu", "gelu", "silu", "softplus"])


def mlp(
    in_features: int,
    hidden: int | Sequence[int],
    out_features: int,
    *,
    activation: str = "relu",
    dropout: float = 0.0,
    dtype: Any = "float32",
    seed: int | None = None,
) -> Sequential:
    """Return a multilayer perceptron: linear layers with an activation after each but the last.

    Parameters
    ----------
    in_features, out_features
        How many numbers go in and come out.
    hidden
        The size of the hidden layer, or the sizes of several; ``[]`` gives a linear model.
    activation
        One of `glassgrad.nn.ACTIVATIONS`. Layers before an activation like ReLU start with He's weights, all
        others with Glorot's.
    dropout
        The rate of a `Dropout` after each activation; 0 for none.
    dtype
        float32 or float64.
    seed
        Of the initial weights; by default the next ones of the seed around.

    Raises
    ------
    OptionError, DTypeError
        Where a setting makes no sense.

    Examples
    --------
    >>> mlp(64, [32], 10, seed=0)
    Sequential(
      (0): Linear(in_features=64, out_features=32)  # weight (32, 64), bias (32,): 2,080 parameters
      (1): ReLU()
      (2): Linear(in_features=32, out_features=10)  # weight (10, 32), bias (10,): 330 parameters
    )  # 2,410 parameters
    """
    inner = "he_uniform" if activation in _LIKE_RELU else "xavier_uniform"
    layers: list[Module] = []
    before = in_features
    with weights_from(seed):
        for size in [hidden] if isinstance(hidden, int) else hidden:
            layers += [Linear(before, size, weight_init=inner, dtype=dtype), activation_layer(activation)]
            if dropout:
                layers.append(Dropout(dropout))
            before = size
        layers.append(Linear(before, out_features, weight_init="xavier_uniform", dtype=dtype))
    return Sequential(*layers)
