"""Dimensions with an open batch size compute as numbers do, for every N."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.errors import ShapeError
from glassgrad.ir import BATCH, Dim, broadcast_shapes
from glassgrad.ir.dims import is_static, solve_batch

small = st.integers(-5, 5)


@st.composite
def dims(draw: Any) -> int | Dim:
    total: int | Dim = draw(small)
    for power in range(1, draw(st.integers(1, 3))):
        term: int | Dim = draw(small)
        for _ in range(power):
            term = term * BATCH
        total = total + term
    return total


def at(d: int | Dim, n: int) -> int:
    return d.at(n) if isinstance(d, Dim) else d


@given(dims(), dims(), st.integers(0, 50))
def test_arithmetic_is_that_of_the_sizes(a: int | Dim, b: int | Dim, n: int) -> None:
    assert at(a + b, n) == at(a, n) + at(b, n)
    assert at(a - b, n) == at(a, n) - at(b, n)
    assert at(a * b, n) == at(a, n) * at(b, n)


@given(dims(), dims())
def test_equal_dimensions_are_equal_objects(a: int | Dim, b: int | Dim) -> None:
    same = all(at(a, n) == at(b, n) for n in range(10))
    assert (a == b) == same
    assert (a - b == 0) == same
    if same:
        assert hash(a) == hash(b)
        assert type(a) is type(b)


@given(dims(), dims())
def test_division_undoes_multiplication(a: int | Dim, b: int | Dim) -> None:
    if b != 0 and isinstance(a * b, Dim):
        assert (a * b) // b == a


def test_division_with_a_remainder_teaches() -> None:
    with pytest.raises(ShapeError, match=r"2\*N \+ 1 is not a multiple of 2"):
        (BATCH * 2 + 1) // 2
    with pytest.raises(ShapeError, match="not a multiple of N"):
        6 // BATCH


@pytest.mark.parametrize(
    ("dim", "text"),
    [(BATCH, "N"), (BATCH * 2 - 3, "2*N - 3"), (BATCH * BATCH + 1, "N**2 + 1"), (1 - BATCH, "-1*N + 1")],
)
def test_text(dim: Dim, text: str) -> None:
    assert str(dim) == text
    assert eval(text, {"N": 7}) == dim.at(7)


def test_products_of_shapes() -> None:
    assert math.prod((2, BATCH, 3)) == BATCH * 6
    assert is_static((2, 3))
    assert not is_static((2, BATCH))


# --- which N ---


@given(st.integers(0, 30), st.lists(dims(), min_size=1, max_size=4))
def test_the_batch_size_is_found_again(n: int, shape: list[int | Dim]) -> None:
    linear = [d for d in shape if isinstance(d, Dim) and len(d.coefficients) == 2]
    sizes = [at(d, n) for d in shape]
    if any(s < 0 for s in sizes):
        return
    if linear:
        assert solve_batch([tuple(shape)], [sizes]) == n
    elif is_static(tuple(shape)):
        assert solve_batch([tuple(shape)], [sizes]) is None


@pytest.mark.parametrize(
    ("declared", "given_shapes", "message"),
    [
        ([(BATCH, 3)], [(4, 2)], r"shape \(4, 2\), but the graph takes \(N, 3\)"),
        ([(BATCH,), (BATCH,)], [(4,), (5,)], r"shape \(5,\).*N = 4"),
        ([(BATCH * 2,)], [(5,)], "takes"),
        ([(BATCH * 2 + 3,)], [(1,)], "takes"),
        ([(BATCH, 3)], [(4,)], "takes"),
        ([(2, 3)], [(3, 2)], r"takes \(2, 3\)$"),
    ],
)
def test_shapes_that_fit_no_batch(declared: Any, given_shapes: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        solve_batch(declared, given_shapes)


# --- broadcasting ---

shapes = st.lists(st.sampled_from([0, 1, 2, 3]), max_size=3).map(tuple)


@given(st.lists(shapes, min_size=1, max_size=3))
def test_broadcasting_is_numpys(given_shapes: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*given_shapes)
    except ValueError:
        with pytest.raises(ShapeError, match="do not broadcast: axis -"):
            broadcast_shapes(*given_shapes)
    else:
        assert broadcast_shapes(*given_shapes) == expected


def test_broadcasting_the_batch() -> None:
    assert broadcast_shapes((BATCH, 1), (1, 3), ()) == (BATCH, 3)
    assert broadcast_shapes((BATCH * 2,), (1,)) == (BATCH * 2,)
    assert broadcast_shapes() == ()
    with pytest.raises(ShapeError, match=r"sizes N and 3, .*\n  \(N\)\n  \(3\)\n   \^"):
        broadcast_shapes((BATCH,), (3,))


def test_shapes_that_do_not_broadcast_stand_side_by_side_with_the_axis_marked() -> None:
    with pytest.raises(ShapeError) as caught:
        broadcast_shapes((10, BATCH, 3), (4, 3))
    assert str(caught.value).splitlines()[1:] == [
        "  (10, N, 3)",
        "      (4, 3)",
        "       ^",
    ]
