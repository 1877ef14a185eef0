"""``glassgrad predict`` and ``evaluate``: predictions on raw rows reproduce the figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from glassgrad.training.metrics import mae, r2, rmse

from .conftest import QUICK, Run


@pytest.fixture
def model(run: Run, houses: Path, tmp_path: Path) -> Path:
    assert run("train", houses, "--target", "price", *QUICK, "--quiet").code == 0
    return tmp_path / "houses.safetensors"


def test_predictions_reproduce_the_figures_of_evaluate(run: Run, houses: Path, model: Path) -> None:
    scores = run("evaluate", model, houses, "--json").json["test"]
    assert run("predict", model, houses, "-o", "p.csv").code == 0
    given = pl.read_csv("p.csv")["prediction"].to_numpy()
    with houses.open(encoding="utf-8") as file:
        wanted = np.array([float(row["price"].replace(",", "")) for row in csv.DictReader(file)])
    assert scores["rmse"] == pytest.approx(rmse(given, wanted), rel=1e-12)
    assert scores["mae"] == pytest.approx(mae(given, wanted), rel=1e-12)
    assert scores["r2"] == pytest.approx(r2(given, wanted), rel=1e-12)


def test_every_row_has_a_line_that_names_its_place(run: Run, houses: Path, model: Path) -> None:
    result = run("predict", model, houses, "-o", "p.csv")
    assert result.out == "120 predictions written to p.csv\n"
    frame = pl.read_csv("p.csv")
    assert frame.columns == ["line", "prediction"]
    assert frame["line"].to_list() == list(range(2, 122))


def test_the_target_may_be_absent(run: Run, houses: Path, model: Path, tmp_path: Path) -> None:
    whole = run("predict", model, houses).out
    rows = list(csv.reader(houses.open(encoding="utf-8")))
    with (tmp_path / "raw.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([row[1::-1] for row in rows])  # no price, and the columns turned around
    assert run("predict", model, "raw.csv").out == whole


def test_without_a_file_the_table_goes_to_standard_output(run: Run, houses: Path, model: Path) -> None:
    result = run("predict", model, houses)
    run("predict", model, houses, "-o", "p.csv")
    assert result.out == Path("p.csv").read_text(encoding="utf-8")


def test_classes_come_with_their_probabilities(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=90)
    names = np.array(["low", "mid", "high"])[np.digitize(x, [-0.5, 0.5])]
    pl.DataFrame({"x": x, "kind": names}).write_csv(tmp_path / "d.csv")
    assert run("train", "d.csv", "--target", "kind", *QUICK, "--quiet").code == 0
    table = list(csv.DictReader(io.StringIO(run("predict", "d.safetensors", "d.csv").out)))
    assert list(table[0]) == [
        "line",
        "prediction",
        "probability of high",
        "probability of low",
        "probability of mid",
    ]
    right = 0
    for row, name in zip(table, names, strict=True):
        p = {key.removeprefix("probability of "): float(row[key]) for key in list(row)[2:]}
        assert sum(p.values()) == pytest.approx(1, abs=1e-5)
        assert max(p, key=lambda each: p[each]) == row["prediction"]
        right += row["prediction"] == name
    scores = run("evaluate", "d.safetensors", "d.csv", "--json").json["test"]
    assert scores["accuracy"] == right / 90


def test_images_are_named_by_their_files(run: Run, tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for name, grey in (("dark", 40), ("light", 200)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(12):
            pixels = (grey + rng.integers(-30, 30, (4, 4))).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i}.png")
    assert run("train", "images", "--epochs", 20, "--quiet").code == 0
    Image.fromarray(np.full((4, 4), 210, np.uint8)).save(tmp_path / "one.png")
    table = list(csv.DictReader(io.StringIO(run("predict", "images.safetensors", "one.png").out)))
    assert table[0]["prediction"] == "light"
    assert table[0]["file"] == "one.png"


def test_figures_on_the_training_rows_come_with_a_warning(run: Run, houses: Path, model: Path) -> None:
    result = run("evaluate", model, houses)
    assert "trained on most of these rows" in result.out
    assert "on 120 rows" in result.out
    fewer = run("evaluate", model, houses, "--where", "size > 50")
    assert "trained on most" not in fewer.out


def test_show_tells_what_is_in_the_file(run: Run, model: Path) -> None:
    result = run("show", model)
    assert result.code == 0
    for part in (
        "regression, learnt from houses.csv",
        "Linear(in_features=4",
        "by adamw",
        "linear model (ridge)",
    ):
        assert part in result.out


def test_a_parquet_file_or_other_rows_do_as_well(run: Run, houses: Path, model: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(houses, null_values=["-"]).with_columns(
        pl.col("price").str.replace_all(",", "").cast(pl.Int64)
    )
    frame.write_parquet(tmp_path / "houses.parquet")
    a = run("evaluate", model, houses, "--json").json["test"]
    b = run("evaluate", model, "houses.parquet", "--json").json["test"]
    assert a == pytest.approx(b, rel=1e-12)


def test_the_data_and_the_model_are_never_replaced(
    run: Run, fails: Callable[..., str], houses: Path, tmp_path: Path
) -> None:
    run("train", houses, "--target", "price", *QUICK, "--quiet")
    (tmp_path / "link.csv").symlink_to(houses)
    (tmp_path / "hard.csv").hardlink_to(houses)
    for out in ("houses.csv", "link.csv", "hard.csv"):
        message = fails("predict", "houses.safetensors", houses, "-o", out)
        assert message == f"-o {out} would replace the data; name another file.\n"
    message = fails("predict", "houses.safetensors", houses, "-o", "./houses.safetensors")
    assert message == "-o houses.safetensors would replace the model; name another file.\n"


def test_a_full_disk_is_named_with_the_file(
    run: Run, fails: Callable[..., str], houses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    run("train", houses, "--target", "price", *QUICK, "--quiet")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    message = fails("predict", "houses.safetensors", houses, "-o", "p.csv")
    assert message == "No space left on device: 'p.csv'.\n"
