"""A table of named columns that remembers where each row came from.

It is a Polars data frame with one thing more: a row can be named as a person would name it (``line 17``
of the file they have open), through every filter and split. What was read from a text file stays text
until a schema says what it is, so a prediction file parses exactly as the training file did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.formats import NumberFormat, find_format, numbers_in
from glassgrad.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Table"]


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length; every operation returns a new table.

    Parameters
    ----------
    frame
        The columns. Columns of a text file are text, with nulls for missing values.
    source
        What the table is called in messages, such as a file's name.
    places
        int64 (height,): the number of each row in the source, counted from 1; None for 1 … height.
    unit
        What ``places`` counts: lines of a text file, or rows.
    notes
        What a reader wants a person to know, such as "no header line found".
    decimal_comma
        Whether a comma in a text may be a decimal sign; not in a file whose delimiter it is.

    Examples
    --------
    >>> import polars as pl
    >>> table = Table(pl.DataFrame({"a": [1, 2, 3]}), "numbers")
    >>> table.take([2, 0]).numbers(0)
    'row 3'
    """

    frame: pl.DataFrame
    source: str = "table"
    places: NDArray[np.int64] | None = None
    unit: str = "row"
    notes: tuple[str, ...] = ()
    decimal_comma: bool = True
    _formats: dict[str, NumberFormat] = field(default_factory=dict, repr=False)
    _parsed: dict[tuple[str, NumberFormat], pl.Series] = field(default_factory=dict, repr=False)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return self.frame.columns

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.frame.height

    def column(self, name: str) -> pl.Series:
        """Return one column.

        Raises
        ------
        DataError
            Where there is no such column; the nearest name is suggested.
        """
        if name not in self.frame.columns:
            near = did_you_mean(str(name), self.frame.columns)
            raise DataError(f"{self.source} has no column {name!r}. {near}")
        return self.frame[name]

    def number_format(self, name: str) -> NumberFormat:
        """Return how a column writes its numbers; what was found in all rows holds for a part of them."""
        if name not in self._formats:
            self._formats[name] = find_format(self.column(name), self.decimal_comma)
        return self._formats[name]

    def parsed(self, name: str, form: NumberFormat | None = None) -> pl.Series:
        """Return one column as float64, null where a cell is missing or no number; texts are parsed once.

        Parameters
        ----------
        name
            The column.
        form
            How it writes its numbers; None to find out.

        Raises
        ------
        DataError
            Where there is no such column.
        """
        key = (name, form or self.number_format(name))
        if key not in self._parsed:
            self._parsed[key] = numbers_in(self.column(name), key[1])
        return self._parsed[key]

    def numbers(self, row: int) -> str:
        """Return the name of a row for a message: ``line 17`` of a text file, else ``row 17``, from 1."""
        place = row + 1 if self.places is None else int(self.places[row])
        return f"{self.unit} {place}"

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | Sequence[int]) -> Table:
        """Return the rows with these indices, or those a boolean mask selects."""
        chosen = np.asarray(rows)
        chosen = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        places = chosen + 1 if self.places is None else self.places[chosen]
        parsed = {key: column[chosen] for key, column in self._parsed.items()}
        formats = dict(self._formats)
        return replace(self, frame=self.frame[chosen], places=places, _formats=formats, _parsed=parsed)

    def with_frame(self, frame: pl.DataFrame) -> Table:
        """Return a table of the same rows with other columns."""
        return replace(self, frame=frame, _formats={}, _parsed={})

    def blocks(self, rows: int) -> Iterator[Table]:
        """Yield the table in order, as tables of at most ``rows`` rows; a short table is one block."""
        if rows < 1:
            raise DataError(f"A block needs at least 1 row; got {rows}.")
        for first in range(0, max(self.height, 1), rows):
            count = min(rows, self.height - first)
            if self.places is None:
                places = np.arange(first + 1, first + count + 1, dtype=np.int64)
            else:
                places = self.places[first : first + count]
            parsed = {key: column.slice(first, count) for key, column in self._parsed.items()}
            frame, formats = self.frame.slice(first, count), dict(self._formats)
            yield replace(self, frame=frame, places=places, _formats=formats, _parsed=parsed)
