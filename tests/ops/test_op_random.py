from __future__ import annotations

import numpy as np
import pytest

from glassgrad.engines import run
from glassgrad.errors import DTypeError, ShapeError
from glassgrad.graph import batch_graph
from glassgrad.philox import uniform
from glassgrad.tensors import T
from glassgrad.tracing import Spec, trace


def draw(seed: int, step: int, rows: list[int], node: int = 4) -> np.ndarray:
    out = T.random_uniform(seed, step, np.array(rows), node=node, shape=(2, 3), dtype=np.float64)
    return out.numpy()  # type: ignore[no-any-return]


def test_numbers_are_those_of_the_generator() -> None:
    expected = uniform(7, node=4, step=2, rows=np.array([5, 1]), elements=6, dtype=np.float64)
    np.testing.assert_array_equal(draw(7, 2, [5, 1]), expected.reshape(2, 2, 3))


def test_a_row_draws_the_same_in_any_batch_and_anew_each_step() -> None:
    np.testing.assert_array_equal(draw(7, 2, [0, 1, 2, 3])[2:], draw(7, 2, [2, 3]))
    for other in (draw(7, 3, [0]), draw(8, 2, [0]), draw(7, 2, [1]), draw(7, 2, [0], node=5)):
        assert not np.isin(other, draw(7, 2, [0])).any()


def test_one_graph_draws_for_every_step_seed_and_batch() -> None:
    graph = trace(
        lambda seed, step, rows: T.random_uniform(seed, step, rows, node=4, shape=(2, 3), dtype=np.float64),
        Spec((), "int64"), Spec((), "int64"), Spec(("N",), "int64"),
    )  # fmt: skip
    for seed, step, rows in ((7, 2, [0, 1, 2]), (9, 5, [4])):
        np.testing.assert_array_equal(run(graph, seed, step, rows)[0], draw(seed, step, rows))
    ensemble = run(batch_graph(graph_of_three(), (True, False, False), 2), np.array([7, 9]), 2, np.arange(3))[
        0
    ]
    np.testing.assert_array_equal(ensemble, [draw(7, 2, [0, 1, 2]), draw(9, 2, [0, 1, 2])])


def graph_of_three() -> object:
    return trace(
        lambda seed, step, rows: T.random_uniform(seed, step, rows, node=4, shape=(2, 3), dtype=np.float64),
        Spec((), "int64"), Spec((), "int64"), Spec((3,), "int64"),
    )  # fmt: skip


def test_negative_seeds_are_seeds() -> None:
    assert np.isfinite(draw(-1, 0, [0])).all()


def test_wrong_inputs_say_so() -> None:
    with pytest.raises(ShapeError, match=r"shape \(n,\)"):
        T.random_uniform(0, 0, np.array(3), node=0, shape=())
    with pytest.raises(DTypeError, match="integers"):
        T.random_uniform(0, 0, np.array([0.5]), node=0, shape=())
