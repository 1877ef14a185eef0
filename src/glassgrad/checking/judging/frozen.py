"""Parameters that training never changes, although the prediction depends on them.

Nothing on the tape tells a weight that was forgotten from a constant. Three things together do: it was drawn at
random or is named as weights and biases are, it is used as the layer's weight or bias, and it is no data.
"""

from __future__ import annotations

import re

from glassgrad.checking.judging.parts import Parameter, Step, makers
from glassgrad.checking.judging.replay import At, ancestors
from glassgrad.checking.recording.tape import Cell, Event, refs

__all__ = ["frozen"]

_DRAWN = frozenset(
    ("rand", "randn", "random", "random_sample", "ranf", "normal", "uniform", "standard_normal", "truncnorm")
)
_PRODUCTS = frozenset(("dot", "matmul", "multiply", "inner", "tensordot", "einsum", "vdot"))
_SUMS = frozenset(("add", "subtract"))
_PLACE = r"(^|[._\[\'\"])"
_END = r"(_?[a-z]{0,3}_?\d*)?[\'\"\]\d\[]*$"
_WEIGHT = re.compile(_PLACE + r"(w|weights?|theta|syn|kernel|filters?|wt|(?-i:[UV]))" + _END, re.IGNORECASE)
_BIAS = re.compile(_PLACE + r"(b|bias|biases|intercept|beta)" + _END, re.IGNORECASE)


def frozen(step: Step) -> list[Parameter]:
    """Return what the forward pass uses as a parameter and the step leaves as it is."""
    if not step.meetings:
        return []
    tape = step.tape
    before = ancestors(tape, [tape.cells[p.cell].event for p, _ in step.meetings[0].pairs])
    begin = min((i for i in step.depends if i not in {p.start for p in step.parameters}), default=step.end)
    past = ancestors(tape, [p.start for p in step.parameters])
    found: dict[int, Parameter] = {}
    for i in sorted(before):
        event = tape.events[i]
        cells = [tape.cells[r.cell] for r in refs(event.args)]
        if i >= step.end or len(cells) != 2:
            continue
        for cell, other in (cells, cells[::-1]):
            start = _start(step, cell, begin)
            if (
                start is None
                or start in past
                or start in found
                or not _is_one(step, event, cell, other, start)
            ):
                continue
            made = tape.events[start]
            found[start] = Parameter(
                start, start, At(start + 1, made.cells[0]), None, name=_name(step, start)
            )
    return list(found.values())


def _start(step: Step, cell: Cell, begin: int) -> int | None:
    """Return the event that made what a cell is a part of, if it was there before the step and is no one's state."""
    chain, buffer = makers(step.tape, cell)
    if any(step.depends.get(i) for i in chain) or buffer.maker >= begin or buffer.state is None:
        return None
    return buffer.maker


def _is_one(step: Step, event: Event, cell: Cell, other: Cell, start: int) -> bool:
    tape = step.tape
    leaf = cell.buffer.state or makers(tape, cell)[1].state
    drawn = leaf is not None and tape.events[leaf.leaf].name in _DRAWN
    name = _name(step, start)
    depends = any(step.depends.get(i) for i in makers(tape, other)[0])
    if event.name in _PRODUCTS:
        return bool(_WEIGHT.search(name)) and (drawn or depends)
    if event.name in _SUMS and depends:
        return bool(_BIAS.search(name))
    return False


def _name(step: Step, start: int) -> str:
    """Return the first name that a value had."""
    tape = step.tape
    for b in tape.bindings:
        if b.kind == "assign" and tape.cells[b.cell].buffer.maker == start:
            return b.name
    return ""
