"""The cache of compiled programs: found again, never trusted blindly."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines.native import NativeEngine, cache, program
from glassgrad.engines.native.target import host, named
from glassgrad.graph.passes import specialise
from glassgrad.ir import Graph

X = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
EXPECTED = np.tanh(X @ X.T)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty cache."""
    monkeypatch.setenv("GLASSGRAD_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows whenever code is generated."""
    made: list[str] = []
    generate = program.generate

    def counted(text: str, target: Any) -> bytes:
        made.append(text)
        return generate(text, target)

    monkeypatch.setattr(program, "generate", counted)
    return made


def graph(rows: int = 4, dtype: str = "float64", factor: float = 1.0) -> Graph:
    return gg.trace(lambda x: gg.tanh(x @ gg.matrix_transpose(x) * factor), gg.Spec((rows, 3), dtype))


def run() -> np.ndarray:
    return NativeEngine().compile(graph())(X)[0]


def entry(folder: Path) -> Path:
    (found,) = folder.glob("*.bin")
    return found


def test_the_second_time_it_is_loaded(folder: Path, generated: list[str]) -> None:
    np.testing.assert_allclose(run(), EXPECTED, rtol=1e-14)
    assert len(generated) == 1
    first = run()
    assert len(generated) == 1
    np.testing.assert_allclose(first, EXPECTED, rtol=1e-14)
    assert stat.S_IMODE(entry(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def another_checksum(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(b"glassgrad native 1\n")] ^= 1
    path.write_bytes(raw)


def of_another_version(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"glassgrad native 1\n", b"glassgrad native 0\n", 1))


def of_another_graph(path: Path) -> None:
    """Put a well-formed entry for another graph under this one's name: its code would compute something else."""
    before = path.read_bytes()
    NativeEngine().compile(graph(factor=-1.0))(X)
    (other,) = (p for p in path.parent.glob("*.bin") if p != path)
    assert other.read_bytes() != before
    other.replace(path)


def for_others_to_write(path: Path) -> None:
    path.chmod(0o666)
    poisoned(path)


def in_a_folder_for_others(path: Path) -> None:
    path.parent.chmod(0o777)
    poisoned(path)


def a_link(path: Path) -> None:
    real = path.with_suffix(".real")
    path.rename(real)
    poisoned(real)
    path.symlink_to(real)


def poisoned(path: Path) -> None:
    """Let a well-formed entry claim to be for this graph while its code is another's."""
    import hashlib

    import msgspec

    raw = path.read_bytes()
    head = raw.index(b"\n") + 1
    mine = msgspec.msgpack.decode(raw[head + 32 :], type=cache.Compiled)
    body = msgspec.msgpack.encode(msgspec.structs.replace(mine, code=b"\x7fELF" + b"\0" * 400))
    path.write_bytes(raw[:head] + hashlib.sha256(body).digest() + body)


@pytest.mark.parametrize(
    "spoil",
    [
        truncated,
        empty,
        flipped,
        another_checksum,
        of_another_version,
        of_another_graph,
        for_others_to_write,
        in_a_folder_for_others,
        a_link,
    ],
)
def test_a_spoilt_entry_is_compiled_anew(
    spoil: Callable[[Path], None], folder: Path, generated: list[str]
) -> None:
    run()
    spoil(entry(folder))
    before = len(generated)
    np.testing.assert_allclose(run(), EXPECTED, rtol=1e-14)
    assert len(generated) == before + 1, "the spoilt entry was used"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_an_entry_of_another_user_is_compiled_anew(folder: Path, generated: list[str]) -> None:
    run()
    poisoned(entry(folder))
    os.chown(entry(folder), 12345, -1)
    np.testing.assert_allclose(run(), EXPECTED, rtol=1e-14)
    assert len(generated) == 2


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generated: list[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GLASSGRAD_CACHE_DIR", str(tmp_path / "file" / "cache"))
    np.testing.assert_allclose(run(), EXPECTED, rtol=1e-14)
    np.testing.assert_allclose(run(), EXPECTED, rtol=1e-14)
    assert len(generated) == 2


def test_a_full_disk_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "replace", full)
    np.testing.assert_allclose(run(), EXPECTED, rtol=1e-14)
    assert list(folder.iterdir()) == []


def test_the_oldest_entries_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_KEPT", 2)
    kept = []
    for age, rows in enumerate((2, 3, 4)):
        NativeEngine().compile(graph(rows))(X[:rows])
        (new,) = set(folder.glob("*.bin")) - set(kept)
        os.utime(new, (1000 + age, 1000 + age))
        kept.append(new)
    NativeEngine().compile(graph(1))(X[:1])
    left = set(folder.glob("*.bin"))
    assert len(left) == 2
    assert kept[0] not in left


def test_what_decides_the_key() -> None:
    here = host()
    own = cache.digest(graph(), here, "call")
    assert own == cache.digest(graph(), here, "call")
    renamed = gg.trace(lambda longer: gg.tanh(longer @ gg.matrix_transpose(longer) * 1.0), gg.Spec((4, 3)))
    assert cache.digest(renamed, here, "call") == own
    others = [
        cache.digest(graph(5), here, "call"),
        cache.digest(graph(dtype="float32"), here, "call"),
        cache.digest(graph(factor=2.0), here, "call"),
        cache.digest(gg.trace(lambda x: gg.sum(x, axis=0), gg.Spec((4, 3))), here, "call"),
        cache.digest(gg.trace(lambda x: gg.sum(x, axis=1), gg.Spec((4, 3))), here, "call"),
        cache.digest(graph(), named("avx2"), "call"),
        cache.digest(graph(), named("sse2"), "call"),
        cache.digest(graph(), here, "loop", 2),
    ]
    assert len({own, *others}) == len(others) + 1
    open_rows = gg.trace(lambda x: x * 2.0, gg.Spec(("N", 3)))
    sizes = {cache.digest(specialise(open_rows, n), here, "call") for n in (1, 2, 3)}
    assert len(sizes) == 3
