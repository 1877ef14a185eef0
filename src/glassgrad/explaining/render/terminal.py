"""A document as text for a terminal: tables that fit its width, in any alphabet."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING

from rich.box import Box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text as Words

from glassgrad.explaining.document import Answer, Block, Cell, Document, Drawing, Formula, Paragraph, Table
from glassgrad.explaining.drawing.paper import number
from glassgrad.explaining.render.blocks import NAMES
from glassgrad.explaining.render.sketches import sketch
from glassgrad.language import Lang, Text

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["terminal"]

_RULES = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
"""Lines below the header and above the sum, and no others."""

_MOST_ROWS = 40
_MORE = Text("… {n} more rows", "… {n}행 더")
_NARROWEST = 40


def terminal(document: Document, lang: Lang = "en", width: int = 100, *, colour: bool = False) -> str:
    """Return a document as text.

    Parameters
    ----------
    document
        What to show.
    lang
        ``"en"`` or ``"ko"``.
    width
        Columns of the terminal; a Hangul syllable takes two.
    colour
        Whether to write colours and bold letters, as terminals understand them.

    Examples
    --------
    >>> print(terminal(Document(Text("Why?", "왜?"), []), "ko", 40))
    왜?
    ━━━
    """
    out = StringIO()
    console = Console(
        file=out,
        width=max(width, _NARROWEST),
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    console.print(Group(*_parts(document, lang, console.width)))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _parts(document: Document, lang: Lang, width: int) -> Iterator[RenderableType]:
    title = Words(document.title.to(lang), "bold")
    yield title
    yield Words("━" * min(title.cell_len, width) + ("\n" if document.sections else ""), "bold")
    for section in document.sections:
        head = Words(section.title.to(lang), "bold")
        yield head
        yield Words("─" * min(head.cell_len, width))
        for each in section.blocks:
            yield Padding(_block(each, lang, width - 2), (0, 0, 1, 2))


def _block(given: Block, lang: Lang, width: int) -> RenderableType:
    match given:
        case Paragraph():
            return _paragraph(given, lang)
        case Table():
            return _table(given, lang)
        case Formula():
            note = [Words(given.note.to(lang))] if given.note else []
            return Group(*note, Padding(Words(given.plain), (0, 0, 0, 2)))
        case Drawing():
            return Group(
                Words(f"{NAMES['figure'].to(lang)}: {given.caption.to(lang)}", "italic"),
                sketch(given.figure, lang, width),
            )
        case Answer():
            return Words(f"{given.question.to(lang)}  {number(given.number)}")


def _paragraph(given: Paragraph, lang: Lang) -> RenderableType:
    text = given.text.to(lang)
    if given.kind == "plain":
        return Words(text)
    grid = Grid.grid(padding=(0, 1))
    sign, style = ("▲", "yellow") if given.kind == "warning" else ("■", "green")
    name = NAMES["warning" if given.kind == "warning" else "rule"].to(lang)
    grid.add_row(Words(sign, style), Words(f"{name}: {text}"))
    return grid


def _table(given: Table, lang: Lang) -> RenderableType:
    grid = Grid(box=_RULES, pad_edge=False, header_style="bold", show_edge=False)
    for k, title in enumerate(given.header):
        numbers = any(isinstance(row[k], int | float) for row in given.rows)
        grid.add_column(Words(title.to(lang)), justify="right" if numbers else "left", overflow="fold")
    rows, total = list(given.rows), given.total and len(given.rows) > 1
    last = [rows.pop()] if total else []
    for row in rows[:_MOST_ROWS]:
        grid.add_row(*(_cell(c, lang) for c in row))
    if len(rows) > _MOST_ROWS:
        more = _MORE.fill(n=len(rows) - _MOST_ROWS).to(lang)
        grid.add_row(Words(more), *("" for _ in given.header[1:]))
    for row in last:
        grid.add_section()
        grid.add_row(*(_cell(c, lang) for c in row), style="bold")
    return Group(grid, Words(given.caption.to(lang), "italic")) if given.caption else grid


def _cell(given: Cell, lang: Lang) -> Words:
    if given is None:
        return Words()
    if isinstance(given, Text):
        return Words(given.to(lang))
    return Words(number(given) if isinstance(given, float) else str(given))
