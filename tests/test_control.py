"""Loops and choices: eager, traced, compiled, batched, and differentiated as often as wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines.numpy import NumpyProgram, interpret
from glassgrad.errors import GraphError, ShapeError
from glassgrad.graph import batch_graph, differentiate
from glassgrad.graph.passes import lower, simplify
from glassgrad.graph.types import check_graph
from glassgrad.ir import Graph
from random_graphs import assert_same_bits

RNG = np.random.default_rng(0)
XS = RNG.normal(size=(5, 3))
W = RNG.normal(size=(3, 3))


def looped(w: Any, h: Any, xs: Any, reverse: bool = False) -> Any:
    """A recurrent network by scan."""
    last, states = gg.scan(lambda h, x: ((n := gg.tanh(h @ w + x)), n * x), h, xs, reverse=reverse)
    return gg.sum(last) + gg.sum(states * states)


def unrolled(w: Any, h: Any, xs: Any, reverse: bool = False) -> Any:
    """The same by Python."""
    total: Any = 0.0
    for i in reversed(range(5)) if reverse else range(5):
        h = gg.tanh(h @ w + xs[i])
        total = total + gg.sum(h * xs[i] * h * xs[i])
    return gg.sum(h) + total


ARGS = (W, RNG.normal(size=3), XS)


def close(found: Any, expected: Any, rtol: float = 1e-10) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=rtol, atol=rtol)


# --- scan ---


@pytest.mark.parametrize("reverse", [False, True])
def test_values_and_gradients_are_those_of_the_loop_written_out(reverse: bool) -> None:
    ours, theirs = (lambda *a, f=f: f(*a, reverse=reverse) for f in (looped, unrolled))
    close(ours(*ARGS), theirs(*ARGS))
    for a, b in zip(gg.grad(ours, (0, 1, 2))(*ARGS), gg.grad(theirs, (0, 1, 2))(*ARGS), strict=True):
        close(a, b)
    tangents = tuple(RNG.normal(size=a.shape) for a in ARGS)
    close(gg.jvp(ours, ARGS, tangents)[1], gg.jvp(theirs, ARGS, tangents)[1])


@pytest.mark.parametrize("reverse", [False, True])
def test_second_order_in_every_mix_of_modes(reverse: bool) -> None:
    def of(f: Any) -> Any:
        return lambda w: f(w, *ARGS[1:], reverse=reverse)

    v = RNG.normal(size=W.shape)
    expected = gg.hessian(of(unrolled))(W).numpy()
    along = np.tensordot(expected, v, 2)
    close(gg.hessian(of(looped))(W), expected)
    close(gg.jvp(gg.grad(of(looped)), (W,), (v,))[1], along)
    close(gg.grad(lambda w: gg.jvp(of(looped), (w,), (v,))[1])(W), along)
    close(gg.jvp(lambda w: gg.jvp(of(looped), (w,), (v,))[1], (W,), (v,))[1], (along * v).sum())


def test_third_order() -> None:
    f = lambda x: gg.scan(lambda c, k: (c * x * k, c), gg.tensor(1.0), np.array([1.0, 2.0, 3.0]))[0]  # noqa: E731
    d = f
    for expected in (6 * 0.5**3, 18 * 0.5**2, 36 * 0.5, 36.0):
        close(d(gg.tensor(0.5)), expected)
        d = gg.grad(d)


@pytest.mark.parametrize("reverse", [False, True])
def test_traced_differentiated_and_compiled(reverse: bool) -> None:
    graph = gg.trace(lambda *a: looped(*a, reverse=reverse), *ARGS)
    assert [n.op for n in graph.nodes].count("scan") == 1
    both = check_graph(differentiate(check_graph(graph)))
    found = interpret(both, ARGS)
    expected = gg.value_and_grad(lambda *a: unrolled(*a, reverse=reverse), (0, 1, 2))(*ARGS)
    for a, b in zip(found, (expected[0], *expected[1]), strict=True):
        close(a, b)
    assert_same_bits(NumpyProgram(both)(*ARGS), found)
    assert_same_bits(interpret(check_graph(simplify(lower(both, lambda _: False))), ARGS), found)


def test_the_second_order_of_a_traced_loop() -> None:
    graph = check_graph(gg.trace(lambda w: gg.sum(gg.grad(looped)(w, *ARGS[1:]) ** 2), W))
    both = check_graph(differentiate(graph))
    expected = gg.value_and_grad(lambda w: gg.sum(gg.grad(unrolled)(w, *ARGS[1:]) ** 2))(W)
    for a, b in zip(interpret(both, [W]), expected, strict=True):
        close(a, b)
    assert_same_bits(NumpyProgram(both)(W), interpret(both, [W]))


def test_captured_weights_get_their_gradient() -> None:
    w, b = gg.tensor(W, requires_grad=True), gg.tensor(0.5, requires_grad=True)
    frozen = gg.tensor(2.0)
    last, _ = gg.scan(lambda h, x: (gg.tanh(h @ w + x * b * frozen), h), gg.tensor(np.zeros(3)), XS)
    gg.sum(last).backward()

    def by_hand(w: Any, b: Any) -> Any:
        h: Any = np.zeros(3)
        for x in XS:
            h = gg.tanh(h @ w + x * b * 2.0)
        return gg.sum(h)

    expected = gg.grad(by_hand, (0, 1))(W, 0.5)
    close(w.grad, expected[0])
    close(b.grad, expected[1])
    assert frozen.grad is None


def test_the_carry_may_be_nested_and_hold_whole_numbers() -> None:
    carry, ys = gg.scan(
        lambda c, x: ({"sum": c["sum"] + x["a"], "n": c["n"] + 1}, (c["n"], [x["b"] * 2.0])),
        {"sum": gg.tensor(0.0), "n": gg.tensor(0)},
        {"a": np.array([1.0, 2.0]), "b": np.array([[1.0], [2.0]])},
    )
    assert carry["sum"].item() == 3.0
    assert carry["n"].item() == 2
    assert carry["n"].dtype == np.int64
    assert ys[0].tolist() == [0, 1]
    assert ys[1][0].tolist() == [[2.0], [4.0]]


def nested(w: Any, xs: Any) -> Any:
    """A loop in a loop; the inner one reads the outer one's carry, a weight and a constant."""
    constant = gg.tensor([0.5, 2.0, 1.0])

    def outer(c: Any, x: Any) -> Any:
        inner, seen = gg.scan(lambda d, k: (gg.sin(d * k + c * w), d * constant), x, np.array([1.0, -0.5]))
        return gg.cos(inner + c), gg.sum(seen)

    last, sums = gg.scan(outer, gg.tensor(np.ones(3)), xs)
    return gg.sum(last * last) + gg.sum(sums)


