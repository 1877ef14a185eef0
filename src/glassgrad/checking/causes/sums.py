"""Terms that a gradient's sum lacks: other paths of the same quantity, what is carried back, weight decay."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from glassgrad.checking.causes.edits import Edit, expression
from glassgrad.checking.causes.scope import Operand, Scope
from glassgrad.checking.causes.titles import title
from glassgrad.checking.recording.source import Statement

__all__ = ["term_edits"]

_MOST = 14


def term_edits(statement: Statement, scope: Scope) -> Iterator[Edit]:
    """Yield the statement with another term in its sum."""
    value: Any = statement.node.value  # type: ignore[attr-defined]
    places = [value]
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Div, ast.Mult)):
        places += [value.left, value.right]
    for place in places:
        shape = scope.shape(place)
        if not shape:
            continue
        for i, term in enumerate(_terms(shape, scope)):
            for op, cost in ((ast.Add(), 0.0), (ast.Sub(), 0.3)):
                said = title("term", new=term)
                new = ast.BinOp(place, op, term)
                yield Edit("missing-term", said, statement, ((place, new),), 2.1 + cost + 0.002 * i)


def _terms(shape: tuple[int, ...], scope: Scope) -> Iterator[Any]:
    """Yield arrays and products of matrices of a shape."""
    for o in scope.arrays[: 2 * _MOST]:
        if o.shape == shape:
            yield o.node
    if len(shape) != 2:
        return
    matrices = [o for o in scope.arrays if len(o.shape) == 2][:_MOST]
    for a in matrices:
        for b in matrices:
            for text in _products(a, b, shape):
                yield expression(text)


def _products(a: Operand, b: Operand, shape: tuple[int, ...]) -> Iterator[str]:
    (m, n), (p, q) = a.shape, b.shape
    if n == p and (m, q) == shape:
        yield f"{a.text} @ {b.text}"
    if m == p and (n, q) == shape:
        yield f"{a.text}.T @ {b.text}"
    if n == q and (m, p) == shape:
        yield f"{a.text} @ {b.text}.T"
