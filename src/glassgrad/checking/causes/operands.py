"""Operands: transposed, in the wrong order, of another layer, or by another index."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import numpy as np

from glassgrad.checking.causes.edits import Edit, expression, same
from glassgrad.checking.causes.phrases import PRODUCTS, called, leaves, matmuls, parents, within
from glassgrad.checking.causes.scope import Operand, Scope, derivative_like
from glassgrad.checking.causes.titles import title
from glassgrad.checking.recording.source import Statement
from glassgrad.checking.recording.traced import is_traced, plain

__all__ = ["ACTIVATIONS", "operand_edits", "related", "transposing_edits"]


def operand_edits(statement: Statement, scope: Scope) -> Iterator[Edit]:
    """Yield the statement with another of the operands in scope in the place of one of its own."""
    node: Any = statement.node
    above = parents(node)
    targets = node.targets if isinstance(node, ast.Assign) else []
    masks = [t.slice for t in targets if isinstance(t, ast.Subscript) and not isinstance(t.slice, ast.Tuple)]
    pieces = [*leaves(node.value).items(), *(item for m in masks for item in leaves(m).items())]
    for text, places in pieces:
        shape = scope.shape(places[0])
        if shape is None:
            continue
        others = [(o, 0.002 * i + (0.0 if o.shape == shape else 0.3)) for i, o in enumerate(scope.operands)]
        for o, cost in others:
            if o.text == text or _alias(scope, places[0], o) or len(o.shape) != len(shape):
                continue
            if o.target and not all(_term(p, above) for p in places):
                continue
            named = functools.partial(_swap_named, places, o, scope, above)
            for group in [places] if len(places) == 1 else [places, *([p] for p in places)]:
                changes = tuple((p, o.node) for p in group)
                said = title("operand", old=text, new=o.text)
                far = 0.2 * (len(group) < len(places))
                yield Edit("wrong-operand", said, statement, changes, 1.5 + cost + far, named)
    for place in [n for n in ast.walk(node.value) if isinstance(n, (ast.Subscript, ast.Attribute))]:
        if isinstance(place.ctx, ast.Load):
            for other, key, form, cost in _other_paths(place, scope):
                if key == "wrong-operand" and _in_derivative(place, above) and related(scope, place, other):
                    key, form = "derivative-place", "place"
                yield Edit(key, title(form, old=place, new=other), statement, ((place, other),), cost)


def _alias(scope: Scope, place: Any, o: Operand) -> bool:
    """Say whether an operand has the value that stands there already."""
    try:
        value = plain(scope.value(place))
        return np.array_equal(value, plain(o.value))
    except Exception:
        return True


def _swap_named(places: list[Any], o: Operand, scope: Scope, above: dict[int, ast.AST]) -> tuple[str, str]:
    """Return the cause where one operand stands for another: a derivative at the wrong place, or a wrong operand."""
    if _in_derivative(places[0], above) and related(scope, places[0], o.node):
        return "derivative-place", "place"
    if _mask(o.node, o.value) and not _mask(places[0], None):
        return "wrong-derivative", "wrong"
    return "wrong-operand", "operand"


def _mask(node: Any, value: Any) -> bool:
    """Say whether an operand is a derivative by its name, or as an array of zeros and ones is."""
    array = None if value is None else np.asarray(plain(value))
    return derivative_like(node) or (
        array is not None and array.ndim > 0 and bool(np.all((array == 0) | (array == 1)))
    )


def _term(place: Any, above: dict[int, ast.AST]) -> bool:
    """Say whether an operand is added to or subtracted from others, as a target is from a prediction."""
    around = above.get(id(place))
    if not isinstance(around, ast.BinOp) or not isinstance(around.op, (ast.Add, ast.Sub)):
        return False
    return not isinstance(around.left, ast.Constant)


def _in_derivative(place: Any, above: dict[int, ast.AST]) -> bool:
    around = within(place, above)
    statement = around[-1] if around else None
    named = isinstance(statement, (ast.Assign, ast.AugAssign)) and any(
        derivative_like(t)
        for t in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
    )
    return named or any(isinstance(n, ast.expr) and (_local_formula(n) or _own_call(n)) for n in around)


def _own_call(node: ast.AST) -> bool:
    """Say whether an expression is a call of a function of one argument that is not NumPy's."""
    name = called(node)
    return bool(name) and len(node.args) == 1 and not hasattr(np, name) and not hasattr(np.ndarray, name)  # type: ignore[attr-defined]


