"""Running the program: as ``python FILE.py`` would, until enough of its training is on the tape.

It runs in this process, in the file's own folder, with an empty standard input and its output kept apart. NumPy,
`math` and `random` are stand-ins for the program and for modules of its own folder; every other import is real.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import os
import random
import signal
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad.checking.recording.advice import advice_for
from glassgrad.checking.recording.hooks import Hooks
from glassgrad.checking.recording.loading import Loader
from glassgrad.checking.recording.source import HOOK, Source, Statement, read_source
from glassgrad.checking.recording.tape import Enough, Tape
from glassgrad.checking.recording.traced import Session
from glassgrad.errors import CheckError
from glassgrad.language import Text

__all__ = ["Failure", "Program", "Run"]

_RUN = "--run"
"""The name of the expression that starts the training, in place of a file's."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of the program's own: what, and at which of its lines.

    Attributes
    ----------
    kind
        The class of the error; ``"SystemExit"`` where the program gave up by itself, ``"Stopped"`` where it was stopped
        because it took too long.
    advice
        How to mend it, where that is known.
    """

    kind: str
    message: str
    file: str
    line: int
    text: str
    advice: Text | None = None


@dataclass(slots=True)
class Run:
    """What one run left.

    Attributes
    ----------
    tape
        The recorded calls.
    statements
        The statements with hooks, by number.
    output
        What the program printed.
    failure
        The error it ended with, if any.
    names
        What its module held at the end, and its functions where it was stopped in one.
    numbers
        Whether single floats were recorded too.
    """

    tape: Tape
    statements: list[Statement]
    output: str
    failure: Failure | None
    names: dict[str, Any]
    numbers: bool = False


@dataclass
class Program:
    """A program that can be run again and again, always in the same way.

    Parameters
    ----------
    path
        The script or notebook.
    run
        An expression that starts the training, where running the file does not.
    replaced
        Text that stands for a file instead of what is in it: a line mended.
    seconds
        How long the program may run.
    after
        How often one value is updated before the recording begins: 0 to judge the first step.
    """

    path: Path
    run: str | None = None
    replaced: dict[str, str] = field(default_factory=dict)
    seconds: float = 45.0
    sources: dict[str, Source] = field(default_factory=dict)
    after: int = 0

    def source(self, path: Path) -> Source:
        """Return a file of the program."""
        name = str(path)
        if name not in self.sources:
            source = read_source(path)
            self.sources[name] = Source(name, self.replaced[name]) if name in self.replaced else source
        return self.sources[name]

    def with_line(self, file: str, text: str) -> Program:
        """Return the program with another text for one of its files."""
        return Program(self.path, self.run, {**self.replaced, file: text}, self.seconds, after=self.after)

    def later(self, after: int) -> Program:
        """Return the program with a later step to be judged."""
        return Program(self.path, self.run, self.replaced, self.seconds, after=after)

    def execute(
        self,
        *,
        steps: int = 4,
        numbers: bool = False,
        probe: tuple[int, Callable[[dict[str, Any], dict[str, Any]], None]] | None = None,
    ) -> Run:
        """Run the program until it has made some steps.

        Parameters
        ----------
        steps
            How often one value may be updated before the program is stopped.
        numbers
            Whether single floats record too.
        probe
            A statement, and what to call with the names in scope each time the program is before it.
        """
        main = self.source(self.path)
        if not main.tree.body:
            raise CheckError(f"{self.path} has no Python code in it.")
        hooks = Hooks(Tape({main.file}, self.after or steps, self.seconds), probe[1] if probe else None)
        loader = Loader(self, hooks, numbers, probe[0] if probe else None)
        module = types.ModuleType("__main__")
        module.__dict__.update({"__file__": main.file, HOOK: hooks, "__builtins__": loader.builtins()})
        failure, output = None, _Output()
        inner: dict[str, Any] = {}
        with _as_a_script(self.path, module, output), np.errstate(all="ignore"), np.printoptions():
            np.random.seed(0)
            random.seed(0)
            code = loader.compiled(main)
            Session.tape = hooks.tape
            hooks.tape.floor = sys._getframe()
            if self.after:
                hooks.tape.following = lambda: hooks.begin_again(steps)
            try:
                with _Watch(hooks, self.seconds):
                    exec(code, module.__dict__)
                    if self.run is not None:
                        exec(compile(self.run, _RUN, "exec"), module.__dict__)
            except Enough as stop:
                inner = _locals(stop, hooks.tape.files)
                failure = _stopped(stop, hooks.tape, self) if not hooks.tape.updates else None
            except SystemExit as error:
                if error.code not in (None, 0):
                    failure = _failure(error, hooks.tape, self, output.text(), loader.asked)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                if not hooks.tape.ended:
                    failure = _failure(error, hooks.tape, self, output.text(), loader.asked)
            finally:
                Session.tape = hooks.tape.floor = None
        names = {**module.__dict__, **{n: v for n, v in inner.items() if n not in module.__dict__}}
        return Run(hooks.tape, loader.statements, output.text(), failure, names, numbers)


class _Output(io.BytesIO):
    """What the program prints: a stream like that of a terminal, which stays when the program closes it."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = io.TextIOWrapper(self, "utf-8", "replace", newline="", write_through=True)

    def close(self) -> None:
        """Stay open."""

    def text(self) -> str:
        """Return what was printed."""
        return self.getvalue().decode("utf-8", "replace")


