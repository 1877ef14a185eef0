"""Writing LLVM's language: typed values, one function at a time, straight into text.

LLVM reads its intermediate representation as text as fast as it builds it in memory, and text is what people
read when they ask what a kernel does (``--show-plan``). So code is written as text from the start. Every
value knows its scalar type and how many lanes it has; 0 lanes is a scalar. Vector lengths are plain numbers
here: LLVM splits vectors that are longer than the machine's registers.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["I1", "I32", "I64", "PTR", "Function", "Loop", "Module", "V", "kind_of", "memory_kind"]

I1, I32, I64, PTR = "i1", "i32", "i64", "ptr"

_KINDS = {"float32": "float", "float64": "double", "bool": "i1"}


def kind_of(dtype: np.dtype[Any]) -> str:
    """Return the scalar type in which numbers of a dtype are computed."""
    return _KINDS.get(dtype.name) or f"i{8 * dtype.itemsize}"


def memory_kind(kind: str) -> str:
    """Return the scalar type as which a number lies in memory: a truth value takes a byte."""
    return "i8" if kind == I1 else kind


def _bytes(kind: str) -> int:
    return {"float": 4, "double": 8, "ptr": 8, "i1": 1}.get(kind) or int(kind[1:]) // 8


@dataclass(frozen=True, slots=True)
class V:
    """A value: its text, its scalar type, and its lanes (0 for a scalar)."""

    text: str
    kind: str
    lanes: int = 0

    @property
    def type(self) -> str:
        """The type as LLVM writes it."""
        return f"<{self.lanes} x {self.kind}>" if self.lanes else self.kind

    @property
    def floating(self) -> bool:
        """Whether it is a float or a double."""
        return self.kind in ("float", "double")

    def __str__(self) -> str:
        return f"{self.type} {self.text}"


@dataclass(slots=True)
class Loop:
    """A loop under construction: its index, what it carries, and what it hands on to the next turn."""

    index: V
    carried: list[V]
    following: list[V] | None = None
    results: list[V] = field(default_factory=list)

    def next(self, values: Sequence[V]) -> None:
        """Say what the next turn begins with."""
        self.following = list(values)


class Module:
    """Functions, constants and declarations that are compiled together."""

    def __init__(self) -> None:
        self._functions: list[Function] = []
        self._globals: list[str] = []
        self._declared: dict[str, str] = {}
        self._names = 0
        self._texts: dict[str, str] = {}
        self._data: dict[bytes, V] = {}

    def function(self, name: str, parameters: Sequence[V], returns: str = "void") -> Function:
        """Begin a function that others can call; its parameters are named by their text."""
        made = Function(self, name, parameters, returns, kernel=False)
        self._functions.append(made)
        return made

    def kernel(self, hint: str, parameters: Sequence[V] = ()) -> Function:
        """Begin a kernel: a function that is handed the addresses it works on.

        `settle` it when it is complete.
        """
        self._names += 1
        return Function(self, f"k{self._names}_{hint}", parameters, "void", kernel=True)

    def settle(self, kernel: Function) -> Function:
        """Add a kernel that is complete; one that says the same as an earlier one goes by that one's name."""
        text = kernel.text()
        twin = self._texts.setdefault(text, kernel.name)
        if twin == kernel.name:
            self._functions.append(kernel)
        kernel.name = twin
        return kernel

    def add(self, text: str) -> None:
        """Add a function that is written already."""
        self._globals.append(text)

    def data(self, array: np.ndarray[Any, Any]) -> V:
        """Put an array among the module's constants and return where it lies."""
        raw = np.ascontiguousarray(array).tobytes()
        if raw in self._data:
            return self._data[raw]
        name = f"@data{len(self._data)}"
        text = "".join(f"\\{byte:02X}" for byte in raw)
        self._globals.append(f'{name} = private unnamed_addr constant [{len(raw)} x i8] c"{text}", align 64')
        self._data[raw] = V(name, PTR)
        return self._data[raw]

    def declare(self, name: str, returns: str, parameters: Sequence[str]) -> None:
        """Declare a function of LLVM or of the C library."""
        self._declared[name] = f"declare {returns} @{name}({', '.join(parameters)})"

    def __str__(self) -> str:
        return "\n".join([*self._globals, *(str(f) for f in self._functions), *self._declared.values(), ""])


