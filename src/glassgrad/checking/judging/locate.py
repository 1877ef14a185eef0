"""Where a backward pass goes wrong first.

A quantity is wrong if putting another exact gradient in its place makes parameters right that are not, and spoils
none. The earliest such quantity that mends the most is the first wrong one; what becomes right with it was wrong only
because of it. So a quantity that is merely unusual, such as half of a product, is not blamed, and one that is an exact
gradient, but not the one that is needed there, is.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from glassgrad.checking.judging.faults import Fault, Named, named_quantities, writer
from glassgrad.checking.judging.groups import Group, groups_of, key_of, parameter_of
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.mended import mended, values_with
from glassgrad.checking.judging.pairing import Key, pairings
from glassgrad.checking.judging.precision import coarse_value, whole_numbers
from glassgrad.checking.judging.replay import At
from glassgrad.checking.judging.updates import all_turned, of_update
from glassgrad.checking.recording.tape import Binding

__all__ = ["locate"]

Array = np.ndarray[Any, Any]

_MOST_GROUPS = 40
_MOST_PAIRINGS = 40
_MOST_SECONDS = 6.0
_MOST_FAULTS = 4


def locate(judgement: Judgement) -> list[Fault]:
    """Return what is wrong, in the order of the backward pass."""
    wrong = [p for p in judgement.parameters if not p.right]
    groups = groups_of(judgement, judgement.values)
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
        open_ = [p for p in wrong if p.parameter.after is not None and not _used_wrongly(judgement, p)]
        fault = _first(judgement, open_, faults) if open_ else None
        if fault is None:
            break
        faults.append(fault)
        wrong = [p for p in wrong if p not in fault.parameters]
    return [*faults, *(whole_numbers(judgement, p) or of_update(judgement, p) for p in wrong)]


def _overwritten(judgement: Judgement, p: ParameterVerdict) -> Fault | None:
    """Return the fault of a parameter that is stepped by one row's or moment's part of its gradient alone."""
    uses = [k for k in judgement.gradients[0] if k < 0 and parameter_of(judgement, k) == p.parameter.start]
    if p.change is None or not p.parameter.updates or len(uses) < 2 or p.exact[0].size < 2:
        return None
    for use in sorted(uses):
        part = [g[use] for g in judgement.gradients]
        how = match(p.change, part) if part[0].shape == p.exact[0].shape else None
        if how is None or how.factor >= 0:
            continue
        others = [[g[k] for g in judgement.gradients] for k in uses if k != use]
        at = _part_at(judgement, p, part, others)
        if at is not None:
            b, factor = at
            expected = [[factor * e for e in p.exact]]
            key = p.parameter.start, None
            return Fault("gradient", b.statement, b.name, [At(b.time, b.cell)], expected, [key], factor, [p])
    return None


def _part_at(
    judgement: Judgement, p: ParameterVerdict, part: list[Array], others: list[list[Array]]
) -> tuple[Binding, float] | None:
    """Return the name that should be a whole gradient and is one part of it alone, and the factor of that.

    A name that holds the other parts too, one after the other, is where they should be added up, the last such name if
    there are more; else the term is missing where the part is first named, or given a second name in the same call.
    """
    backward = set(judgement.backward)
    found: list[tuple[Binding, float]] = []
    before: dict[str, list[list[Array]]] = {}
    for b in judgement.bindings:
        at = At(b.time, b.cell)
        if b.kind != "assign" or at not in judgement.values[0] or b.time > p.parameter.updates[0]:
            continue
        values = [v[at] for v in judgement.values]
        if values[0].shape != part[0].shape:
            continue
        how = match(values, part)
        if how is None:
            before.setdefault(b.name, []).append(values)
        elif writer(judgement, at) in backward:
            found.append((b, how.factor))
    find = judgement.meanings.find
    meant = {meaning[0] for other in others if (meaning := find(other)) is not None}
    last = {item[0].name: item for item in found}
    for name in sorted(last, key=lambda n: -last[n][0].time):
        meanings = (find(values) for values in before.get(name, ()))
        if any(meaning is not None and meaning[0] in meant for meaning in meanings):
            return last[name]
    return next(
        (item for item in found if _named_again(judgement, item[0], found[0][0])), next(iter(found), None)
    )


def _named_again(judgement: Judgement, b: Binding, first: Binding) -> bool:
    """Say whether a value is given a second name where it has its first: ``dW = dW_out``."""
    event = judgement.step.tape.events[writer(judgement, At(b.time, b.cell))]
    own = writer(judgement, At(first.time, first.cell))
    return event.name == "renamed" and own in event.reads and b.stack[1:] == first.stack[1:]


def _used_wrongly(judgement: Judgement, p: ParameterVerdict) -> bool:
    """Say whether the exact gradient was there, and the update spoilt it.

    An update that steps other parameters rightly spoils nothing: what it was handed for this one is wrong.
    """
    if p.gradient is None or p.step is not None or not p.parameter.updates:
        return p.gradient is not None and p.step is None
    events = judgement.step.tape.events
    place = events[p.parameter.updates[0]].place
    right = (q for q in judgement.parameters if q.right and q.parameter.updates and any(map(np.any, q.exact)))
    return all(events[q.parameter.updates[0]].place != place for q in right)


# --- the search ------------------------------------------------------------------------------------------------------


def _first(judgement: Judgement, wrong: list[ParameterVerdict], fixed: list[Fault]) -> Fault | None:
    """Return the first fault that explains the most of these parameters."""
    values = values_with(judgement, fixed) if fixed else judgement.values
    groups = [g for g in groups_of(judgement, values) if g.statement not in {f.statement for f in fixed}]
    meant = {key for g in groups for key in g.keys}
    found: list[tuple[Group, Fault]] = []
    begun = time.process_time()
    for group in sorted(groups[:_MOST_GROUPS], key=lambda g: _unlikely(judgement, g)):
        if time.process_time() - begun > _MOST_SECONDS:
            break
        fault = _mending(judgement, group, values, wrong, fixed, meant)
        if fault is not None:
            found.append((group, fault))
    found.sort(key=lambda item: groups.index(item[0]))
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


def _unlikely(judgement: Judgement, group: Group) -> tuple[bool, bool, int]:
    """Return how far a statement is from those to be tried first.

    What is made of no error is hardly a gradient; what is exact, and is where it belongs, is hardly wrong; and results
    that are many take long.
    """
    made = any(n.event in judgement.after for n in group.members)
    return not made, group.known and not group.keys & group.repeated, len(group.members)


def _rather(group: Group, fault: Fault, of_best: Group, best: Fault) -> bool:
    """Say whether a later statement that mends as much is to blame rather than an earlier one.

    It is where both should be the same gradients and the earlier one is exact gradients as it stands, if only others;
    where the earlier one is a term of a sum that the later one makes; and where the earlier one is exact gradients in
    the common measure, and the later one in a measure of its own. What hands on a gradient that stood for another
    already is not.
    """
    if group.scales and group.known and set(fault.of) == group.keys:
        return of_best.known and not of_best.scales and best.of != fault.of
    if best.of != fault.of or group.meant_at(fault.values[0]) in of_best.repeated:
        return False
    known = any(of_best.meant_at(at) is not None for at in best.values)
    return (len(best.of) == 1 and of_best.known and len(of_best.members) > 1) or known


def _mending(
    judgement: Judgement,
    group: Group,
    values: list[dict[At, Array]],
    wrong: list[ParameterVerdict],
    fixed: list[Fault],
    meant: set[Key],
) -> Fault | None:
    """Return the fault of a statement if an exact gradient in place of its results mends something."""
    starts = [p.parameter.start for p in wrong]
    own = {n.at: key_of(m) for n, m in zip(group.members, group.meanings, strict=True) if group.means(m)}
    others = meant - set(own.values())
    best = _sums(judgement, group, values, wrong, fixed) if len(group.members) > 1 else None
    best = best or _rescaled(judgement, group, values, wrong, fixed)
    for sign in (1, -1):
        for members in _variants(group):
            tried = 0
            for level, of in pairings(judgement, members, others):
                changed = [key for n, key in zip(members, of, strict=True) if own.get(n.at) != key]
                direct = all(parameter_of(judgement, key[0]) in starts for key in changed)
                if not changed or (group.known and not direct and (level or set(changed) & others)):
                    continue
                tried += 1
                if tried > _MOST_PAIRINGS or (best is not None and len(best.parameters) == len(wrong)):
                    break
                fault = _replacing(judgement, group, members, of, values, sign * group.factor)
                fault.parameters = mended(judgement, [*fixed, fault], wrong)
                if len(fault.parameters) > (len(best.parameters) if best is not None else 0):
                    best = fault
        if best is not None:
            break
    return best


def _variants(group: Group) -> list[list[Named]]:
    """Return which results of a statement may have to be exact: all of them, or those that are not."""
    unknown = [n for n, m in zip(group.members, group.meanings, strict=True) if not group.means(m)]
    return [group.members, unknown] if 0 < len(unknown) < len(group.members) else [group.members]


def _rescaled(
    judgement: Judgement,
    group: Group,
    values: list[dict[At, Array]],
    wrong: list[ParameterVerdict],
    fixed: list[Fault],
) -> Fault | None:
    """Return the fault of a statement whose results are exact, but in another measure than that of the rest."""
    of = [key_of(m) for m in group.meanings if m is not None]
    for scale in group.scales if group.known else ():
        fault = _replacing(judgement, group, group.members, of, values, scale)
        fault.parameters = mended(judgement, [*fixed, fault], wrong)
        if fault.parameters:
            return fault
    return None


def _sums(
    judgement: Judgement,
    group: Group,
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
            if p in mended(judgement, [*fixed, fault], wrong):
                members.append(named)
                of.append((p.parameter.start, None))
                break
    if not members:
        return None
    fault = _replacing(judgement, group, members, of, values)
    fault.parameters = mended(judgement, [*fixed, fault], wrong)
    whole = len(members) == len(group.members)
    return fault if fault.parameters and not whole else None


def _replacing(
    judgement: Judgement,
    group: Group,
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


def _following(
    judgement: Judgement, fault: Fault, fixed: list[Fault], values: list[dict[At, Array]]
) -> list[str]:
    """Return the names that become exact gradients once the fault is mended."""
    then = values_with(judgement, [*fixed, fault])
    follows: dict[str, None] = {}
    for named in named_quantities(judgement):
        if named.binding.statement == fault.statement or named.event <= writer(judgement, fault.values[0]):
            continue
        before = judgement.meanings.find([v[named.at] for v in values])
        after = judgement.meanings.find([v[named.at] for v in then])
        if after is not None and (before is None or before[0] != after[0]):
            follows[named.binding.name] = None
            fault.meant.setdefault(named.binding.name, after)
    return list(follows)
