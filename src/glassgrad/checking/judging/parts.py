"""The parts of a step of training: its parameters, and where predictions meet targets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from glassgrad.checking.judging.replay import At
from glassgrad.checking.recording.tape import Buffer, Cell, Ref, Tape, refs

__all__ = ["MIXING", "Meeting", "Parameter", "Step", "after", "continues", "makers"]


@dataclass(eq=False)
class Parameter:
    """What training changes.

    Attributes
    ----------
    start
        The event whose result is its value before the step.
    leaf
        The value from outside it was made of.
    before, after
        Its value before and after the step; `after` is None where the new value goes nowhere, or is made of nothing of
        the old one.
    updates
        The events that changed it in the step.
    terms
        What they added, as events.
    name
        What it is called.
    spelled
        Its name before the step, or how the source writes it where it is used; empty for what was stepped.
    """

    start: int
    leaf: int
    before: At
    after: At | None = None
    updates: list[int] = field(default_factory=list)
    terms: list[int] = field(default_factory=list)
    name: str = ""
    spelled: str = ""


@dataclass(frozen=True)
class Meeting:
    """Where predictions meet targets: the same place in the source, once or for each row, unit or moment.

    Attributes
    ----------
    pairs
        Prediction and target; a target is a value of the tape, or a number of the program.
    kind
        ``"value"`` where target and prediction are compared, ``"index"`` where the target is a place in the
        prediction.
    events
        The events in which they meet.
    """

    pairs: tuple[tuple[At, Any], ...]
    kind: str
    events: tuple[int, ...]


@dataclass(eq=False)
class Step:
    """The step that is judged.

    Attributes
    ----------
    end
        How many events it has, counted from the start of the tape.
    parameters
        What it changes.
    slice
        The events that the updates depend on.
    depends
        For each event of the step, the parameters it depends on, as bits.
    meetings
        Where predictions may meet targets, the likeliest first.
    """

    tape: Tape
    end: int
    parameters: list[Parameter]
    slice: set[int]
    depends: dict[int, int]
    meetings: list[Meeting]


def makers(tape: Tape, cell: Cell) -> tuple[list[int], Buffer]:
    """Return the events that made a number or view and what it was taken from, and the memory all that is in."""
    chain = [cell.event, cell.buffer.maker]
    buffer = cell.buffer
    while True:
        made = tape.events[buffer.maker]
        taken = made.name == "renamed" or (made.name == "getitem" and buffer.state is not None)
        if not taken or not isinstance(made.args[0], Ref):
            return chain, buffer
        above = tape.cells[made.args[0].cell]
        buffer = above.buffer
        chain += [above.event, buffer.maker]


def continues(tape: Tape, parameter: Parameter, below: set[int]) -> bool:
    """Say whether a parameter's new value is made of its old one, element by element, and not only of its gradient.

    Parameters
    ----------
    tape
        The tape.
    parameter
        The parameter, with the events that made its new value.
    below
        The events after prediction and target met.
    """
    shape = tape.cells[parameter.before.cell].shape
    waiting, seen = list(parameter.updates), set()
    while waiting:
        index = waiting.pop()
        if index in seen or index not in below:
            continue
        seen.add(index)
        event = tape.events[index]
        waiting += event.reads
        made = event.target if event.target is not None else (*event.cells, None)[0]
        if event.name in MIXING or event.name == "setitem" or made is None or tape.cells[made].shape != shape:
            continue
        own = [ref for ref in refs(event.args) if parameter.start in makers(tape, tape.cells[ref.cell])[0]]
        scaled = event.name in ("multiply", "divide") and not set(event.reads) & below
        if own and not scaled:
            return True
    return False


MIXING = frozenset(("dot", "matmul", "inner", "tensordot", "einsum", "vdot", "outer"))
"""Products in which each element of the result is made of many elements, or is one of all pairs."""


def after(tape: Tape, start: Iterable[int], end: int) -> set[int]:
    """Return some events and those before an end that depend on them."""
    below = set(start)
    for event in tape.events[min(below, default=end) : end]:
        if any(r in below for r in event.reads):
            below.add(event.index)
    return below
