"""What a training step has inside, for whoever wants to know more of each step than its loss.

A step is traced once, and at the end of the trace `Callback.watch` may add to it: numbers computed from weights,
gradients, updates and activations become outputs of the same graph. So they are those of the step that ran, and cost
what the engine needs to compute them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from glassgrad.errors import OptionError, ShapeError
from glassgrad.graph import Builder, Traced
from glassgrad.ir import Node
from glassgrad.nn.activations import ACTIVATIONS
from glassgrad.ops import lookup
from glassgrad.tensors import Tensor

__all__ = ["Activation", "Inside", "Watch", "activations", "watched"]


@dataclass(frozen=True, eq=False)
class Activation:
    """The output of an activation function in the forward pass.

    Attributes
    ----------
    op
        The function's name: ``"relu"``.
    value
        What it returned, (N, …).
    """

    op: str
    value: Tensor
    _node: Node
    _builder: Builder

    def slope(self) -> Tensor | None:
        """Return the local derivative at each of its inputs, of the value's shape; None for softmax."""
        op = lookup(self._node.op)
        if not op.elementwise or op.push is None:
            return None
        x, *others = (Traced(self._builder, v) for v in self._node.inputs)
        z = Traced(self._builder, self._node.outputs[0])
        tangents = [self._builder.ones_like(x), *(None for _ in others)]
        slope = op.push(self._builder, tangents, z, [x, *others], self._node.attrs, self._node.subgraphs)
        return Tensor._make(slope, None)


@dataclass(frozen=True, eq=False)
class Inside:
    """The values of a step while it is traced.

    Attributes
    ----------
    parameters
        Each parameter as it is before the step, by name.
    gradients
        The gradient of the loss for each, before any clipping.
    updated
        Each parameter after the step.
    activations
        The activation functions in the order in which they ran, by the name of their layer.
    """

    parameters: Mapping[str, Tensor]
    gradients: Mapping[str, Tensor]
    updated: Mapping[str, Tensor]
    activations: Mapping[str, Activation]


Watch = Callable[[Inside], Mapping[str, Tensor]]


def watched(watches: Sequence[Watch], inside: Inside) -> list[dict[str, Tensor]]:
    """Return what each of several asks for.

    Raises
    ------
    OptionError
        Where something is no Tensor of the trace.
    ShapeError
        Where it is not a single number.
    """
    found = []
    for watch in watches:
        asked = dict(watch(inside))
        for name, value in asked.items():
            if not isinstance(value, Tensor):
                raise OptionError(f"watch returned {type(value).__name__} for {name!r}; Tensors are wanted")
            if value.shape != ():
                raise ShapeError(
                    f"watch returned shape {value.shape} for {name!r}; a step reports single numbers: take gg.mean, "
                    "gg.sum or one element"
                )
        found.append(asked)
    return found


def activations(builder: Builder, nodes: Sequence[Node]) -> dict[str, Activation]:
    """Return the activation functions among the nodes of a model's forward pass."""
    found: dict[str, Activation] = {}
    for node in nodes:
        if node.op in ACTIVATIONS:
            name = node.scope.replace("/", ".") or node.op
            unique = (
                name if name not in found else f"{name}#{sum(k.split('#')[0] == name for k in found) + 1}"
            )
            value = Tensor._make(Traced(builder, node.outputs[0]), None)
            found[unique] = Activation(node.op, value, node, builder)
    return found
