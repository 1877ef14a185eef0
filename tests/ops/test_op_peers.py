"""Values, first and second derivatives of every record against PyTorch and JAX, on the record's own samples.

A complex input is given by its parts, and a complex result looked at by its parts, so that neither library's
convention for complex gradients matters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_cases import SMOOTH, Case, each, rng

from glassgrad import xp
from glassgrad.functional import grad
from glassgrad.ops import REGISTRY

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")

from op_peers import Peer, peers  # noqa: E402
from test_op_torch import COMPARED  # noqa: E402

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)
PEERS = peers()

OURS, TORCH, JAX = "glassgrad", "torch", "jax"
_NAMESPACE = {OURS: xp, TORCH: torch, JAX: jax.numpy}


def _call(case: Case, peer: Peer, library: str) -> Any:
    """Return the function from real arrays to a list of real results, in one library."""
    arrays, at = case.arrays(), case.floats()
    op = {OURS: case, TORCH: peer.torch, JAX: peer.jax}[library]
    kwargs = {} if library == OURS else case.sample.kwargs
    space = _NAMESPACE[library]

    def f(*parts: Any) -> list[Any]:
        rest = iter(parts)
        inputs: list[Any] = []
        for i, a in enumerate(arrays):
            if i not in at:
                inputs.append(torch.tensor(a) if library == TORCH else a)
            elif a.dtype.kind == "c":
                x, y = next(rest), next(rest)
                inputs.append(x + y * 1j if library != TORCH else torch.complex(x, y))
            else:
                inputs.append(next(rest))
        result = op(*inputs, **kwargs)
        if peer.seen is not None:
            result = peer.seen(space, result)
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        out: list[Any] = []
        for z in results:
            kind = str(z.dtype)
            if "complex" in kind:
                out += [space.real(z), space.imag(z)]
            elif "float" in kind:
                out.append(z)
        return out

    return f


def _sum_of_products(library: str, zs: list[Any], weights: list[np.ndarray]) -> Any:
    space = _NAMESPACE[library]
    terms = [
        space.sum(z * (torch.tensor(w) if library == TORCH else w)) for z, w in zip(zs, weights, strict=True)
    ]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _torch_grad(loss: Any, leaves: list[Any]) -> list[Any]:
    """Return the gradient in PyTorch, zeros where the loss does not depend on a leaf."""
    if not loss.requires_grad:
        return [torch.zeros_like(x) for x in leaves]
    found = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]


def _derivatives(
    f: Any, xs: list[np.ndarray], weights: list[np.ndarray], us: list[np.ndarray], library: str
) -> Any:
    """Return the values, the gradient g of Σ w·f, and the gradient of Σ u·g."""
    at = tuple(range(len(xs)))
    if library == TORCH:
        leaves = [torch.tensor(x, requires_grad=True) for x in xs]
        zs = f(*leaves)
        first = _torch_grad(_sum_of_products(library, zs, weights), leaves)
        second = _torch_grad(_sum_of_products(library, first, us), leaves)
        groups = (zs, first, second)
        return [
            [t.detach().resolve_conj().resolve_neg().numpy(force=True) for t in group] for group in groups
        ]
    gradient = grad if library == OURS else jax.grad
    first = gradient(lambda *a: _sum_of_products(library, f(*a), weights), at)
    second = gradient(lambda *a: _sum_of_products(library, list(first(*a)), us), at)
    if library == JAX:  # compiled together: JAX compiles single operations one by one, which takes longer
        groups = jax.jit(lambda *a: (f(*a), first(*a), second(*a)))(*xs)
    else:
        groups = (f(*[xp.asarray(x) for x in xs]), first(*xs), second(*xs))
    return [[np.asarray(t) for t in group] for group in groups]


@each([c for c in SMOOTH if c.op.name in PEERS])
@pytest.mark.parametrize("library", [TORCH, JAX])
def test_values_and_gradients_are_those_of(library: str, case: Case) -> None:
    peer = PEERS[case.op.name]
    if getattr(peer, library) is None:
        pytest.skip(peer.because)
    arrays = case.arrays()
    xs: list[np.ndarray] = []
    for i in case.floats():
        a = arrays[i]
        xs += [a.real.copy(), a.imag.copy()] if a.dtype.kind == "c" else [a]
    ours = _call(case, peer, OURS)
    draw = rng()
    weights = [draw.normal(size=z.shape) for z in ours(*[xp.asarray(x) for x in xs])]
    us = [draw.normal(size=x.shape) for x in xs]
    found = _derivatives(ours, xs, weights, us, OURS)
    expected = _derivatives(_call(case, peer, library), xs, weights, us, library)
    for order, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(
                a, b, rtol=peer.rtol, atol=1e-9, err_msg=f"derivative of order {order}"
            )


def test_a_missing_peer_has_a_reason() -> None:
    assert [n for n, p in PEERS.items() if (p.torch is None or p.jax is None) and not p.because] == []
    assert [n for n in PEERS if n not in REGISTRY] == []


NOWHERE = {"scan", "cond", "call", "checkpoint", "custom", "linear_recurrence", "identity", "again", "astype",
           "strong_multiply", "maximum_scalar", "minimum_scalar"}  # fmt: skip
"""Differentiable records with tests of their own: those that own graphs, and helpers of rules."""


def test_every_differentiable_record_is_compared() -> None:
    wanted = {op.name for op in REGISTRY.values() if op.pull is not None}
    assert wanted - set(PEERS) - COMPARED - NOWHERE == set()
