"""Linear algebra: hard places, functions written in other operations, and what is answered to bad input."""

from __future__ import annotations

import math
import time
import warnings
from typing import Any

import numpy as np
import pytest
from op_cases import central, rng

import glassgrad as gg
from glassgrad import xp
from glassgrad.errors import (
    DegenerateWarning,
    DTypeError,
    GlassgradError,
    OptionError,
    ShapeError,
)
from glassgrad.functional import grad
from glassgrad.ops.matrix_error import MatrixError
from glassgrad.ops.spectra import coinciding
from glassgrad.tracing import Spec, trace

L = xp.linalg
RANK_2 = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
RANK_1 = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [-1.0, -2.0, -3.0]])


def gradient(f: Any, x: Any) -> np.ndarray:
    return grad(lambda a: xp.sum(f(a)))(np.asarray(x)).numpy()


def adjugate(a: np.ndarray) -> np.ndarray:
    n = len(a)
    minors = [
        [np.linalg.det(np.delete(np.delete(a, j, 0), i, 1)) * (-1) ** (i + j) for j in range(n)]
        for i in range(n)
    ]
    return np.array(minors)


# --- determinants of singular matrices -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "a", [RANK_2, RANK_2 * 1e-3, RANK_2 * (1 + 0.5j), RANK_1, np.zeros((3, 3)), np.eye(3)]
)
def test_the_gradient_of_a_determinant_is_the_adjugate_at_every_rank(a: np.ndarray) -> None:
    found = gradient(lambda x: xp.real(L.det(x)), a)
    np.testing.assert_allclose(found, np.conj(adjugate(a)).T, atol=1e-14)


def test_a_singular_matrix_does_not_spoil_the_others_of_its_stack() -> None:
    stack = np.stack([RANK_2, np.diag([1.0, 2.0, 3.0]), RANK_1])
    np.testing.assert_allclose(gradient(L.det, stack), [adjugate(a).T for a in stack], atol=1e-14)
    logs = gradient(lambda x: L.slogdet(x).logabsdet, stack[:2])
    assert not np.isfinite(logs[0]).any()
    np.testing.assert_allclose(logs[1], np.diag([1, 1 / 2, 1 / 3]))


@pytest.mark.parametrize("a", [RANK_2, RANK_1, np.zeros((3, 3)), np.diag([2.0, 2.0, 2.0])])
def test_the_second_derivative_of_a_determinant_is_exact_at_every_rank(a: np.ndarray) -> None:
    u = rng().normal(size=(3, 3))
    second = gradient(lambda x: xp.sum(grad(L.det)(x) * u), a)
    h = 1.0  # a determinant is a quadratic along one entry and a direction, so differences are exact
    for i, j in np.ndindex(3, 3):
        e = np.zeros((3, 3))
        e[i, j] = h
        slope = np.sum((adjugate(a + e) - adjugate(a - e)).T * u) / (2 * h)
        np.testing.assert_allclose(second[i, j], slope, atol=1e-12)


def test_determinants_of_the_smallest_matrices() -> None:
    np.testing.assert_array_equal(gradient(L.det, [[0.0]]), [[1.0]])
    assert L.det(np.zeros((2, 0, 0))).tolist() == [1.0, 1.0]
    assert gradient(L.det, np.zeros((2, 0, 0))).shape == (2, 0, 0)


# --- norms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ord", [2, 1, 0, 3, 0.5, -1, -2.5, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.complex64])
def test_the_gradient_of_a_norm_at_zero_is_zero(ord: float, dtype: Any) -> None:
    found = gradient(lambda x: L.vector_norm(x, ord=ord), np.zeros(3, dtype))
    np.testing.assert_array_equal(found, np.zeros(3))
    assert found.dtype == dtype


