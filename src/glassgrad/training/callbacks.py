"""Callbacks: what a caller wants done while training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from glassgrad.tensors import Tensor
    from glassgrad.training.history import History
    from glassgrad.training.inside import Inside
    from glassgrad.training.run import Run

__all__ = ["Callback"]


class Callback:
    """Base class; override what is needed.

    Attributes
    ----------
    every
        Call `on_step` each time this many steps have been taken; None for never. The loop runs compiled between the
        calls, so the wider apart they are, the less they cost.

    Examples
    --------
    >>> class StopBelow(Callback):
    ...     def on_epoch(self, run, row):
    ...         if row["loss"] < 0.1:
    ...             run.stop()
    """

    every: int | None = None

    def watch(self, inside: Inside) -> Mapping[str, Tensor]:
        """Return numbers of the step itself that `on_numbers` is to be given; none by default.

        It is called once, before the first step, while the step is traced: what it computes becomes part of the
        step's graph and runs in the engine, at every step.

        Parameters
        ----------
        inside
            What a step has inside.

        Returns
        -------
        Mapping
            0-d Tensors by name.
        """
        return {}

    def on_numbers(self, run: Run, first: int, numbers: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take what `watch` asked for, each time the engine has taken some steps.

        Parameters
        ----------
        run
            The run, which is after those steps.
        first
            The number of the first of them, counted from 0.
        numbers
            (steps,) float64 by name, and ``"loss"``.
        """

    def on_start(self, run: Run) -> None:
        """Do something before the first step."""

    def on_step(self, run: Run) -> None:
        """Do something each `every` steps."""

    def on_epoch(self, run: Run, row: dict[str, float]) -> None:
        """Do something at the end of an epoch; `row` is its row in the history."""

    def on_end(self, run: Run, history: History) -> None:
        """Do something when training has ended, however it did."""
