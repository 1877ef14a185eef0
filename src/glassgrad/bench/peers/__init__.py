"""Contestants: the same training run, written with one library each, as somebody who knows it well would.

A module lists its classes in ``CONTESTANTS``. The worker makes one instance per workload, in a process of its own,
and calls ``prepare``, ``run`` (several times; training goes on where it stopped) and ``loss``. What is timed is
``run``: gathering the shuffled mini-batch, forward, backward and update, step after step.

A library that is not installed makes its module's import fail, which is how the contest finds out that it is missing.
"""

from __future__ import annotations

from typing import Protocol

from glassgrad.bench.workloads import Workload

__all__ = ["OURS", "PEERS", "Contestant", "NotExpressibleError"]

OURS = "glassgrad"
"""The contestant that the others are compared with."""

PEERS = {
    "glassgrad": "glassgrad.bench.peers.glassgrad_peer",
    "NumPy": "glassgrad.bench.peers.numpy_peer",
    "PyTorch": "glassgrad.bench.peers.torch_peer",
    "torch.compile": "glassgrad.bench.peers.torch_compile_peer",
    "JAX": "glassgrad.bench.peers.jax_peer",
    "scikit-learn": "glassgrad.bench.peers.sklearn_peer",
}
"""The modules of the contestants, by what they need; another contestant is one more line."""


class NotExpressibleError(Exception):
    """The library cannot run this workload; the message says why."""


class Contestant(Protocol):
    """What the benchmark needs of a contestant."""

    name: str
    checked: bool
    """Whether it takes our weights and batches, so that its loss must agree with the others'."""

    def prepare(self, workload: Workload) -> None:
        """Load the data and the initial weights, and compile what is compiled ahead."""

    def run(self, steps: int) -> None:
        """Train that many steps further, and return when they are done."""

    def loss(self) -> float:
        """Return the workload's loss on its held-out rows."""
