"""NumPy's functions on Tensors: values, gradients and graphs against NumPy itself, and what is refused."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DTypeError, OptionError, TraceError
from glassgrad.numpy_calls import RULES
from glassgrad.numpy_calls.table import _renamed
from glassgrad.ops import FUNCTIONS, REGISTRY
from glassgrad.tree import flatten
from numpy_samples import MASK, SAME_ANYWHERE, WITH_NUMBERS, WRITERS, X

NAMES = [*SAME_ANYWHERE, *WITH_NUMBERS]


def outputs(result: Any) -> list[Any]:
    return flatten(list(result) if isinstance(result, (list, tuple)) else [result])[0]


def weighed(result: Any) -> Any:
    """Return a sum of all real and imaginary parts of a result, each with a weight of its own."""
    total: Any = 0.0
    for k, z in enumerate(outputs(result)):
        dtype = getattr(z, "dtype", np.dtype(type(z)))
        if dtype.kind not in "fc":
            continue
        weights = np.cos(np.arange(np.size(z), dtype=float) + k).reshape(np.shape(z))
        total = total + np.sum(np.real(z) * weights)
        if dtype.kind == "c":
            total = total + np.sum(np.imag(z) * np.sin(3.0 + 2.0 * weights))
    return total


@pytest.mark.parametrize("name", NAMES)
def test_values_are_numpys(name: str) -> None:
    call = (SAME_ANYWHERE | WITH_NUMBERS)[name]
    theirs, ours = outputs(call(X)), outputs(call(gg.tensor(X, requires_grad=True)))
    assert len(theirs) == len(ours)
    for a, b in zip(theirs, ours, strict=True):
        found = b.detach().numpy() if isinstance(b, gg.Tensor) else b
        np.testing.assert_allclose(found, a, rtol=1e-11, atol=1e-12)
        assert np.asarray(found).dtype == np.asarray(a).dtype


@pytest.mark.parametrize("name", SAME_ANYWHERE)
def test_gradients_are_right(name: str) -> None:
    call = SAME_ANYWHERE[name]
    found = gg.grad(lambda x: weighed(call(x)) + 0.0 * x[0, 0])(X).numpy()
    slopes = np.zeros_like(X)
    for place in np.ndindex(*X.shape):
        step = np.zeros_like(X)
        step[place] = 1e-6
        slopes[place] = (weighed(call(X + step)) - weighed(call(X - step))) / 2e-6
    np.testing.assert_allclose(found, slopes, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", [n for n in SAME_ANYWHERE if n != "real_if_close"])
def test_graphs_say_the_same(name: str) -> None:
    call = SAME_ANYWHERE[name]
    graph = gg.trace(lambda x: weighed(call(x)) + 0.0 * x[0, 0], X)
    np.testing.assert_allclose(gg.run(graph, X)[0], weighed(call(X)), rtol=1e-10)


@pytest.mark.parametrize("name", WRITERS)
def test_what_writes_into_arrays(name: str) -> None:
    a, t = X.copy(), gg.tensor(X)
    alias = t
    WRITERS[name](a)
    WRITERS[name](t)
    np.testing.assert_array_equal(alias.numpy(), a)


def test_every_rule_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[Any] = set()

    def noted(function: Any, rule: Any) -> Any:
        return lambda *args, **kwargs: (seen.add(function), rule(*args, **kwargs))[1]

    for function, rule in list(RULES.items()):
        monkeypatch.setitem(RULES, function, noted(function, rule))
    for call in [*SAME_ANYWHERE.values(), *WITH_NUMBERS.values(), *WRITERS.values()]:
        call(gg.tensor(X))
    aliases = {np.empty_like}
    assert {f.__name__ for f in RULES if f not in seen | aliases} == set()


def test_rows_of_the_table_name_what_there_is() -> None:
    for f, rule in RULES.items():
        if rule.__qualname__ == rule.__name__ and rule.__code__.co_name == "carry_out":
            assert rule.__name__ in REGISTRY or rule.__name__ in FUNCTIONS, f
    with pytest.raises(OptionError, match=r"sort with order='x' has no derivative rule"):
        _renamed(np.sort, "sort", ["a"])(None, X, order="x")


# --- plain code, unchanged ---

SCRIPT = """
import numpy as np

