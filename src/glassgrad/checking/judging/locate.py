"""Where a backward pass goes wrong first.

A quantity is wrong if putting another exact gradient in its place makes parameters right that are not, and spoils
none. The earliest such quantity that mends the most is the first wrong one; what becomes right with it was wrong only
because of it. So a quantity that is merely unusual, such as half of a product, is not blamed, and one that is an exact
gradient, but not the one that is needed there, is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.checking.judging.faults import Fault, Named, named_quantities, writer
from glassgrad.checking.judging.judge import (
    Judgement,
    ParameterVerdict,
    against,
    carried,
    goes_down,
    without_noise,
)
from glassgrad.checking.judging.matching import Match, match
from glassgrad.checking.judging.pairing import Key, pairings
from glassgrad.checking.judging.precision import coarse_value, whole_numbers
from glassgrad.checking.judging.replay import At, Unplayable, used_cell
from glassgrad.checking.judging.updates import all_turned, of_update

__all__ = ["locate"]

Array = np.ndarray[Any, Any]

_MOST_GROUPS = 40
_MOST_PAIRINGS = 40
_MOST_SECONDS = 6.0
_MOST_FAULTS = 4
_MOST_EVENTS = 40


@dataclass(eq=False)
class _Group:
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
            if m is None or not self.means(m) or _key(m) in self.repeated or (m[0] < 0 and not self.known)
        ]
        return min(doubtful or [n.event for n in self.members])

    @property
    def keys(self) -> set[Key]:
        """The exact gradients that it is."""
        return {_key(m) for m in self.meanings if self.means(m)}

    def meant_at(self, at: At) -> Key | None:
        """Return which gradient one of its results is."""
        meaning = next(m for n, m in zip(self.members, self.meanings, strict=True) if n.at == at)
        return _key(meaning) if self.means(meaning) else None

    def means(self, meaning: tuple[int, Match] | None) -> bool:
        """Say whether a meaning is one: a square matrix that is a gradient's transpose is not."""
        if meaning is None or meaning[1].factor * self.factor <= 0:
            return False
        return not (meaning[1].transposed and meaning[1].square)


def locate(judgement: Judgement) -> list[Fault]:
    """Return what is wrong, in the order of the backward pass."""
    wrong = [p for p in judgement.parameters if not p.right]
    groups = _groups(judgement, judgement.values)
    start = next(((g.members, [m for m in g.meanings if m]) for g in groups if None not in g.meanings), None)
    if not wrong:
        coarse = coarse_value(judgement)
        return [] if coarse is None else [coarse]
    turned = all_turned(judgement, wrong, start)
    if turned is not None:
        return [turned]
    faults = [f for f in (_overwritten(judgement, p) for p in wrong) if f is not None]
    wrong = [p for p in wrong if not any(p in f.parameters for f in faults)]
    while len(faults) < _MOST_FAULTS:
        open_ = [p for p in wrong if p.parameter.after is not None and not _used_wrongly(p)]
        fault = _first(judgement, open_, faults) if open_ else None
        if fault is None:
            break
        faults.append(fault)
        wrong = [p for p in wrong if p not in fault.parameters]
    return [*faults, *(whole_numbers(judgement, p) or of_update(judgement, p) for p in wrong)]


def _overwritten(judgement: Judgement, p: ParameterVerdict) -> Fault | None:
    """Return the fault of a parameter that is stepped by one row's or moment's part of its gradient alone."""
    uses = [k for k in judgement.gradients[0] if k < 0 and _parameter_of(judgement, k) == p.parameter.start]
    if p.change is None or len(uses) < 2 or p.exact[0].size < 2:
        return None
    backward = set(judgement.backward)
    for use in sorted(uses):
        part = [g[use] for g in judgement.gradients]
        how = match(p.change, part) if part[0].shape == p.exact[0].shape else None
        if how is None or how.factor >= 0:
            continue
        for b in reversed(judgement.bindings):
            at = At(b.time, b.cell)
            if b.kind != "assign" or at not in judgement.values[0] or b.time > judgement.step.end:
                continue
            if writer(judgement, at) not in backward:
                continue
            values = [v[at] for v in judgement.values]
            if values[0].shape == part[0].shape and match(values, part) and p.parameter.updates[0] >= b.time:
                factor = match(values, part)
                scale = factor.factor if factor else 1.0
                expected = [[scale * e for e in p.exact]]
                return Fault(
                    "gradient", b.statement, b.name, [at], expected, [(p.parameter.start, None)], scale, [p]
                )
    return None


