"""Models and checkpoints on disk: one safetensors file that is whole, or an error that says what is wrong.

A model file comes from somewhere: a colleague, a download, a disk that was full, a run that was killed. So
nothing in it is ever executed (no pickle), and nothing in it is believed before the checksum fits: the file
carries the SHA-256 of all its other bytes, header and tensors alike, so that neither a flipped bit in a
weight nor one in a column name goes unseen. Writing goes to a temporary file beside the target, renamed over
it when every byte is on the disk: at any moment the target is the old file or the new one, never a part.

The layout is plain safetensors, which other tools can read. The metadata is JSON under the one key
``"glassgrad"``: the checksum first, then ``format_version``, ``kind`` and ``glassgrad_version``, then what
the caller gave. The tensors are written from the arrays where they lie, since the library's own writers
either build the whole file in memory or leave temporary files of their own behind when they are killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from glassgrad._version import __version__
from glassgrad.errors import DTypeError, ModelFileError, OptionError, did_you_mean

__all__ = ["FORMAT_VERSION", "KINDS", "load_file", "save_file"]

FORMAT_VERSION: Final = 1
"""The version of the layout that this glassgrad writes, and the newest one it reads."""

KINDS: Final = ("model", "checkpoint")
"""What a file can hold."""

TEMPORARY: Final = ".glassgrad.tmp"
"""How the names of files end that are still being written."""

_CODES: Final = {"float32": "F32", "float64": "F64", "int64": "I64", "uint32": "U32", "bool": "BOOL"}
_DTYPES: Final = {code: np.dtype(name) for name, code in _CODES.items()}
_METADATA: Final = "__metadata__"
_OWN: Final = "glassgrad"
_LONGEST_HEADER: Final = 100_000_000  # the limit of the safetensors library
_NO_DIGEST: Final = "0" * 64


class _Header(msgspec.Struct):
    """The part of a safetensors header that is read before the library checks the rest."""

    metadata: dict[str, str] = msgspec.field(default_factory=dict, name=_METADATA)


class _Version(msgspec.Struct):
    """What every format version has."""

    format_version: int
    glassgrad_version: str


class _Seal(_Version):
    """What glassgrad adds to the caller's metadata."""

    sha256: str
    kind: str


def save_file(
    path: str | os.PathLike[str],
    arrays: Mapping[str, NDArray[Any]],
    metadata: msgspec.Struct | Mapping[str, Any],
    *,
    kind: str,
) -> None:
    """Write arrays and metadata to one file, which replaces the old one only when it is complete.

    Parameters
    ----------
    path
        The file to write. A symbolic link is followed.
    arrays
        Arrays by name, of any shape: float32, float64, int64, uint32 or bool.
    metadata
        A struct or mapping that JSON can hold; numbers must be finite.
    kind
        ``"model"`` or ``"checkpoint"``.

    Raises
    ------
    ModelFileError
        If the file cannot be written (disk full, no such folder, no permission); the old file is as it was.
    DTypeError
        If an array has another dtype.
    OptionError
        If ``kind`` is unknown, or JSON cannot hold the metadata.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_file(f"{folder}/m.safetensors", {"w": np.ones((2, 3))}, {"task": "regression"}, kind="model")
    ...     arrays, metadata = load_file(f"{folder}/m.safetensors")
    >>> arrays["w"].shape, metadata["task"], metadata["kind"]
    ((2, 3), 'regression', 'model')
    """
    _check_kind(kind)
    stored = {name: _little_endian(name, array) for name, array in arrays.items()}
    buffers = dict(sorted(stored.items(), key=lambda item: -item[1].itemsize))  # keeps every array aligned
    head = _encode_header(buffers, _encode_metadata(metadata, kind))
    body = [array.reshape(-1).view(np.uint8).data for array in buffers.values()]
    place = _digest_place(head)
    digest = hashlib.sha256(head[:place] + head[place + len(_NO_DIGEST) :])
    for part in body:
        digest.update(part)
    head[place : place + len(_NO_DIGEST)] = digest.hexdigest().encode()

    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            raise OSError("there is something of that name which is not a file")
        with _replacing(target) as file:
            for part in (memoryview(head), *body):
                _write(file, part)
    except OSError as error:
        state = "The file that was there is unchanged." if target.is_file() else "Nothing was written."
        raise ModelFileError(f"Cannot save '{path}': {error.strerror or error}.\n{state}") from error


