from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad.data import read
from glassgrad.data.cells import MISSING
from glassgrad.data.csv import _careful, _Dialect, _fast, read_csv
from glassgrad.data.encodings import TextFile
from glassgrad.data.scanning import Irregular
from glassgrad.errors import DataError


def written(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def message(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **options)
    text = str(caught.value)
    assert 1 <= len(text.splitlines()) <= 3
    return text


cell = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from('",;\t|\n -?'))


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=6)
    ),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    bom=st.booleans(),
)
def test_what_a_csv_writer_wrote_is_read_back(rows, delimiter, line_end, quoting, bom):
    width = len(rows[0])
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow([f"name {i}" for i in range(width)])
    writer.writerows([["  " + "x" + cell for cell in row] for row in rows])  # never blank, always stripped
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), ("\ufeff" if bom else "") + text.getvalue())
        table = read_csv(path, delimiter=delimiter, header=True)
    assert table.columns == [f"name {i}" for i in range(width)]
    assert table.frame.rows() == [tuple(("x" + cell).strip() for cell in row) for row in rows]


@settings(max_examples=600, deadline=None)
@given(
    content=st.text(st.sampled_from('ab1-", \n\r;한'), max_size=40),
    width=st.integers(1, 3),
    header=st.booleans(),
)
def test_the_fast_reader_agrees_with_the_exact_one_or_declines(content, width, header):
    dialect = _Dialect(",", header, tuple(f"c{i}" for i in range(width)), ())
    with tempfile.TemporaryDirectory() as folder:
        file = TextFile(written(Path(folder), content), "utf-8")
        try:
            fast = list(_fast(file, dialect))
        except Irregular:
            return
        exact = list(_careful(file, dialect))
    assert [row for frame, _ in fast for row in frame.rows()] == [
        r for frame, _ in exact for r in frame.rows()
    ]
    assert [line for _, lines in fast for line in lines] == [line for _, lines in exact for line in lines]


def test_rows_are_cut_correctly_between_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("glassgrad.data.encodings._CHUNK", 7)
    rows = [[str(i), f"한글,{i}" if i % 3 else "two\nlines"] for i in range(50)]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["a", "b"], *rows])
    expected = [tuple(row) for row in rows]
    for encoding in ("utf-8", "cp949", "utf-16"):
        table = read_csv(written(tmp_path, text.getvalue().encode(encoding)))
        assert table.frame.rows() == expected


def test_line_numbers_count_blank_and_quoted_lines(tmp_path):
    table = read_csv(written(tmp_path, 'a,b\n\n1,"x\ny"\n\n2,z\n'))
    assert [table.numbers(row) for row in range(2)] == ["line 3", "line 6"]
    assert table.take([1]).numbers(0) == "line 6"
    assert [block.numbers(0) for block in table.blocks(1)] == ["line 3", "line 6"]


@pytest.mark.parametrize("marker", sorted(MISSING))
def test_missing_markers(tmp_path, marker):
    table = read_csv(written(tmp_path, f'a,b\nx, {marker} \ny,"{marker}"\nz,w\n'))
    assert table.frame["b"].to_list() == [None, None, "w"]


def test_thousands_separators_and_spaces(tmp_path):
    table = read_csv(written(tmp_path, 'price, town\n"124,000", "Seoul, Mapo"\n" 1,234.5 ",  Busan\n'))
    assert table.parsed("price").to_list() == [124000.0, 1234.5]
    assert table.frame["town"].to_list() == ["Seoul, Mapo", "Busan"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    other = ";" if delimiter == "," else ","
    lines = [delimiter.join(cells) for cells in (["a", "b", "c"], ["1", f"x{other}y", "2"], ["3", "z", "4"])]
    assert read_csv(written(tmp_path, "\n".join(lines))).columns == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("a,b\n1,x\n2,y\n", True),
        ("1,x\n2,y\n3,x\n", False),
        ("1,2\n", False),
        ("year,2019,2020\nSeoul,x,y\n", True),
        ("name,town\nKim,Seoul\nLee,Busan\n", True),
        ("Kim,Seoul\nLee,Busan\nPark,Seoul\n", False),
        (",price\n1,10\n2,20\n", True),
    ],
)
def test_a_header_is_found(tmp_path, content, header):
    table = read_csv(written(tmp_path, content))
    assert table.height == len(content.splitlines()) - header
    assert any("No header line" in note for note in table.notes) is not header
    if not header:
        assert table.columns[0] == "column_1"


def test_header_can_be_given(tmp_path):
    path = written(tmp_path, "1,2\n3,4\n")
    assert read_csv(path, header=True).columns == ["1", "2"]
    assert read_csv(path, header=False).height == 2


def test_names_are_made_up_and_made_unique(tmp_path):
    table = read_csv(written(tmp_path, ",a,a,a_2\n1,2,3,4\n"))
    assert table.columns == ["column_1", "a", "a_3", "a_2"]
    assert len(table.notes) == 2


def test_ragged_rows(tmp_path):
    text = message(written(tmp_path, "a,b\n1,2\n\n3,4,5\n"))
    assert "line 4" in text
    assert "3 fields" in text
    assert "header names 2" in text
    assert "line 3: found 1 field " in message(written(tmp_path, "a,b\n1,2\n3\n"))
    assert "first line has 2" in message(written(tmp_path, "1,2\n3,4\n5\n"))


def test_an_open_quote_is_named(tmp_path):
    text = message(written(tmp_path, 'a,b\n1,2\n"3,4\n5,6\n'))
    assert "line 3" in text
    assert "quote" in text
    text = message(written(tmp_path, 'a,b\n1,"' + "x" * 200_000))
    assert "line 2" in text
    assert "quote" in text


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "  \n"])
def test_empty_files(tmp_path, content):
    assert "data.csv is empty" in message(written(tmp_path, content))


def test_header_only(tmp_path):
    assert "header line and no rows" in message(written(tmp_path, "a,b\n"))


def test_missing_file_suggests_a_name(tmp_path):
    written(tmp_path, "a\n1\n", "prices.csv")
    text = message(tmp_path / "price.csv")
    assert "no file" in text
    assert "'prices.csv'" in text
    assert "no folder" in message(tmp_path / "nowhere" / "x.csv")


def test_encodings(tmp_path):
    content = "도시,값\n서울,1\n부산,2\n"
    for encoding in ("utf-8", "utf-8-sig", "cp949", "utf-16"):
        assert read_csv(written(tmp_path, content.encode(encoding))).columns == ["도시", "값"]
    assert (
        read_csv(written(tmp_path, "caf\xe9,b\n1,2\n".encode("latin-1")), encoding="latin-1").columns[0]
        == "café"
    )
    assert "read as CP949" in read_csv(written(tmp_path, content.encode("cp949"))).notes[0]
    text = message(written(tmp_path, b"a,b\n1,caf\xe9\n"))
    assert "line 2" in text
    assert "utf-8" in text
    assert "encoding=" in text
    assert "Unknown encoding" in message(written(tmp_path, content), encoding="klingon")
    assert "not a text file" in message(written(tmp_path, b"\x7fELF\0\0\0" * 10))


def test_a_delimiter_must_be_one_character(tmp_path):
    assert "one character" in message(written(tmp_path, "a,b\n1,2\n"), delimiter="::")


def test_single_column(tmp_path):
    table = read_csv(written(tmp_path, 'x\n1\n\n""\n3\n'))
    assert table.frame["x"].to_list() == ["1", None, "3"]
    assert np.array_equal(table.places, [2, 4, 5])
    assert table.frame.schema == {"x": pl.String}
