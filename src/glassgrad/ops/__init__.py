"""The operations: one record each, one file a family.

Importing this package fills the registry. See `glassgrad.ops.record` for what a record holds and
`glassgrad.ops.families` for how families of them are made.
"""

from glassgrad.ops import (
    arithmetic,
    comparison,
    control,
    creation,
    exponential,
    linear_algebra,
    reductions,
    shapes,
)
from glassgrad.ops.namespace import FUNCTIONS, Namespace
from glassgrad.ops.operators import Operators
from glassgrad.ops.record import REGISTRY, Kink, Op, Sample, Text, lookup, register

__all__ = [
    "FUNCTIONS",
    "REGISTRY",
    "Kink",
    "Namespace",
    "Op",
    "Operators",
    "Sample",
    "Text",
    "arithmetic",
    "comparison",
    "control",
    "creation",
    "exponential",
    "linear_algebra",
    "lookup",
    "reductions",
    "register",
    "shapes",
]
