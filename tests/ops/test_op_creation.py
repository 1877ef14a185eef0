"""Arrays from nothing: filled, ranges, grids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad import xp
from glassgrad.engines import run
from glassgrad.errors import DTypeError, OptionError, ShapeError
from glassgrad.tracing import Spec, trace

INT64 = np.iinfo(np.int64)
UINT64 = np.iinfo(np.uint64)


def same(found: Any, expected: np.ndarray) -> None:
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.numpy(), expected)


FILLED: list[tuple[Any, np.ndarray]] = [
    (lambda: xp.zeros(3), np.zeros(3)),
    (lambda: xp.zeros((2, 0), dtype=np.int8), np.zeros((2, 0), np.int8)),
    (lambda: xp.ones((), dtype="complex64"), np.ones((), np.complex64)),
    (lambda: xp.empty((2, 1)), np.zeros((2, 1))),
    (lambda: xp.full(2, True), np.array([True, True])),
    (lambda: xp.full(2, 3), np.array([3, 3])),
    (lambda: xp.full(2, 3.0), np.array([3.0, 3.0])),
    (lambda: xp.full(2, 3j), np.array([3j, 3j])),
    (lambda: xp.full(2, 3, dtype=np.float32), np.full(2, 3, np.float32)),
    (lambda: xp.full(2, UINT64.max, dtype=np.uint64), np.full(2, UINT64.max, np.uint64)),
    (lambda: xp.zeros_like(gg.tensor([1, 2])), np.zeros(2, np.int64)),
    (lambda: xp.ones_like([1.0, 2.0], dtype=np.bool_), np.ones(2, bool)),
    (lambda: xp.full_like(gg.tensor([1, 2]), 2.9), np.array([2, 2])),
    (lambda: xp.empty_like(gg.tensor([[True]]), device="cpu"), np.array([[False]])),
    (lambda: xp.eye(2), np.eye(2)),
    (lambda: xp.eye(2, 4, k=-1, dtype=np.int64), np.eye(2, 4, -1, np.int64)),
    (lambda: xp.eye(3, k=10**30), np.zeros((3, 3))),
    (lambda: xp.eye(0), np.eye(0)),
    (lambda: xp.tril(np.ones((3, 3), bool), k=-1), np.tril(np.ones((3, 3), bool), -1)),
]


@pytest.mark.parametrize(("call", "expected"), FILLED)
def test_filled_arrays(call: Any, expected: np.ndarray) -> None:
    same(call(), expected)


RANGES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((5,), {}), ((0,), {}), ((-3,), {}), ((2, 7), {}), ((7, 2), {}), ((7, 2, -2), {}), ((2, 7, 10), {}),
    ((0.5, 3),  {}), ((0, 1, 0.1), {}), ((1, 0, -0.25), {}), ((0.0, -1.0), {}), ((4.2,), {}),
    ((5,), {"dtype": np.float32}), ((0, 5), {"step": 2}), ((250, 256), {"dtype": np.uint8}),
    ((INT64.min, INT64.min + 3), {}), ((INT64.max - 3, INT64.max), {}), ((100, -100, -50), {"dtype": np.int8}),
    ((UINT64.max - 2, UINT64.max), {"dtype": np.uint64}),
]  # fmt: skip


@pytest.mark.parametrize(("args", "kwargs"), RANGES)
def test_ranges_are_numpys(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    same(xp.arange(*args, **kwargs), np.arange(*args, **kwargs))


def test_a_range_takes_tensors_of_one_number_and_the_batch_size() -> None:
    same(xp.arange(gg.tensor(1), gg.tensor(2.5)), np.arange(1, 2.5))
    graph = trace(lambda x: xp.arange(x.shape[0]) + xp.arange(1, x.shape[0] + 1), Spec(("N",)))
    for n in (1, 4):
        np.testing.assert_array_equal(run(graph, np.zeros(n))[0], np.arange(n) * 2 + 1)


@given(
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
    st.integers(0, 20),
    st.booleans(),
    st.sampled_from(["f4", "f8", "c16"]),
)
@settings(max_examples=100, deadline=None)
def test_linspace_is_numpys(start: float, stop: float, num: int, endpoint: bool, dtype: str) -> None:
    found = xp.linspace(start, stop, num, endpoint=endpoint, dtype=dtype)
    same(found, np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype))


def test_linspace_of_tensors_keeps_their_dtype_and_meets_both_ends() -> None:
    low, high = gg.tensor([0.1, 1.0], dtype="float32"), gg.tensor(0.7, dtype="float32")
    z = xp.linspace(low, high, 7)
    assert z.dtype == np.float32
    assert z.shape == (7, 2)
    np.testing.assert_array_equal(z.numpy()[0], low.numpy())
    np.testing.assert_array_equal(z.numpy()[-1], np.float32([0.7, 0.7]))
    assert xp.linspace(0, 1j, 3).tolist() == [0, 0.5j, 1j]


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sizes", [(), (3,), (3, 2), (2, 3, 4), (2, 0)])
def test_grids_are_numpys(indexing: Any, sizes: tuple[int, ...]) -> None:
    arrays = [np.arange(n, dtype=t) for n, t in zip(sizes, (np.float32, np.int64, np.float64), strict=False)]
    found, expected = xp.meshgrid(*arrays, indexing=indexing), np.meshgrid(*arrays, indexing=indexing)
    assert isinstance(found, list)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        same(a, b)


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: xp.zeros(2, device="cuda"), OptionError, "no device 'cuda'"),
    (lambda: xp.ones_like([1.0], device="gpu"), OptionError, "no device 'gpu'"),
    (lambda: xp.arange(3, device="tpu"), OptionError, "no device 'tpu'"),
    (lambda: xp.linspace(0, 1, 3, device="tpu"), OptionError, "no device 'tpu'"),
    (lambda: xp.eye(3, device="tpu"), OptionError, "no device 'tpu'"),
    (lambda: xp.full(2, "a"), DTypeError, "'a'"),
    (lambda: xp.full(2, 1j, dtype=np.float64), DTypeError, "no place in an array of dtype float64"),
    (lambda: xp.arange(0, 1, 0), OptionError, "steps of 0"),
    (lambda: xp.arange(0, float("inf")), OptionError, "finite"),
    (lambda: xp.arange([1, 2]), DTypeError, "from number to number"),
    (lambda: xp.linspace(0, 1, -1), OptionError, "0 or more"),
    (lambda: xp.meshgrid([1.0], indexing="yx"), OptionError, "'yx'"),
    (lambda: xp.meshgrid([[1.0]]), ShapeError, "one axis"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), REFUSED)
def test_what_cannot_be_made_is_said(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
