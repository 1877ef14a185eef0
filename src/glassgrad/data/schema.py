"""What the columns of a table are, found out from their cells, so that a person can check it.

A wrong guess here is the commonest silent error of automatic preprocessing. So the guess is a record that
can be printed, a stray text in a column of numbers is an error and not a guess, and nothing is left out
without a note.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glassgrad.data.arraydata import Arrays
from glassgrad.data.cells import dates, looks_like_dates, missing_count, texts
from glassgrad.data.formats import PLAIN, find_format, numbers_in
from glassgrad.data.table import Table
from glassgrad.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "ColumnInfo",
    "Kind",
    "Schema",
    "Task",
    "infer",
    "infer_task",
    "no_dates_to_learn",
    "text_cell_error",
]

Kind = Literal["number", "category", "boolean", "date", "constant", "all_missing"]
Task = Literal["classification", "regression"]

_MOST_CLASSES = 20
_EXAMPLE_LENGTH = 24
_SAMPLE = 1000
_EXACT_ROWS = 100_000


@dataclass(frozen=True)
class ColumnInfo:
    """One column as it was found: its kind, missing cells, different values, and the first value.

    In more than 100 000 rows, a large number of different values is an estimate.
    """

    name: str
    kind: Kind
    missing: int
    distinct: int
    example: str


@dataclass(frozen=True)
class Schema:
    """All columns of a table, which of them is the target, and what a person should know of them."""

    columns: tuple[ColumnInfo, ...]
    target: str | None
    notes: tuple[str, ...]

    def kind(self, name: str) -> Kind:
        """Return the kind of a column by its name."""
        return next(column.kind for column in self.columns if column.name == name)

    def describe(self) -> list[tuple[str, str, str, str, str]]:
        """Return rows to print: name, kind, missing cells, different values, an example."""
        return [
            (
                column.name,
                column.kind + (" (target)" if column.name == self.target else ""),
                str(column.missing),
                str(column.distinct),
                column.example,
            )
            for column in self.columns
        ]


def infer(data: Table | Any, target: str | None = None, *, text: Collection[str] = ()) -> Schema:
    """Find out the kind of every column.

    ``number``: every cell is a number. ``date``: every cell is a date, the year first (``2026-04-20``); other
    dates written as text (``26.04.20``) are categories, and ``202604`` is a number. ``boolean``: true and
    false. ``category``: any other text. ``constant`` and ``all_missing`` say nothing a network could learn.

    Parameters
    ----------
    data
        The table, after rows and columns were dropped; or a data frame, or anything else that
        :func:`~glassgrad.data.readers.read` turns into a table.
    target
        The column to learn.
    text
        Columns to take as categories although their cells are nearly all numbers.

    Raises
    ------
    DataError
        Where a column of numbers holds a stray text or an infinity, or there is no such target.

    Examples
    --------
    >>> import polars as pl
    >>> table = Table(pl.DataFrame({"a": ["1", "2.5", None], "b": ["x", "y", "x"]}))
    >>> infer(table).describe()
    [('a', 'number', '1', '2', '1'), ('b', 'category', '0', '2', 'x')]
    """
    table = _table(data)
    for name in (*([target] if target is not None else []), *text):
        table.column(name)
    columns, notes = [], list(table.notes)
    for name in table.columns:
        info = _column(table, name, name in text, "target" if name == target else "feature")
        columns.append(info)
        notes += _notes(table, info, name == target)
    return Schema(tuple(columns), target, tuple(notes))


def infer_task(data: Table | Arrays, target: str | None = None) -> Task:
    """Say whether a target is a class or a quantity.

    Texts and booleans are classes. Whole numbers are classes where there are at most 20 different ones,
    each five times on average; and always for images. Everything else is a quantity.

    Raises
    ------
    DataError
        Where there is no target.

    Examples
    --------
    >>> infer_task(Arrays(np.zeros((2, 4)), np.array([0.5, 1.5]), "two", "array"))
    'regression'
    """
    import polars as pl

    if isinstance(data, Table):
        if target is None:
            raise DataError("Name the column to learn: target='price' (on the command line --target price).")
        column = data.column(target)
        no_dates_to_learn(data, target)
        values = data.parsed(target)
        if column.dtype == pl.Boolean or values.null_count() > missing_count(column):
            return "classification"
        values = values.drop_nulls()
    else:
        y = data.targets()
        if y.dtype.kind not in "iuf" or (data.kind == "images" and y.dtype.kind in "iu"):
            return "classification"
        values = pl.Series(y.reshape(-1)).cast(pl.Float64)
    distinct = values.n_unique()
    whole = bool((values == values.floor()).all())
    few = distinct <= _MOST_CLASSES and distinct * 5 <= max(len(values), 10)
    return "classification" if whole and few else "regression"


def text_cell_error(
    table: Table,
    name: str,
    parsed: pl.Series,
    content: str,
    role: Literal["feature", "target", "fitted feature"],
) -> DataError:
    """Return the error for the first cell of a column that is not a number, or a date, as the others are.

    Parameters
    ----------
    table
        The table.
    name
        The numeric column.
    parsed
        Its numbers, null where a cell is not one.
    content
        What the column holds but for such cells, such as "numbers".
    role
        What the column is for: a target cannot be missing or dropped, and a fitted feature cannot change its
        kind.
    """
    column = table.column(name)
    stray = (parsed.is_null() & column.is_not_null()).arg_max() or 0
    value = str(column[stray])
    empty = "" if role == "target" else " empty it to mark it as missing,"
    mend = f"Correct the cell,{empty} or drop the row (--where '`{name}` != \"{value}\"')"
    if role == "feature":
        mend += f".\nOr drop the column (--drop '{name}'), or use it as text: infer(table, text=[{name!r}])"
    elif role == "target":
        mend += f".\nIf these are names of classes, say so: infer(table, {name!r}, text=[{name!r}])"
    return DataError(
        f"{table.source}, {table.numbers(stray)}, column {name!r}: found the text {value!r} "
        f"in a column of {content}.\n{mend}."
    )


def no_dates_to_learn(table: Table, name: str) -> None:
    """Refuse a target of dates, which is neither a class nor a quantity with a zero and a unit.

    Raises
    ------
    DataError
        Where most cells of the column are dates.
    """
    column = table.column(name)
    if looks_like_dates(column):
        raise DataError(
            f"The target {name!r} of {table.source} holds dates, such as {str(column.drop_nulls()[0])!r}; "
            "what is learnt is a class or a quantity.\n"
            "Turn it into a number, such as the days from another date, or learn the dates as classes: "
            "task='classification' (--task classification)."
        )


def _table(data: Table | Any) -> Table:
    from glassgrad.data.readers import read

    table = data if isinstance(data, Table | Arrays) else read(data)
    if isinstance(table, Arrays):
        raise DataError(
            f"{table.source} is an array: it has no columns whose kinds could differ.\n"
            "Give a table: read('data.csv'), or a data frame."
        )
    return table


def _column(table: Table, name: str, as_text: bool, role: Literal["feature", "target"]) -> ColumnInfo:
    import polars as pl

    column = table.column(name)
    dtype = column.dtype
    missing = missing_count(column)
    present = len(column) - missing
    plainly_text = as_text or _is_plainly_text(column, table.decimal_comma)
    values = column if plainly_text else table.parsed(name)
    kind: Kind
    if present == 0:
        return ColumnInfo(name, "all_missing", missing, 0, "")
    if dtype == pl.Boolean:
        kind = "boolean"
    elif not as_text and _are_dates(table, name, present, role):
        kind = "date"
    elif plainly_text or (dtype == pl.String and values.count() < present):
        if not plainly_text and _stray(column, values, present):
            raise text_cell_error(table, name, values, table.number_format(name).describe(), role)
        kind = "boolean" if _says_true_or_false(column) else "category"
    else:
        kind = "number"
        _check_finite(table, name, values)
    distinct = _distinct(values if kind == "number" else column)
    if distinct == 1:
        kind = "category" if missing else "constant"  # whether it is there may still tell something
    first = texts(column.drop_nulls().head(1))
    example = first[0] if len(first) and first[0] is not None else ""
    if len(example) > _EXAMPLE_LENGTH:
        example = example[: _EXAMPLE_LENGTH - 1] + "…"
    return ColumnInfo(name, kind, missing, distinct, example)


def _are_dates(table: Table, name: str, present: int, role: Literal["feature", "target"]) -> bool:
    """Return whether every cell of a column is a date, and refuse a slip among dates."""
    column = table.column(name)
    if not looks_like_dates(column):
        return False
    days = dates(column)
    if days.count() < present and _stray(column, days, present):
        raise text_cell_error(table, name, days, "dates", role)
    return days.count() == present


def _is_plainly_text(column: pl.Series, decimal_comma: bool) -> bool:
    """Return whether most cells of a sample, spread over a long column, are no numbers."""
    import polars as pl

    if column.dtype != pl.String or len(column) < 10 * _SAMPLE:
        return False
    sample = column.gather_every(len(column) // _SAMPLE).drop_nulls()
    found = numbers_in(sample, find_format(sample, decimal_comma)).count()
    return len(sample) > _SAMPLE // 10 and found < len(sample) / 2


def _distinct(column: pl.Series) -> int:
    """Return how many different values there are; an estimate where there are many of them."""
    import polars as pl

    present = column.drop_nulls()
    if len(present) <= _EXACT_ROWS:
        return present.n_unique()
    estimate = int(present.to_frame().select(pl.all().approx_n_unique()).item())
    return estimate if estimate > _EXACT_ROWS // 100 else present.n_unique()


def _stray(column: pl.Series, values: pl.Series, present: int) -> bool:
    """Return whether the texts among the numbers are slips, rather than the codes of a text column.

    Slips are a single cell in a hundred-odd, or a word or two repeated in up to one cell in twenty. Lot
    numbers such as ``133`` and ``174-1`` have many different texts, and stay categories.
    """
    odd = column.filter(values.is_null() & column.is_not_null())
    count, share = len(odd), len(odd) / present
    if count == 1:
        return share <= 0.2
    return share <= 0.005 or (share <= 0.05 and odd.n_unique() <= 3)


def _says_true_or_false(column: pl.Series) -> bool:
    return set(texts(column).drop_nulls().unique().head(6).str.to_lowercase()) <= {"true", "false"}


def _check_finite(table: Table, name: str, values: pl.Series) -> None:
    infinite = values.is_infinite()
    if infinite.any():
        row = infinite.arg_max() or 0
        raise DataError(
            f"{table.source}, {table.numbers(row)}, column {name!r}: found {values[row]}, "
            "not a finite number.\n"
            "Replace it, mark it as missing (null), or drop the row."
        )


def _notes(table: Table, info: ColumnInfo, is_target: bool) -> list[str]:
    notes = []
    if info.kind == "all_missing" and not is_target:
        notes.append(f"Column {info.name!r} is left out of the features: every cell is missing.")
    if info.kind == "constant" and not is_target:
        notes.append(f"Column {info.name!r} is left out of the features: every cell is {info.example!r}.")
    if info.kind == "date" and not table.column(info.name).dtype.is_temporal():
        notes.append(f"Column {info.name!r} is read as dates, in days since 1970-01-01.")
    if info.kind == "number":
        form = table.number_format(info.name)
        if form != PLAIN:
            value = table.parsed(info.name).drop_nulls()[0]
            notes.append(f"Column {info.name!r} is read as {form.describe()}: {info.example!r} is {value:g}.")
        if not is_target and _counts_rows(table, info):
            notes.append(
                f"Column {info.name!r} looks like a row number; it is used as a feature unless dropped "
                f"(--drop '{info.name}')."
            )
    return notes


def _counts_rows(table: Table, info: ColumnInfo) -> bool:
    """Return whether a column goes up in steps of one but for rows that were dropped."""
    if info.missing or table.height < 10:
        return False
    values = table.parsed(info.name).to_numpy()
    steps = np.diff(values)
    return bool((steps > 0).all() and (values == np.floor(values)).all() and (steps == 1).mean() > 0.5)
