"""`fit` and `predict`: train a network on arrays, and use it."""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad import optim
from glassgrad.data.batching import ArrayBlocks, Blocks
from glassgrad.data.checks import validate_arrays
from glassgrad.data.split import split_rows
from glassgrad.engines import engine as find_engine
from glassgrad.errors import DataError, ModelFileError, OptionError
from glassgrad.nn import Module
from glassgrad.nn.losses import Loss
from glassgrad.training.callbacks import Callback
from glassgrad.training.checkpoints import claim_folder, differences, load_checkpoint
from glassgrad.training.history import History
from glassgrad.training.inputs import (
    cast_arrays,
    check_arrays,
    check_positive,
    find_loss,
    find_optimizer,
    model_dtype,
)
from glassgrad.training.metrics import metric
from glassgrad.training.progress import make_progress
from glassgrad.training.run import Run, Settings, Validation
from glassgrad.training.step import Predictor, build_step

__all__ = ["NotFiniteWarning", "fit", "predict"]

Array = np.ndarray[Any, Any]


class NotFiniteWarning(UserWarning):
    """Training stopped because the loss was no number any more."""


def fit(
    model: Module,
    X: Any,
    y: Any = None,
    *,
    loss: str | Loss | None = None,
    optimizer: str | optim.Optimizer = "adam",
    lr: float | None = None,
    epochs: int = 20,
    batch_size: int = 32,
    validation: float | tuple[Any, ...] | None = None,
    sample_weight: Any = None,
    metrics: Sequence[str] = (),
    patience: int | None = None,
    schedule: str | optim.Schedule = "constant",
    weight_decay: float | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    callbacks: Sequence[Callback] = (),
    seed: int = 0,
    shuffle: bool = True,
    engine: str = "auto",
    threads: int | None = None,
    deterministic: bool = False,
    progress: bool | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: str | os.PathLike[str] | None = None,
    start: dict[str, Array] | None = None,
    metadata: dict[str, Any] | None = None,
) -> History:
    """Train `model` on `X` and `y`.

    Parameters
    ----------
    model
        The network; its parameters hold the result afterwards, whatever ended the training.
    X
        (n, …) features, finite numbers, cast to the model's dtype (float32 unless asked otherwise); or
        `glassgrad.data.Blocks`, which bring their own targets and weights.
    y
        Targets: (n,) whole numbers name classes, else numbers of the shape of the network's output.
    loss
        A loss or its name; by default cross-entropy for whole numbers and mean squared error for others.
    optimizer, lr, weight_decay
        An optimizer or its name, and settings that replace its own.
    epochs, batch_size
        How often to go through the rows, and how many to take a step; the last mini-batch of an epoch may be smaller.
    validation
        The share of rows to hold back, or ``(X, y)``, or ``(X, y, sample_weight)``.
    sample_weight
        (n,) weights ≥ 0 of the rows.
    metrics
        Names of what to compute on the validation rows after each epoch (``"accuracy"``, ``"rmse"``, …).
    patience
        Stop after this many epochs without a better validation loss (training loss where nothing is held back), and
        keep the weights of the best one.
    schedule
        How the learning rate changes over the steps.
    clip_norm, clip_value
        Limits on the gradients' global norm and on each of their elements.
    callbacks
        See `Callback`.
    seed, shuffle
        The seed decides the order of the rows and what dropout drops; without `shuffle` the rows keep their order.
        An epoch of one mini-batch is never shuffled.
    engine, threads, deterministic
        What runs the network (``"auto"``, ``"native"`` or ``"numpy"``), the most threads it may use, and whether its
        numbers must not depend on how many it uses: see `glassgrad.engines.engine`.
    progress
        Show progress on standard error: a bar in a terminal or notebook, plain lines elsewhere. By default only in a
        terminal or notebook.
    checkpoint_dir, checkpoint_every
        Folder for checkpoints of this run alone, and how many steps lie between them (one an epoch by default); three
        are kept. One that cannot be written is warned about and does not end the training.
    resume
        A checkpoint, or a folder of them, of an interrupted run with the same settings and data: the run goes on and
        ends with the same weights to the last bit.
    start
        Parameters, buffers and optimizer state by key (`Run.optimizer_state`) to start from instead of the model's.
    metadata
        What to keep in each checkpoint beside the run's state; JSON.

    Returns
    -------
    History
        One row an epoch, and how training ended. A loss that is not finite ends it, too, with a `NotFiniteWarning`: the
        model then holds the weights of the last good epoch.

    Raises
    ------
    ShapeError, DTypeError, DataError
        Where the data cannot be used.
    OptionError
        Where an option is unknown or out of range.
    ModelFileError
        Where a checkpoint cannot be read or written, or belongs to another run.

    Examples
    --------
    >>> import glassgrad as gg, numpy as np
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> model = gg.nn.mlp(1, [16], 1, activation="tanh", seed=0)
    >>> history = gg.fit(model, X, X**2, epochs=200, lr=0.01, progress=False)
    >>> history["loss"][-1] < 0.01
    True
    """
    check_positive(epochs=epochs, batch_size=batch_size, patience=patience, checkpoint_every=checkpoint_every)
    check_positive(lr=lr, clip_norm=clip_norm, clip_value=clip_value)
    if checkpoint_every and checkpoint_dir is None:
        raise OptionError("checkpoint_every needs checkpoint_dir, the folder to put the checkpoints in")
    if checkpoint_dir is not None:
        claim_folder(checkpoint_dir, resume)
    if metrics and validation is None:
        raise OptionError("metrics are computed on validation rows: pass validation=0.2, or (X, y)")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise OptionError(f"a callback is an object of a subclass of gg.Callback, not {callback!r}")
    dtype = model_dtype(model)
    if isinstance(X, np.ndarray) or not hasattr(X, "n_rows"):
        blocks, validation, loss = _blocks_of(X, y, sample_weight, validation, loss, dtype, seed)
    else:
        blocks = X
        first = next(iter(blocks))
        if first.y is None:
            raise DataError("fit needs blocks with targets")
        loss = find_loss(loss, first.y)
        if isinstance(validation, (int, float)):
            raise OptionError("data in blocks cannot be split: pass validation=(X, y)")
    first = next(iter(blocks))
    assert first.y is not None
    found = find_optimizer(optimizer, lr, weight_decay)
    chosen = find_engine(engine, threads=threads, deterministic=deterministic)
    step = build_step(
        model,
        loss,
        found,
        first.X,
        first.y,
        weighted=first.weight is not None,
        clip_norm=clip_norm,
        clip_value=clip_value,
        seed=seed,
        watches=[c.watch for c in callbacks if type(c).watch is not Callback.watch],
    )
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        lr=found.lr,
        schedule=optim.schedule(schedule) if isinstance(schedule, str) else schedule,
        seed=seed,
        shuffle=shuffle and blocks.n_rows > batch_size,
        patience=patience,
        checkpoint_dir=None if checkpoint_dir is None else Path(checkpoint_dir),
        checkpoint_every=checkpoint_every,
        fingerprint={},
        metadata=metadata or {},
    )
    settings = replace(settings, fingerprint=_fingerprint(settings, model, loss, found, blocks))
    held_out = None if validation is None else _validation_data(validation, loss, dtype, metrics)
    bar = make_progress(progress)
    run = Run(model, loss, step, chosen, blocks, held_out, [*callbacks, *([bar] if bar else [])], settings)
    if start is not None:
        run.start_with(start)
    if resume is not None:
        checkpoint = load_checkpoint(resume)
        changed = differences(checkpoint.settings, settings.fingerprint)
        if changed:
            raise ModelFileError(
                f"'{resume}' belongs to another run: {'; '.join(changed[:3])}.\n"
                "Resume with the same data and settings, or start anew."
            )
        run.restore(checkpoint)
    history = run.train()
    if history.stopped == "not finite":
        warnings.warn(history.message, NotFiniteWarning, stacklevel=2)
    return history


