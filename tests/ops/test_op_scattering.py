"""Writing, adding and comparing at places: against NumPy for any index, against PyTorch and JAX for segments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from op_cases import rng
from test_op_indexing import indexed

import glassgrad as gg
from glassgrad import xp
from glassgrad.engines import run
from glassgrad.errors import DTypeError, IndexingError, ShapeError, TraceError
from glassgrad.functional import grad, jvp, vjp
from glassgrad.graph import batch_graph, check_graph, pullback
from glassgrad.tracing import Spec, trace


def written(x: np.ndarray, index: Any, value: np.ndarray) -> np.ndarray:
    out = x.copy()
    picked = x[index].shape
    out[index] = np.broadcast_to(value.reshape(value.shape[max(value.ndim - len(picked), 0) :]), picked)
    return out


@given(indexed(), st.data())
@settings(max_examples=200, deadline=None)
def test_index_set_is_numpys_assignment_and_its_pull_is_the_transpose(
    case: tuple[np.ndarray, Any], data: Any
) -> None:
    x, index = case
    try:
        picked = x[index].shape
    except IndexError:
        with pytest.raises(ShapeError):
            xp.index_set(x, index, 0.0)
        return
    shape = data.draw(st.sampled_from([picked, (), tuple(1 for _ in picked), (1, *picked)]))
    draw = rng()
    value, dx, dv, g = (draw.normal(size=s) for s in (shape, x.shape, shape, x.shape))
    z, pull = vjp(lambda x, v: xp.index_set(x, index, v), x, value)
    np.testing.assert_array_equal(z.numpy(), written(x, index, value))
    back = sum(np.sum(c.numpy() * d) for c, d in zip(pull(g), (dx, dv), strict=True))
    np.testing.assert_allclose(back, np.sum(g * written(dx, index, dv)), rtol=1e-10, atol=1e-12)
    _, tangent = jvp(lambda x, v: xp.index_set(x, index, v), (x, value), (dx, dv))
    np.testing.assert_array_equal(tangent.numpy(), written(dx, index, dv))


@given(indexed())
@settings(max_examples=60, deadline=None)
def test_batched_writing_is_a_loop(case: tuple[np.ndarray, Any]) -> None:
    x, index = case
    entries = index if isinstance(index, tuple) else (index,)
    arrays = [e for e in entries if isinstance(e, np.ndarray) and e.dtype != bool]

    def write(x: Any, value: Any, *at: Any) -> Any:
        given_arrays = iter(at)
        parts = tuple(
            next(given_arrays) if isinstance(e, np.ndarray) and e.dtype != bool else e for e in entries
        )
        return xp.index_set(x, parts, value)

    try:
        value = -1.0 - np.arange(float(x[index].size)).reshape(x[index].shape)
    except IndexError:
        return
    graph = trace(write, x, value, *arrays)
    g = np.arange(1.0, x.size + 1).reshape(x.shape)
    back = pullback(graph, (True, True, *[False] * len(arrays)))
    count = 2 + len(arrays)
    for mask in {(True,) * count, *(tuple(i == k for i in range(count)) for k in range(count))}:
        given_all = [x, value, *arrays]
        xs = [
            np.stack([a, np.flip(a) if a.ndim else a]) if b else a
            for a, b in zip(given_all, mask, strict=True)
        ]
        rows = [[a[i] if b else a for a, b in zip(xs, mask, strict=True)] for i in range(2)]
        (out,) = run(batch_graph(graph, mask, 2), *xs)
        np.testing.assert_array_equal(out, np.stack([run(graph, *row)[0] for row in rows]))
        found = run(batch_graph(back, (*mask, False), 2), *xs, g)
        expected = [run(back, *row, g) for row in rows]
        for k, out in enumerate(found):
            np.testing.assert_array_equal(out, np.stack([e[k] for e in expected]))


def test_of_values_written_to_one_place_the_last_stays_and_has_the_gradient() -> None:
    z, pull = vjp(lambda x, v: xp.index_set(x, [0, 2, 0], v), np.zeros(3), np.array([1.0, 2.0, 3.0]))
    assert z.tolist() == [3, 0, 2]
    gx, gv = pull(np.array([10.0, 20.0, 30.0]))
    assert gx.tolist() == [0, 20, 0]
    assert gv.tolist() == [0, 30, 10]


def test_the_last_is_the_last_in_row_major_order_however_arrays_lie_in_memory() -> None:
    index = np.asfortranarray(np.array([[0, 1], [1, 0]]))
    value = np.asfortranarray(np.array([[1.0, 2.0], [3.0, 4.0]]))
    z, pull = vjp(lambda v: xp.index_set(np.zeros(2), index, v), value)
    assert z.tolist() == [4, 3]
    assert pull(np.array([5.0, 7.0]))[0].tolist() == [[0, 0], [7, 5]]
    z, pull = vjp(lambda v: xp.index_set(np.zeros(2), index.reshape(-1)[::-1], v), value.reshape(-1)[::-1])
    assert z.tolist() == [1, 2]
    assert pull(np.array([5.0, 7.0]))[0].tolist() == [0, 0, 7, 5]


def test_values_added_to_one_place_each_have_its_gradient() -> None:
    z, pull = vjp(lambda x, v: xp.scatter_add(x, [0, 2, 0], v), np.ones(3), np.array([1.0, 2.0, 3.0]))
    assert z.tolist() == [5, 1, 3]
    gx, gv = pull(np.array([10.0, 20.0, 30.0]))
    assert gx.tolist() == [10, 20, 30]
    assert gv.tolist() == [10, 30, 10]
    assert grad(lambda x: xp.sum(x[np.array([1, 1])]))(np.zeros(3)).tolist() == [0, 2, 0]


@given(indexed())
@settings(max_examples=100, deadline=None)
def test_scatter_add_is_numpys(case: tuple[np.ndarray, Any]) -> None:
    x, index = case
    try:
        value = np.arange(float(x[index].size)).reshape(x[index].shape)
    except IndexError:
        return
    expected = x.copy()
    np.add.at(expected, index, value)
    np.testing.assert_array_equal(xp.scatter_add(x, index, value).numpy(), expected)
    expected = x.copy()
    np.add.at(expected, index, 2.0)
    found, pull = vjp(lambda v: xp.scatter_add(x, index, v), np.array(2.0))
    np.testing.assert_array_equal(found.numpy(), expected)
    assert pull(np.ones(x.shape))[0].item() == value.size


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_masks_write_where_they_are_true(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    mask = np.array(data.draw(hnp.arrays(bool, shape)))
    np.testing.assert_array_equal(xp.asarray(x)[xp.asarray(mask)].numpy(), x[mask])
    z, pull = vjp(lambda x, v: xp.index_set(x, mask, v), x, np.array(-1.0))
    np.testing.assert_array_equal(z.numpy(), np.where(mask, -1.0, x))
    gx, gv = pull(np.ones(shape))
    np.testing.assert_array_equal(gx.numpy(), ~mask)
    assert gv.item() == mask.sum()


def test_written_values_take_the_arrays_dtype_and_their_gradient_has_its_own() -> None:
    x = gg.tensor([1.0, 2.0], dtype="float32")
    v = gg.tensor(3.0, requires_grad=True)
    z = xp.index_set(x, 0, v)
    assert z.dtype == np.float32
    z.sum().backward()
    assert v.grad.dtype == np.float64
    z = xp.index_set(gg.tensor([1j, 2j]), 0, v)
    v.grad = None
    xp.real(xp.sum(z * (2.0 - 3.0j))).backward()
    assert v.grad.dtype == np.float64
    assert v.grad.item() == 2.0
    assert xp.index_set(np.array([1, 2], np.int8), 0, 7).dtype == np.int8


def test_writing_into_an_open_batch() -> None:
    def f(x: Any, v: Any) -> Any:
        return xp.index_set(
            xp.index_set(x, (slice(None), 1), v), (slice(None), np.array([2, 2])), 2 * v[:, None]
        )

    graph = check_graph(trace(f, Spec(("N", 3)), Spec(("N",))))
    back = check_graph(pullback(graph, (True, True)))
    for n in (1, 4):
        x, v, g = (rng().normal(size=s) for s in ((n, 3), (n,), (n, 3)))
        np.testing.assert_array_equal(run(graph, x, v)[0], np.stack([x[:, 0], v, 2 * v], 1))
        gx, gv = run(back, x, v, g)
        np.testing.assert_array_equal(gx, g * [1, 0, 0])
        np.testing.assert_allclose(gv, g[:, 1] + 2 * g[:, 2], rtol=1e-14)


# --- segments --------------------------------------------------------------------------------------------------------

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)

SEGMENTS = np.array([2, 0, 2, 0, 0])
REDUCED = {"sum": "sum", "mean": "mean", "max": "amax", "min": "amin"}


@pytest.mark.parametrize("name", REDUCED)
@pytest.mark.parametrize("shape", [(5,), (5, 2)])
def test_segments_are_those_of_pytorch_and_jax(name: str, shape: tuple[int, ...]) -> None:
    x = rng().normal(size=shape)
    x[1] = x[4] = 3.0
    z, pull = vjp(lambda x: getattr(xp, f"segment_{name}")(x, SEGMENTS), x)
    g = rng().normal(size=z.shape)
    g[1] = 0.0  # nobody belongs to segment 1

    leaf = torch.tensor(x, requires_grad=True)
    start = torch.zeros((3, *shape[1:]), dtype=torch.float64)
    labels = torch.tensor(SEGMENTS).reshape(-1, *(1,) * (x.ndim - 1)).expand(*shape)
    theirs = start.scatter_reduce(0, labels, leaf, REDUCED[name], include_self=False)
    np.testing.assert_allclose(z.numpy()[[0, 2]], theirs.detach().numpy()[[0, 2]], rtol=1e-14)
    (slope,) = torch.autograd.grad(theirs, leaf, torch.tensor(g))
    np.testing.assert_allclose(pull(g)[0].numpy(), slope.numpy(), rtol=1e-12)
    if name != "mean":
        jaxs = getattr(jax.ops, f"segment_{name}")
        np.testing.assert_allclose(z.numpy(), jaxs(x, SEGMENTS, 3), rtol=1e-14)


EMPTY = {"sum": 0, "mean": 0, "max": -np.inf, "min": np.inf}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_segment(name: str) -> None:
    f = getattr(xp, f"segment_{name}")
    z, pull = vjp(lambda x: f(x, [2, 0], 4), np.array([1.0, 5.0]))
    assert z.tolist() == [5, EMPTY[name], 1, EMPTY[name]]
    assert pull(np.ones(4))[0].tolist() == [1, 1]
    assert f(np.zeros((0, 2)), [], 1).tolist() == [[EMPTY[name]] * 2]
    assert f(np.zeros((0, 2)), []).shape == (0, 2)


def test_ties_in_a_segment_split_evenly() -> None:
    x = np.array([2.0, 2.0, 1.0, 2.0])
    for f in (xp.segment_max, xp.segment_min):
        pull = vjp(lambda x, f=f: f(x, [0, 0, 1, 0]), x)[1]
        np.testing.assert_allclose(pull(np.array([3.0, 5.0]))[0].numpy(), [1, 1, 5, 1])


def test_extremes_of_whole_numbers_and_truth_values() -> None:
    assert xp.segment_max(np.array([3, 200], np.uint8), [1, 1]).tolist() == [0, 200]
    assert xp.segment_min(np.array([3, -7], np.int8), [1, 1]).tolist() == [127, -7]
    assert xp.segment_max(np.array([True, False]), [0, 2]).tolist() == [True, False, False]


def test_segments_of_complex_numbers() -> None:
    x = np.array([1 + 1j, 2.0, 3j])
    z, pull = vjp(lambda x: xp.segment_mean(x, [0, 1, 0]), x)
    assert z.tolist() == [0.5 + 2j, 2]
    assert pull(np.array([2j, 1.0]))[0].tolist() == [1j, 1, 1j]


@pytest.mark.parametrize("name", EMPTY)
def test_segments_of_an_open_batch_with_traced_numbers(name: str) -> None:
    f = getattr(xp, f"segment_{name}")
    graph = check_graph(trace(lambda x, s: f(x, s, 3), Spec(("N", 2)), Spec(("N",), "int64")))
    back = check_graph(pullback(graph, (True, False)))
    for n in (3, 5):
        x, g = rng().normal(size=(n, 2)), rng().normal(size=(3, 2))
        labels = np.array([2, 0, 1, 0, 2])[:n]
        z, pull = vjp(lambda x, labels=labels: f(x, labels, 3), x)
        np.testing.assert_array_equal(run(graph, x, labels)[0], z.numpy())
        np.testing.assert_allclose(run(back, x, labels, g)[0], pull(g)[0].numpy(), rtol=1e-14)


@pytest.mark.parametrize("name", EMPTY)
def test_batched_segments_are_a_loop(name: str) -> None:
    f = getattr(xp, f"segment_{name}")
    xs, labels = rng().normal(size=(2, 5, 2)), np.stack([SEGMENTS, SEGMENTS[::-1]])
    graph = trace(lambda x, s: f(x, s, 3), xs[0], labels[0])
    for mask in ((True, True), (True, False), (False, True)):
        given_all = [a if b else a[0] for a, b in zip((xs, labels), mask, strict=True)]
        rows = [[a[i] if b else a for a, b in zip(given_all, mask, strict=True)] for i in range(2)]
        (found,) = run(batch_graph(graph, mask, 2), *given_all)
        np.testing.assert_allclose(found, np.stack([run(graph, *row)[0] for row in rows]), rtol=1e-14)


# --- refusals --------------------------------------------------------------------------------------------------------

X = np.zeros((4, 3))
REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: xp.index_set(X, 4, 0.0), IndexingError, "index 4 .* axis 0 of size 4"),
    (lambda: xp.index_set(X, np.array([4]), 0.0), IndexingError, "index_set: index 4"),
    (lambda: xp.index_set(X, 0, np.ones(2)), ShapeError, r"points at shape \(3,\).*shape \(2,\)"),
    (lambda: xp.index_set(X, (0, 0), np.ones(2)), ShapeError, r"points at shape \(\).*shape \(2,\)"),
    (lambda: xp.index_set(np.zeros(3, int), 0, 0.5), DTypeError, r"float64 do not fit.*int64.*astype"),
    (lambda: xp.index_set(X, 0, 1j), DTypeError, "complex128 do not fit"),
    (lambda: trace(lambda x: xp.index_set(x, 0, 1j), X), DTypeError, "complex128 do not fit"),
    (lambda: trace(lambda x: xp.index_set(x, x > 0, 0.0), X), TraceError, "where"),
    (lambda: xp.scatter_add(X, 5, 1.0), IndexingError, "index 5"),
    (lambda: xp.scatter_add(X, 0, np.ones(2)), ShapeError, r"\(3,\).*\(2,\)"),
    (lambda: xp.segment_sum(X, [0, 1]), ShapeError, r"\(4, 3\).*\(2,\)"),
    (lambda: xp.segment_sum(X, [0.5] * 4), DTypeError, "whole numbers"),
    (lambda: xp.segment_sum(X, np.array([0.5] * 4)), DTypeError, "whole numbers"),
    (lambda: xp.segment_sum(X, [0, 1, 2, 3], 3), IndexingError, "3 is out of bounds"),
    (lambda: xp.segment_max(X, [0, 1, 2, -1], 3), IndexingError, "one is -1"),
    (lambda: xp.segment_max(X * 1j, [0, 0, 0, 0]), DTypeError, "no order"),
    (lambda: trace(xp.segment_sum, X, np.zeros(4, int)), TraceError, "num_segments"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), REFUSED)
def test_what_does_not_fit_is_said(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"(?s){text}"):
        call()
