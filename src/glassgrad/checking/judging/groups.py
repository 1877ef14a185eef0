"""The statements of a backward pass, and which exact gradients their results are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.checking.judging.faults import Named, named_quantities
from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.matching import Match
from glassgrad.checking.judging.pairing import Key
from glassgrad.checking.judging.replay import At, used_cell

__all__ = ["Group", "groups_of", "key_of", "parameter_of"]

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Group:
    """All that one statement made in the step, and what each of it is on the draws as they are mended so far.

    `factor` is the constant that gradients are multiplied with there, `scales` those of other places; `repeated` are
    the gradients that an earlier statement has already.
    """

    statement: int
    members: list[Named]
    meanings: list[tuple[int, Match] | None]
    factor: float
    scales: list[float] = field(default_factory=list)
    repeated: set[Key] = field(default_factory=set)

    @property
    def known(self) -> bool:
        """Whether all of it is exact gradients, with the sign that gradients have here."""
        return all(self.means(m) for m in self.meanings)

    @property
    def begins(self) -> int:
        """The event of the first result that is no exact gradient, or one that another name holds, else of the first.

        Beside such a result, one that is the gradient in one use of a value, and so part of a sum, is doubtful too.
        """
        doubtful = [
            n.event
            for n, m in zip(self.members, self.meanings, strict=True)
            if m is None or not self.means(m) or key_of(m) in self.repeated or (m[0] < 0 and not self.known)
        ]
        return min(doubtful or [n.event for n in self.members])

    @property
    def keys(self) -> set[Key]:
        """The exact gradients that it is."""
        return {key_of(m) for m in self.meanings if self.means(m)}

    def meant_at(self, at: At) -> Key | None:
        """Return which gradient one of its results is."""
        meaning = next(m for n, m in zip(self.members, self.meanings, strict=True) if n.at == at)
        return key_of(meaning) if self.means(meaning) else None

    def means(self, meaning: tuple[int, Match] | None) -> bool:
        """Say whether a meaning is one: a square matrix that is a gradient's transpose is not."""
        if meaning is None or meaning[1].factor * self.factor <= 0:
            return False
        return not (meaning[1].transposed and meaning[1].square)


def groups_of(judgement: Judgement, values: list[dict[At, Array]]) -> list[Group]:
    """Return the statements of the backward pass in the order of their first doubtful results."""
    found: dict[tuple[int, str], list[tuple[Named, tuple[int, Match] | None]]] = {}
    for named in _whole_sums(judgement, named_quantities(judgement)):
        meaning = judgement.meanings.find([v[named.at] for v in values])
        found.setdefault((named.binding.statement, named.binding.kind), []).append((named, meaning))
    factor = _first_factor(judgement, [item for items in found.values() for item in items])
    groups: dict[tuple[int, str], Group] = {}
    for place, items in found.items():
        groups[place] = Group(place[0], [n for n, _ in items], [m for _, m in items], factor)
        factor = next(
            (m[1].factor for _, m in items[::-1] if m is not None and m[1].factor * factor > 0), factor
        )
    _compare_scales(list(groups.values()), any(p.penalised for p in judgement.parameters))
    holders: dict[Key, int] = {}
    for named, meaning in sorted(
        (i for items in found.values() for i in items), key=lambda item: item[0].event
    ):
        if meaning is not None:
            statement = named.binding.statement
            if holders.setdefault(key_of(meaning), statement) != statement:
                groups[statement, named.binding.kind].repeated.add(key_of(meaning))
    return sorted(groups.values(), key=lambda group: group.begins)


def _compare_scales(groups: list[Group], penalised: bool) -> None:
    """Give each statement whose gradients are exact in an unusual measure the measures of the others.

    A penalty's own gradient is in the measure of the loss that the program computes, and so must be the rest.
    """
    scales: dict[str, list[float]] = {}
    for group in groups:
        for meaning in group.meanings if group.known else ():
            if meaning is not None:
                scales.setdefault(f"{meaning[1].factor:.5e}", []).append(meaning[1].factor)
    for group in groups if len(scales) > 1 else ():
        own = {f"{m[1].factor:.5e}" for m in group.meanings if m is not None}
        common = max((len(scales[text]) for text in own & scales.keys()), default=0)
        others = [found for text, found in scales.items() if text not in own]
        if any(len(found) >= common for found in others):
            group.scales = [found[0] for found in others if found[0] * group.factor > 0]
    whole = f"{1:.5e}"
    for group in groups if penalised and scales else ():
        if whole not in scales and group.known and group.factor > 0:
            group.scales.append(1.0)


def _first_factor(judgement: Judgement, found: list[tuple[Named, tuple[int, Match] | None]]) -> float:
    """Return the constant with which the backward pass begins, with the sign that the gradients have in the end.

    A right parameter's own gradient has that sign; an error, target minus prediction, may have the other.
    """
    known = [(n, m) for n, m in found if m is not None]
    right = {p.parameter.start for p in judgement.parameters if p.right and any(map(np.any, p.exact))}
    own = [m for _, m in known if parameter_of(judgement, m[0]) in right]
    met = {i for m in judgement.step.meetings for i in m.events}
    later = [m for n, m in known if n.event not in met]
    begin = (later or [m for _, m in known])[:1]
    if not begin:
        return 1.0
    return float(np.copysign(begin[0][1].factor, (own or begin)[0][1].factor))


def _whole_sums(judgement: Judgement, quantities: list[Named]) -> list[Named]:
    """Return quantities without those to which their own statement adds more."""
    events = judgement.step.tape.events
    by_event = {n.event: n for n in quantities}
    partial = set()
    for named in quantities:
        event = events[named.event]
        for read in event.reads if event.name in ("add", "subtract") else ():
            before = by_event.get(read)
            if before is not None and before.binding.statement == named.binding.statement:
                partial.add(read)
    return [n for n in quantities if n.event not in partial]


def key_of(meaning: tuple[int, Match] | None) -> Key:
    """Return which gradient a meaning is."""
    assert meaning is not None
    return meaning[0], meaning[1].element


def parameter_of(judgement: Judgement, key: int) -> int:
    """Return the start of the parameter in which, or in a use of which, a gradient is; −1 for none."""
    starts = [p.parameter.start for p in judgement.parameters]
    if key >= 0:
        return key if key in starts else -1
    cell = used_cell(judgement.step.tape, key)
    return next((start for start in starts if start in (cell.event, cell.buffer.maker)), -1)
