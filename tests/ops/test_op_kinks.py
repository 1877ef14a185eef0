"""GRADIENTS.md, row by row: what is returned where a derivative does not exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.functional import grad, hessian, jvp, vjp
from glassgrad.tensors import T

inf = np.inf


def slopes(f: Any, *xs: Any) -> list[np.ndarray]:
    """Return the gradient of the sum of the outputs for each argument."""
    z, pull = vjp(f, *[np.asarray(x, np.float64) for x in xs])
    return [g.numpy() for g in pull(np.ones(z.shape))]


ROWS: list[tuple[str, Any, list[Any], list[Any]]] = [
    ("max, tie", lambda x: T.max(x), [[1, 2, 2]], [[0, 0.5, 0.5]]),
    ("max over an axis, ties", lambda x: T.max(x, axis=1), [[[1, 1], [0, 3]]], [[[0.5, 0.5], [0, 1]]]),
    ("min, tie", lambda x: T.min(x), [[1, 1, 1, 2]], [[1 / 3, 1 / 3, 1 / 3, 0]]),
    ("maximum of arrays, tie", T.maximum, [[1, 2], [1, 0]], [[0.5, 1], [0.5, 0]]),
    ("minimum of arrays, tie", T.minimum, [[1, 2], [1, 0]], [[0.5, 0], [0.5, 1]]),
    ("maximum(x, 0)", lambda x: T.maximum(x, 0), [[-1, 0, 1]], [[0, 0, 1]]),
    ("maximum(0, x)", lambda x: T.maximum(0.0, x), [[-1, 0, 1]], [[0, 0, 1]]),
    ("minimum(x, 0)", lambda x: T.minimum(x, 0), [[-1, 0, 1]], [[1, 0, 0]]),
    ("abs", T.abs, [[-2, 0, 2]], [[-1, 0, 1]]),
    ("relu", T.relu, [[-1, 0, 1]], [[0, 0, 1]]),
    ("leaky_relu", lambda x: T.leaky_relu(x, 0.2), [[-1, 0, 1]], [[0.2, 0.2, 1]]),
    ("elu, α = 1 has no kink", T.elu, [[0.0]], [[1]]),
    ("elu, α = ½", lambda x: T.elu(x, 0.5), [[0.0]], [[0.5]]),
    ("hardtanh", T.hardtanh, [[-2, -1, 0, 1, 2]], [[0, 0, 1, 0, 0]]),
    ("clip, scalar bounds", lambda x: T.clip(x, 0, 3), [[-1, 0, 1, 3, 4]], [[0, 0, 1, 0, 0]]),
    ("clip, one scalar bound", lambda x: T.clip(x, min=0), [[-1, 0, 1]], [[0, 0, 1]]),
    ("clip, no bound", T.clip, [[-1, 0, 1]], [[1, 1, 1]]),
    (
        "clip, array bounds, tie",
        T.clip,
        [[0, 1, 5], [0, 0, 0], [2, 2, 2]],
        [[0.5, 1, 0], [0.5, 0, 0], [0, 0, 1]],
    ),
    ("std of a constant", lambda x: T.std(x), [[0.1, 0.1, 0.1]], [[0, 0, 0]]),
    ("std of constant rows", lambda x: T.std(x, axis=1), [[[0.7] * 10, [0.3] * 10]], [np.zeros((2, 10))]),
    ("sqrt(0)", T.sqrt, [[0.0]], [[inf]]),
    ("log(0)", T.log, [[0.0]], [[inf]]),
    ("prod, one zero", lambda x: T.prod(x), [[2, 0, 3]], [[0, 6, 0]]),
    ("prod, two zeros", lambda x: T.prod(x), [[2, 0, 0]], [[0, 0, 0]]),
    ("cumulative_prod, a zero", lambda x: T.cumulative_prod(x), [[2, 0, 3]], [[1, 8, 0]]),
    ("pow(0, 0)", T.pow, [[0.0], [0.0]], [[0], [0]]),
    ("pow(-2, 2)", T.pow, [[-2.0], [2.0]], [[-4], [np.nan]]),
    ("pow(0, 2)", T.pow, [[0.0], [2.0]], [[0], [0]]),
    ("where(x > 0, log x, 0)", lambda x: T.where(x > 0, T.log(x), 0.0), [[0, 2]], [[0, 0.5]]),
    ("where(x > 0, sqrt x, 0)", lambda x: T.where(x > 0, T.sqrt(x), 0.0), [[0, 4]], [[0, 0.25]]),
    ("where(x ≠ 0, 1/x, 0)", lambda x: T.where(T.not_equal(x, 0), 1 / x, 0.0), [[0, 2]], [[0, -0.25]]),
    ("logsumexp, all −inf", lambda x: T.logsumexp(x), [[-inf, -inf]], [[0, 0]]),
    ("logsumexp, some +inf", lambda x: T.logsumexp(x), [[inf, 1, inf]], [[0.5, 0, 0.5]]),
    (
        "logsumexp, rows apart",
        lambda x: T.logsumexp(x, axis=1),
        [[[-inf, -inf], [inf, 0], [0, 0], [-inf, 0]]],
        [[[0, 0], [1, 0], [0.5, 0.5], [0, 1]]],
    ),
    ("getitem, repeated", lambda x: x[np.array([0, 0, 2])], [[1, 2, 3]], [[2, 0, 1]]),
    ("step", lambda x: x * 0 + T.step(x), [[-1, 0, 1]], [[0, 0, 0]]),
    (
        "binary_cross_entropy, sure and right",
        T.binary_cross_entropy,
        [[0, 1], [0, 1]],
        [[1, -1], [inf, -inf]],
    ),
]


@pytest.mark.parametrize(("f", "xs", "expected"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_convention(f: Any, xs: list[Any], expected: list[Any]) -> None:
    for ours, theirs in zip(slopes(f, *xs), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_step_at_zero_is_one() -> None:
    np.testing.assert_array_equal(T.step(np.array([-1.0, 0.0, 1.0])).numpy(), [0, 1, 1])


def test_products_are_exact_at_zeros_to_second_order() -> None:
    x = np.array([2.0, 0.0, 3.0, 0.0])
    expected = np.zeros((4, 4))
    expected[1, 3] = expected[3, 1] = 6
    np.testing.assert_array_equal(hessian(T.prod)(x).numpy(), expected)
    found = hessian(lambda x: T.sum(T.cumulative_prod(x)))(x).numpy()
    np.testing.assert_array_equal(found, [[0, 4, 0, 0], [4, 0, 2, 6], [0, 2, 0, 0], [0, 6, 0, 0]])


def test_scatter_with_repeated_indices_sums() -> None:
    at = np.array([1, 1, 0])
    out = T.index_add(np.array([1.0, 2.0, 4.0]), at, (3,))
    np.testing.assert_array_equal(out.numpy(), [4, 3, 0])
    g = grad(lambda v: T.sum(T.multiply(T.index_add(v, at, (3,)), np.array([10.0, 20.0, 30.0]))))(np.ones(3))
    np.testing.assert_array_equal(g.numpy(), [20, 20, 10])


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_strong_zero_holds_for_single_numbers() -> None:
    f = lambda x, y: T.tanh(x / T.relu(y))  # noqa: E731
    assert slopes(f, 0.5, -1.0) == slopes(f, [0.5], [-1.0]) == [0.0, 0.0]
    assert slopes(lambda x: T.where(x > 0, T.log(x), 0.0), 0.0) == [0.0]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "f",
    [
        T.sqrt,
        T.log,
        lambda x: 1 / x,
        T.lgamma,
        lambda x: x**0.5,
        lambda x: T.sin(x) / x,
        lambda x: T.xlogy(x, x),
    ],
)
def test_a_branch_not_taken_passes_nothing_back_in_the_second_order_either(f: Any) -> None:
    taken = lambda x: T.sum(T.where(x > 0.5, f(x), 0.0))  # noqa: E731
    x = np.array([0.0, 1.0])
    second = jvp(grad(lambda x: f(x)), (1.0,), (1.0,))[1]
    backward_twice = grad(lambda x: T.sum(grad(taken)(x)))(x)
    forward_of_backward = jvp(grad(taken), (x,), (np.ones(2),))[1]
    for found in (backward_twice, forward_of_backward):
        np.testing.assert_allclose(found.numpy(), [0, second.numpy()], rtol=1e-12)


def test_no_warning_leaks_from_a_derivative(recwarn: pytest.WarningsRecorder) -> None:
    x = np.array([0.0, 4.0])
    with np.errstate(all="ignore"):
        _, pull = vjp(lambda x: T.where(x > 0, T.log(x) + T.pow(x, 0.5) + 1 / x, 0.0), x)
    pull(np.ones(2))
    slopes(lambda x: T.std(x), [1, 1])
    slopes(lambda x: T.logsumexp(x), [-inf, -inf])
    assert [w for w in recwarn if issubclass(w.category, RuntimeWarning)] == []


def test_the_column_of_pytorch_is_true() -> None:
    torch = pytest.importorskip("torch")
    tf = torch.nn.functional

    def theirs(f: Any, *xs: Any) -> list[Any]:
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in xs]
        return [g.tolist() for g in torch.autograd.grad(f(*tensors).sum(), tensors)]

    zero, nan = torch.zeros((), dtype=torch.float64), pytest.approx(np.nan, nan_ok=True)
    assert theirs(lambda x: torch.amax(x, 0), [1, 2, 2]) == [[0, 0.5, 0.5]]
    assert theirs(lambda x: torch.max(x, 0).values, [1, 2, 2])[0] in ([0, 1, 0], [0, 0, 1])
    assert theirs(torch.maximum, [1], [1]) == [[0.5], [0.5]]
    assert theirs(lambda x: torch.maximum(x, zero), [0]) == [[0.5]]
    assert theirs(torch.abs, [0]) == [[0]]
    assert theirs(torch.relu, [0]) == [[0]]
    assert theirs(lambda x: tf.leaky_relu(x, 0.2), [0]) == [[0.2]]
    assert theirs(tf.hardtanh, [-1, 1]) == [[0, 0]]
    assert theirs(lambda x, low: torch.clamp(x, min=low), [0], [0]) == [[1], [0]]
    assert theirs(lambda x: torch.std(x, 0, correction=0), [1, 1]) == [[0, 0]]
    assert theirs(torch.sqrt, [0]) == [[inf]]
    assert theirs(torch.prod, [2, 0, 3]) == [[0, 6, 0]]
    assert theirs(torch.pow, [0], [0]) == [[0], [0]]
    assert theirs(torch.pow, [-2], [2]) == [[-4], [nan]]
    assert theirs(lambda x: torch.where(x > 0, torch.log(x), 0), [0]) == [[nan]]
    assert theirs(lambda x: torch.logsumexp(x, 0), [-inf, -inf]) == [[nan, nan]]
    assert theirs(lambda x: torch.logsumexp(x, 0), [inf, 0])[0][0] == nan
    assert theirs(lambda x: x[torch.tensor([0, 0])], [1, 2]) == [[2, 0]]
