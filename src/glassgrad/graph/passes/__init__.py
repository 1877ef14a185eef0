"""Passes: graphs in, better graphs out, the same numbers to the last bit."""

from glassgrad.graph.passes.lower import lower
from glassgrad.graph.passes.memory import MemoryPlan, plan_memory
from glassgrad.graph.passes.simplify import simplify
from glassgrad.graph.passes.specialise import for_arrays, specialise

__all__ = ["MemoryPlan", "for_arrays", "lower", "plan_memory", "simplify", "specialise"]