def test_norms_on_their_kinks() -> None:
    def norm(ord: float) -> Any:
        return lambda x: L.vector_norm(x, ord=ord)

    np.testing.assert_array_equal(gradient(norm(1), [2.0, 0.0, -3.0]), [1, 0, -1])
    np.testing.assert_array_equal(gradient(norm(math.inf), [3.0, -3.0, 1.0]), [0.5, -0.5, 0])
    np.testing.assert_array_equal(gradient(norm(-math.inf), [3.0, -1.0, 1.0]), [0, -0.5, 0.5])
    np.testing.assert_array_equal(gradient(norm(0), [3.0, 0.0]), [0, 0])
    assert gradient(norm(0.5), [4.0, 0.0])[1] == 0
    np.testing.assert_array_equal(gradient(norm(-1), [4.0, 0.0]), [0, 0])
    rows = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(gradient(lambda x: L.vector_norm(x, axis=1), rows), [[0, 0], [0.6, 0.8]])


@pytest.mark.parametrize("ord", [2, 1, 0, 3, 0.5, -1, -2.5, math.inf, -math.inf])
def test_norms_are_numpys(ord: float) -> None:
    x = rng().normal(size=(2, 3, 4))
    for axis in [None, -1, (0, 2)]:
        for y in (x, x + 1j * x[::-1]):
            expected = np.linalg.vector_norm(y, axis=axis, keepdims=True, ord=ord)
            np.testing.assert_allclose(L.vector_norm(y, axis=axis, keepdims=True, ord=ord).numpy(), expected)


@pytest.mark.parametrize("ord", [100, 30.0, -100])
def test_high_orders_neither_overflow_nor_vanish(ord: float) -> None:
    x = np.array([1e9, 2e9, 1e-9] if ord > 0 else [1e-9, 2e-9, 1.0])
    found = float(L.vector_norm(x, ord=ord))
    assert found == pytest.approx(2e9 if ord > 0 else 1e-9, rel=1e-6)
    assert np.isfinite(gradient(lambda a: L.vector_norm(a, ord=ord), x)).all()


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
@pytest.mark.parametrize("unit", [1, 1 + 0.5j])
def test_matrix_norms_and_their_gradients(ord: Any, unit: complex) -> None:
    x = rng().normal(size=(2, 3, 4)) * unit + (0.3j if unit != 1 else 0)
    for keepdims in (False, True):
        expected = np.linalg.matrix_norm(x, ord=ord, keepdims=keepdims)
        np.testing.assert_allclose(L.matrix_norm(x, ord=ord, keepdims=keepdims).numpy(), expected)

    def f(re: Any) -> Any:
        return xp.sum(L.matrix_norm(re + x.imag * 1j if unit != 1 else re, ord=ord))

    expected = central(lambda re: float(f(re)), [x.real.copy()], 0)
    np.testing.assert_allclose(grad(f)(x.real.copy()).numpy(), expected, atol=1e-8)


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
def test_the_gradient_of_a_matrix_norm_at_zero_is_zero(ord: Any) -> None:
    np.testing.assert_array_equal(
        gradient(lambda x: L.matrix_norm(x, ord=ord), np.zeros((2, 3))), np.zeros((2, 3))
    )


# --- values that coincide ------------------------------------------------------------------------------------------

DOUBLE = np.diag([1.0, 1.0, 3.0])
TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]


@pytest.mark.parametrize("a", [DOUBLE, TURN @ DOUBLE @ TURN.T], ids=["exactly", "but for rounding"])
def test_vectors_of_equal_values_have_no_gradient_and_a_warning_names_the_values(a: np.ndarray) -> None:
    w = np.arange(9.0).reshape(3, 3)
    with pytest.warns(DegenerateWarning, match=r"values 0 and 1 coincide \(both 1\)"):
        assert np.isnan(gradient(lambda x: L.eigh(x).eigenvectors * w, a)).all()
    with pytest.warns(DegenerateWarning, match=r"values 1 and 2 coincide \(both 1\)"):
        assert np.isnan(gradient(lambda x: L.svd(x).U * w, a)).all()
    with pytest.warns(DegenerateWarning, match=r"values 1 and 2 of the matrix at \[1\] of the stack"):
        found = gradient(lambda x: L.svd(x).Vh * w, np.stack([np.diag([3.0, 2.0, 1.0]), a]))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_the_warning_is_given_on_the_users_line_and_once_a_line() -> None:
    def step() -> None:
        gradient(lambda x: L.eigh(x).eigenvectors * np.array([[1.0, 5.0], [2.0, 0.0]]), np.eye(2) * 7)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        step()
        step()
    assert [w.filename for w in told] == [__file__]


