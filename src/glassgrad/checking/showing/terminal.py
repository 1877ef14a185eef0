"""A report for a terminal: the verdict, the first wrong line and its cure, then every line and what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Words

from glassgrad.checking.report import Finding, Gradient, Line, ProgramReport, Quantity, State
from glassgrad.checking.sentences import at_place
from glassgrad.checking.showing.arrays import furthest, numbers
from glassgrad.checking.showing.changes import change, dedented
from glassgrad.checking.showing.wording import (
    GRAVEST,
    MARKS,
    STATES,
    WORDS,
    columns,
    described,
    how,
    mended,
    off,
    shape,
    verdict,
)
from glassgrad.language import Lang, short

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["terminal"]

_COLOURS: dict[State, str] = {
    "right": "green",
    "notice": "yellow",
    "wrong": "bold red",
    "follows": "red",
    "plain": "dim",
}
_RULES = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
_NARROWEST, _SIDE_BY_SIDE = 40, 80
_CODE = 0.56
"""The share of the width that code may take before what it is stands below it."""
_ELEMENTS = 6
_NAMED = 4
"""Quantities of one line that are listed; a loop over units can make many."""


def terminal(report: ProgramReport, lang: Lang = "en", *, width: int = 100, colour: bool = False) -> str:
    """Return a report as text.

    Parameters
    ----------
    report
        What to show.
    lang
        ``"en"`` or ``"ko"``.
    width
        Columns of the terminal; a Hangul syllable takes two.
    colour
        Whether to write colours and bold letters, as terminals understand them.
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
    console.print(Group(*_parts(report, lang, console)))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _parts(report: ProgramReport, lang: Lang, console: Console) -> Iterator[RenderableType]:
    state: State = report.verdict
    yield _marked(state, verdict(report).to(lang))
    yield Padding(Words(how(report).to(lang)), (0, 0, 1, 2))
    for number, finding in enumerate(report.findings):
        yield from _section("first" if number == 0 else "also", _finding(finding, lang), lang)
    listed = _parameters if console.width >= _SIDE_BY_SIDE else _parameters_below
    yield from _section("parameters", listed(report.parameters, lang), lang)
    yield from _section("loss", _loss(report, lang), lang)
    if report.notices:
        yield from _section("notices", [_marked("notice", text.to(lang)) for text in report.notices], lang)
    yield from _section("listing", _listing(report.lines, lang, console), lang)


def _section(key: str, blocks: Sequence[RenderableType], lang: Lang) -> Iterator[RenderableType]:
    yield Words(WORDS[key].to(lang), "bold")
    yield Padding(Group(*blocks), (0, 0, 1, 2))


