"""One loss at many points at once: the weights get a first axis, and the operations' batching rules do the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.engines import program
from glassgrad.errors import ShapeError
from glassgrad.graph import differentiate
from glassgrad.graph.batching import batch_graph
from glassgrad.ir import Graph
from glassgrad.nn import Module
from glassgrad.nn.losses import Loss
from glassgrad.tracing import Spec, trace
from glassgrad.training.inputs import cast_arrays, check_arrays, model_dtype
from glassgrad.training.step import loss_graph

__all__ = ["Objective", "objective_of", "objective_of_function"]

Array = np.ndarray[Any, Any]

_BYTES = 64 << 20
"""About how much memory the points of one call may take."""


@dataclass(frozen=True, eq=False)
class Objective:
    """A scalar to be made small, as a graph, and where it is looked at.

    Attributes
    ----------
    graph
        Its inputs are what moves, then what stands still; its output is the scalar.
    names
        The names of what moves.
    arrays
        An array for each input.

    Examples
    --------
    >>> objective = objective_of_function(lambda x: x * x, "x")
    >>> objective.values({"x": np.array([1.0, 2.0, 3.0])}).tolist()
    [1.0, 4.0, 9.0]
    """

    graph: Graph
    names: tuple[str, ...]
    arrays: tuple[Array, ...]

    @property
    def start(self) -> dict[str, Array]:
        """What moves, as it is."""
        return dict(zip(self.names, self.arrays, strict=False))

    def values(self, points: Mapping[str, Array]) -> Array:
        """Return the scalar at many points.

        Parameters
        ----------
        points
            (k, …) arrays of some of what moves; the rest is as it is.

        Returns
        -------
        ndarray
            (k,) float64.
        """
        (found,) = self._in_parts(self.graph, points)
        return found.astype(np.float64)

    def gradients(self, points: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """Return the scalar at many points, and its gradient for all that moves."""
        graph = self._differentiated()
        values, *gradients = self._in_parts(graph, points)
        return values.astype(np.float64), dict(zip(self.names, gradients, strict=True))

    def at_once(self, names: Iterable[str]) -> int:
        """Return at how many points the scalar is worked out in one call where these move."""
        each = sum(self.start[name].nbytes for name in names) + sum(a.nbytes for a in self.arrays)
        return max(1, _BYTES // max(each, 1))

    def _differentiated(self) -> Graph:
        found: Graph | None = self.__dict__.get("_gradient")
        if found is None:
            found = differentiate(self.graph, range(len(self.names)))
            object.__setattr__(self, "_gradient", found)
        return found

    def _in_parts(self, graph: Graph, points: Mapping[str, Array]) -> list[Array]:
        """Run the graph at many points, as many at a time as fit into memory."""
        moving = tuple(name in points for name in self.names)
        moving += (False,) * (len(graph.inputs) - len(moving))
        (count,) = {len(a) for a in points.values()} or {0}
        if not count:
            raise ShapeError("there is no point to look at")
        part = min(count, self.at_once(points))
        run = program(batch_graph(graph, moving, part), "numpy")
        found: list[list[Array]] = []
        for first in range(0, count, part):
            take = np.minimum(np.arange(first, first + part), count - 1)  # the last part is filled up
            inputs = [
                np.asarray(points[name][take], a.dtype) if name in points else a
                for name, a in zip([*self.names, *([""] * len(self.arrays))], self.arrays, strict=False)
            ]
            found.append([out[: count - first] for out in run(*inputs)])
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def descend(
        self, starts: Mapping[str, Array], rate: float, steps: int, keep: int = 200
    ) -> tuple[Array, dict[str, Array], Array]:
        """Go downhill from many starts at once by plain gradient descent.

        Parameters
        ----------
        starts
            (k, …) arrays of all that moves.
        rate, steps
            The learning rate, and how many steps are taken.
        keep
            About how many points of the way are kept, the first and the last among them; more of the beginning,
            where steps are long.

        Returns
        -------
        steps
            (n,) the steps after which the points are.
        points
            (n, k, …) by name.
        values
            (n, k) the scalar there.
        """
        now = {name: np.array(starts[name], self.start[name].dtype) for name in self.names}
        evenly, early = np.linspace(0, steps, keep // 2), np.geomspace(1, steps + 1, keep // 2) - 1
        kept = np.unique(np.concatenate([evenly, early]).round().astype(int))
        at, values, ways = set(kept.tolist()), [], {name: [] for name in self.names}  # type: ignore[var-annotated]
        for step in range(steps + 1):
            value, gradient = self.gradients(now)
            if step in at:
                values.append(value)
                for name in self.names:
                    ways[name].append(now[name])
            now = {name: now[name] - now[name].dtype.type(rate) * gradient[name] for name in self.names}
        return kept, {name: np.stack(way) for name, way in ways.items()}, np.stack(values)


def objective_of(model: Module, X: Any, y: Any, loss: str | Loss | None = None) -> Objective:
    """Return the loss of a network on rows of data, as a function of its parameters.

    Dropout drops nothing in it.

    Raises
    ------
    ShapeError, DTypeError, DataError
        Where the data cannot be used.
    """
    X, y, _, found = check_arrays(X, y, None, loss)
    X, y, _ = cast_arrays(X, y, None, found, model_dtype(model))
    graph = loss_graph(model, found, X, y)
    tensors = dict(model.named_parameters())
    still = [*dict(model.named_buffers()).values()]
    own = [np.array(t.numpy()) for t in found.inputs().values()]
    arrays = [*(np.array(t.numpy()) for t in (*tensors.values(), *still)), X, y, *own]
    return Objective(graph, tuple(tensors), tuple(arrays))


def objective_of_function(f: Callable[[Any], Any], name: str) -> Objective:
    """Return a function of one number, float64."""
    return Objective(trace(f, Spec(()), name="f"), (name,), (np.zeros(()),))


def elements(arrays: Sequence[Array]) -> Array:
    """Return arrays of k points as (k, numbers), end to end."""
    return np.concatenate([a.reshape(len(a), -1) for a in arrays], axis=1).astype(np.float64)
