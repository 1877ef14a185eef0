"""The page: well-formed, whole in both languages, safe, and asking nobody for anything."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from glassgrad.explaining.document import (
    Answer,
    Block,
    Document,
    Drawing,
    Formula,
    Paragraph,
    Section,
    Table,
)
from glassgrad.explaining.drawing.figures import Bar, Bars, Matrices, Matrix
from glassgrad.explaining.render.html import html
from glassgrad.explaining.render.mathml import formula
from glassgrad.language import LANGUAGES, Lang, Text
from sample_documents import HOSTILE, both, digits, two_two_two

DOCUMENTS = {"two-two-two": two_two_two(), "digits": digits(), "empty": Document(both("Why?"), [])}

VOID = {"meta", "link", "br", "rect", "path", "circle"}


class Reader(HTMLParser):
    """A page as a browser sees it: elements that close, texts, links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.titles: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.titles += [given["title"]] if "title" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


def one(*blocks: Block) -> Document:
    return Document(both("t"), [Section("s", both("s"), blocks)])


def sentences(document: Document) -> Iterator[Text]:
    yield document.title
    for section in document.sections:
        yield section.title
        for block in section.blocks:
            match block:
                case Paragraph():
                    yield block.text
                case Table():
                    yield from block.header
                    yield from (cell for row in block.rows for cell in row if isinstance(cell, Text))
                case Formula(note=Text() as note):
                    yield note
                case Answer():
                    yield block.question
            if isinstance(block, Drawing | Table) and block.caption:
                yield block.caption


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_sentence_is_there_in_the_language_asked_for_and_in_no_other(name: str, lang: Lang) -> None:
    document = DOCUMENTS[name]
    page = html(document, lang)
    reader = Reader(page)
    assert not reader.open
    assert page.startswith(f'<!doctype html>\n<html lang="{lang}">')
    for text in sentences(document):
        assert " ".join(text.to(lang).split()) in reader.text
        other = text.en if lang == "ko" else text.ko
        if other != text.to(lang) and len(other) > 12:
            assert other not in reader.text
    if lang == "en":
        assert not re.search("[가-힣]", reader.text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_asks_for_nothing_and_runs_nothing(name: str) -> None:
    page = html(DOCUMENTS[name], "en")
    bare = re.sub(r'xmlns="http://www\.w3\.org/(?:2000/svg|1998/Math/MathML)"', "", page)
    assert "http:" not in bare
    assert "https:" not in bare
    assert "default-src 'none'" in page
    tags = set(Reader(page).tags)
    assert not tags & {"script", "img", "iframe", "object", "embed", "image", "video", "audio", "form"}
    assert not re.search(r"<[^>]*\son\w+=|url\(|@import", page)


def test_the_contents_lead_to_every_section_once() -> None:
    document = Document(
        both("t"), [Section("a b", both("1"), []), Section("a b", both("2"), []), Section("", both("3"), [])]
    )
    reader = Reader(html(document, "en"))
    assert len(set(reader.ids)) == 3
    assert reader.links == [f"#{key}" for key in reader.ids]
    assert all(re.fullmatch(r"[\w.-]+", key) for key in reader.ids)


def test_hostile_words_stay_words() -> None:
    hostile = both(HOSTILE)
    document = Document(
        hostile,
        [
            Section(
                HOSTILE,
                hostile,
                [
                    *(Paragraph(hostile, kind) for kind in ("plain", "rule", "warning")),
                    Table([hostile], [[HOSTILE], [hostile]], hostile, total=True),
                    Formula(rf"\text{{{HOSTILE}}}", HOSTILE, hostile),
                    Formula(HOSTILE, HOSTILE),
                    Formula(r"\mathrm{&lt;script&gt;}", HOSTILE),
                    Drawing(Bars([Bar(HOSTILE, 1.0)]), hostile),
                    Answer(hostile, 1.0),
                ],
            )
        ],
    )
    page = html(document, "en")
    reader = Reader(page)
    assert "script" not in reader.tags
    assert not reader.open
    assert reader.text.count(HOSTILE) >= 10


def test_numbers_show_four_digits_and_are_whole_below() -> None:
    third = -1 / 3
    page = html(one(Table([both("n")], [[third], [0.25], [7], [-7], [None]]), Answer(both("q"), 2 / 3)), "en")
    assert 'data-n="−0.3333" title="-0.3333333333333333">-0.3333333333333333<' in page
    assert 'data-n="0.6667" title="0.6666666666666666"' in page
    assert '<td class="gg-right">0.25</td>' in page
    assert '<td class="gg-right">7</td>' in page
    assert 'data-n="−7" title="-7">-7<' in page


def test_numbers_stand_to_the_right_and_a_sum_at_the_foot() -> None:
    table = Table([both("name"), both("n")], [["a", 1.5], [both("b"), None], [both("sum"), 1.5]], total=True)
    page = html(one(table), "en")
    assert '<th scope="col">name</th><th scope="col" class="gg-right">n</th>' in page
    assert '<tfoot><tr><td>sum</td><td class="gg-right">1.5</td></tr></tfoot>' in page


def test_a_table_whose_sum_matters_is_never_cut() -> None:
    rows = [[k, float(k)] for k in range(60)]
    header = [both("row"), both("n")]
    assert 'gg-table gg-tall"' in html(one(Table(header, rows)), "en")
    assert 'gg-table gg-tall"' not in html(one(Table(header, rows, total=True)), "en")


def test_matrices_are_pictures_of_their_own_so_that_they_can_stack() -> None:
    pair = Matrices([Matrix("W", np.ones((2, 2))), Matrix("∇W", np.ones((2, 2)))])
    assert html(one(Drawing(pair, both("c"))), "en").count("<svg") == 2


def test_formulas_are_set_as_mathml() -> None:
    pytest.importorskip("latex2mathml")
    set_ = formula(r"\frac{\partial E}{\partial w} = \sigma'(z)\,x", "∂E/∂w = σ′(z) x")
    assert set_.startswith("<math")
    assert "<mfrac>" in set_
    assert "∂" in set_
    assert "&amp;#" not in set_
    assert 'alttext="∂E/∂w = σ′(z) x"' in set_


def test_formulas_stand_in_unicode_where_mathml_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    assert formula("x<y", "x < y") == '<code class="gg-plain">x &lt; y</code>'
