"""A report as one page: the code on the left, what each line is on the right; no script, nothing from the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np

from glassgrad._version import __version__
from glassgrad.checking.report import Finding, Gradient, Line, ProgramReport, State
from glassgrad.checking.sentences import at_place
from glassgrad.checking.showing.arrays import MOST_WHOLE, copied, differs, numbers, window
from glassgrad.checking.showing.changes import change, dedented
from glassgrad.checking.showing.sheet import SHEET
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
from glassgrad.explaining.drawing.paper import words
from glassgrad.explaining.render.blocks import cell
from glassgrad.explaining.render.style import DOCUMENT
from glassgrad.language import Lang, Text

__all__ = ["page"]

_Html: TypeAlias = str
Array = np.ndarray[Any, Any]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_FOOTER = Text(
    "Made by glassgrad {version}. Numbers show four significant digits; pointing at one shows all of them, and "
    "copying takes all of them.",
    "glassgrad {version}에서 만들었다. 수는 유효 숫자 네 자리로 보이며, 가리키면 모든 자리가 나오고 복사하면 모든 "
    "자리가 복사된다.",
)


_NAMED = 6
"""Quantities of one line that are shown unfolded; a loop over units can make many."""


def page(report: ProgramReport, lang: Lang = "en") -> _Html:
    """Return a report as one HTML page that works offline.

    Parameters
    ----------
    report
        What to show.
    lang
        ``"en"`` or ``"ko"``.
    """
    title = words(WORDS["title"].fill(file=report.file).to(lang))
    parts = [
        _section(f"finding-{k}", WORDS["first" if k == 0 else "also"], _finding(f, report.lines, lang), lang)
        for k, f in enumerate(report.findings)
    ]
    if report.notices:
        notices = "".join(f'<p class="gg-note gg-warning">{words(n.to(lang))}</p>' for n in report.notices)
        parts.append(_section("notices", WORDS["notices"], notices, lang))
    parts.append(_section("listing", WORDS["listing"], _listing(report.lines, lang), lang))
    parts.append(_section("parameters", WORDS["parameters"], _parameters(report.parameters, lang), lang))
    arrays = "".join(_gradient(g, lang) for g in report.parameters)
    if arrays:
        parts.append(_section("numbers", WORDS["numbers"], arrays, lang))
    parts.append(_section("loss", WORDS["loss"], _loss(report, lang), lang))
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,"><title>{title}</title>'
        f"<style>{DOCUMENT}{SHEET}</style></head>\n"
        f'<body><div class="gg-doc gg-check"><header><p class="gg-name">glassgrad</p><h1>{title}</h1>'
        f'<p class="gg-verdict {report.verdict}">{_mark(report.verdict, lang)}'
        f"<span>{words(verdict(report).to(lang))}</span></p>"
        f'<p class="gg-how">{words(how(report).to(lang))}</p></header>\n'
        f"<main>{''.join(parts)}</main>"
        f"<footer>{words(_FOOTER.fill(version=__version__).to(lang))}</footer></div></body></html>\n"
    )


def _section(key: str, title: Text, body: _Html, lang: Lang) -> _Html:
    return (
        f'<section id="{key}"><details open><summary><h2>{words(title.to(lang))}</h2></summary>'
        f"{body}</details></section>\n"
    )


def _mark(state: State, lang: Lang) -> _Html:
    if state == "plain":
        return ""
    name = words(STATES[state].to(lang))
    return f'<span class="gg-mark" role="img" aria-label="{name}" title="{name}">{MARKS[state]}</span>'


def _code(source: str) -> _Html:
    return f'<code translate="no">{words(source)}</code>'


# --- what is wrong ----------------------------------------------------------------------------------------------------


def _finding(finding: Finding, lines: Sequence[Line], lang: Lang) -> _Html:
    q, cause = finding.quantity, finding.cause
    place = f"{_code(q.name)}, {_link(q.file, q.line, lines)}"
    told = [finding.sentence, *filter(None, [off(q)])]
    parts = [f'<p class="wrong">{_mark("wrong", lang)} <b>{place}</b></p>']
    parts += [f"<p>{words(text.to(lang))}</p>" for text in told]
    if cause.title != finding.sentence:
        parts.append(f"<h3>{WORDS['cause'].to(lang)}</h3><p>{words(cause.title.to(lang))}</p>")
    title = WORDS["mended" if cause.after else "line"].to(lang)
    parts.append(f"<h3>{title} ({_link(cause.file, cause.line, lines)})</h3>")
    parts.append(_diff(dedented(cause.before), dedented(cause.after)))
    sure = mended(finding)
    if sure is not None:
        parts.append(f"<p>{words(sure.to(lang))}</p>")
    parts.append(_pair(q.name, q.found, q.exact, q.place, "wrong", lang))
    if finding.follows:
        names = ", ".join(map(_code, finding.follows))
        parts.append(f"<h3>{WORDS['follows'].to(lang)}</h3><p>{names}</p>")
    return "".join(parts)


def _link(file: str, number: int, lines: Sequence[Line]) -> _Html:
    """Return a place in a file, which leads to the listing where it is in it."""
    text = words(f"{file}:{number}")
    if not any((line.file, line.number) == (file, number) for line in lines):
        return text
    return f'<a href="#{_anchor(file, number, lines)}">{text}</a>'


def _anchor(file: str, number: int, lines: Sequence[Line]) -> str:
    return f"L{_files(lines).index(file) + 1}-{number}"


def _files(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line.file for line in lines))


def _diff(before: str, after: str) -> _Html:
    if not after:
        return f'<div class="gg-diff"><code translate="no">{words(before)}</code></div>'
    halves = zip(("del", "ins"), "−+", change(before, after), strict=True)
    rows = (
        f'<{tag} translate="no"><code><i aria-hidden="true">{sign}</i>{words(front)}'
        f"{f'<b>{words(middle)}</b>' if middle else ''}{words(back)}</code></{tag}>"
        for tag, sign, (front, middle, back) in halves
    )
    return f'<div class="gg-diff">{"".join(rows)}</div>'


# --- line by line -----------------------------------------------------------------------------------------------------


def _listing(lines: Sequence[Line], lang: Lang) -> _Html:
    files = _files(lines)
    ordered = sorted(lines, key=lambda line: (files.index(line.file), line.number))
    parts = []
    for file, group in groupby(ordered, lambda line: line.file):
        own = list(group)
        if len(files) > 1:
            parts.append(f"<h3>{_code(file)}</h3>")
        head = (
            f'<th scope="col"></th><th scope="col"></th><th scope="col">{WORDS["code"].to(lang)}</th>'
            f'<th scope="col">{WORDS["what"].to(lang)}</th>'
        )
        body = "".join(_rows(own, lines, lang))
        parts.append(
            f'<div class="gg-scroll"><table class="gg-listing"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
            f"</table></div>"
        )
    states = (s for s in GRAVEST[:-1] if any(s == line.state for line in lines))
    legend = "".join(f'<span class="{s}">{_mark(s, lang)} {words(STATES[s].to(lang))}</span>' for s in states)
    return f'{"".join(parts)}<p class="gg-legend">{legend}</p>'


def _rows(own: Sequence[Line], lines: Sequence[Line], lang: Lang) -> Iterator[_Html]:
    sources = iter(dedented("\n".join(line.source.rstrip() for line in own)).split("\n"))
    before = own[0].number - 1
    for line in own:
        physical = line.source.rstrip().count("\n") + 1
        source = "\n".join(next(sources) for _ in range(physical))
        gap = " gg-gap" if line.number > before + 1 else ""
        before = line.number + physical - 1
        yield (
            f'<tr class="{line.state}{gap}" id="{_anchor(line.file, line.number, lines)}"><td>{line.number}</td>'
            f'<td class="{line.state}">{_mark(line.state, lang)}</td><td>{_code(source)}</td>'
            f'<td class="gg-what">{_what(line, lang)}</td></tr>'
        )


def _what(line: Line, lang: Lang) -> _Html:
    given = sorted(line.quantities, key=lambda q: GRAVEST.index(q.state))
    if len(given) == 1:
        return f"<p>{words(described(given[0], named=False).to(lang))}</p>"
    items = [
        f'<li class="{q.state}">{_mark(q.state, lang)} {words(described(q, named=True).to(lang))}</li>'
        for q in given
    ]
    more = WORDS["more"].fill(n=len(items) - _NAMED).to(lang)
    rest = f"<details><summary>{more}</summary>{_list(items[_NAMED:])}</details>"
    return _list(items[:_NAMED]) + (rest if len(items) > _NAMED else "")


def _list(items: list[_Html]) -> _Html:
    return f'<ul class="gg-many">{"".join(items)}</ul>' if items else ""


# --- parameters, numbers, loss ----------------------------------------------------------------------------------------


def _parameters(parameters: Sequence[Gradient], lang: Lang) -> _Html:
    keys = columns(parameters)
    kinds = {"gradient": "gg-says ", "update": "gg-says ", "error": "gg-right ", "rate": "gg-right "}
    head = "".join(f'<th scope="col" class="{kinds.get(k, "")}">{WORDS[k].to(lang)}</th>' for k in keys)
    rows = []
    for g in parameters:
        cells = {
            "parameter": ("", _code(g.name)),
            "shape": ("", shape(g.shape)),
            "gradient": (g.gradient, f"{_mark(g.gradient, lang)} {words(g.gradient_says.to(lang))}"),
            "update": (g.update, f"{_mark(g.update, lang)} {words(g.update_says.to(lang))}"),
            "error": ("", cell(g.error, lang)),
            "at": ("", at_place("", g.place)),
            "rate": ("", cell(g.rate, lang)),
        }
        row = (f'<td class="{kinds.get(k, "")}{cells[k][0]}">{cells[k][1]}</td>' for k in keys)
        rows.append(f"<tr>{''.join(row)}</tr>")
    return (
        f'<div class="gg-scroll gg-table" tabindex="0" role="group" aria-label="{WORDS["parameters"].to(lang)}">'
        f'<table class="gg-params"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _gradient(g: Gradient, lang: Lang) -> _Html:
    pair = _pair(f"∂E/∂{g.name}", g.found, g.exact, g.place, g.gradient, lang)
    if not pair:
        return ""
    fold = " open" if g.gradient in ("wrong", "follows") else ""
    title = f"{_mark(g.gradient, lang)} {_code(g.name)} {shape(g.shape)}"
    return f'<details class="gg-one"{fold}><summary class="{g.gradient}">{title}</summary>{pair}</details>'


def _pair(
    name: str, found: Array | None, exact: Array | None, place: tuple[int, ...], state: State, lang: Lang
) -> _Html:
    """Return a quantity beside the exact one: what is around the largest difference, and all of it to copy."""
    arrays = {"found": numbers(found), "exact": numbers(exact)}
    given = {key: array for key, array in arrays.items() if array is not None and array.size}
    if not given:
        return ""
    mine, right = given.get("found"), given.get("exact")
    bad = None
    if mine is not None and right is not None and mine.size == right.size:
        given["found"] = mine = mine.reshape(right.shape)
        bad = differs(mine, right) if state in ("wrong", "follows") else None
    tables = [_matrix(key, array, place, bad, lang) for key, array in given.items()]
    whole = {key: array for key, array in given.items() if array.size <= MOST_WHOLE}
    text = "\n\n".join(f"# {name}: {WORDS[key].to(lang)}\n{copied(array)}" for key, array in whole.items())
    copy = (
        f'<details class="gg-numbers"><summary>{WORDS["copy"].to(lang)}</summary>'
        f'<pre tabindex="0" translate="no">{words(text)}</pre></details>'
        if text
        else ""
    )
    return f'<div class="gg-pair">{"".join(tables)}</div>{copy}'


def _matrix(key: str, array: Array, place: tuple[int, ...], bad: Array | None, lang: Lang) -> _Html:
    part = window(array, place)
    marks = window(bad, place).numbers if bad is not None else np.zeros(part.numbers.shape, bool)
    head = "".join(f'<th scope="col">{k}</th>' for k in part.columns)
    corner = "<th></th>" if part.rows else ""
    rows = []
    for i, row in enumerate(part.numbers):
        side = f'<th scope="row">{part.rows[i]}</th>' if part.rows else ""
        cells = []
        for j, number in enumerate(row):
            at = (*part.before, *(part.rows[i : i + 1]), *(part.columns[j : j + 1]))
            style = ("gg-off" if marks[i, j] else "") + (" gg-worst" if marks[i, j] and at == place else "")
            kind = f' class="{style}"' if style else ""
            cells.append(f"<td{kind}>{cell(float(number), lang)}</td>")
        rows.append(f"<tr>{side}{''.join(cells)}</tr>")
    title = WORDS[key].to(lang)
    if part.before:
        title += f" [{', '.join(map(str, part.before))}, :, :]"
    if part.numbers.size < array.size:
        title += f" ({WORDS['part'].fill(shown=part.numbers.size, size=array.size).to(lang)})"
    top = f"<thead><tr>{corner}{head}</tr></thead>" if head else ""
    label = words(title)
    return (
        f'<figure><figcaption>{label}</figcaption><div class="gg-scroll gg-table" tabindex="0" role="group" '
        f'aria-label="{label}"><table class="gg-matrix">{top}<tbody>{"".join(rows)}</tbody></table></div></figure>'
    )


def _loss(report: ProgramReport, lang: Lang) -> _Html:
    loss = report.loss
    met = ", ".join(
        f"{WORDS[key].to(lang)}: {_code(name)}"
        for key, name in (("prediction", loss.prediction), ("target", loss.target))
        if name
    )
    formula = f'<div class="gg-formula"><div class="gg-plain">E = {words(loss.formula)}</div></div>'
    return f"{formula}<p>{words(loss.says.to(lang))}</p>{f'<p>{met}</p>' if met else ''}"
