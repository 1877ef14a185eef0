"""Running the program: as ``python FILE.py`` would, until enough of its training is on the tape.

It runs in this process, in the file's own folder, with an empty standard input and its output kept apart. NumPy,
`math` and `random` are stand-ins for the program and for modules of its own folder; every other import is real.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import io
import os
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

from glassgrad.checking.recording.source import HOOK, Source, Statement, read_source
from glassgrad.checking.recording.arrays import Traced
from glassgrad.checking.recording.standins import STANDINS, numbers_of, standin
from glassgrad.checking.recording.tape import Enough, Tape
from glassgrad.checking.recording.traced import (
    Session,
    adopted,
    cell_of,
    is_traced,
    key,
    outside,
    plain,
    record,
    SCALARS,
)

__all__ = ["Failure", "Program", "Run"]

_DEPTH, _WIDTH = 3, 64


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of the program's own: what, and at which of its lines."""

    kind: str
    message: str
    file: str
    line: int
    text: str


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
        What its module held at the end.
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
    """

    path: Path
    run: str | None = None
    replaced: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)

    def source(self, path: Path) -> Source:
        """Return a file of the program."""
        name = str(path)
        if name not in self.sources:
            source = read_source(path)
            self.sources[name] = Source(name, self.replaced[name]) if name in self.replaced else source
        return self.sources[name]

    def with_line(self, file: str, text: str) -> Program:
        """Return the program with another text for one of its files."""
        return Program(self.path, self.run, {**self.replaced, file: text})

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
        tape = Tape({main.file}, steps)
        hooks = _HooksAtWork(tape, probe[1] if probe else None)
        loader = _Loader(self, hooks, numbers, probe[0] if probe else None)
        names: dict[str, Any] = {"__name__": "__main__", "__file__": main.file, HOOK: hooks}
        names["__builtins__"] = loader.builtins()
        failure, output = None, io.StringIO()
        with _as_a_script(self.path, output), np.errstate(all="ignore"):
            np.random.seed(0)
            STANDINS["random"]._real.seed(0)
            code = loader.compiled(main)
            Session.tape = tape
            try:
                exec(code, names)
                if self.run is not None:
                    exec(compile(self.run, "--run", "exec"), names)
            except Enough:
                pass
            except SystemExit:
                pass
            except BaseException as error:
                if tape.ended and not isinstance(error, KeyboardInterrupt):
                    pass
                elif isinstance(error, KeyboardInterrupt):
                    raise
                else:
                    failure = _failure(error, tape.files, self)
            finally:
                Session.tape = None
        return Run(tape, loader.statements, output.getvalue(), failure, names, numbers)


class _HooksAtWork:
    """What the instrumented statements call."""

    def __init__(self, tape: Tape, probe: Callable[[dict[str, Any], dict[str, Any]], None] | None) -> None:
        self.tape, self._probe = tape, probe
        self.adopted = lambda value: adopted(value, "outside")

    def bound(self, statement: int, kind: str, text: str, root: str, value: Any, *indices: Any) -> None:
        """Note what a target holds."""
        if Session.tape is None:
            return
        self.tape._tick()
        name, whole = root, not indices
        for index in indices:
            if is_traced(value):
                text = f"{name}[{_index(index)}]"
                self._bind(statement, text if whole else text, value, kind)
                return
            name = f"{name}[{_index(index)}]"
            try:
                value = value[index]
            except (TypeError, KeyError, IndexError):
                return
        self._hold(statement, name, value, kind, _DEPTH)

    def _hold(self, statement: int, name: str, value: Any, kind: str, depth: int) -> None:
        if is_traced(value):
            self._bind(statement, name, value, kind)
        elif depth and isinstance(value, (list, tuple)) and len(value) <= _WIDTH:
            for i, item in enumerate(value):
                self._hold(statement, f"{name}[{i}]", item, kind, depth - 1)
        elif depth and isinstance(value, dict) and len(value) <= _WIDTH:
            for index, item in value.items():
                self._hold(statement, f"{name}[{index!r}]", item, kind, depth - 1)
        elif depth and isinstance(value, np.ndarray) and value.dtype == object and value.size <= _WIDTH:
            for place in np.ndindex(value.shape):
                self._hold(statement, f"{name}[{', '.join(map(str, place))}]", value[place], kind, depth - 1)

    def _bind(self, statement: int, name: str, value: Any, kind: str) -> None:
        self.tape.bind(statement, name, cell_of(self.tape, value).index, kind)

    def returned(self, statement: int, value: Any) -> Any:
        """Note what a function returns."""
        value = adopted(value, "outside")
        if Session.tape is not None:
            self._hold(statement, "return", value, "return", 1)
        return value

    def turn(self) -> None:
        """Note a turn of a loop that may never end."""
        if Session.tape is not None:
            self.tape._tick()

    def number(self, kind: Any, value: Any) -> Any:
        """``float(x)`` or ``np.float64(x)``: a number that records stays one."""
        if is_traced(value) and (kind is float or kind in SCALARS):
            return record(np.copy, "copy", (value,), {}, now=lambda x: kind(x))
        return kind(value)

    def kind(self, function: Any, value: Any) -> Any:
        """``type(x)``: the type that the program knows."""
        return function(plain(value) if is_traced(value) else value)

    def literal(self, value: float) -> Any:
        """A float in a list or call of a program that keeps its weights in lists."""
        return outside(value, "literal")

    def listed(self, value: Any) -> Any:
        """A list of numbers that becomes an array when something is taken away from it."""
        array = np.asarray(value) if not is_traced(value) else value
        return adopted(array.astype(np.float64), "list") if array.dtype.kind in "fi" else value

    def dot(self, left: Any, right: Any) -> Any:
        """``a.dot(b)``: a plain array does not ask b."""
        if is_traced(right) and type(left) is np.ndarray:
            left = adopted(left, "outside")
        return left.dot(right)

    def astype(self, array: Any, *args: Any, **kwargs: Any) -> Any:
        """``a.astype(float)``: objects that record become an array that does."""
        if type(array) is np.ndarray and array.dtype == object and len(args) == 1:
            return numbers_of(array, args[0])
        return array.astype(*args, **kwargs)

    def probe(self) -> None:
        """Hand over the names in scope."""
        frame = sys._getframe(1)
        if self._probe is not None and Session.tape is not None:
            self._probe(frame.f_globals, frame.f_locals)


def _index(index: Any) -> str:
    return repr(index) if isinstance(index, str) else key(index) if not isinstance(index, tuple) else key(index)


class _Loader:
    """Compiles the program's files, and answers its imports."""

    def __init__(self, program: Program, hooks: _HooksAtWork, numbers: bool, probe: int | None) -> None:
        self.program, self.hooks, self.numbers, self.probe = program, hooks, numbers, probe
        self.statements: list[Statement] = []
        self.modules: dict[str, types.ModuleType] = {}
        self.folder = program.path.resolve().parent

    def builtins(self) -> dict[str, Any]:
        """Return the builtins of the program: its imports come here."""
        return {**vars(builtins), "__import__": self.imported, "input": lambda prompt="": ""}

    def compiled(self, source: Source) -> Any:
        """Compile a file, and number its statements after those before."""
        self.hooks.tape.files.add(source.file)
        code = source.compiled(len(self.statements), probe=self.probe, numbers=self.numbers)
        self.statements += source.statements
        return code

    def imported(self, name: str, names: Any = None, local: Any = None, what: Any = (), level: int = 0) -> Any:
        """Answer an import of the program."""
        known = standin(name) if level == 0 else None
        if known is not None:
            return known if what else STANDINS[name.split(".")[0]]
        own = self._own(name, names, level)
        if own is not None:
            for item in what or ():
                if not hasattr(own, item) and item != "*":
                    part = self._own(f"{own.__name__}.{item}", names, 0)
                    if part is not None:
                        setattr(own, item, part)
            return own if what or "." not in name else self.modules[own.__name__.split(".")[0]]
        return builtins.__import__(name, names, local, what, level)

    def _own(self, name: str, names: Any, level: int) -> types.ModuleType | None:
        """Return a module of the program's own folder."""
        if level:
            package = str((names or {}).get("__package__") or (names or {}).get("__name__", ""))
            parts = package.split(".")[: -level + 1 or None] if package != "__main__" else []
            name = ".".join([*parts, *([name] if name else [])])
        if name in self.modules:
            return self.modules[name]
        base = self.folder.joinpath(*name.split("."))
        path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        if not path.is_file():
            return None
        parent, _, last = name.rpartition(".")
        if parent:
            self._own(parent, None, 0)
        module = types.ModuleType(name)
        module.__dict__.update({"__file__": str(path), HOOK: self.hooks, "__builtins__": self.builtins()})
        module.__dict__["__package__"] = name if path.name == "__init__.py" else parent
        if path.name == "__init__.py":
            module.__dict__["__path__"] = [str(base)]
        self.modules[name] = module
        exec(self.compiled(self.program.source(path)), module.__dict__)
        if parent and parent in self.modules:
            setattr(self.modules[parent], last, module)
        return module


@contextlib.contextmanager
def _as_a_script(path: Path, output: io.StringIO) -> Iterator[None]:
    """Make this process look as a script finds it, and put everything back."""
    folder, argv, modules = Path.cwd(), sys.argv, list(sys.path)
    backend = os.environ.get("MPLBACKEND")
    state = np.random.get_state()
    os.environ["MPLBACKEND"] = "Agg"
    sys.argv, stdin = [str(path)], sys.stdin
    sys.stdin = io.StringIO()
    sys.path.insert(0, str(path.resolve().parent))
    os.chdir(path.resolve().parent)
    try:
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        os.chdir(folder)
        sys.argv, sys.stdin = argv, stdin
        sys.path[:] = modules
        np.random.set_state(state)
        if backend is None:
            del os.environ["MPLBACKEND"]
        else:
            os.environ["MPLBACKEND"] = backend


def _failure(error: BaseException, files: set[str], program: Program) -> Failure:
    """Return an error with the last of the program's own lines that led to it."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in files]
    frame = frames[-1] if frames else None
    line = (frame.lineno or 0) if frame else 0
    file = frame.filename if frame else str(program.path)
    lines = program.sources[file].lines if file in program.sources else []
    text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return Failure(type(error).__name__, str(error), file, line, text)
