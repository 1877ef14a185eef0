"""A drawn loss with the ways down on it, and what it says in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.explaining.document import Block, Document, Drawing, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import Curves, Surface
from glassgrad.language import Text, short

__all__ = ["Descent", "Landscape"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Descent:
    """A way down.

    Attributes
    ----------
    label
        Where it begins.
    steps
        (n,) the steps of which there are points.
    path
        (n, 1) or (n, 2): where it went, in what is drawn.
    values
        (n,) the loss there.
    """

    label: str
    steps: Array
    path: Array
    values: Array


@dataclass(frozen=True)
class Landscape:
    """A loss, drawn, with the ways down on it.

    Attributes
    ----------
    title
        What is drawn.
    figure
        A curve, or a surface.
    descents
        The ways down.
    minima, partings
        Of a curve: the minima, and the places between them at which the ways part.
    shown
        Of a plane through several ways: the share of their variance that lies in it.
    """

    title: Text
    figure: Curves | Surface
    descents: tuple[Descent, ...] = ()
    minima: tuple[float, ...] = ()
    partings: tuple[float, ...] = ()
    shown: float | None = None

    def ends(self) -> list[list[Descent]]:
        """Return the ways down, those that end at the same height together, the lowest first.

        On a curve, ways are together where they end in the same place.
        """
        span = max((float(np.ptp(d.values)) for d in self.descents), default=0.0) or 1.0
        groups: list[list[Descent]] = []
        for one in sorted(self.descents, key=lambda d: float(d.values[-1])):
            if groups and _together(one, groups[-1][0], span, isinstance(self.figure, Curves)):
                groups[-1].append(one)
            else:
                groups.append([one])
        return groups

    def document(self) -> Document:
        """Return the drawing with what it shows."""
        return Document(self.title, (self.section(),))

    def section(self) -> Section:
        """Return the drawing as the section of a document."""
        blocks: list[Block] = [Drawing(self.figure, self.title)]
        if self.partings:
            blocks.append(
                Paragraph(
                    Text(
                        "The ways part at {places}: gradient descent ends in the minimum on its own side.",
                        "{places}에서 길이 갈린다. 경사 하강법은 출발한 쪽의 최솟값에서 멈춘다.",
                    ).fill(places=", ".join(f"{x:.8g}" for x in self.partings)),
                    "rule",
                )
            )
        if self.shown is not None:
            blocks.append(
                Paragraph(
                    Text(
                        "The plane holds {share} % of the variance of the ways; what is drawn is their shadow on it.",
                        "이 평면에는 길들의 분산 가운데 {share}%가 담긴다. 그려진 것은 평면에 비친 그림자이다.",
                    ).fill(share=f"{100 * self.shown:.0f}")
                )
            )
        groups = self.ends()
        if len(groups) > 1:
            lowest = ", ".join(d.label for d in groups[0])
            blocks.append(
                Paragraph(
                    Text(
                        "{n} different ends, by the start alone. The lowest, {value}, is reached from {starts}; the "
                        "others are held in places from which every small step leads upwards, or hardly down.",
                        "출발점만 달라도 도착점이 {n}가지이다. 가장 낮은 {value}에 이른 출발점은 {starts}이다. "
                        "나머지는 작은 걸음으로는 더 내려가지 못하거나 거의 내려가지 못하는 곳에 머문다.",
                    ).fill(n=len(groups), value=short(groups[0][0].values[-1]), starts=lowest)
                )
            )
        if self.descents:
            blocks.append(self._table(groups))
        return Section("surface", self.title, blocks)

    def _table(self, groups: Sequence[Sequence[Descent]]) -> Table:
        header = [Text("start", "출발점"), Text("loss there", "그곳의 손실"), Text("steps", "단계")]
        header += [Text("loss at the end", "끝의 손실"), Text("end", "도착점")]
        rows = [
            (d.label, float(d.values[0]), int(d.steps[-1]), float(d.values[-1]), _place(d.path[-1], i))
            for i, group in enumerate(groups)
            for d in group
        ]
        return Table(header, rows, Text("Ways down, the lowest end first.", "내려간 길, 도착점이 낮은 순서."))


def _together(one: Descent, other: Descent, span: float, on_curve: bool) -> bool:
    if on_curve:
        return bool(abs(one.path[-1, 0] - other.path[-1, 0]) < 1e-3 * max(abs(one.path[-1, 0]), 1e-3))
    return bool(abs(one.values[-1] - other.values[-1]) < 0.02 * span)


def _place(point: Array, group: int) -> str:
    return f"{point[0]:.8f}" if len(point) == 1 else f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[group % 26]}"
