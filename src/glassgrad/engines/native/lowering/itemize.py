"""From nodes to items: one rule for each operation that a graph with static shapes may still have.

What is left of a graph are *items*: an elementwise operation over a domain, a reduction, a contraction (the matrix
product in all its forms), or an operation of its own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from glassgrad.engines.native.codegen.elementwise import SUPPORTED, Unsupported
from glassgrad.engines.native.lowering import views
from glassgrad.engines.native.lowering.items import (
    Access,
    Item,
    Items,
    Sizes,
    View,
    row_major,
    shape_of,
    squeezed,
)
from glassgrad.ir import Constant, Graph, Node, Value
from glassgrad.ops import lookup
from glassgrad.ops.places import LABEL, layout

__all__ = ["make_items"]


def make_items(graph: Graph, kept: int = 0) -> Items:
    """Return the items of a graph with static shapes whose composites have been opened.

    Parameters
    ----------
    graph
        The graph.
    kept
        How many of the first outputs may be the input of the same position itself: state that a step leaves alone.

    Raises
    ------
    Unsupported
        Where an operation or a dtype has no native rule; the message names it.
    """
    maker = _Maker()
    for value in graph.inputs:
        maker.root(value)
    for node in graph.nodes:
        maker.add(node)
    outputs: list[Value] = []
    for i, value in enumerate(graph.outputs):
        same = i < kept and value is graph.inputs[i]
        outputs.append(value if same else maker.output(value, outputs))
    return Items(graph.inputs, _live(maker.items, outputs), outputs)


def _live(items: Sequence[Item], outputs: Sequence[Value]) -> list[Item]:
    """Return the items whose results something reads: of others only a part without elements was wanted."""
    wanted, found = set(outputs), []
    for item in reversed(items):
        if not wanted.isdisjoint(item.out):
            wanted |= item.roots()
            found.append(item)
    return found[::-1]


def _refuse_empty(shape: Sizes) -> None:
    if 0 in shape:
        raise Unsupported(f"arrays without elements (shape {shape})")


class _Maker:
    def __init__(self) -> None:
        self.items: list[Item] = []
        self.views: dict[Value, View] = {}
        self.made: set[Value] = set()

    def root(self, value: Value) -> View:
        shape = shape_of(value)
        _refuse_empty(shape)
        if value.dtype.kind not in "fiub" or value.dtype.itemsize > 8 or value.dtype == np.float16:
            raise Unsupported(f"dtype {value.dtype}")
        view = self.views[value] = View(value, 0, shape, row_major(shape))
        return view

    def view(self, value: Value) -> View:
        found = self.views.get(value)
        return self.root(value) if found is None else found

    def push(self, item: Item) -> None:
        for shape in (item.domain, *(v.shape for v in item.views)):
            _refuse_empty(shape)
        for value in item.out:
            self.root(value)
            self.made.add(value)
        self.items.append(item)

    def add(self, node: Node) -> None:
        rule = _RULES.get(node.op)
        if rule is not None:
            rule(self, node)
        elif node.op in SUPPORTED:
            self.elementwise(node)
        else:
            raise Unsupported(f"the operation {node.op!r}")

    def elementwise(self, node: Node) -> None:
        (out,) = node.outputs
        shape = shape_of(out)
        reads = tuple(self.view(v).over(shape) for v in node.inputs)
        self.push(Item(node.op, "map", (out,), squeezed(shape), reads, attrs=node.attrs, node=node))

    def copied(self, view: View, shape: Sizes | None = None, node: Node | None = None) -> View:
        """Move what a view shows into a root of its own, of another shape where given."""
        out = Value(view.shape if shape is None else shape, view.root.dtype)
        self.push(Item("copy", "map", (out,), squeezed(view.shape), (view.over(view.shape),), node=node))
        return self.views[out]

    def output(self, value: Value, taken: Sequence[Value]) -> Value:
        view = self.view(value)
        whole = view.offset == 0 and view.over(view.shape).whole(squeezed(view.shape))
        if whole and view.root in self.made and view.root not in taken:
            return view.root
        return self.copied(view).root

    def cast(self, view: View, dtype: np.dtype[Any], node: Node) -> View:
        """Return the same numbers in another dtype."""
        if view.root.dtype == dtype:
            return view
        out = Value(view.shape, dtype)
        reads = (view.over(view.shape),)
        attrs = {"dtype": dtype}
        self.push(Item("astype", "map", (out,), squeezed(view.shape), reads, attrs=attrs, node=node))
        return self.views[out]


# --- views ---------------------------------------------------------------------------------------------------------


def _looks(f: Callable[[View, Mapping[str, Any]], View]) -> Callable[[_Maker, Node], None]:
    def rule(maker: _Maker, node: Node) -> None:
        maker.views[node.outputs[0]] = f(maker.view(node.inputs[0]), node.attrs)

    return rule


def _reshape(maker: _Maker, node: Node) -> None:
    view, shape = maker.view(node.inputs[0]), node.attrs["shape"]
    strides = views.split(view, shape)
    if strides is not None:
        maker.views[node.outputs[0]] = View(view.root, view.offset, shape, strides)
    else:
        maker.views[node.outputs[0]] = maker.copied(view, shape, node)


# --- picking -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Picked:
    """Where an index points in an array: a base over the axes of what is picked, and steps by computed numbers."""

    base: View
    indices: tuple[View, ...]
    sizes: Sizes
    steps: Sizes


def _picked(view: View, index: Sequence[Any], arrays: Sequence[View]) -> _Picked:
    """Resolve an index in normal form (see `glassgrad.ops.places`)."""
    _, brought, place = layout(view.shape, index, [a.shape for a in arrays])
    offset, axis = view.offset, 0
    shape: list[int] = []
    strides: list[int] = []
    sizes: list[int] = []
    steps: list[int] = []
    for entry in index:
        if entry is None:
            shape.append(1)
            strides.append(0)
            continue
        size, stride = view.shape[axis], view.strides[axis]
        if isinstance(entry, slice):
            places = range(*entry.indices(size))
            shape.append(len(places))
            strides.append(stride * places.step)
            offset += places.start * stride
        elif isinstance(entry, str):
            sizes.append(size)
            steps.append(stride)
        else:
            offset += (int(entry) % size) * stride
        axis += 1
    at, extra = place or 0, cast(Sizes, brought)
    rest = len(shape) - at
    base = View(
        view.root,
        offset,
        (*shape[:at], *extra, *shape[at:]),
        (*strides[:at], *(0,) * len(extra), *strides[at:]),
    )
    indices = tuple(a.with_axes(0, rest) for a in arrays)
    return _Picked(base, indices, tuple(sizes), tuple(steps))


def _getitem(maker: _Maker, node: Node) -> None:
    view, *arrays = (maker.view(v) for v in node.inputs)
    (out,) = node.outputs
    shape = shape_of(out)
    picked = _picked(view, node.attrs["index"], arrays)
    if not arrays:
        maker.views[out] = picked.base
        return
    _refuse_empty(picked.sizes)
    reads = tuple(v.over(shape) for v in picked.indices)
    attrs = {"sizes": picked.sizes, "steps": picked.steps, "labels": LABEL in node.attrs["index"]}
    base = picked.base.over(shape)
    maker.push(Item("gather", "map", (out,), squeezed(shape), reads, base=base, attrs=attrs, node=node))


def _scattered(maker: _Maker, node: Node) -> None:
    """Put values where an index points: added up, the extreme one, or, into an array there is, the last one."""
    (out,) = node.outputs
    shape = shape_of(out)
    seen = [maker.view(v) for v in node.inputs]
    around = (seen.pop(0),) if node.op == "index_put" else ()
    values, *arrays = seen
    values = maker.cast(values, out.dtype, node)
    picked = _picked(View(out, 0, shape, row_major(shape)), node.attrs["index"], arrays)
    domain = picked.base.shape
    if 0 in domain and around:
        maker.views[out] = around[0]
        return
    _refuse_empty(picked.sizes)
    reads = (values.over(domain), *(v.over(domain) for v in picked.indices))
    attrs = {"sizes": picked.sizes, "steps": picked.steps, "labels": LABEL in node.attrs["index"]}
    base = picked.base.over(domain)
    item = Item(
        node.op, "other", (out,), squeezed(domain), reads, base=base, views=around, attrs=attrs, node=node
    )
    maker.push(item)


# --- reductions and products ---------------------------------------------------------------------------------------


def _reduce(maker: _Maker, node: Node) -> None:
    view, (out,) = maker.view(node.inputs[0]), node.outputs
    if node.op in ("sum", "prod") or out.dtype == np.bool_:
        view = maker.cast(view, out.dtype, node)
    kept = [a for a, d in enumerate(view.shape) if d != 1]
    axes = tuple(i for i, a in enumerate(kept) if a in node.attrs["axis"])
    access, domain = view.over(view.shape), squeezed(view.shape)
    kind = "reduce" if axes else "map"
    maker.push(Item(node.op if axes else "copy", kind, (out,), domain, (access,), axes, node=node))


def _matmul(maker: _Maker, node: Node) -> None:
    (out,) = node.outputs
    a, b = (maker.cast(maker.view(v), out.dtype, node) for v in node.inputs)
    k = a.shape[-1]
    rows, columns = len(a.shape) > 1, len(b.shape) > 1
    a_k, b_k = a.strides[-1], b.strides[-2] if columns else b.strides[-1]
    batch = shape_of(out)[: len(out.shape) - rows - columns]
    m = a.shape[-2:-1] if rows else ()
    n = b.shape[-1:] if columns else ()
    shape = (*batch, *m, *n)
    a_rows = View(a.root, a.offset, (*a.shape[:-2], *m, *(1 for _ in n)), (*a.strides[:-1], *(0 for _ in n)))
    b_columns = View(
        b.root,
        b.offset,
        (*b.shape[:-2], *(1 for _ in m), *n),
        (*b.strides[:-2], *(0 for _ in m), *(b.strides[-1:] if n else ())),
    )
    reads = []
    for view, stride in ((a_rows, a_k), (b_columns, b_k)):
        access = view.over(shape)
        reads.append(Access(access.root, access.offset, (*access.strides, *((stride,) if k > 1 else ()))))
    domain = squeezed(shape)
    if k == 1:
        maker.push(Item("multiply", "map", (out,), domain, tuple(reads), node=node))
        return
    first, second = (
        any(mine and not other for mine, other in zip(x.strides[:-1], y.strides[:-1], strict=True))
        for x, y in (reads, reads[::-1])
    )
    domain = (*domain, k)
    if first and second:
        maker.push(Item("contract", "contract", (out,), domain, tuple(reads), (len(domain) - 1,), node=node))
        return
    product = Value(domain, out.dtype)
    maker.push(Item("multiply", "map", (product,), domain, tuple(reads), node=node))
    whole = (maker.views[product].over(domain),)
    maker.push(Item("sum", "reduce", (out,), domain, whole, (len(domain) - 1,), node=node))


# --- operations of their own kind ----------------------------------------------------------------------------------


def _own(maker: _Maker, node: Node) -> None:
    seen = tuple(maker.view(v) for v in node.inputs)
    domain = squeezed(shape_of(node.outputs[0]))
    maker.push(Item(node.op, "other", node.outputs, domain, views=seen, attrs=node.attrs, node=node))


def _joined(maker: _Maker, node: Node) -> None:
    """As `_own`, with all operands in the dtype of the result, but for those that have no elements."""
    (out,) = node.outputs
    seen = (maker.view(v) for v in node.inputs)
    alike = tuple(maker.cast(v, out.dtype, node) for v in seen if 0 not in v.shape)
    maker.push(
        Item(node.op, "other", (out,), squeezed(shape_of(out)), views=alike, attrs=node.attrs, node=node)
    )


def _known(maker: _Maker, node: Node) -> None:
    """Compute what has no inputs now."""
    (out,) = node.outputs
    kernel = lookup(node.op).numpy
    assert kernel is not None
    maker.views[out] = maker.root(Constant(np.asarray(kernel(**node.attrs))))


_RULES: dict[str, Callable[[_Maker, Node], None]] = {
    "identity": _looks(views.same),
    "stop_gradient": _looks(views.same),
    "again": _looks(views.same),
    "permute_dims": _looks(views.permuted),
    "broadcast_to": _looks(views.broadcast),
    "flip": _looks(views.flipped),
    "diagonal": _looks(views.diagonal),
    "reshape": _reshape,
    "getitem": _getitem,
    "matmul": _matmul,
    "arange": _known,
    "dimension": _known,
}
_RULES |= dict.fromkeys(("sum", "prod", "max", "min", "any", "all"), _reduce)
_RULES |= dict.fromkeys(("index_add", "index_put", "index_max", "index_min"), _scattered)
_RULES |= dict.fromkeys(
    ("concat", "cumulative_sum", "cumulative_prod", "cummax", "cummin", "linear_recurrence"), _joined
)
_RULES |= dict.fromkeys(("argmax", "argmin", "random_uniform", "scan", "cond"), _own)
