"""Random graphs built from the records, and what it means that two arrays are the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from glassgrad.errors import GlassgradError
from glassgrad.graph.builder import Builder, Traced
from glassgrad.graph.types import check_graph
from glassgrad.ir import BATCH, Graph
from glassgrad.ops import REGISTRY

SIZES = (1, 2, 3, 9)
"""Sizes of the axes: few, so that shapes meet, and one that is long enough for sums to be added in pairs."""


def _arity(n: int) -> list[str]:
    """Return the elementwise operations on `n` floating-point arrays that take no settings."""
    return sorted(
        op.name
        for op in REGISTRY.values()
        if op.elementwise
        and any(
            len(s.inputs) == n and not s.kwargs and all(isinstance(i, tuple) for i in s.inputs)
            for s in op.samples
        )
    )


UNARY, BINARY = _arity(1), _arity(2)


def same_bits(a: Any, b: Any) -> bool:
    """Say whether two arrays are the same to the last bit; one NaN is as good as another."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return a.tobytes() == b.tobytes()
    nan = np.isnan(a)
    return bool((nan == np.isnan(b)).all()) and np.where(nan, 0, a).tobytes() == np.where(nan, 0, b).tobytes()


def assert_same_bits(found: Sequence[Any], expected: Sequence[Any], what: object = "") -> None:
    assert len(found) == len(expected)
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert same_bits(a, b), f"output {i} differs: {a!r} is not {b!r}\n{what}"


@st.composite
def graphs(
    draw: Callable[..., Any],
    *,
    min_steps: int = 5,
    max_steps: int = 40,
    loss: bool = False,
    symbolic: bool = False,
    dtypes: Sequence[Any] = (np.float32, np.float64),
    without: Collection[str] = (),
) -> Graph:
    """Draw a graph of elementwise operations with broadcasting, views, reductions, products and repeated values.

    Parameters
    ----------
    min_steps, max_steps
        How many operations are tried (those whose shapes do not fit are left out).
    loss
        Whether the one output is a floating-point scalar.
    symbolic
        Whether the first axis of the inputs is the batch.
    dtypes
        What the inputs may be.
    without
        Elementwise operations that are left out.
    """
    unary, binary = ([name for name in names if name not in without] for names in (UNARY, BINARY))
    dtype = np.dtype(draw(st.sampled_from(list(dtypes))))
    F = Builder("random")
    pool: list[Traced] = []
    lead = (BATCH,) if symbolic else ()
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.lists(st.sampled_from(SIZES), max_size=2 if symbolic else 3))
        pool.append(F.input((*lead, *shape), dtype))
    inputs = tuple(pool)
    constant = np.asarray(draw(st.sampled_from([0.5, -0.0, 1.0, 2.0, -1.5])), dtype)
    pool.append(Traced(F, F.lift(np.full(draw(st.sampled_from([(), (3,), (2, 1)])), constant))))
    with F.active():
        for _ in range(draw(st.integers(min_steps, max_steps))):
            x, y = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
            try:
                pool += _step(draw, F, x, y, unary, binary)
            except GlassgradError:
                continue  # the shapes did not fit
        if loss:
            parts = [F.mean(F.tanh(v)) for v in pool[-4:] if v.dtype.kind == "f"]
            total: Any = F.sum(inputs[0])
            for part in parts:
                total = F.add(total, part)
            return check_graph(F.finish([total]))
        outputs = [draw(st.sampled_from(pool)) for _ in range(draw(st.integers(1, 4)))]
    return check_graph(F.finish([*outputs, pool[-1]]))


def _step(
    draw: Callable[..., Any], F: Builder, x: Traced, y: Traced, unary: list[str], binary: list[str]
) -> list[Traced]:
    kind = draw(
        st.sampled_from(
            ["unary", "unary", "binary", "binary", "number", "view", "reduce", "matmul", "choose"]
        )
    )
    rank = len(x.shape)
    if x.dtype.kind != "f":
        x = F.astype(x, y.dtype if y.dtype.kind == "f" else np.float32)
    if kind == "unary":
        return [getattr(F, draw(st.sampled_from(unary)))(x)]
    if kind == "binary":
        return [getattr(F, draw(st.sampled_from(binary)))(x, y)]
    if kind == "number":
        number = draw(st.sampled_from([0.5, 1, 2.0, -3]))
        return [
            getattr(F, draw(st.sampled_from(["multiply", "divide", "add", "maximum", "subtract"])))(x, number)
        ]
    if kind == "choose":
        return [F.where(F.greater(x, 0.25), x, y), F.astype(F.less(x, 0), x.dtype)]
    if kind == "matmul":
        return [F.matmul(x, F.matrix_transpose(y))]
    if kind == "view":
        view = draw(
            st.sampled_from(["flat", "turn", "grow", "flip", "slice", "wide", "pick", "join", "turn and sum"])
        )
        if view == "flat":
            return [F.reshape(x, (-1,)), F.reshape(F.reshape(x, (-1,)), x.shape)]
        if view == "turn":
            return [F.permute_dims(x, tuple(draw(st.permutations(range(rank)))))]
        if view == "grow":
            return [F.expand_dims(x, draw(st.integers(0, rank)))]
        if view == "wide":
            return [F.broadcast_to(x, (3, *x.shape))] if rank < 3 else []
        if not rank:
            return []
        if view == "turn and sum":
            turned = getattr(F, draw(st.sampled_from(unary)))(F.permute_dims(x, tuple(reversed(range(rank)))))
            return [F.sum(turned, axis=draw(st.integers(0, rank - 1)))]
        if view == "flip":
            return [F.flip(x, axis=draw(st.integers(0, rank - 1)))]
        if view == "join":
            return [F.concat([x, x], axis=draw(st.integers(0, rank - 1)))]
        if view == "pick":
            return [F.getitem(x, (Ellipsis, np.array([0, -1, 0])))]
        return [F.getitem(x, (Ellipsis, slice(None, None, 2)))]
    name = draw(st.sampled_from(["sum", "mean", "max", "min", "prod", "var", "logsumexp", "softmax"]))
    if name == "softmax":
        return [F.softmax(x, axis=rank - 1)] if rank else []
    axis = draw(st.sampled_from([None, *range(rank)]))
    return [getattr(F, name)(x, axis=axis, keepdims=draw(st.booleans()))]


def values_for(graph: Graph, seed: int, n: int = 5) -> list[np.ndarray[Any, Any]]:
    """Return inputs for `graph`, with `n` rows where the batch is open; zeros, ties and large numbers among them."""
    rng = np.random.default_rng(seed)
    arrays = []
    for value in graph.inputs:
        shape = tuple(d if isinstance(d, int) else d.at(n) for d in value.shape)
        array = rng.normal(0, 2, shape)
        array = np.where(rng.random(shape) < 0.2, rng.choice([0.0, -0.0, 1.0, -1.0, 30.0], shape), array)
        arrays.append(np.asarray(array, value.dtype))
    return arrays
