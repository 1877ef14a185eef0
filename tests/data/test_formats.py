from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.data import Preprocessing, Table, infer, infer_task, read
from glassgrad.data.cells import dates
from glassgrad.data.formats import PLAIN, NumberFormat, find_format, numbers_in
from glassgrad.errors import DataError, ModelFileError


def written(folder: Path, content: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


@given(
    st.lists(st.decimals(-(10**9), 10**9, places=4), min_size=1),
    st.sampled_from([".", ","]),
    st.sampled_from(["{}", "€{}", "{} €", "₩{}", "{}원", "{}%", "{} %"]),
)
def test_written_numbers_are_read_back(values, decimal, pattern):
    swap = str.maketrans(",.", ".,") if decimal == "," else {}
    cells = pl.Series([*(pattern.format(f"{value:,.4f}".translate(swap)) for value in values), None])
    found = find_format(cells, decimal_comma=True)
    assert found == NumberFormat(decimal, pattern.replace("{}", "").strip())
    assert numbers_in(cells, found).to_list() == [*map(float, values), None]


@pytest.mark.parametrize(
    "cells",
    [
        ["124,000", "98,500", None],
        ["124,000", "5", "1.5"],
        ["202604", "202605"],
        ["26.04.20", "26.04.21"],
        ["174-1", "133"],
        ["a", "b,c"],
        ["192.168.100", "10.0.1"],
        ["5%", "6", "7", "8"],
    ],
)
def test_what_stays_plain(cells):
    assert find_format(pl.Series(cells), decimal_comma=True) == PLAIN


def test_a_comma_is_no_decimal_sign_where_it_is_the_delimiter(tmp_path):
    assert infer(read(written(tmp_path, 'a,b\n"0,5",1\n"1,5",2\n'))).kind("a") == "category"
    assert infer(read(written(tmp_path, 'a;b\n"0,5";1\n"1,5";2\n'))).kind("a") == "number"


def test_european_file_from_training_to_one_row(tmp_path):
    rng = np.random.default_rng(0)
    size, share, price = rng.random((3, 60)) * 2000
    rows = [
        f"{a:.3f};{b:.1f}%;{c:,.2f} €".translate(str.maketrans(",.", ".,"))
        for a, b, c in zip(size, share, price, strict=True)
    ]
    table = read(written(tmp_path, "\n".join(["size;share;price", *rows])))
    schema = infer(table, "price")
    assert [column.kind for column in schema.columns] == ["number"] * 3
    assert len([note for note in schema.notes if "is read as numbers with a decimal comma" in note]) == 3
    assert "the sign '%'" in schema.notes[1]
    assert infer_task(table, "price") == "regression"
    fitted = Preprocessing.fit(table, schema, target="price")
    np.testing.assert_allclose(fitted.inverse_target(fitted.target(table)), price.round(2))
    fitted = Preprocessing.from_json(fitted.to_json())
    one = read(written(tmp_path, "size;share\n1,500;12,5%\n"))
    same = Table(pl.DataFrame({"size": [1.5], "share": [12.5]}))
    np.testing.assert_array_equal(fitted.transform(one), fitted.transform(same))
    with pytest.raises(DataError, match=r"'0.5' in a column of numbers with a decimal comma"):
        fitted.transform(read(written(tmp_path, "size;share\n0.5;12,5%\n")))
    with pytest.raises(DataError, match=r"'12,5' in a column of numbers with a decimal comma and the sign"):
        fitted.transform(read(written(tmp_path, "size;share\n0,5;12,5\n")))


def test_thousands_stay_thousands_in_one_row_of_prediction(tmp_path):
    data = Table(pl.DataFrame({"price": ["124,000", "98,500", "1,200"], "y": ["a", "b", "a"]}))
    fitted = Preprocessing.fit(data, target="y")
    row = read(written(tmp_path, "price;y\n1,200;a\n"))
    np.testing.assert_array_equal(fitted.transform(row), fitted.transform(data)[2:])


def test_a_part_of_a_table_is_read_as_the_whole():
    data = Table(pl.DataFrame({"x": ["1,200", "0,5", "2,25"]}))
    assert data.parsed("x").to_list() == [1.2, 0.5, 2.25]
    assert data.take([0]).parsed("x").to_list() == [1.2]
    assert next(data.blocks(1)).number_format("x").decimal == ","


def test_a_slip_in_a_column_of_decimal_commas_is_named():
    data = Table(pl.DataFrame({"x": [*(f"{i},5" for i in range(300)), "oops"]}))
    with pytest.raises(DataError, match=r"row 301.*'oops' in a column of numbers with a decimal comma"):
        infer(data)


def test_long_columns_are_judged_in_their_own_format():
    data = Table(pl.DataFrame({"x": [f"{i % 999},25" for i in range(20_000)]}))
    assert infer(data).kind("x") == "number"


def test_a_headerless_european_file(tmp_path):
    table = read(written(tmp_path, "0,5;1,5\n1,5;2,5\n2,5;1,5\n"))
    assert table.columns == ["column_1", "column_2"]
    assert table.parsed("column_1").to_list() == [0.5, 1.5, 2.5]


def test_a_lying_format_is_refused():
    fitted = Preprocessing.fit(Table(pl.DataFrame({"x": ["1,5", "2,5"], "y": ["1", "3"]})), target="y")
    text = fitted.to_json()
    assert '"decimal":","' in text
    for lie in ('"decimal":"x"', '"decimal":",","sign":"abc"'):
        with pytest.raises(ModelFileError):
            Preprocessing.from_json(text.replace('"decimal":","', lie))


DAYS = ["2025-01-31", "2025-02-01", "2025-02-03", "2025-03-01"]


@pytest.mark.parametrize("sign", "-/.")
def test_dates_with_the_year_first_are_days(tmp_path, sign):
    cells = [day.replace("-", sign) for day in DAYS]
    table = read(written(tmp_path, "day,price\n" + "\n".join(f"{cell},{i}" for i, cell in enumerate(cells))))
    schema = infer(table, "price")
    assert schema.kind("day") == "date"
    assert schema.notes == ("Column 'day' is read as dates, in days since 1970-01-01.",)
    fitted = Preprocessing.fit(table, schema, target="price", task="regression")
    truth = table.with_frame(table.frame.with_columns(day=pl.Series(DAYS).str.to_date()))
    np.testing.assert_array_equal(fitted.transform(table), fitted.transform(truth))
    one = read(written(tmp_path, "day\n2025-02-01 00:00:00\n"))
    np.testing.assert_array_equal(fitted.transform(one), fitted.transform(table)[1:2])
    with pytest.raises(DataError, match="'soon' in a column of dates"):
        fitted.transform(read(written(tmp_path, "day\nsoon\n")))


@given(st.lists(st.datetimes(), min_size=1))
def test_times_of_day_are_parts_of_days(times):
    written_times = pl.Series([time.isoformat(sep=" ") for time in times])
    expected = pl.Series(times, dtype=pl.Datetime("us"))
    np.testing.assert_array_equal(dates(written_times), dates(expected))


@pytest.mark.parametrize("cell", ["26.04.20", "2025-13-01", "2025-01-31 25:00", "20250131", "1.2.2025"])
def test_what_is_no_date(cell):
    assert infer(Table(pl.DataFrame({"x": [cell, "a", "b"]}))).kind("x") == "category"
    assert dates(pl.Series([cell])).to_list() == [None]


def test_a_slip_among_dates_is_named_and_text_is_text():
    data = Table(pl.DataFrame({"x": [*(f"2025-01-{i % 28 + 1}" for i in range(300)), "soon"]}))
    with pytest.raises(DataError, match=r"row 301.*'soon' in a column of dates"):
        infer(data)
    assert infer(data, text=["x"]).kind("x") == "category"


@pytest.mark.parametrize("days", [pl.Series(DAYS), pl.Series(DAYS).str.to_date()])
def test_a_target_of_dates_is_refused_but_for_classes(days):
    data = Table(pl.DataFrame({"x": [1.0, 2, 3, 4], "day": days}))
    for task in (None, "regression"):
        with pytest.raises(DataError, match="holds dates, such as '2025-01-31'"):
            Preprocessing.fit(data, target="day", task=task)
    assert len(Preprocessing.fit(data, target="day", task="classification").target_encoding.classes) == 4