def nested_unrolled(w: Any, xs: Any) -> Any:
    c: Any = np.ones(3)
    total: Any = 0.0
    for i in range(5):
        d = xs[i]
        for k in (1.0, -0.5):
            total = total + gg.sum(d * np.array([0.5, 2.0, 1.0]))
            d = gg.sin(d * k + c * w)
        c = gg.cos(d + c)
    return gg.sum(c * c) + total


def test_a_loop_in_a_loop() -> None:
    w = RNG.normal(size=3)
    close(nested(gg.tensor(w), XS), nested_unrolled(w, XS))
    expected = gg.grad(nested_unrolled, (0, 1))(w, XS)
    for a, b in zip(gg.grad(nested, (0, 1))(w, XS), expected, strict=True):
        close(a, b)
    close(gg.hessian(lambda w: nested(w, XS))(w), gg.hessian(lambda w: nested_unrolled(w, XS))(w))
    both = check_graph(differentiate(gg.trace(nested, w, XS)))
    for a, b in zip(interpret(both, [w, XS])[1:], expected, strict=True):
        close(a, b)
    assert_same_bits(NumpyProgram(both)(w, XS), interpret(both, [w, XS]))


def test_gradients_within_a_loop() -> None:
    def descend(start: Any) -> Any:
        def step(x: Any, _: Any) -> Any:
            slope = gg.grad(lambda t: gg.sum((t - 3.0) ** 4))(x)
            return x - 0.01 * slope, x

        return gg.scan(step, start, np.zeros(4))[0]

    def by_hand(x: Any) -> Any:
        for _ in range(4):
            x = x - 0.04 * (x - 3.0) ** 3
        return x

    x = np.array([1.0, 4.5])
    close(descend(gg.tensor(x)), by_hand(x))
    close(gg.jacobian(descend)(x), gg.jacobian(by_hand)(x))
    close(interpret(check_graph(gg.trace(descend, x)), [x])[0], by_hand(x))


