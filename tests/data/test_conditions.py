from __future__ import annotations

import contextlib
import operator

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad.data import Table, drop_columns, where
from glassgrad.errors import DataError, GlassgradError, OptionError

ROWS = [
    {"town": "Seoul", "price": "1,200", "unit price": 3.0, "day": "26.04.20"},
    {"town": "Busan", "price": "900", "unit price": float("nan"), "day": None},
    {"town": None, "price": None, "unit price": 1.0, "day": "26.05.01"},
]
TABLE = Table(pl.DataFrame(ROWS), "data.csv")


def kept(condition: str) -> list[int]:
    table, dropped = where(TABLE, condition)
    assert table.height + dropped == 3
    return [int(place) - 1 for place in table.places]


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("price > 1000", [0]),
        ("price >= 900", [0, 1]),
        ("price = 1200", [0]),
        ("price == 1.2e3", [0]),
        ("price != 1200", [1, 2]),
        ("price > -5", [0, 1]),
        ('town == "Seoul"', [0]),
        ("town == 'Seoul'", [0]),
        ('town != "Seoul"', [1, 2]),
        ('day < "26.04.30"', [0]),
        ("town is missing", [2]),
        ("town is not missing", [0, 1]),
        ("`unit price` IS MISSING", [1]),
        ('town == "-"', [2]),
        ('town != "?"', [0, 1]),
        ("not price > 1000", [1, 2]),
        ("not not price > 1000", [0]),
        ("price > 1000 or town is missing and not day is missing", [0, 2]),
        ("(price > 1000 or town is missing) and `unit price` < 2", [2]),
    ],
)
def test_conditions(condition, rows):
    assert kept(condition) == rows


comparisons = st.tuples(
    st.sampled_from(["price", "rooms"]),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.integers(-2, 2),
)
OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def shown(tree) -> str:
    if isinstance(tree[1], str) and tree[1] in OPERATORS:
        return f"{tree[0]} {tree[1]} {tree[2]}"
    return (
        f"not ({shown(tree[1])})" if tree[0] == "not" else f"({shown(tree[1])}) {tree[0]} ({shown(tree[2])})"
    )


def holds(tree, row) -> bool:
    if isinstance(tree[1], str) and tree[1] in OPERATORS:
        return OPERATORS[tree[1]](row[tree[0]], tree[2])
    if tree[0] == "not":
        return not holds(tree[1], row)
    return (all if tree[0] == "and" else any)(holds(part, row) for part in tree[1:])


trees = st.recursive(
    comparisons,
    lambda inner: st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(trees)
def test_conditions_mean_what_python_means(tree):
    rows = [{"price": price, "rooms": rooms} for price in range(-2, 3) for rooms in range(-2, 3)]
    expected = [row for row in rows if holds(tree, row)]
    table = Table(pl.DataFrame(rows).cast(pl.String))
    if not expected:
        with pytest.raises(DataError, match="No row"):
            where(table, shown(tree))
        return
    left, dropped = where(table, shown(tree))
    assert left.frame.cast(pl.Int64).to_dicts() == expected
    assert dropped == len(rows) - len(expected)


@pytest.mark.parametrize(
    ("condition", "error", "words"),
    [
        ("prise > 3", DataError, "Did you mean 'price'"),
        ("town > 3", DataError, "Put quotes around"),
        ("price < 0", DataError, "No row of data.csv"),
        ("price >", OptionError, "found the end"),
        ("price 3", OptionError, "expected a comparison"),
        ("price is 3", OptionError, "'missing' or 'not missing'"),
        ("price > town", OptionError, "a text in quotes"),
        ("(price > 3", OptionError, "expected ')'"),
        ("price > 3 price", OptionError, "'and', 'or'"),
        ("", OptionError, "name of a column"),
        ("__import__('os')", DataError, "no column"),
        ("price > 3; town", OptionError, "cannot read this"),
        ("(" * 3000 + "price > 3", OptionError, "more than 50"),
        ("not " * 3000 + "price > 3", OptionError, "more than 50"),
        ('town < "-"', OptionError, "neither less nor more"),
    ],
)
def test_conditions_that_cannot_be_read(condition, error, words):
    with pytest.raises(error) as caught:
        where(TABLE, condition)
    assert words in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("price town()=<>!\"'`.-1not andoris missing"), max_size=25))
def test_any_text_is_a_condition_or_a_teaching_error(condition):
    with contextlib.suppress(GlassgradError):
        where(TABLE, condition)


def test_drop_columns():
    assert drop_columns(TABLE, ["town", "day"]).columns == ["price", "unit price"]
    with pytest.raises(DataError, match="Did you mean 'town'"):
        drop_columns(TABLE, ["twon"])
    with pytest.raises(DataError, match="keep at least one"):
        drop_columns(TABLE, TABLE.columns)
