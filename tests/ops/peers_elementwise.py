"""Arithmetic, exponentials, angles, choice and remainders elsewhere, complex numbers included."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import torch
from op_peers import Peer

_SAME = (
    "add", "subtract", "multiply", "negative", "positive", "square", "sqrt", "pow", "abs", "reciprocal", "exp",
    "expm1", "exp2", "log", "log1p", "log2", "log10", "sinh", "cosh", "tanh", "sin", "cos", "tan",
    "logaddexp", "hypot", "copysign", "fmax", "fmin", "maximum", "minimum", "remainder", "fmod",
)  # fmt: skip
_ARC = {"asinh": "arcsinh", "atanh": "arctanh", "asin": "arcsin", "acos": "arccos",
        "atan": "arctan", "atan2": "arctan2"}  # fmt: skip


def _where(c: Any, x: Any, y: Any) -> Any:
    dtype = torch.result_type(
        x, y
    )  # PyTorch cannot differentiate a choice between a real and a complex number
    return torch.where(c, x.to(dtype), y.to(dtype))


PEERS = {
    **{name: Peer(getattr(torch, name), getattr(jnp, name)) for name in _SAME},
    **{name: Peer(getattr(torch, name), getattr(jnp, arc)) for name, arc in _ARC.items()},
    # JAX's own derivative of acosh takes the wrong root left of the imaginary axis
    "acosh": Peer(torch.acosh, lambda x: jnp.log(x + jnp.sqrt(x - 1) * jnp.sqrt(x + 1))),
    "where": Peer(_where, jnp.where),
    "divide": Peer(torch.divide, jnp.divide),
    "rsqrt": Peer(torch.rsqrt, jax.lax.rsqrt),
    "cbrt": Peer(lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3), jnp.cbrt),
    "direction": Peer(torch.sgn, because="JAX takes the complex sign to be flat"),
    "fmax_scalar": Peer(
        lambda x, bound: torch.fmax(x, torch.tensor(bound)), lambda x, bound: jnp.fmax(x, bound)
    ),
    "fmin_scalar": Peer(
        lambda x, bound: torch.fmin(x, torch.tensor(bound)), lambda x, bound: jnp.fmin(x, bound)
    ),
    "clip": Peer(
        lambda x, min=None, max=None: torch.clamp(x, min, max),
        lambda x, min=None, max=None: jnp.clip(x, min, max),
    ),
}
