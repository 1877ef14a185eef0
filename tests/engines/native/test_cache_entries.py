"""Entries of the cache, one by one: every bit, every file that is none, every disk that fails, all that the key holds.

`test_cache` tests the same from outside, with programs.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines import StepGraph
from glassgrad.engines.native import NativeEngine, cache, loop, program
from glassgrad.engines.native.cache import Compiled, cached, digest
from glassgrad.engines.native.codegen.target import host, named
from glassgrad.ir import Graph

POSIX = pytest.mark.skipif(os.name != "posix", reason="this system has no owners and modes of files")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of this test alone."""
    monkeypatch.setenv("GLASSGRAD_CACHE_DIR", str(tmp_path / "above" / "cache"))
    return tmp_path / "above" / "cache"


def entry(key: bytes, code: bytes = b"the code") -> Compiled:
    return Compiled(key, code, 0, 64, 0, (), (), False, ("label {index}",), ((64, b"abc"),))


KEY = hashlib.sha256(b"one").digest()
OTHER = hashlib.sha256(b"two").digest()


def never() -> Compiled:
    raise AssertionError("this is to be loaded, not compiled")


def path_of(folder: Path, key: bytes = KEY) -> Path:
    return folder / f"{key.hex()}.bin"


def planted(folder: Path, body: bytes, key: bytes = KEY) -> None:
    """Put an entry with a right checksum into the cache."""
    path_of(folder, key).write_bytes(cache._MAGIC + hashlib.sha256(body).digest() + body)


# --- loaded the second time ----------------------------------------------------------------------------------------


def test_what_was_compiled_is_loaded_the_next_time(folder: Path) -> None:
    assert cached(KEY, lambda: entry(KEY)) == entry(KEY)
    assert cached(KEY, never) == entry(KEY)
    assert [p.name for p in folder.iterdir()] == [f"{KEY.hex()}.bin"]


@POSIX
def test_nobody_else_can_read_or_write_it(folder: Path) -> None:
    before = os.umask(0)
    try:
        cached(KEY, lambda: entry(KEY))
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path_of(folder).stat().st_mode) == 0o600


def test_programs_and_loops_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = gg.trace(lambda x, i: gg.exp(x)[i], gg.Spec(("N", 3)), gg.Spec((2,), "int64"))
    step = StepGraph(
        gg.trace(lambda s, x, k: (s + gg.sum(x), s * k), *(gg.Spec(d) for d in ((), ("N",), ()))), 1, 1, 0, 1
    )

    def run() -> list[Any]:
        x, i = np.arange(12.0).reshape(4, 3), np.array([3, 0])
        state = [np.array(0.0)]
        batches = np.arange(6).reshape(2, 3)
        reports = (
            NativeEngine()
            .loop(step)
            .run(state, [np.arange(6.0)], batches, [], [np.array(2.0)], np.zeros(1, np.uint8))
        )
        found = NativeEngine().compile(graph)
        with pytest.raises(gg.errors.ShapeError, match="index 4 is out of range for an axis of size 4"):
            found(x, i + 1)
        return [a.tobytes() for a in (*found(x, i), *state, reports)]

    first = run()

    def generate(*_: Any) -> bytes:
        raise AssertionError("this is to be loaded, not compiled")

    monkeypatch.setattr(program, "generate", generate)
    assert not hasattr(loop, "generate"), "a second place that compiles"
    assert run() == first


def test_large_constants_are_part_of_the_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    constant = np.random.default_rng(0).normal(size=(200, 100))
    graph = gg.trace(lambda x: x + gg.tensor(constant), gg.Spec((200, 100)))
    x = np.ones((200, 100))
    first = NativeEngine().compile(graph)(x)
    monkeypatch.setattr(program, "generate", lambda *_: never())
    assert (NativeEngine().compile(graph)(x)[0] == first[0]).all()
    assert (first[0] == x + constant).all()


def test_many_at_once_write_whole_entries(folder: Path) -> None:
    keys = [hashlib.sha256(bytes([i % 5])).digest() for i in range(60)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda k: cached(k, lambda: entry(k)), keys)) == [entry(k) for k in keys]
    assert len(list(folder.iterdir())) == 5
    assert all(cached(k, never) == entry(k) for k in keys)


# --- what cannot be trusted is compiled anew -----------------------------------------------------------------------


def assert_compiled_anew(folder: Path, mended: bool = True) -> None:
    """Hold that the entry is not used; and that a good one has taken its place."""
    fresh = entry(KEY, b"fresh")
    assert cached(KEY, lambda: fresh) == fresh
    if mended:
        assert cached(KEY, never) == fresh


