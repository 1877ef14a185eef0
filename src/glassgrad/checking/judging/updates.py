"""Updates that are wrong: they go up, overwrite, are lost, are never made, or take a gradient that was not summed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from glassgrad.checking.judging.faults import Fault, Named, writer
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict, against
from glassgrad.checking.judging.matching import Match, match
from glassgrad.checking.judging.replay import At, ancestors, writers
from glassgrad.checking.recording.tape import Binding, Ref

__all__ = ["all_turned", "of_update", "together"]

Array = np.ndarray[Any, Any]

_GRADIENT = re.compile(
    r"^_*(d_?[A-Z]|d[a-z]{1,2}\d*$|d_|grad|nabla|g_?[A-Z]|g[a-z]\d*$|g_)|grad(ient)?s?($|[\[\d_])"
)
"""What people call a gradient, rather than an error."""


def all_turned(
    judgement: Judgement,
    wrong: list[ParameterVerdict],
    first: tuple[list[Named], list[tuple[int, Match]]] | None,
) -> Fault | None:
    """Return the fault of a program in which all that is wrong is that parameters go up their gradients.

    Parameters
    ----------
    judgement, wrong
        The judgement, and its parameters that are not right.
    first
        The results of the first statement of the backward pass that are exact gradients, and which.
    """
    turned = [p for p in wrong if _goes_up(p)]
    moving = [p for p in judgement.parameters if any(map(np.any, p.exact))]
    if not turned:
        return None
    if len(turned) < len(moving):
        right = {_operation(judgement, p) for p in judgement.parameters if p.right and p.parameter.updates}
        other = not right & {_operation(judgement, p) for p in turned}
        named = all(_operation(judgement, p) == "add" and _named_gradient(judgement, p) for p in turned)
        return (
            of_update(judgement, turned[0], turned)
            if len(turned) == len(wrong) and (other or named)
            else None
        )
    tape = judgement.step.tape
    updates = [tape.events[p.parameter.updates[0]] for p in turned]
    statements = {(e.place.file, e.place.line) for e in updates if e.place is not None}
    added = all(e.name == "add" for e in updates)
    down = judgement.descended.climbed and all(e.name == "subtract" for e in updates)
    if (
        first is None
        or down
        or (added and len(statements) == 1 and (len(turned) > 1 or _named_gradient(judgement, turned[0])))
    ):
        return of_update(judgement, turned[0], turned)
    members, meanings = first
    expected = [[-v[named.at] for v in judgement.values] for named in members]
    of = [(meaning[0], meaning[1].element) for meaning in meanings]
    binding = members[0].binding
    ats = [named.at for named in members]
    return Fault(
        "gradient", binding.statement, binding.name, ats, expected, of, -meanings[0][1].factor, turned
    )


def _goes_up(p: ParameterVerdict) -> bool:
    """Say whether a parameter is stepped up its gradient: by a multiple of it, or in each element as by Adam."""
    if p.step is not None:
        return p.step.factor > 0 and any(map(np.any, p.exact))
    return p.gradient is not None and p.change is not None and against([-c for c in p.change], p.exact)


def of_update(judgement: Judgement, p: ParameterVerdict, all_: list[ParameterVerdict] | None = None) -> Fault:
    """Return the fault of a parameter that no named quantity before its update explains."""
    unsummed = _unsummed(judgement, p) or _misshapen(judgement, p)
    if unsummed is not None:
        return unsummed
    other = _of_no_loss(judgement, p)
    if other is not None:
        return other
    vanished = _vanished(judgement, p)
    if vanished is not None:
        return vanished
    term = _made_wrongly(judgement, p)
    if term is not None:
        return Fault("update", term.statement, term.name, [], [], [], 1.0, all_ or [p])
    updates = set(p.parameter.updates)
    tape = judgement.step.tape
    made: list[Binding] = []
    for b in judgement.bindings:
        written = writer(judgement, At(b.time, b.cell))
        if (
            b.kind == "assign"
            and b.time <= judgement.step.end
            and updates & {written, *tape.events[written].reads}
        ):
            made.append(b)
    name = p.parameter.spelled or p.parameter.name
    before = {
        b.statement for b in judgement.bindings if writer(judgement, At(b.time, b.cell)) == p.parameter.start
    }
    if made and any(_tail(b.name) == _tail(name) and b.statement in before for b in made):
        made = [b for b in made if b.statement not in before] or made  # a name of it in the forward pass
        name = made[0].name
    own = [b for b in made if _tail(b.name) == _tail(name)]
    statement = (own or made)[0].statement if made else -1
    part = _still(p)
    there = p.gradient is not None or p.step is not None or p.change is None or not updates or part
    kind = "update" if there else "gradient"
    place = tape.events[min(updates)].place if statement < 0 and updates else None
    return Fault(kind, statement, name, [], [], [], 1.0, all_ or [p], place=place, part=part)


def together(faults: list[Fault]) -> list[Fault]:
    """Return faults with one for all the numbers made at one place that are never updated, as in a list of weights."""
    found: dict[object, Fault] = {}
    for fault in faults:
        still = fault.kind == "update" and not any(p.parameter.updates for p in fault.parameters)
        numbers = still and fault.statement < 0 and not fault.parameters[0].exact[0].shape
        kept = found.setdefault(re.sub(r"\d+", "#", fault.name) if numbers else id(fault), fault)
        if kept is not fault:
            kept.parameters += fault.parameters
    return list(found.values())


def _still(p: ParameterVerdict) -> str:
    """Return the part of a parameter that stays as it is, though it has a gradient, where the rest goes down its own.

    It is an index such as ``"[0]"`` or ``"[:, -1]"``; nothing where there is no such part.
    """
    if p.change is None or p.change[0].shape != p.exact[0].shape:
        return ""
    moved = np.any([c != 0 for c in p.change], axis=0)
    still = np.any([e != 0 for e in p.exact], axis=0) & ~moved
    if not np.any(still) or not np.any(moved):
        return ""
    how = match([c[moved] for c in p.change], [e[moved] for e in p.exact])
    return _index_of(still) if how is not None and how.factor < 0 else ""


def _index_of(mask: Array) -> str:
    """Return the index of the rows, columns or single element that a mask shows; nothing where they have none."""
    for axis in range(mask.ndim):
        along = np.any(mask, axis=tuple(i for i in range(mask.ndim) if i != axis))
        there = np.flatnonzero(along)
        whole = np.moveaxis(mask, axis, 0)[there].all()
        if whole and there.size < mask.shape[axis] and there[-1] - there[0] + 1 == there.size:
            last = there.size == 1 and there[0] == mask.shape[axis] - 1
            text = str(-1 if last else there[0]) if there.size == 1 else f"{there[0]}:{there[-1] + 1}"
            return f"[{', '.join([':'] * axis + [text])}]"
    return f"[{', '.join(map(str, np.argwhere(mask)[0]))}]" if np.sum(mask) == 1 else ""


def _of_no_loss(judgement: Judgement, p: ParameterVerdict) -> Fault | None:
    """Return the fault of a name that is taken for a gradient, and has nothing to do with a loss."""
    tape = judgement.step.tape
    above = ancestors(tape, p.parameter.terms)
    if above & set(judgement.backward) or not p.parameter.updates or not any(map(np.any, p.exact)):
        return None
    met = min((m.events[0] for m in judgement.step.meetings[:1]), default=0)
    for b in reversed(judgement.bindings):
        at = At(b.time, b.cell)
        if b.kind != "assign" or not met < b.time <= p.parameter.updates[0] or at not in judgement.values[0]:
            continue
        if judgement.values[0][at].shape == p.exact[0].shape and writer(judgement, at) in above:
            return Fault(
                "gradient", b.statement, b.name, [at], [p.exact], [(p.parameter.start, None)], 1.0, [p]
            )
    return None


def _vanished(judgement: Judgement, p: ParameterVerdict) -> Fault | None:
    """Return the fault of a gradient that is multiplied by zero on its way to the update."""
    if p.gradient is None or p.change is None or any(map(np.any, p.change)):
        return None
    event, how = p.gradient
    sign = float(np.sign(how.factor))
    for b, at in _terms(judgement, p):
        found = [v[at] for v in judgement.values]
        if at.time > event and found[0].shape == p.exact[0].shape and not any(map(np.any, found)):
            expected = [[sign * e for e in p.exact]]
            start = p.parameter.start
            return Fault("gradient", b.statement, b.name, [at], expected, [(start, None)], sign, [p])
    return None


def _operation(judgement: Judgement, p: ParameterVerdict) -> str:
    """Return what an update does with its term."""
    return judgement.step.tape.events[p.parameter.updates[0]].name if p.parameter.updates else ""


def _terms(judgement: Judgement, p: ParameterVerdict) -> Iterator[tuple[Binding, At]]:
    """Yield the names that were bound to what an update is made of, in order."""
    above = ancestors(judgement.step.tape, p.parameter.terms) & set(judgement.backward)
    for b in judgement.bindings:
        at = At(b.time, b.cell)
        known = b.kind == "assign" and b.time <= judgement.step.end and at in judgement.values[0]
        if known and writer(judgement, at) in above:
            yield b, at


def _named_gradient(judgement: Judgement, p: ParameterVerdict) -> bool:
    """Say whether what is added is a multiple of the gradient, and is called one."""
    for b, at in _terms(judgement, p):
        how = match([v[at] for v in judgement.values], p.exact)
        if how is not None and how.factor > 0 and _GRADIENT.search(re.sub(r"^.*\.", "", b.name)):
            return True
    return False


def _made_wrongly(judgement: Judgement, p: ParameterVerdict) -> Binding | None:
    """Return what was made of the right gradient on its way to the update, as a velocity is, and is to blame."""
    tape = judgement.step.tape
    if len(p.parameter.updates) != 1 or not any(map(np.any, p.exact)):
        return None
    update = tape.events[p.parameter.updates[0]]
    taken = {max(writers(tape, At(update.index, a.cell))) for a in update.args if isinstance(a, Ref)}
    gradient = p.gradient[0] if p.gradient is not None else None
    for b, at in _terms(judgement, p):
        found = [v[at] for v in judgement.values]
        event = writer(judgement, at)
        if found[0].shape != p.exact[0].shape or event == p.parameter.start:
            continue
        if gradient is None:
            gradient = event if match(found, p.exact) is not None else None
            continue
        if (
            event <= gradient
            or event in p.parameter.updates
            or _GRADIENT.search(re.sub(r"^.*\.", "", b.name))
        ):
            continue
        direction = _direction(found, p.exact)
        squares = all(np.all(f >= 0) for f in found)
        if (direction == 0 and not squares) or (update.name == "add" and event in taken and direction > 0):
            return b
    return None


def _direction(found: list[Array], exact: list[Array]) -> int:
    """Return 1 where something goes up with a gradient in each element, -1 where it goes down, 0 where neither."""
    products = [np.sign(f) * np.sign(e) for f, e in zip(found, exact, strict=True)]
    for sign in (1, -1):
        if all(np.all(sign * x >= 0) for x in products):
            return sign
    return 0


# --- gradients that were not summed ----------------------------------------------------------------------------------


def _unsummed(judgement: Judgement, p: ParameterVerdict) -> Fault | None:
    """Return the fault of a parameter that takes the shape of its gradient, which was not summed over the samples."""
    after = p.parameter.after
    shape = p.exact[0].shape
    if after is None or judgement.values[0][after].shape == shape:
        return None
    tape = judgement.step.tape
    elsewhere: set[int] = set()
    for other in judgement.parameters:
        if other is not p:
            elsewhere |= ancestors(tape, other.parameter.terms)
    seen: dict[int, str] = {}
    aliases: list[tuple[Binding, At, Match]] = []
    for b, at in _terms(judgement, p):
        found = [v[at] for v in judgement.values]
        alias = seen.setdefault(b.cell, b.name) != b.name
        if found[0].shape == shape or not _broadcasts(shape, found[0].shape):
            continue
        how = match([_summed(f, shape) for f in found], p.exact)
        if how is None:
            continue
        if writer(judgement, at) not in elsewhere:
            return _summing(p, b, at, how)
        if alias:
            aliases.append((b, at, how))
    name = p.parameter.name
    own = [a for a in aliases if _tail(a[0].name).endswith(_tail(name))]
    for b, at, how in (own or aliases)[:1]:
        return _summing(p, b, at, how)
    return None


def _misshapen(judgement: Judgement, p: ParameterVerdict) -> Fault | None:
    """Return the fault of a parameter that takes another shape because its gradient has one axis too few or many."""
    after, shape = p.parameter.after, p.exact[0].shape
    if after is None or judgement.values[0][after].shape == shape:
        return None
    for b, at in _terms(judgement, p):
        found = [v[at] for v in judgement.values]
        how = match(found, p.exact) if found[0].size == p.exact[0].size and found[0].shape != shape else None
        if how is not None and found[0].ndim != len(shape):
            return _summing(p, b, at, how)
    return None


def _summing(p: ParameterVerdict, b: Binding, at: At, how: Match) -> Fault:
    expected = [[how.factor * e for e in p.exact]]
    return Fault(
        "gradient", b.statement, b.name, [at], expected, [(p.parameter.start, None)], how.factor, [p]
    )


def _tail(name: str) -> str:
    return re.sub(r"[\W_]", "", re.sub(r"^.*\.", "", name)).lower()


def _broadcasts(shape: tuple[int, ...], larger: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, larger) == larger
    except ValueError:
        return False


def _summed(array: Array, shape: tuple[int, ...]) -> Array:
    """Return an array summed to the shape from which it could have been broadcast."""
    array = np.sum(array, axis=tuple(range(array.ndim - len(shape))))
    return np.asarray(
        np.sum(array, axis=tuple(i for i, n in enumerate(shape) if n == 1 < array.shape[i]), keepdims=True)
    )