@pytest.mark.parametrize("a", [DOUBLE, TURN @ DOUBLE @ TURN.T, np.eye(3)])
@pytest.mark.filterwarnings("error")
def test_values_that_coincide_have_gradients_of_symmetric_functions(a: np.ndarray) -> None:
    np.testing.assert_allclose(gradient(L.eigvalsh, a), np.eye(3), atol=1e-14)
    np.testing.assert_allclose(gradient(L.svdvals, a), np.eye(3), atol=1e-14)
    np.testing.assert_allclose(gradient(lambda x: L.eigh(x).eigenvalues ** 2, a), 2 * a, atol=1e-13)
    np.testing.assert_allclose(gradient(lambda x: L.svd(x).S ** 2, a), 2 * a, atol=1e-13)


@pytest.mark.filterwarnings("error")
def test_the_vector_of_a_value_of_its_own_has_a_gradient_beside_equal_ones() -> None:
    a = TURN @ DOUBLE @ TURN.T
    w = rng().normal(size=3)

    def f(x: Any) -> Any:
        v = L.eigh((x + x.mT) / 2).eigenvectors[:, 2]
        return (v @ w) ** 2

    expected = central(lambda x: float(f(xp.asarray(x))), [a], 0)
    np.testing.assert_allclose(gradient(f, a), expected, atol=1e-8)
    tall = np.diag([3.0, 0.0, 0.0])[:, :3]
    first = gradient(lambda x: L.svd(x).U[:, 0] * np.array([1.0, 2.0, 3.0]), tall)
    np.testing.assert_allclose(
        first, np.sign(L.svd(tall).U[0, 0].item()) * np.array([[0, 0, 0], [2, 0, 0], [3, 0, 0]]) / 3
    )


def test_coinciding_values_are_found_in_any_precision() -> None:
    assert coinciding(np.array([1.0, 1.0 + 1e-15, 2.0])).sum() == 2
    assert coinciding(np.array([1.0, 1.0 + 1e-13, 2.0])).sum() == 0
    assert coinciding(np.array([1.0, 1.0 + 1e-7], np.float32)).sum() == 2
    assert coinciding(np.zeros((2, 3))).sum() == 12
    assert coinciding(np.zeros((2, 0))).shape == (2, 0, 0)


def test_a_loss_that_depends_on_the_phase_is_told() -> None:
    a = np.array([[1.0, 1j, 0.5], [-1j, 2.0, 0.2], [0.5, 0.2, -1.0]])
    w = rng().normal(size=(3, 3))
    for f in (lambda x: L.eigh(x).eigenvectors, lambda x: L.svd(x).U, lambda x: L.svd(x).Vh):
        with pytest.warns(DegenerateWarning, match="phase"):
            gradient(lambda x, f=f: xp.real(f(x)) * w, a)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            gradient(lambda x, f=f: xp.abs(f(x)) * w, a)


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4)])
def test_real_vectors_themselves_agree_with_differences(shape: tuple[int, int]) -> None:
    x = rng().normal(size=shape)
    k = min(shape)
    w = [rng().normal(size=s) for s in [(shape[0], k), (k,), (k, shape[1])]]

    def f(a: Any) -> Any:
        return sum((xp.sum(o * v) for o, v in zip(L.svd(a, full_matrices=False), w, strict=True)), 0.0)

    np.testing.assert_allclose(
        grad(f)(x).numpy(), central(lambda a: float(f(a)), [x], 0), rtol=1e-6, atol=1e-8
    )
    if shape == (3, 3):

        def g(a: Any) -> Any:
            values, vectors = L.eigh((a + xp.matrix_transpose(a)) / 2)
            return xp.sum(values * w[1]) + xp.sum(vectors * w[0])

        expected = central(lambda a: float(g(xp.asarray(a))), [x], 0)
        np.testing.assert_allclose(grad(g)(x).numpy(), expected, rtol=1e-6, atol=1e-8)


