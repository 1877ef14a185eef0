"""In-place code: what it computes, its gradients, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DTypeError, ShapeError, TraceError

X = np.array([0.5, -1.25, 2.0, 3.5, -0.75, 1.5])
EPS = 1e-6


def numeric(f: Callable[[Any], Any], x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the gradient of a NumPy function by central differences; the function may write into its argument."""
    slopes = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[place] += EPS
        behind[place] -= EPS
        slopes[place] = (f(ahead) - f(behind)) / (2 * EPS)
    return slopes


# --- what is written, and its gradient ---


def assign_one(x: Any) -> Any:
    x = x.copy()
    x[1] = x[0] * x[2]
    return np.sum(x * x)


def assign_slice(x: Any) -> Any:
    y = np.zeros_like(x)
    y[::2] = x[:3] ** 2
    y[1] = 4.0
    return np.sum(y * np.arange(6.0))


def add_to_slice(x: Any) -> Any:
    x = x.copy()
    x[2:5] += x[:3] * 2.0
    x[-1] *= x[0]
    return np.sum(np.sin(x))


def rows_and_masks(x: Any) -> Any:
    a = x.reshape(2, 3).copy()
    a[a > 1.0] *= 3.0
    a[[0, 1], [2, 0]] -= 5.0
    a[:, 1] = a[0, :2]
    return np.sum(a**3)


def through_views(x: Any) -> Any:
    a = x.reshape(2, 3).copy()
    row, flat, turned = a[1], a.reshape(-1), a.T
    row *= 2.0
    flat[1] = row[0]
    turned[2] += row[2]
    a[0, 0] = 7.0
    return np.sum(np.cos(flat) * np.sum(turned) + row[1])


def all_operators(x: Any) -> Any:
    a = x.copy()
    b = a
    a += 1.5
    a -= x[::-1] * 0.1
    a *= x
    a /= 3.0 + x**2
    b **= 2
    a @= np.diag(np.arange(1.0, 7.0)) + 0.1
    return np.sum(b * x)


def loops(x: Any) -> Any:
    running = np.zeros_like(x)
    total = x[0]
    for i in range(1, x.size):
        running[i] = 0.5 * running[i - 1] + x[i] * total
        total += x[i]
    return np.sum(running) + total


def factorise(x: Any) -> Any:
    """Gaussian elimination as textbooks write it."""
    a = np.outer(x[:3], x[3:]) + np.diag(np.array([4.0, 5.0, 6.0]))
    for k in range(3):
        for i in range(k + 1, 3):
            a[i, k] /= a[k, k]
            a[i, k + 1 :] -= a[i, k] * a[k, k + 1 :]
    return np.sum(np.log(np.abs(np.diag(a))))


def numpys_writers(x: Any) -> Any:
    a = x.copy()
    np.add(a, x, out=a)
    np.multiply(a, 2.0, out=a, where=x > 0)
    np.add.at(a, [0, 0, 1], x[:3])
    np.copyto(a, 1.0, where=np.arange(6) == 4)
    m = np.outer(a, x)
    np.fill_diagonal(m, 3.3)
    m.sort(axis=0)
    out = np.zeros_like(x)
    np.sum(m * np.arange(6.0)[:, None], axis=0, out=out)
    out[3:].fill(2.0)
    return np.sum(out * x)


def whole_views(x: Any) -> Any:
    a = x.copy()
    b, c, d = a[:], a[...], a[()]
    b *= 2.0
    c[0] = a[1] ** 2
    np.multiply(d, 1.5, out=a[:])
    a[2:][...] += x[0]
    np.nan_to_num(a, copy=False)[1] *= x[2]
    return np.sum(np.sin(b) + c * d)


def copies(x: Any) -> Any:
    a = x.copy()
    for copied in (np.tile(a, 1), np.pad(a, 0), a[::-1].ravel()):
        copied *= 3.0
    number = a[0] * 1.0
    one = np.atleast_1d(number)
    one += 7.0
    place = a[1:2].reshape(())
    place *= x[2]
    return np.sum(a * x) + number * one[0]


def order_in_memory(x: Any) -> Any:
    m = np.outer(x[:3], x[3:])
    rows, columns = m.T.copy(), np.sin(m.T)
    flat = rows.ravel()
    rows[0] = x[:3]
    columns += m
    columns.reshape(-1)[:] = 0.0  # a copy: columns lie one after the other
    part = m[:, :2]
    part += 1.0
    part.reshape(-1)[:] = 0.0  # another one
    m[1:] *= 2.0
    return np.sum(flat**2) + np.sum(columns) + np.sum(part * x[:2]) + np.sum(m)


