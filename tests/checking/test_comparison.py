"""Two gradients side by side: how far off, where, and which known thing makes one of the other."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.checking.comparison import compare, constant_factor, disguise

RNG = np.random.default_rng(0)
RIGHT = [RNG.normal(size=(4, 4)) for _ in range(3)]


def test_the_largest_relative_error_and_its_place() -> None:
    right = np.array([[1.0, 2.0], [3.0, 4.0]])
    given = right.copy()
    given[1, 0] = 6.0
    found = compare(given, right)
    assert (found.error, found.at, found.wrong, found.size) == (0.5, (1, 0), 1, 4)
    assert compare(right, right).close


def test_what_cancellation_leaves_is_measured_against_larger_elements() -> None:
    right = np.array([1.0, 1e-16])
    assert compare(np.array([1.0, -3e-16]), right).close
    assert not compare(np.array([1.0, 1e-6]), right).close
    assert not compare(np.array([1e-16]), np.array([3e-16])).close
    assert compare(np.array([1e-16]), np.array([3e-16]), scale=1e-6).close


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_infinitely_wrong(bad: float) -> None:
    found = compare(np.array([1.0, bad]), np.array([1.0, 2.0]))
    assert (found.error, found.at) == (np.inf, (1,))
    assert compare(np.array([bad]), np.array([bad])).close


def test_shapes_that_differ_are_infinitely_wrong_nowhere() -> None:
    found = compare(np.zeros((2, 3)), np.zeros((3, 2)))
    assert (found.error, found.at, found.wrong) == (np.inf, None, 6)


def test_arrays_without_elements_are_alike() -> None:
    assert compare(np.zeros((0, 3)), np.zeros((0, 3))).close


@pytest.mark.parametrize("factor", [2.0, 0.25, -1.0, -0.3])
def test_a_constant_factor_holds_for_all_pairs(factor: float) -> None:
    found = disguise([(factor * b, b) for b in RIGHT])
    assert found is not None
    assert found.kind == "factor"
    assert found.factor == pytest.approx(factor, rel=1e-12)
    several = [(factor * b * (1 + k), b) for k, b in enumerate(RIGHT)]
    assert disguise(several) is None


def test_a_whole_factor_is_a_whole_number() -> None:
    assert constant_factor([(3.0 * b, b) for b in RIGHT]) == 3.0


def test_a_transpose_of_a_square_matrix_is_told_from_the_matrix() -> None:
    found = disguise([(b.T, b) for b in RIGHT])
    assert found is not None
    assert (found.kind, found.factor) == ("transposed", 1.0)


def test_a_symmetric_matrix_alone_is_no_transpose() -> None:
    symmetric = RIGHT[0] + RIGHT[0].T
    pairs = [(symmetric + 1.0, symmetric), (RIGHT[1], RIGHT[1].T + RIGHT[2])]
    assert disguise(pairs) is None


def test_a_missing_sum_names_its_axes() -> None:
    wide = [RNG.normal(size=(5, 3, 2)) for _ in range(3)]
    for axes in [(0,), (1,), (0, 1)]:
        found = disguise([(a, a.sum(axis=axes)) for a in wide])
        assert found is not None
        assert (found.kind, found.axes, found.factor) == ("summed", axes, 1.0)
    kept = disguise([(a, a.sum(axis=0, keepdims=True) / 5) for a in wide])
    assert kept is not None
    assert (kept.kind, kept.axes, kept.factor) == ("summed", (0,), 5.0)


def test_another_shape_of_the_same_numbers() -> None:
    found = disguise([(b.reshape(1, 4, 4), b) for b in RIGHT])
    assert found is not None
    assert (found.kind, found.factor) == ("reshaped", 1.0)


def test_zero_is_zero_throughout() -> None:
    found = disguise([(0 * b, b) for b in RIGHT])
    assert found is not None
    assert found.kind == "zero"
    assert disguise([(0 * RIGHT[0], RIGHT[0]), (RIGHT[1] + RIGHT[2], RIGHT[1])]) is None


def test_nothing_is_a_disguise_of_zero_or_of_what_is_not_finite() -> None:
    assert disguise([(RIGHT[0], 0 * RIGHT[0])]) is None
    assert disguise([(np.full((4, 4), np.nan), RIGHT[0])]) is None
    assert disguise([]) is None
