from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad import nn
from glassgrad.errors import OptionError, ShapeError, TraceError
from glassgrad.nn.random import draw
from glassgrad.philox import GRAPH_NODES, uniform
from glassgrad.tracing import Spec, trace


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 2**62),
    step=st.integers(0, 2**31),
)
@settings(max_examples=30, deadline=None)
def test_masks_do_not_depend_on_how_rows_are_batched(sizes, seed, step):
    n = sum(sizes)
    model = nn.Sequential(nn.Dropout(0.4), nn.Dropout(0.4))
    x = np.ones((n, 3, 2))
    with nn.stream(seed, step, np.arange(n)):
        whole = model(x).numpy()
    start = 0
    for size in sizes:
        rows = np.arange(start, start + size)
        with nn.stream(seed, step, rows):
            np.testing.assert_array_equal(model(x[rows]).numpy(), whole[rows])
        start += size


def test_seed_step_row_and_layer_each_make_a_difference():
    def mask(seed=0, step=0, first=0):
        with nn.stream(seed, step, np.arange(first, first + 8)):
            return draw((8, 4)).numpy(), draw((8, 4)).numpy()

    one, two = mask()
    assert (one != two).all()
    for other in (mask(seed=1), mask(step=1), mask(first=100)):
        assert (other[0] != one).all()
    np.testing.assert_array_equal(mask()[0], one)


def test_nodes_are_given_out_from_the_documented_range():
    with nn.stream(9, 4, np.arange(3)):
        for node in GRAPH_NODES[:3]:
            want = uniform(9, node=node, step=4, rows=np.arange(3), elements=10).reshape(3, 5, 2)
            np.testing.assert_array_equal(draw((3, 5, 2)).numpy(), want)


def test_dropout_keeps_the_expected_value_and_gradients_follow_the_mask():
    x = gg.tensor(np.full((4000, 5), 3.0), requires_grad=True)
    y = nn.Dropout(0.3)(x)
    values = y.detach().numpy()
    kept = values != 0
    assert abs(kept.mean() - 0.7) < 0.01
    np.testing.assert_allclose(values[kept], 3 / 0.7)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.where(kept, 1 / 0.7, 0.0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_traced_dropout_draws_anew_each_step_as_eager_does(dtype):
    layer = nn.Dropout(0.5)

    def f(x, seed, step, rows):
        with nn.stream(seed, step, rows):
            return layer(x)

    graph = trace(f, Spec(("N", 4), dtype), *[Spec((), np.int64)] * 2, Spec(("N",), np.int64))
    x = np.random.default_rng(0).standard_normal((6, 4)).astype(dtype)
    rows = np.array([5, 3, 9, 0, 1, 2])
    results = []
    for step in range(3):
        (got,) = gg.run(graph, x, 11, step, rows)
        with nn.stream(11, step, rows):
            np.testing.assert_array_equal(got, layer(x).numpy())
        assert got.dtype == dtype
        results.append(got)
    assert (results[0] != results[1]).any()
    assert (results[1] != results[2]).any()


def test_masks_are_the_same_at_either_dtype():
    masks = []
    for dtype in ("float32", "float64"):
        with nn.stream(1, 2, np.arange(20)):
            masks.append(nn.Dropout(0.5)(np.ones((20, 6), dtype)).numpy() != 0)
    np.testing.assert_array_equal(*masks)


def test_the_default_stream_advances_and_starts_afresh():
    nn.manual_seed(5)
    first, second = (nn.Dropout(0.5)(np.ones((4, 8))).numpy() for _ in range(2))
    assert (first != second).any()
    nn.manual_seed(5)
    np.testing.assert_array_equal(nn.Dropout(0.5)(np.ones((4, 8))).numpy(), first)
    nn.manual_seed(6)
    assert (nn.Dropout(0.5)(np.ones((4, 8))).numpy() != first).any()
    with pytest.raises(OptionError, match="seed must be a whole number"):
        nn.manual_seed(-1)


def test_a_traced_draw_needs_a_stream_and_eval_needs_none():
    model = nn.Dropout(0.5)
    with pytest.raises(TraceError, match=r"with nn\.random\.stream\(seed, step, rows\)"):
        trace(model, Spec(("N", 2)))
    assert not trace(model.eval(), Spec(("N", 2))).nodes


def test_rows_that_are_not_the_streams_are_refused():
    with nn.stream(0, 0, np.arange(3)), pytest.raises(ShapeError, match=r"shape \(4, 2\) .* for 3 rows"):
        nn.Dropout(0.5)(np.ones((4, 2)))


def test_a_stream_ends_with_its_block():
    nn.manual_seed(0)
    with pytest.raises(ZeroDivisionError), nn.stream(0, 0, np.arange(3)):
        1 / 0  # noqa: B018
    assert nn.Dropout(0.5)(np.ones((4, 2))).shape == (4, 2)
