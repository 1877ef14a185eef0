"""Schedules: how the learning rate changes in the course of training.

A schedule is a record of settings and a pure function of the step, so that a resumed run goes on where it
was, a whole stretch of rates is one array, and the rate of any step can be shown beforehand. Steps are
counted from 0, one an update; `total` is how many updates the whole run takes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.errors import OptionError
from glassgrad.options import Registry, config_of, require

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "OneCycle",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "schedule",
]

Rates = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Schedule(ABC):
    """Base of the schedules: a factor for each step, with which the optimizer's ``lr`` is multiplied."""

    @abstractmethod
    def factors(self, steps: Rates, total: int) -> Rates:
        """Return the factor of each step, which is a whole number from 0 to total − 1."""

    def rates(self, lr: float, start: int, stop: int, total: int) -> Rates:
        """Return the learning rates of the steps from `start` up to but not `stop`.

        Parameters
        ----------
        lr
            The optimizer's learning rate.
        start, stop
            Steps, from 0. Steps from `total` on keep the last rate.
        total
            How many steps the whole run takes, at least 1.

        Returns
        -------
        ndarray
            float64 of shape (stop − start,).

        Raises
        ------
        OptionError
            Where the steps or the total are no such numbers.

        Examples
        --------
        >>> Cosine().rates(1.0, 0, 4, 4).round(4).tolist()
        [1.0, 0.8536, 0.5, 0.1464]
        """
        require("schedule", "total", total, least=1, whole=True)
        if not 0 <= start <= stop:
            raise OptionError(f"steps run from start ≥ 0 up to stop ≥ start; got start {start}, stop {stop}")
        steps = np.minimum(np.arange(start, stop, dtype=np.float64), total - 1)
        return lr * self.factors(steps, total)

    def rate(self, lr: float, step: int, total: int) -> float:
        """Return the learning rate of one step."""
        return float(self.rates(lr, step, step + 1, total)[0])

    def config(self) -> dict[str, Any]:
        """Return the schedule as JSON, which `schedule` takes."""
        return config_of(SCHEDULES, self)


SCHEDULES: Registry[Schedule] = Registry("schedule")
"""Every schedule by name."""


def schedule(config: str | Mapping[str, Any], **settings: Any) -> Schedule:
    """Return the schedule that a name or a configuration states.

    Raises
    ------
    OptionError
        Where the name or a setting is unknown, or a value out of range.

    Examples
    --------
    >>> schedule("warm_up", steps=10, then="cosine")
    WarmUp(steps=10, start=0.1, then=Cosine(final=0.0))
    """
    return SCHEDULES.build(config, **settings)


@SCHEDULES.add("constant")
@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """The same rate from beginning to end."""

    def factors(self, steps: Rates, total: int) -> Rates:
        """Return 1 for each step."""
        return np.ones_like(steps)


