"""Every record with every one of its samples, and what the tests of the operations share."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from op_structure import HERMITIAN, SEEN, hermitian_part

from glassgrad.ops import REGISTRY, Op, Sample
from glassgrad.tensors import T

CONTROL = {"scan", "cond", "call", "checkpoint", "custom"}
"""Operations that own graphs given by the caller; tests/graph has their tests."""

WITHOUT_INPUTS = {"dimension"}


@dataclass(frozen=True, eq=False)
class Case:
    op: Op
    sample: Sample
    number: int

    def arrays(self, dtype: Any = np.float64) -> list[np.ndarray]:
        """Return the inputs: random numbers of the domain where the sample gives a shape."""
        rng = np.random.default_rng(zlib.crc32(f"{self.op.name}{self.number}".encode()))
        out = []
        for given in self.sample.inputs:
            if isinstance(given, tuple):
                draws = rng.uniform(self.sample.low, self.sample.high, given)
                if len(out) in self.sample.complex:
                    draws = draws + 1j * rng.uniform(self.sample.low, self.sample.high, given)
                    out.append(np.asarray(draws, np.result_type(dtype, np.complex64)))
                else:
                    out.append(np.asarray(draws, dtype))
            else:
                wanted = {"f": dtype, "c": np.result_type(dtype, np.complex64)}
                out.append(given.astype(wanted.get(given.dtype.kind, given.dtype)))
        return out

    def __call__(self, *inputs: Any, F: Any = T) -> Any:
        f = getattr(F, self.op.name)
        return (
            f(list(inputs), **self.sample.kwargs)
            if self.op.name == "concat"
            else f(*inputs, **self.sample.kwargs)
        )

    def floats(self) -> tuple[int, ...]:
        """Return the positions of the real and complex inputs."""
        return tuple(i for i, a in enumerate(self.arrays()) if a.dtype.kind in "fc")

    def of_floats(self) -> tuple[Any, list[np.ndarray]]:
        """Return the operation as a function of real arrays, and those.

        They are its real inputs and the parts of its complex ones; a complex result gives its parts side by side.
        """
        arrays, at = self.arrays(), self.floats()
        given: list[np.ndarray] = []
        for i in at:
            given += (
                [arrays[i].real.copy(), arrays[i].imag.copy()] if arrays[i].dtype.kind == "c" else [arrays[i]]
            )

        def f(*parts: Any) -> Any:
            inputs: list[Any] = list(arrays)
            rest = iter(parts)
            for i in at:
                x = next(rest)
                inputs[i] = T.add(x, T.multiply(next(rest), 1j)) if arrays[i].dtype.kind == "c" else x
            if self.op.name in HERMITIAN:
                inputs[0] = hermitian_part(T, T.value(inputs[0]))
            result = self(*inputs)
            seen = SEEN.get(self.op.name)
            return _in_parts(result if seen is None else seen(T, result))

        return f, given


def _in_parts(z: Any) -> Any:
    """Return one real result: of several outputs all that vary, side by side, of a complex one its parts."""
    if isinstance(z, tuple):
        parts = [_in_parts(o) for o in z if o.dtype.kind in "fc"]
        return T.concat([T.reshape(p, (-1,)) for p in parts])
    return T.stack([T.real(z), T.imag(z)]) if z.dtype.kind == "c" else z


CASES = [Case(op, s, i) for op in REGISTRY.values() for i, s in enumerate(op.samples)]
SMOOTH = [c for c in CASES if c.op.pull is not None and c.floats()]


def results(z: Any) -> list[Any]:
    """Return the results of an operation, of which there may be several."""
    return list(z) if isinstance(z, (tuple, list)) else [z]


def each(cases: list[Case]) -> Any:
    """Run a test on each case."""
    return pytest.mark.parametrize("case", cases, ids=[f"{c.op.name}-{c.number}" for c in cases])


def rng() -> np.random.Generator:
    return np.random.default_rng(20)


def central(f: Any, xs: list[np.ndarray], i: int, h: float = 1e-5) -> np.ndarray:
    """Return the gradient of a scalar function for its i-th argument by central differences."""
    out = np.zeros_like(xs[i])
    for place in np.ndindex(xs[i].shape):
        values = []
        for sign in (1, -1):
            moved = [x.copy() for x in xs]
            moved[i][place] += sign * h
            values.append(float(f(*moved)))
        out[place] = (values[0] - values[1]) / (2 * h)
    return out
