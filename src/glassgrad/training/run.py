"""The training loop: epochs, the order of the rows, and what happens between steps.

The steps themselves run in an engine, many a call. A call ends where something is due: a checkpoint, a callback, the
end of an epoch, or a tenth of a second for the progress bar and Ctrl-C to be looked at. Where the calls end changes no
number.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad.data.batching import Blocks
from glassgrad.engines import Engine
from glassgrad.nn import Module
from glassgrad.nn.losses import Loss
from glassgrad.optim import Schedule
from glassgrad.tensors import Tensor
from glassgrad.training.callbacks import Callback
from glassgrad.training.checkpoints import (
    Checkpoint,
    Position,
    checkpoint_path,
    remove_older,
    save_checkpoint,
)
from glassgrad.training.history import History
from glassgrad.training.interrupt import Interrupt
from glassgrad.training.order import Order
from glassgrad.training.rerun import Rerun, block_arrays
from glassgrad.training.shelf import shelved
from glassgrad.training.step import Predictor, TrainingStep

__all__ = ["Run", "Settings"]

Array = np.ndarray[Any, Any]

_SLICE = 0.1
"""Seconds after which an engine call should return, so that progress and Ctrl-C are looked at."""

_KEEP = 3
"""Checkpoints kept in a folder."""


@dataclass(frozen=True)
class Settings:
    """What a run was asked for."""

    epochs: int
    batch_size: int
    lr: float
    schedule: Schedule
    seed: int
    shuffle: bool
    patience: int | None
    checkpoint_dir: Path | None
    checkpoint_every: int | None
    fingerprint: dict[str, Any]
    metadata: dict[str, Any]


@dataclass
class Validation:
    """Rows held back, and what is computed on them after each epoch."""

    X: Array
    y: Array
    weight: Array | None
    metrics: dict[str, Callable[[Array, Array], float]] = field(default_factory=dict)


class Run:
    """A training run under way; callbacks are given it.

    Attributes
    ----------
    model : Module
        What is trained. It gets the weights after each epoch and when training ends; `write_back` gives it those at
        hand. A run whose loss is no number any more leaves it as it is.
    epoch, step : int
        Completed epochs, and steps taken in all.
    epochs, total_steps : int
        How many there will be.
    loss, rate : float
        Loss of the last mini-batch, and the learning rate of the next step.
    history : History
        One row an epoch.
    built : TrainingStep
        The traced step.
    engine, blocks, order
        What runs it, the data, and which rows each step takes.
    watching
        The callbacks that watch the step, in the order of ``built.watched``.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        step: TrainingStep,
        engine: Engine,
        blocks: Blocks,
        validation: Validation | None,
        callbacks: Sequence[Callback],
        settings: Settings,
    ) -> None:
        self.model = model
        self.history = History()
        self.settings = settings
        self._loss, self.blocks, self._validation, self._callbacks = loss, blocks, validation, callbacks
        self.built, self.engine = step, engine
        self.watching = [c for c in callbacks if type(c).watch is not Callback.watch]
        self._loop = engine.loop(step.step)
        self._keys = step.slots.keys()
        self._state = step.state
        self.order = Order(
            tuple(len(block) for block in blocks), settings.batch_size, settings.seed, settings.shuffle
        )
        self.steps_per_epoch = self.order.steps_per_epoch
        self.epochs = settings.epochs
        self.total_steps = settings.epochs * self.steps_per_epoch
        self.epoch = self.step = self._in_epoch = 0
        self.loss = math.nan
        self._partial = np.zeros(2)
        self._best: list[Array] = []
        self._best_epoch: int | None = None
        self._best_score: float | None = None
        self._good_at = "the start"
        self._predictor: Predictor | None = None
        self._speed = 0.0
        self._before = 0.0
        self._earlier = 0
        self._started = 0.0
        self._ending = ""
        self._flag = np.zeros(1, np.uint8)

    # --- what callbacks use ---

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._rates(self.step, self.step + 1)[0])

    @property
    def seconds(self) -> float:
        """Time spent in training so far, before an interruption included."""
        return self._before + time.perf_counter() - self._started

    @property
    def _failed(self) -> bool:
        return self._ending == "not finite"

    def stop(self) -> None:
        """Stop after the step at hand."""
        self._ending = self._ending or "stopped"

    def write_back(self) -> None:
        """Give the model the weights at hand."""
        self._good_at = f"step {self.step}"
        self._put_into_model(self._state[: len(self._kept_keys())])

    def arrays(self) -> list[Array]:
        """Return the state's arrays in the order of ``built.slots``; they change as the run goes on."""
        return list(self._state)

    def optimizer_state(self) -> dict[str, Array]:
        """Return a copy of the state by key: parameters, buffers, the optimizer's, and the ``"step"`` it is at."""
        state = {k: a.copy() for k, a in zip(self._keys, self._state, strict=True)}
        return state | {"step": np.asarray(self._earlier + self.step)}

    def rerun(self) -> Rerun:
        """Return what can take steps of this run again, beside it, however far it is."""
        return Rerun(self.built, self.engine, self.blocks, self.order, self._rates, self._earlier)

    # --- going on from before ---

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from where a checkpoint was made."""
        checkpoint.check(self.optimizer_state(), self._kept_keys())
        at = checkpoint.position
        self._state[:] = [checkpoint.state[key].copy() for key in self._keys]
        self._earlier = int(checkpoint.state["step"]) - at.step
        self.write_back()
        self._good_at = f"step {at.step}, where the run was resumed"
        self._best = [checkpoint.best[k] for k in self._kept_keys() if k in checkpoint.best]
        self._best_epoch, self._best_score = at.best_epoch, at.best_score
        self.history.columns = {k: list(v) for k, v in checkpoint.history.items()}
        self.epoch, self.step, self._in_epoch = at.epoch, at.step, at.step_in_epoch
        self._partial = checkpoint.partial.copy()
        self._before = at.seconds

    def start_with(self, arrays: dict[str, Array]) -> None:
        """Put arrays by key in the place of the state's; ``"step"`` is how many steps they come from."""
        self._earlier = int(arrays.get("step", 0))
        for i, key in enumerate(self._keys):
            if key in arrays:
                self._state[i] = arrays[key].astype(self._state[i].dtype).reshape(self._state[i].shape)

    def checkpoint(self) -> Checkpoint:
        """Return all there is to save."""
        position = Position(
            self.epoch, self._in_epoch, self.step, self._best_epoch, self._best_score, self.seconds
        )
        return Checkpoint(
            self.optimizer_state(),
            dict(zip(self._kept_keys(), self._best, strict=False)),
            self.history.columns,
            self._partial,
            position,
            self.settings.fingerprint,
            self.settings.metadata,
        )

    # --- the loop ---

    def train(self) -> History:
        """Run to the end and return the history; the model holds the result, however the run ended."""
        self._started = time.perf_counter()
        for callback in self._callbacks:
            callback.on_start(self)
        self._put_into_model([tensor.numpy() for tensor in self._tensors()])
        weights = len(self._kept_keys())
        self._state[:weights] = shelved(self._state[:weights])
        try:
            with Interrupt(self._flag) as interrupt:
                while self.epoch < self.epochs and not self._ending:
                    if self._one_step_epochs():
                        self._run_one_step_epochs()
                    else:
                        self._run_epoch()
                    if interrupt.seen:
                        self._ending = "interrupted"
            self._finish()
        finally:
            self._take_off_shelf()
        for callback in self._callbacks:
            callback.on_end(self, self.history)
        return self.history

    def _run_epoch(self) -> None:
        skip = self._in_epoch
        pieces = (
            (block, batches)
            for block, parts in zip(self.blocks, self.order.parts(self.epoch), strict=True)
            for batches in parts
        )
        for block, batches in pieces:
            left, skip = batches[skip:], max(skip - len(batches), 0)
            if len(left):
                self._run_batches(block_arrays(block), left)
            if self._ending or self._flag[0]:
                break
        complete = self._in_epoch == self.steps_per_epoch
        if complete and not self._failed:
            self._end_epoch()

    def _run_batches(self, data: list[Array], batches: Array) -> None:
        done = 0
        while done < len(batches) and not self._ending:
            count = min(len(batches) - done, self._until_due())
            reports = self._take_steps(data, batches[done : done + count])
            done += len(reports)
            self._account(reports)
            if self._ending or self._flag[0]:
                return

    def _one_step_epochs(self) -> bool:
        """Say whether an epoch is one step with nothing to do after it, so that many can be run in one call."""
        quiet = all(type(c).on_epoch is Callback.on_epoch for c in self._callbacks)
        return (
            self.steps_per_epoch == 1
            and self._validation is None
            and self.settings.patience is None
            and quiet
        )

    def _run_one_step_epochs(self) -> None:
        block = next(iter(self.blocks))
        data, batch = block_arrays(block), np.arange(len(block))
        while self.epoch < self.epochs and not self._ending and not self._flag[0]:
            count = min(self.epochs - self.epoch, self._until_due())
            first = self.step
            reports = self._take_steps(data, np.broadcast_to(batch, (count, len(batch))))
            self._account(reports)
            if self._failed:
                return
            taken = len(reports)
            self._partial[:] = 0
            self._in_epoch = 0
            self.epoch += taken
            self.history.extend(
                loss=reports[:, 0], lr=self._rates(first, first + taken), seconds=np.full(taken, self.seconds)
            )
            self._close_epoch()

    def _take_steps(self, data: list[Array], batches: Array) -> Array:
        rates = self._rates(self.step, self.step + len(batches))
        first = self._earlier + self.step + 1
        steps = np.arange(first, first + len(batches))
        begin = time.perf_counter()
        reports = self._loop.run(self._state, data, batches, [rates, steps], self.built.fixed, self._flag)
        self._speed = (time.perf_counter() - begin) / max(len(reports), 1)
        return reports

    def _until_due(self) -> int:
        """Return how many steps may be taken before something is due."""
        counts = [max(1, int(_SLICE / self._speed)) if self._speed else 1]
        every = [c.every for c in self._callbacks if c.every] + [self.settings.checkpoint_every]
        counts += [n - self.step % n for n in every if n]
        return min(counts)

    def _rates(self, start: int, stop: int) -> Array:
        return self.settings.schedule.rates(self.settings.lr, start, stop, self.total_steps)

    def _account(self, reports: Array) -> None:
        """Add up the losses, and do what is due."""
        losses, shares = reports[:, 0], reports[:, 1]
        wrong = np.flatnonzero(~np.isfinite(losses))
        self.step += len(reports)
        self._in_epoch += len(reports)
        self._tell(reports[: wrong[0] + 1] if len(wrong) else reports, self.step - len(reports))
        if len(losses):
            self.loss = float(losses[-1])
        if len(wrong):
            step = self._in_epoch - len(reports) + int(wrong[0]) + 1
            self._ending = "not finite"
            self.history.message = (
                f"The loss became {losses[wrong[0]]} in epoch {self.epoch + 1}, step {step}. "
                f"The model holds the weights of {self._good_at}.\n"
                "Try a smaller learning rate, clip_norm=1.0, or scaled inputs."
            )
            return
        if self._loss.reduction == "sum":
            shares = np.ones_like(losses)
        self._partial[:] = np.cumsum(np.vstack([self._partial, np.stack([losses * shares, shares], 1)]), 0)[
            -1
        ]
        for callback in self._callbacks:
            if callback.every and self.step % callback.every == 0:
                callback.on_step(self)
        every = self.settings.checkpoint_every
        if every and self.step % every == 0 and self._in_epoch < self.steps_per_epoch:
            self._save()

    def _tell(self, reports: Array, first: int) -> None:
        """Hand those who watch the numbers they asked for."""
        at = 2
        for callback, names in zip(self.watching, self.built.watched, strict=True):
            columns = {name: reports[:, at + i] for i, name in enumerate(names)}
            callback.on_numbers(self, first, {"loss": reports[:, 0], **columns})
            at += len(names)

    def _end_epoch(self) -> None:
        total, weight = self._partial.tolist()
        row = {"loss": float(total if self._loss.reduction == "sum" else total / weight)}
        self._partial[:] = 0
        self.epoch += 1
        self._in_epoch = 0
        if self._validation is not None:
            row |= self._validate(self._validation)
        row["lr"] = float(self._rates(self.step - 1, self.step)[0])
        row["seconds"] = self.seconds
        self.history.add(row)
        self._watch(row)
        for callback in self._callbacks:
            callback.on_epoch(self, row)
        self._close_epoch()

    def _close_epoch(self) -> None:
        self.history.steps = self.step
        self.write_back()
        self._good_at = f"the end of epoch {self.epoch}"
        every = self.settings.checkpoint_every
        if self.settings.checkpoint_dir and (not every or self.step % every == 0):
            self._save()

    def _validate(self, held: Validation) -> dict[str, float]:
        if self._predictor is None:
            self._predictor = Predictor(self.model, held.X, self.engine)
        output = self._predictor(self._state, held.X)
        row = {"val_loss": float(self._loss(output, held.y, held.weight).item())}
        return row | {f"val_{name}": metric(output, held.y) for name, metric in held.metrics.items()}

    def _watch(self, row: dict[str, float]) -> None:
        """Keep the best weights, and stop when nothing has got better for long enough."""
        patience = self.settings.patience
        if patience is None:
            return
        score = row.get("val_loss", row["loss"])
        if self._best_score is None or score < self._best_score:
            self._best_score, self._best_epoch = score, self.epoch
            self._best = shelved(self._state[: len(self._kept_keys())])
        elif self._best_epoch is not None and self.epoch - self._best_epoch >= patience:
            self._ending = "early stopping"

    # --- state ---

    def _kept_keys(self) -> list[str]:
        slots = self.built.slots
        return self._keys[: len(slots.parameters) + len(slots.buffers)]

    def _tensors(self) -> list[Tensor]:
        """Return the model's parameters and buffers, in the order of the state."""
        return [*dict(self.model.named_parameters()).values(), *dict(self.model.named_buffers()).values()]

    def _put_into_model(self, arrays: Sequence[Array]) -> None:
        """Let the model have copies of these weights, large ones out of the way of the run."""
        for tensor, array in zip(self._tensors(), shelved(arrays), strict=True):
            tensor._payload = array

    def _take_off_shelf(self) -> None:
        """Let the model have its weights in memory of its own."""
        for tensor in self._tensors():
            if not tensor._payload.flags.writeable:
                tensor.assign(tensor._payload)

    def _save(self) -> None:
        folder = self.settings.checkpoint_dir
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            save_checkpoint(checkpoint_path(folder, self.step), self.checkpoint())
        except OSError as error:
            reason = str(error).partition("\n")[0]
            warnings.warn(f"{reason} Training goes on without this checkpoint.", stacklevel=2)
            return
        remove_older(folder, _KEEP)

    def _finish(self) -> None:
        """Give the model its weights and say how the run ended."""
        history = self.history
        history.steps, history.seconds = self.step, self.seconds
        history.stopped = self._ending or "finished"
        del self._loop  # the memory it works in makes room for the model's weights
        if self._ending == "not finite":
            return
        best = bool(self._best) and self._ending != "interrupted"
        for tensor, array in zip(self._tensors(), self._best if best else self._state, strict=False):
            tensor.assign(array)
        if best:
            history.best_epoch = self._best_epoch
        where = f"epoch {self.epoch + 1}, step {self._in_epoch} of {self.steps_per_epoch}"
        history.message = {
            "finished": f"Finished {self.epoch} epochs.",
            "early stopping": f"Stopped after epoch {self.epoch}: no better for {self.settings.patience} epochs.",
            "stopped": f"Stopped by a callback in {where}.",
            "interrupted": f"Interrupted in {where}; the model holds the weights reached there.",
        }[history.stopped]
        if history.best_epoch is not None:
            history.message += f" The model holds the weights of epoch {history.best_epoch}."
