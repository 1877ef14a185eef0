"""Where everything stands: a layered layout for circuits, computed here and kept as plain data.

General layout engines take seconds, and tens of thousands of pixels, for a network of three small layers, because they
know nothing of what they draw. A circuit is a computation: it runs from left to right, every gate has a few inputs, and
each wire carries two numbers that have to be read. So, after Sugiyama, Tagawa and Toda (1981):

1. *ranks*: a box stands one column right of the last box it needs; what needs nothing stands one column left of the
   first box that needs it, so that a weight stands beside the gate that uses it;
2. *order*: within its column each box moves to the mean place of its neighbours, sweep after sweep, and the order with
   the fewest crossings is kept; a wire that passes a column has a place in it like a box;
3. *coordinates*: every column is set so that its wires bend as little as possible while nothing overlaps, which is an
   isotonic regression and solved exactly; a signal that meets weights passes straight through the gate, so that a
   network is a line with its weights beside it;
4. *wires* are horizontal where a column stands, with room for their numbers before the box they run to, and bend only
   between columns. So no number is ever crossed by a wire of another column.

Equal circuits get equal places: nothing is random.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from glassgrad.errors import GraphError, OptionError
from glassgrad.explaining.drawing.figures import MOST_ELEMENTS, Box, Circuit, Wire
from glassgrad.language import short

__all__ = ["Placed", "PlacedBox", "PlacedWire", "place", "text_width", "written"]

BOX_TEXT, NUMBER_TEXT = 14.0, 11.5
"""Sizes of the letters in a box, and of the numbers at a wire."""

_ROW = 33.0
"""The room of a wire with a number above it and one below it."""
_PASSING = 12.0
_BETWEEN = 13.0
_MARGIN = 14.0
_SOURCE = 0.1
"""How much the wires of an input weigh beside those of a signal: it is the input that gives way."""
_SWEEPS = 12
_SETTLING = 6


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box by its key, with its left upper corner and its size."""

    key: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PlacedWire:
    """A wire with its points and the place of its numbers.

    Attributes
    ----------
    source, target
        Keys of boxes.
    points
        (x, y) from box to box. Between two points the wire leaves and arrives horizontally, so that where both have the
        same height it is a straight line.
    label
        (x, y) on the wire: the value stands centred above it, the gradient below.
    """

    source: str
    target: str
    points: tuple[tuple[float, float], ...]
    label: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Placed:
    """A circuit's places, in pixels from the left upper corner; boxes and wires in the circuit's order."""

    width: float
    height: float
    boxes: tuple[PlacedBox, ...]
    wires: tuple[PlacedWire, ...]


def written(number: float | str | None) -> str:
    """Return what is written at a wire: a number with four significant digits, a text as it is."""
    if number is None:
        return ""
    return number if isinstance(number, str) else short(number)


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is; a Hangul syllable is as wide as it is high."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    narrow = sum(unicodedata.combining(c) != 0 or c in ".,:;'|il[]()" for c in text)
    return size * (wide + 0.38 * narrow + 0.63 * (len(text) - wide - narrow))


def place(circuit: Circuit) -> Placed:
    """Return where the boxes and wires of a circuit stand.

    Raises
    ------
    OptionError
        Where there are more than `figures.MOST_ELEMENTS` boxes and wires.
    GraphError
        Where a wire leads to a box that is not there, two boxes share a key, or wires run in a circle.

    Examples
    --------
    >>> product = Circuit([Box("x", "x"), Box("*", "×"), Box("f", "f")], [Wire("x", "*", 3.0), Wire("*", "f", 6.0)])
    >>> [b.key for b in sorted(place(product).boxes, key=lambda b: b.x)]
    ['x', '*', 'f']
    """
    _check(circuit)
    ranks = _ranks(circuit)
    columns, wires = _columns(circuit, ranks)
    _untangle(columns)
    _settle(columns)
    return _drawn(circuit, columns, wires)


