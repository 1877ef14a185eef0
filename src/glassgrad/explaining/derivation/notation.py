"""How a derivation is written: names with indices, and expressions in LaTeX, in Unicode and in plain text.

A number has one name and three spellings: ``w^{(1)}_{21}``, ``w⁽¹⁾₂₁`` and ``w1_21``. Indices count from 1, row first,
as they do in mathematics.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

__all__ = ["LATEX", "PLAIN", "SCRIPTS", "UNICODE", "Name", "Script", "layered"]

_RAISED = str.maketrans("0123456789-()+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁽⁾⁺")
_LOWERED = str.maketrans("0123456789,-", "₀₁₂₃₄₅₆₇₈₉,₋")
_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "kappa": "κ", "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω",
}  # fmt: skip
_PARTS = re.compile(r"^(?P<letter>[^\W\d_]+)_?(?P<digits>\d*)$")


@dataclass(frozen=True, slots=True)
class Name:
    """What a number is called.

    Attributes
    ----------
    letter
        A letter or a word.
    layer
        The number of its layer, written above in brackets.
    index
        Its place, from 1.
    """

    letter: str
    layer: int | None = None
    index: tuple[int, ...] = ()

    @property
    def _joined(self) -> str:
        return ("," if any(i > 9 for i in self.index) else "").join(map(str, self.index))

    @property
    def latex(self) -> str:
        """The name in LaTeX.

        Examples
        --------
        >>> Name("w", 1, (2, 1)).latex, Name("price", index=(12, 3)).latex
        ('w^{(1)}_{21}', '\\\\mathrm{price}_{12,3}')
        """
        letter = self.letter.replace("_", r"\_")
        if self.letter in _GREEK:
            letter = f"\\{self.letter}"
        elif not letter.isascii():
            letter = rf"\text{{{letter}}}"
        elif len(self.letter) > 1:
            letter = rf"\mathrm{{{letter}}}"
        above = "" if self.layer is None else f"^{{({self.layer})}}"
        return letter + above + (f"_{{{self._joined}}}" if self.index else "")

    @property
    def unicode(self) -> str:
        """The name in Unicode.

        Examples
        --------
        >>> Name("w", 1, (2, 1)).unicode, Name("theta").unicode
        ('w⁽¹⁾₂₁', 'θ')
        """
        above = "" if self.layer is None else f"({self.layer})".translate(_RAISED)
        return _GREEK.get(self.letter, self.letter) + above + self._joined.translate(_LOWERED)

    @property
    def plain(self) -> str:
        """The name in ASCII.

        Examples
        --------
        >>> Name("w", 1, (2, 1)).plain, Name("x", index=(3,)).plain
        ('w1_21', 'x_3')
        """
        above = "" if self.layer is None else str(self.layer)
        return self.letter + above + (f"_{self._joined}" if self.index else "")


def layered(name: str, shape: Sequence[int], layers: Mapping[str, int]) -> Name:
    """Return the name that the elements of an input share, of what the input is called.

    Parameters
    ----------
    name
        A variable's name, or a parameter's within its model: ``W1``, ``x``, ``0.weight``.
    shape
        The input's shape.
    layers
        The number of each layer of the model, from 1, by what stands before the last dot.

    Examples
    --------
    >>> layered("2.weight", (2, 2), {"0": 1, "2": 2}), layered("W1", (2, 2), {}).unicode, layered("x0", (), {}).unicode
    (Name(letter='w', layer=2, index=()), 'w⁽¹⁾', 'x₀')
    """
    prefix, dot, last = name.rpartition(".")
    if dot:
        letter = {"weight": "w", "bias": "b"}.get(last, last)
        return Name(letter, layers.get(prefix))
    parts = _PARTS.match(name)
    if parts is None:
        return Name(name)
    letter, digits = parts["letter"], parts["digits"]
    if not shape:
        return Name(letter, None, (int(digits),) if digits else ())
    letter = letter.lower() if len(letter) == 1 else letter
    return Name(letter, int(digits) if digits else None)


# --- scripts ---------------------------------------------------------------------------------------------------------


class _Latex(LatexPrinter):  # type: ignore[misc]
    """LaTeX with names, or numbers, in the place of symbols."""

    def __init__(self, words: Mapping[Any, str], dot: bool) -> None:
        super().__init__({"mul_symbol": "dot" if dot else None, "ln_notation": True})
        self._words = words

    def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[Any]:
        return _positive_first(super()._as_ordered_terms(expr, order=order))

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        return self._words.get(expr) or str(expr.name)

    def _print_Float(self, expr: Any) -> str:
        return _tex_number(_decimal(expr))

    def _print_polygamma(self, expr: Any, exp: str | None = None) -> str:
        order, x = expr.args
        made = rf"\psi{f'^{{({order})}}' if order else ''}\left({self._print(x)}\right)"
        return made if exp is None else rf"\left({made}\right)^{{{exp}}}"


class _Words(StrPrinter):  # type: ignore[misc]
    """One line with names, or numbers, in the place of symbols."""

    def __init__(self, words: Mapping[Any, str], unicode: bool) -> None:
        super().__init__()
        self._words, self.unicode = words, unicode

    def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[Any]:
        return _positive_first(super()._as_ordered_terms(expr, order=order))

    def _print_Symbol(self, expr: Any) -> str:
        return self._words.get(expr) or str(expr.name)

    def _print_Float(self, expr: Any) -> str:
        return _decimal(expr)

    def _print_Piecewise(self, expr: Any) -> str:
        *cases, (last, otherwise) = [(self._print(e), c) for e, c in expr.args]
        text = ", ".join(f"{e} if {self._print(c)}" for e, c in cases)
        tail = f"else {last}" if otherwise == True else f"{last} if {self._print(otherwise)}"  # noqa: E712
        return f"[{text}, {tail}]"

    def _print_Relational(self, expr: Any) -> str:
        sign = {"==": "=", "!=": "≠" if self.unicode else "!="}.get(expr.rel_op, expr.rel_op)
        if self.unicode:
            sign = {">=": "≥", "<=": "≤"}.get(sign, sign)
        return f"{self._print(expr.lhs)} {sign} {self._print(expr.rhs)}"

    def _print_log(self, expr: Any) -> str:
        return f"ln({self._print(expr.args[0])})"

    def _print_polygamma(self, expr: Any) -> str:
        order, x = expr.args
        name = "digamma" if not order else f"polygamma{order}"
        if self.unicode:
            name = "ψ" + (f"({order})".translate(_RAISED) if order else "")
        return f"{name}({self._print(x)})"

    def _print_Abs(self, expr: Any) -> str:
        return f"|{self._print(expr.args[0])}|"


def _positive_first(terms: list[Any]) -> list[Any]:
    """Return the terms of a sum so that it begins with one without a minus sign, if there is one."""
    return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))


def _decimal(number: Any) -> str:
    """Return a constant as it was written, as far as twelve digits tell."""
    return f"{float(number):.12g}"


def _tex_number(text: str) -> str:
    mantissa, e, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else text


def _unicode_number(text: str) -> str:
    mantissa, e, exponent = text.partition("e")
    return (f"{mantissa}·10{str(int(exponent)).translate(_RAISED)}" if e else text).replace("-", "−")


_DOUBLED = (
    (re.compile(r"\\left\(\(([^()]*)\) ?\\right\)"), r"\\left(\1\\right)"),
    (re.compile(r"\(\(([^()]*)\)\)"), r"(\1)"),
)


def _tidy(text: str) -> str:
    """Take away the inner of two pairs of brackets."""
    for twice, once in _DOUBLED:
        text = twice.sub(once, text)
    return text


def _unicode(text: str) -> str:
    text = re.sub(r"\*\*(\d+)(?![\d.])", lambda m: m[1].translate(_RAISED), text)
    text = re.sub(r"\*\*\((-\d+)\)", lambda m: m[1].translate(_RAISED), text)
    return text.replace("**", "^").replace("*", "·").replace("sqrt(", "√(").replace("-", "−")


@dataclass(frozen=True, slots=True)
class Script:
    """One way of writing formulas: names, expressions, numbers, derivatives, sums of products.

    Attributes
    ----------
    key
        ``"latex"``, ``"unicode"`` or ``"plain"``.
    times
        What stands between factors.
    """

    key: str
    times: str

    def name(self, name: Name) -> str:
        """Return a name."""
        return str(getattr(name, self.key))

    def number(self, value: float, bracket: bool = False) -> str:
        """Return a number with four significant digits; a negative one in brackets, where others stand beside it."""
        plain = f"{float(value):.4g}"
        written = {"latex": _tex_number, "unicode": _unicode_number}.get(self.key, str)(plain)
        return f"({written})" if bracket and (plain.startswith("-") or "e" in plain) else written

    def expression(self, expression: Any, names: Mapping[Any, Name]) -> str:
        """Return an expression in names."""
        return self._print(expression, {s: self.name(n) for s, n in names.items()}, dot=False)

    def substituted(self, expression: Any, numbers: Mapping[Any, float]) -> str:
        """Return an expression with numbers in the place of its symbols, and nothing worked out."""
        if expression in numbers:
            return self.number(numbers[expression])
        words = {s: self.number(v, bracket=True) for s, v in numbers.items()}
        return _tidy(self._print(expression, words, dot=True))

    def factor(self, expression: Any, names: Mapping[Any, Name]) -> str:
        """Return an expression in names, in brackets where it stands among factors and needs them."""
        text = self.expression(expression, names)
        if not (expression.is_Add or expression.could_extract_minus_sign()):
            return text
        return rf"\left({text}\right)" if self.key == "latex" else f"({text})"

    def partial(self, of: Name, by: Name) -> str:
        """Return ∂of/∂by."""
        a, b = self.name(of), self.name(by)
        if self.key == "latex":
            return rf"\frac{{\partial {a}}}{{\partial {b}}}"
        return f"∂{a}/∂{b}" if self.key == "unicode" else f"d({a})/d({b})" if "_" in a + b else f"d{a}/d{b}"

    def derivative(self, by: Name, inside: str) -> str:
        """Return ∂/∂by [inside]."""
        b = self.name(by)
        if self.key == "latex":
            return rf"\frac{{\partial}}{{\partial {b}}}\left[{inside}\right]"
        return f"∂/∂{b} [{inside}]" if self.key == "unicode" else f"d/d{b} [{inside}]"

    def product(self, factors: Sequence[str]) -> str:
        """Return factors, multiplied."""
        return self.times.join(factors)

    def sum(self, terms: Sequence[str]) -> str:
        """Return terms, added."""
        return " + ".join(terms)

    def _print(self, expression: Any, words: Mapping[Any, str], *, dot: bool) -> str:
        if self.key == "latex":
            return str(_Latex(words, dot).doprint(expression))
        text = str(_Words(words, self.key == "unicode").doprint(expression))
        return _unicode(text) if self.key == "unicode" else text


LATEX = Script("latex", r" \cdot ")
UNICODE = Script("unicode", " · ")
PLAIN = Script("plain", " * ")
SCRIPTS = (LATEX, UNICODE, PLAIN)
