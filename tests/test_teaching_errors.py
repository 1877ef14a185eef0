"""Errors that teach: shapes side by side, the axis, what to write instead, and the line of the user's own code."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DTypeError, GlassgradError, ShapeError, TraceError


def fails(kind: type[GlassgradError], f: Callable[..., Any], *args: Any) -> str:
    """Return the message of the error that `f` raises, which must name a line within it."""
    with pytest.raises(kind) as caught:
        f(*args)
    text = str(caught.value)
    lines, first = inspect.getsourcelines(f)
    assert any(f"{__file__}:{first + i})" in text for i in range(len(lines))), text
    return text


X = gg.tensor(np.ones((2, 3)), requires_grad=True)


def test_shapes_that_do_not_fit() -> None:
    text = fails(ShapeError, lambda: X + np.ones(4))
    assert "axis -1 has sizes 3 and 4" in text
    assert "\n  (2, 3)\n     (4)\n      ^\n  (add, at " in text
    assert "where" in fails(ShapeError, lambda: gg.where(X > 0, X, np.ones((4, 1))))
    traced = fails(ShapeError, lambda: gg.trace(lambda a, b: a * b, gg.Spec(("N", 3)), gg.Spec((4,))))
    assert "\n  (N, 3)\n     (4)\n      ^\n" in traced
    assert "(2, 3) @ (4,)" in fails(ShapeError, lambda: X @ np.ones(4))
    with gg.scope("layer1"):
        assert "(add in layer1, at" in fails(ShapeError, lambda: X + np.ones(4))


@pytest.mark.parametrize(
    "f",
    [
        lambda: gg.sum(X, axis=5),
        lambda: gg.softmax(X, axis=5),
        lambda: gg.concat([X, X], axis=5),
        lambda: gg.max(X, axis=5),
        lambda: gg.cumulative_sum(X, axis=5),
        lambda: gg.flip(X, axis=5),
        lambda: X.mean(axis=5),
        lambda: np.sum(X, axis=5),
    ],
)
def test_axes_out_of_range(f: Any) -> None:
    assert "axis 5 is out of range for an array with 2 axes" in fails(ShapeError, f)


def test_places_out_of_range() -> None:
    assert "index 5 is out of range for axis 0 of size 2\n  (getitem of (2, 3), at" in fails(
        ShapeError, lambda: X[5]
    )
    assert "cannot reshape (2, 3)" in fails(ShapeError, lambda: X.reshape(4, 2))
    assert "too long for an array of shape (2, 3)" in fails(ShapeError, lambda: X[0, 0, 0])


def test_gradients_that_do_not_exist() -> None:
    assert "shape (2, 3); reduce it first" in fails(ShapeError, lambda: (X * 2.0).backward())
    assert "the seed has shape (3,), the Tensor (2, 3)" in fails(
        ShapeError, lambda: (X * 2.0).backward(np.ones(3))
    )
    assert "does not depend on any Tensor with requires_grad=True" in fails(
        DTypeError, lambda: gg.tensor(1.0).backward()
    )
    assert "a comparison" in fails(DTypeError, lambda: gg.all(X > 0).backward())
    assert "needs a real number" in fails(DTypeError, lambda: gg.sum(X * 1j).backward())
    assert "argument 0 (n) is int64; write 1.0" in fails(DTypeError, lambda: gg.grad(lambda n: n * n)(2))
    assert "returned int64" in fails(DTypeError, lambda: gg.grad(lambda x: gg.sum(gg.astype(x > 0, int)))(X))
    assert "returned shape (2, 3)" in fails(ShapeError, lambda: gg.grad(lambda x: x * x)(X))
    assert "3 positional arguments" in fails(ShapeError, lambda: gg.grad(lambda *a: a[0], 4)(1.0, 2.0, 3.0))
    with pytest.raises(DTypeError, match=r"this one is int64; use \.astype\('float64'\)"):
        gg.tensor([1, 2], requires_grad=True)


def test_what_an_argument_has_no_part_in_has_the_gradient_zero() -> None:
    assert [g.item() for g in gg.grad(lambda x, unused: x * x, (0, 1))(3.0, 1.0)] == [6.0, 0.0]
    assert gg.grad(lambda p: p["a"] * 2.0)({"a": 1.0, "b": np.ones(2)})["b"].tolist() == [0.0, 0.0]


def test_a_tensor_of_a_run_that_is_over() -> None:
    kept = []

    def f(x: Any) -> Any:
        kept.append(x * 2.0)
        return x * x

    gg.grad(f)(3.0)
    text = fails(DTypeError, lambda: kept[0].backward())
    assert "computed inside a function which gg.grad or another transform has differentiated" in text
    traced = []
    gg.trace(lambda x: traced.append(x * 2.0) or x, 1.0)
    with pytest.raises(TraceError, match=r"was traced for the graph .* which is finished"):
        traced[0].numpy()


READ = [
    ("float", lambda t: float(t)),
    ("math", lambda t: math.exp(t)),
    ("int", lambda t: int(t)),
    ("asarray", lambda t: np.asarray(t)),
]


@pytest.mark.parametrize(("name", "read"), READ, ids=[name for name, _ in READ])
def test_numbers_of_values_that_want_a_gradient(name: str, read: Any) -> None:
    read(gg.tensor(1.0))
    read((gg.tensor(1.0, requires_grad=True) * 2.0).detach())
    with pytest.raises(
        TraceError, match=r"silently cut this Tensor from its gradient[\s\S]*t\.detach\(\)"
    ) as caught:
        gg.grad(lambda x: x * gg.tensor(read(x)))(1.0)
    text = str(caught.value)
    assert f"at {__file__}:" in text
    with pytest.raises(TraceError, match=r"x: float64\[\]\) is being traced and has no number yet") as caught:
        gg.compile(lambda x: x * gg.tensor(read(x)))(1.0)
    assert f"at {__file__}:" in str(caught.value)


def test_branching_on_comparisons_is_sound_and_on_traced_values_refused() -> None:
    f = lambda x: x * x if x > 0 else -x  # noqa: E731
    assert gg.grad(f)(3.0).item() == 6.0
    assert gg.grad(f)(-3.0).item() == -1.0
    assert "gg.where" in fails(TraceError, lambda: gg.grad(lambda x: x if x else -x)(3.0))
    text = fails(TraceError, lambda: gg.trace(lambda x: x if x > 0 else -x, 1.0))
    assert "gg.where or gg.cond" in text
