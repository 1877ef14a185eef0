"""Documents as LaTeX and Markdown: nothing reaches TeX unescaped, blanks hide the answers, and the files compile."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad import examples
from glassgrad.explaining.document import Answer, Document, Drawing, Formula, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import (
    Bar,
    Bars,
    Box,
    Circuit,
    Curve,
    Curves,
    Matrices,
    Matrix,
    Surface,
    Wire,
)
from glassgrad.explaining.render.latex import escaped, latex
from glassgrad.explaining.render.markdown import escaped as markdown_escaped
from glassgrad.explaining.render.markdown import markdown
from glassgrad.explaining.subjects import explain
from glassgrad.language import Lang, Text

NASTY = r"100 % & $x_1$ ^~{}\input{/etc/passwd} #1 <b> `|` …"


def everything() -> Document:
    """A document with every kind of block, and text that means something to TeX and Markdown."""
    axes = (Text("h", "h"), Text("error & more", "오차 & 더"))
    grid = np.linspace(-1, 1, 7)
    figures: list[Any] = [
        Circuit(
            [Box("a", "w_1[0,1]", "parameter"), Box("f", "×")],
            [Wire("a", "f", 3.25, -1.5e-7)],
            frozenset("a"),
        ),
        Bars([Bar("w⁽¹⁾₂₁ & b", 0.5), Bar("50 %", -0.25), Bar("nan", math.nan)]),
        Curves(
            [Curve("a_1", 10.0 ** -np.arange(6), 10.0 ** np.arange(6), dots=True)],
            *axes,
            log_x=True,
            log_y=True,
        ),
        Matrices([Matrix("W_1", np.array([[0.1, -2.0]])), Matrix("∇W", np.outer(grid, grid))]),
        Surface(grid, grid, np.add.outer(grid**2, grid), [Curve("path", grid[:3], grid[:3])], *axes),
    ]
    blocks = [
        Paragraph(Text(NASTY, NASTY)),
        Paragraph(Text("a rule", "규칙 하나"), "rule"),
        Paragraph(Text("a warning", "경고 하나"), "warning"),
        Formula(r"\frac{1}{2}", "1/2", Text("half_of", "절반_")),
        Formula(r"x = 271828", "x = 271828", answer=True, asked="x"),
        Formula(r"= 161803", "= 161803", answer=True),
        Table(
            (Text("name_1", "이름_1"), Text("value", "값")),
            [("a|b", 314159.0), (Text("c & d", "다"), -2.5e-9), (None, 7), ("sum", 577215.0)],
            Text("caption_1", "표 제목"),
            total=True,
            hidden=frozenset({1}),
        ),
        *(Drawing(figure, Text("a figure_1", "그림_1")) for figure in figures),
        Answer(Text("How many?", "얼마?"), 141421.0),
    ]
    return Document(
        Text("All & everything", "모두 & 전부"), [Section("all", Text("All_1", "전부_1"), blocks)]
    )


ANSWERS = ("271828", "161803", "3.142e+05", "5.772e+05", "141421", "3.25")


# --- what is written -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("render", [latex, markdown])
def test_answers_are_there_or_blank(render: Any, lang: Lang) -> None:
    full, blank = (render(everything(), lang, answers) for answers in (True, False))
    for answer in ANSWERS:
        assert answer in full
        assert answer not in blank
    line = r"\blank" if render is latex else r"\_\_\_\_"
    assert blank.count(line) > full.count(line)
    assert ("얼마?" if lang == "ko" else "How many?") in blank


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_what_is_asked_stays(lang: Lang) -> None:
    blank = latex(everything(), lang, answers=False)
    assert r"\equality{x =}" in blank
    assert "-2.5" not in blank
    assert r"\frac{1}{2}" in blank
    assert "x =" in markdown(everything(), lang, answers=False)


def test_no_text_is_a_command() -> None:
    written = latex(everything(), "en")
    assert r"\input" not in written
    assert r"\textbackslash{}input\{/etc/passwd\}" in written
    assert "100 \\% \\& \\$x\\_1\\$" in written


@given(st.text(max_size=60))
def test_escaped_text_has_no_commands_of_its_own(text: str) -> None:
    written = escaped(text)
    assert written.count("{") - written.count(r"\{") == written.count("}") - written.count(r"\}")
    bare = re.sub(r"\\[{}$&#%_]|\$[^$]*\$|\\text[a-z]+\{\}|\\ldots\{\}", "", written)
    assert not re.search(r"[\\{}$&#%_^~]", bare)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("w⁽¹⁾₂₁", "$w^{(1)}_{21}$"),
        ("∂E/∂w₁", r"$\partial$E/$\partial$$w_{1}$"),
        ("10⁻⁸", "10$^{-8}$"),
        ("x₁,₂, y", "$x_{1,2}$, y"),
        ("가중치 50 %", r"가중치 50 \%"),
        ("a\x00b", "a b"),
    ],
)
def test_letters_of_mathematics_are_set_as_such(text: str, written: str) -> None:
    assert escaped(text) == written


@given(st.text(alphabet="ab*_`[]<>#|!~$&\\\n", max_size=40))
def test_markdown_keeps_every_letter(text: str) -> None:
    shown = markdown_escaped(text)
    assert "\n" not in shown
    assert re.sub(r"\\(.)", r"\1", shown) == re.sub(r"\s+", " ", text)


def test_tables_of_markdown_have_as_many_cells_in_each_row() -> None:
    for answers in (True, False):
        rows = [line for line in markdown(everything(), "ko", answers).splitlines() if line.startswith("| ")]
        assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {4}


# --- TeX -------------------------------------------------------------------------------------------------------------

ENGINES = [name for name in ("xelatex", "lualatex") if shutil.which(name)]


def compiled(source: str, engine: str, folder: Path) -> str:
    """Compile a file and return what TeX logged; skip where this TeX lacks a package or a Korean font."""
    (folder / "sheet.tex").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "sheet.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", timeout=300, check=False,
    )  # fmt: skip
    log = (
        (folder / "sheet.log").read_text(encoding="utf-8", errors="replace")
        if done.returncode
        else done.stdout
    )
    missing = re.search(
        r"File `([^']+)' not found|No Korean font was found|not loadable", log.replace("\n", "")
    )
    if done.returncode and missing:
        pytest.skip(f"this {engine} lacks something: {missing[0]}")
    assert done.returncode == 0, log[-3000:]
    assert (folder / "sheet.pdf").stat().st_size > 5000
    return (folder / "sheet.log").read_text(encoding="utf-8", errors="replace")


needs_tex = pytest.mark.skipif(not ENGINES, reason="no XeLaTeX or LuaLaTeX is installed")


@needs_tex
@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("answers", [True, False])
def test_every_block_compiles(lang: Lang, answers: bool, tmp_path: Path) -> None:
    log = compiled(latex(everything(), lang, answers), ENGINES[0], tmp_path)
    assert "Missing character" not in log


@needs_tex
@pytest.mark.parametrize("engine", ENGINES)
def test_a_korean_worksheet_of_two_two_two_compiles(engine: str, tmp_path: Path) -> None:
    sheet = latex(explain(examples.get("two-two-two")).document(), "ko", answers=False)
    assert "손으로 계산하는 2-2-2 신경망" in sheet
    log = compiled(sheet, engine, tmp_path)
    assert "Missing character" not in log
    assert "Overfull" not in log


@needs_tex
def test_korean_names_compile_in_an_english_document(tmp_path: Path) -> None:
    pytest.importorskip("sympy")
    from glassgrad.explaining.derivation.expressions import derive

    found = derive("가격*x + alpha_1", wrt="x", at={"가격": 2, "x": 3, "alpha_1": 1}).document()
    assert "Missing character" not in compiled(latex(found, "en"), ENGINES[0], tmp_path)


@needs_tex
def test_a_korean_derivation_compiles_with_its_answers_and_without(tmp_path: Path) -> None:
    pytest.importorskip("sympy")
    from glassgrad.explaining.derivation.derivation import derive

    told = explain(examples.get("two-two-two"))
    found = derive(told.played, told.weights[0], (1, 0)).document()
    for answers in (True, False):
        log = compiled(latex(found, "ko", answers), ENGINES[0], tmp_path)
        assert "Missing character" not in log
