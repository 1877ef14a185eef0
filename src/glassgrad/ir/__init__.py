"""The graph that everything reads: values, nodes, graphs, their verifier and their printer.

This room knows no operation. A node names its operation by a string; what that string means (its shape rule,
its derivative, its kernel) is stated once, in the records of ``glassgrad.ops``, and every reader of the graph
looks it up there.
"""

from glassgrad.ir.devices import CPU, require_cpu
from glassgrad.ir.dims import BATCH, Dim, Shape, broadcast_shapes
from glassgrad.ir.dtypes import inexact
from glassgrad.ir.graph import Constant, Graph, Node, Value, derived, settings_key
from glassgrad.ir.origin import Source, current_scope, scope
from glassgrad.ir.printer import format_graph
from glassgrad.ir.verifier import verify

__all__ = [
    "BATCH",
    "CPU",
    "Constant",
    "Dim",
    "Graph",
    "Node",
    "Shape",
    "Source",
    "Value",
    "broadcast_shapes",
    "current_scope",
    "derived",
    "format_graph",
    "inexact",
    "require_cpu",
    "scope",
    "settings_key",
    "verify",
]
