"""What a cell means: which texts stand for a missing value, and which texts are numbers.

Readers, conditions, schemas and preprocessing all ask here, so that ``"124,000"``, ``-`` and a blank mean
the same thing wherever a table came from and whatever is done with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "MISSING",
    "booleans",
    "dates",
    "looks_like_dates",
    "missing_count",
    "numbers",
    "texts",
    "tidy",
]

MISSING = frozenset(
    ["", "-", "?", "NA", "N/A", "#N/A", "na", "n/a", "NaN", "nan", "NAN", "NULL", "Null", "null"]
)
"""Texts that stand for a missing value, after the spaces around them are stripped."""

_DATE = (
    r"^(?<day>\d{4}[-/.]\d{1,2}[-/.]\d{1,2})"
    r"(?:[T ](?<hour>[01]?\d|2[0-3]):(?<minute>[0-5]\d)(?::(?<second>[0-5]\d(?:\.\d+)?))?)?$"
)
_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$"


def tidy(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with the spaces around its texts stripped and missing markers made null.

    Examples
    --------
    >>> import polars as pl
    >>> tidy(pl.DataFrame({"a": [" x ", "?", "-", "1,5"]}))["a"].to_list()
    ['x', None, None, '1,5']
    """
    import polars as pl
    import polars.selectors as cs

    text = cs.string()
    stripped = frame.lazy().with_columns(text.str.strip_chars())
    blanked = stripped.with_columns(pl.when(~text.is_in(sorted(MISSING))).then(text).name.keep())
    return blanked.collect()


def numbers(column: pl.Series) -> pl.Series:
    """Return the column as float64, null where the cell is missing or is not a finite number.

    Texts may carry thousands separators (``"124,000"``). Booleans count as 0 and 1, dates as days since
    1970-01-01, durations and times of day as seconds. Infinities of a numeric column stay as they are.

    Examples
    --------
    >>> import polars as pl
    >>> numbers(pl.Series(["124,000", "1e3", "x", None, "inf"])).to_list()
    [124000.0, 1000.0, None, None, None]
    """
    import polars as pl

    kind = column.dtype
    if kind == pl.String:
        return _parsed(column)
    if kind == pl.Date:
        return column.cast(pl.Int32).cast(pl.Float64)
    if kind == pl.Datetime:
        return column.dt.timestamp("us").cast(pl.Float64) / 86_400e6
    if kind == pl.Duration:
        return column.dt.total_microseconds().cast(pl.Float64) / 1e6
    if kind == pl.Time:
        return column.cast(pl.Int64).cast(pl.Float64) / 1e9
    if kind in (pl.Categorical, pl.Enum):
        return _parsed(column.cast(pl.String))
    return column.cast(pl.Float64, strict=False).fill_nan(None)


def dates(column: pl.Series) -> pl.Series:
    """Return a column of dates as days since 1970-01-01, null where a cell is missing or no date.

    Texts are dates where the year comes first, with ``-``, ``/`` or ``.`` between, and perhaps a time.

    Examples
    --------
    >>> import polars as pl
    >>> dates(pl.Series(["1970-01-02", "1970.01.02 12:00", "1970/01/02T06:00:00", "70.01.02"])).to_list()
    [1.0, 1.5, 1.25, None]
    """
    import polars as pl

    if column.dtype != pl.String:
        return numbers(column)
    parts = column.str.extract_groups(_DATE).struct
    day = parts.field("day").str.replace_all("[/.]", "-").str.to_date("%Y-%m-%d", strict=False)
    hour, minute, second = (
        parts.field(name).cast(pl.Float64).fill_null(0) for name in ("hour", "minute", "second")
    )
    minutes = (day.cast(pl.Int32).cast(pl.Float64) * 24 + hour) * 60 + minute
    return (minutes * 60e6 + (second * 1e6).round()) / 86_400e6


def looks_like_dates(column: pl.Series) -> bool:
    """Return whether a column is of dates, or of texts of which at least half of the first twenty are."""
    import polars as pl

    if column.dtype != pl.String:
        return column.dtype in (pl.Date, pl.Datetime)
    first = column.drop_nulls().head(20)
    return len(first) > 0 and dates(first).count() * 2 >= len(first)


def booleans(column: pl.Series) -> pl.Series:
    """Return a column of true and false as 1 and 0; texts may be written in any case.

    Examples
    --------
    >>> import polars as pl
    >>> booleans(pl.Series(["True", "FALSE", "x"])).to_list()
    [1.0, 0.0, None]
    """
    import polars as pl

    if column.dtype != pl.String:
        return numbers(column)
    words = {"true": 1.0, "false": 0.0}
    return column.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Float64)


def texts(column: pl.Series) -> pl.Series:
    """Return the column as text, written as a person would: ``3`` for 3.0, ``true`` for True.

    Examples
    --------
    >>> import polars as pl
    >>> texts(pl.Series([3.0, 2.5, None])).to_list()
    ['3', '2.5', None]
    """
    import polars as pl

    if column.dtype in (pl.Float32, pl.Float64):
        column = column.fill_nan(None)
        whole = (column == column.floor()) & (column.abs() < 1e15)
        return column.cast(pl.Int64, strict=False).cast(pl.String).zip_with(whole, column.cast(pl.String))
    return column.cast(pl.String)


def missing_count(column: pl.Series) -> int:
    """Return how many cells are missing: null, or NaN in a column of floats."""
    nan = int(column.is_nan().sum() or 0) if column.dtype.is_float() else 0
    return column.null_count() + nan


def _parsed(column: pl.Series) -> pl.Series:
    import polars as pl

    values = column.cast(pl.Float64, strict=False)
    if values.null_count() > column.null_count():
        plain = column.str.replace_all(",", "", literal=True).cast(pl.Float64, strict=False)
        values = values.zip_with(values.is_not_null() | ~column.str.contains(_THOUSANDS), plain)
    finite = values.is_finite()
    return values if finite.all() else values.zip_with(finite, pl.Series([None], dtype=pl.Float64))
