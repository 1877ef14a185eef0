"""Where a backward pass goes wrong first.

A quantity is wrong if it is no exact gradient and putting the exact gradient in its place makes something after it
right. The earliest such quantity is the first wrong one; what becomes right with it followed from it. So a quantity
that is merely unusual, such as half of a product, is not blamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, Unplayable, writers
from glassgrad.checking.recording.tape import Binding

__all__ = ["Fault", "Named", "locate", "named_quantities"]

Array = np.ndarray[Any, Any]

_MOST_GROUPS = 12
_MOST_FAULTS = 4


@dataclass(frozen=True, eq=False, slots=True)
class Named:
    """A name of the program at a moment: where it was bound, and which event its value is of."""

    binding: Binding
    at: At
    event: int


@dataclass(eq=False)
class Fault:
    """Something wrong.

    Attributes
    ----------
    kind
        ``"gradient"``: a quantity is not what it should be; ``"update"``: a right gradient is used wrongly.
    statement
        The number of the statement that makes it.
    name
        The quantity, or the parameter.
    values
        Where the statement's wrong results are, in the order in which they were made.
    expected
        For each of them what it should be, on each draw.
    of
        For each of them the event whose exact gradient that is.
    factor
        The constant with which the program carries its gradients there.
    parameters
        The parameters that become right with it.
    follows
        Names of quantities that were wrong only because of it.
    """

    kind: str
    statement: int
    name: str
    values: list[At]
    expected: list[list[Array]]
    of: list[int]
    factor: float
    parameters: list[ParameterVerdict]
    follows: list[str] = field(default_factory=list)

    def given(self, judgement: Judgement, draw: int) -> dict[int, Array]:
        """Return the replay's results that put the exact values in place."""
        return {_writer(judgement, at): e[draw] for at, e in zip(self.values, self.expected, strict=True)}


def named_quantities(judgement: Judgement) -> list[Named]:
    """Return the names bound after prediction and target met, in order."""
    backward = set(judgement.backward)
    found: dict[tuple[int, int, int], Named] = {}
    for b in judgement.bindings:
        at = At(b.time, b.cell)
        if b.kind != "assign" or at not in judgement.values[0]:
            continue
        event = _writer(judgement, at)
        if event in backward:
            found.setdefault((b.statement, b.cell, event), Named(b, at, event))
    return list(found.values())


def locate(judgement: Judgement) -> list[Fault]:
    """Return what is wrong, in the order of the backward pass."""
    faults: list[Fault] = []
    wrong = [p for p in judgement.parameters if not p.right]
    fixed: list[Fault] = []
    while wrong and len(faults) < _MOST_FAULTS:
        fault = _first(judgement, [p for p in wrong if not _gradient_right(p)], fixed)
        if fault is None:
            break
        faults.append(fault)
        fixed.append(fault)
        wrong = [p for p in wrong if p not in fault.parameters]
    for p in wrong:
        faults.append(_of_update(judgement, p))
    return faults


def _gradient_right(p: ParameterVerdict) -> bool:
    return p.gradient is not None and p.gradient[1].factor != 0


def _writer(judgement: Judgement, at: At) -> int:
    return max(writers(judgement.step.tape, at))


def _first(judgement: Judgement, wrong: list[ParameterVerdict], fixed: list[Fault]) -> Fault | None:
    """Return the first fault that explains one of these parameters."""
    if not wrong:
        return None
    names = named_quantities(judgement)
    past = {id_ for f in fixed for id_ in (f.statement,)}
    values = _values(judgement, fixed) if fixed else judgement.values
    groups: dict[int, list[Named]] = {}
    factor = _factor(judgement)
    upstream: dict[int, float] = {}
    for named in names:
        meaning = judgement.meanings.find([v[named.at] for v in values])
        if meaning is not None:
            factor = meaning[1].factor
        elif named.binding.statement not in past:
            groups.setdefault(named.binding.statement, []).append(named)
            upstream.setdefault(named.binding.statement, factor)
    for statement, group in list(groups.items())[:_MOST_GROUPS]:
        for of in _pairings(judgement, group):
            fault = _tried(judgement, statement, group, of, upstream[statement], wrong, fixed)
            if fault is not None:
                fault.follows = _following(judgement, fault, fixed, names)
                return fault
    return None


def _factor(judgement: Judgement) -> float:
    """Return the constant with which most parameters take their gradient, but for the rate."""
    known = [p.gradient[1].factor for p in judgement.parameters if p.gradient is not None]
    return known[0] if known else 1.0


def _pairings(judgement: Judgement, group: list[Named]) -> Iterator[list[int]]:
    """Yield which gradients the results of a statement may be meant to be, likely ones first."""
    tape = judgement.step.tape
    sizes = [judgement.values[0][n.at].shape for n in group]
    places: dict[Any, list[int]] = {}
    for key in judgement.gradients[0]:
        event = tape.events[key if key >= 0 else ~key]
        places.setdefault((key < 0, event.name, event.stack), []).append(key)
    seen = set()
    ordered = sorted(places.values(), key=lambda keys: -max(k if k >= 0 else ~k for k in keys))
    for loose in (False, True):
        for keys in ordered:
            for pairing in (
                _last_in(judgement, keys, group, sizes, loose),
                _in_order(judgement, keys, sizes, loose),
            ):
                if pairing is not None and tuple(pairing) not in seen:
                    seen.add(tuple(pairing))
                    yield pairing


