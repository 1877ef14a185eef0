"""Every operation, compiled for every machine this one can run, gives what the interpreter gives."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
from closeness import SMOOTH, SUMS, assert_close, ulps
from drawn import FORMS, Drawn, drawn, numbers
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from wholes import whole_numbers

import glassgrad as gg
from glassgrad.engines import engine
from glassgrad.engines.auto import NotCompiledWarning
from glassgrad.engines.coverage import lacking
from glassgrad.engines.native import NativeEngine, Unsupported
from glassgrad.engines.native.codegen.target import named
from glassgrad.engines.numpy import interpret
from glassgrad.errors import GlassgradError
from glassgrad.graph import differentiate
from glassgrad.ir import Graph
from glassgrad.ops import REGISTRY, Sample
from glassgrad.tensors import T
from random_graphs import assert_same_bits

TARGETS = ("host", "avx2", "sse2")
ENGINES = {name: NativeEngine(named(name)) for name in TARGETS}

ELSEWHERE = {
    "scan": "test_graphs.py",
    "cond": "test_graphs.py",
    "call": "test_graphs.py",
    "checkpoint": "test_checkpoint.py",
    "custom": "test_custom_rules.py",
    "again": "test_checkpoint.py",
    "dimension": "test_dimension_is_the_batch below: it has a number only where the batch has one",
}
"""Operations that are not among the drawn calls, and where their tests are."""

LEFT_TO_NUMPY = {name: reason for name, op in REGISTRY.items() if (reason := lacking(op, "native"))}
"""Operations that the engine says it cannot compile, and why."""

NOT_WHOLE = {"pow"}
"""Operations of whole numbers or truth values that are left to NumPy."""

OF_WHOLE = {
    "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
}  # fmt: skip
"""Operations of whole numbers and truth values alone."""

OF_FLOATS = {"softmax_error"}
"""Operations that the gradients of others are made of, and which never meet whole numbers."""

EITHER_ZERO = {
    "clip", "cummax", "cummin", "fmax", "fmax_scalar", "fmin", "fmin_scalar", "index_max", "index_min", "max",
    "maximum", "maximum_scalar", "min", "minimum", "minimum_scalar", "relu",
}  # fmt: skip
"""Which of two equal zeros NumPy picks depends on the machine it runs on."""

ONCE = SMOOTH - {"elu", "erfc"}
"""Functions whose results differ from NumPy's by a few units in the last place and no more."""

MEASURED = {
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "elu", "erfc", "exp2",
    "gelu", "hypot", "log_softmax", "logaddexp", "logsumexp", "silu", "sinc", "sinc_slope", "softmax", "softmax_error",
    "softplus", "std", "var", "vector_norm", "xlogy",
}  # fmt: skip
"""Operations of several roundings: how far they may lie off is measured; see `closeness`."""


def test_every_record_is_tested() -> None:
    assert set(FORMS).isdisjoint(LEFT_TO_NUMPY)
    assert set(FORMS) | set(ELSEWHERE) | set(LEFT_TO_NUMPY) >= set(REGISTRY)


def native(graph: Graph, arrays: list[np.ndarray], target: str) -> list[np.ndarray]:
    return ENGINES[target].compile(graph)(*arrays)


def absolute(case: Drawn) -> list[np.ndarray]:
    """Return the operands without their signs; not the arrays that index."""
    return [np.abs(a) if i < case.operands and a.dtype.kind != "b" else a for i, a in enumerate(case.arrays)]


def in_any_order(case: Drawn) -> np.ndarray:
    """Say for each result whether no order of the terms overflows or underflows on the way; only products can."""
    if case.name != "prod":
        return np.array(True)
    sizes = absolute(case)
    (largest,) = interpret(case.graph, [np.maximum(a, a.dtype.type(1)) for a in sizes])
    (smallest,) = interpret(case.graph, [np.where((a == 0) | (a > 1), a.dtype.type(1), a) for a in sizes])
    return np.isfinite(largest) & (smallest >= np.finfo(smallest.dtype).tiny)


def check(case: Drawn, target: str) -> None:
    hold(case, native(case.graph, case.arrays, target)[0])


def hold(case: Drawn, found: np.ndarray) -> None:
    """Hold what was computed against the interpreter, by the bound of the operation's kind."""
    (expected,) = interpret(case.graph, case.arrays)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if expected.dtype.kind == "f" and case.name in MEASURED:
        assert_close(case.graph, case.arrays, [found])
    elif expected.dtype.kind == "f" and case.name in SUMS:
        (sizes,) = interpret(case.graph, absolute(case))
        about = np.finfo(expected.dtype)
        bound = case.terms * (about.eps * sizes + about.smallest_subnormal)
        off = np.where(in_any_order(case), np.abs(found - expected), 0)
        assert (off <= bound).all(), f"{off.max()} off\n{case.graph}"
    elif expected.dtype.kind == "f" and case.name in ONCE:
        assert ulps(found, expected) <= (8 if expected.dtype == np.float32 else 4)
    elif case.name in EITHER_ZERO:
        assert_same_bits([found + 0], [expected + 0], case.graph)
    else:
        assert_same_bits([found], [expected], case.graph)


