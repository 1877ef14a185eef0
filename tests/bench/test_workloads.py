"""The workloads: their arithmetic is that of the graph, and everything follows from the seed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from glassgrad.bench.peers.glassgrad_peer import Glassgrad
from glassgrad.bench.scaling import BASE, KINDS
from glassgrad.bench.workloads import WORKLOADS, find
from glassgrad.errors import OptionError


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_operations_counted_are_those_of_the_traced_step(name: str) -> None:
    workload = replace(find(name), rows=max(find(name).batch, 4))
    graph = Glassgrad().build(workload).step.graph
    counted = 0
    for node in graph.nodes:
        if node.op in ("matmul", "linear"):
            sizes = [workload.batch if not isinstance(n, int) else n for n in node.outputs[0].shape]
            inner = node.inputs[0].shape[-1]
            counted += 2 * math.prod(sizes) * (inner if isinstance(inner, int) else workload.batch)
    assert counted == workload.flops


@pytest.mark.parametrize("name", WORKLOADS)
def test_data_weights_and_order_follow_from_the_seed(name: str) -> None:
    workload = replace(find(name), rows=min(find(name).rows, 1000), order_steps=40)
    for a, b in zip(workload.data(), replace(workload, check_steps=1).data(), strict=True):
        np.testing.assert_array_equal(a, b)
    x, y = workload.data()
    assert x.shape == (workload.rows, workload.sizes[0])
    assert x.dtype == workload.dtype
    expected = (workload.rows,) if workload.loss == "cross_entropy" else (workload.rows, workload.sizes[-1])
    assert y.shape == expected
    order = workload.order()
    assert order.shape == (40, workload.batch)
    epochs = order.reshape(-1)[: order.size // workload.rows * workload.rows].reshape(-1, workload.rows)
    assert all(set(epoch) == set(range(workload.rows)) for epoch in epochs)
    assert [w.shape for w, _ in workload.weights()] == list(
        zip(workload.sizes, workload.sizes[1:], strict=False)
    )


def test_an_unknown_workload_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"there is no workload 'W33'\. Did you mean 'W3'"):
        find("W33")


@pytest.mark.parametrize("kind", KINDS)
def test_one_dimension_grows_and_nothing_else(kind: str) -> None:
    scale = KINDS[kind]
    workloads = scale.workloads()
    assert list(workloads) == sorted(scale.values)
    assert scale.values[-1] / scale.values[0] >= (100 if kind == "depth" else 1000)
    measured = {
        "batch": lambda w: w.batch,
        "width": lambda w: w.sizes[1],
        "depth": lambda w: len(w.sizes) - 2,
        "rows": lambda w: w.rows,
    }
    for value, workload in workloads.items():
        for other, measure in measured.items():
            assert measure(workload) == (value if other == kind else measure(BASE))
        assert set(workload.sizes[1:-1]) == {workload.sizes[1]}
        assert (workload.sizes[0], workload.sizes[-1]) == (BASE.sizes[0], BASE.sizes[-1])
