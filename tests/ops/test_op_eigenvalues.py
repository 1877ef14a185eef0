"""Eigenvalues of matrices that need not be Hermitian: what they are, and where they have no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import xp
from glassgrad.errors import DegenerateWarning, DTypeError, ShapeError
from glassgrad.functional import grad
from glassgrad.ops.matrix_error import MatrixError

MATRIX = np.array([[0.0, 1.0, 0.5], [-1.0, 0.25, 2.0], [0.5, 0.0, -1.0]])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int64"])
def test_vectors_are_stretched_by_their_values(dtype: str) -> None:
    a = xp.asarray(MATRIX * 4).astype(dtype)
    values, vectors = xp.linalg.eig(a)
    wide = np.result_type(a.dtype, np.complex64)
    assert values.dtype == vectors.dtype == xp.linalg.eigvals(a).dtype == wide
    tolerance = 50 * np.finfo(wide).eps
    np.testing.assert_allclose((a @ vectors).numpy(), (vectors * values).numpy(), atol=tolerance * 8)
    np.testing.assert_allclose(np.linalg.norm(vectors.numpy(), axis=0), 1, rtol=tolerance)
    np.testing.assert_allclose(np.sort(xp.linalg.eigvals(a).numpy()), np.sort(values.numpy()), rtol=tolerance)


def test_real_values_are_complex_too_and_a_matrix_may_be_empty() -> None:
    assert xp.linalg.eigvals([[2.0, 0.0], [0.0, 3.0]]).tolist() == [2 + 0j, 3 + 0j]
    assert xp.linalg.eig(xp.zeros((4, 0, 0))).eigenvectors.shape == (4, 0, 0)
    assert xp.linalg.eigvals(xp.zeros((4, 0, 0))).shape == (4, 0)


def test_the_sum_of_powers_has_the_gradient_of_the_trace() -> None:
    for power in (1, 2, 3):
        slope = grad(lambda x, n=power: xp.real(xp.sum(xp.linalg.eigvals(x) ** n)))(MATRIX)
        expected = power * np.linalg.matrix_power(MATRIX.T, power - 1)
        np.testing.assert_allclose(slope.numpy(), expected, atol=1e-12)


def test_a_matrix_whose_values_coincide() -> None:
    same = 2.0 * np.eye(2)
    slope = grad(lambda x: xp.real(xp.sum(xp.linalg.eigvals(x) ** 2)))(same)
    assert slope.tolist() == [[4.0, 0.0], [0.0, 4.0]]

    def of_vectors(x: Any) -> Any:
        return xp.sum(xp.abs(xp.linalg.eig(x).eigenvectors[0, :] + xp.linalg.eig(x).eigenvectors[1, :]))

    with pytest.warns(DegenerateWarning, match="0 and 1 coincide"):
        assert np.isnan(grad(of_vectors)(same).numpy()).all()


@pytest.mark.parametrize("matrix", [[[0.0, 1.0], [0.0, 0.0]], [[2.0, 1.0], [0.0, 2.0]]])
def test_a_defective_matrix_has_values_but_no_derivative(matrix: Any) -> None:
    with pytest.warns(DegenerateWarning, match="the matrix is defective"):
        slope = grad(lambda x: xp.real(xp.sum(xp.linalg.eigvals(x) ** 2)))(np.array(matrix))
    assert np.isnan(slope.numpy()).all()


def test_of_a_stack_only_the_defective_matrix_has_no_derivative() -> None:
    stack = np.stack([MATRIX[:2, :2], [[2.0, 1.0], [0.0, 2.0]]])
    with pytest.warns(DegenerateWarning, match=r"the matrix at \[1\] of the stack is defective"):
        slope = grad(lambda x: xp.real(xp.sum(xp.linalg.eigvals(x) ** 2)))(stack)
    np.testing.assert_allclose(slope.numpy()[0], 2 * MATRIX[:2, :2].T, atol=1e-12)
    assert np.isnan(slope.numpy()[1]).all()


@pytest.mark.parametrize("name", ["eig", "eigvals"])
def test_what_has_no_eigenvalues(name: str) -> None:
    f = getattr(xp.linalg, name)
    with pytest.raises(ShapeError, match=f"{name} needs square matrices.*2 rows and 3 columns"):
        f(xp.zeros((2, 3)))
    with pytest.raises(ShapeError, match=f"{name} needs a matrix"):
        f(xp.zeros(3))
    with pytest.raises(DTypeError, match="not in float16"):
        f(np.eye(2, dtype=np.float16))
    with pytest.raises(MatrixError, match=f"{name}: no values were found for the matrix: it holds NaN"):
        f([[np.nan, 1.0], [1.0, 1.0]])
