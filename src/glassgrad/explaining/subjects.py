"""`gg.explain`: what can be explained, and how it becomes a run that is held still.

A function of Tensors, a network on rows of data, a saved model on raw rows, a built-in example: each becomes one
replayed graph whose result is a scalar, the loss, an output, or what the function returns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glassgrad.errors import DataError, OptionError
from glassgrad.examples import Example, FunctionExample, NetworkExample, get, names
from glassgrad.examples.digits import DigitsExample
from glassgrad.examples.minima import MinimaExample
from glassgrad.examples.perceptrons import CORNERS, PerceptronsExample
from glassgrad.explaining.changes.taken import TakenStep
from glassgrad.explaining.explanation import Explanation
from glassgrad.explaining.names import Names
from glassgrad.explaining.replay import Replay, replay
from glassgrad.explaining.surfaces.landscape import Landscape
from glassgrad.explaining.surfaces.many import objective_of
from glassgrad.explaining.surfaces.surface import curve, random_plane
from glassgrad.graph.builder import Builder, Traced
from glassgrad.graph.passes.lower import CALLS, lower
from glassgrad.ir import Graph
from glassgrad.language import Text
from glassgrad.learner.learner import Learner
from glassgrad.nn import Module
from glassgrad.nn.losses import Loss
from glassgrad.optim import Optimizer
from glassgrad.tensors import asarray
from glassgrad.tracing import input_names, trace_with
from glassgrad.training.inputs import cast_arrays, check_arrays, find_optimizer, model_dtype
from glassgrad.training.step import Predictor, build_step
from glassgrad.tree import flatten

__all__ = ["explain"]

_DRAWN = (-2.2, 2.2)
"""Where the function of two minima is drawn."""

_ROWS = 32
"""Rows of digits that are explained: as many as a mini-batch has."""


def explain(
    what: Callable[..., Any] | Module | Learner | Example | TakenStep | str | os.PathLike[str],
    *data: Any,
    loss: str | Loss | None = None,
    optimizer: str | Optimizer = "sgd",
    lr: float | None = None,
    output: int | None = None,
    step: int = 1,
    seed: int = 0,
) -> Explanation:
    """Replay one step and return it, ready to be asked about.

    Parameters
    ----------
    what
        A function of Tensors, a network, a learner (what `glassgrad train` saves) or its file, a built-in example or
        its name, or a step that was recorded (``recorder.at(step)``).
    *data
        The function's arguments; the rows X of a network, and targets y: with targets the loss is explained, without
        them an output; the raw rows of a learner.
    loss, optimizer, lr
        Of a network with targets; by default a loss that suits the targets, and plain gradient descent.
    output
        Without targets, which output of the first row to explain; by default the largest.
    step, seed
        The number of the step and the seed, which decide what dropout draws.

    Returns
    -------
    Explanation
        Its numbers are those of the run, in the run's own dtype.

    Raises
    ------
    ShapeError, DataError, OptionError
        Where the data does not fit, or the function does not return a scalar.

    Examples
    --------
    >>> import glassgrad as gg
    >>> network = gg.nn.mlp(3, [4], 2, seed=0, dtype="float64")
    >>> told = gg.explain(network, [[1.0, 2.0, 3.0]], [1])
    >>> told.why("0.weight[2,1]").paths.number
    2.0
    """
    if step < 1:
        raise OptionError(f"steps count from 1, so there is no step {step}")
    if isinstance(what, TakenStep):
        return _of_taken(what)
    if isinstance(what, str | os.PathLike):
        what = get(str(what)) if str(what) in names() else Learner.load(what)
    if isinstance(what, Example):
        return _of_example(what, step - 1)
    if isinstance(what, Learner):
        return _of_learner(what, *data, optimizer=optimizer, lr=lr, output=output, step=step, seed=seed)
    if not isinstance(what, Module):
        if not callable(what):
            raise OptionError(f"explain takes a function, a network, a model or an example, not {what!r}")
        return _of_function(what, data)
    if len(data) == 1:
        return _of_output(what, data[0], output)
    if len(data) != 2:
        raise OptionError(f"explain(network, X, y) takes rows and targets, but was given {len(data)} arrays")
    return _of_loss(what, data[0], data[1], loss, optimizer, lr, step, seed)


def _of_function(
    f: Callable[..., Any], data: Sequence[Any], known: Sequence[str] = (), inputs: Sequence[str] | None = None
) -> Explanation:
    """Return the explanation of a function of Tensors, whose last result is a scalar.

    `known` are the names of its results, `inputs` those of its arguments where its signature does not have them.
    """
    arrays = [np.array(leaf) for leaf in flatten(list(data))[0]]
    arrays = [a.astype(np.float64) if a.dtype.kind in "iub" and a.ndim == 0 else a for a in arrays]
    nested = any(isinstance(d, (dict, list, tuple)) for d in data)
    given = list(data) if nested else arrays
    name = getattr(f, "__name__", "f").replace("<lambda>", "f")
    graph, _, _ = trace_with(f, given, name=name, names=inputs or input_names(f, given))
    graph, played = _replayed(graph, arrays, len(graph.outputs) - 1)
    results = dict(zip(graph.outputs, known, strict=False)) or {played.result: name}
    names = Names(played.graph, {v: called for v, called in results.items() if v in played.values})
    weights = tuple(v for v in played.graph.inputs if v.dtype.kind == "f")
    return Explanation(Text(f"The function {name}", f"함수 {name}"), graph, played, names, None, weights)


def _of_example(example: Example, steps: int) -> Explanation:
    """Return the explanation of a built-in example; of a network after some steps of training."""
    if isinstance(example, NetworkExample):
        model = example.build() if steps == 0 else example.train(steps=steps)[0]
        told = _of_loss(model, example.X, example.y, example.loss, "sgd", example.lr, steps + 1, 0)
    elif isinstance(example, FunctionExample):
        told = _of_steps(example.function, example.inputs)
    elif isinstance(example, PerceptronsExample):
        told = _of_steps(example.function, example.numbers(CORNERS[2]))
    elif isinstance(example, DigitsExample):
        model, X, y = example.train()
        told = _of_loss(model, X[:_ROWS], y[:_ROWS], None, "adam", None, 1, 0)
    elif isinstance(example, MinimaExample):
        told = _of_function(example.function, [np.asarray(example.starts[0])], ["f"])
        told = replace(told, around=lambda: _minima(example))
    else:
        raise OptionError(
            f"{example.name!r} has no gradient to explain: see glassgrad examples {example.name}, or train it and "
            "explain the model"
        )
    return replace(told, title=example.title)


def _minima(example: MinimaExample) -> Landscape:
    low, high = _DRAWN
    return curve(example.function, low, high, starts=example.starts, rate=example.lr, steps=example.steps)


def _of_steps(f: Callable[..., dict[str, Any]], inputs: Mapping[str, Any]) -> Explanation:
    """Return the explanation of a function of named numbers that returns each of its steps by name."""
    arrays = {name: np.asarray(value, np.float64) for name, value in inputs.items()}
    known = list(f(**{name: asarray(a) for name, a in arrays.items()}))

    def call(*tensors: Any) -> list[Any]:
        return list(f(**dict(zip(arrays, tensors, strict=True))).values())

    return _of_function(call, list(arrays.values()), known, list(arrays))


def _replayed(graph: Graph, inputs: Sequence[Any], output: int = 0) -> tuple[Graph, Replay]:
    """Return a graph with layers opened to products of matrices, and its replay.

    Opened, a layer's gradient may round otherwise than by the layer's own rule, which the run went by: what goes in
    keeps the gradient of the run.
    """
    whole = lower(graph, lambda name: name != "linear", CALLS - {"custom"})
    played = replay(whole, inputs, output=output)
    if whole.nodes == graph.nodes:
        return whole, played
    run = replay(graph, inputs, output=output)
    pairs = zip(played.graph.inputs, run.graph.inputs, strict=True)
    own = {mine: run.gradients[theirs] for mine, theirs in pairs if theirs in run.gradients}
    return whole, replace(played, gradients={**played.gradients, **own})


def _of_loss(
    model: Module,
    X: Any,
    y: Any,
    loss: str | Loss | None,
    optimizer: str | Optimizer,
    lr: float | None,
    step: int,
    seed: int,
) -> Explanation:
    X, y, _, found = check_arrays(X, y, None, loss)
    X, y = (np.array(a) for a in cast_arrays(X, y, None, found, model_dtype(model))[:2])
    update = find_optimizer(optimizer, lr, None)
    built = build_step(model, found, update, X, y, seed=seed)
    numbers = [np.asarray(update.lr), np.asarray(step)]
    told = _of_taken(TakenStep(built, [*built.state, X, y, np.arange(len(X)), *numbers, *built.fixed]))
    return replace(told, around=lambda: random_plane(objective_of(model, X, y, found)))


def _of_taken(taken: TakenStep) -> Explanation:
    """Return the explanation of the loss of a step that was taken."""
    graph, played = _replayed(taken.step.step.graph, taken.inputs, taken.step.step.state)
    names = Names(played.graph, {played.result: "loss"})
    weights = played.graph.inputs[: len(taken.step.slots.parameters)]
    rows = len(taken.inputs[taken.step.step.state])
    about = Text(
        "The loss of a network, {rows} rows" if rows > 1 else "The loss of a network, one row",
        "신경망의 손실, 행 {rows}개" if rows > 1 else "신경망의 손실, 행 하나",
    ).fill(rows=rows)
    return Explanation(about, graph, played, names, taken, weights)


def _of_output(model: Module, X: Any, output: int | None) -> Explanation:
    from glassgrad.engines import engine

    X = np.array(X, model_dtype(model))
    if not len(X):
        raise DataError("there is no row to explain")
    X = X[:1]
    predictor = Predictor(model, X, engine("numpy"))
    tensors = [*dict(model.named_parameters()).values(), *dict(model.named_buffers()).values()]
    state = [t.numpy() for t in tensors]
    outputs = predictor(state, X)[0].reshape(-1)
    which = int(outputs.argmax()) if output is None else output
    if not 0 <= which < len(outputs):
        raise OptionError(f"the network has {len(outputs)} outputs, so there is no output {which}")
    builder = Builder("output", predictor.graph)
    with builder.active():
        flat = builder.reshape(Traced(builder, predictor.graph.outputs[0]), (-1,))
        graph = builder.finish([builder.getitem(flat, which)])
    graph, played = _replayed(graph, [*state, X])
    names = Names(played.graph, {played.result: f"output[{which}]"})
    weights = played.graph.inputs[: len(dict(model.named_parameters()))]
    return Explanation(
        Text(f"Output {which} of a network", f"신경망의 출력 {which}"), graph, played, names, None, weights
    )


def _of_learner(learner: Learner, *data: Any, **settings: Any) -> Explanation:
    from glassgrad.data.readers import read
    from glassgrad.data.table import Table
    from glassgrad.learner.network import output_count
    from glassgrad.learner.scores import network_target

    if len(data) != 1:
        raise OptionError("explain(learner, rows) takes raw rows: a table, arrays, a data frame or a path")
    fitted = learner.preprocessing
    rows = data[0] if isinstance(data[0], Table) or hasattr(data[0], "names") else read(data[0])
    features = fitted.transform(rows, learner.recipe.dtype)
    output = settings.pop("output")
    try:
        wanted = fitted.target(rows)
    except DataError:
        return _of_output(learner.network, features, output)
    if output is not None:
        return _of_output(learner.network, features, output)
    target = network_target(wanted, output_count(fitted, learner.recipe), learner.recipe.dtype)
    settings["optimizer"] = learner.recipe.optimizer or settings["optimizer"]
    settings["lr"] = settings["lr"] or learner.recipe.lr
    return _of_loss(learner.network, features, target, learner.recipe.loss, **settings)
