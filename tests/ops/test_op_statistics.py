"""Reductions, running results, spreads and order statistics: dtypes, kinks, empty arrays, NaN and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import glassgrad as gg
from glassgrad import xp
from glassgrad.errors import DTypeError, GlassgradError, OptionError, ShapeError
from glassgrad.functional import grad, hessian, vjp
from glassgrad.graph import batch_graph

nan, inf = np.nan, np.inf
METHODS = ["linear", "lower", "higher", "nearest", "midpoint", "interpolated_inverted_cdf", "hazen", "weibull",
           "median_unbiased", "normal_unbiased"]  # fmt: skip


def slopes(f: Any, *xs: Any) -> list[np.ndarray]:
    """Return the gradient of the sum of the outputs for each argument."""
    z, pull = vjp(f, *[np.asarray(x) for x in xs])
    return [g.numpy() for g in pull(np.ones(z.shape, z.dtype))]


KINKS: list[tuple[str, Any, Any, Any]] = [
    ("cummax, ties", xp.cummax, [1.0, 2, 2, 1], [1, 2, 1, 0]),
    ("cummax, three holders", xp.cummax, [2.0, 2, 2], [1 + 1 / 2 + 1 / 3, 1 / 2 + 1 / 3, 1 / 3]),
    ("cummax, a new stretch", xp.cummax, [3.0, 1, 3, 4, 4, 2], [2.5, 0, 0.5, 2, 1, 0]),
    ("cummin, ties", xp.cummin, [2.0, 1, 1, 2], [1, 2, 1, 0]),
    ("cummax, first is 0", xp.cummax, [0.0, 0, -1], [2, 1, 0]),
    ("cummax, NaN", xp.cummax, [1.0, nan, 3], [1, 0, 0]),
    ("median, odd", xp.median, [3.0, 1, 2], [0, 0, 1]),
    ("median, even", xp.median, [3.0, 1, 2, 10], [0.5, 0, 0.5, 0]),
    ("median, ties go by their order", xp.median, [2.0, 2, 2], [0, 1, 0]),
    ("quantile", lambda x: xp.quantile(x, 0.3), [3.0, 1, 2, 10], [0, 0.1, 0.9, 0]),
    ("quantile at an element", lambda x: xp.quantile(x, 0.5), [3.0, 1, 2], [0, 0, 1]),
    ("std of a constant", xp.std, [0.1, 0.1, 0.1], [0, 0, 0]),
    ("std of a complex constant", xp.std, [0.1 + 0.7j] * 3, [0, 0, 0]),
    ("prod, complex zero", xp.prod, [2j, 0, 3], [0, -6j, 0]),
    ("prod, two complex zeros", xp.prod, [2j, 0, 0], [0, 0, 0]),
    ("cumulative_prod, complex zero", xp.cumulative_prod, [2j, 0, 3], [1, -8j, 0]),
    ("nansum", xp.nansum, [1.0, nan, 3], [1, 0, 1]),
    ("nanmean", xp.nanmean, [1.0, nan, 3], [0.5, 0, 0.5]),
    ("nanmean of nothing", xp.nanmean, [nan, nan], [0, 0]),
    ("diff", xp.diff, [1.0, 5, 2], [-1, 0, 1]),
    ("diff, twice", lambda x: xp.diff(x, n=2), [1.0, 5, 2, 7], [1, -1, -1, 1]),
]


@pytest.mark.parametrize(("f", "x", "expected"), [k[1:] for k in KINKS], ids=[k[0] for k in KINKS])
def test_convention(f: Any, x: Any, expected: Any) -> None:
    np.testing.assert_allclose(slopes(f, x)[0], expected, rtol=1e-14, atol=1e-15)
    given = np.asarray(x)
    graph = gg.differentiate(gg.trace(lambda x: xp.real(xp.sum(f(x))), given))
    np.testing.assert_allclose(gg.run(graph, given)[1], expected, rtol=1e-14, atol=1e-15)


def test_complex_products_are_exact_at_zeros_to_second_order() -> None:
    turn = np.array([1.0, 1j, 1.0, 2j])
    found = hessian(lambda x: xp.imag(xp.prod(xp.multiply(x, turn))))(np.array([2.0, 0.0, 3.0, 0.0]))
    np.testing.assert_array_equal(found.numpy(), np.zeros((4, 4)))
    found = hessian(lambda x: xp.real(xp.prod(xp.multiply(x, turn))))(np.array([2.0, 0.0, 3.0, 0.0]))
    expected = np.zeros((4, 4))
    expected[1, 3] = expected[3, 1] = -12
    np.testing.assert_array_equal(found.numpy(), expected)


# --- dtypes, empty arrays ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [xp.sum, xp.prod, lambda x, **k: xp.cumulative_sum(x, axis=0, **k),
                               lambda x, **k: xp.cumulative_prod(x, axis=0, **k)])  # fmt: skip
def test_small_whole_numbers_are_added_in_64_bits_and_others_in_their_own(f: Any) -> None:
    for given_, expected in [("bool", "int64"), ("int8", "int64"), ("uint8", "uint64"), ("uint32", "uint64"),
                             ("float32", "float32"), ("complex64", "complex64")]:  # fmt: skip
        assert f(np.ones(3, given_)).dtype == expected
    for dtype in ("int8", "uint16", "int32", "float32", "complex128"):
        assert f(np.ones(3, np.int8), dtype=dtype).dtype == dtype
    assert f(np.array([100, 2, 1], np.int8), dtype=np.int16).numpy().max() in (200, 103)
    assert f(np.array([300.0, 2, 1], np.float32), dtype=np.float64).dtype == np.float64


def test_a_gradient_through_another_dtype_comes_back_in_its_own() -> None:
    (g,) = slopes(lambda x: xp.sum(x, dtype=np.float64), np.ones(3, np.float32))
    assert g.dtype == np.float32
    (g,) = slopes(lambda x: xp.real(xp.prod(x, dtype=np.complex128)), np.array([2.0, 3.0]))
    np.testing.assert_array_equal(g, [3, 2])


@pytest.mark.parametrize("name", ["var", "std", "mean", "sum", "prod"])
def test_complex_numbers_are_reduced_as_numpy_does(name: str) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4))
    for settings in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}):
        found = getattr(xp, name)(z, **settings).numpy()
        expected = getattr(np, name)(z, **settings)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_reducing_nothing() -> None:
    empty = np.zeros((2, 0))
    np.testing.assert_array_equal(xp.sum(empty, axis=1).numpy(), [0, 0])
    np.testing.assert_array_equal(xp.prod(empty, axis=1).numpy(), [1, 1])
    np.testing.assert_array_equal(xp.any(empty, axis=1).numpy(), [False, False])
    np.testing.assert_array_equal(xp.all(empty, axis=1).numpy(), [True, True])
    assert xp.mean(empty, axis=0).shape == (0,)
    assert np.isnan(xp.mean(empty).item())
    assert xp.isnan(xp.mean(empty.astype(complex))).item()
    np.testing.assert_array_equal(xp.nansum(empty, axis=1).numpy(), [0, 0])
    assert np.isnan(xp.nanmean(empty, axis=1).numpy()).all()
    for f, first in ((xp.cumulative_sum, 0), (xp.cumulative_prod, 1)):
        assert f(empty, axis=1).shape == (2, 0)
        np.testing.assert_array_equal(f(empty, axis=1, include_initial=True).numpy(), [[first], [first]])
    assert xp.cummax(empty, axis=1).shape == (2, 0)
    assert xp.diff(np.zeros(1)).shape == (0,)
    for f in (xp.sum, xp.prod, xp.nansum, lambda x: xp.cumulative_prod(x, axis=1)):
        assert slopes(f, empty)[0].shape == (2, 0)


def test_too_few_values_have_no_spread() -> None:
    with np.errstate(all="ignore"):
        assert np.isnan(xp.var(np.array([1.0]), correction=1).item())
        assert xp.var(np.array([1.0, 2.0]), correction=3).item() == inf


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("reverse", [False, True])
def test_running_results_with_their_beginning(axis: int, reverse: bool) -> None:
    x = np.arange(1.0, 7.0).reshape(2, 3)
    for f, ufunc, first in ((xp.cumulative_sum, np.add, 0), (xp.cumulative_prod, np.multiply, 1)):
        turned = np.flip(x, axis) if reverse else x
        edge = np.full_like(np.take(x, [0], axis), first)
        expected = np.concatenate([edge, ufunc.accumulate(turned, axis)], axis)
        expected = np.flip(expected, axis) if reverse else expected
        found = f(x, axis=axis, include_initial=True, reverse=reverse)
        np.testing.assert_array_equal(found.numpy(), expected)


@given(
    hnp.arrays(np.float64, hnp.array_shapes(max_dims=3), elements=st.integers(-3, 3).map(float)), st.data()
)
def test_running_extremes_are_numpys(x: np.ndarray, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    np.testing.assert_array_equal(xp.cummax(x, axis=axis).numpy(), np.maximum.accumulate(x, axis))
    np.testing.assert_array_equal(xp.cummin(x, axis=axis).numpy(), np.minimum.accumulate(x, axis))
    (g,) = slopes(lambda x: xp.cummax(x, axis=axis), x)
    for row, found in zip(np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis]),
                          np.moveaxis(g, axis, -1).reshape(-1, x.shape[axis]), strict=True):  # fmt: skip
        expected = np.zeros(len(row))
        for i in range(len(row)):
            holders = np.flatnonzero(row[: i + 1] == row[: i + 1].max())
            expected[holders] += 1 / len(holders)
        np.testing.assert_allclose(found, expected, rtol=1e-13)


# --- order statistics ----------------------------------------------------------------------------------------------


@given(
    hnp.arrays(np.float64, hnp.array_shapes(max_dims=3), elements=st.integers(-9, 9).map(float)),
    st.sampled_from([0.0, 0.25, 0.37, 1.0, [0.5, 0.9], [[0.1], [0.7]]]),
    st.sampled_from(METHODS),
    st.booleans(),
    st.data(),
)
def test_quantiles_and_medians_are_numpys(
    x: np.ndarray, q: Any, method: str, keepdims: bool, data: st.DataObject
) -> None:
    axes = st.lists(st.integers(0, x.ndim - 1), unique=True, min_size=1).map(tuple)
    axis = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1) | axes)
    found = xp.quantile(x, q, axis=axis, method=method, keepdims=keepdims).numpy()
    expected = np.quantile(x, q, axis=axis, method=method, keepdims=keepdims)  # type: ignore[call-overload]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(
        xp.median(x, axis=axis, keepdims=keepdims).numpy(),
        np.median(x, axis=axis, keepdims=keepdims),
        rtol=1e-15,
    )


def test_order_statistics_keep_single_precision_and_make_floats_of_whole_numbers() -> None:
    single = np.array([1, 2, 4], np.float32)
    assert xp.median(single).dtype == xp.quantile(single, 0.3).dtype == np.float32
    assert xp.quantile(single, [0.3, 0.4]).dtype == np.float32
    assert xp.quantile(single, np.array(0.3)).dtype == np.float64
    assert xp.median(np.array([1, 2])).item() == 1.5


def test_nan_and_infinity_in_order_statistics() -> None:
    x = np.array([[1.0, nan, 2.0], [1.0, 2.0, inf]])
    np.testing.assert_array_equal(xp.median(x, axis=1).numpy(), [nan, 2])
    np.testing.assert_array_equal(xp.quantile(x, [0.0, 1.0], axis=1).numpy(), [[nan, 1], [nan, inf]])
    assert xp.median(np.array([1.0, inf, inf, inf])).item() == inf


def test_quantiles_are_differentiable_by_the_share() -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    x, q = np.array([3.0, 1.0, 7.0, 2.0, 5.5]), np.array([0.1, 0.33, 0.8])
    weights = np.array([1.0, -2.0, 0.5])
    ours = grad(lambda x, q: xp.sum(xp.quantile(x, q) * weights), (0, 1))(x, q)
    theirs = jax.grad(lambda x, q: jax.numpy.sum(jax.numpy.quantile(x, q) * weights), (0, 1))(x, q)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-12)


def test_the_number_of_rows_may_stay_open() -> None:
    x = np.array([[1.0, 5.0], [3.0, 2.0], [8.0, 0.0], [2.0, 2.0]])
    graph = gg.trace(lambda x: xp.median(x, axis=0) + xp.quantile(x, 0.3, axis=0), gg.Spec(("N", 2)))
    for rows in (3, 4):
        expected = np.median(x[:rows], axis=0) + np.quantile(x[:rows], 0.3, axis=0)
        np.testing.assert_allclose(gg.run(graph, x[:rows])[0], expected, rtol=1e-14)


@pytest.mark.parametrize(
    "f",
    [xp.median, xp.nanmean, xp.diff, lambda x: xp.quantile(x, [0.2, 0.6]), lambda x: xp.topk(x, 2).values],
)
def test_many_rows_at_once(f: Any) -> None:
    x = np.random.default_rng(3).normal(size=(3, 5))
    one = gg.trace(f, x[0])
    (together,) = gg.run(batch_graph(one, (True,), 3), x)
    np.testing.assert_allclose(together, np.stack([f(row).numpy() for row in x]), rtol=1e-14)


# --- NaN, differences ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.int64])
def test_nan_is_left_out(dtype: Any) -> None:
    x = np.array([[1, 2], [3, 4]]).astype(dtype)
    if dtype != np.int64:
        x[0, 1] = nan
    for ours, theirs in ((xp.nansum, np.nansum), (xp.nanmean, np.nanmean)):
        for settings in ({}, {"axis": 0}, {"axis": 1, "keepdims": True}):
            found, expected = ours(x, **settings).numpy(), theirs(x, **settings)
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected)


def test_differences_are_numpys() -> None:
    x = np.array([[1, 4, 9, 16], [2, 3, 5, 7]])
    for settings in ({}, {"n": 2}, {"n": 0}, {"axis": 0}, {"n": 5}):
        np.testing.assert_array_equal(xp.diff(x, **settings).numpy(), np.diff(x, **settings))
    edges: dict[str, Any] = {"prepend": np.zeros((2, 2), int), "append": np.ones((2, 1), int)}
    np.testing.assert_array_equal(xp.diff(x, n=2, **edges).numpy(), np.diff(x, n=2, **edges))
    truth = np.array([True, True, False])
    np.testing.assert_array_equal(xp.diff(truth).numpy(), np.diff(truth))
    np.testing.assert_array_equal(xp.diff(np.array([1, 0], np.uint8)).numpy(), [255])


def test_what_is_prepended_gets_its_gradient() -> None:
    x, before = np.array([2.0, 5.0]), np.array([1.0])
    found = slopes(lambda x, b: xp.square(xp.diff(x, prepend=b)), x, before)
    np.testing.assert_array_equal(found[0], [2 - 6, 6])
    np.testing.assert_array_equal(found[1], [-2])


# --- errors --------------------------------------------------------------------------------------------------------

ERRORS = [
    (lambda: xp.median(np.zeros((2, 0)), axis=1), ShapeError, "no values"),
    (lambda: xp.quantile(np.ones(3), 1.5), OptionError, "between 0 and 1.*1.5"),
    (lambda: xp.quantile(np.ones(3), [0.5, nan]), OptionError, "between 0 and 1"),
    (lambda: xp.quantile(np.ones(3), 0.5, method="medium"), OptionError, "'midpoint'|Known"),
    (lambda: xp.median(np.ones(3, complex)), DTypeError, "xp.abs"),
    (lambda: xp.diff(np.ones(3), n=-1), OptionError, "-1"),
    (lambda: xp.diff(np.array(1.0)), ShapeError, "single number"),
    (lambda: xp.diff(np.ones((2, 3)), prepend=np.ones((3, 1))), ShapeError, "concat"),
    (lambda: xp.cummax(np.ones((2, 3))), ShapeError, "needs an axis"),
    (lambda: xp.cumulative_prod(np.ones((2, 3))), ShapeError, "needs an axis"),
    (lambda: xp.sum(np.ones((2, 3)), axis=2), ShapeError, "axis 2"),
    (lambda: xp.sum(np.ones((2, 3)), axis=(0, -2)), ShapeError, "twice"),
]


@pytest.mark.parametrize(("f", "error", "text"), ERRORS)
def test_errors_say_what_was_given(f: Any, error: type[GlassgradError], text: str) -> None:
    with pytest.raises(error, match=text):
        f()
