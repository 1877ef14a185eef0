"""Terms that a gradient's sum lacks: other paths of the same quantity, what is carried back, weight decay."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from glassgrad.checking.causes.edits import Edit, expression, same, substituted
from glassgrad.checking.causes.phrases import called, factors, leaves, reduced, terms
from glassgrad.checking.causes.scope import Operand, Scope
from glassgrad.checking.causes.titles import title
from glassgrad.checking.recording.source import Statement
from glassgrad.checking.recording.traced import is_traced

__all__ = ["rewritten", "term_edits"]

_MOST = 24
_MOST_SCALES = 6


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
        if shape is None:
            continue
        for i, term in enumerate(
            (*_reduced(shape, value, scope), *_terms(shape, scope), *_decays(shape, scope))
        ):
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
    for o in scope.arrays[: 2 * _MOST] if shape else ():
        if o.shape == shape:
            yield o.node
    if len(shape) != 2:
        return
    matrices = [o for o in scope.arrays if len(o.shape) == 2][:_MOST]
    for a in matrices:
        for b in matrices:
            for text in _products(a, b, shape):
                yield expression(text)


def _decays(shape: tuple[int, ...], scope: Scope) -> Iterator[Any]:
    """Yield arrays of a shape times the numbers that the program multiplies by: ``reg * W``."""
    numbers: dict[str, Any] = {}
    for product in ast.walk(scope.source.tree):
        parts = factors(product) if isinstance(product, ast.BinOp) else []
        for part in parts if len(parts) > 1 else ():
            if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)) or _below_one(part):
                numbers.setdefault(ast.unparse(part), part)
    scales = [t for t, n in numbers.items() if scope.shape(n) == () and not is_traced(scope.value(n))]
    for o in scope.arrays[: 2 * _MOST]:
        if o.shape == shape:
            yield from (expression(f"{text} * {o.text}") for text in scales[:_MOST_SCALES])


def _below_one(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is float and 0 < node.value < 1


def _reduced(shape: tuple[int, ...], value: Any, scope: Scope) -> Iterator[Any]:
    """Yield sums and means as a line has them already, of other operands of it."""
    reductions = [n for n in ast.walk(value) if called(n) in ("sum", "mean")]
    for reduction in reductions:
        inner = reduced(reduction)
        for places in leaves(value).values():
            if inner is None or same(places[0], inner) or scope.shape(places[0]) != scope.shape(inner):
                continue
            term = substituted(reduction, {id(inner): places[0]})
            made = scope.shape(term)
            if made is not None and len(made) == len(shape):
                yield term


def _products(a: Operand, b: Operand, shape: tuple[int, ...]) -> Iterator[str]:
    (m, n), (p, q) = a.shape, b.shape
    if n == p and (m, q) == shape:
        yield f"{a.text} @ {b.text}"
    if m == p and (n, q) == shape:
        yield f"{a.text}.T @ {b.text}"
    if n == q and (m, p) == shape:
        yield f"{a.text} @ {b.text}.T"
