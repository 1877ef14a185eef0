from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load as foreign_load
from safetensors.numpy import save as foreign_save

from glassgrad.errors import DTypeError, ModelFileError, OptionError
from glassgrad.training import files
from glassgrad.training.files import load_file, save_file

SOURCE = Path(files.__file__).parents[2]
DTYPES = [np.float32, np.float64, np.int64, np.uint32, np.bool_]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RESERVED = {"sha256", "format_version", "kind", "glassgrad_version"}


def small():
    arrays = {
        "flags": np.array([True, False, True]),
        "layer1.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
        "step": np.array(12, dtype=np.int64),
        "empty": np.zeros((0, 4)),
    }
    return arrays, {"task": "classification", "classes": ["고양이", "dog"], "mean": 0.1}


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        assert actual[name].dtype == array.dtype
        assert actual[name].shape == array.shape
        assert actual[name].tobytes() == array.tobytes()


def leftovers(folder):
    return sorted(p.name for p in Path(folder).iterdir() if p.name.endswith(".tmp"))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(path, *small(), kind="model")
    return path


@settings(max_examples=80, deadline=None)
@given(
    arrays=st.dictionaries(
        st.text(max_size=8).filter(lambda name: name != "__metadata__"),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4))
        ),
        max_size=4,
    ),
    metadata=st.dictionaries(st.text().filter(lambda key: key not in RESERVED), JSON, max_size=3),
    kind=st.sampled_from(files.KINDS),
)
def test_round_trip(tmp_path_factory, arrays, metadata, kind):
    path = tmp_path_factory.mktemp("files") / "file.safetensors"
    save_file(path, arrays, metadata, kind=kind)
    loaded, read = load_file(path, kind=kind)
    assert_same(loaded, arrays)
    assert all(array.flags.writeable and array.flags.c_contiguous for array in loaded.values())
    assert {key: value for key, value in read.items() if key not in RESERVED} == metadata
    assert (read["kind"], read["format_version"]) == (kind, files.FORMAT_VERSION)
    assert_same(foreign_load(path.read_bytes()), arrays)


def test_not_contiguous_and_big_endian_arrays(tmp_path):
    base = np.arange(12.0).reshape(3, 4)
    given_arrays = {"t": base.T, "reversed": base[::-1, ::2], "big": base.astype(">f8")}
    save_file(tmp_path / "m", given_arrays, {}, kind="model")
    arrays, _ = load_file(tmp_path / "m")
    for name, array in given_arrays.items():
        assert arrays[name].dtype == np.float64
        assert np.array_equal(arrays[name], array)


def test_loaded_arrays_are_independent_of_the_file(saved):
    arrays, _ = load_file(saved)
    arrays["layer1.weight"] += 1
    again, _ = load_file(saved)
    assert_same(again, small()[0])


def test_struct_metadata(tmp_path):
    class Config(msgspec.Struct):
        hidden: tuple[int, ...]
        task: str = "regression"

    save_file(tmp_path / "m", {}, Config((128, 64)), kind="checkpoint")
    _, metadata = load_file(tmp_path / "m")
    assert msgspec.convert(metadata, Config) == Config((128, 64))


def test_arrays_are_aligned_for_readers_that_map_the_file(saved):
    data = saved.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert length % 8 == 0
    for name, array in small()[0].items():
        assert header[name]["data_offsets"][0] % array.itemsize == 0


@pytest.mark.parametrize(
    ("arrays", "metadata", "kind", "error", "message"),
    [
        ({"w": np.zeros(2, np.float16)}, {}, "model", DTypeError, "'w' is float16"),
        ({"w": np.array([{}], object)}, {}, "model", DTypeError, "'w' is object"),
        ({"__metadata__": np.zeros(2)}, {}, "model", DTypeError, "any name but '__metadata__'"),
        ({}, {}, "modl", OptionError, "Did you mean 'model'?"),
        ({}, {"a": {"loss": [1.0, float("nan")]}}, "model", OptionError, r"metadata\['a'\]\['loss'\]\[1\]"),
        ({}, {"a": float("-inf")}, "model", OptionError, "no infinity"),
        ({}, {"f": print}, "model", OptionError, "must be JSON"),
        ({}, [1, 2], "model", OptionError, "must be a mapping; got list"),
        ({}, {"kind": 1, "sha256": 2}, "model", OptionError, "own: kind, sha256"),
    ],
)
def test_what_cannot_be_saved_leaves_the_old_file(saved, arrays, metadata, kind, error, message):
    before = saved.read_bytes()
    with pytest.raises(error, match=message):
        save_file(saved, arrays, metadata, kind=kind)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def refused(path, **options):
    with pytest.raises(ModelFileError) as caught:
        load_file(path, **options)
    message = str(caught.value)
    assert str(path) in message
    assert 1 <= len(message.splitlines()) <= 3
    return message


