"""What happened in a training run: one row an epoch, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["History"]


@dataclass
class History:
    """The record of a training run.

    Attributes
    ----------
    columns
        One list a quantity, one number an epoch: ``loss``, ``lr`` (at the epoch's end), ``seconds`` (since the start),
        and with validation data ``val_loss`` and ``val_<metric>``.
    steps
        Updates taken.
    best_epoch
        The epoch (from 1) whose weights the model holds; None where the last ones count.
    stopped
        How it ended: ``"finished"``, ``"early stopping"``, ``"stopped"`` (by a callback), ``"interrupted"`` (Ctrl-C)
        or ``"not finite"`` (the loss was no number any more).
    message
        The same as a sentence, with epoch and step.
    seconds
        Time it took.

    Examples
    --------
    >>> history = History({"loss": [0.5, 0.25]}, steps=20)
    >>> history.epochs, history["loss"][-1]
    (2, 0.25)
    """

    columns: dict[str, list[float]] = field(default_factory=dict)
    steps: int = 0
    best_epoch: int | None = None
    stopped: str = "finished"
    message: str = ""
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Completed epochs."""
        return len(self.columns.get("loss", ()))

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.columns:
            known = ", ".join(map(repr, self.columns)) or "none, as no epoch was completed"
            raise KeyError(
                f"the history has no column {name!r}; its columns: {known}. {self.message}".strip()
            )
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def add(self, row: dict[str, float]) -> None:
        """Add the row of an epoch."""
        for name, value in row.items():
            self.columns.setdefault(name, []).append(float(value))

    def extend(self, **columns: np.ndarray[Any, Any]) -> None:
        """Add the rows of several epochs."""
        for name, values in columns.items():
            self.columns.setdefault(name, []).extend(values.tolist())

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.columns.items() if values)
        return f"History({self.epochs} epochs, {self.steps} steps, {self.stopped}: {last})"
