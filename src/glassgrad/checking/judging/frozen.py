"""Parameters that no additive update shows, although the prediction depends on them.

A weight that is overwritten is found by what is read where it was read: the next step reads there what this one made
after prediction and target had met. Nothing on the tape tells a weight that never changes from a constant. What does:
a new value was made of it and lost; another parameter is read at the same place, as in a loop over layers, or has the
same name but for a number; its gradient is computed and not used; it was drawn at random or is named as weights and
biases are, and is used as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from glassgrad.checking.judging.parts import MIXING, Parameter, Step, after, continues, makers
from glassgrad.checking.judging.replay import At, ancestors, writers, writes
from glassgrad.checking.recording.tape import Buffer, Cell, Event, Place, Tape, refs

__all__ = ["constant", "frozen"]

_DRAWN = frozenset(
    ("rand", "randn", "random", "random_sample", "ranf", "normal", "uniform", "standard_normal", "truncnorm")
)
_PRODUCTS = MIXING | {"multiply"}
_SUMS = frozenset(("add", "subtract"))
_PLACE = r"(^|[._\[\'\"])"
_END = r"(_?[a-z]{0,3}_?\d*|(_[a-z]+)+_?\d*)?[\'\"\]\d\[]*$"
_WEIGHT = re.compile(
    _PLACE + r"(w|weights?|theta|syn|coefs?|kernel|filters?|filt|emb(edding)?s?|wt|(?-i:[UV]))" + _END,
    re.IGNORECASE,
)
_BIAS = re.compile(_PLACE + r"(b|bias|biases|intercepts?|beta)" + _END, re.IGNORECASE)
_GRADIENT = re.compile(r"(d[a-z]?_?d?|g|grads?|gradients?|nabla|delta)_*", re.IGNORECASE)
_MOST_MEETINGS = 4

_Slot = tuple[str, tuple[Place, ...], int]
"""A place in the source where something is read: the call, where it stands, and which of its arguments."""


@dataclass
class _Candidate:
    """A value from before the step that the forward pass reads, and where it does."""

    start: int
    cell: int
    uses: list[tuple[int, _Slot, list[Cell]]] = field(default_factory=list)

    def still(self) -> Parameter:
        """Return it as a parameter that the step leaves as it is."""
        return Parameter(self.start, self.start, At(self.start + 1, self.cell))


def frozen(step: Step) -> list[tuple[Parameter, int, int]]:
    """Return what the forward pass uses as a parameter, and the step overwrites or leaves as it is.

    Parameters
    ----------
    step
        The step, with the parameters to which something is added.

    Returns
    -------
    list of (Parameter, int, int)
        Each with the first event that uses it, and as which of its arguments.
    """
    return _Search(step).found() if step.meetings else []


def constant(step: Step) -> list[Parameter]:
    """Return what the forward pass uses as it uses parameters, and no step changes: only its gradient shows one.

    Inputs are not among them: they are multiplied with parameters, or have a row for each prediction.
    """
    if not step.meetings:
        return []
    search = _Search(step)
    rows = (*step.tape.cells[step.meetings[0].pairs[0][0].cell].shape, 1)[0]
    found = []
    for c in search._candidates():
        data = rows > 1 and (*step.tape.cells[c.cell].shape, 1)[0] == rows
        like = all(
            not others or search._like_a_parameter(i, slot[0], others) or (rows > 1 and slot[0] in _SUMS)
            for i, slot, others in c.uses
        )
        if like and not data:
            parameter = c.still()
            parameter.spelled = search.names.get(c.start, [""])[0]
            found.append(parameter)
    return found


class _Search:
    """The search in one step."""

    def __init__(self, step: Step) -> None:
        self.step, self.tape = step, step.tape
        self.known = {p.start for p in step.parameters}
        self.past = ancestors(self.tape, self.known)
        pairs = [p for m in step.meetings[:_MOST_MEETINGS] for p, _ in m.pairs]
        self.forward = ancestors(self.tape, [w for p in pairs for w in writers(self.tape, p)])
        self.begin = self._begin()
        self.below = after(self.tape, step.meetings[0].events, step.end)
        self.again = self._again()
        self.slots = self._slots(self.begin, self.again)
        self.names = self._names()
        self.later: dict[_Slot, list[int | None]] | None = None

    def found(self) -> list[tuple[Parameter, int, int]]:
        """Return the parameters, each with its first use."""
        found = []
        rest = self._candidates()
        for shows in (self._replaced, self._related, self._used_as_one, self._has_gradient):
            for c in list(rest):
                parameter = shows(c)
                if parameter is not None:
                    rest.remove(c)
                    self.known.add(c.start)
                    parameter.spelled = self.names.get(c.start, [""])[0]
                    found.append((parameter, c.uses[0][0], c.uses[0][1][2]))
        return found

    # -- what there is -------------------------------------------------------------------------------------------

    def _begin(self) -> int:
        """Return the first event of the step: the first whose place in the source comes again after it."""
        step = self.step
        again = {(e.name, e.stack) for e in self.tape.events[step.end :]}
        first = min((i for i in step.depends if i not in self.known), default=step.end)
        repeated = (i for i in sorted(self.forward) if ((e := self.tape.events[i]).name, e.stack) in again)
        return min(next(repeated, first), first)

    def _again(self) -> int:
        """Return the first event of the next step, which reads what is never updated before what is."""
        first = self.tape.events[self.begin]
        last = max((u for p in self.step.parameters for u in p.updates), default=self.step.end)
        for event in self.tape.events[last + 1 : self.step.end]:
            if (event.name, event.stack) == (first.name, first.stack):
                return event.index
        return self.step.end

    def _slots(self, begin: int, end: int) -> dict[_Slot, list[int | None]]:
        """Return what each place reads between two events, in order, each once: None for what the step made."""
        found: dict[_Slot, list[int | None]] = {}
        for event in self.tape.events[begin:end]:
            for slot, cell in _read(self.tape, event):
                start = self._start(cell, event.index)
                reads = found.setdefault(slot, [])
                if start not in reads:
                    reads.append(start)
        return found

    def _start(self, cell: Cell, time: int) -> int | None:
        """Return the event from before the step that made what a cell is a part of; None where the step made it."""
        chain, buffer = makers(self.tape, cell)
        if buffer.maker >= self.begin or any(self.begin <= i < time for i in self._writes(buffer)):
            return None
        outer = [i for i in reversed(chain) if i < self.begin]
        return next((i for i in outer if i in self.known or i not in self.past), outer[0])

    def _writes(self, buffer: Buffer) -> list[int]:
        return writes(self.tape).get(id(buffer), [])

    def _candidates(self) -> list[_Candidate]:
        found: dict[int, _Candidate] = {}
        for i in sorted(self.forward):
            event = self.tape.events[i]
            if not self.begin <= i < self.step.end:
                continue
            read = list(_read(self.tape, event))
            for slot, cell in read[event.name == "setitem" :]:  # what is written into is not read
                start, buffer = self._start(cell, i), makers(self.tape, cell)[1]
                if start is None or start in self.known or start in self.past or buffer.state is None:
                    continue
                if any(self.begin <= w < self.step.end and w not in self.below for w in self._writes(buffer)):
                    continue
                c = found.setdefault(start, _Candidate(start, self.tape.events[start].cells[0]))
                c.uses.append((i, slot, [other for _, other in read if other is not cell]))
        return list(found.values())

    def _names(self) -> dict[int, list[str]]:
        """Return for each value the names it was given before the step."""
        found: dict[int, list[str]] = {}
        for b in self.tape.bindings:
            cell = self.tape.cells[b.cell]
            for start in (
                {cell.event, cell.buffer.maker} if b.kind == "assign" and b.time <= self.begin else ()
            ):
                if b.name not in found.setdefault(start, []):
                    found[start].append(b.name)
        return found

    # -- what shows that one is a parameter ------------------------------------------------------------------------

    def _replaced(self, c: _Candidate) -> Parameter | None:
        return self._overwritten(c) or self._lost(c)

    def _overwritten(self, c: _Candidate) -> Parameter | None:
        """Return a parameter in whose place the next step reads what this one made after prediction and target met."""
        own = self.tape.cells[c.cell].buffer
        written = [i for i in self._writes(own) if self.begin <= i < self.step.end]
        if written:
            return self._new(c, written, c.cell)
        for _, slot, _ in c.uses:
            now = self.slots.get(slot, [])
            new = self._next(slot, now.index(c.start))
            if new is not None and self.begin <= new < self.step.end and new in self.below - self.forward:
                return self._new(c, [new], self.tape.events[new].cells[0])
        return None

    def _new(self, c: _Candidate, made: list[int], cell: int) -> Parameter:
        p = Parameter(c.start, c.start, At(c.start + 1, c.cell), None, made, list(made))
        if continues(self.tape, p, self.below):
            p.after = At(self.step.end, cell)
        return p

    def _next(self, slot: _Slot, place: int) -> int | None:
        """Return what made the value that is read after the step as a place's n-th."""
        if self.later is None:
            self.later = {}
            for event in self.tape.events[self.again :]:
                for there, cell in _read(self.tape, event):
                    made = makers(self.tape, cell)[1].maker
                    maker = made if made < self.again else None
                    seen = self.later.setdefault(there, [])
                    if maker not in seen:
                        seen.append(maker)
        found = self.later.get(slot, [])
        return found[place] if place < len(found) else None

    def _lost(self, c: _Candidate) -> Parameter | None:
        """Return a parameter of which a new value is made that goes nowhere."""
        shape = self.tape.cells[c.cell].shape
        for i in sorted(self.below):
            event = self.tape.events[i]
            if event.name not in _SUMS or not event.cells:
                continue
            operands = [cell for _, cell in _read(self.tape, event)]
            own = [x for x in operands if c.start in makers(self.tape, x)[0]]
            others = [x for x in operands if x not in own]
            if not own or not others or (event.name == "subtract" and own[0] is not operands[0]):
                continue
            at = At(i, others[0].index)
            if self.tape.cells[event.cells[0]].shape == own[0].shape == shape and any(
                w in self.below for w in writers(self.tape, at)
            ):
                term = max(writers(self.tape, at))
                return Parameter(
                    c.start, c.start, At(c.start + 1, c.cell), At(self.step.end, c.cell), [i], [term]
                )
        return None

    def _related(self, c: _Candidate) -> Parameter | None:
        """Return a parameter if a parameter is read where it is read, or has its name but for a number."""
        for _, slot, _ in c.uses:
            reads = self.slots.get(slot, [])
            if None not in reads and self.known & set(reads):
                return c.still()
        families = {_family(name) for start in self.known for name in self.names.get(start, ())}
        same = any("#" in f and f in families for f in map(_family, self.names.get(c.start, ())))
        return c.still() if same else None

    def _used_as_one(self, c: _Candidate) -> Parameter | None:
        """Return a parameter if it is used as a weight or bias is, and drawn at random, zero or named so."""
        made = self.tape.cells[c.cell].buffer
        leaf = made.state.leaf if made.state is not None else c.start
        drawn = self.tape.events[leaf].name.rpartition(".")[2] in _DRAWN
        names = self.names.get(c.start, ())
        for i, (name, _, _), others in c.uses:
            depends = any(
                self.step.depends.get(w) for o in others for w in writers(self.tape, At(i, o.index))
            )
            if (drawn or (depends and name in _PRODUCTS)) and any(map(_WEIGHT.search, names)):
                return c.still()
            if name in _SUMS and depends and (any(map(_BIAS.search, names)) or self._zero(c, leaf)):
                return c.still()
        return None

    def _zero(self, c: _Candidate, leaf: int) -> bool:
        """Say whether it is a row or column of zeros: there is no other use for adding one."""
        value = np.asarray(self.tape.events[leaf].value)
        return value.size > 1 and not np.any(value) and value.size == max(value.shape)

    def _has_gradient(self, c: _Candidate) -> Parameter | None:
        """Return a parameter if a value that is named as its gradient is computed; those of inputs are as well."""
        if any(others and not self._like_a_parameter(i, slot[0], others) for i, slot, others in c.uses):
            return None
        shape = self.tape.cells[c.cell].shape
        named = {_last(name) for name in self.names.get(c.start, ())}
        for b in self.tape.bindings:
            cell = self.tape.cells[b.cell]
            if b.kind != "assign" or b.time > self.step.end or cell.shape != shape:
                continue
            if not any(w in self.below for w in writers(self.tape, At(b.time, b.cell))):
                continue
            if any(_is_gradient(_last(b.name), name) for name in named):
                return c.still()
        return None

    def _like_a_parameter(self, time: int, name: str, others: list[Cell]) -> bool:
        """Say whether what it is used with comes of parameters, and is none: inputs are used with parameters."""
        own = any(self._start(o, time) in self.known for o in others)
        depends = any(self.step.depends.get(w) for o in others for w in writers(self.tape, At(time, o.index)))
        return depends and not (own and name in _PRODUCTS)


def _family(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _last(name: str) -> str:
    """Return the last part of a name, with its indices."""
    return re.sub(r"^([^\[]*\.)", "", name)


def _is_gradient(name: str, parameter: str) -> bool:
    """Say whether a name is another's with what gradients are called before it: ``db[1]`` and ``b[1]``."""
    return (
        name != parameter
        and name.endswith(parameter)
        and _GRADIENT.fullmatch(name[: -len(parameter)]) is not None
    )


def _read(tape: Tape, event: Event) -> Iterator[tuple[_Slot, Cell]]:
    """Yield what an event reads, and where."""
    for position, ref in enumerate(refs((event.args, event.kwargs))):
        yield (event.name, event.stack, position), tape.cells[ref.cell]
