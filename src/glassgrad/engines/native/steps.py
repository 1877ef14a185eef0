"""The function around the kernels: once through for a single call, or the training loop.

The loop gathers the rows of each mini-batch, hands each step its own numbers, runs the kernels, notes what
the step reports, and looks whether it is to stop. Nothing in it calls Python, allocates memory or takes a
lock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.engines.native.assemble import Parts
from glassgrad.engines.native.codegen.ir import I1, I64, PTR, Function, V, kind_of
from glassgrad.engines.native.codegen.target import Target
from glassgrad.engines.native.lowering.items import shape_of
from glassgrad.engines.native.lowering.places import ARGUMENTS, STATE, WORK
from glassgrad.engines.native.team import Team
from glassgrad.ir import Value

__all__ = ["RUN", "write_call", "write_loop"]

_LINE = 64
"""Bytes of a cache line."""

RUN = "run"
"""The name of the program's function."""

_FLUSH = 0x8040
"""Bits of the x86 control register that make subnormal numbers zero, as operands and as results."""


def write_call(parts: Parts, target: Target) -> None:
    """Write ``run(state, work, arguments, team, thread, threads)``, which computes the outputs once."""
    blocks = [V(n, PTR) for n in (STATE, WORK, ARGUMENTS)]
    f = parts.module.function(RUN, [*blocks, *Team.parameters])
    team = Team(f, target, parts.places)
    team.run([*parts.once, *parts.every])
    f.do("ret void")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a step: values gathered by rows, values of which each step has its own, and constant ones."""

    rows: Sequence[Value]
    each: Sequence[Value]
    reports: Sequence[Value]


def write_loop(parts: Parts, inputs: Inputs, target: Target, flush: bool) -> None:
    """Write the training loop.

    ``run(state, work, arguments, steps, batches, stride, reports, stop, team, thread, threads)`` takes up to `steps`
    steps and returns how many it took. `batches` has the row numbers of each mini-batch, `stride` bytes from one to the
    next; where that is 0 the rows are gathered once. The arguments are the addresses of the data, then of each step's
    own numbers.
    """
    blocks = [V(n, PTR) for n in (STATE, WORK, ARGUMENTS)]
    steps, batches, stride = V("%steps", I64), V("%batches", PTR), V("%stride", I64)
    reports, stop = V("%reports", PTR), V("%stop", PTR)
    own = [steps, batches, stride, reports, stop]
    f = parts.module.function(RUN, [*blocks, *own, *Team.parameters], I64)
    team = Team(f, target, parts.places)
    saved = _flush_subnormals(f) if flush and target.x86 else None
    team.run(parts.once)
    head, done = f.label("step"), f.label("end")
    before = f.block
    f.do(f"br label %{head}")
    f.begin(head)
    step = V("%step", I64)
    place = f.mark()
    moves = f.compare("ne", stride, f.constant(0, I64))
    first = f.compare("eq", step, f.constant(0, I64))
    with f.when(f.binary("or", moves, first)):
        batch = f.at(batches, f.mul(step, stride), 1)
        last = f.compare("eq", f.emit(f"add i64 {step.text}, 1", I64), steps)
        following = f.select(last, batch, f.at(batch, stride, 1))
        _gather(f, parts, inputs, batch, following, team)
    with team.leader():
        for i, value in enumerate(inputs.each):
            source = f.load(f.at(V(ARGUMENTS, PTR), len(inputs.rows) + i, 8), PTR)
            size, kind = value.dtype.itemsize, kind_of(value.dtype)
            f.store(f.load(f.at(source, step, size), kind), parts.places.base(f, value))
    team.wait()
    team.run(parts.every, step)
    after = f.add(step, 1)
    assert isinstance(after, V)
    with team.leader():
        _report(f, parts, inputs, f.at(reports, f.mul(step, len(inputs.reports)), 8))
        asked = f.emit(f"load volatile i8, {stop}, align 1", "i8")
        wrong = f.load(V(WORK, PTR), I64)
        asked, wrong = f.compare("ne", asked, f.constant(0, "i8")), f.compare("ne", wrong, f.constant(0, I64))
        team.halt(f.binary("or", asked, wrong))
    team.wait()
    goes_on = f.binary("xor", team.halted(), f.constant(1, I1))
    more = f.binary("and", f.compare("slt", after, steps), goes_on)
    f.insert(place, f"  {step.text} = phi i64 [ 0, %{before} ], [ {after.text}, %{f.block} ]")
    f.do(f"br {more}, label %{head}, label %{done}")
    f.begin(done)
    if saved is not None:
        f.do(f"call void @llvm.x86.sse.ldmxcsr({saved})")
    f.do(f"ret {after}")


def _report(f: Function, parts: Parts, inputs: Inputs, row: V) -> None:
    """Note what the step reports."""
    for i, value in enumerate(inputs.reports):
        number = f.load(parts.places.base(f, value), kind_of(value.dtype))
        f.store(_double(f, number, value.dtype), f.at(row, i, 8))


def _gather(f: Function, parts: Parts, inputs: Inputs, batch: V, following: V, team: Team) -> None:
    """Copy this thread's share of the rows of a mini-batch to their places, and ask for those of the next one."""
    f.module.declare("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", I64, I1])
    f.module.declare("llvm.prefetch.p0", "void", ["ptr", "i32", "i32", "i32"])
    needed = {v for unit in (*parts.once, *parts.every) for v in unit.kernel.reads()}
    read = [(i, v) for i, v in enumerate(inputs.rows) if v in needed]
    if not read:
        return
    sources = [f.load(f.at(V(ARGUMENTS, PTR), i, 8), PTR) for i, _ in read]
    (count,) = {shape_of(v)[0] for _, v in read}
    start, end = team.share(count)
    with f.at_least_once(start, end), f.loop(start, end) as turn:
        row, later = (f.load(f.at(b, turn.index, 8), I64) for b in (batch, following))
        for (_, value), source in zip(read, sources, strict=True):
            item = value.dtype.itemsize
            size = math.prod(shape_of(value)[1:]) * item
            to, here = f.at(parts.places.base(f, value), turn.index, size), f.at(source, row, size)
            f.do(
                f"call void @llvm.memcpy.p0.p0.i64(ptr align {item} {to.text}, {here}, i64 {size}, i1 false)"
            )
            with f.loop(0, size, _LINE) as line:
                there = f.at(f.at(source, later, size), line.index, 1)
                f.do(f"call void @llvm.prefetch.p0({there}, i32 0, i32 3, i32 1)")


def _double(f: Function, number: V, dtype: np.dtype[Any]) -> V:
    if number.kind == "double":
        return number
    op = {"f": "fpext", "i": "sitofp"}.get(dtype.kind, "uitofp")
    return f.cast(op, number, "double")


def _flush_subnormals(f: Function) -> V:
    """Make the thread treat subnormal numbers as zero; return where its former setting is kept."""
    f.module.declare("llvm.x86.sse.stmxcsr", "void", ["ptr"])
    f.module.declare("llvm.x86.sse.ldmxcsr", "void", ["ptr"])
    saved, changed = (f.emit("alloca i32, align 4", PTR) for _ in range(2))
    f.do(f"call void @llvm.x86.sse.stmxcsr({saved})")
    before = f.load(saved, "i32")
    f.store(f.binary("or", before, f.constant(_FLUSH, "i32")), changed)
    f.do(f"call void @llvm.x86.sse.ldmxcsr({changed})")
    return saved
