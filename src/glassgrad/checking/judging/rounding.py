"""Gradients that are rounded on their way: floor division, arrays of whole numbers, conversions to whole numbers.

Such an operation has the derivative zero nearly everywhere, so nobody means it in a gradient. It is taken off the tape,
as float16 is, so that the formula is judged first; the program's own numbers are compared with it afterwards.
"""

from __future__ import annotations

import numpy as np

from glassgrad.checking.judging.parts import Step, after
from glassgrad.checking.recording.tape import Event, Tape

__all__ = ["unrounded"]

_ROUNDING = frozenset(("floor", "ceil", "trunc", "rint", "round", "around", "fix"))


def unrounded(step: Step) -> None:
    """Take the rounding off what a step computes after prediction and target met; of a truncated prediction too."""
    tape = step.tape
    met = [i for meeting in step.meetings[:1] for i in meeting.events]
    below = after(tape, met, step.end) if met else step.slice
    for index in sorted(step.slice & step.depends.keys()):
        event = tape.events[index]
        if index >= step.end:
            break
        before = (event.function, event.args, event.kwargs)
        if event.name == "floor_divide":
            event.function, event.name = np.true_divide, "divide"
        elif event.name == "int" or (event.name in _ROUNDING and index in below and event.target is None):
            event.function, event.name, event.args, event.kwargs = np.positive, "positive", event.args[:1], {}
        elif index in below:
            _as_floats(tape, event)
        if before != (event.function, event.args, event.kwargs):
            tape.cache.setdefault("unrounded", []).append(index)


def _as_floats(tape: Tape, event: Event) -> None:
    """Let what is made or written be floats, where the program makes it whole numbers."""
    if event.name == "astype" and np.dtype(event.args[1]).kind in "iu":
        event.args = (event.args[0], np.float64)
    dtype = event.kwargs.get("dtype")
    if dtype is not None and np.dtype(dtype).kind in "iu":
        event.kwargs = {**event.kwargs, "dtype": np.float64}
    if event.target is not None:
        made = tape.events[tape.cells[event.target].buffer.maker]
        if made.function is None and np.asarray(made.value).dtype.kind in "iu":
            made.value = np.asarray(made.value, dtype=np.float64)
