"""Engines: what runs graphs.

Each engine is a sub-package that knows nothing of the others; this module states what they have in common and
finds one by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from glassgrad.errors import OptionError, ShapeError, did_you_mean
from glassgrad.graph.watch import unwatched, watching
from glassgrad.ir import Graph

__all__ = ["Engine", "Loop", "Program", "StepGraph", "engine", "program", "run"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class StepGraph:
    """A training step as a graph, and what its inputs and outputs mean to a loop around it.

    Attributes
    ----------
    graph
        Inputs, in this order: `state` values, `rows` values of which each step takes the rows of its
        mini-batch, `each` numbers of which each step has its own (the learning rate, the step count), and
        `fixed` values that are the same in every step. Outputs: the new state, in the order of the inputs,
        then the step's report.
    state, rows, each, fixed
        How many inputs of each sort there are.
    """

    graph: Graph
    state: int
    rows: int
    each: int
    fixed: int


class Program(Protocol):
    """A graph made ready to run; the batch size may differ from call to call where the graph leaves it open."""

    def __call__(self, *arrays: Array) -> list[Array]:
        """Return the outputs; the arrays are the caller's to keep."""


class Loop(Protocol):
    """A training step made ready to be repeated."""

    def run(
        self,
        state: list[Array],
        rows: Sequence[Array],
        batches: Array,
        each: Sequence[Array],
        fixed: Sequence[Array],
        stop: Array,
    ) -> Array:
        """Take one step for each mini-batch.

        Parameters
        ----------
        state
            Replaced, item by item, by the state after the last step that was taken. The arrays belong to the
            loop from then on, which may write into them in later calls: copy what is to be kept. Arrays that
            are read-only are never written into.
        rows
            The data: arrays whose first axis is the row.
        batches
            (steps, n) row numbers of each mini-batch, int64. Where every step takes the same rows, the array
            may be one row broadcast to all steps, and they are gathered once.
        each
            For each per-step input an array with one number a step.
        fixed
            The inputs that stay the same.
        stop
            One byte that another thread or a signal handler sets to 1 to stop after the step at hand.

        Returns
        -------
        ndarray
            The reports, float64, one row a step taken.
        """


class Engine(Protocol):
    """Makes graphs ready to run."""

    name: str

    def compile(self, graph: Graph) -> Program:
        """Return the program for a graph."""

    def loop(self, step: StepGraph) -> Loop:
        """Return the loop for a training step."""


_KNOWN = ("native", "numpy")


def engine(name: str = "auto", *, threads: int | None = None, deterministic: bool = False) -> Engine:
    """Return the engine called `name`.

    ``"native"`` compiles to machine code and leaves to NumPy, with a warning, what it cannot compile.
    ``"auto"`` does the same, but for small single calls, which NumPy has done before a compiler has begun.

    Parameters
    ----------
    name
        ``"auto"``, ``"native"`` or ``"numpy"``.
    threads
        The most threads to use; by default what the number of cores, ``OMP_NUM_THREADS`` and ``threadpoolctl`` allow.
    deterministic
        Whether the numbers must be the same bits with any number of threads. Machine code always gives the same; for
        NumPy this keeps the matrix products on one thread.

    Raises
    ------
    OptionError
        Where there is no such engine, or the number of threads is not above 0.

    Examples
    --------
    >>> engine("numpy").name
    'numpy'
    """
    chosen, watch = _engine(name, threads, deterministic), watching()
    if watch is None:
        return chosen
    from glassgrad.engines.watched import WatchedEngine

    return WatchedEngine(watch, chosen)


def _engine(name: str, threads: int | None = None, deterministic: bool = False) -> Engine:
    if name not in ("auto", *_KNOWN):
        raise OptionError(f"there is no engine {name!r}. {did_you_mean(name, ('auto', *_KNOWN))}")
    if threads is not None and threads < 1:
        raise OptionError(f"threads must be at least 1, but is {threads}")
    from glassgrad.engines.numpy import NumpyEngine

    numpy = NumpyEngine(1 if deterministic else threads)
    if name == "numpy":
        return numpy
    from glassgrad.engines.auto import FallbackEngine
    from glassgrad.engines.native import NativeEngine

    return FallbackEngine(NativeEngine(threads=threads), numpy, small_calls=name == "native")


@lru_cache(maxsize=256)
def program(graph: Graph, engine_name: str) -> Program:
    """Return the program of a graph in an engine, made once for as long as it is among the last that were asked for.

    Examples
    --------
    >>> import glassgrad as gg
    >>> graph = gg.trace(lambda x: x * 2.0, gg.Spec((2,)))
    >>> program(graph, "numpy") is program(graph, "numpy")
    True
    """
    with unwatched():  # a program outlives who watches now
        return engine(engine_name).compile(graph)


def run(graph: Graph, *inputs: Any, engine_name: str = "auto") -> list[Array]:
    """Run a graph once on arrays and return its outputs.

    Raises
    ------
    ShapeError
        Where the number of arrays is not that of the graph's inputs.

    Examples
    --------
    >>> import glassgrad as gg
    >>> run(gg.trace(lambda x: x * 2.0, gg.Spec((2,))), [1.0, 2.0])
    [array([2., 4.])]
    """
    if len(inputs) != len(graph.inputs):
        wanted = ", ".join(v.name or "·" for v in graph.inputs)
        raise ShapeError(
            f"the graph {graph.name!r} takes {len(graph.inputs)} input(s) ({wanted}), "
            f"but was given {len(inputs)} array(s)"
        )
    arrays = [np.asarray(x, v.dtype) for x, v in zip(inputs, graph.inputs, strict=True)]
    return engine(engine_name).compile(graph)(*arrays)
