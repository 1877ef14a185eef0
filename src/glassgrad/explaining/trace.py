"""The trace: a whole step as data, for pages and other tools.

Everything an explanation shows can be worked out from it: every value of the forward pass, the backward pass and the
update, what made it, which forward operation caused it, from which line it comes; the gradients; the scalar gates,
where there are few; and where they stand in the drawing, so that everybody draws the same picture.
`docs/trace-schema.md` describes it; the records below are the schema.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from glassgrad.errors import DataError
from glassgrad.explaining.drawing.layout import Placed, place
from glassgrad.explaining.linearise import NotFollowed
from glassgrad.explaining.replay import forward
from glassgrad.explaining.scalars import TooMany
from glassgrad.explaining.telling.gates import circuit_of
from glassgrad.graph import differentiate
from glassgrad.graph.passes import for_arrays
from glassgrad.ir import Constant, Graph, Node, Value
from glassgrad.language import Text
from glassgrad.ops import lookup

if TYPE_CHECKING:
    from glassgrad.explaining.explanation import Explanation

__all__ = ["VERSION", "Trace", "read_trace", "trace", "write_trace"]

Array = np.ndarray[Any, Any]

VERSION = 1
"""The version of the form; keys are added within one, never removed, renamed or given another meaning."""

_INLINE = 256
"""The most numbers of an array that stand in the trace itself; larger ones, and complex ones, lie beside it."""


class Reference(msgspec.Struct, frozen=True, tag="array"):
    """An array that lies beside the trace, under a key of its NPZ file."""

    key: str


class Numbers(msgspec.Struct, frozen=True, tag="numbers"):
    """An array's numbers in row-major order; null where one is not finite."""

    data: tuple[float | None, ...]


class TracedValue(msgspec.Struct, frozen=True):
    """A value: its name, what kind it is, its numbers, and the gradient of the result for it."""

    id: str
    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    numbers: Numbers | Reference
    gradient: Numbers | Reference | None = None
    per_row: bool = False


class TracedNode(msgspec.Struct, frozen=True):
    """An operation: what it reads and makes, in which phase, and why."""

    id: str
    op: str
    phase: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: dict[str, str]
    scope: str
    source: str | None
    cause: str | None
    why: dict[str, str]
    derivative: str


class TracedGate(msgspec.Struct, frozen=True):
    """A scalar gate."""

    key: str
    op: str
    inputs: tuple[str, ...]
    local: tuple[float | None, ...]
    value: float | None
    gradient: float | None
    rounding: float | None


class Change(msgspec.Struct, frozen=True):
    """A piece of the state: the value before the step and the one after it."""

    name: str
    before: str
    after: str


class Trace(msgspec.Struct, frozen=True):
    """A step."""

    version: int
    title: dict[str, str]
    result: str
    values: tuple[TracedValue, ...]
    nodes: tuple[TracedNode, ...]
    state: tuple[Change, ...]
    optimizer: dict[str, float | str] | None
    gates: tuple[TracedGate, ...] | None
    drawing: Placed | None


def trace(told: Explanation) -> tuple[Trace, dict[str, Array]]:
    """Return the trace of an explanation, and the arrays that lie beside it.

    Examples
    --------
    >>> import glassgrad as gg
    >>> found, arrays = trace(gg.explain(lambda x, y: x * y, 2.0, 3.0))
    >>> [node.phase for node in found.nodes], arrays
    (['forward', 'backward', 'backward'], {})
    """
    writer = _Writer(told)
    return writer.written(), writer.arrays


def write_trace(told: Explanation, path: str | os.PathLike[str]) -> list[Path]:
    """Write the trace of an explanation as JSON, and the large arrays beside it as NPZ; return the files.

    Raises
    ------
    OSError
        Where a file cannot be written.
    """
    found, arrays = trace(told)
    target = Path(path)
    target.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1))
    if not arrays:
        return [target]
    beside = target.with_suffix(".npz")
    np.savez_compressed(beside, **arrays)  # type: ignore[arg-type]
    return [target, beside]


def read_trace(path: str | os.PathLike[str]) -> tuple[Trace, dict[str, Array]]:
    """Read a trace back.

    Raises
    ------
    DataError
        Where the file is no trace, or one of a newer version.
    """
    source = Path(path)
    try:
        found = msgspec.json.decode(source.read_bytes(), type=Trace)
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"'{path}' is no trace: {error}") from None
    if found.version > VERSION:
        raise DataError(
            f"'{path}' is a trace of version {found.version}; this glassgrad reads up to {VERSION}"
        )
    beside = source.with_suffix(".npz")
    if not beside.exists():
        return found, {}
    with np.load(beside, allow_pickle=False) as file:
        return found, {key: file[key] for key in file.files}


