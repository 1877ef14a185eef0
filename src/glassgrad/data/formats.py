"""How a column writes its numbers: with a decimal comma, a percent sign, a currency.

``1,234`` is a thousand in Seoul and one and a bit in Berlin, and a single row cannot tell which. So the
format is found once, in the training rows, and is part of the fitted steps: a prediction file of one row
is read as the training file was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from glassgrad.data.cells import numbers

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PLAIN", "NumberFormat", "find_format", "numbers_in"]

_SAMPLE = 1000
_SIGN = r"^[+-]?\s*(\p{Sc}|원)|(\p{Sc}|원|%|％)$"
_PERCENT = ("%", "％")
_BODIES = {
    ".": r"(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+",
    ",": r"(?:\d+|\d{1,3}(?:[.\s]\d{3})+)(?:,\d*)?(?:[eE][+-]?\d+)?|,\d+",
}
_GROUPS = {".": r"[,\s]", ",": r"[.\s]"}


class NumberFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The decimal sign of a column's numbers, and the percent or currency sign around them, if any.

    A column with a percent sign has it in every cell, since 5 and 5% differ; a currency may be left out.

    Examples
    --------
    >>> NumberFormat(",", "€").describe()
    "numbers with a decimal comma and the sign '€'"
    """

    decimal: Literal[".", ","] = "."
    sign: Annotated[str, Meta(max_length=1)] = ""

    def describe(self) -> str:
        """Return what such a column holds, as a phrase."""
        comma = ["a decimal comma"] if self.decimal == "," else []
        sign = [f"the sign {self.sign!r}"] if self.sign else []
        return " with ".join(["numbers", *filter(None, [" and ".join(comma + sign)])])


PLAIN = NumberFormat()
"""A decimal point, thousands separated by commas or not at all, no sign."""


def numbers_in(column: pl.Series, form: NumberFormat) -> pl.Series:
    """Return a column as float64, null where a cell is missing or no number of this format.

    Columns that are no texts are what :func:`~glassgrad.data.cells.numbers` says, whatever the format.

    Examples
    --------
    >>> import polars as pl
    >>> numbers_in(pl.Series(["€-1.234,5", "0,25 €", "x"]), NumberFormat(",", "€")).to_list()
    [-1234.5, 0.25, None]
    """
    import polars as pl

    if form == PLAIN or column.dtype != pl.String:
        return numbers(column)
    body = f"(?:{_BODIES[form.decimal]})"
    pattern = rf"^[+-]?{body}$"
    if form.sign:
        sign = rf"\x{{{ord(form.sign):x}}}"
        signed = rf"^[+-]?\s*{sign}\s*[+-]?{body}$|^[+-]?{body}\s*{sign}$"
        pattern = signed if form.sign in _PERCENT else f"{pattern}|{signed}"
    written = column.set(~column.str.contains(pattern), None)
    bare = written.str.replace_all(_GROUPS[form.decimal], "")
    if form.sign:
        bare = bare.str.replace_all(form.sign, "", literal=True)
    return numbers(bare.str.replace_all(",", ".", literal=True))


def find_format(column: pl.Series, decimal_comma: bool) -> NumberFormat:
    """Return the format that reads the most cells of a column; plain where another is no better.

    Parameters
    ----------
    column
        Texts, or anything else, which is plain.
    decimal_comma
        Whether a comma may be a decimal sign. Where thousands fit as well (``124,000``), it is not.

    Examples
    --------
    >>> import polars as pl
    >>> find_format(pl.Series(["0,3456", "12,5"]), True).decimal
    ','
    >>> find_format(pl.Series(["124,000", "98,500"]), True).decimal
    '.'
    """
    import polars as pl

    if column.dtype != pl.String:
        return PLAIN
    plain = numbers(column)
    odd = column.filter(plain.is_null() & column.is_not_null())
    if not len(odd):
        return PLAIN
    sample = odd.gather_every(max(1, len(odd) // _SAMPLE))
    signs = sample.str.extract_groups(_SIGN).struct.unnest().select(pl.coalesce(pl.all())).to_series()
    sign = signs.drop_nulls().mode().sort()
    forms = [NumberFormat(".", sign[0])] if len(sign) else []
    if decimal_comma and sample.str.contains(",", literal=True).any():
        forms.append(NumberFormat(",", sign[0] if len(sign) else ""))
    best, most = PLAIN, plain.count()
    for form in forms:
        if numbers_in(sample, form).count() * 2 >= len(sample):
            count = numbers_in(column, form).count()
            best, most = (form, count) if count > most else (best, most)
    return best
