"""Differences: a derivative from values of the function alone, at many widths.

It needs no rule of differentiation and can therefore be wrong only in its own way: too wide, and the curve's bend
shows; too narrow, and the digits cancel. The width is chosen where the two errors, both estimated without knowing the
answer, are smallest together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.graph.rules import Arrays, evaluate
from glassgrad.ir import Graph
from glassgrad.ops import Op

__all__ = ["WIDTHS", "Sweep", "central_differences", "function_of"]

Array = np.ndarray[Any, Any]

WIDTHS = tuple(10.0**-k for k in range(1, 13))
"""The widths h that are tried, times the size of the number where that is above 1."""


@dataclass(frozen=True, eq=False, slots=True)
class Sweep:
    """Central differences over h.

    Attributes
    ----------
    h
        The widths, falling.
    estimates
        (f(x + h) − f(x − h)) / 2h for each; NaN where f has no value there.
    best
        Which of them is taken; None where f has a value at none.
    """

    h: Array
    estimates: Array
    best: int | None

    @property
    def estimate(self) -> float:
        """The estimate that is taken."""
        return float("nan") if self.best is None else float(self.estimates[self.best])


def central_differences(f: Callable[[float], float], at: float) -> Sweep:
    """Estimate the derivative of a function at a place.

    Parameters
    ----------
    f
        A function of one number.
    at
        The place.

    Examples
    --------
    >>> sweep = central_differences(lambda x: x**3, 2.0)
    >>> abs(sweep.estimate - 12.0) < 1e-9, len(sweep.h)
    (True, 12)
    """
    widths = np.array(WIDTHS) * max(1.0, abs(at))
    estimates, noise = np.full(len(widths), np.nan), np.full(len(widths), np.inf)
    with np.errstate(all="ignore"):
        for i, h in enumerate(widths):
            high, low = at + h, at - h
            if high == low:
                continue
            above, below = f(high), f(low)
            estimates[i] = (above - below) / (high - low)
            noise[i] = np.finfo(float).eps * max(abs(above), abs(below)) / h
        bend = np.abs(np.diff(estimates, append=np.nan))
        errors = bend + noise
    known = np.isfinite(errors)
    best = int(np.nanargmin(np.where(known, errors, np.nan))) + 1 if known.any() else None
    return Sweep(widths, estimates, best)


class _Doubles(Arrays):
    """Operations on arrays in float64, whatever the graph asks for: a difference needs every digit."""

    def bind(
        self,
        op: Op,
        inputs: Sequence[Any],
        attrs: Mapping[str, Any] | None = None,
        subgraphs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Apply `op` to arrays; a cast to a smaller float format is left out."""
        if op.name == "astype" and attrs is not None and attrs["dtype"].kind == "f":
            attrs = {"dtype": np.dtype(np.float64)}
        return super().bind(op, inputs, attrs, subgraphs)


def function_of(
    graph: Graph, inputs: Sequence[Array], place: int, index: tuple[int, ...]
) -> Callable[[float], float]:
    """Return a graph's scalar result as a function of one element of one input, in float64.

    Parameters
    ----------
    graph
        A static graph with one scalar output.
    inputs
        The inputs' arrays.
    place, index
        Which input, and which element of it.
    """
    arrays = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in inputs]

    def f(number: float) -> float:
        changed = np.array(arrays[place])
        changed[index] = number
        (result,) = evaluate(_Doubles(), graph, [*arrays[:place], changed, *arrays[place + 1 :]])
        return float(result)

    return f
