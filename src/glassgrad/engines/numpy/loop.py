"""The training loop of the NumPy engine: gather a mini-batch, replay the step, hand the state on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.engines import StepGraph
from glassgrad.engines.numpy.program import NumpyProgram, StaticProgram
from glassgrad.engines.numpy.threads import blas_threads
from glassgrad.ir import Graph

__all__ = ["NumpyEngine", "NumpyLoop"]

Array = np.ndarray[Any, Any]


class NumpyEngine:
    """Runs graphs with NumPy, on one core but for the matrix products.

    Parameters
    ----------
    threads
        The most threads for those.
    """

    name = "numpy"

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads

    def compile(self, graph: Graph) -> NumpyProgram:
        """Return the program for a graph."""
        return NumpyProgram(graph, self._threads)

    def loop(self, step: StepGraph) -> NumpyLoop:
        """Return the loop for a training step."""
        return NumpyLoop(step, self._threads)


class NumpyLoop:
    """Repeats a step.

    A piece of the state is updated where it lies if the step allows it; otherwise two arrays take turns, of which a
    step reads one and writes the other.
    """

    def __init__(self, step: StepGraph, threads: int | None = None) -> None:
        self.step, self._threads = step, threads
        self._program = NumpyProgram(step.graph)
        graph = self._program.graph
        read = {*graph.outputs, *(v for node in graph.nodes for v in node.inputs)}
        rows = graph.inputs[step.state : step.state + step.rows]
        self._read = [i for i, value in enumerate(rows) if value in read]
        self._prepared: dict[tuple[int, ...], tuple[StaticProgram, list[Array], list[Array]]] = {}
        self._spare: dict[int, Array] = {}

    def run(
        self,
        state: list[Array],
        rows: Sequence[Array],
        batches: Array,
        each: Sequence[Array],
        fixed: Sequence[Array],
        stop: Array,
    ) -> Array:
        """Take one step for each mini-batch; see `glassgrad.engines.Loop.run`."""
        n_state = self.step.state
        reports = np.empty((len(batches), len(self.step.graph.outputs) - n_state))
        if not len(batches):
            return reports
        now = [np.require(a, requirements=["C", "W"]) for a in state]
        first = [values[0] for values in each]
        program, gathered, report = self._ready(now, rows, first, fixed, batches.shape[1])
        settled = program.overwritable(n_state)
        spare = [a if i in settled else self._other(i, a) for i, a in enumerate(now)]
        done = 0
        with np.errstate(all="ignore"), blas_threads(program.largest_product, self._threads):
            for batch in batches:
                numbers = [values[done] for values in each]
                for i in self._read:
                    rows[i].take(batch, 0, gathered[i], "clip")
                program.run([*now, *gathered, *numbers, *fixed], [*spare, *report])
                now, spare = spare, now
                reports[done] = report
                done += 1
                if stop[0]:
                    break
        state[:] = now
        self._spare = {i: a for i, a in enumerate(spare) if i not in settled}
        return reports[:done]

    def _other(self, i: int, array: Array) -> Array:
        """Return the array that takes turns with the one at hand."""
        spare = self._spare.get(i)
        return np.empty_like(array) if spare is None or spare is array else spare

    def _ready(
        self, state: list[Array], rows: Sequence[Array], each: list[Any], fixed: Sequence[Array], n: int
    ) -> tuple[StaticProgram, list[Array], list[Array]]:
        key = (n, *(len(r) for r in rows))
        found = self._prepared.get(key)
        if found is None:
            gathered = [np.empty((n, *r.shape[1:]), r.dtype) for r in rows]
            program = self._program.at([*state, *gathered, *(np.asarray(e) for e in each), *fixed])
            found = self._prepared[key] = (program, gathered, program.new_outputs()[self.step.state :])
        return found