def _used_wrongly(p: ParameterVerdict) -> bool:
    """Say whether the exact gradient was there, and the update spoilt it."""
    return p.gradient is not None and p.step is None


# --- the search ------------------------------------------------------------------------------------------------------


def _groups(judgement: Judgement, values: list[dict[At, Array]]) -> list[_Group]:
    """Return the statements of the backward pass in the order of their first doubtful results."""
    found: dict[tuple[int, str], list[tuple[Named, tuple[int, Match] | None]]] = {}
    for named in _whole_sums(judgement, named_quantities(judgement)):
        meaning = judgement.meanings.find([v[named.at] for v in values])
        found.setdefault((named.binding.statement, named.binding.kind), []).append((named, meaning))
    factor = _first_factor(judgement, [item for items in found.values() for item in items])
    groups: dict[tuple[int, str], _Group] = {}
    for place, items in found.items():
        groups[place] = _Group(place[0], [n for n, _ in items], [m for _, m in items], factor)
        factor = next(
            (m[1].factor for _, m in items[::-1] if m is not None and m[1].factor * factor > 0), factor
        )
    _compare_scales(list(groups.values()))
    holders: dict[Key, int] = {}
    for named, meaning in sorted(
        (i for items in found.values() for i in items), key=lambda item: item[0].event
    ):
        if meaning is not None:
            statement = named.binding.statement
            if holders.setdefault(_key(meaning), statement) != statement:
                groups[statement, named.binding.kind].repeated.add(_key(meaning))
    return sorted(groups.values(), key=lambda group: group.begins)


def _compare_scales(groups: list[_Group]) -> None:
    """Give each statement whose gradients are exact in an unusual measure the measures of the others."""
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


def _first_factor(judgement: Judgement, found: list[tuple[Named, tuple[int, Match] | None]]) -> float:
    """Return the constant with which the backward pass begins, with the sign that the gradients have in the end.

    A right parameter's own gradient has that sign; an error, target minus prediction, may have the other.
    """
    known = [(n, m) for n, m in found if m is not None]
    right = {p.parameter.start for p in judgement.parameters if p.right and any(map(np.any, p.exact))}
    own = [m for _, m in known if _parameter_of(judgement, m[0]) in right]
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


def _first(judgement: Judgement, wrong: list[ParameterVerdict], fixed: list[Fault]) -> Fault | None:
    """Return the first fault that explains the most of these parameters."""
    values = _values(judgement, fixed) if fixed else judgement.values
    groups = [g for g in _groups(judgement, values) if g.statement not in {f.statement for f in fixed}]
    meant = {key for g in groups for key in g.keys}
    found: list[tuple[_Group, Fault]] = []
    begun = time.process_time()
    for group in groups[:_MOST_GROUPS]:
        if time.process_time() - begun > _MOST_SECONDS:
            break
        fault = _mending(judgement, group, values, wrong, fixed, meant)
        if fault is not None:
            found.append((group, fault))
    widest = [(g, f) for g, f in found if not any(set(f.parameters) < set(o.parameters) for _, o in found)]
    best = widest[0] if widest else None
    for group, fault in widest[1:]:
        if (
            best is not None
            and set(fault.parameters) == set(best[1].parameters)
            and _rather(group, fault, *best)
        ):
            best = group, fault
    if best is None:
        return None
    best[1].follows = _following(judgement, best[1], fixed, values)
    return best[1]


def _rather(group: _Group, fault: Fault, of_best: _Group, best: Fault) -> bool:
    """Say whether a later statement that mends as much is to blame rather than an earlier one.

    It is where both should be the same gradients and the earlier one is exact gradients as it stands, if only others;
    and where the earlier one is a term of a sum that the later one makes. What hands on a
    gradient that stood for another already is not.
    """
    if best.of != fault.of or group.meant_at(fault.values[0]) in of_best.repeated:
        return False
    return (len(best.of) == 1 and of_best.known and len(of_best.members) > 1) or bool(of_best.keys)


