"""What can be wrong in a program: a quantity of its backward pass, or what an update does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.matching import Match
from glassgrad.checking.judging.replay import At, writers
from glassgrad.checking.recording.tape import Binding, Place

__all__ = ["Fault", "Named", "named_quantities", "writer"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Named:
    """A name of the program at a moment: where it was bound, and which event its value is of."""

    binding: Binding
    at: At
    event: int


@dataclass(eq=False)
class Fault:
    """Something wrong.

    Attributes
    ----------
    kind
        ``"gradient"``: a quantity is not what it should be; ``"update"``: a right gradient is used wrongly, or not;
        ``"precision"``: a right formula keeps too few digits.
    statement
        The number of the statement that makes it; −1 where there is none.
    name
        The quantity, or the parameter.
    values
        Where the statement's wrong results are, in the order in which they were made.
    expected
        For each of them what it should be, on each draw.
    of
        For each of them the key of that gradient in `Judgement.gradients`, and which element of it, or None.
    factor
        The constant with which the program carries its gradients there.
    parameters
        The parameters that become right with it.
    follows
        Names of quantities that were wrong only because of it.
    place
        Where the wrong value is computed, if not in the statement itself.
    meant
        Which gradients those quantities are once the fault is mended.
    part
        The part of the parameter that gets no step where the rest gets its own, as an index: ``"[0]"``.
    """

    kind: str
    statement: int
    name: str
    values: list[At]
    expected: list[list[Array]]
    of: list[tuple[int, int | None]]
    factor: float
    parameters: list[ParameterVerdict]
    follows: list[str] = field(default_factory=list)
    place: Place | None = None
    meant: dict[str, tuple[int, Match]] = field(default_factory=dict)
    part: str = ""

    def given(self, judgement: Judgement, draw: int) -> dict[int, Array]:
        """Return the replay's results that put the exact values in place."""
        return {writer(judgement, at): e[draw] for at, e in zip(self.values, self.expected, strict=True)}

    def should_be(self, judgement: Judgement) -> tuple[int, int | None]:
        """Return which gradient the first result should be: of equal ones, that in a value with a name."""
        meaning = judgement.meanings.find(self.expected[0])
        return self.of[0] if meaning is None or meaning[1].transposed else (meaning[0], meaning[1].element)


def named_quantities(judgement: Judgement) -> list[Named]:
    """Return the names bound after prediction and target met, in order."""
    backward = set(judgement.backward)
    found: dict[tuple[int, int, int], Named] = {}
    depths: dict[int, int] = {}
    whole: dict[tuple[int, int], Named] = {}
    held: dict[int, set[int]] = {}
    for b in judgement.bindings:
        at = At(b.time, b.cell)
        if b.kind not in ("assign", "whole") or at not in judgement.values[0]:
            continue
        event = writer(judgement, at)
        if event not in backward or judgement.values[0][at].dtype.kind != "f":
            continue
        named = Named(b, at, event)
        depth = depths.setdefault(event, len(b.stack))
        handed = len(b.stack) < depth or (b.name.endswith("]") and b.kind == "assign")
        if handed and held.get(event, set()) - {b.statement}:
            continue  # packed into a container, or handed to the caller: it has its name already
        held.setdefault(event, set()).add(b.statement)
        if b.kind == "whole":
            whole[b.statement, b.cell] = named
        else:
            found.setdefault((b.statement, b.cell, event), named)
    return sorted([*found.values(), *whole.values()], key=lambda named: (named.at.time, named.event))


def writer(judgement: Judgement, at: At) -> int:
    """Return the event that a value is of."""
    return max(writers(judgement.step.tape, at))
