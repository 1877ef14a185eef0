"""Programs and loops under the eyes of a watch: what ends in NaN or Inf is run again, node by node.

Programs run at full speed until a result is not finite; then the interpreter repeats the call, or the training step, on
the same inputs and says which operation it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.engines import Engine, Loop, Program, StepGraph
from glassgrad.errors import NotFiniteError
from glassgrad.graph.passes import for_arrays
from glassgrad.graph.watch import Watch
from glassgrad.ir import Graph

__all__ = ["WatchedEngine", "watched_program"]

Array = np.ndarray[Any, Any]


def _finite(arrays: Sequence[Any]) -> bool:
    return all(np.isfinite(a).all() for a in arrays if np.asarray(a).dtype.kind in "fc")


def watched_program(watch: Watch, graph: Graph, program: Program) -> Program:
    """Return the program with a second look at results that are not finite."""

    def run(*arrays: Array) -> list[Array]:
        outputs = program(*arrays)
        if not _finite(outputs) and _finite(arrays):
            watch.replay(for_arrays(graph, arrays), arrays)
        return outputs

    return run


class WatchedEngine:
    """An engine whose programs and loops are watched."""

    def __init__(self, watch: Watch, engine: Engine) -> None:
        self._watch, self._engine = watch, engine
        self.name = engine.name

    def compile(self, graph: Graph) -> Program:
        """Return the program for a graph."""
        return watched_program(self._watch, graph, self._engine.compile(graph))

    def loop(self, step: StepGraph) -> Loop:
        """Return the loop for a training step."""
        return _WatchedLoop(self._watch, step, self._engine.loop(step))


class _WatchedLoop:
    """Takes one step at a time, so that the state before the one that goes wrong is there."""

    def __init__(self, watch: Watch, step: StepGraph, loop: Loop) -> None:
        self._watch, self._step, self._loop = watch, step, loop

    def run(
        self,
        state: list[Array],
        rows: Sequence[Array],
        batches: Array,
        each: Sequence[Array],
        fixed: Sequence[Array],
        stop: Array,
    ) -> Array:
        """Take the steps; see `glassgrad.engines.Loop.run`."""
        reports: list[Array] = []
        for i in range(len(batches)):
            before = [np.array(a) for a in state]
            numbers = [values[i : i + 1] for values in each]
            report = self._loop.run(state, rows, batches[i : i + 1], numbers, fixed, stop)
            if not (_finite(state) and _finite([report[:, 0]])) and _finite(before):
                inputs = [*before, *(r[batches[i]] for r in rows), *(v[0] for v in numbers), *fixed]
                graph = self._step.graph
                arrays = [np.asarray(x, v.dtype) for x, v in zip(inputs, graph.inputs, strict=True)]
                self._watch.replay(for_arrays(graph, arrays), arrays)
                raise NotFiniteError(
                    "a training step ended in NaN or Inf, but run again by the interpreter it did not: the two engines "
                    "differ in the last digits, and the step is at the edge of what its dtype holds"
                )
            reports.append(report)
            if stop[0]:
                break
        width = len(self._step.graph.outputs) - self._step.state
        return np.concatenate(reports) if reports else np.empty((0, width))
