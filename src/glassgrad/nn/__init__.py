"""Networks: layers, losses and initial weights.

A network is a `Module`; `Sequential` and `mlp` make the usual ones. Networks compute in float32 unless told
otherwise (``dtype="float64"``).
"""

from typing import Never

from glassgrad.errors import no_attribute
from glassgrad.nn import losses, random
from glassgrad.nn.activations import (
    ACTIVATIONS,
    ELU,
    GELU,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Step,
    Tanh,
    activation,
)
from glassgrad.nn.dropout import Dropout
from glassgrad.nn.flatten import Flatten
from glassgrad.nn.initialisers import INITIALISERS, initialise
from glassgrad.nn.linear import Linear
from glassgrad.nn.mlp import mlp
from glassgrad.nn.module import LAYERS, Buffer, Module, Parameter, build
from glassgrad.nn.perceptron import Perceptron, RosenblattResult, common_point
from glassgrad.nn.random import RandomStream, manual_seed, stream, weights_from
from glassgrad.nn.sequential import Sequential

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "INITIALISERS",
    "LAYERS",
    "Buffer",
    "Dropout",
    "Flatten",
    "Identity",
    "LeakyReLU",
    "Linear",
    "Module",
    "Parameter",
    "Perceptron",
    "RandomStream",
    "ReLU",
    "RosenblattResult",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Step",
    "Tanh",
    "activation",
    "build",
    "common_point",
    "initialise",
    "losses",
    "manual_seed",
    "mlp",
    "random",
    "stream",
    "weights_from",
]


def __getattr__(name: str) -> Never:
    raise no_attribute("glassgrad.nn", name, __all__)
