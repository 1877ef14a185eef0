"""Data frames of any library to tables, through narwhals.

pandas, Polars, PyArrow and the other libraries that narwhals knows are read without depending on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glassgrad.data.cells import tidy
from glassgrad.data.table import Table
from glassgrad.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["is_frame", "read_frame", "table_of"]


def is_frame(source: object) -> bool:
    """Return whether narwhals knows the object as a data frame, eager or lazy."""
    import narwhals as nw

    return isinstance(nw.from_native(source, pass_through=True), nw.DataFrame | nw.LazyFrame)


def read_frame(source: object) -> Table:
    """Turn a data frame of any library into a table; texts are cleaned as those of a CSV file are.

    Raises
    ------
    DataError
        Where the frame has no rows, or has columns that are not one value a cell.

    Examples
    --------
    >>> import polars as pl
    >>> read_frame(pl.DataFrame({"a": ["x ", "?"]})).frame["a"].to_list()
    ['x', None]
    """
    import narwhals as nw

    frame: Any = nw.from_native(source, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    return table_of(_polars(frame), "the data frame")


def _polars(frame: Any) -> pl.DataFrame:
    import polars as pl

    try:
        converted: pl.DataFrame = frame.to_polars()
        return converted
    except (ImportError, TypeError, pl.exceptions.PolarsError):
        pass  # no Arrow to convert with, or mixed objects: column by column, mixed ones as text
    return pl.DataFrame([_series(str(name), frame[name].to_list()) for name in frame.columns])


def _series(name: str, values: list[Any]) -> pl.Series:
    import polars as pl

    present = [None if value is None or value != value else value for value in values]
    try:
        return pl.Series(name, present, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if value is None else str(value) for value in present], dtype=pl.String)


def table_of(frame: pl.DataFrame, source: str) -> Table:
    """Check and clean a Polars frame and name its source."""
    import polars as pl

    if frame.width == 0 or frame.height == 0:
        missing = "columns" if frame.width == 0 else "rows"
        raise DataError(f"{source} has no {missing}.\nA table needs at least one column and one row.")
    for name, kind in frame.schema.items():
        if kind.is_nested() or kind in (pl.Binary, pl.Object):
            raise DataError(
                f"Column {name!r} of {source} holds {kind} values; a cell must be one number, text or date.\n"
                "Turn it into columns of single values, or drop it."
            )
    labels = [pl.col(name).cast(pl.String) for name, kind in frame.schema.items() if _is_label(kind)]
    return Table(tidy(frame.with_columns(labels)), source)


def _is_label(kind: pl.DataType) -> bool:
    import polars as pl

    return kind in (pl.Categorical, pl.Enum, pl.Null)
