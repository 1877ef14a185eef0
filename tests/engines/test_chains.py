"""Chains: elementwise operations on large arrays, piece by piece, give the bits of one after the other."""

from __future__ import annotations

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines.numpy import NumpyProgram, interpret
from glassgrad.engines.numpy.chains import CHAIN, with_chains
from glassgrad.graph.passes import simplify

ROWS = 80_003  # no multiple of a piece


def same_bits(f, *shapes, dtype):
    graph = gg.trace(f, *(gg.Spec(s, dtype) for s in shapes))
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s).astype(dtype) for s in shapes]
    expected, found = interpret(graph, arrays), NumpyProgram(graph)(*arrays)
    for a, b in zip(expected, found, strict=True):
        assert a.tobytes() == b.tobytes()
    return [node.op for node in with_chains(simplify(graph)).nodes]


def adam(p, g, m, v, rate):
    m = m * 0.9 + g * 0.1
    v = v * 0.999 + gg.square(g) * 0.001
    return p - rate * m / (gg.sqrt(v) + 1e-8), m, v


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_update_is_one_chain(dtype):
    shape = (3, ROWS)
    assert same_bits(adam, shape, shape, shape, shape, (), dtype=dtype) == [CHAIN]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_does_not_belong_stays_outside(dtype):
    def f(x, y, w):
        a = x * 2.0 + y
        total = gg.sum(y)  # reads nothing of the chain: may go first
        b = gg.maximum(a, y) - x
        c = gg.exp(b)  # not rounded exactly on every machine: ends the chain
        d = (c * total) / (gg.abs(y) + 1.0)
        return d, a, gg.sum(d, axis=0), w * w + w

    ops = same_bits(f, (ROWS,), (ROWS,), (3,), dtype=dtype)
    assert ops.count(CHAIN) == 2
    assert {"sum", "exp"} <= set(ops)


def test_views_broadcasts_and_small_arrays_take_no_part():
    assert CHAIN not in same_bits(lambda x: gg.transpose(x) * 2.0 + 1.0 - 0.5, (200,), dtype="float32")

    def f(x, row):
        return (gg.transpose(x) * row + row) * row

    assert CHAIN not in same_bits(f, (400, 500), (400,), dtype="float32")


def test_truth_values_and_several_readers():
    def f(x, y):
        a = x - y
        b = a * a
        return gg.where(b > 1.0, a, b) + a, b

    assert CHAIN in same_bits(f, (ROWS,), (ROWS,), dtype="float32")
