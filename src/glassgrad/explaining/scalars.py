"""Scalar gates: the same run, one number at a time, as it is worked by hand.

Every element of every value is the output of one gate. A gate multiplies the gradient that comes to it by its local
derivatives and hands the products back: upstream · local = downstream. Operations that move numbers vanish; a product
of matrices opens into the multiply and add gates of each of its elements; a composite such as the sigmoid opens into
the gates of its definition. What an operation made as a whole keeps its number of the run; only what lies inside is
worked out here, and the difference that rounding makes is kept beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import OptionError
from glassgrad.explaining.exact import exact_sum
from glassgrad.explaining.linearise import check_real, links_of, unseen
from glassgrad.explaining.links import Sparse
from glassgrad.explaining.names import Names
from glassgrad.explaining.replay import Replay
from glassgrad.graph.inside import inside_of
from glassgrad.graph.rules import Arrays, run_kernel
from glassgrad.ir import Constant, Graph, Node, Value
from glassgrad.ops import Op, lookup
from glassgrad.ops.record import Text

__all__ = ["Gate", "Gates", "TooMany", "scalar_gates"]

Array = np.ndarray[Any, Any]


class TooMany(OptionError):
    """A graph has more scalar gates than can be shown at once."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One number, and how it came about.

    Attributes
    ----------
    key
        Its name: ``sigmoid1[0,1]``; inside an opened operation with a dot behind.
    op
        The operation; ``"input"`` or ``"constant"`` for what nothing computes.
    inputs
        Keys of the gates whose numbers it reads.
    local
        The local derivative for each input; None where there is none.
    value, gradient
        The number that leaves it, and the gradient of the result for it; None where the result does not depend on it.
    rounding
        `value` minus what the opened gates before it give exactly.
    why
        The rule of its derivative in a sentence; None for inputs.
    within
        The layer it belongs to.
    """

    key: str
    op: str
    inputs: tuple[str, ...] = ()
    local: tuple[float | None, ...] = ()
    value: float = 0.0
    gradient: float | None = None
    rounding: float = 0.0
    why: Text | None = None
    within: str = ""

    def downstream(self) -> list[float | None]:
        """Return what it hands back to each input: its gradient times the local derivative, nothing of nothing."""
        g = self.gradient
        return [None if d is None or g is None else g * d if g else 0.0 for d in self.local]


Gates = Mapping[str, Gate]
"""Gates by key, in an order in which they can be worked out; the last is the result."""


def scalar_gates(played: Replay, names: Names, *, opened: bool = True, most: int = 300) -> Gates:
    """Return the gates of a replay.

    Parameters
    ----------
    played, names
        The run, and what its values are called.
    opened
        Whether composites open into the gates of their definitions.
    most
        How many gates there may be.

    Raises
    ------
    TooMany
        Where there are more.
    NotFollowed
        Where an operation's local derivatives cannot be listed, or there are complex numbers.

    Examples
    --------
    >>> import glassgrad as gg
    >>> from glassgrad.explaining.replay import replay
    >>> graph = gg.trace(lambda x, y, z: (x + y) * z, *[gg.Spec(())] * 3)
    >>> gates = scalar_gates(replay(graph, [-2.0, 5.0, -4.0]), Names(graph))
    >>> [(g.op, g.value, g.gradient) for g in gates.values()][-2:]
    [('add', 3.0, -4.0), ('multiply', -12.0, 1.0)]
    """
    return _Maker(played, names, opened, most).made()


class _Maker:
    def __init__(self, played: Replay, names: Names, opened: bool, most: int) -> None:
        self.played, self.names, self.opened, self.most = played, names, opened, most
        self.gates: dict[str, Gate] = {}
        self.keys: dict[Value, list[str]] = {}

    def made(self) -> Gates:
        graph = self.played.graph
        check_real(graph.nodes)
        read = {v for node in graph.nodes for v in node.inputs} | set(graph.outputs)
        sizes = [self.played.values[n.outputs[0]].size for n in graph.nodes if not unseen(n)]
        self._check(sum(sizes))
        for value in (*graph.inputs, *graph.constants()):
            if value in read:
                self._sources(value)
        for node in graph.nodes:
            self._node(node)
            self._check(len(self.gates))
        if self.played.result in self.keys:
            (result,) = self.keys[self.played.result]
            self.gates[result] = self.gates.pop(result)  # the last gate is the result
        return self.gates

    def _check(self, count: int) -> None:
        if count > self.most:
            raise TooMany(
                f"{self.played.graph.name} has {count:,} scalar gates or more, and {self.most} can be followed at "
                "once; ask for one weight: its largest paths are shown instead"
            )

    def _add(self, gate: Gate) -> str:
        self.gates[gate.key] = gate
        return gate.key

    def _sources(self, value: Value) -> None:
        numbers = self.played.values[value].reshape(-1)
        constant = isinstance(value, Constant)
        gradients = None if constant else self.played.gradients.get(value)
        keys = []
        for i, number in enumerate(numbers.tolist()):
            if constant:
                keys.append(self._constant(float(number)))
                continue
            gradient = None if gradients is None else float(gradients.reshape(-1)[i])
            keys.append(
                self._add(Gate(self.names.element(value, i), "input", (), (), float(number), gradient))
            )
        self.keys[value] = keys

    def _constant(self, number: float) -> str:
        """Add a constant: it goes by six digits of it, or by all where another has the same six."""
        key = f"{number:.6g}"
        other = self.gates.get(key)
        if other is not None and other.value != number:
            key = repr(number)
        return self._add(Gate(key, "constant", value=number))

    def _node(self, node: Node) -> None:
        op = lookup(node.op)
        if unseen(node):
            self._moved(node, op)
        elif node.op == "matmul":
            self._product(node)
        else:
            links = [link for link in links_of(self.played, node) if isinstance(link, Sparse)]
            for made in node.outputs:
                self._made(node, op, made, [link for link in links if link.target is made])

    def _made(self, node: Node, op: Op, value: Value, links: Sequence[Sparse]) -> None:
        """Add a gate for each number of one output, or those that it opens into."""
        inside = op.elementwise and op.composite and self.opened
        upstream = self.played.gradient(value).reshape(-1)
        reads: list[list[tuple[str, float | None]]] = [[] for _ in range(self.played.values[value].size)]
        for link in links:
            keys = self.keys[link.source]
            which, ends, slopes = link.onward(np.arange(len(keys)))
            finite = np.isfinite(self.played.gradient(link.source).reshape(-1)[which])
            off = (
                (slopes == 0) & finite & ~np.isfinite(upstream[ends])
            )  # a switch keeps back even what is infinite
            steps = zip(which.tolist(), ends.tolist(), slopes.tolist(), off.tolist(), strict=True)
            for i, end, slope, cut in steps:
                reads[end].append((keys[i], None if cut else slope))
        found = []
        for i, read in enumerate(reads):
            key = self.names.element(value, i)
            if inside:
                self._open(node, op, key, i)
            else:
                inputs, local = tuple(k for k, _ in read), tuple(s for _, s in read)
                self._add(self._gate(node, value, key, i, inputs, local, op.why))
            found.append(key)
        self.keys[value] = found

    def _gate(
        self,
        node: Node,
        value: Value,
        key: str,
        i: int,
        inputs: tuple[str, ...],
        local: Sequence[float | None],
        why: Text | None,
        op: str | None = None,
        rounding: float = 0.0,
    ) -> Gate:
        number = float(self.played.values[value].reshape(-1)[i])
        gradients = self.played.gradients.get(value)
        gradient = None if gradients is None else float(gradients.reshape(-1)[i])
        return Gate(key, op or node.op, inputs, tuple(local), number, gradient, rounding, why, node.scope)

    def _moved(self, node: Node, op: Op) -> None:
        """Let the elements of what was moved go by the keys of what they were."""
        keys: list[str] = []
        places: list[Any] = []
        for v in node.inputs:
            own = self.keys.get(v)
            if own is None or v.dtype.kind != "f":
                places.append(self.played.values[v])
                continue
            places.append(np.arange(len(keys), len(keys) + len(own)).reshape(self.played.values[v].shape))
            keys += own
        moved = places[0] if op.elementwise else run_kernel(Arrays(), op, places, node.attrs, node.subgraphs)
        self.keys[node.outputs[0]] = [keys[i] for i in np.asarray(moved).reshape(-1).tolist()]

    def _product(self, node: Node) -> None:
        """Open a product of matrices into a multiply gate for each pair, and an add gate for each element."""
        first, second = node.inputs
        a, b = (self._places(v, axis) for v, axis in ((first, 0), (second, 1)))
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        depth = a.shape[-1]
        rows = np.broadcast_to(a, (*batch, *a.shape[-2:])).reshape(-1, a.shape[-2], depth)
        columns = np.broadcast_to(b, (*batch, *b.shape[-2:])).reshape(-1, depth, b.shape[-1])
        value = node.outputs[0]
        times, plus = lookup("multiply"), lookup("add")
        found = []
        for i, (outer, m, n) in enumerate(np.ndindex(len(rows), a.shape[-2], b.shape[-1])):
            key = self.names.element(value, i)
            pairs = list(zip(rows[outer, m].tolist(), columns[outer, :, n].tolist(), strict=True))
            total = self._gate(node, value, key, i, (), (), None)
            products = []
            for k, (x, y) in enumerate(pairs):
                left, right = self.gates[self.keys[first][x]], self.gates[self.keys[second][y]]
                own = f"{key}.{k}"
                factors, slopes = (left.key, right.key), (right.value, left.value)
                product = left.value * right.value
                if len(pairs) == 1:
                    rest = total.value - product
                    gate = self._gate(node, value, key, i, factors, slopes, times.why, "multiply", rest)
                else:
                    gate = Gate(
                        own, "multiply", factors, slopes, product, total.gradient, 0.0, times.why, node.scope
                    )
                products.append(self._add(gate))
            if len(pairs) > 1:
                rest = total.value - exact_sum(self.gates[p].value for p in products)
                ones = (1.0,) * len(products)
                self._add(self._gate(node, value, key, i, tuple(products), ones, plus.why, "add", rest))
            found.append(key)
        self.keys[value] = found

    def _places(self, value: Value, axis: int) -> Array:
        """Return the element numbers of an operand of a product; a vector gets the axis that makes it a matrix."""
        array = self.played.values[value]
        places = np.arange(array.size).reshape(array.shape)
        return np.expand_dims(places, axis) if array.ndim == 1 else places

    def _open(self, node: Node, op: Op, key: str, i: int) -> None:
        """Add the gates of a composite's definition for one element; the last has the run's own number."""
        value = node.outputs[0]
        shape = self.played.values[value].shape
        outer: list[str | None] = []
        numbers = []
        for v in node.inputs:
            array = self.played.values[v]
            at = np.broadcast_to(np.arange(array.size).reshape(array.shape), shape).reshape(-1)[i]
            numbers.append(array.reshape(-1)[at])
            outer.append(self.keys[v][at] if v in self.keys else None)
        roles = inside_of(op, [np.asarray(n) for n in numbers], node.attrs)
        whole = self._gate(node, value, key, i, (), (), op.why)
        inside = _inner(roles["definition"], numbers)
        if not all(np.isfinite(x).all() for x in inside.values.values()):
            inside = _inner(roles["lowering"], numbers)  # the textbook's form overflows here
        upstream = 0.0 if whole.gradient is None else whole.gradient
        named: dict[Value, str] = {
            v: k for v, k in zip(inside.graph.inputs, outer, strict=True) if k is not None
        }
        for constant in inside.graph.constants():
            named[constant] = self._constant(float(constant.array.reshape(-1)[0]))
        for step, inner in enumerate(inside.graph.nodes):
            made = inner.outputs[0]
            last = made is inside.result
            record = lookup(inner.op)
            slopes: dict[Value, float] = {}
            for link in links_of(inside, inner):
                slopes[link.source] = slopes.get(link.source, 0.0) + float(
                    link.onward(np.zeros(1, int))[2][0]
                )
            number = float(inside.values[made])
            gradient = upstream * float(inside.gradient(made))
            named[made] = self._add(
                Gate(
                    key if last else f"{key}.{step}",
                    inner.op,
                    tuple(named[v] for v in inner.inputs if v in named),
                    tuple(slopes.get(v) for v in inner.inputs if v in named),
                    whole.value if last else number,
                    whole.gradient if last else gradient,
                    whole.value - number if last else 0.0,
                    record.why,
                    node.scope,
                )
            )


def _inner(graph: Graph, numbers: Sequence[Any]) -> Replay:
    """Run the graph inside a composite on single numbers, without the composites within it."""
    from glassgrad.explaining.replay import replay
    from glassgrad.graph.passes import lower

    return replay(lower(graph, lambda _: False), numbers)
