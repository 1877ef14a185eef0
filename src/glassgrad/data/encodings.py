"""Text files as UTF-8, whatever encoding and line ends they were saved with.

CSV files of Korean offices are CP949, those of spreadsheet programs often begin with a byte-order mark.
Finding that out here keeps the CSV reader free of it: it sees chunks of UTF-8 with ``\\n`` line ends.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from glassgrad.errors import DataError

__all__ = ["TextFile", "open_text_file"]

_CHUNK = 16 << 20


@dataclass(frozen=True)
class TextFile:
    """A text file and its encoding; ``guessed`` where nothing but the bytes' being valid speaks for it."""

    path: Path
    encoding: str
    guessed: bool = False

    def text(self) -> TextIO:
        """Open the file as text with its line ends untouched."""
        return open(self.path, encoding=self.encoding, newline="")

    def head(self, characters: int = 1 << 16) -> str:
        """Return the first whole lines of the file, about that many characters."""
        with self.text() as file:
            head = file.read(characters)
            return head + file.readline() if len(head) == characters else head

    def chunks(self) -> Iterator[bytes]:
        """Yield the file as UTF-8 without a byte-order mark, cut anywhere between two characters."""
        with open(self.path, "rb") as file:
            if self.encoding == "utf-8-sig":
                file.seek(len(codecs.BOM_UTF8))
            if self.encoding in ("utf-8", "utf-8-sig"):
                yield from iter(lambda: file.read(_CHUNK), b"")
                return
            decoder = codecs.getincrementaldecoder(self.encoding)()
            while chunk := file.read(_CHUNK):
                yield decoder.decode(chunk).encode()
            yield decoder.decode(b"", final=True).encode()


def open_text_file(path: Path, encoding: str | None) -> TextFile:
    """Find the encoding of a text file: UTF-8 with or without byte-order mark, UTF-16 with one, or CP949.

    Parameters
    ----------
    path
        A file that exists.
    encoding
        Its encoding where it is known; it is checked against the whole file.

    Raises
    ------
    DataError
        Where the file is empty, is not text, or is in none of these encodings.
    """
    with open(path, "rb") as file:
        head = file.read(4096)
    if not head.strip(codecs.BOM_UTF8 + b" \t\r\n") and path.stat().st_size <= len(head):
        raise DataError(f"{path.name} is empty.\nA table needs a line of names and at least one row.")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif head.startswith(codecs.BOM_UTF8):
        candidates = ["utf-8-sig"]
    elif b"\0" in head:
        raise DataError(
            f"{path.name} is not a text file (it holds zero bytes).\n"
            "glassgrad reads .csv, .tsv, .parquet, .npz, .npy, IDX files and folders of PNG or JPEG images."
        )
    else:
        candidates = ["utf-8", "cp949"]
    if encoding is not None:
        candidates = [_known(encoding)]
        if candidates == ["utf-8"] and head.startswith(codecs.BOM_UTF8):
            candidates = ["utf-8-sig"]
    failures = []
    for candidate in candidates:
        failure = _failure(path, candidate)
        if failure is None:
            return TextFile(path, candidate, guessed=encoding is None and candidate == "cp949")
        failures.append(f"{candidate} fails {failure}")
    raise DataError(
        f"{path.name} cannot be read as text: {'; '.join(failures)}.\n"
        "Save it as UTF-8, or name its encoding, such as read(path, encoding='latin-1')."
    )


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise DataError(
            f"Unknown encoding {encoding!r}.\nExamples: 'utf-8', 'cp949', 'utf-16', 'latin-1'."
        ) from None


def _failure(path: Path, encoding: str) -> str | None:
    """Return where the file stops being valid in this encoding, or None where it never does."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            plain_ascii = chunk.isascii() and encoding != "utf-16" and not decoder.getstate()[0]
            if not plain_ascii:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    newlines = error.object.count(b"\n", 0, error.start)
                    return f"on line {line + newlines}"
            line += chunk.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "at the end of the file"
    return None
