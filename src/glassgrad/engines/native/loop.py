"""The native training loop: the state lives in one block of memory, in the layout that suits the step."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.engines import StepGraph
from glassgrad.engines.native.assemble import assemble, prepare
from glassgrad.engines.native.cache import Compiled, announced, cached
from glassgrad.engines.native.codegen.jit import load
from glassgrad.engines.native.codegen.target import Target
from glassgrad.engines.native.program import Block, finished, give_back
from glassgrad.engines.native.steps import RUN, Inputs, write_loop
from glassgrad.engines.native.threads import TEAM, Pace, run_together
from glassgrad.errors import ShapeError
from glassgrad.graph.passes import specialise
from glassgrad.ir import Graph

__all__ = ["NativeLoop"]

Array = np.ndarray[Any, Any]

_NOTHING = Block(0)

_LARGE = 1 << 21
"""Bytes of state that moves into the loop's memory from which what was free, and gets free by it, is given back."""


class NativeLoop:
    """Repeats a step in machine code; compiled for each size of mini-batch it meets."""

    def __init__(self, step: StepGraph, target: Target | None = None, threads: int | None = None) -> None:
        self.step = step
        self._threads = threads
        self._target = target
        self._ready: dict[int, _Steps] = {}
        self._active: _Steps | None = None

    def run(
        self,
        state: list[Array],
        rows: Sequence[Array],
        batches: Array,
        each: Sequence[Array],
        fixed: Sequence[Array],
        stop: Array,
    ) -> Array:
        """Take one step for each mini-batch; see `glassgrad.engines.Loop.run`."""
        if not len(batches):
            return np.empty((0, len(self.step.graph.outputs) - self.step.state))
        n = batches.shape[1]
        steps = self._ready.get(n)
        if steps is None:
            first = next(iter(self._ready.values()), None)
            settled = None if first is None else first.columns
            if self._active is not None:
                self._active.make_room()
            steps = self._ready[n] = _Steps(self.step, n, self._target, self._threads, settled)
        steps.take_over(self._active)
        self._active = steps
        return steps.run(state, rows, batches, each, fixed, stop)


