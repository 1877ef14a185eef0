"""Checkpointing: the same numbers and gradients with less memory, eagerly and in graphs, with dropout and buffers."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines.numpy.program import StaticProgram, _in_place, _views, _writes
from glassgrad.errors import TraceError
from glassgrad.graph.passes import lower, plan_memory, simplify
from glassgrad.nn.module import Buffer
from glassgrad.ops import lookup

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))


def close(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, atol=rtol)


def block(p: Any, x: Any, *, k: float = 1.0) -> Any:
    h = gg.tanh(x @ p["w"]) * k
    return {"h": h, "s": gg.sum(gg.exp(h), axis=1)}


P = {"w": RNG.normal(size=(3, 3))}


def loss(f: Any) -> Any:
    def of(p: Any, x: Any) -> Any:
        out = f(p, x, k=2.0)
        return gg.sum(out["h"] ** 3) + gg.sum(gg.log(out["s"]))

    return of


def test_the_same_gradients_in_every_mode_and_order() -> None:
    kept, again = loss(block), loss(gg.checkpoint(block))
    for d in (
        lambda f: gg.grad(f, (0, 1))(P, X),
        lambda f: gg.hvp(f, (0, 1))(P, X, (P, X)),
        lambda f: gg.jvp(f, (P, X), (P, X)),
        lambda f: gg.grad(lambda x: gg.sum(gg.grad(f, 1)(P, x) ** 2))(X),
        lambda f: gg.jacobian(lambda x: gg.grad(f, 1)(P, x))(X),
        lambda f: gg.vmap(gg.grad(lambda x: f(P, gg.reshape(x, (1, 3)))))(X),
    ):
        mine, theirs = (gg.tree.flatten(d(f))[0] for f in (again, kept))
        for a, b in zip(mine, theirs, strict=True):
            close(a, b.numpy())


def test_what_is_closed_over_gets_its_gradient() -> None:
    w = gg.tensor(X, requires_grad=True)
    scale = w * 2.0
    for f in (
        lambda x: gg.sum(gg.sin(x * w) * scale),
        gg.checkpoint(lambda x: gg.sum(gg.sin(x * w) * scale)),
    ):
        w.grad = None
        (f(X) + f(scale)).backward()
        if f.__name__ == "<lambda>" and not hasattr(f, "__wrapped__"):
            expected = w.grad
    close(w.grad, expected.numpy())
    inner = gg.checkpoint(gg.checkpoint(lambda x: gg.sum(gg.sin(x * w) * scale)))
    w.grad = None
    (inner(X) + inner(scale)).backward()
    close(w.grad, expected.numpy())
    assert not gg.checkpoint(lambda x: x * 2.0)(X).requires_grad
    with gg.no_grad():
        assert not gg.checkpoint(lambda x: x * w)(X).requires_grad


def peak(f: Any, x: np.ndarray[Any, Any]) -> int:
    t = gg.tensor(x, requires_grad=True)
    tracemalloc.start()
    try:
        for _ in range(8):
            t = f(t)
        gg.sum(t).backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def deep(x: Any) -> Any:
    for _ in range(8):
        x = gg.sin(x)
    return x


@pytest.mark.parametrize(
    "inner",
    [
        lambda f, x: gg.grad(f)(x),
        lambda f, x: gg.jvp(f, (x,), (x,))[1],
        lambda f, x: gg.grad(gg.checkpoint(f))(x),
    ],
)
def test_what_a_transform_inside_closes_over_gets_its_gradient(inner: Any) -> None:
    def of(w: Any, x: Any) -> Any:
        doubled = 2.0 * w
        return gg.sum(inner(lambda x: gg.sum(gg.sin(w * x) * doubled), x) ** 2)

    def again(w: Any, x: Any) -> Any:
        doubled = 2.0 * w
        kept = gg.checkpoint(lambda x: inner(lambda x: gg.sum(gg.sin(w * x) * doubled), x))
        return gg.sum(kept(x) ** 2)

    w, x = np.array([0.5, -1.0]), np.array([0.25, 2.0])
    for nth in (gg.grad, gg.hessian):
        close(nth(again)(w, x), nth(of)(w, x).numpy())
    close(gg.jacobian(again, mode="forward")(w, x), gg.grad(of)(w, x).numpy())


def test_memory() -> None:
    x = RNG.normal(size=20_000)
    kept, again = peak(deep, x), peak(gg.checkpoint(deep), x)
    assert kept > 64 * x.nbytes
    assert again < 24 * x.nbytes  # 8 between the blocks, 8 inside the one at work, and cotangents


def test_memory_of_a_graph() -> None:
    def planned(f: Any) -> int:
        def of(x: Any) -> Any:
            for _ in range(8):
                x = f(x)
            return gg.sum(x)

        graph = gg.differentiate(gg.trace(of, gg.Spec((1000,))))
        close(gg.run(graph, np.ones(1000), engine_name="numpy")[1], gg.grad(of)(np.ones(1000)).numpy())
        close(gg.run(graph, np.ones(1000), engine_name="native")[1], gg.grad(of)(np.ones(1000)).numpy())
        ready = simplify(lower(graph, lambda name: lookup(name).numpy is not None))
        assert StaticProgram(graph).graph.nodes
        return plan_memory(ready, _writes, _views, _in_place).size

    assert planned(gg.checkpoint(deep)) < planned(deep) / 2


def test_dropout_is_drawn_once() -> None:
    layer = gg.nn.Dropout(0.5)
    x = np.ones((50, 4))
    for around in (lambda: gg.nn.random.stream(3, 1, np.arange(50)), None):
        gg.manual_seed(5)
        t = gg.tensor(x, requires_grad=True)
        f = gg.checkpoint(lambda t: layer(t) * layer(t))
        if around is None:
            out = f(t)
            after = layer(x).numpy()
            gg.sum(out).backward()
        else:
            with around():
                out = f(t)
                after = layer(x).numpy()
                gg.sum(out).backward()
        close(t.grad, 2 * out.detach().numpy())  # each mask scales by 2 or 0, so d(m·n·t²) = 2·m·n·t
        assert 0 < (out.detach().numpy() > 0).mean() < 1
        assert not np.array_equal(after > 0, out.detach().numpy() > 0)


def model_of(wrapped: bool) -> Any:
    class Counted(gg.nn.Module):
        def __init__(self) -> None:
            self.linear = gg.nn.Linear(3, 3, dtype="float64")
            self.drop = gg.nn.Dropout(0.3)
            self.count = Buffer(0.0)

        def inside(self, x: Any) -> Any:
            self.count.update(self.count + 1.0)
            return gg.tanh(self.drop(self.linear(x)))

        def forward(self, x: Any) -> Any:
            return (gg.checkpoint(self.inside) if wrapped else self.inside)(x)

    gg.manual_seed(1)
    return Counted()


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_fit_with_dropout_and_a_buffer(engine: str) -> None:
    y = RNG.normal(size=(4, 3))
    weights = []
    for wrapped in (True, False):
        model = model_of(wrapped)
        gg.fit(model, X, y, epochs=3, batch_size=2, loss="mse", engine=engine, progress=False, seed=3)
        weights.append([model.linear.weight.numpy().copy(), model.count.numpy().copy()])
    close(weights[0][0], weights[1][0])
    assert weights[0][1] == weights[1][1] == 6.0


def test_a_buffer_is_updated_once_eagerly() -> None:
    model = model_of(True)
    gg.sum(model(gg.tensor(X, requires_grad=True))).backward()
    assert model.count.item() == 1.0


def test_another_second_run_is_told() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return x * float(len(calls))

    out = gg.checkpoint(f)(gg.tensor(1.0, requires_grad=True))
    with pytest.raises(TraceError, match="f gave other numbers when it was run again"):
        out.backward()
