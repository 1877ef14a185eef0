"""The program's files compiled, and its imports answered: with stand-ins, its own files, or the real modules."""

from __future__ import annotations

import builtins
import importlib.machinery
import sys
import types
from pathlib import Path
from typing import Any

from glassgrad.checking.recording.hooks import Hooks
from glassgrad.checking.recording.others import Absent, other_module
from glassgrad.checking.recording.source import HOOK, Source, Statement
from glassgrad.checking.recording.standins import STANDINS, standin

__all__ = ["Loader"]


class Loader:
    """Compiles the program's files, and answers its imports."""

    def __init__(self, program: Any, hooks: Hooks, numbers: bool, probe: int | None) -> None:
        self.program, self.hooks, self.numbers, self.probe = program, hooks, numbers, probe
        self.statements: list[Statement] = []
        self.modules: dict[str, types.ModuleType] = {}
        self.folder = program.path.resolve().parent
        self.known = list(sys.path)
        self.asked = False

    def builtins(self) -> dict[str, Any]:
        """Return the builtins of the program: its imports come here, and nobody types."""
        notebook = self.program.path.suffix == ".ipynb"
        return {
            **({"display": lambda *shown, **options: None} if notebook else {}),
            "get_ipython": lambda: Absent("IPython"),
            **vars(builtins),
            "__import__": self.imported,
            "input": self._input,
        }

    def _input(self, prompt: object = "") -> str:
        self.asked = True
        return ""

    def compiled(self, source: Source) -> Any:
        """Compile a file, and number its statements after those before."""
        self.hooks.tape.files.add(source.file)
        code = source.compiled(len(self.statements), probe=self.probe, numbers=self.numbers)
        self.statements += source.statements
        return code

    def imported(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        """Answer an import of the program."""
        names, what = globals, fromlist
        known = standin(name) if level == 0 else None
        if known is not None:
            return known if what else STANDINS[name.split(".")[0]]
        own = self._own(name, names, level)
        if own is None and level == 0:
            other = other_module(name)
            if other is not None:
                return other if what else _topmost(name, other)
        if own is not None:
            for item in what or ():
                if not hasattr(own, item) and item != "*":
                    part = self._own(f"{own.__name__}.{item}", names, 0)
                    if part is not None:
                        setattr(own, item, part)
            return own if what or "." not in name else self.modules[own.__name__.split(".")[0]]
        return builtins.__import__(name, names, locals, what, level)

    def _own(self, name: str, names: Any, level: int) -> types.ModuleType | None:
        """Return a module of the program's own folder."""
        if level:
            package = str((names or {}).get("__package__") or (names or {}).get("__name__", ""))
            parts = package.split(".")[: -level + 1 or None] if package != "__main__" else []
            name = ".".join([*parts, *([name] if name else [])])
        if name in self.modules:
            return self.modules[name]
        path = self._file(name)
        if path is None:
            return None
        parent, _, last = name.rpartition(".")
        if parent:
            self._own(parent, None, 0)
        module = types.ModuleType(name)
        module.__dict__.update({"__file__": str(path), HOOK: self.hooks, "__builtins__": self.builtins()})
        module.__dict__["__package__"] = name if path.name == "__init__.py" else parent
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, origin=str(path))
        self.modules[name] = sys.modules[name] = module
        if path.name == "__init__.py":
            module.__dict__["__path__"] = [str(path.parent)]
        if path.is_file():
            exec(self.compiled(self.program.source(path)), module.__dict__)
        if parent and parent in self.modules:
            setattr(self.modules[parent], last, module)
        return module

    def _file(self, name: str) -> Path | None:
        """Return the file of a module of the program's own: beside it, or where it has told Python to look."""
        folders: list[Path] = [self.folder, *(Path(p) for p in sys.path if p not in self.known)]
        for folder in folders:
            base = folder.joinpath(*name.split("."))
            if base.with_suffix(".py").is_file() and not base.is_dir():
                return base.with_suffix(".py")
            if base.is_dir() and ((base / "__init__.py").is_file() or any(base.glob("*.py"))):
                return base / "__init__.py"
        return None


def _topmost(name: str, module: types.ModuleType) -> types.ModuleType:
    """Return the module that ``import a.b`` gives a name to."""
    top, _, rest = name.partition(".")
    if not rest:
        return module
    outer = other_module(top)
    if outer is None:
        outer = types.ModuleType(top)
        outer.__dict__.update(vars(builtins.__import__(top)))
        setattr(outer, rest, module)
    return outer
