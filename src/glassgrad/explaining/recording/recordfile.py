"""Recordings on disk: a file that is only ever added to, in whole records.

A run that is killed leaves at worst a part of its last record. Every record carries its length and a checksum, so that
a reader takes the whole ones and says what it left out; nothing that was recorded before is touched by what comes
later. Nothing in a file is executed, and no size in it is believed before the bytes are there.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from glassgrad.errors import ModelFileError

__all__ = ["Header", "Numbers", "Record", "RecordFile", "Snapshot", "read_records"]

Array = np.ndarray[Any, Any]

MAGIC: Final = b"glassgrad recording 1\n"
"""How a file begins; the number is the version of the format."""

_HEAD = 12
"""Bytes before a record: its length (8) and the CRC-32 of what follows (4)."""


class Header(msgspec.Struct, tag="header", forbid_unknown_fields=True):
    """What a recording is of.

    Attributes
    ----------
    names
        The quantities of each row.
    state
        (key, shape, dtype) of each array of the state.
    settings
        What the run was asked for, for people.
    """

    names: list[str]
    state: list[tuple[str, list[int], str]]
    settings: dict[str, Any]


class Numbers(msgspec.Struct, tag="numbers", forbid_unknown_fields=True):
    """Rows of numbers: the steps as int64, the numbers as float64, both little-endian."""

    steps: bytes
    values: bytes


class Snapshot(msgspec.Struct, tag="snapshot", forbid_unknown_fields=True):
    """The whole state before a step, array by array, little-endian."""

    step: int
    arrays: list[bytes]


Record = Header | Numbers | Snapshot


class RecordFile:
    """A recording that is being written.

    Parameters
    ----------
    path
        The file; it is made where there is none.
    size
        Where to go on: the end of the last whole record. What lies behind it is cut off.

    Raises
    ------
    OSError
        Where it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], size: int = 0) -> None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._file: int | None = os.open(path, flags, 0o666)
        self._end = size
        try:
            os.ftruncate(self._file, size)
            if not size:
                self._write(MAGIC)
        except OSError:
            self.close()
            raise

    def add(self, record: Record) -> None:
        """Add a record.

        Raises
        ------
        OSError
            Where it cannot be written; the file ends with the last whole record and is closed.
        """
        body = msgspec.msgpack.encode(record)
        head = len(body).to_bytes(8, "little") + zlib.crc32(body).to_bytes(4, "little")
        try:
            self._write(head + body)
        except OSError:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self._end)
            self.close()
            raise

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        os.lseek(self._file, self._end, os.SEEK_SET)
        left = memoryview(data)
        while left:
            left = left[os.write(self._file, left) :]
        self._end += len(data)

    def close(self) -> None:
        """Close the file; twice is no harm."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_records(path: str | os.PathLike[str]) -> tuple[list[Record], int, int]:
    """Read a recording.

    Returns
    -------
    records
        The whole records, of which the first is the header.
    size
        Bytes up to the end of the last of them.
    lost
        Bytes behind it that are no whole record.

    Raises
    ------
    ModelFileError
        Where the file cannot be read, is no recording, or lacks its header.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(f"Cannot read '{path}': {error.strerror or error}.") from error
    if not data.startswith(MAGIC):
        raise ModelFileError(f"'{path}' is not a recording of glassgrad.")
    records: list[Record] = []
    at = len(MAGIC)
    while at + _HEAD <= len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        body = data[at + _HEAD : at + _HEAD + length]
        if len(body) < length or zlib.crc32(body) != int.from_bytes(data[at + 8 : at + _HEAD], "little"):
            break
        try:
            records.append(msgspec.msgpack.decode(body, type=Record))
        except (msgspec.MsgspecError, RecursionError):
            break
        at += _HEAD + length
    if not records or not isinstance(records[0], Header):
        raise ModelFileError(
            f"'{path}' is a recording without a whole header: the run was killed at its start."
        )
    return records, at, len(data) - at


def packed(array: Array) -> bytes:
    """Return an array's bytes, row by row, little-endian."""
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C").tobytes()


def unpacked(data: bytes, dtype: str, shape: Sequence[int]) -> Array:
    """Return the array of some bytes.

    Raises
    ------
    ValueError
        Where they do not fit the shape.
    """
    kind = np.dtype(dtype)
    return np.frombuffer(data, kind.newbyteorder("<")).astype(kind).reshape(tuple(shape))


def rows_of(record: Numbers, width: int) -> tuple[Array, Array]:
    """Return the steps and the numbers of a record.

    Raises
    ------
    ValueError
        Where the two do not fit each other.
    """
    steps = unpacked(record.steps, "int64", (-1,))
    return steps, unpacked(record.values, "float64", (len(steps), width))


def state_of(record: Snapshot, header: Header) -> list[Array]:
    """Return the arrays of a snapshot.

    Raises
    ------
    ValueError
        Where they are not those the header states.
    """
    kinds = zip(record.arrays, header.state, strict=True)
    return [unpacked(data, dtype, shape) for data, (_, shape, dtype) in kinds]


def header_of(
    names: Sequence[str], keys: Sequence[str], state: Sequence[Array], settings: Mapping[str, Any]
) -> Header:
    """Return the header for a run."""
    arrays = [(k, list(a.shape), a.dtype.name) for k, a in zip(keys, state, strict=True)]
    return Header(list(names), arrays, dict(settings))
