"""The steps a table or an array goes through before the network: each a small record, never code.

A step is fitted once and holds what it found (a median, a list of categories), so that a model file can
carry it as JSON, a person can read it and another program can repeat it. Steps write blocks of features
under a key (column, part); a later step of the same key replaces what an earlier one wrote.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from glassgrad.data.cells import booleans, dates, missing_count, texts
from glassgrad.data.formats import PLAIN, NumberFormat
from glassgrad.data.schema import text_cell_error
from glassgrad.data.table import Table

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "ArrayStep",
    "Features",
    "Hash",
    "Impute",
    "OneHot",
    "Report",
    "Scale",
    "Standardise",
    "StandardiseFeatures",
    "TableStep",
    "smooth_clip",
]

Features = dict[tuple[str, str], NDArray[np.float64] | NDArray[np.int64]]
"""Features by column and part, in the order in which they are fed to the network.

float64 (n,) is one feature. int64 (n,) stands for k features of which one is 1: the place of the 1, or −1
where all are 0.
"""

_MOST_BUCKETS = 1 << 12


@dataclass
class Report:
    """What a transformation met that training had not: counts of cells by column."""

    unseen: Counter[str] = field(default_factory=Counter)
    imputed: Counter[str] = field(default_factory=Counter)

    def notes(self) -> list[str]:
        """Return a sentence for each column to tell a person."""
        return [
            f"Column {column!r}: {_cells(count, 'holds', 'hold')} a category that training had not; "
            "counted as rare, or as no category."
            for column, count in self.unseen.items()
        ] + [
            f"Column {column!r}: {_cells(count, 'is', 'are')} missing where training had none; "
            "taken as the median, or as no category."
            for column, count in self.imputed.items()
        ]


def _cells(count: int, one: str, many: str) -> str:
    return f"1 cell {one}" if count == 1 else f"{count} cells {many}"


def smooth_clip(x: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Return x / √(1 + (x/limit)²): nearly x around 0, never beyond ±limit.

    Examples
    --------
    >>> smooth_clip(np.array([0.0, 4.0, 1e9]), 3.0).round(2).tolist()
    [0.0, 2.4, 3.0]
    """
    bounded = np.clip(x, -1e100, 1e100)  # infinity would give NaN
    return np.asarray(bounded / np.hypot(1.0, bounded / limit), dtype=np.float64)


def parsed_as(kind: str, table: Table, name: str, form: NumberFormat) -> pl.Series:
    """Return a column of numbers, dates or booleans as float64, null where a cell is none."""
    if kind == "number":
        return table.parsed(name, form)
    return (dates if kind == "date" else booleans)(table.column(name))


class Impute(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="step",
    tag="impute",
):
    """Read a column of numbers, dates or booleans; a missing cell becomes ``value``.

    With ``indicator`` a second feature is 1 where the cell was missing and 0 elsewhere.
    """

    column: str
    kind: Literal["number", "date", "boolean"]
    value: float
    indicator: bool
    form: NumberFormat = PLAIN

    def apply(self, table: Table, features: Features, report: Report) -> None:
        """Write the column, and its indicator, for the rows of the table."""
        column = table.column(self.column)
        parsed = parsed_as(self.kind, table, self.column, self.form)
        missing = parsed.is_null()
        count = int(missing.sum())
        if count > missing_count(column):
            raise text_cell_error(table, self.column, parsed, self._content(), "fitted feature")
        if count and not self.indicator:
            report.imputed[self.column] += count
        values = parsed.to_numpy()  # null → NaN
        features[self.column, "value"] = np.where(np.isnan(values), self.value, values) if count else values
        if self.indicator:
            features[self.column, "missing"] = missing.to_numpy().astype(np.float64)

    def widths(self) -> dict[tuple[str, str], int]:
        """Return the number of features by key."""
        widths = {(self.column, "value"): 1}
        return {**widths, (self.column, "missing"): 1} if self.indicator else widths

    def names(self) -> dict[tuple[str, str], list[str]]:
        """Return the names of the features by key."""
        names = {(self.column, "value"): [self.column]}
        if self.indicator:
            names[self.column, "missing"] = [f"{self.column} is missing"]
        return names

    def describe(self) -> str:
        """Return the step as a phrase."""
        marked = ", marked by an indicator" if self.indicator else ""
        read = f"{self.form.describe()}; " if self.form != PLAIN else ""
        return f"{read}missing → {self.value:g}{marked}"

    def faults(self) -> list[str]:
        """Return nothing: any finite number will do."""
        return []

    def _content(self) -> str:
        others = {"date": "dates", "boolean": "true and false"}
        return others.get(self.kind) or self.form.describe()


class Standardise(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="standardise"
):
    """Centre and scale an imputed column robustly, and clip outliers smoothly at ±``clip``."""

    column: str
    centre: float
    scale: float
    clip: float

    def apply(self, table: Table, features: Features, report: Report) -> None:
        """Replace the column's values."""
        values = np.asarray(features[self.column, "value"], dtype=np.float64)
        with np.errstate(over="ignore"):
            standardised = (values - self.centre) / self.scale
        features[self.column, "value"] = smooth_clip(standardised, self.clip)

    def widths(self) -> dict[tuple[str, str], int]:
        """Return the number of features by key."""
        return {(self.column, "value"): 1}

    def names(self) -> dict[tuple[str, str], list[str]]:
        """Return the names of the features by key."""
        return {(self.column, "value"): [self.column]}

    def describe(self) -> str:
        """Return the step as a phrase."""
        return f"(x − {self.centre:g}) / {self.scale:g}, clipped smoothly at ±{self.clip:g}"

    def faults(self) -> list[str]:
        """Return what is wrong with the numbers."""
        return [] if self.scale > 0 and self.clip > 0 else ["scale and clip must be above 0"]


