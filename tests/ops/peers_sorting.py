"""Sorting and running extremes elsewhere."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import torch
from jax import lax
from op_peers import Peer


def _torch_sort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    return torch.sort(x, dim=axis, descending=descending, stable=stable).values


PEERS = {
    "sort": Peer(_torch_sort, jnp.sort),
    "cummax": Peer(
        lambda x, axis=0: torch.cummax(x, axis).values, lambda x, axis=0: lax.cummax(x, axis=axis)
    ),
    "cummin": Peer(
        lambda x, axis=0: torch.cummin(x, axis).values, lambda x, axis=0: lax.cummin(x, axis=axis)
    ),
}
