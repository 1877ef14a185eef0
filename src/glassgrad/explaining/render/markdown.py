"""A document as Markdown, with its answers or as a worksheet to fill in; formulas are LaTeX between dollar signs."""

from __future__ import annotations

import re
from io import StringIO

from glassgrad.explaining.document import Answer, Block, Cell, Document, Drawing, Formula, Paragraph, Table
from glassgrad.explaining.drawing.figures import Figure
from glassgrad.explaining.drawing.paper import number
from glassgrad.explaining.render.blanks import without_numbers
from glassgrad.explaining.render.blocks import NAMES
from glassgrad.language import Lang, Text

__all__ = ["escaped", "markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~$&])")
_SPACE = re.compile(r"\s+")
_BLANK = r"\_" * 12


def markdown(document: Document, lang: Lang = "en", answers: bool = True) -> str:
    """Return a document as Markdown.

    Parameters
    ----------
    document
        What to show.
    lang
        ``"en"`` or ``"ko"``.
    answers
        Whether to print the answers; without them there are lines to fill in.

    Examples
    --------
    >>> from glassgrad.explaining.document import Section
    >>> asked = Section("q", Text("Question", "물음"), [Answer(Text("What is 1 + 1?", "1 + 1은?"), 2.0)])
    >>> print(markdown(Document(Text("A sheet", "문제지"), [asked]), "ko", answers=False))
    # 문제지
    <BLANKLINE>
    ## 물음
    <BLANKLINE>
    **1 + 1은?** \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_
    <BLANKLINE>
    """
    parts = [f"# {escaped(document.title.to(lang))}"]
    for section in document.sections:
        parts.append(f"## {escaped(section.title.to(lang))}")
        parts += [_block(block, lang, answers) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is.

    Examples
    --------
    >>> escaped("a*b | <c>")
    'a\\*b \\| \\<c\\>'
    """
    return _SPECIAL.sub(r"\\\1", _SPACE.sub(" ", text))


def _block(block: Block, lang: Lang, answers: bool) -> str:
    match block:
        case Paragraph():
            text = escaped(block.text.to(lang))
            if block.kind == "plain":
                return text
            return f"> **{NAMES['warning' if block.kind == 'warning' else 'rule'].to(lang)}.** {text}"
        case Formula():
            note = f"{escaped(block.note.to(lang))}\n\n" if block.note else ""
            if not block.answer or answers:
                return f"{note}$$\n{block.latex}\n$$"
            asked = f"$$\n{block.asked} =\n$$\n\n" if block.asked else ""
            return note + asked + _BLANK * 4
        case Answer():
            shown = f"{block.number:.10g}" if answers else _BLANK
            return f"**{escaped(block.question.to(lang))}** {shown}"
        case Drawing():
            figure = block.figure if answers else without_numbers(block.figure)
            return f"```\n{_sketched(figure, lang)}\n```\n\n*{escaped(block.caption.to(lang))}*"
        case Table():
            return _table(block, lang, answers)


def _table(table: Table, lang: Lang, answers: bool) -> str:
    hidden = frozenset() if answers else table.hidden
    numeric = [any(isinstance(row[i], (int, float)) for row in table.rows) for i in range(len(table.header))]
    lines = [_row([escaped(title.to(lang)) for title in table.header])]
    lines.append(_row(["--:" if right else "---" for right in numeric]))
    for place, row in enumerate(table.rows):
        cells = [
            _BLANK if i in hidden and cell not in (None, "") else _cell(cell, lang)
            for i, cell in enumerate(row)
        ]
        if table.total and place == len(table.rows) - 1:
            cells = [f"**{cell}**" if cell else "" for cell in cells]
        lines.append(_row(cells))
    caption = f"*{escaped(table.caption.to(lang))}*\n\n" if table.caption else ""
    return caption + "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell, lang: Lang) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Text):
        return escaped(cell.to(lang))
    if isinstance(cell, str):
        return escaped(cell)
    return str(cell) if isinstance(cell, int) else number(cell)


def _sketched(figure: Figure, lang: Lang) -> str:
    from rich.console import Console

    from glassgrad.explaining.render.sketches import sketch

    out = StringIO()
    console = Console(
        file=out, width=100, color_system=None, highlight=False, legacy_windows=False, _environ={}
    )
    console.print(sketch(figure, lang, 100))
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines()).replace("```", "'''")
