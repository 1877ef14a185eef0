"""Graphs run on SymPy's expressions: what a network computes, as a formula.

The same graph that ran on numbers runs here on arrays of expressions, an expression an element. A record whose formula
SymPy can say has a rule (`rules`); a composite without one is opened, in its textbook's form. Named functions (σ, ReLU,
max) stay what they are called while a person reads them, with the derivative that people know; `opened` writes them
out, so that SymPy can find the derivative on its own.

SymPy comes with ``pip install 'glassgrad[explain]'`` and takes its time to load: import this module where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from glassgrad.errors import GraphError
from glassgrad.explaining.derivation.formulas import exact
from glassgrad.explaining.derivation.rules import (
    ELEMENTWISE,
    FREE,
    MOVES,
    WHOLE,
    elementwise,
    lifted,
    without_rule,
)
from glassgrad.ir import Constant, Graph, Node, Value
from glassgrad.ops import lookup

__all__ = ["Settle", "exact", "expressions", "operations"]

Array = np.ndarray[Any, Any]
Settle: TypeAlias = Callable[[Node, Value, Array], Array]


def expressions(graph: Graph, inputs: Sequence[Array], settle: Settle | None = None) -> dict[Value, Array]:
    """Run a graph on expressions.

    Parameters
    ----------
    graph
        A static graph.
    inputs
        For each input an array of expressions (dtype object) or of numbers, which stay numbers.
    settle
        Called with every node, one of its outputs and the expressions there, where they are expressions; returns what
        takes their place, such as symbols of their own. By default they stay.

    Returns
    -------
    dict
        An array for each value: of expressions where it depends on one, else of numbers.

    Raises
    ------
    GraphError
        Where an operation has no formula that SymPy knows; it is named.

    Examples
    --------
    >>> import sympy as sp
    >>> import glassgrad as gg
    >>> graph = gg.trace(lambda x, y: gg.sum(gg.tanh(x) * y), gg.Spec((2,)), gg.Spec((2,)))
    >>> x, y = (np.array(sp.symbols(f"{name}:2"), object) for name in "xy")
    >>> expressions(graph, [x, y])[graph.outputs[0]].item()
    y0*tanh(x0) + y1*tanh(x1)
    """
    values: dict[Value, Array] = dict(zip(graph.inputs, inputs, strict=True))
    values |= {c: c.array for c in graph.constants()}
    for node in graph.nodes:
        made = _apply(node, [values[v] for v in node.inputs], settle)
        for value, array in zip(node.outputs, made, strict=True):
            symbolic = settle is not None and array.dtype == object and not isinstance(value, Constant)
            values[value] = settle(node, value, array) if symbolic and settle is not None else array
    return values


def operations(graph: Graph) -> int:
    """Return about how many scalar operations a graph stands for: multiplications, additions, functions.

    Examples
    --------
    >>> import glassgrad as gg
    >>> operations(gg.trace(lambda W, x: gg.tanh(W @ x), gg.Spec((4, 3)), gg.Spec((3,))))
    16
    """
    return sum(map(_cost, graph.nodes))


def _cost(node: Node) -> int:
    if node.op in MOVES or node.op in FREE:
        return 0
    opened = _inside(node)
    if opened is not None:
        return operations(opened)
    sizes = [int(np.prod([int(d) for d in v.shape])) for v in (*node.inputs, *node.outputs)]  # type: ignore[arg-type]
    if node.op in ("matmul", "linear"):
        return sizes[-1] * int(node.inputs[0].shape[-1])  # type: ignore[arg-type]
    return max(sizes)


def _apply(node: Node, inputs: list[Array], settle: Settle | None) -> list[Array]:
    op = lookup(node.op)
    if all(x.dtype != object for x in inputs) and op.numpy is not None and not op.control:
        made = op.numpy(*inputs, **node.attrs)
        return [np.asarray(m) for m in (made if op.several else [made])]
    if any(v.dtype.kind == "c" for v in (*node.inputs, *node.outputs)):
        raise GraphError(
            f"{op.name} computes with complex numbers here, and formulas are for real ones.\n"
            "Take real and imaginary parts as numbers of their own; gg.explain still shows the gradient."
        )
    if node.op in MOVES and op.numpy is not None:
        return lifted([op.numpy(*_moved(inputs), **node.attrs)])
    if node.op in ELEMENTWISE:
        return [elementwise(ELEMENTWISE[node.op], inputs, node.attrs)]
    if node.op in WHOLE:
        return [np.asarray(WHOLE[node.op](*lifted(inputs), **node.attrs), object)]
    inside = _inside(node)
    if inside is None:
        raise without_rule(op)
    found = expressions(inside, inputs, settle)
    return [np.asarray(found[v], object) for v in inside.outputs]


def _inside(node: Node) -> Graph | None:
    """Return the graph that a node without a rule stands for."""
    if node.op in ELEMENTWISE or node.op in WHOLE or node.op in MOVES:
        return None
    opens = node.op in ("call", "checkpoint")  # not custom: its derivative is its own, not that of its body
    return node.subgraphs.get("definition") or (node.subgraphs.get("body") if opens else None)


def _moved(inputs: Sequence[Array]) -> list[Array]:
    """Lift what is moved, and leave the indices by which it is moved as they are."""
    return [x if i and x.dtype.kind in "iu" else lifted([x])[0] for i, x in enumerate(inputs)]
