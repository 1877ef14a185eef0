"""``--json``: one object on standard output, with the keys that docs/json.md promises."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import QUICK, Run

DOCUMENT = Path(__file__).parents[2] / "docs" / "json.md"
NUMBER = int | float


def documented(command: str) -> set[str]:
    """Return the keys in the table of a command's section."""
    text = DOCUMENT.read_text(encoding="utf-8")
    common = re.search(r"## Every command\n(.*?)\n## ", text, re.DOTALL)
    section = re.search(rf"## `{command}`\n(.*?)(\n## |\Z)", text, re.DOTALL)
    assert common is not None
    assert section is not None
    return set(re.findall(r"^\| `(\w+)` \|", common.group(1) + section.group(1), re.MULTILINE))


@pytest.fixture
def trained(run: Run, houses: Path) -> dict[str, Any]:
    return run("train", houses, "--target", "price", *QUICK, "--json").json


def test_train_prints_what_is_documented(trained: dict[str, Any]) -> None:
    assert set(trained) == documented("train")
    assert (trained["version"], trained["command"], trained["task"]) == (1, "train", "regression")
    assert (trained["engine"], trained["model"], trained["epochs"]) == ("native", "houses.safetensors", 2)
    assert isinstance(trained["seconds"], float)
    assert set(trained["test"]) == {"loss", "rmse", "mae", "r2"}
    assert all(isinstance(value, NUMBER) for value in trained["test"].values())
    assert set(trained["baselines"]) == {"trivial", "linear"}
    assert trained["rows"] == {"train": 84, "validation": 12, "test": 24}
    assert set(trained["history"]) == {"loss", "val_loss", "val_r2", "lr", "seconds"}
    assert all(len(values) == 2 for values in trained["history"].values())


def test_classification_has_an_accuracy(run: Run) -> None:
    document = run("train", "digits", *QUICK, "--json").json
    assert document["task"] == "classification"
    assert set(document["test"]) == {"loss", "accuracy"}
    assert 0 <= document["test"]["accuracy"] <= 1


def test_parts_that_were_not_held_back_are_null(run: Run, houses: Path) -> None:
    document = run(
        "train", houses, "--target", "price", *QUICK, "--json", "--test", 0, "--validation", 0
    ).json
    assert document["test"] is document["validation"] is document["baselines"] is None


def test_what_was_dropped_is_in_it(run: Run, houses: Path) -> None:
    options = ("--drop", "town", "--where", "size > 50")
    document = run("train", houses, "--target", "price", *QUICK, "--json", *options).json
    assert document["dropped"]["columns"] == ["town"]
    assert 0 < document["dropped"]["rows"]["size > 50"] < 120


def test_evaluate_prints_what_is_documented(run: Run, houses: Path, trained: dict[str, Any]) -> None:
    document = run("evaluate", "houses.safetensors", houses, "--json").json
    assert set(document) == documented("evaluate")
    assert (document["task"], document["rows"], document["epochs"]) == ("regression", 120, 2)
    assert set(document["test"]) == {"loss", "rmse", "mae", "r2"}
    assert "trained on most of these rows" in document["notes"][0]


def test_predict_prints_what_is_documented(run: Run, houses: Path, trained: dict[str, Any]) -> None:
    document = run("predict", "houses.safetensors", houses, "--json").json
    assert set(document) == documented("predict")
    assert len(document["predictions"]) == document["rows"] == 120
    assert document["probabilities"] is None
    into_a_file = run("predict", "houses.safetensors", houses, "--json", "-o", "p.csv").json
    assert set(into_a_file) == documented("predict")
    assert (into_a_file["out"], into_a_file["predictions"]) == ("p.csv", None)


def test_show_prints_what_is_documented(run: Run, houses: Path, trained: dict[str, Any]) -> None:
    document = run("show", "houses.safetensors", "--json").json
    assert set(document) == documented("show")
    same = ("task", "test", "baselines", "recipe", "history", "rows", "model")
    assert {key: document[key] for key in same} == {key: trained[key] for key in same}
    assert document["layers"][0] == {"name": "0.weight", "shape": [8, 4]}


def test_examples_prints_what_is_documented(run: Run) -> None:
    document = run("examples", "--json").json
    assert set(document) == documented("examples")
    assert {"xor", "digits"} <= {example["name"] for example in document["examples"]}
    shown = run("examples", "circuit-max", "--json").json
    assert shown["rows"][-1] == {"quantity": "∂f/∂w", "value": "0"}


def test_a_worked_example_has_the_keys_that_every_training_has(run: Run) -> None:
    document = run("train", "xor", "--epochs", 10, "--json").json
    assert {"task", "engine", "seconds", "model", "epochs", "test"} <= set(document)
    assert document["model"] is None
    assert set(document["test"]) == {"loss", "rmse", "mae", "r2"}


def test_every_command_takes_a_seed_and_json(run: Run, houses: Path, trained: dict[str, Any]) -> None:
    for command in (
        ("train", houses, "--target", "price", *QUICK),
        ("predict", "houses.safetensors", houses),
        ("evaluate", "houses.safetensors", houses),
        ("show", "houses.safetensors"),
        ("examples",),
    ):
        document = run(*command, "--seed", 3, "--json").json
        assert document["command"] == command[0]


def test_an_output_that_cannot_take_every_letter_gets_escapes(
    run: Run, houses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import json
    import sys

    houses.write_text(houses.read_text().replace("price", "거래금액"), encoding="utf-8")
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert run("train", houses, "--target", "거래금액", *QUICK, "--json").code == 0
    narrow.seek(0)
    assert json.loads(narrow.read())["source"] == "houses.csv"
