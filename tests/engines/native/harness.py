"""Compiles a rule into a loop over arrays and runs it, whatever the machine it is compiled for."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from glassgrad.engines.native import functions
from glassgrad.engines.native.ir import I64, PTR, Function, Module, V, kind_of
from glassgrad.engines.native.target import Target, host

Emit = Callable[[Function, Sequence[V]], V]


class Compiled:
    """``compiled(*arrays)`` applies what `emit` writes to every element; all arrays have one axis and one length."""

    def __init__(
        self, emit: Emit, dtypes: Sequence[Any], out: Any, size: int, lanes: int, target: Target | None = None
    ) -> None:
        functions.resolve()
        self.dtypes, self.out, self.size = [np.dtype(d) for d in dtypes], np.dtype(out), size
        self.text = self._write(emit, lanes)
        module = llvm.parse_assembly(self.text)
        module.verify()
        self._machine = (target or host()).machine()
        self._engine = llvm.create_mcjit_compiler(module, self._machine)
        self._engine.finalize_object()
        count = len(self.dtypes) + 1
        self._run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * count)(
            self._engine.get_function_address("run")
        )

    def _write(self, emit: Emit, lanes: int) -> str:
        module = Module()
        places = [V(f"%p{i}", PTR) for i in range(len(self.dtypes) + 1)]
        f = module.function("run", places, public=True)
        step = max(lanes, 1)
        whole = self.size - self.size % step
        if whole:
            with f.loop(0, whole, step) as turn:
                self._turn(f, emit, places, turn.index, lanes, None)
        if self.size - whole:
            self._turn(f, emit, places, whole, lanes, self.size - whole)
        f.do("ret void")
        return str(module)

    def _turn(
        self, f: Function, emit: Emit, places: Sequence[V], at: V | int, lanes: int, active: int | None
    ) -> None:
        args = [
            f.load(f.at(place, at, dtype.itemsize), kind_of(dtype), lanes, active)
            for place, dtype in zip(places[:-1], self.dtypes, strict=True)
        ]
        f.store(emit(f, args), f.at(places[-1], at, self.out.itemsize), active)

    def __call__(self, *arrays: np.ndarray[Any, Any], out: np.ndarray[Any, Any] | None = None) -> Any:
        given = [np.ascontiguousarray(a, d) for a, d in zip(arrays, self.dtypes, strict=True)]
        assert all(a.shape == (self.size,) for a in given)
        out = np.empty(self.size, self.out) if out is None else out
        self._run(*(a.ctypes.data for a in (*given, out)))
        return out
