"""The same operation in PyTorch and JAX: tables in ``peers_*.py``, one a family, gathered here.

Each sample of each record in a table is compared in value and in first- and second-order gradient by
``test_op_peers.py``; a record that neither peer has says why it is not compared.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Peer:
    """One operation elsewhere.

    ``torch`` and ``jax`` take what a sample gives, inputs and keyword arguments, as that library's arrays, and return
    what the operation returns; ``seen`` makes of the results (ours and theirs, through the functions of the
    namespace it is given: ``glassgrad.xp``, ``torch`` or ``jax.numpy``) what does not depend on a free choice, such
    as the sign of an eigenvector. ``because`` says why a peer is missing or is not asked.
    """

    torch: Callable[..., Any] | None = None
    jax: Callable[..., Any] | None = None
    seen: Callable[..., Any] | None = None
    because: str = ""
    rtol: float = 1e-8


def peers() -> dict[str, Peer]:
    """Return all tables as one."""
    found: dict[str, Peer] = {}
    for path in sorted(Path(__file__).parent.glob("peers_*.py")):
        for name, peer in importlib.import_module(path.stem).PEERS.items():
            assert name not in found, f"{name} is in two tables"
            found[name] = peer
    return found