def load_file(
    path: str | os.PathLike[str], *, kind: str | None = None
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read a file that :func:`save_file` wrote; nothing in it is executed.

    Parameters
    ----------
    path
        The file to read.
    kind
        ``"model"`` or ``"checkpoint"`` where only that will do.

    Returns
    -------
    arrays
        Arrays by name, writable, with the shapes and dtypes they were saved with.
    metadata
        What was given to :func:`save_file`, and ``format_version``, ``kind`` and ``glassgrad_version``.

    Raises
    ------
    ModelFileError
        If the file is missing, empty, cut short, damaged, not glassgrad's, of a newer format or another kind.
    OptionError
        If ``kind`` is unknown.

    Examples
    --------
    >>> load_file("nowhere.safetensors")
    Traceback (most recent call last):
        ...
    glassgrad.errors.ModelFileError: Cannot read 'nowhere.safetensors': No such file or directory.
    """
    from safetensors import SafetensorError, deserialize

    if kind is not None:
        _check_kind(kind)
    try:
        text, data = _read(path)
    except ModelFileError:
        raise
    except OSError as error:
        raise ModelFileError(f"Cannot read '{path}': {error.strerror or error}.") from error
    damaged = (
        f"'{path}' is damaged or cut short: its checksum does not fit its contents.\n"
        "Take an intact copy, an earlier checkpoint, or train again."
    )
    try:
        metadata: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        seal = msgspec.convert(metadata, _Seal)
        place = _digest_place(data)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise ModelFileError(damaged) from None
    digest = hashlib.sha256(data[:place])
    digest.update(memoryview(data)[place + len(_NO_DIGEST) :])
    if digest.hexdigest() != seal.sha256:
        raise ModelFileError(damaged)
    if kind is not None and seal.kind != kind:
        raise ModelFileError(f"'{path}' is a {seal.kind}; a {kind} is needed here.")
    try:
        tensors = deserialize(data)  # type: ignore[no-untyped-call]
        arrays = {
            name: np.frombuffer(bytearray(tensor["data"]), _DTYPES[tensor["dtype"]].newbyteorder("<"))
            .astype(_DTYPES[tensor["dtype"]], copy=False)
            .reshape(tensor["shape"])
            for name, tensor in tensors
        }
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelFileError(f"'{path}' has a header that does not fit its contents: {error}.") from None
    del metadata["sha256"]
    return arrays, metadata


def _read(path: str | os.PathLike[str]) -> tuple[str, bytes]:
    """Return glassgrad's metadata and the whole file, which is read only once its header makes sense."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError(f"'{path}' is not a file.")
        if status.st_size == 0:
            raise ModelFileError(f"'{path}' is empty.")
        length = int.from_bytes(file.read(8), "little")
        if status.st_size < 8 or length > min(_LONGEST_HEADER, status.st_size - 8):
            raise ModelFileError(
                f"'{path}' is not a safetensors file, or was cut short: its first 8 bytes announce\n"
                f"a header of {length} bytes, and the file has {status.st_size}."
            )
        try:
            header = msgspec.json.decode(file.read(length), type=_Header)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            raise ModelFileError(f"'{path}' is not a safetensors file, or its header is damaged.") from None
        if _OWN not in header.metadata:
            raise ModelFileError(f"'{path}' is a safetensors file, but not one that glassgrad wrote.")
        _check_version(path, header.metadata[_OWN])
        file.seek(0)
        return header.metadata[_OWN], file.read()


def _check_version(path: str | os.PathLike[str], text: str) -> None:
    """Refuse a newer format before anything else of it is interpreted."""
    try:
        version = msgspec.json.decode(text, type=_Version)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise ModelFileError(f"'{path}' has glassgrad metadata that cannot be read; it is damaged.") from None
    if version.format_version > FORMAT_VERSION:
        raise ModelFileError(
            f"'{path}' was written by a newer glassgrad ({version.glassgrad_version}): it has format "
            f"{version.format_version},\nand glassgrad {__version__} reads up to {FORMAT_VERSION}. "
            "Upgrade with `pip install --upgrade glassgrad`."
        )


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise OptionError(f"Unknown kind of file {kind!r}. {did_you_mean(kind, KINDS)}")


def _little_endian(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return the array as safetensors stores it, without a copy where it is so already."""
    array = np.asarray(array)
    if array.dtype.name not in _CODES or name == _METADATA:
        raise DTypeError(
            f"A model file holds arrays of {', '.join(_CODES)}, under any name but '{_METADATA}'; "
            f"'{name}' is {array.dtype}."
        )
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _encode_metadata(metadata: msgspec.Struct | Mapping[str, Any], kind: str) -> str:
    """Return the JSON text, with zeros where the checksum goes."""
    try:
        given = msgspec.to_builtins(metadata, str_keys=True)
    except TypeError as error:
        raise OptionError(f"The metadata of a model file must be JSON: {error}.") from None
    if not isinstance(given, dict):
        raise OptionError(f"The metadata of a model file must be a mapping; got {type(metadata).__name__}.")
    seal = msgspec.to_builtins(_Seal(FORMAT_VERSION, __version__, _NO_DIGEST, kind))
    if taken := sorted(seal.keys() & given.keys()):
        raise OptionError(f"The metadata of a model file has a key of glassgrad's own: {', '.join(taken)}.")
    if where := _non_finite(given):
        raise OptionError(f"JSON has no NaN and no infinity: metadata{where} is not finite.")
    return msgspec.json.encode({"sha256": seal.pop("sha256")} | seal | given).decode()


def _non_finite(value: Any, where: str = "") -> str | None:
    """Return where the first NaN or infinity is."""
    if isinstance(value, float):
        return None if math.isfinite(value) else where
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    return next((found for key, item in items if (found := _non_finite(item, f"{where}[{key!r}]"))), None)


def _encode_header(buffers: Mapping[str, NDArray[Any]], text: str) -> bytearray:
    """Return the safetensors header: its length, its JSON, and spaces up to a multiple of 8 bytes."""
    header: dict[str, Any] = {_METADATA: {_OWN: text}}
    end = 0
    for name, array in buffers.items():
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": _CODES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    encoded = msgspec.json.encode(header)
    encoded += b" " * (-len(encoded) % 8)
    return bytearray(len(encoded).to_bytes(8, "little") + encoded)


def _digest_place(data: bytes | bytearray) -> int:
    """Return where the checksum's characters begin (the metadata comes first in the header)."""
    mark = rb"{\"sha256\":\""
    return data.index(mark) + len(mark)


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[int]:
    """Open a temporary file beside the target, and rename it over the target if all went well."""
    temporary = target.with_name(f".{secrets.token_hex(8)}{TEMPORARY}")
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            yield file
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        with contextlib.suppress(OSError):  # some network folders cannot be synced; the rename holds anyway
            os.fsync(folder)
        os.close(folder)


def _write(file: int, part: memoryview) -> None:
    """Write all of it: one call may write less than it was given."""
    while part:
        part = part[os.write(file, part) :]
