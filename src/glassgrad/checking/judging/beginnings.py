"""Values as training finds them: what a program writes into its weights before it uses them is not part of a step.

Weights are made with `zeros` and then filled in place, or drawn and then scaled in place. Played again on other
numbers, such a write would undo them; so the parameter begins as a value from outside with all of that done.
"""

from __future__ import annotations

from typing import Any

from glassgrad.checking.judging.parts import Parameter
from glassgrad.checking.judging.replay import At, Replay, writes
from glassgrad.checking.recording.tape import Event, Tape, refs

__all__ = ["settle"]


def settle(tape: Tape, parameter: Parameter) -> None:
    """Make the value with which a parameter is first used the one that it begins with.

    Parameters
    ----------
    tape
        The tape, of which the events that set the parameter up are emptied.
    parameter
        The parameter.
    """
    start = tape.events[parameter.start]
    if not start.cells:
        return
    cell = tape.cells[start.cells[0]]
    first = min(parameter.updates, default=len(tape.events))
    early = [i for i in writes(tape).get(id(cell.buffer), ()) if parameter.start < i < first]
    if not early:
        return
    own = {_line(tape.events[i]) for i in early}  # what a line reads that it writes again is no use
    reads = (i for i in range(parameter.start + 1, early[-1]) if _line(tape.events[i]) not in own)
    used = next((i for i in reads if _uses(tape, tape.events[i], cell.buffer)), first)
    early = [i for i in early if i < used]
    if not early:
        return
    at = At(early[-1] + 1, cell.index)
    start.value = Replay(tape, [at]).run({})[at]
    start.function, start.args, start.kwargs, start.reads = None, (), {}, ()
    for i in early:
        event = tape.events[i]
        event.function, event.name, event.args, event.kwargs, event.reads = (
            _nothing,
            "settled",
            (),
            {},
            (start.index,),
        )


def _line(event: Event) -> tuple[str, int]:
    return (event.place.file, event.place.line) if event.place is not None else ("", 0)


def _uses(tape: Tape, event: Event, buffer: Any) -> bool:
    """Say whether an event takes numbers out of some memory, and does not only look at a part of it or write it."""
    if not any(tape.cells[ref.cell].buffer is buffer for ref in refs((event.args, event.kwargs))):
        return False
    made = event.cells[0] if event.target is None and event.cells else event.target
    return made is None or tape.cells[made].buffer is not buffer


def _nothing() -> None:
    """Stand for a write that was made before the step began."""
