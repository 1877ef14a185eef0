"""Values, nodes and graphs: an immutable graph in static single assignment.

A value is made once, by one node or as an input or constant of the graph, and never changes; its shape and dtype
are known before anything runs (one dimension, the batch, may stay symbolic). A node may own subgraphs: the inside
of a composite operation, the body of a loop, the branches of a condition. Values and nodes are compared by
identity, so graphs share them freely: differentiating a graph keeps its forward nodes and adds the backward ones.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import numpy as np

from glassgrad.ir.dims import Shape
from glassgrad.ir.origin import Source

__all__ = ["Constant", "Graph", "Node", "Value", "derived", "settings_key"]

P = ParamSpec("P")


class Value:
    """Something a graph computes or takes: a static shape and dtype, and a name where a person gave one.

    Parameters
    ----------
    shape
        Sizes of the axes; a size may be a polynomial in the batch size N.
    dtype
        NumPy dtype.
    name
        A name for people; values are told apart by identity, not by name.
    """

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, shape: Shape, dtype: np.dtype[Any], name: str | None = None) -> None:
        self.shape = shape
        self.dtype = dtype
        self.name = name

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        sizes = ", ".join(str(d) for d in self.shape)
        return f"{type(self).__name__}({self.name or '·'}: {self.dtype}[{sizes}])"


class Constant(Value):
    """A value known when the graph is made; its array is read-only and in row-major order."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray[Any, Any], name: str | None = None) -> None:
        super().__init__(array.shape, array.dtype, name)
        root: object = array
        while isinstance(root, np.ndarray) and not root.flags.writeable:
            root = root.base
        if (
            root is not None or not array.flags.c_contiguous
        ):  # somebody could write to it, or to what it looks at
            array = array.copy()
            array.flags.writeable = False
        self.array = array


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One operation applied to values.

    Attributes
    ----------
    op
        Name of the operation's record.
    inputs, outputs
        The values it reads and the values it makes.
    attrs
        Static settings of the operation (an axis, a shape), by name.
    subgraphs
        Graphs the node owns, by role (``"body"``, ``"definition"``).
    scope
        Which part of the model it belongs to, such as ``"layer1/linear"``.
    source
        The user's line that made it.
    cause
        For a node of the backward pass, the forward node whose derivative it helps to compute.
    """

    op: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    subgraphs: Mapping[str, Graph] = field(default_factory=dict, repr=False)
    scope: str = ""
    source: Source | None = None
    cause: Node | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A function as data: inputs, nodes in an order in which they can run, and outputs.

    Attributes
    ----------
    inputs
        The values the function takes, in order.
    nodes
        The operations, each after those whose results it reads.
    outputs
        The values the function returns, in order; an input or a constant may be one.
    name
        A name for people.
    """

    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    name: str = "graph"
    _derived: dict[Hashable, Graph] = field(default_factory=dict, init=False)

    def constants(self) -> Iterator[Constant]:
        """Yield each constant that a node reads or that is returned, once, in order of first use."""
        seen: set[int] = set()
        for values in (*(node.inputs for node in self.nodes), self.outputs):
            for value in values:
                if isinstance(value, Constant) and id(value) not in seen:
                    seen.add(id(value))
                    yield value

    def producers(self) -> dict[Value, Node]:
        """Return, for each computed value, the node that makes it."""
        return {value: node for node in self.nodes for value in node.outputs}

    def __str__(self) -> str:
        from glassgrad.ir.printer import format_graph

        return format_graph(self)

    def __repr__(self) -> str:
        return f"Graph({self.name}: {len(self.inputs)} inputs, {len(self.nodes)} nodes, {len(self.outputs)} outputs)"


_KEPT = 64
"""How many derived graphs one graph keeps."""


def derived(f: Callable[Concatenate[Graph, P], Graph]) -> Callable[Concatenate[Graph, P], Graph]:
    """Let a graph keep what `f` makes of it, for as long as it lives itself.

    A loop asks for the gradient of its body in every step; made once, it is also simplified and compiled once.
    """

    @wraps(f)
    def kept(graph: Graph, /, *settings: P.args, **named: P.kwargs) -> Graph:
        own, key = graph._derived, (f, settings, *named.items())
        found = own.get(key)
        if found is None:
            found = f(graph, *settings, **named)
            if len(own) >= _KEPT:
                own.pop(next(iter(own)), None)
            own[key] = found
        return found

    return kept


def settings_key(setting: Any) -> Hashable:
    """Return what two settings of an operation share exactly when they mean the same.

    1, 1.0 and True are equal in Python but give results of different dtypes, and so do 0.0 and -0.0 of different signs.

    Examples
    --------
    >>> settings_key({"bound": 1}) == settings_key({"bound": 1.0})
    False
    """
    if isinstance(setting, Mapping):
        return tuple((name, settings_key(part)) for name, part in setting.items())
    if isinstance(setting, np.ndarray):
        return (setting.dtype.str, setting.shape, setting.tobytes())
    if isinstance(setting, slice):
        return ("slice", *map(settings_key, (setting.start, setting.stop, setting.step)))
    if isinstance(setting, (tuple, list)):
        return tuple(settings_key(part) for part in setting)
    return (type(setting), repr(setting) if isinstance(setting, float) else setting)
