"""Who sees what is written into a Tensor: other names, views as NumPy has them, and not what backward needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DTypeError

# --- who sees it ---


def test_a_second_name_is_the_same_tensor() -> None:
    a = gg.tensor([1.0, 2.0])
    b, before = a, a * 1.0
    a += 1.0
    b[0] = 9.0
    assert a is b
    assert a.tolist() == [9.0, 3.0]
    assert before.tolist() == [1.0, 2.0]


def arrays_and_tensors(act: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Do the same to a NumPy array and to a Tensor of the same numbers."""
    numbers = np.arange(12.0).reshape(3, 4)
    return act(numbers.copy()), act(gg.tensor(numbers))


VIEWS: dict[str, Callable[[Any], Any]] = {
    "row": lambda a: a[1],
    "columns": lambda a: a[:, 1:3],
    "steps": lambda a: a[::-1, ::2],
    "new axis": lambda a: a[None, :, 0],
    "reshape": lambda a: a.reshape(4, 3),
    "ravel": lambda a: a.ravel(),
    "transpose": lambda a: a.T,
    "swapaxes": lambda a: a.swapaxes(0, 1),
    "flip": lambda a: np.flip(a, axis=1),
    "squeeze": lambda a: a[:1].squeeze(0),
    "view of a view": lambda a: a.T[1:][:, 0],
    "reshape of a slice": lambda a: a[1:].reshape(2, 2, 2),
    "a copy by reshape": lambda a: a.T.reshape(-1),
    "an array's choice": lambda a: a[[0, 2]],
    "a mask's choice": lambda a: a[np.array([True, False, True])],
    "flatten": lambda a: a.flatten(),
    "copy": lambda a: a[1].copy(),
    "a new value": lambda a: a[1] + 0.0,
    "astype": lambda a: a.astype(float),
    "plus": lambda a: +a,
    "atleast": lambda a: np.atleast_3d(a),
    "split": lambda a: np.split(a, 2, axis=1)[1],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_see_what_is_written_where_numpys_do(view: Callable[[Any], Any]) -> None:
    def write_base(a: Any) -> Any:
        v = view(a)
        a[1] = -5.0
        a += 0.5
        return np.array(a), np.array(v)

    def write_view(a: Any) -> Any:
        v, other = view(a), a[:, ::-1]
        v *= 2.0
        v[0] = -1.0
        return np.array(a), np.array(v), np.array(other)

    for act in (write_base, write_view):
        for theirs, ours in zip(*arrays_and_tensors(act), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_numbers_are_numbers_as_numpys_are() -> None:
    def act(a: Any) -> Any:
        first, total = a[0, 0], a.sum()
        kept, before = total, first
        first += 10.0
        total -= 1.0
        return np.array(a), float(first), float(total), float(kept), float(before)

    for theirs, ours in zip(*arrays_and_tensors(act), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_array_without_axes_is_an_array() -> None:
    a = gg.tensor(1.0)
    b = a
    a += 1.0
    assert b.item() == 2.0
    a[...] = 5.0
    assert b.item() == 5.0


def test_a_broadcast_view_is_not_written() -> None:
    a = gg.broadcast_to(gg.tensor([1.0, 2.0]), (3, 2))
    with pytest.raises(DTypeError, match=r"t\.copy\(\)"):
        a[0] = 1.0
    b = a.copy()
    b[0] = 0.0
    assert b.tolist() == [[0.0, 0.0], [1.0, 2.0], [1.0, 2.0]]


def test_views_that_are_gone_cost_nothing() -> None:
    a = gg.tensor(np.zeros(4))
    for _ in range(1000):
        a[1:].sum()
    assert sum(1 for _ in a._sight.lookers()) == 0
    assert len(a._sight._lookers) < 600


def test_detached_values_are_their_own() -> None:
    a = gg.tensor([1.0, 2.0], requires_grad=True) * 1.0
    d = a.detach()
    d[0] = 9.0
    assert a.tolist() == [1.0, 2.0]


# --- what backward needs is never lost ---


@gg.custom_vjp
def _scaled(w: Any, a: Any) -> Any:
    return w * a


@_scaled.defvjp
def _scaled_vjp(result: Any, w: Any, a: Any) -> Any:
    return lambda g: (g * a, None)


def test_what_backward_needs_may_be_written_over() -> None:
    x = gg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1.0
    z = (y**2).sum()
    y += 100.0
    y[0] = 0.0
    z.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


def test_a_weight_may_be_updated_before_backward() -> None:
    w = gg.tensor([2.0, 3.0], requires_grad=True)
    loss = (w * w).sum()
    with gg.no_grad():
        w -= 1.0
    loss.backward()
    assert w.grad is not None
    assert (w.tolist(), w.grad.tolist()) == ([1.0, 2.0], [4.0, 6.0])


@pytest.mark.parametrize(
    "use",
    [
        lambda w, a: a * w,
        lambda w, a: w * a,
        lambda w, a: np.multiply(a, w),
        lambda w, a: gg.asarray(a) * w,
        lambda w, a: gg.asarray(a)[::-1][::-1] * w,
        lambda w, a: gg.reshape(a, (2, 1)).reshape(-1) * w,
        lambda w, a: gg.stop_gradient(a) * w,
        lambda w, a: gg.broadcast_to(gg.asarray(a), (3, 2)) * w,
        lambda w, a: a[:] * w,
        lambda w, a: gg.where(w > -1, w * a, 0.0),
        lambda w, a: memoryview(a) * w,
        lambda w, a: gg.checkpoint(lambda w, a: w * a)(w, a),
        lambda w, a: gg.compile(lambda w, a: w * a, engine="numpy")(w, a),
        lambda w, a: _scaled(w, a),
        lambda w, a: gg.scan(lambda c, x: (c, x * w), gg.tensor(0.0), a[None])[1],
        lambda w, a: gg.concat([gg.asarray(a)]) * w,
    ],
)
def test_an_array_changed_after_use_does_not_change_the_gradient(use: Callable[..., Any]) -> None:
    w = gg.tensor([0.5, 0.5], requires_grad=True)
    a = np.array([1.0, 2.0])
    frozen = a.view()
    frozen.flags.writeable = False
    for given in (a, frozen):
        w.grad, a[:] = None, [1.0, 2.0]
        result = use(w, given)
        a[:] = 1000.0
        result.sum().backward()
        assert w.grad is not None
        np.testing.assert_array_equal(w.grad.numpy() / (result.size / 2), [1.0, 2.0])


def test_a_leaf_made_of_a_shared_array_has_numbers_of_its_own() -> None:
    a = np.array([1.0, 2.0])
    t = gg.asarray(a)
    a[0] = 3.0
    assert t.tolist() == [3.0, 2.0]
    t.requires_grad = True
    loss = (t * t).sum()
    a[:] = 50.0
    loss.backward()
    assert t.grad is not None
    assert (t.tolist(), t.grad.tolist()) == ([3.0, 2.0], [6.0, 4.0])
    b = np.array([7.0, 8.0])
    t.assign(gg.asarray(b))
    b[:] = 0.0
    assert t.tolist() == [7.0, 8.0]


def test_a_scratch_array_used_again_and_again() -> None:
    """What plain NumPy code does with a buffer of its own between operations that are differentiated."""

    def f(x: Any) -> Any:
        buffer, total = np.empty(3), 0.0
        for k in range(4):
            buffer[:] = k + np.arange(3.0)
            total = total + np.sum(buffer * x * x)
        return total

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(gg.grad(f)(x).numpy(), 2 * x * [6.0, 10.0, 14.0], rtol=1e-14)
    graph = gg.trace(f, x)
    np.testing.assert_allclose(gg.run(graph, x)[0], f(x), rtol=1e-14)


def test_arrays_that_nobody_can_write_are_not_copied() -> None:
    a = np.arange(4.0)
    a.flags.writeable = False
    w = gg.tensor(np.ones(4), requires_grad=True)
    step = (a * w)._key
    assert step.xs[0] is a
    own = gg.tensor(np.arange(4.0))
    assert (own * w)._key.xs[0] is own._payload