class Function:
    """A function under construction. Its methods add instructions and return their results.

    Attributes
    ----------
    bases
        For each place the function works on its address.
    """

    def __init__(
        self, module: Module, name: str, parameters: Sequence[V], returns: str, *, kernel: bool
    ) -> None:
        self.module = module
        self.name = name
        self.is_kernel = kernel
        self.parameters = list(parameters)
        self.bases: dict[Any, V] = {}
        self._returns = returns
        self._first: list[str] = []
        self._lines: list[str] = []
        self._count = 0
        self._block = "entry"

    def base(self, key: Hashable) -> V:
        """Return the address that a kernel is handed for a key; no two overlap."""
        found = self.bases.get(key)
        if found is None:
            found = self.bases[key] = V(f"%base{len(self.bases)}", PTR)
        return found

    def text(self) -> str:
        """Return all but the name."""
        taken = [f"ptr noalias {v.text}" for v in self.bases.values()] if self.is_kernel else []
        head = f"({', '.join([*taken, *map(str, self.parameters)])}) {'noinline ' if self.is_kernel else ''}nounwind {{"
        return "\n".join([head, "entry:", *self._first, *self._lines, "}"])

    def __str__(self) -> str:
        return f"define {'internal ' if self.is_kernel else ''}{self._returns} @{self.name}{self.text()}"

    # --- instructions ---

    def emit(self, text: str, kind: str, lanes: int = 0) -> V:
        """Add an instruction that has a result."""
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {text}")
        return V(name, kind, lanes)

    def do(self, text: str) -> None:
        """Add an instruction without a result."""
        self._lines.append(f"  {text}")

    def comment(self, text: str) -> None:
        """Add a line for people."""
        self._lines.append(f"  ; {text}")

    def binary(self, op: str, a: V, b: V) -> V:
        """Apply an instruction of two operands of one type (``fadd``, ``mul``, ``and`` …)."""
        return self.emit(f"{op} {a.type} {a.text}, {b.text}", a.kind, a.lanes)

    def fneg(self, a: V) -> V:
        """Change the sign."""
        return self.emit(f"fneg {a}", a.kind, a.lanes)

    def compare(self, predicate: str, a: V, b: V) -> V:
        """Compare by a predicate of ``fcmp`` or ``icmp``."""
        op = "fcmp" if a.floating else "icmp"
        return self.emit(f"{op} {predicate} {a.type} {a.text}, {b.text}", I1, a.lanes)

    def select(self, condition: V, a: V, b: V) -> V:
        """Choose `a` where the condition holds, else `b`."""
        return self.emit(f"select {condition}, {a}, {b}", a.kind, a.lanes)

    def cast(self, op: str, a: V, kind: str) -> V:
        """Convert by ``fpext``, ``sitofp``, ``zext``, ``bitcast`` …"""
        to = V("", kind, a.lanes)
        return self.emit(f"{op} {a} to {to.type}", kind, a.lanes)

    def call(self, name: str, returns: str, arguments: Sequence[V], lanes: int = 0) -> V:
        """Call a function of LLVM or of the C library."""
        result = V("", returns, lanes)
        self.module.declare(name, result.type, [a.type for a in arguments])
        return self.emit(f"call {result.type} @{name}({', '.join(map(str, arguments))})", returns, lanes)

    def intrinsic(self, name: str, a: V, *more: V) -> V:
        """Call an intrinsic of LLVM that is overloaded on its first operand, such as ``sqrt``."""
        return self.call(f"llvm.{name}.{_suffix(a)}", a.kind, [a, *more], a.lanes)

    def fma(self, a: V, b: V, c: V) -> V:
        """Return a·b + c, rounded once where the machine can, else twice."""
        return self.intrinsic("fmuladd", a, b, c)

    @contextmanager
    def entry(self) -> Iterator[None]:
        """Add what is inside to the beginning of the function, where it holds everywhere."""
        here, self._lines = self._lines, self._first
        yield
        self._lines = here

    # --- constants ---

    def constant(self, value: float | int | bool, kind: str, lanes: int = 0) -> V:
        """Return a number, in every lane."""
        return V(_splatted(literal(value, kind), kind, lanes), kind, lanes)

    def like(self, value: float | int, a: V) -> V:
        """Return a number of the type of `a`."""
        return self.constant(value, a.kind, a.lanes)

    def lanes(self, values: Sequence[float | int | bool], kind: str) -> V:
        """Return a vector of the given numbers."""
        text = ", ".join(f"{kind} {literal(v, kind)}" for v in values)
        return V(f"<{text}>", kind, len(values))

    # --- vectors ---

    def splat(self, a: V, lanes: int) -> V:
        """Return a vector with the scalar in every lane; a scalar where `lanes` is 0."""
        if not lanes or a.lanes:
            return a
        one = self.emit(f"insertelement <{lanes} x {a.kind}> poison, {a}, i64 0", a.kind, lanes)
        return self.shuffle(one, one, [0] * lanes)

    def shuffle(self, a: V, b: V, picks: Sequence[int]) -> V:
        """Return the lanes of `a` followed by `b` that are picked."""
        mask = ", ".join(f"i32 {i}" if i >= 0 else "i32 poison" for i in picks)
        return self.emit(
            f"shufflevector {a}, {b.type} {b.text}, <{len(picks)} x i32> <{mask}>", a.kind, len(picks)
        )

    def lane(self, a: V, i: int) -> V:
        """Return one lane as a scalar."""
        return self.emit(f"extractelement {a}, i64 {i}", a.kind)

    def reduce(self, op: str, a: V) -> V:
        """Combine all lanes by halves with an instruction or a function of two values."""
        while a.lanes > 1:
            half = a.lanes // 2
            low, high = self.shuffle(a, a, range(half)), self.shuffle(a, a, range(half, 2 * half))
            rest = self.shuffle(a, a, [a.lanes - 1]) if a.lanes % 2 else None
            a = self.binary(op, low, high)
            if rest is not None:
                widened = self.shuffle(rest, rest, [0] + [-1] * (half - 1)) if half > 1 else rest
                first = self.binary(op, a, widened)
                a = self.shuffle(first, a, [0, *range(half + 1, 2 * half)]) if half > 1 else first
        return self.lane(a, 0) if a.lanes else a

    # --- memory ---

    def at(self, base: V, index: V | int, size: int) -> V:
        """Return the address `index` elements of `size` bytes after `base`."""
        if isinstance(index, int):
            return base if index == 0 else self.emit(f"getelementptr i8, {base}, i64 {index * size}", PTR)
        if size != 1:
            index = self.emit(f"mul nsw {index}, {size}", I64)
        return self.emit(f"getelementptr i8, {base}, {index}", PTR)

    def load(self, address: V, kind: str, lanes: int = 0, active: int | None = None, align: int = 0) -> V:
        """Read consecutive numbers; of a vector only the first `active` lanes where that is given."""
        stored = memory_kind(kind)
        shape = V("", stored, lanes)
        align = align or _bytes(kind)
        if active is None or active >= lanes:
            read = self.emit(f"load {shape.type}, {address}, align {align}", stored, lanes)
        else:
            mask = self.lanes([i < active for i in range(lanes)], I1)
            zero = V("zeroinitializer", stored, lanes)
            name = f"llvm.masked.load.v{lanes}{_short(stored)}.p0"
            self.module.declare(name, shape.type, ["ptr", "i32", mask.type, shape.type])
            read = self.emit(
                f"call {shape.type} @{name}({address}, i32 {align}, {mask}, {zero})", stored, lanes
            )
        return self.cast("trunc", read, I1) if kind == I1 else read

    def store(self, value: V, address: V, active: int | None = None, align: int = 0) -> None:
        """Write consecutive numbers; of a vector only the first `active` lanes where that is given."""
        if value.kind == I1:
            value = self.cast("zext", value, "i8")
        align = align or _bytes(value.kind)
        if active is None or active >= value.lanes:
            self.do(f"store {value}, {address}, align {align}")
            return
        mask = self.lanes([i < active for i in range(value.lanes)], I1)
        name = f"llvm.masked.store.v{value.lanes}{_short(value.kind)}.p0"
        self.module.declare(name, "void", [value.type, "ptr", "i32", mask.type])
        self.do(f"call void @{name}({value}, {address}, i32 {align}, {mask})")

    # --- whole-number arithmetic on addresses ---

    def add(self, a: V | int, b: V | int) -> V | int:
        """Add whole numbers, at once where both are known."""
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if a == 0 or b == 0:
            return b if a == 0 else a
        return self.emit(f"add nsw i64 {_text(a)}, {_text(b)}", I64)

    def mul(self, a: V | int, b: V | int) -> V | int:
        """Multiply whole numbers, at once where both are known."""
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if a == 0 or b == 0:
            return 0
        if a == 1 or b == 1:
            return b if a == 1 else a
        return self.emit(f"mul nsw i64 {_text(a)}, {_text(b)}", I64)

    def minimum(self, a: V | int, b: V | int) -> V | int:
        """Return the smaller of two whole numbers, at once where both are known."""
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        known = [V(str(x), I64) if isinstance(x, int) else x for x in (a, b)]
        return self.intrinsic("smin", *known)

    def mark(self) -> int:
        """Return the place at hand, for an instruction that is inserted there later."""
        return len(self._lines)

    def insert(self, place: int, text: str) -> None:
        """Add a line at a place that was marked."""
        self._lines.insert(place, text)

    # --- control ---

    def label(self, hint: str) -> str:
        """Return a fresh name for a block."""
        self._count += 1
        return f"{hint}{self._count}"

    def begin(self, label: str) -> None:
        """Begin a block."""
        self._lines.append(f"{label}:")
        self._block = label

    @property
    def block(self) -> str:
        """The block at hand."""
        return self._block

    @contextmanager
    def loop(self, start: V | int, stop: V | int, step: int = 1, carried: Sequence[V] = ()) -> Iterator[Loop]:
        """Repeat what is inside for start, start + step, … below `stop`, at least once.

        A loop of one known turn is written out without a loop.
        """
        if isinstance(start, int) and isinstance(stop, int) and start + step >= stop:
            turn = Loop(V(str(start), I64), list(carried))
            yield turn
            turn.results = list(carried) if turn.following is None else turn.following
            return
        head, done = self.label("loop"), self.label("done")
        before = self._block
        self.do(f"br label %{head}")
        self.begin(head)
        place = len(self._lines)
        index = V(f"%{head}.i", I64)
        phis = [V(f"%{head}.c{i}", v.kind, v.lanes) for i, v in enumerate(carried)]
        turn = Loop(index, phis)
        yield turn
        following = phis if turn.following is None else turn.following
        after = self.emit(f"add nuw nsw i64 {index.text}, {step}", I64)
        more = self.emit(f"icmp slt i64 {after.text}, {_text(stop)}", I1)
        latch = self._block
        self.do(f"br i1 {more.text}, label %{head}, label %{done}")
        lines = [f"  {index.text} = phi i64 [ {_text(start)}, %{before} ], [ {after.text}, %{latch} ]"]
        for phi, first, then in zip(phis, carried, following, strict=True):
            lines.append(
                f"  {phi.text} = phi {phi.type} [ {first.text}, %{before} ], [ {then.text}, %{latch} ]"
            )
        self._lines[place:place] = lines
        self.begin(done)
        turn.results = list(following)

    @contextmanager
    def at_least_once(self, start: V | int, stop: V | int) -> Iterator[None]:
        """Do what is inside only where `start` lies below `stop`, which nothing asks where both are known."""
        if isinstance(start, int) and isinstance(stop, int):
            assert start < stop
            yield
            return
        with self.when(self.emit(f"icmp slt i64 {_text(start)}, {_text(stop)}", I1)):
            yield

    @contextmanager
    def when(self, condition: V) -> Iterator[None]:
        """Do what is inside only where the condition, a scalar, holds."""
        inside, after = self.label("then"), self.label("after")
        self.do(f"br {condition}, label %{inside}, label %{after}")
        self.begin(inside)
        yield
        self.do(f"br label %{after}")
        self.begin(after)


def literal(value: float | int | bool, kind: str) -> str:
    """Return a number as LLVM writes it; floating-point numbers by their bits, so that none is rounded twice."""
    if kind == I1:
        return "true" if value else "false"
    if kind == "double":
        return f"0x{struct.unpack('<Q', struct.pack('<d', float(value)))[0]:016X}"
    if kind == "float":
        return f"0x{struct.unpack('<Q', struct.pack('<d', float(np.float32(value))))[0]:016X}"
    bits = int(kind[1:])
    number = int(value) & ((1 << bits) - 1)
    return str(number - (1 << bits) if number >> (bits - 1) else number)


def _splatted(text: str, kind: str, lanes: int) -> str:
    return f"splat ({kind} {text})" if lanes else text


def _text(a: V | int) -> str:
    return a.text if isinstance(a, V) else str(a)


def _short(kind: str) -> str:
    return {"float": "f32", "double": "f64", "ptr": "p0"}.get(kind, kind)


def _suffix(a: V) -> str:
    return f"v{a.lanes}{_short(a.kind)}" if a.lanes else _short(a.kind)
