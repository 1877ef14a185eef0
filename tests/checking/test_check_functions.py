"""`gg.check` on functions: ways of writing a backward pass, planted faults with their causes, and bad input."""

from __future__ import annotations

import math
import re
import string
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.checking import sentences
from glassgrad.errors import CheckError, DTypeError, OptionError, ShapeError
from glassgrad.language import Text

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))
W = RNG.normal(size=3)
PARAMS = {
    "W1": RNG.normal(size=(3, 4)),
    "b1": np.zeros(4),
    "W2": RNG.normal(size=(4, 2)),
    "b2": np.zeros(2),
}


def forward(params: Any, x: Any, y: Any) -> Any:
    hidden = np.tanh(x @ params["W1"] + params["b1"])
    error = hidden @ params["W2"] + params["b2"] - y
    return 0.5 * np.sum(error**2) / len(x), (hidden, error)


def gradients(params: Any, x: Any, cache: Any) -> dict[str, Any]:
    hidden, error = cache
    error = error / len(x)
    back = error @ params["W2"].T * (1 - hidden**2)
    return {"W1": x.T @ back, "b1": back.sum(0), "W2": hidden.T @ error, "b2": error.sum(0)}


def least_squares(w: Any, x: Any, y: Any) -> Any:
    return 0.5 * np.sum((x @ w - y) ** 2)


def least_squares_gradient(w: Any, x: Any, y: Any) -> Any:
    return x.T @ (x @ w - y)


def squares(fault: Callable[[Any], Any], w: Any = W) -> Any:
    """Check least squares with a fault in its gradient."""
    return gg.check(least_squares, lambda w, x, y: fault(least_squares_gradient(w, x, y)), w, (X, Y[:, 0]))


# --- what is wrong, and why ------------------------------------------------------------------------------------------


def test_a_right_backward_pass_is_right_without_a_word() -> None:
    found = gg.check(forward, gradients, PARAMS, (X, Y))
    assert found.ok
    assert found
    assert found.points == 4
    assert not found.notes
    for one in found:
        assert (one.verdict, one.cause, one.wrong, one.findings) == ("right", None, 0, ())
        assert one.error < 1e-12
        assert one.sampled == one.size
        np.testing.assert_allclose(one.given, one.exact, rtol=1e-12)
        assert (np.abs(one.numeric - one.exact) <= 10 * one.numeric_error + 1e-9).all()
    exact = gg.grad(lambda p: forward(p, X, Y)[0])(PARAMS)
    np.testing.assert_array_equal(found["W1"].exact, np.asarray(exact["W1"]))


