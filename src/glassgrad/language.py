"""Sentences for people, in English and in Korean: written side by side, so that neither can be missing.

A sentence may have places for names and numbers. In Korean the particle after a word depends on its last sound; a place
therefore names both forms, ``{name:은/는}``, and gets the one that fits.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from glassgrad.errors import OptionError, did_you_mean

__all__ = ["LANGUAGES", "Lang", "Text", "language", "short"]

Lang: TypeAlias = Literal["en", "ko"]

LANGUAGES: tuple[Lang, ...] = ("en", "ko")


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence in English and in Korean.

    Examples
    --------
    >>> verdict = Text("{unit} is saturated", "{unit:은/는} 포화되었다").fill(unit="h2")
    >>> verdict.to("en"), verdict.to("ko")
    ('h2 is saturated', 'h2는 포화되었다')
    """

    en: str
    ko: str

    def to(self, lang: Lang) -> str:
        """Return the sentence in one language."""
        return self.ko if lang == "ko" else self.en

    def fill(self, **values: Any) -> Text:
        """Return the sentence with its places filled: by words, numbers, or other sentences."""
        return Text(*(self.to(lang).format(**_words(values, lang)) for lang in LANGUAGES))


def language(name: str) -> Lang:
    """Return a language by its name.

    Raises
    ------
    OptionError
        Where it is none that glassgrad speaks.
    """
    for lang in LANGUAGES:
        if name == lang:
            return lang
    raise OptionError(f"glassgrad speaks 'en' and 'ko', not {name!r}. {did_you_mean(name, LANGUAGES)}")


def short(number: Any) -> str:
    """Return a number with four significant digits, as a person would write it; the minus is a minus, not a hyphen.

    Examples
    --------
    >>> short(0.023971900751730026), short(-12.0), short(1234567.0), short(1.5e-9), short(0.0)
    ('0.02397', '−12', '1.235e+06', '1.5e−09', '0')
    """
    return f"{float(number):.4g}".replace("-", "−")


class _Word(str):
    """A word that knows which particle follows it in Korean."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if "/" not in spec:
            return str.__format__(self, spec)
        closed, opened = spec.split("/")
        sound = _last_sound(self)
        if closed.startswith("으"):  # 으로/로: after ㄹ as after a vowel
            return self + (closed if sound not in ("", "ㄹ") else opened)
        return self + (closed if sound else opened)


_CLOSED = {
    "0": "ㅇ",
    "1": "ㄹ",
    "3": "ㅁ",
    "6": "ㄱ",
    "7": "ㄹ",
    "8": "ㄹ",
    "l": "ㄹ",
    "r": "ㄹ",
    "m": "ㅁ",
    "n": "ㄴ",
}
"""The last sound of digits and letters that end in a consonant, as Koreans read them; the others end in a vowel."""


def _last_sound(word: str) -> str:
    """Return the consonant a word ends in, or nothing where it ends in a vowel."""
    for char in reversed(unicodedata.normalize("NFKC", word)):
        if "가" <= char <= "힣":
            final = (ord(char) - ord("가")) % 28
            return "" if final == 0 else "ㄹ" if final == 8 else "ㅇ"
        if char == "%":  # 퍼센트
            return ""
        if char.isalnum():
            return _CLOSED.get(char.lower(), "")
    return ""


def _words(values: dict[str, Any], lang: Lang) -> dict[str, Any]:
    texts = {k: v.to(lang) if isinstance(v, Text) else v for k, v in values.items()}
    return {k: _Word(v) if isinstance(v, str) else v for k, v in texts.items()}
