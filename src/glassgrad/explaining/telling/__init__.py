"""Telling: an explanation as a document, from the whole down to single numbers.

First what is explained; then the layers, each with the size of its weights and of their gradients; then the gates with
the numbers on their wires, where they can be followed one by one; then, for each weight asked about, the paths that add
up to its gradient and the rows that pushed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassgrad.explaining.document import Document, Paragraph, Section
from glassgrad.explaining.linearise import NotFollowed
from glassgrad.explaining.scalars import TooMany
from glassgrad.explaining.telling.conventions import conventions
from glassgrad.explaining.telling.gates import gates_section, rules_section
from glassgrad.explaining.telling.weight import derived, of_update, of_weight
from glassgrad.explaining.telling.whole import layers, network, operations, summary
from glassgrad.language import Text, short

if TYPE_CHECKING:
    from glassgrad.explaining.explanation import Explanation

__all__ = ["document"]


def document(told: Explanation, weight: str | None = None) -> Document:
    """Return an explanation as a document; see `Explanation.document`."""
    sections = [summary(told)]
    if weight is not None:
        sections += [*_of_weight(told, weight), *of_update(told, weight), *derived(told, weight)]
    sections += [*network(told), *layers(told)]
    try:
        gates = told.gates()
        sections += [gates_section(told, gates), rules_section(gates)]
    except TooMany:
        sections.append(operations(told))
    except NotFollowed as error:
        sections.append(operations(told, error.text))
    sections += conventions(told)
    for name in told.worth() if weight is None else []:
        sections += _of_weight(told, name)
    if told.around is not None and told.taken is None:
        sections += told.surface().document().sections
    return Document(told.title, sections)


def _of_weight(told: Explanation, name: str) -> list[Section]:
    """Return why a number has its gradient; where paths cannot be followed, its gradient and the reason."""
    try:
        return list(of_weight(told, name))
    except NotFollowed as error:
        value, element = told.names.find(name)
        text = Text(
            "The gradient of {name} is {gradient}. Its paths are not told apart: {reason}.",
            "{name}의 기울기는 {gradient}이다. 경로를 하나씩 가릴 수는 없다: {reason}.",
        ).fill(name=name, gradient=short(told.played.gradient(value).reshape(-1)[element]), reason=error.text)
        title = Text("Why {name} has its gradient", "{name}의 기울기는 어디서 오는가").fill(name=name)
        return [Section(f"why-{name}", title, [Paragraph(text, "warning")])]
