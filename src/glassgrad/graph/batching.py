"""Batching: a graph for one row becomes a graph for many, by each operation's batching rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassgrad.graph.builder import Builder
from glassgrad.graph.rules import RuleNamespace, evaluate
from glassgrad.ir import Dim, Graph, Shape, derived
from glassgrad.ops import Op

__all__ = ["BatchedNamespace", "Rows", "batch_graph"]


class Rows:
    """A value of which there is one for each row, along the first axis of `value`."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def shape(self) -> Shape:
        """Shape of one row."""
        return tuple(self.value.shape[1:])

    @property
    def dtype(self) -> Any:
        """NumPy dtype."""
        return self.value.dtype


class BatchedNamespace(RuleNamespace):
    """Carries operations out for every row at once, in another namespace.

    Parameters
    ----------
    inner
        The namespace that computes.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def bind(
        self,
        op: Op,
        inputs: Sequence[Any],
        attrs: Mapping[str, Any] | None = None,
        subgraphs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Apply `op` to each row where an input has rows, and once where none has."""
        batched = [isinstance(x, Rows) for x in inputs]
        plain = [x.value if isinstance(x, Rows) else x for x in inputs]
        if not any(batched):
            return self.inner.bind(op, plain, attrs or {}, subgraphs)
        out = op.batch(self.inner, plain, batched, attrs or {}, subgraphs)
        return tuple(Rows(o) for o in out) if op.several else Rows(out)


@derived
def batch_graph(graph: Graph, batched: tuple[bool, ...], rows: int | Dim) -> Graph:
    """Return the graph that applies `graph` to each of `rows` rows of the batched inputs; every output has rows."""
    builder = Builder(f"{graph.name}.batched")
    with builder.active():
        inputs: list[Any] = []
        for value, has_rows in zip(graph.inputs, batched, strict=True):
            shape = (rows, *value.shape) if has_rows else value.shape
            handle = builder.input(shape, value.dtype, value.name)
            inputs.append(Rows(handle) if has_rows else handle)
        outputs = [
            o.value if isinstance(o, Rows) else builder.broadcast_to(o, (rows, *o.shape))
            for o in evaluate(BatchedNamespace(builder), graph, inputs)
        ]
    return builder.finish(outputs)