def forward(W1, b1, W2, b2, x):
    hidden = np.tanh(np.dot(x, W1) + b1)
    scores = np.matmul(hidden, W2) + b2
    scores = scores - np.max(scores, axis=1, keepdims=True)
    return scores - np.log(np.sum(np.exp(scores), axis=-1, keepdims=True))

def loss(W1, b1, W2, b2, x, y):
    log_p = forward(W1, b1, W2, b2, x)
    picked = log_p[np.arange(len(y)), y]
    penalty = 0.01 * (np.sum(np.square(W1)) + np.sum(W2 ** 2))
    return -np.mean(picked) + penalty

rng = np.random.default_rng(0)
W1, b1 = rng.normal(size=(2, 5)), np.zeros(5)
W2, b2 = rng.normal(size=(5, 3)), np.zeros(3)
x, y = rng.normal(size=(20, 2)), rng.integers(0, 3, size=20)
"""


def script() -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(compile(SCRIPT, "plain.py", "exec"), space)
    return space


def test_a_plain_network_differentiates_unchanged() -> None:
    torch = pytest.importorskip("torch")
    plain = script()
    loss, given = plain["loss"], [plain[k] for k in ("W1", "b1", "W2", "b2", "x", "y")]
    value, gradients = gg.value_and_grad(loss, (0, 1, 2, 3))(*given)
    assert value.item() == pytest.approx(loss(*given), rel=1e-14)
    weights = [torch.tensor(w, requires_grad=True) for w in given[:4]]
    W1, b1, W2, b2 = weights
    scores = torch.tanh(torch.tensor(given[4]) @ W1 + b1) @ W2 + b2
    theirs = torch.nn.functional.cross_entropy(scores, torch.tensor(given[5]))
    (theirs + 0.01 * ((W1**2).sum() + (W2**2).sum())).backward()
    for ours, weight in zip(gradients, weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), weight.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_and_is_traced_and_compiled_unchanged() -> None:
    plain = script()
    loss, given = plain["loss"], [plain[k] for k in ("W1", "b1", "W2", "b2", "x", "y")]
    graph = gg.check_graph(gg.trace(loss, *given))
    assert gg.run(graph, *given)[0] == pytest.approx(loss(*given), rel=1e-13)
    eager = gg.grad(loss, (0, 1, 2, 3))(*given)
    compiled = gg.compile(gg.grad(loss, (0, 1, 2, 3)))(*given)
    for a, b in zip(eager, compiled, strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-11, atol=1e-14)


def test_a_script_runs_and_learns(tmp_path: Path) -> None:
    program = tmp_path / "plain.py"
    program.write_text(
        SCRIPT
        + textwrap.dedent(
            """
            import glassgrad as gg

            step = gg.value_and_grad(loss, (0, 1, 2, 3))
            losses = []
            for _ in range(60):
                value, grads = step(W1, b1, W2, b2, x, y)
                for w, g in zip((W1, b1, W2, b2), grads):
                    w -= 0.5 * g
                losses.append(float(value))
            assert losses[-1] < 0.8 * losses[0], losses
            assert all(type(w) is np.ndarray for w in (W1, b1, W2, b2))
            print("learned")
            """
        )
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("learned\n", "")


# --- what is refused, and what is not ---


def test_without_a_rule_plain_values_are_given_to_numpy() -> None:
    t = gg.tensor(X)
    counts, edges = np.histogram(t)
    assert isinstance(edges, gg.Tensor)
    np.testing.assert_array_equal(counts, np.histogram(X)[0])
    np.testing.assert_array_equal(np.unique(gg.tensor([2, 1, 2])), [1, 2])
    assert np.gcd(gg.tensor([4, 6]), 2).tolist() == [2, 2]
    assert np.array_str(gg.tensor([1.0])) == "[1.]"


@pytest.mark.parametrize("traced", [False, True])
def test_without_a_rule_a_gradient_is_not_lost(traced: bool) -> None:
    def f(t: Any) -> Any:
        return np.histogram(t)[1].sum()

    with pytest.raises(
        DTypeError, match=r"np\.histogram has no derivative rule(.|\n)*custom_vjp(.|\n)*test_numpy_calls"
    ):
        gg.trace(f, X) if traced else f(gg.tensor(X, requires_grad=True))
    with pytest.raises(DTypeError, match=r"np\.frexp has no derivative rule"):
        np.frexp(gg.tensor(X, requires_grad=True))
    with pytest.raises(DTypeError, match=r"np\.divide\.at has no derivative rule"):
        np.divide.at(gg.tensor(X, requires_grad=True), 0, 2.0)


def test_a_rule_can_be_given() -> None:
    @gg.custom_vjp
    def spacing(x: Any) -> Any:
        return np.spacing(np.asarray(x))

    @spacing.defvjp
    def spacing_vjp(result: Any, x: Any) -> Any:
        return lambda g: (g * 0.0,)

    assert gg.grad(lambda x: np.sum(spacing(x) + x))(X).tolist() == np.ones_like(X).tolist()


@pytest.mark.parametrize("read", [np.asarray, np.array, float, complex, lambda t: np.array([t, t])])
def test_reading_numbers_says_how_to_keep_the_gradient(read: Callable[[Any], Any]) -> None:
    with pytest.raises(TraceError, match=r"detach\(\)(.|\n)*test_numpy_calls\.py"):
        read(gg.tensor(2.0, requires_grad=True))
    with pytest.raises(TraceError):
        gg.trace(lambda t: read(t), 2.0)
    np.testing.assert_array_equal(np.asarray(read(gg.tensor(2.0))).ravel()[0], 2.0)


def test_settings_that_have_no_rule_are_said() -> None:
    t = gg.tensor(X, requires_grad=True)
    for call in (
        lambda: np.pad(t, 1, mode="mean"),
        lambda: np.pad(t, ((1, 0), (0, 0)), mode="reflect", reflect_type="odd"),
        lambda: np.quantile(t, 0.5, method="nearest"),
        lambda: np.take(t, [0], mode="wrap"),
        lambda: np.reshape(t, (4, 3), order="Z"),
    ):
        with pytest.raises(OptionError, match="no derivative rule"):
            call()
    with pytest.raises(OptionError, match="where= leaves the other places"):
        np.add(t, 1.0, where=MASK)
    with pytest.raises(OptionError, match="initial="):
        np.max(t, where=MASK)


def test_the_result_is_a_value_of_its_own() -> None:
    t = gg.tensor([1.0, 2.0])
    for other in (np.positive(t), np.copy(t), t.copy(), np.real(t) * 1, np.array(t), np.conj(t)):
        other[0] = 9.0
    assert t.tolist() == [1.0, 2.0]


def test_an_array_takes_in_plain_values() -> None:
    array = np.ones(2)
    assert np.add(array, gg.tensor([1.0, 2.0]), out=array) is array
    array += gg.tensor([1.0, 1.0])
    assert array.tolist() == [3.0, 4.0]
    np.sum(gg.tensor([[1.0], [2.0]]), axis=0, out=array[:1])
    assert array.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("order", ["A", "K"])
def test_the_order_of_memory_is_not_guessed_at(order: str) -> None:
    x = gg.tensor(np.arange(6.0).reshape(2, 3).T)
    assert np.ravel(x[0], order=order).tolist() == [0.0, 3.0]
    with pytest.raises(OptionError, match='order="C"'):
        np.ravel(x, order=order)


def test_what_is_left_out_has_no_spread_and_no_extreme() -> None:
    x = np.array([[1.0, np.nan, np.nan], [2.0, 4.0, np.nan], [np.nan] * 3])
    gradient = gg.grad(
        lambda x: np.sum(np.nanstd(x[:2], axis=1)) + np.sum(np.std(x[:2, :1], axis=1, where=[[True]]))
    )
    np.testing.assert_array_equal(gradient(x).numpy(), [[0, 0, 0], [-0.5, 0.5, 0], [0, 0, 0]])
    for extreme, expected in ((np.nanmax, [1.0, 4.0, np.nan]), (np.nanmin, [1.0, 2.0, np.nan])):
        np.testing.assert_array_equal(extreme(gg.tensor(x), axis=1).numpy(), expected)
        assert extreme(gg.tensor([[1, 2]]), axis=1).dtype == np.int64
