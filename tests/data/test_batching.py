from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.data import ArrayBlocks, LazyBlocks, batches, check_target_shape, load_digits, validate_arrays
from glassgrad.errors import DataError, DTypeError, OptionError, ShapeError


@given(n=st.integers(0, 50), size=st.integers(1, 60))
def test_batches_hold_every_row_once_in_order(n, size):
    order = np.arange(n, dtype=np.int64)[::-1]
    made = list(batches(n, size, order))
    assert np.concatenate([order[:0], *made]).tolist() == order.tolist()
    assert all(len(batch) == size for batch in made[:-1])
    assert len(made) == -(-n // size)


def test_bad_batches():
    with pytest.raises(OptionError, match="at least 1; got 0"):
        batches(5, 0)
    with pytest.raises(ShapeError, match="order"):
        batches(5, 2, np.arange(4))


def test_an_array_is_one_block():
    X, y, weight = np.ones((4, 2)), np.arange(4), np.array([0.0, 1, 1, 1])
    (block,) = ArrayBlocks(X, y, weight)
    assert (block.X is X, block.y is y, block.weight is weight, block.first_row) == (True, True, True, 0)


def test_lazy_blocks_are_made_anew_for_each_pass():
    made = []

    def make():
        for size in (2, 3):
            made.append(size)
            yield np.full((size, 2), float(size)), np.zeros(size), None

    blocks = LazyBlocks(5, make)
    assert blocks.n_rows == 5
    assert [block.first_row for block in blocks] == [0, 2]
    assert [len(block) for block in blocks] == [2, 3]
    assert made == [2, 3, 2, 3]
    with pytest.raises(DataError, match="5 rows together; 6 were promised"):
        list(LazyBlocks(6, make))
    with pytest.raises(ShapeError, match="begins at row 1"):
        list(LazyBlocks(2, lambda: [([[1.0]], None, None), ([[1.0, 2.0]], None, None)]))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([[1.0, np.nan]],), DataError, "nan in row 0, column 1"),
        (([[1.0, 2.0]], [np.inf]), DataError, "y holds inf in row 0"),
        (([[1.0], [2.0]], [1.0]), ShapeError, "one target for each row"),
        (([1.0, 2.0],), ShapeError, "X[:, None]"),
        (([[1.0], [2.0, 3.0]],), ShapeError, "not a rectangle"),
        ((np.array([[1, "a"]], dtype=object),), DTypeError, "Python objects"),
        (([["a"]],), DTypeError, "texts"),
        (([[1j]],), DTypeError, "complex"),
        ((np.ones((0, 3)),), DataError, "empty"),
        (([[1.0]], [1.0], [[1.0]]), ShapeError, "one weight for each row"),
        (([[1.0]], [1.0], [-1.0]), DataError, "at least 0"),
        (([[1.0]], [1.0], [0.0]), DataError, "above 0 somewhere"),
    ],
)
def test_arrays_that_cannot_be_used(arguments, error, words):
    with pytest.raises(error) as caught:
        validate_arrays(*arguments)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3


def test_a_column_target_is_an_error_and_not_a_broadcast():
    X = np.ones((5, 3))
    with pytest.raises(ShapeError, match=r"y\[:, None\]"):
        validate_arrays(X, np.ones(5), prediction_shape=(5, 1))
    with pytest.raises(ShapeError, match=r"y\[:, 0\]"):
        validate_arrays(X, np.ones((5, 1)), prediction_shape=(5,))
    validate_arrays(X, np.ones((5, 1)), prediction_shape=(5, 1))
    with pytest.raises(ShapeError, match="must be equal"):
        check_target_shape((5, 2), (5, 3))


def test_digits():
    digits = load_digits()
    assert (digits.X.dtype, digits.y.dtype, int(digits.X.max())) == (np.uint8, np.uint8, 16)
    assert np.bincount(digits.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    datasets = pytest.importorskip("sklearn.datasets")
    truth = datasets.load_digits()
    assert np.array_equal(digits.X, truth.images)
    assert np.array_equal(digits.y, truth.target)
