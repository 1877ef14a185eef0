"""Simplify: the same numbers to the last bit, with fewer operations.

What is done: common subexpressions are computed once, operations on constants are carried out, a broadcast before an
elementwise operation is left to that operation, and what changes nothing (times 1, a sum over no axis, a reshape to
the same shape, there and back again) is left out. What is not done: anything that could round differently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.graph.passes.rewrite import Rewriter, without_dead_nodes
from glassgrad.graph.rules import Arrays
from glassgrad.ir import Constant, Dim, Graph, Node, Value, broadcast_shapes, settings_key
from glassgrad.ir.dims import is_static
from glassgrad.ops import lookup

__all__ = ["simplify"]

_FOLD_LIMIT = 4096
"""Constants of more elements than this are not computed beforehand: they would only fill memory."""


def simplify(graph: Graph) -> Graph:
    """Return a graph that computes the same with fewer operations."""
    out = Rewriter()
    producers: dict[Value, Node] = {}
    known: dict[Hashable, Node] = {}
    constants: dict[Hashable, Constant] = {}
    for node in without_dead_nodes(graph).nodes:
        inputs = [_shared(out.read(v), constants) for v in node.inputs]
        op = lookup(node.op)
        if op.elementwise:
            inputs = _unbroadcast(inputs, node.outputs[0], producers)
        cheaper = _merged(node, inputs, producers) or out_of(node, inputs)
        shortcut = _constant(cheaper) or _shortcut(cheaper, producers)
        if shortcut is not None and not op.view and _strided(shortcut, producers):
            shortcut = None
        if shortcut is not None:
            out.values[node.outputs[0]] = shortcut
            continue
        key = _key(cheaper)
        twin = known.get(key)
        if twin is not None:
            out.replace(node, twin)
            out.values.update(zip(node.outputs, twin.outputs, strict=True))
            continue
        new = out.copy(cheaper, cheaper.inputs)
        out.replace(node, new)
        known[key] = new
        producers.update((v, new) for v in new.outputs)
    return without_dead_nodes(out.finish(graph))


def out_of(node: Node, inputs: Sequence[Value]) -> Node:
    """Return `node` reading `inputs`, itself where it does already."""
    if tuple(inputs) == node.inputs:
        return node
    return Node(
        node.op, tuple(inputs), node.outputs, node.attrs, node.subgraphs, node.scope, node.source, node.cause
    )


def _key(node: Node) -> Hashable:
    return (
        node.op,
        node.inputs,
        settings_key(node.attrs),
        tuple(node.subgraphs.values()) if lookup(node.op).control else (),
    )


def _shared(value: Value, constants: dict[Hashable, Constant]) -> Value:
    """Return one constant for all that are equal."""
    if not isinstance(value, Constant) or value.array.size > _FOLD_LIMIT:
        return value
    key = (value.dtype, value.shape, value.array.tobytes())
    return constants.setdefault(key, value)


def _unbroadcast(inputs: list[Value], output: Value, producers: dict[Value, Node]) -> list[Value]:
    """Read what was broadcast instead of its copies, where the operation broadcasts it anyway."""
    inputs = list(inputs)
    for i, value in enumerate(inputs):
        maker = producers.get(value)
        if maker is None or maker.op != "broadcast_to":
            continue
        trial = [maker.inputs[0] if j == i else v for j, v in enumerate(inputs)]
        try:
            same = broadcast_shapes(*(v.shape for v in trial)) == output.shape
        except ShapeError:
            same = False
        if same:
            inputs = trial
    return inputs


def _constant(node: Node) -> Constant | None:
    """Carry the operation out where everything it reads is known."""
    op, inputs = lookup(node.op), node.inputs
    if (
        op.several
        or op.control
        or op.name == "broadcast_to"
        or op.name.startswith("random")
        or any(isinstance(setting, Dim) for setting in node.attrs.values())
        or not all(isinstance(v, Constant) for v in inputs)
        or not is_static(node.outputs[0].shape)
        or math.prod(node.outputs[0].shape) > _FOLD_LIMIT  # type: ignore[operator]
        or any(v.array.size > _FOLD_LIMIT for v in inputs if isinstance(v, Constant))
    ):
        return None
    arrays = [v.array for v in inputs if isinstance(v, Constant)]
    with np.errstate(all="ignore"):
        result = np.asarray(Arrays().bind(op, arrays, node.attrs, node.subgraphs))
    return Constant(np.ascontiguousarray(result).reshape(result.shape), node.outputs[0].name)


def _strided(value: Value, producers: dict[Value, Node]) -> bool:
    """Say whether the value's numbers may lie in another order than row by row: sums of them round differently."""
    maker = producers.get(value)
    while maker is not None and maker.op == "reshape":
        maker = producers.get(maker.inputs[0])
    return maker is not None and lookup(maker.op).view


