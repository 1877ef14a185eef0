"""The arithmetic that this machine can do, measured: what a contestant reaches is told as a share of it.

A data sheet does not know the clock of the hour, nor how many of the cores are ours. So a few chains of multiply–adds,
each independent of the others, run in registers: no memory, nothing to wait for but the arithmetic units.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

from glassgrad.options import require

__all__ = ["peak"]

_BYTES = {"float32": 4, "float64": 8}
_SECONDS = 0.002
_TRIES = 40


def peak(dtype: Literal["float32", "float64"] = "float32", threads: int = 1) -> float:
    """Return the multiply–adds that `threads` cores do in registers, in floating-point operations a second.

    A multiply–add counts as two operations. The best of a few short runs is taken, in all threads at once.

    Parameters
    ----------
    dtype
        What is computed in.
    threads
        How many threads compute at once.

    Returns
    -------
    float
        Operations a second, of all threads together.

    Raises
    ------
    OptionError
        Where `threads` is not a positive whole number.

    Examples
    --------
    >>> peak("float32") > 1e8
    True
    """
    require("bench", "threads", threads, least=1, whole=True)
    code = _compile(dtype)
    rounds = 1000
    while (seconds := _time(code.run, rounds, 1)) < _SECONDS:
        rounds = int(rounds * min(10.0, 1.2 * _SECONDS / seconds) + 1)
    best = min(_time(code.run, rounds, threads) for _ in range(_TRIES))
    return threads * rounds * code.operations / best


class _Code:
    """A compiled function ``run(rounds)``, and the operations of a round; it lives as long as this object."""

    def __init__(self, engine: Any, operations: int) -> None:
        self._engine = engine
        self.operations = operations
        address = engine.get_function_address("chains")
        function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(address)
        self._function = function

    def run(self, rounds: int) -> None:
        """Run, without holding Python's lock."""
        self._function(rounds, ctypes.create_string_buffer(64))


@lru_cache(maxsize=2)
def _compile(dtype: str) -> _Code:
    """Return the chains in the widest vectors that this processor has."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    wide = 64 if features.get("avx512f") else 32 if features.get("avx") else 16
    flags = features.flatten()
    if wide == 64:
        flags += ",-prefer-256-bit"  # LLVM splits 64-byte vectors on some machines that have them
    triple = llvm.get_process_triple()
    many = wide == 64 or triple.startswith(("aarch64", "arm64"))
    # As many chains as hide the latency of an addition and fit the registers, beside the two constants.
    chains = 16 if many else 12
    lanes = wide // _BYTES[dtype]
    module = llvm.parse_assembly(_source("float" if dtype == "float32" else "double", lanes, chains))
    machine = llvm.Target.from_triple(triple).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=flags, opt=3
    )
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return _Code(engine, 2 * lanes * chains)


def _source(number: str, lanes: int, chains: int) -> str:
    """Return a loop over `chains` accumulators a ← a·½ + 1, as LLVM's assembly; their sum is stored at the end.

    The two constants come through memory, or LLVM would compute what can be known beforehand.
    """
    vector = f"<{lanes} x {number}>"
    suffix = f"v{lanes}{'f32' if number == 'float' else 'f64'}"
    start = [f"%a{k} = phi {vector} [ zeroinitializer, %entry ], [ %b{k}, %loop ]" for k in range(chains)]
    step = [
        f"%b{k} = call {vector} @llvm.fmuladd.{suffix}({vector} %a{k}, {vector} %half, {vector} %one)"
        for k in range(chains)
    ]
    total = [f"%s0 = fadd {vector} %b0, %b1"]
    total += [f"%s{k} = fadd {vector} %s{k - 1}, %b{k + 1}" for k in range(1, chains - 1)]
    lines = "\n  ".join
    return f"""
@half = internal global {number} 0.5
@one = internal global {number} 1.0
declare {vector} @llvm.fmuladd.{suffix}({vector}, {vector}, {vector})

define void @chains(i64 %rounds, ptr %out) {{
entry:
  %h = load volatile {number}, ptr @half
  %o = load volatile {number}, ptr @one
  %hv = insertelement {vector} poison, {number} %h, i32 0
  %ov = insertelement {vector} poison, {number} %o, i32 0
  %half = shufflevector {vector} %hv, {vector} poison, <{lanes} x i32> zeroinitializer
  %one = shufflevector {vector} %ov, {vector} poison, <{lanes} x i32> zeroinitializer
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  {lines(start)}
  {lines(step)}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %rounds
  br i1 %more, label %loop, label %end
end:
  {lines(total)}
  store {vector} %s{chains - 2}, ptr %out, align 1
  ret void
}}
"""


def _time(run: Callable[[int], None], rounds: int, threads: int) -> float:
    """Return the seconds from the first thread's start to the last one's end."""
    together = threading.Barrier(threads)
    times: list[tuple[float, float]] = []

    def work() -> None:
        together.wait()
        start = time.perf_counter()
        run(rounds)
        times.append((start, time.perf_counter()))

    helpers = [threading.Thread(target=work) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    return max(end for _, end in times) - min(start for start, _ in times)
