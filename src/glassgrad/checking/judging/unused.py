"""Parameters that are left out of the updates, known by their gradients: computed as those of others are, and not used.

Every backward pass of a layer computes the gradient in its input as well, and the first layer's goes nowhere, rightly.
So what has such a gradient must not be used as an input is, and the gradient must be summed up as a parameter's is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from glassgrad.checking.judging.faults import writer
from glassgrad.checking.judging.frozen import constant
from glassgrad.checking.judging.judge import Judgement, judged_by
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.parts import MIXING, Parameter, Step, after
from glassgrad.checking.judging.replay import At, Unplayable
from glassgrad.errors import GlassgradError

__all__ = ["with_unused"]

_GRADIENT = re.compile(r"^(d|g|grads?|gradients?|nabla|delta)(?![a-z]{3})", re.IGNORECASE)
_SUMMED = MIXING | {"sum", "mean", "add.reduce"}


def with_unused(judgement: Judgement) -> Judgement:
    """Return a judgement with the parameters whose gradients the program computes and does not use."""
    step = judgement.step
    ends = list(_dead_ends(judgement))
    shapes = {step.tape.cells[at.cell].shape for at in ends}
    possible = [p for p in constant(step) if step.tape.cells[p.before.cell].shape in shapes]
    if not possible:
        return judgement
    try:
        wider = judged_by(_with(step, possible), judgement.descended, judgement.bindings)
        values = wider.draws.values(ends)
    except (GlassgradError, Unplayable, TypeError, ValueError, IndexError):
        return judgement
    gradients = [[v[at] for v in values] for at in ends]
    found = [
        v.parameter
        for v in wider.parameters
        if v.parameter in possible
        and any(map(np.any, v.exact))
        and any(g[0].shape == v.exact[0].shape and match(g, v.exact) is not None for g in gradients)
    ]
    return judged_by(_with(step, found), judgement.descended, judgement.bindings) if found else judgement


def _with(step: Step, more: list[Parameter]) -> Step:
    depends = dict(step.depends)
    bits = {p.start: 1 << i for i, p in enumerate(more, len(step.parameters))}
    for event in step.tape.events[: step.end]:
        bit = bits.get(event.index, 0)
        for read in event.reads:
            bit |= depends.get(read, 0) & -(1 << len(step.parameters))
        if bit:
            depends[event.index] = depends.get(event.index, 0) | bit
    return Step(step.tape, step.end, [*step.parameters, *more], step.slice, depends, step.meetings)


def _dead_ends(judgement: Judgement) -> Iterator[At]:
    """Yield what is called a gradient, is summed up after prediction and target met, and no update depends on."""
    step = judgement.step
    below = after(step.tape, (i for m in step.meetings[:1] for i in m.events), step.end)
    for b in judgement.bindings:
        last: Any = re.sub(r"^.*\.", "", b.name)
        if b.kind != "assign" or b.time > step.end or not _GRADIENT.search(last):
            continue
        at = At(b.time, b.cell)
        made = writer(judgement, at)
        event = step.tape.events[made]
        if made in below and made not in step.slice and (event.name in _SUMMED or event.target is not None):
            yield at
