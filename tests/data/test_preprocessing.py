from __future__ import annotations

import datetime
import json
import zlib

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad.data import Arrays, Preprocessing, Report, Table, infer, preprocessing
from glassgrad.data.steps import Hash, OneHot, Standardise, smooth_clip
from glassgrad.errors import DataError, ModelFileError, ShapeError


def table(frame: dict | pl.DataFrame) -> Table:
    return Table(pl.DataFrame(frame, strict=False), "data.csv")


number = st.floats(-1e6, 1e6, allow_nan=False).map(str) | st.none()
town = st.sampled_from(["a", "b", "c", "서울", None])


@st.composite
def tables(draw):
    rows = draw(st.integers(3, 30))
    columns = {f"x{i}": draw(st.lists(number, min_size=rows, max_size=rows)) for i in range(2)}
    columns["town"] = draw(st.lists(town, min_size=rows, max_size=rows))
    columns["one"] = [str(i) for i in range(rows)]
    if draw(st.booleans()):
        columns["y"] = draw(st.lists(st.sampled_from(["yes", "no"]), min_size=rows - 2, max_size=rows - 2))
        columns["y"] += ["yes", "no"]
    else:
        spread = st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 3))
        columns["y"] = draw(st.lists(spread, min_size=rows, max_size=rows).filter(lambda y: np.std(y) > 1e-3))
    return table(
        pl.DataFrame(columns, schema_overrides={"x0": pl.String, "x1": pl.String, "town": pl.String})
    )


@settings(max_examples=80, deadline=None)
@given(tables())
def test_json_round_trip_blocks_and_inverse(data):
    fitted = Preprocessing.fit(data, target="y")
    again = Preprocessing.from_json(fitted.to_json())
    assert again == fitted
    features = fitted.transform(data, np.float64)
    assert features.shape == (data.height, fitted.n_features) == (data.height, len(fitted.feature_names))
    assert np.isfinite(features).all()
    assert np.array_equal(again.transform(data, np.float64), features)
    blocks = [fitted.transform(block, np.float64) for block in data.blocks(7)]
    assert np.array_equal(np.concatenate(blocks), features)
    assert np.array_equal(fitted.transform(data), features.astype(np.float32))
    target = fitted.target(data)
    raw = data.frame["y"].to_numpy()
    if fitted.task == "classification":
        assert target.dtype == np.int64
        assert fitted.inverse_target(target).tolist() == raw.tolist()
    else:
        assert target.dtype == np.float64
        np.testing.assert_allclose(
            fitted.inverse_target(target), raw, rtol=1e-9, atol=1e-9 * np.abs(raw).max()
        )


def test_inner_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    data = table({"x": rng.normal(size=100), "t": rng.choice(list("abc"), 100), "y": rng.normal(size=100)})
    fitted = Preprocessing.fit(data, target="y")
    whole = fitted.transform(data)
    monkeypatch.setattr(preprocessing, "_BLOCK_ROWS", 7)
    monkeypatch.setattr(preprocessing, "_CACHED_CELLS", 9)
    assert np.array_equal(fitted.transform(data), whole)


def test_numbers_by_hand():
    data = table({"x": ["1", "2", "3", "4", "5", None], "y": [1.0, 2, 3, 4, 5, 6]})
    fitted = Preprocessing.fit(data, target="y", task="regression")
    z = np.array([-2, -1, 0, 1, 2, 0]) / 2  # median 3, quartiles 2 and 4
    expected = np.stack([z / np.sqrt(1 + (z / 3) ** 2), [0, 0, 0, 0, 0, 1]], axis=1)
    np.testing.assert_allclose(fitted.transform(data, np.float64), expected, rtol=1e-12)
    assert fitted.feature_names == ["x", "x is missing"]


def test_the_next_wider_range_is_taken_where_the_quartiles_meet():
    x = np.zeros(100)
    x[:10] = 7.0
    fitted = Preprocessing.fit(table({"x": x, "y": np.arange(100.0)}), target="y")
    scales = [step.scale for step in fitted.table_steps if isinstance(step, Standardise)]
    assert scales == [7.0]


