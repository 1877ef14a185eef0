"""``glassgrad explain``: in a terminal, as JSON, as a page, of examples and of models on raw rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glassgrad.learner.learner import Learner

from .conftest import QUICK, Run

Fails = Callable[..., str]


@pytest.fixture
def model(run: Run, houses: Path, tmp_path: Path) -> Path:
    """A small model of the houses."""
    path = tmp_path / "m.safetensors"
    assert run("train", houses, "--target", "price", *QUICK, "-o", path, "--quiet").code == 0
    return path


@pytest.mark.parametrize(
    ("lang", "title"), [("en", "a 2-2-2 network worked by hand"), ("ko", "손으로 계산하는")]
)
def test_an_example_in_the_terminal(run: Run, lang: str, title: str) -> None:
    result = run("explain", "two-two-two", "--lang", lang)
    assert (result.code, result.err) == (0, "")
    assert title in result.out
    for number in ("0.02397", "0.52", "0.5275", "0.6094", "0.6638", "0.0008089", "0.00142", "0.007515"):
        assert number in result.out


def test_json_has_every_digit(run: Run) -> None:
    found = run("explain", "two-two-two", "--json").json
    assert found["result"] == 0.023971900751730026
    assert len(found["why"]) == 8
    for why in found["why"]:
        total = math.fsum([*(p["product"] for p in why["paths"]), why["others"], why["rounding"]])
        assert total == pytest.approx(why["gradient"], rel=1e-14)


def test_a_later_step_of_an_example(run: Run) -> None:
    assert run("explain", "two-two-two", "--step", 2, "--json").json["result"] == pytest.approx(
        0.023236338872291772
    )


def test_one_row_of_a_model(run: Run, model: Path, houses: Path) -> None:
    found = run("explain", model, "--data", houses, "--row", 3, "--json").json
    (why,) = found["why"]
    assert why["rows"] == [pytest.approx(why["gradient"], rel=1e-5)]
    many = run("explain", model, "--data", houses, "--weight", "0.weight[0,0]", "--json").json
    assert len(many["why"][0]["rows"]) > 1


def test_rows_without_a_target_explain_an_output(run: Run, model: Path, tmp_path: Path) -> None:
    rows = tmp_path / "new.csv"
    rows.write_text("size,town\n80.5,Seoul\n", encoding="utf-8")
    found = run("explain", model, "--data", rows, "--json").json
    assert found["title"]["en"] == "Output 0 of a network"


def test_a_page(run: Run, tmp_path: Path) -> None:
    result = run("explain", "two-two-two", "--html", "page.html", "--lang", "ko")
    assert result.out == "Written to page.html\n"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<html" in page
    assert 'lang="ko"' in page
    assert "<svg" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["two-two-too"], "Did you mean 'two-two-two'"),
        (["two-two-two", "--weight", "0.weight[2,0]"], "0.weight[0…1,0…1]"),
        (["two-two-two", "--weight", "O.weight[1,0]"], "or '0.weight'"),
        (["two-two-two", "--data", "x.csv"], "rows of its own"),
        (["two-two-two", "--step", 0], "--step counts from 1"),
        (["two-two-two", "--lang", "kr"], "'en' and 'ko'"),
        (["two-two-two", "--html", "nowhere/page.html"], "There is no folder"),
        (["two-two-two", "--worksheet"], "--latex FILE"),
    ],
)
def test_bad_input(fails: Fails, arguments: list[object], message: str) -> None:
    assert message in fails("explain", *arguments)


def test_bad_rows(fails: Fails, model: Path, houses: Path, tmp_path: Path) -> None:
    assert "rows 1 to 120" in fails("explain", model, "--data", houses, "--row", 121)
    assert "Give the rows" in fails("explain", model)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    assert "size" in fails("explain", model, "--data", other)


def test_a_model_that_diverged_is_explained_in_json(run: Run, model: Path, houses: Path) -> None:
    learner = Learner.load(model)
    first = next(iter(learner.network.parameters()))
    first.assign(np.full(first.shape, 3e38, first.dtype))
    learner.save(model)
    found = run("explain", model, "--data", houses, "--weight", "0.weight[0,0]", "--json").json
    assert found["result"] is None
    assert found["why"][0]["gradient"] is None