def with_gradients(case: Drawn) -> Graph | None:
    """Return the graph of a loss, the operation and its gradients; None where it has none."""
    out, floats = case.graph.outputs[0], case.floats()
    if not floats or REGISTRY[case.name].pull is None or out.dtype.kind != "f":
        return None
    weights = np.asarray(np.random.default_rng(3).uniform(-1, 1, out.shape), out.dtype)

    def loss(*xs: Any) -> Any:
        y = case.f(*xs)
        return gg.sum(y * weights), y

    graph = gg.trace(loss, *(gg.Spec(a.shape, a.dtype) for a in case.arrays))
    return differentiate(graph, floats)


def check_gradients(case: Drawn, target: str) -> bool:
    graph = with_gradients(case)
    if graph is None:
        return False
    found = native(graph, case.arrays, target)
    hold(case, found[1])
    return assert_close(graph, case.arrays, found)


# --- samples -------------------------------------------------------------------------------------------------------


def of_sample(name: str, sample: Sample, dtype: Any) -> Drawn:
    rng = np.random.default_rng(7)
    arrays = []
    for one in sample.inputs:
        array = (
            rng.uniform(sample.low, sample.high, one) if isinstance(one, tuple) else one
        )  # real, all of them
        arrays.append(np.asarray(array, dtype if array.dtype.kind == "f" else array.dtype))

    def f(*inputs: Any) -> Any:
        own = getattr(T, name)
        return own(list(inputs), **sample.kwargs) if name == "concat" else own(*inputs, **sample.kwargs)

    return Drawn(name, f, arrays, max((a.size for a in arrays), default=1))


WHERE = [("float32", "host"), ("float64", "sse2"), ("float64", "host"), ("float32", "avx2")]
CASES = [(name, *where) for name in FORMS for where in WHERE[: 2 if REGISTRY[name].elementwise else None]]
"""What is elementwise has been tried for every machine by itself (see `test_elementwise`)."""


@pytest.mark.parametrize(("name", "dtype", "target"), CASES)
def test_samples(name: str, dtype: str, target: str) -> None:
    for sample in REGISTRY[name].samples:
        case = of_sample(name, sample, dtype)
        if case.complex():
            with pytest.raises(Unsupported, match="complex128"):
                native(case.graph, case.arrays, target)
        elif with_gradients(case) is None:
            check(case, target)
        else:
            assert check_gradients(case, target)


# --- drawn calls ---------------------------------------------------------------------------------------------------

ELEMENTWISE = [name for name in FORMS if REGISTRY[name].elementwise]
OTHERS = [name for name in FORMS if name not in ELEMENTWISE]

FORWARD, GRADIENT, WHOLE = 10, 5, 6
"""Examples of each operation that is not elementwise; of those that are, twelve times as many together."""

MANY = 150
"""Examples of each operation where there is time."""


def forward_of(name: str, data: Any) -> None:
    assume(name not in OF_WHOLE)
    target = data.draw(st.sampled_from(("host", "host", *TARGETS)))
    dtype = data.draw(st.sampled_from(("float32", "float64")))
    edges = name not in MEASURED | SUMS | ONCE | {"astype"}  # no whole number stands for infinity
    check(drawn(data.draw, name, dtype, edges), target)


def gradient_of(name: str, data: Any) -> None:
    assume(REGISTRY[name].pull is not None)
    target = data.draw(st.sampled_from(("host", "host", *TARGETS)))
    dtype = data.draw(st.sampled_from(("float32", "float64")))
    assume(check_gradients(drawn(data.draw, name, dtype), target))


def whole_of(name: str, data: Any) -> None:
    assume(name not in OF_FLOATS)
    dtype = data.draw(st.sampled_from(("bool", "int8", "int32", "int64", "uint8", "uint32", "uint64")))
    try:
        case = drawn(data.draw, name, dtype)
    except GlassgradError:
        return  # the record does not take this dtype
    half = case.graph.outputs[0].dtype == np.float16
    if name in NOT_WHOLE or half:
        with pytest.raises(Unsupported, match="dtype float16" if half else name):
            native(case.graph, case.arrays, "host")
    else:
        check(case, data.draw(st.sampled_from(TARGETS)))


@pytest.mark.parametrize("name", OTHERS)
@settings(max_examples=FORWARD)
@given(data=st.data())
def test_any_shapes_through_any_views(name: str, data: Any) -> None:
    forward_of(name, data)


