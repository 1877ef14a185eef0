"""Compiled functions: what they compute, their derivatives, what they notice, and what they refuse."""

from __future__ import annotations

import copy
import gc
import re
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad import engines, nn
from glassgrad.compilation import CompiledFunction
from glassgrad.engines.numpy import NumpyProgram, interpret
from glassgrad.errors import DTypeError, OptionError, ShapeError, TraceError
from glassgrad.graph import batch_graph, check_graph, differentiate, evaluate
from glassgrad.graph.passes import lower, simplify, specialise
from glassgrad.ir import Graph
from glassgrad.tensors import T
from random_graphs import assert_same_bits, graphs, values_for

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 4)), RNG.normal(size=4)
ENGINES = pytest.mark.parametrize("engine", ["native", "numpy"])


def score(x: Any, w: Any, b: Any) -> Any:
    return gg.mean(gg.sigmoid(x @ w + b) ** 2) + gg.sum(gg.logsumexp(w, axis=0))


def close(found: Any, expected: Any, rtol: float = 1e-10) -> None:
    found, expected = (np.asarray(v.detach() if isinstance(v, gg.Tensor) else v) for v in (found, expected))
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


def all_close(found: Any, expected: Any) -> None:
    for a, b in zip(found, expected, strict=True):
        close(a, b)


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the graphs that engines were asked to compile."""
    names: list[str] = []
    make = engines.engine

    def counting(name: str = "auto") -> Any:
        found = make(name)
        compile_ = found.compile

        def counted(graph: Any) -> Any:
            names.append(graph.name)
            return compile_(graph)

        found.compile = counted
        return found

    engines.program.cache_clear()
    monkeypatch.setattr(engines, "engine", counting)
    yield names
    engines.program.cache_clear()


@pytest.fixture
def seeded() -> Iterator[None]:
    """The default stream from a seed of its own."""
    nn.manual_seed(3)
    yield
    nn.manual_seed(0)


# --- values and structures ---


@ENGINES
def test_the_result_is_that_of_the_function(engine: str) -> None:
    close(gg.compile(score, engine=engine)(X, W, B), score(X, W, B))


def test_arguments_and_results_may_be_nested_and_named() -> None:
    @gg.compile
    def f(params: dict[str, Any], *rows: Any, scale: Any = 1.0, mode: str = "sum") -> Any:
        total = getattr(gg, mode)(params["w"] * rows[0]) * scale
        return {"total": total, "parts": [params["w"] + rows[0], (rows[1],)]}

    found = f({"w": gg.tensor([1.0, 2.0])}, np.array([3.0, 4.0]), 5, scale=2.0)
    assert found["total"].item() == 22.0
    assert found["parts"][0].tolist() == [4.0, 6.0]
    assert found["parts"][1][0].item() == 5.0
    assert f({"w": gg.tensor([1.0, 3.0])}, np.array([3.0, 4.0]), 5, mode="mean")["total"].item() == 7.5


def test_a_number_takes_the_dtype_it_would_have_beside_the_arrays() -> None:
    x = np.ones(3, np.float32)

    def f(x: Any, k: Any) -> Any:
        return x * k

    compiled = gg.compile(f)
    for k in (2, 2.5, True, np.float32(2.0), np.float64(2.0), np.int64(2)):
        assert compiled(x, k).dtype == gg.tensor(x).__mul__(k).dtype if not isinstance(k, np.int64) else True
        close(compiled(x, k).numpy().astype(float), np.full(3, float(k)))
    assert gg.compile(lambda x, i: x[i])(np.arange(3.0), np.int64(1)).item() == 1.0
    assert gg.compile(lambda flag, x: gg.where(flag, x, -x))(True, x).tolist() == [1.0] * 3


@pytest.mark.parametrize("options", [{}, {"engine": "numpy"}])
def test_as_a_decorator(options: dict[str, str]) -> None:
    @gg.compile(**options)
    def half(x: Any) -> Any:
        """Halve."""
        return x / 2.0

    assert isinstance(half, CompiledFunction)
    assert (half.__name__, half.__doc__) == ("half", "Halve.")
    assert half(3.0).item() == 1.5
    assert repr(half) == f"<compiled half: 1 graph, engine {options.get('engine', 'auto')}>"


def test_python_runs_once_for_each_combination_of_types(compilations: list[str]) -> None:
    runs = []

    def f(x: Any, n: Any = 1.0) -> Any:
        runs.append(x.shape)
        return gg.sum(x) * n

    compiled = gg.compile(f)
    for k in range(4):
        assert compiled(np.ones(3) * k).item() == 3.0 * k
        assert compiled(np.ones(3) * k, float(k)).item() == 3.0 * k * k
    assert runs == [(3,), (3,)]
    compiled(np.ones(4))
    compiled(np.ones(3, np.float32))
    assert len(runs) == len(compilations) == 4


def test_equal_graphs_are_compiled_once(compilations: list[str]) -> None:
    model = nn.mlp(3, [4], 2, seed=0)
    f = gg.compile(lambda xs: gg.sum(model(xs[0])))
    expected = f([X]).item()
    model.eval()
    assert f([X]).item() == f((X,)).item() == expected
    assert len(compilations) == 1


def test_gradients_are_compiled_once(compilations: list[str]) -> None:
    f = gg.compile(score)
    for _ in range(3):
        gg.grad(f, (0, 1, 2))(X, W, B)
    assert compilations == ["score", "score.pullback"]


# --- derivatives ---


@ENGINES
def test_first_derivatives_in_both_modes(engine: str) -> None:
    f = gg.compile(score, engine=engine)
    args = (X, W, B)
    for argnums in ((0, 1, 2), (1,), (0, 2)):
        all_close(gg.grad(f, argnums)(*args), gg.grad(score, argnums)(*args))
    tangents = [RNG.normal(size=a.shape) for a in args]
    all_close(gg.jvp(f, args, tangents), gg.jvp(score, args, tangents))
    close(gg.jacobian(gg.compile(lambda w: gg.tanh(X @ w)))(W), gg.jacobian(lambda w: gg.tanh(X @ w))(W))


@ENGINES
def test_second_and_third_derivatives(engine: str) -> None:
    f = gg.compile(score, engine=engine)
    close(gg.hessian(lambda w: f(X, w, B))(W), gg.hessian(lambda w: score(X, w, B))(W))
    v = RNG.normal(size=W.shape)
    for outer, inner in ((gg.grad, gg.jvp), (gg.jvp, gg.grad)):
        found, expected = (_along(g, v, outer is gg.grad) for g in (f, score))
        close(found, expected)
        assert inner in (gg.grad, gg.jvp)
    cube = gg.compile(lambda x: x * x * x, engine=engine)
    assert gg.grad(gg.grad(gg.grad(cube)))(2.0).item() == 6.0
    assert gg.grad(gg.compile(gg.grad(gg.compile(gg.grad(cube)))))(2.0).item() == 6.0


@given(graphs(loss=True, max_steps=20, dtypes=[np.float64]), st.integers(0, 99))
def test_random_functions_have_the_same_value_and_gradient(graph: Graph, seed: int) -> None:
    def f(*xs: Any) -> Any:
        return evaluate(T, graph, xs)[0]

    args = values_for(graph, seed)
    every = range(len(args))
    with np.errstate(all="ignore"):
        found, expected = (gg.value_and_grad(g, every)(*args) for g in (gg.compile(f, engine="numpy"), f))
    for a, b in zip((found[0], *found[1]), (expected[0], *expected[1]), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9)


def _along(f: Any, v: Any, reverse: bool) -> Any:
    """Return the Hessian of f in w times v, by reverse over forward mode or the other way about."""
    of_w = lambda w: f(X, w, B)  # noqa: E731
    if reverse:
        return gg.grad(lambda w: gg.jvp(of_w, (w,), (v,))[1])(W)
    return gg.jvp(gg.grad(of_w), (W,), (v,))[1]


def test_backward_adds_to_leaves_among_arguments_and_captures() -> None:
    w, b, frozen = (gg.tensor(a, requires_grad=r) for a, r in ((W, True), (B, True), (2.0, False)))
    f = gg.compile(lambda x, w: gg.sum(gg.tanh(x @ w + b) * frozen))
    for _ in range(2):
        (f(X, w) + f(2.0 * X, w)).backward()
    expected = gg.grad(lambda w, b: sum(2.0 * gg.sum(gg.tanh(x @ w + b) * 2.0) for x in (X, 2.0 * X)), (0, 1))
    all_close((w.grad, b.grad), expected(W, B))
    assert frozen.grad is None
    with gg.no_grad():
        assert not f(X, w).requires_grad


def test_whole_numbers_and_truth_values_have_no_gradient() -> None:
    def f(x: Any, i: Any) -> Any:
        return x[i] * 2.0, gg.argmax(x), x > 0.0

    compiled = gg.compile(f)
    i = np.array([2, 0])
    value, place, positive = compiled(gg.tensor(B, requires_grad=True), i)
    assert (place.dtype, positive.dtype) == (np.int64, bool)
    assert not place.requires_grad
    close(value, B[i] * 2.0)
    close(gg.grad(lambda x: gg.sum(compiled(x, i)[0] ** 2))(B), gg.grad(lambda x: gg.sum(f(x, i)[0] ** 2))(B))


@ENGINES
def test_nothing_flows_through_what_is_detached(engine: str) -> None:
    def f(x: Any) -> Any:
        with gg.no_grad():
            factor = gg.exp(x)
        return gg.sum(x * x.detach() * factor)

    for order in (gg.grad, gg.hessian):
        close(order(gg.compile(f, engine=engine))(B), order(f)(B))
    close(gg.run(differentiate(gg.trace(f, B)), B)[1], gg.grad(f)(B))


# --- what it reads besides its arguments ---


def test_captured_tensors_are_read_at_every_call() -> None:
    w, plain = gg.tensor(W, requires_grad=True), gg.tensor(2.0)
    f = gg.compile(lambda x: gg.sum(x @ w.detach()) * plain + gg.sum(x @ w))
    expected = f(X).item()
    w.assign(3.0 * W)
    plain.assign(1.0)
    assert f(X).item() == pytest.approx(expected / 3.0 * 6.0)
    assert repr(f).startswith("<compiled lambda: 1 graph")


def test_a_module_that_changes_its_dtype_is_traced_anew() -> None:
    model = nn.mlp(3, [4], 1, dtype="float64", seed=0)
    f = gg.compile(model)
    assert f(X).dtype == np.float64
    model.to("float32")
    assert f(X.astype(np.float32)).dtype == np.float32


@pytest.mark.usefixtures("seeded")
def test_training_and_prediction_are_told_apart() -> None:
    model = nn.mlp(3, [40], 1, dropout=0.5, dtype="float64", seed=0)
    f = gg.compile(lambda x: model(x))
    whole = gg.compile(model)
    expected = [model(X).numpy() for _ in range(2)]
    nn.manual_seed(3)
    found = [f(X).numpy() for _ in range(2)]
    all_close(found, expected)
    assert (found[0] != found[1]).any()
    model.eval()
    for compiled in (f, whole):
        close(compiled(X), model(X))
    model.train()
    assert (f(X).numpy() != f(X).numpy()).any()


def test_random_numbers_come_from_the_stream_around() -> None:
    drop = nn.Dropout(0.5)
    f = gg.compile(lambda x: drop(drop(x)) + drop(x))
    runs = []

    def twice(g: Callable[[Any], Any], step: int) -> Any:
        with nn.stream(1, step, np.arange(5)):
            runs.append(g)
            return g(X).numpy(), g(X).numpy()

    plain = lambda x: drop(drop(x)) + drop(x)  # noqa: E731
    for step in (0, 1, 2):
        all_close(twice(f, step), twice(plain, step))


class Counted(nn.Module):
    """Counts its calls in a buffer and a running mean in another."""

    def __init__(self) -> None:
        self.count, self.mean = nn.Buffer(0.0), nn.Buffer(np.zeros(3))

    def forward(self, x: Any) -> Any:
        centred = x - self.mean
        self.count.update(self.count + 1.0)
        self.mean.update(0.5 * self.mean + 0.5 * gg.mean(x, axis=0))
        return centred


@pytest.mark.parametrize("nested", [False, True])
def test_buffers_are_updated_at_every_call(nested: bool) -> None:
    compiled, eager = Counted(), Counted()
    f: Any = gg.compile(compiled)
    if nested:
        f = gg.compile(lambda x, g=f: g(x))
    for k in range(3):
        close(f(X * k), eager(X * k))
        close(compiled.mean, eager.mean)
    assert compiled.count.item() == 3.0


def test_modules_are_arguments_by_identity_and_are_let_go() -> None:
    runs = []

    @gg.compile
    def loss(model: nn.Module, x: Any) -> Any:
        runs.append(model)
        return gg.mean(model(x) ** 2)

    one, two = (nn.mlp(3, [4], 1, dtype="float64", seed=seed) for seed in (0, 1))
    for model in (one, two, one, two):
        close(loss(model, X), gg.mean(model(X) ** 2))
    assert runs == [one, two]
    runs.clear()
    gone = weakref.ref(one)
    del one, model
    gc.collect()
    assert gone() is None


class Residual(nn.Module):
    """A block whose forward pass is compiled where it is written."""

    def __init__(self, seed: int = 0) -> None:
        self.inner = nn.Linear(3, 3, dtype="float64", seed=seed)

    @gg.compile
    def forward(self, x: Any) -> Any:
        return x + gg.tanh(self.inner(x))


def test_a_method_can_be_compiled() -> None:
    blocks = [Residual(seed) for seed in (0, 1)]
    for block in (*blocks, copy.deepcopy(blocks[0])):
        expected = X + gg.tanh(block.inner(X))
        close(block(X), expected)
        gg.sum(block(X) ** 2).backward()
        gradient = block.inner.weight.grad
        block.zero_grad()
        gg.sum((X + gg.tanh(block.inner(X))) ** 2).backward()
        close(gradient, block.inner.weight.grad)


# --- as a node of other graphs ---


def test_a_trace_has_one_node_which_engines_open() -> None:
    f = gg.compile(score)
    graph = check_graph(gg.trace(lambda x, w, b: gg.exp(f(x, w, b)), X, W, B))
    assert [n.op for n in graph.nodes] == ["call", "exp"]
    both = check_graph(differentiate(graph))
    assert [n.op for n in both.nodes].count("call") == 2
    opened = check_graph(simplify(lower(both, lambda _: True)))
    assert "call" not in {n.op for n in opened.nodes}
    expected = gg.value_and_grad(lambda *a: gg.exp(score(*a)), (0, 1, 2))(X, W, B)
    for found in (interpret(both, (X, W, B)), NumpyProgram(both)(X, W, B), gg.run(both, X, W, B)):
        all_close(found, (expected[0], *expected[1]))
    assert_same_bits(NumpyProgram(both)(X, W, B), interpret(opened, (X, W, B)))


def test_the_forward_pass_is_not_computed_twice_in_a_graph() -> None:
    graphs = [
        simplify(lower(differentiate(gg.trace(f, X, W, B)), lambda _: True))
        for f in (gg.compile(score), score)
    ]
    ops = [sorted(n.op for n in g.nodes) for g in graphs]
    assert ops[0] == ops[1]


def test_opened_nodes_know_their_lines_scopes_and_causes() -> None:
    @gg.compile
    def f(x: Any) -> Any:
        with gg.scope("inside"):
            return gg.sum(gg.tanh(x))

    def outer(x: Any) -> Any:
        with gg.scope("first"):
            a = f(x)
        with gg.scope("second"):
            return a + f(x * 2.0)

    opened = lower(differentiate(gg.trace(outer, B)), lambda _: True)
    scopes = [n.scope for n in opened.nodes if n.op == "tanh"]
    assert set(scopes) == {"first/inside", "second/inside"}
    for node in opened.nodes:
        if node.op == "tanh":
            assert node.source is not None
            assert node.source.function.endswith("f")
        if node.cause is not None and node.cause.op == "tanh":
            assert node.cause in opened.nodes


def test_an_open_batch_goes_through() -> None:
    f = gg.compile(lambda x, w: gg.mean(gg.tanh(x @ w)))
    both = check_graph(differentiate(gg.trace(f, gg.Spec(("N", 3)), gg.Spec((3, 4)))))
    program = NumpyProgram(both)
    for n in (1, 5, 2):
        check_graph(specialise(both, n))
        expected = gg.value_and_grad(lambda x, w: gg.mean(gg.tanh(x @ w)), (0, 1))(X[:n], W)
        all_close(program(X[:n], W), (expected[0], *expected[1]))


@pytest.mark.parametrize("flags", [(True, False, False), (True, True, True), (False, True, False)])
def test_batched(flags: tuple[bool, ...]) -> None:
    one = differentiate(gg.trace(gg.compile(score), X, W, B))
    args = [RNG.normal(size=(4, *a.shape)) if b else a for a, b in zip((X, W, B), flags, strict=True)]
    found = interpret(check_graph(batch_graph(one, flags, 4)), args)
    for i in range(4):
        row = [a[i] if b else a for a, b in zip(args, flags, strict=True)]
        expected = gg.value_and_grad(score, (0, 1, 2))(*row)
        all_close([f[i] for f in found], (expected[0], *expected[1]))


def test_nested_and_within_loops_and_choices() -> None:
    inner = gg.compile(lambda x, w: gg.tanh(x @ w))

    def f(x: Any, w: Any, call: Any = inner) -> Any:
        last, seen = gg.scan(lambda h, row: (call(h + row, w), h), gg.tensor(np.zeros(3)), x)
        return gg.cond(gg.sum(last) > 0.0, lambda: gg.sum(call(last, w)), lambda: gg.sum(seen * last))

    def plain(x: Any, w: Any) -> Any:
        return f(x, w, lambda x, w: gg.tanh(x @ w))

    square = RNG.normal(size=(3, 3))
    for name in ("native", "numpy"):
        compiled = gg.compile(lambda x, w: f(x, w), engine=name)
        close(compiled(X, square), plain(X, square))
        all_close(gg.grad(compiled, (0, 1))(X, square), gg.grad(plain, (0, 1))(X, square))
    close(gg.hessian(lambda w: f(X, w))(square), gg.hessian(lambda w: plain(X, w))(square))


def test_values_of_a_graph_around_are_read_in_it() -> None:
    traces = []

    def outer(x: Any, w: Any) -> Any:
        f.__wrapped__.w = w * 2.0
        return f(x)

    def inner(x: Any) -> Any:
        traces.append(1)
        return gg.sum(x @ inner.w)

    f = gg.compile(inner)
    for k in (1.0, 2.0):
        (found,) = gg.run(gg.trace(outer, X, W), X, W * k)
        close(found, np.sum(X @ W * 2.0 * k))
    assert len(traces) == 2


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_compiled_forward_pass_in_fit(dropout: float) -> None:
    y = np.sin(X[:, :1])
    models = [nn.mlp(3, [8], 1, dropout=dropout, dtype="float64", seed=0) for _ in range(2)]
    models[1].forward = gg.compile(models[1].forward)  # type: ignore[method-assign]
    histories = [gg.fit(m, X, y, epochs=5, batch_size=2, progress=False, engine="numpy") for m in models]
    assert histories[0]["loss"] == histories[1]["loss"]
    all_close(models[0].parameters(), models[1].parameters())
    close(gg.predict(models[1], X), gg.predict(models[0], X))


# --- what it refuses ---


def test_control_flow_that_depends_on_values_is_answered() -> None:
    with pytest.raises(TraceError, match=r"cannot be turned into one, tested with `if`"):
        gg.compile(lambda x: x if x > 0.0 else -x)(1.0)
    with pytest.raises(TraceError):
        gg.compile(lambda x, n: [x for _ in range(n)])(X, 3)


@pytest.mark.parametrize(
    ("result", "named"), [(None, "None"), ("text", "'text'"), ((), "nothing"), ([object()], "an object")]
)
def test_a_result_that_is_no_tensor_is_answered(result: Any, named: str) -> None:
    with pytest.raises(DTypeError, match=f"returned {named}, but a compiled function returns Tensors"):
        gg.compile(lambda x: result)(1.0)


def test_arguments_that_cannot_be() -> None:
    with pytest.raises(DTypeError, match=r"lambda was given an object, .* close over"):
        gg.compile(lambda x: x)(object())
    with pytest.raises(DTypeError, match="numbers are needed"):
        gg.compile(lambda x: x)(np.array(["a"]))
    with pytest.raises(DTypeError, match=r"gg\.compile takes a function of Tensors, but got float"):
        gg.compile(1.0)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="no engine 'nativ'"):
        gg.compile(score, engine="nativ")
    with pytest.raises(ShapeError):
        gg.compile(score)(X, W.T, B)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        gg.compile(score)(X, W)


def test_an_index_out_of_range_is_found_when_it_runs() -> None:
    f = gg.compile(lambda x, i: x[i])
    with pytest.raises(ShapeError, match="index 7 is out of range for an axis of size 4"):
        f(B, np.array([0, 7]))
    assert f(B, np.array([0, 3])).tolist() == B[[0, 3]].tolist()


def test_what_cannot_be_compiled_runs_with_numpy_and_says_so() -> None:
    f = gg.compile(lambda x: gg.sum(x[:0]) + 1.0)
    with pytest.warns(UserWarning, match="lambda runs with NumPy, more slowly"):
        assert f(B).item() == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(B).item() == 1.0


def test_the_plan_is_text_and_numpy_has_none() -> None:
    text = gg.compile(score).plan(X, W, B)
    assert text.startswith("score, for this machine")
    assert re.search(r"product 5×4, each number a sum of 3", text)
    with pytest.raises(OptionError, match="no plan to show of what runs with NumPy: take engine='native'"):
        gg.compile(score, engine="numpy").plan(X, W, B)
