"""The engine that runs everything: natively where it can be compiled, else with NumPy.

What the native engine has no rule for is said once, by name, and runs with NumPy from then on; the numbers are the same
but for their last digits. Called once on little data, NumPy is done before a compiler has begun, so that ``"auto"``
leaves small single calls to it; which is a matter of the graph and its shapes alone.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from glassgrad.engines import Engine, Loop, Program, StepGraph
from glassgrad.engines.native import NativeEngine, Unsupported
from glassgrad.engines.numpy import NumpyEngine
from glassgrad.graph.passes import for_arrays
from glassgrad.graph.passes.lower import CALLS
from glassgrad.ir import Graph

__all__ = ["FallbackEngine", "NotCompiledWarning"]

Array = np.ndarray[Any, Any]

_SMALL = 1 << 22
"""Arithmetic operations of a single call up to which compiling it does not pay."""


class NotCompiledWarning(UserWarning):
    """Something runs with NumPy because the native engine cannot compile it."""


class FallbackEngine:
    """Prefers the native engine.

    Parameters
    ----------
    native, numpy
        The engine that is preferred, and the one that runs what it cannot.
    small_calls
        Whether small single calls are compiled as well.
    """

    name = "native"

    def __init__(self, native: NativeEngine, numpy: NumpyEngine, *, small_calls: bool) -> None:
        self._native, self._numpy = native, numpy
        self._small_calls = small_calls

    def compile(self, graph: Graph) -> Program:
        """Return the program for a graph."""
        return _Program(graph, self._native, self._numpy, self._small_calls)

    def loop(self, step: StepGraph) -> Loop:
        """Return the loop for a training step."""
        return _Loop(step, self._native, self._numpy)


class _Program:
    def __init__(self, graph: Graph, native: Engine, numpy: Engine, small_calls: bool) -> None:
        self._graph, self._small_calls = graph, small_calls
        self._engine: Engine | None = native
        self._native: Program | None = None
        self._numpy = numpy.compile(graph)
        self._worth: dict[Graph, bool] = {}

    def __call__(self, *arrays: Array) -> list[Array]:
        if self._engine is None or not (self._small_calls or self._pays(arrays)):
            return self._numpy(*arrays)
        try:
            if self._native is None:
                self._native = self._engine.compile(self._graph)
            return self._native(*arrays)
        except Unsupported as reason:
            self._engine = None
            _warn(self._graph.name, reason)
            return self._numpy(*arrays)

    def _pays(self, arrays: Sequence[Array]) -> bool:
        graph = for_arrays(self._graph, arrays)
        if graph not in self._worth:
            self._worth[graph] = work(graph) > _SMALL
        return self._worth[graph]


class _Loop:
    def __init__(self, step: StepGraph, native: Engine, numpy: Engine) -> None:
        self._step = step
        self._loop = native.loop(step)
        self._instead: Callable[[StepGraph], Loop] = numpy.loop

    def run(
        self,
        state: list[Array],
        rows: Sequence[Array],
        batches: Array,
        each: Sequence[Array],
        fixed: Sequence[Array],
        stop: Array,
    ) -> Array:
        try:
            return self._loop.run(state, rows, batches, each, fixed, stop)
        except Unsupported as reason:
            _warn(self._step.graph.name, reason)
            self._loop = self._instead(self._step)
            return self._loop.run(state, rows, batches, each, fixed, stop)


def _warn(name: str, reason: Unsupported) -> None:
    warnings.warn(
        f"{name} runs with NumPy, more slowly: the native engine does not compile {reason}",
        NotCompiledWarning,
        stacklevel=4,
    )


def work(graph: Graph) -> int:
    """Return about how many arithmetic operations a graph with static shapes takes.

    Examples
    --------
    >>> import glassgrad as gg
    >>> work(gg.trace(lambda a, b: a @ b + 1.0, gg.Spec((2, 3)), gg.Spec((3, 4))))
    32
    """
    total = 0
    for node in graph.nodes:
        if node.op in CALLS:
            total += work(node.subgraphs["body"])
            continue
        size = math.prod(cast(tuple[int, ...], node.outputs[0].shape))
        depth = cast(int, node.inputs[0].shape[-1]) if node.op in ("matmul", "linear") else 1
        total += size * depth
    return total
