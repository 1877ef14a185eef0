"""Functions that people call by name: σ, ReLU, max, with the derivative they know, and written out in full.

A derivation reads ∂a/∂z = a·(1 − a), not the quotient that SymPy finds in 1/(1 + e⁻ᶻ). The independent answer beside it
must not trust that line, so it is found from the function as `opened` writes it out.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sympy as sp

__all__ = [
    "AtLeast",
    "AtMost",
    "Largest",
    "Named",
    "Relu",
    "Sigmoid",
    "Smallest",
    "Softplus",
    "Step",
    "Stopped",
    "number",
    "opened",
]


class Named(sp.Function):  # type: ignore[misc]
    """Base: a function with a name in each script, the derivative people know, and its meaning."""

    word: ClassVar[str] = ""
    unicode: ClassVar[str] = ""
    tex: ClassVar[str] = ""

    def written_out(self) -> Any:
        """Return the function in terms of those that SymPy differentiates by itself."""
        raise NotImplementedError

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

    def fdiff(self, argindex: int = 1) -> Any:
        """σ(x)·(1 − σ(x))."""
        return self * (1 - self)

    def written_out(self) -> Any:
        """1/(1 + e⁻ˣ)."""
        return 1 / (1 + sp.exp(-self.args[0]))


class Softplus(Named):
    """ln(1 + eˣ)."""

    word, unicode, tex = "softplus", "softplus", r"\operatorname{softplus}"

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


class Stopped(Named):
    """A value whose gradient is stopped; it stays what it is until the derivative is taken."""

    word, unicode, tex = "stop", "stop", r"\operatorname{stop}"

    def fdiff(self, argindex: int = 1) -> Any:
        """0."""
        return sp.Integer(0)


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
        best = others[0] if len(others) == 1 else type(self)(*others)
        ties = sp.Add(1, *(sp.Piecewise((1, sp.Eq(x, own)), (0, True)) for x in others))
        share = sp.Rational(1, 2) if len(others) == 1 else 1 / ties
        return sp.Piecewise((1, self.wins(own, best)), (share, sp.Eq(own, best)), (0, True))

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
    """Return an expression with its named functions written out.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> opened(Sigmoid(x)), sp.simplify(opened(Sigmoid(x)).diff(x) - Sigmoid(x).diff(x).replace(*_written(Sigmoid)))
    (1/(1 + exp(-x)), 0)
    """
    for kind in (Sigmoid, Softplus, Relu, Step, AtLeast, AtMost, Largest, Smallest):
        expression = expression.replace(*_written(kind))
    return expression


def _written(kind: type[Named]) -> tuple[type[Named], Any]:
    return kind, lambda *xs: kind(*xs, evaluate=False).written_out()


def number(expression: Any, numbers: dict[Any, Any], digits: int = 30) -> float:
    """Return an expression's number, computed with many digits; NaN or infinity where it has none.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> number(Sigmoid(x), {x: sp.Integer(0)}), number(1 / x, {x: sp.Integer(0)})
    (0.5, nan)
    """
    found = opened(expression).replace(Stopped, lambda x: x).xreplace(numbers)
    value = sp.N(found, digits)
    if value in (sp.oo, -sp.oo):
        return float("inf") if value == sp.oo else float("-inf")
    return float(value) if value.is_number and value.is_real else float("nan")
