"""Terms that a gradient's sum lacks: other paths of the same quantity, what is carried back, weight decay."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from glassgrad.checking.causes.edits import Edit, expression
from glassgrad.checking.causes.phrases import factors, leaves, terms
from glassgrad.checking.causes.scope import Operand, Scope
from glassgrad.checking.causes.titles import title
from glassgrad.checking.recording.source import Statement

__all__ = ["rewritten", "term_edits"]

_MOST = 24


def term_edits(statement: Statement, scope: Scope) -> Iterator[Edit]:
    """Yield the statement with another term in its sum."""
    value: Any = statement.node.value  # type: ignore[attr-defined]
    places = [value]
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
        places.append(value.left)
    parts = factors(value)
    for part in parts if len(parts) > 1 else ():
        for o in scope.arrays[:_MOST]:
            if o.shape == scope.shape(part) and o.text != ast.unparse(part):
                for op in (ast.Sub(), ast.Add()):
                    new = ast.BinOp(part, op, o.node)
                    yield Edit("missing-term", title("term", new=o.node), statement, ((part, new),), 2.6)
    for place in places:
        shape = scope.shape(place)
        if not shape:
            continue
        for i, term in enumerate(_terms(shape, scope)):
            for op, cost in ((ast.Add(), 0.0), (ast.Sub(), 0.3)):
                said = title("term", new=term)
                new = ast.BinOp(place, op, term)
                yield Edit("missing-term", said, statement, ((place, new),), 2.1 + cost + 0.002 * i)


def rewritten(statement: Statement, scope: Scope) -> Iterator[Edit]:
    """Yield a sum that is written out as the product of the matrix and the vector in it."""
    value: Any = statement.node.value  # type: ignore[attr-defined]
    if len(terms(value)) < 2:
        return
    roots: dict[str, Operand] = {o.text: o for o in scope.arrays}
    used = [t for t in dict.fromkeys(map(_root, leaves(value))) if t in roots]
    for w in used:
        parts = [t for t in leaves(value) if t != w and _root(t) == w]
        if len(roots[w].shape) != 2 or len(parts) < 2:
            continue
        for d in used:
            product = [f"{w}.T @ {d}", f"{w} @ {d}", f"{d} @ {w}", f"{d} @ {w}.T"] if d != w else []
            for text in product:
                for s in ("", *(f" * {u}" for u in used if u not in (w, d))):
                    new = expression(f"({text}){s}")
                    said = title("rows", what=w, new=new)
                    yield Edit("transposed", said, statement, ((value, new),), 1.0)


def _root(text: str) -> str:
    node = expression(text)
    while isinstance(node, ast.Subscript):
        node = node.value
    return ast.unparse(node)


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
