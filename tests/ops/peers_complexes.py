"""Complex numbers' parts elsewhere."""

from __future__ import annotations

import jax.numpy as jnp
import torch
from op_peers import Peer

PEERS = {
    "real": Peer(torch.real, jnp.real),
    "imag": Peer(lambda x: torch.imag(x) if x.is_complex() else torch.zeros_like(x), jnp.imag),
    "conj": Peer(lambda x: torch.conj(x).resolve_conj(), jnp.conj),
}
