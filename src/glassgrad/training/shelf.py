"""Copies of weights that are kept for later, out of the way of the training: large ones lie in a file.

While a run goes on, its weights are in the engine's memory, and the model has those of the last good epoch in case the
loss is a number no more. They are read hardly ever. So the arrays of a large model are written to a temporary file, and
mapped: they are arrays like others, whose bytes come into memory where they are looked at. The file has no name and
goes with the last of its arrays, however the process ends.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["shelved"]

Array = np.ndarray[Any, Any]

_LARGE = 1 << 21
"""Bytes from which arrays are written to a file."""

_PART = 1 << 18
"""Bytes written at a time; arrays that lie by columns are copied for it."""


def shelved(arrays: Sequence[Array]) -> list[Array]:
    """Return copies that do not change; large ones are read-only and in a file, unless it cannot be written.

    Parameters
    ----------
    arrays
        Arrays of any shapes and dtypes.

    Examples
    --------
    >>> weights = np.zeros(2)
    >>> (kept,) = shelved([weights])
    >>> weights += 1
    >>> kept
    array([0., 0.])
    """
    if sum(a.nbytes for a in arrays) < _LARGE:
        return [a.copy() for a in arrays]
    starts = [0]
    for a in arrays:
        starts.append(-(-(starts[-1] + a.nbytes) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY)
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            for a, start in zip(arrays, starts, strict=False):
                file.seek(start)
                _write(file, a)
            return [_mapped(file.fileno(), a, start) for a, start in zip(arrays, starts, strict=False)]
    except OSError:  # the disk is full, or there is none to write on
        return [a.copy() for a in arrays]


def _mapped(file: int, like: Array, start: int) -> Array:
    """Return the array that begins somewhere in a file."""
    if not like.nbytes:
        return like.copy()
    memory = mmap.mmap(file, like.nbytes, access=mmap.ACCESS_READ, offset=start)
    return np.frombuffer(memory, like.dtype).reshape(like.shape)


def _write(file: Any, array: Array) -> None:
    """Write an array row by row, some rows at a time."""
    flat = array if array.ndim else array.reshape(1)
    rows = max(1, _PART * len(flat) // max(flat.nbytes, 1))
    for start in range(0, len(flat), rows):
        rest = memoryview(np.ascontiguousarray(flat[start : start + rows]).reshape(-1).view(np.uint8).data)
        while rest:
            rest = rest[file.write(rest) :]
