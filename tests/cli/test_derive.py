"""``glassgrad derive``: on the terminal, as JSON, as LaTeX, and where it cannot."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sympy")

from .conftest import Run
from .test_json import documented

SIGMOID = "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))"
AT = "w0=2,x0=-1,w1=-3,x1=-2,w2=-3"


def test_the_chain_rule_with_numbers(run: Run) -> None:
    result = run("derive", SIGMOID, "--wrt", "w0", "--at", AT)
    assert result.code == 0, result.err
    for said in (
        "The derivative of f with respect to w₀",
        "= 1/1.368 = 0.7311",
        "−0.1966",
        "backpropagation",
    ):
        assert said in result.out
    assert result.err == ""


def test_it_speaks_korean(run: Run) -> None:
    result = run("derive", "(x + y)*z", "--wrt", "x", "--at", "x=-2,y=5,z=-4", "--lang", "ko")
    assert result.code == 0, result.err
    for said in ("f를 x로 미분하기", "연쇄 법칙", "순전파", "경로", "역전파", "중앙 차분", "−4"):
        assert said in result.out


def test_symbols_alone(run: Run) -> None:
    result = run("derive", "x^4 - 4*x^2 + x")
    assert result.code == 0, result.err
    assert "∂f/∂x = 4·x³ + 1 − 8·x" in result.out
    assert "The check" not in result.out


def test_an_expression_may_begin_with_a_minus_sign(run: Run) -> None:
    assert "∂f/∂x = −2·x" in run("derive", "-x^2", "--wrt", "x").out


@pytest.mark.parametrize(
    "numbers", [("--at", "x=1, y=2"), ("--at", "x=1;y=2"), ("--at", "x=1", "--at", "y=2")]
)
def test_numbers_may_be_given_in_several_ways(run: Run, numbers: tuple[str, ...]) -> None:
    assert run("derive", "x*y", "--wrt", "x", *numbers, "--json").json["value"] == 2.0


def test_json_prints_what_is_documented(run: Run) -> None:
    document = run("derive", SIGMOID, "--wrt", "w0", "--at", AT, "--json").json
    assert set(document) == documented("derive")
    assert document["at"] == {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
    assert document["value"] == pytest.approx(-0.19661193, abs=6e-9)
    for answer in ("symbolic", "backpropagation", "difference"):
        assert document[answer] == pytest.approx(document["value"], abs=1e-9)
    assert len(document["differences"]) == 12
    assert document["number_of_paths"] == len(document["paths"]) == 1
    assert document["paths"][0]["through"][0] == "w₀"
    assert document["steps"][-1] == {"name": "f", "formula": "1/u₇", "value": pytest.approx(0.7310585786)}


def test_json_without_numbers(run: Run) -> None:
    document = run("derive", "ln(x)*y", "--wrt", "x", "--json").json
    assert set(document) == documented("derive")
    assert document["derivative"] == "y/x"
    assert document["value"] is document["symbolic"] is document["differences"] is None
    assert document["at"] == {}


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_worksheet(run: Run, lang: str, tmp_path: Path) -> None:
    arguments = ("derive", "(x + y)*z", "--wrt", "x", "--at", "x=-2,y=5,z=-4", "--lang", lang, "--latex")
    assert "Written to full.tex" in run(*arguments, "full.tex").out
    assert run(*arguments, "blank.tex", "--worksheet", "--json").json["latex_file"] == "blank.tex"
    full, blank = ((tmp_path / name).read_text(encoding="utf-8") for name in ("full.tex", "blank.tex"))
    assert full.startswith("\\documentclass")
    assert "= -12" in full
    assert "= -12" not in blank
    assert ("순전파" if lang == "ko" else "Forward") in blank


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("x + * y",), r"cannot be read here\.\n  x \+ \* y\n      \^"),
        (("sigmod(x)",), "Did you mean 'sigmoid'"),
        (("x*y",), "--wrt x"),
        (("x*y", "--wrt", "z"), "no variable 'z'"),
        (("weight*y", "--wrt", "wieght"), "Did you mean 'weight'"),
        (("x*y", "--wrt", "x", "--at", "x=1"), "no number for y"),
        (("x*y", "--wrt", "x", "--at", "x=1,y=2,q=3"), "'q'"),
        (("x*y", "--wrt", "x", "--at", "x=one,y=2"), "'x=one' is no number"),
        (("x*y", "--wrt", "x", "--at", "x"), "'x' is no number"),
        (("x*y", "--wrt", "x", "--at", "=1"), "names no variable"),
        (("x*y", "--wrt", "x", "--at", "x=1,x=2,y=1"), "two numbers for x"),
        (("x*y", "--wrt", "x", "--at", "x=inf,y=1"), "finite"),
        (("ln(x)", "--at", "x=-1"), "is nan"),
        (("sqrt(x)", "--at", "x=0"), "no finite derivative"),
        (("x", "--lang", "fr"), "'en' and 'ko'"),
        (("x", "--worksheet"), "--latex FILE"),
        (("x", "--latex", "nowhere/x.tex"), "no folder"),
        (("x", "--wrong"), "--wrong"),
        ((), "derive --help"),
    ],
)
def test_bad_input(fails: Callable[..., str], arguments: tuple[str, ...], says: str) -> None:
    assert re.search(says, fails("derive", *arguments))


def test_without_sympy(fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sympy", None)
    assert "pip install 'glassgrad[explain]'" in fails("derive", "x*y", "--wrt", "x")


def test_it_is_in_the_help(run: Run) -> None:
    assert "derive" in run("--help").out
    text = run("derive", "--help").out
    for option in ("--wrt", "--at", "--latex", "--worksheet", "--lang", "--json"):
        assert option in text