def _fits(judgement: Judgement, key: int, shape: tuple[int, ...], loose: bool) -> bool:
    exact = judgement.gradients[0][key].shape
    return exact == shape if not loose else exact != shape and int(np.prod(exact)) == int(np.prod(shape))


def _last_in(
    judgement: Judgement, keys: list[int], group: list[Named], sizes: list[Any], loose: bool
) -> list[int] | None:
    """Pair each result with the newest value before it that none has yet, as a backward pass meets them."""
    left = sorted(keys, key=lambda k: k if k >= 0 else ~k)
    pairs = []
    for named, shape in zip(group, sizes, strict=True):
        fitting = [
            k for k in left if (k if k >= 0 else ~k) < named.event and _fits(judgement, k, shape, loose)
        ]
        if not fitting:
            return None
        pairs.append(fitting[-1])
        left.remove(fitting[-1])
    return pairs


def _in_order(judgement: Judgement, keys: list[int], sizes: list[Any], loose: bool) -> list[int] | None:
    keys = sorted(keys, key=lambda k: k if k >= 0 else ~k)
    if len(keys) != len(sizes) or len(keys) == 1:
        return None
    return keys if all(_fits(judgement, k, s, loose) for k, s in zip(keys, sizes, strict=True)) else None


def _tried(
    judgement: Judgement,
    statement: int,
    group: list[Named],
    of: list[int],
    factor: float,
    wrong: list[ParameterVerdict],
    fixed: list[Fault],
) -> Fault | None:
    """Put the exact gradients in place, and return the fault if a parameter becomes right by it."""
    expected = [
        [
            factor * g[key].reshape(v[n.at].shape)
            for g, v in zip(judgement.gradients, judgement.values, strict=True)
        ]
        for n, key in zip(group, of, strict=True)
    ]
    fault = Fault(
        "gradient", statement, group[0].binding.name, [n.at for n in group], expected, of, factor, []
    )
    fault.parameters = _mended(judgement, [*fixed, fault], wrong)
    return fault if fault.parameters else None


def _mended(
    judgement: Judgement, faults: list[Fault], wrong: list[ParameterVerdict]
) -> list[ParameterVerdict]:
    """Return the parameters whose gradient or step is right once faults are mended."""
    wanted = set()
    for p in wrong:
        wanted |= {at for at in (p.parameter.after,) if at is not None}
        wanted |= {
            At(t + 1, judgement.step.tape.events[t].cells[0])
            for t in p.parameter.terms
            if _made(judgement, t)
        }
    draws = judgement.draws
    try:
        values = draws.values(wanted, lambda d: _given(judgement, faults, d))
    except (Unplayable, ValueError):
        return []
    found = []
    for p in wrong:
        after = p.parameter.after
        if after is not None and values[0][after].shape == p.before[0].shape:
            change = [v[after] - b for v, b in zip(values, p.before, strict=True)]
            how = match(change, p.exact, p.before)
            if how is not None and how.factor < 0 and any(np.any(c) for c in change):
                found.append(p)
                continue
        for t in p.parameter.terms:
            if _made(judgement, t):
                at = At(t + 1, judgement.step.tape.events[t].cells[0])
                if values[0][at].size == p.exact[0].size and match(
                    [v[at] for v in values], p.exact, p.before
                ):
                    found.append(p)
                    break
    return found


def _made(judgement: Judgement, event: int) -> bool:
    return bool(judgement.step.tape.events[event].cells)


def _given(judgement: Judgement, faults: list[Fault], draw: int) -> Mapping[int, Any]:
    given: dict[int, Any] = {}
    for fault in faults:
        given |= fault.given(judgement, draw)
    return given


def _values(judgement: Judgement, faults: list[Fault]) -> list[dict[At, Array]]:
    wanted = list(judgement.values[0])
    return judgement.draws.values(wanted, lambda d: _given(judgement, faults, d))


def _following(judgement: Judgement, fault: Fault, fixed: list[Fault], names: list[Named]) -> list[str]:
    """Return the names that become exact gradients once the fault is mended."""
    values = _values(judgement, [*fixed, fault])
    follows: dict[str, None] = {}
    for named in names:
        if named.binding.statement == fault.statement:
            continue
        before = judgement.meanings.find([v[named.at] for v in judgement.values])
        if before is None and judgement.meanings.find([v[named.at] for v in values]) is not None:
            follows[named.binding.name] = None
    return list(follows)


def _of_update(judgement: Judgement, p: ParameterVerdict) -> Fault:
    """Return the fault of a parameter that no named quantity before its update explains."""
    tape = judgement.step.tape
    updates = set(p.parameter.updates)
    statement, name = -1, p.parameter.name
    for b in judgement.bindings:
        if b.kind == "assign" and updates & set(writers(tape, At(b.time, b.cell))):
            statement, name = b.statement, b.name
            break
    kind = "update" if p.gradient is not None else "gradient"
    return Fault(kind, statement, name, [], [], [], 1.0, [p])
