"""``glassgrad check``: exit codes, the report on the terminal, as a page and as JSON, and what cannot be judged."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from glassgrad.checking.report import ProgramReport
from glassgrad.errors import CheckError
from sample_reports import REPORTS

from .conftest import Run
from .test_json import documented


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """Put reports made by hand in the place of the checker, and record what it is asked for."""
    calls: list[dict[str, Any]] = []

    def check_program(path: Path, **settings: Any) -> ProgramReport:
        calls.append({"path": path, **settings})
        if path.stem not in REPORTS:
            raise CheckError(
                f"{path}, line 3: train(lr=0.5, epochs=10) fails:\nNameError: name 'y' is not defined"
            )
        return REPORTS[path.stem]()

    stand_in = ModuleType("glassgrad.checking.programs")
    stand_in.check_program = check_program  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    return calls


@pytest.mark.parametrize(("name", "code"), [("right", 0), ("notice", 0), ("wrong", 1), ("update", 1)])
def test_the_exit_code_says_whether_it_is_right(run: Run, tmp_path: Path, name: str, code: int) -> None:
    for more in ((), ("--json",), ("--html", "o.html"), ("--lang", "ko")):
        result = run("check", f"{name}.py", *more)
        assert (result.code, result.err) == (code, "")


def test_the_report_is_printed_in_both_languages(run: Run) -> None:
    english, korean = run("check", "wrong.py").out, run("check", "wrong.py", "--lang", "ko").out
    assert english.startswith("✗ Wrong: the first thing that is not right is delta_h, two_two_two.py:36.\n")
    assert "+ delta_h[j] += delta_o[k] * self.w2[k, j] * slope_h[j]" in english
    assert korean.startswith("✗ 틀렸다")
    assert "+ delta_h[j] += delta_o[k] * self.w2[k, j] * slope_h[j]" in korean
    assert "\x1b" not in english + korean


def test_options_reach_the_checker(run: Run, asked: list[dict[str, Any]]) -> None:
    run("check", "right.py")
    run("check", "right.py", "--run", "-Net().train(X, y)", "--loss", "cost")
    assert asked == [
        {"path": Path("right.py"), "run": None, "loss": None},
        {"path": Path("right.py"), "run": "-Net().train(X, y)", "loss": "cost"},
    ]


def test_a_page_is_written_and_the_verdict_printed(run: Run, tmp_path: Path) -> None:
    result = run("check", "wrong.py", "--html", "o.html", "--lang", "ko")
    page = (tmp_path / "o.html").read_text(encoding="utf-8")
    assert page.startswith('<!doctype html>\n<html lang="ko">')
    assert result.out.splitlines()[0].startswith("틀렸다")
    assert result.out.splitlines()[1:] == ["Written to o.html"]


def test_json_is_one_object_with_the_page_that_was_written(run: Run, tmp_path: Path) -> None:
    result = run("check", "wrong.py", "--json", "--html", "o.html")
    document = json.loads(result.out)
    assert len(result.out.splitlines()) == 1
    assert set(document) == documented("check")
    assert (document["command"], document["version"], document["html"]) == ("check", 1, "o.html")
    assert document["findings"][0]["cause"]["key"] == "transposed"
    assert (tmp_path / "o.html").exists()


def test_what_cannot_be_judged_is_told_as_it_is(fails: Callable[..., str], tmp_path: Path) -> None:
    for more in ((), ("--json",), ("--html", "o.html")):
        told = fails("check", "broken.py", *more)
        assert "train(lr=0.5, epochs=10) fails" in told  # the program's own lr=0.5 is no option of glassgrad
    (tmp_path / "o.html").write_text("as it was")
    fails("check", "broken.py", "--html", "o.html")


def test_bad_options_are_refused_before_the_program_runs(
    fails: Callable[..., str], tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    assert "would replace the program" in fails("check", "right.py", "--html", "right.py")
    assert "There is no folder" in fails("check", "right.py", "--html", "nowhere/o.html")
    assert "'en' and 'ko'" in fails("check", "right.py", "--lang", "kr")
    assert "check --help" in fails("check")
    assert asked == []


def test_a_page_that_cannot_be_written_leaves_the_old_one(
    fails: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "o.html").write_text("as it was")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert "No space left" in fails("check", "wrong.py", "--html", "o.html")


def test_help_says_plainly_that_the_file_is_run(run: Run) -> None:
    text = " ".join(run("check", "--help").out.replace("│", " ").split())
    assert "This RUNS it" in text
    for option in ("--run", "--loss", "--html", "--json", "--lang"):
        assert option in text
    assert "check" in run("--help").out