class OneHot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="one_hot"):
    """One feature for each category; one more for all of ``rare``, and for missing cells if ``missing``.

    A category that is in neither list counts as rare, or as no category where there is no rare one.
    """

    column: str
    categories: tuple[str, ...]
    rare: tuple[str, ...]
    missing: bool

    def apply(self, table: Table, features: Features, report: Report) -> None:
        """Write the column's features for the rows of the table."""
        import polars as pl

        column = texts(table.column(self.column))
        known = pl.Enum([*self.categories, *self.rare])
        codes = column.cast(known, strict=False).to_physical().cast(pl.Int64)
        absent = column.null_count()
        unseen = codes.null_count() - absent
        if unseen:
            report.unseen[self.column] += unseen
        if absent and not self.missing:
            report.imputed[self.column] += absent
        size = len(self.categories)
        rare = size if self.rare else -1
        places = codes.to_numpy() if not unseen + absent else codes.fill_null(size).to_numpy()
        places = np.where(places < size, places, rare)
        if absent:
            places[column.is_null().to_numpy()] = size + bool(self.rare) if self.missing else -1
        features[self.column, "category"] = places

    def widths(self) -> dict[tuple[str, str], int]:
        """Return the number of features by key."""
        return {(self.column, "category"): len(self.categories) + bool(self.rare) + self.missing}

    def names(self) -> dict[tuple[str, str], list[str]]:
        """Return the names of the features by key."""
        names = [f"{self.column} = {category}" for category in self.categories]
        names += [f"{self.column} is rare"] * bool(self.rare) + [f"{self.column} is missing"] * self.missing
        return {(self.column, "category"): names}

    def describe(self) -> str:
        """Return the step as a phrase."""
        rare = f", {len(self.rare)} rare ones together" if self.rare else ""
        missing = ", missing" if self.missing else ""
        return f"one feature for each of {len(self.categories)} categories{rare}{missing}"

    def faults(self) -> list[str]:
        """Return what is wrong with the lists."""
        known = (*self.categories, *self.rare)
        if not self.categories or len(set(known)) < len(known):
            return ["categories must be given, each once"]
        return []


class Hash(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="hash"):
    """Spread the texts of a column over a fixed number of features by CRC-32; missing ones get none."""

    column: str
    buckets: int

    def apply(self, table: Table, features: Features, report: Report) -> None:
        """Write the column's features for the rows of the table."""
        values = texts(table.column(self.column)).to_list()
        places = [-1 if value is None else zlib.crc32(value.encode()) % self.buckets for value in values]
        features[self.column, "hash"] = np.array(places, dtype=np.int64)

    def widths(self) -> dict[tuple[str, str], int]:
        """Return the number of features by key."""
        return {(self.column, "hash"): self.buckets}

    def names(self) -> dict[tuple[str, str], list[str]]:
        """Return the names of the features by key."""
        return {(self.column, "hash"): [f"{self.column} hash {bucket}" for bucket in range(self.buckets)]}

    def describe(self) -> str:
        """Return the step as a phrase."""
        return f"hashed into {self.buckets} features"

    def faults(self) -> list[str]:
        """Return what is wrong with the number of buckets."""
        return [] if 1 <= self.buckets <= _MOST_BUCKETS else [f"buckets must be 1 … {_MOST_BUCKETS}"]


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="scale"):
    """Divide every feature of an array by one number, such as 255 for images."""

    divisor: float

    def apply(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the scaled features of a block, (n, features)."""
        return np.asarray(X / self.divisor, dtype=np.float64)

    def describe(self) -> str:
        """Return the step as a phrase."""
        return f"divided by {self.divisor:g}"

    def faults(self, features: int) -> list[str]:
        """Return what is wrong with the number."""
        return [] if self.divisor > 0 else ["divisor must be above 0"]


class StandardiseFeatures(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="standardise_features"
):
    """Centre and scale each feature of an array robustly, and clip outliers smoothly at ±``clip``."""

    centre: tuple[float, ...]
    scale: tuple[float, ...]
    clip: float

    def apply(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the standardised features of a block, (n, features)."""
        return smooth_clip((X - np.array(self.centre)) / np.array(self.scale), self.clip)

    def describe(self) -> str:
        """Return the step as a phrase."""
        return f"each feature centred and scaled by its own numbers, clipped smoothly at ±{self.clip:g}"

    def faults(self, features: int) -> list[str]:
        """Return what is wrong with the numbers."""
        if len(self.centre) != features or len(self.scale) != features:
            return [f"centre and scale must have {features} numbers"]
        return [] if min(self.scale) > 0 and self.clip > 0 else ["scale and clip must be above 0"]


TableStep = Impute | Standardise | OneHot | Hash
ArrayStep = Scale | StandardiseFeatures
