"""Trials: a few steps of training on a copy, to see whether what is suspected is true.

Some faults show only in what training does next: a rate that is too high, a bias that is missed, a plateau. A rule that
suspects one trains a copy as it is and a copy without the fault, and compares; the network itself is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.engines import engine
from glassgrad.explaining.diagnosis.examination import Examination
from glassgrad.nn import Linear, Module
from glassgrad.nn.initialisers import initialise
from glassgrad.optim import Optimizer
from glassgrad.training.step import Predictor, build_step

__all__ = ["Outcome", "Trial", "affordable"]

Array = np.ndarray[Any, Any]

_WATCHED = 10
"""In how many of the first steps the update is measured: enough for momentum of 0.9 to build up most of its
speed."""

_JUDGED = 5
"""How often the loss is taken in the last quarter of a trial: where a rate is too high it leaps up and
down."""

_SEED = 0


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes
    ----------
    loss
        On all examined rows, its mean over the last quarter of the trial; infinity where it was no number any more.
    ratio
        The largest share of its own size, ‖Δw‖/‖w‖, by which one of the first steps changed a weight matrix.
    parameter
        The matrix that this was.
    """

    loss: float
    ratio: float
    parameter: str


class Trial:
    """Training on the examined rows that starts from the same weights as often as it is run.

    Parameters
    ----------
    exam
        The network and its rows.
    optimizer
        What trains.
    model
        Another network to train in its place.
    batch
        Rows of a mini-batch; by default the subject's.
    """

    def __init__(
        self,
        exam: Examination,
        optimizer: Optimizer,
        *,
        model: Module | None = None,
        batch: int | None = None,
    ) -> None:
        subject = exam.subject
        self._model = subject.model if model is None else model
        self._loss, self._lr = subject.loss, optimizer.lr
        self._X, self._y = exam.X, exam.y
        self._batch = min(batch or subject.batch_size, len(self._X))
        numpy = engine("numpy")
        self._step = build_step(self._model, subject.loss, optimizer, self._X, self._y)
        self._loop = numpy.loop(self._step.step)
        self._predictor = Predictor(self._model, self._X, numpy)

    def fresh(self, seed: int = 0) -> list[Array]:
        """Return a state in which the linear layers have new first weights, drawn as theirs were."""
        state = dict(zip(self._step.slots.keys(), self._step.state, strict=True))
        for number, (name, module) in enumerate(self._model.named_modules()):
            if isinstance(module, Linear):
                first = f"model.{name}." if name else "model."
                how = module.weight_init
                state[f"{first}weight"] = self._drawn(module, how, module.weight, 2 * number, seed)
                if module.bias is not None:
                    plain = how if how == "uniform" else "zeros"
                    state[f"{first}bias"] = self._drawn(module, plain, module.bias, 2 * number + 1, seed)
        return list(state.values())

    @staticmethod
    def _drawn(module: Linear, how: str, parameter: Any, number: int, seed: int) -> Array:
        return initialise(
            how, parameter.shape, seed=seed, number=number, dtype=parameter.dtype, fan_in=module.in_features
        )

    def run(self, steps: int, *, lr: float | None = None, start: list[Array] | None = None) -> Outcome:
        """Take steps on mini-batches, and return how it ended.

        Parameters
        ----------
        steps
            How many.
        lr
            The learning rate; by default the optimizer's.
        start
            The state to start from; by default the network's own weights.
        """
        state = [np.array(a) for a in (self._step.state if start is None else start)]
        rate, order = self._lr if lr is None else lr, np.random.default_rng(_SEED)
        n, names = len(self._X), self._step.slots.parameters
        batches = np.stack([order.permutation(n)[: self._batch] for _ in range(steps)])
        ratio, parameter = 0.0, ""
        with np.errstate(all="ignore"):
            for number in range(min(steps, _WATCHED)):
                before = [a.copy() for a in state[: len(names)]]
                if not self._take(state, batches[number : number + 1], number, rate):
                    return Outcome(np.inf, ratio, parameter)
                for name, old, new in zip(names, before, state, strict=False):
                    size = np.linalg.norm(old)
                    share = float(np.linalg.norm(new - old) / size) if old.ndim > 1 and size > 0 else 0.0
                    if ratio < share < np.inf:
                        ratio, parameter = share, name
            losses, done = [], min(steps, _WATCHED)
            for until in np.linspace(max(done, 3 * steps // 4), steps, _JUDGED).astype(int):
                if not self._take(state, batches[done:until], done, rate):
                    return Outcome(np.inf, ratio, parameter)
                losses.append(float(self._loss(self._predictor(state, self._X), self._y).item()))
                done = until
        mean = float(np.mean(losses))
        return Outcome(mean if np.isfinite(mean) else np.inf, ratio, parameter)

    def _take(self, state: list[Array], batches: Array, before: int, rate: float) -> bool:
        """Take a step for each mini-batch; say whether the loss was a number throughout."""
        if not len(batches):
            return True
        each = [np.full(len(batches), rate), np.arange(before + 1, before + len(batches) + 1)]
        data, stop = [self._X, self._y, np.arange(len(self._X))], np.zeros(1, np.uint8)
        reports = self._loop.run(state, data, batches, each, self._step.fixed, stop)
        return bool(np.isfinite(reports[:, 0]).all())


_WORK = 3e10
"""Multiplications of a trial: some seconds' worth for a large network, far fewer for a small one."""


def affordable(exam: Examination, most: int, rows: int) -> int:
    """Return how many steps on so many rows a trial may take: fewer for a large network, but never below an eighth."""
    parameters = sum(p.size for p in exam.subject.model.parameters())
    return int(min(max(_WORK / (6 * parameters * rows), most / 8), most))
