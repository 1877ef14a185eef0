"""Where data comes from: a built-in set, a file or a folder; and which of it the user wants."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassgrad.data import Arrays, Table

__all__ = ["Selection", "default_name", "read_source", "split_names"]


@dataclass(frozen=True)
class Selection:
    """Rows and columns that the user dropped, and how the file was to be read."""

    drop: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None


def read_source(
    source: str, selection: Selection, target: str | None = None
) -> tuple[Table | Arrays, dict[str, Any]]:
    """Read data and drop what the user wants dropped.

    Returns
    -------
    tuple
        The data, and what was dropped: names of columns, and a number of rows for each condition.

    Raises
    ------
    DataError, OptionError
        Where it cannot be read, or a column or condition makes no sense.
    """
    from glassgrad.data import Table, drop_columns, load_digits, read, where
    from glassgrad.errors import DataError, OptionError

    if source == "digits":
        data: Table | Arrays = load_digits()
    else:
        try:
            data = read(
                source,
                delimiter=selection.delimiter,
                header=selection.header,
                encoding=selection.encoding,
                target=target,
            )
        except DataError as error:
            raise _with_examples(source, error) from None
    dropped: dict[str, Any] = {"columns": [], "rows": {}}
    if not isinstance(data, Table):
        if selection.drop or selection.where or selection.text:
            raise OptionError(
                f"{data.source} has no named columns: --drop, --where and --text are for tables."
            )
        return data, dropped
    for condition in selection.where:
        data, count = where(data, condition)
        dropped["rows"][condition] = count
    columns = split_names(selection.drop, data.columns)
    if target in columns:
        raise OptionError(f"--drop {target!r} would drop the target.")
    if columns:
        data = drop_columns(data, columns)
        dropped["columns"] = columns
    return data, dropped


def split_names(given: Sequence[str], columns: list[str]) -> list[str]:
    """Return column names, each given on its own or several with commas between.

    Examples
    --------
    >>> split_names(("a,b", "c,d"), ["a", "b", "c,d"])
    ['a', 'b', 'c,d']
    """
    names: list[str] = []
    for item in given:
        names += [item] if item in columns else [name.strip() for name in item.split(",")]
    return list(dict.fromkeys(names))


def default_name(source: str) -> Path:
    """Return the model file for a source: its name without endings, in the current folder.

    Examples
    --------
    >>> str(default_name("data/train.csv")), str(default_name("digits"))
    ('train.safetensors', 'digits.safetensors')
    """
    path = Path(os.path.realpath(source))
    name = path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem
    return Path(f"{name}.safetensors")


def _with_examples(source: str, error: Exception) -> Exception:
    """Add the built-in examples to the message about a missing file that may be a mistyped name."""
    from glassgrad import examples
    from glassgrad.errors import DataError, did_you_mean

    if Path(source).exists() or Path(source).name != source or "." in source:
        return error
    near = did_you_mean(source, examples.names())
    if not near.startswith("Did"):
        near = "Name a file, a folder, or a built-in example (glassgrad examples)."
    return DataError(f"There is no file {source!r} and no built-in example of that name.\n{near}")
