"""Sums, products, running ones and spreads elsewhere."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import torch
from op_peers import Peer


def _torch_reduction(name: str, **more: Any) -> Any:
    """Return the reduction that takes a tuple of axes, or None for all of them."""
    f = getattr(torch, name)

    def call(x: Any, axis: Any = None, keepdims: bool = False, **settings: Any) -> Any:
        axes = tuple(range(x.ndim)) if axis is None else axis
        return f(x, axes, keepdim=keepdims, **more, **settings)

    return call


def _torch_prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    axes = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    for a in sorted((a % x.ndim for a in axes), reverse=True):
        x = torch.prod(x, a, keepdim=keepdims)
    return x


def _torch_spread(name: str) -> Any:
    def call(x: Any, axis: Any = None, keepdims: bool = False, correction: float = 0) -> Any:
        if x.is_complex():  # PyTorch has var of complex numbers, whose gradient it does not know
            d = x - torch.mean(x, axis, keepdim=True)
            squares = torch.sum((d * d.conj()).real, axis, keepdim=keepdims)
            z = squares / (x.shape[axis] - correction)
            return z if name == "var" else torch.sqrt(z)
        return _torch_reduction(name, correction=correction)(x, axis, keepdims)

    return call


PEERS = {
    "sum": Peer(_torch_reduction("sum"), jnp.sum),
    "mean": Peer(_torch_reduction("mean"), jnp.mean),
    "prod": Peer(_torch_prod, jnp.prod),
    "max": Peer(_torch_reduction("amax"), jnp.max),
    "min": Peer(_torch_reduction("amin"), jnp.min),
    "var": Peer(_torch_spread("var"), jnp.var),
    "std": Peer(_torch_spread("std"), jnp.std),
    "cumulative_sum": Peer(lambda x, axis=0: torch.cumsum(x, axis), lambda x, axis=0: jnp.cumsum(x, axis)),
    "cumulative_prod": Peer(lambda x, axis=0: torch.cumprod(x, axis), lambda x, axis=0: jnp.cumprod(x, axis)),
}
