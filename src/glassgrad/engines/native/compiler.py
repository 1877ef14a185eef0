"""Compiling in a process of its own, so that LLVM's code and heap never come into the memory of a training run.

The process (`codegen.generator`) takes some 40 ms to start. So it is started as soon as something is known to be
compiled, while this process still works out what, and serves until nothing has been asked of it for some seconds. Where
no such process can be had, code is generated in this one; the code is the same.
"""

from __future__ import annotations

import atexit
import importlib.util
import marshal
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from glassgrad.engines.native.codegen import generator, jit
from glassgrad.engines.native.codegen.target import Target

if TYPE_CHECKING:
    import subprocess

__all__ = ["generate", "start"]


class _Compiler:
    """The process, if there is one; whoever calls a method holds the lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._usable = True

    def start(self) -> None:
        """Start the process, unless there is one or none can be had."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None and self._usable:
            self._process = _popen()
            self._usable = self._process is not None

    def ask(self, *request: str) -> bytes | str | None:
        """Return the answer to a request, None where there is none."""
        self.start()
        if self._process is None:
            return None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            rest = memoryview(marshal.dumps(request))
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
            with open(self._process.stdout.fileno(), "rb", closefd=False) as answers:
                answer = marshal.load(answers)
            if not isinstance(answer, bytes | str):
                raise ValueError("this is no answer")
        except (OSError, EOFError, ValueError, TypeError):
            self.stop()
            self._usable = False
            return None
        except BaseException:  # Ctrl-C: the next request would be given the answer to this one
            self.stop()
            raise
        return answer

    def stop(self) -> None:
        """End the process, whatever it is at."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            _close(process)

    def forget(self) -> None:
        """Leave the process to the one that this process was forked from."""
        if self._process is not None:
            self._process.returncode = 0  # it is not this process that has to wait for it
            _close(self._process)


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _popen() -> subprocess.Popen[bytes] | None:
    """Start the process; None where that is impossible."""
    import subprocess

    python, program = Path(sys.executable or ""), Path(generator.__file__)
    llvmlite = importlib.util.find_spec("llvmlite")
    is_python = python.name.lower().startswith(("python", "pypy")) and not hasattr(sys, "frozen")
    if not is_python or llvmlite is None or llvmlite.origin is None or not program.is_file():
        return None
    folder = Path(llvmlite.origin).parents[1]
    try:
        # Isolated, so that nothing is imported but the standard library and llvmlite, and without site-packages.
        return subprocess.Popen(
            [str(python), "-I", "-S", str(program), str(folder)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=program.parent,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError):
        return None


_compiler = _Compiler()


def _after_fork() -> None:
    global _compiler
    _compiler.forget()
    _compiler = _Compiler()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(lambda: _compiler.stop())


def start() -> None:
    """Start the process, because something will have to be compiled; it gets ready meanwhile."""
    if _compiler.lock.acquire(blocking=False):
        try:
            _compiler.start()
        finally:
            _compiler.lock.release()


def generate(text: str, target: Target) -> bytes:
    """Return the object code of a module.

    Parameters
    ----------
    text
        LLVM's intermediate representation.
    target
        The machine to make code for.

    Raises
    ------
    RuntimeError
        Where the text is not well-formed, with what LLVM says of it.
    """
    with _compiler.lock:
        answer = _compiler.ask(text, target.triple, target.cpu, target.features)
    if answer is None:
        return jit.generate(text, target)
    if isinstance(answer, str):
        raise RuntimeError(answer)
    return answer
