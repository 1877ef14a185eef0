"""`gg.check` where it is hard: kinks and steps, few digits, what cannot be traced, random numbers, large arrays."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import CheckError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))
W = RNG.normal(size=3)


def least_squares(w: Any, x: Any, y: Any) -> Any:
    return 0.5 * np.sum((x @ w - y) ** 2)


def least_squares_gradient(w: Any, x: Any, y: Any) -> Any:
    return x.T @ (x @ w - y)


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
    assert (jump["w"].verdict, jump["w"].cause) == ("notice", "jump")


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
    assert re.search(r"test_check_hard_cases\.py:\d+", right.notes[0].en)
    assert re.search(r"test_check_hard_cases\.py:\d+", right.notes[0].ko)
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
