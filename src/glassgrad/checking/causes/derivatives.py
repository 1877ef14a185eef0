"""Local derivatives: missing, of another function, at another place, or once too often."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from glassgrad.checking.causes.edits import Edit, expression, same
from glassgrad.checking.causes.operands import related
from glassgrad.checking.causes.phrases import called, factors, leaves
from glassgrad.checking.causes.scope import Scope, derivative_like
from glassgrad.checking.causes.titles import title
from glassgrad.checking.recording.source import Statement
from glassgrad.checking.recording.traced import plain

__all__ = ["derivative_edits"]

_MOST_PLACES = 14


def derivative_edits(statement: Statement, scope: Scope, crossed: bool) -> Iterator[Edit]:
    """Yield edits of the local derivatives in a statement.

    Parameters
    ----------
    statement
        The statement.
    scope
        The names in scope.
    crossed
        Whether the loss is a cross-entropy, whose gradient has the derivative of the output in it already.
    """
    value = statement.node.value  # type: ignore[attr-defined]
    yield from _fewer(statement, value, crossed)
    local = list(_local(scope, set(leaves(value))))
    places = _places(value, scope)
    for place, shape in places:
        for node, cost, size in local:
            if size == shape and not same(node, place):
                product = ast.BinOp(place, ast.Mult(), node)
                extra = 0.0 if place is value else 0.4 if not isinstance(place, ast.Name) else 0.8
                yield Edit(
                    "missing-derivative",
                    title("missing", new=node),
                    statement,
                    ((place, product),),
                    1.7 + cost + extra,
                )
    for place, old in _replaceable(value):
        made = scope.shape(old)
        for node, cost, size in local:
            if made is not None and made in (size, ()) and not same(node, old):
                kept = _rest(place, old, node)
                base = 1.6 if derivative_like(old) or _shared(old, node) else 2.5
                said = title("wrong", old=old, new=node)
                named = functools.partial(_named, old, node, scope)
                yield Edit("wrong-derivative", said, statement, ((place, kept),), base + cost, named)
    yield from _inner(statement, value)
    if isinstance(statement.node, ast.Return) or isinstance(value, ast.BinOp):
        yield from _formulas(statement, value, scope)


def _fewer(statement: Statement, value: Any, crossed: bool) -> Iterator[Edit]:
    """Yield products without some of their factors."""
    for product in ast.walk(value):
        parts = factors(product)
        if len(parts) < 2 or not isinstance(product, (ast.BinOp, ast.Call)):
            continue
        for size in (1, 2, 3):
            for out in combinations(parts, size):
                left = _without(product, out)
                if left is None:
                    continue
                gone = out[0] if size == 1 else _product(list(out))
                key, form = "doubled-derivative", "doubled"
                if all(isinstance(o, ast.Constant) for o in out):
                    key, form = "factor", "factor"
                elif crossed and not any(derivative_like(p) for p in parts if p not in out):
                    key, form = "softmax-twice", "twice"
                said = title(form, old=gone, new=left)
                yield Edit(key, said, statement, ((product, left),), 1 + 0.3 * size)
    if isinstance(statement.node, ast.AugAssign) and isinstance(statement.node.op, ast.Mult):
        numerator = value.left if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div) else value
        key, form = ("softmax-twice", "twice") if crossed else ("doubled-derivative", "doubled")
        one = ast.Constant(1.0)
        yield Edit(key, title(form, old=numerator), statement, ((numerator, one),), 1.5)
    for node in ast.walk(value):
        base = None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and _is(node.right, (2, 3)):
            base = node.left
        elif called(node) in ("power", "square") and node.args:  # type: ignore[attr-defined]
            base = node.args[0]  # type: ignore[attr-defined]
        if base is not None:
            yield Edit("doubled-derivative", title("doubled", old=base), statement, ((node, base),), 1.2)


def _without(product: Any, out: tuple[Any, ...]) -> Any:
    """Return a product without some factors; None where nothing is left."""
    if any(product is o for o in out):
        return None
    if isinstance(product, ast.UnaryOp):
        inner = _without(product.operand, out)
        return None if inner is None else ast.UnaryOp(product.op, inner)
    if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Div):
        inner = _without(product.left, out)
        return None if inner is None else ast.BinOp(inner, ast.Div(), product.right)
    if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Mult):
        left, right = _without(product.left, out), _without(product.right, out)
        if left is None or right is None:
            return right if left is None else left
        return ast.BinOp(left, ast.Mult(), right)
    if called(product) == "multiply" and len(product.args) == 2:
        left, right = (_without(a, out) for a in product.args)
        if left is None or right is None:
            return right if left is None else left
        return ast.Call(product.func, [left, right], [])
    return product


def _product(parts: list[Any]) -> Any:
    whole = parts[0]
    for part in parts[1:]:
        whole = ast.BinOp(whole, ast.Mult(), part)
    return whole


def _is(node: Any, values: tuple[int, ...]) -> bool:
    return isinstance(node, ast.Constant) and node.value in values


def _places(value: Any, scope: Scope) -> list[tuple[Any, tuple[int, ...]]]:
    """Return the parts of an expression that a derivative may be missing from."""
    found = []
    for node in ast.walk(value):
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.Call, ast.UnaryOp)):
            shape = scope.shape(node) if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) else None
            if shape is not None:
                found.append((node, shape))
    return found[:_MOST_PLACES]


def _replaceable(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield parts of an expression that may stand for a derivative: with the product they are part of."""
    yield value, value
    for node in ast.walk(value):
        parts = factors(node)
        if len(parts) >= 2 and isinstance(node, (ast.BinOp, ast.Call)):
            for part in parts:
                yield part, part
            for first, second in combinations(parts, 2):
                if derivative_like(first) or derivative_like(second):
                    yield node, ast.BinOp(first, ast.Mult(), second)
        elif isinstance(node, ast.Call) and derivative_like(node):
            yield node, node


