"""A table of named columns that remembers where each row came from.

It is a Polars data frame with one thing more: a row can be named as a person would name it (``line 17``
of the file they have open), through every filter and split. What was read from a text file stays text
until a schema says what it is, so a prediction file parses exactly as the training file did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.cells import numbers
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
    _parsed: dict[str, pl.Series] = field(default_factory=dict, repr=False)

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
            raise DataError(f"{self.source} has no column {name!r}. {did_you_mean(name, self.frame.columns)}")
        return self.frame[name]

    def parsed(self, name: str) -> pl.Series:
        """Return one column as float64, null where a cell is missing or no number; texts are parsed once.

        Raises
        ------
        DataError
            Where there is no such column.
        """
        if name not in self._parsed:
            self._parsed[name] = numbers(self.column(name))
        return self._parsed[name]

    def numbers(self, row: int) -> str:
        """Return the name of a row for a message: ``line 17`` of a text file, else ``row 17``, from 1."""
        place = row + 1 if self.places is None else int(self.places[row])
        return f"{self.unit} {place}"

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | Sequence[int]) -> Table:
        """Return the rows with these indices, or those a boolean mask selects."""
        chosen = np.asarray(rows)
        chosen = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        places = chosen + 1 if self.places is None else self.places[chosen]
        parsed = {name: column[chosen] for name, column in self._parsed.items()}
        return Table(self.frame[chosen], self.source, places, self.unit, self.notes, parsed)

    def with_frame(self, frame: pl.DataFrame) -> Table:
        """Return a table of the same rows with other columns."""
        return Table(frame, self.source, self.places, self.unit, self.notes)

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
            parsed = {name: column.slice(first, count) for name, column in self._parsed.items()}
            yield Table(self.frame.slice(first, count), self.source, places, self.unit, self.notes, parsed)
