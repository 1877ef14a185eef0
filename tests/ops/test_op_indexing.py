"""Indexing against NumPy itself, for any index NumPy takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glassgrad.engines import run
from glassgrad.errors import DTypeError, ShapeError, TraceError
from glassgrad.functional import vjp
from glassgrad.graph import batch_graph, check_graph, pullback
from glassgrad.tensors import T, asarray
from glassgrad.tracing import Spec, trace

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


@st.composite
def indexed(draw: Any) -> tuple[np.ndarray, Any]:
    shape = draw(SHAPES)
    basic = hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)
    mixed = st.tuples(*[st.one_of(st.integers(-n, n - 1), st.slices(n), _positions(n)) for n in shape])
    index = draw(st.one_of(basic, mixed, hnp.arrays(bool, shape), _positions(shape[0])))
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape), index


def _positions(size: int) -> Any:
    shapes = st.sampled_from([(), (1,), (2,), (2, 1), (3, 2)])
    return hnp.arrays(np.int64, shapes, elements=st.integers(-size, size - 1))


@given(indexed())
@settings(max_examples=200, deadline=None)
def test_getitem_is_numpys_and_its_gradient_sums(case: tuple[np.ndarray, Any]) -> None:
    x, index = case
    try:
        expected = x[index]
    except IndexError:  # arrays of shapes that do not broadcast
        with pytest.raises(ShapeError):
            asarray(x)[index]
        return
    z, pull = vjp(lambda x: x[index], x)
    np.testing.assert_array_equal(z.numpy(), expected)
    g = np.arange(1.0, expected.size + 1).reshape(expected.shape)
    place = np.zeros_like(x)
    np.add.at(place, index, g)
    np.testing.assert_array_equal(pull(g)[0].numpy(), place)
    graph = check_graph(trace(lambda x: x[index], x))
    assert graph.outputs[0].shape == expected.shape


@given(indexed())
@settings(max_examples=60, deadline=None)
def test_batched_indexing_is_a_loop(case: tuple[np.ndarray, Any]) -> None:
    x, index = case
    entries = index if isinstance(index, tuple) else (index,)
    arrays = [e for e in entries if isinstance(e, np.ndarray) and e.dtype != bool]

    def pick(x: Any, *at: Any) -> Any:
        given_arrays = iter(at)
        parts = tuple(
            next(given_arrays) if isinstance(e, np.ndarray) and e.dtype != bool else e for e in entries
        )
        return x[parts]

    try:
        graph = trace(pick, x, *arrays)
    except ShapeError:
        return
    g = np.arange(1.0, np.prod(graph.outputs[0].shape, dtype=int) + 1).reshape(graph.outputs[0].shape)
    back = pullback(graph, (True, *[False] * len(arrays)))
    for mask in {(True, *[False] * len(arrays)), (False, *[True] * len(arrays)), (True,) * (1 + len(arrays))}:
        if not any(mask):
            continue
        xs = [
            np.stack([a, np.flip(a) if a.ndim else a]) if b else a
            for a, b in zip([x, *arrays], mask, strict=True)
        ]
        rows = [[a[i] if b else a for a, b in zip(xs, mask, strict=True)] for i in range(2)]
        (out,) = run(batch_graph(graph, mask, 2), *xs)
        np.testing.assert_array_equal(out, np.stack([run(graph, *row)[0] for row in rows]))
        (out,) = run(batch_graph(back, (*mask, False), 2), *xs, g)
        np.testing.assert_array_equal(out, np.stack([run(back, *row, g)[0] for row in rows]))


X = np.arange(12.0).reshape(4, 3)
OPEN = [
    lambda x: x[:, 1],
    lambda x: x[..., -1],
    lambda x: x[:, 1:],
    lambda x: x[:, ::-1],
    lambda x: x[1:],
    lambda x: x[:-1],
    lambda x: x[::-1],
    lambda x: x[0],
    lambda x: x[-1],
    lambda x: x[None, :, None, 2],
    lambda x: x[np.array([0, 0, 2])],
]


@pytest.mark.parametrize("f", OPEN)
def test_indexing_an_open_batch(f: Any) -> None:
    graph = check_graph(trace(f, Spec(("N", 3))))
    for x in (X, X[:3]):
        np.testing.assert_array_equal(run(graph, x)[0], f(x))
        g = np.ones(f(x).shape)
        place = vjp(f, x)[1](g)[0].numpy()
        np.testing.assert_array_equal(run(check_graph(pullback(graph, (True,))), x, g)[0], place)


def test_traced_labels_pick_from_an_open_batch() -> None:
    labels = np.array([2, 0, 1, 1])
    expected = X[np.arange(4), labels]

    def f(x: Any, labels: Any) -> Any:
        return T.squeeze(T.take_along_axis(x, T.expand_dims(labels, 1), axis=1), 1)

    graph = check_graph(trace(f, Spec(("N", 3)), Spec(("N",), "int64")))
    np.testing.assert_array_equal(run(graph, X, labels)[0], expected)
    np.testing.assert_array_equal(run(graph, X[:2], labels[:2])[0], expected[:2])
    (g,) = run(pullback(graph, (True, False)), X, labels, np.ones(4))
    np.testing.assert_array_equal(g, np.eye(3)[labels])


def test_slices_of_a_joined_open_batch() -> None:
    graph = trace(lambda x, y: T.concat([x, y]), Spec((2, 3)), Spec(("N", 3)))
    back = check_graph(pullback(graph, (True, True)))
    g = np.arange(18.0).reshape(6, 3)
    a, b = run(back, X[:2], X, g)
    np.testing.assert_array_equal(a, g[:2])
    np.testing.assert_array_equal(b, g[2:])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_take_along_axis_is_numpys(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    size = shape[axis]
    wanted = list(shape)
    wanted[axis] = data.draw(st.integers(1, 4))
    at = data.draw(hnp.arrays(np.int64, tuple(wanted), elements=st.integers(0, size - 1)))
    x = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    np.testing.assert_array_equal(T.take_along_axis(x, at, axis).numpy(), np.take_along_axis(x, at, axis))
    flat = at.reshape(-1)
    np.testing.assert_array_equal(T.take(x, flat, axis).numpy(), np.take(x, flat, axis))


def test_take_along_axis_broadcasts_the_other_axes() -> None:
    x = np.arange(6.0).reshape(2, 3)
    at = np.array([[2, 0]])
    np.testing.assert_array_equal(T.take_along_axis(x, at, 1).numpy(), np.take_along_axis(x, at, 1))
    z, pull = vjp(lambda x: T.take_along_axis(x, np.array([[0, 1], [2, 2]]), 1), x[:1])
    assert z.tolist() == [[0, 1], [2, 2]]
    assert pull(np.array([[1.0, 2.0], [3.0, 4.0]]))[0].tolist() == [[1, 2, 7]]


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_a_mask_without_axes_keeps_all_or_nothing_along_a_new_axis(
    mask: bool, shape: tuple[int, ...]
) -> None:
    x = np.ones(shape)
    z, pull = vjp(lambda x: x[np.array(mask)], x)
    np.testing.assert_array_equal(z.numpy(), x[np.array(mask)])
    np.testing.assert_array_equal(pull(np.ones(z.shape))[0].numpy(), np.full(shape, float(mask)))
    with pytest.raises(TraceError, match="where"):
        trace(lambda x: x[T.sum(x) > 0], x)


def test_a_mask_without_places_picks_none() -> None:
    assert asarray(X)[np.zeros((0, 3), bool)].shape == X[np.zeros((0, 3), bool)].shape == (0,)


def test_whole_numbers_of_every_kind_index() -> None:
    x = asarray(X)
    assert x[asarray(2), np.int8(1)].item() == X[2, 1]
    assert x[asarray(1) : asarray(3), asarray([0, 2])].tolist() == X[1:3, [0, 2]].tolist()
    assert x[np.array([1, 0], np.uint8)].tolist() == X[[1, 0]].tolist()
    assert [row.tolist() for row in x] == X.tolist()


def test_one_hot() -> None:
    out = T.one_hot(np.array([[1], [2]]), 3, np.float32)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out.numpy(), [[[0, 1, 0]], [[0, 0, 1]]])


ERRORS = [
    (lambda x: x[4], ShapeError, "index 4 .* axis 0 of size 4"),
    (lambda x: x[:, -4], ShapeError, "index -4 .* axis 1 of size 3"),
    (lambda x: x[np.array([0, 7])], ShapeError, "7"),
    (lambda x: x[0, 0, 0], ShapeError, "too long"),
    (lambda x: x[..., ...], ShapeError, "once"),
    (lambda x: x[True], ShapeError, "newaxis"),
    (lambda x: x[np.array([0.5])], DTypeError, "float64"),
    (lambda x: x["a"], DTypeError, "str"),
    (lambda x: x[np.ones((2, 2), bool)], ShapeError, "mask"),
    (lambda x: T.take(x, np.array([3]), axis=1), ShapeError, "3"),
    (lambda x: T.take(x, np.array([0]), axis=2), IndexError, "axis 2"),
    (lambda x: x[-5], IndexError, "index -5"),
    (lambda x: x[np.ones((4, 3, 1), bool)], IndexError, "too long"),
    (lambda x: x[np.ones((3, 3), bool)], IndexError, "3 places along axis 0"),
    (lambda x: T.take_along_axis(x, np.array([0])), ShapeError, "as many axes"),
    (lambda x: T.index_add(np.ones(2), 0, (4, 3)), ShapeError, r"points at shape \(3,\)"),
]


@pytest.mark.parametrize(("f", "error", "text"), ERRORS)
def test_bad_indices_say_so(f: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        f(asarray(X))


def test_what_an_open_batch_cannot_be_indexed_with() -> None:
    with pytest.raises(ShapeError, match="N is not known"):
        trace(lambda x: x[:3], Spec(("N", 3)))
    with pytest.raises(TraceError, match="where"):
        trace(lambda x: x[x > 0], Spec((4, 3)))
