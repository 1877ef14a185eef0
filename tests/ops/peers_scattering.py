"""The largest and smallest at a place elsewhere."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from op_peers import Peer

BECAUSE = "PyTorch's scatter_reduce takes no index, but a table of places"


def _extreme(method: str, start: float) -> Peer:
    def ours(values: Any, *, index: Any, shape: Any) -> Any:
        return getattr(jnp.full(shape, start).at[index], method)(values)

    return Peer(None, ours, because=BECAUSE)


PEERS = {"index_max": _extreme("max", -np.inf), "index_min": _extreme("min", np.inf)}
