"""Training data in blocks, and blocks in batches.

The training loop knows blocks only. An array in memory is one block; a reader that streams will yield many,
and nothing above has to change for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassgrad.data.checks import validate_arrays
from glassgrad.errors import DataError, OptionError, ShapeError

__all__ = ["ArrayBlocks", "Block", "Blocks", "LazyBlocks", "batches"]


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that are in memory together.

    Parameters
    ----------
    X
        (n, …) features.
    y
        (n, …) targets, or None.
    weight
        (n,) sample weights, or None where all count the same.
    first_row
        The number of the first row in the whole data, from 0.
    """

    X: NDArray[Any]
    y: NDArray[Any] | None
    weight: NDArray[Any] | None
    first_row: int

    def __len__(self) -> int:
        return len(self.X)


class Blocks(Protocol):
    """Data as a sequence of blocks that can be gone through again and again."""

    @property
    def n_rows(self) -> int:
        """How many rows all blocks have together."""

    def __iter__(self) -> Iterator[Block]: ...


class ArrayBlocks:
    """Arrays in memory: one block.

    Raises
    ------
    ShapeError, DTypeError, DataError
        As :func:`~glassgrad.data.checks.validate_arrays`.

    Examples
    --------
    >>> [(len(block), block.first_row) for block in ArrayBlocks(np.ones((3, 2)), np.zeros(3))]
    [(3, 0)]
    """

    def __init__(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None):
        self._block = Block(*validate_arrays(X, y, sample_weight), 0)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self._block)

    def __iter__(self) -> Iterator[Block]:
        yield self._block


class LazyBlocks:
    """Blocks that are made anew, one at a time, whenever they are gone through.

    Parameters
    ----------
    n_rows
        How many rows all blocks have together.
    make
        Called at the start of each pass; returns (X, y, sample_weight) block by block, in the same order
        each time. A list of blocks in memory is ``lambda: blocks``.

    Raises
    ------
    ShapeError
        While iterating, where a block's rows are shaped unlike those of the first block.
    DataError
        While iterating, where the blocks have not ``n_rows`` rows together.

    Examples
    --------
    >>> halves = LazyBlocks(4, lambda: ((np.ones((2, 3)), np.zeros(2), None) for _ in range(2)))
    >>> [block.first_row for block in halves]
    [0, 2]
    """

    def __init__(
        self,
        n_rows: int,
        make: Callable[[], Iterable[tuple[ArrayLike, ArrayLike | None, ArrayLike | None]]],
    ):
        if n_rows < 1:
            raise DataError(f"Blocks need at least 1 row; got {n_rows}.")
        self._n_rows = n_rows
        self._make = make

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return self._n_rows

    def __iter__(self) -> Iterator[Block]:
        first, shape = 0, None
        for parts in self._make():
            block = Block(*validate_arrays(*parts), first)
            shape = shape or block.X.shape[1:]
            if block.X.shape[1:] != shape:
                raise ShapeError(
                    f"The block that begins at row {first} has rows of shape {block.X.shape[1:]}; "
                    f"the first block's have {shape}."
                )
            first += len(block)
            yield block
        if first != self._n_rows:
            raise DataError(f"The blocks have {first} rows together; {self._n_rows} were promised.")


def batches(n: int, batch_size: int, order: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.int64]]:
    """Yield the row indices of each batch; the last may be smaller.

    Parameters
    ----------
    n
        How many rows there are.
    batch_size
        Rows a batch, at least 1.
    order
        int64 (n,): the order of the rows, such as a permutation; None for 0 … n − 1.

    Raises
    ------
    OptionError
        Where the batch size is below 1.
    ShapeError
        Where the order has not n rows.

    Examples
    --------
    >>> [batch.tolist() for batch in batches(5, 2)]
    [[0, 1], [2, 3], [4]]
    """
    if batch_size < 1:
        raise OptionError(f"batch_size must be at least 1; got {batch_size}.")
    rows = np.arange(n, dtype=np.int64) if order is None else order
    if rows.shape != (n,):
        raise ShapeError(f"order has shape {rows.shape}; expected ({n},): one place for each row.")
    return (rows[first : first + batch_size] for first in range(0, n, batch_size))
