"""Steps of a run, taken again: the order of the rows and all that is random follow from seed and step.

So the weights before any step follow from those before an earlier one, and a run that was recorded now and then can be
looked at everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from glassgrad.data.batching import Block, Blocks
from glassgrad.engines import Engine, Loop
from glassgrad.training.order import Order
from glassgrad.training.step import TrainingStep

__all__ = ["Rerun", "block_arrays"]

Array = np.ndarray[Any, Any]


def block_arrays(block: Block) -> list[Array]:
    """Return the arrays of a block of which a step takes rows: X, y, the weights where there are any, row numbers."""
    assert block.y is not None
    rows = np.arange(block.first_row, block.first_row + len(block))
    return [block.X, block.y, *([] if block.weight is None else [block.weight]), rows]


@dataclass(frozen=True, eq=False)
class Rerun:
    """What takes steps of a run again, beside the run.

    Attributes
    ----------
    built
        The traced step.
    engine, blocks, order
        What runs it, the data, and which rows each step takes.
    rates
        ``rates(start, stop)`` gives the learning rates of some steps.
    earlier
        How many steps the optimizer's state had behind it when the run began.
    """

    built: TrainingStep
    engine: Engine
    blocks: Blocks
    order: Order
    rates: Callable[[int, int], Array]
    earlier: int = 0

    @cached_property
    def _loop(self) -> Loop:
        return self.engine.loop(self.built.step)

    def _block(self, number: int) -> Block:
        return next(islice(iter(self.blocks), number, None))

    def inputs(self, step: int, state: Sequence[Array]) -> list[Array]:
        """Return the arrays that go into the graph of a step, counted from 0, from the state before it."""
        ((_, block, batches),) = self.order.between(step, step + 1)
        rows = [a[batches[0]] for a in block_arrays(self._block(block))]
        numbers = [self.rates(step, step + 1)[0], np.asarray(self.earlier + step + 1)]
        return [*state, *rows, *numbers, *self.built.fixed]

    def advance(self, state: Sequence[Array], start: int, stop: int) -> list[Array]:
        """Return the state before step `stop` from that before step `start`: copies, the run's own bits."""
        now = [np.array(a) for a in state]
        flag = np.zeros(1, np.uint8)
        for first, block, batches in self.order.between(start, stop):
            last = first + len(batches)
            each = [self.rates(first, last), np.arange(first, last) + self.earlier + 1]
            self._loop.run(now, block_arrays(self._block(block)), batches, each, self.built.fixed, flag)
        return [np.array(a) for a in now]