def test_one_triangle_is_read_and_the_gradient_is_hermitian() -> None:
    a = np.array([[2.0, 0.5 - 1j], [0.5 + 1j, 3.0]])
    lower = np.tril(a)
    for f in (L.eigvalsh, L.cholesky, lambda x: L.eigh(x).eigenvalues):
        np.testing.assert_allclose(f(lower).numpy(), f(a).numpy())
        found = gradient(lambda x, f=f: xp.abs(f(x)) ** 3, a)
        np.testing.assert_allclose(found, np.conj(found).T)
        np.testing.assert_allclose(gradient(lambda x, f=f: xp.abs(f(x)) ** 3, lower), found)


# --- systems -------------------------------------------------------------------------------------------------------


def test_an_upper_factor_is_the_lower_one_turned() -> None:
    a = np.array([[4.0, 1 - 1j], [1 + 1j, 3.0]])
    upper = L.cholesky(a, upper=True).numpy()
    np.testing.assert_allclose(np.conj(upper).T @ upper, a)
    np.testing.assert_array_equal(upper, np.triu(upper))


def test_a_right_hand_side_of_one_axis_is_a_vector_for_every_matrix() -> None:
    a, b = rng().normal(size=(4, 3, 3)), rng().normal(size=3)
    np.testing.assert_allclose(L.solve(a, b).numpy(), np.stack([np.linalg.solve(m, b) for m in a]))
    found = grad(lambda b: xp.sum(L.solve(a, b)))(b).numpy()
    np.testing.assert_allclose(found, sum(np.linalg.inv(m).T @ np.ones(3) for m in a))


def test_whole_numbers_are_taken_as_float64() -> None:
    a = np.array([[2, 1], [1, 1]])
    assert L.inv(a).dtype == np.float64
    assert L.solve(a, np.array([1, 2])).tolist() == [-1.0, 3.0]
    assert L.det(a).item() == pytest.approx(1)
    assert L.trace(a.astype(np.int8)).dtype == np.int64
    assert L.trace(a, dtype=np.float32).dtype == np.float32
    assert L.matrix_power(a, 3).tolist() == [[13, 8], [8, 5]]
    assert L.matrix_power(a, 0).dtype == a.dtype
    assert L.matrix_power(a, -1).dtype == np.float64


def test_pinv_and_rank_take_tolerances() -> None:
    a = np.stack([np.diag([1.0, 1e-3]), np.diag([1.0, 1e-20])])
    assert L.matrix_rank(a).tolist() == [2, 1]
    assert L.matrix_rank(a, rtol=0.1).tolist() == [1, 1]
    assert L.matrix_rank(a, rtol=np.array([0.1, 1e-30])).tolist() == [1, 2]
    assert L.matrix_rank(np.zeros((3, 2))).item() == 0
    assert L.matrix_rank(np.zeros((2, 0, 3))).tolist() == [0, 0]
    assert L.matrix_rank(1j * np.ones((3, 3))).item() == 1
    np.testing.assert_allclose(L.pinv(a, rtol=np.array([0.1, 1e-30])).numpy()[:, 1, 1], [0, 1e20])
    np.testing.assert_allclose(L.pinv(a[0], rtol=0.1).numpy(), np.diag([1.0, 0.0]))


def test_the_derivative_of_a_pseudoinverse_among_matrices_of_one_rank() -> None:
    draw = rng()
    b, c, w = draw.normal(size=(4, 2)), draw.normal(size=(2, 3)), draw.normal(size=(3, 4))

    def f(b: Any, c: Any) -> Any:
        return xp.sum(L.pinv(xp.asarray(b) @ c, rtol=1e-9) * w)

    for i in range(2):
        expected = central(lambda *bc: float(f(*bc)), [b, c], i)
        np.testing.assert_allclose(grad(f, argnums=i)(b, c).numpy(), expected, rtol=1e-6, atol=1e-7)


def test_a_triangle_with_a_zero_on_its_diagonal_has_no_solution() -> None:
    from glassgrad.tensors import T

    a = np.array([[1.0, 0.0], [2.0, 0.0]])
    assert np.isnan(T.solve_triangular(a, np.ones((2, 1))).numpy()).all()
    both = T.solve_triangular(np.stack([a, np.eye(2)]), np.ones((2, 1))).numpy()
    assert np.isnan(both[0]).all()
    np.testing.assert_array_equal(both[1], np.ones((2, 1)))


