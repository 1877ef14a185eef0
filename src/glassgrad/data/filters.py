"""Rows and columns dropped because the user said so, by a small language of conditions.

A condition is read by a parser of its own, never by ``eval``: names of columns, six comparisons,
``is missing``, ``and``, ``or``, ``not`` and parentheses are all there is.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.cells import MISSING, texts
from glassgrad.data.table import Table
from glassgrad.errors import DataError, OptionError, did_you_mean

__all__ = ["drop_columns", "where"]

_Mask = NDArray[np.bool_]

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<column>`[^`]*`)
         |(?P<text>"[^"]*"|'[^']*')
         |(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
         |(?P<sign>==|!=|<=|>=|[<>=()])
         |(?P<word>\w+))""",
    re.VERBOSE,
)
_DEEPEST = 50
_EXAMPLE = 'Examples: price > 1000; `unit price` is not missing and not (town == "Seoul").'


def drop_columns(table: Table, names: Sequence[str]) -> Table:
    """Return the table without some columns.

    Raises
    ------
    DataError
        Where there is no such column, or none would be left.

    Examples
    --------
    >>> import polars as pl
    >>> drop_columns(Table(pl.DataFrame({"a": [1], "b": [2]})), ["a"]).columns
    ['b']
    """
    for name in names:
        table.column(name)
    frame = table.frame.drop(list(dict.fromkeys(names)))
    if not frame.width:
        raise DataError(f"Every column of {table.source} is dropped: keep at least one.")
    return table.with_frame(frame)


def where(table: Table, condition: str) -> tuple[Table, int]:
    """Keep the rows for which a condition holds.

    Columns are written bare or, with spaces or signs in the name, in backticks; texts in quotes. A column
    is compared with a number by its numbers, with a text by its text. ``is missing`` finds blanks and the
    markers ``-``, ``?``, ``NA``, …; so does a comparison with such a marker (``town == "-"``). A missing
    cell is unlike any value: ``!=`` holds for it, every other comparison does not.

    Parameters
    ----------
    table
        The table.
    condition
        Such as ``price > 1000 and (region is not missing or not rooms <= 2)``.

    Returns
    -------
    tuple
        The rows that are left, and how many were dropped.

    Raises
    ------
    OptionError
        Where the condition cannot be read.
    DataError
        Where it names a column that does not exist, compares a column of texts with a number, or no row
        is left.

    Examples
    --------
    >>> import polars as pl
    >>> table = Table(pl.DataFrame({"town": ["Seoul", None, "Busan"], "price": ["1,200", "900", "500"]}))
    >>> kept, dropped = where(table, "price > 600 and town is not missing")
    >>> kept.frame.rows(), dropped
    ([('Seoul', '1,200')], 2)
    """
    keep = _Parser(table, condition).mask()
    if not keep.any():
        raise DataError(f"No row of {table.source} meets the condition: {condition}")
    return table.take(keep), int((~keep).sum())


@dataclass(frozen=True)
class _Token:
    kind: str
    value: str
    place: int


class _Parser:
    """Recursive descent over: or → and → not → comparison; each method returns the mask of its rows."""

    def __init__(self, table: Table, condition: str) -> None:
        self.table = table
        self.condition = condition
        self.tokens = self._tokens()
        self.depth = 0

    def mask(self) -> _Mask:
        mask = self._or()
        if self.tokens[0].kind != "end":
            raise self._error("expected 'and', 'or' or the end")
        return mask

    def _tokens(self) -> list[_Token]:
        tokens, place = [], 0
        text = self.condition.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                self.tokens = [_Token("sign", text[place:].strip()[0], place)]
                raise self._error("cannot read this")
            kind = str(match.lastgroup)
            tokens.append(_Token(kind, match.group(kind), match.start(kind)))
            place = match.end()
        return [*tokens, _Token("end", "the end", len(text))]

    def _error(self, expected: str) -> OptionError:
        token = self.tokens[0]
        found = token.value if token.kind == "end" else repr(token.value)
        return OptionError(
            f"Condition {self.condition!r}, character {token.place + 1}: {expected}; found {found}.\n"
            f"{_EXAMPLE}"
        )

    def _is_word(self, *words: str) -> bool:
        return self.tokens[0].kind == "word" and self.tokens[0].value.lower() in words

    def _next(self) -> _Token:
        return self.tokens.pop(0)

    def _or(self) -> _Mask:
        mask = self._and()
        while self._is_word("or"):
            self._next()
            mask = mask | self._and()
        return mask

    def _and(self) -> _Mask:
        mask = self._not()
        while self._is_word("and"):
            self._next()
            mask = mask & self._not()
        return mask

    def _not(self) -> _Mask:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._error(f"more than {_DEEPEST} conditions inside each other")
        if self._is_word("not"):
            self._next()
            mask = ~self._not()
        elif self.tokens[0].value == "(" and self.tokens[0].kind == "sign":
            self._next()
            mask = self._or()
            if self.tokens[0].value != ")":
                raise self._error("expected ')'")
            self._next()
        else:
            mask = self._comparison()
        self.depth -= 1
        return mask

    def _comparison(self) -> _Mask:
        if self.tokens[0].kind not in ("word", "column"):
            raise self._error("expected the name of a column")
        name = self._next().value.strip("`")
        if name not in self.table.columns:
            near = did_you_mean(name, self.table.columns)
            raise DataError(f"Condition {self.condition!r}: there is no column {name!r}. {near}")
        if self._is_word("is"):
            self._next()
            negated = self._is_word("not")
            if negated:
                self._next()
            if not self._is_word("missing"):
                raise self._error("expected 'missing' or 'not missing'")
            self._next()
            return self._missing(name) ^ negated
        sign = self.tokens[0].value
        if sign not in _COMPARISONS or self.tokens[0].kind != "sign":
            raise self._error("expected a comparison (== != < <= > >=) or 'is missing'")
        self._next()
        if self.tokens[0].kind not in ("text", "number"):
            raise self._error("expected a number, or a text in quotes")
        value = self._next()
        if value.kind == "number":
            return self._compare(name, sign, float(value.value))
        return self._compare(name, sign, value.value[1:-1])

    def _missing(self, name: str) -> _Mask:
        return texts(self.table.column(name)).is_null().to_numpy()

    def _compare(self, name: str, sign: str, value: float | str) -> _Mask:
        column = self.table.column(name)
        if isinstance(value, str) and value.strip() in MISSING:
            if sign not in ("==", "=", "!="):
                raise OptionError(f"Condition {self.condition!r}: a missing value is neither less nor more.")
            return self._missing(name) ^ (sign == "!=")
        if isinstance(value, str):
            cells = texts(column)
        else:
            cells = self.table.parsed(name)
            if cells.null_count() == len(cells) and column.null_count() < len(column):
                raise DataError(
                    f"Condition {self.condition!r}: column {name!r} holds texts, such as "
                    f"{column.drop_nulls()[0]!r}; {value:g} is a number.\nPut quotes around the value."
                )
        holds = _COMPARISONS[sign](cells, value)
        return np.asarray(holds.fill_null(sign == "!=").to_numpy(), dtype=np.bool_)
