"""More functions that people call by name: roundings, remainders, roots, the gamma function, sinc.

As in `formulas`: each has the derivative that people know. Where SymPy has a function of the same name that it cannot
differentiate (the floor), or that means something else (a cube root of a negative number is complex to it), the one
here is what the operation computes.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sympy as sp

from glassgrad.explaining.derivation.formulas import Named, Sign

__all__ = [
    "Ceiling",
    "CopiedSign",
    "CubeRoot",
    "Floor",
    "FloorQuotient",
    "LogGamma",
    "Nearest",
    "Remainder",
    "Sinc",
    "Truncated",
    "TruncatedRemainder",
]


class _Flat(Named):
    """Base: flat except where it jumps."""

    def fdiff(self, argindex: int = 1) -> Any:
        """0."""
        return sp.Integer(0)


class Floor(_Flat):
    """The largest whole number that is not above x."""

    word = unicode = "floor"
    tex: ClassVar[str] = r"\operatorname{floor}"

    def breaks(self, *numbers: float) -> bool:
        """At whole numbers."""
        return numbers[0].is_integer()

    def written_out(self) -> Any:
        """⌊x⌋."""
        return sp.floor(self.args[0])


class Ceiling(_Flat):
    """The smallest whole number that is not below x."""

    word = unicode = "ceil"
    tex: ClassVar[str] = r"\operatorname{ceil}"

    def breaks(self, *numbers: float) -> bool:
        """At whole numbers."""
        return numbers[0].is_integer()

    def written_out(self) -> Any:
        """⌈x⌉."""
        return sp.ceiling(self.args[0])


class Truncated(_Flat):
    """The whole number next to x on the side of 0."""

    word = unicode = "trunc"
    tex: ClassVar[str] = r"\operatorname{trunc}"

    def breaks(self, *numbers: float) -> bool:
        """At whole numbers but 0."""
        return numbers[0].is_integer() and numbers[0] != 0

    def written_out(self) -> Any:
        """⌊|x|⌋ with the sign of x."""
        return sp.sign(self.args[0]) * sp.floor(sp.Abs(self.args[0]))


class Nearest(_Flat):
    """The nearest whole number; from halfway between two the even one."""

    word = unicode = "round"
    tex: ClassVar[str] = r"\operatorname{round}"

    def breaks(self, *numbers: float) -> bool:
        """Halfway between whole numbers."""
        return (numbers[0] - 0.5).is_integer()

    def written_out(self) -> Any:
        """⌊x + ½⌋; halfway, twice the nearest to x/2."""
        x, half = self.args[0], sp.Rational(1, 2)
        return sp.Piecewise(
            (2 * sp.floor(x / 2 + half), sp.Eq(x - sp.floor(x), half)), (sp.floor(x + half), True)
        )


class FloorQuotient(_Flat):
    """⌊x/y⌋."""

    word = unicode = "floor_divide"
    tex: ClassVar[str] = r"\operatorname{floor\_divide}"

    def breaks(self, *numbers: float) -> bool:
        """Where x is a multiple of y."""
        return (numbers[0] / numbers[1]).is_integer()

    def written_out(self) -> Any:
        """⌊x/y⌋."""
        return sp.floor(self.args[0] / self.args[1])


class Remainder(Named):
    """x − y·⌊x/y⌋."""

    word = unicode = "mod"
    tex: ClassVar[str] = r"\operatorname{mod}"

    def breaks(self, *numbers: float) -> bool:
        """Where x is a multiple of y."""
        return (numbers[0] / numbers[1]).is_integer()

    def fdiff(self, argindex: int = 1) -> Any:
        """1 for x; for y how often it was taken away."""
        return sp.Integer(1) if argindex == 1 else -FloorQuotient(*self.args)

    def written_out(self) -> Any:
        """x − y·⌊x/y⌋."""
        x, y = self.args
        return x - y * sp.floor(x / y)


class TruncatedRemainder(Named):
    """x − y·trunc(x/y)."""

    word = unicode = "fmod"
    tex: ClassVar[str] = r"\operatorname{fmod}"

    def breaks(self, *numbers: float) -> bool:
        """Where x is a multiple of y other than 0."""
        return (numbers[0] / numbers[1]).is_integer() and numbers[0] != 0

    def fdiff(self, argindex: int = 1) -> Any:
        """1 for x; for y how often it was taken away."""
        x, y = self.args
        return sp.Integer(1) if argindex == 1 else -Truncated(x / y)

    def written_out(self) -> Any:
        """x − y·trunc(x/y)."""
        x, y = self.args
        return x - y * Truncated(x / y).written_out()


class CopiedSign(Named):
    """|x| with the sign of y, that of 0 being +."""

    word = unicode = "copysign"
    tex: ClassVar[str] = r"\operatorname{copysign}"

    def breaks(self, *numbers: float) -> bool:
        """Where either is 0."""
        return 0.0 in numbers

    def fdiff(self, argindex: int = 1) -> Any:
        """The slope of |x|, turned where y is negative; nothing for y."""
        x, y = self.args
        return Sign(x) * CopiedSign(1, y) if argindex == 1 else sp.Integer(0)

    def written_out(self) -> Any:
        """−|x| where y < 0, else |x|."""
        x, y = self.args
        return sp.Piecewise((-sp.Abs(x), y < 0), (sp.Abs(x), True))


class CubeRoot(Named):
    """The real cube root."""

    word, unicode = "cbrt", "∛"
    tex: ClassVar[str] = r"\operatorname{cbrt}"

    def fdiff(self, argindex: int = 1) -> Any:
        """1/(3·∛x²)."""
        return 1 / (3 * self**2)

    def written_out(self) -> Any:
        """|x| to the power of ⅓, with the sign of x."""
        x = self.args[0]
        return sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        root = rf"\sqrt[3]{{{printer._print(self.args[0])}}}"
        return root if exp is None else rf"\left({root}\right)^{{{exp}}}"


class LogGamma(Named):
    """ln|Γ(x)|."""

    word = unicode = "lgamma"
    smooth: ClassVar[bool] = True
    tex: ClassVar[str] = r"\ln\left|\Gamma\right|"

    def fdiff(self, argindex: int = 1) -> Any:
        """ψ(x)."""
        return sp.polygamma(0, self.args[0])

    def written_out(self) -> Any:
        """½·ln Γ(x)²."""
        return sp.log(sp.gamma(self.args[0]) ** 2) / 2


class Sinc(Named):
    """The n-th derivative of sin(πx)/(πx), which is a power series and therefore smooth at 0."""

    word = unicode = "sinc"
    tex: ClassVar[str] = r"\operatorname{sinc}"

    def fdiff(self, argindex: int = 1) -> Any:
        """One order more."""
        x, order = self.args
        return Sinc(x, order + 1)

    def written_out(self) -> Any:
        """The derivative of the quotient; at 0 what its series has there."""
        x, order = self.args
        n, free = int(order), sp.Dummy(real=True)
        away = sp.diff(sp.sin(sp.pi * free) / (sp.pi * free), free, n).subs(free, x)
        there = 0 if n % 2 else (-1) ** (n // 2) * sp.pi**n / (n + 1)
        return sp.Piecewise((there, sp.Eq(x, 0)), (away, True))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        x, order = self.args
        name = self.tex + ("'" * int(order) if order < 4 else rf"^{{({order})}}")
        made = rf"{name}\left({printer._print(x)}\right)"
        return made if exp is None else rf"\left({made}\right)^{{{exp}}}"

    def _sympystr(self, printer: Any) -> str:
        x, order = self.args
        primes = "'" * int(order) if order < 4 else f"^({order})"
        return f"sinc{primes}({printer._print(x)})"