def test_outliers_are_clipped_smoothly():
    assert smooth_clip(np.array([1e300, -1e300]), 3.0).tolist() == [3.0, -3.0]
    data = table({"x": [1e308, -1e308, 0.0], "y": [1.0, 2.0, 3.0]})
    step = Standardise("x", -1e308, 1e-3, 3.0)
    features = {("x", "value"): data.frame["x"].to_numpy()}
    step.apply(data, features, Report())
    assert features["x", "value"].tolist() == [3.0, 0.0, 3.0]
    x = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(smooth_clip(x, 3.0), x / np.sqrt(1 + (x / 3) ** 2), rtol=1e-12)


def test_many_categories_are_grouped():
    names = [f"common {i}" for i in range(60) for _ in range(10)] + [f"rare {i}" for i in range(9)]
    data = table({"c": names, "y": np.arange(609.0)})
    fitted = Preprocessing.fit(data, target="y")
    (step,) = fitted.table_steps
    assert isinstance(step, OneHot)
    assert (len(step.categories), len(step.rare)) == (60, 9)
    features = fitted.transform(data)
    assert np.array_equal(features.sum(axis=1), np.ones(609))
    assert features[:, fitted.feature_names.index("c is rare")].sum() == 9
    report = Report()
    new = fitted.transform(table({"c": ["new", "rare 3", "common 1"]}), report=report)
    assert new[:2, -1].tolist() == [1, 1]
    assert report.unseen == {"c": 1}
    assert "'c': 1 cell holds" in report.notes()[0]


def test_nearly_unique_texts_are_hashed_and_noted():
    data = table({"name": [f"name {i}" for i in range(200)], "y": np.arange(200.0)})
    fitted = Preprocessing.fit(data, target="y")
    assert isinstance(fitted.table_steps[0], Hash)
    assert "hashed" in fitted.notes[-1]
    features = fitted.transform(data)
    assert np.array_equal(features.sum(axis=1), np.ones(200))
    assert features[3].argmax() == zlib.crc32(b"name 3") % 64


def test_unseen_category_without_a_rare_one_is_no_category():
    fitted = Preprocessing.fit(table({"c": ["a", "b"] * 5, "y": np.arange(10.0)}), target="y")
    report = Report()
    assert fitted.transform(table({"c": ["z", None]}), report=report).tolist() == [[0, 0], [0, 0]]
    assert (report.unseen, report.imputed) == ({"c": 1}, {"c": 1})


def test_missing_numbers_at_prediction_become_the_median():
    fitted = Preprocessing.fit(
        table({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]}), target="y", task="regression"
    )
    report = Report()
    assert fitted.transform(table({"x": ["2", None]}), report=report).tolist() == [[0], [0]]
    assert report.imputed == {"x": 1}


def test_booleans_and_dates_are_the_same_from_every_container():
    days = [datetime.date(2026, 1, day) for day in (1, 2, 3, 5)]
    data = table({"b": [True, False, None, True], "d": days, "y": [1.0, 2.0, 3.0, 4.0]})
    fitted = Preprocessing.fit(data, target="y", task="regression")
    as_text = table({"b": ["TRUE", "false", None, "True"], "d": [day.isoformat() for day in days]})
    as_times = table({"b": [True, False, None, True], "d": [f"{day}T00:00:00" for day in days]})
    assert np.array_equal(fitted.transform(data), fitted.transform(as_text))
    assert np.array_equal(fitted.transform(data), fitted.transform(as_times))
    assert fitted.feature_names == ["b", "b is missing", "d"]


def test_constant_and_missing_columns_are_left_out_and_noted():
    data = table({"x": ["1", "2", "3"], "c": ["k"] * 3, "m": [None] * 3, "y": [1.0, 2.0, 3.0]})
    fitted = Preprocessing.fit(data, target="y", task="regression")
    assert fitted.feature_names == ["x"]
    assert "'c'" in fitted.notes[0]
    assert "'m'" in fitted.notes[1]


