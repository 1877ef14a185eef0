"""Building graphs: a namespace whose operations add nodes.

A `Traced` stands for a value of the graph being built and behaves like a number: code written for arrays, run on
Traced values, leaves its graph behind. Builders nest (the body of a ``scan`` is traced while the graph around it
is): a value of an outer graph that an inner one uses becomes an extra input of the inner graph, a *capture*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from glassgrad.errors import TraceError
from glassgrad.graph.inside import inside_of
from glassgrad.graph.rules import RuleNamespace, checked_types, typed
from glassgrad.ir import Constant, Graph, Node, Shape, Value, current_scope
from glassgrad.ir.origin import caller
from glassgrad.numpy_calls import NumPyCalls
from glassgrad.ops import Op

__all__ = ["Builder", "Traced", "active_builder"]

_ACTIVE: ContextVar[Builder | None] = ContextVar("glassgrad_builder", default=None)


active_builder: Callable[[], Builder | None] = _ACTIVE.get
"""Return the innermost builder at work, if any."""


class Traced(NumPyCalls):
    """A handle on a value of a graph under construction."""

    __slots__ = ("builder", "value")

    def __init__(self, builder: Builder, value: Value) -> None:
        self.builder = builder
        self.value = value

    @property
    def _F(self) -> Builder:
        return self.builder

    @property
    def shape(self) -> Shape:
        """Shape, of which the batch may be symbolic."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy dtype."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.value.shape)

    def _unknown(self, *_: Any) -> Any:
        name = f"{self.value.name}: " if self.value.name else ""
        value = f"{name}{self.dtype}[{', '.join(map(str, self.shape))}]"
        if not self.builder.at_work():
            raise TraceError(
                f"this value ({value}) was traced for the graph {self.builder.name!r}, which is finished: "
                "it has no number. A traced function must return its results, not store them."
            )
        raise TraceError(
            f"this value ({value}) is being traced and has no number yet: it cannot be turned into one, "
            "tested with `if`, or given to NumPy. Use gg.where or gg.cond to choose, and glassgrad's functions.\n"
            f"  (at {caller()})"
        )

    def _followed(self) -> bool:
        return True

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if not self.builder.at_work():
            self._unknown()
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not self.builder.at_work():
            self._unknown()
        return super().__array_function__(function, types, args, kwargs)

    _values = __bool__ = __float__ = __int__ = __index__ = __array__ = __iter__ = __len__ = _unknown

    def __repr__(self) -> str:
        return f"Traced({self.value})"


class Builder(RuleNamespace):
    """Collects nodes; as a namespace, its operations add them.

    Parameters
    ----------
    name
        Name of the graph.
    base
        A graph to go on from: its inputs and nodes are kept, and new nodes are added after them.
    wants
        Says of an eager Tensor met while tracing whether the graph must depend on it (a capture); any other is a
        constant.
    """

    def __init__(
        self, name: str = "graph", base: Graph | None = None, wants: Callable[[Any], bool] | None = None
    ) -> None:
        self.name = name
        self.wants = wants or (lambda _: False)
        self.inputs: list[Value] = list(base.inputs) if base else []
        self.nodes: list[Node] = list(base.nodes) if base else []
        self.captures: dict[int, tuple[Any, Value]] = {}
        self.updates: dict[int, tuple[Any, Any]] = {}
        self.cause: Node | None = None
        self.around = _ACTIVE.get()

    def input(self, shape: Shape, dtype: Any, name: str | None = None) -> Traced:
        """Add an input and return its handle."""
        value = Value(tuple(shape), np.dtype(dtype), name)
        self.inputs.append(value)
        return Traced(self, value)

    def capture(self, outer: Any, name: str | None = None) -> Traced:
        """Return the handle that stands for `outer`, a value from outside, within this graph.

        Raises
        ------
        TraceError
            Where `outer` was traced by a graph that is finished: it escaped from its function.
        """
        if id(outer) not in self.captures:
            traced = getattr(outer, "_payload", outer)
            if isinstance(traced, Traced) and not traced.builder.at_work():
                traced._unknown()
            value = Value(tuple(outer.shape), outer.dtype, name)
            self.captures[id(outer)] = (outer, value)
        return Traced(self, self.captures[id(outer)][1])

    def at_work(self) -> bool:
        """Say whether the graph is being built: by the innermost builder, or by one around it."""
        builder = _ACTIVE.get()
        while builder is not None and builder is not self:
            builder = builder.around
        return builder is self

    def stand_in(self, outer: Any, handle: Traced) -> None:
        """Let an input stand for `outer`, a value from outside, wherever it is met."""
        self.captures[id(outer)] = (outer, handle.value)

    def update(self, outer: Any, payload: Any) -> None:
        """Note that the captured `outer` (a buffer) leaves the graph with a new value."""
        self.updates[id(outer)] = (outer, payload)

    @contextmanager
    def active(self) -> Iterator[Builder]:
        """Make this the innermost builder."""
        token = _ACTIVE.set(self)
        try:
            yield self
        finally:
            _ACTIVE.reset(token)

    def mark(self, cause: Node | None) -> None:
        """Mark the nodes made from now on as caused by a forward node."""
        self.cause = cause

    def lift(self, x: Any, dtype: np.dtype[Any] | None = None) -> Value:
        """Return the value for `x`: a handle of this graph, one of a graph around it, an array or a number."""
        if isinstance(x, Traced):
            return x.value if x.builder is self else self.capture(x).value
        if isinstance(x, Value):
            return x
        return Constant(np.asarray(x, dtype))

    def bind(
        self,
        op: Op,
        inputs: Sequence[Any],
        attrs: Mapping[str, Any] | None = None,
        subgraphs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Add a node for `op` and return the handle of its output, or a tuple of them."""
        attrs = attrs or {}
        values = tuple(self.lift(x) for x in typed(inputs))
        source = caller()
        types = checked_types(op, values, attrs, subgraphs)
        outputs = tuple(Value(tuple(shape), np.dtype(dtype)) for shape, dtype in types)
        if subgraphs is None:
            subgraphs = inside_of(op, values, attrs) if op.composite else {}
        scope = current_scope() or (self.cause.scope if self.cause is not None else "")
        node = Node(op.name, values, outputs, attrs, subgraphs, scope, source, self.cause)
        self.nodes.append(node)
        handles = tuple(Traced(self, value) for value in outputs)
        return handles if op.several else handles[0]

    def finish(self, outputs: Sequence[Any]) -> Graph:
        """Return the graph; captures come after the other inputs, in the order of their first use."""
        captured = tuple(value for _, value in self.captures.values() if value not in self.inputs)
        return Graph(
            (*self.inputs, *captured), tuple(self.nodes), tuple(self.lift(o) for o in outputs), self.name
        )

    @property
    def captured(self) -> list[Any]:
        """The outer values behind the captures, in order."""
        return [outer for outer, _ in self.captures.values()]
