"""Words that several verdicts use: lists of units and rows that stay short."""

from __future__ import annotations

from typing import Any

from glassgrad.ir import Node
from glassgrad.language import Text

__all__ = ["MOST_LISTED", "listed", "operation", "some_units"]

MOST_LISTED = 5
"""How many of a list are named."""


def listed(names: Any) -> str:
    """Return the first few of a list.

    Examples
    --------
    >>> listed(range(3)), listed(range(100))
    ('0, 1, 2', '0, 1, 2, 3, 4, …')
    """
    return ", ".join(map(str, names[:MOST_LISTED])) + (", …" if len(names) > MOST_LISTED else "")


def some_units(units: Any, of: int) -> Text:
    """Return how many units, and which.

    Examples
    --------
    >>> some_units([1, 3], 4).en
    '2 of 4 units (1, 3)'
    """
    if len(units) == of:
        return Text("all {of} units", "유닛 {of}개 모두").fill(of=of)
    return Text("{n} of {of} units ({which})", "유닛 {of}개 중 {n}개({which})").fill(
        n=len(units), of=of, which=listed(units)
    )


def operation(node: Node, asked: str) -> Text:
    """Return an operation with its layer and the line of source that made it, unless that is only where was asked."""
    layer = node.scope.replace("/", ".")
    source = "" if node.source is None or str(node.source) == asked else str(node.source)
    inside = ", ".join(part for part in (f"layer {layer}" if layer else "", source) if part)
    korean = ", ".join(part for part in (f"층 {layer}" if layer else "", source) if part)
    return Text(f"{node.op} ({inside})" if inside else node.op, f"{node.op}({korean})" if korean else node.op)
