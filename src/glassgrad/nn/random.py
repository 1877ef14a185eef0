"""Where layers draw from: numbers that depend on seed, step, row and layer, never on how the work was split.

Three things are drawn. What a layer draws in training comes from a *stream* (`stream`): the training loop
opens one for each step with its seed, the step's number and the rows' numbers in the data, and every draw
inside takes the next node number of `glassgrad.philox.GRAPH_NODES`, from 0 on in the order of the calls.
Outside of a stream, an eager draw comes from the default stream, which takes one step a draw. Initial
weights are numbered likewise, one number of `glassgrad.philox.WEIGHT_NODES` a parameter (`weights_from`).
`manual_seed` starts both defaults afresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from glassgrad import xp
from glassgrad.errors import ShapeError, TraceError
from glassgrad.options import require
from glassgrad.philox import GRAPH_NODES
from glassgrad.tensors import Tensor, asarray

__all__ = [
    "RandomStream",
    "current_stream",
    "draw",
    "drawing_from",
    "manual_seed",
    "next_weights",
    "stream",
    "weights_from",
]


class RandomStream:
    """The random numbers of one step.

    Parameters
    ----------
    seed, step
        Whole numbers, or 0-d whole-number Tensors, which may be traced.
    rows
        (n,) whole numbers: where in the data each row of the mini-batch stands.

    Attributes
    ----------
    drawn : int
        How many draws were taken; whoever takes some elsewhere adds them.
    """

    def __init__(self, seed: Any, step: Any, rows: Any) -> None:
        self.seed, self.step, self.rows = (
            asarray(np.int64(v) if isinstance(v, int) else v) for v in (seed, step, rows)
        )
        self._first = GRAPH_NODES.start
        self.drawn = 0

    @property
    def node(self) -> int | None:
        """The number of the next node; None where draws do not depend on it."""
        return self._first + self.drawn

    def inputs(self) -> list[Tensor]:
        """Return the values that the draws to come depend on."""
        return [self.seed, self.step, self.rows]

    def over(self, inputs: Sequence[Tensor]) -> RandomStream:
        """Return a stream that goes on from here with other `inputs`, such as those of a graph."""
        stream = RandomStream(*inputs)
        stream._first = self._first + self.drawn
        return stream

    def uniform(self, shape: Sequence[Any]) -> Tensor:
        """Return float32 numbers of [0, 1) for the next node, of which each row has its own.

        Raises
        ------
        ShapeError
            Where the first size of `shape` is not the number of rows.
        """
        if not shape or shape[0] != self.rows.shape[0]:
            raise ShapeError(
                f"random numbers of shape {tuple(shape)} are wanted of a stream for {self.rows.shape[0]} rows: the "
                "first axis must be the rows"
            )
        node = self._first + self.drawn
        self.drawn += 1
        return _uniform(self.seed, self.step, self.rows, node, shape)


class _DefaultStream(RandomStream):
    """What is drawn from where no stream is open: each draw is a step of its own, whose rows are numbered from 0."""

    def __init__(self, seed: Any, step: Any) -> None:
        super().__init__(seed, step, 0)

    @property
    def node(self) -> int | None:
        return None

    def inputs(self) -> list[Tensor]:
        return [self.seed, self.step + self.drawn if self.drawn else self.step]

    def over(self, inputs: Sequence[Tensor]) -> RandomStream:
        return _DefaultStream(*inputs)

    def uniform(self, shape: Sequence[Any]) -> Tensor:
        if not all(isinstance(d, int) for d in shape):
            raise TraceError(
                "a traced layer draws random numbers, and of what is not said: trace inside "
                "`with nn.random.stream(seed, step, rows):`, or call model.eval() first"
            )
        step = self.step + self.drawn
        self.drawn += 1
        return _uniform(self.seed, step, np.arange(shape[0] if shape else 1), GRAPH_NODES[-1], shape)


def _uniform(seed: Any, step: Any, rows: Any, node: int, shape: Sequence[Any]) -> Tensor:
    return xp.random_uniform(seed, step, rows, node=node, shape=tuple(shape[1:]))  # type: ignore[no-any-return]


class _Weights:
    """Which parameter is next, under which seed."""

    def __init__(self, seed: int) -> None:
        require("initial weights", "seed", seed, least=0, below=2**63, whole=True)
        self.seed = int(seed)
        self.number = 0


class _Default:
    """What is drawn from where nothing else is said."""

    def __init__(self, seed: int) -> None:
        self.weights = _Weights(seed)
        self.stream = _DefaultStream(self.weights.seed, 0)


_default = _Default(0)
_STREAM: ContextVar[RandomStream | None] = ContextVar("glassgrad_random_stream", default=None)
_WEIGHTS: ContextVar[_Weights | None] = ContextVar("glassgrad_weights", default=None)


def manual_seed(seed: int) -> None:
    """Start the default streams afresh; without it, the seed is 0.

    Parameters
    ----------
    seed
        0 ≤ seed < 2**63.

    Raises
    ------
    OptionError
        Where the seed is no such number.

    Examples
    --------
    >>> import glassgrad as gg
    >>> manual_seed(3)
    >>> first = gg.nn.Linear(2, 3).weight
    >>> manual_seed(3)
    >>> (gg.nn.Linear(2, 3).weight == first).numpy().all()
    np.True_
    """
    global _default
    _default = _Default(seed)


@contextmanager
def stream(seed: Any, step: Any, rows: Any) -> Iterator[RandomStream]:
    """Draw from a stream of this seed, step and rows inside; see `RandomStream`.

    Examples
    --------
    >>> import numpy as np
    >>> with stream(0, 1, np.arange(10)):
    ...     whole = draw((10, 3)).numpy()
    >>> with stream(0, 1, np.arange(6, 10)):
    ...     part = draw((4, 3)).numpy()
    >>> np.array_equal(whole[6:], part)
    True
    """
    opened = RandomStream(seed, step, rows)
    with drawing_from(opened):
        yield opened


@contextmanager
def drawing_from(stream: RandomStream) -> Iterator[None]:
    """Draw from a stream inside."""
    token = _STREAM.set(stream)
    try:
        yield
    finally:
        _STREAM.reset(token)


def current_stream() -> RandomStream:
    """Return the stream around, or the default one."""
    return _STREAM.get() or _default.stream


def draw(shape: Sequence[Any]) -> Tensor:
    """Return float32 numbers of [0, 1) from the stream around, or the default one; the first axis is the rows.

    Raises
    ------
    TraceError
        Where the number of rows is not known yet and no stream is around.
    ShapeError
        Where the rows are not those of the stream.
    """
    return current_stream().uniform(shape)


@contextmanager
def weights_from(seed: int | None) -> Iterator[None]:
    """Initialise parameters made inside from `seed`, numbered from 0 on; None changes nothing.

    Examples
    --------
    >>> import glassgrad as gg
    >>> with weights_from(5):
    ...     a, b = gg.nn.Linear(2, 2), gg.nn.Linear(2, 2)
    >>> (a.weight == b.weight).numpy().any()
    np.False_
    """
    if seed is None:
        yield
        return
    token = _WEIGHTS.set(_Weights(seed))
    try:
        yield
    finally:
        _WEIGHTS.reset(token)


def next_weights() -> tuple[int, int]:
    """Return the seed and the number of the next parameter."""
    weights = _WEIGHTS.get() or _default.weights
    number, weights.number = weights.number, weights.number + 1
    return weights.seed, number
