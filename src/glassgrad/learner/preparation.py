"""From raw data to what a network is given: which rows train, which validate and test, and as what numbers.

The split comes before anything is fitted, so that no median, category or class is learnt from a row that is
held back. The result is one record, so that it can be shown to a person before the training begins.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.data.arraydata import Arrays
from glassgrad.data.preprocessing import Preprocessing
from glassgrad.data.schema import Schema, Task, infer, infer_task
from glassgrad.data.split import split_rows
from glassgrad.data.steps import Report
from glassgrad.data.table import Table
from glassgrad.data.targets import ClassTarget, fit_target
from glassgrad.errors import DataError
from glassgrad.learner.recipe import Recipe

__all__ = ["Part", "Preparation", "checksum", "prepare"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """Rows as numbers: features (n, features), and class numbers or standardised quantities (n,)."""

    X: Array
    y: Array

    def __len__(self) -> int:
        return len(self.X)


@dataclass(frozen=True, eq=False)
class Preparation:
    """Data made ready for training.

    Parameters
    ----------
    preprocessing
        What was fitted on the training rows, or taken over from a model.
    recipe
        The recipe with every choice made.
    train, validation, test
        The parts; None where no rows are held back.
    source
        What the data is called.
    checksum
        Of the targets of all rows, to know the data again.
    notes
        What a person should know.
    """

    preprocessing: Preprocessing
    recipe: Recipe
    train: Part
    validation: Part | None
    test: Part | None
    source: str
    checksum: int
    notes: tuple[str, ...]

    @property
    def task(self) -> Task:
        """Classification or regression."""
        return self.preprocessing.task

    @property
    def classes(self) -> int:
        """How many classes there are; 0 for quantities."""
        return class_count(self.preprocessing)


def prepare(
    data: Table | Arrays,
    *,
    target: str | None = None,
    task: Task | None = None,
    recipe: Recipe | None = None,
    schema: Schema | None = None,
    preprocessing: Preprocessing | None = None,
) -> Preparation:
    """Split data, fit the preprocessing on the training rows, and turn all parts into numbers.

    Parameters
    ----------
    data
        The raw rows. A test set that came with them is used; else rows are held back as the recipe says.
    target
        The column to learn; None for arrays.
    task
        None to find out.
    recipe
        Shares, seed and dtype; the rest of it is resolved.
    schema
        The kinds of the columns; None to find them.
    preprocessing
        That of a model to go on training, instead of a new one.

    Raises
    ------
    OptionError
        Where the recipe makes no sense.
    DataError
        Where the data cannot be learnt from.

    Examples
    --------
    >>> from glassgrad.data import load_digits
    >>> prepared = prepare(load_digits())
    >>> len(prepared.train), len(prepared.validation), len(prepared.test)
    (1258, 180, 359)
    """
    recipe = recipe or Recipe()
    recipe.check()
    if preprocessing is not None:
        task, target = preprocessing.task, preprocessing.target_encoding.column or None
    task = task or infer_task(data, target)
    if isinstance(data, Table) and schema is None and preprocessing is None:
        schema = infer(data, target)
    came_with = data.test if isinstance(data, Arrays) else None
    labels = _labels(data, target, task, preprocessing)
    share = 0.0 if came_with is not None else recipe.test
    rows = split_rows(data.height, validation=recipe.validation, test=share, seed=recipe.seed, labels=labels)
    train = data.take(rows.train)
    report = Report()
    fitted = preprocessing or Preprocessing.fit(train, schema, target=target, task=task)
    recipe = recipe.resolve(
        task,
        rows=train.height,
        images=isinstance(data, Arrays) and data.kind == "images",
        classes=class_count(fitted),
        held_out=len(rows.validation) > 0,
    )

    def part(raw: Table | Arrays) -> Part | None:
        if raw.height == 0:
            return None
        return Part(fitted.transform(raw, recipe.dtype, report=report), fitted.target(raw))

    held = part(data.take(rows.validation))
    tested = part(data.take(rows.test) if came_with is None else came_with)
    trained = part(train)
    if trained is None:
        raise DataError(f"{data.source} has no rows to train on.")
    notes = (*fitted.notes, *report.notes()) if preprocessing is None else tuple(report.notes())
    return Preparation(
        fitted, recipe, trained, held, tested, data.source, checksum(fitted.target(data)), notes
    )


def checksum(targets: Array) -> int:
    """Return the CRC-32 of targets as numbers, by which data is known again."""
    return zlib.crc32(targets.tobytes())


def class_count(preprocessing: Preprocessing) -> int:
    """Return how many classes a target has; 0 for quantities."""
    target = preprocessing.target_encoding
    return len(target.classes) if isinstance(target, ClassTarget) else 0


def _labels(
    data: Table | Arrays, target: str | None, task: Task, preprocessing: Preprocessing | None
) -> NDArray[np.int64] | None:
    """Return class numbers to keep the classes' shares in every part; refuse a bad target early."""
    if preprocessing is not None:
        encoded = preprocessing.target(data)
        return encoded.astype(np.int64) if task == "classification" else None
    if target is None and isinstance(data, Table):
        raise DataError("Name the column to learn: target='price' (on the command line --target price).")
    encoding = fit_target(data, target or "", task)
    return encoding.encode(data).astype(np.int64) if isinstance(encoding, ClassTarget) else None
