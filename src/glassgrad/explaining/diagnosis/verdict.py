"""What a diagnosis says: verdicts, each with its place, its evidence, its cause and its cure.

A verdict that only names a fault teaches nothing and cannot be checked. So each carries the number that it rests on,
measured on the network at hand, and a sentence with that number in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, overload

from glassgrad.explaining.document import Document, Paragraph, Section, Table
from glassgrad.language import Lang, Text, short

__all__ = ["SEVERITIES", "Diagnosis", "Place", "Severity", "Verdict"]

Severity: TypeAlias = Literal["fault", "warning"]

SEVERITIES: dict[Severity, Text] = {
    "fault": Text("fault", "결함"),
    "warning": Text("warning", "경고"),
}
"""How bad it is, worst first: a fault keeps the network from learning, a warning makes it learn slowly or badly."""

Kind: TypeAlias = Literal["layer", "parameter", "row", "line", "column", "class", "setting", "network"]

_KINDS: dict[Kind, Text] = {
    "layer": Text("layer {name}", "층 {name}"),
    "parameter": Text("parameter {name}", "매개변수 {name}"),
    "row": Text("row {name}", "{name}행"),
    "line": Text("line {name}", "{name}번째 줄"),
    "column": Text("column {name}", "열 {name}"),
    "class": Text("class {name}", "클래스 {name}"),
    "setting": Text("setting {name}", "설정 {name}"),
    "network": Text("the network", "신경망"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fault lies.

    Attributes
    ----------
    kind
        ``"layer"``, ``"parameter"``, ``"row"`` (of an array from 0, of a table from 1), ``"line"`` (of a file),
        ``"column"``, ``"class"``, ``"setting"`` or ``"network"``.
    name
        What it is called: ``"2"``, ``"0.weight"``, ``"517"``, ``"lr"``.

    Examples
    --------
    >>> Place("layer", "2").text.to("ko"), str(Place("row", "517"))
    ('층 2', 'row 517')
    """

    kind: Kind
    name: str

    @property
    def text(self) -> Text:
        """The place in words."""
        return _KINDS[self.kind].fill(name=self.name)

    def __str__(self) -> str:
        return self.text.en


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that is wrong with a network, its data or its training.

    Attributes
    ----------
    key
        Which fault, for programs: ``"dead-relu"``.
    title
        The same for people.
    severity
        ``"fault"`` or ``"warning"``.
    place
        The layer, parameter, row, column, class or setting where it lies.
    evidence
        The number that the verdict rests on.
    finding
        What was measured, a sentence with the number in it.
    cause
        Why this is harmful, or where it comes from.
    fix
        What to do.
    """

    key: str
    title: Text
    severity: Severity
    place: Place
    evidence: float
    finding: Text
    cause: Text
    fix: Text

    def __str__(self) -> str:
        return f"{self.title.en} ({self.place}): {self.finding.en} {self.fix.en}"


@dataclass(frozen=True)
class Diagnosis(Sequence[Verdict]):
    """The verdicts on a network, most severe first; empty where nothing was found.

    Attributes
    ----------
    verdicts
        The verdicts.
    examined
        What was looked at, in a sentence.
    skipped
        What could not be looked at, and why.

    Examples
    --------
    >>> import numpy as np
    >>> import glassgrad as gg
    >>> model = gg.nn.Sequential(gg.nn.Linear(2, 4, seed=0), gg.nn.Linear(4, 1, seed=1))
    >>> X = np.random.default_rng(0).normal(size=(64, 2))
    >>> [verdict.key for verdict in gg.diagnose(model, X, X[:, :1])]
    ['linear-layers']
    """

    verdicts: tuple[Verdict, ...]
    examined: Text
    skipped: tuple[Text, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Verdict: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Verdict]: ...
    def __getitem__(self, index: int | slice) -> Verdict | Sequence[Verdict]:
        """Return a verdict, or several."""
        return self.verdicts[index]

    def __len__(self) -> int:
        return len(self.verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __contains__(self, wanted: Any) -> bool:
        """Say whether a verdict, or one with this key, is among them."""
        return any(wanted in (verdict, verdict.key) for verdict in self.verdicts)

    def document(self) -> Document:
        """Return the diagnosis as a document: an overview, then a section for each verdict."""
        opening: list[Any] = [Paragraph(self.examined)]
        if self.verdicts:
            rows = [(SEVERITIES[v.severity], v.title, v.place.text, v.evidence) for v in self.verdicts]
            opening.append(Table(_HEADER, rows))
        else:
            opening.append(Paragraph(_NOTHING))
        opening += [Paragraph(text) for text in self.skipped]
        sections = [Section("overview", _OVERVIEW, opening)]
        for number, verdict in enumerate(self.verdicts, start=1):
            title = _TITLE.fill(title=verdict.title, place=verdict.place.text)
            blocks = [
                Paragraph(verdict.finding, "warning"),
                Paragraph(_CAUSE.fill(text=verdict.cause)),
                Paragraph(_FIX.fill(text=verdict.fix)),
            ]
            sections.append(Section(f"verdict-{number}", title, blocks))
        return Document(_DIAGNOSIS, sections)

    def text(self, *, lang: Lang = "en", width: int = 100, colour: bool = False) -> str:
        """Return the diagnosis for a terminal of a width, in colour where it is asked for."""
        from glassgrad.explaining.render.terminal import terminal

        return terminal(self.document(), lang, width, colour=colour)

    def html(self, *, lang: Lang = "en") -> str:
        """Return the diagnosis as one page that works offline."""
        from glassgrad.explaining.render.html import html

        return html(self.document(), lang)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from glassgrad.explaining.render.notebook import mimebundle

        return mimebundle(self.document(), "en")

    def __str__(self) -> str:
        return "\n".join(map(str, self.verdicts)) or _NOTHING.en

    def __repr__(self) -> str:
        found = ", ".join(f"{v.key} at {v.place} ({short(v.evidence)})" for v in self.verdicts)
        return f"Diagnosis({found or 'nothing found'})"


_DIAGNOSIS = Text("Diagnosis", "진단")
_OVERVIEW = Text("What was found", "찾은 것")
_NOTHING = Text("No fault was found.", "결함을 찾지 못했다.")
_TITLE = Text("{title}: {place}", "{title}: {place}")
_CAUSE = Text("Why: {text}", "까닭: {text}")
_FIX = Text("What to do: {text}", "할 일: {text}")
_HEADER = (Text("how bad", "정도"), Text("what", "무엇"), Text("where", "어디"), Text("evidence", "근거"))
