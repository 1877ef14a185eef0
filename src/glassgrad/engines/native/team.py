"""Several threads, one program: every thread runs the same function and takes its share of each kernel.

A kernel's work is cut into units, of which each thread does a stretch; no sum is ever split, so that the bits are the
same for any number of threads. Before a kernel that touches what another thread may still be writing or reading, all
wait for each other. They wait spinning, because waking a sleeping thread takes longer than most kernels; who has waited
long lets others have the core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from glassgrad.engines.native.assemble import Unit, call_unit
from glassgrad.engines.native.codegen.ir import I1, I64, PTR, Function, Module, V
from glassgrad.engines.native.codegen.target import Target
from glassgrad.engines.native.lowering.places import SCRATCH, Places
from glassgrad.ir import Value

__all__ = ["TEAM_BYTES", "Team"]

TEAM_BYTES = 4096
"""Memory the threads share: how many have arrived, how often all have, whether to stop, and for each kernel whose units
are claimed how many claims there were; a cache line each, zeros when the threads start."""

_LINE, _HALT, _CLAIMS = 64, 128, 192

_MOST = (TEAM_BYTES - _CLAIMS) // _LINE
"""How many kernels' units can be claimed."""

_PATIENCE = 2000
"""Turns of waiting after which a thread offers its core to others."""

_BARRIER = """define internal void @barrier(ptr %team, i64 %threads) noinline nounwind {{
entry:
  %round.at = getelementptr i8, ptr %team, i64 64
  %round = load atomic i64, ptr %round.at acquire, align 8
  %before = atomicrmw add ptr %team, i64 1 acq_rel
  %others = sub i64 %threads, 1
  %last = icmp eq i64 %before, %others
  br i1 %last, label %open, label %wait
open:
  store atomic i64 0, ptr %team monotonic, align 8
  %next = add i64 %round, 1
  store atomic i64 %next, ptr %round.at release, align 8
  ret void
wait:
  %turns = phi i64 [ 0, %entry ], [ %more, %again ], [ 0, %yield ]
  %now = load atomic i64, ptr %round.at acquire, align 8
  %moved = icmp ne i64 %now, %round
  br i1 %moved, label %done, label %again
again:
  {pause}
  %more = add i64 %turns, 1
  %tired = icmp ugt i64 %more, {patience}
  br i1 %tired, label %yield, label %wait
yield:
  {give_way}
  br label %wait
done:
  ret void
}}"""


