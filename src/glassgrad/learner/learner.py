"""A learner: everything between raw rows and predictions, as one thing that can be trained, kept and used.

A network alone cannot predict: it needs the medians, categories and units of the rows it was trained on. A
learner holds them all, so that whoever has the file needs raw rows only, and can go on training when new
ones arrive.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from numpy.typing import NDArray

from glassgrad.data.arraydata import Arrays
from glassgrad.data.preprocessing import Preprocessing
from glassgrad.data.readers import read
from glassgrad.data.schema import Schema, Task
from glassgrad.data.steps import Report
from glassgrad.data.table import Table
from glassgrad.data.targets import ClassTarget
from glassgrad.errors import TrainingError
from glassgrad.learner.network import network_of, output_count
from glassgrad.learner.predictions import Predictions
from glassgrad.learner.preparation import Preparation, checksum, prepare
from glassgrad.learner.recipe import Recipe
from glassgrad.learner.scores import compare, judge, network_target, score
from glassgrad.learner.summary import Summary, summarise
from glassgrad.nn import Module
from glassgrad.nn.losses import loss as find_loss
from glassgrad.training.callbacks import Callback
from glassgrad.training.fit import NotFiniteWarning, fit, predict
from glassgrad.training.history import History
from glassgrad.training.metrics import probabilities
from glassgrad.training.run import Run

if TYPE_CHECKING:
    from glassgrad.learner.files import Unfinished

__all__ = ["Learner", "NotFiniteError"]

Array = NDArray[Any]
Scores = dict[str, float]


class NotFiniteError(TrainingError):
    """The loss is no number any more; `learner` holds the last weights that were good."""

    def __init__(self, message: str, learner: Learner) -> None:
        super().__init__(message)
        self.learner = learner


@dataclass(eq=False)
class Learner:
    """A network with its preprocessing, its recipe, and the record of how it was trained.

    Parameters
    ----------
    network, preprocessing
        The one maps features to logits or a standardised quantity; the other raw rows to features, targets to numbers.
    recipe
        How it was trained, every choice made.
    optimizer_state
        What the optimizer had in mind when training ended, by parameter and piece.
    summary
        How training went.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": np.linspace(-1, 1, 200), "y": np.linspace(-1, 1, 200) ** 2})
    >>> learner = Learner.train(frame, target="y", recipe=Recipe(hidden=(16,), epochs=20), progress=False)
    >>> learner.summary.task, sorted(learner.summary.test)
    ('regression', ['loss', 'mae', 'r2', 'rmse'])
    >>> learner.predict(frame.head(3)).values.shape
    (3,)
    """

    network: Module
    preprocessing: Preprocessing
    recipe: Recipe
    optimizer_state: dict[str, Array]
    summary: Summary

    # --- training ---

    @classmethod
    def train(
        cls,
        source: Any,
        *,
        target: str | None = None,
        task: Task | None = None,
        recipe: Recipe | None = None,
        schema: Schema | None = None,
        progress: bool | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
    ) -> Learner:
        """Train a network on raw rows.

        Parameters
        ----------
        source
            A table, arrays, a data frame, or the path of a file or folder.
        target
            The column to learn; None for arrays.
        task
            Classification or regression; None to find out.
        recipe
            How to train; what it leaves open is chosen from the data.
        schema
            The kinds of the columns; None to find them.
        progress, callbacks, checkpoint_dir, checkpoint_every
            As in `glassgrad.fit`.

        Raises
        ------
        GlassgradError
            Where the data or the recipe cannot be used.
        NotFiniteError
            Where the loss is no number any more.
        """
        prepared = prepare(_rows(source, target), target=target, task=task, recipe=recipe, schema=schema)
        return cls.train_prepared(
            prepared,
            progress=progress,
            callbacks=callbacks,
            checkpoint_dir=checkpoint_dir,
            checkpoint_every=checkpoint_every,
        )

    @classmethod
    def train_prepared(
        cls,
        prepared: Preparation,
        *,
        before: Learner | None = None,
        unfinished: Unfinished | None = None,
        progress: bool | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        note: dict[str, Any] | None = None,
        scored: bool = True,
    ) -> Learner:
        """Train on data that `prepare` made ready.

        Parameters
        ----------
        prepared
            The data and the recipe.
        before
            A learner to go on from: its weights and the state of its optimizer.
        unfinished
            A training of the same data and recipe to go on with.
        progress, callbacks, checkpoint_dir, checkpoint_every
            As in `glassgrad.fit`.
        note
            What to keep in each checkpoint beside the description of the learner; JSON.
        scored
            Whether to score the network and its baselines; False leaves it to `judge`, after the network is saved.

        Raises
        ------
        NotFiniteError
            Where the loss is no number any more.
        """
        recipe, fitted = prepared.recipe, prepared.preprocessing
        network = network_of(fitted, recipe)
        keep = _KeepState()
        start, earlier, outputs = None, (0, 0), output_count(fitted, recipe)
        if unfinished is not None:
            earlier = (unfinished.epochs_before, unfinished.steps_before)
        elif before is not None:
            earlier = before.summary.in_all()
            network.load_state_dict(before.network.state_dict())
            if before.recipe.optimizer == recipe.optimizer:
                start = before.optimizer_state
        train, held = prepared.train, prepared.validation
        description = {
            "preprocessing": msgspec.to_builtins(fitted),
            "recipe": msgspec.to_builtins(recipe),
            "epochs_before": earlier[0],
            "steps_before": earlier[1],
            "note": note or {},
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotFiniteWarning)  # it becomes an error below
            history = fit(
                network,
                train.X,
                network_target(train.y, outputs, recipe.dtype),
                loss=recipe.loss,
                optimizer=recipe.optimizer,
                lr=recipe.lr,
                weight_decay=recipe.weight_decay,
                schedule=recipe.schedule,
                epochs=recipe.epochs or 1,
                batch_size=recipe.batch_size or 1,
                validation=None if held is None else (held.X, network_target(held.y, outputs, recipe.dtype)),
                metrics=() if held is None else ("accuracy",) if prepared.classes else ("r2",),
                patience=recipe.patience,
                seed=recipe.seed,
                engine=recipe.engine,
                progress=progress,
                callbacks=[*callbacks, keep],
                checkpoint_dir=checkpoint_dir,
                checkpoint_every=checkpoint_every,
                resume=None if unfinished is None else unfinished.path,
                start=start,
                metadata=description,
            )
        summary = summarise(prepared, network, history, earlier)
        learner = cls(network, fitted, recipe, keep.state, summary)
        if history.stopped == "not finite":
            raise NotFiniteError(history.message, learner)
        if scored:
            learner.judge(prepared)
        return learner

    def judge(self, prepared: Preparation) -> None:
        """Score the network and its baselines on the rows held back, and put the scores into the summary."""
        judge(self.network, prepared, self.summary)
        compare(prepared, self.summary)

    @classmethod
    def resume(
        cls,
        source: Any,
        checkpoint: str | os.PathLike[str],
        *,
        progress: bool | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
    ) -> Learner:
        """Go on with an interrupted training; the result is that of one never interrupted, bit for bit.

        Parameters
        ----------
        source
            The same rows as before.
        checkpoint
            A checkpoint of that training, or the folder of them.
        progress, callbacks, checkpoint_dir, checkpoint_every
            As in `glassgrad.fit`.

        Raises
        ------
        ModelFileError
            Where the checkpoint cannot be read, or belongs to other data.
        """
        from glassgrad.learner.files import read_unfinished

        unfinished = read_unfinished(checkpoint)
        rows = _rows(source, unfinished.preprocessing.target_encoding.column or None)
        prepared = prepare(rows, recipe=unfinished.recipe, preprocessing=unfinished.preprocessing)
        return cls.train_prepared(
            prepared,
            unfinished=unfinished,
            progress=progress,
            callbacks=callbacks,
            checkpoint_dir=checkpoint_dir,
            checkpoint_every=checkpoint_every,
            note=unfinished.note,
        )

    def continue_from(
        self,
        source: Any,
        *,
        recipe: Recipe | None = None,
        progress: bool | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Learner:
        """Return a learner that went on training on new rows, with this one's columns, units and classes.

        Parameters
        ----------
        source
            The new rows, with the columns that training had.
        recipe
            How to go on; by default `next_recipe`.
        progress, callbacks
            As in `glassgrad.fit`.

        Raises
        ------
        DataError
            Where a column is missing, or a label is no class of this learner.
        """
        rows = _rows(source, self.preprocessing.target_encoding.column or None)
        prepared = prepare(rows, recipe=recipe or self.next_recipe(), preprocessing=self.preprocessing)
        return type(self).train_prepared(prepared, before=self, progress=progress, callbacks=callbacks)

    def next_recipe(self) -> Recipe:
        """Return the recipe to go on by: a tenth of the learning rate, and as many epochs as the new rows need."""
        return msgspec.structs.replace(
            self.recipe, lr=(self.recipe.lr or 1e-3) / 10, epochs=None, batch_size=None, patience=None
        )

    # --- use ---

    def outputs(self, data: Table | Arrays, report: Report | None = None) -> Array:
        """Return the network's outputs for raw rows, (n, outputs): logits, or standardised quantities."""
        features = self.preprocessing.transform(data, self.recipe.dtype, report=report)
        return predict(self.network, features, engine=self.recipe.engine)

    def predict(self, source: Any) -> Predictions:
        """Return class names or quantities for raw rows.

        Parameters
        ----------
        source
            A table, arrays, a data frame, or a path; the target may be absent.

        Raises
        ------
        DataError
            Where a column that training had is missing.
        """
        report = Report()
        outputs = self.outputs(_rows(source), report)
        target, notes = self.preprocessing.target_encoding, tuple(report.notes())
        if isinstance(target, ClassTarget):
            p = probabilities(outputs)
            return Predictions(target.decode(p.argmax(axis=1)), p, target.classes, notes)
        return Predictions(target.decode(outputs[:, 0]), None, (), notes)

    def evaluate(self, source: Any) -> Scores:
        """Return the scores on raw rows whose target is known: ``loss`` and ``accuracy``, or ``rmse``, ``mae``, ``r2``.

        Raises
        ------
        DataError
            Where a column is missing, the target among them.
        """
        return self.score(_rows(source))[0]

    def score(self, data: Table | Arrays) -> tuple[Scores, list[str]]:
        """Return the scores on raw rows, and notes on what training had not met in them."""
        report = Report()
        wanted = self.preprocessing.target(data)
        outputs = self.outputs(data, report)
        loss = find_loss(self.recipe.loss or "mse")
        return score(self.preprocessing, loss, outputs, wanted), report.notes()

    def trained_on(self, data: Table | Arrays) -> bool:
        """Say whether these look like the rows that this learner was trained on."""
        return checksum(self.preprocessing.target(data)) == self.summary.checksum

    # --- files ---

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the learner to one file, which replaces an old one only when it is complete.

        Raises
        ------
        ModelFileError
            Where it cannot be written; the old file is as it was.
        """
        from glassgrad.learner.files import save_learner

        save_learner(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Learner:
        """Read a learner back, trusting nothing in the file.

        Raises
        ------
        ModelFileError
            Where the file is missing, damaged, of a newer version, or says what cannot be true.
        """
        from glassgrad.learner.files import load_learner

        return load_learner(path)


class _KeepState(Callback):
    """Keeps the optimizer's state, and how many updates it stands for, when training ends."""

    def __init__(self) -> None:
        self.state: dict[str, Array] = {}

    def on_end(self, run: Run, history: History) -> None:
        state = run.optimizer_state()
        self.state = {k: a for k, a in state.items() if k == "step" or k.startswith("optimizer.")}


def _rows(source: Any, target: str | None = None) -> Table | Arrays:
    return source if isinstance(source, Table | Arrays) else read(source, target=target)