def test_files_that_are_none(tmp_path):
    assert "No such file" in refused(tmp_path / "missing")
    assert "directory" in refused(tmp_path)
    (tmp_path / "empty").touch()
    assert "is empty" in refused(tmp_path / "empty")
    if os.path.exists("/dev/zero"):
        assert "is not a file" in refused("/dev/zero")


def test_wrong_kind(saved):
    assert "is a model; a checkpoint is needed" in refused(saved, kind="checkpoint")
    with pytest.raises(OptionError, match="Did you mean 'checkpoint'"):
        load_file(saved, kind="chekpoint")


@settings(max_examples=200, deadline=None)
@given(garbage=st.binary(max_size=200))
def test_garbage(tmp_path_factory, garbage):
    path = tmp_path_factory.mktemp("files") / "garbage"
    path.write_bytes(garbage)
    refused(path)


def test_text_and_pickle_are_refused_and_never_run(tmp_path):
    path = tmp_path / "x"
    path.write_text("a,b\n1,2\n" * 100)
    assert "not a safetensors file" in refused(path)
    path.write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    assert "not a safetensors file" in refused(path)
    assert not Path("hacked").exists()


def test_foreign_safetensors(tmp_path):
    path = tmp_path / "llama.safetensors"
    path.write_bytes(foreign_save({"w": np.ones(3)}, {"format": "pt"}))
    assert "not one that glassgrad wrote" in refused(path)
    path.write_bytes(foreign_save({"w": np.ones(3)}))
    assert "not one that glassgrad wrote" in refused(path)
    for text in ("", "[]", "{}", '{"format_version": "1"}', "[" * 100_000, "\ud7ff"):
        path.write_bytes(foreign_save({"w": np.ones(3)}, {"glassgrad": text}))
        refused(path)


def test_newer_format_version(saved, monkeypatch):
    monkeypatch.setattr(files, "FORMAT_VERSION", 2)
    monkeypatch.setattr(files, "__version__", "7.0")
    save_file(saved, *small(), kind="model")
    monkeypatch.undo()
    message = refused(saved)
    assert "written by a newer glassgrad (7.0)" in message
    assert "Upgrade" in message