@pytest.mark.slow
def test_the_gradient_of_a_large_system_costs_little_more_than_its_solution() -> None:
    draw = rng()
    for b in (draw.normal(size=1000), draw.normal(size=(1000, 1000))):
        a = draw.normal(size=(1000, 1000))

        def forward(a: Any = a, b: Any = b) -> None:
            L.solve(a, b)

        def both(a: Any = a, b: Any = b) -> None:
            x, y = gg.tensor(a, requires_grad=True), gg.tensor(b, requires_grad=True)
            xp.sum(L.solve(x, y)).backward()

        best = []
        for f in (forward, both):
            f()
            times = []
            for _ in range(7):
                start = time.perf_counter()
                f()
                times.append(time.perf_counter() - start)
            best.append(min(times))
        assert best[1] <= 4 * best[0]


# --- products ------------------------------------------------------------------------------------------------------

PRODUCTS = {
    "tensordot 2": (lambda F, a, b: F.tensordot(a, b), [(2, 3, 4), (3, 4, 5)]),
    "tensordot 0": (lambda F, a, b: F.tensordot(a, b, axes=0), [(2,), (3, 1)]),
    "tensordot pairs": (lambda F, a, b: F.tensordot(a, b, axes=((0, -1), (2, 0))), [(2, 3, 4), (4, 5, 2)]),
    "vecdot": (lambda F, a, b: F.vecdot(a, b), [(2, 3), (3,)]),
    "vecdot axis": (lambda F, a, b: F.vecdot(a, b, axis=-2), [(3, 1), (2, 3, 4)]),
    "outer": (lambda F, a, b: F.linalg.outer(a, b) if F is xp else np.outer(a, b), [(2,), (3,)]),
    "matrix_power": (lambda F, a: F.linalg.matrix_power(a, 5), [(2, 3, 3)]),
    "matrix_power of inverse": (lambda F, a: F.linalg.matrix_power(a, -2), [(2, 2)]),
    "trace": (lambda F, a: F.linalg.trace(a, offset=-1), [(2, 3, 4)]),
    **{
        line: (lambda F, *xs, line=line: F.einsum(line, *xs), shapes)
        for line, shapes in {
            "ij,jk->ik": [(2, 3), (3, 4)],
            "ij,jk": [(2, 3), (3, 4)],
            "kj,ji": [(2, 3), (3, 4)],
            "ii": [(3, 3)],
            "ii->i": [(3, 3)],
            "iji->j": [(3, 2, 3)],
            "iij,ji->i": [(3, 3, 2), (2, 3)],
            "iijj->ij": [(2, 2, 3, 3)],
            "ijk->": [(2, 3, 4)],
            "ijk->kij": [(2, 3, 4)],
            "i,i": [(3,), (3,)],
            "i,j->ji": [(2,), (3,)],
            "bij,bjk->bik": [(2, 3, 4), (2, 4, 2)],
            "...ij,...jk->...ik": [(2, 1, 3, 4), (5, 4, 2)],
            "...ii->...": [(2, 3, 3)],
            "...,...": [(2, 3), (3,)],
            "i...->...": [(2, 3, 4)],
            "ab,bc,cd,de->ae": [(2, 3), (3, 4), (4, 2), (2, 3)],
            "ij,kj,lj->ikl": [(2, 3), (4, 3), (2, 3)],
            "ij,k->": [(2, 3), (4,)],
            "ij,ij->ij": [(2, 3), (1, 3)],
            "i,i->": [(1,), (3,)],
            "ab,ab,ab->": [(2, 3), (2, 3), (2, 3)],
            "bhqd,bhkd->bhqk": [(2, 2, 3, 4), (2, 2, 5, 4)],
            " ij , j -> i ": [(2, 3), (3,)],
        }.items()
    },
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("unit", [1, 1 + 0.5j])
def test_products_agree_with_numpy_and_differences(name: str, unit: complex) -> None:
    f, shapes = PRODUCTS[name]
    draw = rng()
    xs = [draw.normal(size=s) * unit + (0.25j * draw.normal(size=s) if unit != 1 else 0) for s in shapes]
    if name != "trace":
        np.testing.assert_allclose(f(xp, *xs).numpy(), f(np, *xs), rtol=1e-12, atol=1e-13)
    reals = [x.real.copy() for x in xs]

    def loss(*parts: Any) -> Any:
        z = f(xp, *(p if unit == 1 else p + x.imag * 1j for p, x in zip(parts, xs, strict=True)))
        weights = np.cos(np.arange(math.prod(z.shape))).reshape(z.shape)
        return xp.sum(xp.real(z) * weights) + xp.sum(xp.imag(z) * weights**2)

    places = tuple(range(len(xs)))
    for i, found in enumerate(grad(loss, argnums=places)(*reals)):
        expected = central(lambda *a: float(loss(*map(xp.asarray, a))), reals, i)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-7, atol=1e-8)


