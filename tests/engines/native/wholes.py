"""Random graphs of whole numbers.

Whole numbers overflow without losing anything, so that sums and products come out the same in whatever order they are
computed: two ways of running such a graph agree to the last bit, or one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from glassgrad.errors import GlassgradError
from glassgrad.graph.builder import Builder, Traced
from glassgrad.graph.types import check_graph
from glassgrad.ir import BATCH, Graph

Draw = Callable[..., Any]

SIZES = (1, 2, 3, 5, 9, 17)
INT = np.dtype(np.int64)


def grow(draw: Draw, F: Builder, pool: list[Traced], steps: int) -> None:
    """Add what up to `steps` operations on values of the pool give to the pool; those that do not fit are left out."""
    for _ in range(steps):
        x, y = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        try:
            pool += draw(st.sampled_from(KINDS))(draw, F, x, y)
        except GlassgradError:
            continue


def _binary(draw: Draw, F: Builder, x: Traced, y: Traced) -> list[Traced]:
    return [getattr(F, draw(st.sampled_from(("add", "subtract", "multiply", "maximum", "minimum"))))(x, y)]


def _unary(draw: Draw, F: Builder, x: Traced, y: Traced) -> list[Traced]:
    return [getattr(F, draw(st.sampled_from(("negative", "abs", "square", "sign"))))(x)]


def _number(draw: Draw, F: Builder, x: Traced, y: Traced) -> list[Traced]:
    return [getattr(F, draw(st.sampled_from(("add", "multiply", "maximum"))))(x, draw(st.integers(-3, 3)))]


def _choice(draw: Draw, F: Builder, x: Traced, y: Traced) -> list[Traced]:
    return [F.where(F.less(x, y), x, F.subtract(y, 1))]


def _product(draw: Draw, F: Builder, x: Traced, y: Traced) -> list[Traced]:
    y = F.matrix_transpose(y) if draw(st.booleans()) and len(y.shape) > 1 else y
    return [F.matmul(x, y)]


def _reduced(draw: Draw, F: Builder, x: Traced, y: Traced) -> list[Traced]:
    axes = tuple(a for a in range(len(x.shape)) if draw(st.booleans()))
    name = draw(st.sampled_from(("sum", "sum", "max", "min", "prod")))
    kept = getattr(F, name)(x, axis=axes, keepdims=True)
    return [kept, F.subtract(x, kept), getattr(F, name)(x, axis=axes)]


def _seen(draw: Draw, F: Builder, x: Traced, y: Traced) -> list[Traced]:
    rank = len(x.shape)
    kind = draw(st.sampled_from(("turn", "flat", "grow", "flip", "slice", "wide", "half")))
    if kind == "turn":
        return [F.permute_dims(x, tuple(draw(st.permutations(range(rank)))))]
    if kind == "flat":
        return [F.reshape(x, (-1,)), F.reshape(F.reshape(x, (-1,)), x.shape)]
    if kind == "grow":
        return [F.expand_dims(x, draw(st.integers(0, rank)))]
    if kind == "wide" and rank < 3:
        return [F.broadcast_to(x, (3, *x.shape))]
    if not rank:
        return []
    if kind == "flip":
        return [F.flip(x, axis=draw(st.integers(0, rank - 1)))]
    if kind == "half" and x.shape[-1] != 1:
        return [F.getitem(x, (Ellipsis, slice(1, None))), F.getitem(x, (Ellipsis, 0))]
    return [F.getitem(x, (Ellipsis, slice(None, None, 2)))]


def _picked(draw: Draw, F: Builder, x: Traced, y: Traced) -> list[Traced]:
    if not x.shape:
        return []
    rows = F.getitem(x, (Ellipsis, np.array([0, -1, 0])))
    return [rows, F.index_add(rows, (Ellipsis, np.array([0, -1, 0])), x.shape)]


def _joined(draw: Draw, F: Builder, x: Traced, y: Traced) -> list[Traced]:
    axis = draw(st.integers(0, 2))
    return [F.concat([x, y], axis=axis), F.cumulative_sum(x, axis=axis)]


KINDS = (
    _binary,
    _binary,
    _binary,
    _unary,
    _number,
    _choice,
    _product,
    _product,
    _reduced,
    _seen,
    _seen,
    _picked,
    _joined,
)


@st.composite
def whole_graphs(draw: Draw, *, steps: int = 14, symbolic: bool = False) -> Graph:
    """Draw a graph of whole numbers; with the batch as the first axis of its inputs where `symbolic`."""
    F = Builder("wholes")
    lead = (BATCH,) if symbolic else ()
    pool = []
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.lists(st.sampled_from(SIZES), max_size=2 if symbolic else 3))
        pool.append(F.input((*lead, *shape), INT))
    with F.active():
        grow(draw, F, pool, draw(st.integers(3, steps)))
        outputs = [draw(st.sampled_from(pool)) for _ in range(draw(st.integers(1, 4)))]
    return check_graph(F.finish([*outputs, pool[-1]]))


@st.composite
def whole_steps(draw: Draw, *, steps: int = 12) -> tuple[Graph, int]:
    """Draw a training step of whole numbers, and how many pieces of state it has.

    After the state its inputs are rows of shape (N, 3) and one number that stays the same. A piece of state may stay as
    it is, take another's place, or follow from any others, earlier or later in the order.
    """
    F = Builder("step")
    shapes = draw(
        st.lists(st.sampled_from(((5, 3), (5, 3), (3, 5), (3,), (5, 1), ())), min_size=1, max_size=4)
    )
    state = [F.input(s, INT) for s in shapes]
    rows, fixed = F.input((BATCH, 3), INT), F.input((), INT)
    pool = [*state, rows, fixed, F.multiply(fixed, 2)]
    with F.active():
        grow(draw, F, pool, draw(st.integers(3, steps)))
        after = [_following(draw, F, one, pool) for one in state]
        report = F.sum(draw(st.sampled_from(pool)))
    return check_graph(F.finish([*after, report])), len(state)


def _following(draw: Draw, F: Builder, old: Traced, pool: Sequence[Traced]) -> Traced:
    same = [v for v in pool if tuple(v.shape) == tuple(old.shape)]
    if draw(st.booleans()):
        return draw(st.sampled_from(same))
    return F.subtract(
        draw(st.sampled_from(same)), draw(st.sampled_from([*same, F.sum(draw(st.sampled_from(pool)))]))
    )


def whole_numbers(shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(-5, 5, shape, endpoint=True)