def _rest(place: Any, old: Any, new: Any) -> Any:
    """Return a product in which a derivative stands for one or two of its factors."""
    if place is old:
        return new
    out = (old.left, old.right)
    left = _without(place, out)
    return new if left is None else ast.BinOp(left, ast.Mult(), new)


def _local(scope: Scope, own: set[str]) -> Iterator[tuple[Any, float, tuple[int, ...]]]:
    """Yield what may be the derivative: the program's own functions at every operand, then formulas."""
    arrays = [o for o in scope.arrays if np.asarray(plain(o.value)).dtype.kind == "f"]
    arrays.sort(key=lambda o: o.text not in own)
    for i, o in enumerate(arrays[:40]):
        far = 0.002 * i
        for call in scope.derivatives:
            if call.args:
                node = copy.copy(call)
                node.args = [o.node, *call.args[1:]]
                if scope.shape(node) == o.shape:
                    yield node, far, o.shape
        for text, cost in (
            *_FORMULAS,
            *((f"np.where({{x}} > 0, 1, {c})", 0.6) for c in scope.constants),
            *((f"{f}({{x}})", 0.5) for f in scope.activations),
        ):
            yield expression(text.format(x=o.text)), cost + far, o.shape
    for o in scope.operands:
        if np.asarray(plain(o.value)).dtype.kind == "b":
            for text in (o.text, f"~{o.text}"):
                yield expression(text), 0.2, o.shape
    for call in scope.derivatives:
        shape = scope.shape(call)
        if shape is not None:
            yield call, 0.0, shape


_FORMULAS = (
    ("{x} * (1 - {x})", 0.2),
    ("(1 - {x} ** 2)", 0.2),
    ("({x} > 0)", 0.25),
    ("1 / (1 + np.exp(-{x}))", 0.6),
    ("{x}", 0.7),
)


def _named(old: Any, new: Any, scope: Scope) -> tuple[str, str]:
    """Return which cause it is that one derivative stands where another belongs.

    It is its place if both are one formula of two values of which one is the activation of the other.
    """
    for inner in ast.walk(new):
        if not isinstance(inner, (ast.Name, ast.Attribute, ast.Subscript)):
            continue
        form = _form(new, inner)
        for other in ast.walk(old):
            alike = isinstance(other, ast.expr) and not same(other, inner) and _form(old, other) == form
            if alike and related(scope, inner, other):
                return "derivative-place", "place"
    return "wrong-derivative", "wrong"


def _shared(one: Any, other: Any) -> bool:
    """Say whether two expressions have an operand in common."""
    return bool(set(leaves(one)) & set(leaves(other)))


def _form(formula: Any, part: Any) -> str:
    """Return a formula with a mark wherever a part of it stands."""
    return (
        ast.unparse(formula)
        .replace(ast.unparse(part), "□")
        .replace("(□)", "□")
        .replace("np.power(□, 2)", "□ ** 2")
    )


def _inner(statement: Statement, value: Any) -> Iterator[Edit]:
    """Yield the statement with the argument of a function wherever the function of it stands."""
    calls: dict[str, list[Any]] = {}
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            calls.setdefault(ast.unparse(node), []).append(node)
    for nodes in calls.values():
        if len(nodes) > 1:
            said = title("place", old=nodes[0], new=nodes[0].args[0])
            yield Edit("derivative-place", said, statement, tuple((n, n.args[0]) for n in nodes), 1.4)


def _formulas(statement: Statement, value: Any, scope: Scope) -> Iterator[Edit]:
    """Yield formulas of derivatives in the names that the statement has already."""
    names = {n.id: n for n in ast.walk(value) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    for name in names:
        if name in scope.activations or name not in scope.names:
            continue
        forms = [
            ("{x} * (1 - {x})", 0.1),
            ("1 - {x} ** 2", 0.1),
            ("({x} > 0) * 1.0", 0.2),
            ("1 - np.tanh({x}) ** 2", 0.2),
        ]
        for f in scope.activations:
            forms += [(f"{f}({{x}}) * (1 - {f}({{x}}))", 0.2), (f"1 - {f}({{x}}) ** 2", 0.25)]
        for text, cost in forms:
            node = expression(text.format(x=name))
            if not same(node, value):
                said = title("wrong", old=value, new=node)
                yield Edit("wrong-derivative", said, statement, ((value, node),), 2.2 + cost)