class Team:
    """Writes the parts of a function that several threads run.

    Parameters
    ----------
    f
        The function; its last parameters are those of `parameters`.
    target
        The machine.
    """

    parameters = (V("%team", PTR), V("%thread", I64), V("%threads", I64))

    def __init__(self, f: Function, target: Target, places: Places) -> None:
        self.f, self._places = f, places
        self._memory, self._thread, self._threads = self.parameters
        _write_barrier(f.module, target)
        if places.scratch:
            with f.entry():
                own = f.at(f.at(self._memory, TEAM_BYTES, 1), self._thread, places.scratch)
                f.do(f"{SCRATCH} = getelementptr i8, {own}, i64 0")
        self._leads = f.compare("eq", self._thread, f.constant(0, I64))
        self._several = f.compare("ugt", self._threads, f.constant(1, I64))
        self._open: list[tuple[_Reach, bool]] = []
        self._counters = 0

    @contextmanager
    def leader(self) -> Iterator[None]:
        """Let the first thread alone do what is inside."""
        with self.f.when(self._leads):
            yield

    def wait(self) -> None:
        """Let every thread wait for all."""
        with self.f.when(self._several):
            self.f.do(f"call void @barrier({self._memory}, {self._threads})")
        self._open.clear()

    def share(self, count: int) -> tuple[V, V]:
        """Return the first of `count` units that are this thread's, and the one after its last."""
        f, whole = self.f, self.f.constant(count, I64)
        after = f.binary("add", self._thread, f.constant(1, I64))
        start, stop = (
            f.binary("udiv", f.binary("mul", thread, whole), self._threads)
            for thread in (self._thread, after)
        )
        return start, stop

    def halt(self, decision: V) -> None:
        """Leave the leader's decision whether to stop."""
        self.f.store(decision, self.f.at(self._memory, _HALT, 1))

    def halted(self) -> V:
        """Return the leader's decision."""
        return self.f.load(self.f.at(self._memory, _HALT, 1), I1)

    @contextmanager
    def claim(self, count: int, step: V | int) -> Iterator[V]:
        """Let each thread take one of `count` units after the other, as long as there are any.

        A counter says how many were asked for. In every step each thread asks once in vain; thus the counter is known
        at the start of the next, and need not be set back.
        """
        f = self.f
        counter = f.at(self._memory, _CLAIMS + _LINE * self._counters, 1)
        self._counters += 1
        asked = f.binary("add", self._threads, f.constant(count, I64))
        before = f.constant(step, I64) if isinstance(step, int) else step
        before = f.binary("mul", before, asked)
        head, body, done = f.label("claim"), f.label("unit"), f.label("none")
        f.do(f"br label %{head}")
        f.begin(head)
        unit = f.emit(f"atomicrmw add {counter}, i64 1 monotonic", I64)
        unit = f.binary("sub", unit, before)
        f.do(f"br {f.compare('slt', unit, f.constant(count, I64))}, label %{body}, label %{done}")
        f.begin(body)
        yield unit
        f.do(f"br label %{head}")
        f.begin(done)

    def run(self, units: Sequence[Unit], step: V | int = 0) -> None:
        """Run kernels in order, and wait where one touches what another thread may be at."""
        alone: list[Unit] = []

        def finish() -> None:
            if alone:
                with self.leader():
                    for unit in alone:
                        call_unit(self.f, unit)
                alone.clear()

        for unit in units:
            reach, shared = _reach(unit, self._places), unit.units > 1
            if any((shared or other) and reach.meets(earlier) for earlier, other in self._open):
                finish()
                self.wait()
            if shared:
                finish()
                if unit.claimed and self._counters < _MOST:
                    with self.claim(unit.units, step) as own:
                        call_unit(self.f, unit, own, self.f.add(own, 1))
                    self._open.append((reach, shared))
                    continue
                start, stop = self.share(unit.units)
                with self.f.at_least_once(start, stop):
                    call_unit(self.f, unit, start, stop)
            else:
                alone.append(unit)
            self._open.append((reach, shared))
        finish()


@dataclass(frozen=True, slots=True)
class _Reach:
    """The stretches of memory that a kernel reads and writes: block, start, end."""

    reads: frozenset[tuple[str, int, int]]
    writes: frozenset[tuple[str, int, int]]

    def meets(self, other: _Reach) -> bool:
        """Say whether the two must not run at the same time."""
        return _overlap(self.writes, other.reads | other.writes) or _overlap(self.reads, other.writes)


def _overlap(some: Iterable[tuple[str, int, int]], others: Iterable[tuple[str, int, int]]) -> bool:
    return any(a[0] == b[0] and a[1] < b[2] and b[1] < a[2] for a in some for b in others)


def _reach(unit: Unit, places: Places) -> _Reach:
    def stretches(roots: Iterable[Value]) -> frozenset[tuple[str, int, int]]:
        at = [(places.of[v], places.bytes_of(v)) for v in roots if v in places.of]
        return frozenset((p.block, p.offset, p.offset + size) for p, size in at)

    own = [] if unit.plan is None else unit.plan.scratch
    if unit.packs:
        return _Reach(stretches(unit.kernel.reads()), stretches(own))
    return _Reach(stretches([*unit.kernel.reads(), *own]), stretches([*unit.kernel.stored, *own]))


def _write_barrier(module: Module, target: Target) -> None:
    pause = give_way = ""
    if target.x86:
        module.declare("llvm.x86.sse2.pause", "void", [])
        pause = "call void @llvm.x86.sse2.pause()"
    if sys.platform != "win32":
        module.declare("sched_yield", "i32", [])
        give_way = "call i32 @sched_yield()"
    module.add(_BARRIER.format(pause=pause, give_way=give_way, patience=_PATIENCE))
