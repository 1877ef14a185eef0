"""`train_step`: one training step at a time, for whoever writes the loop.

The step is the one that `fit` runs, a graph with forward pass, backward pass and update, in the same engines. What
`fit` decides (which rows, at which rate, until when) is left to the caller.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad import optim
from glassgrad.engines import Loop
from glassgrad.engines import engine as find_engine
from glassgrad.errors import OptionError, ShapeError, did_you_mean
from glassgrad.nn import Module
from glassgrad.nn.losses import Loss
from glassgrad.options import require
from glassgrad.tensors import Tensor
from glassgrad.training.inputs import cast_arrays, check_arrays, check_positive, find_optimizer, model_dtype
from glassgrad.training.interrupt import Interrupt
from glassgrad.training.step import TrainingStep, build_step

__all__ = ["TrainStep", "train_step"]

Array = np.ndarray[Any, Any]

_SLICE = 0.1
"""Seconds after which an engine call should return, so that Ctrl-C is looked at."""


@dataclass
class _Built:
    """The step for arrays of one kind, and the loop that repeats it."""

    step: TrainingStep
    loop: Loop
    keys: list[str]
    seconds: float = 0.0


class TrainStep:
    """What `train_step` returns: called with a mini-batch, it changes the model and returns the loss.

    Attributes
    ----------
    steps : int
        How many steps were taken.
    """

    def __init__(
        self,
        model: Module,
        loss: str | Loss,
        optimizer: optim.Optimizer,
        *,
        clip_norm: float | None,
        clip_value: float | None,
        seed: int,
        engine: str,
    ) -> None:
        model_dtype(model)
        self.model = model
        self.steps = 0
        named = (*model.named_parameters(), *model.named_buffers())
        self._tensors: dict[str, Tensor] = {f"model.{name}": tensor for name, tensor in named}
        self.lr = optimizer.lr
        self._loss, self._optimizer, self._engine = loss, optimizer, find_engine(engine)
        self._options: dict[str, Any] = {"clip_norm": clip_norm, "clip_value": clip_value, "seed": seed}
        self._built: dict[Hashable, _Built] = {}
        self._arrays: dict[str, Array] = {}
        self._assigned: dict[str, Any] = {}

    @property
    def lr(self) -> float:
        """The learning rate of the steps to come."""
        return self._lr

    @lr.setter
    def lr(self, rate: float) -> None:
        require("train_step", "lr", rate, least=0)
        self._lr = float(rate)

    def __call__(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Take one step on a mini-batch and return its loss, as it was before the update.

        Parameters
        ----------
        X, y, sample_weight
            As `glassgrad.fit` takes them.

        Raises
        ------
        ShapeError, DTypeError, DataError
            Where the data cannot be used; the model is as it was.
        """
        built, data = self._prepared(X, y, sample_weight)
        return float(self._run(built, data, np.arange(len(data[0]))[None])[0])

    def many(self, X: Any, y: Any, batches: Any, sample_weight: Any = None) -> Array:
        """Take a step on each of several mini-batches in one call and return their losses.

        Parameters
        ----------
        X, y, sample_weight
            The rows to choose from.
        batches
            (steps, n) whole numbers: the rows of each mini-batch.

        Raises
        ------
        ShapeError, DTypeError, DataError
            Where the data cannot be used, or there is no such row; the model is as it was.
        KeyboardInterrupt
            After Ctrl-C, when the step at hand is done: the model has what was learnt until then.
        """
        built, data = self._prepared(X, y, sample_weight)
        return self._run(built, data, _row_numbers(batches, len(data[0])))

    def plan(self, X: Any, y: Any, sample_weight: Any = None, *, llvm: bool = False) -> str:
        """Return what the native engine makes of a step on such a mini-batch, as text: passes, kernels, memory.

        Parameters
        ----------
        X, y, sample_weight
            As for a step; none is taken.
        llvm
            Return the program in LLVM's language instead.

        Raises
        ------
        OptionError
            Where the step runs with NumPy.
        """
        from glassgrad.engines.native.show import explain_step

        if self._engine.name == "numpy":
            raise OptionError("there is no plan to show of what runs with NumPy: take engine='native'")
        built, data = self._prepared(X, y, sample_weight)
        return explain_step(built.step.step, len(data[0]), llvm=llvm)

    def state(self) -> dict[str, Array]:
        """Return copies of the parameters, the buffers and what the optimizer keeps, by key, and the ``"step"``."""
        model = {key: np.array(t.numpy()) for key, t in self._tensors.items()}
        pieces = {key: a.copy() for key, a in self._arrays.items() if key not in model}
        return {**model, **pieces, "step": np.asarray(self.steps)}

    def start_with(self, arrays: dict[str, Array]) -> None:
        """Go on from arrays that `state` returned; what is not among them stays as it is.

        Raises
        ------
        OptionError, ShapeError
            Where a name or a shape is none of this model's; nothing has been changed then.
        """
        known = {key: t.shape for key, t in self._tensors.items()} | {"step": ()}
        for name, parameter in self.model.named_parameters():
            pieces = self._optimizer.init(parameter.numpy())
            known |= {f"optimizer.{name}.{piece}": a.shape for piece, a in pieces.items()}
        for key, array in arrays.items():
            if key not in known:
                raise OptionError(f"there is no {key!r} in this training step. {did_you_mean(key, known)}")
            if np.shape(array) != known[key]:
                raise ShapeError(f"{key!r} has shape {np.shape(array)}, but is {known[key]} here")
        for key, array in arrays.items():
            if key in self._tensors:
                self._tensors[key].assign(array)
            elif key != "step":
                self._arrays[key] = np.array(array)
        self.steps = int(arrays.get("step", self.steps))

    # --- a step ---

    def _prepared(self, X: Any, y: Any, sample_weight: Any) -> tuple[_Built, list[Array]]:
        """Return the step for arrays of this kind, and its rows."""
        dtype = next(iter(self._tensors.values())).dtype
        X, y, weight, loss = check_arrays(X, y, sample_weight, self._loss)
        X, y, weight = cast_arrays(X, y, weight, loss, dtype)
        key = (X.shape[1:], y.shape[1:], y.dtype, dtype, weight is None)
        built = self._built.get(key)
        if built is None:
            step = build_step(
                self.model, loss, self._optimizer, X, y, weighted=weight is not None, **self._options
            )
            step.state.clear()
            built = self._built[key] = _Built(step, self._engine.loop(step.step), step.slots.keys())
        return built, [X, y, *([] if weight is None else [weight]), np.arange(len(X))]

    def _run(self, built: _Built, data: Sequence[Array], batches: Array) -> Array:
        """Take the steps, in calls of about `_SLICE` seconds; the model holds the result."""
        inputs = built.step.step.graph.inputs
        state = [self._now(key, value.dtype) for key, value in zip(built.keys, inputs, strict=False)]
        stop = np.zeros(1, np.uint8)
        losses: list[Array] = [np.empty(0)]
        done = 0
        try:
            with Interrupt(stop) as interrupt:
                while done < len(batches) and not interrupt.seen:
                    count = max(1, int(_SLICE / built.seconds)) if built.seconds else 1
                    part = batches[done : done + count]
                    numbers = np.arange(self.steps + done + 1, self.steps + done + 1 + len(part))
                    each = [np.full(len(part), self.lr), numbers]
                    begin = time.perf_counter()
                    reports = built.loop.run(state, data, part, each, built.step.fixed, stop)
                    built.seconds = (time.perf_counter() - begin) / max(len(reports), 1)
                    losses.append(reports[:, 0])
                    done += len(reports)
        except BaseException:
            self._arrays.clear()  # a step that was broken off may have changed them
            raise
        self.steps += done
        self._arrays = dict(zip(built.keys, state, strict=True))
        for key, tensor in self._tensors.items():
            tensor.assign(self._arrays[key])
            self._assigned[key] = tensor._payload
        if interrupt.seen:
            raise KeyboardInterrupt
        return np.concatenate(losses)

    def _now(self, key: str, dtype: np.dtype[Any]) -> Array:
        """Return a piece of the state for the loop, which may write into it: the loop's own where it still holds."""
        own, tensor = self._arrays.get(key), self._tensors.get(key)
        if tensor is not None and (own is None or tensor._payload is not self._assigned.get(key)):
            return np.array(tensor.numpy())
        if own is None:
            name, _, piece = key.removeprefix("optimizer.").rpartition(".")
            own = self._optimizer.init(self._tensors[f"model.{name}"].numpy())[piece]
        return own if own.dtype == dtype else own.astype(dtype)