def _check(circuit: Circuit) -> None:
    count = len(circuit.boxes) + len(circuit.wires)
    if count > MOST_ELEMENTS:
        raise OptionError(
            f"a circuit of {len(circuit.boxes)} boxes and {len(circuit.wires)} wires cannot be read: at most "
            f"{MOST_ELEMENTS} are drawn.\nFold some boxes into one of kind 'folded'."
        )
    keys = Counter(box.key for box in circuit.boxes)
    if len(keys) < len(circuit.boxes):
        (twice, times), *_ = keys.most_common(1)
        raise GraphError(
            f"{times} boxes of a circuit have the key {twice!r}; a wire could not tell them apart."
        )
    for wire in circuit.wires:
        for key in (wire.source, wire.target):
            if key not in keys:
                raise GraphError(
                    f"the wire from {wire.source!r} to {wire.target!r} has no box {key!r} to end at."
                )


@dataclass(eq=False, slots=True)
class _Spot:
    """A box in its column, or the place where a wire passes one; `leave` is how far below its middle wires leave."""

    rank: int
    width: float
    height: float
    weight: float = 1.0
    box: Box | None = None
    left: list[_Joint] = field(default_factory=list)
    right: list[_Joint] = field(default_factory=list)
    place: int = 0
    y: float = 0.0
    leave: float = 0.0


@dataclass(eq=False, slots=True)
class _Joint:
    """What joins spots of neighbouring columns; `port` is how far from the middle of its end it arrives."""

    start: _Spot
    end: _Spot
    weight: float
    port: float = 0.0


@dataclass(eq=False, slots=True)
class _Run:
    """A wire as the spots it goes through."""

    wire: Wire
    spots: list[_Spot]
    joints: list[_Joint]


def _ranks(circuit: Circuit) -> dict[str, int]:
    """Return each box's column: one right of the last box it needs, sources drawn to what needs them."""
    after: dict[str, list[str]] = defaultdict(list)
    needs: dict[str, int] = {box.key: 0 for box in circuit.boxes}
    for wire in circuit.wires:
        after[wire.source].append(wire.target)
        needs[wire.target] += 1
    sources = [key for key, count in needs.items() if count == 0]
    ranks = dict.fromkeys(sources, 0)
    ready, done = list(sources), 0
    while done < len(ready):
        key = ready[done]
        done += 1
        for target in after[key]:
            ranks[target] = max(ranks.get(target, 0), ranks[key] + 1)
            needs[target] -= 1
            if needs[target] == 0:
                ready.append(target)
    if done < len(needs):
        stuck = next(key for key, count in needs.items() if count)
        raise GraphError(f"the wires of a circuit run in a circle: {stuck!r} needs its own result.")
    for key in sources:
        if after[key]:
            ranks[key] = min(ranks[target] for target in after[key]) - 1
    least = min(ranks.values(), default=0)
    return {key: rank - least for key, rank in ranks.items()}


