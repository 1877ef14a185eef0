"""Which rows a step takes: a function of seed and step, so that the mini-batch of any step can be told afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

    def parts(self, epoch: int) -> Iterator[list[Array]]:
        """Yield the mini-batches of each block in an epoch: the full ones together, then the smaller last one.

        Each part is (steps, rows), counted from the block's first row.
        """
        order = self.epoch(epoch)
        for first, end in pairwise(accumulate(self.sizes, initial=0)):
            rows = order[(order >= first) & (order < end)] - first
            whole = len(rows) - len(rows) % self.batch_size
            parts: Sequence[Array] = (rows[:whole].reshape(-1, self.batch_size), rows[None, whole:])
            yield [part for part in parts if part.size]

    def between(self, start: int, stop: int) -> Iterator[tuple[int, int, Array]]:
        """Yield (first step, block, mini-batches) for the steps from `start` up to but not `stop`."""
        step = start - start % self.steps_per_epoch
        while step < stop:
            for block, parts in enumerate(self.parts(step // self.steps_per_epoch)):
                for part in parts:
                    first, last = max(start - step, 0), min(stop - step, len(part))
                    if first < last:
                        yield step + first, block, part[first:last]
                    step += len(part)

    def rows(self, step: int) -> Array:
        """Return the rows of a step's mini-batch, counted from 0 in the whole data; steps count from 0.

        Raises
        ------
        OptionError
            Where the step is below 0.
        """
        if step < 0:
            raise OptionError(f"steps are counted from 0; got {step}")
        ((_, block, batches),) = self.between(step, step + 1)
        return np.asarray(batches[0] + sum(self.sizes[:block]), np.int64)
