"""Which rows a step takes: a function of seed and step, so that the mini-batch of any step can be told afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from glassgrad.errors import OptionError
from glassgrad.philox import permutation

__all__ = ["Order"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Order:
    """The mini-batches of a training run.

    Attributes
    ----------
    sizes
        How many rows each block of the data has. Rows are shuffled within a block; blocks keep their order.
    batch_size
        Rows of a mini-batch; the last one of a block may be smaller.
    seed, shuffle
        Whether each epoch has an order of its own, and what it is drawn from.

    Examples
    --------
    >>> order = Order((5,), 2, seed=0, shuffle=False)
    >>> order.steps_per_epoch, [order.rows(step).tolist() for step in range(4)]
    (3, [[0, 1], [2, 3], [4], [0, 1]])
    """

    sizes: tuple[int, ...]
    batch_size: int
    seed: int
    shuffle: bool

    @cached_property
    def steps_per_epoch(self) -> int:
        """How many mini-batches an epoch has."""
        return sum(-(-n // self.batch_size) for n in self.sizes)

    def epoch(self, epoch: int) -> Array:
        """Return the row numbers of all blocks in the order of an epoch."""
        if not self.shuffle:
            return np.arange(sum(self.sizes))
        return permutation(sum(self.sizes), seed=self.seed, stream=epoch)

    def of_block(self, order: Array, first: int, size: int) -> list[Array]:
        """Return the mini-batches of a block, (steps, rows), counted from its first row: full ones, and the rest."""
        rows = order[(order >= first) & (order < first + size)] - first
        whole = len(rows) - len(rows) % self.batch_size
        parts: Sequence[Array] = (rows[:whole].reshape(-1, self.batch_size), rows[None, whole:])
        return [part for part in parts if part.size]

    def rows(self, step: int) -> Array:
        """Return the rows of a step's mini-batch, counted from 0 in the whole data; steps count from 0.

        Raises
        ------
        OptionError
            Where the step is below 0.
        """
        if step < 0:
            raise OptionError(f"steps are counted from 0; got {step}")
        epoch, left = divmod(step, self.steps_per_epoch)
        order = self.epoch(epoch)
        for first, end in pairwise(accumulate(self.sizes, initial=0)):
            for part in self.of_block(order, first, end - first):
                if left < len(part):
                    return np.asarray(part[left] + first, np.int64)
                left -= len(part)
        raise AssertionError("a step lies within its epoch")