def test_a_column_constant_in_the_training_rows_only():
    data = table({"x": ["1", "1", "2"], "z": ["1", "2", "3"], "y": [1.0, 2.0, 3.0]})
    fitted = Preprocessing.fit(data.take([0, 1]), infer(data, "y"), target="y", task="regression")
    assert fitted.feature_names == ["z"]
    assert "'x'" in fitted.notes[0]


def refused(data: Table | Arrays, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        Preprocessing.fit(data, **options)
    assert len(str(caught.value).splitlines()) <= 3
    return str(caught.value)


def test_bad_targets():
    x = [str(i) for i in range(30)]
    assert "one class only: 'a' in all 30" in refused(table({"x": x, "y": ["a"] * 30}), target="y")
    missing = [None, *map(str, range(28)), None]
    text = refused(table({"x": x, "y": missing}), target="y", task="regression")
    assert "missing in 2 of 30 rows, first on row 1" in text
    assert "is not missing" in text
    assert "Did you mean 'y'" in refused(table({"x": x, "y": x}), target="Y")
    assert "target=" in refused(table({"x": x, "y": x}))
    assert "nearly every row" in refused(table({"x": x, "y": [f"n{i}" for i in x]}), target="y")
    assert "nothing to learn" in refused(table({"x": x, "y": ["3"] * 30}), target="y", task="regression")
    assert "row 1, column 'y'" in refused(
        table({"x": x, "y": ["a", "b"] * 15}), target="y", task="regression"
    )
    assert "no column to learn" in refused(table({"y": ["a", "b"] * 15}), target="y")
    infinite = table({"x": x, "y": [float("inf"), *range(29)]})
    assert "inf" in refused(infinite, target="y")


def test_a_missing_column_at_prediction():
    fitted = Preprocessing.fit(table({"size": ["1", "2", "3"], "y": ["a", "b", "a"]}), target="y")
    with pytest.raises(DataError, match=r"no column 'size'(.|\n)*Did you mean 'sizes'"):
        fitted.transform(table({"sizes": ["1"]}))


def test_a_text_in_a_column_of_numbers_at_prediction():
    fitted = Preprocessing.fit(table({"x": ["1", "2", "3"], "y": ["a", "b", "a"]}), target="y")
    with pytest.raises(DataError, match="row 2, column 'x': found the text 'big'"):
        fitted.transform(table({"x": ["1", "big"]}))


def test_an_unseen_label_teaches():
    fitted = Preprocessing.fit(table({"x": ["1", "2", "3"], "y": ["<=50K", ">50K", ">50K"]}), target="y")
    with pytest.raises(DataError, match=r"row 2, column 'y': the label '<=50K.'(.|\n)*Did you mean '<=50K'"):
        fitted.target(table({"y": [">50K", "<=50K."]}))


def test_classes_are_in_the_order_of_their_numbers():
    fitted = Preprocessing.fit(table({"x": ["1", "2"] * 10, "y": ["10", "9"] * 10}), target="y")
    assert fitted.target_encoding.classes == ("9", "10")
    assert fitted.target(table({"y": [9.0, 10.0]})).tolist() == [0, 1]


def test_images():
    X = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    data = Arrays(X, np.array([1, 0]), "images", "images", None, ("cat", "dog"))
    fitted = Preprocessing.fit(data)
    np.testing.assert_allclose(fitted.transform(data), X.reshape(2, 12) / 23, rtol=1e-6)
    assert fitted.inverse_target(fitted.target(data)).tolist() == ["dog", "cat"]
    assert Preprocessing.from_json(fitted.to_json()) == fitted
    assert (fitted.feature_names[5], fitted.n_features) == ("x[1, 1]", 12)
    with pytest.raises(ShapeError, match=r"\(4, 3\)"):
        fitted.transform(Arrays(X.reshape(2, 4, 3), None, "others", "images"))
    with pytest.raises(DataError, match="is a table"):
        fitted.transform(table({"x": [1]}))
    assert "Every pixel" in refused(Arrays(np.zeros((2, 3, 3)), np.array([0, 1]), "dark", "images"))


def test_arrays():
    X = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    data = Arrays(X, np.array([0.5, 1.0, 3.0]), "array", "array")
    fitted = Preprocessing.fit(data)
    np.testing.assert_allclose(fitted.transform(data, np.float64)[:, 1], 0)
    np.testing.assert_allclose(fitted.inverse_target(fitted.target(data)), data.y)
    assert "1 of 2 features" in fitted.notes[0]
    assert Preprocessing.from_json(fitted.to_json()) == fitted
    table_model = Preprocessing.fit(table({"x": ["1", "2"] * 3, "y": ["a", "b"] * 3}), target="y")
    with pytest.raises(DataError, match="trained on a table"):
        table_model.transform(data)
    for y, words in [(np.ones((3, 1)), "y[:, 0]"), (np.array(["a", "b", "b"]), "texts")]:
        assert words in refused(Arrays(X, y, "array", "array"), task="regression")


def damaged(change) -> str:
    data = table({"x": ["1", "2", None], "c": ["a", "b", "a"], "y": ["a", "b", "a"]})
    record = json.loads(Preprocessing.fit(data, target="y").to_json())
    change(record)
    with pytest.raises(ModelFileError) as caught:
        Preprocessing.from_json(json.dumps(record))
    return str(caught.value)


def test_a_lying_record_is_refused():
    steps = "table_steps"
    assert "damaged" in damaged(lambda r: r.pop("task"))
    assert "damaged" in damaged(lambda r: r.update(task="guessing"))
    assert "damaged" in damaged(lambda r: r.update(extra=1))
    assert "damaged" in damaged(lambda r: r[steps][0].update(value=None))
    assert "damaged" in damaged(lambda r: r[steps][0].update(step="eval"))
    assert "above 0" in damaged(lambda r: r[steps][1].update(scale=0.0))
    assert "before it is imputed" in damaged(lambda r: r[steps].pop(0))
    assert "each once" in damaged(lambda r: r[steps][2].update(categories=["a", "a"]))
    many = {"step": "hash", "column": "c", "buckets": 10**12}
    assert "1000000000004 features" in damaged(lambda r: r[steps].append(many))
    assert "buckets" in damaged(lambda r: r[steps].append({**many, "buckets": 10**5}))
    assert "at least two" in damaged(lambda r: r["target_encoding"].update(classes=["a"]))
    assert "task regression" in damaged(lambda r: r.update(task="regression"))
    assert "table or for an array" in damaged(lambda r: r.update(table_steps=[]))
    assert "newer glassgrad" in damaged(lambda r: r.update(version=99))
    scale = [{"step": "scale", "divisor": 1.0}]
    huge = {"table_steps": [], "array_steps": scale, "feature_shape": [1 << 40]}
    assert "features" in damaged(lambda r: r.update(huge))
    short = [{"step": "standardise_features", "centre": [0.0], "scale": [1.0], "clip": 3.0}]
    assert "2 numbers" in damaged(lambda r: r.update({**huge, "array_steps": short, "feature_shape": [2]}))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_cut_or_altered_text_is_refused_or_still_valid(data):
    text = bytearray(
        Preprocessing.fit(table({"x": ["1", "2", None], "y": ["a", "b", "a"]}), target="y").to_json(), "utf-8"
    )
    if data.draw(st.booleans()):
        with pytest.raises(ModelFileError):
            Preprocessing.from_json(bytes(text[: data.draw(st.integers(0, len(text) - 1))]))
        return
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        record = Preprocessing.from_json(bytes(text))
    except ModelFileError:
        return
    assert msgspec.json.decode(record.to_json())["task"] in ("classification", "regression")


def test_describe_names_every_column_and_the_target():
    fitted = Preprocessing.fit(
        table({"x": ["1", "2", None], "c": ["a", "b", "a"], "y": ["a", "b", "a"]}), target="y"
    )
    rows = dict(fitted.describe())
    assert list(rows) == ["x", "c", "y (target)"]
    assert "indicator" in rows["x"]
    assert "2 categories" in rows["c"]
    assert "'a', 'b'" in rows["y (target)"]
