"""Right formulas that keep too few digits: float16, or arrays of whole numbers that cut off what is written into them.

The step is judged in float64, whatever the program computes in, so that rounding is never taken for a wrong formula.
What the program itself had is compared here.
"""

from __future__ import annotations

import numpy as np

from glassgrad.checking.judging.faults import Fault, writer
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.replay import At, ancestors

__all__ = ["coarse_value", "whole_numbers"]

_COARSE = 1e-4
"""Relative; float32 keeps three digits more than this, float16 not as many."""
_COARSE_STEP = 1e-2
"""Relative to a step, which is small beside the parameter."""


def coarse_value(judgement: Judgement) -> Fault | None:
    """Return the first value of the backward pass that float64 gives otherwise, if the parameters get it."""
    backward = set(judgement.backward)
    for b in judgement.bindings:
        at = At(b.time, b.cell)
        if b.value is None or b.kind not in ("assign", "whole") or at not in judgement.values[0]:
            continue
        exact = judgement.values[0][at]
        event = writer(judgement, at)
        if event not in backward or exact.dtype.kind != "f" or b.value.shape != exact.shape:
            continue
        with np.errstate(all="ignore"):
            off = float(np.max(np.abs(np.asarray(b.value, dtype=np.float64) - exact), initial=0.0))
        touched = [
            p for p in judgement.parameters if event in ancestors(judgement.step.tape, p.parameter.terms)
        ]
        if touched and off > _COARSE * float(np.max(np.abs(exact), initial=0.0)):
            expected = [[v[at] for v in judgement.values]]
            return Fault("precision", b.statement, b.name, [at], expected, [], 1.0, touched)
    return _coarse_update(judgement)


def _coarse_update(judgement: Judgement) -> Fault | None:
    """Return the fault of a parameter whose step is rounded within its update, where nothing before has a name."""
    tape = judgement.step.tape
    for p in judgement.parameters:
        above = ancestors(tape, p.parameter.terms)
        if p.change is None or not any(i in above for i in tape.cache.get("unrounded", ())):
            continue
        for b in judgement.bindings:
            at = At(b.time, b.cell)
            if b.kind != "assign" or b.value is None or writer(judgement, at) not in p.parameter.updates:
                continue
            if b.value.shape != p.change[0].shape:
                continue
            off = np.max(
                np.abs(np.asarray(b.value, dtype=np.float64) - p.before[0] - p.change[0]), initial=0.0
            )
            if off > _COARSE_STEP * float(np.max(np.abs(p.change[0]), initial=0.0)):
                return Fault("precision", b.statement, b.name, [], [], [], 1.0, [p])
            break
    return None


def whole_numbers(judgement: Judgement, p: ParameterVerdict) -> Fault | None:
    """Return the fault of a parameter whose gradient goes through an array of whole numbers."""
    above = ancestors(judgement.step.tape, p.parameter.terms)
    backward = set(judgement.backward)
    for b in judgement.bindings:
        if b.value is None or b.kind != "whole" or b.value.dtype.kind not in "iu":
            continue
        event = writer(judgement, At(b.time, b.cell))
        if event in above and event in backward:
            return Fault("precision", b.statement, b.name, [], [], [], 1.0, [p])
    return None
