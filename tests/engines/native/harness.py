"""Compiles a rule into a loop over arrays, for any target this machine can run, and runs it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from glassgrad.engines.native.codegen.ir import PTR, Function, Module, V, kind_of
from glassgrad.engines.native.codegen.jit import generate, load
from glassgrad.engines.native.codegen.target import Target, host

TARGETS = [
    name
    for name, feature in (("host", None), ("sse2", "sse2"), ("avx2", "avx2"))
    if feature is None or llvm.get_host_cpu_features().get(feature)
]
"""The targets whose code runs here."""

Emit = Callable[[Function, Sequence[V]], V]


class Compiled:
    """``compiled(*arrays)`` applies what `emit` writes to every element; arrays have one axis and `size` elements."""

    def __init__(
        self, emit: Emit, dtypes: Sequence[Any], out: Any, size: int, lanes: int, target: Target | None = None
    ) -> None:
        self.dtypes, self.out, self.size = [np.dtype(d) for d in dtypes], np.dtype(out), size
        target = target or host()
        self.code = load(generate(self._text(emit, lanes), target), target, "run")
        self.run = self.code.function(None, *[ctypes.c_void_p] * (len(dtypes) + 1))

    def _text(self, emit: Emit, lanes: int) -> str:
        module = Module()
        places = [V(f"%p{i}", PTR) for i in range(len(self.dtypes) + 1)]
        f = module.function("run", places)

        def turn(at: V | int, active: int | None) -> None:
            args = [
                f.load(f.at(place, at, dtype.itemsize), kind_of(dtype), lanes, active)
                for place, dtype in zip(places[:-1], self.dtypes, strict=True)
            ]
            result = emit(f, args)
            assert (result.kind, result.lanes) == (kind_of(self.out), lanes)
            f.store(result, f.at(places[-1], at, self.out.itemsize), active)

        step = max(lanes, 1)
        whole = self.size - self.size % step
        if whole:
            with f.loop(0, whole, step) as loop:
                turn(loop.index, None)
        if self.size > whole:
            turn(whole, self.size - whole)
        f.do("ret void")
        return str(module)

    def __call__(self, *arrays: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        given = [np.ascontiguousarray(a, d) for a, d in zip(arrays, self.dtypes, strict=True)]
        assert all(a.shape == (self.size,) for a in given)
        out = np.empty(self.size, self.out)
        self.run(*(a.ctypes.data for a in (*given, out)))
        return out