def test_einsum_multiplies_matrices_in_a_cheap_order() -> None:
    graph = trace(
        lambda *xs: xp.einsum("ij,jk,kl->il", *xs), *(Spec(s) for s in [(2, 90), (90, 90), (90, 3)])
    )
    shapes = [n.outputs[0].shape for n in graph.nodes if n.op == "matmul"]
    assert len(shapes) == 2
    assert (90, 3) in shapes or (2, 90) in shapes
    batch = trace(lambda x, w: xp.einsum("nij,jk->nik", x, w), Spec(("N", 3, 4)), Spec((4, 5)))
    assert str(batch.outputs[0].shape) == "(N, 3, 5)"
    assert "multiply" not in {n.op for n in batch.nodes}


def test_products_of_whole_numbers_keep_their_dtype() -> None:
    a = np.arange(6, dtype=np.int8).reshape(2, 3)
    assert xp.einsum("ij->i", a).dtype == np.int8
    assert xp.einsum("ij,ij->", a, a).tolist() == 55
    assert xp.tensordot(a, a).dtype == np.int8
    assert xp.vecdot(a, a).dtype == np.int8
    assert xp.matmul(a, a.T).dtype == np.int8


# --- what has several results, and stacks --------------------------------------------------------------------------


def test_results_have_names() -> None:
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    assert L.eigh(a)._fields == ("eigenvalues", "eigenvectors")
    assert L.qr(a)._fields == ("Q", "R")
    assert L.slogdet(a)._fields == ("sign", "logabsdet")
    assert L.svd(a)._fields == ("U", "S", "Vh")
    np.testing.assert_allclose((L.qr(a).Q @ L.qr(a).R).numpy(), a)


def test_matrices_need_known_sizes_and_the_batch_goes_in_front() -> None:
    graph = trace(lambda x: L.solve(x, xp.ones(3)), Spec(("N", 3, 3)))
    assert str(graph.outputs[0].shape) == "(N, 3)"
    with pytest.raises(ShapeError, match=r"matrices of known size.*the batch goes in front"):
        trace(L.svdvals, Spec(("N", 3)))


