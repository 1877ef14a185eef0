"""What makes and moves arrays: against NumPy in value, against PyTorch and JAX in both derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from op_cases import rng

import glassgrad as gg
from glassgrad import xp
from glassgrad.engines import run
from glassgrad.errors import DTypeError, IndexingError, OptionError, ShapeError, TraceError
from glassgrad.functional import grad, vjp
from glassgrad.graph import batch_graph, check_graph, pullback
from glassgrad.tracing import Spec, trace

REPEATS = np.array([2, 0, 3])


# --- values are NumPy's ----------------------------------------------------------------------------------------------

X = np.arange(24.0).reshape(2, 3, 4)
SAME: list[tuple[str, Any, Any]] = [
    ("expand_dims", lambda x: xp.expand_dims(x, axis=(0, -1)), lambda x: np.expand_dims(x, (0, -1))),
    ("expand_dims, middle", lambda x: xp.expand_dims(x, axis=-2), lambda x: np.expand_dims(x, -2)),
    ("moveaxis", lambda x: xp.moveaxis(x, (0, 1), (-1, 0)), lambda x: np.moveaxis(x, (0, 1), (-1, 0))),
    ("moveaxis, one", lambda x: xp.moveaxis(x, -1, 0), lambda x: np.moveaxis(x, -1, 0)),
    ("concat, flat", lambda x: xp.concat([x, x[0]], axis=None), lambda x: np.concatenate([x, x[0]], None)),
    ("stack, last", lambda x: xp.stack([x, x + 1], axis=-1), lambda x: np.stack([x, x + 1], -1)),
    ("stack of rows", xp.stack, np.stack),
    ("roll", lambda x: xp.roll(x, 5), lambda x: np.roll(x, 5)),
    ("roll, twice along one axis", lambda x: xp.roll(x, (1, 1), axis=(2, 2)), lambda x: np.roll(x, 2, 2)),
    ("roll, one for all", lambda x: xp.roll(x, 1, axis=(0, 2)), lambda x: np.roll(x, 1, (0, 2))),
    ("repeat", lambda x: xp.repeat(x, 3, axis=1), lambda x: np.repeat(x, 3, 1)),
    ("repeat, flat", lambda x: xp.repeat(x, 2), lambda x: np.repeat(x, 2)),
    ("repeat, each", lambda x: xp.repeat(x, REPEATS, axis=1), lambda x: np.repeat(x, REPEATS, 1)),
    ("tile", lambda x: xp.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3))),
    ("tile, fewer", lambda x: xp.tile(x, (2,)), lambda x: np.tile(x, 2)),
    ("tile, more", lambda x: xp.tile(x, (2, 1, 1, 2)), lambda x: np.tile(x, (2, 1, 1, 2))),
    ("squeeze", lambda x: xp.squeeze(x[:, :1], axis=1), lambda x: x[:, 0]),
    ("squeeze, all", lambda x: xp.squeeze(x[:1, :1]), lambda x: x[0, 0]),
    ("tril", lambda x: xp.tril(x, k=1), lambda x: np.tril(x, 1)),
    ("triu", lambda x: xp.triu(x, k=-1), lambda x: np.triu(x, -1)),
    ("reshape", lambda x: xp.reshape(x, (4, -1), copy=True), lambda x: x.reshape(4, -1)),
    ("broadcast_to", lambda x: xp.broadcast_to(x[0, 0], (3, 4)), lambda x: np.broadcast_to(x[0, 0], (3, 4))),
    ("full_like", lambda x: xp.full_like(x, 2), lambda x: np.full_like(x, 2)),
]


@pytest.mark.parametrize(("name", "ours", "numpys"), SAME, ids=[row[0] for row in SAME])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.bool_, np.complex64])
def test_values_are_numpys(name: str, ours: Any, numpys: Any, dtype: Any) -> None:
    if dtype is np.bool_ and name == "stack, last":
        pytest.skip("x + 1 is no truth value")
    x = (X % 5).astype(dtype)
    found, expected = ours(gg.tensor(x)), numpys(x)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.numpy(), expected)
    graph = check_graph(trace(ours, x))
    assert (graph.outputs[0].shape, graph.outputs[0].dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(run(graph, x)[0], expected)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_pad_is_numpys(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    pairs = st.tuples(*[st.tuples(st.integers(0, 6), st.integers(0, 6)) for _ in shape])
    width = data.draw(st.integers(0, 5) | st.tuples(st.integers(0, 5), st.integers(0, 5)) | pairs)
    mode = data.draw(st.sampled_from(["constant", "edge", "reflect", "symmetric", "wrap"]))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    np.testing.assert_array_equal(xp.pad(x, width, mode).numpy(), np.pad(x, width, mode))


def test_pad_takes_the_constant_it_is_given() -> None:
    value = gg.tensor(3.0, requires_grad=True)
    padded = xp.pad([1.0, 2.0], 1, constant_values=value)
    assert padded.tolist() == [3.0, 1.0, 2.0, 3.0]
    padded.sum().backward()
    assert value.grad.item() == 2.0
    assert xp.pad([True], 1).tolist() == [False, True, False]
    assert xp.pad(np.array([1], np.int8), (0, 1), constant_values=7).dtype == np.int8


# --- derivatives are PyTorch's and JAX's -----------------------------------------------------------------------------

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp = jax.numpy
jax.config.update("jax_enable_x64", True)


def _tp(mode: str) -> Any:
    return lambda x: torch.nn.functional.pad(x[None], (2, 1), mode=mode)[0]


PLACES = np.array([[0, 0, 2], [1, 1, 1]])
PEERS: list[tuple[str, Any, Any, Any]] = [
    ("pad, constant", lambda x: xp.pad(x, 1), lambda x: torch.nn.functional.pad(x, (1,) * 4), lambda x: jnp.pad(x, 1)),
    ("pad, reflect", lambda x: xp.pad(x, ((0, 0), (2, 1)), "reflect"), _tp("reflect"),
     lambda x: jnp.pad(x, ((0, 0), (2, 1)), "reflect")),
    ("pad, edge", lambda x: xp.pad(x, ((0, 0), (2, 1)), "edge"), _tp("replicate"),
     lambda x: jnp.pad(x, ((0, 0), (2, 1)), "edge")),
    ("pad, wrap", lambda x: xp.pad(x, ((0, 0), (2, 1)), "wrap"), _tp("circular"),
     lambda x: jnp.pad(x, ((0, 0), (2, 1)), "wrap")),
    ("pad, symmetric", lambda x: xp.pad(x, 2, "symmetric"), None, lambda x: jnp.pad(x, 2, "symmetric")),
    ("roll", lambda x: xp.roll(x, (1, -2), axis=(0, 1)), lambda x: torch.roll(x, (1, -2), (0, 1)),
     lambda x: jnp.roll(x, (1, -2), (0, 1))),
    ("tile", lambda x: xp.tile(x, (2, 2)), lambda x: torch.tile(x, (2, 2)), lambda x: jnp.tile(x, (2, 2))),
    ("repeat", lambda x: xp.repeat(x, 2, axis=1), lambda x: torch.repeat_interleave(x, 2, 1),
     lambda x: jnp.repeat(x, 2, 1)),
    ("repeat, each", lambda x: xp.repeat(x, REPEATS, axis=1),
     lambda x: torch.repeat_interleave(x, torch.tensor(REPEATS), 1), lambda x: jnp.repeat(x, REPEATS, 1)),
    ("tril", xp.tril, torch.tril, jnp.tril),
    ("triu", lambda x: xp.triu(x, k=1), lambda x: torch.triu(x, 1), lambda x: jnp.triu(x, 1)),
    ("stack", lambda x: xp.stack([x, x * x], axis=1), lambda x: torch.stack([x, x * x], 1),
     lambda x: jnp.stack([x, x * x], 1)),
    ("unstack", lambda x: xp.unstack(x, axis=1)[1], lambda x: torch.unbind(x, 1)[1],
     lambda x: jnp.unstack(x, axis=1)[1]),
    ("concat", lambda x: xp.concat([x, x[:1] * x[1:]]), lambda x: torch.cat([x, x[:1] * x[1:]]),
     lambda x: jnp.concat([x, x[:1] * x[1:]])),
    ("take", lambda x: xp.take(x, np.array([2, 0, 2]), axis=1),
     lambda x: torch.index_select(x, 1, torch.tensor([2, 0, 2])), lambda x: jnp.take(x, np.array([2, 0, 2]), 1)),
    ("take_along_axis", lambda x: xp.take_along_axis(x, PLACES),
     lambda x: torch.take_along_dim(x, torch.tensor(PLACES), 1), lambda x: jnp.take_along_axis(x, PLACES, 1)),
    ("meshgrid", lambda x: xp.meshgrid(x[0], x[:, 0])[0], lambda x: torch.meshgrid(x[0], x[:, 0], indexing="xy")[0],
     lambda x: jnp.meshgrid(x[0], x[:, 0])[0]),
    ("broadcast_arrays", lambda x: xp.broadcast_arrays(x, x[:, None])[1],
     lambda x: torch.broadcast_tensors(x, x[:, None])[1],
     lambda x: jnp.broadcast_arrays(x, x[:, None])[1]),
    ("linspace", lambda x: xp.linspace(x[0], x[1], 4), None, lambda x: jnp.linspace(x[0], x[1], 4)),
    ("linspace, no endpoint", lambda x: xp.linspace(x[0], x[1], 4, endpoint=False), None,
     lambda x: jnp.linspace(x[0], x[1], 4, endpoint=False)),
    ("full", lambda x: xp.full((2, 2), x[0, 0]), lambda x: x[0, 0].expand(2, 2), lambda x: jnp.full((2, 2), x[0, 0])),
]  # fmt: skip


def _both(f: Any, x: np.ndarray, w: np.ndarray, u: np.ndarray, library: str) -> list[np.ndarray]:
    """Return f(x), the gradient of Σ w·f², and the gradient of Σ u·(that gradient)."""
    if library == "torch":
        leaf = torch.tensor(x, requires_grad=True)
        z = f(leaf)
        (first,) = torch.autograd.grad((torch.tensor(w) * z * z).sum(), leaf, create_graph=True)
        (second,) = torch.autograd.grad((torch.tensor(u) * first).sum(), leaf)
        return [t.detach().numpy() for t in (z, first, second)]
    space, gradient = (jnp, jax.grad) if library == "jax" else (xp, grad)
    first = gradient(lambda x: space.sum(w * f(x) * f(x)))
    second = gradient(lambda x: space.sum(u * first(x)))
    x = space.asarray(x)
    return [np.asarray(t) for t in (f(x), first(x), second(x))]


@pytest.mark.parametrize(("name", "ours", "torchs", "jaxs"), PEERS, ids=[row[0] for row in PEERS])
def test_derivatives_are_those_of_pytorch_and_jax(name: str, ours: Any, torchs: Any, jaxs: Any) -> None:
    draw = rng()
    x = draw.normal(size=(2, 3))
    w, u = draw.normal(size=ours(xp.asarray(x)).shape), draw.normal(size=(2, 3))
    found = _both(ours, x, w, u, "glassgrad")
    for theirs, library in ((torchs, "torch"), (jaxs, "jax")):
        if theirs is not None:
            for mine, other in zip(found, _both(theirs, x, w, u, library), strict=True):
                np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-14)


LINEAR = [row for row in PEERS if row[0] not in ("stack", "concat")]


@pytest.mark.parametrize(("name", "f"), [row[:2] for row in LINEAR], ids=[row[0] for row in LINEAR])
def test_complex_numbers_go_back_where_they_came_from(name: str, f: Any) -> None:
    draw = rng()
    x, v = (draw.normal(size=(2, 3)) + 1j * draw.normal(size=(2, 3)) for _ in range(2))
    z, pull = vjp(f, x)
    assert z.dtype == np.complex128
    g = draw.normal(size=z.shape) + 1j * draw.normal(size=z.shape)
    ahead = np.sum(np.conj(g) * f(xp.asarray(v)).numpy()).real
    np.testing.assert_allclose(np.sum(np.conj(pull(g)[0].numpy()) * v).real, ahead, rtol=1e-12)


@pytest.mark.parametrize(("name", "f"), [row[:2] for row in PEERS], ids=[row[0] for row in PEERS])
def test_batched_rows_are_a_loop(name: str, f: Any) -> None:
    xs = rng().normal(size=(3, 2, 3))
    graph = trace(f, xs[0])
    g = np.cos(np.arange(np.prod(graph.outputs[0].shape, dtype=int))).reshape(graph.outputs[0].shape)
    (found,) = run(batch_graph(graph, (True,), 3), xs)
    np.testing.assert_allclose(found, np.stack([run(graph, x)[0] for x in xs]), rtol=1e-14)
    back = pullback(graph, (True,))
    (found,) = run(batch_graph(back, (True, False), 3), xs, g)
    np.testing.assert_allclose(found, np.stack([run(back, x, g)[0] for x in xs]), rtol=1e-14)


# --- the batch may stay open -----------------------------------------------------------------------------------------

OPEN: list[tuple[str, Any]] = [
    ("roll the rows", lambda x: xp.roll(x, 1, axis=0)),
    ("repeat rows", lambda x: xp.repeat(x, 2, axis=0)),
    ("tile rows", lambda x: xp.tile(x, (2, 1))),
    ("pad rows", lambda x: xp.pad(x, ((1, 2), (0, 0)))),
    ("pad columns", lambda x: xp.pad(x, ((0, 0), (1, 1)), "edge")),
    ("flip rows", lambda x: xp.flip(x, axis=0)),
    ("gram's triangle", lambda x: xp.tril(xp.matmul(x, xp.matrix_transpose(x)))),
    ("unit matrix", lambda x: xp.matmul(xp.eye(x.shape[0], k=1), x)),
    ("stack", lambda x: xp.stack([x, x], axis=1)),
    ("filled", lambda x: x * xp.full_like(x, 2.0)),
]


@pytest.mark.parametrize("f", [row[1] for row in OPEN], ids=[row[0] for row in OPEN])
def test_an_open_batch(f: Any) -> None:
    graph = check_graph(trace(f, Spec(("N", 3))))
    back = check_graph(pullback(graph, (True,)))
    for rows in (2, 5):
        x = rng().normal(size=(rows, 3))
        expected, pull = vjp(f, x)
        np.testing.assert_allclose(run(graph, x)[0], expected.numpy(), rtol=1e-14)
        g = rng().normal(size=expected.shape)
        np.testing.assert_allclose(run(back, x, g)[0], pull(g)[0].numpy(), rtol=1e-14)


# --- dtypes and gradients' dtypes ------------------------------------------------------------------------------------


def test_each_piece_of_a_mixed_concat_gets_its_own_dtype_back() -> None:
    a = gg.tensor([1.0], dtype="float32", requires_grad=True)
    b = gg.tensor([2.0], requires_grad=True)
    c = gg.tensor([3.0 + 1.0j], requires_grad=True)
    z = xp.concat([a, b, c])
    assert z.dtype == np.complex128
    xp.real(xp.sum(z * (1.0 - 2.0j))).backward()
    assert [t.grad.dtype for t in (a, b, c)] == [np.float32, np.float64, np.complex128]
    assert [t.grad.item() for t in (a, b, c)] == [1.0, 1.0, 1.0 + 2.0j]


# --- refusals --------------------------------------------------------------------------------------------------------

X23 = np.ones((2, 3))
REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: xp.expand_dims(X23, axis=3), IndexError, "axis 3"),
    (lambda: xp.expand_dims(X23, axis=(0, 0)), ShapeError, "twice"),
    (lambda: xp.moveaxis(X23, (0, 1), (0,)), ShapeError, "2 axes to move, but 1"),
    (lambda: xp.moveaxis(X23, (0, 0), (0, 1)), ShapeError, "twice"),
    (lambda: xp.moveaxis(X23, 5, 0), IndexingError, "axis 5"),
    (lambda: xp.squeeze(X23, axis=0), ShapeError, "size 2, not 1"),
    (lambda: xp.reshape(X23, (-1, -1)), ShapeError, "has two"),
    (lambda: xp.reshape(X23, (4, 2)), ShapeError, r"\(6 elements\) into \(4, 2\)"),
    (lambda: xp.reshape(X23, (-2, -3)), ShapeError, "cannot reshape"),
    (lambda: xp.reshape(xp.permute_dims(X23, (1, 0)), (6,), copy=False), ShapeError, "leave out copy=False"),
    (lambda: xp.broadcast_to(X23, (3, 2)), ShapeError, "does not broadcast"),
    (lambda: xp.broadcast_arrays(X23, np.ones(2)), ShapeError, "axis -1 has sizes 3 and 2"),
    (lambda: xp.concat([]), ShapeError, "at least one"),
    (lambda: xp.concat([X23, np.ones((3, 2))]), ShapeError, r"\(2, 3\) and \(3, 2\)"),
    (lambda: xp.stack([]), ShapeError, "at least one"),
    (lambda: xp.stack([X23, np.ones(3)]), ShapeError, r"\(2, 3\) and \(3,\)"),
    (lambda: xp.roll(X23, (1, 2, 3), axis=(0, 1)), ShapeError, "3 shifts for 2 axes"),
    (lambda: xp.roll(X23, 1, axis=2), IndexingError, "axis 2"),
    (lambda: xp.repeat(X23, [1, 2], axis=1), ShapeError, "3 elements"),
    (lambda: xp.repeat(X23, -1), ShapeError, "-1 times"),
    (lambda: xp.repeat(X23, 1.5), DTypeError, "whole numbers"),
    (lambda: xp.tile(X23, (-1,)), ShapeError, "0 or more"),
    (lambda: xp.pad(X23, 1, "mirror"), OptionError, "no mode 'mirror'"),
    (lambda: xp.pad(X23, (1, 2, 3)), ShapeError, "2 pairs"),
    (lambda: xp.pad(X23, 1, constant_values=(1, 2)), ShapeError, "one number"),
    (lambda: xp.pad(X23, -1), ShapeError, "0 or more"),
    (lambda: xp.pad(X23, 0.5), DTypeError, "whole numbers"),
    (lambda: xp.pad(np.ones((0, 3)), 1, "edge"), ShapeError, "axis 0 has no elements"),
    (lambda: xp.tril(np.ones(3)), ShapeError, "two axes"),
    (lambda: trace(lambda n: xp.repeat(X23, n, axis=1), np.array([1, 1, 1])), TraceError, "numbers of copies"),
    (lambda: trace(xp.unstack, Spec(("N", 3))), ShapeError, "not known yet"),
    (lambda: trace(lambda x: xp.pad(x, 1, "wrap"), Spec(("N", 3))), ShapeError, "not known yet"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), REFUSED)
def test_what_does_not_fit_is_said(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
