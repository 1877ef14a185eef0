"""Functions with rules of their own: eagerly, traced, compiled, batched, nested, and every way to get one wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DTypeError, OptionError, ShapeError, TraceError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))


def close(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, atol=rtol)


@gg.custom_vjp
def scaled(x: Any, y: Any) -> Any:
    return gg.sin(x) * y


@scaled.defvjp
def scaled_vjp(result: Any, x: Any, y: Any) -> Any:
    # ten times the true gradient, so that one sees who spoke
    return lambda g: (10 * g * gg.cos(x) * y, 10 * g * gg.sin(x))


@gg.custom_jvp
def moved(x: Any, y: Any) -> Any:
    return gg.sin(x) * y


@moved.defjvp
def moved_jvp(result: Any, x: Any, y: Any) -> Any:
    return lambda dx, dy: 10 * (gg.cos(x) * y * dx + gg.sin(x) * dy)


BOTH = pytest.mark.parametrize("f", [scaled, moved], ids=["vjp", "jvp"])
Y = RNG.normal(size=(4, 3))


@BOTH
def test_the_rule_is_taken_in_both_modes(f: Any) -> None:
    value, (gx, gy) = gg.value_and_grad(lambda x, y: gg.sum(f(x, y)), (0, 1))(X, Y)
    close(value, (np.sin(X) * Y).sum())
    close(gx, 10 * np.cos(X) * Y)
    close(gy, 10 * np.sin(X))
    dx, dy = RNG.normal(size=(2, 4, 3))
    close(gg.jvp(f, (X, Y), (dx, dy))[1], 10 * (np.cos(X) * Y * dx + np.sin(X) * dy))
    x = gg.tensor(X, requires_grad=True)
    gg.sum(f(x, Y)).backward()
    close(x.grad, 10 * np.cos(X) * Y)


@BOTH
def test_higher_orders_differentiate_the_rule(f: Any) -> None:
    of = lambda x: f(x, 3.0)  # noqa: E731
    for second in (gg.grad(gg.grad(of)), gg.hessian(of), lambda x: gg.jvp(gg.grad(of), (x,), (1.0,))[1]):
        close(second(gg.tensor(0.7)), -30 * np.sin(0.7))
    close(gg.grad(lambda x: gg.jvp(of, (x,), (1.0,))[1])(0.7), -30 * np.sin(0.7))


@BOTH
def test_graphs_say_the_same(f: Any) -> None:
    of = lambda x, y: gg.sum(f(x, y) ** 2)  # noqa: E731
    first = gg.grad(of, (0, 1))(X, Y)
    for engine in ("numpy", "native"):
        for a, b in zip(gg.compile(gg.grad(of, (0, 1)), engine=engine)(X, Y), first, strict=True):
            close(a, b.numpy())
        compiled = gg.compile(of, engine=engine)
        close(gg.grad(compiled)(X, Y), first[0].numpy())
        close(gg.hvp(compiled)(X, Y, X), gg.hvp(of)(X, Y, X).numpy())
    graph = gg.check_graph(gg.differentiate(gg.trace(of, gg.Spec(("N", 3)), gg.Spec(("N", 3)))))
    assert [node.op for node in graph.nodes].count("custom") == 1
    for a, b in zip(gg.run(graph, X, Y, engine_name="numpy")[1:], first, strict=True):
        close(a, b.numpy())


@BOTH
def test_batches_are_loops(f: Any) -> None:
    one = lambda x, y: gg.sum(f(x, y) * x)  # noqa: E731
    y = Y[0]
    close(gg.vmap(one, (0, None))(X, y), [one(gg.tensor(r), y).item() for r in X])
    close(gg.vmap(gg.grad(one), (0, None))(X, y), [gg.grad(one)(r, y).numpy() for r in X])
    by_y = gg.grad(lambda y: gg.sum(gg.vmap(one, (0, None))(X, y)))(y)
    close(by_y, sum(gg.grad(one, 1)(r, y).numpy() for r in X))
    forward = gg.jvp(lambda y: gg.vmap(one, (0, None))(X, y), (y,), (y,))[1]
    close(forward, [gg.jvp(lambda y, r=r: one(gg.tensor(r), y), (y,), (y,))[1].item() for r in X])
    loop = gg.scan(lambda c, r: (c + one(r, y), c), gg.tensor(0.0), X)[0]
    close(loop, sum(one(gg.tensor(r), y).item() for r in X))


def test_numpy_inside_runs_eagerly_and_is_refused_in_graphs() -> None:
    @gg.custom_vjp
    def straight(x: Any) -> Any:
        return np.round(np.asarray(x))

    @straight.defvjp
    def straight_vjp(result: Any, x: Any) -> Any:
        inside = np.abs(np.asarray(x)) < 1
        return lambda g: np.asarray(g) * inside

    x = np.array([0.4, 0.9, 3.2])
    close(gg.grad(lambda x: gg.sum(straight(x) * x))(x), np.round(x) + x * (np.abs(x) < 1))
    many = RNG.normal(size=20)
    close(gg.jacobian(straight, mode="reverse")(many), np.diag((np.abs(many) < 1) * 1.0))
    with pytest.raises(TraceError, match=r"straight is traced here.*glassgrad's functions"):
        gg.compile(straight)(x)
    with pytest.raises(TraceError, match=r"straight is differentiated in forward mode.*custom_jvp"):
        gg.jvp(straight, (x,), (x,))


def test_settings_nestings_and_what_has_no_gradient() -> None:
    @gg.custom_vjp
    def f(p: Any, index: Any, name: Any, scale: Any, *, power: int = 1) -> Any:
        assert name == "text"
        assert isinstance(scale, float)
        return {"y": p["w"][0] ** power * scale, "n": gg.sum(index)}, p["b"]

    @f.defvjp
    def f_vjp(result: Any, p: Any, index: Any, name: Any, scale: Any, *, power: int = 1) -> Any:
        def pull(g: Any) -> Any:
            gy, gb = g[0]["y"], g[1]
            return {"w": [gy * scale * power * p["w"][0] ** (power - 1)], "b": gb}, None, None, None

        return pull

    params = {"w": [np.array([2.0, 3.0])], "b": np.array(5.0)}

    def loss(p: Any) -> Any:
        out, b = f(p, np.arange(3), "text", 10.0, power=3)
        assert out["n"].item() == 3 if not isinstance(out["n"]._payload, gg.graph.Traced) else True
        return gg.sum(out["y"]) + b * b

    for of in (gg.grad(loss), gg.compile(gg.grad(loss), engine="numpy")):
        found = of(params)
        close(found["w"][0], [120.0, 270.0])
        close(found["b"], 10.0)


def test_residuals_as_in_jax_and_methods() -> None:
    @gg.custom_vjp
    def f(x: Any, y: Any) -> Any:
        return x * y

    f.defvjp(lambda x, y: (x * y, (x, y)), lambda res, g: (g * res[1] * 2, g * res[0] * 2))
    assert [g.item() for g in gg.grad(f, (0, 1))(3.0, 5.0)] == [10.0, 6.0]

    class Layer:
        factor = 4.0

        @gg.custom_vjp
        def twice(self, x: Any) -> Any:
            return x * self.factor

        @twice.defvjp
        def _twice(result: Any, self: Any, x: Any) -> Any:
            return lambda g: (None, g * self.factor * 2)

    layer = Layer()
    assert gg.grad(layer.twice)(1.0).item() == 8.0
    assert gg.compile(gg.grad(layer.twice), engine="numpy")(1.0).item() == 8.0


def test_nothing_is_recorded_where_nobody_wants_it() -> None:
    assert not scaled(X, Y).requires_grad
    with gg.no_grad():
        assert not scaled(gg.tensor(X, requires_grad=True), Y).requires_grad
    x = gg.tensor(X, requires_grad=True)
    inner = gg.grad(lambda t: gg.sum(scaled(t, x)))(X)
    assert inner.requires_grad
    gg.sum(inner).backward()
    close(x.grad, 10 * np.cos(X))


def test_complex_values_and_float32() -> None:
    @gg.custom_vjp
    def square(z: Any) -> Any:
        return z * z

    square.defvjp(lambda r, z: lambda g: g * gg.conj(2 * z))
    z, v = RNG.normal(size=3) + 1j * RNG.normal(size=3), RNG.normal(size=3) + 1j * RNG.normal(size=3)
    close(gg.vjp(square, z)[1](v)[0], v * np.conj(2 * z))
    close(gg.jvp(square, (z,), (v,))[1], v * 2 * z)
    assert gg.grad(lambda x: gg.sum(scaled(x, x)))(X.astype("float32")).dtype == "float32"


def wrong(returned: Any) -> Any:
    @gg.custom_vjp
    def f(x: Any, y: Any) -> Any:
        return x * y

    f.defvjp(lambda r, x, y: returned(x, y))
    return lambda: gg.grad(lambda x: gg.sum(f(x, np.ones((3, 1)))))(np.ones((3, 2)))


def test_wrong_rules_are_told() -> None:
    with pytest.raises(ShapeError, match=r"rule of f returned 1 cotangent\(s\), but f has 2"):
        wrong(lambda x, y: lambda g: g)()
    with pytest.raises(
        ShapeError, match=r"rule of f .* shape \(3, 2\) for argument 1 \(y\), .* shape \(3, 1\)"
    ):
        wrong(lambda x, y: lambda g: (g, g))()
    with pytest.raises(
        DTypeError, match=r"rule of f .* dtype float32 for argument 0 \(x\), which has float64"
    ):
        wrong(lambda x, y: lambda g: (g.astype("float32"), None))()
    with pytest.raises(ShapeError, match=r"cotangent with 2 part\(s\) for argument 0 \(x\), which has 1"):
        wrong(lambda x, y: lambda g: ([g, g], None))()
    with pytest.raises(DTypeError, match="rule of f returned Tensor, but it returns a function"):
        wrong(lambda x, y: x)()

    @gg.custom_jvp
    def h(x: Any) -> Any:
        return x, x

    h.defjvp(lambda r, x: lambda dx: dx)
    with pytest.raises(ShapeError, match=r"rule of h returned 1 tangent\(s\) for 2 result\(s\)"):
        gg.jvp(h, (1.0,), (1.0,))


def test_misuse_is_told() -> None:
    @gg.custom_vjp
    def f(x: Any, k: Any = None) -> Any:
        return x * w

    w: Any = 2.0
    with pytest.raises(OptionError, match=r"f has no derivative rule yet.*@f\.defvjp"):
        f(1.0)
    with pytest.raises(OptionError, match=r"made by gg\.custom_vjp"):
        f.defjvp(lambda *_: None)
    f.defvjp(lambda r, x, k=None: lambda g: g)
    with pytest.raises(DTypeError, match="k wants a gradient but was given by keyword"):
        f(1.0, k=gg.tensor(1.0, requires_grad=True))
    w = gg.tensor(2.0, requires_grad=True)
    with pytest.raises(DTypeError, match="f closes over a Tensor that wants a gradient"):
        gg.grad(f)(1.0)
    with pytest.raises(DTypeError, match="f closes over a Tensor that wants a gradient"):
        gg.trace(f, 1.0)
    w = gg.tensor(3.0)
    assert gg.compile(lambda x: f(x) + w, engine="numpy")(2.0).item() == 9.0
    with pytest.raises(DTypeError, match="takes a function"):
        gg.custom_vjp(3.0)  # type: ignore[arg-type]
