from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from op_cases import CASES, CONTROL, SMOOTH, WITHOUT_INPUTS, Case, each, results
from op_structure import MATRICES

from glassgrad.engines import run
from glassgrad.errors import GlassgradError
from glassgrad.graph import Arrays, check_graph, evaluate, pullback, pushforward
from glassgrad.ops import REGISTRY, Op
from glassgrad.tracing import Spec, trace

pytestmark = pytest.mark.filterwarnings(
    "ignore::glassgrad.errors.DegenerateWarning"
)  # any cotangent will do here

RECORDS = list(REGISTRY.values())
NAMES = [op.name for op in RECORDS]


@pytest.mark.parametrize("op", RECORDS, ids=NAMES)
def test_a_record_is_complete(op: Op) -> None:
    assert op.latex
    assert op.derivative
    assert op.why.en
    assert op.why.en[0].islower() or not op.why.en[0].isalpha() or op.why.en.split()[0].isupper()
    assert re.search("[가-힣]", op.why.ko)
    assert not op.why.en.endswith(".")
    assert not op.why.ko.endswith(".")
    assert (op.pull is None) == (op.push is None)
    assert (op.definition is None) == (op.lowering is None)
    assert op.numpy is not None or op.composite
    assert op.samples or op.name in CONTROL | WITHOUT_INPUTS
    if op.samples:
        op.latex.format(*"abcdefgh")
    for kink in op.kinks:
        assert kink.at
        assert kink.takes


@each(CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_dtype_are_those_of_the_result(case: Case, dtype: type) -> None:
    arrays = case.arrays(dtype)
    graph = check_graph(trace(case, *arrays))
    for output, result in zip(graph.outputs, results(case(*arrays)), strict=True):
        assert tuple(output.shape) == result.shape
        assert output.dtype == result.dtype


@each(CASES)
def test_a_traced_run_gives_the_eager_result(case: Case) -> None:
    arrays = case.arrays()
    for out, eager in zip(run(trace(case, *arrays), *arrays), results(case(*arrays)), strict=True):
        np.testing.assert_array_equal(out, eager.detach().numpy())


@each(SMOOTH)
def test_single_precision_stays_single_forward_and_backward(case: Case) -> None:
    arrays = case.arrays(np.float32)
    graph = trace(case, *arrays)
    wide = {np.dtype(np.float64), np.dtype(np.complex128)}
    double = np.dtype(case.sample.kwargs.get("dtype", np.float32)) in wide
    assert double or not any(v.dtype in wide for v in graph.outputs)
    wanted = tuple(a.dtype.kind in "fc" for a in arrays)
    back = check_graph(pullback(graph, wanted))
    assert [v.dtype for v in back.outputs] == [a.dtype for a in arrays if a.dtype.kind in "fc"]
    if not double:
        assert [n.op for n in back.nodes for v in (*n.inputs, *n.outputs) if v.dtype in wide] == []


class Checked(Arrays):
    """Arrays, each result of which must have the shape and dtype that the record's type rule foretells."""

    def bind(self, op: Op, inputs: Any, attrs: Any = None, subgraphs: Any = None) -> Any:
        result = super().bind(op, inputs, attrs, subgraphs)
        types = op.infer(*(np.asarray(x) for x in inputs), **(attrs or {}))
        typed = any(isinstance(x, (np.ndarray, np.generic)) for x in inputs) or not len(inputs)
        free = not typed or any(isinstance(x, (int, float)) for x in inputs)
        for one, (shape, dtype) in zip(results(result), types if op.several else [types], strict=True):
            assert np.shape(one) == tuple(shape), op.name
            assert free or one.dtype == dtype, op.name
        return result


@each(CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_kernel_keeps_its_types_in_all_three_graphs(case: Case, dtype: type) -> None:
    arrays = case.arrays(dtype)
    graph = trace(case, *arrays)
    graphs = [graph]
    if case in SMOOTH:
        wanted = tuple(a.dtype.kind in "fc" for a in arrays)
        graphs += [pullback(graph, wanted), pushforward(graph, wanted)]
    for one in graphs:
        more = [np.ones(v.shape, v.dtype) for v in one.inputs[len(arrays) :]]
        with np.errstate(all="ignore"):
            for out, value in zip(evaluate(Checked(), one, [*arrays, *more]), one.outputs, strict=True):
                assert out.dtype == value.dtype


FIXED_SIZE = {
    "reshape",
    "broadcast_to",
    "index_add",
    "index_put",
    "index_max",
    "index_min",
    "getitem",
    "concat",
}
"""Operations whose samples name sizes or places that a batch of open size does not have."""


@each([c for c in CASES if any(a.ndim for a in c.arrays())])
def test_the_batch_may_stay_open(case: Case) -> None:
    arrays = case.arrays()
    rank = max(a.ndim for a in arrays)
    size = next(a.shape[0] for a in arrays if a.ndim == rank)
    specs = [
        Spec(("N", *a.shape[1:]), a.dtype) if a.ndim and a.shape[0] == size else Spec(a.shape, a.dtype)
        for a in arrays
    ]
    try:
        graph = check_graph(trace(case, *specs))
    except GlassgradError:
        if case.op.name in FIXED_SIZE or case.op.name == "matmul" or (case.op.name in MATRICES and rank <= 2):
            pytest.skip("the sample is tied to its size")
        raise
    outs = run(graph, *arrays)
    for out, eager in zip(outs, results(case(*arrays)), strict=True):
        np.testing.assert_array_equal(out, eager.detach().numpy())
    if case in SMOOTH:
        wanted = tuple(a.dtype.kind in "fc" for a in arrays)
        gs = [np.ones(out.shape) for out in outs]
        open_ended = run(pullback(graph, wanted), *arrays, *gs)
        fixed = run(pullback(trace(case, *arrays), wanted), *arrays, *gs)
        for ours, theirs in zip(open_ended, fixed, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-14)
