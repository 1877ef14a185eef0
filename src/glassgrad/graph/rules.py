"""Applying records: evaluating graphs in any namespace, and the namespaces that can differentiate them.

`evaluate` runs a graph in a namespace, whatever that namespace makes of it: numbers, nodes or records. With it, an
operation that owns graphs (a composite without a rule of its own, a loop, a condition) is differentiated by
differentiating them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, GlassgradError, ShapeError
from glassgrad.ir import Constant, Dim, Graph, Node, Shape, current_scope
from glassgrad.ir.origin import caller
from glassgrad.ops import Namespace, Op, lookup

__all__ = [
    "Arrays",
    "RuleNamespace",
    "checked_types",
    "evaluate",
    "infer",
    "row_major",
    "run_kernel",
    "typed",
]


def infer(
    op: Op, inputs: Sequence[Any], attrs: Mapping[str, Any], subgraphs: Mapping[str, Any] | None = None
) -> list[tuple[Shape, np.dtype[Any]]]:
    """Return (shape, dtype) of each output of `op`."""
    extra = {"subgraphs": subgraphs} if op.control else {}
    types = op.infer(*inputs, **attrs, **extra)
    return list(types) if op.several else [types]


def checked_types(
    op: Op, inputs: Sequence[Any], attrs: Mapping[str, Any], subgraphs: Mapping[str, Any] | None
) -> list[tuple[Shape, np.dtype[Any]]]:
    """Return (shape, dtype) of each output of `op`, or say what does not fit, and on which line.

    Raises
    ------
    ShapeError, DTypeError
        Where the operation does not take inputs of these shapes and dtypes.
    """
    try:
        return infer(op, inputs, attrs, subgraphs)
    except (ShapeError, TypeError) as error:
        where = f" in {current_scope()}" if current_scope() else ""
        if not isinstance(error, GlassgradError):
            given = ", ".join(str(x.dtype) for x in inputs)
            error = DTypeError(f"{op.name} does not take {given}")
        raise type(error)(f"{error}\n  ({op.name}{where}, at {caller()})") from None


def evaluate(F: Namespace, graph: Graph, inputs: Sequence[Any]) -> list[Any]:
    """Return the outputs of `graph` on `inputs`, every operation carried out by `F`."""
    env: dict[Any, Any] = dict(zip(graph.inputs, inputs, strict=True))

    def read(value: Any) -> Any:
        return value.array if isinstance(value, Constant) and value not in env else env[value]

    for node in graph.nodes:
        op = lookup(node.op)
        result = F.bind(op, [read(v) for v in node.inputs], node.attrs, node.subgraphs or None)
        if op.several:
            env.update(zip(node.outputs, result, strict=True))
        else:
            env[node.outputs[0]] = result
    return [read(v) for v in graph.outputs]


class RuleNamespace(Namespace):
    """A namespace that can differentiate the graphs that operations own."""

    def mark(self, cause: Node | None) -> None:
        """Note which forward node the operations that follow are caused by; only builders keep it."""

    def run(self, graph: Graph, inputs: Sequence[Any], engine: str | None = None) -> list[Any]:
        """Return the outputs of a graph that an operation owns; whoever has engines leaves it to the one named."""
        return evaluate(self, graph, inputs)

    def pull_through(self, graph: Graph, wanted: Sequence[bool], g: Any, xs: Sequence[Any]) -> list[Any]:
        """Return the cotangent of each wanted input of `graph`, None in the place of the others."""
        from glassgrad.graph.reverse import pullback

        gs = list(g) if isinstance(g, (tuple, list)) else [g]
        results = iter(evaluate(self, pullback(graph, tuple(wanted)), [*xs, *gs]))
        return [next(results) if want else None for want in wanted]

    def push_through(self, graph: Graph, tangents: Sequence[Any], xs: Sequence[Any]) -> Any:
        """Return the tangent of the output of `graph` (a tuple of them where it has several)."""
        from glassgrad.graph.forward import pushforward

        moving = tuple(t is not None for t in tangents)
        given = [t for t in tangents if t is not None]
        results = evaluate(self, pushforward(graph, moving), [*xs, *given])
        return results[0] if len(results) == 1 else tuple(results)

    def pullback_graph(self, graph: Graph, wanted: Sequence[bool]) -> Graph:
        """Return the graph from inputs and output cotangents to the cotangents of the wanted inputs."""
        from glassgrad.graph.reverse import pullback

        return pullback(graph, tuple(wanted))

    def pushforward_graph(self, graph: Graph, moving: Sequence[bool]) -> Graph:
        """Return the graph from inputs and the tangents of the moving ones to the output tangents."""
        from glassgrad.graph.forward import pushforward

        return pushforward(graph, tuple(moving))

    def inline(self, graph: Graph, inputs: Sequence[Any]) -> list[Any]:
        """Carry out every operation of `graph` here and return its outputs."""
        return evaluate(self, graph, inputs)

    def build(
        self, name: str, specs: Sequence[tuple[Shape, np.dtype[Any]]], f: Callable[..., Sequence[Any]]
    ) -> Graph:
        """Return the graph of ``f(B, *values)``, where `B` is its builder."""
        from glassgrad.graph.builder import Builder

        builder = Builder(name)
        with builder.active():
            return builder.finish(f(builder, *(builder.input(shape, dtype) for shape, dtype in specs)))

    def batched_graph(self, graph: Graph, batched: Sequence[bool], rows: int | Dim) -> Graph:
        """Return the graph that applies `graph` to each row of the batched inputs; every output has rows."""
        from glassgrad.graph.batching import batch_graph

        return batch_graph(graph, tuple(batched), rows)


def typed(inputs: Sequence[Any]) -> Sequence[Any]:
    """Return the inputs of one operation, Python numbers as arrays of the dtype NumPy gives them beside the others.

    Kernels do that themselves; derivative rules and graphs take arrays only (1/7 is 0 in whole numbers).
    """
    plain = (bool, int, float, complex)
    if not any(isinstance(x, plain) for x in inputs):
        return inputs
    dtypes = [x.dtype for x in inputs if not isinstance(x, plain)]
    if len(dtypes) > 1:
        dtypes = [d for d in dtypes if d.kind != "b"]  # the condition of a choice has no say
    return [np.asarray(x, np.result_type(*dtypes, x)) if isinstance(x, plain) else x for x in inputs]


def run_kernel(
    F: RuleNamespace, op: Op, inputs: Sequence[Any], attrs: Mapping[str, Any], subgraphs: Any
) -> Any:
    """Carry out `op` on arrays; graphs it owns, or the lowering of a composite without a kernel, run in `F`.

    Where NumPy refuses, the record's type rule, which says more, has the first word.
    """
    kernel = op.numpy
    try:
        if kernel is None or op.control:
            return _run_inside(F, op, inputs, attrs, subgraphs)
        return kernel(*inputs, **attrs)
    except GlassgradError:
        raise
    except (ValueError, TypeError, IndexError):
        checked_types(op, [np.asarray(x) for x in inputs], attrs, subgraphs)
        raise


def _run_inside(
    F: RuleNamespace, op: Op, inputs: Sequence[Any], attrs: Mapping[str, Any], subgraphs: Any
) -> Any:
    """Carry out an operation by graphs that it owns, or by its lowering."""
    if op.numpy is None:
        assert op.lowering is not None
        return op.lowering(F, *typed(inputs), **attrs)
    of = attrs.get("engine")
    run = {role: (lambda *xs, _graph=graph: F.run(_graph, xs, of)) for role, graph in subgraphs.items()}
    return op.numpy(*inputs, **attrs, run=run)


def row_major(op: Op, result: Any) -> Any:
    """Return what a kernel computed in row-major order; only a view keeps the order of what it looks at.

    The last bit of a sum depends on the order of memory, so the order is part of what a graph means: NumPy's own
    choice would follow the inputs', and two engines could not agree.
    """
    if op.view or op.several or op.numpy is None or not isinstance(result, np.ndarray):
        return result
    return result if result.flags.c_contiguous else np.ascontiguousarray(result)


class Arrays(RuleNamespace):
    """Operations on NumPy arrays, carried out at once by the records' own implementations."""

    def bind(
        self,
        op: Op,
        inputs: Sequence[Any],
        attrs: Mapping[str, Any] | None = None,
        subgraphs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Apply `op` to arrays."""
        return row_major(op, run_kernel(self, op, [_array(x) for x in inputs], attrs or {}, subgraphs))


def _array(x: Any) -> Any:
    return x if isinstance(x, (np.ndarray, bool, int, float, complex)) else np.asarray(x)
