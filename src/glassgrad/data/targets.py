"""Targets to numbers and back: classes to indices, quantities to standardised floats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassgrad.data.arraydata import Arrays
from glassgrad.data.cells import texts
from glassgrad.data.formats import PLAIN, NumberFormat
from glassgrad.data.schema import Task, no_dates_to_learn, text_cell_error
from glassgrad.data.table import Table
from glassgrad.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ClassTarget", "NumberTarget", "fit_target"]

_FEW_ROWS = 20


class ClassTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="target", tag="classes"):
    """Classes by name; the index of a class is its place. ``column`` is empty for arrays."""

    column: str
    classes: tuple[str, ...]

    def encode(self, data: Table | Arrays) -> NDArray[np.int64]:
        """Return the index of each row's class, int64 (n,)."""
        import polars as pl

        labels = _labels(data, self.column)
        codes = labels.cast(pl.Enum(self.classes), strict=False).to_physical().cast(pl.Int64)
        if codes.null_count():
            row = codes.is_null().arg_max() or 0
            raise DataError(
                f"{_place(data, row, self.column)}: the label {labels[row]!r} is no class of this model, "
                f"which knows {_listed(self.classes)}.\n{did_you_mean(labels[row], self.classes)} "
                f"Correct the labels ({codes.null_count()} rows have such a label), or train on data that "
                "has them."
            )
        return codes.to_numpy()

    def decode(self, values: ArrayLike) -> NDArray[np.str_]:
        """Return the class names at these indices."""
        return np.array(self.classes)[np.asarray(values, dtype=np.int64)]

    def describe(self) -> str:
        """Return the target as a phrase."""
        return f"one of {len(self.classes)} classes: {_listed(self.classes)}"

    def faults(self) -> list[str]:
        """Return what is wrong with the list of classes."""
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            return ["classes must be at least two, each once"]
        return []


class NumberTarget(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="target",
    tag="number",
):
    """A quantity, standardised by its mean and standard deviation. ``column`` is empty for arrays."""

    column: str
    mean: float
    scale: float
    form: NumberFormat = PLAIN

    def encode(self, data: Table | Arrays) -> NDArray[np.float64]:
        """Return the standardised quantity of each row, float64 (n,)."""
        return (_quantities(data, self.column, self.form) - self.mean) / self.scale

    def decode(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return standardised values in the target's own units."""
        return np.asarray(values, dtype=np.float64) * self.scale + self.mean

    def describe(self) -> str:
        """Return the target as a phrase."""
        return f"a quantity, (y − {self.mean:g}) / {self.scale:g}"

    def faults(self) -> list[str]:
        """Return what is wrong with the numbers."""
        return [] if self.scale > 0 else ["scale must be above 0"]


def fit_target(data: Table | Arrays, column: str, task: Task) -> ClassTarget | NumberTarget:
    """Find the classes, or the mean and standard deviation, of the training rows.

    Raises
    ------
    DataError
        Where targets are missing, all the same, or nearly all different classes.
    """
    name = f"The target {column!r}" if column else f"The target of {data.source}"
    if task == "regression":
        form = data.number_format(column) if isinstance(data, Table) else PLAIN
        values = _quantities(data, column, form)
        scale = float(values.std())
        if scale == 0 or not np.isfinite(scale):
            raise DataError(f"{name} is {values[0]:g} in every row: there is nothing to learn.")
        return NumberTarget(column, float(values.mean()), scale, form)
    labels = _labels(data, column)
    classes = labels.unique().to_list()
    if len(classes) == 1:
        if isinstance(data, Table):
            mend = "rows of at least two; check --target and --where"
        elif data.names:
            mend = "at least two sub-folders, each with the images of one class"
        else:
            mend = "samples of at least two"
        raise DataError(
            f"{name} has one class only: {classes[0]!r} in all {len(labels)} training rows.\n"
            f"Learning to tell classes apart needs {mend}."
        )
    if len(labels) > _FEW_ROWS and len(classes) > len(labels) // 2:
        raise DataError(
            f"{name} has {len(classes)} classes in {len(labels)} rows: nearly every row has its own.\n"
            "Is it the right column? A quantity is learnt with task='regression' (--task regression)."
        )
    if isinstance(data, Arrays) and data.class_names:
        return ClassTarget(column, data.class_names)
    return ClassTarget(column, tuple(sorted(classes, key=_order)))


def _order(label: str) -> tuple[float, str]:
    try:
        return (float(label), label)
    except ValueError:
        return (np.inf, label)


def _labels(data: Table | Arrays, column: str) -> pl.Series:
    import polars as pl

    if isinstance(data, Table):
        return texts(_present(data, column))
    y = _array_target(data)
    if data.class_names:
        if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= len(data.class_names):
            raise DataError(
                f"{data.source} names {len(data.class_names)} classes; "
                f"y must hold whole numbers 0 … {len(data.class_names) - 1}."
            )
        y = np.array(data.class_names)[y]
    return texts(pl.Series(y.tolist() if y.dtype.kind == "U" else y))


def _quantities(data: Table | Arrays, column: str, form: NumberFormat) -> NDArray[np.float64]:
    if isinstance(data, Table):
        _present(data, column)
        no_dates_to_learn(data, column)
        values = data.parsed(column, form)
        if values.null_count():
            raise text_cell_error(data, column, values, form.describe(), "target")
        quantities = values.to_numpy()
    else:
        y = _array_target(data)
        if y.dtype.kind not in "biuf":
            raise DataError(f"The target of {data.source} holds texts; a quantity to learn must be a number.")
        quantities = y.astype(np.float64)
    finite = np.isfinite(quantities)
    if not finite.all():
        row = int(np.argmin(finite))
        raise DataError(f"{_place(data, row, column)}: the target is {quantities[row]}, not a finite number.")
    return quantities


def _present(table: Table, column: str) -> pl.Series:
    values = table.column(column)
    if values.dtype.is_float():
        values = values.fill_nan(None)
    missing = values.null_count()
    if missing:
        row = values.is_null().arg_max() or 0
        raise DataError(
            f"The target {column!r} of {table.source} is missing in {missing} of {len(values)} rows, "
            f"first on {table.numbers(row)}.\nDrop those rows: --where '`{column}` is not missing'."
        )
    return values


def _array_target(data: Arrays) -> NDArray[Any]:
    y = data.targets()
    if y.ndim != 1:
        raise DataError(
            f"The targets of {data.source} have shape {y.shape}; expected ({len(y)},).\n"
            "Write y[:, 0] for a single column, y.argmax(axis=1) for one-hot rows."
        )
    return y


def _place(data: Table | Arrays, row: int, column: str) -> str:
    if isinstance(data, Table):
        return f"{data.source}, {data.numbers(row)}, column {column!r}"
    return f"{data.source}, sample {row} (counted from 0)"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(repr, names[:8]))
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
