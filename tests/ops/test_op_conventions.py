"""Every row of the conventions, run in glassgrad, PyTorch and JAX."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from glassgrad import xp
from glassgrad.functional import grad, jvp, vjp
from glassgrad.ops import FUNCTIONS, REGISTRY
from glassgrad.ops.conventions import CONVENTIONS, Convention

rows = pytest.mark.parametrize("row", CONVENTIONS, ids=[r.case.en for r in CONVENTIONS])
NAMES = "xyw"


def _program(code: str, **libraries: Any) -> Any:
    return eval(f"lambda {', '.join(NAMES)}: {code}", libraries)


def _at(row: Convention) -> list[np.ndarray]:
    return [np.array(a, np.float64) for a in row.at]


def _filled(values: list[Any]) -> list[Any]:
    return [*values, *[None] * (len(NAMES) - len(values))]


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@rows
def test_glassgrad_returns_what_the_row_says(row: Convention) -> None:
    f = _program(row.code, xp=xp)
    z, pull = vjp(lambda *given: f(*_filled(list(given))), *_at(row))
    for found, expected, x in zip(pull(np.ones(z.shape)), row.gives, _at(row), strict=True):
        assert found.shape == x.shape
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-15)


@rows
def test_traced_and_forward_mode_agree_with_the_row(row: Convention) -> None:
    import glassgrad as gg

    f, at = _program(row.code, xp=xp), _at(row)

    def total(*given: Any) -> Any:
        return xp.sum(f(*_filled(list(given))))

    graph = gg.differentiate(gg.trace(total, *at))
    for found, expected in zip(gg.run(graph, *at)[1:], row.gives, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    if any(np.size(a) > 4 for a in at):
        return
    for i, (x, expected) in enumerate(zip(at, row.gives, strict=True)):
        for place in np.ndindex(x.shape):
            tangents = [np.zeros_like(a) for a in at]
            tangents[i][place] = 1
            if not np.isnan(np.asarray(expected, float)).any():
                _, moved = jvp(total, at, tangents)
                np.testing.assert_allclose(moved.numpy(), np.asarray(expected)[place], rtol=1e-12, atol=1e-15)


@rows
def test_pytorch_returns_what_the_row_says(row: Convention) -> None:
    torch = pytest.importorskip("torch")
    xs = [torch.tensor(x, requires_grad=True) for x in _at(row)]
    z = _program(row.torch, torch=torch)(*_filled(xs))
    for found, expected in zip(torch.autograd.grad(z.sum(), xs), row.torch_gives, strict=True):
        np.testing.assert_allclose(found.numpy(), np.asarray(expected, float), rtol=1e-12, atol=1e-15)


@rows
def test_jax_returns_what_the_row_says(row: Convention) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    f = _program(row.jax, jax=jax, jnp=jax.numpy)
    at = tuple(range(len(row.at)))
    for found, expected in zip(
        jax.grad(lambda *given: f(*_filled(list(given))).sum(), at)(*_at(row)), row.jax_gives, strict=True
    ):
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected, float), rtol=1e-12, atol=1e-15)


def test_rows_name_records_and_functions() -> None:
    assert [r.op for r in CONVENTIONS if r.op not in REGISTRY and (r.op not in FUNCTIONS or r.meets)] == []
    assert all(len(r.gives) == len(r.torch_gives) == len(r.jax_gives) == len(r.at) for r in CONVENTIONS)


def test_the_second_derivative_at_a_masked_branch_is_finite() -> None:
    f = lambda x: xp.sum(xp.where(x > 0, xp.log(x), 0.0))  # noqa: E731
    slope = grad(lambda x: xp.sum(grad(f)(x)))(np.array([0.0, 2.0]))
    np.testing.assert_allclose(slope.numpy(), [0, -0.25])
