"""The operations: one record each, one file a family.

Importing this package brings the families that networks are trained with; the others come when one of their operations
is asked for, or all. See `glassgrad.ops.record` for what a record holds and `glassgrad.ops.families` for how families
of them are made.
"""

from glassgrad.ops import (
    activations,
    arithmetic,
    comparison,
    complexes,
    control,
    creation,
    cross_entropy,
    exponential,
    extremes,
    indexing,
    joining,
    linear_algebra,
    random,
    reductions,
    scattering,
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
    "exponential",
    "extremes",
    "indexing",
    "joining",
    "linear_algebra",
    "lookup",
    "random",
    "reductions",
    "register",
    "scattering",
    "shapes",
    "softmax",
    "statistics",
]

_LATER = (
    "arranging",
    "bitwise",
    "cumulative",
    "custom",
    "decompositions",
    "determinants",
    "eigenvalues",
    "einsum",
    "fourier",
    "grids",
    "norms",
    "order_statistics",
    "products",
    "pseudoinverse",
    "rounding",
    "segments",
    "sets",
    "singular_values",
    "solving",
    "sorting",
    "special",
    "spectra",
)

for _table in (REGISTRY, FUNCTIONS, HOMES):
    _table.wait_for(f"{__name__}.{family}" for family in _LATER)
