"""Special functions elsewhere."""

from __future__ import annotations

import jax.numpy as jnp
import jax.scipy.special as jsp
import torch
from op_peers import Peer

PEERS = {
    "erf": Peer(torch.erf, jsp.erf),
    "erfc": Peer(torch.erfc, jsp.erfc),
    "lgamma": Peer(torch.lgamma, jsp.gammaln),
    "digamma": Peer(torch.digamma, jsp.digamma),
    "digamma_slope": Peer(
        lambda x, order: torch.polygamma(order, x), lambda x, order: jsp.polygamma(order, x)
    ),
    "sinc_slope": Peer(because="neither library has the derivatives of sinc as functions"),
    "sinc": Peer(torch.sinc, jnp.sinc),
    "xlogy": Peer(torch.xlogy, jsp.xlogy),
}
