"""The native engine: graphs compiled to machine code through LLVM.

A graph with static shapes goes down and comes back as a function: `lowering` finds what is computed, in which passes,
and where everything lies; `kernels` writes the loops for each kind of work with the instructions of `codegen`;
`assemble`, `steps` and `team` put them together, once through or step after step, for one thread or several; `program`
and `loop` run the result, which `cache` keeps. `show` tells what each stage made.
"""

from __future__ import annotations

from glassgrad.engines import StepGraph
from glassgrad.engines.native.assemble import check
from glassgrad.engines.native.codegen.elementwise import Unsupported
from glassgrad.engines.native.codegen.target import Target
from glassgrad.engines.native.loop import NativeLoop
from glassgrad.engines.native.program import NativeProgram
from glassgrad.graph.passes import specialise
from glassgrad.ir import Graph

__all__ = ["NativeEngine", "Unsupported"]


class NativeEngine:
    """Runs graphs as machine code.

    Parameters
    ----------
    target
        The machine to make code for; by default this one.
    threads
        The most threads to use; by default as many as are allowed.
    """

    name = "native"

    def __init__(self, target: Target | None = None, threads: int | None = None) -> None:
        self._target, self._threads = target, threads

    def compile(self, graph: Graph) -> NativeProgram:
        """Return the program for a graph."""
        return NativeProgram(graph, self._target, self._threads)

    def lacks(self, graph: Graph) -> str:
        """Return what keeps a graph from being compiled, empty where nothing does.

        A graph whose batch is open is tried with two rows.

        Examples
        --------
        >>> import glassgrad as gg
        >>> NativeEngine().lacks(gg.trace(gg.tanh, gg.Spec(("N", 3))))
        ''
        >>> NativeEngine().lacks(gg.trace(gg.sort, gg.Spec((3,))))
        "the operation 'sort'"
        """
        try:
            check(specialise(graph, 2))
        except Unsupported as reason:
            return str(reason)
        return ""

    def loop(self, step: StepGraph) -> NativeLoop:
        """Return the loop for a training step."""
        return NativeLoop(step, self._target, self._threads)
