"""Which loss the program descends, and what it does to each parameter and quantity, measured against it."""

from __future__ import annotations

import ast
import functools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.checking.judging.candidates import (
    MOST_MEETINGS,
    Descended,
    aligned,
    below,
    candidates,
    cells,
    independent,
    weighted,
)
from glassgrad.checking.judging.draws import Draws
from glassgrad.checking.judging.losses import Loss
from glassgrad.checking.judging.matching import Match, Meanings, match
from glassgrad.checking.judging.replay import At, Unplayable, ancestors, used_cell, writers
from glassgrad.checking.judging.scoring import score
from glassgrad.checking.judging.step import Meeting, Parameter, Step
from glassgrad.checking.recording.tape import Binding
from glassgrad.errors import CheckError, GlassgradError

__all__ = [
    "Judgement",
    "ParameterVerdict",
    "against",
    "carried",
    "goes_down",
    "judge",
    "judged_by",
    "judgements",
    "without_noise",
]

Array = np.ndarray[Any, Any]

_TINY = 1e-9
_EQUAL = 1e-6
_MOST_DECAY = 0.2
"""A step that takes more of a parameter away than this is no weight decay."""
_MOST_SECONDS = 12.0
"""Of the processor's time."""
_SECONDS_IF_PROVED = 2.0
"""After these no loss is tried any more where the program has most of its gradients by one."""
_UNPROBED = ("greater", "less", "equal", "not_equal", "arg", "negative")
"""Results that have no gradient of their own, or only another's with the other sign."""
_RANK = {"argument": 1, "assign": 2}
"""Of values with equal gradients, the one is meant that the program names."""


@dataclass(eq=False)
class ParameterVerdict:
    """What is right about one parameter.

    Attributes
    ----------
    exact
        The exact gradient on each draw.
    change
        What the step did to it on each draw, or None where the new value goes nowhere.
    step
        How the change is the gradient, or None where it is no multiple of it.
    gradient
        An event before the update that is the gradient, and how; None where none is.
    penalised
        Whether the loss that the program computes has a penalty on it, so that no other decay belongs to its step.
    """

    parameter: Parameter
    exact: list[Array]
    before: list[Array]
    change: list[Array] | None
    step: Match | None
    gradient: tuple[int, Match] | None
    penalised: bool = False

    @property
    def right(self) -> bool:
        """Whether the parameter goes down the loss."""
        if self.change is None:
            return False
        if self.step is not None:
            fits = goes_down(self.step) and not (self.penalised and self.step.decay)
            return fits or not any(map(np.any, self.exact))
        return self.gradient is not None and self.descends

    @property
    def descends(self) -> bool:
        """Whether each element goes against its gradient, as with Adam or clipping."""
        if self.change is None or self.change[0].shape != self.exact[0].shape:
            return False
        return against(self.change, self.exact)