class _Steps:
    """The loop for one size of mini-batch."""

    def __init__(
        self,
        step: StepGraph,
        n: int,
        wanted: Target | None,
        threads: int | None,
        settled: frozenset[int] | None,
    ) -> None:
        graph = specialise(step.graph, n)
        inputs = graph.inputs[step.state :]
        self._rows, self._each = inputs[: step.rows], inputs[step.rows : step.rows + step.each]
        self._reports = len(graph.outputs) - step.state
        settings = ("loop", step.state, step.rows, step.each, step.fixed, n, settled)
        key, target = announced(step.graph, wanted, *settings)
        self._compiled = cached(key, lambda: _compile_tidily(step, graph, key, target, settled))
        self.columns = frozenset(i for i, slot in enumerate(self._compiled.states) if slot.pitch)
        self._code = load(self._compiled.code, target, RUN)
        long, pointer = ctypes.c_int64, ctypes.c_void_p
        own = (long, pointer, long, pointer, pointer)
        self._run = self._code.function(long, pointer, pointer, pointer, *own, *TEAM)
        self._pace = Pace(self._compiled.shared, threads)
        self._state = self._work = _NOTHING
        if self._compiled.state >= _LARGE:
            give_back()

    def make_room(self) -> None:
        """Let go of the memory that holds nothing from one call to the next."""
        self._work = _NOTHING

    def take_over(self, other: _Steps | None) -> None:
        """Get memory, that of the loop for another size where there was one: only one has any at a time."""
        if other is not self:
            same = other is not None and other._compiled.states == self._compiled.states
            self._state = other._state if other is not None and same else Block(self._compiled.state)
            if other is not None:
                other._state = _NOTHING
                other.make_room()
            if self._compiled.state >= _LARGE:
                give_back()
        if self._work is _NOTHING:
            self._work = Block(self._compiled.work, self._compiled.filled)

    def run(
        self,
        state: list[Array],
        rows: Sequence[Array],
        batches: Array,
        each: Sequence[Array],
        fixed: Sequence[Array],
        stop: Array,
    ) -> Array:
        self._check(state, rows, each, fixed, len(batches))
        left = 0
        for i, slot in enumerate(self._compiled.states):
            own = self._state.array(slot)
            if own.ctypes.data != state[i].ctypes.data:
                own[...] = state[i]
                state[i] = own
                left += own.nbytes
            if left >= _LARGE:
                give_back()
                left = 0
        for slot, given in zip(self._compiled.fixed, fixed, strict=True):
            self._work.array(slot)[...] = given
        data = [np.ascontiguousarray(a, v.dtype) for a, v in zip(rows, self._rows, strict=True)]
        numbers = [np.ascontiguousarray(a, v.dtype) for a, v in zip(each, self._each, strict=True)]
        batches = _row_numbers(batches, min(len(a) for a in data))
        reports = np.empty((len(batches), self._reports))
        done = 0
        while done < len(batches) and not (done and stop[0]):
            steps, threads = self._pace.next(len(batches) - done)
            begin = time.perf_counter()
            addresses = [a.ctypes.data for a in (*data, *(e[done:] for e in numbers))]
            taken = self._take(addresses, batches[done : done + steps], reports[done:], stop, threads)
            self._pace.note(threads, taken, time.perf_counter() - begin)
            self._work.check(self._compiled.complaints)
            done += taken
        return reports[:done]

    def _check(
        self,
        state: Sequence[Array],
        rows: Sequence[Array],
        each: Sequence[Array],
        fixed: Sequence[Array],
        steps: int,
    ) -> None:
        """Refuse arrays that would be read, or written, beyond their ends."""
        compiled = self._compiled
        for what, given, wanted in (
            ("state", [np.shape(a) for a in state], [slot.shape for slot in compiled.states]),
            ("each row", [np.shape(a)[1:] for a in rows], [tuple(v.shape[1:]) for v in self._rows]),
            ("each step's numbers", [(min(len(a), steps),) for a in each], [(steps,)] * len(self._each)),
            ("what stays the same", [np.shape(a) for a in fixed], [slot.shape for slot in compiled.fixed]),
        ):
            if list(given) != list(wanted):
                raise ShapeError(f"{what} should have the shapes {wanted}, but has {given}")

    def _take(
        self, addresses: Sequence[int], batches: Array, reports: Array, stop: Array, threads: int
    ) -> int:
        """Take a step for each mini-batch, and return how many were taken before something asked to stop."""
        table = np.array(addresses, np.uintp)
        arguments = (
            self._state.address,
            self._work.address,
            table.ctypes.data,
            len(batches),
            batches.ctypes.data,
            batches.strides[0] if len(batches) > 1 else 0,
            reports.ctypes.data,
            stop.ctypes.data,
        )
        return int(run_together(self._run, arguments, threads, self._compiled.scratch))


def _compile_tidily(
    step: StepGraph, graph: Graph, key: bytes, target: Target, settled: frozenset[int] | None
) -> Compiled:
    """Compile, and for a large model clear away what that leaves behind."""
    compiled = _compile(step, graph, key, target, settled)
    if compiled.state >= _LARGE:
        gc.collect()
    return compiled


def _compile(
    step: StepGraph, graph: Graph, key: bytes, target: Target, settled: frozenset[int] | None
) -> Compiled:
    prepared = prepare(graph)
    parts = assemble(prepared, target, state=step.state, constant=step.fixed, settled=settled)
    states, inputs = prepared.inputs[: step.state], prepared.inputs[step.state :]
    rows, each = inputs[: step.rows], inputs[step.rows : step.rows + step.each]
    single = any(v.dtype == np.float32 for v in states)
    write_loop(parts, Inputs(rows, each, parts.items.outputs[step.state :]), target, flush=single)
    return finished(parts, key, target, states, inputs[step.rows + step.each :])


def _row_numbers(batches: Array, rows: int) -> Array:
    """Return the row numbers as the loop reads them, each mini-batch's side by side."""
    batches = np.asarray(batches, np.int64)
    if batches.strides[1] != batches.itemsize:
        batches = np.ascontiguousarray(batches)
    once = batches[:1] if batches.strides[0] == 0 else batches
    if once.min() < 0 or once.max() >= rows:
        raise ShapeError(f"a mini-batch asks for a row that is not among the {rows} rows")
    return batches