class _Writer:
    def __init__(self, told: Explanation) -> None:
        self.told = told
        self.arrays: dict[str, Array] = {}
        self.ids: dict[Value, str] = {}

    def written(self) -> Trace:
        told = self.told
        graph, inputs = self._whole()
        values = forward(graph, inputs)
        node_ids = {node: f"n{i}" for i, node in enumerate(graph.nodes)}
        start = next((i for i, node in enumerate(graph.nodes) if node.cause is not None), len(graph.nodes))
        phases = [
            "backward" if node.cause is not None else "forward" if i < start else "update"
            for i, node in enumerate(graph.nodes)
        ]
        self.ids = {value: f"v{i}" for i, value in enumerate(values)}
        traced = [self._value(value, array, value in graph.inputs) for value, array in values.items()]
        nodes = [self._node(node, node_ids, phase) for node, phase in zip(graph.nodes, phases, strict=True)]
        gates, drawing = self._gates()
        return Trace(
            VERSION,
            _both(told.title),
            self.ids[told.played.result],
            tuple(traced),
            tuple(nodes),
            self._state(graph),
            self._optimizer(),
            gates,
            drawing,
        )

    def _whole(self) -> tuple[Graph, Sequence[Array]]:
        """Return the graph of the whole step, forward, backward and update, and what goes into it."""
        told = self.told
        if told.taken is not None:
            return for_arrays(told.graph, told.taken.inputs), told.taken.inputs
        graph = told.played.graph
        wanted = [i for i, v in enumerate(graph.inputs) if v in told.weights]
        return differentiate(graph, wanted), [told.played.values[v] for v in graph.inputs]

    def _value(self, value: Value, array: Array, given: bool) -> TracedValue:
        told, own = self.told, self.ids[value]
        gradient = told.played.gradients.get(value)
        return TracedValue(
            own,
            told.names[value] if value in told.played.values else value.name or own,
            "constant" if isinstance(value, Constant) else "input" if given else "computed",
            tuple(array.shape),
            str(array.dtype),
            self._numbers(own, array),
            None if gradient is None else self._numbers(f"{own}.gradient", gradient),
            value in told.played.rows,
        )

    def _numbers(self, key: str, array: Array) -> Numbers | Reference:
        if array.size > _INLINE or array.dtype.kind == "c":
            self.arrays[key] = array
            return Reference(key)
        flat = array.astype(np.float64).reshape(-1)
        return Numbers(tuple(x if np.isfinite(x) else None for x in flat.tolist()))

    def _node(self, node: Node, ids: Mapping[Node, str], phase: str) -> TracedNode:
        record = lookup(node.op)
        return TracedNode(
            ids[node],
            node.op,
            phase,
            tuple(self.ids[v] for v in node.inputs),
            tuple(self.ids[v] for v in node.outputs),
            {name: str(setting) for name, setting in node.attrs.items()},
            node.scope,
            None if node.source is None else str(node.source),
            None if node.cause is None else ids.get(node.cause),
            _both(record.why),
            record.derivative,
        )

    def _state(self, graph: Graph) -> tuple[Change, ...]:
        if self.told.taken is None:
            return ()
        keys = self.told.taken.step.slots.keys()
        pairs = zip(keys, graph.inputs, graph.outputs, strict=False)
        return tuple(Change(key, self.ids[old], self.ids[new]) for key, old, new in pairs)

    def _optimizer(self) -> dict[str, float | str] | None:
        if self.told.taken is None:
            return None
        optimizer = self.told.taken.step.optimizer
        return {"name": type(optimizer).__name__, **optimizer.hyper(), "lr": self.told.taken.rate}

    def _gates(self) -> tuple[tuple[TracedGate, ...] | None, Placed | None]:
        try:
            gates = self.told.gates()
        except (TooMany, NotFollowed):
            return None, None
        listed = tuple(
            TracedGate(g.key, g.op, g.inputs, g.local, g.value, g.gradient, g.rounding)
            for g in gates.values()
        )
        circuit = circuit_of(gates)
        return listed, None if circuit is None else place(circuit)


def _both(text: Text) -> dict[str, str]:
    return {"en": text.en, "ko": text.ko}