def _local_formula(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return (_one_minus(node.right) and same(node.right.right, node.left)) or (  # type: ignore[attr-defined]
            _one_minus(node.left) and same(node.left.right, node.right)  # type: ignore[attr-defined]
        )
    return derivative_like(node) and not isinstance(node, ast.Name)


def _one_minus(node: Any) -> bool:
    return (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Constant)
    )


def related(scope: Scope, one: Any, other: Any) -> bool:
    """Say whether one value is an activation of the other: made from it by element-wise calls alone."""
    try:
        a, b = scope.value(one), scope.value(other)
        if np.shape(plain(a)) != np.shape(plain(b)):
            return False
    except Exception:
        return False
    if {np.asarray(plain(v)).dtype.kind for v in (a, b)} - {"f"}:
        return False
    x, y = (np.asarray(plain(v), dtype=float) for v in (a, b))
    with np.errstate(all="ignore"):
        if any(np.allclose(f(x), y, 1e-9, 1e-12) or np.allclose(f(y), x, 1e-9, 1e-12) for f in ACTIVATIONS):
            return True
    return is_traced(a) and is_traced(b) and (_made_of(a, b) or _made_of(b, a))


ACTIVATIONS = (
    lambda z: 1 / (1 + np.exp(-z)),
    np.tanh,
    lambda z: np.maximum(z, 0),
    lambda z: np.log1p(np.exp(z)),
    np.exp,
)


def _made_of(value: Any, source: Any) -> bool:
    """Say whether a value is made of another and of constants alone."""
    tape, wanted = value._tape, source._cell.event
    waiting, seen, met = [value._cell.event], set(), False
    while waiting:
        index = waiting.pop()
        if index == wanted:
            met = True
            continue
        if index in seen:
            continue
        seen.add(index)
        event = tape.events[index]
        if (
            event.name in _MIXING
            or len(seen) > _MOST_CALLS
            or (event.function is None and np.size(event.value) > 1)
        ):
            return False
        waiting += event.reads
    return met


_MOST_CALLS = 12
_MIXING = PRODUCTS | {"einsum", "tensordot"}