@dataclass(eq=False)
class Judgement:
    """What was found for one loss.

    Attributes
    ----------
    descended
        The loss.
    parameters
        A verdict for each parameter.
    gradients
        On each draw, the exact gradient in each event of the forward pass.
    backward
        The events after prediction and target have met, on which an update depends.
    values
        On each draw, what those events gave, and what names were bound to.
    bindings
        The names of the program.
    after
        The events that depend on a meeting of prediction and target.
    sized
        What is known of the results that have a parameter's size.
    """

    step: Step
    draws: Draws
    descended: Descended
    parameters: list[ParameterVerdict]
    gradients: list[dict[int, Array]]
    backward: list[int]
    values: list[dict[At, Array]]
    bindings: list[Binding]
    after: set[int] = field(default_factory=set)
    score: tuple[float, ...] = ()
    sized: dict[int, list[At]] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether every parameter is right."""
        return all(p.right for p in self.parameters)

    def meaning(self, at: At) -> tuple[int, Match] | None:
        """Return which exact gradient a value is, as an event of the forward pass, and how."""
        return self.meanings.find([v[at] for v in self.values])

    @functools.cached_property
    def meanings(self) -> Meanings:
        """The exact gradients, to be found by value."""
        tape = self.step.tape
        named: dict[int, int] = {}
        for b in self.bindings:
            event = max(writers(tape, At(b.time, b.cell)))
            rank = 0 if tape.events[event].name == "renamed" else _RANK.get(b.kind, 0)
            named[event] = max(named.get(event, 0), rank)
        named |= {p.start: max(_RANK.values()) + 1 for p in self.step.parameters}
        return Meanings(self.gradients, lambda key: (key >= 0, named.get(key, 0), key))

    @functools.cached_property
    def scale(self) -> float:
        """The size of the largest exact gradient in a parameter."""
        starts = [p.start for p in self.step.parameters]
        return max(float(np.max(np.abs(g[s]), initial=0.0)) for g in self.gradients for s in starts if s in g)

    @functools.cached_property
    def moved(self) -> float:
        """The size of the largest change of a parameter."""
        cells = [(p.start, self.step.tape.events[p.start].cells[0], p.after) for p in self.step.parameters]
        ends = [(At(start + 1, cell), after) for start, cell, after in cells if after is not None]
        changes = [v[a] - v[b] for v in self.values for b, a in ends if v[a].shape == v[b].shape]
        return max((float(np.max(np.abs(c), initial=0.0)) for c in changes), default=0.0)

    def noise(self, before: list[Array]) -> float:
        """Return the size of change beside which that of a parameter may be nothing but rounding."""
        own = max(float(np.max(np.abs(b), initial=0.0)) for b in before)
        return max(1e-5 * own, self.moved)

    def result(self, event: int) -> At | None:
        """Return what an event gave."""
        made = self.step.tape.events[event]
        cell = made.target if made.target is not None else (made.cells[0] if made.cells else None)
        return None if cell is None else At(event + 1, cell)


def judge(
    step: Step, node_at: Callable[[Any], ast.AST | None], bindings: Iterable[Binding], loss: str | None = None
) -> Judgement:
    """Return the judgement by the loss of which the most is right; see `judgements`."""
    return max(judgements(step, node_at, bindings, loss), key=lambda judgement: judgement.score)


def judgements(
    step: Step, node_at: Callable[[Any], ast.AST | None], bindings: Iterable[Binding], loss: str | None = None
) -> list[Judgement]:
    """Judge a step by each loss that the program may descend, up to the first by which all is right.

    Parameters
    ----------
    step
        The step.
    node_at
        Gives the syntax of a place.
    bindings
        The names of the program.
    loss
        The name of the loss, where the user gives it.

    Raises
    ------
    CheckError
        Where nothing in the program can be taken for a loss.
    """
    bindings = [b for b in bindings if b.time <= len(step.tape.events)]
    judged: list[Judgement] = []
    known = candidates(step, bindings, loss, node_at)
    deadline = time.process_time() + _MOST_SECONDS
    problem = _try(step, known, bindings, judged, deadline)
    if loss is None and not any(j.right for j in judged):
        more = [*_of_two_outputs(judged), *weighted(step)]
        problem = _try(step, more, bindings, judged, deadline) or problem
    if not judged:
        raise problem or CheckError("no loss")
    if loss is None and judged[-1].right:
        return [_penalised(judged[-1], known, bindings)]
    return judged


def _try(
    step: Step, losses: list[Descended], bindings: list[Binding], judged: list[Judgement], deadline: float
) -> Unplayable | None:
    """Judge the step by each loss until it is right by one; return why the last cannot be differentiated, if so."""
    problem: Unplayable | None = None
    for candidate in losses:
        left = deadline - time.process_time()
        if judged and (judged[-1].right or left < 0):
            break
        if left < _MOST_SECONDS - _SECONDS_IF_PROVED and any(map(_proved, judged)):
            break
        try:
            judged.append(judged_by(step, candidate, bindings))
        except (GlassgradError, Unplayable, TypeError, ValueError) as error:
            problem = error if isinstance(error, Unplayable) else problem
    return problem


def _penalised(best: Judgement, others: list[Descended], bindings: list[Binding]) -> Judgement:
    """Return the judgement by the loss that the program computes with a penalty, where the best is that without it.

    A penalty is a term of the sum that the program says it descends; that the step is the gradient of the rest does
    not make it right.
    """
    for candidate in others:
        if candidate.loss is not None or candidate is best.descended:
            continue
        try:
            whole = judged_by(best.step, candidate, bindings)
        except (GlassgradError, Unplayable, TypeError, ValueError):
            continue
        if not any(p.penalised for p in whole.parameters):
            continue
        pairs = list(zip(whole.parameters, best.parameters, strict=True))
        moved = [(w, b) for w, b in pairs if any(map(np.any, b.exact))]
        hows = [match(w.exact, b.exact, b.before) for w, b in moved]
        if not all(h is not None and h.factor > 0 and h.decay >= 0 for h in hows):
            continue
        factors = [h.factor for h in hows if h is not None]
        if max(factors) <= min(factors) * (1 + _EQUAL):
            return whole
    return best


def _of_two_outputs(judged: list[Judgement]) -> list[Descended]:
    """Return the sum of two losses of two outputs, weighted as the parameters of each output alone are stepped."""
    parts: dict[tuple[int, ...], tuple[int, Judgement, float]] = {}
    for j in judged:
        meeting = j.descended.meeting
        moved = [p for p in j.parameters if any(map(np.any, p.exact))]
        right = [p for p in moved if p.step is not None and p.step.factor < 0]
        if meeting is None or not right or len(moved) == len(j.parameters):
            continue
        known = parts.get(meeting.events)
        if known is None or len(right) > known[0]:
            parts[meeting.events] = len(right), j, -(right[0].step.factor if right[0].step else 1.0)
    chosen = list(parts.values())
    if len(chosen) != 2:
        return []
    (_, a, ra), (_, b, rb) = chosen
    weight = rb / ra
    first, second = a.descended, b.descended
    return [
        Descended(
            first.loss,
            "",
            first.meeting,
            (*first.wanted, *second.wanted),
            lambda values: first.function(values) + weight * second.function(values),
        )
    ]


def judged_by(step: Step, descended: Descended, bindings: list[Binding]) -> Judgement:
    """Judge a step by one loss."""
    tape = step.tape
    meeting = descended.meeting
    predictions = list(descended.wanted) if meeting is None else [p for p, _ in meeting.pairs]
    targets = [
        t for m in ([meeting] if meeting else step.meetings[:1]) for p, y in m.pairs for t in cells(p, y)
    ]
    draws = Draws(step, predictions, targets)
    if descended.loss is not None and meeting is not None and not _suits(descended.loss, meeting, draws):
        raise CheckError(f"The predictions are none of {descended.loss.name.en}.")
    probed = [i for i in draws.forward if _probed(step, i)]
    exact = draws.gradients(descended.function, descended.wanted, probed)
    gradients = [g for _, g in exact]
    if not any(np.any(g[p.start]) for g in gradients for p in step.parameters if p.start in g):
        raise CheckError("The loss does not move with any parameter.")
    updates = {
        u for p in step.parameters for u in p.updates
    }  # what a loss is made of by an update is no forward pass
    forward = ancestors(tape, [w for p in predictions for w in writers(tape, p)], updates)
    met = independent(step, step.meetings[:MOST_MEETINGS])
    meetings = [i for m in met for i in m.events]
    before = ancestors(tape, [w for m in met[:1] for p, _ in m.pairs for w in writers(tape, p)])
    backward = [i for i in sorted(step.slice) if i in step.depends and i < step.end]
    after = below(step, set(meetings) if meetings else {i for i in backward if i not in forward})
    begin = min(meetings, default=0)
    backward = [i for i in backward if i not in before and (i in after or (i > begin and i not in forward))]
    judgement = Judgement(step, draws, descended, [], gradients, backward, [], bindings, after)
    wanted = {at for at in map(judgement.result, backward) if at is not None}
    for b in bindings:
        if b.time <= step.end and any(step.depends.get(w) for w in writers(tape, At(b.time, b.cell))):
            wanted.add(At(b.time, b.cell))
    ends = {}
    for p in step.parameters:
        ends[p.start] = (At(p.start + 1, tape.events[p.start].cells[0]), p.after)
        wanted |= {at for at in ends[p.start] if at is not None}
    judgement.values = draws.values(wanted)
    for p in step.parameters:
        judgement.parameters.append(_verdict(judgement, p, *ends[p.start]))
    judgement.score = score(judgement)
    return judgement


def _suits(loss: Loss, meeting: Meeting, draws: Draws) -> bool:
    """Say whether predictions and targets may be those of a loss, by the program's own numbers."""
    wanted = {at for p, y in meeting.pairs for at in (p, *cells(p, y))}
    [values] = draws.values(wanted, draws=(0,))
    return meeting.kind == "index" or all(
        loss.suits(values[p], aligned(values, p, y, meeting.kind)) for p, y in meeting.pairs
    )


