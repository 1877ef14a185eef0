"""The READMEs and the pages of the docs: what they show is what comes out."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import runpy
from pathlib import Path

import pytest

from glassgrad.checking.programs import check_program

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.ko.md")
PAGES = [*READMES, "CONTRIBUTING.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
_NUMBER = re.compile(r"-?\d+\.\d+")


def _blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for kind, block in found if kind == language]


def _agrees(found: str, shown: str) -> bool:
    numbers = [float(n) for n in _NUMBER.findall(shown)]
    return _NUMBER.sub("_", found) == _NUMBER.sub("_", shown) and [
        float(n) for n in _NUMBER.findall(found)
    ] == pytest.approx(numbers, rel=0.02)


_SHOWN = (
    "README.md",
    "docs/explaining.md",
    "docs/array-api.md",
    "docs/differentiation.md",
    "docs/checking.md",
)


@pytest.mark.parametrize("code", [code for page in _SHOWN for code in _blocks(page, "python")])
def test_each_value_in_a_comment_is_what_the_line_gives(code: str) -> None:
    lines, names = code.splitlines(), {}
    for statement in ast.parse(code).body:
        source = ast.get_source_segment(code, statement)
        assert source is not None
        assert statement.end_lineno is not None
        shown = lines[statement.end_lineno - 1].partition("  # ")[2].strip()
        if isinstance(statement, ast.Expr) and shown:
            found = repr(eval(source, names))
            assert _agrees(found, shown), f"{source}: {found}"
        else:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(ast.Module([statement], []), "<page>", "exec"), names)


def test_the_printed_graph(tmp_path: Path) -> None:
    script = tmp_path / "neuron.py"
    script.write_text(next(c for c in _blocks("README.md", "python") if "trace" in c), encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(str(script))
    assert printed.getvalue() in _blocks("README.md", "")


def _joined(text: str) -> str:
    """Return a report in one line, without the time it took."""
    return re.sub(r" in \d+\.\d+ s\.", "", " ".join(text.split()))


def test_the_report_of_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = next(c for c in _blocks("docs/checking.md", "python") if "epoch" in c)
    (tmp_path / "xor.py").write_text(program, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    report = _joined(check_program("xor.py").text())
    shown = [*_blocks("docs/checking.md", ""), *_blocks("README.md", "")]
    parts = [_joined(block) for block in shown if "delta1" in block]
    assert len(parts) == 3
    assert all(part in report for part in parts)


@pytest.mark.parametrize("language", ["", "python", "console", "sh"])
def test_both_languages_show_the_same_code(language: str) -> None:
    english, korean = (
        [re.sub(r"\s*#.*", "", block) for block in _blocks(name, language)] for name in READMES
    )
    assert english == korean


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#]+)", text) if "://" not in t]
    missing = [t for t in targets if not (ROOT / page).parent.joinpath(t).exists()]
    assert not missing
