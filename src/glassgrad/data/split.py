"""Rows to training, validation and test parts, by seed: the same rows whatever the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.errors import DataError, OptionError
from glassgrad.philox import permutation

__all__ = ["Split", "split_rows"]

_STREAM = 0x5B11  # a stream of its own, so that the split never repeats the first shuffle


@dataclass(frozen=True, eq=False)
class Split:
    """Ascending row indices, int64, of three parts without a row in common."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_rows(
    n: int, *, validation: float, test: float, seed: int, labels: NDArray[np.integer[Any]] | None = None
) -> Split:
    """Split rows at random into training, validation and test parts.

    Parameters
    ----------
    n
        How many rows there are.
    validation, test
        The share of each part, 0 ≤ share < 1; 0 leaves the part out. Any other part gets at least one row.
    seed
        The same seed gives the same split.
    labels
        int (n,): class indices. With them every class is split in these shares, and a class of three rows
        or more (as many as there are parts) is in each part.

    Raises
    ------
    OptionError
        Where the shares leave nothing to train on.
    DataError
        Where there are fewer rows than parts.

    Examples
    --------
    >>> parts = split_rows(10, validation=0.2, test=0.2, seed=0)
    >>> len(parts.train), len(parts.validation), len(parts.test)
    (6, 2, 2)
    """
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise OptionError(f"{name} is the share of rows set aside, at least 0 and below 1; got {share}.")
    if validation + test >= 1:
        raise OptionError(
            f"validation={validation} and test={test} leave no rows to train on; their sum must be below 1."
        )
    shares = (validation, test)
    parts = 1 + sum(share > 0 for share in shares)
    if n < parts:
        raise DataError(
            f"{n} row{'s' * (n != 1)} cannot be split into {parts} parts (training"
            f"{', validation' * (validation > 0)}{', test' * (test > 0)}).\n"
            "Give more rows, or set validation or test to 0."
        )
    shuffled = permutation(n, seed=seed, stream=_STREAM)
    if labels is None:
        groups = [shuffled]
    else:
        order = np.argsort(labels[shuffled], kind="stable")
        grouped = shuffled[order]
        groups = np.split(grouped, np.flatnonzero(np.diff(labels[grouped])) + 1)
    assigned: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
    for group, counts in zip(groups, _counts([len(group) for group in groups], shares), strict=True):
        for part, rows in zip(assigned, np.split(group, np.cumsum(counts)[:-1]), strict=True):
            part.append(rows)
    held, tested, trained = (np.sort(np.concatenate(part)) for part in assigned)
    return Split(trained, held, tested)


def _counts(sizes: list[int], shares: tuple[float, float]) -> list[tuple[int, int, int]]:
    """Return how many rows of each group go to validation, test and training.

    Rounding is carried from group to group, so that the totals keep to the shares.
    """
    parts = 1 + sum(share > 0 for share in shares)
    counts = []
    owed = [0.0, 0.0]
    for size in sizes:
        taken: list[int] = []
        for place, share in enumerate(shares):
            owed[place] += size * share
            least = 1 if share > 0 and size >= parts else 0
            count = max(least, min(round(owed[place]), size - 1 - sum(taken) - (parts - 2 - place > 0)))
            count = max(count, 0) if share > 0 else 0
            owed[place] -= count
            taken.append(count)
        counts.append((taken[0], taken[1], size - sum(taken)))
    if len(sizes) > 1:
        _fill_empty(counts, shares)
    return counts


def _fill_empty(counts: list[tuple[int, int, int]], shares: tuple[float, float]) -> None:
    """Give a wanted part that got nothing (many classes of one row) a row of the largest training group."""
    for place in (0, 1):
        if shares[place] > 0 and not any(count[place] for count in counts):
            largest = max(range(len(counts)), key=lambda group: counts[group][2])
            row = list(counts[largest])
            row[place] += 1
            row[2] -= 1
            counts[largest] = (row[0], row[1], row[2])
