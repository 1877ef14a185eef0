"""What is said of a program: records only, before anyone decides how they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from glassgrad.language import Lang, Text

__all__ = ["Cause", "Finding", "Gradient", "Line", "LossFound", "ProgramReport", "Quantity", "State"]

Array = np.ndarray[Any, Any]

State: TypeAlias = Literal["right", "notice", "wrong", "follows", "plain"]
"""Right; right with a notice; wrong; wrong only because of an earlier one; nothing that can be right or wrong."""


@dataclass(frozen=True, eq=False, slots=True)
class Quantity:
    """What one name of the program holds.

    Attributes
    ----------
    name
        The name as the source spells it.
    line, file
        Where it is given its value.
    meaning
        What it is in words and symbols: ``−∂E/∂z2``, "the output of sigmoid", "W2 of layer 2"; of a wrong one, what it
        should be.
    state
        Whether it is right.
    error
        The largest difference from the exact gradient, relative to its largest entry; None where nothing is compared.
    place
        The index of that difference.
    found, exact
        The value on the program's own numbers, and the exact one where there is one.
    """

    name: str
    file: str
    line: int
    meaning: Text
    state: State
    error: float | None = None
    place: tuple[int, ...] = ()
    found: Array | None = None
    exact: Array | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the program with what it makes."""

    file: str
    number: int
    source: str
    quantities: Sequence[Quantity] = ()

    @property
    def state(self) -> State:
        """The gravest state of its quantities."""
        order: tuple[State, ...] = ("wrong", "follows", "notice", "right", "plain")
        states = {q.state for q in self.quantities}
        return next((s for s in order if s in states), "plain")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a quantity is wrong, as an edit of its line that gives the exact value.

    Attributes
    ----------
    key
        ``"missing-derivative"``, ``"transposed"`` and so on; ``"unknown"`` where no edit gave the exact value.
    title
        The cause in a sentence.
    before, after
        The line as it is and as it should be; `after` is empty where none was found.
    file, line
        Where.
    confirmed
        Whether the program, run again with the corrected line, computes this gradient rightly.
    """

    key: str
    title: Text
    file: str
    line: int
    before: str
    after: str = ""
    confirmed: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Finding:
    """Something wrong: the first wrong quantity, why, and what is wrong only because of it."""

    quantity: Quantity
    sentence: Text
    cause: Cause
    follows: Sequence[str] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Gradient:
    """One parameter.

    Attributes
    ----------
    name
        Its name in the program.
    gradient, update
        Whether its gradient is right, and whether what the step does with it is.
    gradient_says, update_says
        The same in words.
    error
        The largest relative difference of the gradient from the exact one, and its place.
    exact
        The exact gradient on the program's own numbers.
    found
        What the program has for it (its step divided by the rate where it has no name), or None.
    rate
        The learning rate, where the step is a multiple of the gradient.
    """

    name: str
    shape: tuple[int, ...]
    gradient: State
    gradient_says: Text
    update: State
    update_says: Text
    error: float | None
    place: tuple[int, ...]
    exact: Array | None
    found: Array | None
    rate: float | None


@dataclass(frozen=True, slots=True)
class LossFound:
    """The loss the gradients were compared with, and how it was found.

    Attributes
    ----------
    formula
        ``½Σ(y − ŷ)²``, or the program's own name for it.
    how
        ``"given"`` (by --loss), ``"computed"`` (by the program) or ``"standard"``.
    says
        A sentence: which loss, and why this one.
    prediction, target
        What meets in it, by the program's names.
    """

    formula: str
    how: Literal["given", "computed", "standard"]
    says: Text
    prediction: str = ""
    target: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class ProgramReport:
    """All that is said of a program.

    Attributes
    ----------
    file
        The program.
    verdict
        ``"right"``, ``"notice"`` (right, with something to know) or ``"wrong"``.
    loss
        The loss that is descended.
    parameters
        A verdict each.
    findings
        What is wrong, the first in backward order first.
    notices
        What is worth knowing and not wrong.
    lines
        The listing: every line of the user's files that had a part in the step.
    draws
        On how many different parameters and inputs everything was compared.
    method
        ``"exact"`` differentiation, or ``"numeric"`` where a call cannot be differentiated.
    seconds
        How long it took.
    """

    file: str
    verdict: Literal["right", "notice", "wrong"]
    loss: LossFound
    parameters: Sequence[Gradient]
    findings: Sequence[Finding]
    notices: Sequence[Text]
    lines: Sequence[Line]
    draws: int
    method: Literal["exact", "numeric"]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict != "wrong"

    def text(self, lang: Lang = "en", *, width: int = 100, colour: bool = False) -> str:
        """Return the report for a terminal."""
        from glassgrad.checking.showing import terminal

        return terminal(self, lang, width=width, colour=colour)

    def html(self, lang: Lang = "en") -> str:
        """Return the report as a page of its own: the code on the left, what each line is on the right."""
        from glassgrad.checking.showing import page

        return page(self, lang)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        from glassgrad.checking.showing import plain

        return plain(self)

    def __str__(self) -> str:
        return self.text()
