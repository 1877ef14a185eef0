"""Sentences in two languages: places filled, and the particle that fits."""

from __future__ import annotations

import pytest

from glassgrad.errors import OptionError
from glassgrad.language import Text, language, short


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("가중치", "가중치는 가중치가 가중치를 가중치로"),
        ("편향", "편향은 편향이 편향을 편향으로"),
        ("손실", "손실은 손실이 손실을 손실로"),
        ("W1", "W1은 W1이 W1을 W1로"),
        ("W2", "W2는 W2가 W2를 W2로"),
        ("x[0,3]", "x[0,3]은 x[0,3]이 x[0,3]을 x[0,3]으로"),
        ("model", "model은 model이 model을 model로"),
        ("w⁽¹⁾₂₁", "w⁽¹⁾₂₁은 w⁽¹⁾₂₁이 w⁽¹⁾₂₁을 w⁽¹⁾₂₁로"),
        ("alpha", "alpha는 alpha가 alpha를 alpha로"),
        ("", "는 가 를 로"),
    ],
)
def test_particles_follow_the_last_sound(word: str, expected: str) -> None:
    text = Text("{w}", "{w:은/는} {w:이/가} {w:을/를} {w:으로/로}").fill(w=word)
    assert (text.en, text.ko) == (word, expected)


def test_sentences_within_sentences() -> None:
    inner = Text("the loss", "손실")
    assert Text("{what} falls", "{what:이/가} 줄어든다").fill(what=inner) == Text(
        "the loss falls", "손실이 줄어든다"
    )


def test_numbers() -> None:
    assert [short(x) for x in (1.0, 0.1 + 0.2, -3e-12, float("inf"))] == ["1", "0.3", "-3e-12", "inf"]


def test_languages() -> None:
    assert language("ko") == "ko"
    with pytest.raises(OptionError, match="'en' and 'ko', not 'kr'"):
        language("kr")