@pytest.mark.parametrize(
    "flags", [(True, True, True), (False, True, False), (True, False, False), (False, False, True)]
)
def test_batched(flags: tuple[bool, ...]) -> None:
    graph = gg.trace(looped, *ARGS)
    args = [RNG.normal(size=(4, *a.shape)) if b else a for a, b in zip(ARGS, flags, strict=True)]
    (found,) = interpret(check_graph(batch_graph(graph, flags, 4)), args)
    for i in range(4):
        close(found[i], unrolled(*(a[i] if b else a for a, b in zip(args, flags, strict=True))))


def test_batched_gradients_of_a_loop() -> None:
    one = differentiate(gg.trace(looped, *ARGS), [0])
    rows = RNG.normal(size=(4, 5, 3))
    _, found = interpret(check_graph(batch_graph(one, (False, False, True), 4)), [*ARGS[:2], rows])
    for i in range(4):
        close(found[i], gg.grad(unrolled)(*ARGS[:2], rows[i]))


def test_an_open_batch_goes_through_a_loop() -> None:
    def f(h: Any, xs: Any) -> Any:
        return gg.mean(gg.scan(lambda c, x: (gg.tanh(c + x), c), h, xs)[0])

    both = check_graph(differentiate(gg.trace(f, gg.Spec(("N", 2)), gg.Spec((3, "N", 2)))))
    program = NumpyProgram(both)
    for n in (1, 4, 2):
        args = RNG.normal(size=(n, 2)), RNG.normal(size=(3, n, 2))
        assert_same_bits(program(*args), interpret(both, args))
        close(program(*args)[1], gg.grad(f)(*args))


def test_float32_stays_float32() -> None:
    args = tuple(a.astype(np.float32) for a in ARGS)
    assert looped(*(gg.tensor(a) for a in args)).dtype == np.float32
    assert {g.dtype for g in gg.grad(looped, (0, 1, 2))(*args)} == {np.dtype(np.float32)}


def test_loops_that_cannot_be() -> None:
    with pytest.raises(GraphError, match=r"carry goes in as .*float64.*comes out as .*\(3,\)"):
        gg.scan(lambda c, x: (c + x, c), 0.0, XS)
    with pytest.raises(GraphError, match="keep its shapes and dtypes"):
        gg.scan(lambda c, x: (c + x, c), 0, np.ones(3))
    with pytest.raises(GraphError, match="comes out as"):
        gg.scan(lambda c, x: ((c, c), x), 0.0, np.ones(3))
    with pytest.raises(ShapeError, match="one length"):
        gg.scan(lambda c, x: (c, x[0]), 0.0, (np.ones(3), np.ones(4)))
    for nothing in ([], 3.0):
        with pytest.raises(ShapeError, match="one length"):
            gg.scan(lambda c, x: (c, c), 0.0, nothing)
    with pytest.raises(ShapeError, match="length 0"):
        gg.scan(lambda c, x: (c, x), 0.0, np.ones(0))


# --- cond ---


def chosen(x: Any, w: Any) -> Any:
    return gg.cond(gg.sum(x) > 0.0, lambda x: gg.sum(gg.sin(x) * w), lambda x: gg.sum(x * x * w * w), x)


def chosen_by_python(x: Any, w: Any, positive: bool) -> Any:
    return gg.sum(gg.sin(x) * w) if positive else gg.sum(x * x * w * w)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_choice_and_its_derivatives(sign: float) -> None:
    x, w = sign * np.array([0.5, 1.5]), np.array([2.0, 3.0])
    args = (x, w)
    taken = lambda x, w: chosen_by_python(x, w, sign > 0)  # noqa: E731
    expected = gg.value_and_grad(taken, (0, 1))(*args)
    eager = gg.value_and_grad(chosen, (0, 1))(*args)
    both = check_graph(differentiate(gg.trace(chosen, *args)))
    compiled = NumpyProgram(both)(*args)
    assert_same_bits(compiled, interpret(both, args))
    for found in ((eager[0], *eager[1]), compiled):
        for a, b in zip(found, (expected[0], *expected[1]), strict=True):
            close(a, b)
    ahead = check_graph(gg.trace(lambda x, w: gg.jvp(chosen, (x, w), (x, w))[1], *args))
    close(interpret(ahead, args)[0], gg.jvp(taken, args, args)[1])
    second = check_graph(differentiate(gg.trace(lambda x, w: gg.sum(gg.grad(chosen)(x, w) ** 2), *args)))
    expected_second = gg.grad(lambda x, w: gg.sum(gg.grad(taken)(x, w) ** 2), (0, 1))(*args)
    for a, b in zip(interpret(second, args)[1:], expected_second, strict=True):
        close(a, b)


