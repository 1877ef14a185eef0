"""Sentences in two languages: places filled, and the particle that fits."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import glassgrad as gg
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
        ("1%", "1%는 1%가 1%를 1%로"),
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
    assert [short(x) for x in (1.0, 0.1 + 0.2, -3e-12, float("inf"))] == ["1", "0.3", "−3e−12", "inf"]


def test_languages() -> None:
    assert language("ko") == "ko"
    with pytest.raises(OptionError, match="'en' and 'ko', not 'kr'"):
        language("kr")


# --- every sentence of the package ----------------------------------------------------------------------------------

SOURCE = Path(gg.__file__).parent


def written_texts() -> Iterator[tuple[str, str, str]]:
    """Yield where each sentence stands that is written out, and both languages of it."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
                parts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                if len(parts) == 2 and all(isinstance(p, str) for p in parts):
                    yield f"{path.relative_to(SOURCE)}:{node.lineno}", parts[0], parts[1]


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_every_sentence_has_both_languages_and_the_same_places() -> None:
    found = list(written_texts())
    assert len(found) > 300
    for where, en, ko in found:
        braces = re.search(r"\{\w+(:[^}]*)?\}", en)
        assert ko.strip(), where
        assert not re.search("[가-힣]", en), where
        words = re.sub(r"\{[^}]*\}|[A-Z]\w*|\b\w\b", "", en)
        if re.search(r"[a-z]{3,}", words) and ko != en:
            assert re.search("[가-힣]", ko), where
        if braces:
            assert places(en) == places(ko), where