def _marked(state: State, text: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    style = "bold" if state == "wrong" else ""
    grid.add_row(Words(MARKS[state], _COLOURS[state]), Words(text, style, overflow="fold"))
    return grid


def _finding(finding: Finding, lang: Lang) -> list[RenderableType]:
    q, cause = finding.quantity, finding.cause
    parts: list[RenderableType] = [_marked("wrong", f"{q.name}, {q.file}:{q.line}")]
    told = [finding.sentence, *filter(None, [off(q)])]
    parts += [Padding(Words(text.to(lang)), (0, 0, 0, 2)) for text in told]
    if cause.title != finding.sentence:
        parts.append(Words.assemble((f"{WORDS['cause'].to(lang)}: ", "bold"), cause.title.to(lang)))
    title = WORDS["mended" if cause.after else "line"].to(lang)
    parts.append(Words.assemble((title, "bold"), f" ({cause.file}:{cause.line})"))
    parts += _diff(dedented(cause.before), dedented(cause.after))
    sure = mended(finding)
    if sure is not None:
        parts.append(Padding(Words(sure.to(lang)), (0, 0, 0, 2)))
    if finding.follows:
        title = WORDS["follows"].to(lang)
        parts.append(Words.assemble((f"{title}: ", "bold"), ", ".join(finding.follows)))
    return parts + [Padding(table, (1, 0, 0, 0)) for table in _elements(q, lang)]


def _diff(before: str, after: str) -> list[RenderableType]:
    old, new = change(before, after or before)
    pieces = [("-", old, "red"), ("+", new, "green")] if after else [(" ", old, "")]
    grid = Table.grid(padding=(0, 1))
    for sign, (front, middle, back), style in pieces:
        words = Words.assemble(front, (middle, "bold underline"), back, style=style, overflow="fold")
        for line in words.split("\n", allow_blank=True):
            grid.add_row(Words(sign, style), line)
    return [Padding(grid, (0, 0, 0, 2))]


def _elements(q: Quantity, lang: Lang) -> Iterator[RenderableType]:
    """Yield the elements that are furthest off, as they are and as they should be."""
    found, exact = numbers(q.found), numbers(q.exact)
    if found is None or exact is None or found.size != exact.size or not exact.size:
        return
    found = found.reshape(exact.shape)
    grid = _grid()
    for key in ("element", "found", "exact"):
        grid.add_column(WORDS[key].to(lang), justify="left" if key == "element" else "right", overflow="fold")
    for place in furthest(found, exact, _ELEMENTS):
        grid.add_row(at_place(q.name, place), short(found[place]), short(exact[place]))
    yield grid
    if exact.size > _ELEMENTS:
        yield Words(WORDS["part"].fill(shown=_ELEMENTS, size=exact.size).to(lang), "italic")


def _parameters(parameters: Sequence[Gradient], lang: Lang) -> list[RenderableType]:
    grid = _grid()
    keys = columns(parameters)
    for key in keys:
        justify: Literal["left", "right"] = "right" if key in ("error", "rate") else "left"
        ratio = 1 if key in ("gradient", "update") else None
        grid.add_column(WORDS[key].to(lang), justify=justify, overflow="fold", ratio=ratio)
    for g in parameters:
        cells = {
            "parameter": Words(g.name),
            "shape": Words(shape(g.shape)),
            "gradient": _marked(g.gradient, g.gradient_says.to(lang)),
            "update": _marked(g.update, g.update_says.to(lang)),
            "error": Words("" if g.error is None else short(g.error)),
            "at": Words(at_place("", g.place)),
            "rate": Words("" if g.rate is None else short(g.rate)),
        }
        grid.add_row(*(cells[key] for key in keys))
    return [grid]


def _parameters_below(parameters: Sequence[Gradient], lang: Lang) -> list[RenderableType]:
    """Return the parameters for a terminal too narrow for a table."""
    parts: list[RenderableType] = []
    for g in parameters:
        parts.append(Words(f"{g.name} ({shape(g.shape)})"))
        told = {"gradient": (g.gradient, g.gradient_says), "update": (g.update, g.update_says)}
        for key, (state, says) in told.items():
            sentence = f"{WORDS[key].to(lang)}: {says.to(lang)}"
            parts.append(Padding(_marked(state, sentence), (0, 0, 0, 2)))
    return parts


def _grid() -> Table:
    return Table(box=_RULES, pad_edge=False, header_style="bold", show_edge=False)


def _loss(report: ProgramReport, lang: Lang) -> list[RenderableType]:
    loss = report.loss
    met = [f"{WORDS[k].to(lang)}: {getattr(loss, k)}" for k in ("prediction", "target") if getattr(loss, k)]
    parts = [Words(f"E = {loss.formula}"), Words(loss.says.to(lang))]
    return [*parts, Words(", ".join(met))] if met else [*parts]


def _listing(lines: Sequence[Line], lang: Lang, console: Console) -> list[RenderableType]:
    """Return the lines, each with what it is beside it where that fits, else below it."""
    parts: list[RenderableType] = []
    files = list(dict.fromkeys(line.file for line in lines))
    for file, group in groupby(sorted(lines, key=lambda line: (files.index(line.file), line.number)), _file):
        own = list(group)
        sources = dedented("\n".join(line.source.rstrip() for line in own)).split("\n")
        parts.append(Words(file, "bold"))
        parts += _rows(own, sources, lang, console)
    parts.append(Words(""))
    legend = (
        f"{MARKS[s]} {STATES[s].to(lang)}" for s in GRAVEST[:-1] if any(s == line.state for line in lines)
    )
    return [*parts, Words("   ".join(legend), "dim")]


def _file(line: Line) -> str:
    return line.file


def _rows(lines: list[Line], sources: list[str], lang: Lang, console: Console) -> Iterator[RenderableType]:
    width = console.width - 2
    gutter = len(str(max(line.number for line in lines))) + 3
    stop = gutter + 2
    if console.width >= _SIDE_BY_SIDE:
        meanings = (m.cell_len for line in lines for m in _told(line, lang, console, width))
        room = max(int(width * _CODE), width - max(meanings, default=0))
        stop = min(gutter + max(map(cell_len, sources)) + 2, room)
    rest = iter(sources)
    for line in lines:
        own = [next(rest) for _ in range(line.source.rstrip().count("\n") + 1)]
        told = _told(line, lang, console, width - stop)
        style = "bold" if line.state == "wrong" else ""
        code = [part for source in own for part in _wrapped(source, style, console, width - gutter)]
        for k, part in enumerate(code):
            number, mark = (line.number, MARKS[line.state]) if k == 0 else ("", " ")
            words = Words.assemble(
                (f"{number:>{gutter - 3}} ", "dim"), (f"{mark} ", _COLOURS[line.state]), part
            )
            if told and k == len(code) - 1 and words.cell_len + 2 <= stop:
                words.pad_right(stop - words.cell_len)
                words.append_text(told.pop(0))
            yield words
        for words in told:
            yield Words.assemble(" " * stop, words)


def _wrapped(source: str, style: str, console: Console, width: int) -> list[Words]:
    """Return a line of code in lines of a width, the further ones set in."""
    inset = len(source) - len(source.lstrip()) + 4
    if cell_len(source) <= width or inset >= width // 2:
        return [*Words(source, style).wrap(console, width)]
    first, *_ = Words(source, style).wrap(console, width)
    following = Words(source[len(first) :].lstrip(), style).wrap(console, width - inset)
    return [first, *(Words.assemble(" " * inset, part) for part in following)]


def _told(line: Line, lang: Lang, console: Console, width: int) -> list[Words]:
    """Return what a line is, in lines of a width; the gravest of its quantities first where they are many."""
    chosen = sorted(line.quantities, key=lambda q: GRAVEST.index(q.state))
    lines: list[Words] = []
    for q in chosen[:_NAMED]:
        text = Words(described(q, named=len(chosen) > 1).to(lang), _COLOURS[q.state])
        lines += text.wrap(console, width)
    if len(chosen) > _NAMED:
        lines.append(Words(WORDS["more"].fill(n=len(chosen) - _NAMED).to(lang), "dim"))
    return lines