def _is(value: Value, number: float) -> bool:
    return isinstance(value, Constant) and value.array.size == 1 and bool(value.array.reshape(()) == number)


def _same(x: Value, node: Node) -> Value | None:
    out = node.outputs[0]
    return x if x.shape == out.shape and x.dtype == out.dtype else None


def _shortcut(node: Node, producers: dict[Value, Node]) -> Value | None:
    """Return an existing value that `node` would only compute again."""
    rule = _RULES.get(node.op)
    found = rule(node, node.inputs, producers) if rule else None
    return None if found is None else _same(found, node)


_Rule = Callable[[Node, Sequence[Value], dict[Value, Node]], Value | None]


def _unit(number: float, sides: tuple[int, ...]) -> _Rule:
    def rule(node: Node, inputs: Sequence[Value], _: dict[Value, Node]) -> Value | None:
        return next((inputs[1 - i] for i in sides if _is(inputs[i], number)), None)

    return rule


def _passes(node: Node, inputs: Sequence[Value], _: dict[Value, Node]) -> Value | None:
    return inputs[0]


def _all_picked(node: Node, inputs: Sequence[Value], _: dict[Value, Node]) -> Value | None:
    entries = node.attrs["index"]
    whole = all(
        isinstance(entry, slice) and entry.start in (None, 0) and entry.step == 1 for entry in entries
    )
    return inputs[0] if whole else None


def _nothing_summed(node: Node, inputs: Sequence[Value], _: dict[Value, Node]) -> Value | None:
    return None if node.attrs["axis"] else inputs[0]


def _there_and_back(node: Node, inputs: Sequence[Value], producers: dict[Value, Node]) -> Value | None:
    inner = producers.get(inputs[0])
    if inner is None or inner.op != node.op:
        return None
    if node.op == "permute_dims" and [inner.attrs["axes"][a] for a in node.attrs["axes"]] != list(
        range(len(node.attrs["axes"]))
    ):
        return None
    return inner.inputs[0]


_RULES: dict[str, _Rule] = {
    "multiply": _unit(1.0, (0, 1)),
    "strong_multiply": _unit(1.0, (1,)),
    "divide": _unit(1.0, (1,)),
    "identity": _passes,
    "astype": _passes,
    "broadcast_to": _passes,
    "getitem": _all_picked,
    "sum": _nothing_summed,
    "negative": _there_and_back,
    "permute_dims": _there_and_back,
    "reshape": _passes,
}


def _copies(node: Node, one: Value) -> Node | None:
    """Broadcast a single number to the shape of `node` at once, which the next operation may then do itself."""
    shape = node.outputs[0].shape
    if len(one.shape) > len(shape):
        return None
    return Node(
        "broadcast_to", (one,), node.outputs, {"shape": shape}, {}, node.scope, node.source, node.cause
    )


def _merged(node: Node, inputs: Sequence[Value], producers: dict[Value, Node]) -> Node | None:
    """Rewrite a node into a cheaper one: reshape after reshape, a strong zero that is not needed."""
    if node.op == "reshape":
        inner = producers.get(inputs[0])
        if inner is not None and inner.op == "reshape" and not _strided(inner.inputs[0], producers):
            return out_of(node, inner.inputs)
        if inner is not None and inner.op == "broadcast_to" and set(inner.inputs[0].shape) <= {1}:
            return _copies(node, inner.inputs[0])
        return None
    if (
        node.op == "strong_multiply"
        and isinstance(inputs[1], Constant)
        and np.isfinite(inputs[1].array).all()
    ):
        return Node("multiply", tuple(inputs), node.outputs, {}, {}, node.scope, node.source, node.cause)
    return None
