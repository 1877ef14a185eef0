"""Numeric differentiation: true to its own estimate of its error, and it knows a kink or a jump when it meets one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad.checking.numeric import numeric_gradient, sample, slope

SMOOTH: list[tuple[str, Callable[[Any], Any], Callable[[float], float]]] = [
    ("cube", lambda x: x**3, lambda x: 3 * x**2),
    ("sin of 10x", lambda x: np.sin(10 * x), lambda x: 10 * np.cos(10 * x)),
    ("exp", np.exp, np.exp),
    ("tanh", lambda x: np.tanh(5 * x), lambda x: 5 / np.cosh(5 * x) ** 2),
    ("large offset", lambda x: 1e6 + x**2, lambda x: 2 * x),
    ("steep", lambda x: 1e8 * x, lambda x: 1e8),
    ("flat", lambda x: 0 * x + 3.0, lambda x: 0.0),
    ("tiny", lambda x: 1e-9 * x**2, lambda x: 2e-9 * x),
]
PLACES = [-1.7, -0.3, 0.0, 1e-6, 0.4, 2.0, 30.0]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize(("f", "df"), [case[1:] for case in SMOOTH], ids=[case[0] for case in SMOOTH])
@pytest.mark.parametrize("complex_step", [False, True])
def test_smooth_functions(f: Any, df: Any, at: float, complex_step: bool) -> None:
    found = slope(f, at, complex_step=complex_step)
    assert found.shape == "smooth"
    assert abs(found.value - df(at)) <= 10 * found.error + 1e-6 * abs(df(at))


@pytest.mark.parametrize(("f", "df"), [case[1:] for case in SMOOTH[:4]], ids=[case[0] for case in SMOOTH[:4]])
def test_a_complex_step_is_exact(f: Any, df: Any) -> None:
    found = slope(f, 0.4, complex_step=True)
    assert found.value == pytest.approx(df(0.4), rel=1e-14)
    assert found.error < 1e-13 * abs(df(0.4))


def test_a_complex_step_that_is_wrong_is_not_believed() -> None:
    found = slope(lambda x: np.real(x) ** 2, 3.0, complex_step=True)
    assert found.value == pytest.approx(6.0, rel=1e-8)

    def refuses(x: Any) -> Any:
        if isinstance(x, complex):
            raise TypeError("a real number, please")
        return x**2

    assert slope(refuses, 3.0, complex_step=True).value == pytest.approx(6.0, rel=1e-8)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_kinks_have_two_slopes(scale: float) -> None:
    found = slope(lambda x: scale * max(x, 0.0), 0.0)
    assert found.shape == "kink"
    assert (found.left, found.right) == pytest.approx((0.0, scale), abs=1e-9 * scale)
    found = slope(lambda x: abs(x - 2.0) + x**2, 2.0)
    assert found.shape == "kink"
    assert (found.left, found.right) == pytest.approx((3.0, 5.0), rel=1e-5)


@pytest.mark.parametrize("away", [1e-3, 1e-4, 0.03])
def test_beside_a_kink_the_slope_is_that_of_its_side(away: float) -> None:
    found = slope(lambda x: 3 * abs(x), away)
    assert found.shape == "smooth"
    assert found.value == pytest.approx(3.0, rel=1e-7)


def test_jumps() -> None:
    assert slope(lambda x: float(x >= 1.0), 1.0).shape == "jump"
    assert slope(np.round, 0.5).shape == "jump"
    assert slope(np.round, 0.3).value == 0.0


def test_functions_without_a_value_around_the_place() -> None:
    with np.errstate(all="ignore"):
        found = slope(lambda x: np.log(-x), 2.0)
        assert np.isnan(found.value)
        assert found.error == np.inf
        near = slope(np.log, 1e-4)  # wide steps leave the domain, narrow ones do not
    assert near.value == pytest.approx(1e4, rel=1e-5)


def test_values_in_float32_are_not_taken_for_kinks() -> None:
    found = slope(lambda x: np.float32(np.float32(x) ** 2), 0.7, digits=np.float32)
    assert found.shape == "smooth"
    assert abs(found.value - 1.4) <= 10 * found.error


def test_a_gradient_element_by_element() -> None:
    w = np.array([[1.0, -2.0], [0.5, 3.0]])
    found = numeric_gradient(lambda v: np.sum(v**3), w, [0, 3], complex_step=True)
    np.testing.assert_allclose(found.value, [3.0, 27.0], rtol=1e-12)
    values, errors = found.dense((2, 2))
    np.testing.assert_array_equal(np.isnan(values), [[False, True], [True, False]])
    assert errors[1, 1] < 1e-12
    assert found.size == 4
    np.testing.assert_array_equal(w, [[1.0, -2.0], [0.5, 3.0]])


def test_a_number_is_an_array_of_one() -> None:
    found = numeric_gradient(lambda v: v**2, np.array(3.0), [0])
    assert found.value[0] == pytest.approx(6.0)


def test_samples_are_all_or_so_many() -> None:
    rng = np.random.default_rng(0)
    assert sample(5, 8, rng) == [0, 1, 2, 3, 4]
    for first in ([], [99, 3], list(range(50))):
        chosen = sample(100, 10, rng, first)
        assert len(set(chosen)) == 10
        assert set(first[:10]) <= set(chosen)
