"""Tracing leaves the graph that the function's operations are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines.numpy import interpret
from glassgrad.errors import DTypeError, OptionError, ShapeError, TraceError
from glassgrad.graph.builder import active_builder
from glassgrad.graph.types import check_graph
from glassgrad.ir import BATCH, Constant


def test_inputs_are_named_after_the_parameters() -> None:
    graph = gg.trace(
        lambda x, params: x @ params["w"], gg.Spec(("N", 2)), {"w": gg.Spec((2, 3)), "b": gg.Spec((3,))}
    )
    assert [v.name for v in graph.inputs] == ["x", "params_0", "params_1"]
    assert [v.shape for v in graph.inputs] == [(BATCH, 2), (2, 3), (3,)]
    assert graph.outputs[0].shape == (BATCH, 3)
    assert graph.name == "lambda"
    assert gg.trace(lambda *xs: xs[0] + xs[1], gg.Spec(()), gg.Spec(())).inputs[1].name == "x1"


def test_arrays_and_tensors_are_examples() -> None:
    graph = gg.trace(lambda x, y, z: x + y + z, np.zeros(3, np.float32), gg.tensor([1.0, 2.0, 3.0]), 1.0)
    assert [(v.shape, v.dtype.name) for v in graph.inputs] == [
        ((3,), "float32"),
        ((3,), "float64"),
        ((), "float64"),
    ]


def test_float32_stays_float32() -> None:
    def f(x: Any) -> Any:
        return gg.mean(gg.gelu(x * 2.0 + 1) ** 2 / 3) + gg.std(x) - gg.logsumexp(gg.maximum(x, 0.5))

    graph = check_graph(gg.differentiate(gg.trace(f, gg.Spec(("N", 3), "float32"))))
    assert {v.dtype.name for node in graph.nodes for v in node.outputs} <= {"float32", "bool"}


def test_what_is_closed_over_is_a_constant() -> None:
    w = gg.tensor([1.0, 2.0], requires_grad=True)
    graph = gg.trace(lambda x: x * w, gg.Spec((2,)))
    assert len(graph.inputs) == 1
    (constant,) = graph.constants()
    assert constant.array.tolist() == [1.0, 2.0]


def test_results_keep_their_order_whatever_they_are() -> None:
    graph = gg.trace(lambda x: {"same": x, "number": 2.0, "twice": [x, x + 1.0]}, gg.Spec((2,)))
    assert graph.outputs[0] is graph.inputs[0] is graph.outputs[2]
    assert isinstance(graph.outputs[1], Constant)
    found = interpret(graph, [[1.0, 2.0]])
    assert [f.tolist() for f in found] == [[1.0, 2.0], 2.0, [1.0, 2.0], [2.0, 3.0]]


def test_python_runs_once() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        for _ in range(3):
            x = x * x
        return x

    graph = gg.trace(f, gg.Spec(()))
    assert len(graph.nodes) == 3
    interpret(graph, [2.0])
    assert calls == [1]


@pytest.mark.parametrize(
    "ask",
    [
        float,
        int,
        bool,
        np.asarray,
        lambda x: x.item(),
        lambda x: x.tolist(),
        lambda x: np.ones(2) @ x.numpy(),
    ],
)
def test_asking_for_numbers_raises(ask: Any) -> None:
    with pytest.raises((TraceError, TypeError)) as caught:
        gg.trace(lambda x: ask(x), gg.Spec((2,)))
    if ask is not np.sin:  # NumPy refuses before it asks
        assert "traced" in str(caught.value)


def test_going_through_an_open_batch_raises() -> None:
    with pytest.raises(TraceError, match="N is open"):
        gg.trace(lambda x: list(x), gg.Spec(("N", 2)))
    assert len(gg.trace(lambda x: [row * 1.0 for row in x], gg.Spec((3, "N"))).outputs) == 3


def test_a_traced_value_that_escapes_is_answered() -> None:
    kept: list[Any] = []
    gg.trace(lambda x: kept.append(x) or x, gg.Spec((2,)), name="first")
    for use in (
        lambda: kept[0] + 1.0,
        lambda: gg.trace(lambda y: y * kept[0], gg.Spec((2,))),
        lambda: float(kept[0]),
    ):
        with pytest.raises(TraceError, match=r"'first', which is finished"):
            use()


def test_a_graph_inside_a_trace_cannot_depend_on_it() -> None:
    def f(x: Any) -> Any:
        inner = gg.trace(lambda y: y * x, gg.Spec((2,)))
        return x * len(inner.nodes)

    with pytest.raises(TraceError, match="Pass it as an argument"):
        gg.trace(f, gg.Spec((2,)))
    graph = gg.trace(lambda x: x * float(len(gg.trace(lambda y: y * y, gg.Spec((2,))).nodes)), gg.Spec((2,)))
    assert len(graph.inputs) == 1


def test_an_error_leaves_no_builder_at_work() -> None:
    with pytest.raises(ZeroDivisionError):
        gg.trace(lambda x: 1 / 0, gg.Spec((2,)))
    assert active_builder() is None
    assert (gg.tensor(2.0) * 3.0).item() == 6.0


def test_errors_name_the_line_and_the_scope() -> None:
    def f(x: Any) -> Any:
        with gg.scope("layer1"):
            return x @ x

    line = f.__code__.co_firstlineno + 2
    with pytest.raises(
        ShapeError, match=rf"\(N, 3\) @ \(N, 3\)(.|\n)*matmul in layer1, at .*test_trace.py:{line}"
    ):
        gg.trace(f, gg.Spec(("N", 3)))
    with pytest.raises(DTypeError, match="subtract does not take bool, bool"):
        gg.trace(lambda x: x - x, gg.Spec((2,), bool))


def test_spec() -> None:
    assert gg.Spec(("N", 3), "float32") == gg.Spec((BATCH, 3), np.float32)
    with pytest.raises(OptionError, match="'N', not 'M'"):
        gg.Spec(("M", 3))


def test_a_trace_records_under_no_grad() -> None:
    with gg.no_grad():
        graph = gg.trace(lambda x: gg.grad(lambda t: gg.sum(t * t))(x), gg.Spec((2,)))
    assert interpret(graph, [[1.0, 2.0]])[0].tolist() == [2.0, 4.0]


def test_examples_must_fit_the_function() -> None:
    with pytest.raises(OptionError, match=r"takes \(a, b\), but trace was given 1 example.*missing.*'b'"):
        gg.trace(lambda a, b: a + b, gg.Spec((3,)))
    with pytest.raises(OptionError, match=r"write gg\.Spec\(\(3,\)\)"):
        gg.trace(lambda a: a, (3,))


def test_a_run_takes_every_input() -> None:
    graph = gg.trace(lambda a, b: a + b, 1.0, 2.0)
    assert gg.run(graph, 1.0, 2.0) == [3.0]
    with pytest.raises(ShapeError, match=r"2 input\(s\) \(a, b\), but was given 1"):
        gg.run(graph, 1.0)


def test_a_question_about_a_traced_value_names_its_type_and_the_line() -> None:
    with pytest.raises(TraceError, match=r"this value \(bool\[\]\)[\s\S]*test_trace\.py:\d+"):
        gg.trace(lambda x: x if x > 0.0 else -x, gg.Spec(()))
