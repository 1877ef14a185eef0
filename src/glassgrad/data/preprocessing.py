"""Preprocessing as data: what raw rows go through before the network, fitted, saved and read back.

It is part of the model file, so that a prediction needs the model and raw rows only. It holds no code:
a list of steps with their numbers, checked field by field when it is read.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import ArrayLike, DTypeLike, NDArray

from glassgrad.data.arraydata import Arrays
from glassgrad.data.fitting import array_steps, column_steps
from glassgrad.data.schema import Schema, Task, infer, infer_task
from glassgrad.data.steps import ArrayStep, Features, Impute, Report, Standardise, TableStep
from glassgrad.data.table import Table
from glassgrad.data.targets import ClassTarget, NumberTarget, fit_target
from glassgrad.errors import DataError, ModelFileError, ShapeError, did_you_mean

__all__ = ["Preprocessing"]

_VERSION = 1
_BLOCK_ROWS = 1 << 15
_CACHED_CELLS = 1 << 17
_MOST_FEATURES = 1 << 24


class Preprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fitted steps from raw rows to features, and from a raw target to numbers.

    Parameters
    ----------
    version
        The version of this record's form.
    task
        ``"classification"`` or ``"regression"``.
    table_steps
        Steps for the columns of a table; empty for arrays.
    array_steps
        Steps for an array; empty for tables.
    feature_shape
        The shape of one sample of an array; empty for tables.
    target_encoding
        Classes or a quantity.
    notes
        What a person should know: columns left out, hashed or renamed.

    Examples
    --------
    >>> import polars as pl
    >>> table = Table(pl.DataFrame({"size": ["1", "2", "3", None], "town": ["a", "b", "a", "a"],
    ...                             "price": ["10", "20", "30", "40"]}))
    >>> fitted = Preprocessing.fit(table, target="price", task="regression")
    >>> fitted.feature_names
    ['size', 'size is missing', 'town = a', 'town = b']
    >>> fitted.transform(table).shape
    (4, 4)
    >>> fitted.inverse_target(fitted.target(table)).round(6).tolist()
    [10.0, 20.0, 30.0, 40.0]
    """

    version: int
    task: Task
    table_steps: tuple[TableStep, ...]
    array_steps: tuple[ArrayStep, ...]
    feature_shape: tuple[Annotated[int, Meta(ge=1)], ...]
    target_encoding: ClassTarget | NumberTarget
    notes: tuple[str, ...]

    @classmethod
    def fit(
        cls,
        data: Table | Arrays,
        schema: Schema | None = None,
        *,
        target: str | None = None,
        task: Task | None = None,
    ) -> Preprocessing:
        """Find the steps and their numbers in the training rows.

        Parameters
        ----------
        data
            The training rows.
        schema
            The kinds of the columns, found in all rows; None to find them in these.
        target
            The column to learn; None for arrays.
        task
            None to find out.

        Raises
        ------
        DataError
            Where there is no target, it is missing somewhere, it has one class only, or no column is of use.
        """
        if isinstance(data, Arrays):
            steps, note = array_steps(data)
            task = task or infer_task(data)
            fitted = fit_target(data, "", task)
            notes = (*data.notes, note) if note else data.notes
            return cls(_VERSION, task, (), tuple(steps), data.feature_shape, fitted, notes)
        schema = schema or infer(data, target)
        task = task or infer_task(data, target)
        if target is None:
            raise DataError("Name the column to learn: target='price' (on the command line --target price).")
        fitted = fit_target(data, target, task)
        found, remarks = [], list(schema.notes)
        for name in data.columns:
            if name != target:
                column, note = column_steps(data, schema, name)
                found += column
                remarks += [note] if note else []
        if not found:
            raise DataError(
                f"{data.source} has no column to learn {target!r} from.\n"
                "Every other column is missing, constant or dropped."
            )
        return cls(_VERSION, task, tuple(found), (), (), fitted, tuple(remarks))

    @property
    def columns(self) -> list[str]:
        """The columns of a table that are read, in order."""
        return list(dict.fromkeys(step.column for step in self.table_steps))

    @property
    def feature_names(self) -> list[str]:
        """The name of each feature."""
        if self.array_steps:
            places = np.ndindex(*self.feature_shape)
            return [f"x[{', '.join(map(str, place))}]" for place in places]
        names = {key: names for step in self.table_steps for key, names in step.names().items()}
        return [name for part in names.values() for name in part]

    @property
    def n_features(self) -> int:
        """How many features the network is fed."""
        if self.array_steps:
            return math.prod(self.feature_shape)
        return sum(self._widths().values())

    def transform(
        self, data: Table | Arrays, dtype: DTypeLike = np.float32, *, report: Report | None = None
    ) -> NDArray[Any]:
        """Return the features of raw rows, block by block.

        Parameters
        ----------
        data
            Raw rows, with at least the columns that training used.
        dtype
            float32 or float64.
        report
            Counts what training had not met; see :meth:`Report.notes`.

        Returns
        -------
        NDArray
            (n, features).

        Raises
        ------
        DataError
            Where a column is missing, or a column of numbers holds a text.
        ShapeError
            Where samples of an array have another shape than in training.
        """
        features = np.zeros((data.height, self.n_features), dtype=dtype)
        if isinstance(data, Table):
            self._check_columns(data)
            self._transform_table(data, features, report or Report())
        else:
            self._check_shape(data)
            for first in range(0, data.height, _BLOCK_ROWS):
                rows = slice(first, first + _BLOCK_ROWS)
                block = data.X[rows].reshape(-1, self.n_features)
                for step in self.array_steps:
                    block = step.apply(block)
                features[rows] = block
        return features

    def target(self, data: Table | Arrays) -> NDArray[np.int64] | NDArray[np.float64]:
        """Return the target of raw rows: class indices int64 (n,), or standardised float64 (n,).

        Raises
        ------
        DataError
            Where the target is missing, or a label is no class of this model.
        """
        return self.target_encoding.encode(data)

    def inverse_target(self, values: ArrayLike) -> NDArray[np.str_] | NDArray[np.float64]:
        """Return class names for class indices, or standardised values in the target's own units."""
        return self.target_encoding.decode(values)

    def to_json(self) -> str:
        """Return the whole record as one line of JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Preprocessing:
        """Read a record back, trusting nothing in it.

        Raises
        ------
        ModelFileError
            Where the text is not such a record, is of a newer version, or its numbers cannot be true.
        """
        try:
            version = msgspec.json.decode(text, type=_Version).version
            if version > _VERSION:
                raise ModelFileError(
                    f"The model's preprocessing is of version {version}; this glassgrad knows {_VERSION}.\n"
                    "Use a newer glassgrad: pip install --upgrade glassgrad."
                )
            record = msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ModelFileError(f"The model's preprocessing is damaged: {error}.") from None
        faults = record._faults()
        if faults:
            raise ModelFileError(f"The model's preprocessing is damaged: {'; '.join(faults[:3])}.")
        return record

    def describe(self) -> list[tuple[str, str]]:
        """Return rows to print: a column and what is done with it, the target last."""
        done: dict[str, list[str]] = {}
        for step in self.table_steps:
            done.setdefault(step.column, []).append(step.describe())
        if self.array_steps:
            done["X"] = [step.describe() for step in self.array_steps]
        rows = [(column, "; ".join(phrases)) for column, phrases in done.items()]
        return [*rows, (f"{self.target_encoding.column or 'y'} (target)", self.target_encoding.describe())]

    def _widths(self) -> dict[tuple[str, str], int]:
        return {key: width for step in self.table_steps for key, width in step.widths().items()}

    def _transform_table(self, table: Table, features: NDArray[Any], report: Report) -> None:
        widths = self._widths()
        first = 0
        for block in table.blocks(_BLOCK_ROWS):
            made: Features = {}
            for step in self.table_steps:
                step.apply(block, made, report)
            _write(
                [made[key] for key in widths], list(widths.values()), features[first : first + block.height]
            )
            first += block.height

    def _check_columns(self, table: Table) -> None:
        if self.array_steps:
            raise DataError(
                f"This model was trained on samples of shape {self.feature_shape}; "
                f"{table.source} is a table.\n"
                "Give it an NPZ, NPY or IDX file, or images."
            )
        absent = [name for name in self.columns if name not in table.columns]
        if absent:
            more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
            raise DataError(
                f"{table.source} has no column {absent[0]!r}{more}, which the model was trained on.\n"
                f"{did_you_mean(absent[0], table.columns)} Give it every column that training had."
            )

    def _check_shape(self, data: Arrays) -> None:
        if not self.array_steps:
            raise DataError(
                f"This model was trained on a table; {data.source} is an array without column names.\n"
                f"Give it a table with the columns {', '.join(map(repr, self.columns[:5]))} …"
            )
        if data.feature_shape != self.feature_shape:
            raise ShapeError(
                f"One sample of {data.source} has shape {data.feature_shape}; the model was trained on "
                f"{self.feature_shape}.\nResize or reshape the samples to {self.feature_shape}."
            )

    def _faults(self) -> list[str]:
        """Return why a record that has the right form cannot be true."""
        if bool(self.table_steps) == bool(self.array_steps):
            return ["it must hold steps for a table or for an array"]
        faults = [fault for table_step in self.table_steps for fault in table_step.faults()]
        if not 0 < self.n_features <= _MOST_FEATURES:
            return [f"it makes {self.n_features} features"]
        for array_step in self.array_steps:
            faults += array_step.faults(self.n_features)
        imputed: set[str] = set()
        for step in self.table_steps:
            if isinstance(step, Impute):
                imputed.add(step.column)
            elif isinstance(step, Standardise) and step.column not in imputed:
                faults.append(f"column {step.column!r} is standardised before it is imputed")
        if (self.task == "classification") != isinstance(self.target_encoding, ClassTarget):
            faults.append(f"its target does not fit the task {self.task}")
        return faults + self.target_encoding.faults()


def _write(parts: list[NDArray[Any]], widths: list[int], features: NDArray[Any]) -> None:
    """Write features, kept by column, into zeroed rows; a few rows at a time, so that they stay in cache."""
    few = max(1, _CACHED_CELLS // features.shape[1])
    for first in range(0, len(features), few):
        rows = features[first : first + few]
        column = 0
        for part, width in zip(parts, widths, strict=True):
            values = part[first : first + few]
            if values.dtype == np.int64:
                ones = np.flatnonzero(values >= 0)
                rows[ones, column + values[ones]] = 1
            else:
                rows[:, column] = values
            column += width


class _Version(msgspec.Struct):
    version: int
