"""Compiled programs on disk: what was compiled once is loaded the next time.

An entry is found by a digest of all that decides the code: the graph, the machine, LLVM and glassgrad itself.
It lies in a directory that only its user can write, and carries a checksum; an entry that is damaged, belongs
to someone else or was made for another graph is compiled anew, never run.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from glassgrad._version import __version__
from glassgrad.engines.native import compiler
from glassgrad.engines.native.codegen.target import Target, host
from glassgrad.ir import Constant, Graph, Value, settings_key
from glassgrad.ops import lookup

__all__ = ["Compiled", "Slot", "announced", "cache_folder", "cached", "digest"]

_MAGIC = b"glassgrad native 1\n"
_KEPT = 512
"""Entries that stay; the oldest go first."""


class Slot(msgspec.Struct, frozen=True):
    """Where an array lies in a block: offset in bytes, dtype, shape, and the numbers from one column to the next.

    The latter is 0 where it lies row by row.
    """

    offset: int
    dtype: str
    shape: tuple[int, ...]
    pitch: int


class Compiled(msgspec.Struct, frozen=True):
    """A compiled program.

    Attributes
    ----------
    key
        The digest of what it was made from.
    code
        Object code.
    state, work
        Bytes of the two blocks it works in.
    scratch
        Bytes that each of its threads needs for itself.
    states, fixed
        Where the pieces of state lie in the first, and the inputs that stay the same in the second.
    shared
        Whether some kernel's work can be shared among threads.
    complaints
        What each number means that the program may leave when an index is out of range, from 1.
    filled
        Constants: an offset in the working block, and what lies there before the program runs.
    """

    key: bytes
    code: bytes
    state: int
    work: int
    scratch: int
    states: tuple[Slot, ...]
    fixed: tuple[Slot, ...]
    shared: bool
    complaints: tuple[str, ...]
    filled: tuple[tuple[int, bytes], ...]


def cached(key: bytes, make: Callable[[], Compiled]) -> Compiled:
    """Return the entry of a key, made by `make` and kept where there is none that can be trusted."""
    try:
        path = cache_folder() / f"{key.hex()}.bin"
    except RuntimeError:  # this user has no home
        return make()
    found = _read(path, key) if _private(path.parent, stat.S_ISDIR) else None
    if found is None:
        found = make()
        _write(path, found)
    return found


def cache_folder() -> Path:
    """Return the folder of the entries: ``$GLASSGRAD_CACHE_DIR``, else where this system keeps a user's caches."""
    given = os.environ.get("GLASSGRAD_CACHE_DIR")
    if given:
        return Path(given)
    if sys.platform == "win32":
        return (
            Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "glassgrad" / "native"
        )
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "glassgrad" / "native"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glassgrad" / "native"


def _private(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Say whether a path is there, of a kind, the user's own, and nobody else's to write; a link is of no kind."""
    try:
        about = path.lstat()
    except OSError:
        return False
    if not is_kind(about.st_mode):
        return False
    if not hasattr(os, "getuid"):
        return True
    return about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(path: Path, key: bytes) -> Compiled | None:
    if not _private(path, stat.S_ISREG):
        return None
    try:
        raw = path.read_bytes()
        checksum, body = raw[len(_MAGIC) : len(_MAGIC) + 32], raw[len(_MAGIC) + 32 :]
        if not raw.startswith(_MAGIC) or hashlib.sha256(body).digest() != checksum:
            return None
        found = msgspec.msgpack.decode(body, type=Compiled)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.key == key else None


def _write(path: Path, entry: Compiled) -> None:
    """Keep an entry; a full or read-only disk only means that it is compiled again the next time."""
    body = msgspec.msgpack.encode(entry)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _private(path.parent, stat.S_ISDIR):
            return
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(body).digest() + body)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            return
        _remove_oldest(path.parent)
    except OSError:
        return


def _remove_oldest(folder: Path) -> None:
    entries = [e for e in os.scandir(folder) if e.name.endswith(".bin")]
    if len(entries) > _KEPT:
        for entry in sorted(entries, key=lambda e: e.stat().st_mtime_ns)[:-_KEPT]:
            os.unlink(entry.path)


# --- the key ---------------------------------------------------------------------------------------------------------


def digest(graph: Graph, target: Target, *settings: Any) -> bytes:
    """Return what stands for a program: equal graphs, machines and settings have equal digests."""
    return _on(target, _source(graph, *settings))


def announced(graph: Graph, target: Target | None, *settings: Any) -> tuple[bytes, Target]:
    """Return the digest of a program that is wanted now, and its target: this machine where none is given.

    Where no entry was made of the same graph, the compiler is started before anything else happens.
    """
    source = _source(graph, *settings)
    if not _seen(source):
        compiler.start()
    target = target or host()
    return _on(target, source), target


def _seen(source: bytes) -> bool:
    """Say whether there is an entry of a graph with these settings, for whatever machine."""
    try:
        return any(entry.name.startswith(source.hex()) for entry in os.scandir(cache_folder()))
    except (OSError, RuntimeError):
        return False


def _source(graph: Graph, *settings: Any) -> bytes:
    """Return the first half of a digest, which takes no LLVM to find out."""
    sha = hashlib.sha256(repr((_own_code(), settings)).encode())
    for part in _graph(graph):
        sha.update(part)
    return sha.digest()[:16]


def _on(target: Target, source: bytes) -> bytes:
    import llvmlite.binding as llvm

    return source + hashlib.sha256(repr((source, target, llvm.llvm_version_info)).encode()).digest()[:16]


@lru_cache(maxsize=1)
def _own_code() -> tuple[Any, ...]:
    """Return what changes when glassgrad changes."""
    root = Path(__file__).parents[2]
    files = [p for room in ("engines", "graph", "ops", "ir") for p in sorted((root / room).rglob("*.py"))]
    about = tuple((p.name, s.st_size, s.st_mtime_ns) for p in files for s in [p.stat()])
    return (__version__, np.__version__, about)


def _graph(graph: Graph) -> Iterator[bytes]:
    numbers: dict[Value, int] = {}

    def name(value: Value) -> str:
        if value not in numbers:
            numbers[value] = len(numbers)
            return f"{numbers[value]}:{value.dtype}{value.shape}"
        return str(numbers[value])

    def constants(values: tuple[Value, ...]) -> Iterator[bytes]:
        for value in values:
            if isinstance(value, Constant) and value not in numbers:
                yield value.array.tobytes()

    yield repr([name(v) for v in graph.inputs]).encode()
    for node in graph.nodes:
        yield from constants(node.inputs)
        named = [name(v) for v in (*node.inputs, *node.outputs)]
        yield repr((node.op, named, settings_key(node.attrs))).encode()
        if lookup(node.op).control:
            for role, inner in sorted(node.subgraphs.items()):
                yield role.encode()
                yield from _graph(inner)
    yield from constants(graph.outputs)
    yield repr([name(v) for v in graph.outputs]).encode()
