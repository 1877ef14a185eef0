"""What the native engine makes of a graph, as text: every stage, from the traced graph to machine code.

The text says which operations run together and which numbers never reach memory, how each product is tiled, which
matrices lie column by column, where everything lies and for how long, and what each stage took. Values are named as in
the graph at its end.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import TypeVar

import numpy as np

from glassgrad.engines import StepGraph
from glassgrad.engines.native.assemble import Parts, Unit, assemble
from glassgrad.engines.native.codegen.elementwise import Unsupported
from glassgrad.engines.native.codegen.jit import generate, load
from glassgrad.engines.native.codegen.target import Target, host
from glassgrad.engines.native.lowering.fuse import Kernel, fuse
from glassgrad.engines.native.lowering.itemize import make_items
from glassgrad.engines.native.lowering.items import Item, shape_of
from glassgrad.engines.native.lowering.layout import choose_layouts
from glassgrad.engines.native.lowering.opening import opened, opens
from glassgrad.engines.native.lowering.places import ARGUMENTS, WORK
from glassgrad.engines.native.lowering.products import Product
from glassgrad.engines.native.lowering.signs import signs_from_results
from glassgrad.engines.native.steps import RUN, Inputs, write_call, write_loop
from glassgrad.engines.native.words import (
    OPS,
    RootNames,
    ancestors,
    counted,
    heading,
    list_counts,
    scratch,
    table,
    type_of,
    wrapped,
)
from glassgrad.errors import OptionError
from glassgrad.graph.passes import simplify, specialise
from glassgrad.ir import Graph, Value, format_graph

__all__ = ["explain_graph", "explain_step"]

T = TypeVar("T")

_MANY = 5
"""Fused operations of one origin from which they are counted rather than listed."""


def explain_step(step: StepGraph, n: int, target: Target | None = None, *, llvm: bool = False) -> str:
    """Return what becomes of a training step.

    Parameters
    ----------
    step
        The step.
    n
        Rows of a mini-batch.
    target
        The machine to make code for; by default this one.
    llvm
        Return the text that LLVM is given, and nothing else.

    Raises
    ------
    OptionError
        Where the step has something that the native engine does not compile.
    """
    return _explained(step.graph, n, target or host(), step, llvm)


def explain_graph(graph: Graph, target: Target | None = None, *, llvm: bool = False) -> str:
    """Return what becomes of a graph with static shapes that is run once at a time; as `explain_step`.

    Examples
    --------
    >>> import glassgrad as gg
    >>> text = explain_graph(gg.trace(lambda x: gg.tanh(x) * 2.0, gg.Spec((8,)), name="double"))
    >>> text.splitlines()[0].startswith("double, for this machine")
    True
    """
    return _explained(graph, None, target or host(), None, llvm)


def _explained(graph: Graph, n: int | None, target: Target, step: StepGraph | None, llvm: bool) -> str:
    try:
        plan = _Plan(graph, n, target, step)
    except Unsupported as reason:
        raise OptionError(
            f"there is no plan to show: the native engine does not compile {reason}, so {graph.name} runs with NumPy"
        ) from None
    return plan.llvm if llvm else plan.text()


class _Stages:
    """What was done, how large the result is, and how long it took."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, float, str]] = []

    def take(self, name: str, make: Callable[[], T], size: Callable[[T], str], note: str = "") -> T:
        begin = time.perf_counter()
        made = make()
        self.rows.append((name, size(made), time.perf_counter() - begin, note))
        return made

    def text(self) -> Iterator[str]:
        width = max(len(size) for _, size, _, _ in self.rows)
        for name, size, seconds, note in self.rows:
            yield f"  {name:<22}{size:>{width}}{seconds * 1e3:9.1f} ms   {note}".rstrip()


