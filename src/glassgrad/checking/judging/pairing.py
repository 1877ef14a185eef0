"""Which exact gradients the results of a statement may have been meant to be.

A backward pass meets the values of the forward pass in the reverse of the order in which they were made, so each result
is paired with the newest value before it that fits. Values of one place in the source belong together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from glassgrad.checking.judging.beside import Beside
from glassgrad.checking.judging.faults import Named, writer
from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.replay import At, event_of, used_cell

__all__ = ["Key", "pairings"]

Key: TypeAlias = tuple[int, int | None]
"""A gradient of `Judgement.gradients`, or one element of it."""


@dataclass(frozen=True, eq=False)
class _Place:
    """The gradients in what one place in the source made, oldest first, with their shapes and sizes."""

    keys: list[int]
    shapes: set[tuple[int, ...]]
    sizes: set[int]

    def may_fit(self, shapes: list[tuple[int, ...]], level: int) -> bool:
        """Say whether each shape may find a gradient here; see `_fits`."""
        if level == 0:
            return self.shapes.issuperset(shapes)
        sizes = {math.prod(shape) for shape in shapes}
        return self.sizes >= sizes if level == 1 else all(self.sizes - {size} for size in sizes)


_KNOWN: WeakKeyDictionary[Judgement, list[_Place]] = WeakKeyDictionary()


def pairings(judgement: Judgement, members: list[Named], meant: set[Key]) -> Iterator[tuple[int, list[Key]]]:
    """Yield which gradients results may be meant to be: of their own shape first, and that no other result is."""
    shapes = [judgement.values[0][n.at].shape for n in members]
    places = _KNOWN.get(judgement)
    if places is None:
        places = _KNOWN[judgement] = _places(judgement)
    seen = set()
    beside = Beside(judgement)
    for level in range(3):
        likely = [place for place in places if place.may_fit(shapes, level)]
        numbers = [place for place in places if len(shapes) > 1 and not (level or any(shapes))]
        for avoided in (meant, set()):
            for place in dict.fromkeys([*likely, *numbers]):
                keys = [k for k in place.keys if (k, None) not in avoided]
                for pairing in (
                    *_beside(judgement, beside, keys, members, shapes, level),
                    _last_in(judgement, keys, members, shapes, level),
                    _in_order(judgement, keys, shapes, level),
                    _elements(judgement, place.keys, shapes, level),
                ):
                    if pairing is None:
                        continue
                    sign = tuple(float(np.round(_mark(judgement, key), 12)) for key in pairing)
                    if sign not in seen:
                        seen.add(sign)
                        yield level, pairing


def _places(judgement: Judgement) -> list[_Place]:
    """Return the gradients by the places in the source that made what they are in, the newest places first."""
    tape = judgement.step.tape
    found: dict[Any, list[int]] = {}
    for key in judgement.gradients[0]:
        made = tape.events[event_of(key)]
        found.setdefault((key < 0, made.name, made.place), []).append(key)
        if len(made.stack) > 1:
            found.setdefault((key < 0, made.name, made.stack), []).append(key)
    for b in judgement.bindings:
        event = writer(judgement, At(b.time, b.cell)) if b.kind == "assign" else -1
        if event in judgement.gradients[0]:
            found.setdefault(b.statement, []).append(event)
    ordered = [_different(judgement, keys) for keys in found.values()]
    ordered.sort(key=lambda keys: (-max(_made(judgement, k) for k in keys), keys[-1] < 0))
    exact = judgement.gradients[0]
    return [_Place(keys, {exact[k].shape for k in keys}, {exact[k].size for k in keys}) for keys in ordered]


def _beside(
    judgement: Judgement, beside: Beside, keys: list[int], members: list[Named], shapes: list[Any], level: int
) -> Iterator[list[Key]]:
    """Pair each result with the gradient nearest to the forward values that it is made with."""
    fitting = [k for k in keys if _fits(judgement, k, shapes[0], level)]
    for later in (False, True) if len(members) > 1 and len(fitting) > 1 else ():
        pairs = beside.pairs(fitting, members, later)
        if pairs is not None and all(
            _fits(judgement, k, s, level) for k, s in zip(pairs, shapes, strict=True)
        ):
            yield [(k, None) for k in pairs]


def _made(judgement: Judgement, key: int) -> int:
    """Return when the value was made in which a gradient is; a parameter's is in each use another."""
    if key >= 0:
        return key
    cell = used_cell(judgement.step.tape, key)
    starts = {p.start for p in judgement.step.parameters}
    return event_of(key) if {cell.event, cell.buffer.maker} & starts else cell.event


def _different(judgement: Judgement, keys: list[int]) -> list[int]:
    """Return the last of each run of equal gradients, as the terms of a sum have."""
    last = {round(_mark(judgement, (k, None)), 12): k for k in sorted(keys, key=event_of)}
    return sorted(last.values(), key=event_of)


def _elements(judgement: Judgement, keys: list[int], shapes: list[Any], level: int) -> list[Key] | None:
    """Pair numbers made one by one with the elements of gradients, in order."""
    if level or any(shapes):
        return None
    whole = [k for k in sorted(keys) if k >= 0]
    if len(shapes) < 2 or sum(judgement.gradients[0][k].size for k in whole) != len(shapes):
        return None
    return [(k, i) for k in whole for i in range(judgement.gradients[0][k].size)]


def _mark(judgement: Judgement, of: Key) -> float:
    """Return a number by which equal gradients are known."""
    key, element = of
    exact = judgement.gradients[1][key].ravel()
    exact = exact if element is None else exact[element : element + 1]
    return float(exact @ np.cos(np.arange(exact.size))) / judgement.scale if judgement.scale else 0.0


def _fits(judgement: Judgement, key: int, shape: tuple[int, ...], level: int) -> bool:
    """Say whether a gradient has a shape; at level 1 as many elements, at level 2 any others."""
    exact = judgement.gradients[0][key]
    if level == 0:
        return bool(exact.shape == shape)
    same = bool(exact.size == math.prod(shape))
    return exact.shape != shape and same if level == 1 else not same


def _last_in(
    judgement: Judgement, keys: list[int], members: list[Named], shapes: list[Any], level: int
) -> list[Key] | None:
    """Pair each result with the newest value before it that none has yet, as a backward pass meets them."""
    left = list(keys)
    pairs: list[Key] = []
    for named, shape in zip(members, shapes, strict=True):
        fitting = [k for k in left if _fits(judgement, k, shape, level)]
        if not fitting:
            return None
        before = [k for k in fitting if event_of(k) < named.event]
        fitting = before or fitting  # a loss may be computed afterwards
        pairs.append((fitting[-1], None))
        left.remove(fitting[-1])
    return pairs


def _in_order(judgement: Judgement, keys: list[int], shapes: list[Any], level: int) -> list[Key] | None:
    if len(keys) != len(shapes) or len(keys) == 1:
        return None
    if not all(_fits(judgement, k, s, level) for k, s in zip(keys, shapes, strict=True)):
        return None
    return [(k, None) for k in keys]
