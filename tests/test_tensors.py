"""The Tensor: what a PyTorch user expects, and what it refuses to do silently."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DTypeError, ShapeError, TraceError
from glassgrad.tensors import T


def leaf(data: Any, dtype: Any = None) -> gg.Tensor:
    return gg.tensor(data, dtype=dtype, requires_grad=True)


# --- what it is ---


def test_values_are_copied_in_and_shared_by_asarray() -> None:
    array = np.array([1.0, 2.0])
    copied, shared = gg.tensor(array), gg.asarray(array)
    array[0] = 9.0
    assert copied.tolist() == [1.0, 2.0]
    assert shared.tolist() == [9.0, 2.0]
    assert gg.asarray(copied) is copied
    assert gg.asarray(copied, dtype="float32").dtype == np.float32


def test_shape_and_dtype() -> None:
    t = gg.tensor([[1, 2, 3]], dtype="float32")
    assert (t.shape, t.dtype, t.ndim, t.size, len(t)) == ((1, 3), np.float32, 2, 3, 1)
    assert t.T.shape == (3, 1)
    assert gg.tensor(np.zeros((2, 3, 4))).mT.shape == (2, 4, 3)
    assert gg.tensor(2.0).size == 1
    assert gg.tensor(np.zeros((0, 3))).size == 0
    assert gg.tensor(3).dtype == np.int64
    with pytest.raises(ShapeError, match="no length"):
        len(gg.tensor(1.0))
    with pytest.raises(DTypeError, match="'str'"):
        gg.tensor("abc")
    with pytest.raises(AttributeError, match="has no 'sums'"):
        t.sums()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_do_not_change_the_dtype(dtype: str) -> None:
    t = leaf([1.0, 2.0], dtype)
    for result in (
        t + 1,
        2.0 * t,
        t / 3,
        t**2,
        t**0.5,
        1 - t,
        gg.maximum(t, 0.5),
        gg.where(t > 1, t, 0.0),
        t.mean(),
    ):
        assert result.dtype == dtype
    (t**3 / 7 + gg.softplus(t)).sum().backward()
    assert t.grad is not None
    assert t.grad.dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [3, 3.0, True, np.int64(3), np.array(3), np.float32(3.0)], ids=repr)
def test_whole_numbers_in_formulas_have_no_part_in_the_gradient(n: Any, dtype: str) -> None:
    def loss(x: Any) -> Any:
        return (x / n + n / x + x * n - n + (n * x) ** 2 / n + x**n + gg.where(x > n, x, n)).sum()

    x = leaf([0.5, 2.0], dtype)
    loss(x).backward()
    assert x.grad is not None
    v, k = x.numpy().astype(float), float(n)
    expected = 1 / k - k / v**2 + k + 2 * k * v + k * v ** (k - 1) + (v > k)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-5 if dtype == "float32" else 1e-13)
    assert x.grad.dtype == dtype
    traced = gg.run(gg.differentiate(gg.trace(loss, x)), x.numpy())[1]
    np.testing.assert_allclose(x.grad.numpy(), traced, rtol=1e-5 if dtype == "float32" else 1e-13)


def test_repr() -> None:
    assert repr(gg.tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(leaf(2.0)) == "Tensor(2., requires_grad=True)"
    assert repr(gg.tensor([1, 2])) == "Tensor([1, 2])"
    assert repr(gg.tensor([1.0], dtype="float32")) == "Tensor([1.], dtype=float32)"
    seen = []
    gg.trace(lambda x: seen.append(repr(x)) or x, gg.Spec(("N", 2)))
    assert seen == ["Tensor(Value(x: float64[N, 2]))"]


def test_the_whole_of_an_array_is_another_handle_on_it() -> None:
    for data in ([1.0, 2.0], [1, 2], [True, False]):
        t = gg.tensor(data)
        assert t[:] is not t
        assert t[:].tolist() == gg.stop_gradient(t).tolist() == data
        assert t[:].dtype == t.dtype


def test_numpy_leaves_operators_to_the_tensor() -> None:
    array, t = np.array([1.0, 2.0]), leaf([3.0, 4.0])
    for result in (array + t, array * t, array - t, array / t, array @ t, array**t, np.float64(2.0) * t):
        assert isinstance(result, gg.Tensor)
        assert result.requires_grad
    assert (array < t).tolist() == [True, True]


# --- reading it as numbers ---


def test_a_gradient_is_never_dropped_silently() -> None:
    t = leaf([2.0])
    for read in (np.asarray, float, int):
        with pytest.raises(TraceError):
            read(t)
    for read in (np.asarray, float, int):
        with pytest.raises(TraceError, match=r"detach\(\)"):
            read(t * 2.0)
    assert t.item() == 2.0
    assert t.tolist() == t.detach().tolist() == [2.0]
    assert bool(t > 1.0)


def test_conversion_without_a_gradient() -> None:
    t = gg.tensor([1.0, 2.0])
    assert np.asarray(t).tolist() == [1.0, 2.0]
    assert np.asarray(t, np.float32).dtype == np.float32
    assert float(gg.tensor(2.5)) == 2.5
    assert int(gg.tensor(2)) == 2
    assert [10, 20, 30][gg.tensor(1)] == 20
    assert [float(x) for x in t] == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"shape \(2,\) is not one truth value.*gg\.where"):
        bool(t > 0.0)


def test_views_given_out_are_read_only_and_copies_are_free() -> None:
    t = gg.tensor([1.0, 2.0])
    for view in (t.numpy(), np.asarray(t)):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 5.0
    own = np.array(t)
    own[0] = 5.0
    assert t.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="copy"):
        np.array(t, dtype=np.float32, copy=False)


# --- gradients ---


def test_gradients_add_up() -> None:
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    (x * 3.0).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [5.0, 7.0]
    assert not x.grad.requires_grad
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_backward_twice_through_the_same_steps() -> None:
    x = leaf(3.0)
    y = x * x
    y.backward()
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == 12.0


def test_a_value_used_often() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y + y + x
    z.backward()
    assert x.grad is not None
    assert x.grad.item() == 4 * 2.0**3 + 2 * 2.0 + 1


def test_a_leaf_is_its_own_gradient() -> None:
    x = leaf(2.0)
    x.backward()
    assert x.grad is not None
    assert x.grad.item() == 1.0
    seed = np.array([1.0, 2.0])
    y = leaf([0.0, 0.0])
    y.backward(seed)
    seed[0] = 100.0
    assert y.grad is not None
    assert y.grad.tolist() == [1.0, 2.0]


def test_seeds() -> None:
    x = leaf([1.0, 2.0], "float32")
    (x * x).backward(gg.tensor([1.0, 10.0]))
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 40.0]
    assert x.grad.dtype == np.float32
    with pytest.raises(ShapeError, match=r"shape \(2,\).*\.sum\(\)"):
        (x * x).backward()
    with pytest.raises(ShapeError, match=r"seed has shape \(3,\), the Tensor \(2,\)"):
        (x * x).backward([1.0, 2.0, 3.0])


def test_backward_where_nothing_wants_it() -> None:
    with pytest.raises(DTypeError, match="requires_grad=True"):
        (gg.tensor(2.0) * 3.0).backward()
    x = leaf(2.0)
    with gg.no_grad():
        y = x * 3.0
    with pytest.raises(DTypeError, match="no_grad"):
        y.backward()


def test_no_grad_nests_and_ends_after_an_error() -> None:
    x = leaf(2.0)

    def fails() -> None:
        with gg.no_grad():
            raise ZeroDivisionError

    with gg.no_grad():
        with gg.no_grad():
            pass
        assert not (x * 2.0).requires_grad
    with pytest.raises(ZeroDivisionError):
        fails()
    assert (x * 2.0).requires_grad


def test_no_grad_is_of_one_thread() -> None:
    x, seen = leaf(2.0), []
    with gg.no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * 2.0).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_detach() -> None:
    x = leaf(2.0)
    y = (x * x).detach()
    assert not y.requires_grad
    assert y.is_leaf
    (y * x).backward()
    assert x.grad is not None
    assert x.grad.item() == 4.0


def test_only_floating_point_wants_gradients() -> None:
    with pytest.raises(DTypeError, match="int64"):
        leaf([1, 2])
    x = leaf([1.0, 2.0])
    assert not (x > 1.0).requires_grad
    assert not gg.astype(x, "int64").requires_grad
    assert not gg.argmax(x).requires_grad
    with pytest.raises(DTypeError, match="detach"):
        (x * 2.0).requires_grad = True
    x.requires_grad = False
    assert not (x * 2.0).requires_grad


def test_outputs_that_are_whole_numbers_want_nothing() -> None:
    x = leaf([1.0, 2.0, 3.0])
    (total, count), squares = gg.scan(
        lambda c, row: ((c[0] + row, c[1] + 1), (row * row, c[1])), (gg.tensor(0.0), gg.tensor(0)), x
    )
    assert total.requires_grad
    assert not count.requires_grad
    assert [t.requires_grad for t in squares] == [True, False]
    (total + squares[0].sum() + count * total).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1 + 2 * v + 3 for v in (1.0, 2.0, 3.0)]


def test_empty_and_scalar_arrays() -> None:
    x = leaf(np.zeros((0, 3)))
    (x * 2.0 + 1.0).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (0, 3)
    y = leaf(2.0)
    z = gg.reshape(y * y, (1, 1)).sum(axis=0)
    assert z.shape == (1,)
    z.sum().backward()
    assert y.grad is not None
    assert y.grad.shape == ()


def test_assign() -> None:
    w = leaf([1.0, 2.0], "float32")
    y = (w * w).sum()
    w.assign(gg.tensor([5.0, 6.0]))
    assert w.dtype == np.float32
    assert w.tolist() == [5.0, 6.0]
    y.backward()  # of the values that were there
    assert w.grad is not None
    assert w.grad.tolist() == [2.0, 4.0]
    with pytest.raises(ShapeError, match=r"\(3,\) to a Tensor of shape \(2,\)"):
        w.assign([1.0, 2.0, 3.0])
    with pytest.raises(DTypeError, match="not computed"):
        (w * 2.0).assign([1.0, 2.0])


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies_have_gradients_of_their_own(make: Any) -> None:
    w = gg.tensor([1.0, 2.0], dtype="float32", requires_grad=True, name="w")
    (w * 2.0).sum().backward()
    other = make(w)
    assert (other.tolist(), other.dtype, other.name, other.requires_grad) == (
        [1.0, 2.0],
        np.float32,
        "w",
        True,
    )
    assert other.grad.tolist() == [2.0, 2.0]
    (other * other).sum().backward()
    assert other.grad.tolist() == [4.0, 6.0]
    assert w.grad is not None
    assert w.grad.tolist() == [2.0, 2.0]
    with pytest.raises(DTypeError, match="detach"):
        make(w * 2.0)


@pytest.mark.parametrize("kind", [gg.nn.Parameter, gg.nn.Buffer])
def test_copies_are_of_the_same_kind(kind: Any) -> None:
    t = kind(np.ones(2, np.float32))
    t.requires_grad = not t.requires_grad
    for other in (copy.copy(t), copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        assert type(other) is kind
        assert other.requires_grad == t.requires_grad


def test_the_tape_lives_as_long_as_its_result() -> None:
    x = leaf(np.zeros(10))
    y = x * 2.0
    step = weakref.ref(y)
    z = y.sum()
    del y
    gc.collect()
    assert step() is None  # the step is kept, the Tensor is not
    z.backward()
    assert x.grad is not None


def test_errors_of_operations_teach() -> None:
    a, b = gg.tensor(np.zeros((2, 3))), gg.tensor(np.zeros((2, 4)))
    line = test_errors_of_operations_teach.__code__.co_firstlineno
    with pytest.raises(
        ShapeError, match=rf"\(2, 3\)\n.*\(2, 4\)\n +\^\n.*add, at .*test_tensors.py:{line + 6}\)"
    ):
        a + b
    with pytest.raises(ShapeError, match=r"\(2, 3\) @ \(2, 4\).*size 3"):
        a @ b
    with pytest.raises(DTypeError, match="subtract does not take bool, bool"):
        (a > 0.0) - (a > 0.0)
    with pytest.raises(DTypeError, match="'NoneType'"):
        a + None


def test_a_deep_chain_goes_backward() -> None:
    depth = 100_000
    x = leaf(1.0)
    y = x
    for _ in range(depth):
        y = y * 1.000001
    start = time.perf_counter()
    y.backward()
    seconds = time.perf_counter() - start
    assert x.grad is not None
    assert x.grad.item() == pytest.approx(1.000001**depth, rel=1e-9)
    assert seconds < 20  # about one; quadratic work would take hours
    del y
    gc.collect()


def test_a_deep_chain_is_differentiated_as_a_graph() -> None:
    def chain(x: Any) -> Any:
        for _ in range(3000):
            x = gg.sin(x)
        return x

    graph = gg.differentiate(gg.trace(chain, gg.Spec(())))
    value, gradient = gg.run(graph, 0.5)
    x = leaf(0.5)
    y = chain(x)
    y.backward()
    assert x.grad is not None
    assert (value, gradient) == (y.item(), x.grad.item())


def test_every_method_is_a_function() -> None:
    from glassgrad.tensors import _METHODS

    t = gg.tensor([[0.25, 0.5], [0.75, 0.5]])
    for name in sorted(set(_METHODS) - {"squeeze", "expand_dims", "broadcast_to", "take"}):
        expected = getattr(gg, name)(t)
        np.testing.assert_array_equal(getattr(t, name)().numpy(), expected.numpy(), name)
    assert t.take(gg.tensor([1]), axis=1).tolist() == [[0.5], [0.5]]
    assert t.broadcast_to((3, 2, 2)).shape == (3, 2, 2)
    assert t.reshape(4).shape == t.reshape(-1).shape == t.reshape((4,)).shape == (4,)


def test_tensors_hash_by_identity_and_compare_by_value() -> None:
    a, b = gg.tensor([1.0, 2.0]), gg.tensor([1.0, 3.0])
    assert len({a, b, a}) == 2
    assert (a == b).tolist() == [True, False]
    assert (a != b).tolist() == [False, True]


def test_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s) for s in ((5, 4), (4, 3), (3,))]

    def loss(F: Any, x: Any, w: Any, b: Any) -> Any:
        hidden = F.tanh(x @ w + b)
        return (hidden * hidden).sum() / 7 + F.exp(hidden[:, 1]).mean()

    ours, theirs = [leaf(a) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    loss(gg, *ours).backward()
    loss(torch, *theirs).backward()
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-12)


def test_a_namespace_call_on_numbers() -> None:
    assert T.exp(0.0).item() == 1.0
    assert gg.maximum(2.0, 3.0).item() == 3.0


# --- beside NumPy ---


@pytest.mark.parametrize("traced", [False, True])
def test_arrays_and_numpy_numbers_stand_on_either_side(traced: bool) -> None:
    array, number, values = np.array([1.0, 2.0]), np.float64(2.0), np.array([3.0, 5.0])

    def f(t: gg.Tensor) -> list[gg.Tensor]:
        return [
            array * t,
            array - t,
            array / t,
            array**t,
            array @ t,
            array < t,
            array == t,
            number * t,
            number - t,
        ]

    expected = [array * values, array - values, array / values, array**values, array @ values]
    expected += [array < values, array == values, number * values, number - values]
    results = gg.run(gg.trace(f, values), values) if traced else f(gg.tensor(values))
    for result, right in zip(results, expected, strict=True):
        assert traced or isinstance(result, gg.Tensor)
        np.testing.assert_array_equal(np.asarray(result), right)
    assert ((array > 1.0) & (gg.tensor(values) > 3.0)).tolist() == [False, True]


def test_an_array_on_the_left_keeps_the_gradient() -> None:
    t = leaf([1.0, 2.0])
    gg.sum(np.array([3.0, 4.0]) * t).backward()
    assert t.grad is not None
    assert t.grad.tolist() == [3.0, 4.0]


def test_rows_of_different_lengths_are_answered() -> None:
    with pytest.raises(ShapeError, match="differ in length"):
        gg.tensor([[1.0], [1.0, 2.0]])
