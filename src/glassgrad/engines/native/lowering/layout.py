"""Layouts: which matrices lie column by column.

A product is fastest where its vector operand and its result lie along the same axis. A weight is read in the forward
pass, and its gradient made in the backward pass, along the layer's outputs, so that a weight of shape (out, in) had
better lie with its outputs side by side. Arrays that an elementwise kernel reads at its own indices go together: a
weight, its gradient and the optimizer's state for it. Each such group lies the way that makes its products cheapest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from glassgrad.engines.native.codegen.target import Target
from glassgrad.engines.native.lowering.fuse import Kernel
from glassgrad.engines.native.lowering.items import Access, Items, Sizes, shape_of, squeezed
from glassgrad.engines.native.lowering.products import Product, plan_product
from glassgrad.ir import Constant, Value

__all__ = ["Layouts", "choose_layouts"]


_GAP = 1.15
"""How much longer a column may become by the gap that fills its last vector."""


class Layouts:
    """Says how accesses walk through memory.

    Attributes
    ----------
    columns
        The roots that lie column by column.
    """

    def __init__(self, target: Target, columns: Iterable[Value] = ()) -> None:
        self.target = target
        self.columns = set(columns)

    def strides(self, access: Access) -> Sizes:
        """Return the strides of an access in memory, in elements."""
        if access.root not in self.columns:
            return access.strides
        _, size = squeezed(shape_of(access.root))
        pitch = self.pitch(access.root)
        return tuple({0: 0, 1: pitch, size: 1}[s] for s in access.strides)

    def pitch(self, root: Value) -> int:
        """Return how many numbers lie between the columns of a root, or 0 where it lies row by row.

        A column that nearly fills its last vector is followed by a gap, so that whole vectors can be written.
        """
        if root not in self.columns:
            return 0
        rows, _ = squeezed(shape_of(root))
        lanes = self.target.lanes(root.dtype.itemsize)
        whole = -(-rows // lanes) * lanes
        return whole if whole <= _GAP * rows else rows

    def product(self, kernel: Kernel) -> Product:
        """Plan the contraction of a kernel."""
        main = kernel.main
        first, second = (self.strides(a) for a in main.reads)
        (out,) = main.out
        domain = kernel.domain
        result = self.strides(_own(out, domain))
        itemsize = out.dtype.itemsize
        lanes = self.target.lanes(itemsize)
        pitches = {self.pitch(v) for v in kernel.stored} or {self.pitch(out)}
        pitch = pitches.pop() if len(pitches) == 1 else 0
        return plan_product(main.domain, first, second, result, lanes, self.target.registers, itemsize, pitch)


def _own(root: Value, domain: Sizes) -> Access:
    from glassgrad.engines.native.lowering.items import row_major

    return Access(root, 0, row_major(domain))


def choose_layouts(
    items: Items,
    kernels: Sequence[Kernel],
    target: Target,
    state: int,
    fixed: Iterable[Value],
    settled: frozenset[int] | None = None,
) -> Layouts:
    """Choose the layouts.

    Parameters
    ----------
    items, kernels
        What is computed.
    target
        The machine.
    state
        How many of the inputs are state, which the outputs of the same position replace.
    fixed
        Roots that must lie row by row.
    settled
        Which pieces of state lie column by column, where that has been decided already.
    """
    groups = _Groups()
    for kernel in kernels:
        for part, domain in ((kernel.before, kernel.main.domain), (kernel.after, kernel.domain)):
            accesses = [a for item in part for a in item.reads]
            own = [v for item in part for v in item.out]
            if domain == kernel.domain and kernel.kind in ("contract", "map"):
                own += kernel.main.out
            groups.join([a.root for a in accesses if a.whole(domain)] + own)
    for before, after in zip(items.inputs[:state], items.outputs[:state], strict=False):
        groups.join([before, after])
    bound = _bound(kernels) | set(fixed) | set(items.inputs[state:])
    layouts = Layouts(target)
    products = [k for k in kernels if k.kind == "contract"]
    candidates = [
        g
        for g in groups.all()
        if all(len(squeezed(v.shape)) == 2 and v not in bound for v in g)  # type: ignore[arg-type]
    ]
    candidates.sort(key=lambda g: -max(math.prod(shape_of(v)) for v in g))
    if settled is not None:
        given = set(items.inputs[:state])
        layouts.columns = {v for g in candidates for v in g if g & {items.inputs[i] for i in settled}}
        candidates = [g for g in candidates if g.isdisjoint(given)]
    around = [(k, k.reads() | k.makes()) for k in products]
    touched = {id(g): [k for k, values in around if not g.isdisjoint(values)] for g in candidates}
    changed = True
    while changed:
        changed = False
        for group in candidates:
            affected = touched[id(group)]
            before_cost = sum(layouts.product(k).cost for k in affected)
            layouts.columns ^= group
            if sum(layouts.product(k).cost for k in affected) < 0.98 * before_cost:
                changed = True
            else:
                layouts.columns ^= group
    return layouts


def _bound(kernels: Sequence[Kernel]) -> set[Value]:
    """Return the roots that something reads otherwise than along their two axes, or all at once."""
    bound: set[Value] = set()
    for kernel in kernels:
        for item in kernel.items:
            bound |= {v.root for v in item.views} | ({item.base.root} if item.base else set())
            bound |= set(item.out) if item.kind == "other" else set()
            bound |= {a.root for a in item.reads if not _along_axes(a, item.domain)}
            own = tuple(d for a, d in enumerate(item.domain) if a not in item.axes)
            bound |= {v for v in item.out if squeezed(shape_of(v)) != own}
    return bound


def _along_axes(access: Access, domain: Sizes) -> bool:
    """Say whether a domain reads a matrix along its two axes, from its first element on."""
    shape = squeezed(shape_of(access.root))
    if len(shape) != 2 or access.offset or isinstance(access.root, Constant):
        return False
    rows, columns = shape
    reach = {0: math.inf, 1: columns, columns: rows}
    moving = [s for s in access.strides if s]
    return len(moving) == len(set(moving)) and all(
        d <= reach.get(s, 0) for s, d in zip(access.strides, domain, strict=True)
    )


class _Groups:
    """Sets of roots that have to lie alike."""

    def __init__(self) -> None:
        self._of: dict[Value, set[Value]] = {}

    def join(self, values: Sequence[Value]) -> None:
        whole: set[Value] = set()
        for value in values:
            whole |= self._of.get(value, {value})
        for value in whole:
            self._of[value] = whole

    def all(self) -> list[set[Value]]:
        """Return the groups, in the order in which their members came."""
        seen: dict[int, set[Value]] = {id(g): g for g in self._of.values()}
        return list(seen.values())
