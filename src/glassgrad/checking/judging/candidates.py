"""What a program may be descending: the numbers that it computes and names as a loss, and the standard losses."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.checking.judging.losses import INDEXED, LOSSES, Loss
from glassgrad.checking.judging.parts import Meeting, Step
from glassgrad.checking.judging.replay import At, ancestors, writers
from glassgrad.checking.recording.tape import Binding, Ref, refs
from glassgrad.errors import CheckError

__all__ = ["MOST_MEETINGS", "Descended", "aligned", "below", "candidates", "cells", "independent", "weighted"]

NAMED = re.compile(
    r"(^|[._\[\'\"])(\w*(loss|cost|err(or)?|mse|sse|entropy|bce|xent|nll|objective|energy|lik(elihood)?|reward)\w*|ce|ll|(?-i:[JELC]))(_\w*)?$",
    re.IGNORECASE,
)
"""Names people give a loss."""

_CLIMBED = re.compile(r"^(?!.*(neg|nll|minus|loss|cost|err)).*(lik(elihood)?|reward|elbo)", re.IGNORECASE)
"""Names of what is to grow: the loss is its negative."""

MOST_MEETINGS = 4


@dataclass(frozen=True, eq=False)
class Descended:
    """A loss that may be what the program descends.

    Attributes
    ----------
    loss
        The standard loss it is, or None where the program computes it.
    name
        The program's name for it, or nothing.
    meeting
        Where prediction and target meet.
    wanted
        The values it is made of.
    function
        Makes it of them.
    climbed
        Whether the program's name for it says that it is to grow, as a likelihood is; the loss is its negative.
    """

    loss: Loss | None
    name: str
    meeting: Meeting | None
    wanted: tuple[At, ...]
    function: Callable[[dict[At, Any]], Any]
    climbed: bool = False


def candidates(
    step: Step, bindings: list[Binding], loss: str | None, node_at: Callable[[Any], ast.AST | None]
) -> list[Descended]:
    """Return what may be descended, the likeliest first; with the name of the loss, what has it.

    Raises
    ------
    CheckError
        Where nothing has that name.
    """
    named = [*_named(step, bindings, loss), *_sums(step, bindings, loss, node_at)]
    if loss is not None:
        if not named:
            raise CheckError(f"no loss named {loss}")
        return named
    standard: list[Descended] = []
    firsts = step.meetings[:MOST_MEETINGS]
    for meeting in firsts:
        for known in INDEXED if meeting.kind == "index" else LOSSES:
            standard.append(_standard(known, (meeting,)))
    together = independent(step, firsts)
    if len(together) > 1:
        for known in LOSSES:
            if all(m.kind == "value" for m in together):
                standard.append(_standard(known, together))
    return [*named, *standard]


def weighted(step: Step) -> list[Descended]:
    """Return standard losses whose rows are weighted by what the backward pass multiplies them with."""
    tape, found = step.tape, []
    for meeting in step.meetings[:1]:
        p, _ = meeting.pairs[0]
        rows = len(meeting.pairs) if len(meeting.pairs) > 1 else (*tape.cells[p.cell].shape, 1)[0]
        for i in sorted(below(step, set(meeting.events))):
            event = tape.events[i]
            if event.name != "multiply" or len(event.args) != 2:
                continue
            for ref in event.args:
                free = isinstance(ref, Ref) and not any(
                    step.depends.get(w) for w in writers(tape, At(i, ref.cell))
                )
                if free and int(np.prod(tape.cells[ref.cell].shape)) == rows > 1:
                    at = At(i, ref.cell)
                    found += [_standard(known, (meeting,), at) for known in LOSSES if meeting.kind == "value"]
    return found


def independent(step: Step, meetings: list[Meeting]) -> tuple[Meeting, ...]:
    """Return meetings of which none depends on another: several outputs."""
    kept: list[Meeting] = []
    for m in meetings:
        before = ancestors(step.tape, m.events)
        if not any(before & set(k.events) for k in kept):
            kept.append(m)
    return tuple(kept)


def _named(step: Step, bindings: list[Binding], loss: str | None) -> list[Descended]:
    """Return the scalars that the program computes and names as one names a loss, the last first."""
    found: dict[str, Descended] = {}
    tape = step.tape
    for b in bindings:
        name = b.name
        if b.kind == "return" and b.stack:
            name = b.stack[0].function.rpartition(".")[2]
        elif b.kind != "assign":
            continue
        if name != loss if loss is not None else not NAMED.search(name):
            continue
        at = At(b.time, b.cell)
        event = tape.events[tape.cells[b.cell].event]
        if not any(step.depends.get(w) for w in writers(tape, at)) or event.function is None:
            continue
        if b.time > step.end or tape.cells[b.cell].shape not in ((), (1,), (1, 1)):
            continue
        climbed = _CLIMBED.search(name) is not None
        function = _negative(at) if climbed else operator.itemgetter(at)
        found[name] = Descended(None, name, None, (at,), function, climbed)
    return list(found.values())


def _sums(
    step: Step, bindings: list[Binding], loss: str | None, node_at: Callable[[Any], ast.AST | None]
) -> list[Descended]:
    """Return the sums of named losses that have no name of their own: ``losses.append(data_loss + penalty)``."""
    tape = step.tape
    bound = {tape.cells[b.cell].event for b in bindings}
    terms = {d.wanted[0].cell for d in _named(step, bindings, None)}
    found: dict[str, Descended] = {}
    for event in tape.events[: step.end]:
        own = [a.cell for a in event.args if isinstance(a, Ref)] if event.name == "add" else []
        if len(own) != 2 or own[0] == own[1] or not terms.issuperset(own) or event.index in bound:
            continue
        node = node_at(event.place)
        name = ast.unparse(node) if node is not None else ""
        if name and loss in (None, name):
            at = At(event.index + 1, event.cells[0])
            found[name] = Descended(None, name, None, (at,), operator.itemgetter(at))
    return list(found.values())


def _negative(at: At) -> Callable[[dict[At, Any]], Any]:
    return lambda values: -values[at]


def _standard(loss: Loss, meetings: tuple[Meeting, ...], weights: At | None = None) -> Descended:
    wanted: list[At] = [] if weights is None else [weights]
    for m in meetings:
        for p, y in m.pairs:
            wanted.append(p)
            wanted += cells(p, y)

    def function(values: dict[At, Any]) -> Any:
        total: Any = 0.0
        for m in meetings:
            for i, (p, y) in enumerate(m.pairs):
                target = aligned(values, p, y, m.kind)
                if weights is None:
                    total = total + loss.function(values[p], target)
                elif len(m.pairs) > 1:
                    total = total + np.ravel(values[weights])[i] * loss.function(values[p], target)
                else:
                    for row, weight in enumerate(np.ravel(values[weights])):
                        total = total + weight * loss.function(values[p][row], target[row])
        return total

    return Descended(loss, "", meetings[0], tuple(wanted), function)


def cells(p: At, y: Any) -> list[At]:
    """Return the values that a target is made of."""
    return [y] if isinstance(y, At) else [At(p.time, r.cell) for r in refs(y)]


def aligned(values: dict[At, Any], p: At, y: Any, kind: str) -> Any:
    """Return a target in the shape of its prediction, or the index that it is."""
    if kind == "index":
        return _indexed(y, values, p.time)
    target = values[y] if isinstance(y, At) else y
    if np.size(target) == values[p].size and np.ndim(target) and target.shape != values[p].shape:
        return np.reshape(target, values[p].shape)
    return target


def _indexed(index: Any, values: dict[At, Any], time: int) -> Any:
    if isinstance(index, Ref):
        return np.asarray(values[At(time, index.cell)])
    if isinstance(index, (list, tuple)):
        return type(index)(_indexed(i, values, time) for i in index)
    return np.asarray(index) if isinstance(index, range) else index


def below(step: Step, start: set[int]) -> set[int]:
    """Return some events and those of the step's own that depend on them."""
    found = set(start)
    for index in sorted(step.slice):
        if index not in found and any(r in found for r in step.tape.events[index].reads):
            found.add(index)
    return found
