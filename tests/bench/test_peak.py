"""The measured peak: the code computes what it says, and nothing is faster than it."""

from __future__ import annotations

import ctypes
import math
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from glassgrad.bench.peak import _compile, peak
from glassgrad.errors import OptionError

pytest.importorskip("llvmlite", reason="the peak is measured with code that llvmlite compiles")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_chain_takes_every_step(dtype: str) -> None:
    code = _compile(dtype)
    lanes_and_chains = code.operations // 2
    store = (ctypes.c_byte * 64)()
    for rounds in (1, 2, 3, 10):
        code._function(rounds, store)
        sums = np.frombuffer(store, dtype)
        chains = [c for c in (12, 16) if lanes_and_chains % c == 0 and lanes_and_chains // c <= len(sums)]
        # a ← a/2 + 1 from 0 is 2 − 2^(1−n) after n steps.
        expected = [c * (2 - 2.0 ** (1 - rounds)) for c in chains]
        assert any(np.all(sums[: lanes_and_chains // c] == e) for c, e in zip(chains, expected, strict=True))


def test_a_matrix_product_is_slower() -> None:
    a = np.ones((384, 384), np.float32)
    best = math.inf
    with threadpool_limits(1):
        for _ in range(20):
            start = time.perf_counter()
            a @ a
            best = min(best, time.perf_counter() - start)
    assert 2 * 384**3 / best < 1.2 * peak("float32")


def test_double_precision_has_half_the_lanes() -> None:
    assert 1.4 < peak("float32") / peak("float64") < 2.8


def test_threads_are_counted_from_one() -> None:
    with pytest.raises(OptionError, match="threads must be a whole number with 1 ≤ threads"):
        peak("float32", 0)