class _Plan:
    """A graph on its way to machine code, each stage kept."""

    def __init__(self, graph: Graph, n: int | None, target: Target, step: StepGraph | None) -> None:
        self.target, self.step, self.n = target, step, n
        stages = self.stages = _Stages()
        self.passes: list[tuple[str, Graph]] = []
        self.graph = graph = self._passes(graph, n)
        state, constant = (step.state, step.fixed) if step else (0, 0)
        items = stages.take(
            "views removed",
            lambda: make_items(graph, kept=state),
            lambda made: counted(len(made.items), "operation"),
            "whoever reads a reshape, a transpose or a slice reads what it looks at",
        )
        kernels = stages.take("fuse", lambda: fuse(items), lambda made: counted(len(made), "kernel"))
        fixed = (*graph.inputs[state:], *items.outputs[state:])
        in_memory = {*items.inputs, *(v for kernel in kernels for v in kernel.stored)}
        stages.take(
            "layouts",
            lambda: choose_layouts(items, kernels, target, state, fixed),
            lambda made: counted(len(made.columns & in_memory), "matrix", "matrices"),
            "that lie column by column",
        )
        self.parts = parts = stages.take(
            "write",
            lambda: self._written(state, constant),
            lambda made: counted(str(made.module).count("\n"), "line"),
            "of LLVM's language, all stages since the passes included",
        )
        self.llvm = str(parts.module)
        code = stages.take(
            "LLVM",
            lambda: generate(self.llvm, target),
            lambda made: counted(len(made), "byte"),
            "of machine code",
        )
        stages.take("load", lambda: load(code, target, RUN), lambda _: "")
        self.names = RootNames(graph, parts, step)
        self.forward = ancestors(graph, graph.outputs[state]) if step else set()
        self.differentiated = any(node.cause is not None for node in graph.nodes)
        self.several_lines = len({str(node.source) for node in graph.nodes}) > 1

    def _passes(self, graph: Graph, n: int | None) -> Graph:
        """Take the passes of the engine one by one, and keep what each made."""

        def take(name: str, make: Callable[[], Graph], note: str = "") -> Graph:
            made = self.stages.take(name, make, lambda g: counted(len(g.nodes), "operation"), note)
            self.passes.append((name, made))
            return made

        traced = take("trace", lambda: graph, "done before")
        fixed = traced if n is None else take("specialise", lambda: specialise(traced, n), f"N = {n}")
        simple = take("simplify", lambda: simplify(fixed))
        parts = take("lower", lambda: opened(simple), f"opens {list_counts(_composites(simple))}")
        again = take("simplify again", lambda: simplify(parts))
        return take("signs", lambda: signs_from_results(again), "of ReLUs are read from their results")

    def _written(self, state: int, constant: int) -> Parts:
        """Write the whole program, as the engine does."""
        graph, step, target = self.graph, self.step, self.target
        parts = assemble(graph, target, state=state, constant=constant, single=step is None)
        if step is None:
            write_call(parts, target)
            return parts
        rows = graph.inputs[state : state + step.rows]
        each = graph.inputs[state + step.rows : state + step.rows + step.each]
        single = any(v.dtype == np.float32 for v in graph.inputs[:state])
        write_loop(parts, Inputs(rows, each, parts.items.outputs[state:]), target, flush=single)
        return parts

    # --- the text ---

    def text(self) -> str:
        """Return all of it."""
        lines = [*self._head(), "", "From graph to machine code", "", *self.stages.text()]
        units = [*self.parts.once, *self.parts.every]
        number = {id(unit): i for i, unit in enumerate(units, 1)}
        every = "Kernels of a step, in the order in which they run" if self.step else "Kernels"
        for title, part in (
            ("Kernels that run once, before the first step", self.parts.once),
            (every, self.parts.every),
        ):
            lines += ["", title, ""] if part else []
            for unit in part:
                lines += self._unit(unit, number[id(unit)])
        note = "* is written to memory, the others stay in registers"
        lines += ["", f"({note}; ′ is what a piece of state becomes)" if self.step else f"({note})"]
        lines += self._state(units)
        lines += self._memory(units)
        lines += ["", "The graph that becomes kernels", "", format_graph(self.graph)]
        for name, graph in self.passes[:-1]:
            lines += ["", f"The graph after: {name}", "", format_graph(graph)]
        return "\n".join(lines)

    def _head(self) -> list[str]:
        t = self.target
        rows = "" if self.n is None else f" on mini-batches of {counted(self.n, 'row')}"
        machine = "this machine" if t == host() else t.triple
        registers = f"{t.registers} vector registers of {t.vector_bytes} bytes"
        return [f"{self.graph.name}{rows}, for {machine} ({t.cpu}: {registers})"]

    def _unit(self, unit: Unit, number: int) -> Iterator[str]:
        kernel, product = unit.kernel, unit.plan.product if unit.plan else None
        share = f"{counted(unit.units, 'unit')} of parallel work" if unit.units > 1 else "one thread"
        if unit.packs:
            assert product is not None
            source = self._operands(kernel, product)[0]
            width = f"panels of {product.width}"
            yield f"{number:3}. copy {self.names[source]} into {width} for the product that follows; {share}"
            return
        phases = ", ".join(dict.fromkeys(self._phase(item) for item in kernel.items))
        yield f"{number:3}. {heading(kernel)}{f' ({phases})' if phases else ''}; {share}"
        for origin, group in groupby(kernel.items, self._origin):
            yield from self._items(list(group), origin, kernel)
        if product is not None:
            yield from wrapped(self._tiling(kernel, product), 7)
        reads = [self._described(v) for v in sorted(kernel.reads(), key=self.names.order)]
        yield from wrapped(f"reads {', '.join(reads) or 'nothing'}", 7)

    def _items(self, items: Sequence[Item], origin: str, kernel: Kernel) -> Iterator[str]:
        """Yield a line an operation; many of one origin are counted."""
        if len(items) >= _MANY:
            stored = [self.names[v] + "*" for item in items for v in item.out if v in kernel.stored]
            text = f"{', '.join(stored) or '…'} = {list_counts(Counter(item.op for item in items))}"
            yield from wrapped(f"{text}   # {origin}" if origin else text, 7)
            return
        for item in items:
            made = ", ".join(self.names[v] + ("*" if v in kernel.stored else "") for v in item.out)
            roots = [a.root for a in item.reads] or [v.root for v in item.views]
            roots = [item.base.root, *roots] if item.base and item.base.root not in item.out else roots
            text = f"       {made} = {OPS.get(item.op, item.op)}({', '.join(self.names[r] for r in roots)})"
            yield f"{text:<62}  # {origin}" if origin else text

    def _phase(self, item: Item) -> str:
        if item.node is None or (self.step is None and not self.differentiated):
            return ""
        if item.node.cause is not None:
            return "backward"
        return "forward" if self.step is None or item.node in self.forward else "update"

    def _origin(self, item: Item) -> str:
        node = item.node
        if node is None:
            return ""
        parts = [node.scope] if node.scope else []
        parts += [f"← {node.cause.op}"] if node.cause is not None else []
        if node.source is not None and self.several_lines:
            parts.append(f"{PurePath(node.source.file).name}:{node.source.line}")
        return "  ".join(parts)

    def _operands(self, kernel: Kernel, product: Product) -> tuple[Value, Value]:
        """Return the roots that give the vectors and the numbers."""
        first, second = (a.root for a in kernel.main.reads)
        return (first, second) if product.swapped else (second, first)

    def _tiling(self, kernel: Kernel, product: Product) -> str:
        vectors, numbers = (self.names[v] for v in self._operands(kernel, product))
        rows, columns = product.tile
        packed = "" if not product.packed else ", packed" if product.ahead else ", packed panel by panel"
        text = (
            f"tiles of {counted(rows, 'row')} × {counted(columns, 'vector')} of {product.lanes} numbers; vectors lie "
            f"along the axis of {product.along.size} and come from {vectors}{packed}, "
            f"numbers one by one from {numbers}"
        )
        return text + (f"; the sum in {product.blocks} blocks" if product.blocks > 1 else "")

    def _described(self, root: Value) -> str:
        return self.names[root] + (" by columns" if root in self.parts.layouts.columns else "")

    def _state(self, units: Sequence[Unit]) -> Iterator[str]:
        """Yield where the pieces of state lie and how each is brought to its next value."""
        if self.step is None:
            return
        parts = self.parts
        yield from ("", f"State: {counted(parts.places.state, 'byte')}, kept from step to step", "")
        makers = {v: i for i, unit in enumerate(units, 1) for v in unit.kernel.stored if not unit.packs}
        rows = []
        pairs = zip(parts.items.inputs[: self.step.state], parts.items.outputs, strict=False)
        for i, (old, new) in enumerate(pairs):
            if old is new:
                how = "stays as it is"
            elif i in parts.in_place:
                how = f"updated in place by kernel {makers[new]}"
            else:
                how = f"made by kernel {makers[new]}, moved here at the end"
            rows.append((self.names[old], type_of(old), self._layout(old), *self._lies(old), how))
        yield from table(rows, ("", "", "", "offset", "bytes", ""), numbers=(3, 4))

    def _memory(self, units: Sequence[Unit]) -> Iterator[str]:
        """Yield where every other root lies, and a bar over the kernels while it is needed."""
        parts = self.parts
        yield from (
            "",
            f"Working memory: {counted(parts.places.work, 'byte')}; roots that are not needed together share it",
            "",
        )
        last: dict[Value, int] = {}
        first: dict[Value, int] = {}
        for i, unit in enumerate(units):
            for value in (*unit.kernel.reads(), *unit.kernel.stored, *scratch(unit)):
                first.setdefault(value, i)
                last[value] = i
        for value in (*parts.items.outputs, *(v for unit in parts.once for v in unit.kernel.stored)):
            last[value] = len(units) - 1
        inputs = self._inputs()
        rows = []
        places = sorted(parts.places.of.items(), key=lambda pair: (pair[1].offset, first.get(pair[0], 0)))
        for value, place in places:
            if place.block != WORK:
                continue
            when = inputs.get(value)
            if value not in last:
                when = "read by no kernel"
            elif when is None:
                begins, ends = first[value], last[value] + 1
                when = "·" * begins + "█" * (ends - begins) + "·" * (len(units) - ends)
            rows.append((self.names[value], type_of(value), self._layout(value), *self._lies(value), when))
        yield from table(rows, ("", "", "", "offset", "bytes", "needed by kernels"), numbers=(3, 4))
        outside = [self.names[v] for v, place in parts.places.of.items() if place.block == ARGUMENTS]
        if outside:
            yield from wrapped(f"Read and written where the caller has them: {', '.join(outside)}", 0)

    def _inputs(self) -> dict[Value, str]:
        """Return for each input of a step that lies in the working memory where it comes from."""
        if self.step is None:
            return {}
        step, found = self.step, {}
        given = iter(self.parts.items.inputs[step.state :])
        for count, what in (
            (step.rows, "gathered for each mini-batch"),
            (step.each, "a number for each step"),
            (step.fixed, "the same in all steps"),
        ):
            found.update({next(given): what for _ in range(count)})
        return found

    def _lies(self, root: Value) -> tuple[str, str]:
        return f"{self.parts.places.of[root].offset:,}", f"{self.parts.places.bytes_of(root):,}"

    def _layout(self, root: Value) -> str:
        pitch = self.parts.layouts.pitch(root)
        if not pitch:
            return ""
        rows = next(d for d in shape_of(root) if d != 1)
        return f"by columns of {rows}" + (f", {pitch - rows} unused" if pitch != rows else "")


def _composites(graph: Graph) -> Counter[str]:
    """Return what is opened, by how often."""
    return Counter(node.op for node in graph.nodes if opens(node))
