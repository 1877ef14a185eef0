"""Callbacks: what a caller wants done while training goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glassgrad.training.history import History
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

    def on_start(self, run: Run) -> None:
        """Do something before the first step."""

    def on_step(self, run: Run) -> None:
        """Do something each `every` steps."""

    def on_epoch(self, run: Run, row: dict[str, float]) -> None:
        """Do something at the end of an epoch; `row` is its row in the history."""

    def on_end(self, run: Run, history: History) -> None:
        """Do something when training has ended, however it did."""