def _row_numbers(batches: Any, rows: int) -> Array:
    """Return the mini-batches as engines take them."""
    numbers = np.asarray(batches)
    if numbers.ndim != 2 or numbers.dtype.kind not in "iu" or not numbers.shape[1]:
        raise ShapeError(
            f"batches must be whole numbers of shape (steps, rows), but are {numbers.dtype} of shape {numbers.shape}"
        )
    once = numbers[:1] if numbers.strides[0] == 0 else numbers
    for row in (once.min(), once.max()) if once.size else ():
        if not 0 <= row < rows:
            raise ShapeError(f"a mini-batch asks for row {row}, but X has {rows} rows, counted from 0")
    return np.asarray(numbers, np.int64)


def train_step(
    model: Module,
    loss: str | Loss,
    optimizer: str | optim.Optimizer,
    *,
    lr: float | None = None,
    weight_decay: float | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    seed: int = 0,
    engine: str = "auto",
) -> TrainStep:
    """Return a function that takes one training step, for a loop of one's own.

    The whole step, forward pass, backward pass and update, is one graph and runs as one program. It is traced when
    the first mini-batch comes, and compiled for each number of rows.

    Parameters
    ----------
    model
        The network; its parameters and buffers hold the result after each step. Values that were assigned to them in
        between are used.
    loss, optimizer
        Objects or names.
    lr, weight_decay
        Settings that replace the optimizer's own; ``step.lr`` can be set between steps.
    clip_norm, clip_value
        Limits on the gradients' global norm and on each of their elements.
    seed
        Of what dropout drops.
    engine
        ``"auto"``, ``"native"`` or ``"numpy"``.

    Returns
    -------
    TrainStep
        ``step(X, y, sample_weight=None)`` takes a step and returns the loss; `TrainStep.many` takes several in one
        call, at less cost for each.

    Raises
    ------
    OptionError
        Where a name is unknown or a number out of range.

    Examples
    --------
    >>> import glassgrad as gg, numpy as np
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> model = gg.nn.mlp(1, [16], 1, activation="tanh", seed=0)
    >>> step = train_step(model, "mse", "adam", lr=0.01)
    >>> losses = [step(X, X**2) for _ in range(200)]
    >>> losses[-1] < 0.01, step.steps
    (True, 200)
    """
    check_positive(lr=lr, clip_norm=clip_norm, clip_value=clip_value)
    return TrainStep(
        model,
        loss,
        find_optimizer(optimizer, lr, weight_decay),
        clip_norm=clip_norm,
        clip_value=clip_value,
        seed=seed,
        engine=engine,
    )