def _mending(
    judgement: Judgement,
    group: _Group,
    values: list[dict[At, Array]],
    wrong: list[ParameterVerdict],
    fixed: list[Fault],
    meant: set[Key],
) -> Fault | None:
    """Return the fault of a statement if an exact gradient in place of its results mends something."""
    starts = [p.parameter.start for p in wrong]
    own = {n.at: _key(m) for n, m in zip(group.members, group.meanings, strict=True) if group.means(m)}
    others = meant - set(own.values())
    best = _sums(judgement, group, values, wrong, fixed) if len(group.members) > 1 else None
    best = best or _rescaled(judgement, group, values, wrong, fixed)
    for sign in (1, -1):
        for members in _variants(group):
            tried = 0
            for level, of in pairings(judgement, members, others):
                changed = [key for n, key in zip(members, of, strict=True) if own.get(n.at) != key]
                direct = all(_parameter_of(judgement, key[0]) in starts for key in changed)
                if not changed or (group.known and not direct and (level or set(changed) & others)):
                    continue
                tried += 1
                if tried > _MOST_PAIRINGS or (best is not None and len(best.parameters) == len(wrong)):
                    break
                fault = _replacing(judgement, group, members, of, values, sign * group.factor)
                fault.parameters = _mended(judgement, [*fixed, fault], wrong)
                if len(fault.parameters) > (len(best.parameters) if best is not None else 0):
                    best = fault
        if best is not None:
            break
    return best


def _variants(group: _Group) -> list[list[Named]]:
    """Return which results of a statement may have to be exact: all of them, or those that are not."""
    unknown = [n for n, m in zip(group.members, group.meanings, strict=True) if not group.means(m)]
    return [group.members, unknown] if 0 < len(unknown) < len(group.members) else [group.members]


def _rescaled(
    judgement: Judgement,
    group: _Group,
    values: list[dict[At, Array]],
    wrong: list[ParameterVerdict],
    fixed: list[Fault],
) -> Fault | None:
    """Return the fault of a statement whose results are exact, but in another measure than that of the rest."""
    of = [_key(m) for m in group.meanings if m is not None]
    for scale in group.scales if group.known else ():
        fault = _replacing(judgement, group, group.members, of, values, scale)
        fault.parameters = _mended(judgement, [*fixed, fault], wrong)
        if fault.parameters:
            return fault
    return None


def _sums(
    judgement: Judgement,
    group: _Group,
    values: list[dict[At, Array]],
    wrong: list[ParameterVerdict],
    fixed: list[Fault],
) -> Fault | None:
    """Return the fault of a statement whose last results should be whole gradients, added up over rows or moments."""
    lasts = list({n.binding.name: n for n in group.members}.values())
    members: list[Named] = []
    of: list[Key] = []
    for p in wrong:
        for named in lasts:
            missing = p.parameter.start not in judgement.gradients[0]
            if missing or named in members or values[0][named.at].shape != p.exact[0].shape:
                continue
            fault = _replacing(judgement, group, [named], [(p.parameter.start, None)], values)
            if p in _mended(judgement, [*fixed, fault], wrong):
                members.append(named)
                of.append((p.parameter.start, None))
                break
    if not members:
        return None
    fault = _replacing(judgement, group, members, of, values)
    fault.parameters = _mended(judgement, [*fixed, fault], wrong)
    whole = len(members) == len(group.members)
    return fault if fault.parameters and not whole else None


def _key(meaning: tuple[int, Match] | None) -> Key:
    assert meaning is not None
    return meaning[0], meaning[1].element


def _parameter_of(judgement: Judgement, key: int) -> int:
    """Return the start of the parameter in which, or in a use of which, a gradient is; −1 for none."""
    starts = [p.parameter.start for p in judgement.parameters]
    if key >= 0:
        return key if key in starts else -1
    cell = used_cell(judgement.step.tape, key)
    return next((start for start in starts if start in (cell.event, cell.buffer.maker)), -1)


def _replacing(
    judgement: Judgement,
    group: _Group,
    members: list[Named],
    of: list[Key],
    values: list[dict[At, Array]],
    factor: float | None = None,
) -> Fault:
    factor = group.factor if factor is None else factor
    expected = []
    for n, (key, element) in zip(members, of, strict=True):
        exact = [factor * g[key] for g in judgement.gradients]
        exact = exact if element is None else [np.asarray(e.flat[element]) for e in exact]
        shape = values[0][n.at].shape
        expected.append([e.reshape(shape) if e.size == np.prod(shape) else e for e in exact])
    first = members[0].binding
    made = judgement.step.tape.events[members[0].event].place
    elsewhere = made if made and first.stack and made.function != first.stack[0].function else None
    ats = [n.at for n in members]
    return Fault(
        "gradient", group.statement, first.name, ats, expected, of, group.factor, [], place=elsewhere
    )


