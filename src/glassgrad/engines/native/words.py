"""The words in which a program is shown: names for what it computes, sizes, lists and tables."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from glassgrad.engines import StepGraph
from glassgrad.engines.native.assemble import Parts, Unit
from glassgrad.engines.native.lowering.fuse import Kernel
from glassgrad.engines.native.lowering.items import shape_of
from glassgrad.ir import Constant, Graph, Node, Value
from glassgrad.ir.printer import Names

__all__ = [
    "OPS",
    "RootNames",
    "ancestors",
    "counted",
    "heading",
    "list_counts",
    "scratch",
    "table",
    "type_of",
    "wrapped",
]

_WIDTH = 110


class RootNames:
    """A name for every root: that of the graph's value, or what it holds."""

    def __init__(self, graph: Graph, parts: Parts, step: StepGraph | None) -> None:
        names = Names(graph)
        known = [*graph.inputs, *graph.constants(), *(v for node in graph.nodes for v in node.outputs)]
        self._names = {value: names[value] for value in known}
        self._order = {value: i for i, value in enumerate(known)}
        if step is not None:
            for old, new in zip(parts.items.inputs[: step.state], parts.items.outputs, strict=False):
                if old is not new:
                    self._names[new] = f"{names[old]}′"
        for unit in (*parts.once, *parts.every):
            for item in unit.kernel.items:
                for value in item.out:
                    if value not in self._names:
                        source = item.reads[0].root if item.reads else value
                        self._names[value] = f"{item.op} of {self._names.get(source, '…')}"
            for value in scratch(unit):
                what = "panels" if unit.plan and value is unit.plan.packed else "waiting sums"
                self._names[value] = f"{what} for {self._names[unit.kernel.main.out[0]]}"

    def __getitem__(self, value: Value) -> str:
        found = self._names.get(value)
        if found is None and isinstance(value, Constant):
            return repr(value.array.item()) if value.array.size == 1 else "a constant"
        return found or "…"

    def order(self, value: Value) -> int:
        """Return where a root stands in the graph."""
        return self._order.get(value, len(self._order))


OPS = {"contract": "product", "gather": "getitem", "index_put": "index_set"}
"""What items of other names are called in the graph."""


def scratch(unit: Unit) -> list[Value]:
    """Return the roots that a product needs only while it runs."""
    plan = unit.plan
    return [] if plan is None else plan.scratch


def ancestors(graph: Graph, value: Value) -> set[Node]:
    """Return the nodes that lead to a value."""
    makers, waiting = graph.producers(), [value]
    found: set[Node] = set()
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node not in found:
            found.add(node)
            waiting.extend(node.inputs)
    return found


def heading(kernel: Kernel) -> str:
    """Return what a kernel does, and over which sizes."""
    main = kernel.main
    if kernel.kind == "contract":
        return f"product {_dims(kernel.domain)}, each number a sum of {main.domain[-1]}"
    if kernel.kind == "reduce":
        return f"{main.op} over {_dims([main.domain[a] for a in main.axes])} of {_dims(main.domain)}"
    if kernel.kind == "map":
        return f"elementwise {_dims(kernel.domain)}" if kernel.domain else "single numbers"
    return f"{OPS.get(main.op, main.op)} {_dims(main.domain)}"


def _dims(sizes: Sequence[int]) -> str:
    return "×".join(map(str, sizes)) or "1"


def type_of(value: Value) -> str:
    """Return dtype and shape."""
    return f"{value.dtype}[{', '.join(map(str, shape_of(value)))}]"


def counted(count: int, noun: str, several: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(2000, "matrix", "matrices")
    ('1 row', '2,000 matrices')
    """
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def list_counts(counts: Counter[str]) -> str:
    """Return names, each with how often it comes where that is more than once."""
    return ", ".join(f"{op} ×{n}" if n > 1 else op for op, n in counts.items()) or "nothing"


def wrapped(text: str, indent: int) -> Iterator[str]:
    """Yield a text in lines that are not too long."""
    yield from textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
    )


def table(rows: Sequence[Sequence[str]], header: Sequence[str], numbers: Sequence[int]) -> Iterator[str]:
    """Yield the lines of a table; the columns in `numbers` are aligned to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, *rows):
        cells = [
            f"{c:>{w}}" if i in numbers else f"{c:<{w}}"
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()
