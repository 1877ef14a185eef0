"""The blocks of a document as HTML; the page and the notebook put them together."""

from __future__ import annotations

import re
from typing import TypeAlias

from glassgrad.explaining.document import Answer, Block, Cell, Drawing, Formula, Paragraph, Table
from glassgrad.explaining.drawing.figures import Circuit, Matrices
from glassgrad.explaining.drawing.paper import number, whole, words
from glassgrad.explaining.drawing.svg import svg
from glassgrad.explaining.render.mathml import formula
from glassgrad.language import Lang, Text

__all__ = ["NAMES", "block", "cell"]

NAMES = {
    "rule": Text("Rule", "규칙"),
    "warning": Text("Watch out", "주의"),
    "figure": Text("Figure", "그림"),
    "scroll": Text("figure, scrolls sideways", "그림, 옆으로 밀어 볼 수 있다"),
    "table": Text("table", "표"),
    "formula": Text("formula", "수식"),
}

_Html: TypeAlias = str

_TALL = 24
"""A table of more rows scrolls within itself, unless its last row is the sum of the others, which should be seen."""

_BROAD = 1300.0
"""A circuit of more pixels is printed across a page of its own."""

_LONG = 36
"""A cell of more letters than this may break into lines, but not into a narrow column."""


def block(given: Block, lang: Lang) -> _Html:
    """Return one block as HTML."""
    match given:
        case Paragraph():
            return _paragraph(given, lang)
        case Table():
            return _table(given, lang)
        case Formula():
            note = f"<span>{words(given.note.to(lang))}</span>" if given.note else ""
            return (
                f'<div class="gg-formula" tabindex="0" role="group" aria-label="{NAMES["formula"].to(lang)}">{note}'
                f"{formula(given.latex, given.plain)}</div>"
            )
        case Drawing():
            return _figure(given, lang)
        case Answer():
            return (
                f'<p class="gg-answer"><span>{words(given.question.to(lang))}</span>'
                f"<output>{cell(given.number, lang)}</output></p>"
            )


def cell(given: Cell, lang: Lang) -> _Html:
    """Return a cell: a number shows four significant digits, tells all of them on pointing, and is copied whole."""
    if given is None:
        return ""
    if isinstance(given, Text):
        return words(given.to(lang))
    if isinstance(given, str):
        return words(given)
    full = str(given) if isinstance(given, int) else whole(given)
    shown = full.replace("-", "−") if isinstance(given, int) else number(given)
    if shown in (full, full.removesuffix(".0")):
        return shown
    return f'<span class="gg-n" data-n="{shown}" title="{full}">{full}</span>'


def _paragraph(given: Paragraph, lang: Lang) -> _Html:
    text = words(given.text.to(lang))
    if given.kind == "plain":
        return f"<p>{text}</p>"
    kind = "warning" if given.kind == "warning" else "rule"
    return f'<p class="gg-note gg-{kind}"><b>{NAMES[kind].to(lang)}</b>{text}</p>'


def _table(given: Table, lang: Lang) -> _Html:
    right = [
        any(isinstance(row[k], int | float) for row in given.rows)
        and not any(isinstance(row[k], str) and row[k] for row in given.rows)
        for k in range(len(given.header))
    ]
    head = "".join(
        f'<th scope="col"{" class=" + chr(34) + "gg-right" + chr(34) if r else ""}>{words(title.to(lang))}</th>'
        for title, r in zip(given.header, right, strict=True)
    )
    rows = [
        f"<tr>{''.join(_cell(c, r, lang) for c, r in zip(row, right, strict=True))}</tr>"
        for row in given.rows
    ]
    foot = f"<tfoot>{rows.pop()}</tfoot>" if given.total and rows else ""
    caption = f"<figcaption>{words(given.caption.to(lang))}</figcaption>" if given.caption else ""
    label = words((given.caption or NAMES["table"]).to(lang))
    tall = " gg-tall" if len(rows) > _TALL and not foot else ""
    return (
        f'<figure><div class="gg-scroll gg-table{tall}" tabindex="0" role="group" aria-label="{label}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>{foot}</table></div>{caption}</figure>"
    )


def _cell(given: Cell, right: bool, lang: Lang) -> _Html:
    text = cell(given, lang)
    long = isinstance(given, str | Text) and len(text) > _LONG
    style = ' class="gg-right"' if right else ' class="gg-long"' if long else ""
    return f"<td{style}>{text}</td>"


def _figure(given: Drawing, lang: Lang) -> _Html:
    """Return a figure with its caption; matrices are drawn one by one, so that they go below each other on a phone."""
    figure = given.figure
    parts = [Matrices([part]) for part in figure.parts] if isinstance(figure, Matrices) else [figure]
    drawn = [svg(part, lang) for part in parts]
    widths = [_width(each) for each in drawn]
    wide = isinstance(figure, Circuit) and widths[0] > 360
    style = "gg-scroll gg-picture" + (" gg-wide" if wide else "")
    reach = f' tabindex="0" role="group" aria-label="{NAMES["scroll"].to(lang)}"' if wide else ""
    reach += f' style="--gg-width:{widths[0]:g}px"' if wide else ""
    pictures = "".join(
        f'<div style="--gg-width:{width:g}px">{each}</div>' for each, width in zip(drawn, widths, strict=True)
    )
    caption = words(given.caption.to(lang))
    broad = ' class="gg-broad"' if wide and widths[0] > _BROAD else ""
    return f'<figure{broad}><div class="{style}"{reach}>{pictures}</div><figcaption>{caption}</figcaption></figure>'


def _width(drawn: str) -> float:
    found = re.search(r'viewBox="0 0 ([\d.]+)', drawn)
    return float(found[1]) if found else 0.0
