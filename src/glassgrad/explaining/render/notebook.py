"""A document in a notebook: the same in plain text, LaTeX, a picture and HTML, and small enough to be kept.

Widgets vanish where a notebook is converted or shown by a website; text and script-free pictures stay. Notebooks keep
every output in their file, so a cell is held below 200 kB: what does not fit gives way to a line that says so.
"""

from __future__ import annotations

from glassgrad.explaining.document import Block, Document, Drawing, Formula
from glassgrad.explaining.drawing.paper import words
from glassgrad.explaining.drawing.svg import svg
from glassgrad.explaining.render.blocks import block
from glassgrad.explaining.render.style import DOCUMENT
from glassgrad.language import Lang, Text

__all__ = ["MOST_BYTES", "mimebundle"]

MOST_BYTES = 200_000
"""The most a cell's output takes, all its forms together, as UTF-8."""

_TEXT_SHARE, _PICTURE_SHARE, _LATEX_SHARE = 0.2, 0.3, 0.1
_LEFT_OUT = Text(
    "Left out of the notebook for its size; the HTML report has it: {what}",
    "크기 때문에 노트북에서는 뺐으며 HTML 보고서에 있다: {what}",
)
_CUT = Text("… the text goes on in the HTML report", "… 나머지는 HTML 보고서에 있다")


def mimebundle(document: Document, lang: Lang = "en") -> dict[str, str]:
    """Return a document in the forms that notebooks show, for ``_repr_mimebundle_``.

    Returns
    -------
    dict of str
        By media type: ``text/plain``, ``text/html``, where there are formulas ``text/latex``, and where there are
        figures ``image/svg+xml`` with the first of them; less than 200 kB in all.

    Examples
    --------
    >>> sorted(mimebundle(Document(Text("Why?", "왜?"), [])))
    ['text/html', 'text/plain']
    """
    from glassgrad.explaining.render.terminal import terminal

    blocks = [each for section in document.sections for each in section.blocks]
    bundle = {"text/plain": _shortened(terminal(document, lang, 100), lang)}
    formulas = [each.latex for each in blocks if isinstance(each, Formula)]
    latex = _most([f"$$\\displaystyle {each}$$" for each in formulas], MOST_BYTES * _LATEX_SHARE)
    if latex:
        bundle["text/latex"] = latex
    first = next((svg(each.figure, lang) for each in blocks if isinstance(each, Drawing)), "")
    if 0 < _size(first) <= MOST_BYTES * _PICTURE_SHARE:
        bundle["image/svg+xml"] = first
    left = MOST_BYTES - sum(map(_size, bundle.values()))
    bundle["text/html"] = _fragment(document, lang, left)
    return bundle


def _fragment(document: Document, lang: Lang, most: float) -> str:
    """Return a document as part of a page, of at most so many bytes, unfolded up to its first figure."""
    title = words(document.title.to(lang))
    start = f'<div class="gg-doc gg-cell" lang="{lang}"><style>{DOCUMENT}</style><p><b>{title}</b></p>'
    parts, left = [start], most - _size(start) - _size("</div>")
    drawn = [any(isinstance(each, Drawing) for each in section.blocks) for section in document.sections]
    frames = []
    for number, section in enumerate(document.sections):
        fold = "" if any(drawn[:number]) or (number and not any(drawn)) else " open"
        title = words(section.title.to(lang))
        opening = f"<section><details{fold}><summary><h2>{title}</h2></summary>"
        frames.append((opening, "</details></section>", section))
    left -= sum(_size(opening) + _size(closing) for opening, closing, _ in frames)
    left -= sum(_size(_instead(each, lang)) for section in document.sections for each in section.blocks)
    for opening, closing, section in frames:
        parts.append(opening)
        for each in section.blocks:
            shown, instead = block(each, lang), _instead(each, lang)
            more = _size(shown) - _size(instead)
            parts.append(shown if more <= left else instead)
            left -= max(more, 0) if more <= left else 0
        parts.append(closing)
    return "".join([*parts, "</div>"])


def _instead(given: Block, lang: Lang) -> str:
    """Return the line that stands for a block for which there is no room."""
    caption = getattr(given, "caption", None)
    what = (caption.to(lang) if caption is not None else type(given).__name__.lower())[:120]
    return f"<p><i>{words(_LEFT_OUT.fill(what=what).to(lang))}</i></p>"


def _shortened(text: str, lang: Lang) -> str:
    return _most(text.splitlines(), MOST_BYTES * _TEXT_SHARE, _CUT.to(lang))


def _most(lines: list[str], most: float, after: str = "") -> str:
    """Return as many lines as fit, and a last one that says that there were more."""
    kept: list[str] = []
    for line in lines:
        most -= _size(line) + 1
        if most < _size(after) + 1:
            kept += [after] if after else []
            break
        kept.append(line)
    return "\n".join(kept)


def _size(text: str) -> int:
    return len(text.encode())
