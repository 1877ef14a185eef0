"""Passes: graphs in, better graphs out, the same numbers to the last bit."""

from glassgrad.graph.passes.lower import lower
from glassgrad.graph.passes.memory import MemoryPlan, plan_memory
from glassgrad.graph.passes.simplify import simplify
from glassgrad.graph.passes.specialise import specialise

__all__ = ["MemoryPlan", "lower", "plan_memory", "simplify", "specialise"]