def test_only_the_chosen_function_runs_on_values() -> None:
    calls: list[str] = []
    gg.cond(True, lambda: calls.append("true") or 1.0, lambda: calls.append("false") or 2.0)
    assert calls == ["true"]


@pytest.mark.parametrize("flags", [(True, False), (False, True), (True, True)])
def test_a_batched_choice_is_made_for_every_row(flags: tuple[bool, bool]) -> None:
    single = (np.array([0.5, 1.5]), np.array([2.0, 3.0]))
    graph = gg.trace(chosen, *single)
    args = [RNG.normal(size=(6, 2)) if b else a for a, b in zip(single, flags, strict=True)]
    (found,) = interpret(check_graph(batch_graph(graph, flags, 6)), args)
    for i in range(6):
        x, w = (a[i] if b else a for a, b in zip(args, flags, strict=True))
        close(found[i], chosen(gg.tensor(x), w))


def test_branches_capture_what_they_need() -> None:
    def f(x: Any, y: Any) -> Any:
        a, b = x * 2.0, y * 3.0
        return gg.cond(gg.sum(x) > 0.0, lambda: gg.sum(a * b), lambda: gg.sum(b * b) + gg.sum(y))

    both = check_graph(differentiate(gg.trace(f, gg.Spec((2,)), gg.Spec((2,)))))
    y = np.array([1.0, 2.0])
    for x in (np.ones(2), -np.ones(2)):
        for a, b in zip(interpret(both, [x, y])[1:], gg.grad(f, (0, 1))(x, y), strict=True):
            close(a, b)


def test_a_choice_in_a_loop() -> None:
    def f(xs: Any) -> Any:
        step = lambda c, x: (gg.cond(x > 0.0, lambda: c * x, lambda: c - x), c)  # noqa: E731
        return gg.scan(step, gg.tensor(1.0), xs)[0]

    xs = np.array([0.5, -2.0, 3.0, -0.25])
    close(f(xs), ((1.0 * 0.5) + 2.0) * 3.0 + 0.25)
    expected = [3.0, -3.0, 2.5, -1.0]
    close(gg.grad(f)(xs), expected)
    both = check_graph(differentiate(gg.trace(f, xs)))
    close(interpret(both, [xs])[1], expected)
    assert_same_bits(NumpyProgram(both)(xs), interpret(both, [xs]))


def test_choices_that_cannot_be() -> None:
    def traced(true: Any, false: Any, which: Any = lambda x: gg.sum(x) > 0.0) -> Graph:
        return gg.trace(lambda x: gg.cond(which(x), true, false, x), gg.Spec((2,)))

    with pytest.raises(GraphError, match="same types"):
        traced(lambda x: x, lambda x: gg.sum(x))
    with pytest.raises(GraphError, match="same structure"):
        traced(lambda x: (x, x), lambda x: x)
    with pytest.raises(GraphError, match="same structure"):
        traced(lambda x: {"a": x}, lambda x: {"b": x})
    with pytest.raises(ShapeError, match=r"use gg\.where"):
        traced(lambda x: x, lambda x: x, lambda x: x > 0.0)
    with pytest.raises(ShapeError, match=r"use gg\.where"):
        gg.cond(gg.tensor([1.0, 2.0]) > 0.0, lambda x: x, lambda x: x, 1.0)


def test_a_body_that_forgets_its_result_is_answered() -> None:
    with pytest.raises(GraphError, match=r"returns \(carry, y\), but this one returned Tensor"):
        gg.scan(lambda c, x: c + x, gg.tensor(0.0), gg.tensor([1.0]))
    with pytest.raises(GraphError, match="returned 3 values"):
        gg.scan(lambda c, x: (c, x, x), gg.tensor(0.0), gg.tensor([1.0]))
