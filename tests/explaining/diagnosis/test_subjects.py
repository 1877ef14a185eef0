"""Whoever can be diagnosed: networks with arrays, learners with raw rows, checkpoints; and what is refused, and how."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cases import blobs, prices, train

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.errors import DataError, DTypeError, GlassgradError, ModelFileError, OptionError, ShapeError
from glassgrad.explaining.diagnosis import Diagnosis
from glassgrad.explaining.document import Paragraph, Table
from glassgrad.language import LANGUAGES
from glassgrad.learner import Recipe


def table(rows: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    size, age = rng.gamma(4.0, 25.0, rows), rng.uniform(0, 40, rows)
    town = rng.choice(["Seoul", "Busan"], rows)
    price = 1000 * size * (1 + (town == "Seoul")) - 500 * age + rng.normal(0, 5000, rows)
    return pl.DataFrame({"size": size, "age": age, "town": town, "price": price})


RECIPE = Recipe(hidden=(16,), epochs=5)


@pytest.fixture(scope="module")
def learner() -> gg.Learner:
    return gg.Learner.train(table(), target="price", recipe=RECIPE, progress=False)


# --- learners ---


def test_a_learner_with_raw_rows(learner: gg.Learner) -> None:
    found = gg.diagnose(learner, table())
    assert list(found) == []
    assert "200 of 200 rows" in found.examined.en
    assert found.skipped == ()


def test_a_learner_without_rows_is_examined_as_far_as_that_goes(learner: gg.Learner) -> None:
    found = gg.diagnose(learner)
    assert list(found) == []
    assert "no rows" in found.skipped[0].en


def test_a_learner_of_classes_names_them() -> None:
    rng = np.random.default_rng(0)
    frame = table(800).with_columns(pl.Series("cheap", np.where(rng.uniform(size=800) < 0.03, "yes", "no")))
    learner = gg.Learner.train(frame.drop("price"), target="cheap", recipe=RECIPE, progress=False)
    assert [str(v.place) for v in gg.diagnose(learner, frame) if v.key == "class-imbalance"] == ["class yes"]


def test_a_model_file_and_checkpoints(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    learner = gg.Learner.train(table(), target="price", recipe=RECIPE, progress=False, checkpoint_dir=folder)
    learner.save(tmp_path / "model.safetensors")
    newest = sorted(folder.iterdir())[-1]
    for path in (tmp_path / "model.safetensors", str(folder), newest):
        found = gg.diagnose(path, table())
        assert list(found) == []
        assert "200 of 200 rows" in found.examined.en


def test_checkpoints_hold_the_weights_of_their_step(tmp_path: Path) -> None:
    recipe = Recipe(hidden=(16,), epochs=4, patience=50)
    gg.Learner.train(table(), target="price", recipe=recipe, progress=False, checkpoint_dir=tmp_path)
    losses = [
        float(re.findall(r"loss is ([\d.e-]+);", gg.diagnose(path, table()).examined.en)[0])
        for path in sorted(tmp_path.iterdir())
    ]
    assert len(set(losses)) == len(losses) == 3


def test_rows_of_a_file_are_named_by_their_line(tmp_path: Path) -> None:
    """A price that float32 cannot hold becomes an infinity."""
    path = tmp_path / "houses.csv"
    table().write_csv(path)
    learner = gg.Learner.train(path, target="price", recipe=RECIPE, progress=False)
    lines = path.read_text().splitlines()
    lines[7] = ",".join([*lines[7].split(",")[:3], "1e300"])
    path.write_text("\n".join(lines))
    found = gg.diagnose(learner, path)
    assert [(v.key, str(v.place), v.place.text.ko) for v in found][:1] == [
        ("not-finite", "line 8", "8번째 줄")
    ]


# --- what is refused ---


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((), DataError, ["needs rows", "gg.diagnose(model, X, y)"]),
        ((blobs()[0],), DataError, ["targets"]),
        ((blobs()[0][:, :5], blobs()[1]), ShapeError, ["(…, 6)", "5"]),
        ((blobs()[0], blobs()[1][:7]), ShapeError, ["300 rows", "(7,)"]),
        ((blobs()[0][:, 0], blobs()[1]), ShapeError, ["(n, features)"]),
        ((blobs()[0], blobs()[1].astype(str)), DataError, ["class names need numbers"]),
        ((blobs()[0].astype(str), blobs()[1]), DTypeError, ["texts"]),
        ((blobs()[0][:0], blobs()[1][:0]), DataError, ["empty"]),
        ((blobs()[0], blobs()[1] + 5), GlassgradError, ["class"]),
    ],
)
def test_bad_rows(arguments: tuple[Any, ...], error: type[Exception], words: list[str]) -> None:
    with pytest.raises(error) as caught:
        gg.diagnose(nn.mlp(6, 8, 3, seed=0), *arguments)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "crossentropy"}, "cross_entropy"),
        ({"optimizer": "adm"}, "adam"),
        ({"history": [1.0, 0.5]}, "gg.History"),
        ({"validation": 0.2}, "(X, y)"),
    ],
)
def test_bad_settings(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=re.escape(words)):
        gg.diagnose(nn.mlp(6, 8, 3, seed=0), *blobs(), **settings)


def test_what_a_learner_knows_is_not_given_again(learner: gg.Learner) -> None:
    with pytest.raises(OptionError, match="loss is known to the learner"):
        gg.diagnose(learner, table(), loss="mse")
    with pytest.raises(DataError, match="no column 'age'"):
        gg.diagnose(learner, table().drop("age"))
    with pytest.raises(DataError, match="price"):
        gg.diagnose(learner, table().drop("price"))


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="takes a network, a learner"):
        gg.diagnose(3.0)
    with pytest.raises(ModelFileError, match="no checkpoint"):
        gg.diagnose(tmp_path)
    with pytest.raises(ModelFileError):
        gg.diagnose(tmp_path / "absent.safetensors")
    train(nn.mlp(6, 8, 3, seed=0), *blobs(), epochs=1, checkpoint_dir=tmp_path)
    with pytest.raises(ModelFileError, match="was not made by `glassgrad train`"):
        gg.diagnose(tmp_path)


def test_a_network_without_parameters() -> None:
    with pytest.raises(OptionError, match="no parameters"):
        gg.diagnose(nn.Sequential(nn.ReLU()), *prices())


# --- as a document ---


def many_faults() -> Diagnosis:
    X, y = blobs()
    X = 1000 * X
    X[5, 2] = np.nan
    model = nn.Sequential(nn.Linear(6, 8, seed=0), nn.Linear(8, 3, seed=1), nn.Softmax())
    return gg.diagnose(model, X, y, optimizer=optim.SGD(lr=0.1))


def test_faults_come_first() -> None:
    found = many_faults()
    assert {"not-finite", "unscaled-inputs", "softmax-twice", "linear-layers"} <= {v.key for v in found}
    severities = [verdict.severity for verdict in found]
    assert severities == sorted(severities)
    assert found[0] in found
    assert "overfitting" not in found
    assert "not-finite" in repr(found)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_document_has_every_verdict_in_both_languages(lang: Any) -> None:
    found = many_faults()
    document = found.document()
    assert len(document.sections) == 1 + len(found)
    assert len({section.key for section in document.sections}) == len(document.sections)
    texts = [document.title, *(section.title for section in document.sections)]
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Paragraph):
                texts.append(block.text)
            if isinstance(block, Table):
                assert len(block.rows) == len(found)
    for text in texts:
        assert text.to(lang).strip()
        assert not re.search(r"[{}]", text.to(lang))
        assert bool(re.search("[가-힣]", text.to(lang))) is (lang == "ko")
    shown = found.text(lang=lang)
    for verdict in found:
        assert verdict.title.to(lang) in shown


def test_a_notebook_shows_it() -> None:
    bundle = many_faults()._repr_mimebundle_()
    assert "unscaled inputs" in bundle["text/plain"]
    assert "<script" not in bundle["text/html"]


def test_nothing_found_is_said() -> None:
    found = gg.diagnose(nn.mlp(6, 8, 3, seed=0), *blobs())
    assert "No fault was found" in str(found)
    assert "결함을 찾지 못했다" in found.text(lang="ko")
