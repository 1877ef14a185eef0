"""Initial weights: random, of a size that neither swells nor fades from layer to layer.

Each initialiser is a variance, worked out from how many inputs (fan-in) and outputs (fan-out) a weight
matrix has, and a distribution of that variance. The numbers come from Philox, keyed by seed and number of
the parameter, and are drawn in float64 whatever the dtype, so that a float32 network starts as the rounded
float64 one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from glassgrad import philox
from glassgrad.errors import OptionError, did_you_mean
from glassgrad.philox import WEIGHT_NODES

__all__ = ["INITIALISERS", "Initialiser", "initialise"]


@dataclass(frozen=True)
class Initialiser:
    """A distribution of initial weights.

    Attributes
    ----------
    distribution
        ``"uniform"`` (between ±√(3 · variance)) or ``"normal"``, about 0.
    variance
        From fan-in and fan-out.
    source
        Who proposed it, and for what.
    """

    distribution: Literal["uniform", "normal"]
    variance: Callable[[int, int], float]
    source: str


def _both(name: str, variance: Callable[[int, int], float], source: str) -> dict[str, Initialiser]:
    return {
        f"{name}_uniform": Initialiser("uniform", variance, source),
        f"{name}_normal": Initialiser("normal", variance, source),
    }


def _xavier(fan_in: int, fan_out: int) -> float:
    return 2 / (fan_in + fan_out)


def _he(fan_in: int, fan_out: int) -> float:
    return 2 / fan_in


_GLOROT = "Glorot and Bengio, 2010: for sigmoid, tanh and linear layers"
_HE = "He et al., 2015: for ReLU, which lets half of the variance through"

INITIALISERS: dict[str, Initialiser] = {
    **_both("xavier", _xavier, _GLOROT),
    **_both("glorot", _xavier, _GLOROT),
    **_both("he", _he, _HE),
    **_both("kaiming", _he, _HE),
    **_both("lecun", lambda i, o: 1 / i, "LeCun et al., 1998: keeps the variance of the inputs"),
    "uniform": Initialiser("uniform", lambda i, o: 1 / (3 * i), "±1/√fan-in, as PyTorch's Linear"),
    "normal": Initialiser("normal", lambda i, o: 0.05**2, "a standard deviation of 0.05"),
    "zeros": Initialiser("uniform", lambda i, o: 0.0, "all 0: for biases; weights of 0 never learn apart"),
}
"""Every initialiser by name; Xavier is Glorot, and He is Kaiming."""


def initialise(
    name: str,
    shape: Sequence[int],
    *,
    seed: int,
    number: int = 0,
    dtype: Any = np.float32,
    fan_in: int | None = None,
) -> np.ndarray[Any, Any]:
    """Return initial values for a parameter.

    Parameters
    ----------
    name
        One of `INITIALISERS`.
    shape
        Of the parameter; a weight matrix is (out, in).
    seed, number
        0 ≤ seed < 2**64, and which of the network's parameters it is: each has numbers of its own.
    dtype
        float32 or float64.
    fan_in
        The number of inputs, where it is not the product of the sizes after the first (as for a bias).

    Raises
    ------
    OptionError
        Where there is no initialiser of that name.

    Examples
    --------
    >>> w = initialise("he_normal", (200, 50), seed=0)
    >>> w.dtype, abs(float(w.std()) - 0.2) < 0.01
    (dtype('float32'), True)
    """
    if name not in INITIALISERS:
        raise OptionError(f"there is no initialiser {name!r}. {did_you_mean(name, INITIALISERS)}")
    found = INITIALISERS[name]
    rows, elements = (shape[0] if shape else 1), math.prod(shape[1:])
    variance = found.variance(max(fan_in or elements, 1), max(rows * math.prod(shape[2:]), 1))
    if variance == 0:
        return np.zeros(shape, dtype)
    draw = philox.normal if found.distribution == "normal" else philox.uniform
    numbers = draw(
        seed,
        node=WEIGHT_NODES[number],
        step=0,
        rows=np.arange(rows),
        elements=elements,
        dtype=np.float64,
    )
    if found.distribution == "uniform":
        numbers = (2 * numbers - 1) * math.sqrt(3)
    return (numbers * math.sqrt(variance)).reshape(tuple(shape)).astype(dtype)