def _probed(step: Step, index: int) -> bool:
    event = step.tape.events[index]
    if index not in step.depends or not (event.cells or event.target is not None):
        return False
    if event.target is not None:
        return True
    cell = step.tape.cells[event.cells[0]]
    return cell.buffer.maker == index and not event.name.startswith(_UNPROBED)


def _verdict(judgement: Judgement, p: Parameter, before: At, after: At | None) -> ParameterVerdict:
    values = judgement.values
    starts = [v[before] for v in values]
    exact = [g.get(p.start, np.zeros_like(s)) for g, s in zip(judgement.gradients, starts, strict=True)]
    exact = without_noise(exact, judgement.scale)
    change = None
    if after is not None:
        ends = [v[after] for v in values]
        if ends[0].shape == starts[0].shape:
            change = [e - s for e, s in zip(ends, starts, strict=True)]
            change = without_noise(change, judgement.noise(starts))
    how = match(change, exact, starts) if change is not None else None
    gradient = None
    if how is None:
        whole = carried(judgement, p)
        for i in reversed(judgement.backward):
            if i not in whole:
                continue
            at = judgement.result(i)
            if at is None:
                continue
            found = [v[at] for v in values]
            same = match(found, exact, starts) if found[0].size == exact[0].size else None
            if same is not None and any(np.any(g) for g in exact):
                gradient = i, same
                break
    penalised = judgement.descended.loss is None and _is_penalised(judgement, p, starts)
    return ParameterVerdict(p, exact, starts, change, how, gradient, penalised)


