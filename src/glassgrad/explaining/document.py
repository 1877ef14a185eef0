"""What an explanation says, before anyone decides how it is shown.

An explanation makes a document: sections of paragraphs, tables, formulas and figures, with every sentence in English
and Korean. `glassgrad.explaining.render` shows the same document in a terminal, a notebook, a page or a worksheet, so
that no way of reading knows more than another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from glassgrad.explaining.drawing.figures import Figure
from glassgrad.language import Text

__all__ = ["Answer", "Block", "Document", "Drawing", "Formula", "Paragraph", "Section", "Table"]

Cell: TypeAlias = Text | str | float | int | None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence, or a few.

    Attributes
    ----------
    text
        What it says.
    kind
        ``"plain"``, ``"rule"`` (a rule of backpropagation, worth remembering) or ``"warning"``.
    """

    text: Text
    kind: str = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of numbers and names.

    Attributes
    ----------
    header
        The columns' titles.
    rows
        A cell for each column: a sentence, a name, or a number (kept whole; renderers show four significant digits and
        let all be copied); None for an empty one.
    caption
        What the table shows.
    total
        Whether the last row is the sum of those before it.
    hidden
        Columns that a worksheet without answers leaves blank.
    """

    header: Sequence[Text]
    rows: Sequence[Sequence[Cell]]
    caption: Text | None = None
    total: bool = False
    hidden: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, as LaTeX and as plain Unicode.

    Attributes
    ----------
    latex, plain
        The formula in both forms; the first without dollar signs.
    note
        What it says in words.
    answer
        Whether a worksheet without answers leaves it blank.
    asked
        In LaTeX, what such a worksheet prints in front of the blank.
    """

    latex: str
    plain: str
    note: Text | None = None
    answer: bool = False
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with its caption."""

    figure: Figure
    caption: Text


@dataclass(frozen=True, slots=True)
class Answer:
    """A question with the number that answers it, for worksheets; elsewhere both are shown."""

    question: Text
    number: float


Block: TypeAlias = Paragraph | Table | Formula | Drawing | Answer


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document under a title; `key` names it in links."""

    key: str
    title: Text
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """An explanation, ready to be shown."""

    title: Text
    sections: Sequence[Section]
