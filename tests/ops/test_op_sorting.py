"""Sorting, searching and sets: order, ties, NaN, and where gradients go."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import glassgrad as gg
from glassgrad import xp
from glassgrad.errors import DTypeError, GlassgradError, OptionError, ShapeError, TraceError
from glassgrad.functional import grad, vjp
from glassgrad.graph import batch_graph

nan = np.nan
TIES = hnp.arrays(
    np.float64, hnp.array_shapes(max_dims=3, max_side=6), elements=st.integers(-2, 2).map(float)
)


def slopes(f: Any, x: Any, weights: Any) -> np.ndarray:
    """Return the gradient of the results, each times its weight."""
    _, pull = vjp(f, np.asarray(x, np.float64))
    return pull(np.asarray(weights, np.float64))[0].numpy()


# --- sort, argsort -------------------------------------------------------------------------------------------------


@given(TIES, st.data())
@pytest.mark.parametrize("descending", [False, True])
def test_equal_elements_keep_their_order_in_both_directions(
    descending: bool, x: np.ndarray, data: st.DataObject
) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    order = xp.argsort(x, axis=axis, descending=descending).numpy()
    assert order.dtype == np.int64
    for row, places in zip(
        np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis]),
        np.moveaxis(order, axis, -1).reshape(-1, x.shape[axis]),
        strict=True,
    ):
        assert list(places) == sorted(range(len(row)), key=row.__getitem__, reverse=descending)
    np.testing.assert_array_equal(
        xp.sort(x, axis=axis, descending=descending).numpy(), np.take_along_axis(x, order, axis)
    )


@given(TIES, st.booleans(), st.data())
def test_the_gradient_of_sort_goes_where_a_stable_sort_took_each_element_from(
    x: np.ndarray, descending: bool, data: st.DataObject
) -> None:
    torch = pytest.importorskip("torch")
    axis = data.draw(st.integers(0, x.ndim - 1))
    g = np.arange(1.0, x.size + 1).reshape(x.shape)
    leaf = torch.tensor(x, requires_grad=True)
    sorted_ = torch.sort(leaf, dim=axis, descending=descending, stable=True).values
    sorted_.backward(torch.tensor(g))
    found = slopes(lambda x: xp.sort(x, axis=axis, descending=descending), x, g)
    np.testing.assert_array_equal(found, leaf.grad.numpy())


def test_nan_counts_as_the_largest() -> None:
    x = np.array([3.0, nan, 1.0, nan, 2.0])
    np.testing.assert_array_equal(xp.sort(x).numpy(), np.sort(x))
    np.testing.assert_array_equal(xp.sort(x, descending=True).numpy(), [nan, nan, 3, 2, 1])
    np.testing.assert_array_equal(xp.argsort(x).numpy(), [2, 4, 0, 1, 3])
    np.testing.assert_array_equal(xp.argsort(x, descending=True).numpy(), [1, 3, 0, 4, 2])


def test_signed_zeros_are_equal_and_keep_their_order() -> None:
    x = np.array([0.0, -0.0, -1.0])
    np.testing.assert_array_equal(np.signbit(xp.sort(x).numpy()), [True, False, True])
    np.testing.assert_array_equal(np.signbit(xp.sort(x, descending=True).numpy()), [False, True, True])


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint16, np.float32, np.complex64])
def test_sorting_keeps_the_dtype(dtype: Any) -> None:
    x = np.array([3, 0, 1, 1]).astype(dtype)
    assert xp.sort(x).dtype == dtype
    np.testing.assert_array_equal(xp.sort(x).numpy(), np.sort(x))
    np.testing.assert_array_equal(xp.sort(x, descending=True).numpy(), np.sort(x)[::-1])


def test_sorting_nothing() -> None:
    assert xp.sort(np.zeros((2, 0))).shape == (2, 0)
    assert xp.argsort(np.zeros((0, 3)), axis=0, descending=True).shape == (0, 3)


# --- topk ----------------------------------------------------------------------------------------------------------


def test_topk_returns_values_and_their_places_in_order() -> None:
    x = np.array([[1.0, 5.0, 3.0, 5.0], [2.0, 0.0, nan, 1.0]])
    values, indices = xp.topk(x, 2)
    np.testing.assert_array_equal(values.numpy(), [[5, 5], [nan, 2]])
    np.testing.assert_array_equal(indices.numpy(), [[1, 3], [2, 0]])
    smallest = xp.topk(x, 1, axis=0, largest=False)
    np.testing.assert_array_equal(smallest.values.numpy(), [[1, 0, 3, 1]])
    np.testing.assert_array_equal(smallest.indices.numpy(), [[0, 1, 0, 1]])
    assert xp.topk(x, 0).values.shape == (2, 0)


def test_the_gradient_of_topk_goes_back_to_the_elements_that_were_taken() -> None:
    found = slopes(lambda x: xp.topk(x, 3).values, [4.0, 9.0, 1.0, 4.0], [10, 20, 30])
    np.testing.assert_array_equal(found, [20, 10, 0, 30])


def test_topk_can_be_traced() -> None:
    x = np.array([[1.0, 5.0, 3.0], [7.0, 0.0, 2.0]])
    graph = gg.trace(lambda x: xp.topk(x, 2).values, gg.Spec(("N", 3)))
    np.testing.assert_array_equal(gg.run(graph, x)[0], [[5, 3], [7, 2]])


# --- searchsorted, nonzero -----------------------------------------------------------------------------------------


@given(
    hnp.arrays(np.float64, st.integers(0, 8), elements=st.integers(-3, 3).map(float)),
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=2), elements=st.integers(-4, 4).map(float)),
    st.sampled_from(["left", "right"]),
)
def test_searchsorted_is_numpys(x1: np.ndarray, x2: np.ndarray, side: str) -> None:
    expected = np.searchsorted(np.sort(x1), x2, side)
    found = xp.searchsorted(xp.sort(x1), x2, side=side)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found.numpy(), expected)
    np.testing.assert_array_equal(xp.searchsorted(x1, x2, side=side, sorter=xp.argsort(x1)).numpy(), expected)


def test_searchsorted_takes_a_number_and_can_be_traced() -> None:
    x = np.array([1, 3, 5])
    assert xp.searchsorted(x, 2.5).item() == 1
    assert gg.run(gg.trace(lambda x: xp.searchsorted(x, 2.5), x), x)[0] == 1


def test_searchsorted_in_many_rows() -> None:
    x1, x2 = np.array([[1.0, 2.0], [5.0, 6.0]]), np.array([[1.5, 5.5], [1.5, 5.5]])
    graph = gg.trace(lambda a, b: xp.searchsorted(a, b), x1[0], x2[0])
    found = gg.run(batch_graph(graph, (True, True), 2), x1, x2)[0]
    np.testing.assert_array_equal(found, [[1, 2], [0, 1]])


@given(hnp.arrays(np.int8, hnp.array_shapes(min_side=0), elements=st.integers(0, 2)))
def test_nonzero_is_numpys(x: np.ndarray) -> None:
    found = xp.nonzero(x)
    assert all(i.dtype == np.int64 for i in found)
    for ours, theirs in zip(found, np.nonzero(x), strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)


def test_count_nonzero() -> None:
    x = np.array([[1.0, 0.0, -0.0], [nan, 2.0, 0.0]])
    assert xp.count_nonzero(x).item() == 3
    np.testing.assert_array_equal(xp.count_nonzero(x, axis=1, keepdims=True).numpy(), [[1], [2]])
    assert xp.count_nonzero(np.zeros((0, 2)), axis=0).dtype == np.int64


@pytest.mark.parametrize("f", [xp.argmax, xp.argmin])
def test_the_first_of_equal_elements_is_named(f: Any) -> None:
    reference = {xp.argmax: np.argmax, xp.argmin: np.argmin}[f]
    for x in (np.array([[2, 1, 2], [0, 0, 1]]), np.array([[1.0, nan, 3.0], [nan, 0.0, nan]])):
        for axis in (None, 0, 1, -1):
            for keepdims in (False, True):
                np.testing.assert_array_equal(
                    f(x, axis=axis, keepdims=keepdims).numpy(), reference(x, axis=axis, keepdims=keepdims)
                )


# --- sets ----------------------------------------------------------------------------------------------------------

KINDS = st.sampled_from([np.int64, np.bool_, np.float64, np.complex128])


@given(TIES, KINDS, st.data())
def test_unique_says_what_is_there(x: np.ndarray, kind: Any, data: st.DataObject) -> None:
    x = (x * (1 + 1j) if kind is np.complex128 else x).astype(kind)
    if kind in (np.float64, np.complex128):
        x[data.draw(hnp.arrays(bool, x.shape))] = nan
    flat = x.reshape(-1)
    values, indices, inverse, counts = (part.numpy() for part in xp.unique_all(x))
    assert values.dtype == x.dtype
    assert indices.dtype == inverse.dtype == counts.dtype == np.int64
    assert inverse.shape == x.shape
    np.testing.assert_array_equal(values[inverse], x)
    np.testing.assert_array_equal(flat[indices], values)
    present = Counter(flat[~np.isnan(flat)].tolist())
    finite = ~np.isnan(values)
    assert dict(zip(values[finite].tolist(), counts[finite].tolist(), strict=True)) == present
    assert sorted(present) == values[finite].tolist() if kind is not np.complex128 else True
    assert (counts[~finite] == 1).all()
    assert counts.sum() == x.size
    assert all(flat[:i].tolist().count(flat[i]) == 0 for i in indices[finite])
    np.testing.assert_array_equal(xp.unique_values(x).numpy(), values)
    for ours, theirs in zip(xp.unique_counts(x), (values, counts), strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)
    for ours, theirs in zip(xp.unique_inverse(x), (values, inverse), strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)


def test_unique_of_nothing_and_of_a_number() -> None:
    assert [part.shape for part in xp.unique_all(np.zeros((0, 2)))] == [(0,), (0,), (0, 2), (0,)]
    assert [part.tolist() for part in xp.unique_all(np.array(7))] == [[7], [0], 0, [1]]


def test_signed_zeros_are_one_value() -> None:
    found = xp.unique_counts(np.array([0.0, -0.0, 0.0]))
    assert (found.values.tolist(), found.counts.tolist()) == ([0.0], [3])


def test_the_gradient_of_a_value_goes_to_its_first_holder() -> None:
    x = np.array([3.0, 1.0, 3.0, 2.0, 1.0])
    np.testing.assert_array_equal(slopes(xp.unique_values, x, [1, 10, 100]), [100, 1, 0, 10, 0])
    z = x * (1 + 2j)
    found = grad(lambda z: xp.sum(xp.abs(xp.unique_values(z))))(z)
    np.testing.assert_allclose(found.numpy(), np.array([1, 1, 0, 1, 0]) * (1 + 2j) / np.sqrt(5))


@given(TIES, hnp.arrays(np.int64, st.integers(0, 4), elements=st.integers(-3, 3)), st.booleans())
def test_isin_is_numpys(x1: np.ndarray, x2: np.ndarray, invert: bool) -> None:
    expected = np.isin(x1, x2, invert=invert)
    np.testing.assert_array_equal(xp.isin(x1, x2, invert=invert).numpy(), expected)
    graph = gg.trace(lambda a, b: xp.isin(a, b, invert=invert), x1, x2)
    np.testing.assert_array_equal(gg.run(graph, x1, x2)[0], expected)


def test_isin_takes_numbers() -> None:
    assert xp.isin(3, np.array([3, 4])).item() is True
    np.testing.assert_array_equal(xp.isin(np.array([3, 4]), 4).numpy(), [False, True])


# --- errors --------------------------------------------------------------------------------------------------------

ERRORS = [
    (lambda: xp.sort(np.array(1.0)), ShapeError, "single number"),
    (lambda: xp.argsort(np.ones(3), axis=1), ShapeError, "axis 1"),
    (lambda: xp.topk(np.ones(3), 4), ShapeError, r"0 to 3 elements.*not 4"),
    (lambda: xp.topk(np.ones(3), -1), ShapeError, "not -1"),
    (lambda: xp.nonzero(np.array(1)), ShapeError, "single number"),
    (lambda: xp.searchsorted(np.ones(3), 1.0, side="lef"), OptionError, "'left'"),
    (lambda: xp.searchsorted(np.ones((2, 3)), np.ones(2)), ShapeError, r"\(2, 3\)"),
    (lambda: gg.trace(lambda x: xp.searchsorted(x, 1.0), np.ones((2, 3))), ShapeError, r"\(2, 3\)"),
    (lambda: xp.searchsorted(np.ones(3), 1.0, sorter=np.arange(2)), ShapeError, "argsort"),
    (lambda: xp.searchsorted(np.ones(3), 1.0, sorter=np.ones(3)), DTypeError, "whole numbers"),
]


@pytest.mark.parametrize(("f", "error", "text"), ERRORS)
def test_errors_say_what_was_given(f: Any, error: type[GlassgradError], text: str) -> None:
    with pytest.raises(error, match=text):
        f()


@pytest.mark.parametrize(
    "name", ["nonzero", "unique_all", "unique_counts", "unique_inverse", "unique_values"]
)
def test_sizes_that_depend_on_values_cannot_be_traced(name: str) -> None:
    with pytest.raises(TraceError, match=r"shape of its result would depend on the values"):
        gg.trace(getattr(xp, name), np.ones(3))
