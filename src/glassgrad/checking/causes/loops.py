"""Loops that do not run over all of what they add up: ``for k in range(1, n)``, ``for unit in units[:1]``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from glassgrad.checking.causes.edits import Edit
from glassgrad.checking.causes.phrases import called
from glassgrad.checking.causes.titles import title
from glassgrad.checking.recording.source import Source, Statement

__all__ = ["loop_edits"]


def loop_edits(source: Source, statement: Statement) -> Iterator[Edit]:
    """Yield the loops around a statement that adds something up, run over all that there is."""
    if not isinstance(statement.node, ast.AugAssign):
        return
    for loop in ast.walk(source.tree):
        if isinstance(loop, ast.For) and loop.lineno < statement.line <= (loop.end_lineno or 0):
            around = Statement(-1, source.file, loop, "")
            for part, whole in _wholes(loop.iter):
                yield Edit("missing-term", title("range", old=part, new=whole), around, ((part, whole),), 1.0)


def _wholes(given: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield parts of what a loop is given, each with the whole that it is of."""
    for node in ast.walk(given):
        if isinstance(node, ast.Call) and called(node) == "range" and len(node.args) <= 2:
            end: Any = node.args[-1]
            if len(node.args) == 2:
                yield node, ast.Call(node.func, [end], [])
            if isinstance(end, ast.BinOp) and isinstance(end.op, ast.Sub):
                yield node, ast.Call(node.func, [*node.args[:-1], end.left], [])
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            yield node, node.value