def _other_paths(place: Any, scope: Scope) -> Iterator[tuple[Any, str, str, float]]:
    """Yield an operand with another index, key or attribute on its path."""
    if isinstance(place, ast.Subscript):
        for index in _other_indices(place.slice, scope):
            yield ast.Subscript(place.value, index, ast.Load()), "wrong-operand", "operand", 1.6
        if isinstance(place.slice, ast.Tuple) and len(place.slice.elts) >= 2:
            shaped = all(isinstance(e, (ast.Slice, ast.Constant)) for e in place.slice.elts)
            key, form = ("broadcast", "broadcast") if shaped else ("transposed", "index")
            for order in permutations(place.slice.elts):
                if [id(e) for e in order] != [id(e) for e in place.slice.elts]:
                    new = ast.Subscript(place.value, ast.Tuple(list(order), ast.Load()), ast.Load())
                    yield new, key, form, 1.2
            for i, element in enumerate(place.slice.elts):
                for other in _other_indices(element, scope):
                    parts = [*place.slice.elts[:i], other, *place.slice.elts[i + 1 :]]
                    new = ast.Subscript(place.value, ast.Tuple(parts, ast.Load()), ast.Load())
                    yield new, "transposed", "index", 1.7
        if isinstance(place.value, ast.Subscript):
            inner = ast.Subscript(place.value.value, place.slice, ast.Load())
            yield ast.Subscript(inner, place.value.slice, ast.Load()), "transposed", "index", 1.2
        elif isinstance(place.value, ast.Attribute) and isinstance(place.value.value, ast.Subscript):
            inner = ast.Subscript(place.value.value.value, place.slice, ast.Load())
            attribute = ast.Attribute(inner, place.value.attr, ast.Load())
            yield ast.Subscript(attribute, place.value.value.slice, ast.Load()), "transposed", "index", 1.3
        if not isinstance(place.slice, (ast.Tuple, ast.Slice)):
            every = ast.Slice()
            column = ast.Tuple([every, place.slice], ast.Load())
            yield ast.Subscript(place.value, column, ast.Load()), "transposed", "index", 1.4
        elif isinstance(place.slice, ast.Tuple) and len(place.slice.elts) == 2:
            first, second = place.slice.elts
            if isinstance(first, ast.Slice) and first.lower is first.upper is None:
                yield ast.Subscript(place.value, second, ast.Load()), "transposed", "index", 1.3
    names = list({n.id: None for n in ast.walk(place) if isinstance(n, ast.Name) and n.id in scope.indices})
    for one, other in combinations(names, 2):
        yield _exchanged(place, one, other), "transposed", "index", 1.25
    if isinstance(place, ast.Attribute):
        try:
            held = scope.value(place.value)
        except Exception:
            return
        mine = getattr(held, place.attr, None)
        for name, value in list(getattr(held, "__dict__", {}).items())[:30]:
            if name != place.attr and type(value) is type(mine) and not isinstance(held, type(np)):
                yield ast.Attribute(place.value, name, ast.Load()), "wrong-operand", "operand", 1.7
    root = place
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    if isinstance(root, ast.Name) and root.id in scope.names:
        kind = type(scope.names[root.id])
        if kind in (list, dict, tuple) or (
            hasattr(scope.names[root.id], "__dict__") and kind is not type(np)
        ):
            for name, value in scope.names.items():
                if (
                    name != root.id
                    and type(value) is kind
                    and not name.startswith("__")
                    and not isinstance(value, type)
                ):
                    yield _renamed(place, root.id, name), "wrong-operand", "operand", 1.8


def _exchanged(node: Any, one: str, other: str) -> Any:
    return _renamed(_renamed(_renamed(node, one, "__other__"), other, one), "__other__", other)


def _renamed(node: Any, old: str, new: str) -> Any:
    node = copy.deepcopy(node)
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and child.id == old:
            child.id = new
        for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            child.__dict__.pop(name, None)
    return node


def _other_indices(index: Any, scope: Scope) -> Iterator[Any]:
    if isinstance(index, ast.Slice):
        for text in ("1:", ":-1"):
            yield expression(f"x[{text}]").slice
    if isinstance(index, (ast.Slice, ast.Tuple)):
        return
    if isinstance(index, ast.Constant) and type(index.value) is int:
        for value in (index.value - 1, index.value + 1, -index.value - 1):
            yield _whole(value)
        yield from map(expression, scope.turns)
        return
    if isinstance(index, ast.BinOp) and isinstance(index.right, ast.Constant):
        yield index.left
    names = [n for n in ast.walk(index) if isinstance(n, ast.Name) and type(scope.names.get(n.id)) is int]
    for name in names:
        for other in scope.indices:
            if other != name.id:
                yield _replaced(index, name, ast.Name(other, ast.Load()))
        for sign in (ast.Add(), ast.Sub()):
            yield _replaced(index, name, ast.BinOp(name, sign, ast.Constant(1)))
    if isinstance(index, ast.UnaryOp):
        for sign in (ast.Add(), ast.Sub()):
            yield ast.BinOp(index, sign, ast.Constant(1))
    for key in [n for n in ast.walk(index) if isinstance(n, ast.Constant) and isinstance(n.value, str)]:
        for other in _keys(scope):
            if other != key.value:
                yield _replaced(index, key, ast.Constant(other))


