"""A recipe: every choice that training needs, and the good ones where nobody has chosen.

The command line, a model file and Python state the same record, so a default exists once, is shown where it
is asked for, and is written down as the number it became.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from glassgrad.data.schema import Task
from glassgrad.errors import OptionError, did_you_mean
from glassgrad.options import require

__all__ = ["LOSSES", "Recipe"]

LOSSES: dict[Task, tuple[str, ...]] = {
    "classification": ("cross_entropy", "binary_cross_entropy_with_logits"),
    "regression": ("mse", "half_mse", "half_sum_squares", "mae", "huber"),
}
"""The losses that fit each task; the first is the default."""

_RATES = {
    "sgd": 0.05,
    "momentum": 0.02,
    "nesterov": 0.02,
    "adagrad": 0.02,
    "rmsprop": 1e-3,
    "adam": 3e-3,
    "adamw": 3e-3,
}
_STEPS = 6000
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 60


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to train; None where the task and the number of rows decide.

    Parameters
    ----------
    hidden
        Units of each hidden layer. Default: 128 for images, 128 and 64 for tables.
    activation
        Name of the activation between the layers.
    loss
        Name of the loss. Default: cross-entropy for classes, mean squared error for quantities.
    optimizer, lr, schedule
        Names of the optimizer and of how its learning rate changes. Default rate: by the optimizer.
    batch_size
        Rows a step. Default: 32, 128 from 10 000 training rows, 512 from 200 000.
    epochs
        Default: so many that about 6000 steps are taken, 10 … 60.
    patience
        Epochs without a better validation loss after which training stops; the best weights are kept.
        Default: a third of the epochs, at least 10; with no validation rows none.
    dropout
        Share of hidden units dropped in training. Default: 0.2 for classes, 0 for quantities.
    weight_decay
        Default: the optimizer's own.
    validation, test
        Shares of the rows held back.
    engine, dtype, seed
        What runs it, in which precision, and the seed of everything that is drawn.

    Examples
    --------
    >>> Recipe(epochs=5).resolve("regression", rows=1000, images=False).hidden
    (128, 64)
    """

    hidden: tuple[int, ...] | None = None
    activation: str = "relu"
    loss: str | None = None
    optimizer: str = "adamw"
    lr: float | None = None
    schedule: str = "one_cycle"
    batch_size: int | None = None
    epochs: int | None = None
    patience: int | None = None
    dropout: float | None = None
    weight_decay: float | None = None
    validation: float = 0.1
    test: float = 0.2
    engine: str = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    seed: int = 0

    def check(self) -> None:
        """Refuse what can be refused before any data is read.

        Raises
        ------
        OptionError
            Where a name is unknown or a number out of range.
        """
        from glassgrad.engines import engine
        from glassgrad.nn import activation
        from glassgrad.optim import optimizer, schedule

        for place, size in enumerate(self.hidden or (), start=1):
            require("Training", f"hidden layer {place}", size, least=1, most=1 << 20, whole=True)
        for name in ("batch_size", "epochs", "patience"):
            if getattr(self, name) is not None:
                require("Training", name, getattr(self, name), least=1, whole=True)
        if self.lr is not None:
            require("Training", "lr", self.lr, above=0)
        if self.dropout is not None:
            require("Training", "dropout", self.dropout, least=0, below=1)
        if self.weight_decay is not None:
            require("Training", "weight_decay", self.weight_decay, least=0)
        require("Training", "validation", self.validation, least=0, below=1)
        require("Training", "test", self.test, least=0, below=1)
        if self.validation + self.test >= 1:
            raise OptionError(
                f"validation={self.validation} and test={self.test} leave no rows to train on; "
                "their sum must be below 1."
            )
        require("Training", "seed", self.seed, least=0, below=1 << 63, whole=True)
        if self.dtype not in ("float32", "float64"):
            raise OptionError(f"there is no dtype {self.dtype!r}. Known: 'float32', 'float64'.")
        activation(self.activation)
        optimizer(self.optimizer)
        schedule(self.schedule)
        engine(self.engine)
        known = [name for names in LOSSES.values() for name in names]
        if self.loss is not None and self.loss not in known:
            raise OptionError(f"there is no loss {self.loss!r}. {did_you_mean(self.loss, known)}")

    def resolve(
        self, task: Task, *, rows: int, images: bool, classes: int = 0, held_out: bool = True
    ) -> Recipe:
        """Return the recipe with every choice made.

        Parameters
        ----------
        task
            Classification or regression.
        rows
            How many training rows there are.
        images
            Whether the rows are images.
        classes
            How many classes there are.
        held_out
            Whether there are validation rows to stop early by.

        Raises
        ------
        OptionError
            Where a name is unknown, a number is out of range, or the loss does not fit the task.
        """
        self.check()
        loss = self.loss or LOSSES[task][0]
        if loss not in LOSSES[task]:
            fitting = ", ".join(LOSSES[task])
            raise OptionError(f"the loss {loss!r} does not fit {task}.\nLosses that do: {fitting}.")
        if loss.startswith("binary") and classes != 2:
            raise OptionError(f"the loss {loss!r} is for two classes; this target has {classes}.")
        batch_size = self.batch_size or (32 if rows < 10_000 else 128 if rows < 200_000 else 512)
        steps = math.ceil(rows / batch_size)
        epochs = self.epochs or min(max(round(_STEPS / steps), _FEWEST_EPOCHS), _MOST_EPOCHS)
        dropout = self.dropout
        if dropout is None:
            dropout = 0.2 if task == "classification" else 0.0
        return msgspec.structs.replace(
            self,
            hidden=((128,) if images else (128, 64)) if self.hidden is None else self.hidden,
            loss=loss,
            lr=self.lr or _RATES.get(self.optimizer, 1e-3),
            batch_size=batch_size,
            epochs=epochs,
            patience=(self.patience or max(epochs // 3, 10)) if held_out else None,
            dropout=dropout,
        )
