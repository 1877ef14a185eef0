"""Names: what a value is called, as its author would call it.

An input keeps its own name. What a layer makes is called after the layer, ``linear0`` or ``encoder.linear``; what a
line of somebody's own code makes, after the variable that it is given to; anything else after its operation. Of several
results of one operation each has its number, ``eigh.1``, where no variable of its own takes it. A single number is an
element: ``0.weight[1,0]``, rows first.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from glassgrad.errors import OptionError, did_you_mean
from glassgrad.ir import Constant, Graph, Node, Value

__all__ = ["Names", "split_index"]

_ELEMENT = re.compile(r"^(?P<name>.*?)\s*\[(?P<index>\s*(\d+\s*(,\s*\d+\s*)*)?)\]$")


def split_index(name: str) -> tuple[str, tuple[int, ...] | None]:
    """Return the value's name and the index of ``"0.weight[1,2]"``; None where no index is given.

    Examples
    --------
    >>> split_index("0.weight[1,2]"), split_index("loss")
    (('0.weight', (1, 2)), ('loss', None))
    """
    parts = _ELEMENT.match(name.strip())
    if parts is None:
        return name.strip(), None
    return parts["name"], tuple(int(i) for i in parts["index"].split(",") if i.strip())


class Names:
    """The names of a graph's values, and back again.

    Parameters
    ----------
    graph
        The graph.
    known
        Names that are given.

    Examples
    --------
    >>> import glassgrad as gg
    >>> graph = gg.trace(lambda W, x: gg.sum(W @ x), gg.Spec((2, 3)), gg.Spec((3,)))
    >>> names = Names(graph)
    >>> names.find("W[1,2]")[1], names.element(graph.inputs[0], 5)
    (5, 'W[1,2]')
    """

    def __init__(self, graph: Graph, known: Mapping[Value, str] | None = None) -> None:
        self._of: dict[Value, str] = {}
        self._taken: dict[str, Value] = {}
        for i, value in enumerate(graph.inputs):
            self._give(value, value.name or f"x{i}")
        for value, name in (known or {}).items():
            self._give(value, name)
        last: dict[str, Node] = {node.scope: node for node in graph.nodes if node.scope}
        variables = _variables(graph)
        counts: Counter[str] = Counter()
        for node in graph.nodes:
            if all(output in self._of for output in node.outputs):
                continue
            given = variables.get(node, ())
            if len(given) == 1:
                (name,) = given
            elif node.scope:
                name = _layer(node, whole=last[node.scope] is node)
            else:
                own = str(node.attrs["name"]) if node.op == "custom" else node.op
                counts[own] += 1
                name = own if counts[own] == 1 else f"{own}{counts[own]}"
            several = len(node.outputs) > 1
            for i, output in enumerate(node.outputs):
                if output not in self._of:
                    own = given[i] if len(given) == len(node.outputs) else f"{name}.{i}" if several else name
                    self._give(output, own)

    def __getitem__(self, value: Value) -> str:
        found = self._of.get(value)
        if found is None and isinstance(value, Constant) and value.array.size == 1:
            return f"{value.array.item():.4g}"
        return found or "…"

    def element(self, value: Value, element: int) -> str:
        """Return the name of one number of a value."""
        if value.shape == ():
            return self[value]
        index = np.unravel_index(element, tuple(int(d) for d in value.shape))  # type: ignore[arg-type]
        return f"{self[value]}[{','.join(str(int(i)) for i in index)}]"

    def find(self, name: str) -> tuple[Value, int]:
        """Return the value and the element that a name stands for.

        Raises
        ------
        OptionError
            Where there is no such value, with the nearest names; or no such element, with the range of indices.
        """
        base, given = split_index(name)
        if base not in self._taken:
            raise OptionError(f"there is no value {base!r}. {did_you_mean(base, self._taken)}")
        value = self._taken[base]
        shape = tuple(int(d) for d in value.shape)  # type: ignore[arg-type]
        index = given or ()
        if len(index) != len(shape) or any(i >= d for i, d in zip(index, shape, strict=True)):
            ranges = ",".join(f"0…{d - 1}" for d in shape)
            wanted = (
                f"name one of its numbers: {base}[{ranges}]" if shape else f"it is a single number: {base}"
            )
            raise OptionError(f"{base} has shape {shape}, so {name!r} is none of its numbers; {wanted}")
        return value, int(np.ravel_multi_index(index, shape)) if shape else 0

    def all(self) -> Sequence[str]:
        """Return every name, inputs first."""
        return list(self._taken)

    def _give(self, value: Value, name: str) -> None:
        unique, number = name, 1
        while unique in self._taken:
            number += 1
            unique = f"{name}′" if number == 2 else f"{name}_{number}"
        self._of[value] = unique
        self._taken[unique] = value


def _layer(node: Node, *, whole: bool) -> str:
    """Return what the result of a layer is called, ``linear0``, or that of an operation within it."""
    parts = node.scope.split("/")
    words = [part for part in parts if not part.isdigit()]
    number = "".join([part for part in parts if part.isdigit()][-1:])
    if not words:
        return f"{node.op}{number}"
    name = ".".join(words) + number
    return name if whole else f"{name}.{node.op}"


def _variables(graph: Graph) -> dict[Node, tuple[str, ...]]:
    """Return for the last node of a line of the user's, such as ``q = x + y``, the variables it is given to."""
    last: dict[tuple[str, int], Node] = {}
    for node in graph.nodes:
        if node.source is not None and not node.scope and not node.source.function.endswith("<lambda>"):
            last[node.source.file, node.source.line] = node
    found = {}
    for (file, line), node in last.items():
        names = _targets(linecache.getline(file, line))
        if len(names) in (1, len(node.outputs)):
            found[node] = names
    return found


def _targets(line: str) -> tuple[str, ...]:
    """Return the variable of a line that is one plain assignment, or those of one that takes several results."""
    try:
        (statement,) = ast.parse(line.strip()).body
    except (SyntaxError, ValueError):
        return ()
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ()
    (target,) = statement.targets
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return tuple(names) if len(names) == len(parts) else ()
