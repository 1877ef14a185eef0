"""One door for all data: ``read`` looks at what it is given and calls the reader for it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from glassgrad.data.arraydata import Arrays
from glassgrad.data.table import Table
from glassgrad.errors import DataError, did_you_mean

__all__ = ["read"]

_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_FORMATS = ".csv, .tsv, .parquet, .npz, .npy, IDX files, PNG or JPEG images, or a folder of the last two"


def read(
    source: str | os.PathLike[str] | Any,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    encoding: str | None = None,
    target: str | None = None,
) -> Table | Arrays:
    """Read data from wherever it is.

    Parameters
    ----------
    source
        The path of a CSV, TSV, Parquet, NPZ, NPY or IDX file, of an image, of a folder of IDX files or of
        images; or a data frame of pandas, Polars, PyArrow or another library that narwhals knows.
    delimiter, header, encoding
        For text files; each is found out where it is None. See :func:`~glassgrad.data.csv.read_csv`.
    target
        The column (or array of an NPZ file) to learn; it must exist where it is given.

    Returns
    -------
    Table or Arrays
        A table for files of rows and data frames, arrays for images and NumPy files.

    Raises
    ------
    DataError
        Where there is no such file, it is empty or damaged, or it lacks the target.

    Examples
    --------
    >>> import polars as pl
    >>> read(pl.DataFrame({"a": [1, 2]})).columns
    ['a']
    """
    if isinstance(source, str | os.PathLike):
        data = _read_path(_path(source), delimiter, header, encoding, target)
    else:
        data = _read_object(source)
    if target is not None and isinstance(data, Table):
        data.column(target)
    return data


def _read_path(
    path: Path, delimiter: str | None, header: bool | None, encoding: str | None, target: str | None
) -> Table | Arrays:
    from glassgrad.data import arrays, csv, idx, images, parquet

    try:
        if path.is_dir():
            return idx.read_idx_folder(path) if idx.has_idx_files(path) else images.read_image_folder(path)
        ending = path.suffix.lower()
        if ending in (".parquet", ".pq") or _begins(path) == b"PAR1":
            return parquet.read_parquet(path)
        if ending == ".npz" or _begins(path) == b"PK\x03\x04":
            return arrays.read_npz(path, target)
        if ending == ".npy":
            return arrays.read_npy(path)
        if images.is_image(path):
            return images.read_image(path)
        if idx.is_idx(path) or "idx" in path.name.lower():
            return idx.read_idx(path)
        return csv.read_csv(path, delimiter=delimiter, header=header, encoding=encoding)
    except PermissionError:
        raise DataError(f"{path} may not be read: permission denied.") from None


def _path(source: str | os.PathLike[str]) -> Path:
    """Return the path of a file or folder that is there; that of a folder is absolute and so has a name."""
    text = os.fspath(source)
    if not text:
        raise DataError(f"The path of the data is empty.\nGive the path of {_FORMATS}.")
    path = Path(text)
    if _URL.match(text) and not path.exists():
        raise DataError(
            f"{text} is an address of the network: glassgrad downloads nothing.\n"
            "Download the file yourself and give its path."
        )
    _check_exists(path)
    if path.is_dir():
        return path.resolve()
    if not path.is_file():
        raise DataError(
            f"{path} is no regular file but a pipe or a device; glassgrad reads its files more than once.\n"
            "Save what it gives to a file first: command > data.csv"
        )
    return path


def _check_exists(path: Path) -> None:
    if path.exists():
        return
    folder = path.parent
    if not folder.is_dir():
        raise DataError(f"There is no file {path}: there is no folder {folder} either.")
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    near = did_you_mean(path.name, names) if names else ""
    raise DataError(f"There is no file {path}." + (f"\n{near}" if near.startswith("Did") else ""))


def _begins(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(4)


def _read_object(source: object) -> Table:
    from glassgrad.data import frames

    if not frames.is_frame(source):
        raise DataError(
            f"Cannot read data from {type(source).__name__!r}.\n"
            f"Give the path of {_FORMATS};\nor a data frame (pandas, Polars, PyArrow)."
        )
    return frames.read_frame(source)
