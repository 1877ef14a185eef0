"""Contestants: the same training run, written with one library each, as somebody who knows it well would.

A module lists its classes in ``CONTESTANTS``. The runner makes one instance per workload, in a process of
its own, and calls ``prepare``, ``run`` (several times; training goes on where it stopped) and ``loss``. What
is timed is ``run``: gathering the shuffled mini-batch, forward, backward and update, step after step.
"""

from __future__ import annotations

from typing import Protocol

from workloads import Workload

__all__ = ["Contestant", "NotExpressibleError"]


class NotExpressibleError(Exception):
    """The library cannot run this workload; the message says what is missing."""


class Contestant(Protocol):
    """What the runner needs of a contestant."""

    name: str
    checked: bool
    """Whether it takes our weights and batches, so that its loss must agree with the others'."""

    def prepare(self, workload: Workload) -> None:
        """Load the data and the initial weights."""

    def run(self, steps: int) -> None:
        """Train that many steps further, and return when they are done."""

    def loss(self) -> float:
        """Return the workload's loss on its held-out rows."""
