"""The summary of a training: what the command line prints, gives as JSON, and keeps in the model file."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from glassgrad.data.schema import Task
from glassgrad.engines import engine
from glassgrad.learner.preparation import Preparation
from glassgrad.nn import Module
from glassgrad.training.history import History

__all__ = ["Summary", "summarise"]


class Summary(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How a training went.

    Parameters
    ----------
    task
        Classification or regression.
    source
        What the data is called.
    engine
        What ran it.
    seconds
        Time that training took.
    epochs, steps
        Epochs and updates of this training.
    epochs_before, steps_before
        Those of the trainings it went on from.
    best_epoch
        The epoch whose weights were kept; None for the last one.
    stopped, message
        How it ended, as a word and as a sentence.
    rows
        How many rows were in each part.
    features, parameters
        How many numbers go into the network, and how many it has learnt.
    validation, test
        Scores on the rows held back; empty where there were none.
    baselines
        Scores of the trivial predictor and the linear model on the same test rows.
    linear_steps
        After how many steps the logistic regression was cut short; None where it was not.
    history
        A number an epoch for each quantity.
    notes
        What a person should know of the data.
    checksum
        Of the targets, by which the data is known again.
    """

    task: Task
    source: str
    engine: str
    seconds: float
    epochs: int
    epochs_before: int
    steps: int
    steps_before: int
    best_epoch: int | None
    stopped: str
    message: str
    rows: dict[str, int]
    features: int
    parameters: int
    validation: dict[str, float | None] = {}
    test: dict[str, float | None] = {}
    baselines: dict[str, dict[str, float | None]] = {}
    linear_steps: int | None = None
    history: dict[str, list[float | None]]
    notes: tuple[str, ...]
    checksum: int

    def in_all(self) -> tuple[int, int]:
        """Return the epochs and updates of this training and of those before it."""
        return self.epochs + self.epochs_before, self.steps + self.steps_before

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON, which has no infinity: a number that is not finite is null."""
        data: dict[str, Any] = _finite(msgspec.to_builtins(self))
        return data


def summarise(prepared: Preparation, network: Module, history: History, earlier: tuple[int, int]) -> Summary:
    """Return the summary of a training that ended; the scores are added when they are taken.

    `earlier` is how many epochs and updates the trainings took that it went on from.
    """
    return Summary(
        task=prepared.task,
        source=prepared.source,
        engine=engine(prepared.recipe.engine).name,
        seconds=history.seconds,
        epochs=history.epochs,
        epochs_before=earlier[0],
        steps=history.steps,
        steps_before=earlier[1],
        best_epoch=history.best_epoch,
        stopped=history.stopped,
        message=history.message,
        rows={
            "train": len(prepared.train),
            "validation": len(prepared.validation or ()),
            "test": len(prepared.test or ()),
        },
        features=prepared.preprocessing.n_features,
        parameters=sum(p.size for p in network.parameters()),
        history={name: list(values) for name, values in history.columns.items()},
        notes=prepared.notes,
        checksum=prepared.checksum,
    )


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
