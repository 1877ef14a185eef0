"""Who is diagnosed: a network with its rows, its loss and what is known of its training.

A network with arrays, a learner with raw rows and a folder of checkpoints all become one record here, so that no rule
need know which of them it looks at.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from glassgrad.data.arraydata import Arrays
from glassgrad.data.checks import validate_arrays
from glassgrad.data.preprocessing import Preprocessing
from glassgrad.data.readers import read
from glassgrad.data.steps import Standardise, StandardiseFeatures
from glassgrad.data.table import Table
from glassgrad.data.targets import ClassTarget
from glassgrad.errors import DataError, OptionError
from glassgrad.explaining.diagnosis.verdict import Place
from glassgrad.learner.files import read_unfinished
from glassgrad.learner.learner import Learner
from glassgrad.learner.network import network_of, output_count
from glassgrad.learner.preparation import prepare
from glassgrad.learner.recipe import Recipe
from glassgrad.learner.scores import network_target
from glassgrad.nn import Module
from glassgrad.nn.losses import Loss
from glassgrad.nn.losses import loss as loss_of
from glassgrad.optim import Optimizer
from glassgrad.optim import optimizer as optimizer_of
from glassgrad.training.checkpoints import load_checkpoint
from glassgrad.training.files import load_file
from glassgrad.training.history import History
from glassgrad.training.inputs import find_loss, find_optimizer, model_dtype, prepare_target

__all__ = ["Pair", "Subject", "subject_of"]

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]

_BATCH = 32
"""Rows of a mini-batch where nobody says: the default of `glassgrad.fit`."""


def _plain_row(row: int) -> Place:
    return Place("row", str(row))


@dataclass(frozen=True, eq=False)
class Subject:
    """A network, its rows, and what is known of its training.

    Attributes
    ----------
    model, loss
        The network and what it is trained by.
    X, y
        Features of the model's dtype and targets as the loss takes them, non-finite numbers included; None where no
        rows are given.
    inputs
        The shape of one row of X.
    optimizer, history, validation
        Where they are given; the validation rows as X and y.
    trained
        The rows that the network was trained on, as X and y, where they are not all of those above.
    batch_size
        Rows of a mini-batch.
    limits
        For each feature the size that a learner's preprocessing lets it have, infinity where there is none.
    row, column, label
        The place of a row, and the names of a feature and of a class.
    """

    model: Module
    loss: Loss
    X: Array | None
    y: Array | None
    inputs: tuple[int, ...]
    optimizer: Optimizer | None = None
    history: History | None = None
    validation: Pair | None = None
    trained: Pair | None = None
    batch_size: int = _BATCH
    limits: Array | None = None
    row: Callable[[int], Place] = _plain_row
    column: Callable[[int], str] = str
    label: Callable[[int], str] = str


def subject_of(
    model: Any, X: Any, y: Any, loss: Any, optimizer: Any, history: Any, validation: Any
) -> Subject:
    """Return the record of what `glassgrad.diagnose` is given.

    Raises
    ------
    OptionError, DataError, ShapeError, DTypeError, ModelFileError
        Where it cannot be used, or does not go together.
    """
    if history is not None and not isinstance(history, History):
        raise OptionError(f"history is what gg.fit returned, a gg.History; got {type(history).__name__}")
    if isinstance(model, Module):
        return _of_network(model, X, y, loss, optimizer, history, validation)
    if isinstance(model, (str, os.PathLike)):
        found = _of_path(model)
    elif isinstance(model, Learner):
        found = _Trained.of(model)
    else:
        raise OptionError(
            "diagnose takes a network, a learner, or the path of a model file or a folder of checkpoints; "
            f"got {type(model).__name__}"
        )
    for name, given in (("y", y), ("loss", loss), ("validation", validation)):
        if given is not None:
            raise OptionError(
                f"{name} is known to the learner already: leave it out, and give raw rows alone"
            )
    return _of_trained(found, X, optimizer, history)


# --- a network with arrays ---


def _of_network(
    model: Module, X: Any, y: Any, loss: Any, optimizer: Any, history: History | None, validation: Any
) -> Subject:
    if X is None or y is None:
        raise DataError(
            "diagnosing a network needs rows and their targets: gg.diagnose(model, X, y).\n"
            "A learner or a checkpoint can be examined without."
        )
    rows, targets = _finite_or_not(X, "X"), _finite_or_not(y, "y")
    validate_arrays(_filled(rows), _filled(targets))
    chosen = find_loss(loss, targets)
    dtype = model_dtype(model)
    held = None
    if validation is not None:
        if not isinstance(validation, tuple) or len(validation) < 2:
            raise OptionError("validation is a pair of arrays, (X, y): the rows that were held back")
        a, b, _ = validate_arrays(*validation[:2])
        assert b is not None
        held = (np.ascontiguousarray(a, dtype), prepare_target(b, chosen, dtype))
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes an infinity, which is reported
        features = np.ascontiguousarray(rows, dtype)
        wanted = prepare_target(targets, chosen, dtype)
    return Subject(
        model,
        chosen,
        features,
        wanted,
        rows.shape[1:],
        None if optimizer is None else find_optimizer(optimizer, None, None),
        history,
        held,
        batch_size=min(_BATCH, len(rows)),
    )


def _finite_or_not(values: Any, name: str) -> Array:
    try:
        return np.asarray(values)
    except ValueError:
        raise DataError(f"{name} is not a rectangle: its rows have different lengths.") from None


def _filled(array: Array) -> Array:
    """Return an array with 0 for what is no number: that is a finding here, and no error."""
    return np.where(np.isfinite(array), array, 0) if array.dtype.kind == "f" else array


# --- a learner, a checkpoint ---


@dataclass(frozen=True, eq=False)
class _Trained:
    """A network that was trained on raw rows."""

    network: Module
    preprocessing: Preprocessing
    recipe: Recipe
    history: History
    learner: Learner | None = None

    @classmethod
    def of(cls, learner: Learner) -> _Trained:
        summary = learner.summary
        columns = {k: [np.nan if x is None else x for x in v] for k, v in summary.history.items()}
        past = History(columns, summary.steps, summary.best_epoch, summary.stopped, summary.message)
        return cls(learner.network, learner.preprocessing, learner.recipe, past, learner)


def _of_path(path: str | os.PathLike[str]) -> _Trained:
    """Read a model file, a checkpoint, or the newest checkpoint of a folder."""
    if not os.path.isdir(path) and load_file(path)[1]["kind"] == "model":
        return _Trained.of(Learner.load(path))
    unfinished, checkpoint = read_unfinished(path), load_checkpoint(path)
    network = network_of(unfinished.preprocessing, unfinished.recipe)
    prefix = "model."
    network.load_state_dict(
        {k.removeprefix(prefix): a for k, a in checkpoint.state.items() if k.startswith(prefix)}
    )
    past = History(checkpoint.history, checkpoint.position.step)
    return _Trained(network, unfinished.preprocessing, unfinished.recipe, past)


def _of_trained(found: _Trained, source: Any, optimizer: Any, history: History | None) -> Subject:
    fitted, recipe = found.preprocessing, found.recipe
    outputs = output_count(fitted, recipe)
    chosen = loss_of(recipe.loss or "mse")
    by = optimizer_of(recipe.optimizer) if optimizer is None else find_optimizer(optimizer, None, None)
    if optimizer is None:
        by = find_optimizer(by, recipe.lr, recipe.weight_decay)
    X = y = trained = held = None
    row = _plain_row
    if source is not None:
        column = fitted.target_encoding.column or None
        rows = source if isinstance(source, Table | Arrays) else read(source, target=column)
        with np.errstate(over="ignore"):
            X = fitted.transform(rows, recipe.dtype)
            y = network_target(fitted.target(rows), outputs, recipe.dtype)
        if isinstance(rows, Table):
            row = partial(_row_of_table, rows)
        if found.learner is not None and found.learner.trained_on(rows):
            prepared = prepare(rows, recipe=recipe, preprocessing=fitted)
            parts = [
                None if part is None else (part.X, network_target(part.y, outputs, recipe.dtype))
                for part in (prepared.train, prepared.validation or prepared.test)
            ]
            trained, held = parts
    target = fitted.target_encoding
    return Subject(
        found.network,
        chosen,
        X,
        y,
        (fitted.n_features,),
        by,
        found.history if history is None else history,
        held,
        trained,
        recipe.batch_size or _BATCH,
        _limits(fitted),
        row,
        fitted.feature_names.__getitem__,
        target.classes.__getitem__ if isinstance(target, ClassTarget) else str,
    )


def _limits(fitted: Preprocessing) -> Array:
    """Return the size at which preprocessing clips each feature."""
    limits = np.full(fitted.n_features, np.inf)
    for step in fitted.array_steps:
        if isinstance(step, StandardiseFeatures):
            limits[:] = step.clip
    clips = {step.column: step.clip for step in fitted.table_steps if isinstance(step, Standardise)}
    for place, name in enumerate(fitted.feature_names if clips else ()):
        limits[place] = clips.get(name, np.inf)
    return limits


def _row_of_table(table: Table, row: int) -> Place:
    number = row + 1 if table.places is None else int(table.places[row])
    return Place("line" if table.unit == "line" else "row", str(number))