def predict(model: Module, X: Any, *, engine: str = "auto", batch_size: int = 4096) -> Array:
    """Return the network's outputs for the rows of `X`, in evaluation mode.

    Parameters
    ----------
    model
        The network.
    X
        (n, …) features, cast to the model's dtype.
    engine
        ``"auto"``, ``"native"`` or ``"numpy"``.
    batch_size
        Rows computed at a time.

    Returns
    -------
    ndarray
        (n, …) outputs in the model's dtype; for classification the logits.

    Examples
    --------
    >>> import glassgrad as gg
    >>> predict(gg.nn.mlp(3, [4], 2, seed=0), [[0.1, 0.2, 0.3]]).shape
    (1, 2)
    """
    features, _, _ = validate_arrays(X)
    features = np.ascontiguousarray(features, model_dtype(model))
    state = [t.numpy() for t in (*model.parameters(), *dict(model.named_buffers()).values())]
    return Predictor(model, features, find_engine(engine))(state, features, batch_size)


def _blocks_of(
    X: Any,
    y: Any,
    sample_weight: Any,
    validation: Any,
    loss: str | Loss | None,
    dtype: np.dtype[Any],
    seed: int,
) -> tuple[Blocks, Any, Loss]:
    """Return arrays as one block, the validation rows taken out, and the loss."""
    X, y, weight, loss = check_arrays(X, y, sample_weight, loss)
    if isinstance(validation, (int, float)):
        keep, out = _held_back(validation, y, seed)
        validation = (X[out], y[out], None if weight is None else weight[out])
        X, y, weight = X[keep], y[keep], None if weight is None else weight[keep]
    return ArrayBlocks(*cast_arrays(X, y, weight, loss, dtype)), validation, loss


def _held_back(share: float, y: Array, seed: int) -> tuple[Array, Array]:
    """Return the rows to train on and those held back."""
    if not 0 < share < 1:
        raise OptionError(f"validation as a share of the rows must lie between 0 and 1; got {share!r}")
    labels = y if y.dtype.kind in "iu" and y.ndim == 1 else None
    parts = split_rows(len(y), validation=share, test=0, seed=seed, labels=labels)
    return parts.train, parts.validation


def _validation_data(validation: Any, loss: Loss, dtype: np.dtype[Any], metrics: Sequence[str]) -> Validation:
    X, y, weight = validate_arrays(*validation)
    if y is None:
        raise DataError("validation needs targets: pass (X, y)")
    return Validation(*cast_arrays(X, y, weight, loss, dtype), {name: metric(name) for name in metrics})


def _fingerprint(
    settings: Settings, model: Module, loss: Loss, optimizer: optim.Optimizer, blocks: Blocks
) -> dict[str, Any]:
    """Return what must be the same for a run to be resumed: settings, sizes, and a checksum of the first block."""
    first = next(iter(blocks))
    check = 0
    for array in (first.X, np.asarray(first.y)):
        check = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, check)
    return {
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "shuffle": settings.shuffle,
        "epochs": settings.epochs,
        "schedule": settings.schedule.config(),
        "optimizer": optimizer.config(),
        "loss": loss.config(),
        "parameters": {name: list(p.shape) for name, p in model.named_parameters()},
        "dtype": str(model_dtype(model)),
        "rows": blocks.n_rows,
        "data": check,
    }
