"""Optimizers, learning-rate schedules and gradient clipping.

Optimizers are pure functions that become part of the training step's graph; schedules are pure functions of
the step. Each can be chosen by name, and states itself as JSON.
"""

from typing import Never

from glassgrad.errors import no_attribute
from glassgrad.optim.adagrad import AdaGrad
from glassgrad.optim.adam import Adam
from glassgrad.optim.adamw import AdamW
from glassgrad.optim.clipping import clip_by_norm, clip_by_value, global_norm
from glassgrad.optim.momentum import Momentum
from glassgrad.optim.nesterov import Nesterov
from glassgrad.optim.optimizer import OPTIMIZERS, Optimizer, Parts, optimizer
from glassgrad.optim.rmsprop import RMSprop
from glassgrad.optim.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    Schedule,
    StepDecay,
    WarmUp,
    schedule,
)
from glassgrad.optim.sgd import SGD

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Exponential",
    "Momentum",
    "Nesterov",
    "OneCycle",
    "Optimizer",
    "Parts",
    "RMSprop",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "clip_by_norm",
    "clip_by_value",
    "global_norm",
    "optimizer",
    "schedule",
]


def __getattr__(name: str) -> Never:
    raise no_attribute("glassgrad.optim", name, __all__)
