from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest

from glassgrad.data import Arrays, Preprocessing, Table, infer, infer_task, where
from glassgrad.errors import DataError


def table(**columns: list) -> Table:
    frame = pl.DataFrame(columns, strict=False)
    return Table(frame, "data.csv", np.arange(2, frame.height + 2), "line")


def message(*arguments: object, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        infer(*arguments, **options)
    assert len(str(caught.value).splitlines()) <= 3
    return str(caught.value)


def test_kinds():
    schema = infer(
        table(
            number=["1", "2.5", "1,000"],
            category=["a", "b", None],
            flag=["True", "false", "TRUE"],
            boolean=[True, None, False],
            date=[datetime.date(2026, 1, day) for day in (1, 2, 3)],
            text_date=["26.04.20", "26.04.21", "26.04.20"],
            constant=["x", "x", "x"],
            sometimes=["x", None, "x"],
            missing=[None, None, None],
            floats=[1.5, float("nan"), None],
        ),
        "number",
    )
    kinds = {column.name: column.kind for column in schema.columns}
    assert kinds == {
        "number": "number",
        "category": "category",
        "flag": "boolean",
        "boolean": "boolean",
        "date": "date",
        "text_date": "category",
        "constant": "constant",
        "sometimes": "category",
        "missing": "all_missing",
        "floats": "category",
    }
    assert schema.describe()[0] == ("number", "number (target)", "0", "3", "1")
    assert len(schema.notes) == 2
    assert "'constant'" in schema.notes[0]
    assert "'missing'" in schema.notes[1]


def test_a_text_cell_in_a_column_of_numbers():
    cells = [str(i) for i in range(40)]
    cells[7] = "oops"
    data = table(x=cells, y=["a", "b"] * 20)
    text = message(data)
    assert "data.csv, line 9, column 'x'" in text
    assert "'oops'" in text
    assert "--where" in text
    kept, dropped = where(data, '`x` != "oops"')
    assert dropped == 1
    assert infer(kept).kind("x") == "number"
    assert infer(data, text=["x"]).kind("x") == "category"


def test_a_text_cell_in_the_target_is_not_mended_by_dropping_the_target():
    data = table(x=[*map(str, range(39)), "7"], y=[*map(str, range(39)), "oops"])
    text = message(data, "y")
    assert "--drop" not in text
    assert "empty it" not in text
    assert "text=['y']" in text
    with pytest.raises(DataError, match="'oops'") as caught:
        Preprocessing.fit(data, infer(data, "y", text=["y"]), target="y", task="regression")
    assert "--drop" not in str(caught.value)


def test_an_unknown_marker_of_missing_is_a_text_cell_too():
    assert "'unknown'" in message(table(x=["unknown", *map(str, range(30)), "unknown"][:31]))


def test_numbers_and_times_of_a_data_frame():
    data = table(code=[1, 2, 3], time=[datetime.datetime(2026, 1, day, 6) for day in (1, 2, 3)])
    schema = infer(data, text=["code"])
    assert (schema.kind("code"), schema.kind("time")) == ("category", "date")
    assert data.parsed("time").to_list() == [20454.25, 20455.25, 20456.25]


def test_an_infinity_in_text_is_no_number():
    assert "'inf'" in message(table(x=[*map(str, range(30)), "inf"]))


def test_codes_that_are_mostly_digits_stay_categories():
    lots = [str(i) for i in range(490)] + [f"{i}-1" for i in range(10)]
    assert infer(table(x=lots)).kind("x") == "category"


def test_infinity_in_a_data_frame_names_the_row():
    text = message(Table(pl.DataFrame({"x": [1.0, float("-inf"), 2.0]})))
    assert "row 2, column 'x'" in text
    assert "-inf" in text


def test_row_numbers_are_noted_only():
    schema = infer(table(id=[str(i) for i in range(1, 30)], x=[str(i % 7) for i in range(29)]))
    assert [note for note in schema.notes if "row number" in note and "'id'" in note]
    assert schema.kind("id") == "number"
    assert len(schema.notes) == 1


def test_wrong_target():
    assert "Did you mean 'price'" in message(table(price=["1"], town=["a"]), "prise")


def test_a_long_column_is_judged_by_a_sample():
    towns = [f"town {i % 700}" for i in range(120_000)]
    prices = [str(i / 7) for i in range(120_000)]
    schema = infer(table(town=towns, price=prices))
    assert (schema.kind("town"), schema.kind("price")) == ("category", "number")
    assert schema.columns[0].distinct == 700
    assert schema.columns[1].distinct == pytest.approx(120_000, rel=0.05)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 10, "classification"),
        ([True, False] * 10, "classification"),
        (["0", "1"] * 10, "classification"),
        ([str(i) for i in range(20)], "regression"),
        (["0.5", "1.5"] * 10, "regression"),
    ],
)
def test_task_of_a_table(values, task):
    assert infer_task(table(y=values), "y") == task


def test_task_of_arrays():
    X = np.zeros((40, 2, 2), np.uint8)
    assert infer_task(Arrays(X, np.arange(40), "images", "images")) == "classification"
    assert infer_task(Arrays(X[:, 0], np.arange(40), "array", "array")) == "regression"
    assert infer_task(Arrays(X[:, 0], np.arange(40) % 3, "array", "array")) == "classification"
    with pytest.raises(DataError, match="no targets"):
        infer_task(Arrays(X, None, "images", "images"))
