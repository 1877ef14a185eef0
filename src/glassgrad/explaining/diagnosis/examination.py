"""The examination: what the rules of a diagnosis look at, gathered once.

The network runs forward and backward on some of its rows, through the very graph that training runs, so a rule sees
every layer's inputs, weighted sums and gradients. Rules look at nodes of that graph and not at classes of layers:
whoever writes a network's forward pass by hand is diagnosed like everybody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from glassgrad.engines import engine
from glassgrad.errors import DataError
from glassgrad.explaining.diagnosis.subject import Subject
from glassgrad.explaining.diagnosis.verdict import Place
from glassgrad.explaining.replay import Replay, replay, upto
from glassgrad.ir import Graph, Node, Value
from glassgrad.nn.losses import BinaryCrossEntropy, BinaryCrossEntropyWithLogits, CrossEntropy
from glassgrad.optim import SGD
from glassgrad.training.step import Predictor, TrainingStep, build_step

__all__ = ["Examination", "Layer", "place_of", "rms"]

Array = np.ndarray[Any, Any]

MOST_ROWS = 1000
"""How many rows are examined; a share that is measured on them is off by less than 0.02 in two of three
samples."""

_SEED = 0
"""Of the sample: two diagnoses of the same network say the same."""

_PASSING = frozenset(["reshape", "transpose", "astype", "where", "stop_gradient", "broadcast_to", "squeeze"])
"""Operations that leave numbers as they are, or some of them, as dropout does."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A weighted sum in the network: z = x Wᵀ + b.

    Attributes
    ----------
    place
        Where it is.
    node
        The operation.
    x, z
        What goes in and what comes out, bias included.
    weight, bias
        The parameters; no bias where there is none.
    units
        The axis of the weight along which the units lie.
    """

    place: Place
    node: Node
    x: Value
    z: Value
    weight: Value
    bias: Value | None
    units: int


class Examination:
    """A network on some of its rows, with every number of the forward and the backward pass.

    Parameters
    ----------
    subject
        Who is examined.
    asked
        The line of source that asked for the diagnosis, which is nobody's fault.

    Attributes
    ----------
    rows
        Which rows of the subject's X were run, ascending; rows that hold NaN or an infinity are left out.
    graph
        From parameters and rows to the loss.
    """

    def __init__(self, subject: Subject, asked: str = "") -> None:
        self.subject, self.asked = subject, asked
        X, y = self._traced_with()
        self.step: TrainingStep = build_step(subject.model, subject.loss, SGD(1.0), X, y)
        self.rows = self._sample()
        self._replay = None if subject.X is None or not len(self.rows) else self.play(self.rows)
        whole = upto(self.step.step.graph, self.step.step.state)
        self.graph: Graph = whole if self._replay is None else self._replay.graph

    def _traced_with(self) -> tuple[Array, Array]:
        """Return rows of the right shape to trace the step with: those at hand, or zeros."""
        subject = self.subject
        if subject.X is not None and subject.y is not None:
            return subject.X, subject.y
        dtype = next(iter(subject.model.parameters())).dtype
        X = np.zeros((1, *subject.inputs), dtype)
        labels = isinstance(subject.loss, CrossEntropy)
        return X, np.zeros(1, np.int64) if labels else np.zeros((1, 1), dtype)

    def _sample(self) -> Array:
        X, y = self.subject.X, self.subject.y
        if X is None or y is None:
            return np.zeros(0, np.int64)
        whole = np.ones(len(X), bool)
        for array in (X, y):
            if array.dtype.kind == "f":
                whole &= np.isfinite(array.reshape(len(array), -1)).all(axis=1)
        rows = np.flatnonzero(whole)
        if len(rows) > MOST_ROWS:
            rows = np.sort(np.random.default_rng(_SEED).choice(rows, MOST_ROWS, replace=False))
        return rows

    # --- running it ---

    @cached_property
    def usable(self) -> bool:
        """Whether there are rows on which the network has a loss that is a number."""
        return self._replay is not None and bool(np.isfinite(self.loss))

    @property
    def replay(self) -> Replay:
        """The forward and backward pass on the rows."""
        assert self._replay is not None, "the rule should have said that it needs rows"
        return self._replay

    def inputs(self, rows: Array) -> list[Array]:
        """Return what the step takes for some rows."""
        X, y = self.subject.X, self.subject.y
        assert X is not None
        assert y is not None
        numbers = [np.asarray(1.0), np.asarray(1, np.int64)]
        return [*self.step.state, X[rows], y[rows], rows, *numbers, *self.step.fixed]

    def play(self, rows: Array) -> Replay:
        """Run the loss of some rows forward and backward."""
        return replay(self.step.step.graph, self.inputs(rows), output=self.step.step.state)

    @cached_property
    def predictor(self) -> Predictor:
        """The network as it predicts, without dropout."""
        return Predictor(self.subject.model, self._traced_with()[0], engine("numpy"))

    def outputs(self, X: Array, state: Sequence[Array] | None = None) -> Array:
        """Return the network's outputs, by its own weights or by others."""
        with np.errstate(all="ignore"):
            return self.predictor(self.step.state if state is None else state, X)

    def loss_of(self, X: Array, y: Array, state: Sequence[Array] | None = None) -> float:
        """Return the loss of rows as the network predicts them; NaN where it is none."""
        return self._value(self.outputs(X, state), y)

    def _value(self, output: Array, y: Array) -> float:
        try:
            with np.errstate(all="ignore"):
                return float(self.subject.loss(output, y).item())
        except DataError:  # outputs that the loss cannot take, such as probabilities above 1
            return float("nan")

    # --- the rows ---

    @property
    def X(self) -> Array:
        """Features of the examined rows."""
        assert self.subject.X is not None
        return self.subject.X[self.rows]

    @property
    def y(self) -> Array:
        """Targets of the examined rows."""
        assert self.subject.y is not None
        return self.subject.y[self.rows]

    @cached_property
    def loss(self) -> float:
        """The loss of the examined rows."""
        return self.loss_of(self.X, self.y)

    @cached_property
    def trivial(self) -> float:
        """The loss of the best constant answer on the examined rows: what is reached without looking at X."""
        return self.trivial_loss(self.y)

    def trivial_loss(self, y: Array) -> float:
        """Return the loss of the best constant answer to targets.

        It is the mean for squared errors, the median for absolute ones, the classes' shares for cross-entropies; all
        are tried, so that a loss of somebody's own needs no entry here.
        """
        width = self.outputs(self.X[:1]).shape[1:]
        if y.dtype.kind in "iu":
            shares = np.bincount(y, minlength=width[-1]) / len(y)
            answers = [np.log(np.maximum(shares, np.finfo(np.float64).tiny)), shares]
        else:
            mean, median = y.mean(axis=0, dtype=np.float64), np.median(y, axis=0)
            inside = np.clip(mean, 1e-12, 1 - 1e-12)
            answers = [mean, median, np.log(inside / (1 - inside)), np.log(inside)]
        losses = [self._value(np.broadcast_to(answer, (len(y), *width)), y) for answer in answers]
        return min((loss for loss in losses if np.isfinite(loss)), default=0.0)

    def missed(self, loss: float | None = None) -> float:
        """Return what share of the trivial loss is still there: 1 where nothing has been learnt, 0 at a loss of 0."""
        value = self.loss if loss is None else loss
        return value / self.trivial if self.trivial > 0 else 0.0

    @cached_property
    def labels(self) -> Array | None:
        """The class of every row of the subject, (n,), where the loss is one of classes."""
        return None if self.subject.y is None else self.labels_of(self.subject.y)

    def labels_of(self, y: Array) -> Array | None:
        """Return the classes that targets name, (n,); None where the loss is none of classes."""
        one_of_many = isinstance(self.subject.loss, CrossEntropy)
        if not one_of_many and not isinstance(
            self.subject.loss, (BinaryCrossEntropy, BinaryCrossEntropyWithLogits)
        ):
            return None
        if y.dtype.kind in "iu":
            return y
        if y.ndim == 2 and y.shape[1] > 1:
            return y.argmax(axis=1) if one_of_many else None
        flat = y.reshape(len(y))
        return flat.astype(np.int64) if np.isin(flat, (0, 1)).all() else None

    def answers(self, X: Array) -> Array:
        """Return the class that the network gives each row."""
        outputs = self.outputs(X).reshape(len(X), -1)
        middle = 0.5 if isinstance(self.subject.loss, BinaryCrossEntropy) else 0.0
        found: Array = outputs.argmax(axis=1) if outputs.shape[1] > 1 else outputs[:, 0] > middle
        return found.astype(np.int64)

    # --- the network ---

    @cached_property
    def producers(self) -> dict[Value, Node]:
        """The node that makes each value."""
        return self.graph.producers()

    @cached_property
    def parameters(self) -> dict[str, Value]:
        """The network's parameters by name."""
        names = self.step.slots.parameters
        return dict(zip(names, self.graph.inputs[: len(names)], strict=True))

    @cached_property
    def name_of(self) -> dict[Value, str]:
        """The name of each parameter."""
        return {value: name for name, value in self.parameters.items()}

    @cached_property
    def moving(self) -> frozenset[Value]:
        """The values that depend on a parameter."""
        found = set(self.parameters.values())
        for node in self.graph.nodes:
            if not found.isdisjoint(node.inputs):
                found.update(node.outputs)
        return frozenset(found)

    @cached_property
    def output(self) -> Value:
        """What the network hands to the loss: the value that first meets the targets."""
        n = len(self.step.slots.parameters) + len(self.step.slots.buffers)
        with_target = {self.graph.inputs[n + 1]}
        for node in self.graph.nodes:
            if with_target.isdisjoint(node.inputs):
                continue
            for value in node.inputs:
                if value in self.moving:
                    return value
            with_target.update(node.outputs)
        return self.graph.outputs[0]

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The weighted sums, in the order in which they run."""
        return tuple(self._layers())

    def _layers(self) -> Iterator[Layer]:
        for node in self.graph.nodes:
            if node.op not in ("linear", "matmul") or node.inputs[1] not in self.name_of:
                continue
            x, weight, *rest = node.inputs
            bias, z = (rest[0] if rest else None), node.outputs[0]
            if node.op == "matmul":
                bias, z = self._added(z)
            units = 0 if node.op == "linear" else 1
            if len(weight.shape) == 2:
                yield Layer(self._layer_place(node, weight), node, x, z, weight, bias, units)

    def _added(self, z: Value) -> tuple[Value | None, Value]:
        """Return the bias that a next node adds, and the sum."""
        for node in self.readers.get(z, ()):
            if node.op == "add":
                for value in node.inputs:
                    if value in self.name_of:
                        return value, node.outputs[0]
        return None, z

    def _layer_place(self, node: Node, weight: Value) -> Place:
        scope = node.scope.replace("/", ".")
        return Place("layer", scope) if scope else Place("parameter", self.name_of[weight])

    @cached_property
    def readers(self) -> dict[Value, list[Node]]:
        """The nodes that read each value."""
        found: dict[Value, list[Node]] = {}
        for node in self.graph.nodes:
            for value in node.inputs:
                found.setdefault(value, []).append(node)
        return found

    def activations(self, *ops: str) -> Iterator[Node]:
        """Yield the network's nodes of these operations."""
        return (n for n in self.graph.nodes if n.op in ops and not self.moving.isdisjoint(n.inputs))

    def source_of(self, value: Value) -> Value:
        """Return the value that a value was before reshaping, dropout and scaling by constants."""
        while (node := self.producers.get(value)) is not None:
            inputs = [v for v in node.inputs if v in self.moving]
            scaled = node.op in ("multiply", "divide") and len(inputs) == 1
            if len(inputs) != 1 or not (node.op in _PASSING or scaled):
                break
            (value,) = inputs
        return value


def place_of(node: Node) -> Place:
    """Return where a node is: its layer, or its operation where it lies in none."""
    return Place("layer", node.scope.replace("/", ".") or node.op)


def rms(array: Array) -> float:
    """Return the root of the mean square, in float64."""
    wide = np.asarray(array, np.float64)
    return float(np.sqrt(np.mean(np.square(wide)))) if wide.size else 0.0
