"""From a model, a loss and an optimizer to one graph: forward pass, backward pass, update.

The step is traced once. Parameters, buffers and the optimizer's state come in and leave changed; the rows of the
mini-batch, the learning rate and the step's number come in anew each time; everything else that is a number (momentum,
weight decay, class weights, the seed) is an input too, so that changing it compiles nothing anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.engines import Engine, Program, StepGraph
from glassgrad.graph import Builder, Traced, differentiate
from glassgrad.ir import BATCH, Graph, Node
from glassgrad.nn import Module
from glassgrad.nn.losses import Loss
from glassgrad.nn.random import stream
from glassgrad.optim import Optimizer, clip_by_norm, clip_by_value
from glassgrad.tensors import T, Tensor, recording
from glassgrad.training.inside import Inside, Watch, activations, watched

__all__ = ["Clipping", "Predictor", "Slots", "TrainingStep", "build_step", "loss_graph"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Slots:
    """The names of the state's arrays, in the order in which the step takes and returns them.

    Attributes
    ----------
    parameters, buffers
        Names within the model, such as ``"0.weight"``.
    optimizer
        Pairs of a parameter's name and the name of a piece of the optimizer's state for it.
    """

    parameters: tuple[str, ...]
    buffers: tuple[str, ...]
    optimizer: tuple[tuple[str, str], ...]

    def keys(self) -> list[str]:
        """Return a unique key for each array, as checkpoints name them."""
        return [
            *(f"model.{name}" for name in (*self.parameters, *self.buffers)),
            *(f"optimizer.{name}.{piece}" for name, piece in self.optimizer),
        ]

    def __len__(self) -> int:
        return len(self.parameters) + len(self.buffers) + len(self.optimizer)


@dataclass(frozen=True)
class Clipping:
    """Limits on the gradients: on each element, then on the norm of all together; None for no limit."""

    value: float | None = None
    norm: float | None = None

    def __call__(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradients within the limits."""
        clipped = list(gradients)
        if self.value is not None:
            clipped = clip_by_value(clipped, self.value)
        if self.norm is not None:
            clipped = clip_by_norm(clipped, self.norm)
        return clipped


@dataclass(frozen=True)
class TrainingStep:
    """A traced training step and the values that go into it.

    Attributes
    ----------
    step
        The graph and what its inputs mean.
    slots
        The names of the state.
    state
        The state at the start, read-only: the parameters and buffers, and the optimizer's fresh state. A run takes the
        list over.
    fixed
        The inputs that are the same in every step.
    optimizer, clipping
        What its update is.
    watched
        For each that watches, the names of the numbers reported for it, after loss and share.
    """

    step: StepGraph
    slots: Slots
    state: list[Array]
    fixed: list[Array]
    optimizer: Optimizer
    clipping: Clipping
    watched: Sequence[Sequence[str]] = ()


class _Tracing:
    """A builder in which Tensors of a model are inputs."""

    def __init__(self, name: str) -> None:
        self.known: set[int] = set()
        self.builder = Builder(name, wants=lambda t: id(t) in self.known)

    def stand_in(self, tensor: Tensor, name: str) -> None:
        handle = self.builder.input(tensor.shape, tensor.dtype, name)
        self.builder.stand_in(tensor, handle)
        self.known.add(id(tensor))

    def input(self, shape: Any, dtype: Any, name: str) -> Tensor:
        return Tensor._make(self.builder.input(shape, dtype, name), None)

    def read(self, tensor: Tensor) -> Any:
        return self.builder.capture(tensor) if id(tensor) in self.known else tensor._payload


