"""Data that is an array already: images, or numbers without column names.

Readers of IDX, NPZ and image folders all return this one record, so that the rest of the package knows
two forms of data only: a :class:`~glassgrad.data.table.Table` and an :class:`Arrays`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from glassgrad.errors import DataError

__all__ = ["Arrays"]


@dataclass(frozen=True, eq=False)
class Arrays:
    """Features and targets as NumPy arrays.

    Parameters
    ----------
    X
        (n, …): one sample a row; uint8 for images as they were stored, else a real number type.
    y
        (n,): integer class numbers, class names as text, or real numbers; None where unknown.
    source
        What the data is called in messages.
    kind
        ``"images"``: all features on one scale; ``"array"``: each feature on its own.
    test
        The test set that came with the data, if it came with one.
    class_names
        The name of class i at index i, where y holds class numbers; empty for regression.
    names
        A name for each sample, such as its file; empty where there is none.
    notes
        What a reader wants a person to know, such as files that were passed over.
    give_targets
        How a person gives the targets to learn, where there are none.

    Examples
    --------
    >>> Arrays(np.zeros((5, 8, 8), np.uint8), np.arange(5), "five", "images").feature_shape
    (8, 8)
    """

    X: NDArray[Any]
    y: NDArray[Any] | None
    source: str
    kind: Literal["images", "array"]
    test: Arrays | None = None
    class_names: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    give_targets: str = "Save them as y beside X."

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """The shape of one sample, such as (28, 28)."""
        return self.X.shape[1:]

    @property
    def height(self) -> int:
        """How many samples there are."""
        return len(self.X)

    def take(self, rows: NDArray[np.integer[Any]]) -> Arrays:
        """Return the samples with these indices, without the test set."""
        y = None if self.y is None else self.y[rows]
        names = tuple(self.names[int(row)] for row in rows) if self.names else ()
        return replace(self, X=self.X[rows], y=y, test=None, names=names)

    def targets(self) -> NDArray[Any]:
        """Return the targets.

        Raises
        ------
        DataError
            Where there are none.
        """
        if self.y is None:
            raise DataError(f"{self.source} has no targets to learn.\n{self.give_targets}")
        return self.y
