"""The advice for programs that do not run: in both languages, and only where it fits."""

from __future__ import annotations

import re

import pytest

from glassgrad.checking.recording import advice
from glassgrad.checking.recording.advice import advice_for, advice_for_syntax


def test_every_advice_is_in_both_languages() -> None:
    says = [hint.says for hint in advice._HINTS] + [text for _, text in advice._SYNTAX]
    for text in says:
        assert text.en
        assert re.search("[가-힣]", text.ko)
        assert re.findall(r"{(\w+)", text.en) == sorted(re.findall(r"{(\w+)", text.ko), key=text.en.find)


def test_the_korean_is_filled() -> None:
    said = advice_for("AttributeError", "`np.mat` was removed in the NumPy 2.0 release.", "m = np.mat(W)")
    assert said is not None
    assert said.ko == "지금의 NumPy에는 np.mat가 없다. np.asmatrix로 바꾼다."


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("NameError", "name 'hidden' is not defined"),
        ("AttributeError", "module 'numpy' has no attribute 'softmax'"),
        ("AttributeError", "'Net' object has no attribute 'W3'"),
        ("ValueError", "shapes (3,2) and (3,2) not aligned: 2 (dim 1) != 3 (dim 0)"),
        ("KeyError", "'W2'"),
        ("ZeroDivisionError", "float division by zero"),
    ],
)
def test_an_error_that_says_it_all_gets_no_advice(kind: str, message: str) -> None:
    assert advice_for(kind, message, "x = 1") is None


def test_typed_input_is_named_where_nothing_else_is_known() -> None:
    said = advice_for("ValueError", "invalid literal for int() with base 10: ''", "n = int(x)", asked=True)
    assert said is not None
    assert "typed" in said.en
    assert advice_for("NameError", "name 'xrange' is not defined", "", asked=True) != said


def test_a_line_that_is_only_wrong() -> None:
    assert "Mend the line" in advice_for_syntax("invalid syntax", "x = = 1").en
