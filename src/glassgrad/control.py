"""Loops and choices inside a graph: `scan` and `cond` on functions of Tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glassgrad.errors import GraphError, ShapeError
from glassgrad.graph.builder import Traced
from glassgrad.graph.rules import checked_types
from glassgrad.ir import Graph, Value
from glassgrad.ops import lookup
from glassgrad.tensors import T, asarray
from glassgrad.tracing import Spec, outside, trace_with
from glassgrad.tree import flatten

__all__ = ["cond", "scan"]


def _numbered(rebuild: Callable[[list[Any]], Any], leaves: Sequence[Any]) -> Any:
    """Return a structure with numbers for its leaves, to compare it and to show it."""
    return rebuild(list(range(len(leaves))))


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, *, reverse: bool = False
) -> tuple[Any, Any]:
    """Go through `xs` along the first axis, handing a carry from step to step.

    Parameters
    ----------
    f
        ``f(carry, x) -> (carry, y)``; the carry keeps its structure, shapes and dtypes. It is traced once.
    init
        The carry at the start: an array, or nested dicts, lists and tuples of them.
    xs
        What to go through: an array whose first axis is the step, or a nesting of such.
    reverse
        Go from the last to the first; the results keep the order of `xs`.

    Returns
    -------
    carry, ys
        The last carry, and the results stacked along a new first axis.

    Raises
    ------
    GraphError
        Where the body changes the carry's shapes or dtypes.
    ShapeError
        Where the parts of `xs` have different lengths, or none.

    Examples
    --------
    >>> import glassgrad as gg
    >>> total, running = scan(lambda c, x: (c + x, c + x), gg.tensor(0.0), gg.tensor([1.0, 2.0, 3.0]))
    >>> total, running
    (Tensor(6.), Tensor([1., 3., 6.]))
    """
    start, rebuild_carry = flatten(init)
    rows, rebuild_row = flatten(xs)
    start, rows = [asarray(s) for s in start], [asarray(r) for r in rows]
    specs = [Spec(s.shape, s.dtype) for s in start] + [Spec(r.shape[1:], r.dtype) for r in rows]

    def body(*leaves: Any) -> tuple[list[Any], list[Any]]:
        result: Any = f(rebuild_carry(list(leaves[: len(start)])), rebuild_row(list(leaves[len(start) :])))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            given = f"{len(result)} values" if isinstance(result, (tuple, list)) else type(result).__name__
            raise GraphError(f"scan: its body returns (carry, y), but this one returned {given}")
        carry, y = result
        flat, rebuild_y[0] = flatten(y)
        state, rebuild_state = flatten(carry)
        before, after = _numbered(rebuild_carry, start), _numbered(rebuild_state, state)
        if before != after:
            raise GraphError(
                f"scan: the carry goes in as {before} and comes out as {after} (numbered values)"
            )
        return state, flat

    rebuild_y: list[Any] = [None]
    graph, captured, _ = trace_with(
        body, specs, name=getattr(f, "__name__", "body").strip("<>"), wants=outside
    )
    settings = {"carry": len(start), "xs": len(rows), "reverse": reverse}
    checked_types(lookup("scan"), [*start, *rows, *captured], settings, {"body": graph})
    out = T.scan(graph, [*start, *rows, *captured], **settings)
    return rebuild_carry(list(out[: len(start)])), rebuild_y[0](list(out[len(start) :]))


def cond(which: Any, true: Callable[..., Any], false: Callable[..., Any], *operands: Any) -> Any:
    """Return ``true(*operands)`` or ``false(*operands)``, whichever `which` says.

    On values that are there, only the chosen function is called. While tracing, both are traced, and the graph
    chooses when it runs.

    Parameters
    ----------
    which
        One truth value.
    true, false
        Functions that return the same structure, shapes and dtypes.
    *operands
        Arrays, or nestings of them.

    Raises
    ------
    ShapeError
        Where `which` is not one value.
    GraphError
        Where the traced branches return different types.

    Examples
    --------
    >>> import glassgrad as gg
    >>> cond(gg.tensor(3.0) > 2.0, lambda x: x * 2.0, lambda x: -x, gg.tensor(5.0))
    Tensor(10.)
    """
    which = asarray(which)
    if which.shape != ():
        raise ShapeError(
            f"cond: the condition must be one truth value, but it has shape {which.shape}; "
            "use gg.where to choose element by element"
        )
    if not isinstance(which._payload, Traced):
        return (true if bool(which) else false)(*operands)
    leaves, rebuild = flatten(list(operands))
    leaves = [asarray(x) for x in leaves]
    specs = [Spec(x.shape, x.dtype) for x in leaves]
    (g_true, c_true, rebuild_out), (g_false, c_false, rebuild_other) = (
        trace_with(lambda *xs, _f=f: _f(*rebuild(list(xs))), specs, name=role, wants=outside)
        for role, f in (("true", true), ("false", false))
    )
    results = [_numbered(rebuild_out, g_true.outputs), _numbered(rebuild_other, g_false.outputs)]
    if results[0] != results[1]:
        raise GraphError(
            f"cond: the branches must return the same structure, but return {results[0]} and {results[1]} "
            "(numbered values)"
        )
    n = len(specs)
    g_true = _with_unused(g_true, n + len(c_true), c_false)
    g_false = _with_unused(g_false, n, c_true)
    return rebuild_out(list(T.cond(which, g_true, g_false, [*leaves, *c_true, *c_false])))


def _with_unused(graph: Graph, at: int, tensors: list[Any]) -> Graph:
    """Give a graph inputs that it does not read, so that both branches take the same."""
    unused = tuple(Value(tuple(t.shape), t.dtype) for t in tensors)
    return Graph((*graph.inputs[:at], *unused, *graph.inputs[at:]), graph.nodes, graph.outputs, graph.name)
