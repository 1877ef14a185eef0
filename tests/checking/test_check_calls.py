"""`gg.check` on functions: the ways in which people write and call them, and every way to get that wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import CheckError, DTypeError, OptionError, ShapeError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))
W = RNG.normal(size=3)


def least_squares(w: Any, x: Any, y: Any) -> Any:
    return 0.5 * np.sum((x @ w - y) ** 2)


def least_squares_gradient(w: Any, x: Any, y: Any) -> Any:
    return x.T @ (x @ w - y)


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


def test_settings_with_defaults() -> None:
    def loss(w: Any, x: Any, rate: float = 0.1) -> Any:
        z = x @ w
        return 0.5 * np.sum(z**2) + rate * np.sum(w**2), z

    ways: list[Any] = [
        lambda w, x, z, rate=0.1: x.T @ z + 2 * rate * w,
        lambda w, x, rate=0.7: x.T @ (x @ w) + 2 * rate * w,
        lambda w, x, rate, z: x.T @ z + 2 * rate * w,
    ]
    for number, backward in enumerate(ways):
        assert gg.check(loss, backward, W, X)["w"].verdict == "right", number
        assert gg.check(loss, backward, W, (X, 0.3))["w"].verdict == "right", number


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
        CheckError, match=r"error of its own: ValueError: .*test_check_calls\.py:\d+"
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
    with pytest.raises(OptionError, match=r"no gradient of 'v' here\..*'w'"):
        gg.check(least_squares, least_squares_gradient, W, (X, Y[:, 0]))["v"]
