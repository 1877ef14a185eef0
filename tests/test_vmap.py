"""`vmap` and per-sample gradients: what a loop over the rows gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DTypeError, OptionError, ShapeError, TraceError
from glassgrad.nn.module import Buffer

RNG = np.random.default_rng(0)


def close(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, atol=rtol)


def loss(w: Any, x: Any, y: Any) -> Any:
    hidden = gg.tanh(x @ w["a"] + w["b"])
    return gg.sum(gg.cross_entropy(gg.reshape(hidden, (1, -1)), gg.reshape(y, (1,))))


W = {"a": RNG.normal(size=(4, 3)), "b": RNG.normal(size=3)}
X, Y = RNG.normal(size=(6, 4)), RNG.integers(0, 3, 6)


def test_per_sample_gradients_are_those_of_a_loop() -> None:
    found = gg.per_sample_grad(loss)(W, X, Y)
    same = gg.vmap(gg.grad(loss), in_axes=(None, 0, 0))(W, X, Y)
    for i in range(6):
        one = gg.grad(loss)(W, X[i], Y[i])
        for key in W:
            close(found[key][i], one[key].numpy())
            close(same[key][i], one[key].numpy())
    total = gg.grad(lambda w: gg.sum(gg.vmap(loss, (None, 0, 0))(w, X, Y)))(W)
    close(total["a"], found["a"].numpy().sum(0))


def test_norms_of_per_sample_gradients_compiled() -> None:
    def of(w: Any, x: Any) -> Any:
        return gg.sum(gg.tanh(x @ w))

    norms = lambda w, x: gg.sum(gg.per_sample_grad(of)(w, x) ** 2, axis=(1, 2))  # noqa: E731
    expected = [(gg.grad(of)(W["a"], x).numpy() ** 2).sum() for x in X]
    close(norms(W["a"], X), expected)
    close(gg.compile(norms, engine="numpy")(W["a"], X), expected)
    close(gg.compile(norms)(W["a"], X), expected)


def test_a_model_is_a_function_of_a_row() -> None:
    model = gg.nn.mlp(4, [5], 3, seed=0, dtype="float64")
    one = lambda x: gg.sum(model(gg.reshape(x, (1, 4))) ** 2)  # noqa: E731
    whole = gg.grad(lambda x: gg.sum(model(x) ** 2))(X)
    close(gg.vmap(gg.grad(one))(X).detach(), whole.detach().numpy())
    gg.sum(gg.vmap(one)(X)).backward()
    found = [p.grad.numpy() for p in model.parameters()]
    for p in model.parameters():
        p.grad = None
    gg.sum(model(X) ** 2).backward()
    for a, p in zip(found, model.parameters(), strict=True):
        close(a, p.grad.numpy())


@pytest.mark.parametrize(
    "f",
    [
        lambda x: gg.softmax(x, axis=0),
        lambda x: gg.sum(x, axis=0) + x[0],
        lambda x: gg.where(x > 0, gg.log(gg.abs(x)), x),
        lambda x: gg.stack([x, gg.max(x, axis=0, keepdims=True) * x]),
        lambda x: gg.grad(lambda t: gg.sum(t**3))(x),
        lambda x: gg.jvp(lambda t: t * gg.sum(t), (x,), (x,))[1],
        lambda x: gg.scan(lambda c, r: (c * r, c + r), gg.tensor(1.0), x)[1],
        lambda x: gg.hessian(lambda t: gg.prod(t))(x),
    ],
)
def test_functions_of_a_row(f: Any) -> None:
    rows = RNG.normal(size=(5, 3))
    expected = np.stack([f(gg.tensor(row)).numpy() for row in rows])
    close(gg.vmap(f)(rows), expected)
    close(gg.vmap(f, 1)(rows.T), expected)
    graph = gg.check_graph(gg.trace(gg.vmap(f), gg.Spec(rows.shape)))
    close(gg.run(graph, rows, engine_name="numpy")[0], expected)
    v = RNG.normal(size=expected.shape)
    slope = gg.grad(lambda rows: gg.sum(gg.vmap(f)(rows) * v))(rows)
    close(
        slope, [gg.grad(lambda r, u=u: gg.sum(f(r) * u))(row).numpy() for row, u in zip(rows, v, strict=True)]
    )


def test_batches_of_batches_and_an_open_batch() -> None:
    a, b = RNG.normal(size=(2, 3)), RNG.normal(size=(4, 3))
    pairs = gg.vmap(gg.vmap(lambda x, y: gg.sum(x * y), (None, 0)), (0, None))
    close(pairs(a, b), a @ b.T)
    graph = gg.trace(gg.vmap(lambda x: gg.sum(x * x)), gg.Spec(("N", 3)))
    close(gg.run(graph, b)[0], (b * b).sum(1))


def test_axes_of_nestings_and_several_results() -> None:
    p = {"w": RNG.normal(size=(3, 5)), "s": np.array(2.0)}
    f = lambda p, x, name, *, k: {"y": p["w"] * x * p["s"] * k, "c": np.ones(2)}  # noqa: E731
    out = gg.vmap(f, ({"w": 1, "s": None}, 0, None))(p, np.arange(5.0), "text", k=3)
    close(out["y"], p["w"].T * np.arange(5.0)[:, None] * 6)
    close(out["c"], np.ones((5, 2)))


def test_parameters_that_want_a_gradient() -> None:
    w = gg.tensor(RNG.normal(size=4), requires_grad=True)
    gg.sum(gg.vmap(lambda x: gg.sin(w @ x))(X)).backward()
    close(w.grad, (np.cos(X @ w.numpy())[:, None] * X).sum(0))
    assert not gg.vmap(gg.grad(lambda x: gg.sum(x * x)))(X).requires_grad
    assert not gg.vmap(lambda x: gg.grad(lambda c: gg.sum(c * x))(gg.zeros(4)))(X).requires_grad


def test_what_depends_on_numbers_is_said() -> None:
    with pytest.raises(TraceError, match="if"):
        gg.vmap(lambda x: x if x > 0 else -x)(np.ones(3))
    with pytest.raises(TraceError):
        gg.vmap(lambda x: x[x > 0])(np.ones((3, 2)))
    with pytest.raises(TraceError):
        gg.vmap(lambda x: gg.tensor(np.asarray(x)))(np.ones((3, 2)))


def test_axes_that_do_not_fit_are_said() -> None:
    add = lambda x, y: x + y  # noqa: E731
    with pytest.raises(ShapeError, match=r"argument 0 \(x\) has 3, argument 1 \(y\) has 4"):
        gg.vmap(add)(np.ones(3), np.ones(4))
    with pytest.raises(ShapeError, match=r"argument 1 \(y\) of shape \(\) has no axis 0"):
        gg.vmap(add)(np.ones(3), np.float64(1.0))
    with pytest.raises(OptionError, match="2 positional"):
        gg.vmap(add, (0,))(np.ones(3), np.ones(3))
    with pytest.raises(ShapeError, match="no argument has rows"):
        gg.vmap(add, None)(np.ones(3), np.ones(3))
    with pytest.raises(OptionError, match="another structure"):
        gg.vmap(add, ({"a": 0}, 0))(np.ones(3), np.ones(3))
    with pytest.raises(DTypeError, match=r"there is gg\.grad"):
        gg.per_sample_grad(lambda w: w)(1.0)
    assert gg.vmap(add)(np.ones(3), 2.0).tolist() == [3.0, 3.0, 3.0]


def test_buffers_are_not_lost_silently() -> None:
    class Counting(gg.nn.Module):
        def __init__(self) -> None:
            self.total = Buffer(0.0)

        def forward(self, x: Any) -> Any:
            self.total.update(self.total + gg.sum(x))
            return x * 2.0

    model = Counting()
    with pytest.raises(TraceError, match=r"buffer.*model\.eval\(\)"):
        gg.vmap(model)(X)
    with pytest.raises(TraceError, match=r"vmap of .* updates a buffer"):
        gg.compile(gg.vmap(model), engine="numpy")(X)
    assert model.total.item() == 0.0
