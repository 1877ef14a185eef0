"""Watching for NaN and Inf: the operation, its line and its inputs, wherever it runs; and what is harmless."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import NotFiniteError


def watched(f: Callable[..., Any], *args: Any) -> Any:
    with gg.debug_nans():
        return f(*args)


def line() -> int:
    """Return the line this is called from."""
    return inspect.currentframe().f_back.f_lineno


def test_the_first_operation_is_told_with_its_line_and_inputs() -> None:
    x = gg.tensor([[1.0, 2.0], [0.0, -3.0]])
    here = line() + 3

    def f() -> Any:
        y = gg.log(x)
        return gg.sum(y * 2.0)

    with pytest.raises(NotFiniteError) as caught:
        watched(f)
    text = str(caught.value)
    assert "log gave -inf at [1, 0]; its input there is 0: 2 of 4 elements became so" in text
    assert f"test_debug_nans.py:{here}: y = gg.log(x)" in text
    assert isinstance(caught.value, FloatingPointError)


@pytest.mark.parametrize(
    ("f", "told"),
    [
        (lambda x: x / (x - 1.0), "divide gave inf at [0]; its inputs there are 1 and 0"),
        (lambda x: gg.exp(x * 1000.0), "exp gave inf at [0]; its input there is 1000"),
        (
            lambda x: (x * 1e200) @ (x * 1e200),
            r"matmul gave inf at its one element; its inputs are float64[2] from 1e+200",
        ),
        (lambda x: gg.sqrt(-x), "sqrt gave nan at [0]; its input there is -1"),
    ],
)
def test_every_kind_of_operation(f: Any, told: str) -> None:
    x = np.array([1.0, 2.0])
    with pytest.raises(NotFiniteError) as caught, gg.debug_nans():
        f(gg.tensor(x))
    assert told in str(caught.value)
    for engine in ("numpy", "native"):
        with pytest.raises(NotFiniteError) as caught, gg.debug_nans():
            gg.compile(f, engine=engine)(x)
        assert told in str(caught.value)
        assert "test_debug_nans.py" in str(caught.value)
    with pytest.raises(NotFiniteError) as caught, gg.debug_nans():
        gg.run(gg.trace(f, gg.Spec((2,))), x, engine_name="numpy")
    assert told in str(caught.value)


def test_what_was_given_is_not_blamed() -> None:
    with gg.debug_nans() as watch:
        x = gg.tensor([np.inf, np.nan, 1.0])
        gg.sum(gg.where(gg.tensor([True, False, True]), x, 0.0) * 2.0)
        gg.max(gg.where(x > 0, x, -np.inf))
        gg.softmax(gg.tensor([0.0, -np.inf]))
    assert not watch.masked
    with pytest.raises(NotFiniteError, match=r"log gave -inf at \[2\]"), gg.debug_nans():
        gg.log(gg.tensor([np.nan, 1.0, 0.0]))


def test_the_backward_pass() -> None:
    x = gg.tensor([4.0, 0.0], requires_grad=True)
    here = line() + 3

    def f() -> None:
        y = gg.sqrt(x)
        gg.sum(y * 3.0).backward()

    with pytest.raises(NotFiniteError) as caught:
        watched(f)
    text = str(caught.value)
    assert (
        "gradient of sqrt with respect to its input 0 is inf at [1], where that is 0, upstream gradient 3"
        in text
    )
    assert f"backward of sqrt, at {__file__}:{here}" in text
    with pytest.raises(NotFiniteError, match="gradient of sqrt"), gg.debug_nans():
        gg.grad(lambda x: gg.sum(gg.sqrt(x)))(x.detach())
    with pytest.raises(NotFiniteError, match="gradient of sqrt"), gg.debug_nans():
        gg.hessian(lambda x: gg.sum(gg.sqrt(x)))(x.detach())
    for engine in ("numpy", "native"):
        with pytest.raises(NotFiniteError, match="in the backward pass of sqrt"), gg.debug_nans():
            gg.compile(gg.grad(lambda x: gg.sum(gg.sqrt(x))), engine=engine)(x.detach())


def masked(x: Any) -> Any:
    return gg.sum(gg.where(x > 0, gg.log(x), 0.0))


def test_a_branch_that_is_not_taken_is_harmless_and_explained() -> None:
    x = gg.tensor([2.0, 0.0, -1.0], requires_grad=True)
    with (
        pytest.warns(gg.MaskedBranchWarning, match=r"gg\.where takes the other branch"),
        gg.debug_nans() as watch,
    ):
        masked(x).backward()
    assert x.grad.tolist() == [0.5, 0.0, 0.0]
    (told,) = watch.masked
    assert "log gave -inf at [1]; its input there is 0: 2 of 3 elements became so" in told
    assert "gg.where(x > 0, gg.log(gg.where(x > 0, x, 1.0)), 0.0)" in told
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with gg.debug_nans() as watch:
            gg.compile(gg.grad(masked), engine="numpy")(x.detach())
            cured = gg.where(x > 0, gg.log(gg.where(x > 0, x, 1.0)), 0.0)
            gg.sum(cured).backward()
    assert not watch.masked


def test_a_branch_that_is_also_read_elsewhere_is_not_harmless() -> None:
    x = gg.tensor([2.0, 0.0])

    def f() -> None:
        y = gg.log(x) * 2.0
        gg.where(x > 0, y, 0.0)
        gg.sum(y)

    with pytest.warns(gg.MaskedBranchWarning), pytest.raises(NotFiniteError, match="log gave"):
        watched(f)


def test_outside_and_after_an_error_nothing_is_watched() -> None:
    def f() -> None:
        gg.log(gg.tensor(0.0))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watched(f)
    with np.errstate(divide="ignore"):
        assert gg.log(gg.tensor(0.0)).item() == -np.inf
    g = gg.compile(lambda x: gg.log(x), engine="numpy")
    assert watched(g, 1.0).item() == 0.0
    assert g(0.0).item() == -np.inf


def test_loops_and_calls_are_looked_into() -> None:
    def body(c: Any, x: Any) -> Any:
        c = c * x
        return c, gg.log(c)

    f = lambda xs: gg.sum(gg.scan(body, gg.tensor(1.0), xs)[1])  # noqa: E731
    for g in (f, gg.compile(f, engine="numpy"), gg.compile(f, engine="native")):
        with pytest.raises(
            NotFiniteError, match=r"log gave -inf at its one element; its input there is 0"
        ) as caught:
            watched(g, np.array([1.0, 2.0, 0.0, 3.0]))
        assert "return c, gg.log(c)" in str(caught.value)


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_the_failing_step_of_fit(engine: str) -> None:
    class Model(gg.nn.Module):
        def __init__(self) -> None:
            self.linear = gg.nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            return gg.log(self.linear(x) * 1e-3 + x[:, :1])

    rng = np.random.default_rng(0)
    X, y = rng.uniform(1, 2, size=(8, 2)), np.ones((8, 1))
    model = Model()
    with gg.debug_nans():
        gg.fit(model, X, y, epochs=2, batch_size=4, loss="mse", engine=engine, progress=False)
    X[5] = 0.0
    for parameter in model.parameters():
        parameter.assign(np.zeros(parameter.shape))
    settings = {"epochs": 2, "batch_size": 8, "loss": "mse", "engine": engine, "progress": False}
    with pytest.raises(NotFiniteError, match=r"log gave -inf at \[\d, 0\]; its input there is 0") as caught:
        watched(lambda: gg.fit(model, X, y, **settings))
    assert "return gg.log(self.linear(x) * 1e-3 + x[:, :1])" in str(caught.value)
