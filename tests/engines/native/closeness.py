"""How far two ways of computing the same thing may lie apart.

A compiled program adds in another order than NumPy and has functions of its own, so its results differ in their last
digits, and where a result is what is left of large numbers that cancel, in all of them. So the bound is measured: the
interpreter runs again, as if every sum and every smooth function had been rounded otherwise, and what that changes is
the room a compiled program has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.engines.native.codegen.elementwise import SUPPORTED
from glassgrad.engines.numpy import interpret
from glassgrad.graph.passes import for_arrays
from glassgrad.graph.rules import Arrays, evaluate
from glassgrad.ir import Graph
from glassgrad.ops import Op

Array = np.ndarray[Any, Any]

SUMS = {"sum", "mean", "prod", "matmul", "linear", "index_add", "vector_norm"}
"""Operations that take many numbers together: the order is the engine's."""

SMOOTH = {
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "elu", "erf", "erfc",
    "exp", "expm1", "log", "log10", "log1p", "log2", "pow", "sigmoid", "sin", "sinh", "tan", "tanh",
}  # fmt: skip
"""Functions that the engine computes in its own way, a few units in the last place from NumPy's."""

_RUNS = 4
_ROOM = 32.0
"""How many times the largest change that was seen a result may lie off: four runs do not meet the worst rounding."""

_ULPS = 64.0
"""Units in the last place of the largest number of a result that are always allowed."""


class Shaken(Arrays):
    """Carries operations out as if they had been rounded otherwise.

    Attributes
    ----------
    extreme
        Whether a number came near the ends of its dtype, where another order of a sum may overflow.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.extreme = False

    def bind(
        self,
        op: Op,
        inputs: Sequence[Any],
        attrs: Mapping[str, Any] | None = None,
        subgraphs: Mapping[str, Any] | None = None,
    ) -> Any:
        lowering = (subgraphs or {}).get("lowering")
        if lowering is not None and op.name not in SUPPORTED:
            return evaluate(self, lowering, inputs)[0]
        if op.name in SUMS:
            self._watch(op.name, inputs)
            inputs = [self._moved(x, 1) for x in inputs]
        out = super().bind(op, inputs, attrs, subgraphs)
        if op.several:
            return out
        out = self._moved(out, 4 if op.name in SMOOTH else 1 if op.name in SUMS else 0)
        self._watch(op.name, [out])
        return out

    def _moved(self, x: Any, ulps: float) -> Any:
        x = np.asarray(x)
        if x.dtype.kind != "f" or not ulps:
            return x
        by = 1 + ulps * np.finfo(x.dtype).eps * self._rng.uniform(-1, 1, x.shape)
        return np.where(np.isfinite(x), np.asarray(x * by, x.dtype), x)

    def _watch(self, name: str, numbers: Sequence[Any]) -> None:
        for x in map(np.asarray, numbers):
            if x.dtype.kind != "f" or not x.size:
                continue
            about, size = np.finfo(x.dtype), np.abs(x[np.isfinite(x) & (x != 0)]).astype(np.longdouble)
            if name == "prod":
                powers = np.log2(size)
                within = max(powers[powers > 0].sum(), -powers[powers < 0].sum()) < -about.minexp * 0.9
            else:
                within = size.sum() < about.max * 1e-4 and size.min(initial=1.0) >= about.tiny
            self.extreme = self.extreme or not within


def shaken(graph: Graph, arrays: Sequence[Array]) -> tuple[list[list[Array]], bool]:
    """Return the outputs of a few runs, rounded otherwise each time, and whether one met extreme numbers."""
    static = for_arrays(graph, arrays)
    runs, extreme = [], False
    with np.errstate(all="ignore"):
        for seed in range(_RUNS):
            F = Shaken(seed)
            runs.append([np.asarray(out) for out in evaluate(F, static, arrays)])
            extreme = extreme or F.extreme
    return runs, extreme


def difference(found: Array, expected: Array, others: Sequence[Array]) -> str:
    """Return what is wrong with an output, "" where nothing is."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return f"{found.dtype}{found.shape} is not {expected.dtype}{expected.shape}"
    same = np.all([_alike(other, expected) for other in others], axis=0)
    if expected.dtype.kind != "f":
        wrong = same & (found != expected)
        return _first(wrong, found, expected)
    finite = np.isfinite(expected)
    settled = same & ~(finite & ~np.all([np.isfinite(o) for o in others], axis=0))
    wrong = settled & ~finite & ~((found == expected) | (np.isnan(found) & np.isnan(expected)))
    settled &= finite
    if settled.any():
        about = np.finfo(expected.dtype)
        with np.errstate(all="ignore"):
            moved = max(float(np.abs(o[settled] - expected[settled]).max()) for o in others)
            most = float(np.abs(expected[settled]).max())
            room = _ROOM * moved + _ULPS * (about.eps * most + about.smallest_subnormal)
            wrong |= settled & ~(np.abs(found - expected) <= room)
    return _first(wrong, found, expected)


def _alike(a: Array, b: Array) -> Array:
    """Say for each element whether both are finite, or both the same infinity, or both NaN; or equal whole numbers."""
    if a.dtype.kind != "f":
        return a == b
    finite = np.isfinite(a) & np.isfinite(b)
    return finite | (a == b) | (np.isnan(a) & np.isnan(b))


def _first(wrong: Array, found: Array, expected: Array) -> str:
    if not wrong.any():
        return ""
    at = tuple(np.argwhere(wrong)[0].tolist())
    return f"{int(wrong.sum())} of {wrong.size} are wrong; at {at}: {found[at]!r} is not {expected[at]!r}"


def assert_close(graph: Graph, arrays: Sequence[Array], found: Sequence[Array]) -> bool:
    """Hold outputs against the interpreter's; return False where extreme numbers leave nothing to compare."""
    runs, extreme = shaken(graph, arrays)
    if extreme:
        return False
    for i, (a, b) in enumerate(zip(found, interpret(graph, arrays), strict=True)):
        wrong = difference(a, b, [run[i] for run in runs])
        assert not wrong, f"output {i}: {wrong}\n{graph}"
    return True


def ulps(found: Array, expected: Array) -> float:
    """Return by how many units in the last place two arrays differ at most; infinite where one is not finite alone."""
    finite = np.isfinite(expected)
    same = found[~finite], expected[~finite]
    if not np.array_equal(*same, equal_nan=True) or not np.isfinite(found[finite]).all():
        return np.inf
    off = np.abs(found[finite] - expected[finite]) / np.spacing(np.abs(expected[finite]))
    return float(off.max(initial=0.0))


def assert_near(found: Sequence[Any], expected: Sequence[Any], dtype: Any) -> None:
    """Hold arrays against others, by the largest number of each."""
    room = 2e-4 if np.dtype(dtype) == np.float32 else 1e-10
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=0, atol=room * max(np.abs(b).max(), 1e-3), err_msg=f"array {i}")
