"""Is one quantity another, up to a constant factor, on every draw?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["TOLERANCE", "Match", "match", "relative_error"]

Array = np.ndarray[Any, Any]

TOLERANCE = 1e-6
"""Two float64 computations of one quantity agree far better; two quantities do not agree as well on four draws."""


@dataclass(frozen=True, slots=True)
class Match:
    """How one quantity is another: ``factor`` times it, perhaps transposed, perhaps plus `decay` times a parameter."""

    factor: float
    transposed: bool = False
    decay: float = 0.0


def match(found: Sequence[Array], exact: Sequence[Array], weights: Sequence[Array] | None = None) -> Match | None:
    """Return how a quantity is another on all draws, or None where it is not.

    Parameters
    ----------
    found, exact
        The two, on each draw.
    weights
        A parameter of which a multiple may be added: weight decay.
    """
    if found[0].size != exact[0].size:
        return None
    b = _vector(found)
    if not np.all(np.isfinite(b)):
        return None
    for turned in (False, True) if exact[0].ndim > 1 and found[0].shape != exact[0].shape else (False,):
        g = _vector([e.T for e in exact] if turned else exact)
        if not np.all(np.isfinite(g)):
            return None
        factor = _factor(b, g)
        if factor is not None:
            return Match(factor, turned)
    if weights is not None and weights[0].size == found[0].size:
        return _with_decay(b, _vector(exact), _vector(weights))
    return None


def relative_error(found: Array, exact: Array) -> tuple[float, tuple[int, ...]]:
    """Return the largest difference, relative to the largest entry, and its place."""
    if found.shape != exact.shape:
        if found.size != exact.size:
            return float("inf"), ()
        found = found.reshape(exact.shape)
    if not exact.size:
        return 0.0, ()
    scale = max(float(np.max(np.abs(exact))), float(np.max(np.abs(found))), 1e-300)
    difference = np.abs(found - exact) / scale
    place = np.unravel_index(int(np.argmax(difference)), exact.shape)
    return float(difference[place]), tuple(int(i) for i in place)


def _vector(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.ravel(np.asarray(a, dtype=np.float64)) for a in arrays])


def _factor(b: Array, g: Array) -> float | None:
    size = float(g @ g)
    if size == 0.0:
        return 1.0 if not np.any(b) else None
    factor = float(b @ g) / size
    if factor == 0.0:
        return None
    largest = max(float(np.max(np.abs(b))), abs(factor) * float(np.max(np.abs(g))))
    return factor if float(np.max(np.abs(b - factor * g))) <= TOLERANCE * largest else None


def _with_decay(b: Array, g: Array, w: Array) -> Match | None:
    basis = np.stack([g, w], axis=1)
    (factor, decay), *_ = np.linalg.lstsq(basis, b, rcond=None)
    largest = float(np.max(np.abs(b)))
    if largest == 0.0 or factor == 0.0 or float(np.max(np.abs(b - basis @ (factor, decay)))) > TOLERANCE * largest:
        return None
    return Match(float(factor), decay=float(decay))
