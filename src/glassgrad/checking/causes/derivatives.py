"""Local derivatives: missing, of another function, at another place, or once too often."""

from __future__ import annotations

import ast
import builtins
import copy
import functools
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from glassgrad.checking.causes.edits import Edit, expression, same, substituted
from glassgrad.checking.causes.operands import ACTIVATIONS, related
from glassgrad.checking.causes.phrases import PRODUCTS, called, factors, leaves, parents, within
from glassgrad.checking.causes.scope import Scope, derivative_like
from glassgrad.checking.causes.titles import title
from glassgrad.checking.recording.source import Statement
from glassgrad.checking.recording.traced import is_traced, plain

__all__ = ["at_other_place", "derivative_edits", "factor_named", "taken_elsewhere"]

_MOST_PLACES = 14
_MOST_ELSEWHERE = 40
_BESIDE = 1.1
"""What a formula costs more that is written where the program has a function: its body is the place to mend it."""


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
    yield from _fewer(statement, value, scope, crossed)
    local = list(_local(scope, set(leaves(value))))
    places = _places(value, scope)
    for place, shape in places:
        for node, cost, size in local:
            if size == shape and not same(node, place):
                product = ast.BinOp(place, ast.Mult(), node)
                named = functools.partial(factor_named, value, place, node)
                extra = 0.0 if place is value else 0.4 if not isinstance(place, ast.Name) else 0.8
                yield Edit(
                    "missing-derivative",
                    title("missing", new=node),
                    statement,
                    ((place, product),),
                    1.7 + cost + extra,
                    named,
                )
    for place, old in _replaceable(value):
        made = scope.shape(old)
        for node, cost, size in local:
            if made is not None and made in (size, ()) and not same(node, old):
                kept = _rest(place, old, node)
                base = 1.6 if derivative_like(old) or _shared(old, node) else 2.5
                base += _BESIDE * (_own(old) and not _own(node))
                said = title("wrong", old=old, new=node)
                named = functools.partial(_named, old, node, scope)
                yield Edit("wrong-derivative", said, statement, ((place, kept),), base + cost, named)
    yield from _inner(statement, value)
    if isinstance(statement.node, ast.Return) or isinstance(value, ast.BinOp):
        yield from _formulas(statement, value, scope)


def factor_named(value: Any, place: Any, factor: Any) -> tuple[str, str]:
    """Return the cause where another factor mends a line: a derivative that is missing, or one that stands there wrong.

    It is wrong where the factor belongs inside a formula, or where a formula of the same operands stands already.
    """
    if any(_formula(n) for n in within(place, parents(value))):
        return "wrong-derivative", "lacking"
    own = set(leaves(factor)) - {"np"}
    for part in (part for product in ast.walk(value) for part in factors(product)):
        if part is not value and (same(part, factor) or (derivative_like(part) and own <= set(leaves(part)))):
            return "wrong-derivative", "lacking"
    return "missing-derivative", "missing"


def _formula(node: Any) -> bool:
    """Say whether an expression is no sum or product: what stands in it is given to a function."""
    if isinstance(node, ast.Call):
        return called(node) not in _LINEAR
    return isinstance(node, ast.Compare) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow))


_LINEAR = PRODUCTS | {"sum", "mean", "transpose", "reshape", "ravel", "multiply", "array", "asarray"}
"""Functions of which a factor of what they are given is a factor of the result, or of its terms."""


def _fewer(statement: Statement, value: Any, scope: Scope, crossed: bool) -> Iterator[Edit]:
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
                elif all(_given(o, scope) for o in out):
                    key, form = "wrong-operand", "unwanted"
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


def _given(part: Any, scope: Scope) -> bool:
    """Say whether a factor is a value from outside, data or a parameter, and so no derivative of an activation."""
    if not isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)) or derivative_like(part):
        return False
    try:
        value = scope.value(part)
    except Exception:
        return False
    return is_traced(value) and value._tape.events[value._cell.event].function is None


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
        return ast.Call(product.func, [left, right], product.keywords)
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
    arrays = [o for o in scope.arrays if np.asarray(plain(o.value)).dtype.kind == "f" and not o.target]
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
    ("1 - np.exp(-{x})", 0.65),
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
    before, after = _of_one(old, scope), _of_one(new, scope)
    if before is not None and after is not None and at_other_place(before, after):
        return "derivative-place", "place"
    if taken_elsewhere(old, scope, lambda: scope.value(new)):
        return "derivative-place", "place"
    return "wrong-derivative", "wrong"


def taken_elsewhere(old: Any, scope: Scope, wanted: Callable[[], Any]) -> bool:
    """Say whether a formula gives what is wanted at another of a unit's values: before instead of after it, or so."""
    try:
        right = np.asarray(plain(wanted()))
    except Exception:
        return False
    for places in leaves(old).values():
        for o in scope.arrays[:_MOST_ELSEWHERE]:
            if o.shape != right.shape or same(o.node, places[0]) or not related(scope, places[0], o.node):
                continue
            try:
                found = plain(scope.value(substituted(old, {id(p): o.node for p in places})))
            except Exception:
                continue
            if np.shape(found) == right.shape and np.allclose(found, right, 1e-6, 1e-9):
                return True
    return False


def at_other_place(old: Callable[[Any], Any], new: Callable[[Any], Any]) -> bool:
    """Say whether two formulas are one derivative, in terms of a unit's output and of what its activation is given."""
    z = np.linspace(-1.7, 1.3, 7)
    for activation in ACTIVATIONS:
        a = activation(z)
        for before, after in ((z, a), (a, z)):
            try:
                found, wanted = (
                    np.asarray(plain(f(v)), dtype=float) for f, v in ((old, before), (new, after))
                )
            except Exception:
                continue
            if found.shape == wanted.shape == z.shape and np.allclose(found, wanted, 1e-6, 1e-9):
                return True
    return False


def _of_one(formula: Any, scope: Scope) -> Callable[[Any], Any] | None:
    """Return a formula as a function of its only operand."""
    operands = {t: p for t, p in leaves(formula).items() if t not in ("np", "numpy")}
    if len(operands) != 1:
        return None
    (places,) = operands.values()
    form = substituted(formula, {id(p): ast.Name("__unit__", ast.Load()) for p in places})
    return lambda value: scope.within({**scope.names, "__unit__": value}).value(form)


def _own(formula: Any) -> bool:
    """Say whether an expression calls a function of the program's."""
    return any(
        isinstance(n, ast.Call) and not hasattr(np, called(n)) and called(n) not in vars(builtins)
        for n in ast.walk(formula)
    )


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
        if not is_traced(scope.names.get(name)):
            continue
        forms = [
            ("{x} * (1 - {x})", 0.1),
            ("1 - {x} ** 2", 0.1),
            ("({x} > 0) * 1.0", 0.2),
            ("1 - np.tanh({x}) ** 2", 0.2),
            ("1 / (1 + np.exp(-{x}))", 0.3),
            ("1 - np.exp(-{x})", 0.3),
            *((f"np.where({{x}} > 0, 1, {c})", 0.4) for c in scope.constants),
        ]
        for f in scope.activations:
            forms += [(f"{f}({{x}}) * (1 - {f}({{x}}))", 0.2), (f"1 - {f}({{x}}) ** 2", 0.25)]
        for text, cost in forms:
            node = expression(text.format(x=name))
            if not same(node, value):
                said = title("wrong", old=value, new=node)
                yield Edit("wrong-derivative", said, statement, ((value, node),), 2.2 + cost)