def build_step(
    model: Module,
    loss: Loss,
    optimizer: Optimizer,
    X: Array,
    y: Array,
    *,
    weighted: bool = False,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    seed: int = 0,
    watches: Sequence[Watch] = (),
) -> TrainingStep:
    """Trace a training step.

    Parameters
    ----------
    model, loss, optimizer
        What to train, by what, and how.
    X, y
        Arrays of the shape and dtype (but for the number of rows) that the step will be given.
    weighted
        Whether the step takes a weight for each row, after `y`.
    clip_norm, clip_value
        Limits on the gradients, where wanted.
    seed
        Of what the model draws in training (dropout).
    watches
        Those who want more of each step than that; see `Callback.watch`.

    Returns
    -------
    TrainingStep
        Its report has the loss, the weight of the mini-batch in the mean over an epoch, and what is watched.
    """
    parameters = dict(model.named_parameters())
    buffers = dict(model.named_buffers())
    pieces = {name: optimizer.init(p.numpy()) for name, p in parameters.items()}
    slots = Slots(
        tuple(parameters),
        tuple(buffers),
        tuple((name, piece) for name, own in pieces.items() for piece in own),
    )
    state = [t.numpy() for t in (*parameters.values(), *buffers.values())]
    state += [_read_only(piece) for own in pieces.values() for piece in own.values()]
    hyper = {k: v for k, v in optimizer.hyper().items() if k != "lr"}
    extra = loss.inputs()
    dtype = next(iter(parameters.values())).dtype

    tracing = _Tracing("train_step")
    for name, tensor in (*parameters.items(), *buffers.items()):
        tracing.stand_in(tensor, name)
    optimizer_inputs = {
        (name, piece): tracing.input(pieces[name][piece].shape, pieces[name][piece].dtype, f"{name}.{piece}")
        for name, piece in slots.optimizer
    }
    data = [
        tracing.input((BATCH, *X.shape[1:]), X.dtype, "X"),
        tracing.input((BATCH, *y.shape[1:]), y.dtype, "y"),
    ]
    weight = tracing.input((BATCH,), dtype, "weight") if weighted else None
    rows = tracing.input((BATCH,), np.int64, "row")
    rate = tracing.input((), np.float64, "lr")
    count = tracing.input((), np.int64, "step")
    seed_input = tracing.input((), np.int64, "seed")
    hyper_inputs = {name: tracing.input((), np.float64, name) for name in hyper}
    for name, tensor in extra.items():
        tracing.stand_in(tensor, name)

    builder = tracing.builder
    with _mode(model, training=True), builder.active(), recording(False), stream(seed_input, count, rows):
        predicted = model(data[0])
        forward = tuple(builder.nodes)
        value = loss(predicted, data[1], weight)
        share = loss.share(data[1], weight, dtype)
    updated = {name: builder.updates.get(id(b)) for name, b in buffers.items()}
    outputs = [value._payload, share._payload]
    outputs += [tracing.read(buffers[name]) if u is None else u[1] for name, u in updated.items()]
    graph = differentiate(builder.finish(outputs), range(len(parameters)))
    update = _Update(graph, slots, optimizer, Clipping(clip_value, clip_norm), optimizer_inputs)
    graph, names = update.add({**hyper_inputs, "lr": rate}, count, forward, watches)
    fixed = [np.asarray(seed, np.int64), *(np.asarray(v, np.float64) for v in hyper.values())]
    fixed += [np.array(t.numpy()) for t in extra.values()]
    n_rows = 3 + weighted
    return TrainingStep(
        StepGraph(graph, state=len(state), rows=n_rows, each=2, fixed=len(fixed)),
        slots,
        state,
        fixed,
        optimizer,
        update.clipping,
        names,
    )


