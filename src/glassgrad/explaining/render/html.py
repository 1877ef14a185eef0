"""A document as one page: it works offline, without a script, on paper and on a phone.

The page asks for nothing from anywhere: its style and its pictures are in it, and a content security policy forbids the
rest. Sections fold, tables and wide circuits scroll within themselves, and numbers are copied with all their digits.
"""

from __future__ import annotations

import re

from glassgrad._version import __version__
from glassgrad.explaining.document import Document, Section
from glassgrad.explaining.drawing.paper import words
from glassgrad.explaining.render.blocks import block
from glassgrad.explaining.render.style import DOCUMENT, PAGE
from glassgrad.language import Lang, Text

__all__ = ["html"]

_CONTENTS = Text("Contents", "차례")
_FOOTER = Text(
    "Made by glassgrad {version}. Numbers show four significant digits; pointing at one shows all of them, and "
    "copying takes all of them.",
    "glassgrad {version}에서 만들었다. 수는 유효 숫자 네 자리로 보이며, 가리키면 모든 자리가 나오고 복사하면 모든 "
    "자리가 복사된다.",
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def html(document: Document, lang: Lang = "en") -> str:
    """Return a document as one HTML page that works offline.

    Parameters
    ----------
    document
        What to show.
    lang
        ``"en"`` or ``"ko"``.

    Examples
    --------
    >>> page = html(Document(Text("Why?", "왜?"), []), "ko")
    >>> page[:31], "<title>왜?</title>" in page
    ('<!doctype html>\\n<html lang="ko"', True)
    """
    title = words(document.title.to(lang))
    keys = _keys(document)
    links = "".join(
        f'<li><a href="#{key}">{words(section.title.to(lang))}</a></li>'
        for key, section in zip(keys, document.sections, strict=True)
    )
    contents = f"<nav><b>{_CONTENTS.to(lang)}</b><ol>{links}</ol></nav>" if len(keys) > 1 else "<div></div>"
    sections = "".join(
        _section(section, key, lang) for key, section in zip(keys, document.sections, strict=True)
    )
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,"><title>{title}</title>'
        f"<style>{DOCUMENT}{PAGE}</style></head>\n"
        f'<body><div class="gg-doc gg-page"><header><p>glassgrad</p><h1>{title}</h1></header>{contents}\n'
        f"<main>{sections}</main>"
        f"<footer>{words(_FOOTER.fill(version=__version__).to(lang))}</footer></div></body></html>\n"
    )


def _section(section: Section, key: str, lang: Lang) -> str:
    body = "\n".join(block(each, lang) for each in section.blocks)
    return (
        f'<section id="{key}"><details open><summary><h2>{words(section.title.to(lang))}</h2></summary>'
        f"{body}</details></section>\n"
    )


def _keys(document: Document) -> list[str]:
    """Return a name for links for each section: its key without what an address cannot hold, no two the same."""
    keys: list[str] = []
    for section in document.sections:
        key = re.sub(r"[^\w.-]+", "-", section.key).strip("-") or "section"
        while key in keys:
            key += "-2"
        keys.append(key)
    return keys