FAULTS: dict[str, tuple[str, str | None, str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "sign": ("W2", "sign", "wrong", lambda g: {**g, "W2": -g["W2"]}),
    "sign and factor": ("W2", "sign", "wrong", lambda g: {**g, "W2": -3 * g["W2"]}),
    "zero": ("b2", "zero", "wrong", lambda g: {**g, "b2": 0 * g["b2"]}),
    "none": ("b2", "zero", "wrong", lambda g: {**g, "b2": None}),
    "transposed": ("W1", "transposed", "wrong", lambda g: {**g, "W1": g["W1"].T}),
    "factor": ("W1", "factor", "notice", lambda g: {**g, "W1": 6 * g["W1"]}),
    "keepdims": ("b1", "reshaped", "notice", lambda g: {**g, "b1": g["b1"][None]}),
    "not a number": ("W2", "nan", "wrong", lambda g: {**g, "W2": np.where(g["W2"] > 0, g["W2"], np.nan)}),
    "other shape": ("b1", "shape", "wrong", lambda g: {**g, "b1": np.ones(5)}),
    "almost": ("W1", "precision", "notice", lambda g: {**g, "W1": g["W1"] * (1 + 1e-6 * np.sign(g["W1"]))}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_where_it_is_and_named(fault: str) -> None:
    name, cause, verdict, plant = FAULTS[fault]
    found = gg.check(forward, lambda params, x, cache: plant(gradients(params, x, cache)), PARAMS, (X, Y))
    assert found.ok == (verdict != "wrong")
    assert bool(found) == found.ok
    for one in found:
        assert one.verdict == (verdict if one.name == name else "right"), repr(found)
    assert found[name].cause == cause
    assert found[name].findings


def test_a_missing_derivative_is_wrong_in_its_layer_only() -> None:
    def backward(params: Any, x: Any, cache: Any) -> Any:
        right = gradients(params, x, cache)
        back = cache[1] / len(x) @ params["W2"].T
        return {**right, "W1": x.T @ back, "b1": back.sum(0)}

    found = gg.check(forward, backward, PARAMS, (X, Y))
    assert [one.verdict for one in found] == ["wrong", "wrong", "right", "right"]
    one = found["W1"]
    assert one.at is not None
    worst = np.abs(one.given - one.right)[one.at] / max(abs(one.given[one.at]), abs(one.right[one.at]))
    assert one.error == pytest.approx(worst)
    assert f"W1[{one.at[0]}, {one.at[1]}]" in one.findings[0].en


def test_the_published_network_with_the_wrong_sum() -> None:
    """Two inputs, two hidden units, two outputs: the hidden error is summed over the wrong index of W2."""
    x, t = np.array([0.1, 0.2]), np.array([0.4, 0.6])
    W1, W2 = np.array([[0.3, 0.25], [0.4, 0.35]]), np.array([[0.45, 0.4], [0.7, 0.6]])

    def network(W1: Any, W2: Any, x: Any, t: Any) -> Any:
        h = 1 / (1 + np.exp(-(W1 @ x)))
        o = 1 / (1 + np.exp(-(W2 @ h)))
        return 0.5 * np.sum((t - o) ** 2), h, o

    def backward(W1: Any, W2: Any, x: Any, t: Any, h: Any, o: Any, *, wrong: bool = True) -> Any:
        delta = (o - t) * o * (1 - o)
        back = (W2 @ delta if wrong else W2.T @ delta) * h * (1 - h)
        return np.outer(back, x), np.outer(delta, h)

    found = gg.check(network, backward, (W1, W2), (x, t))
    assert [(one.name, one.verdict) for one in found] == [("W1", "wrong"), ("W2", "right")]
    exact = [[0.00080888, 0.00161775], [0.00071009, 0.00142017]]
    np.testing.assert_allclose(found["W1"].right, exact, atol=5e-9)
    np.testing.assert_allclose(
        found["W2"].given, [[0.02592286, 0.02629590], [0.00740844, 0.00751506]], atol=5e-9
    )
    right: Callable[..., Any] = lambda W1, W2, x, t, h, o: backward(W1, W2, x, t, h, o, wrong=False)  # noqa: E731
    assert [one.verdict for one in gg.check(network, right, (W1, W2), (x, t))] == ["right", "right"]


def test_a_missing_sum_over_the_batch_and_gradients_in_another_order() -> None:
    def layer(x: Any, w: Any, b: Any) -> Any:
        return x @ w + b, (x, w)

    x, w, b = X, RNG.normal(size=(3, 3)), np.zeros(3)
    found = gg.check(layer, lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout, dout), (x, w, b))
    assert (found["b"].verdict, found["b"].cause) == ("wrong", "summed")
    assert ".sum(axis=0)" in found["b"].findings[1].en
    found = gg.check(lambda u, v: np.sum(np.sin(u) * v), lambda u, v: (np.sin(u), np.cos(u) * v), (w, w + 1))
    assert [one.cause for one in found] == ["other", "other"]


def test_a_constant_is_harmless_for_a_loss_and_not_inside_a_layer() -> None:
    found = squares(lambda g: 2 * g)
    assert found.ok
    assert (found["w"].verdict, found["w"].cause, found["w"].factor) == ("notice", "factor", 2.0)
    assert "2 times" in found["w"].findings[0].en

    mean = gg.check(
        forward, lambda p, x, c: {k: 6 * g for k, g in gradients(p, x, c).items()}, PARAMS, (X, Y)
    )
    assert mean.ok
    assert all(one.factor == 6.0 for one in mean)
    assert "6 rows" in mean["W1"].findings[1].en

    layer = gg.check(lambda x, w: x @ w, lambda dout, x, w: (dout @ w.T, 2 * x.T @ dout), (X, PARAMS["W1"]))
    assert [one.verdict for one in layer] == ["right", "wrong"]
    assert layer["w"].cause == "factor"


def test_a_factor_that_changes_with_the_weights_is_wrong() -> None:
    found = gg.check(
        lambda w, x: np.sum(x @ w) ** 2,
        lambda w, x: 2 * np.sum(x @ w) * x.sum(0) * (np.sum(w) / np.sum(W)),
        W,
        (X,),
    )
    assert not found.ok
    assert found["w"].cause is None
    assert "coincidence" in found["w"].findings[-1].en


def test_coincidences_at_the_point_given_are_seen_through() -> None:
    identity = gg.check(
        lambda w, x: 0.5 * np.sum((x @ w) ** 2), lambda w, x: (x.T @ x @ w).T, np.eye(3), (np.eye(3) * 1.5,)
    )
    assert identity["w"].cause == "transposed"
    at_zero = squares(lambda g: g, np.zeros(3))
    assert at_zero.ok
    active = np.abs(X[:1])
    relu = gg.check(
        lambda w, x: np.sum(np.maximum(x * w, 0) ** 2), lambda w, x: 2 * x[0] * x[0] * w, np.abs(W), (active,)
    )
    assert not relu.ok
    inputs = gg.check(
        lambda w, x: np.sum((x * w) ** 2), lambda w, x: 4 * x[0] * x[1] * w, W, (np.full((2, 3), 0.7) + X[0],)
    )
    assert inputs.ok
    assert (inputs["w"].verdict, inputs["w"].cause) == ("notice", "inputs")
    assert "At the inputs given it is right" in inputs["w"].findings[0].en


def test_what_a_backward_pass_may_rely_on_is_left_as_it_is() -> None:
    labels, rows = np.eye(3)[[0, 2, 1, 1, 0, 2]], np.abs(X) / np.abs(X).sum(1, keepdims=True)
    kernel = X.T @ X

    def entropy(w: Any, x: Any, t: Any) -> Any:
        z = x @ w
        z = z - z.max(axis=1, keepdims=True)
        return -np.sum(t * (z - np.log(np.exp(z).sum(axis=1, keepdims=True))))

    def entropy_gradient(w: Any, x: Any, t: Any) -> Any:
        p = np.exp(x @ w)
        return x.T @ (p / p.sum(axis=1, keepdims=True) - t)

    for t in (labels, rows):
        found = gg.check(entropy, entropy_gradient, RNG.normal(size=(3, 3)), (X, t))
        assert [one.verdict for one in found] == ["right"]
    assert gg.check(lambda w, k: w @ k @ w, lambda w, k: 2 * k @ w, W, (kernel,))["w"].verdict == "right"


def test_a_parameter_that_is_not_used() -> None:
    still = gg.check(lambda a, b: np.sum(a**2), lambda a, b: (2 * a, 0 * b), (W, W))
    assert still.ok
    assert (still["b"].verdict, still["b"].cause) == ("notice", "flat")
    moved = gg.check(lambda a, b: np.sum(a**2), lambda a, b: (2 * a, b), (W, W))
    assert (moved["b"].verdict, moved["b"].cause) == ("wrong", "flat")


def test_what_rounding_leaves_of_a_gradient_that_is_zero_is_right() -> None:
    """A bias before batch normalisation: its gradient is 0, and both passes compute some 1e-16 of it."""

    def normalised(b: Any, x: Any, t: Any) -> Any:
        z = x + b
        z = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5)
        return 0.5 * np.sum((z - t) ** 2), z

    def backward(b: Any, x: Any, t: Any, z: Any) -> Any:
        g, s = z - t, np.sqrt((x + b).var(0) + 1e-5)
        return ((g - g.mean(0) - z * (g * z).mean(0)) / s).sum(0)

    found = gg.check(normalised, backward, np.zeros(3), (X, RNG.normal(size=(6, 3))))
    assert found.ok, repr(found)
    assert found["b"].verdict == "right"


# --- ways of writing it ----------------------------------------------------------------------------------------------


def test_ways_of_giving_parameters_and_returning_gradients() -> None:
    def loss(a: Any, b: Any, x: Any) -> Any:
        return np.sum((x @ a + b) ** 2)

    def grads(a: Any, b: Any, x: Any) -> tuple[Any, Any]:
        d = 2 * (x @ a + b)
        return x.T @ d, d.sum()

    ways: list[tuple[Any, Any, Any]] = [
        (loss, grads, (W, 0.5)),
        (loss, lambda a, b, x: list(grads(a, b, x)), (W, 0.5)),
        (loss, lambda a, b, x: dict(zip(["da", "db"], grads(a, b, x), strict=True)), (W, 0.5)),
        (lambda p, x: loss(*p, x), lambda p, x: grads(*p, x), (W, np.array(0.5))),
        (lambda p, x: loss(*p, x), lambda p, x: grads(*p, x), [W, 0.5]),
        (lambda p, x: loss(p["a"], p["b"], x), lambda p, x: grads(p["a"], p["b"], x), {"a": W, "b": 0.5}),
        (
            lambda p, x: loss(p["l"][0]["a"], p["l"][1], x),
            lambda p, x: {
                "l": [
                    {"grad_a": grads(p["l"][0]["a"], p["l"][1], x)[0]},
                    grads(p["l"][0]["a"], p["l"][1], x)[1],
                ]
            },
            {"l": [{"a": W}, 0.5], "name": "linear"},
        ),
        (lambda p, x: loss(p, 0.5, x), lambda p, x: (grads(p, 0.5, x)[0],), W),
        (lambda p, x: loss(p, 0.5, x), lambda p, x: grads(p, 0.5, x)[0].tolist(), W.tolist()),
        (
            loss,
            lambda a, b, x: (grads(a, b, x)[0].reshape(3), float(grads(a, b, x)[1])),
            (W.astype(np.float32), 0.5),
        ),
    ]
    for f, g, params in ways:
        found = gg.check(f, g, params, X)
        assert found.ok, (params, repr(found))
        assert all(one.verdict == "right" for one in found)
    assert [one.name for one in gg.check(*ways[0][:2], ways[0][2], X)] == ["a", "b"]
    assert [one.name for one in gg.check(*ways[6][:2], ways[6][2], X)] == ["l[0].a", "l[1]"]


def test_ways_of_calling_the_backward_pass() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        e = x @ w - y
        return 0.5 * np.sum(e**2), e

    def layer(w: Any, x: Any) -> Any:
        return np.tanh(x @ w), (w, x)

    def several(w: Any, x: Any, y: Any) -> Any:
        e = x @ w - y
        return 0.5 * np.sum(e**2), x, e

    data, target = X, Y[:, 0]
    ways: list[tuple[Any, Any, Any]] = [
        (loss, lambda w, x, y: x.T @ (x @ w - y), (data, target)),
        (loss, lambda w, x, y, e: x.T @ e, (data, target)),
        (lambda w: loss(w, data, target), lambda e: data.T @ e, ()),
        (loss, lambda x, e: x.T @ e, (data, target)),
        (loss, lambda e, x: x.T @ e, (data, target)),
        (loss, lambda p, inputs, target, e: inputs.T @ e, (data, target)),
        (several, lambda x, e: x.T @ e, (data, target)),
        (several, lambda a, b: a.T @ b, (data, target)),
        (layer, lambda dout, cache: cache[1].T @ (dout * (1 - np.tanh(cache[1] @ cache[0]) ** 2)), (data,)),
        (layer, lambda w, x, dout: x.T @ (dout * (1 - np.tanh(x @ w) ** 2)), (data,)),
        (layer, lambda g, w, x: x.T @ (g * (1 - np.tanh(x @ w) ** 2)), (data,)),
        (layer, lambda g, a, b: b.T @ (g * (1 - np.tanh(b @ a) ** 2)), (data,)),
        (lambda w, x: x @ w, lambda *given: given[2].T @ given[0], (data,)),
    ]
    for number, (f, g, inputs) in enumerate(ways):
        found = gg.check(f, g, W, inputs)
        assert [one.verdict for one in found] == ["right"], (number, repr(found))


def test_a_loss_after_a_prediction() -> None:
    def loss(prediction: Any) -> Any:
        return np.mean((prediction - Y[:, 0]) ** 2)

    found = gg.check(lambda w, x: x @ w, lambda w, x: x.T @ (x @ w - Y[:, 0]) / 3, W, X, loss=loss)
    assert [one.verdict for one in found] == ["right"]


def test_tensors() -> None:
    found = gg.check(
        lambda w, x: gg.sum(gg.tanh(x @ w)),
        lambda w, x: x.T @ (1 - gg.tanh(x @ w) ** 2),
        gg.tensor(W),
        (gg.tensor(X),),
    )
    assert [one.verdict for one in found] == ["right"]


def test_code_that_writes_to_what_it_is_given() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        d = x @ w
        d -= y
        value = 0.5 * np.sum(d**2)
        x *= 2
        return value, d

    def backward(w: Any, x: Any, y: Any, d: Any) -> Any:
        g = x.T @ d
        w -= 0.1 * g
        d[:] = 0
        return g

    w, x = W.copy(), X.copy()
    assert gg.check(loss, backward, w, (x, Y[:, 0]))["w"].verdict == "right"
    np.testing.assert_array_equal(w, W)
    np.testing.assert_array_equal(x, X)


# --- kinks, steps, few digits ----------------------------------------------------------------------------------------


def test_a_kink_is_told_and_is_no_error() -> None:
    at = np.array([1.0, 0.0, -2.0])
    for subgradient in (0.0, 1.0, -1.0, 0.3):
        found = gg.check(
            lambda w: np.sum(np.abs(w)), lambda w, s=subgradient: np.where(w == 0, s, np.sign(w)), at
        )
        assert found.ok
        assert (found["w"].verdict, found["w"].cause) == ("notice", "kink")
        assert "w[1]" in found["w"].findings[0].en
    outside = gg.check(lambda w: np.sum(np.abs(w)), lambda w: np.where(w == 0, 5.0, np.sign(w)), at)
    assert not outside.ok
    assert outside["w"].at == (1,)


def test_a_network_that_starts_at_zero_stands_on_kinks_and_is_judged_beside_them() -> None:
    def loss(w: Any, x: Any) -> Any:
        return np.sum(np.maximum(x @ w, 0))

    def gradient(w: Any, x: Any) -> Any:
        return x.T @ (x @ w >= 0)

    start = np.zeros((3, 2))
    found = gg.check(loss, gradient, start, X)
    assert found.ok
    assert found["w"].cause == "kink"
    assert not gg.check(loss, lambda w, x: 1.01 * gradient(w, x) + 0.01, start, X).ok


def test_a_step_has_no_gradient() -> None:
    found = gg.check(lambda w, x: np.mean(x @ w > 0), lambda w, x: x.mean(0), W, X)
    assert (found["w"].verdict, found["w"].cause) == ("wrong", "flat")
    jump = gg.check(lambda w: np.sum(np.round(w)), lambda w: 0 * w, np.array([0.5, 0.2]))
    assert jump.ok
    assert jump["w"].cause in ("jump", "flat")


def test_a_result_in_float32_is_compared_to_its_digits() -> None:
    def single(w: Any, x: Any, y: Any) -> Any:
        return least_squares(w.astype(np.float32), x.astype(np.float32), y.astype(np.float32))

    found = gg.check(single, least_squares_gradient, W, (X, Y[:, 0]))
    assert found.ok
    assert found["w"].verdict == "right"
    assert "float32" in found.notes[0].en
    wrong = gg.check(single, lambda w, x, y: 1.01 * least_squares_gradient(w, x, y) + 0.1, W, (X, Y[:, 0]))
    assert not wrong.ok


def test_a_gradient_that_the_code_blocks_is_told() -> None:
    found = gg.check(lambda w: gg.sum(w * gg.stop_gradient(w)), lambda w: np.asarray(w), gg.tensor(W))
    assert (found["w"].verdict, found["w"].cause) == ("notice", "blocked")
    found = gg.check(lambda w: gg.sum(w * gg.stop_gradient(w)), lambda w: 2 * np.asarray(w), gg.tensor(W))
    assert (found["w"].verdict, found["w"].cause) == ("notice", "blocked")
    assert not gg.check(
        lambda w: gg.sum(w * gg.stop_gradient(w)), lambda w: 3 * np.asarray(w) + 1, gg.tensor(W)
    ).ok


# --- what cannot be differentiated, is random or is large ------------------------------------------------------------


def filled(w: Any, x: Any, y: Any) -> Any:
    out = np.zeros(len(x))
    for i in range(len(x)):
        out[i] = np.dot(x[i], w)
    return 0.5 * np.sum((out - y) ** 2)


UNTRACED: dict[str, Callable[..., Any]] = {
    "float": lambda w, x, y: float(least_squares(w, x, y)),
    "an array that is filled": filled,
    "math": lambda w, x, y: (
        sum((math.fsum(a * b for a, b in zip(r, w, strict=True)) - t) ** 2 for r, t in zip(x, y, strict=True))
        / 2
    ),
    "no rule": lambda w, x, y: 0.5 * np.sum((np.apply_along_axis(lambda r: r @ w, 1, x) - y) ** 2),
}


@pytest.mark.parametrize("name", UNTRACED)
def test_what_cannot_be_traced_is_judged_by_differences_and_its_line_is_told(name: str) -> None:
    right = gg.check(UNTRACED[name], least_squares_gradient, W, (X, Y[:, 0]))
    assert right.ok
    assert right["w"].verdict == "right"
    assert right["w"].exact is None
    assert re.search(r"test_check_functions\.py:\d+", right.notes[0].en)
    assert re.search(r"test_check_functions\.py:\d+", right.notes[0].ko)
    wrong = gg.check(UNTRACED[name], lambda w, x, y: -least_squares_gradient(w, x, y), W, (X, Y[:, 0]))
    assert (wrong["w"].verdict, wrong["w"].cause) == ("wrong", "sign")
    one = gg.check(
        UNTRACED[name],
        lambda w, x, y: least_squares_gradient(w, x, y) + np.array([0, 1e-3, 0]),
        W,
        (X, Y[:, 0]),
    )
    assert one["w"].at == (1,)


def test_random_numbers_are_drawn_again() -> None:
    own = np.random.default_rng(1)

    def dropped(w: Any, x: Any, y: Any) -> Any:
        mask = (own.random(len(x)) > 0.5) * (np.random.rand(len(x)) > 0.2)
        error = (x @ w - y) * mask
        return 0.5 * np.sum(error**2), error, mask

    before, state = own.bit_generator.state, np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    found = gg.check(dropped, lambda x, error, mask: x.T @ (error * mask), W, (X, Y[:, 0]))
    assert found["w"].verdict == "right"
    assert "random numbers" in found.notes[0].en
    assert own.bit_generator.state == before
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # type: ignore[index]
    again = gg.check(dropped, lambda x, error, mask: x.T @ error * 1.5, W, (X, Y[:, 0]))
    assert again["w"].factor == pytest.approx(1.5)


def test_what_differs_from_call_to_call_is_an_error() -> None:
    calls = [0]

    def counting(w: Any, x: Any, y: Any) -> Any:
        calls[0] += 1
        return least_squares(w, x, y) * calls[0]

    with pytest.raises(CheckError, match="another result each time"):
        gg.check(counting, least_squares_gradient, W, (X, Y[:, 0]))
    with pytest.raises(CheckError, match="without a seed"):
        gg.check(lambda w: np.sum(w) * np.random.default_rng().random(), lambda w: w, W)
    total = np.zeros(3)

    def adding(w: Any, x: Any, y: Any) -> Any:
        total[:] += least_squares_gradient(w, x, y)
        return total

    with pytest.raises(CheckError, match="Does it add to arrays"):
        gg.check(least_squares, adding, W, (X, Y[:, 0]))


def test_large_arrays_are_sampled_and_it_is_said_how_many() -> None:
    rng = np.random.default_rng(3)
    params = {"W1": rng.normal(size=(784, 128)) * 0.05, "W2": rng.normal(size=(128, 10)) * 0.1}
    x, t = rng.random((32, 784)), np.eye(10)[rng.integers(0, 10, 32)]

    def network(p: Any, x: Any, t: Any) -> Any:
        h = np.maximum(x @ p["W1"], 0)
        z = h @ p["W2"]
        q = np.exp(z - np.max(z, axis=1, keepdims=True))
        q = q / q.sum(axis=1, keepdims=True)
        return -np.sum(t * np.log(q)) / len(x), (h, q)

    def backward(p: Any, x: Any, t: Any, cache: Any) -> Any:
        h, q = cache
        d = (q - t) / len(x)
        return {"W1": x.T @ (d @ p["W2"].T * (h > 0)), "W2": h.T @ d}

    started = time.perf_counter()
    found = gg.check(network, backward, params, (x, t))
    assert time.perf_counter() - started < 20
    assert [one.verdict for one in found] == ["right", "right"]
    assert found["W1"].sampled == 24
    assert "48 of 101,632" in found.notes[0].en

    def one_wrong(p: Any, x: Any, t: Any, cache: Any) -> Any:
        g = backward(p, x, t, cache)
        g["W1"][500, 77] += 1e-3
        return g

    found = gg.check(network, one_wrong, params, (x, t))
    assert found["W1"].at == (500, 77)
    assert found["W1"].wrong == 1
    assert not np.isnan(found["W1"].numeric[500, 77])


# --- bad input -------------------------------------------------------------------------------------------------------


def test_structures_that_do_not_fit_are_errors_that_say_how() -> None:
    with pytest.raises(ShapeError, match=r"no gradient for 'W2'.*'W1'.*dW2"):
        gg.check(lambda p: np.sum(p["W1"]) + np.sum(p["W2"]), lambda p: {"W1": p["W1"]}, {"W1": W, "W2": W})
    with pytest.raises(ShapeError, match=r"3 gradient\(s\) for 2 parameter\(s\) \(a, b\)"):
        gg.check(lambda a, b: np.sum(a * b), lambda a, b: (a, b, a), (W, W))
    with pytest.raises(ShapeError, match="returned NoneType, but there are 2 parameters"):
        gg.check(lambda a, b: np.sum(a * b), lambda a, b: None, (W, W))
    with pytest.raises(ShapeError, match="gradient returned for w is a tuple of 2"):
        gg.check(lambda w: np.sum(w), lambda w: (w, w), W)
    with pytest.raises(ShapeError, match="gradient returned for w is str"):
        gg.check(lambda w: np.sum(w), lambda w: "w", W)


def test_losses_and_parameters_without_gradients() -> None:
    with pytest.raises(DTypeError, match="returned int64, which jumps"):
        gg.check(lambda w: np.sum(w > 0), lambda w: w, W)
    with pytest.raises(DTypeError, match="complex128"):
        gg.check(lambda w: np.sum(w) * 1j, lambda w: w, W)
    with pytest.raises(ShapeError, match="returned None"):
        gg.check(lambda w: None, lambda w: w, W)
    with pytest.raises(DTypeError, match="returned str"):
        gg.check(lambda w: "loss", lambda w: w, W)
    with pytest.raises(DTypeError, match=r"w is int64.*write 1\.0"):
        gg.check(lambda w: np.sum(w), lambda w: w, np.array([1, 2]))
    with pytest.raises(DTypeError, match="no floating-point numbers in params"):
        gg.check(lambda w: 1.0, lambda w: w, {})
    with pytest.raises(CheckError, match="returns nan at the parameters given"):
        gg.check(lambda w: np.sum(np.log(w)), lambda w: 1 / w, np.array([1.0, -1.0]))


def test_errors_of_the_code_that_is_checked_are_its_own() -> None:
    with pytest.raises(
        CheckError, match=r"error of its own: ValueError: .*test_check_functions\.py:\d+"
    ) as caught:
        gg.check(lambda w: np.sum(w @ np.ones(7)), lambda w: w, W)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(CheckError, match=r"backward pass, failed .*ZeroDivisionError: .*\.py:\d+"):
        gg.check(lambda w: np.sum(w), lambda w: w / (1 // 0), W)


def test_calls_that_are_not_understood() -> None:
    with pytest.raises(OptionError, match="no derivative rule of its own"):
        gg.check(least_squares, None, W, (X, Y[:, 0]))
    with pytest.raises(OptionError, match="needs the parameters"):
        gg.check(least_squares, least_squares_gradient)
    with pytest.raises(OptionError, match=r"does not know how to call .*\(a, b, c, d, e\)"):
        gg.check(least_squares, lambda a, b, c, d, e: a, W, (X, Y[:, 0]))
    with pytest.raises(DTypeError, match="glassgrad check FILE"):
        gg.check("network.py")  # type: ignore[arg-type]
    with pytest.raises(DTypeError, match="backward is dict"):
        gg.check(least_squares, {"w": W}, W)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"no gradient of 'W3' here\..*'W1'"):
        gg.check(forward, gradients, PARAMS, (X, Y))["W3"]


# --- what it says ----------------------------------------------------------------------------------------------------


def test_reports_in_both_languages() -> None:
    wrong = gg.check(
        forward, lambda p, x, cache: {**gradients(p, x, cache), "W2": -cache[0].T @ cache[1]}, PARAMS, (X, Y)
    )
    english, korean = wrong.text(), wrong.text(lang="ko")
    assert "W2: wrong" in english
    assert "yours" in english
    assert str(wrong) == english
    assert "W2: 틀림" in korean
    assert "wrong" not in korean
    assert "정확한 값" in korean
    assert repr(wrong).startswith("GradientCheck(forward: W1 right (")
    for lang in ("en", "ko"):
        page = wrong.html(lang=lang)  # type: ignore[arg-type]
        assert page.lower().startswith("<!doctype html>")
        assert "W2" in page
    bundle = wrong._repr_mimebundle_()
    assert {"text/plain", "text/html"} <= set(bundle)
    assert "right" in gg.check(forward, gradients, PARAMS, (X, Y)).text()


def test_every_sentence_is_in_both_languages_with_the_same_places() -> None:
    found = [value for value in vars(sentences).values() if isinstance(value, Text)]
    assert len(found) > 20
    for text in found:
        assert re.search("[가-힣]", text.ko), text
        assert not re.search("[가-힣]", text.en), text
        places = [
            {name.partition(":")[0] for _, name, _, _ in string.Formatter().parse(one) if name}
            for one in (text.en, text.ko)
        ]
        assert places[0] == places[1], text
