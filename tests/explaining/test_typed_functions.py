"""Every function that may be typed: three answers that agree, in every script, and jumps that are told."""

from __future__ import annotations

import pytest

pytest.importorskip("sympy")

import glassgrad as gg
from glassgrad.errors import OptionError
from glassgrad.explaining.derivation.typed import _CALLS, _PAIRS

PLACES = {"acosh": 1.7, "lgamma": -0.3, "digamma": -0.3, "cbrt": -0.7, "trunc": -1.3, "round": -1.7}


@pytest.mark.parametrize("name", _CALLS)
def test_functions_of_one_number(name: str) -> None:
    found = gg.derive(f"{name}(x)*x", at={"x": PLACES.get(name, 0.7)})
    assert found.check.backpropagation == pytest.approx(found.check.symbolic, rel=1e-12, abs=1e-12)
    assert found.check.difference == pytest.approx(found.check.symbolic, rel=1e-7, abs=1e-7)
    assert found.value == pytest.approx(found.check.symbolic, rel=1e-12, abs=1e-12)
    symbols = gg.derive(f"{name}(x)")
    assert symbols.plain().isascii()
    assert found.latex().count("{") == found.latex().count("}")
    assert symbols.document()


@pytest.mark.parametrize("name", _PAIRS)
@pytest.mark.parametrize("wrt", ["x", "y"])
def test_functions_of_two_numbers(name: str, wrt: str) -> None:
    found = gg.derive(f"{name}(x, y)*x", wrt=wrt, at={"x": 2.7, "y": 1.2})
    assert found.check.backpropagation == pytest.approx(found.check.symbolic, rel=1e-12, abs=1e-12)
    assert found.check.difference == pytest.approx(found.check.symbolic, rel=1e-7, abs=1e-7)
    assert gg.derive(f"{name}(x, y)", wrt=wrt).plain().isascii()


def test_how_they_are_written() -> None:
    written = str(gg.derive("pow(x, 1.2) + cbrt(x) + sinc(x) + digamma(x)", at={"x": 2.7}))
    for part in ("2.7^1.2", "∛(x)", "sinc'(x)", "ψ⁽¹⁾(x)"):
        assert part in written
    latex = gg.derive("cbrt(x)^2 + sinc(x)^2 + digamma(x)^2").latex()
    for part in (r"\sqrt[3]{x}", r"\operatorname{sinc}'\left(x\right)", r"\psi^{(1)}\left(x\right)"):
        assert part in latex


@pytest.mark.parametrize(
    ("text", "at", "jumps"),
    [
        ("floor(x)*x", 2.0, True),
        ("floor(x)*x", 2.5, False),
        ("ceil(x)*x", 2.0, True),
        ("trunc(x)*x", 0.0, False),
        ("trunc(x)*x", -1.0, True),
        ("round(x)*x", 0.5, True),
        ("mod(x, 2)", 4.0, True),
        ("mod(x, 2)", 3.0, False),
        ("fmod(x, 2)", 0.0, False),
        ("floor_divide(x, 2)*x", 4.0, True),
        ("copysign(x, 2)", 0.0, True),
    ],
)
def test_jumps_are_told(text: str, at: float, jumps: bool) -> None:
    notes = gg.derive(text, at={"x": at}).notes
    assert any("has a kink exactly where it is used" in note.en for note in notes) == jumps


def test_a_wrong_number_of_arguments_is_told() -> None:
    with pytest.raises(OptionError, match="hypot takes two numbers, not 1"):
        gg.derive("hypot(x)")
    with pytest.raises(OptionError, match="floor takes one number, not 2"):
        gg.derive("floor(x, y)", wrt="x")
    with pytest.raises(OptionError, match="Did you mean 'hypot'"):
        gg.derive("hypott(x, y)", wrt="x")


def test_places_without_a_finite_derivative_are_refused() -> None:
    with pytest.raises(OptionError, match="no finite derivative at x = 0"):
        gg.derive("cbrt(x)", at={"x": 0.0})
    with pytest.raises(OptionError, match="nothing to derive at these numbers"):
        gg.derive("lgamma(x)", at={"x": -1.0})
