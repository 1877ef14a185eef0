"""Making graphs, differentiating them, and passes over them."""

from glassgrad.graph.batching import batch_graph
from glassgrad.graph.builder import Builder, Traced, active_builder
from glassgrad.graph.forward import pushforward
from glassgrad.graph.reverse import differentiate, pullback
from glassgrad.graph.rules import Arrays, RuleNamespace, evaluate
from glassgrad.graph.types import check_graph

__all__ = [
    "Arrays",
    "Builder",
    "RuleNamespace",
    "Traced",
    "active_builder",
    "batch_graph",
    "check_graph",
    "differentiate",
    "evaluate",
    "pullback",
    "pushforward",
]