A, SINGULAR = np.eye(3) + 1, np.array([[1.0, 2.0], [2.0, 4.0]])
BAD: list[tuple[Any, type[GlassgradError], str]] = [
    (
        lambda: L.inv(SINGULAR),
        MatrixError,
        "inv: the matrix is singular: of its 2 rows only 1 are independent",
    ),
    (
        lambda: L.inv(np.stack([np.eye(2), SINGULAR])),
        MatrixError,
        r"the matrix at \[1\] of the stack is singular",
    ),
    (lambda: L.solve(SINGULAR, [1.0, 2.0]), MatrixError, r"pinv\(a\) @ b"),
    (lambda: L.cholesky(-A), MatrixError, "not positive definite: its smallest eigenvalue is -4"),
    (lambda: L.cholesky(np.array([[1.0, 0.0], [np.inf, 1.0]])), MatrixError, "NaN or infinity"),
    (lambda: L.cholesky(np.stack([A, -A])), MatrixError, r"the matrix at \[1\] of the stack"),
    (lambda: L.svd(A * np.nan), MatrixError, "svd: no values were found.*NaN or infinity"),
    (lambda: L.inv(np.ones((2, 3))), ShapeError, r"square matrices, but those of shape \(2, 3\) have 2 rows"),
    (lambda: L.det(np.ones(3)), ShapeError, r"at least two axes, but the shape is \(3,\)"),
    (lambda: L.solve(A, np.ones(2)), ShapeError, r"shape \(3, 3\) needs a right-hand side of size 3"),
    (lambda: L.solve(A, np.ones((2, 2))), ShapeError, r"3 equations.*\(2, 2\) have 2 rows \(axis -2\)"),
    (lambda: L.inv(A.astype(np.float16)), DTypeError, "single or double precision, not in float16"),
    (lambda: L.qr(A, mode="r"), OptionError, "'reduced' and 'complete', not 'r'"),
    (lambda: L.matrix_norm(A, ord=3), OptionError, "no matrix norm of order 3. Known: 'fro', 'nuc', 1"),
    (lambda: L.matrix_norm(A, ord=True), OptionError, "no matrix norm of order True"),
    (lambda: L.vector_norm(A, ord="fro"), OptionError, "'fro' and 'nuc' belong to matrix_norm"),
    (lambda: L.vector_norm(A, ord=math.nan), OptionError, "not nan"),
    (lambda: L.vector_norm(np.zeros(0), ord=math.inf), ShapeError, "no largest or smallest of none"),
    (lambda: L.matrix_power(A, 0.5), OptionError, "whole number of factors, not 0.5"),
    (lambda: L.matrix_power(np.ones((2, 3)), 2), ShapeError, r"square matrices, but the shape is \(2, 3\)"),
    (lambda: L.diagonal(np.ones(3)), ShapeError, "diagonal needs matrices"),
    (lambda: L.cross(np.ones(2), np.ones(2)), ShapeError, r"size 3 along axis -1.*\(2,\) and \(2,\)"),
    (lambda: L.cross(np.ones((3, 2)), np.ones(3), axis=0), ShapeError, "count the axis from the end"),
    (lambda: L.outer(A, A), ShapeError, r"two vectors.*\(3, 3\) and \(3, 3\)"),
    (lambda: xp.matmul(2.0, A), ShapeError, r"at least one axis, but got \(\) and \(3, 3\); use \*"),
    (lambda: xp.matmul(A, np.ones((2, 3))), ShapeError, r"\(3, 3\) @ \(2, 3\) does not fit"),
    (lambda: xp.vecdot(np.ones(2), np.ones(3)), ShapeError, r"one size there.*\(2,\) and \(3,\)"),
    (lambda: xp.tensordot(A, np.ones((2, 3)), axes=1), ShapeError, "axis 1 of .* has size 3 and axis 0"),
    (lambda: xp.tensordot(A, A, axes=3), ShapeError, "over 3 axes"),
    (lambda: xp.tensordot(A, A, axes=((0, 1), (0,))), ShapeError, "two sequences of equal length"),
    (lambda: xp.tensordot(A, A, axes=((0, 0), (0, 1))), ShapeError, "name one axis twice"),
    (lambda: xp.einsum(3, A), OptionError, "line of letters"),
    (lambda: xp.einsum("ij,jk->ik", A), OptionError, "names 2 arrays, but 1 were given"),
    (lambda: xp.einsum("i;j", A), OptionError, "is no line of letters"),
    (lambda: xp.einsum("ij.->i", A), OptionError, "is no line of letters"),
    (lambda: xp.einsum("...i...->i", A), OptionError, "once an array"),
    (lambda: xp.einsum("ij->i->j", A), OptionError, "one '->'"),
    (lambda: xp.einsum("ij->ik", A), OptionError, "the letter 'k', which no array has"),
    (lambda: xp.einsum("ij->ii", A), OptionError, "the letter 'i' twice"),
    (lambda: xp.einsum("ijk", A), ShapeError, r"'ijk' of 'ijk' names 3 axes.*\(3, 3\)"),
    (
        lambda: xp.einsum("ij,jk", A, np.ones((2, 3))),
        ShapeError,
        "'j' in 'ij,jk' names axes of sizes 3 and 2",
    ),
    (lambda: xp.einsum("ii", np.ones((1, 3))), ShapeError, "'i' in 'ii' names axes of sizes 1 and 3"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_input_is_answered(number: int) -> None:
    call, kind, says = BAD[number]
    with pytest.raises(kind, match=says):
        call()


def test_numpys_error_still_catches_a_singular_matrix() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        L.inv(SINGULAR)
