"""The body of a kernel: its elementwise items, carried out for one element or one vector of them.

Whatever the loops around it (a plain nest, the tile of a product, a row of a reduction), the body reads its operands at
the indices at hand, computes, and stores what is read elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from glassgrad.engines.native.codegen import elementwise
from glassgrad.engines.native.codegen.ir import I64, Function, V, kind_of
from glassgrad.engines.native.lowering.items import Access, Item, Items, Sizes, row_major
from glassgrad.engines.native.lowering.layout import Layouts
from glassgrad.engines.native.lowering.places import Places
from glassgrad.ir import Constant, Graph, Value

__all__ = ["At", "Body", "Context", "Inside"]


_FAR = 1 << 19
"""Bytes of an array from which it is not expected in the caches."""

_FEW = 4
"""Lanes of a vector whose numbers are read one by one from computed places."""


@dataclass(frozen=True, slots=True)
class At:
    """An index: a part known when the code runs, and a part known now."""

    base: V | int = 0
    plus: int = 0


class Inside(Protocol):
    """A graph that an operation owns, compiled: its roots, their places, and how it is called."""

    items: Items
    places: Places

    def call(self, f: Function) -> None:
        """Run it once."""


@dataclass(slots=True)
class Context:
    """What all kernels are written with.

    Attributes
    ----------
    layouts, places
        How and where each root lies.
    inside
        Compiles a graph that an operation owns.
    """

    layouts: Layouts
    places: Places
    inside: Callable[[Graph], Inside]

    def lanes(self, items: Sequence[Item]) -> int:
        """Return the lanes that suit the numbers that the items compute."""
        dtypes = [v.dtype for item in items for v in item.out]
        dtypes += [a.root.dtype for item in items for a in item.reads]
        widths = [d.itemsize for d in dtypes if d.kind == "f"] or [d.itemsize for d in dtypes]
        lanes = self.layouts.target.lanes(max(widths))
        scattered = any(i.op == "gather" and any(a.strides[-1:] != (0,) for a in i.reads) for i in items)
        return min(lanes, _FEW) if scattered else lanes


class Body:
    """Elementwise items in a function.

    Parameters
    ----------
    f
        The function.
    context
        Layouts and places.
    items
        What is computed, in order.
    stored
        Roots that are written to memory.
    domain
        The sizes of the indices.
    nest
        The loops: for each the axes of the domain that it goes through together. By default one for each axis.
    given
        Roots whose numbers `run` is handed.
    """

    def __init__(
        self,
        f: Function,
        context: Context,
        items: Sequence[Item],
        stored: Sequence[Value],
        domain: Sizes,
        nest: Sequence[Sequence[int]] | None = None,
        given: Sequence[Value] = (),
    ) -> None:
        self.f, self.context, self.items = f, context, items
        self._nest = [(a,) for a in range(len(domain))] if nest is None else nest
        self.stored = [v for v in stored if any(v in item.out for item in items)]
        self._own = row_major(domain)
        self._made = {v for item in items for v in item.out} | set(given)
        self._scalars: dict[Access, V] = {}
        for item in items:
            for access in item.reads:
                if access.root not in self._made and not any(access.strides) and access not in self._scalars:
                    self._scalars[access] = self._number(access)
        self._addresses: dict[Any, V] = {}
        self._loaded: dict[Any, V] = {}

    def strides(self, access: Access) -> Sizes:
        """Return the strides of an access in memory, one for each loop."""
        strides = self.context.layouts.strides(access)
        return tuple(strides[axes[-1]] for axes in self._nest)

    def own(self, root: Value) -> Access:
        """Return the access to a root at the domain's own indices."""
        return Access(root, 0, self._own)

    def refresh(self) -> None:
        """Forget addresses and operands: what was computed in one block does not hold in another."""
        self._addresses.clear()
        self._loaded.clear()

    def run(
        self,
        index: Sequence[At],
        along: int | None = None,
        lanes: int = 0,
        active: int | None = None,
        given: dict[Value, V] | None = None,
    ) -> dict[Value, V]:
        """Compute the items at an index; along one axis for `lanes` indices at once, of which `active` count.

        Returns
        -------
        dict
            The numbers that were made, and those that were `given`.
        """
        numbers = dict(given or {})
        for item in self.items:
            operands = [self.operand(a, numbers, index, along, lanes, active) for a in item.reads]
            if item.op == "copy":
                result = operands[0]
            elif item.op == "gather":
                result = self._gather(item, operands, index, along, lanes, active)
            else:
                result = elementwise.apply(
                    self.f,
                    item.op,
                    operands,
                    [a.root.dtype for a in item.reads],
                    item.out[0].dtype,
                    item.attrs,
                )
            numbers[item.out[0]] = result
        for value in self.stored:
            self.store(self.own(value), numbers[value], index, along, active)
        return numbers

    def prefetch(self, index: Sequence[At], along: int) -> None:
        """Ask for the vectors that `run` will read at an index, where they lie in arrays larger than the caches."""
        f = self.f
        for access in dict.fromkeys(a for item in self.items for a in item.reads if a.root not in self._made):
            strides = self.strides(access)
            if strides[along] == 1 and self.context.places.bytes_of(access.root) >= _FAR:
                f.module.declare("llvm.prefetch.p0", "void", ["ptr", "i32", "i32", "i32"])
                there = self.address(access, strides, index)
                f.do(f"call void @llvm.prefetch.p0({there}, i32 0, i32 2, i32 1)")

    # --- memory ---

    def operand(
        self,
        access: Access,
        numbers: dict[Value, V],
        index: Sequence[At],
        along: int | None,
        lanes: int,
        active: int | None,
    ) -> V:
        """Return what an access reads, from what was made already or from memory."""
        f = self.f
        if access.root in numbers:
            return f.splat(numbers[access.root], lanes)
        if access in self._scalars:
            scalar = self._scalars[access]
            known = not scalar.text.startswith("%")
            return V(_spread(scalar, lanes), scalar.kind, lanes) if known else f.splat(scalar, lanes)
        strides = self.strides(access)
        key = (
            access,
            tuple((str(i.base), i.plus) for i, s in zip(index, strides, strict=True) if s),
            lanes,
            active,
        )
        found = self._loaded.get(key)
        if found is None:
            found = self._loaded[key] = self._load(access, strides, index, along, lanes, active)
        return found

    def _load(
        self,
        access: Access,
        strides: Sizes,
        index: Sequence[At],
        along: int | None,
        lanes: int,
        active: int | None,
    ) -> V:
        f, dtype = self.f, access.root.dtype
        kind = kind_of(dtype)
        address = self.address(access, strides, index)
        stride = strides[along] if along is not None else 0
        if not lanes or stride == 0:
            return f.splat(f.load(address, kind), lanes)
        if stride == 1:
            return f.load(address, kind, lanes, active)
        vector = f.constant(0, kind, lanes)
        for i in range(lanes if active is None else active):
            one = f.load(f.at(address, i * stride, dtype.itemsize), kind)
            vector = f.emit(f"insertelement {vector}, {one}, i64 {i}", kind, lanes)
        return vector

    def store(
        self, access: Access, value: V, index: Sequence[At], along: int | None, active: int | None
    ) -> None:
        """Write numbers where an access of the domain points."""
        f = self.f
        strides = self.strides(access)
        address = self.address(access, strides, index)
        stride = strides[along] if along is not None else 0
        if not value.lanes or stride == 1:
            f.store(value, address, active)
            return
        for i in range(value.lanes if active is None else active):
            f.store(f.lane(value, i), f.at(address, i * stride, access.root.dtype.itemsize))

    def address(self, access: Access, strides: Sizes, index: Sequence[At]) -> V:
        """Return the address of the element at an index."""
        f, size = self.f, access.root.dtype.itemsize
        used = [(at, s) for at, s in zip(index, strides, strict=True) if s]
        key = (access, tuple(str(at.base) for at, _ in used))
        base = self._addresses.get(key)
        if base is None:
            moved: V | int = 0
            for at, stride in used:
                moved = f.add(moved, f.mul(at.base, stride))
            base = self._addresses[key] = f.at(self.context.places.base(f, access.root), moved, size)
        return f.at(base, access.offset + sum(at.plus * s for at, s in used), size)

    def _number(self, access: Access) -> V:
        """Read, once for the whole kernel, a number that is the same at every index."""
        f, root = self.f, access.root
        if isinstance(root, Constant):
            return f.constant(root.array.reshape(-1)[access.offset].item(), kind_of(root.dtype))
        base = f.at(self.context.places.base(f, root), access.offset, root.dtype.itemsize)
        return f.load(base, kind_of(root.dtype))

    # --- reading by computed indices ---

    def _gather(
        self,
        item: Item,
        indices: Sequence[V],
        index: Sequence[At],
        along: int | None,
        lanes: int,
        active: int | None,
    ) -> V:
        f, base = self.f, item.base
        assert base is not None
        dtype = base.root.dtype
        kind, size = kind_of(dtype), dtype.itemsize
        strides = self.strides(base)
        start = self.address(base, strides, index)
        moves = along is not None and any(self.strides(a)[along] for a in item.reads)
        stride = strides[along] if along is not None else 0
        if not lanes or not moves:
            scalars = [f.lane(i, 0) if i.lanes else i for i in indices]
            place = self.steps(item, scalars, [a.root.dtype for a in item.reads])
            address = f.at(start, place, size)
            if not lanes or stride == 0:
                return f.splat(f.load(address, kind), lanes)
            if stride == 1:
                return f.load(address, kind, lanes, active)
        vector = f.constant(0, kind, lanes)
        for i in range(lanes if active is None else active):
            scalars = [f.lane(v, i) for v in indices]
            place = self.steps(item, scalars, [a.root.dtype for a in item.reads])
            one = f.load(f.at(start, f.add(place, i * stride), size), kind)
            vector = f.emit(f"insertelement {vector}, {one}, i64 {i}", kind, lanes)
        return vector

    def steps(self, item: Item, indices: Sequence[V], dtypes: Sequence[np.dtype[Any]]) -> V | int:
        """Return how far computed indices lead, in elements; one that is out of range is noted, and counts as 0."""
        f = self.f
        total: V | int = 0
        for i, dtype, size, step in zip(
            indices, dtypes, item.attrs["sizes"], item.attrs["steps"], strict=True
        ):
            if dtype.itemsize < 8:
                i = f.cast("sext" if dtype.kind == "i" else "zext", i, I64)
            given = i
            if not item.attrs["labels"]:
                behind = f.compare("slt", i, f.constant(0, I64))
                i = f.select(behind, f.binary("add", i, f.constant(size, I64)), i)
            wrong = f.compare("uge", i, f.constant(size, I64))
            with f.when(wrong):
                self.context.places.complain(f, item, size, given)
            i = f.select(wrong, f.constant(0, I64), i)
            total = f.add(total, f.mul(i, step))
        return total


def _spread(scalar: V, lanes: int) -> str:
    return f"splat ({scalar.kind} {scalar.text})" if lanes else scalar.text
