"""Is one quantity another, up to a constant factor, on every draw?"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["TOLERANCE", "Match", "Meanings", "match", "relative_error"]

Array = np.ndarray[Any, Any]

_MOST_ELEMENTS = 256
TOLERANCE = 1e-6
"""Two float64 computations of one quantity agree far better; two quantities do not agree as well on four draws."""


@dataclass(frozen=True, slots=True)
class Match:
    """How one quantity is another: ``factor`` times it, perhaps transposed, perhaps plus `decay` times a parameter.

    `square` says that its shape is that of its transpose; a number may be the gradient's `element` of that place.
    """

    factor: float
    transposed: bool = False
    decay: float = 0.0
    square: bool = False
    element: int | None = None


def match(
    found: Sequence[Array], exact: Sequence[Array], weights: Sequence[Array] | None = None
) -> Match | None:
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


class Meanings:
    """Exact gradients, found by value: each is kept under a number that does not change with a constant factor.

    Parameters
    ----------
    gradients
        On each draw, the exact gradient in each event.
    preferred
        Of two events with equal gradients, the one for which this is larger is meant.
    """

    def __init__(self, gradients: Sequence[dict[int, Array]], preferred: Callable[[int], Any]) -> None:
        self._kept: dict[int, list[tuple[float, int, bool | int]]] = {}
        self._gradients, self._preferred = gradients, preferred
        self._along: dict[int, Array] = {}
        for event, first in gradients[0].items():
            exact = [g[event] for g in gradients]
            for turned in (False, True) if first.ndim == 2 and min(first.shape) > 1 else (False,):
                key = self._key(_vector([e.T for e in exact] if turned else exact))
                if key is not None:
                    self._kept.setdefault(first.size, []).append((key, event, turned))
            for i in range(first.size if 1 < first.size <= _MOST_ELEMENTS else 0):
                key = self._key(np.array([e.flat[i] for e in exact]))
                if key is not None:
                    self._kept.setdefault(1, []).append((key, event, i))
        for kept in self._kept.values():
            kept.sort()

    def find(self, found: Sequence[Array]) -> tuple[int, Match] | None:
        """Return which gradient a quantity is, and how, or None where it is none."""
        kept = self._kept.get(found[0].size, ())
        key = self._key(_vector(found)) if kept else None
        if key is None:
            return None
        best: tuple[int, Match] | None = None
        for _, event, turned in kept[
            bisect.bisect_left(kept, (key - 1e-5,)) : bisect.bisect_right(kept, (key + 1e-5,))
        ]:
            exact = [g[event] for g in self._gradients]
            part = None if isinstance(turned, bool) else turned
            exact = [e.T if turned else e for e in exact] if part is None else [e.flat[part] for e in exact]
            factor = _factor(_vector(found), _vector(exact))
            if factor is None:
                continue
            shape = np.shape(exact[0])
            here = event, Match(factor, turned is True, square=shape == shape[::-1], element=part)
            if best is None or self._rank(here) > self._rank(best):
                best = here
        return best

    def _rank(self, meaning: tuple[int, Match]) -> Any:
        return (not meaning[1].transposed, meaning[1].element is None, self._preferred(meaning[0]))

    def _key(self, vector: Array) -> float | None:
        size = float(np.sqrt(vector @ vector))
        if size == 0.0 or not np.isfinite(size):
            return None
        along = self._along.get(vector.size)
        if along is None:
            along = np.random.default_rng(vector.size).standard_normal(vector.size)
            self._along[vector.size] = along
        return abs(float(along @ vector)) / size


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
    moved = b != 0  # a row of an embedding that was not used decays only where it was
    if not np.any(moved) or np.any(g[~moved]):
        return None
    b, g, w = b[moved], g[moved], w[moved]
    basis = np.stack([g, w], axis=1)
    (factor, decay), *_ = np.linalg.lstsq(basis, b, rcond=None)
    largest = float(np.max(np.abs(b)))
    if (
        largest == 0.0
        or abs(factor) * float(np.max(np.abs(g))) <= TOLERANCE * largest
        or float(np.max(np.abs(b - basis @ (factor, decay)))) > TOLERANCE * largest
    ):
        return None
    return Match(float(factor), decay=float(decay))
