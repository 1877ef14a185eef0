"""The parts of a step of training: its parameters, and where predictions meet targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from glassgrad.checking.judging.replay import At
from glassgrad.checking.recording.tape import Buffer, Cell, Ref, Tape

__all__ = ["Meeting", "Parameter", "Step", "makers"]


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
        Its value before and after the step; `after` is None where the new value goes nowhere.
    updates
        The events that changed it in the step.
    terms
        What they added, as events.
    """

    start: int
    leaf: int
    before: At
    after: At | None = None
    updates: list[int] = field(default_factory=list)
    terms: list[int] = field(default_factory=list)
    name: str = ""


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
    reads: dict[int, int] = field(default_factory=dict)


def makers(tape: Tape, cell: Cell) -> tuple[list[int], Buffer]:
    """Return the events that made a number or view and what it was taken from, and the memory all that is in."""
    chain = [cell.event, cell.buffer.maker]
    buffer = cell.buffer
    while True:
        made = tape.events[buffer.maker]
        if made.name != "getitem" or buffer.state is None or not isinstance(made.args[0], Ref):
            return chain, buffer
        above = tape.cells[made.args[0].cell]
        buffer = above.buffer
        chain += [above.event, buffer.maker]