@SCHEDULES.add("step")
@dataclass(frozen=True, kw_only=True)
class StepDecay(Schedule):
    """The rate falls by a factor every so often: factor^⌊step / every⌋, as PyTorch's ``StepLR``.

    Parameters
    ----------
    every
        How many steps lie between two falls; by default a third of the run, so that there are two.
    factor
        0 < factor ≤ 1; 0.1 by default.
    """

    every: int | None = None
    factor: float = 0.1

    def __post_init__(self) -> None:
        if self.every is not None:
            require("step schedule", "every", self.every, least=1, whole=True)
        require("step schedule", "factor", self.factor, above=0, most=1)

    def factors(self, steps: Rates, total: int) -> Rates:
        """Return the factor of each step."""
        every = -(-total // 3) if self.every is None else self.every
        return np.asarray(self.factor ** (steps // every))


@SCHEDULES.add("exponential")
@dataclass(frozen=True, kw_only=True)
class Exponential(Schedule):
    """The rate falls by the same factor each step: final^(step / total).

    PyTorch's ``ExponentialLR(gamma)`` with gamma = final^(1 / total).

    Parameters
    ----------
    final
        What is left of the rate at the end, 0 < final ≤ 1; 0.01 by default.
    """

    final: float = 0.01

    def __post_init__(self) -> None:
        require("exponential schedule", "final", self.final, above=0, most=1)

    def factors(self, steps: Rates, total: int) -> Rates:
        """Return the factor of each step."""
        return np.asarray(self.final ** (steps / total))


@SCHEDULES.add("cosine")
@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """The rate falls along half a cosine (Loshchilov and Hutter, 2017): slowly, quickly, slowly.

    PyTorch's ``CosineAnnealingLR`` with T_max = total and eta_min = final · lr.

    Parameters
    ----------
    final
        What is left of the rate at the end, 0 ≤ final ≤ 1; 0 by default.
    """

    final: float = 0.0

    def __post_init__(self) -> None:
        require("cosine schedule", "final", self.final, least=0, most=1)

    def factors(self, steps: Rates, total: int) -> Rates:
        """Return the factor of each step."""
        return np.asarray(self.final + (1 - self.final) * (1 + np.cos(np.pi * steps / total)) / 2)


@SCHEDULES.add("one_cycle")
@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """The rate rises to the optimizer's ``lr`` and falls to next to nothing (Smith and Topin, 2019).

    Both along half a cosine; PyTorch's ``OneCycleLR`` with max_lr = lr and total_steps = total.

    Parameters
    ----------
    peak
        Where in the run the rate is highest, 0 < peak < 1; 0.3 by default.
    initial
        The rate of the first step as a share of the highest, 0 < initial ≤ 1; 1/25 by default.
    final
        The rate of the last step as a share of the first one's, 0 < final ≤ 1; 1e-4 by default.
    """

    peak: float = 0.3
    initial: float = 1 / 25
    final: float = 1e-4

    def __post_init__(self) -> None:
        require("one_cycle schedule", "peak", self.peak, above=0, below=1)
        require("one_cycle schedule", "initial", self.initial, above=0, most=1)
        require("one_cycle schedule", "final", self.final, above=0, most=1)

    def factors(self, steps: Rates, total: int) -> Rates:
        """Return the factor of each step."""
        top, last = max(self.peak * total - 1, 0.0), total - 1
        rising = _cosine(self.initial, 1.0, steps / top if top else np.ones_like(steps))
        falling = _cosine(1.0, self.initial * self.final, (steps - top) / max(last - top, 1e-9))
        return np.where(steps <= top, rising, falling)


def _cosine(first: float, last: float, share: Rates) -> Rates:
    return np.asarray(last + (first - last) * (1 + np.cos(np.pi * share)) / 2)


@SCHEDULES.add("warm_up")
@dataclass(frozen=True, kw_only=True)
class WarmUp(Schedule):
    """The rate rises along a line at first; then another schedule takes over for the rest of the run.

    Step k < steps has the factor start + (1 − start) · k / steps, as PyTorch's ``LinearLR``.

    Parameters
    ----------
    steps
        How many steps the rise takes; by default a twentieth of the run.
    start
        The factor of the first step, 0 ≤ start ≤ 1; 0.1 by default.
    then
        The schedule that follows, its name, or its configuration.
    """

    steps: int | None = None
    start: float = 0.1
    then: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        if self.steps is not None:
            require("warm_up schedule", "steps", self.steps, least=0, whole=True)
        require("warm_up schedule", "start", self.start, least=0, most=1)
        then: Any = self.then
        if not isinstance(then, Schedule):
            object.__setattr__(self, "then", schedule(then))

    def factors(self, steps: Rates, total: int) -> Rates:
        """Return the factor of each step."""
        rise = min(-(-total // 20) if self.steps is None else self.steps, total)
        line = self.start + (1 - self.start) * steps / max(rise, 1)
        rest = self.then.factors(np.maximum(steps - rise, 0), max(total - rise, 1))
        return np.where(steps < rise, line, rest)

    def config(self) -> dict[str, Any]:
        """Return the schedule as JSON, with the one that follows inside."""
        return {**super().config(), "then": self.then.config()}
