"""What an example is: something small with known numbers, which can be run, trained or looked into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.functional import value_and_grad
from glassgrad.nn import Module
from glassgrad.ops import Text
from glassgrad.tensors import Tensor
from glassgrad.training.callbacks import Callback
from glassgrad.training.fit import fit, predict
from glassgrad.training.history import History

__all__ = ["Example", "FunctionExample", "NetworkExample"]

Array = np.ndarray[Any, Any]
Row = tuple[str, str]


@dataclass(frozen=True)
class Example:
    """Base of the examples.

    Attributes
    ----------
    name
        What it is called on the command line.
    title, about
        One line, and a few sentences on what it shows, in English and Korean.
    """

    name: str
    title: Text
    about: Text

    def run(self) -> list[Row]:
        """Compute what the example shows; return rows of (quantity, value) to print."""
        raise NotImplementedError


@dataclass(frozen=True)
class FunctionExample(Example):
    """A function of a few named values, with its gradient.

    Attributes
    ----------
    function
        Takes the inputs by name, as Tensors; returns a dict of Tensors, of which the last is the result.
    inputs
        The values at which it is looked at.
    """

    function: Callable[..., dict[str, Tensor]] = field(default=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def evaluate(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return the values of every step, and the gradient of the result for every input.

        Examples
        --------
        >>> from glassgrad import examples
        >>> values, gradients = examples.get("circuit-product").evaluate()
        >>> float(values["f"]), float(gradients["z"])
        (-12.0, 3.0)
        """
        names = list(self.inputs)
        values: dict[str, Array] = {}

        def result(*tensors: Tensor) -> Tensor:
            steps = self.function(**dict(zip(names, tensors, strict=True)))
            values.update({name: step.numpy() for name, step in steps.items()})
            return list(steps.values())[-1]

        arrays = [np.asarray(v, np.float64) for v in self.inputs.values()]
        _, gradients = value_and_grad(result, tuple(range(len(arrays))))(*arrays)
        return values, {name: g.numpy() for name, g in zip(names, gradients, strict=True)}

    def run(self) -> list[Row]:
        """Return the inputs, the steps and the gradients."""
        values, gradients = self.evaluate()
        rows = [(name, number(v)) for name, v in self.inputs.items()]
        rows += [(name, number(v)) for name, v in values.items()]
        return rows + [(f"∂{list(values)[-1]}/∂{name}", number(g)) for name, g in gradients.items()]


@dataclass(frozen=True)
class NetworkExample(Example):
    """A network with its rows, its first weights, and how it is trained: by gradient descent on all rows at once.

    Attributes
    ----------
    X, y
        The rows, float64.
    build
        Makes the network with its first weights.
    lr, steps
        The learning rate, and how many steps are taken.
    loss
        Name of the loss.
    """

    X: Array = field(default_factory=lambda: np.zeros((1, 1)))
    y: Array = field(default_factory=lambda: np.zeros((1, 1)))
    build: Callable[[], Module] = field(default=Module)
    lr: float = 0.1
    steps: int = 1
    loss: str = "half_sum_squares"

    def train(
        self,
        model: Module | None = None,
        *,
        steps: int | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = False,
    ) -> tuple[Module, History]:
        """Train the network, or go on training one; return it and the history.

        Examples
        --------
        >>> from glassgrad import examples
        >>> model, history = examples.get("two-two-two").train(steps=1)
        >>> round(history["loss"][0], 12)
        0.023971900752
        """
        model = self.build() if model is None else model
        history = fit(
            model,
            self.X,
            self.y,
            loss=self.loss,
            optimizer="sgd",
            lr=self.lr,
            epochs=self.steps if steps is None else steps,
            batch_size=len(self.X),
            shuffle=False,
            callbacks=callbacks,
            progress=progress,
        )
        return model, history

    def run(self) -> list[Row]:
        """Train and return the loss before and after, and the predictions."""
        model, history = self.train()
        output = predict(model, self.X)
        rows = [("steps", str(history.steps)), ("loss before", f"{history['loss'][0]:.8g}")]
        rows.append(("loss in the last step", f"{history['loss'][-1]:.8g}"))
        for x, target, out in zip(self.X, self.y, output, strict=True):
            rows.append((f"x = {number(x)}", f"target {number(target)}, prediction {number(out)}"))
        return rows


def number(value: Any) -> str:
    """Return a number or a small array as text."""
    array = np.asarray(value.numpy() if isinstance(value, Tensor) else value, np.float64)
    if array.ndim == 0:
        return f"{float(array):.8g}"
    return np.array2string(array, precision=8, separator=", ").replace("\n", "")
