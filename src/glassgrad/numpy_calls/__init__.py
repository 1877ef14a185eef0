"""NumPy's functions on values with gradients: one table of rules, and the protocols that look them up."""

from glassgrad.numpy_calls.methods import ArrayMethods
from glassgrad.numpy_calls.protocol import NumPyCalls
from glassgrad.numpy_calls.table import RULES

__all__ = ["RULES", "ArrayMethods", "NumPyCalls"]

_FAMILIES = ("choosing", "facts", "filling", "products", "reductions", "shaping")

RULES.wait_for(f"{__name__}.{family}" for family in _FAMILIES)
