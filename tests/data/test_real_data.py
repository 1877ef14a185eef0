"""The real data sets beside the project; a fresh clone has none of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glassgrad.data import Preprocessing, Report, infer, infer_task, read, split_rows, where
from glassgrad.errors import DataError

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets (../shared/data) are absent")

KOREAN_PRICE = "거래금액(만원)"


def test_california_housing():
    table = read(DATA / "california_housing" / "housing.csv", target="median_house_value")
    schema = infer(table, "median_house_value")
    assert [column.name for column in schema.columns if column.missing] == ["total_bedrooms"]
    assert infer_task(table, "median_house_value") == "regression"
    parts = split_rows(table.height, validation=0.1, test=0.2, seed=0)
    train, test = table.take(parts.train), table.take(parts.test)
    fitted = Preprocessing.fit(train, schema, target="median_house_value")
    features = fitted.transform(test)
    assert features.shape == (4128, 14)
    assert np.abs(features).max() <= 3
    np.testing.assert_allclose(fitted.inverse_target(fitted.target(test)), test.parsed("median_house_value"))
    assert fitted.notes == ()


def test_adult():
    train = read(DATA / "adult" / "adult-train.csv")
    assert (train.height, len(train.columns), train.columns[14]) == (32_561, 15, "column_15")
    schema = infer(train, "column_15")
    assert {column.missing for column in schema.columns} == {0, 583, 1836, 1843}
    fitted = Preprocessing.fit(train, schema, target="column_15")
    assert fitted.target_encoding.classes == ("<=50K", ">50K")
    test = read(DATA / "adult" / "adult-test.csv")
    report = Report()
    assert fitted.transform(test, report=report).shape == (16_281, 108)
    assert report.notes() == []
    with pytest.raises(DataError, match=r"line 1, column 'column_15': the label '<=50K\.'"):
        fitted.target(test)


def test_korean_apartments():
    folder = DATA / "kr_apartments"
    cp949 = read(folder / "apartment_bundang_cp949.csv", target=KOREAN_PRICE)
    utf8 = read(folder / "apartment_bundang_utf8.csv")
    assert cp949.frame.equals(utf8.frame)
    assert cp949.height == 6156
    schema = infer(cp949, KOREAN_PRICE)
    assert {"번지": "category", "동": "category", KOREAN_PRICE: "number"}.items() <= {
        column.name: column.kind for column in schema.columns
    }.items()
    assert infer_task(cp949, KOREAN_PRICE) == "regression"
    fitted = Preprocessing.fit(cp949, schema, target=KOREAN_PRICE)
    assert np.isfinite(fitted.transform(cp949)).all()
    assert fitted.inverse_target(fitted.target(cp949))[0] == pytest.approx(124_000)
    assert Preprocessing.from_json(fitted.to_json()) == fitted
    for condition in ('해제사유발생일 == "-"', "해제사유발생일 is missing"):
        kept, dropped = where(cp949, condition)
        assert (kept.height, dropped) == (5651, 505)


def test_mnist():
    data = read(DATA / "mnist")
    assert (data.X.shape, data.test.X.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert np.bincount(data.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    fitted = Preprocessing.fit(data)
    features = fitted.transform(data.test)
    assert (features.shape, features.dtype, features.max()) == ((10_000, 784), np.float32, 1.0)
    assert fitted.inverse_target(fitted.target(data.test))[:3].tolist() == ["7", "2", "1"]