def _columns(circuit: Circuit, ranks: dict[str, int]) -> tuple[list[list[_Spot]], list[_Run]]:
    """Return the columns, each from top to bottom as first found, and each wire's way through them."""
    arriving: dict[str, int] = defaultdict(int)
    for wire in circuit.wires:
        arriving[wire.target] += 1
    spots = {
        box.key: _Spot(ranks[box.key], _box_width(box), _ROW * max(1, arriving[box.key]), box=box)
        for box in circuit.boxes
    }
    columns: list[list[_Spot]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    runs = []
    for wire in circuit.wires:
        start, end = spots[wire.source], spots[wire.target]
        way = [start, *(_Spot(r, 0.0, _PASSING) for r in range(start.rank + 1, end.rank)), end]
        joints = []
        for a, b in pairwise(way):
            joint = _Joint(a, b, 1.0 + 2.0 * (a.box is None) + 2.0 * (b.box is None))
            a.right.append(joint)
            b.left.append(joint)
            joints.append(joint)
        runs.append(_Run(wire, way, joints))
    _fill(columns, [spots[box.key] for box in circuit.boxes])
    return columns, runs


def _fill(columns: list[list[_Spot]], boxes: Sequence[_Spot]) -> None:
    """Put every spot into its column in the order of a walk against the wires, from the last boxes backwards."""
    found: set[_Spot] = set()
    waiting = [*reversed(boxes), *(spot for spot in reversed(boxes) if not spot.right)]
    while waiting:
        spot = waiting.pop()
        if spot in found:
            continue
        found.add(spot)
        spot.place = len(columns[spot.rank])
        columns[spot.rank].append(spot)
        waiting.extend(joint.start for joint in reversed(spot.left))


def _untangle(columns: list[list[_Spot]]) -> None:
    """Order the spots of each column by the mean place of their neighbours; keep the best order found."""
    best, order = _crossings(columns), [list(column) for column in columns]
    for sweep in range(_SWEEPS):
        if best == 0:
            break
        leftwards = sweep % 2 == 1
        for column in reversed(columns) if leftwards else columns:
            column.sort(key=_place_of_followers if leftwards else _place_of_leaders)
            for number, spot in enumerate(column):
                spot.place = number
        count = _crossings(columns)
        if count < best:
            best, order = count, [list(column) for column in columns]
    for column, kept in zip(columns, order, strict=True):
        column[:] = kept
        for number, spot in enumerate(column):
            spot.place = number


def _place_of_leaders(spot: _Spot) -> float:
    return sum(j.start.place for j in spot.left) / len(spot.left) if spot.left else spot.place


def _place_of_followers(spot: _Spot) -> float:
    return sum(j.end.place for j in spot.right) / len(spot.right) if spot.right else spot.place


def _crossings(columns: list[list[_Spot]]) -> int:
    """Return how many pairs of wires cross."""
    count = 0
    for column in columns:
        ends: list[int] = []
        for spot in column:
            mine = sorted(joint.end.place for joint in spot.right)
            count += sum(len(ends) - bisect_right(ends, end) for end in mine)
            for end in mine:
                insort(ends, end)
    return count


def _settle(columns: list[list[_Spot]]) -> None:
    """Set the heights: stacked first, then each column as near to its neighbours as its order allows."""
    for column in columns:
        y = 0.0
        for spot in column:
            spot.y = y + spot.height / 2
            y += spot.height + _BETWEEN
            _set_ports(spot)
            if not spot.left:
                for joint in spot.right:
                    joint.weight *= _SOURCE
    for sweep in range(_SETTLING):
        for column in reversed(columns) if sweep % 2 else columns:
            _set_column(column, sides=(sweep % 2 == 0, sweep % 2 == 1))
    for _ in range(2):
        for column in columns:
            _set_column(column, sides=(True, True))


def _set_ports(spot: _Spot) -> None:
    """Let wires arrive at a box in the order of where they come from; one signal among weights leaves as it came."""
    arriving = sorted(spot.left, key=lambda joint: joint.start.place)
    for number, joint in enumerate(arriving):
        joint.port = _ROW * (number - (len(arriving) - 1) / 2)
    signals = [joint for joint in arriving if joint.start.left]
    spot.leave = signals[0].port if len(signals) == 1 else 0.0


def _set_column(column: list[_Spot], sides: tuple[bool, bool]) -> None:
    """Set one column's heights: least squares from where its wires would be straight, in order, without overlap."""
    wanted: list[tuple[float, float]] = []
    offset, offsets = 0.0, []
    for number, spot in enumerate(column):
        if number:
            offset += (column[number - 1].height + spot.height) / 2 + _BETWEEN
        offsets.append(offset)
        weight = pull = 0.0
        for joint in spot.left if sides[0] else ():
            weight += joint.weight
            pull += joint.weight * (joint.start.y + joint.start.leave - joint.port)
        for joint in spot.right if sides[1] else ():
            weight += joint.weight
            pull += joint.weight * (joint.end.y + joint.port - spot.leave)
        goal = pull / weight if weight else spot.y
        wanted.append((goal - offset, weight or 0.1))
    for spot, level, start in zip(column, _isotonic(wanted), offsets, strict=True):
        spot.y = level + start


def _isotonic(wanted: Sequence[tuple[float, float]]) -> list[float]:
    """Return the ascending numbers nearest to those wanted: least squares with weights, by pooling neighbours."""
    pools: list[tuple[float, float, int]] = []
    for goal, weight in wanted:
        count = 1
        while pools and pools[-1][0] > goal:
            other, other_weight, other_count = pools.pop()
            goal = (goal * weight + other * other_weight) / (weight + other_weight)
            weight, count = weight + other_weight, count + other_count
        pools.append((goal, weight, count))
    return [goal for goal, _, count in pools for _ in range(count)]


def _drawn(circuit: Circuit, columns: list[list[_Spot]], runs: list[_Run]) -> Placed:
    """Turn columns into pixels."""
    top = min((s.y - s.height / 2 for column in columns for s in column), default=0.0) - _MARGIN
    room = [0.0] * len(columns)
    bend = [0.0] * len(columns)
    for run in runs:
        rank = run.spots[-1].rank
        texts = (written(run.wire.value), written(run.wire.gradient) and "∇" + written(run.wire.gradient))
        room[rank] = max(room[rank], *(text_width(text, NUMBER_TEXT) + 18 for text in texts if text), 14.0)
        for joint in run.joints:
            far = abs(joint.end.y + joint.port - joint.start.y - joint.start.leave)
            bend[joint.end.rank] = max(bend[joint.end.rank], 12.0 + min(0.3 * far, 60.0) if far > 1 else 4.0)
    starts, lefts, rights = [], [], []  # where the numbers of a column begin, its boxes begin, and end
    x = _MARGIN
    for rank, column in enumerate(columns):
        starts.append(x + bend[rank])
        lefts.append(starts[-1] + room[rank])
        rights.append(lefts[-1] + max((spot.width for spot in column), default=0.0))
        x = rights[-1]
    boxes = {
        spot.box.key: PlacedBox(
            spot.box.key,
            _round(lefts[spot.rank]),
            _round(spot.y - spot.height / 2 - top),
            _round(spot.width),
            _round(spot.height),
        )
        for column in columns
        for spot in column
        if spot.box is not None
    }
    wires = []
    for run in runs:
        first, last = boxes[run.wire.source], run.spots[-1]
        y = run.spots[0].y + run.spots[0].leave - top
        points = [(first.x + first.width, y), (rights[run.spots[0].rank], y)]
        for joint in run.joints:
            y = joint.end.y + joint.port - top
            points.append((starts[joint.end.rank], y))
            points.append((rights[joint.end.rank] if joint.end.box is None else lefts[joint.end.rank], y))
        middle = (starts[last.rank] + lefts[last.rank]) / 2
        wires.append(PlacedWire(run.wire.source, run.wire.target, _slim(points), (_round(middle), _round(y))))
    height = max((s.y + s.height / 2 for column in columns for s in column), default=0.0) - top + _MARGIN
    order = (boxes[box.key] for box in circuit.boxes)
    return Placed(_round(x + _MARGIN), _round(height), tuple(order), tuple(wires))


def _slim(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Round points, and leave out those in the middle of a straight line."""
    kept: list[tuple[float, float]] = []
    for point in ((_round(x), _round(y)) for x, y in points):
        if kept and point == kept[-1]:
            continue
        if len(kept) > 1 and kept[-1][1] == kept[-2][1] == point[1]:
            kept.pop()
        kept.append(point)
    return tuple(kept)


def _box_width(box: Box) -> float:
    return max(_ROW, text_width(box.label, BOX_TEXT) + 18)


def _round(number: float) -> float:
    return round(number, 1)
