"""Real data, end to end: figures that must be reached (minutes: ``pytest -m slow``), predict against evaluate."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from glassgrad.training.metrics import accuracy, rmse

from .conftest import DATA, Run

MNIST, HOUSING = DATA / "mnist", DATA / "california_housing" / "housing.csv"
APARTMENTS, PRICE = DATA / "kr_apartments" / "apartment_bundang_cp949.csv", "거래금액(만원)"
ADULT = DATA / "adult" / "adult-train.csv"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data ({DATA.name}) is not here")


def figures(
    run: Run, source: object, key: str, *options: object, seeds: int = 5
) -> tuple[list[float], list[float]]:
    """Train with each seed; return a figure of the network and of the linear model."""
    documents = [run("train", source, *options, "--seed", seed, "--json").json for seed in range(seeds)]
    return [d["test"][key] for d in documents], [d["baselines"]["linear"][key] for d in documents]


@pytest.mark.slow
def test_digits_reach_97_percent(run: Run) -> None:
    network, linear = figures(run, "digits", "accuracy")
    assert np.mean(network) >= 0.97
    assert np.mean(network) > np.mean(linear)


@needs_data
@pytest.mark.slow
def test_mnist_reaches_97_and_a_half_percent(run: Run) -> None:
    network, linear = figures(run, MNIST, "accuracy")
    assert run("show", "mnist.safetensors", "--json").json["layers"][0]["shape"] == [128, 784]
    assert np.mean(network) >= 0.975
    assert min(network) > max(linear)


@needs_data
@pytest.mark.slow
def test_california_housing_within_55_000_dollars(run: Run) -> None:
    network, linear = figures(run, HOUSING, "rmse", "--target", "median_house_value")
    assert np.mean(network) <= 55_000
    assert max(network) < min(linear)


@needs_data
@pytest.mark.slow
def test_korean_apartments_beat_the_linear_model(run: Run) -> None:
    network, linear = figures(run, APARTMENTS, "rmse", "--target", PRICE)
    assert all(a < b for a, b in zip(network, linear, strict=True))


@needs_data
def test_predictions_on_the_raw_korean_file_reproduce_the_figures(run: Run) -> None:
    assert (
        run("train", APARTMENTS, "--target", PRICE, "--epochs", 3, "--quiet", "--out", "m.safetensors").code
        == 0
    )
    scores = run("evaluate", "m.safetensors", APARTMENTS, "--json").json
    assert scores["rows"] == 6156
    assert run("predict", "m.safetensors", APARTMENTS, "-o", "p.csv").code == 0
    with open("p.csv", encoding="utf-8", newline="") as file:
        given = np.array([float(row["prediction"]) for row in csv.DictReader(file)])
    with APARTMENTS.open(encoding="cp949", newline="") as file:
        wanted = np.array([float(row[PRICE].replace(",", "")) for row in csv.DictReader(file)])
    assert scores["test"]["rmse"] == pytest.approx(rmse(given, wanted), rel=1e-9)


@needs_data
def test_predictions_of_classes_reproduce_the_accuracy(run: Run, tmp_path: Path) -> None:
    some = tmp_path / "adult.csv"
    some.write_bytes(b"".join(ADULT.read_bytes().splitlines(keepends=True)[:4000]))
    assert run("train", some, "--target", "column_15", "--epochs", 3, "--quiet").code == 0
    scores = run("evaluate", "adult.safetensors", some, "--json").json["test"]
    assert scores["accuracy"] > 0.8
    run("predict", "adult.safetensors", some, "-o", "p.csv")
    with open("p.csv", encoding="utf-8", newline="") as file:
        given = np.array([row["prediction"] for row in csv.DictReader(file)])
    with some.open(encoding="utf-8", newline="") as file:
        wanted = np.array([row[-1].strip() for row in csv.reader(file) if row])
    right = (given == wanted).astype(float)
    assert scores["accuracy"] == accuracy(np.column_stack([1 - right, right]), np.ones(len(right)))
