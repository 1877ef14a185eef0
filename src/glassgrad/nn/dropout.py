"""Dropout: no unit may lean on another, because it may be gone."""

from __future__ import annotations

from typing import Any

from glassgrad import xp
from glassgrad.nn.module import LAYERS, Module
from glassgrad.nn.random import draw
from glassgrad.options import require
from glassgrad.tensors import Tensor, asarray

__all__ = ["Dropout"]


@LAYERS.add()
class Dropout(Module):
    """In training, make each number 0 with probability `rate`, and the others larger by 1 / (1 − rate).

    That is *inverted* dropout (Srivastava et al., 2014): the expected value stays, so that prediction needs
    no correction and the layer passes its input on. Which numbers are dropped is a function of the stream's
    seed and step, of the row and of the layer (`glassgrad.nn.random`): the same however rows are put into
    batches.

    Parameters
    ----------
    rate
        0 ≤ rate < 1; 0.5 by default.

    Raises
    ------
    OptionError
        Where the rate is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> sorted(set(Dropout(0.5)(np.ones((8, 8))).numpy().ravel().tolist()))
    [0.0, 2.0]
    """

    def __init__(self, rate: float = 0.5) -> None:
        require("Dropout", "rate", rate, least=0, below=1)
        self.rate = rate

    def forward(self, x: Any) -> Tensor:
        """Return the input with some numbers dropped; the first axis is the rows."""
        given = asarray(x)
        if not self.training or self.rate == 0:
            return given
        kept = draw(given.shape) >= self.rate
        return asarray(xp.where(kept, given * (1 / (1 - self.rate)), 0.0))
