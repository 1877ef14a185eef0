"""Programs: graphs compiled for single calls, and what single calls and loops have in common."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any

import numpy as np

from glassgrad.engines.native.assemble import Parts, assemble, prepare
from glassgrad.engines.native.cache import Compiled, Slot, announced, cached
from glassgrad.engines.native.codegen.jit import load
from glassgrad.engines.native.codegen.target import Target
from glassgrad.engines.native.compiler import generate
from glassgrad.engines.native.lowering.items import Item, shape_of, squeezed
from glassgrad.engines.native.steps import RUN, write_call
from glassgrad.engines.native.threads import TEAM, Pace, run_together
from glassgrad.errors import IndexingError
from glassgrad.graph.passes import for_arrays, simplify
from glassgrad.graph.passes.memory import ALIGNMENT
from glassgrad.ir import Graph, Value

__all__ = ["Block", "NativeProgram", "finished", "give_back"]

Array = np.ndarray[Any, Any]

_KEPT = 16
"""For how many batch sizes a program stays ready."""

_LARGE = 1 << 22
"""Bytes from which memory comes directly from the system."""


class Block:
    """Memory that begins at a cache line; zeros but for what it is filled with.

    Attributes
    ----------
    address
        Where it begins.
    bytes
        The memory, as uint8.
    """

    def __init__(self, size: int, filled: Sequence[tuple[int, bytes]] = ()) -> None:
        whole = _zeros(size + 2 * ALIGNMENT)
        start = -whole.ctypes.data % ALIGNMENT
        self.bytes = whole[start : start + size + ALIGNMENT]
        self.address: int = self.bytes.ctypes.data
        for offset, raw in filled:
            self.bytes[offset : offset + len(raw)] = np.frombuffer(raw, np.uint8)

    def array(self, slot: Slot) -> Array:
        """Return what lies in a slot, as an array of its shape."""
        dtype = np.dtype(slot.dtype)
        if slot.pitch:
            rows, columns = squeezed(slot.shape)
            size = slot.pitch * columns * dtype.itemsize
            whole = self.bytes[slot.offset : slot.offset + size].view(dtype).reshape(columns, slot.pitch)
            return whole[:, :rows].T.reshape(slot.shape)
        flat = self.bytes[slot.offset : slot.offset + math.prod(slot.shape) * dtype.itemsize].view(dtype)
        return flat.reshape(slot.shape)

    def check(self, complaints: Sequence[str]) -> None:
        """Raise an error where the program that worked in this block left a complaint, and forget it.

        The program does not clear it when it begins: a thread that is early may have complained by then.
        """
        number, index = self.bytes[:16].view(np.int64).tolist()
        if number:
            self.bytes[:16] = 0
            raise IndexingError(complaints[number - 1].format(index=index))


def _zeros(size: int) -> Array:
    """Return memory that goes back to the system when it is free, where it is large; in huge pages, as NumPy's."""
    if size < _LARGE:
        return np.zeros(size, np.uint8)
    memory = mmap.mmap(-1, size) if os.name == "nt" else mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANON)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # this kernel has none
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)


def give_back() -> None:
    """Return free memory to the system, where the C library has a call for it.

    It keeps what was freed in between, as by drawing weights or by compiling: for a large model, tens of megabytes.
    """
    with suppress(AttributeError, OSError, TypeError):  # other C libraries, other systems
        ctypes.CDLL(None).malloc_trim(0)


def finished(
    parts: Parts, key: bytes, target: Target, states: Sequence[Value], fixed: Sequence[Value]
) -> Compiled:
    """Generate the code of a program whose text is complete."""

    def slot(value: Value) -> Slot:
        place, shape = parts.places.of[value], shape_of(value)
        return Slot(place.offset, value.dtype.str, shape, parts.layouts.pitch(value))

    code = generate(str(parts.module), target)
    return Compiled(
        key,
        code,
        parts.places.state,
        parts.places.work,
        parts.places.scratch,
        tuple(map(slot, states)),
        tuple(map(slot, fixed)),
        any(unit.units > 1 for unit in parts.every),
        tuple(_complaint(item, size) for item, size in parts.places.complaints),
        tuple((offset, array.tobytes()) for offset, array in parts.places.filled),
    )


def _complaint(item: Item, size: int) -> str:
    """Return what an index out of range is answered with."""
    assert item.node is not None
    if item.attrs["labels"]:
        what = "classes" if item.op == "gather" else "segments"
        return f"label {{index}} is out of range: with {size} {what} they go from 0 to {size - 1}"
    return f"{item.node.op}: index {{index}} is out of range for an axis of size {size}"


class NativeProgram:
    """A graph made ready to run once at a time; compiled for each batch size it meets."""

    def __init__(self, graph: Graph, target: Target | None = None, threads: int | None = None) -> None:
        self.graph = simplify(graph)
        self._threads = threads
        self._target = target
        self._ready: dict[Graph, _Call] = {}
        self._lock = Lock()

    def at(self, arrays: Sequence[Array]) -> _Call:
        """Return the compiled call for inputs of these shapes."""
        graph = for_arrays(self.graph, arrays)
        found = self._ready.get(graph)
        if found is None:
            if len(self._ready) >= _KEPT:
                del self._ready[next(iter(self._ready))]
            found = self._ready[graph] = _Call(graph, self._target, self._threads)
        return found

    def __call__(self, *arrays: Array) -> list[Array]:
        """Return the outputs for `arrays`, in fresh memory."""
        with self._lock:
            return self.at(arrays)(arrays)


class _Call:
    def __init__(self, graph: Graph, wanted: Target | None, threads: int | None) -> None:
        self._inputs = [v.dtype for v in graph.inputs]
        self._outputs = [(shape_of(v), v.dtype) for v in graph.outputs]
        key, target = announced(graph, wanted, "call")

        def make() -> Compiled:
            parts = assemble(prepare(graph), target, single=True)
            write_call(parts, target)
            return finished(parts, key, target, (), ())

        self._compiled = cached(key, make)
        self._code = load(self._compiled.code, target, RUN)
        pointer = ctypes.c_void_p
        self._run = self._code.function(None, pointer, pointer, pointer, *TEAM)
        self._pace = Pace(self._compiled.shared, threads)
        self._work = Block(self._compiled.work, self._compiled.filled)

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        read = [np.asarray(a, d, order="C") for a, d in zip(arrays, self._inputs, strict=True)]
        made = [np.empty(shape, dtype) for shape, dtype in self._outputs]
        table = np.array([a.ctypes.data for a in (*read, *made)], np.uintp)
        _, threads = self._pace.next(1)
        begin = time.perf_counter()
        run_together(
            self._run, (None, self._work.address, table.ctypes.data), threads, self._compiled.scratch
        )
        self._pace.note(threads, 1, time.perf_counter() - begin)
        self._work.check(self._compiled.complaints)
        return made