def test_every_flipped_bit_is_found(folder: Path) -> None:
    cached(KEY, lambda: entry(KEY))
    path = path_of(folder)
    whole = path.read_bytes()
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1 :])
        assert_compiled_anew(folder, mended=i % 20 == 0)


def test_every_missing_end_is_found(folder: Path) -> None:
    cached(KEY, lambda: entry(KEY))
    path = path_of(folder)
    whole = path.read_bytes()
    for n in range(len(whole)):
        path.write_bytes(whole[:n])
        assert_compiled_anew(folder, mended=n % 20 == 0)
    path.write_bytes(whole + b"\0")
    assert_compiled_anew(folder)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no MessagePack",
        msgspec.msgpack.encode(entry(OTHER)),
        msgspec.msgpack.encode({"key": KEY, "code": b"half an entry"}),
        msgspec.msgpack.encode(msgspec.structs.asdict(entry(KEY)) | {"work": "64"}),
        msgspec.msgpack.encode([KEY]),
    ],
    ids=["nothing", "garbage", "another key", "a part", "another type", "a list"],
)
def test_a_right_checksum_of_something_else(folder: Path, body: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True)
    planted(folder, body)
    assert_compiled_anew(folder)


def test_an_entry_of_another_version_of_the_format(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MAGIC", b"glassgrad native 0\n")
    cached(KEY, lambda: entry(KEY))
    monkeypatch.undo()
    monkeypatch.setenv("GLASSGRAD_CACHE_DIR", str(folder))
    assert_compiled_anew(folder)


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BAD_FILES: dict[str, tuple[Callable[[Path], Any], bool]] = {
    "a link": (_link, True),
    "a pipe": (_pipe, True),
    "a folder": (_folder, False),
    "its group may write it": (lambda path: path.chmod(0o620), True),
    "all may write it": (lambda path: path.chmod(0o602), True),
}


@POSIX
@pytest.mark.parametrize("what", BAD_FILES)
def test_files_that_may_not_be_ours(folder: Path, what: str) -> None:
    spoil, mended = BAD_FILES[what]
    cached(KEY, lambda: entry(KEY))
    spoil(path_of(folder))
    assert_compiled_anew(folder, mended)
    assert not [p for p in folder.iterdir() if p.name.startswith("tmp")]


@POSIX
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_may_write(folder: Path, mode: int) -> None:
    cached(KEY, lambda: entry(KEY))
    folder.chmod(mode)
    assert_compiled_anew(folder, mended=False)
    assert len(list(folder.iterdir())) == 1
    folder.chmod(0o700)
    assert cached(KEY, never) == entry(KEY)


@POSIX
def test_a_folder_that_is_a_link(folder: Path) -> None:
    cached(KEY, lambda: entry(KEY))
    folder.rename(folder.with_name("real"))
    folder.symlink_to(folder.with_name("real"))
    assert_compiled_anew(folder, mended=False)


@POSIX
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_belongs_to_someone_else(folder: Path, what: str) -> None:
    cached(KEY, lambda: entry(KEY))
    os.chown(path_of(folder) if what == "file" else folder, 12345, 12345)
    assert_compiled_anew(folder, mended=what == "file")


def test_a_file_that_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(KEY, lambda: entry(KEY))

    def refused(self: Path) -> bytes:
        raise PermissionError(errno.EACCES, "refused", str(self))

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert_compiled_anew(folder, mended=False)


# --- disks that are full, places that are not there ----------------------------------------------------------------


@pytest.mark.parametrize("call", ["mkdir", "mkstemp", "write", "replace", "scandir"])
def test_a_disk_that_is_full_only_means_no_entry(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    class Full:
        def __init__(self, handle: int, mode: str) -> None:
            self.handle = handle

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: Any) -> None:
            os.close(self.handle)

        write = full

    where: dict[str, tuple[Any, str, Any]] = {
        "mkdir": (Path, "mkdir", full),
        "mkstemp": (cache.tempfile, "mkstemp", full),
        "write": (cache.os, "fdopen", Full),
        "replace": (cache.os, "replace", full),
        "scandir": (cache.os, "scandir", full),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*where[call])
        assert cached(KEY, lambda: entry(KEY)) == entry(KEY)
    left = [p.name for p in folder.iterdir()] if folder.exists() else []
    assert left == ([f"{KEY.hex()}.bin"] if call == "scandir" else [])


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("GLASSGRAD_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", home)
    assert cached(KEY, lambda: entry(KEY)) == entry(KEY)


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_where_entries_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.delenv("GLASSGRAD_CACHE_DIR")
    monkeypatch.setattr(cache.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    expected = {
        "linux": "xdg/glassgrad/native",
        "darwin": "Library/Caches/glassgrad/native",
        "win32": "AppData/Local/glassgrad/native",
    }
    assert cache.cache_folder() == tmp_path / expected[platform]


# --- the key -------------------------------------------------------------------------------------------------------


def of(f: Any, *specs: Any, name: str = "f") -> Graph:
    return gg.trace(f, *specs, name=name)


CONSTANT = np.arange(3.0)


def plain(x: Any, y: Any) -> Any:
    return gg.clip(x + gg.tensor(CONSTANT), min=0) - y


X, Y = gg.Spec(("N", 3)), gg.Spec((3,))

CHANGES: dict[str, Graph] = {
    "dtype": of(plain, gg.Spec(("N", 3), "float32"), Y),
    "shape": of(plain, X, gg.Spec((1,))),
    "static": of(plain, gg.Spec((4, 3)), Y),
    "constant": of(lambda x, y: gg.clip(x + gg.tensor(CONSTANT[::-1].copy()), min=0) - y, X, Y),
    "dtype of a constant": of(lambda x, y: gg.clip(x + gg.tensor(CONSTANT.astype(int)), min=0) - y, X, Y),
    "a constant instead of an input": of(
        lambda x, y: gg.clip(x + gg.tensor(CONSTANT), min=0) - CONSTANT, X, Y
    ),
    "setting": of(lambda x, y: gg.clip(x + gg.tensor(CONSTANT), min=1) - y, X, Y),
    "setting's type": of(lambda x, y: gg.clip(x + gg.tensor(CONSTANT), min=0.0) - y, X, Y),
    "setting's sign": of(lambda x, y: gg.clip(x + gg.tensor(CONSTANT), min=-0.0) - y, X, Y),
    "operation": of(lambda x, y: gg.clip(x + gg.tensor(CONSTANT), min=0) + y, X, Y),
    "operands the other way round": of(lambda x, y: y - gg.clip(x + gg.tensor(CONSTANT), min=0), X, Y),
    "another operand": of(lambda x, y: gg.clip(x + gg.tensor(CONSTANT), min=0) - x, X, Y),
    "inputs in another order": of(lambda y, x: plain(x, y), Y, X),
    "outputs": of(lambda x, y: (plain(x, y), x), X, Y),
    "another output": of(lambda x, y: (plain(x, y), y), X, Y),
}


def test_what_decides_the_code_changes_the_key() -> None:
    base = of(plain, X, Y)
    keys = {name: digest(graph, host(), "call") for name, graph in CHANGES.items()}
    keys |= {
        "nothing": digest(base, host(), "call"),
        "target": digest(base, named("sse2"), "call"),
        "features": digest(base, replace(host(), features=host().features + ",+x"), "call"),
        "use": digest(base, host(), "loop"),
        "batch": digest(base, host(), "call", 4),
        "another batch": digest(base, host(), "call", 5),
    }
    assert len(set(keys.values())) == len(keys)


def test_the_bodies_of_loops_are_part_of_the_key() -> None:
    def loop_of(by: float, name: str = "step") -> Graph:
        def step(c: Any, x: Any) -> Any:
            return c + x * by, c

        step.__name__ = name
        return of(lambda c, xs: gg.scan(step, c, xs), gg.Spec(()), gg.Spec((5,)))

    first = digest(loop_of(1.0), host())
    assert digest(loop_of(2.0), host()) != first
    assert digest(loop_of(1.0, "another"), host()) == first


def test_names_and_scopes_do_not_change_the_key() -> None:
    def scoped(a: Any, b: Any) -> Any:
        with gg.scope("somewhere"):
            return plain(a, b)

    base = digest(of(plain, X, Y), host())
    assert digest(of(scoped, X, Y, name="g"), host()) == base
    assert digest(of(lambda left, right: plain(left, right), X, Y), host()) == base


def test_a_scope_that_is_called_like_a_loss_changes_nothing() -> None:
    """A negative label is refused; a negative index counts from the end, whatever the scope is called."""

    def pick(x: Any, i: Any) -> Any:
        with gg.scope("my_cross_entropy"), gg.scope("cross_entropy"):
            return x[i]

    x, i = np.arange(3.0), np.array([-1, 0])
    for f in (pick, lambda x, i: x[i]):
        graph = of(f, gg.Spec((3,)), gg.Spec((2,), "int64"))
        assert NativeEngine().compile(graph)(x, i)[0].tolist() == [2.0, 0.0]
