"""The loss as a landscape: a curve over one number, a surface over two directions, and the ways down on it.

Training sees one point and its slope. A drawing of the loss around it says what that point cannot know: that there is
another valley, that the floor is flat, that the walls are steep. A network has more directions than can be drawn, so
two are chosen: two weights, two random ones whose size follows the weights' own (Li et al., 2018), or those along which
the ways down really went.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, did_you_mean
from glassgrad.explaining.drawing.figures import Curve, Curves, Surface
from glassgrad.explaining.recording.recorded import Recording
from glassgrad.explaining.surfaces.landscape import Descent, Landscape
from glassgrad.explaining.surfaces.many import Objective, elements, objective_of_function
from glassgrad.language import Text, short
from glassgrad.options import require

__all__ = [
    "Descent",
    "Landscape",
    "curve",
    "plane_of_descents",
    "plane_of_run",
    "random_plane",
    "two_weights",
]

Array = np.ndarray[Any, Any]
Point = Mapping[str, Array]

_MARGIN = 0.2
"""How much of a plane is drawn around the paths, as a share of their extent."""


# --- one number ---------------------------------------------------------------------------------------------------


def curve(
    f: Callable[[Any], Any],
    low: float,
    high: float,
    *,
    starts: Sequence[float] = (),
    rate: float = 0.01,
    steps: int = 2000,
    points: int = 401,
) -> Landscape:
    """Draw a function of one number, and the ways down on it.

    Parameters
    ----------
    f
        A function of a Tensor.
    low, high
        Where it is drawn.
    starts
        Where to go downhill from.
    rate, steps
        How to.
    points
        How many points are drawn.

    Raises
    ------
    OptionError
        Where there is nothing between `low` and `high`.

    Examples
    --------
    >>> from glassgrad import examples
    >>> two = examples.get("two-minima")
    >>> found = curve(two.function, -2.5, 2.5, starts=(2.0, -2.0), rate=two.lr)
    >>> [round(float(d.path[-1, 0]), 8) for d in found.descents], [round(x, 8) for x in found.partings]
    ([1.34699741, -1.4729976], [0.12600019])
    """
    if not low < high:
        raise OptionError(f"a curve is drawn from low to high, low < high; got {low} and {high}")
    require("curve", "rate", rate, above=0)
    require("curve", "points", points, least=3, whole=True)
    objective = objective_of_function(f, "x")
    x = np.linspace(low, high, points)
    values, slopes = objective.gradients({"x": x})
    slope = slopes["x"]
    falling = np.flatnonzero((slope[:-1] < 0) & (slope[1:] >= 0))
    rising = np.flatnonzero((slope[:-1] > 0) & (slope[1:] <= 0))
    minima, partings = (_zeros(objective, x[at], x[at + 1]) for at in (falling, rising))
    curves = [Curve("f", x, values)]
    descents: list[Descent] = []
    if len(starts):
        taken, ways, heights = objective.descend({"x": np.asarray(starts, np.float64)}, rate, steps)
        for i, start in enumerate(starts):
            descents.append(Descent(f"{start:g}", taken, ways["x"][:, i, None], heights[:, i]))
            curves.append(Curve(f"{start:g}", ways["x"][:, i], heights[:, i], dots=True))
    title = Text("The curve, and the ways down on it", "곡선과 그 위에서 내려가는 길")
    figure = Curves(curves, Text("x", "x"), Text("f(x)", "f(x)"))
    return Landscape(title, figure, tuple(descents), tuple(minima.tolist()), tuple(partings.tolist()))


def _zeros(objective: Objective, low: Array, high: Array) -> Array:
    """Return where the slope is 0 between each pair of places at which it has different signs."""
    if not len(low):
        return low
    sign = np.sign(objective.gradients({"x": low})[1]["x"])
    for _ in range(60):
        middle = 0.5 * (low + high)
        same = np.sign(objective.gradients({"x": middle})[1]["x"]) == sign
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return 0.5 * (low + high)


# --- planes -------------------------------------------------------------------------------------------------------


def two_weights(
    objective: Objective,
    first: tuple[str, tuple[int, ...]],
    second: tuple[str, tuple[int, ...]],
    *,
    span: float = 2.0,
    points: int = 41,
    rate: float | None = None,
    steps: int = 500,
) -> Landscape:
    """Draw the loss over two weights, all others as they are.

    Parameters
    ----------
    objective
        The loss; see `glassgrad.explaining.surfaces.many.objective_of`.
    first, second
        Name of a parameter and index of one of its numbers.
    span
        How far to go from where the weights are, to either side.
    points
        How many along each axis.
    rate, steps
        Where a rate is given, the way down with only these two weights moving is drawn as well.

    Raises
    ------
    OptionError
        Where there is no such weight, or both are the same.
    """
    if first == second:
        raise OptionError(f"a surface needs two weights; both are {_named(*first)}")
    directions = [_unit(objective, *first), _unit(objective, *second)]
    center = objective.start
    here = [float(center[name][index]) for name, index in (first, second)]
    axis = np.linspace(-span, span, points)
    z = _grid(objective, center, directions, axis, axis)
    titles = [Text(_named(*w), _named(*w)) for w in (first, second)]
    descents: tuple[Descent, ...] = ()
    if rate is not None:
        taken, path, values = _descend_in_plane(objective, center, directions, rate, steps)
        descents = (Descent(", ".join(map(short, here)), taken, path + here, values),)
    paths = [Curve(d.label, d.path[:, 0], d.path[:, 1]) for d in descents]
    title = Text("The loss over {a} and {b}", "{a:과/와} {b}에 따른 손실").fill(
        a=titles[0].en, b=titles[1].en
    )
    return Landscape(title, Surface(axis + here[0], axis + here[1], z, paths, *titles), descents)


def random_plane(objective: Objective, *, seed: int = 0, span: float = 1.0, points: int = 41) -> Landscape:
    """Draw the loss over two random directions around where the weights are.

    Each direction is scaled filter by filter (for a unit of a layer, the row of its incoming weights) to the size of
    the weights themselves; biases stand still. So 1 along an axis is as far as the weights are long, and surfaces of
    different networks can be compared.

    Parameters
    ----------
    objective
        The loss.
    seed
        Of the directions.
    span
        How far to go to either side.
    points
        How many along each axis.

    Raises
    ------
    OptionError
        Where there is no matrix of weights.
    """
    rng = np.random.default_rng(seed)
    directions = [
        {k: _normalised(rng, w) for k, w in objective.start.items() if w.ndim > 1} for _ in range(2)
    ]
    if not directions[0]:
        raise OptionError(
            "there is no matrix of weights to move: take glassgrad.explaining.surfaces.surface.two_weights"
        )
    axis = np.linspace(-span, span, points)
    z = _grid(objective, objective.start, directions, axis, axis)
    title = Text(
        "The loss around the weights, along two random directions", "가중치 주변의 손실, 무작위 두 방향"
    )
    axes = (Text("first direction", "첫째 방향"), Text("second direction", "둘째 방향"))
    return Landscape(title, Surface(axis, axis, z, (), *axes))


def plane_of_run(objective: Objective, recording: Recording, *, points: int = 41) -> Landscape:
    """Draw the loss over the plane in which a recorded run mostly went, and its way.

    Parameters
    ----------
    objective
        The loss that is drawn.
    recording
        The run, of the same network.
    points
        How many along each axis.

    Raises
    ------
    OptionError
        Where fewer than three states were kept.
    """
    if len(recording.states) < 3:
        raise OptionError(f"a plane needs three states of the run; {len(recording.states)} were kept")
    steps = np.array(sorted(recording.states))
    count = len(objective.names)
    ways = {
        name: np.stack([recording.states[s][i] for s in steps])[:, None]
        for i, name in enumerate(objective.names[:count])
    }
    values = objective.values({name: way[:, 0] for name, way in ways.items()})
    title = Text("The loss in the plane of the run", "학습이 지나간 평면의 손실")
    return _plane(objective, title, ["run"], steps, ways, values[:, None], points)


def plane_of_descents(
    objective: Objective,
    starts: Mapping[str, Point],
    *,
    rate: float,
    steps: int,
    points: int = 41,
) -> Landscape:
    """Go downhill from several starts, and draw the loss over the plane in which the ways mostly lie.

    Parameters
    ----------
    objective
        The loss.
    starts
        The parameters to start from, by a label: `Module.state_dict` of networks with different seeds.
    rate, steps
        How to go: plain gradient descent on all rows.
    points
        How many points along each axis.

    Raises
    ------
    OptionError
        Where fewer than two starts are given.

    Examples
    --------
    >>> import glassgrad as gg
    >>> from glassgrad.explaining.surfaces.many import objective_of
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[0.0], [1.0], [1.0], [0.0]]
    >>> nets = {f"seed {s}": gg.nn.mlp(2, [2], 1, activation="tanh", dtype="float64", seed=s) for s in range(4)}
    >>> objective = objective_of(nets["seed 0"], X, y, "mse")
    >>> found = plane_of_descents(objective, {k: n.state_dict() for k, n in nets.items()}, rate=0.3, steps=600)
    >>> len(found.descents), found.figure.z.shape
    (4, (41, 41))
    """
    if len(starts) < 2:
        raise OptionError(f"several starts are wanted; got {len(starts)}")
    stacked = {name: np.stack([np.asarray(s[name]) for s in starts.values()]) for name in objective.names}
    taken, ways, values = objective.descend(stacked, rate, steps)
    title = Text("The loss, and the ways down from several starts", "손실과, 여러 출발점에서 내려가는 길")
    return _plane(objective, title, list(starts), taken, ways, values, points)


def _plane(
    objective: Objective,
    title: Text,
    labels: Sequence[str],
    steps: Array,
    ways: Mapping[str, Array],
    values: Array,
    points: int,
) -> Landscape:
    """Draw the plane through the lowest end along which ways, (n, k, …), differ most."""
    best = int(np.nanargmin(values[-1]))
    center = {name: way[-1, best] for name, way in ways.items()}
    count, k = values.shape
    flat = elements([ways[name].reshape(count * k, -1) for name in objective.names])
    flat = flat - elements([center[name][None] for name in objective.names])
    _, sizes, basis = np.linalg.svd(flat, full_matrices=False)
    if len(basis) < 2:
        basis = np.vstack([basis, np.roll(basis, 1, axis=1)])
    place = (flat @ basis[:2].T).reshape(count, k, 2)
    directions = [_split(objective, row) for row in basis[:2]]
    low, high = place.min(axis=(0, 1)), place.max(axis=(0, 1))
    room = _MARGIN * np.maximum(high - low, 1e-3 + 0.1 * float(np.max(high - low)))
    x, y = (np.linspace(a, b, points) for a, b in zip(low - room, high + room, strict=True))
    z = _grid(objective, center, directions, x, y)
    descents = [Descent(labels[i], steps, place[:, i], values[:, i]) for i in range(k)]
    paths = [Curve(d.label, d.path[:, 0], d.path[:, 1], dashed=bool(i % 2)) for i, d in enumerate(descents)]
    shown = float(np.sum(sizes[:2] ** 2) / max(float(np.sum(sizes**2)), 1e-300))
    axes = (Text("first direction", "첫째 방향"), Text("second direction", "둘째 방향"))
    return Landscape(title, Surface(x, y, z, paths, *axes), tuple(descents), shown=shown)


def _grid(objective: Objective, center: Point, directions: Sequence[Point], x: Array, y: Array) -> Array:
    """Return the loss at center + x·first + y·second, (len(y), len(x))."""
    places = [a.reshape(-1) for a in np.meshgrid(x, y)]
    names = {*directions[0], *directions[1]}
    part = min(objective.at_once(names), x.size * y.size)
    found = []
    for first in range(0, x.size * y.size, part):
        take = np.minimum(np.arange(first, first + part), x.size * y.size - 1)
        points = {}
        for name in names:
            moved = np.repeat(center[name][None], part, axis=0)
            for along, direction in zip(places, directions, strict=True):
                if name in direction:
                    moved = moved + along[take].reshape(-1, *(1,) * center[name].ndim) * direction[name]
            points[name] = moved
        found.append(objective.values(points))
    return np.concatenate(found)[: x.size * y.size].reshape(len(y), len(x))


def _descend_in_plane(
    objective: Objective, center: Point, directions: Sequence[Point], rate: float, steps: int
) -> tuple[Array, Array, Array]:
    """Go downhill with two directions to go in; return steps, coordinates and values."""
    at, path, values = np.zeros(2), [], []
    for _ in range(steps + 1):
        point = {
            name: w + sum(at[i] * d[name] for i, d in enumerate(directions) if name in d)
            for name, w in center.items()
        }
        value, gradient = objective.gradients({name: w[None] for name, w in point.items()})
        path.append(at)
        values.append(value[0])
        at = at - rate * np.array([sum(float(np.sum(gradient[n][0] * d[n])) for n in d) for d in directions])
    return np.arange(steps + 1), np.stack(path), np.array(values)


def _normalised(rng: np.random.Generator, weight: Array) -> Array:
    """Return a random direction whose rows are as long as the weight's."""
    direction = rng.standard_normal(weight.shape)
    axes = tuple(range(1, weight.ndim))
    length = np.sqrt(np.sum(direction**2, axis=axes, keepdims=True))
    own = np.sqrt(np.sum(np.square(weight, dtype=np.float64), axis=axes, keepdims=True))
    return np.asarray(direction * own / length)


def _unit(objective: Objective, name: str, index: tuple[int, ...]) -> dict[str, Array]:
    start = objective.start
    if name not in start:
        raise OptionError(f"there is no parameter {name!r}. {did_you_mean(name, start)}")
    shape = start[name].shape
    if len(index) != len(shape) or not all(0 <= i < d for i, d in zip(index, shape, strict=True)):
        ranges = ",".join(f"0…{d - 1}" for d in shape)
        raise OptionError(f"{name} has shape {shape}; one of its numbers is {name}[{ranges}]")
    direction = np.zeros(shape)
    direction[index] = 1.0
    return {name: direction}


def _split(objective: Objective, flat: Array) -> dict[str, Array]:
    """Return numbers end to end as arrays by name."""
    start = objective.start
    ends = np.cumsum([start[name].size for name in objective.names])[:-1]
    return {
        n: part.reshape(start[n].shape) for n, part in zip(objective.names, np.split(flat, ends), strict=True)
    }


def _named(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, index))}]" if index else name
