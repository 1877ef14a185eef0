"""Preparation: nothing is learnt from rows that are held back."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from glassgrad.data import Arrays, Table
from glassgrad.errors import DataError
from glassgrad.learner.preparation import prepare
from glassgrad.learner.recipe import Recipe

RNG = np.random.default_rng(0)


def table(rows: int = 100) -> Table:
    x, town = RNG.normal(size=rows), RNG.choice(["a", "b"], rows)
    return Table(pl.DataFrame({"x": x, "town": town, "y": x + 0.1 * RNG.normal(size=rows)}), "numbers")


def test_rows_that_are_held_back_teach_the_preprocessing_nothing() -> None:
    whole = table()
    first = prepare(whole, target="y")
    held = np.isin(np.arange(100), _rows_of(whole, first.train.X[:, 0]), invert=True)
    spoiled = whole.with_frame(
        whole.frame.with_columns(pl.when(pl.Series(held)).then(1e6).otherwise(pl.col("x")).alias("x"))
    )
    second = prepare(spoiled, target="y", task="regression")
    assert second.preprocessing == first.preprocessing
    np.testing.assert_array_equal(second.train.X, first.train.X)


def _rows_of(whole: Table, feature: np.ndarray) -> np.ndarray:
    """Return the rows whose x comes in this order as the feature (which is monotonous in x)."""
    from glassgrad.data import split_rows

    rows = split_rows(whole.height, validation=0.1, test=0.2, seed=0).train
    order = whole.frame["x"].to_numpy()[rows]
    assert (np.argsort(order) == np.argsort(feature)).all()
    return rows


def test_parts_have_the_shares_asked_for_and_every_class() -> None:
    labels = np.repeat([0, 1, 2], [80, 15, 5])
    data = Arrays(RNG.normal(size=(100, 3)), labels, "numbers", "array")
    prepared = prepare(data, task="classification", recipe=Recipe(validation=0.2, test=0.2))
    for part in (prepared.train, prepared.validation, prepared.test):
        assert part is not None
        assert set(part.y.tolist()) == {0, 1, 2}
    assert len(prepared.train) == 60
    assert prepared.classes == 3


def test_a_test_set_that_came_with_the_data_is_used() -> None:
    test = Arrays(RNG.integers(0, 9, (7, 2, 2)).astype(np.uint8), np.arange(7) % 2, "t", "images")
    data = Arrays(RNG.integers(0, 9, (40, 2, 2)).astype(np.uint8), np.arange(40) % 2, "d", "images", test)
    prepared = prepare(data)
    assert prepared.test is not None
    assert (len(prepared.train), len(prepared.test)) == (36, 7)


def test_shares_of_zero_leave_parts_out() -> None:
    prepared = prepare(table(), target="y", recipe=Recipe(validation=0, test=0))
    assert prepared.validation is None
    assert prepared.test is None
    assert len(prepared.train) == 100
    assert prepared.recipe.patience is None


def test_float64_is_float64_throughout() -> None:
    assert prepare(table(), target="y", recipe=Recipe(dtype="float64")).train.X.dtype == np.float64


def test_the_target_is_named_where_it_is_missing() -> None:
    with pytest.raises(DataError, match="Name the column to learn"):
        prepare(table())
    with pytest.raises(DataError, match="has one class only"):
        prepare(Table(pl.DataFrame({"x": [1.0, 2.0], "y": ["a", "a"]})), target="y")
    with pytest.raises(DataError, match="2 rows cannot be split into 3 parts"):
        prepare(Table(pl.DataFrame({"x": [1.0, 2.0], "y": [0.5, 1.5]})), target="y")