PROGRAMS = [
    assign_one,
    assign_slice,
    add_to_slice,
    rows_and_masks,
    through_views,
    all_operators,
    loops,
    factorise,
    numpys_writers,
    whole_views,
    copies,
    order_in_memory,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_in_place_code_differentiates_as_it_is(program: Callable[[Any], Any]) -> None:
    value, gradient = gg.value_and_grad(program)(X)
    np.testing.assert_allclose(value.numpy(), program(X.copy()), rtol=1e-14)
    np.testing.assert_allclose(gradient.numpy(), numeric(program, X), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "program",
    [p for p in PROGRAMS if p not in (rows_and_masks, copies, order_in_memory)],
    ids=lambda f: f.__name__,
)
def test_and_so_do_graphs_of_it(program: Callable[[Any], Any]) -> None:
    graph = gg.check_graph(gg.trace(program, X))
    np.testing.assert_allclose(gg.run(graph, X)[0], program(X.copy()), rtol=1e-14)
    gradient = gg.compile(gg.grad(program), engine="numpy")(X)
    np.testing.assert_allclose(gradient.numpy(), gg.grad(program)(X).numpy(), rtol=1e-13)


def test_second_order() -> None:
    found = gg.hessian(add_to_slice)(X)
    by_hand = np.stack([numeric(lambda x, i=i: gg.grad(add_to_slice)(x).numpy()[i], X) for i in range(6)])
    np.testing.assert_allclose(found.numpy(), by_hand, rtol=1e-5, atol=1e-7)


def test_a_traced_mask_writes_a_number() -> None:
    def f(x: Any) -> Any:
        x = x.copy()
        x[x > 1.0] = 0.0
        return np.sum(x**2)

    np.testing.assert_array_equal(
        gg.compile(gg.grad(f), engine="numpy")(X).numpy(), np.where(X > 1, 0, 2 * X)
    )
    np.testing.assert_array_equal(gg.grad(f)(X).numpy(), np.where(X > 1, 0, 2 * X))


# --- leaves ---


def test_an_optimizers_step_keeps_the_leaf() -> None:
    w = gg.tensor([1.0, 2.0], requires_grad=True)
    b = gg.tensor(0.5, requires_grad=True)
    handles = w, b
    for _ in range(2):
        w.grad = b.grad = None
        ((w * w).sum() + b).backward()
        with gg.no_grad():
            w -= 0.25 * w.grad
            b -= 0.25 * b.grad
            w[0] += 1.0
            w[1:] *= 2.0
    assert (w, b) is not handles
    assert w is handles[0]
    assert b is handles[1]
    assert w.is_leaf
    assert w.requires_grad
    assert w.tolist() == [1.75, 2.0]
    assert b.item() == 0.0


@pytest.mark.parametrize(
    "write",
    [
        lambda w: w.__iadd__(1.0),
        lambda w: w.__setitem__(0, 1.0),
        lambda w: w[:1].__imul__(2.0),
        lambda w: w.T.fill(0.0),
        lambda w: np.add(w, 1.0, out=w),
        lambda w: np.copyto(w, 0.0),
    ],
)
def test_a_leaf_is_not_written_while_recording(write: Callable[[Any], Any]) -> None:
    w = gg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(DTypeError, match=r"requires_grad=True(.|\n)*no_grad(.|\n)*test_in_place\.py"):
        write(w)
    assert w.tolist() == [1.0, 2.0]
    own = w.copy()
    own[0] = 5.0
    own.sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [0.0, 1.0]


def test_what_is_written_without_recording_wants_no_gradient() -> None:
    x = gg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2.0
    with gg.no_grad():
        y[0] = 5.0
    assert not y.requires_grad


def test_views_of_a_leaf_follow_its_update() -> None:
    w = gg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    row = w[1]
    with gg.no_grad():
        w -= 1.0
    assert row.tolist() == [2.0, 3.0]
    (row * row).sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [[0.0, 0.0], [4.0, 6.0]]


# --- transforms and traces ---


def test_a_transform_hands_out_arguments_of_its_own() -> None:
    def f(x: Any) -> Any:
        x *= x
        x[0] = 0.0
        return x.sum()

    x = gg.tensor([1.0, 2.0, 3.0])
    assert gg.grad(f)(x).tolist() == [0.0, 4.0, 6.0]
    assert x.tolist() == [1.0, 2.0, 3.0]
    assert gg.jvp(f, (x,), (np.ones(3),))[1].item() == 10.0
    assert gg.grad(lambda v: gg.grad(f)(v * 1.0).sum())(x).tolist() == [0.0, 2.0, 2.0]


def test_a_compiled_function_does_not_write_into_its_arguments() -> None:
    @gg.compile
    def f(x: Any) -> Any:
        x += 1.0
        return x * 2.0

    with pytest.raises(TraceError, match=r"x = x\.copy\(\)"):
        f(gg.tensor([1.0, 2.0]))


def test_what_is_outside_of_a_trace_is_not_written() -> None:
    outside = gg.zeros((3,))

    def f(x: Any) -> Any:
        outside[0] = x
        return outside.sum()

    with pytest.raises(TraceError, match=r"outside of a traced function(.|\n)*test_in_place\.py"):
        gg.trace(f, 1.0)
    with pytest.raises(TraceError, match="outside of a traced function"):
        gg.scan(lambda c, x: (c + outside.__setitem__(0, c), x), gg.tensor(0.0), gg.tensor([1.0]))
    assert outside.tolist() == [0.0, 0.0, 0.0]

    def g(x: Any) -> Any:
        inside = outside.copy()
        inside[0] = x
        return inside.sum()

    assert gg.run(gg.trace(g, 1.0), 4.0)[0] == 4.0


def test_a_reshaped_view_is_not_guessed_at_in_a_trace() -> None:
    def f(x: Any) -> Any:
        flat = x.copy().reshape(2, 3).T.reshape(-1)
        flat[0] = 1.0
        return flat.sum()

    def g(x: Any) -> Any:
        x = x.copy()
        flat = x[::-1].reshape(2, 3)
        x[0] = 1.0
        return flat.sum()

    for function in (f, g):
        with pytest.raises(TraceError, match=r"reshape\(\.\.\.\)\.copy\(\)"):
            gg.trace(function, X)


def test_a_reshaped_copy_is_a_copy_in_a_trace() -> None:
    def f(x: Any) -> Any:
        x = x.copy()
        flat = gg.reshape(x, (2, 3), copy=True)
        flat += 1.0
        return x.sum()

    assert gg.run(gg.trace(f, X), X)[0] == X.sum()


def test_state_within_a_scan() -> None:
    def body(state: Any, x: Any) -> Any:
        state = state.copy()
        state[1:] = state[:-1]
        state[0] = x
        return state, state.sum()

    xs = gg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    _, sums = gg.scan(body, gg.zeros((2,)), xs)
    assert sums.tolist() == [1.0, 3.0, 5.0]
    (sums * gg.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert xs.grad is not None
    assert xs.grad.tolist() == [11.0, 110.0, 100.0]


# --- errors ---


def test_what_does_not_fit_is_said() -> None:
    a, n = gg.tensor([1.0, 2.0]), gg.tensor([1, 2])
    with pytest.raises(ShapeError, match=r"keeps the shape, \(2,\), but the result has shape \(3, 2\)"):
        a += np.ones((3, 2))
    with pytest.raises(DTypeError, match=r"keeps the dtype, int64(.|\n)*astype\('float64'\)"):
        n /= 2
    with pytest.raises(DTypeError, match="without loss"):
        n[0] = 1.5
    with pytest.raises(ShapeError):
        a[5] = 1.0
    with pytest.raises(ShapeError):
        a[:] = np.ones(3)
    a += np.float32(1.0)
    n += True
    assert (a.dtype, n.dtype) == (np.float64, np.int64)
    assert a.tolist() == [2.0, 3.0]


def test_a_tensor_is_not_written_into_an_array() -> None:
    array, t = np.ones(2), gg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(DTypeError, match=r"write a = a \+ t rather than a \+= t"):
        array += t
    with pytest.raises(DTypeError, match="leave out= out"):
        np.sum(t, axis=0, keepdims=True, out=array[:1])
    with pytest.raises(DTypeError, match=r"np\.copyto"):
        np.copyto(array, t)
    with pytest.raises(TraceError, match=r"asarray"):
        array[:] = t
    with pytest.raises(ValueError, match="array element") as error:
        array[0] = t[0]
    assert "np.zeros_like" in str(error.value.__cause__)
    assert array.tolist() == [1.0, 1.0]
    array += t.detach()
    assert array.tolist() == [2.0, 3.0]
