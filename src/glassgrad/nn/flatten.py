"""From images to rows of numbers."""

from __future__ import annotations

from typing import Any

from glassgrad import xp
from glassgrad.nn.module import LAYERS, Module
from glassgrad.tensors import Tensor, asarray

__all__ = ["Flatten"]


@LAYERS.add()
class Flatten(Module):
    """Merge all axes but the first: (N, 28, 28) becomes (N, 784).

    Examples
    --------
    >>> import numpy as np
    >>> Flatten()(np.zeros((5, 2, 3))).shape
    (5, 6)
    """

    def forward(self, x: Any) -> Tensor:
        """Return (N, …) as (N, features)."""
        return asarray(xp.flatten(asarray(x), 1))
