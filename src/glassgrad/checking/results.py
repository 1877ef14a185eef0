"""What a check of gradients says: whether each gradient is right, and if not, where and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from glassgrad.checking.sentences import COUNTED, HEADER, OTHER_SHAPE, VERDICTS, at_place
from glassgrad.errors import OptionError, did_you_mean
from glassgrad.explaining.document import Block, Cell, Document, Paragraph, Section, Table
from glassgrad.language import Lang, Text, short

__all__ = ["CheckedGradient", "GradientCheck", "Verdict"]

Array = np.ndarray[Any, Any]
Verdict: TypeAlias = Literal["right", "notice", "wrong"]

_LISTED = 6
"""How many elements of a wrong gradient a report shows."""


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class CheckedGradient:
    """One gradient, as its author computes it, beside the exact and the numeric one.

    Attributes
    ----------
    name
        The parameter or argument it belongs to.
    verdict
        ``"right"``; ``"notice"``: right, and something is to be said; or ``"wrong"``.
    cause
        What is wrong or to be said, for programs: ``"zero"``, ``"factor"``, ``"sign"``, ``"transposed"``, ``"summed"``
        (a sum over the batch is missing), ``"broadcast"``, ``"reshaped"``, ``"shape"``, ``"other"`` (the gradient of
        another parameter), ``"flat"``, ``"nan"``, ``"kink"``, ``"jump"``, ``"precision"``, ``"blocked"`` (the exact
        gradient is not the slope), ``"inputs"`` (right at the inputs given only); None where there is nothing
        to say, or it is none of these.
    factor
        The constant by which it is off, where there is one; else None.
    error, at
        The largest relative error |a − b| / max(|a|, |b|, scale) and its place; None where shapes differ.
    wrong, size
        How many elements are wrong, and how many there are.
    given
        As the backward pass computes it, float64, at the first point where it is wrong; else where it was asked for.
    exact
        As differentiating the forward code gives it there; None where that was not possible.
    numeric, numeric_error
        As differences give it there, and what they may be off by; NaN for the elements that were not looked at.
    sampled
        How many elements differences were taken of.
    findings
        What is to be said, in sentences.
    """

    name: str
    verdict: Verdict
    cause: str | None
    factor: float | None
    error: float
    at: tuple[int, ...] | None
    wrong: int
    size: int
    given: Array
    exact: Array | None
    numeric: Array
    numeric_error: Array
    sampled: int
    findings: tuple[Text, ...] = ()

    @property
    def right(self) -> Array:
        """The gradient that it should be: exact, or numeric where there is no exact one."""
        return self.numeric if self.exact is None else self.exact

    def __str__(self) -> str:
        place = f" at {at_place(self.name, self.at)}" if self.at and self.verdict == "wrong" else ""
        cause = f"{self.cause}, " if self.cause else ""
        return f"{self.name} {self.verdict} ({cause}{short(self.error)}{place})"

    def __repr__(self) -> str:
        return f"CheckedGradient({self})"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class GradientCheck:
    """What `gg.check` found. It is true where every gradient is right, so that ``assert gg.check(...)`` is a test.

    Attributes
    ----------
    label
        The function that was checked.
    gradients
        What was found of each gradient; ``check["W1"]`` is one of them.
    faults
        What else is wrong.
    notes
        How it was checked, where that is not plain.
    points
        At how many parameters and inputs it was checked.

    Examples
    --------
    >>> import numpy as np
    >>> import glassgrad as gg
    >>> loss = lambda w, x: np.sum((x @ w) ** 2)
    >>> found = gg.check(loss, lambda w, x: x.T @ (x @ w), np.array([1.0, 2.0]), (np.array([[1.0, 3.0]]),))
    >>> found.ok, found["w"].verdict, found["w"].cause, found["w"].factor
    (True, 'notice', 'factor', 0.5)
    """

    label: str
    gradients: tuple[CheckedGradient, ...]
    faults: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    points: int = 1

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; there may be notices."""
        return not self.faults and not any(g.verdict == "wrong" for g in self.gradients)

    def __bool__(self) -> bool:
        return self.ok

    def __len__(self) -> int:
        return len(self.gradients)

    def __iter__(self) -> Iterator[CheckedGradient]:
        return iter(self.gradients)

    def __getitem__(self, name: str | int) -> CheckedGradient:
        """Return what was found of the gradient of one parameter, by its name or number."""
        if isinstance(name, int):
            return self.gradients[name]
        for one in self.gradients:
            if one.name == name:
                return one
        names = [g.name for g in self.gradients]
        raise OptionError(f"there is no gradient of {name!r} here. {did_you_mean(name, names)}")

    def document(self) -> Document:
        """Return the check as a document: an overview, then a section for each gradient with something to say."""
        bad = [g.name for g in self.gradients if g.verdict == "wrong"]
        blocks: list[Block] = [Paragraph(_summary(self, bad), "plain" if self.ok else "warning")]
        blocks += [Paragraph(text, "warning") for text in self.faults]
        rows: list[tuple[Cell, ...]] = []
        for g in self.gradients:
            place = at_place(g.name, g.at) if g.at and g.error > 0 else None
            counted = COUNTED.fill(n=g.sampled, size=g.size)
            error = OTHER_SHAPE if g.given.shape != g.right.shape else g.error
            rows.append((g.name, VERDICTS[g.verdict], error, place, counted))
        blocks.append(Table(HEADER, rows))
        blocks += [Paragraph(text) for text in self.notes]
        sections = [Section("overview", _OVERVIEW, blocks)]
        for g in self.gradients:
            if g.findings:
                kind = "warning" if g.verdict == "wrong" else "plain"
                told: list[Block] = [Paragraph(text, kind) for text in g.findings[:1]]
                told += [Paragraph(text) for text in g.findings[1:]]
                title = _SECTION.fill(name=g.name, verdict=VERDICTS[g.verdict])
                sections.append(Section(f"gradient-{g.name}", title, [*told, *_worst(g)]))
        return Document(_TITLE.fill(name=self.label), sections)

    def text(self, *, lang: Lang = "en", width: int = 100, colour: bool = False) -> str:
        """Return the check for a terminal of a width, in colour where it is asked for."""
        from glassgrad.explaining.render.terminal import terminal

        return terminal(self.document(), lang, width, colour=colour)

    def html(self, *, lang: Lang = "en") -> str:
        """Return the check as one page that works offline."""
        from glassgrad.explaining.render.html import html

        return html(self.document(), lang)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from glassgrad.explaining.render.notebook import mimebundle

        return mimebundle(self.document(), "en")

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"GradientCheck({self.label}: {'; '.join(map(str, self.gradients))})"


