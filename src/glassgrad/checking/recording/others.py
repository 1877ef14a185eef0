"""Stand-ins for modules that draw, show progress, compile, debug or start processes.

None of them has a part in the numbers. Modules that only show things and are not installed are no reason not to check
a program; what compiles or starts processes is done here and now instead, where it can be seen.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__ = ["Absent", "other_module"]


class Absent(types.ModuleType):
    """Something of a module that is not there: it can be called, asked and unpacked, and does nothing."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__dict__["__path__"] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do nothing, and return something that does nothing."""
        return Absent(f"{self.__name__}()")

    def __getitem__(self, index: Any) -> Any:
        return Absent(f"{self.__name__}[]")

    def __setitem__(self, index: Any, value: Any) -> None: ...

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter([Absent(self.__name__)] * _wanted(sys._getframe(1)))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None: ...


def _wanted(frame: Any) -> int:
    """Return into how many names the program is about to unpack: ``figure, axes = plt.subplots()``."""
    import dis

    at, code = frame.f_lasti, frame.f_code.co_code
    return code[at + 1] if dis.opname[code[at]] == "UNPACK_SEQUENCE" else 0


class _Pool:
    """``multiprocessing.Pool`` and the executors of `concurrent.futures`, one call after the other."""

    def __init__(self, *args: Any, initializer: Any = None, initargs: Any = (), **kwargs: Any) -> None:
        if initializer is not None:
            initializer(*initargs)

    def map(self, function: Callable[..., Any], *values: Iterable[Any], **kwargs: Any) -> list[Any]:
        """Call a function on each value."""
        several = len(values) > 1 and not isinstance(values[-1], int)  # the last may be a chunk size
        return list(map(function, *values)) if several else list(map(function, values[0]))

    imap = imap_unordered = map

    def starmap(self, function: Callable[..., Any], values: Iterable[Any], *args: Any) -> list[Any]:
        """Call a function on each tuple of values."""
        return [function(*v) for v in values]

    def apply(self, function: Callable[..., Any], args: Any = (), kwargs: Any = None) -> Any:
        """Call a function."""
        return function(*args, **(kwargs or {}))

    def apply_async(self, function: Callable[..., Any], args: Any = (), kwargs: Any = None) -> Any:
        """Call a function, and keep the result."""
        return _Result(function(*args, **(kwargs or {})))

    def map_async(self, function: Callable[..., Any], values: Iterable[Any], *args: Any) -> Any:
        """Call a function on each value, and keep the results."""
        return _Result([function(v) for v in values])

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function, and keep the result."""
        return _Result(function(*args, **kwargs))

    def close(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: nothing is open."""

    join = terminate = shutdown = close

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None: ...


class _Result:
    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self, timeout: float | None = None) -> Any:
        """Return the result."""
        return self._value

    result = get

    def wait(self, timeout: float | None = None) -> None:
        """Do nothing: it is done."""

    def done(self) -> bool:
        """Say that it is done."""
        return True


class _Process:
    """``multiprocessing.Process``: runs when it is started."""

    exitcode = 0
    daemon = False

    def __init__(
        self, group: Any = None, target: Any = None, name: Any = None, args: Any = (), kwargs: Any = None
    ) -> None:
        self._call = (target, args, kwargs or {})

    def start(self) -> None:
        """Run."""
        target, args, kwargs = self._call
        target(*args, **kwargs)

    def join(self, timeout: float | None = None) -> None:
        """Do nothing: it has run."""

    terminate = kill = close = join

    def is_alive(self) -> bool:
        """Say that it has run."""
        return False


def _same(value: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return an iterable as it is, as a progress bar does."""
    return value if value is not None else Absent("bar")


def _compiled(function: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return a function as it is, as a decorator with or without options."""
    return function if callable(function) else lambda given: given


def _module(name: str, **names: Any) -> types.ModuleType:
    module = Absent(name)
    module.__dict__.update(names)
    return module


def _real_but(name: str, **names: Any) -> types.ModuleType:
    """Return a module with some names replaced."""
    real = importlib.import_module(name)
    module = types.ModuleType(name)
    module.__dict__.update({**vars(real), **names})
    return module


_SHOWING = frozenset(
    (  # noqa: SIM905
        "matplotlib mpl_toolkits pylab seaborn plotly bokeh IPython ipywidgets progressbar colorama "
        "termcolor prettytable tabulate wandb tensorboardX pygame turtle tkinter visdom livelossplot "
        "graphviz pydot networkx"
    ).split()
)
"""Modules that show things; their place is taken where they are not installed."""

_REPLACED: dict[str, Callable[[], types.ModuleType]] = {
    "multiprocessing": lambda: _real_but("multiprocessing", Pool=_Pool, Process=_Process),
    "concurrent.futures": lambda: _real_but(
        "concurrent.futures", ProcessPoolExecutor=_Pool, ThreadPoolExecutor=_Pool, as_completed=_same
    ),
    "tqdm": lambda: _module("tqdm", tqdm=_same, trange=range, auto=_module("tqdm.auto", tqdm=_same, trange=range),
                            notebook=_module("tqdm.notebook", tqdm=_same, trange=range)),
    "tqdm.auto": lambda: _module("tqdm.auto", tqdm=_same, trange=range),
    "tqdm.notebook": lambda: _module("tqdm.notebook", tqdm=_same, trange=range),
    "numba": lambda: _module("numba", jit=_compiled, njit=_compiled, vectorize=_compiled, prange=range),
    "pdb": lambda: _module("pdb"),
    "ipdb": lambda: _module("ipdb"),
}  # fmt: skip
"""Modules whose place is taken always."""


def other_module(name: str) -> types.ModuleType | None:
    """Return what stands for a module in the program, or None where it is the module itself."""
    if name in _REPLACED:
        return _REPLACED[name]()
    top = name.split(".")[0]
    if top in _SHOWING and top not in sys.modules and importlib.util.find_spec(top) is None:
        return Absent(name)
    return None
