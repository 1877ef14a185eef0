"""CSV files to tables: every dialect in common use, and every broken row named by its line.

Two readers share one meaning. The fast one hands whole megabytes to Polars, after a scan has shown that
every row has the same number of fields and that every quote opens or closes a cell. Any file that is not
so regular goes to Python's ``csv`` module, which is slower, exact, and can say on which line a row begins.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.cells import MISSING, tidy
from glassgrad.data.encodings import TextFile, open_text_file
from glassgrad.data.formats import find_format, numbers_in
from glassgrad.data.scanning import Irregular, Piece, pieces
from glassgrad.data.table import Table
from glassgrad.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read_csv"]

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_LIST_COMMA = re.compile(r"(?<!\d),|,(?!\d)")  # any but the comma inside of a number
_SAMPLE_ROWS = 100
_CAREFUL_ROWS = 50_000


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    header: bool
    names: tuple[str, ...]
    notes: tuple[str, ...]


def read_csv(
    path: Path, *, delimiter: str | None = None, header: bool | None = None, encoding: str | None = None
) -> Table:
    r"""Read a delimited text file.

    Every cell stays text with the spaces around it stripped; blanks, ``-``, ``?``, ``NA``, ``N/A``, ``nan``
    and ``null`` become missing. Blank lines are skipped.

    Parameters
    ----------
    path
        The file.
    delimiter
        One character; None to find it (comma, semicolon, tab or pipe).
    header
        Whether the first line holds the names of the columns; None to find out. Without a header the
        columns are called ``column_1``, ``column_2``, …
    encoding
        None to find it: UTF-8 with or without byte-order mark, UTF-16 with one, CP949.

    Raises
    ------
    DataError
        Where the file is empty, has a header only, has rows of different lengths, or is not text.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "prices.csv"
    >>> _ = path.write_text('town;price\nSeoul;"124,000"\nBusan;-\n', encoding="utf-8")
    >>> read_csv(path).frame.rows()
    [('Seoul', '124,000'), ('Busan', None)]
    """
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n' or not delimiter.isascii()):
        raise DataError(f"A delimiter is one character such as ',' or ';'; got {delimiter!r}.")
    file = open_text_file(path, encoding)
    dialect = _dialect(file, delimiter, header)
    try:
        read = list(_fast(file, dialect))
    except Irregular:
        read = list(_careful(file, dialect))
    if not read:
        raise DataError(
            f"{path.name} holds a header line and no rows.\nGive it at least one row of data, "
            "or read the first line as data with header=False."
        )
    import polars as pl

    frame = pl.concat([frame for frame, _ in read])
    lines = np.concatenate([lines for _, lines in read])
    return Table(frame, path.name, lines, "line", dialect.notes, dialect.delimiter != ",")


def _dialect(file: TextFile, delimiter: str | None, header: bool | None) -> _Dialect:
    head = file.head()
    if delimiter is None:
        preferred = "\t" if file.path.suffix.lower() == ".tsv" else ","
        fits = {candidate: _fit(head, candidate) for candidate in _DELIMITERS}
        others = max(share for candidate, (share, _) in fits.items() if candidate != ",")
        if others == 1 and not _LIST_COMMA.search(head):
            del fits[","]
        delimiter = max(fits, key=lambda candidate: (*fits[candidate], candidate == preferred))
    sample = _sample(head, delimiter)
    if not sample:
        raise DataError(f"{file.path.name} is empty.\nA table needs a line of names and at least one row.")
    notes = [f"{file.path.name} is not UTF-8: it is read as CP949."] if file.guessed else []
    if header is None:
        header = _has_header(sample, delimiter != ",")
        if not header:
            notes.append(
                f"No header line found in {file.path.name}: its columns are called column_1 to "
                f"column_{len(sample[0])}."
            )
    names, renamed = _names(sample[0]) if header else ([f"column_{i + 1}" for i in range(len(sample[0]))], [])
    return _Dialect(delimiter, header, tuple(names), (*notes, *renamed))


def _sample(head: str, delimiter: str) -> list[list[str]]:
    rows = []
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
            if len(rows) > _SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # the careful reader meets the same cell and names its line
    return rows


def _fit(head: str, delimiter: str) -> tuple[float, int]:
    """Return the share of rows with the commonest number of fields, and that number; (0, 0) for one field."""
    widths = Counter(map(len, _sample(head, delimiter)))
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    return (count / widths.total(), width) if width > 1 else (0.0, 0)


def _has_header(sample: Sequence[Sequence[str]], decimal_comma: bool) -> bool:
    """Vote, column by column, on whether the first row differs in kind from the rows below it."""
    first, below = sample[0], sample[1:]
    votes = 0
    for index, name in enumerate(first):
        cells = [row[index] for row in below if index < len(row) and row[index] not in MISSING]
        if name in MISSING:
            continue
        number = _numbers([name], decimal_comma) == 1
        mostly_numbers = bool(cells) and _numbers(cells, decimal_comma) >= 0.8 * len(cells)
        if number and (mostly_numbers or not cells):
            votes -= 1
        elif number or mostly_numbers:
            votes += 1
        elif name in cells:
            votes -= 1
    return votes >= 0 and not all(_numbers([name], decimal_comma) for name in first)


def _numbers(cells: Sequence[str], decimal_comma: bool) -> int:
    """Return how many of the cells of a column are numbers."""
    import polars as pl

    column = pl.Series(cells)
    return numbers_in(column, find_format(column, decimal_comma)).count()


def _names(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a unique, readable name for each column, and notes on the names that were made up."""
    names: list[str] = []
    notes = []
    for place, cell in enumerate(cells, start=1):
        wanted = cell or f"column_{place}"
        name, copy = wanted, 1
        while name in names or (name != wanted and name in cells):
            copy += 1
            name = f"{wanted}_{copy}"
        if not cell:
            notes.append(f"Column {place} has no name in the header: it is called {name!r}.")
        elif name != cell:
            notes.append(f"The header names {cell!r} more than once: column {place} is called {name!r}.")
        names.append(name)
    return names, notes


