"""Where a node comes from: the scope (which layer) and the user's own line of source.

Both are taken when the node is made. The line is that of the nearest caller outside glassgrad, found by walking
frames; only the code object and the instruction offset are kept, so that recording costs well under a
microsecond, and the file and line are worked out when somebody asks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Any

from glassgrad.errors import GlassgradError

__all__ = ["Source", "caller", "calling_place", "current_scope", "located", "scope"]

_NOT_THE_USER = frozenset({__name__.partition(".")[0], "numpy", "contextlib"})
_USERS: dict[str, bool] = {}
"""Whether a module's code is the user's, by its name."""

_SCOPE: ContextVar[str] = ContextVar("glassgrad_scope", default="")


class Source:
    """A place in somebody's source code.

    Attributes
    ----------
    file : str
        Path of the source file.
    line : int
        Line number, from 1.
    function : str
        Qualified name of the function that holds the line.
    """

    __slots__ = ("_code", "_offset")

    def __init__(self, code: CodeType, offset: int) -> None:
        self._code = code
        self._offset = offset

    @property
    def file(self) -> str:
        """Path of the source file."""
        return self._code.co_filename

    @property
    def line(self) -> int:
        """Line number, from 1."""
        for start, end, line in self._code.co_lines():
            if start <= self._offset < end and line is not None:
                return line
        return self._code.co_firstlineno

    @property
    def function(self) -> str:
        """Qualified name of the function."""
        return self._code.co_qualname

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def __repr__(self) -> str:
        return f"Source({self})"


def caller() -> Source | None:
    """Return the nearest line on the call stack that is the user's own."""
    place = calling_place()
    return None if place is None else Source(*place)


def calling_place() -> tuple[CodeType, int] | None:
    """Return the code and the offset of that line, of which a `Source` is made where somebody asks."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        users = _USERS.get(name)
        if users is None:
            users = _USERS[name] = name.partition(".")[0] not in _NOT_THE_USER
        if users:
            return frame.f_code, frame.f_lasti
        frame = frame.f_back
    return None


def located(error: GlassgradError, name: str, args: Iterable[Any] = ()) -> GlassgradError:
    """Return the error with the operation, the shapes it was given and the user's line, if it has no line yet."""
    if "\n  (" in str(error):
        return error
    shapes = " and ".join(str(tuple(a.shape)) for a in args if hasattr(a, "shape"))
    of = f" of {shapes}" if shapes else ""
    where = f" in {current_scope()}" if current_scope() else ""
    return type(error)(f"{error}\n  ({name}{of}{where}, at {caller()})").with_traceback(error.__traceback__)


current_scope: Callable[[], str] = _SCOPE.get
"""Return the scope that nodes made now belong to, such as ``"layer1/linear"``."""


@contextmanager
def scope(name: str | None) -> Iterator[None]:
    """Put the nodes made inside under `name`, within the scope around it; None begins anew, outside of all scopes.

    Examples
    --------
    >>> with scope("layer1"), scope("linear"):
    ...     current_scope()
    'layer1/linear'
    """
    outer = _SCOPE.get()
    token = _SCOPE.set("" if name is None else f"{outer}/{name}" if outer else name)
    try:
        yield
    finally:
        _SCOPE.reset(token)
