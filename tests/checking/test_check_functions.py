"""`gg.check` on functions: right ones pass without a word, planted faults are found, placed and named."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.checking import sentences
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


def test_a_column_that_meets_a_row_is_told() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        return np.mean((x @ w - y) ** 2)

    def gradient(w: Any, x: Any, y: Any) -> Any:
        return 2 * x.T @ (x @ w - y) / len(x)

    found = gg.check(loss, gradient, W[:, None], (X, Y[:, 0]))
    assert (found["w"].verdict, found["w"].cause) == ("wrong", "broadcast")
    assert "(6, 1) and (6,) have become (6, 6)" in found["w"].findings[1].en
    assert gg.check(loss, gradient, W[:, None], (X, Y[:, :1])).ok


# --- layers --------------------------------------------------------------------------------------------------------


def test_rows_that_are_picked_twice_and_overwritten() -> None:
    table, rows = RNG.normal(size=(7, 4)), np.array([[1, 2, 2], [0, 6, 1]])

    def added(dout: Any, table: Any, rows: Any) -> Any:
        gradient = np.zeros_like(table)
        np.add.at(gradient, rows, dout)
        return gradient

    def overwritten(dout: Any, table: Any, rows: Any) -> Any:
        gradient = np.zeros_like(table)
        gradient[rows] += dout
        return gradient

    assert gg.check(lambda table, rows: table[rows], added, table, (rows,))["table"].verdict == "right"
    found = gg.check(lambda table, rows: table[rows], overwritten, table, (rows,))["table"]
    assert (found.verdict, found.wrong) == ("wrong", 8)
    assert found.at is not None
    assert found.at[0] in (1, 2)


def test_a_recurrent_network_with_a_weight_that_is_not_transposed() -> None:
    params = {"Wx": RNG.normal(size=(3, 2)), "Wh": RNG.normal(size=(3, 3)) / 2, "V": RNG.normal(size=(2, 3))}
    sequence, target = RNG.normal(size=(4, 2)), np.array([0.3, 0.4])

    def run(p: Any, xs: Any, t: Any) -> Any:
        states = [np.zeros(3)]
        for x in xs:
            states.append(np.tanh(p["Wx"] @ x + p["Wh"] @ states[-1]))
        return 0.5 * np.sum((p["V"] @ states[-1] - t) ** 2), states

    def through_time(p: Any, xs: Any, t: Any, states: Any, *, wrong: bool = False) -> Any:
        error = p["V"] @ states[-1] - t
        g = {"Wx": np.zeros((3, 2)), "Wh": np.zeros((3, 3)), "V": np.outer(error, states[-1])}
        back = p["V"].T @ error
        for k in reversed(range(len(xs))):
            delta = back * (1 - states[k + 1] ** 2)
            g["Wx"] += np.outer(delta, xs[k])
            g["Wh"] += np.outer(delta, states[k])
            back = (p["Wh"] if wrong else p["Wh"].T) @ delta
        return g

    right = gg.check(run, through_time, params, (sequence, target))
    assert [one.verdict for one in right] == ["right"] * 3
    wrong = gg.check(
        run, lambda p, xs, t, states: through_time(p, xs, t, states, wrong=True), params, (sequence, target)
    )
    assert [one.verdict for one in wrong] == ["wrong", "wrong", "right"]


def test_max_pooling_with_ties_and_padding() -> None:
    x = np.maximum(RNG.normal(size=(2, 1, 4, 4)), 0)

    def pool(x: Any) -> Any:
        tiles = x.reshape(2, 1, 2, 2, 2, 2)
        return tiles.max(axis=(3, 5)), tiles

    def unpool(dout: Any, tiles: Any) -> Any:
        largest = tiles == tiles.max(axis=(3, 5), keepdims=True)
        return (largest * dout[:, :, :, None, :, None]).reshape(2, 1, 4, 4)

    assert gg.check(pool, unpool, x).ok
    assert not gg.check(pool, lambda dout, tiles: unpool(dout, tiles) / 4, x).ok


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
