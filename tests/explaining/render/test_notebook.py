"""The notebook: every form a notebook may show, and never more than a cell should hold."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from glassgrad.explaining.document import Block, Document, Drawing, Formula, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import Matrices, Matrix
from glassgrad.explaining.render.notebook import MOST_BYTES, mimebundle
from glassgrad.language import LANGUAGES, Lang, Text
from sample_documents import both, digits, two_two_two


def size(bundle: dict[str, str]) -> int:
    return sum(len(text.encode()) for text in bundle.values())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_all_forms_are_there(lang: Lang) -> None:
    bundle = mimebundle(two_two_two(), lang)
    assert set(bundle) == {"text/plain", "text/latex", "image/svg+xml", "text/html"}
    assert bundle["text/latex"].count("$$") == 4
    ElementTree.fromstring(bundle["image/svg+xml"])
    assert bundle["text/html"].startswith(f'<div class="gg-doc gg-cell" lang="{lang}">')
    assert bundle["text/html"].count("<details open>") == 1
    assert "<script" not in bundle["text/html"]
    assert size(bundle) < MOST_BYTES
    assert two_two_two().title.to(lang) in bundle["text/plain"]


def test_a_form_with_nothing_to_show_is_left_out() -> None:
    document = Document(both("t"), [Section("s", both("s"), [Paragraph(both("p"))])])
    assert set(mimebundle(document)) == {"text/plain", "text/html"}


def test_ordinary_explanations_are_whole() -> None:
    for document in (two_two_two(), digits()):
        assert "Left out" not in mimebundle(document)["text/html"]


def test_a_cell_stays_small_and_says_what_is_missing() -> None:
    rng = np.random.default_rng(0)
    large = [
        Drawing(Matrices([Matrix("W", rng.normal(size=(128, 784)))]), Text(f"picture {n}", f"그림 {n}"))
        for n in range(20)
    ]
    table = Table([both("n")] * 8, rng.normal(size=(3000, 8)).tolist(), Text("many rows", "많은 행"))
    last = Paragraph(Text("the last word", "마지막 말"))
    formulas = [Formula("x" * 500, "x" * 500) for _ in range(200)]
    blocks: list[Block] = [table, *large, *formulas, last]
    bundle = mimebundle(Document(both("t"), [Section("s", both("s"), blocks)]), "en")
    assert size(bundle) <= MOST_BYTES
    assert "Left out of the notebook for its size; the HTML report has it: many rows" in bundle["text/html"]
    assert "it: picture 19" in bundle["text/html"]
    assert "picture 0</figcaption>" in bundle["text/html"]
    assert "the last word" in bundle["text/html"]
    assert bundle["text/html"].endswith("</details></section></div>")


def test_a_long_text_says_that_it_goes_on() -> None:
    blocks = [Paragraph(both(f"{n} " + "word " * 200)) for n in range(100)]
    text = mimebundle(Document(both("t"), [Section("s", both("s"), blocks)]), "ko")["text/plain"]
    assert text.endswith("… 나머지는 HTML 보고서에 있다")
