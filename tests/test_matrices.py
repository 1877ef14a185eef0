"""Jacobians, Hessians and their products: every mode, nestings, batched sweeps, complex functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DTypeError, OptionError, ShapeError, TraceError
from glassgrad.functional import matrices

RNG = np.random.default_rng(0)


def close(found: Any, expected: Any, rtol: float = 1e-10) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, atol=rtol)


def network(w: Any, x: Any) -> Any:
    return gg.softmax(gg.tanh(x @ w), axis=-1)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("few", [1, 10**9])  # all sweeps batched, or one by one
def test_modes_and_batched_sweeps_agree_with_differences(
    mode: Any, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrices, "_FEW", few)
    w, x = RNG.normal(size=(3, 4)), RNG.normal(size=(5, 3))
    found = gg.jacobian(network, mode=mode)(w, x)
    assert found.shape == (5, 4, 3, 4)
    h = 1e-6
    for place in np.ndindex(3, 4):
        e = np.zeros((3, 4))
        e[place] = h
        slope = (network(w + e, x).numpy() - network(w - e, x).numpy()) / (2 * h)
        close(found.numpy()[(..., *place)], slope, 1e-8)


def test_pieces_of_a_batched_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    x = RNG.normal(size=30)
    f = lambda x: gg.sin(gg.cumulative_sum(x))  # noqa: E731
    whole = gg.jacobian(f, mode="reverse")(x).numpy()
    monkeypatch.setattr(matrices, "_PIECE", 30 * 11)  # 11, 11 and 8 sweeps at once
    close(gg.jacobian(f, mode="reverse")(x), whole, 1e-15)
    close(whole, np.tril(np.cos(np.cumsum(x))[:, None] * np.ones(30)))


def test_nestings_of_arguments_and_results() -> None:
    params = {"w": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), "b": [np.array([1.0, 2.0])]}

    def f(p: Any, x: Any) -> Any:
        return {"y": p["w"] @ x + p["b"][0], "s": (gg.sum(x) * p["b"][0][0],)}

    x = np.array([1.0, 10.0, 100.0])
    for mode in ("forward", "reverse"):
        found = gg.jacobian(f, (0, 1), mode=mode)(params, x)
        by_params, by_x = found["y"]
        close(by_x, params["w"])
        close(by_params["w"], np.einsum("ij,k->ijk", np.eye(2), x))
        close(by_params["b"][0], np.eye(2))
        by_params, by_x = found["s"][0]
        close(by_x, np.ones(3))
        close(by_params["b"][0], [111.0, 0.0])
        close(by_params["w"], np.zeros((2, 3)))


def test_hessian_of_several_arguments() -> None:
    a, x, y = RNG.normal(size=(2, 3)), RNG.normal(size=2), RNG.normal(size=3)
    f = lambda x, y: (x @ a @ y) ** 2  # noqa: E731
    (xx, xy), (yx, yy) = gg.hessian(f, (0, 1))(x, y)
    u, v, s = a @ y, x @ a, x @ a @ y
    close(xx, 2 * np.outer(u, u))
    close(yy, 2 * np.outer(v, v))
    close(xy, 2 * np.outer(u, v) + 2 * s * a)
    close(yx, xy.numpy().T)
    tree = gg.hessian(lambda p: p["x"] * p["x"] * p["y"])({"x": 3.0, "y": 5.0})
    assert (tree["x"]["x"].item(), tree["x"]["y"].item(), tree["y"]["y"].item()) == (10.0, 6.0, 0.0)


def test_hessian_vector_products() -> None:
    a, x, v = RNG.normal(size=(4, 4)), RNG.normal(size=4), RNG.normal(size=4)
    f = lambda x, scale=1.0: gg.sum(gg.exp(gg.sin(a @ x))) * scale  # noqa: E731
    close(gg.hvp(f)(x, v), gg.hessian(f)(x).numpy() @ v)
    close(gg.hvp(f)(x, v, scale=2.0), 2 * gg.hessian(f)(x).numpy() @ v)
    close(gg.compile(gg.hvp(f), engine="numpy")(x, v), gg.hvp(f)(x, v).numpy(), 1e-13)
    g = lambda x, p: gg.sum(x * p["w"] ** 2)  # noqa: E731
    w, dw = RNG.normal(size=4), RNG.normal(size=4)
    by_x, by_p = gg.hvp(g, (0, 1))(x, {"w": w}, (v, {"w": dw}))
    close(by_x, 2 * w * dw)
    close(by_p["w"], 2 * x * dw + 2 * w * v)
    with pytest.raises(ShapeError, match="2 arguments, but was given a vector for 1"):
        gg.hvp(g, (0, 1))(x, {"w": w}, (v,))


def test_jacobians_inside_other_transforms() -> None:
    x = RNG.normal(size=9)
    norm = lambda x: gg.sum(gg.jacobian(lambda y: gg.tanh(y) * gg.sum(y))(x) ** 2)  # noqa: E731
    slope = gg.grad(norm)(x)
    h = 1e-6
    for i, e in enumerate(np.eye(9) * h):
        assert slope[i].item() == pytest.approx((norm(x + e) - norm(x - e)).item() / (2 * h), rel=1e-6)
    close(gg.compile(gg.grad(norm), engine="numpy")(x), slope.numpy(), 1e-12)
    rows = RNG.normal(size=(3, 9))
    close(gg.vmap(norm)(rows), [norm(row).item() for row in rows], 1e-12)


def test_a_parameter_that_wants_a_gradient_gets_it_through_a_jacobian() -> None:
    w = gg.tensor(RNG.normal(size=10), requires_grad=True)
    x = RNG.normal(size=10)
    gg.sum(gg.jacobian(lambda x: gg.sin(w * x))(x)).backward()
    close(w.grad, np.cos(w.numpy() * x) - w.numpy() * x * np.sin(w.numpy() * x))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(OptionError, match="'forward' or 'reverse', but 'fwd'"):
        gg.jacobian(lambda x: x, mode="fwd")  # type: ignore[arg-type]
    with pytest.raises(TraceError, match="batch size is open"):
        gg.trace(gg.jacobian(lambda x: x * x), gg.Spec(("N",)))


# --- complex ---

Z = RNG.normal(size=3) + 1j * RNG.normal(size=3)
A = RNG.normal(size=(4, 3)) + 1j * RNG.normal(size=(4, 3))


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_holomorphic_jacobians(mode: Any) -> None:
    close(gg.jacobian(lambda z: A @ (z * z), mode=mode, holomorphic=True)(Z), A * 2 * Z)
    close(gg.jacobian(gg.exp, mode=mode, holomorphic=True)(Z), np.diag(np.exp(Z)))


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_a_complex_result_of_a_real_argument_has_a_jacobian(mode: Any) -> None:
    x = RNG.normal(size=9)
    close(gg.jacobian(lambda x: gg.exp(1j * x), mode=mode)(x), np.diag(1j * np.exp(1j * x)))


def test_what_is_not_holomorphic_is_told() -> None:
    with pytest.raises(DTypeError, match="holomorphic=True"):
        gg.jacobian(lambda z: z * z)(Z)
    with pytest.raises(DTypeError, match="no complex derivative here"):
        gg.jacobian(lambda z: gg.conj(z) * z, holomorphic=True)(Z)
    with pytest.raises(DTypeError, match=r"one result .* is real"):
        gg.jacobian(gg.abs, holomorphic=True)(Z)
    with pytest.raises(DTypeError, match=r"one argument .* is real"):
        gg.jacobian(lambda x: x * 1j, holomorphic=True)(np.ones(3))
    with pytest.raises(DTypeError, match=r"returned complex128.*gg\.abs\(z\), gg\.real\(z\)"):
        gg.grad(lambda z: gg.sum(z * z))(Z)
    with pytest.raises(DTypeError, match="complex"):
        gg.tensor(Z, requires_grad=True).sum().backward()


def test_products_with_complex_jacobians() -> None:
    f = lambda z: A @ (z * z)  # noqa: E731
    J = A * 2 * Z
    v, u = RNG.normal(size=3) + 1j * RNG.normal(size=3), RNG.normal(size=4) + 1j * RNG.normal(size=4)
    close(gg.jvp(f, (Z,), (v,))[1], J @ v)
    close(gg.vjp(f, Z)[1](u)[0], J.conj().T @ u)
    with pytest.raises(DTypeError, match="tangent is complex128, but the argument is float64"):
        gg.jvp(lambda x: x * x, (np.ones(3),), (v,))
    with pytest.raises(DTypeError, match="cotangent is complex128, but the result is float64"):
        gg.vjp(lambda x: x * x, np.ones(3))[1](v)


def test_the_gradient_of_a_complex_argument_points_uphill() -> None:
    f = lambda z: gg.sum(gg.abs(z) ** 2)  # noqa: E731
    close(gg.grad(f)(Z), 2 * Z)
    assert f(Z + 1e-3 * gg.grad(f)(Z).numpy()).item() > f(Z).item()


def test_the_convention_beside_those_of_others() -> None:
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    z = 3.0 + 4.0j
    assert gg.grad(lambda z: gg.abs(z) ** 2)(z).item() == pytest.approx(6 + 8j)
    theirs = torch.tensor(z, requires_grad=True)
    (theirs.abs() ** 2).backward()
    assert theirs.grad.item() == pytest.approx(6 + 8j)
    assert complex(jax.grad(lambda z: abs(z) ** 2)(z)) == pytest.approx(6 - 8j)
