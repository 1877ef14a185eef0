"""Which steps a column needs, and the numbers in them, found in the training rows alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.arraydata import Arrays
from glassgrad.data.cells import texts
from glassgrad.data.formats import PLAIN
from glassgrad.data.schema import Schema
from glassgrad.data.steps import (
    Hash,
    Impute,
    OneHot,
    Scale,
    Standardise,
    StandardiseFeatures,
    TableStep,
    parsed_as,
)
from glassgrad.data.table import Table
from glassgrad.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["array_steps", "column_steps"]

_CLIP = 3.0
_FEW_CATEGORIES = 50
_MOST_FREQUENT = 255
_FREQUENT_ROWS = 10
_BUCKETS = 64


def column_steps(table: Table, schema: Schema, name: str) -> tuple[list[TableStep], str]:
    """Return the steps for one column, none where it says nothing, and a note on what was left out."""
    kind = schema.kind(name)
    if kind in ("constant", "all_missing"):
        return [], ""  # the schema has said so already
    if kind == "category":
        return _category_steps(name, texts(table.column(name)))
    form = table.number_format(name) if kind == "number" else PLAIN
    parsed = parsed_as(kind, table, name, form)
    present = parsed.drop_nulls().to_numpy()
    missing = len(parsed) > len(present)
    if not present.size or (not missing and present.min() == present.max()):
        return [], f"Column {name!r} is left out of the features: the training rows hold one value at most."
    if kind == "boolean":
        return [Impute(name, "boolean", 0.5, missing), Standardise(name, 0.5, 0.5, _CLIP)], ""
    centre = float(np.median(present))
    impute = Impute(name, "date" if kind == "date" else "number", centre, missing, form)
    return [impute, Standardise(name, centre, _spread(present), _CLIP)], ""


def array_steps(data: Arrays) -> tuple[list[Scale | StandardiseFeatures], str]:
    """Return the steps for an array, and a note on features that never change.

    Images are divided by the largest value found, so that they lie in 0 … 1 (or −1 … 1).
    """
    X = data.X.reshape(len(data.X), -1)
    if data.kind == "images":
        divisor = float(max(abs(float(X.max())), abs(float(X.min()))))
        if X.max() == X.min():
            raise DataError(f"Every pixel of {data.source} is {divisor:g}: there is nothing to learn.")
        return [Scale(divisor)], ""
    centre = np.median(X, axis=0).astype(np.float64)
    constant = X.max(axis=0) == X.min(axis=0)
    if constant.all():
        raise DataError(f"Every feature of {data.source} is the same in all rows: there is nothing to learn.")
    scale = [1.0 if constant[j] else _spread(X[:, j]) for j in range(X.shape[1])]
    count = int(constant.sum())
    note = f"{count} of {len(scale)} features of {data.source} never change and are 0." if count else ""
    return [StandardiseFeatures(tuple(centre.tolist()), tuple(scale), _CLIP)], note


def _spread(values: NDArray[Any]) -> float:
    """Return the inter-quartile range, or the next wider inter-quantile range that is not 0."""
    ordered = np.asarray(values, dtype=np.float64)
    for share in (0.25, 0.05, 0.01):
        low, high = np.quantile(ordered, [share, 1 - share])
        if high > low:
            return float(high - low)
    return float(ordered.max() - ordered.min()) / 2 or 1.0


def _category_steps(name: str, column: pl.Series) -> tuple[list[TableStep], str]:
    missing = column.null_count() > 0
    present = column.drop_nulls()
    counts = sorted(present.value_counts(name="count").rows(), key=lambda row: (-row[1], row[0]))
    if len(counts) + missing < 2:
        return [], f"Column {name!r} is left out of the features: the training rows hold one value at most."
    if len(counts) <= _FEW_CATEGORIES:
        return [OneHot(name, tuple(category for category, _ in counts), (), missing)], ""
    frequent = [row for row in counts[:_MOST_FREQUENT] if row[1] >= _FREQUENT_ROWS]
    if sum(count for _, count in frequent) < len(present) / 2:
        note = f"Column {name!r} has {len(counts)} categories, mostly rare: hashed into {_BUCKETS} features."
        return [Hash(name, _BUCKETS)], note
    names = tuple(category for category, _ in counts)
    return [OneHot(name, names[: len(frequent)], names[len(frequent) :], missing)], ""
