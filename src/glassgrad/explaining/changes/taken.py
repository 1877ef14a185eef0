"""A training step that was taken, held still: what went into it, and what came out.

Whatever asks why a weight changed needs the same things: the state before, the mini-batch, the gradient before and
after clipping, and the state afterwards. They are worked out here, by the reference implementation, from the step's own
graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from glassgrad.engines.numpy.interpreter import interpret
from glassgrad.explaining.replay import Replay, replay
from glassgrad.tensors import asarray
from glassgrad.training.step import Clipping, TrainingStep

__all__ = ["TakenStep", "norm"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class TakenStep:
    """A training step and the arrays that go into it.

    Attributes
    ----------
    step
        The traced step.
    inputs
        An array for each input of its graph: the state, the rows of the mini-batch, the rate, the step's number, what
        stays the same.

    Examples
    --------
    >>> from glassgrad import examples
    >>> from glassgrad.explaining.recording.recorder import Recorder
    >>> recorder = Recorder()
    >>> _ = examples.get("two-two-two").train(callbacks=[recorder])
    >>> taken = recorder.at(0)
    >>> taken.gradients["0.weight"].round(8).tolist()
    [[0.00080888, 0.00161775], [0.00071009, 0.00142017]]
    >>> taken.after["0.weight"].round(8).tolist()
    [[0.29959556, 0.24919112], [0.39964496, 0.34928991]]
    """

    step: TrainingStep
    inputs: Sequence[Array]

    @cached_property
    def played(self) -> Replay:
        """The forward and backward pass; its result is the loss."""
        return replay(self.step.step.graph, self.inputs, output=self.step.step.state)

    @property
    def loss(self) -> float:
        """The loss of the mini-batch, before the update."""
        return float(self.played.values[self.played.result])

    @property
    def rate(self) -> float:
        """The learning rate."""
        return float(self.inputs[self.step.step.state + self.step.step.rows])

    @property
    def number(self) -> int:
        """The step's number for the optimizer, from 1."""
        return int(self.inputs[self.step.step.state + self.step.step.rows + 1])

    @property
    def before(self) -> dict[str, Array]:
        """Each parameter before the step."""
        return dict(zip(self.step.slots.parameters, map(np.asarray, self.inputs), strict=False))

    @cached_property
    def state_after(self) -> list[Array]:
        """The whole state after the step: parameters, buffers, and what the optimizer keeps."""
        return interpret(self.step.step.graph, self.inputs)[: self.step.step.state]

    @property
    def after(self) -> dict[str, Array]:
        """Each parameter after the step."""
        return dict(zip(self.step.slots.parameters, self.state_after, strict=False))

    @cached_property
    def gradients(self) -> dict[str, Array]:
        """The gradient of the loss for each parameter."""
        names, inputs = self.step.slots.parameters, self.played.graph.inputs
        return {name: self.played.gradient(v) for name, v in zip(names, inputs, strict=False)}

    @cached_property
    def limited(self) -> dict[str, Array]:
        """The gradients with every element within the limit, where there is one."""
        return self._within(Clipping(value=self.step.clipping.value), self.gradients)

    @cached_property
    def clipped(self) -> dict[str, Array]:
        """The gradients as the optimizer was given them."""
        return self._within(Clipping(norm=self.step.clipping.norm), self.limited)

    def pieces(self, parameter: str) -> dict[str, Array]:
        """Return what the optimizer kept for a parameter before the step."""
        slots = self.step.slots
        first = len(slots.parameters) + len(slots.buffers)
        return {
            piece: np.asarray(self.inputs[first + i])
            for i, (name, piece) in enumerate(slots.optimizer)
            if name == parameter
        }

    def with_state(self, state: Sequence[Array]) -> TakenStep:
        """Return the same step on the same mini-batch from another state."""
        return TakenStep(self.step, [*state, *self.inputs[self.step.step.state :]])

    @staticmethod
    def _within(clipping: Clipping, gradients: dict[str, Array]) -> dict[str, Array]:
        clipped = clipping([asarray(g) for g in gradients.values()])
        return {name: t.numpy() for name, t in zip(gradients, clipped, strict=True)}


def norm(arrays: Mapping[str, Array]) -> float:
    """Return the Euclidean norm of all numbers of all arrays together."""
    return float(np.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in arrays.values())))