def _summary(check: GradientCheck, bad: list[str]) -> Text:
    n = len(check.gradients)
    if bad:
        return _BAD.fill(bad=", ".join(bad), k=len(bad), n=n, points=check.points)
    if check.faults:
        return _FAULTY
    notices = [g.name for g in check.gradients if g.verdict == "notice"]
    if notices:
        return _NOTICED.fill(n=n, names=", ".join(notices), points=check.points)
    return _GOOD.fill(n=n, points=check.points)


def _worst(g: CheckedGradient) -> Iterator[Table]:
    """Yield the elements that are furthest off, of a gradient that is."""
    if g.verdict != "wrong" or g.given.shape != g.right.shape or not g.size:
        return
    with np.errstate(all="ignore"):
        off = np.abs(g.given - g.right)
    order = np.argsort(-np.nan_to_num(off, nan=-1.0, posinf=np.inf), axis=None, kind="stable")[:_LISTED]
    rows: list[tuple[Cell, ...]] = []
    for i in order:
        index = tuple(int(k) for k in np.unravel_index(int(i), g.given.shape))
        exact = None if g.exact is None else float(g.exact[index])
        numeric = float(g.numeric[index])
        shown = None if np.isnan(numeric) else numeric
        rows.append((at_place(g.name, index), float(g.given[index]), exact, shown))
    yield Table(_COLUMNS, rows, _FURTHEST)


_TITLE = Text("The gradients of {name}, checked", "{name}의 기울기 확인")
_OVERVIEW = Text("What was found", "찾은 것")
_SECTION = Text("{name}: {verdict}", "{name}: {verdict}")
_BAD = Text(
    "Wrong: {bad} ({k} of {n} gradients), checked at {points} points.",
    "틀림: {bad} (기울기 {n}개 가운데 {k}개). 점 {points}개에서 확인했다.",
)
_FAULTY = Text("The gradients are right, but something else is wrong.", "기울기는 옳지만 다른 것이 틀렸다.")
_NOTICED = Text(
    "Right: {n} of {n} gradients, with a notice on {names}; checked at {points} points.",
    "옳음: 기울기 {n}개 가운데 {n}개. {names:은/는} 알릴 것이 있다. 점 {points}개에서 확인했다.",
)
_GOOD = Text(
    "Right: {n} of {n} gradients, checked at {points} points.",
    "옳음: 기울기 {n}개 가운데 {n}개. 점 {points}개에서 확인했다.",
)
_COLUMNS = (
    Text("element", "원소"),
    Text("yours", "계산한 값"),
    Text("exact", "정확한 값"),
    Text("numeric", "수치 미분"),
)
_FURTHEST = Text("The elements that are furthest off", "가장 많이 어긋난 원소")
