"""First and second derivatives against PyTorch, over shapes and broadcasting.

Inputs are drawn away from kinks; what happens on them is in test_op_kinks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glassgrad.functional import grad
from glassgrad.tensors import T, asarray

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
tf = torch.nn.functional


@dataclass(frozen=True)
class Pair:
    """The same function here and there; `low`, `high` bound the inputs, `apart` keeps them off whole quarters."""

    name: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    arity: int = 1
    low: float = -2.0
    high: float = 2.0
    ndim: tuple[int, int] = (0, 3)


def same(name: str, theirs: Any = None, **settings: Any) -> Pair:
    return Pair(name, getattr(T, name), theirs or getattr(torch, name), **settings)


def unary(low: float, high: float, *names: str) -> list[Pair]:
    return [same(n, low=low, high=high) for n in names]


ELEMENTWISE = [
    *unary(-2, 2, "exp", "expm1", "sinh", "cosh", "tanh", "asinh", "sin", "cos", "atan", "erf", "abs", "square",
           "negative", "sigmoid"),
    *unary(0.2, 3, "log", "log1p", "log2", "log10", "sqrt", "reciprocal"),
    *unary(-0.9, 0.9, "tan", "asin", "acos", "atanh"),
    *unary(1.2, 3, "acosh"),
    same("relu"),
    same("silu", tf.silu, low=-6, high=6),
    same("softplus", tf.softplus, low=-6, high=6),
    Pair("leaky_relu", lambda x: T.leaky_relu(x, 0.3), lambda x: tf.leaky_relu(x, 0.3)),
    Pair("elu", lambda x: T.elu(x, 0.7), lambda x: tf.elu(x, 0.7)),
    Pair("gelu", T.gelu, tf.gelu, low=-4, high=4),
    Pair("gelu tanh", lambda x: T.gelu(x, "tanh"), lambda x: tf.gelu(x, approximate="tanh"), low=-4, high=4),
    Pair("hardtanh", T.hardtanh, tf.hardtanh),
    Pair("clip", lambda x: T.clip(x, -0.6, 1.1), lambda x: torch.clip(x, -0.6, 1.1)),
    Pair("maximum scalar", lambda x: T.maximum(x, 0.5), lambda x: torch.clamp(x, min=0.5)),
    Pair("square by pow", lambda x: x**2, lambda x: x**2),
    Pair("cube", lambda x: x**3, lambda x: x**3),
    Pair("root by pow", lambda x: x**0.5, lambda x: x**0.5, low=0.2),
    Pair("power of a number", lambda x: 2.0**x, lambda x: 2.0**x),
    Pair("cumulative_sum", lambda x: T.cumulative_sum(x, axis=-1), lambda x: torch.cumsum(x, -1), ndim=(1, 3)),
    Pair("cumulative_prod", lambda x: T.cumulative_prod(x, axis=-1), lambda x: torch.cumprod(x, -1), ndim=(1, 3)),
]  # fmt: skip
BINARY = [
    same("add", arity=2),
    same("subtract", arity=2),
    same("multiply", arity=2),
    same("divide", arity=2, low=0.3),
    same("pow", arity=2, low=0.3),
    same("maximum", arity=2),
    same("minimum", arity=2),
    Pair("where", lambda x, y: T.where(x > y, x * y, y), lambda x, y: torch.where(x > y, x * y, y), arity=2),
    Pair(
        "clip by arrays", lambda x, y: T.clip(x, y, y + 1.0), lambda x, y: torch.clamp(x, y, y + 1.0), arity=2
    ),
    Pair(
        "binary_cross_entropy_with_logits",
        lambda x, y: T.binary_cross_entropy_with_logits(x, T.sigmoid(y)),
        lambda x, y: -(torch.sigmoid(y) * tf.logsigmoid(x) + (1 - torch.sigmoid(y)) * tf.logsigmoid(-x)),
        arity=2,
    ),
]
ALONG_AXES: list[tuple[str, Any, Any]] = [
    ("sum", lambda x, a, k: T.sum(x, axis=a, keepdims=k), lambda x, a, k: torch.sum(x, a, keepdim=k)),
    ("mean", lambda x, a, k: T.mean(x, axis=a, keepdims=k), lambda x, a, k: torch.mean(x, a, keepdim=k)),
    (
        "var",
        lambda x, a, k: T.var(x, axis=a, keepdims=k),
        lambda x, a, k: torch.var(x, a, correction=0, keepdim=k),
    ),
    (
        "var unbiased",
        lambda x, a, k: T.var(x, axis=a, keepdims=k, correction=0.5),
        lambda x, a, k: torch.var(x, a, correction=0.5, keepdim=k),
    ),
    (
        "std",
        lambda x, a, k: T.std(x, axis=a, keepdims=k),
        lambda x, a, k: torch.std(x, a, correction=0, keepdim=k),
    ),
    ("max", lambda x, a, k: T.max(x, axis=a, keepdims=k), lambda x, a, k: torch.amax(x, a, keepdim=k)),
    ("min", lambda x, a, k: T.min(x, axis=a, keepdims=k), lambda x, a, k: torch.amin(x, a, keepdim=k)),
    (
        "logsumexp",
        lambda x, a, k: T.logsumexp(x, axis=a, keepdims=k),
        lambda x, a, k: torch.logsumexp(x, a, keepdim=k),
    ),
]
ALONG_AXIS: list[tuple[str, Any, Any]] = [
    ("softmax", lambda x, a: T.softmax(x, a), lambda x, a: torch.softmax(x, a)),
    ("log_softmax", lambda x, a: T.log_softmax(x, a), lambda x, a: torch.log_softmax(x, a)),
    (
        "softmax_error",
        lambda x, a: T.softmax_error(x, np.zeros(x.shape[:-1], int)),
        lambda x, a: torch.softmax(x, -1) - tf.one_hot(torch.zeros(x.shape[:-1], dtype=int), x.shape[-1]),
    ),
    ("prod", lambda x, a: T.prod(x, axis=a), lambda x, a: torch.prod(x, a)),
    ("flip", lambda x, a: T.flip(x, a), lambda x, a: torch.flip(x, (a,))),
    (
        "repeat by index",
        lambda x, a: T.take(x, np.zeros(3, int), a),
        lambda x, a: torch.repeat_interleave(x.narrow(a, 0, 1), 3, a),
    ),
]  # fmt: skip

SETTINGS = settings(max_examples=12, deadline=None)


def distinct(shape: tuple[int, ...], seed: int, low: float, high: float) -> np.ndarray:
    """Return numbers in [low, high] no two of which are equal, nor near a kink of the table."""
    rng = np.random.default_rng(seed)
    x = rng.permutation(int(np.prod(shape))).reshape(shape) + rng.uniform(0.2, 0.8, shape)
    return low + (high - low) * x / max(x.size, 1)


def compare(ours: Any, theirs: Any, xs: list[np.ndarray], seed: int) -> None:
    """Compare values, gradients of a weighted sum, and gradients of a weighted sum of those."""
    rng = np.random.default_rng(seed)
    tensors = [torch.tensor(x, requires_grad=True) for x in xs]
    expected = theirs(*tensors)
    value = ours(*map(asarray, xs))
    assert value.shape == tuple(expected.shape)
    np.testing.assert_allclose(value.numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    w = rng.normal(size=value.shape)
    us = [rng.normal(size=x.shape) for x in xs]
    argnums = tuple(range(len(xs)))
    first = grad(lambda *a: T.sum(ours(*a) * w), argnums=argnums)
    gs = torch.autograd.grad((expected * torch.tensor(w)).sum(), tensors, create_graph=True)
    for a, b in zip(first(*xs), gs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-11)

    def slope(*a: Any) -> Any:
        out: Any = 0.0
        for g, u in zip(first(*a), us, strict=True):
            out = T.sum(g * u) + out
        return out

    dot = sum((g * torch.tensor(u)).sum() for g, u in zip(gs, us, strict=True))
    if not dot.requires_grad:
        return
    hs = torch.autograd.grad(dot, tensors, allow_unused=True)
    for a, b, x in zip(grad(slope, argnums=argnums)(*xs), hs, xs, strict=True):
        reference = np.zeros_like(x) if b is None else b.numpy(force=True)
        np.testing.assert_allclose(a.numpy(), reference, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("pair", ELEMENTWISE, ids=lambda p: p.name)
@given(data=st.data())
@SETTINGS
def test_of_one_array(pair: Pair, data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=pair.ndim[0], max_dims=pair.ndim[1], max_side=4))
    seed = data.draw(st.integers(0, 2**16))
    compare(pair.ours, pair.theirs, [distinct(shape, seed, pair.low, pair.high)], seed)


@pytest.mark.parametrize("pair", BINARY, ids=lambda p: p.name)
@given(data=st.data())
@SETTINGS
def test_of_two_arrays_that_broadcast(pair: Pair, data: Any) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    seed = data.draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    compare(pair.ours, pair.theirs, [rng.uniform(pair.low, pair.high, s) for s in shapes], seed)


@pytest.mark.parametrize(("ours", "theirs"), [p[1:] for p in ALONG_AXES], ids=[p[0] for p in ALONG_AXES])
@given(data=st.data())
@SETTINGS
def test_of_reductions(ours: Any, theirs: Any, data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=2, max_side=3))
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1).map(tuple))
    keep, seed = data.draw(st.booleans()), data.draw(st.integers(0, 2**16))
    compare(
        lambda x: ours(x, axes, keep), lambda x: theirs(x, axes, keep), [distinct(shape, seed, -2, 2)], seed
    )


@pytest.mark.parametrize(("ours", "theirs"), [p[1:] for p in ALONG_AXIS], ids=[p[0] for p in ALONG_AXIS])
@given(data=st.data())
@SETTINGS
def test_along_one_axis(ours: Any, theirs: Any, data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    axis, seed = data.draw(st.integers(-len(shape), len(shape) - 1)), data.draw(st.integers(0, 2**16))
    compare(lambda x: ours(x, axis), lambda x: theirs(x, axis), [distinct(shape, seed, -2, 2)], seed)


@given(data=st.data(), smoothing=st.sampled_from([0.0, 0.1]))
@SETTINGS
def test_cross_entropy(data: Any, smoothing: float) -> None:
    rows, classes = data.draw(st.integers(1, 4)), data.draw(st.integers(2, 5))
    seed = data.draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(rows, classes)) * 3, rng.integers(0, classes, rows)
    shares = rng.dirichlet(np.ones(classes), rows)
    options = {"reduction": "none", "label_smoothing": smoothing}
    compare(
        lambda x: T.cross_entropy(x, labels, smoothing),
        lambda x: tf.cross_entropy(x, torch.tensor(labels), **options),
        [x], seed,
    )  # fmt: skip
    compare(
        lambda x, t: T.cross_entropy(x, t, smoothing),
        lambda x, t: tf.cross_entropy(x, t, **options),
        [x, shares],
        seed,
    )


@given(data=st.data())
@SETTINGS
def test_binary_cross_entropy(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=2))
    seed = data.draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    p, t = rng.uniform(0.1, 0.9, shape), rng.uniform(0, 1, shape)
    compare(
        lambda p: T.binary_cross_entropy(p, t),
        lambda p: tf.binary_cross_entropy(p, torch.tensor(t), reduction="none"),
        [p], seed,
    )  # fmt: skip


@given(data=st.data())
@SETTINGS
def test_matmul(data: Any) -> None:
    batch = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3)).input_shapes
    m, k, n = (data.draw(st.integers(1, 3)) for _ in range(3))
    a, b = data.draw(
        st.sampled_from(
            [((*batch[0], m, k), (*batch[1], k, n)), ((k,), (k,)), ((k,), (k, n)), ((m, k), (k,))]
        )
    )
    seed = data.draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    compare(T.matmul, torch.matmul, [rng.normal(size=a), rng.normal(size=b)], seed)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)])
def test_linear(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    x, w, b = rng.normal(size=shape), rng.normal(size=(2, 3)), rng.normal(size=2)
    compare(T.linear, tf.linear, [x, w, b], 0)
    compare(T.linear, tf.linear, [x, w], 0)


def test_moving_numbers_about() -> None:
    x, y = np.arange(6.0).reshape(2, 3), np.arange(3.0)
    compare(lambda x: T.reshape(x, (3, 2)), lambda x: x.reshape(3, 2), [x], 0)
    compare(lambda x: T.permute_dims(x, (1, 0)), lambda x: x.permute(1, 0), [x], 0)
    compare(lambda y: T.broadcast_to(y, (2, 3)), lambda y: y.broadcast_to((2, 3)), [y], 0)
    compare(lambda x, y: T.concat([x, x * y], 1), lambda x, y: torch.concat([x, x * y], 1), [x, y], 0)
    at = np.array([0, 1, 0])
    compare(lambda x: x[at, [2, 0, 2]] ** 2, lambda x: x[at, [2, 0, 2]] ** 2, [x], 0)
    compare(
        lambda y: T.index_add(y**2, at, (2,)),
        lambda y: torch.zeros(2, dtype=torch.float64).index_add(0, torch.tensor(at), y**2),
        [y], 0,
    )  # fmt: skip


COMPARED = {p.name for p in (*ELEMENTWISE, *BINARY)} | {p[0] for p in (*ALONG_AXES, *ALONG_AXIS)} | {
    "cross_entropy", "binary_cross_entropy", "matmul", "linear", "reshape", "permute_dims", "broadcast_to", "concat",
    "getitem", "index_add",
}  # fmt: skip
"""The records compared here; the others are in ``test_op_peers.py``."""
