"""What commands write: tables for people, one JSON object for programs, and files that are whole or absent."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from glassgrad.errors import OptionError

__all__ = [
    "SCHEMA_VERSION",
    "check_not_input",
    "check_writable",
    "counted",
    "page",
    "print_json",
    "print_table",
    "say",
    "stop_writing",
    "write_whole",
]

SCHEMA_VERSION = 1
"""The version of what ``--json`` prints; docs/json.md describes it."""

_WIDTH = 120


def print_json(command: str, fields: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    document = {"version": SCHEMA_VERSION, "command": command, **fields}
    say(json.dumps(document, ensure_ascii=plain, allow_nan=False))


def say(text: str = "") -> None:
    """Print a line on standard output; where nobody reads it any more, it is not missed."""
    try:
        print(text)
    except BrokenPipeError:
        stop_writing()


def page() -> dict[str, Any]:
    """Return how wide a text may be and whether in colour, for whoever reads standard output."""
    if not sys.stdout.isatty():
        return {"width": 100, "colour": False}
    return {"width": shutil.get_terminal_size((100, 24)).columns, "colour": not os.environ.get("NO_COLOR")}


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(2000, "epoch")
    ('1 row', '2,000 epochs')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def stop_writing() -> None:
    """Let standard output lead nowhere, since whoever read it has gone; the work goes on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_table(rows: Iterable[Sequence[str]], header: Sequence[str], numbers: Iterable[int] = ()) -> None:
    """Print a table; the columns named in `numbers` are aligned to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2), header_style="bold", pad_edge=False)
    aligned = set(numbers)
    for place, name in enumerate(header):
        table.add_column(name, justify="right" if place in aligned else "left")
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        say(line.rstrip())


def check_not_input(path: Path, option: str, **inputs: str | os.PathLike[str]) -> None:
    """Refuse an output file that would replace an input, or a file of an input that is a folder.

    Parameters
    ----------
    path
        The file to write.
    option
        The option that names it.
    **inputs
        What the command reads, by what it is.

    Raises
    ------
    OptionError
        Where it would.
    """
    target = Path(os.path.realpath(path))
    for what, source in inputs.items():
        given = Path(os.path.realpath(source))
        same = target == given or (target.exists() and given.exists() and target.samefile(given))
        if same or (target.is_file() and given in target.parents):
            raise OptionError(f"{option} {path} would replace the {what}; name another file.")


def check_writable(path: Path) -> None:
    """Refuse an output file that could not be written, before the work that it is for.

    Raises
    ------
    OptionError
        Where its folder does not exist or cannot be written, or the path is a folder.
    """
    folder = Path(os.path.realpath(path)).parent
    if path.is_dir():
        raise OptionError(f"'{path}' is a folder; name a file to write.")
    if not folder.is_dir():
        raise OptionError(
            f"There is no folder '{folder}' to write {path.name} in.\nMake it, or name another file."
        )
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OptionError(f"'{folder}' cannot be written ({error.strerror}): choose another place.") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that its name stands for the old content or the new one, never for a part.

    Raises
    ------
    OSError
        Where it cannot be written, with its name; an old file is as it was.
    """
    target = Path(os.path.realpath(path))
    try:
        _replace(target, content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _replace(target: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", suffix=".tmp", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(OSError):
                os.chmod(file.name, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
