"""Replaying a graph as straight-line Python: one NumPy call a line, into memory planned beforehand.

A graph with static shapes is written out as the source of a Python function (`NumpyProgram.source` shows it). Kernels
that can write into a given array do so, into the planned block or straight into the outputs; what remains between two
NumPy calls is loading local variables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, cast

import numpy as np

from glassgrad.engines.numpy.chains import CHAIN, chain_source, with_chains
from glassgrad.engines.numpy.threads import blas_threads, largest_product
from glassgrad.graph.passes import for_arrays, lower, plan_memory, simplify
from glassgrad.graph.passes.memory import ALIGNMENT
from glassgrad.graph.rules import Arrays, evaluate, row_major
from glassgrad.ir import Constant, Graph, Node, Value
from glassgrad.ops import lookup

__all__ = ["NumpyProgram", "StaticProgram"]

Array = np.ndarray[Any, Any]

_KEPT = 16
"""For how many batch sizes a program stays ready."""


class NumpyProgram:
    """A graph made ready to run; specialised for each batch size it meets."""

    def __init__(self, graph: Graph, threads: int | None = None) -> None:
        self.graph, self._threads = simplify(graph), threads
        self._static: dict[Graph, StaticProgram] = {}
        self._lock = Lock()

    def at(self, arrays: Sequence[Array]) -> StaticProgram:
        """Return the program for inputs of these shapes; each has its own memory, so only some are kept."""
        graph = for_arrays(self.graph, arrays)
        found = self._static.get(graph)
        if found is None:
            if len(self._static) >= _KEPT:
                del self._static[next(iter(self._static))]
            found = self._static[graph] = StaticProgram(graph)
        return found

    def __call__(self, *arrays: Array) -> list[Array]:
        """Return the outputs for `arrays`, in fresh memory."""
        with self._lock, np.errstate(all="ignore"):
            program = self.at(arrays)
            outputs = program.new_outputs()
            with blas_threads(program.largest_product, self._threads):
                program.run([np.asarray(a, order="C") for a in arrays], outputs)
        return outputs


class StaticProgram:
    """A graph with static shapes as a Python function.

    Attributes
    ----------
    source
        The function's source.
    largest_product
        Multiplications in its largest matrix product.
    run
        ``run(inputs, outputs)`` computes the outputs into the arrays of `outputs`; all are in row-major order.
    """

    def __init__(self, graph: Graph) -> None:
        graph = simplify(lower(graph, lambda name: lookup(name).numpy is not None))
        self.graph = graph
        self.largest_product = largest_product(graph)
        graph = self._with_chains = with_chains(graph)
        plan = plan_memory(graph, _writes, _views, _in_place)
        block = np.empty(plan.size + ALIGNMENT, np.uint8)
        start = -block.ctypes.data % ALIGNMENT
        self._names: dict[str, Any] = {"copyto": np.copyto}
        self._numbering: dict[Value, str] = {}
        lines = []
        if graph.inputs:
            lines.append(f"({', '.join(self._name(v) for v in graph.inputs)},) = inputs")
        target: dict[Value, str] = {}
        for i, value in enumerate(graph.outputs):
            target.setdefault(value, f"o{i}")
        if graph.outputs:
            lines.append(f"({', '.join(f'o{i}' for i in range(len(graph.outputs)))},) = outputs")
        for value, offset in plan.offsets.items():
            shape = cast(tuple[int, ...], value.shape)
            size = math.prod(shape) * value.dtype.itemsize
            memory = block[start + offset : start + offset + size].view(value.dtype).reshape(shape)
            self._names[f"b{self._name(value)}"] = memory
        written: set[Value] = set()
        for node in graph.nodes:
            where: dict[Value, str] = {}
            for out in node.outputs if _writes(node) else ():
                if out in plan.offsets:
                    where[out] = f"b{self._name(out)}"
                elif out in target:
                    where[out] = target[out]
                    written.add(out)
            if node.op == CHAIN:
                lines += chain_source(node, self._name, where, self._names)
            else:
                lines.append(self._line(node, where.get(node.outputs[0])))
        for i, value in enumerate(graph.outputs):
            if value not in written or target[value] != f"o{i}":
                lines.append(f"copyto(o{i}, {self._name(value)})")
        self.source = "def run(inputs, outputs):\n" + "\n".join(f"    {line}" for line in lines or ["pass"])
        code = compile(self.source, f"<glassgrad {graph.name}>", "exec")
        exec(code, self._names)
        self.run: Callable[[Sequence[Array], Sequence[Array]], None] = self._names["run"]

    def overwritable(self, count: int) -> set[int]:
        """Say which of the first `count` outputs may be written over the input of the same position.

        That is so where the input has no reader after the operation that writes the output, which must read it element
        by element.
        """
        graph = self._with_chains
        flat = [
            part for node in graph.nodes for part in (node.attrs["nodes"] if node.op == CHAIN else (node,))
        ]
        position = {v: i for i, node in enumerate(flat) for v in node.outputs}
        last = {v: i for i, node in enumerate(flat) for v in node.inputs}
        found = set()
        for i, (before, after) in enumerate(zip(graph.inputs[:count], graph.outputs, strict=False)):
            writer = position.get(after)
            if (
                writer is not None
                and _in_place(flat[writer])
                and last.get(before, -1) <= writer
                and graph.outputs.count(after) == 1
                and before not in graph.outputs
                and not any(_views(node) and before in node.inputs for node in flat)
            ):
                found.add(i)
        return found

    def new_outputs(self) -> list[Array]:
        """Return arrays for the outputs."""
        return [np.empty(v.shape, v.dtype) for v in self.graph.outputs]

    def _name(self, value: Value) -> str:
        name = self._numbering.get(value)
        if name is None:
            prefix = "c" if isinstance(value, Constant) else "v"
            name = self._numbering[value] = f"{prefix}{len(self._numbering)}"
            if isinstance(value, Constant):
                self._names[name] = value.array
        return name

    def _line(self, node: Node, where: str | None) -> str:
        op = lookup(node.op)
        label = f"k{len(self._names)}_{node.op}"
        self._names[label] = _kernel(node)
        arguments = [self._name(v) for v in node.inputs]
        for key, setting in node.attrs.items():
            if isinstance(setting, (bool, int, type(None))):
                arguments.append(f"{key}={setting}")
            else:
                name = f"a{len(self._names)}"
                self._names[name] = setting
                arguments.append(f"{key}={name}")
        arguments += [f"out={where}"] if where else []
        results = ", ".join(self._name(v) for v in node.outputs) + ("," if op.several else "")
        return f"{results} = {label}({', '.join(arguments)})"


def _kernel(node: Node) -> Any:
    op = lookup(node.op)
    kernel = op.numpy
    assert kernel is not None
    if op.writes_out or op.view:
        return kernel
    if not op.control:
        return lambda *xs, **attrs: row_major(op, kernel(*xs, **attrs))
    programs = {
        role: (lambda *xs, _graph=graph: evaluate(Arrays(), _graph, xs))
        for role, graph in node.subgraphs.items()
    }
    return lambda *xs, **attrs: kernel(*xs, **attrs, run=programs)


def _writes(node: Node) -> bool:
    return node.op == CHAIN or (lookup(node.op).writes_out and not lookup(node.op).several)


def _views(node: Node) -> bool:
    return node.op != CHAIN and lookup(node.op).view


def _in_place(node: Node) -> bool:
    return node.op != CHAIN and lookup(node.op).elementwise and isinstance(lookup(node.op).numpy, np.ufunc)