@settings(max_examples=12 * FORWARD)
@given(name=st.sampled_from(ELEMENTWISE), data=st.data())
def test_elementwise_through_any_views(name: str, data: Any) -> None:
    forward_of(name, data)


@pytest.mark.parametrize("name", [name for name in OTHERS if REGISTRY[name].pull is not None])
@settings(max_examples=GRADIENT)
@given(data=st.data())
def test_gradients(name: str, data: Any) -> None:
    gradient_of(name, data)


@settings(max_examples=12 * GRADIENT)
@given(name=st.sampled_from(ELEMENTWISE), data=st.data())
def test_gradients_of_elementwise_operations(name: str, data: Any) -> None:
    gradient_of(name, data)


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in OF_FLOATS])
@settings(max_examples=WHOLE)
@given(data=st.data())
def test_whole_numbers_and_truth_values(name: str, data: Any) -> None:
    whole_of(name, data)


@settings(max_examples=12 * WHOLE)
@given(name=st.sampled_from(ELEMENTWISE), data=st.data())
def test_elementwise_whole_numbers_and_truth_values(name: str, data: Any) -> None:
    whole_of(name, data)


@pytest.mark.slow
@pytest.mark.parametrize("check_of", [forward_of, gradient_of, whole_of])
@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=MANY)
@given(data=st.data())
def test_many_times(name: str, check_of: Any, data: Any) -> None:
    if (check_of is not gradient_of or REGISTRY[name].pull is not None) and (
        check_of is not whole_of or name not in OF_FLOATS
    ):
        check_of(name, data)


@settings(max_examples=60)
@given(data=st.data())
def test_operands_of_two_dtypes(data: Any) -> None:
    """Numbers are converted as NumPy converts them, whatever stands beside what."""
    name = data.draw(
        st.sampled_from(("add", "multiply", "less", "equal", "maximum", "where", "concat", "matmul"))
    )
    dtypes = st.sampled_from(("float32", "float64", "int32", "int64", "uint8", "bool"))
    first, second = data.draw(dtypes), data.draw(dtypes)
    arrays = [numbers(data.draw, (3, 3), d, -2, 2, False) for d in (first, second)]
    if name == "where":
        arrays.insert(0, numbers(data.draw, (3, 3), bool, 0, 1, False))
    f = (lambda *xs: T.concat(list(xs))) if name == "concat" else getattr(T, name)
    try:
        case = Drawn(name, f, arrays, 3)
    except GlassgradError:
        return
    check(case, "host")


def test_index_add_spreads_its_values() -> None:
    x, i = np.array([[1.0], [2.0]]), np.array([2, 2])
    graph = gg.trace(
        lambda x, i: gg.xp.index_add(x, (i,), (3, 4)), *(gg.Spec(a.shape, a.dtype) for a in (x, i))
    )
    for target in TARGETS:
        assert_same_bits(native(graph, [x, i], target), interpret(graph, [x, i]))


# --- what is left to NumPy -----------------------------------------------------------------------------------------


def of_left(name: str) -> Drawn:
    """Return a call on the first real sample of a record, on a positive definite matrix where it needs one."""
    cases = [of_sample(name, sample, "float64") for sample in REGISTRY[name].samples]
    case = next((case for case in cases if not case.complex()), cases[0])
    if name == "cholesky":
        (a,) = case.arrays
        case.arrays = [a @ np.swapaxes(a, -1, -2) + np.eye(a.shape[-1])]
    return case


@pytest.mark.parametrize("name", LEFT_TO_NUMPY)
def test_what_is_left_runs_with_numpy_and_is_named_once(name: str) -> None:
    case = of_left(name)
    program = engine("native").compile(case.graph)
    with pytest.warns(
        NotCompiledWarning, match=re.escape(f"does not compile {LEFT_TO_NUMPY[name]}")
    ) as caught:
        found = program(*case.arrays)
    assert len(caught) == 1
    assert_same_bits(found, interpret(case.graph, case.arrays))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same_bits(program(*case.arrays), found)


def test_complex_numbers_run_with_numpy_and_are_named_once() -> None:
    x = np.array([1 + 2j, -0.5j])

    def size(x: Any) -> Any:
        return gg.sum(gg.real(gg.exp(x) * gg.conj(x)))

    fast, slope = gg.compile(size), gg.compile(gg.grad(size))
    for f, plain in ((fast, size), (slope, gg.grad(size))):
        with pytest.warns(NotCompiledWarning, match="does not compile dtype complex128") as caught:
            found = f(x)
        assert len(caught) == 1
        np.testing.assert_allclose(found, plain(x), rtol=1e-15)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            f(x)


