"""Places: where each root lies while the program runs.

A program works in blocks that are laid out once: the state, which lives as long as the run, and the rest, in
which roots that are not needed at the same time share memory. A program for single calls reads its inputs and
writes its outputs where the caller has them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.engines.native.codegen.ir import I64, PTR, Function, V
from glassgrad.engines.native.lowering.fuse import Kernel
from glassgrad.engines.native.lowering.items import Item, shape_of, squeezed
from glassgrad.engines.native.lowering.layout import Layouts
from glassgrad.engines.native.lowering.products import Plan
from glassgrad.graph.passes.memory import ALIGNMENT, arrange
from glassgrad.ir import Constant, Value

__all__ = ["ARGUMENTS", "SCRATCH", "STATE", "WORK", "Place", "Places", "address", "plan_places"]

STATE, WORK, ARGUMENTS, SCRATCH = "%state", "%work", "%arguments", "%scratch"
"""The blocks, by what a program's function calls them; of the third each entry is an address, of the last every thread
has its own."""


_IN_CODE = 1 << 14
"""Bytes of a constant up to which it is part of the code."""


@dataclass(frozen=True, slots=True)
class Place:
    """A block and an offset in bytes, or the number of an argument."""

    block: str
    offset: int


@dataclass(slots=True)
class Places:
    """Where roots lie.

    Attributes
    ----------
    layouts
        How each root lies.
    of
        The place of each root.
    state, work, scratch
        Sizes of the blocks in bytes.
    complaints
        Items that may meet an index out of range, and the length of the axis; a complaint is the number of
        one of them, from 1, and the index.
    filled
        Constants too large to be part of the code: they are put into the working block before the program runs.
    """

    layouts: Layouts
    of: dict[Value, Place] = field(default_factory=dict)
    state: int = 0
    work: int = ALIGNMENT
    scratch: int = 0
    complaints: list[tuple[Item, int]] = field(default_factory=list)
    filled: list[tuple[int, np.ndarray[Any, Any]]] = field(default_factory=list)

    def bytes_of(self, root: Value) -> int:
        """Return the bytes a root takes in a block: whole cache lines."""
        shape = squeezed(shape_of(root))
        pitch = self.layouts.pitch(root)
        count = pitch * shape[1] if pitch else math.prod(shape)
        return -(-count * root.dtype.itemsize // ALIGNMENT) * ALIGNMENT

    def inside(self, layouts: Layouts) -> Places:
        """Return places for a graph that an operation owns: its roots lie behind these."""
        return Places(layouts, work=self.work, complaints=self.complaints, filled=self.filled)

    def base(self, f: Function, root: Value) -> V:
        """Return the address of a root's first element."""
        if isinstance(root, Constant) and root not in self.of:
            if root.array.nbytes <= _IN_CODE:
                return address(f, f.module.data(root.array).text)
            self.of[root] = Place(WORK, self.work)
            self.work += self.bytes_of(root)
            self.filled.append((self.of[root].offset, root.array))
        return address(f, self.of[root])

    def complain(self, f: Function, item: Item, size: int, index: V) -> None:
        """Leave a note that an index is out of range for an axis of a size."""
        if (item, size) not in self.complaints:
            self.complaints.append((item, size))
        number = f.constant(self.complaints.index((item, size)) + 1, I64)
        f.store(number, address(f, Place(WORK, 0)))
        f.store(index, f.at(address(f, Place(WORK, 0)), 8, 1))


def address(f: Function, place: Place | str) -> V:
    """Return the address of a place, or of a constant by its name: handed to a kernel, worked out elsewhere."""
    if f.is_kernel:
        return f.base(place)
    found = f.bases.get(place)
    if found is None:
        with f.entry():
            if isinstance(place, str):
                found = V(place, PTR)
            elif place.block == ARGUMENTS:
                found = f.load(f.at(V(ARGUMENTS, PTR), place.offset, 8), PTR)
            else:
                found = f.at(V(place.block, PTR), place.offset, 1)
        f.bases[place] = found
    return found


def plan_places(
    kernels: Sequence[Kernel],
    places: Places,
    kept: Sequence[Value],
    *,
    plans: dict[Kernel, Plan],
) -> None:
    """Give every root that a kernel stores a place in the working block; memory is used again when a root is
    dead.

    Parameters
    ----------
    kernels
        In the order in which they run.
    places
        Has places for inputs, state and outputs; the others are added.
    kept
        Roots that are needed until the end.
    plans
        Of the products; they have roots that are needed only while they run.
    """
    last: dict[Value, int] = {}
    for i, kernel in enumerate(kernels):
        for value in (*kernel.reads(), *kernel.stored):
            last[value] = i
    for value in kept:
        last[value] = len(kernels)
    spans: dict[Value, tuple[int, int, int]] = {}
    for i, kernel in enumerate(kernels):
        for value in kernel.stored:
            if value not in places.of:
                spans[value] = (i, last[value], places.bytes_of(value))
        if kernel in plans:
            spans |= {v: (i, i, places.bytes_of(v)) for v in plans[kernel].scratch}
            panel = plans[kernel].panel
            if panel is not None:
                places.of[panel] = Place(SCRATCH, 0)
                places.scratch = max(places.scratch, places.bytes_of(panel))
    offsets, size = arrange(list(spans.values()))
    for value, offset in zip(spans, offsets, strict=True):
        places.of[value] = Place(WORK, places.work + offset)
    places.work += size