def _read_only(array: Array) -> Array:
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True)
class _Update:
    """Goes on from the forward and backward pass with clipping and the optimizer's update."""

    graph: Graph
    slots: Slots
    optimizer: Optimizer
    clipping: Clipping
    states: Mapping[tuple[str, str], Tensor]

    def add(
        self, numbers: Mapping[str, Tensor], count: Tensor, forward: Sequence[Node], watches: Sequence[Watch]
    ) -> tuple[Graph, list[list[str]]]:
        """Return the whole step, and the names of what is reported for each that watches."""
        graph, names = self.graph, self.slots.parameters
        builder = Builder(graph.name, graph)

        def handle(value: Any) -> Tensor:
            value = value._payload.value if isinstance(value, Tensor) else value
            return Tensor._make(Traced(builder, builder.lift(value)), None)

        m = len(self.slots.buffers)
        loss, share, *buffers = graph.outputs[: 2 + m]
        before = {name: handle(v) for name, v in zip(names, graph.inputs, strict=False)}
        gradients = {name: handle(v) for name, v in zip(names, graph.outputs[2 + m :], strict=True)}
        states = {
            name: {
                piece: handle(self.states[key, piece]) for key, piece in self.slots.optimizer if key == name
            }
            for name in names
        }
        hyper = {name: handle(t) for name, t in numbers.items()}
        step = handle(count)
        with builder.active(), recording(False):
            clipped = dict(zip(names, self.clipping(list(gradients.values())), strict=True))
            updated, after = {}, {}
            for name, old in before.items():
                new, after[name] = self.optimizer.update(old, clipped[name], states[name], hyper, step)
                updated[name] = T.astype(new, old.dtype)
            asked: list[dict[str, Tensor]] = []
            if watches:
                inside = Inside(before, gradients, updated, activations(builder, forward))
                asked = watched(watches, inside)
        new_states = [after[name][piece]._payload for name, piece in self.slots.optimizer]
        reports = [t._payload for found in asked for t in found.values()]
        outputs = [*(t._payload for t in updated.values()), *buffers, *new_states, loss, share, *reports]
        return builder.finish(outputs), [list(found) for found in asked]


@contextmanager
def _mode(model: Module, training: bool) -> Iterator[None]:
    """Let every module behave as in training or as in prediction inside, and as before afterwards."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was


def loss_graph(model: Module, loss: Loss, X: Array, y: Array, *, weighted: bool = False) -> Graph:
    """Return the graph of a model's loss on some rows as in prediction: nothing is dropped, no buffer changes.

    Parameters
    ----------
    model, loss
        Which model, and by what it is judged.
    X, y
        Arrays of the shape and dtype (but for the number of rows) that the graph will be given.
    weighted
        Whether it takes a weight for each row, after `y`.

    Returns
    -------
    Graph
        Inputs: the parameters, the buffers, X, y, the weights where wanted, and what the loss has of its own
        (`Loss.inputs`). Its output is the loss.
    """
    tracing = _Tracing("loss")
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        tracing.stand_in(tensor, name)
    data = [tracing.input((BATCH, *a.shape[1:]), a.dtype, name) for a, name in ((X, "X"), (y, "y"))]
    dtype = next(iter(model.parameters())).dtype
    weight = tracing.input((BATCH,), dtype, "weight") if weighted else None
    for name, tensor in loss.inputs().items():
        tracing.stand_in(tensor, name)
    with _mode(model, training=False), tracing.builder.active(), recording(False):
        value = loss(model(data[0]), data[1], weight)
    return tracing.builder.finish([value._payload])


class Predictor:
    """A model's forward pass in evaluation mode, compiled for any number of rows.

    Parameters
    ----------
    model
        The model; its parameters are inputs of the program, so that one program serves all of training.
    X
        An array of the shape and dtype (but for the number of rows) that it will be given.
    engine
        What runs it.
    """

    def __init__(self, model: Module, X: Array, engine: Engine) -> None:
        tracing = _Tracing("predict")
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        for name, tensor in tensors.items():
            tracing.stand_in(tensor, name)
        data = tracing.input((BATCH, *X.shape[1:]), X.dtype, "X")
        with _mode(model, training=False), tracing.builder.active(), recording(False):
            output = model(data)
        self.graph = tracing.builder.finish([tracing.read(output)])
        self._program: Program = engine.compile(self.graph)

    def __call__(self, state: Sequence[Array], X: Array, batch_size: int = 4096) -> Array:
        """Return the outputs for the rows of `X`, computed `batch_size` at a time."""
        n = len(self.graph.inputs) - 1
        parts = [
            self._program(*state[:n], X[start : start + batch_size])[0]
            for start in range(0, len(X), batch_size)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