def _fast(file: TextFile, dialect: _Dialect) -> Iterator[tuple[pl.DataFrame, NDArray[np.int64]]]:
    import polars as pl

    schema = dict.fromkeys(dialect.names, pl.String())
    first = True
    for piece in pieces(file.chunks(), dialect.delimiter, len(dialect.names)):
        try:
            frame = pl.read_csv(
                piece.data,
                has_header=False,
                separator=dialect.delimiter,
                schema=schema,
                eol_char="\n",
            )
        except pl.exceptions.PolarsError:
            raise Irregular from None
        rows, lines = _data_rows(frame, piece, first and dialect.header)
        first = first and len(piece.lines) == piece.blank.sum()
        if rows.height:
            yield tidy(rows), lines


def _data_rows(
    frame: pl.DataFrame, piece: Piece, skip_header: bool
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    if frame.height != len(piece.lines):
        raise Irregular
    kept = np.flatnonzero(~piece.blank) if piece.blank.any() else None
    if kept is None:
        start = 1 if skip_header else 0
        return frame.slice(start), piece.lines[start:]
    kept = kept[1:] if skip_header else kept
    return frame[kept], piece.lines[kept]


def _careful(file: TextFile, dialect: _Dialect) -> Iterator[tuple[pl.DataFrame, NDArray[np.int64]]]:
    import polars as pl

    width = len(dialect.names)
    rows: list[list[str]] = []
    lines: list[int] = []

    def made() -> tuple[pl.DataFrame, NDArray[np.int64]]:
        frame = pl.DataFrame(rows, schema=dict.fromkeys(dialect.names, pl.String()), orient="row")
        return tidy(frame), np.array(lines, dtype=np.int64)

    with file.text() as text:
        reader = csv.reader(text, delimiter=dialect.delimiter, skipinitialspace=True)
        waiting_for_header = dialect.header
        line = 1
        try:
            for row in reader:
                start, line = line, reader.line_num + 1
                if not row or (width > 1 and len(row) == 1 and not row[0].strip()):
                    continue
                if len(row) != width:
                    raise _ragged(file.path.name, start, reader.line_num, len(row), dialect)
                if waiting_for_header:
                    waiting_for_header = False
                    continue
                rows.append(row)
                lines.append(start)
                if len(rows) == _CAREFUL_ROWS:
                    yield made()
                    rows, lines = [], []
        except csv.Error as error:
            raise DataError(
                f"{file.path.name}, line {line}: this row cannot be read ({error}).\n"
                'A quote (") opened there is probably never closed: close it or remove it.'
            ) from None
    if rows:
        yield made()


def _ragged(name: str, line: int, last: int, found: int, dialect: _Dialect) -> DataError:
    delimiter = _DELIMITERS.get(dialect.delimiter, dialect.delimiter)
    expected = "the header names" if dialect.header else "the first line has"
    if last > line:
        mend = f'A quote (") opened on line {line} runs on to line {last}: close it or remove it.'
    elif found > len(dialect.names):
        mend = f'Put quotes (") around a cell that contains a {delimiter}, or remove the extra {delimiter}.'
    else:
        mend = (
            f"Complete that line (write nothing between two {delimiter}s for a missing value) or delete it."
        )
    return DataError(
        f"{name}, line {line}: found {_fields(found)} where {expected} {len(dialect.names)}.\n{mend}"
    )


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"
