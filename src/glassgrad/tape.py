"""The tape: what an eager run recorded, and the namespace of plain values that sweeps over it compute in.

A step keeps the values that went in and out and, for each input, the *key* of where it came from: an earlier step
or a leaf. Steps hold no Tensors, so the tape lives exactly as long as the results that were computed through it.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

from glassgrad.engines import program
from glassgrad.engines.watched import watched_program
from glassgrad.graph.builder import Traced, active_builder
from glassgrad.graph.rules import RuleNamespace, run_kernel, typed
from glassgrad.graph.watch import watching
from glassgrad.ir import Dim, Graph, Node, current_scope, inexact
from glassgrad.ir.origin import Source, calling_place
from glassgrad.ops import Op

__all__ = ["PLAIN", "Leaf", "TapeStep", "collect", "mark"]

_ORDER = itertools.count()


def mark() -> int:
    """Return a number that is above the order of every step recorded so far and below that of all to come."""
    return next(_ORDER)


class Leaf:
    """Where a gradient ends up: a Tensor that a person made and wants the gradient of, or a transform's variable.

    Attributes
    ----------
    tensor
        A weak reference to the Tensor.
    awaited
        Whether anything still wants the gradient: a transform's variable is done with when its function has run.
    """

    __slots__ = ("__weakref__", "awaited", "tensor")

    def __init__(self, tensor: Any) -> None:
        self.tensor = weakref.ref(tensor)
        self.awaited = True


class TapeStep:
    """One recorded operation: values in, values out, and where each input came from."""

    __slots__ = (
        "_place",
        "attrs",
        "input_keys",
        "op",
        "order",
        "origin",
        "scope",
        "subgraphs",
        "xs",
        "z",
    )

    def __init__(
        self,
        op: Op,
        xs: Sequence[Any],
        keys: list[Hashable | None],
        attrs: Mapping[str, Any],
        subgraphs: Mapping[str, Graph] | None,
        z: Any,
        origin: Node | None = None,
    ) -> None:
        self.op = op
        self.xs = xs
        self.input_keys = keys
        self.attrs = attrs
        self.subgraphs = subgraphs
        self.z = z
        self.order = next(_ORDER)
        self.scope = current_scope()
        self._place = calling_place()
        self.origin = origin

    @property
    def source(self) -> Source | None:
        """The user's line that carried the operation out."""
        return None if self._place is None else Source(*self._place)

    @property
    def output_keys(self) -> tuple[Hashable, ...]:
        """What the outputs are known by; made when asked for, since a step that held itself would outlive its use."""
        return tuple((self, i) for i in range(len(self.z))) if self.op.several else (self,)

    def operands(self, F: Any) -> Sequence[Any]:
        """Return the inputs, wrapped as `F` takes them."""
        return [F.wrap(x, key) for x, key in zip(typed(self.xs), self.input_keys, strict=True)]

    def results(self, F: Any) -> Any:
        """Return the output or outputs, likewise."""
        if self.op.several:
            return tuple(
                F.wrap(z, key if inexact(z.dtype) else None)
                for z, key in zip(self.z, self.output_keys, strict=True)
            )
        return F.wrap(self.z, self)


class Payloads(RuleNamespace):
    """Operations on what Tensors hold: arrays, or traced values, which go to the builder at work."""

    def bind(
        self,
        op: Op,
        inputs: Sequence[Any],
        attrs: Mapping[str, Any] | None = None,
        subgraphs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Carry out `op`."""
        builder = active_builder()
        if builder is not None and (any(type(x) is Traced for x in inputs) or _is_symbolic(attrs)):
            return builder.bind(op, inputs, attrs, subgraphs)
        return run_kernel(self, op, inputs, attrs or {}, subgraphs)

    def run(self, graph: Graph, inputs: Sequence[Any], engine: str | None = None) -> list[Any]:
        """Return the outputs of a graph on arrays: by the engine, where one is named."""
        watch = watching()
        if engine is not None:
            made = program(graph, engine)
            return made(*inputs) if watch is None else watched_program(watch, graph, made)(*inputs)
        return super().run(graph, inputs) if watch is None else watch.run(graph, inputs)

    def wrap(self, payload: Any, key: Hashable | None) -> Any:
        """Return the payload: this namespace keeps no history."""
        return payload

    def mark(self, cause: Node | None) -> None:
        """Mark what the builder at work adds as caused by a forward node."""
        builder = active_builder()
        if builder is not None:
            builder.mark(cause)


def _is_symbolic(attrs: Mapping[str, Any] | None) -> bool:
    """Say whether a setting holds the batch size, which no array can have while it is open."""
    settings = (attrs or {}).values()
    return any(isinstance(part, Dim) for s in settings for part in (s if isinstance(s, tuple) else (s,)))


PLAIN = Payloads()


def collect(
    keys: Iterable[Hashable], until: Collection[Hashable | None] = ()
) -> tuple[list[TapeStep], list[Leaf]]:
    """Return the steps that lead to `keys`, last first, and the leaves they start from; go no further than `until`.

    A step is recorded after the steps whose results it reads, so going by the order of recording is a topological
    order, and no recursion is needed however deep the graph.
    """
    steps: set[TapeStep] = set()
    leaves: dict[Leaf, None] = {}
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        step = key[0] if isinstance(key, tuple) else key
        if isinstance(step, Leaf):
            leaves[step] = None
        elif isinstance(step, TapeStep) and step not in steps:
            steps.add(step)
            if key not in until:
                waiting.extend(k for k in step.input_keys if k is not None)
    return sorted(steps, key=lambda step: step.order, reverse=True), list(leaves)
