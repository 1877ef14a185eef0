"""Zoom: the same run from afar and from close up.

From afar a network is layers, each a box; closer, operations; closest, single gates. A box shows the numbers of the
values that leave it, so that whoever goes in finds the same numbers at the rim. One number of a wide layer is a sum of
many products: the largest are told apart, and the others folded into one line whose sum is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.errors import OptionError
from glassgrad.explaining.drawing.figures import MOST_ELEMENTS, Box, Circuit, Wire
from glassgrad.explaining.exact import exact_sum
from glassgrad.explaining.linearise import check_real, links_of, unseen
from glassgrad.explaining.links import Link, Product
from glassgrad.ir import Constant, Node, Value, inexact
from glassgrad.language import short
from glassgrad.ops import lookup

if TYPE_CHECKING:
    from glassgrad.explaining.explanation import Explanation

__all__ = ["Part", "Zoomed", "layers_of", "operations_of", "zoom"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """What one input contributes to a number.

    Attributes
    ----------
    name, value
        The input. Of a product of matrices it is the pair that is multiplied, and its product.
    local
        The local derivative.
    downstream
        Upstream gradient times local derivative: what goes back to it through this gate.
    """

    name: str
    value: float
    local: float
    downstream: float


@dataclass(frozen=True, slots=True)
class Zoomed:
    """One number, and the operation that made it, opened.

    Attributes
    ----------
    name, op, value, gradient
        The number, what made it, and the gradient of the result for it.
    parts
        What went in, largest contribution first.
    folded
        How many more inputs there are.
    others
        What they contribute to the number together, where it is a sum; None where it is not.
    rounding
        The number minus the exact sum of all contributions, where it is a sum.
    """

    name: str
    op: str
    value: float
    gradient: float
    parts: tuple[Part, ...]
    folded: int
    others: float | None
    rounding: float


def zoom(told: Explanation, name: str, most: int = 20) -> Zoomed:
    """Open the operation that made one number.

    Parameters
    ----------
    told
        The explanation.
    name
        The number, such as ``"linear0[3,5]"``.
    most
        How many inputs to tell apart.

    Raises
    ------
    OptionError
        Where there is no such number, or nothing made it.
    NotFollowed
        Where it is made of complex numbers, or of too many.

    Examples
    --------
    >>> import glassgrad as gg
    >>> found = zoom(gg.explain(gg.examples.get("circuit-matrix")), "q[0]")
    >>> [(part.name, round(part.value, 3)) for part in found.parts], round(found.value, 3)
    ([('x[1]·W[0,1]', 0.2), ('x[0]·W[0,0]', 0.02)], 0.22)
    """
    played, names = told.played, told.names
    value, element = names.find(name)
    node = next((n for n in played.graph.nodes if value in n.outputs), None)
    while node is not None and unseen(node):  # what was moved was made before
        element, value = _before(links_of(played, node), played.values, element)
        node = next((n for n in played.graph.nodes if value in n.outputs), None)
    if node is None:
        raise OptionError(f"{name} is an input: nothing made it")
    check_real([node])
    number = float(played.values[value].reshape(-1)[element])
    gradient = float(played.gradient(value).reshape(-1)[element])
    links = [link for link in links_of(played, node) if link.target is value]
    if links and isinstance(links[0], Product):
        parts = _products(told, node, element, gradient)
        whole = True
    else:
        parts = [part for link in links for part in _inputs(told, link, element, gradient)]
        whole = node.op in ("sum", "add")
    size: Callable[[Part], float] = (lambda p: -abs(p.value)) if whole else (lambda p: -abs(p.downstream))
    parts = sorted(parts, key=size)
    folded = parts[most:]
    exact = exact_sum(p.value for p in parts)
    return Zoomed(
        names.element(value, element),
        node.op,
        number,
        gradient,
        tuple(parts[:most]),
        len(folded),
        exact_sum(p.value for p in folded) if whole else None,
        number - exact if whole else 0.0,
    )


def _before(links: list[Link], sizes: Mapping[Value, Array], element: int) -> tuple[int, Value]:
    """Return where an element came from that was only moved."""
    for link in links:
        which, ends, _ = link.onward(np.arange(sizes[link.source].size))
        (found,) = np.nonzero(ends == element)
        if len(found):
            return int(which[found[0]]), link.source
    raise OptionError("nothing that has a gradient made this number")


def _inputs(told: Explanation, link: Link, element: int, gradient: float) -> list[Part]:
    size = told.played.values[link.source].size
    which, ends, slopes = link.onward(np.arange(size))
    numbers = told.played.values[link.source].reshape(-1)
    return [
        Part(told.names.element(link.source, i), float(numbers[i]), slope, gradient * slope)
        for i, end, slope in zip(which.tolist(), ends.tolist(), slopes.tolist(), strict=True)
        if end == element
    ]


def _products(told: Explanation, node: Node, element: int, gradient: float) -> list[Part]:
    """Return the products that a number of a matrix product is the sum of, named by their pairs."""
    played, names = told.played, told.names
    first, second = node.inputs
    a, b = played.values[first], played.values[second]
    shape = played.values[node.outputs[0]].shape
    index = list(np.unravel_index(element, shape))
    column = int(index.pop()) if b.ndim > 1 else 0
    row = int(index.pop()) if a.ndim > 1 else 0

    def places(array: Array, axis: int, at: int) -> Array:
        numbered = np.arange(array.size).reshape(array.shape)
        if array.ndim < 2:
            return numbered
        numbered = np.broadcast_to(numbered, (*shape[: len(index)], *array.shape[-2:]))[tuple(index)]
        found: Array = numbered[at] if axis == 0 else numbered[:, at]
        return found

    pairs = zip(places(a, 0, row).tolist(), places(b, 1, column).tolist(), strict=True)
    found = []
    for i, j in pairs:
        x, w = float(a.reshape(-1)[i]), float(b.reshape(-1)[j])
        origins = [_origin(told, v, k) for v, k in ((first, i), (second, j))]
        pair = "·".join(names.element(v, k) for v, k in reversed(origins))
        found.append(Part(pair, x * w, x, gradient * x))
    return found


def _origin(told: Explanation, value: Value, element: int) -> tuple[Value, int]:
    """Return the number that one which was only moved came from."""
    makers = told.played.graph.producers()
    while value in makers and unseen(makers[value]):
        element, value = _before(links_of(told.played, makers[value]), told.played.values, element)
    return value, element


# --- from afar -----------------------------------------------------------------------------------------------------


def operations_of(told: Explanation) -> Circuit | None:
    """Return the operations as a figure, with shapes and the sizes of gradients; None where there are too many."""
    return _circuit(told, lambda node: told.names[node.outputs[0]], lambda node: lookup(node.op).name)


def layers_of(told: Explanation) -> Circuit | None:
    """Return the layers as a figure; what comes after the last of them is one box, the loss."""
    inside: dict[str, list[str]] = {}

    def block(node: Node) -> str:
        return node.scope.split("/")[0] if node.scope else "loss"

    for node in told.played.graph.nodes:
        if not unseen(node):
            inside.setdefault(block(node), []).append(node.op)

    def label(node: Node) -> str:
        words = [part for part in node.scope.split("/") if not part.isdigit()]
        return f"{block(node)}: {words[0] if words else inside[block(node)][-1]}" if node.scope else node.op

    return _circuit(told, block, label)


def _circuit(told: Explanation, block: Callable[[Node], str], label: Callable[[Node], str]) -> Circuit | None:
    played = told.played
    makers = played.graph.producers()
    boxes: dict[str, Box] = {}
    wires: dict[tuple[str, str], Wire] = {}
    home: dict[Value, str] = {}
    origin: dict[Value, Value] = {}
    weights = {told.names[v] for v in told.weights}
    after: dict[str, set[str]] = {}
    for node in played.graph.nodes:
        if not inexact(node.outputs[0].dtype):
            continue
        if unseen(node) and node.inputs[0] in home | dict.fromkeys(played.graph.inputs):
            home[node.outputs[0]] = home.get(node.inputs[0], told.names[node.inputs[0]])
            origin[node.outputs[0]] = origin.get(node.inputs[0], node.inputs[0])
            continue
        sources = {home.get(v, told.names[v]) for v in node.inputs if not isinstance(v, Constant)}
        key = _free(block(node), sources, after)
        boxes.setdefault(key, Box(key, label(node), "loss" if played.result in node.outputs else "layer"))
        for value in node.inputs:
            if isinstance(value, Constant) or not inexact(value.dtype):
                continue
            source = home.get(value, told.names[value])
            if source == key:
                continue
            if source not in boxes:
                kind = "parameter" if source in weights else "input"
                boxes[source] = Box(source, source, kind)
            after.setdefault(source, set()).add(key)
            given = origin.get(value, value)
            wires.setdefault(
                (source, key), Wire(source, key, _size(played.values[given]), _slope(told, given))
            )
        home |= dict.fromkeys(node.outputs, key)
    if played.result in home:
        last = boxes[home[played.result]]
        boxes[last.key] = Box(
            last.key, "loss" if block(makers[played.result]) == "loss" else last.label, "loss"
        )
    order = [b for b in boxes.values() if b.kind in ("input", "parameter")]
    order += [b for b in boxes.values() if b.kind not in ("input", "parameter")]
    return Circuit(order, list(wires.values())) if len(boxes) + len(wires) <= MOST_ELEMENTS else None


def _free(base: str, sources: set[str], after: Mapping[str, set[str]]) -> str:
    """Return the box that a node joins: a new one where what it reads comes, over other boxes, from that very box."""
    number, key = 1, base
    while any(_leads(key, source, after) for source in sources - {key}):
        number += 1
        key = f"{base} ({number})"
    return key


def _leads(start: str, end: str, after: Mapping[str, set[str]]) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        for key in after.get(waiting.pop(), ()):
            if key == end:
                return True
            if key not in seen:
                seen.add(key)
                waiting.append(key)
    return False


def _size(array: Array) -> float | str:
    if array.ndim == 0:
        return f"{complex(array):.4g}" if array.dtype.kind == "c" else float(array)
    return " × ".join(map(str, array.shape))


def _slope(told: Explanation, value: Value) -> float | str | None:
    if value not in told.played.gradients:
        return None
    gradient = told.played.gradients[value]
    gradient = gradient.astype(np.result_type(gradient, np.float64))
    single = gradient.ndim == 0 and gradient.dtype.kind == "f"
    return float(gradient) if single else f"‖{short(np.linalg.norm(gradient))}‖"
