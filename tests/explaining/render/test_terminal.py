"""The terminal: within its width in both languages, with every number and every sum."""

from __future__ import annotations

import re

import numpy as np
import pytest
from rich.cells import cell_len

from glassgrad.explaining.document import Block, Document, Drawing, Formula, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import Bar, Bars, Box, Circuit, Matrices, Matrix, Wire
from glassgrad.explaining.render.terminal import terminal
from glassgrad.language import LANGUAGES, Lang, Text
from sample_documents import both, digits, two_two_two


def shown(*blocks: Block, lang: Lang = "en", width: int = 80) -> str:
    return terminal(Document(both("t"), [Section("s", both("s"), blocks)]), lang, width)


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_line_is_wider_than_the_terminal(lang: Lang, width: int) -> None:
    for document in (two_two_two(), digits()):
        text = terminal(document, lang, width)
        assert max(cell_len(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
        assert "\n\n\n" not in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_speaks_the_language_asked_for(lang: Lang) -> None:
    text = terminal(two_two_two(), lang, 120)
    assert ("곱셈 게이트는 입력을 맞바꾼다" in text) == (lang == "ko")
    assert ("A multiply gate swaps its inputs" in text) == (lang == "en")
    if lang == "en":
        assert not re.search("[가-힣]", text)


def test_columns_of_hangul_stand_below_each_other() -> None:
    table = Table([Text("name", "이름"), Text("n", "수")], [["가중치", 1.5], ["w", 22.25]])
    lines = shown(table, lang="ko").splitlines()
    ends = {cell_len(line) for line in lines if line.endswith(("1.5", "22.25"))}
    assert len(ends) == 1


def test_a_long_table_says_how_much_is_missing_and_keeps_its_sum() -> None:
    rows = [[both(f"row {k}"), float(k)] for k in range(100)]
    text = shown(Table([both("row"), both("n")], [*rows, [both("sum"), 4950.0]], total=True))
    assert "row 39" in text
    assert "row 40" not in text
    assert "… 60 more rows" in text
    assert re.search(r"\n *─+\n *sum +4950", text)


def test_markup_is_text() -> None:
    text = shown(Paragraph(both("[bold]x[/bold] :smile: W[0,1]")), Table([both("[red]")], [["[0,0]"]]))
    assert "[bold]x[/bold] :smile: W[0,1]" in text
    assert "[red]" in text
    assert "[0,0]" in text


def test_a_circuit_is_a_list_of_wires_in_the_order_of_computation() -> None:
    boxes = [Box("f", "×"), Box("q", "+"), Box("x", "x"), Box("y", "y"), Box("z", "z")]
    wires = [
        Wire("q", "f", 3.0, -4.0),
        Wire("z", "f", -4.0, 3.0),
        Wire("x", "q", -2.0, -4.0),
        Wire("y", "q", 5.0, -4.0),
    ]
    lines = [line.split() for line in shown(Drawing(Circuit(boxes, wires), both("c"))).splitlines()]
    assert lines.index(["1", "+", "x", "−2", "∇−4"]) < lines.index(["2", "×", "#1", "+", "3", "∇−4"])
    assert ["z", "−4", "∇3"] in lines


def test_bars_grow_with_their_numbers_from_one_line() -> None:
    text = shown(Drawing(Bars([Bar("a", 4.0), Bar("b", 1.0), Bar("c", -2.0)]), both("bars")))
    a, b, c = (line for line in text.splitlines() if "│" in line)
    assert len({line.index("│") for line in (a, b, c)}) == 1
    assert 3 * b.count("█") <= a.count("█") <= 5 * (b.count("█") + 1)
    assert c.index("█") < c.index("│") < a.index("█")


def test_small_matrices_are_numbers_and_large_ones_are_told() -> None:
    small = shown(Drawing(Matrices([Matrix("W", np.array([[0.25, -1 / 3]]))]), both("c")))
    assert re.search(r"0\.25 +−0\.3333", small)
    wild = np.where(np.eye(100) > 0, np.nan, -2.0)
    large = shown(Drawing(Matrices([Matrix("W", wild)]), both("c")), width=120)
    assert "W: 100 × 100, from −2 to −2, mean size 2" in large
    assert "; 100 not finite" in large


def test_numbers_of_a_matrix_are_never_cut() -> None:
    wide = Matrices([Matrix("W", np.full((4, 8), -1.2345e-100))])
    assert "…" not in shown(Drawing(wide, both("c")), width=60)


def test_formulas_are_unicode_with_their_note() -> None:
    lines = shown(Formula(r"\sigma", "σ′(z)", both("the slope"))).splitlines()
    assert [line.strip() for line in lines[-2:]] == ["the slope", "σ′(z)"]


def test_colours_are_asked_for() -> None:
    circuit = Circuit([Box("x", "x"), Box("f", "f")], [Wire("x", "f", 2.0, 3.0)])
    document = Document(both("t"), [Section("s", both("s"), [Drawing(circuit, both("c"))])])
    text = terminal(document, "en", 80, colour=True)
    assert re.search("\x1b\\[32m *2\x1b", text)
    assert re.search("\x1b\\[31m *∇3\x1b", text)
