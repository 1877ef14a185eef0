"""Overflow, underflow, infinities, empty arrays and arrays without axes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from glassgrad.errors import DTypeError, GlassgradError, OptionError, ShapeError
from glassgrad.functional import vjp
from glassgrad.tensors import T

inf = np.inf
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def both(f: Any, x: Any, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    z, pull = vjp(f, np.asarray(x, dtype))
    g = pull(np.ones(z.shape))[0]
    assert g.dtype == dtype
    return z.numpy(), g.numpy()


@DTYPES
def test_sigmoid_saturates_without_overflow(dtype: Any) -> None:
    z, g = both(T.sigmoid, [-inf, -1e4, -30, 0, 30, 1e4, inf], dtype)
    np.testing.assert_allclose(z, [0, 0, np.exp(-30.0), 0.5, 1, 1, 1], rtol=2e-6)
    assert np.isfinite(g).all()
    np.testing.assert_allclose(g[2], np.exp(-30.0), rtol=2e-6)


@DTYPES
def test_softplus_neither_overflows_nor_loses_small_values(dtype: Any) -> None:
    z, g = both(T.softplus, [-1e4, -30, 0, 30, 1e4], dtype)
    np.testing.assert_allclose(z, [0, np.exp(-30.0), np.log(2), 30, 1e4], rtol=2e-6)
    np.testing.assert_allclose(g, [0, np.exp(-30.0), 0.5, 1, 1], rtol=2e-6)


@DTYPES
def test_smooth_activations_stay_finite(dtype: Any) -> None:
    for f in (T.silu, T.gelu, lambda x: T.gelu(x, "tanh"), T.elu, T.leaky_relu, T.tanh):
        z, g = both(f, [-1e4, -50, 50, 1e4], dtype)
        assert np.isfinite(z).all()
        assert np.isfinite(g).all()


@DTYPES
def test_softmax_and_its_logarithm_at_large_scores(dtype: Any) -> None:
    x = [[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [0, -inf, 0]]
    np.testing.assert_allclose(
        both(T.softmax, x, dtype)[0], [[0.5, 0.5, 0], [1 / 3] * 3, [0.5, 0, 0.5]], rtol=1e-6
    )
    z, _ = both(T.log_softmax, x, dtype)
    half = np.log(0.5)
    np.testing.assert_allclose(z, [[half, half, -2e4], [np.log(1 / 3)] * 3, [half, -inf, half]], rtol=1e-4)
    assert np.isfinite(both(T.softmax, x, dtype)[1]).all()


@DTYPES
def test_logsumexp_at_extremes(dtype: Any) -> None:
    x = [[1e4, 1e4], [-1e4, -1e4], [-inf, -inf], [inf, 0], [-inf, 3]]
    z, g = both(lambda x: T.logsumexp(x, axis=1), x, dtype)
    two = np.log(2)
    np.testing.assert_allclose(z, [1e4 + two, -1e4 + two, -inf, inf, 3], rtol=1e-6)
    np.testing.assert_allclose(g, [[0.5, 0.5], [0.5, 0.5], [0, 0], [1, 0], [0, 1]], rtol=1e-6)


@DTYPES
def test_cross_entropy_at_extremes(dtype: Any) -> None:
    x = [[1e4, -1e4], [-1e4, 1e4]]
    z, g = both(lambda x: T.cross_entropy(x, np.array([0, 0])), x, dtype)
    np.testing.assert_allclose(z, [0, 2e4])
    np.testing.assert_allclose(g, [[0, 0], [-1, 1]])
    z, g = both(lambda x: T.cross_entropy(x, np.array([[1.0, 0], [0, 1]])), [[0, -inf], [-inf, 2]], dtype)
    np.testing.assert_allclose(z, [0, 0])
    np.testing.assert_allclose(g, [[0, 0], [0, 0]])


@DTYPES
def test_binary_cross_entropy_at_extremes(dtype: Any) -> None:
    t = np.array([0.0, 1.0, 0.0, 1.0])
    z, g = both(lambda x: T.binary_cross_entropy_with_logits(x, t), [-1e4, -1e4, 1e4, 1e4], dtype)
    np.testing.assert_allclose(z, [0, 1e4, 1e4, 0])
    np.testing.assert_allclose(g, [0, -1, 1, 0])


def test_whole_number_labels_do_not_widen_float32() -> None:
    for f in (T.binary_cross_entropy_with_logits, T.binary_cross_entropy):
        z, _ = both(lambda x, f=f: f(x, np.array([0, 1])), [0.25, 0.5], np.float32)
        assert z.dtype == np.float32
    z, _ = both(lambda x: T.cross_entropy(x, np.eye(2)), np.ones((2, 2)), np.float32)
    assert z.dtype == np.float32


EMPTY = [
    T.sigmoid, T.relu, T.leaky_relu, T.elu, T.gelu, T.softplus, T.softmax, T.log_softmax, T.sum, T.prod,
    T.cumulative_sum, T.cumulative_prod, lambda x: T.clip(x, 0, 1), lambda x: x[:0], T.abs,
]  # fmt: skip


@pytest.mark.parametrize("f", EMPTY)
@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
def test_empty_arrays(f: Any, shape: tuple[int, ...]) -> None:
    along = f in (T.cumulative_sum, T.cumulative_prod)
    if f in (T.softmax, T.log_softmax) and shape == (2, 0):
        with pytest.raises(ShapeError, match="no"):
            f(np.zeros(shape))
        return
    _, g = both((lambda x: f(x, axis=1)) if along else f, np.zeros(shape))
    assert g.shape == shape


def test_extremes_of_nothing_are_an_error() -> None:
    for f in (T.max, T.min, T.argmax, T.argmin):
        with pytest.raises(ShapeError, match="no values"):
            f(np.zeros((2, 0)), axis=1)


def test_mean_of_nothing_is_not_a_number() -> None:
    assert np.isnan(T.mean(np.zeros((0,))).item())


ERRORS = [
    (lambda: T.cross_entropy(np.ones((2, 3)), np.array([0, 3])), ShapeError, "label 3 .* 3 classes"),
    (lambda: T.cross_entropy(np.ones((2, 3)), np.array([0, -1])), ShapeError, "label -1"),
    (lambda: T.cross_entropy(np.ones((2, 3)), np.array([0, 1, 2])), ShapeError, r"\(3,\).*\(2, 3\)"),
    (lambda: T.cross_entropy(np.ones((2, 3)), np.array([0.0, 1.0])), DTypeError, "whole numbers"),
    (lambda: T.cross_entropy(np.ones((2, 3)), np.ones((2, 2))), ShapeError, "probabilities"),
    (lambda: T.cross_entropy(np.ones((2, 3)), np.array([0, 1]), 1.0), OptionError, "label_smoothing"),
    (lambda: T.one_hot(np.array([0, 4]), 3), ShapeError, "label 4"),
    (lambda: T.one_hot(np.array([0.5]), 3), DTypeError, "float64"),
    (lambda: T.gelu(np.ones(2), approximate="tan"), OptionError, "'tanh'"),
    (lambda: T.softmax(np.ones((2, 3)), axis=2), ShapeError, "axis 2"),
    (lambda: T.softmax(np.array(1.0)), ShapeError, "single number"),
    (lambda: T.argmax(np.ones((2, 3)), axis=(0, 1)), ShapeError, "one axis"),
    (lambda: T.cumulative_sum(np.ones((2, 3))), ShapeError, "axis"),
]


@pytest.mark.parametrize(("f", "error", "text"), ERRORS)
def test_errors_say_what_was_given(f: Any, error: type[GlassgradError], text: str) -> None:
    with pytest.raises(error, match=text):
        f()


def test_eager_operations_refuse_shapes_as_traced_ones_do() -> None:
    for f in (T.add, T.matmul, T.binary_cross_entropy_with_logits):
        with pytest.raises(ShapeError):
            f(np.ones((2, 3)), np.ones((2, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_where_among_many_elements_is_numpys_bit_for_bit(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    c = rng.random((80, 70)) < 0.5
    x, y = (rng.normal(size=s).astype(dtype) for s in ((80, 70), (70,)))
    if dtype != np.int64:
        x[0, :6] = y[:6] = [np.nan, inf, -inf, -0.0, 0.0, 1e-45]
    for a, b in ((x, y), (y, x), (x, 0.0), (0.0, x), (x, -0.0), (2.5, y), (x.T.copy().T, x[:, ::-1])):
        found, expected = T.where(c, a, b).numpy(), np.where(c, a, b)
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes()
