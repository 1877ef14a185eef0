"""Compiling in a process of its own: that it is used, what it answers, and all the ways in which it cannot be had."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines.native import NativeEngine, compiler
from glassgrad.engines.native.codegen import jit
from glassgrad.engines.native.codegen.target import host

NUMBER = "define i64 @run() {\n ret i64 42\n}\n"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(compiler, "_compiler", compiler._Compiler())
    yield
    compiler._compiler.stop()


def process() -> subprocess.Popen[bytes]:
    found = compiler._compiler._process
    assert found is not None
    return found


def answer(code: bytes) -> int:
    program = jit.load(code, host(), "run")
    found: int = program.function(ctypes.c_int64)()
    return found


@pytest.fixture
def only_in_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> bytes:
        raise AssertionError("this is to be generated in the other process")

    monkeypatch.setattr(jit, "generate", never)


@pytest.mark.usefixtures("only_in_the_process")
def test_one_process_compiles_one_text_after_the_other() -> None:
    assert answer(compiler.generate(NUMBER, host())) == 42
    first = process().pid
    assert answer(compiler.generate(NUMBER.replace("42", "43"), host())) == 43
    assert process().pid == first


def test_the_code_is_that_of_this_process() -> None:
    assert compiler.generate(NUMBER, host()) == jit.generate(NUMBER, host())


def test_errors_of_llvm_are_those_of_this_process() -> None:
    for text in ("define i64 @run() {\n ret i64 %x\n}\n", "nothing of the kind"):
        with pytest.raises(RuntimeError) as here:
            jit.generate(text, host())
        with pytest.raises(RuntimeError) as there:
            compiler.generate(text, host())
        assert str(there.value) == str(here.value)
    assert answer(compiler.generate(NUMBER, host())) == 42


@pytest.mark.usefixtures("only_in_the_process")
def test_many_threads_ask_at_once() -> None:
    def ask(i: int) -> int:
        return answer(compiler.generate(NUMBER.replace("42", str(i)), host()))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(24))) == list(range(24))


@pytest.mark.usefixtures("only_in_the_process")
def test_it_is_started_before_the_graph_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLASSGRAD_CACHE_DIR", str(tmp_path))
    started: list[str] = []
    begin = compiler.start
    monkeypatch.setattr(compiler, "start", lambda: (started.append("compiler"), begin()))
    graph = gg.trace(lambda x: x * 3.0, gg.Spec((2,)))
    for _ in range(2):
        assert NativeEngine().compile(graph)(np.ones(2))[0].tolist() == [3.0, 3.0]
    assert started == ["compiler"], "what is in the cache starts no process"


# --- where there is none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", [None, "", "/nowhere/python3", "/bin/sh", "/usr/sbin/application"])
def test_without_a_python_to_start(monkeypatch: pytest.MonkeyPatch, python: str | None) -> None:
    monkeypatch.setattr(sys, "executable", python)
    assert answer(compiler.generate(NUMBER, host())) == 42
    assert compiler._compiler._process is None


@pytest.mark.skipif(os.name != "posix", reason="a script in the place of Python")
@pytest.mark.parametrize("says", ["", "nonsense", "exit 3", "cat", "printf 'N'"])
def test_a_python_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str) -> None:
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\n{says}\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    assert answer(compiler.generate(NUMBER, host())) == 42
    assert compiler._compiler._process is None
    assert not compiler._compiler._usable


def test_no_process_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refused)
    assert answer(compiler.generate(NUMBER, host())) == 42


def test_a_process_that_died_is_replaced() -> None:
    compiler.generate(NUMBER, host())
    first = process()
    first.kill()
    first.wait()
    assert answer(compiler.generate(NUMBER, host())) == 42
    assert process().pid != first.pid


# --- it ends ---------------------------------------------------------------------------------------------------------


def gone(pid: int, seconds: float = 5.0) -> bool:
    """Say whether a process is gone, or only waits for its parent to notice, before some seconds are over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")

PROGRAM = """
import os, signal, sys
from glassgrad.engines.native import compiler
from glassgrad.engines.native.codegen.target import host
compiler.generate("define i64 @run() {{\\n ret i64 42\\n}}\\n", host())
print(compiler._compiler._process.pid, flush=True)
{then}
"""


@LINUX
@pytest.mark.parametrize("then", ["", "os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "1 / 0"])
def test_it_ends_with_the_process_that_started_it(then: str) -> None:
    code = PROGRAM.format(then=then)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert gone(int(done.stdout)), done.stderr


@LINUX
def test_it_ends_when_nothing_is_asked_of_it() -> None:
    from glassgrad.engines.native.codegen import generator

    compiler.generate(NUMBER, host())
    assert gone(process().pid, generator._IDLE + 5)
    assert answer(compiler.generate(NUMBER, host())) == 42


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interruption_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler.generate(NUMBER, host())
    os.kill(process().pid, signal.SIGSTOP)  # an answer that takes long
    pid = process().pid
    main = threading.main_thread().ident
    threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT]).start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        compiler.generate(NUMBER, host())
    assert time.monotonic() - begin < 5
    assert gone(pid)
    assert answer(compiler.generate(NUMBER, host())) == 42


def _in_a_fork(results: Any) -> None:
    results.put((compiler._compiler._process is None, answer(compiler.generate(NUMBER, host()))))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_one_of_its_own() -> None:
    compiler.generate(NUMBER, host())
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    other = context.Process(target=_in_a_fork, args=(results,), daemon=True)
    other.start()
    assert results.get() == (True, 42)
    other.join()
    assert process().poll() is None
    assert answer(compiler.generate(NUMBER, host())) == 42
