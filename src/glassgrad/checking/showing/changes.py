"""The line as it is and as it should be, as the two halves of a small diff."""

from __future__ import annotations

import re
import textwrap
from typing import TypeAlias

__all__ = ["Change", "change", "dedented"]

Change: TypeAlias = tuple[str, str, str]
"""What both have in front, what only this one has, and what both have behind."""

_TOKEN = re.compile(r"\w+|\s+|.", re.DOTALL)


def change(before: str, after: str) -> tuple[Change, Change]:
    """Return both texts in three parts, of which the middle one differs.

    Examples
    --------
    >>> change("d1 = d2 @ W2 * h", "d1 = d2 @ W2.T * h")
    (('d1 = d2 @ W2', '', ' * h'), ('d1 = d2 @ W2', '.T', ' * h'))
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    front = _shared(old, new, 0)
    back = _shared(old[::-1], new[::-1], front)
    parts = [
        ("".join(t[:front]), "".join(t[front : len(t) - back]), "".join(t[len(t) - back :]))
        for t in (old, new)
    ]
    return parts[0], parts[1]


def _shared(old: list[str], new: list[str], taken: int) -> int:
    """Return how many tokens both begin with, beside those that are taken already."""
    count = 0
    for a, b in zip(old[: len(old) - taken], new[: len(new) - taken], strict=False):
        if a != b:
            break
        count += 1
    return count


def dedented(source: str) -> str:
    """Return lines of code without tabs and without the indentation that they share."""
    return textwrap.dedent(source.expandtabs(4)).strip("\n").rstrip()
