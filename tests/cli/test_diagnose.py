"""``glassgrad diagnose``: verdicts on a model file, on checkpoints and on examples, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import QUICK, Run, write_houses
from .test_json import documented


@pytest.fixture
def model(run: Run, houses: Path) -> str:
    assert run("train", houses, "--target", "price", *QUICK, "--checkpoint-dir", "runs").code == 0
    return "houses.safetensors"


def test_an_example_in_both_languages(run: Run) -> None:
    english, korean = run("diagnose", "xor-no-bias"), run("diagnose", "xor-no-bias", "--lang", "ko")
    assert english.code == korean.code == 0
    assert "slow for want of a bias: layer 0" in english.out
    assert "Give the layer a bias" in english.out
    assert "편향이 없어 느린 학습: 층 0" in korean.out
    assert "No fault was found" in run("diagnose", "xor").out


def test_a_model_with_rows_and_without(run: Run, houses: Path, model: str) -> None:
    with_rows, without = run("diagnose", model, houses), run("diagnose", model)
    assert with_rows.code == without.code == 0
    assert "120 of 120 rows" in with_rows.out
    assert "There are no rows" in without.out


def test_a_rate_that_is_too_high_is_named(run: Run, houses: Path) -> None:
    assert run("train", houses, "--target", "price", *QUICK, "--lr", 1, "--optimizer", "adam").code == 0
    document = run("diagnose", "houses.safetensors", houses, "--json").json
    assert document["verdicts"][0]["key"] == "rate-too-high"
    assert document["verdicts"][0]["place"] == {"kind": "setting", "name": "lr"}


@pytest.mark.parametrize("what", ["model", "folder", "example"])
def test_json_has_what_is_documented(run: Run, houses: Path, model: str, what: str) -> None:
    arguments = {"model": (model, houses), "folder": ("runs", houses), "example": ("xor-no-bias",)}[what]
    document = run("diagnose", *arguments, "--json", "--seed", 3).json
    assert set(document) == documented("diagnose")
    assert document["command"] == "diagnose"
    assert document["model"] == arguments[0]
    assert set(document["examined"]) == {"en", "ko"}
    if what == "example":
        (verdict,) = document["verdicts"]
        assert verdict["key"] == "missing-bias"
        assert verdict["place"] == {"kind": "layer", "name": "0"}
        assert 0 < verdict["evidence"] < 0.01
        for key in ("title", "finding", "cause", "fix"):
            assert set(verdict[key]) == {"en", "ko"}


def test_what_is_dropped_is_not_looked_at(run: Run, houses: Path, model: str) -> None:
    document = run("diagnose", model, houses, "--where", "size > 50", "--json").json
    assert 0 < document["dropped"]["rows"]["size > 50"] < 120
    assert f"{120 - document['dropped']['rows']['size > 50']} of" in document["examined"]["en"]


def test_bad_input(fails: Callable[..., str], run: Run, houses: Path, model: str, tmp_path: Path) -> None:
    assert "Did you mean 'xor-no-bias'" in fails("diagnose", "xor-no-bais")
    assert "glassgrad train digits" in fails("diagnose", "digits")
    assert "xor, xor-no-bias, two-two-two" in fails("diagnose", "circuit-max")
    assert "rows of its own" in fails("diagnose", "xor", houses)
    assert "'en' and 'ko'" in fails("diagnose", "xor", "--lang", "kr")
    assert "nothing.csv" in fails("diagnose", model, "nothing.csv")
    assert "no checkpoint" in fails("diagnose", _empty(tmp_path), houses)
    other = write_houses(tmp_path / "other.csv")
    other.write_text(other.read_text().replace("town", "city"))
    assert "no column 'town'" in fails("diagnose", model, other)
    other.write_text(other.read_text().replace("price", "cost").replace("city", "town"))
    assert "price" in fails("diagnose", model, other)
    other.write_bytes(b"no model")
    fails("diagnose", other, houses)


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"
