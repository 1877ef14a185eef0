"""Fourier transforms elsewhere."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import torch
from op_peers import Peer


def _one(name: str) -> Peer:
    def call(x: Any, n: Any = None, axis: int = -1, norm: str = "backward") -> Any:
        return getattr(torch.fft, name)(x, n, axis, norm)

    return Peer(call, getattr(jnp.fft, name))


def _several(name: str) -> Peer:
    def call(x: Any, s: Any = None, axes: Any = None, norm: str = "backward") -> Any:
        return getattr(torch.fft, name)(x, s, axes, norm)

    return Peer(call, getattr(jnp.fft, name))


PEERS = {
    **{name: _one(name) for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{name: _several(name) for name in ("fftn", "ifftn", "rfftn", "irfftn")},
}
