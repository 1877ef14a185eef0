"""Derivatives of functions to third order: closed forms, finite differences and PyTorch; nesting without confusion."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad.engines.numpy import interpret
from glassgrad.errors import DTypeError, ShapeError, TraceError
from glassgrad.graph.types import check_graph

RNG = np.random.default_rng(0)


def close(found: Any, expected: Any, rtol: float = 1e-10) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, atol=rtol)


# --- orders ---

FUNCTIONS: dict[str, tuple[Callable[[Any], Any], list[Callable[[float], float]]]] = {
    "sin": (gg.sin, [math.sin, math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x)]),
    "exp of a square": (
        lambda x: gg.exp(x * x),
        [
            lambda x: math.exp(x * x),
            lambda x: 2 * x * math.exp(x * x),
            lambda x: (2 + 4 * x * x) * math.exp(x * x),
            lambda x: (12 * x + 8 * x**3) * math.exp(x * x),
        ],
    ),
    "log": (gg.log, [math.log, lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3]),
    "power": (
        lambda x: x**2.5,
        [lambda x: x**2.5, lambda x: 2.5 * x**1.5, lambda x: 3.75 * x**0.5, lambda x: 1.875 / x**0.5],
    ),
    "cubic over whole numbers": (
        lambda x: x * x * x / 3 - 2 / x,
        [
            lambda x: x**3 / 3 - 2 / x,
            lambda x: x**2 + 2 / x**2,
            lambda x: 2 * x - 4 / x**3,
            lambda x: 2 + 12 / x**4,
        ],
    ),
    "sigmoid": (
        gg.sigmoid,
        [
            lambda x: 1 / (1 + math.exp(-x)),
            lambda x: (s := 1 / (1 + math.exp(-x))) * (1 - s),
            lambda x: (s := 1 / (1 + math.exp(-x))) * (1 - s) * (1 - 2 * s),
            lambda x: (s := 1 / (1 + math.exp(-x))) * (1 - s) * (1 - 6 * s + 6 * s * s),
        ],
    ),
}


def forward(f: Any) -> Any:
    return lambda x: gg.jvp(f, (x,), (1.0,))[1]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("modes", ["rrr", "fff", "rfr", "frf", "ffr", "rrf"])
def test_three_orders_in_every_mix_of_modes(name: str, modes: str) -> None:
    f, closed = FUNCTIONS[name]
    for x in (0.3, 0.9, 1.7):
        g = f
        close(g(gg.tensor(x)), closed[0](x))
        for order, mode in enumerate(modes, 1):
            g = gg.grad(g) if mode == "r" else forward(g)
            close(g(x), closed[order](x))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_three_orders_as_graphs(name: str) -> None:
    f, closed = FUNCTIONS[name]
    x = 0.7
    third = gg.trace(gg.grad(gg.grad(gg.grad(f))), gg.Spec(()))
    close(interpret(check_graph(third), [x])[0], closed[3](x))
    mixed = gg.differentiate(gg.trace(forward(gg.grad(f)), gg.Spec(())))
    value, slope = interpret(check_graph(mixed), [x])
    close(value, closed[2](x))
    close(slope, closed[3](x))


def network(w: Any, x: Any) -> Any:
    return gg.sum(gg.logsumexp(gg.tanh(x @ w), axis=1) + gg.softplus(gg.mean(x @ w, axis=1)))


def test_against_pytorch_to_second_order() -> None:
    torch = pytest.importorskip("torch")
    w, x, v = RNG.normal(size=(3, 4)), RNG.normal(size=(5, 3)), RNG.normal(size=(3, 4))

    def theirs(w: Any) -> Any:
        z = torch.tensor(x) @ w
        return (torch.logsumexp(torch.tanh(z), 1) + torch.nn.functional.softplus(z.mean(1))).sum()

    tw, tv = torch.tensor(w), torch.tensor(v)
    close(gg.grad(network)(w, x), torch.func.grad(theirs)(tw).numpy())
    close(gg.hessian(network)(w, x), torch.func.hessian(theirs)(tw).numpy())
    expected = torch.func.jvp(theirs, (tw,), (tv,))
    for ours, other in zip(gg.jvp(lambda w: network(w, x), (w,), (v,)), expected, strict=True):
        close(ours, other.numpy())
    along = gg.jvp(gg.grad(lambda w: network(w, x)), (w,), (v,))[1]
    close(along, torch.func.jvp(torch.func.grad(theirs), (tw,), (tv,))[1].numpy())


@given(st.integers(0, 1000))
def test_against_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    w, x, v = rng.normal(size=(2, 3)), rng.normal(size=(4, 2)), rng.normal(size=(2, 3))
    h = 1e-5
    ahead, behind = (float(network(w + s * v, x).item()) for s in (h, -h))
    slope = (gg.grad(network)(w, x).numpy() * v).sum()
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-7)
    close(gg.jvp(lambda w: network(w, x), (w,), (v,))[1], slope, 1e-9)
    turns = [gg.grad(network)(w + s * v, x).numpy() for s in (h, -h)]
    np.testing.assert_allclose(
        gg.jvp(gg.grad(lambda w: network(w, x)), (w,), (v,))[1].numpy(),
        (turns[0] - turns[1]) / (2 * h),
        rtol=1e-5,
        atol=1e-6,
    )


# --- Jacobians and Hessians ---


def test_jacobian_of_both_shapes() -> None:
    tall, wide = RNG.normal(size=(5, 2)), RNG.normal(size=(2, 5))
    close(gg.jacobian(lambda x: tall @ x)(np.ones(2)), tall)
    close(gg.jacobian(lambda x: wide @ x)(np.ones(5)), wide)
    close(gg.jacobian(lambda a, x: a @ x, 1)(wide, np.ones(5)), wide)
    outer = gg.jacobian(lambda x: gg.reshape(x, (2, 1)) * gg.reshape(x, (1, 2)))(np.array([2.0, 3.0]))
    assert outer.shape == (2, 2, 2)
    close(outer, [[[4, 0], [3, 2]], [[3, 2], [0, 6]]])


def test_jacobians_of_scalars_and_of_nothing() -> None:
    assert gg.jacobian(lambda x: x * x)(3.0).item() == 6.0
    assert gg.jacobian(lambda x: gg.concat([x, np.ones(2)]))(np.zeros(0)).shape == (2, 0)
    assert gg.jacobian(lambda x: x[0:0])(np.zeros(3)).shape == (0, 3)
    assert gg.jacobian(lambda x: gg.tensor([1.0, 2.0]))(np.zeros(3)).tolist() == [[0.0] * 3] * 2
    assert [j.item() for j in gg.jacobian(lambda x: (x, x * x))(2.0)] == [1.0, 4.0]


def test_hessian_is_the_jacobian_of_the_gradient() -> None:
    a = RNG.normal(size=(4, 4))
    x = RNG.normal(size=4)
    close(gg.hessian(lambda x: x @ a @ x)(x), a + a.T)
    f = lambda x: gg.sum(gg.exp(x) * gg.sin(x @ a))  # noqa: E731
    found = gg.hessian(f)(x).numpy()
    close(found, found.T)
    close(found, gg.jacobian(gg.jacobian(f))(x).numpy())


def test_third_derivatives_of_several_variables() -> None:
    f = lambda x: x[0] ** 2 * x[1] * x[2]  # noqa: E731
    third = gg.jacobian(gg.hessian(f))(np.array([2.0, 3.0, 5.0])).numpy()
    assert third[0, 0, 1] == third[0, 1, 0] == third[1, 0, 0] == 10.0
    assert third[0, 1, 2] == third[2, 1, 0] == 4.0
    assert third[1, 1, 1] == 0.0


# --- nesting ---


def test_no_confusion_of_perturbations() -> None:
    d = gg.grad
    assert d(lambda x: x * d(lambda y: x + y)(1.0))(1.0).item() == 1.0
    assert d(lambda x: x * d(lambda y: x * y)(2.0))(3.0).item() == 6.0
    assert forward(lambda x: x * forward(lambda y: x + y)(1.0))(1.0).item() == 1.0
    assert forward(lambda x: x * d(lambda y: x * y)(2.0))(3.0).item() == 6.0
    assert d(lambda x: x * forward(lambda y: x * y)(2.0))(3.0).item() == 6.0
    assert d(lambda x: d(lambda y: d(lambda z: x * y * z * z)(3.0))(2.0))(1.0).item() == 6.0


def test_closures_over_parameters_that_want_a_gradient() -> None:
    w = gg.tensor(3.0, requires_grad=True)
    slope = gg.grad(lambda x: w * w * x * x)(2.0)
    assert slope.item() == 36.0
    assert slope.requires_grad
    slope.backward()
    assert w.grad is not None
    assert w.grad.item() == 24.0
    value, pull = gg.vjp(lambda x: w * x, 5.0)
    pull(2.0)[0].backward()
    assert w.grad.item() == 26.0
    value.backward()
    assert w.grad.item() == 31.0


def test_results_at_the_top_are_plain() -> None:
    for result in (
        gg.grad(lambda x: x * x)(2.0),
        gg.grad(gg.grad(lambda x: x * x * x))(2.0),
        gg.grad(lambda x: gg.grad(lambda y: x * y)(3.0))(2.0),
        gg.grad(lambda t: gg.jvp(lambda x: x * x, (3.0,), (t,))[1])(2.0),
        gg.value_and_grad(lambda x: x * x)(2.0)[0],
        gg.jvp(lambda x: x * x, (2.0,), (1.0,))[0],
        gg.vjp(lambda x: x * x, 2.0)[1](1.0)[0],
        gg.hessian(lambda x: gg.sum(x * x))([1.0, 2.0]),
    ):
        assert not result.requires_grad
        np.asarray(result)


def test_derivatives_with_respect_to_seeds_and_tangents() -> None:
    square = lambda x: x * x  # noqa: E731
    assert gg.grad(lambda t: gg.jvp(square, (3.0,), (t,))[1])(2.0).item() == 6.0
    assert gg.grad(lambda t: gg.vjp(square, 3.0)[1](t)[0])(2.0).item() == 6.0
    assert gg.grad(lambda t: gg.jvp(square, (t,), (t,))[1])(2.0).item() == 8.0
    a, x = RNG.normal(size=(3, 2)), RNG.normal(size=2)
    # the transpose of the transpose is the function itself
    transposed = lambda u: gg.vjp(lambda x: a @ x, np.zeros(2))[1](u)[0]  # noqa: E731
    close(gg.vjp(transposed, np.zeros(3))[1](x)[0], a @ x)


def test_nothing_of_an_argument_leaks_into_its_own_gradient() -> None:
    x = gg.tensor([1.0, 2.0], requires_grad=True)
    gradient = gg.grad(lambda t: gg.sum(t * t))(x)
    assert gradient.tolist() == [2.0, 4.0]
    assert x.grad is None
    gradient.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0]


def test_inside_no_grad() -> None:
    with gg.no_grad():
        assert gg.grad(lambda x: x * x)(3.0).item() == 6.0
        assert gg.grad(gg.grad(lambda x: x * x * x))(3.0).item() == 18.0

    def partly(x: Any) -> Any:
        with gg.no_grad():
            y = x * x
        return y * x

    assert gg.grad(partly)(3.0).item() == 9.0


def test_a_stopped_gradient_stops_at_every_order() -> None:
    assert gg.grad(lambda x: gg.stop_gradient(x) * x)(3.0).item() == 3.0
    assert gg.grad(gg.grad(lambda x: gg.stop_gradient(x) * x))(3.0).item() == 0.0
    assert gg.grad(lambda x: x.detach() * x)(3.0).item() == 3.0


def test_gradients_inside_a_trace_are_nodes() -> None:
    w = RNG.normal(size=(3, 2))

    def f(x: Any) -> Any:
        value, slope = gg.value_and_grad(lambda t: gg.sum(gg.tanh(t @ w)))(x)
        return value, slope, gg.jvp(lambda t: gg.sum(t * t), (x,), (x,))[1]

    graph = check_graph(gg.trace(f, gg.Spec(("N", 3))))
    assert any(node.cause is not None for node in graph.nodes)
    x = RNG.normal(size=(4, 3))
    for found, expected in zip(interpret(graph, [x]), f(gg.tensor(x)), strict=True):
        close(found, expected.numpy(), 1e-12)


# --- arguments ---


def test_arguments_of_any_structure() -> None:
    params = {"w": gg.tensor([1.0, 2.0]), "layers": [gg.tensor(3.0), (gg.tensor(4.0),)]}

    def f(p: Any, scale: float, *, shift: float = 0.0) -> Any:
        return gg.sum(p["w"] * p["w"]) * scale + p["layers"][0] * p["layers"][1][0] + shift

    value, found = gg.value_and_grad(f)(params, 10.0, shift=5.0)
    assert value.item() == 67.0
    assert found["w"].tolist() == [20.0, 40.0]
    assert found["layers"][0].item() == 4.0
    assert isinstance(found["layers"][1], tuple)
    assert found["layers"][1][0].item() == 3.0


def test_several_arguments() -> None:
    f = lambda x, y, z: x * y + z  # noqa: E731
    assert [g.item() for g in gg.grad(f, (0, 1))(2.0, 3.0, 4.0)] == [3.0, 2.0]
    assert [g.item() for g in gg.grad(f, [2])(2.0, 3.0, 4.0)] == [1.0]
    assert gg.grad(f, 1)(2.0, 3.0, 4.0).item() == 2.0
    with pytest.raises(ShapeError, match=r"argument 3 .* 3 positional arguments"):
        gg.grad(f, 3)(1.0, 2.0, 3.0)


def test_vjp_and_jvp_of_several_results() -> None:
    def f(x: Any, p: Any) -> Any:
        return {"sum": x + p["b"], "twice": [x * p["b"], x]}

    result, pull = gg.vjp(f, 2.0, {"b": 3.0})
    assert result["sum"].item() == 5.0
    gx, gp = pull({"sum": 1.0, "twice": [10.0, 100.0]})
    assert gx.item() == 1.0 + 30.0 + 100.0
    assert gp["b"].item() == 1.0 + 20.0
    _, moved = gg.jvp(f, (2.0, {"b": 3.0}), (1.0, {"b": 10.0}))
    assert (moved["sum"].item(), moved["twice"][0].item(), moved["twice"][1].item()) == (11.0, 23.0, 1.0)


def test_lists_of_numbers_are_arrays_where_shapes_matter() -> None:
    assert gg.vjp(lambda x: x * x, [1.0, 2.0])[1]([1.0, 10.0])[0].tolist() == [2.0, 40.0]
    assert gg.jacobian(lambda x: x * x)([1.0, 2.0]).shape == (2, 2)
    assert gg.grad(lambda x: gg.sum(x * x))([1.0, 2.0]).tolist() == [2.0, 4.0]


def test_results_that_do_not_depend_or_are_the_argument() -> None:
    assert gg.grad(lambda x: x)(2.0).item() == 1.0
    assert gg.grad(lambda x: 3.0)(2.0).item() == 0.0
    assert gg.grad(lambda x: gg.tensor(5.0, requires_grad=True))(2.0).item() == 0.0
    assert gg.grad(lambda x: gg.astype(x > 1.0, "float64"))(2.0).item() == 0.0
    value, pull = gg.vjp(lambda x: (x, x, 7.0), 2.0)
    assert pull((1.0, 10.0, 100.0))[0].item() == 11.0
    assert value[2].item() == 7.0
    assert gg.jvp(lambda x: (x, 7.0), (2.0,), (3.0,))[1][1].item() == 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes_are_kept(dtype: str) -> None:
    x = np.ones((2, 3), dtype)
    f = lambda x: gg.mean(gg.gelu(x * 2) ** 3 / 7)  # noqa: E731
    value, slope = gg.value_and_grad(f)(x)
    assert value.dtype == slope.dtype == dtype
    assert gg.hessian(f)(x).dtype == dtype
    assert gg.jvp(f, (x,), (np.ones((2, 3)),))[1].dtype == dtype
    assert gg.vjp(lambda x: x * 2, x)[1](np.ones((2, 3)))[0].dtype == dtype


def test_what_has_no_gradient_is_said() -> None:
    with pytest.raises(DTypeError, match=r"int64; write 1\.0"):
        gg.grad(lambda x: x * x)(2)
    with pytest.raises(ShapeError, match=r"\(2,\); use gg\.jacobian"):
        gg.grad(lambda x: x * x)(np.ones(2))
    with pytest.raises(ShapeError, match="returned 2 values"):
        gg.grad(lambda x: (x * x, x))(2.0)
    with pytest.raises(ShapeError, match=r"cotangent has shape \(3,\), the result \(2,\)"):
        gg.vjp(lambda x: x, np.ones(2))[1](np.ones(3))
    with pytest.raises(ShapeError, match=r"tangent has shape \(3,\), the argument \(2,\)"):
        gg.jvp(lambda x: x, (np.ones(2),), (np.ones(3),))
    with pytest.raises(TraceError, match="silently"):
        gg.grad(lambda x: gg.tensor(float(x)))(2.0)


def test_a_long_loop_of_inner_gradients_costs_no_more_at_its_end() -> None:
    # each inner gradient looks at its own steps only, not at the whole outer tape
    x: Any = gg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(300):
        y = y - 0.001 * gg.grad(lambda t: gg.sin(t) * t)(y)
    y.backward()
    assert x.grad is not None
    h, ends = 1e-6, []
    for start in (1.0 + h, 1.0 - h):
        v = start
        for _ in range(300):
            v -= 0.001 * (math.cos(v) * v + math.sin(v))
        ends.append(v)
    assert x.grad.item() == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6)