# --- what a mended fault changes -------------------------------------------------------------------------------------


def _mended(
    judgement: Judgement, faults: list[Fault], wrong: list[ParameterVerdict]
) -> list[ParameterVerdict]:
    """Return the parameters that are right once faults are mended; none where one that was right is not any more."""
    after = {p: p.parameter.after for p in judgement.parameters if p.parameter.after is not None}
    put = {writer(judgement, at) for fault in faults for at in fault.values}
    inner = {p: _of_its_size(judgement, p, put) for p in wrong if p.step is None}
    inner |= {p: [at] for p in after if p.right and (at := _inside(judgement, p)) is not None}
    wanted = {
        *after.values(),
        *(at for p in inner for at in judgement.sized.get(p.parameter.start, inner[p])),
    }
    found = []
    for draws in ((1,), None):  # one draw first: most candidates fail at once
        try:
            values = judgement.draws.values(wanted, lambda d: _given(judgement, faults, d), draws)
        except (Unplayable, ValueError, IndexError):
            return []
        chosen = range(len(judgement.values)) if draws is None else draws
        found = [
            p
            for p in judgement.parameters
            if p in after and _right(judgement, p, after[p], inner.get(p, []), values, chosen)
        ]
        if not set(found) & set(wrong) or any(p.right and p not in found for p in after):
            return []
    return [p for p in wrong if p in found]


def _inside(judgement: Judgement, p: ParameterVerdict) -> At | None:
    """Return the gradient of a parameter whose step is no multiple of it."""
    return judgement.result(p.gradient[0]) if p.step is None and p.gradient is not None else None


def _right(
    judgement: Judgement,
    p: ParameterVerdict,
    after: At,
    inner: list[At],
    values: list[dict[At, Array]],
    draws: Iterable[int],
) -> bool:
    exact, before = [p.exact[d] for d in draws], [p.before[d] for d in draws]
    if values[0][after].shape != before[0].shape:
        return False
    change = [v[after] - b for v, b in zip(values, before, strict=True)]
    change = without_noise(change, judgement.noise(before))
    how = match(change, exact, None if p.penalised else before)
    if how is not None:
        return goes_down(how) or not any(map(np.any, exact))
    if not against(change, exact):
        return False
    return any(match([v[at] for v in values], exact) is not None for at in inner)


def _of_its_size(judgement: Judgement, p: ParameterVerdict, put: set[int]) -> list[At]:
    """Return the results before an update that may have the parameter's size: one of them is its gradient.

    What is itself put in place is none of them, but what is made of it takes its size.
    """
    known: list[At] | None = judgement.sized.get(p.parameter.start)
    cells = judgement.step.tape.cells
    if known is None:
        whole = carried(judgement, p.parameter)
        results = (judgement.result(i) for i in reversed(judgement.backward) if i in whole)
        known = judgement.sized[p.parameter.start] = [at for at in results if at is not None]
    sizes = {
        p.exact[0].size,
        *(math.prod(cells[at.cell].shape) for at in known if writer(judgement, at) in put),
    }
    found = [
        at for at in known if math.prod(cells[at.cell].shape) in sizes and writer(judgement, at) not in put
    ]
    return found[:_MOST_EVENTS]


def _given(judgement: Judgement, faults: list[Fault], draw: int) -> Mapping[int, Any]:
    given: dict[int, Any] = {}
    for fault in faults:
        given |= fault.given(judgement, draw)
    return given


def _values(judgement: Judgement, faults: list[Fault]) -> list[dict[At, Array]]:
    wanted = list(judgement.values[0])
    return judgement.draws.values(wanted, lambda d: _given(judgement, faults, d))


def _following(
    judgement: Judgement, fault: Fault, fixed: list[Fault], values: list[dict[At, Array]]
) -> list[str]:
    """Return the names that become exact gradients once the fault is mended."""
    mended = _values(judgement, [*fixed, fault])
    follows: dict[str, None] = {}
    for named in named_quantities(judgement):
        if named.binding.statement == fault.statement or named.event <= writer(judgement, fault.values[0]):
            continue
        before = judgement.meanings.find([v[named.at] for v in values])
        after = judgement.meanings.find([v[named.at] for v in mended])
        if after is not None and (before is None or before[0] != after[0]):
            follows[named.binding.name] = None
            fault.meant.setdefault(named.binding.name, after)
    return list(follows)
