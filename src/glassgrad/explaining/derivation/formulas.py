"""Functions that people call by name: σ, ReLU, max, with the derivative they know, and written out in full.

A derivation reads ∂a/∂z = a·(1 − a), not the quotient that SymPy finds in 1/(1 + e⁻ᶻ). The independent answer beside it
must not trust that line, so it is found from the function as `opened` writes it out. Functions with corners stay whole:
SymPy's own choices between cases multiply when they are nested, and take for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import sympy as sp

__all__ = [
    "DIGITS",
    "Absolute",
    "AtLeast",
    "AtMost",
    "Chosen",
    "Clipped",
    "Largest",
    "Named",
    "Relu",
    "Sigmoid",
    "Sign",
    "Smallest",
    "Softplus",
    "Step",
    "Stopped",
    "exact",
    "number",
    "opened",
]


DIGITS = 40
"""Decimal digits with which SymPy computes."""

_SIMPLE = 8
"""Constants that are whole multiples of 1/8 are written as fractions, others as decimals."""


def exact(number: float, digits: int = DIGITS) -> Any:
    """Return a number as SymPy's, without loss.

    Examples
    --------
    >>> exact(0.5), exact(3.0), exact(0.1, 20)
    (1/2, 3, 0.10000000000000000555)
    """
    number = float(number)
    if not np.isfinite(number):
        return sp.nan if np.isnan(number) else sp.oo if number > 0 else -sp.oo
    if (number * _SIMPLE).is_integer() and abs(number) < 2**53:
        return sp.Rational(int(number * _SIMPLE), _SIMPLE)
    return sp.Float(number, digits)


class Named(sp.Function):  # type: ignore[misc]
    """Base: a function with a name in each script, the derivative people know, and its meaning."""

    word: ClassVar[str] = ""
    unicode: ClassVar[str] = ""
    tex: ClassVar[str] = ""
    smooth: ClassVar[bool] = False
    is_real = True  # SymPy asks before it compares

    def written_out(self) -> Any:
        """Return the function in terms of those that SymPy differentiates by itself."""
        raise NotImplementedError

    def breaks(self, *numbers: float) -> bool:
        """Say whether the function has a corner or a jump at these numbers."""
        return False

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        inside = ", ".join(printer._print(x) for x in self.args)
        power = "" if exp is None else rf"^{{{exp}}}"
        return rf"{self.tex}{power}\left({inside}\right)"

    def _sympystr(self, printer: Any) -> str:
        name = self.unicode if getattr(printer, "unicode", False) else self.word
        return f"{name}({', '.join(printer._print(x) for x in self.args)})"


class Sigmoid(Named):
    """σ(x) = 1/(1 + e⁻ˣ)."""

    word, unicode, tex = "sigmoid", "σ", r"\sigma"
    smooth = True

    def fdiff(self, argindex: int = 1) -> Any:
        """σ(x)·(1 − σ(x))."""
        return self * (1 - self)

    def written_out(self) -> Any:
        """1/(1 + e⁻ˣ)."""
        return 1 / (1 + sp.exp(-self.args[0]))


class Softplus(Named):
    """ln(1 + eˣ)."""

    word, unicode, tex = "softplus", "softplus", r"\operatorname{softplus}"
    smooth = True

    def fdiff(self, argindex: int = 1) -> Any:
        """σ(x)."""
        return Sigmoid(self.args[0])

    def written_out(self) -> Any:
        """ln(1 + eˣ)."""
        return sp.log(1 + sp.exp(self.args[0]))


class Relu(Named):
    """max(x, 0), whose derivative at 0 is 0."""

    word, unicode, tex = "relu", "ReLU", r"\operatorname{ReLU}"

    def fdiff(self, argindex: int = 1) -> Any:
        """1 where x > 0."""
        return sp.Piecewise((1, self.args[0] > 0), (0, True))

    def written_out(self) -> Any:
        """x where x > 0."""
        return sp.Piecewise((self.args[0], self.args[0] > 0), (0, True))


class Step(Named):
    """1 from 0 on, 0 below: flat except where it jumps."""

    word, unicode, tex = "step", "step", r"\operatorname{step}"

    def fdiff(self, argindex: int = 1) -> Any:
        """0."""
        return sp.Integer(0)

    def written_out(self) -> Any:
        """1 where x ≥ 0."""
        return sp.Piecewise((1, self.args[0] >= 0), (0, True))


class Absolute(Named):
    """|x|, whose derivative at 0 is 0."""

    word, unicode, tex = "abs", "abs", r"\operatorname{abs}"

    def fdiff(self, argindex: int = 1) -> Any:
        """The sign."""
        return Sign(self.args[0])

    def written_out(self) -> Any:
        """x where x > 0, else −x."""
        return sp.Abs(self.args[0])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = "" if exp is None else rf"^{{{exp}}}"
        return rf"\left|{printer._print(self.args[0])}\right|{power}"

    def _sympystr(self, printer: Any) -> str:
        return f"|{printer._print(self.args[0])}|"


class Sign(Named):
    """1, 0 or −1: flat except where it jumps."""

    word, unicode, tex = "sign", "sign", r"\operatorname{sign}"

    def fdiff(self, argindex: int = 1) -> Any:
        """0."""
        return sp.Integer(0)

    def written_out(self) -> Any:
        """The sign."""
        return sp.sign(self.args[0])


class Clipped(Named):
    """x between two bounds; at and beyond them nothing flows."""

    word, unicode, tex = "clip", "clip", r"\operatorname{clip}"

    def fdiff(self, argindex: int = 1) -> Any:
        """1 between the bounds."""
        x, low, high = self.args
        return sp.Piecewise((1, sp.And(x > low, x < high)), (0, True)) if argindex == 1 else sp.Integer(0)

    def written_out(self) -> Any:
        """The bound where x is beyond it."""
        x, low, high = self.args
        return sp.Piecewise((low, x <= low), (high, x >= high), (x, True))


class Chosen(Named):
    """One of two by a condition; the derivative goes to the one that is chosen."""

    def _eval_derivative(self, s: Any) -> Any:
        condition, x, y = self.args
        slopes = x.diff(s), y.diff(s)
        return slopes[0] if slopes[0] == slopes[1] else Chosen(condition, *slopes)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        condition, x, y = (printer._print(part) for part in self.args)
        cases = rf"\begin{{cases}} {x} & {condition} \\ {y} & \text{{else}} \end{{cases}}"
        return cases if exp is None else rf"\left({cases}\right)^{{{exp}}}"

    def _sympystr(self, printer: Any) -> str:
        condition, x, y = (printer._print(part) for part in self.args)
        return f"[{x} if {condition}, else {y}]"


class Stopped(Named):
    """A value whose gradient is stopped; it stays what it is until the derivative is taken."""

    word, unicode, tex = "stop", "stop", r"\operatorname{stop}"

    def fdiff(self, argindex: int = 1) -> Any:
        """0."""
        return sp.Integer(0)

    def written_out(self) -> Any:
        """The value."""
        return self.args[0]


class AtLeast(Named):
    """max(x, c) with a fixed c: at x = c nothing flows."""

    word, unicode, tex = "max", "max", r"\max"

    def fdiff(self, argindex: int = 1) -> Any:
        """1 where x > c."""
        x, c = self.args
        return sp.Piecewise((1, x > c), (0, True)) if argindex == 1 else sp.Integer(0)

    def written_out(self) -> Any:
        """x where x > c, else c."""
        x, c = self.args
        return sp.Piecewise((x, x > c), (c, True))


class AtMost(Named):
    """min(x, c) with a fixed c: at x = c nothing flows."""

    word, unicode, tex = "min", "min", r"\min"

    def fdiff(self, argindex: int = 1) -> Any:
        """1 where x < c."""
        x, c = self.args
        return sp.Piecewise((1, x < c), (0, True)) if argindex == 1 else sp.Integer(0)

    def written_out(self) -> Any:
        """x where x < c, else c."""
        x, c = self.args
        return sp.Piecewise((x, x < c), (c, True))


class _Extreme(Named):
    """The largest or the smallest of several; those that tie share the derivative evenly."""

    wins: ClassVar[Any]

    def fdiff(self, argindex: int = 1) -> Any:
        """1 for the winner; in a tie an even share."""
        own, others = self.args[argindex - 1], [x for i, x in enumerate(self.args) if i != argindex - 1]
        if len(others) == 1:
            cases = [(1, self.wins(own, others[0])), (sp.Rational(1, 2), sp.Eq(own, others[0])), (0, True)]
            return sp.Piecewise(*cases)
        ties = sp.Add(1, *(sp.Piecewise((1, sp.Eq(x, own)), (0, True)) for x in others))
        loses = sp.Or(*(self.wins(x, own) for x in others))
        return sp.Piecewise((1, sp.And(*(self.wins(own, x) for x in others))), (0, loses), (1 / ties, True))

    def written_out(self) -> Any:
        """The sum of all, each times its share in winning."""
        holds = [sp.And(*(sp.Not(self.wins(y, x)) for y in self.args if y is not x)) for x in self.args]
        shares = [sp.Piecewise((1, held), (0, True)) for held in holds]
        return sp.Add(*(x * share for x, share in zip(self.args, shares, strict=True))) / sp.Add(*shares)


class Largest(_Extreme):
    """The largest of several."""

    word, unicode, tex = "max", "max", r"\max"
    wins: ClassVar[Any] = sp.Gt


class Smallest(_Extreme):
    """The smallest of several."""

    word, unicode, tex = "min", "min", r"\min"
    wins: ClassVar[Any] = sp.Lt


def opened(expression: Any) -> Any:
    """Return an expression in which smooth functions with names are written out, for SymPy to derive by itself.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> opened(Sigmoid(x)), opened(Sigmoid(x)).diff(x)
    (1/(1 + exp(-x)), exp(-x)/(1 + exp(-x))**2)
    """
    return expression.replace(
        lambda part: isinstance(part, Named) and part.smooth, lambda part: part.written_out()
    )


def number(expression: Any, numbers: Mapping[Any, Any], digits: int = 40) -> float:
    """Return an expression's number, computed with many digits; NaN or infinity where it has none.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> number(Sigmoid(x), {x: sp.Integer(0)}), number(1 / x, {x: sp.Integer(0)})
    (0.5, nan)
    """
    known: dict[Any, Any] = {}

    def value(part: Any) -> Any:
        if part not in known:
            known[part] = numbers[part] if part in numbers else worked_out(part)
        return known[part]

    def worked_out(part: Any) -> Any:
        if isinstance(part, sp.Piecewise):
            chosen = next((e for e, condition in part.args if value(condition) == True), sp.nan)  # noqa: E712
            return value(chosen)
        if isinstance(part, Chosen):
            return value(part.args[1] if value(part.args[0]) == True else part.args[2])  # noqa: E712
        if not part.args:
            return part
        made = part.func(*map(value, part.args))
        made = made.written_out() if isinstance(made, Named) else made
        return made.evalf(digits) if isinstance(made, sp.Expr) else made

    try:
        found = sp.N(value(expression), digits)
    except TypeError:  # a comparison with something that is no real number
        return float("nan")
    if found in (sp.oo, -sp.oo):
        return float("inf") if found == sp.oo else float("-inf")
    return float(found) if found.is_number and found.is_real else float("nan")
