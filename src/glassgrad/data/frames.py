"""Data frames of any library to tables, through narwhals.

pandas, Polars, PyArrow and the other libraries that narwhals knows are read without depending on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glassgrad.data.cells import numbers, tidy
from glassgrad.data.table import Table
from glassgrad.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["is_frame", "read_frame", "table_of"]


def is_frame(source: object) -> bool:
    """Return whether narwhals knows the object as a data frame, eager or lazy.

    Raises
    ------
    DataError
        Where it is one with two columns of one name.
    """
    import narwhals as nw

    return isinstance(_known(source), nw.DataFrame | nw.LazyFrame)


def read_frame(source: object) -> Table:
    """Turn a data frame of any library into a table; texts are cleaned as those of a CSV file are.

    Raises
    ------
    DataError
        Where the frame has no rows, two columns of one name, or columns that are not one value a cell.

    Examples
    --------
    >>> import polars as pl
    >>> read_frame(pl.DataFrame({"a": ["x ", "?"]})).frame["a"].to_list()
    ['x', None]
    """
    import narwhals as nw

    frame = _known(source)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _same_names(f"{twice!r} {names.count(twice)} times")
    return table_of(_polars(frame), "the data frame")


def _known(source: object) -> Any:
    import narwhals as nw

    try:
        return nw.from_native(source, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise _same_names(str(error).partition("- ")[2].replace("\n- ", ", ")) from None


def _same_names(found: str) -> DataError:
    return DataError(
        f"Each column of the data frame needs a name of its own, as text; found {found}.\n"
        "Rename one of them, or drop it: frame = frame.loc[:, ~frame.columns.duplicated()]."
    )


def _polars(frame: Any) -> pl.DataFrame:
    import polars as pl

    try:
        converted: pl.DataFrame = frame.to_polars()
        return converted
    except (
        ImportError,
        TypeError,
        ValueError,
        ArithmeticError,
        NotImplementedError,
        pl.exceptions.PolarsError,
    ):
        pass  # no Arrow to convert with, or mixed objects: column by column, mixed ones as text
    return pl.DataFrame([_series(str(name), frame[name].to_list()) for name in frame.columns])


def _series(name: str, values: list[Any]) -> pl.Series:
    import polars as pl

    present = [None if value is None or value != value else value for value in values]
    try:
        return pl.Series(name, present, strict=True)
    except (TypeError, ValueError, ArithmeticError, pl.exceptions.PolarsError):
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
    durations = [name for name, kind in frame.schema.items() if kind == pl.Duration]
    seconds = [numbers(frame[name]).alias(name) for name in durations]
    notes = tuple(f"Column {name!r} holds durations: they are read as seconds." for name in durations)
    return Table(tidy(frame.with_columns(*labels, *seconds)), source, notes=notes)


def _is_label(kind: pl.DataType) -> bool:
    import polars as pl

    return kind in (pl.Categorical, pl.Enum, pl.Null)