def _is_penalised(judgement: Judgement, p: Parameter, starts: list[Array]) -> bool:
    """Say whether a term of the loss draws a parameter towards 0: the gradient in one use of it is a multiple of it."""
    tape = judgement.step.tape
    for key in judgement.gradients[0]:
        if key >= 0 or not any(np.any(g[key]) for g in judgement.gradients):
            continue
        cell = used_cell(tape, key)
        if p.start in (cell.event, cell.buffer.maker):
            how = match([g[key] for g in judgement.gradients], starts)
            if how is not None and how.factor > 0 and not how.transposed:
                return True
    return False


def carried(judgement: Judgement, p: Parameter) -> set[int]:
    """Return the events whose results go into a parameter's update as a gradient goes into an optimiser.

    That may do with it what it likes, with what it has kept, and with all gradients together, but it takes no values
    of the forward pass to it: what meets these has still been on its way to be a gradient.
    """
    tape, depends, after = judgement.step.tape, judgement.step.depends, judgement.after
    above = ancestors(tape, p.terms)
    found, spoilt = set(), set[int]()
    for i in sorted(above & after, reverse=True):
        reads = tape.events[i].reads
        if i not in spoilt:
            found.add(i)
        if i in spoilt or any(depends.get(r) and r not in after and r != p.start for r in reads):
            spoilt.update(reads)
    return found


def goes_down(step: Match) -> bool:
    """Say whether a step goes against the gradient, and lets the parameter decay slowly or not at all."""
    return step.factor < 0 and -_MOST_DECAY < step.decay <= 0


def against(change: list[Array], exact: list[Array]) -> bool:
    """Say whether every element of a parameter moves, and against its gradient, where that is not 0."""
    return any(map(np.any, exact)) and all(
        bool(np.all((np.sign(c) == -np.sign(g)) | (np.abs(g) <= _TINY * np.max(np.abs(g), initial=0.0))))
        for c, g in zip(change, exact, strict=True)
    )


def without_noise(arrays: list[Array], scale: float) -> list[Array]:
    """Return zeros for what is nothing but rounding, such as the gradient of a bias before batch normalisation."""
    largest = max(float(np.max(np.abs(a), initial=0.0)) for a in arrays)
    return [np.zeros_like(a) for a in arrays] if largest <= 1e-11 * scale else arrays


def _proved(judgement: Judgement) -> bool:
    """Say whether the program has most of its gradients by a loss."""
    return 2 * sum(p.right for p in judgement.parameters) > len(judgement.parameters)