def _keys(scope: Scope) -> list[str]:
    found: dict[str, None] = {}
    for node in ast.walk(scope.source.tree):
        if isinstance(node, ast.Subscript):
            for part in ast.walk(node.slice):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found[part.value] = None
    return list(found)[:20]


def _replaced(tree: Any, old: Any, new: Any) -> Any:
    from glassgrad.checking.causes.edits import substituted

    return substituted(tree, {id(old): new})


def _whole(value: int) -> Any:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def transposing_edits(statement: Statement, scope: Scope) -> Iterator[Edit]:
    """Yield the statement with operands transposed or swapped."""
    value: Any = statement.node.value  # type: ignore[attr-defined]

    def edit(old: Any, new: Any, cost: float) -> Edit:
        return Edit("transposed", title("transposed", old=old, new=new), statement, ((old, new),), cost)

    factors = {
        id(part)
        for node, left, right in matmuls(value)
        if not isinstance(getattr(node, "op", None), ast.Mult)
        for part in (left, right)
    }
    for node, left, right in matmuls(value):
        shapes = scope.shape(left), scope.shape(right)
        if isinstance(getattr(node, "op", None), ast.Mult) and (shapes[0] == shapes[1] or () in shapes):
            continue
        for a, b, cost in (
            (right, left, 1.0),
            (_turned(left), right, 1.0),
            (left, _turned(right), 1.0),
            (_turned(right), _turned(left), 1.2),
            (_turned(left), _turned(right), 1.2),
            (right, _turned(left), 1.2),
            (_turned(right), left, 1.2),
        ):
            new = _with(node, a, b)
            yield edit(node, new, cost)
    for node in ast.walk(value):
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.BinOp)):
            continue
        if isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            shape = scope.shape(node)
            if shape is not None and len(shape) == 2:
                turned = edit(node, _turned(node), 1.3)
                column = 1 in shape and id(node) not in factors
                shown = title("broadcast", old=node, new=_turned(node))
                yield replace(turned, key="broadcast", title=shown) if column else turned
            elif shape is not None and len(shape) in (3, 4) and called(node) != "transpose":
                for order in permutations(range(len(shape))):
                    if list(order) != sorted(order):
                        method = ast.Attribute(node, "transpose", ast.Load())
                        axes: list[ast.expr] = [ast.Constant(i) for i in order]
                        yield edit(node, ast.Call(method, axes, []), 1.5)
        if (
            called(node) == "transpose"
            and isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
        ):
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")):
                yield edit(node, node.func.value, 1.1)
            if len(node.args) in (3, 4):
                for others in permutations(node.args):
                    yield edit(node, ast.Call(node.func, list(others), []), 1.4)
        if called(node) == "einsum" and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
            for text in _subscripts(str(node.args[0].value)):
                yield edit(node.args[0], ast.Constant(text), 1.3)


def _turned(node: Any) -> Any:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    if called(node) == "transpose" and len(node.args) == 1 and not node.keywords:
        return node.args[0]
    return ast.Attribute(node, "T", ast.Load())


def _with(node: Any, left: Any, right: Any) -> Any:
    if isinstance(node, ast.BinOp):
        return ast.BinOp(left, node.op, right)
    if len(node.args) == 2:
        return ast.Call(node.func, [left, right], node.keywords)
    return ast.Call(ast.Attribute(left, node.func.attr, ast.Load()), [right], node.keywords)


def _subscripts(text: str) -> Iterator[str]:
    inputs, arrow, output = text.partition("->")
    parts = [*inputs.split(","), output] if arrow else inputs.split(",")
    for i, part in enumerate(parts):
        if 2 <= len(part) <= 4:
            for order in permutations(part):
                new = [*parts[:i], "".join(order), *parts[i + 1 :]]
                if new != parts:
                    yield ",".join(new[: -1 if arrow else None]) + (arrow + new[-1] if arrow else "")