class _Watch:
    """Stops a program that takes too long, even where it calls nothing that records."""

    def __init__(self, hooks: Hooks, seconds: float) -> None:
        self._hooks, self._seconds = hooks, seconds
        self._thread = threading.get_ident()
        self._done = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._done.set()

    def _watch(self) -> None:
        wait = self._seconds + 1.0  # the tape itself stops what records
        while not self._done.wait(wait):
            with self._lock:
                if not self._done.is_set():
                    self._hooks.tape.ended = self._hooks.tape.ended or "time"
                    raised = ctypes.py_object(Enough)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), raised)
            wait = 1.0


@contextlib.contextmanager
def _as_a_script(path: Path, module: types.ModuleType, output: _Output) -> Iterator[None]:
    """Make this process look as a script finds it, and put everything back."""
    folder, argv, paths, stdin = Path.cwd(), sys.argv, list(sys.path), sys.stdin
    modules, limit, state, drawn = (
        dict(sys.modules),
        sys.getrecursionlimit(),
        np.random.get_state(),
        random.getstate(),
    )
    environment = dict(os.environ)
    main_thread = threading.current_thread() is threading.main_thread()
    interrupt = signal.getsignal(signal.SIGINT)
    os.environ["MPLBACKEND"] = "Agg"
    sys.argv, sys.stdin = [str(path)], io.StringIO()
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules["__main__"] = module
    often = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)  # a tape is many small objects that all stay
    os.chdir(path.resolve().parent)
    try:
        with (
            contextlib.redirect_stdout(output.stream),
            contextlib.redirect_stderr(output.stream),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        os.chdir(folder)
        sys.argv, sys.stdin = argv, stdin
        sys.path[:] = paths
        gc.set_threshold(*often)
        if main_thread and interrupt is not None:
            signal.signal(signal.SIGINT, interrupt)
        sys.setrecursionlimit(limit)
        np.random.set_state(state)
        random.setstate(drawn)
        os.environ.clear()
        os.environ.update(environment)
        for name in [name for name, held in sys.modules.items() if HOOK in getattr(held, "__dict__", ())]:
            if name in modules:
                sys.modules[name] = modules[name]
            else:
                del sys.modules[name]


def _failure(error: BaseException, tape: Tape, program: Program, output: str, asked: bool) -> Failure:
    """Return an error with the last of the program's own lines that led to it."""
    known = {*tape.files, _RUN}
    frames = [
        (f.filename, f.lineno or 0) for f in traceback.extract_tb(error.__traceback__) if f.filename in known
    ]
    if isinstance(error, SyntaxError) and error.filename in known:
        frames.append((error.filename or "", error.lineno or 0))
    file, line = frames[-1] if frames else (str(program.path), 0)
    text = _text(program, file, line)
    kind, message = type(error).__name__, str(error)
    if isinstance(error, SystemExit):
        said = output.strip().splitlines()
        message = said[-1] if isinstance(error.code, int) and said else str(error.code)
    return Failure(kind, message, file, line, text, advice_for(kind, message, text, asked=asked))


def _locals(stop: BaseException, files: set[str]) -> dict[str, Any]:
    """Return what the functions held that a program was stopped in, the outermost function's names first."""
    frames = [
        frame for frame, _ in traceback.walk_tb(stop.__traceback__) if frame.f_code.co_filename in files
    ]
    return {name: value for frame in reversed(frames) for name, value in frame.f_locals.items()}


def _stopped(stop: BaseException, tape: Tape, program: Program) -> Failure:
    """Return that a program was stopped before it trained, with where it was."""
    frames = [f for f in traceback.extract_tb(stop.__traceback__) if f.filename in tape.files]
    line = (frames[-1].lineno or 0) if frames else 0
    file = frames[-1].filename if frames else str(program.path)
    text = _text(program, file, line)
    message = f"no training step in {program.seconds:g} seconds and {len(tape.events)} calls"
    return Failure("Stopped", message, file, line, text, advice_for("Stopped", message, text))


def _text(program: Program, file: str, line: int) -> str:
    lines = program.sources[file].lines if file in program.sources else (program.run or "").splitlines()
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""