def with_header(data, change, *, sealed=True):
    """Rewrite the header; a liar may know how to compute the checksum."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    new = bytearray(len(text).to_bytes(8, "little") + text + data[8 + length :])
    if sealed:
        place = files._digest_place(new)
        digest = files.hashlib.sha256(new[:place] + new[place + 64 :]).hexdigest()
        new[place : place + 64] = digest.encode()
    return bytes(new)


LIES = {
    "offset past the end": lambda h: h["layer1.weight"].update(data_offsets=[0, 10**6]),
    "offsets backwards": lambda h: h["layer1.weight"].update(data_offsets=[24, 0]),
    "negative offset": lambda h: h["layer1.weight"].update(data_offsets=[-8, 16]),
    "overlap": lambda h: h["flags"].update(data_offsets=[0, 3]),
    "shape too big": lambda h: h["layer1.weight"].update(shape=[200, 3]),
    "shape overflows": lambda h: h["layer1.weight"].update(shape=[2**63, 2**63]),
    "unknown dtype": lambda h: h["layer1.weight"].update(dtype="F33"),
    "dtype not used": lambda h: h["layer1.weight"].update(dtype="I32"),
    "tensor missing": lambda h: h.pop("flags"),
    "not a tensor": lambda h: h.update(flags=3),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("sealed", [False, True])
def test_lying_headers(saved, lie, sealed):
    data = saved.read_bytes()
    same = with_header(data, lambda header: None)
    saved.write_bytes(same)
    assert_same(load_file(saved)[0], small()[0])
    saved.write_bytes(with_header(data, LIES[lie], sealed=sealed))
    message = refused(saved)
    assert ("does not fit its contents" in message) or ("damaged" in message)


@pytest.mark.parametrize("claim", [2**64 - 1, 2**63, 10**8 + 1, 10**8, 5000])
def test_header_that_claims_to_be_huge(saved, claim):
    data = saved.read_bytes()
    saved.write_bytes(claim.to_bytes(8, "little") + data[8:])
    assert f"a header of {claim} bytes, and the file has {len(data)}" in refused(saved)


def test_truncation_at_every_length(saved):
    data = saved.read_bytes()
    for length in range(len(data)):
        saved.write_bytes(data[:length])
        refused(saved)
    saved.write_bytes(data + b"\0")
    refused(saved)


def test_every_single_byte_flip_is_found(saved):
    data = saved.read_bytes()
    rng = random.Random(0)
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= rng.randrange(1, 256)
        saved.write_bytes(flipped)
        refused(saved)


def test_single_bit_flips_in_a_larger_file(tmp_path):
    path = tmp_path / "m"
    save_file(path, {"w": np.random.default_rng(0).normal(size=(300, 40))}, {}, kind="model")
    data = path.read_bytes()
    rng = random.Random(1)
    for _ in range(200):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        refused(path)


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "open"])
@pytest.mark.parametrize("exists", [True, False])
def test_disk_full_at_each_call(tmp_path, monkeypatch, call, exists):
    path = tmp_path / "model.safetensors"
    if exists:
        save_file(path, *small(), kind="model")
    before = path.read_bytes() if exists else None

    def full(*args, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files.os, call, full)
        with pytest.raises(ModelFileError, match="No space left on device") as caught:
            save_file(path, {"w": np.zeros(10_000)}, {}, kind="model")
    assert ("is unchanged" if exists else "Nothing was written") in str(caught.value)
    assert str(path) in str(caught.value)
    assert (path.read_bytes() if path.exists() else None) == before
    assert leftovers(tmp_path) == []


def test_disk_full_halfway_and_short_writes(saved, monkeypatch):
    before, write, calls = saved.read_bytes(), os.write, []

    def short_then_full(file, data):
        calls.append(len(data))
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data[:100])

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", short_then_full)
        with pytest.raises(ModelFileError, match="No space left"):
            save_file(saved, {"w": np.zeros(1000)}, {}, kind="model")
    assert saved.read_bytes() == before
    assert leftovers(saved.parent) == []
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", lambda file, data: write(file, data[:7]))
        save_file(saved, {"w": np.arange(50.0)}, {}, kind="model")
    assert np.array_equal(load_file(saved)[0]["w"], np.arange(50.0))


def test_interrupt_while_writing(saved, monkeypatch):
    before = saved.read_bytes()

    def interrupt(file, data):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", interrupt)
        with pytest.raises(KeyboardInterrupt):
            save_file(saved, {}, {}, kind="model")
    assert saved.read_bytes() == before
    assert leftovers(saved.parent) == []


def python(code, *arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **options)


def test_file_size_limit_for_real(saved):
    resource = pytest.importorskip("resource", reason="RLIMIT_FSIZE needs a POSIX system")
    before = saved.read_bytes()
    limit = 64 * 1024
    code = """
    import sys, numpy as np
    from glassgrad.errors import ModelFileError
    from glassgrad.training.files import save_file
    try:
        save_file(sys.argv[1], {"w": np.zeros(100_000)}, {}, kind="model")
    except ModelFileError as error:
        print(error)
    """
    process = python(
        code, saved, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    output, _ = process.communicate(timeout=60)
    assert "File too large" in output
    assert "is unchanged" in output
    assert saved.read_bytes() == before
    assert leftovers(saved.parent) == []


def test_disk_full_for_real(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a small file system can be mounted by the superuser only")
    try:
        path = disk / "model.safetensors"
        save_file(path, *small(), kind="model")
        before = path.read_bytes()
        with pytest.raises(ModelFileError, match="No space left on device"):
            save_file(path, {"w": np.zeros(100_000)}, {}, kind="model")
        assert path.read_bytes() == before
        assert leftovers(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True, timeout=10)


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(ModelFileError, match=r"No such file or directory.\nNothing was written"):
        save_file(tmp_path / "no" / "folder", {}, {}, kind="model")
    with pytest.raises(ModelFileError, match="not a file"):
        save_file(tmp_path, {}, {}, kind="model")
    if os.path.exists("/dev/null"):
        with pytest.raises(ModelFileError, match="not a file"):
            save_file("/dev/null", {}, {}, kind="model")
        assert not os.path.isfile("/dev/null")


@pytest.mark.skipif(os.name != "posix", reason="symbolic links and modes of POSIX")
def test_links_are_followed_and_modes_are_ordinary(saved):
    link = saved.parent / "latest"
    link.symlink_to(saved.name)
    save_file(link, {"w": np.ones(1)}, {}, kind="model")
    assert link.is_symlink()
    assert load_file(saved)[0].keys() == {"w"}
    plain = saved.parent / "plain"
    plain.touch()
    assert saved.stat().st_mode == plain.stat().st_mode


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_killed_while_saving_the_file_always_loads(saved):
    code = """
    import sys, itertools, numpy as np
    from glassgrad.training.files import save_file
    for n in itertools.count(1):
        save_file(sys.argv[1], {"w": np.full(20_000, n, np.float64)}, {"n": n}, kind="checkpoint")
        print(n, flush=True)
    """
    rng = random.Random(2)
    for _ in range(6):
        process = python(code, saved)
        assert process.stdout.readline() == "1\n"
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        printed = [int(line) for line in process.stdout.read().split()]
        process.wait(timeout=30)
        arrays, metadata = load_file(saved, kind="checkpoint")
        assert metadata["n"] >= max(printed, default=1), "what was reported as saved is there"
        assert (arrays["w"] == metadata["n"]).all()
