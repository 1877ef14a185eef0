"""Parquet files to tables, through Polars."""

from __future__ import annotations

from pathlib import Path

from glassgrad.data.frames import table_of
from glassgrad.data.table import Table
from glassgrad.errors import DataError

__all__ = ["read_parquet"]


def read_parquet(path: Path) -> Table:
    """Read a Parquet file; its texts are stripped and its missing markers understood as in a CSV file.

    Raises
    ------
    DataError
        Where the file is damaged, has no rows, or has columns that are not one value a cell.
    """
    import polars as pl

    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty.\nA Parquet file begins and ends with the four letters PAR1.")
    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path.name} cannot be read as Parquet ({reason}).\nThe file may be cut off: write it anew."
        ) from None
    return table_of(frame, path.name)
