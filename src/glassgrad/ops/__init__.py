"""The operations: one record each, one file a family.

Importing this package fills the registry. See `glassgrad.ops.record` for what a record holds and
`glassgrad.ops.families` for how families of them are made.
"""

from glassgrad.ops import (
    activations,
    arithmetic,
    comparison,
    complexes,
    control,
    creation,
    cross_entropy,
    cumulative,
    exponential,
    indexing,
    linear_algebra,
    random,
    reductions,
    shapes,
    softmax,
    statistics,
)
from glassgrad.ops.namespace import FUNCTIONS, HOMES, Namespace
from glassgrad.ops.operators import Operators
from glassgrad.ops.record import REGISTRY, Kink, Op, Sample, Text, lookup, register

__all__ = [
    "FUNCTIONS",
    "HOMES",
    "REGISTRY",
    "Kink",
    "Namespace",
    "Op",
    "Operators",
    "Sample",
    "Text",
    "activations",
    "arithmetic",
    "comparison",
    "complexes",
    "control",
    "creation",
    "cross_entropy",
    "cumulative",
    "exponential",
    "indexing",
    "linear_algebra",
    "lookup",
    "random",
    "reductions",
    "register",
    "shapes",
    "softmax",
    "statistics",
]