def test_a_compiled_function_of_something_left_is_differentiable() -> None:
    x = np.array([[2.0, 0.5], [1.0, 3.0]])

    def volume(x: Any) -> Any:
        return gg.sum(gg.xp.linalg.svdvals(x) * gg.relu(x[0]))

    fast = gg.compile(volume)
    with pytest.warns(NotCompiledWarning, match="does not compile the operation 'svd"):
        np.testing.assert_allclose(gg.grad(fast)(x), gg.grad(volume)(x), rtol=1e-12)


EMPTY = {
    "an input": (lambda x: x * 2.0, (0, 3)),
    "a slice": (lambda x: x[2:2] + 1.0, (3,)),
    "a sum of nothing": (lambda x: gg.sum(x, axis=0), (0, 3)),
    "a sum of a slice": (lambda x: gg.sum(x[2:2]), (3,)),
    "a product over nothing": (lambda x: x @ gg.permute_dims(x, (1, 0)), (3, 0)),
    "a product over a slice": (lambda x: x[:, :0] @ x[:0], (3, 3)),
    "a result": (lambda x: (x * 2.0, x[2:2]), (3,)),
    "a running sum": (lambda x: (x * 2.0, gg.cumulative_sum(x[2:2])), (3,)),
}


@pytest.mark.parametrize("what", EMPTY)
def test_arrays_without_elements_run_with_numpy(what: str) -> None:
    f, shape = EMPTY[what]
    graph, x = gg.trace(f, gg.Spec(shape)), np.ones(shape)
    with pytest.raises(Unsupported, match="arrays without elements"):
        NativeEngine().compile(graph)(x)
    program = engine("native").compile(graph)
    with pytest.warns(NotCompiledWarning, match="arrays without elements") as caught:
        found = program(x)
    assert len(caught) == 1
    assert_same_bits(found, interpret(graph, [x]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same_bits(program(x), found)


def test_parts_without_elements_are_left_out() -> None:
    """As they are in the gradient of a product of one factor."""
    x = whole_numbers((2, 3), 0)
    graph = gg.trace(lambda x: gg.concat([x[1:1], x, x[:0]]), gg.Spec((2, 3), "int64"))
    assert_same_bits(native(graph, [x], "host"), interpret(graph, [x]))


def test_dimension_is_the_batch() -> None:
    graph = gg.trace(lambda x: gg.sum(x, axis=0) / gg.xp.dimension(x.shape[0], x.dtype), gg.Spec(("N", 3)))
    assert "dimension" in {node.op for node in graph.nodes}
    program = NativeEngine().compile(graph)
    for rows in (1, 2, 7):
        x = np.arange(rows * 3.0).reshape(rows, 3)
        assert_same_bits(program(x), interpret(graph, [x]))


@pytest.mark.parametrize("bad", [3, -4, 1 << 40, -(1 << 62)])
@pytest.mark.parametrize("name", ["getitem", "index_add", "index_max", "index_put"])
def test_an_index_out_of_range_is_named(name: str, bad: int) -> None:
    def f(x: Any, i: Any) -> Any:
        if name == "getitem":
            return x[i]
        return T.index_put(x, 1.0, i) if name == "index_put" else getattr(T, name)(x[:2], (i,), (3, 4))

    graph = gg.trace(f, gg.Spec((3, 4)), gg.Spec((2,), np.int64))
    x, program = np.ones((3, 4)), NativeEngine().compile(graph)
    with pytest.raises(GlassgradError, match=rf"^{name}: index {bad} is out of range for an axis of size 3$"):
        program(x, np.array([1, bad]))
    assert_same_bits(program(x, np.array([-3, 2])), interpret(graph, [x, np.array([-3, 2])]))


@pytest.mark.parametrize("f", [gg.xp.segment_sum, gg.xp.segment_max, gg.xp.segment_min])
def test_segments_are_gathered_and_their_labels_checked(f: Any) -> None:
    graph = gg.trace(lambda x, i: f(x, i, 3), gg.Spec((4, 5)), gg.Spec((4,), np.int64))
    x, i = np.arange(20.0).reshape(4, 5), np.array([2, 0, 2, 0])
    program = NativeEngine().compile(graph)
    assert_same_bits(program(x, i), interpret(graph, [x, i]))
    for bad in (-1, 3):
        with pytest.raises(GlassgradError, match=f"label {bad} is out of range"):
            program(x, np.array([0, 1, bad, 2]))


def test_what_is_put_twice_stays_as_it_was_put_last() -> None:
    x, i, values = np.zeros(9), np.array([3, 3, 0, 3]), np.arange(4.0)
    graph = gg.trace(lambda x, v: gg.xp.index_set(x, i, v), gg.Spec((9,)), gg.Spec((4,)))
    for target in TARGETS:
        (found,) = native(graph, [x, values], target)
        np.testing.assert_array_equal(found, [2, 0, 0, 3, 0, 0, 0, 0, 0])
