"""Object code in memory without LLVM: it does what LLVM's linker does, or leaves it to that."""

from __future__ import annotations

import ctypes
import struct
import sys

import pytest

from glassgrad.engines.native.codegen import jit
from glassgrad.engines.native.codegen.linking import link
from glassgrad.engines.native.codegen.target import host

pytestmark = pytest.mark.skipif(
    not (sys.platform.startswith("linux") and host().x86), reason="left to LLVM on this system"
)

TEXT = """
@table = internal constant [4 x i64] [i64 3, i64 5, i64 7, i64 11]
declare i64 @labs(i64)

define internal i64 @inner(i64 %i) noinline {
  %p = getelementptr [4 x i64], ptr @table, i64 0, i64 %i
  %v = load i64, ptr %p
  %n = sub i64 0, %v
  %a = call i64 @labs(i64 %n)
  ret i64 %a
}

define i64 @run(i64 %i) {
  %x = call i64 @inner(i64 %i)
  ret i64 %x
}
"""


def test_tables_calls_and_functions_of_the_c_library() -> None:
    image = link(jit.generate(TEXT, host()), "run")
    assert image is not None
    run = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(image.address)
    assert [run(i) for i in range(4)] == [3, 5, 7, 11]


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("labs", "no_function_of_this_name"),
        TEXT.replace("internal constant", "internal global")
        + "define void @set() {\n store i64 1, ptr @table\n ret void\n}",
        TEXT.replace("@run", "@another"),
    ],
    ids=["unknown function", "memory that is written", "no such function"],
)
def test_what_is_left_to_llvm(text: str) -> None:
    assert link(jit.generate(text, host()), "run") is None


def test_memory_that_is_written_works_with_llvm() -> None:
    text = """
@count = internal global i64 0
define i64 @run() {
  %old = load i64, ptr @count
  %new = add i64 %old, 1
  store i64 %new, ptr @count
  ret i64 %new
}
"""
    code = jit.load(jit.generate(text, host()), host(), "run")
    run = code.function(ctypes.c_int64)
    assert [run(), run(), run()] == [1, 2, 3]


def test_files_that_are_something_else_or_cut_off() -> None:
    code = jit.generate(TEXT, host())
    assert link(b"", "run") is None
    assert link(b"\x7fELF" + code[4:18] + struct.pack("<H", 183) + code[20:], "run") is None, "arm64"
    for end in range(0, len(code) - 64, 16):
        assert link(code[:end], "run") is None
