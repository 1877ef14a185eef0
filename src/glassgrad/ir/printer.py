"""Graphs as text a person can read: one line a node, types on the left, origin on the right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import numpy as np

from glassgrad.ir.graph import Constant, Graph, Node, Value

__all__ = ["Names", "format_graph"]


def format_graph(graph: Graph, *, subgraphs: bool = False) -> str:
    """Return `graph` as text.

    Parameters
    ----------
    graph
        The graph to print.
    subgraphs
        Whether to print the graphs that nodes own as well, indented below their node.

    Returns
    -------
    str
        A header with the inputs, one line a node with its scope and source line (``←`` marks what a node of
        the backward pass was caused by), and a line with what is returned.

    Examples
    --------
    >>> import glassgrad as gg
    >>> graph = gg.trace(lambda x: x * 2.0, gg.Spec(("N", 3)), name="double")
    >>> print(gg.format_graph(graph))  # doctest: +ELLIPSIS
    double(x: float64[N, 3])
      %0: float64[N, 3] = multiply(x, 2.0)  # ...
      return %0
    """
    return "\n".join(_lines(graph, subgraphs))


def _lines(graph: Graph, subgraphs: bool) -> Iterator[str]:
    names = Names(graph)
    yield f"{graph.name}({', '.join(f'{names[v]}: {_type(v)}' for v in graph.inputs)})"
    for constant in graph.constants():
        if constant.array.ndim:
            yield f"  {names[constant]}: {_type(constant)} = constant"
    rows = [_node(node, names) for node in graph.nodes]
    width = min(max((len(text) for text, _ in rows), default=0), 90)
    for node, (text, origin) in zip(graph.nodes, rows, strict=True):
        yield f"  {text:<{width}}  # {origin}" if origin else f"  {text}"
        if subgraphs:
            for role, inner in node.subgraphs.items():
                yield f"      {role}:"
                yield from ("        " + line for line in _lines(inner, subgraphs))
    yield f"  return {', '.join(names[v] for v in graph.outputs)}"


class Names:
    """A distinct name for each value: the given one where there is one, else a number."""

    def __init__(self, graph: Graph) -> None:
        self._names: dict[Value, str] = {}
        taken: set[str] = set()
        unnamed = 0
        computed = [value for node in graph.nodes for value in node.outputs]
        for value in (*graph.inputs, *graph.constants(), *computed):
            if isinstance(value, Constant) and not value.array.ndim:
                self._names[value] = _number(value.array)
                continue
            base = value.name or f"%{unnamed}"
            unnamed += value.name is None
            name, count = base, 2
            while name in taken:
                name, count = f"{base}_{count}", count + 1
            taken.add(name)
            self._names[value] = name

    def __getitem__(self, value: Value) -> str:
        return self._names.get(value, "?")


def _node(node: Node, names: Names) -> tuple[str, str]:
    results = ", ".join(f"{names[v]}: {_type(v)}" for v in node.outputs)
    arguments = [names[v] for v in node.inputs]
    arguments += [f"{k}={_setting(v)}" for k, v in node.attrs.items()]
    origin = [node.scope] if node.scope else []
    if node.cause is not None:
        origin.append(f"← {names[node.cause.outputs[0]]} {node.cause.op}".replace("? ", ""))
    if node.source is not None:
        origin.append(f"{PurePath(node.source.file).name}:{node.source.line}")
    return f"{results} = {node.op}({', '.join(arguments)})", "  ".join(origin)


def _type(value: Value) -> str:
    return f"{value.dtype}[{', '.join(str(d) for d in value.shape)}]"


def _number(array: np.ndarray[Any, Any]) -> str:
    return repr(array.item())


def _setting(setting: Any) -> str:
    return f"array{setting.shape}" if isinstance(setting, np.ndarray) else str(setting)
