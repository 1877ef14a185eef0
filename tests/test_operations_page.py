"""docs/operations.md says what the records say, in tables that GitHub's Markdown takes."""

from __future__ import annotations

import importlib.util
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from glassgrad.ops import FUNCTIONS, REGISTRY

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def maker() -> Any:
    spec = importlib.util.spec_from_file_location("make_operations", DOCS / "make_operations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def text(maker: Any) -> str:
    return maker.PAGE.read_text(encoding="utf-8")


def test_the_page_is_what_the_records_say(maker: Any, text: str) -> None:
    assert text == maker.page(), "run: python docs/make_operations.py"


def test_every_record_and_function_has_one_row(text: str) -> None:
    names = re.findall(r"^\| `(?:linalg\.|fft\.)?(\w+)` \|", text, re.MULTILINE)
    assert sorted(names) == sorted([*REGISTRY, *FUNCTIONS])


def test_every_table_has_as_many_cells_in_each_row(text: str) -> None:
    rows = 0
    for above, line in pairwise(text.splitlines()):
        if line.startswith("|") and above.startswith("|"):
            assert len(cells(line)) == len(cells(above)), line
            rows += 1
    assert rows > len(REGISTRY) + len(FUNCTIONS)


def cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)


def test_every_formula_is_closed_and_has_nothing_that_github_refuses(text: str) -> None:
    without = re.sub(r"\$`[^`$|]+`\$", "", text)
    assert "$" not in without
    assert r"\operatorname" not in text
    for formula in re.findall(r"\$`([^`]+)`\$", text):
        assert formula.count("{") == formula.count("}"), formula
        assert len(re.findall(r"\\left(?![a-z])", formula)) == len(
            re.findall(r"\\right(?![a-z])", formula)
        ), formula
