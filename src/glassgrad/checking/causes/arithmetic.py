"""Signs, constants, axes of sums, shapes that broadcast, digits that are lost, and sums that overwrite."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from glassgrad.checking.causes.edits import Edit, expression
from glassgrad.checking.causes.phrases import called, parents, terms, within
from glassgrad.checking.causes.scope import Scope
from glassgrad.checking.causes.titles import title
from glassgrad.checking.recording.source import Statement

__all__ = ["arithmetic_edits", "axis_edits", "digit_edits", "sum_edits"]

_REDUCING = frozenset(("sum", "mean", "average", "max", "amax"))


def _edit(key: str, form: str, statement: Statement, old: Any, new: Any, cost: float) -> Edit:
    return Edit(key, title(form, old=old, new=new), statement, ((old, new),), cost)


def arithmetic_edits(statement: Statement, scope: Scope) -> Iterator[Edit]:
    """Yield the statement with other signs, constants and terms."""
    node: Any = statement.node
    value = node.value
    above = parents(node)
    yield _edit("sign", "sign", statement, value, ast.UnaryOp(ast.USub(), value), 1.2)
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
        turned = ast.AugAssign(node.target, ast.Sub() if isinstance(node.op, ast.Add) else ast.Add(), value)
        yield _edit("sign", "sign", statement, node, turned, 1.1)
    for part in _parts(value):
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub) and not _number(part.operand):
            yield _edit("sign", "sign", statement, part, part.operand, 1.0)
        if isinstance(part, ast.BinOp):
            yield from _operations(statement, part, above)
        if isinstance(part, ast.Compare):
            yield from _compared(statement, part)
        if isinstance(part, ast.Call) and part.args:
            negative = ast.UnaryOp(ast.USub(), part.args[0])
            yield _edit("wrong-derivative", "wrong", statement, part.args[0], negative, 1.7)
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, (ast.Invert, ast.Not)):
            yield _edit("wrong-derivative", "wrong", statement, part, part.operand, 1.2)
        if isinstance(part, ast.Constant) and type(part.value) in (int, float) and not _in_index(part, above):
            yield from _numbers(statement, part, above, scope)
    for term in terms(value):
        for text in ("2", "0.5"):
            new = ast.BinOp(expression(text), ast.Mult(), term)
            yield _edit("factor", "factor", statement, term, new, 2.0)
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    for target in targets:
        if isinstance(target, ast.Subscript):
            yield from _target_indices(statement, target, scope)
            yield from _masks(statement, target.slice)


def _parts(value: ast.AST) -> Iterator[Any]:
    yield from ast.walk(value)


def _numbers(statement: Statement, part: Any, above: dict[int, ast.AST], scope: Scope) -> Iterator[Edit]:
    """Yield other numbers in the place of one."""
    product: Any = above[id(part)]
    factor = isinstance(product, ast.BinOp) and isinstance(product.op, (ast.Mult, ast.Div))
    key, form = ("factor", "factor") if factor else ("wrong-derivative", "wrong")
    for number in (0, 1, 2, 3, 0.5, part.value - 1, part.value + 1):
        if number != part.value:
            yield _edit(key, form, statement, part, ast.Constant(number), 1.9)
    for text in scope.constants:
        yield _edit("wrong-derivative", "wrong", statement, part, expression(text), 2.2)


def _compared(statement: Statement, part: ast.Compare) -> Iterator[Edit]:
    """Yield other comparisons, and what is compared itself."""
    yield _edit("wrong-operand", "operand", statement, part, part.left, 1.8)
    for op in _COMPARISONS:
        if len(part.ops) == 1 and not isinstance(part.ops[0], op):
            new = ast.Compare(part.left, [op()], part.comparators)
            yield _edit("wrong-derivative", "wrong", statement, part, new, 1.4)


_COMPARISONS = (ast.Gt, ast.GtE, ast.Lt, ast.LtE)


def _operations(statement: Statement, part: ast.BinOp, above: dict[int, ast.AST]) -> Iterator[Edit]:
    if isinstance(part.op, ast.Sub) and not _number(part.left) and not _number(part.right):
        turned = ast.BinOp(part.right, ast.Sub(), part.left)
        yield _edit("sign", "sign", statement, part, turned, 1.0)
    if isinstance(part.op, (ast.Add, ast.Sub)):
        op = ast.Sub() if isinstance(part.op, ast.Add) else ast.Add()
        key, form = ("wrong-derivative", "wrong") if _number(part.left) else ("sign", "sign")
        yield _edit(key, form, statement, part, ast.BinOp(part.left, op, part.right), 1.3)
        for kept, gone in ((part.left, part.right), (part.right, part.left)):
            key, form = ("wrong-derivative", "wrong") if _number(gone) else ("missing-term", "extra")
            yield _edit(key, form, statement, part, kept, 1.9)
    if isinstance(part.op, ast.FloorDiv):
        yield _edit(
            "precision", "precision", statement, part, ast.BinOp(part.left, ast.Div(), part.right), 0.5
        )
    if isinstance(part.op, ast.Div):
        kept = ast.BinOp(part.left, ast.Mult(), part.right)
        yield _edit("factor", "factor", statement, part, part.left, 1.6)
        yield _edit("factor", "factor", statement, part, kept, 1.9)
    if isinstance(part.op, ast.Mult) and not _number(part.left):
        yield _edit("factor", "factor", statement, part, ast.BinOp(part.left, ast.Div(), part.right), 1.9)
    if isinstance(part.op, (ast.Mult, ast.MatMult)):
        other = ast.MatMult() if isinstance(part.op, ast.Mult) else ast.Mult()
        yield _edit("transposed", "transposed", statement, part, ast.BinOp(part.left, other, part.right), 2.2)


def _number(node: Any) -> bool:
    return isinstance(node, ast.Constant)


def _in_index(node: ast.AST, above: dict[int, ast.AST]) -> bool:
    return any(isinstance(n, (ast.Subscript, ast.keyword)) for n in within(node, above))


def _masks(statement: Statement, mask: Any) -> Iterator[Edit]:
    """Yield other conditions for what is set to a number: ``d[z <= 0] = 0``."""
    bare = mask.operand if isinstance(mask, ast.UnaryOp) else ast.UnaryOp(ast.Invert(), mask)
    yield _edit("wrong-derivative", "wrong", statement, mask, bare, 1.3)
    for part in ast.walk(mask):
        if isinstance(part, ast.Compare):
            yield from _compared(statement, part)


def _target_indices(statement: Statement, target: ast.Subscript, scope: Scope) -> Iterator[Edit]:
    from glassgrad.checking.causes.operands import _other_paths

    for new, key, form, cost in _other_paths(target, scope):
        stored = ast.Subscript(new.value, new.slice, ast.Store()) if isinstance(new, ast.Subscript) else None
        if stored is not None:
            key = "transposed" if key == "wrong-operand" else key
            yield _edit(key, "index" if key == "transposed" else form, statement, target, stored, cost)


def sum_edits(statement: Statement) -> Iterator[Edit]:
    """Yield the statement with adding instead of overwriting, and the reverse."""
    node = statement.node
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and not isinstance(node.targets[0], ast.Tuple):
        target: Any = node.targets[0]
        for op, cost in ((ast.Add(), 1.0), (ast.Sub(), 1.6), (ast.Mult(), 2.2)):
            said = title("overwritten", what=target)
            new = ast.AugAssign(target, op, node.value)
            key = "missing-derivative" if isinstance(op, ast.Mult) else "overwritten"
            yield Edit(key, said, statement, ((node, new),), cost)
        if isinstance(node.value, ast.ListComp):
            yield from _sums_of_items(statement, target, node.value)
    if isinstance(node, ast.AugAssign):
        new_node = ast.Assign([node.target], node.value)
        said = title("extra", old=node.target)
        yield Edit("missing-term", said, statement, ((node, new_node),), 2.0)


def _sums_of_items(statement: Statement, target: Any, made: ast.ListComp) -> Iterator[Edit]:
    """Yield a list made anew that adds to the items it had: ``s = [a + b for a, b in zip(s, t)]``."""
    for part in made.generators:
        items = part.target.elts if isinstance(part.target, ast.Tuple) else [part.target]
        given = part.iter.args if called(part.iter) == "zip" else [part.iter]  # type: ignore[attr-defined]
        for item, source in zip(items, given, strict=False):
            if ast.unparse(source) == ast.unparse(target) and isinstance(item, ast.Name):
                new = ast.BinOp(ast.Name(item.id, ast.Load()), ast.Add(), made.elt)
                said = title("overwritten", what=target)
                yield Edit("overwritten", said, statement, ((made.elt, new),), 1.0)


def axis_edits(statement: Statement, scope: Scope, bias: bool) -> Iterator[Edit]:
    """Yield the statement with sums over other axes, and with sums where there are none.

    Parameters
    ----------
    statement
        The statement.
    scope
        The names in scope.
    bias
        Whether what is wanted has fewer elements than what the statement makes, or fewer axes.
    """
    value: Any = statement.node.value  # type: ignore[attr-defined]
    for part in ast.walk(value):
        name = called(part)
        if name in _REDUCING and isinstance(part, ast.Call):
            for new, cost in _other_axes(part):
                averaged = called(new) != name
                key, form = ("wrong-axis", "axis")
                if averaged:
                    cost += 0.4
                if not part.args[_first(part) :] and not part.keywords:
                    key, form = ("wrong-axis", "axis")
                yield _edit(key, form, statement, part, new, 1.2 + cost)
            inner = part.args[0] if _first(part) else getattr(part.func, "value", None)
            if inner is not None:
                yield _edit("wrong-axis", "axis", statement, part, inner, 1.9)
        if isinstance(part, ast.Subscript):
            for new in _sums(part.value):
                yield _edit("bias-not-summed", "unsummed", statement, part, new, 1.3)
    for place in [
        value,
        *(p.left for p in ast.walk(value) if isinstance(p, ast.BinOp)),
        *(p.right for p in ast.walk(value) if isinstance(p, ast.BinOp)),
    ]:
        shape = scope.shape(place)
        if shape:
            for new in _sums(place):
                yield _edit("bias-not-summed", "unsummed", statement, place, new, 1.6)


def _first(call: ast.Call) -> int:
    """Return 1 where a call is ``np.sum(x)``, 0 where it is ``x.sum()``."""
    func = call.func
    module = (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Name)
        and func.value.id in ("np", "numpy", "math")
    )
    return 1 if module or isinstance(func, ast.Name) else 0


def _other_axes(call: ast.Call) -> Iterator[tuple[Any, float]]:
    """Yield a reduction over other axes, and as a sum instead of a mean."""
    first = _first(call)
    kept = call.args[:first]
    keeps = next((k for k in call.keywords if k.arg == "keepdims"), None)
    func: Any = call.func
    for name in dict.fromkeys((called(call), "sum", "mean")):
        reduces = ast.Attribute(func.value, name, ast.Load()) if isinstance(func, ast.Attribute) else func
        for axis in (0, 1, None, -1, (0, 1), (0, 2, 3), (0, 2), (0, 1, 2)):
            for keep in dict.fromkeys((keeps is not None, True, False)):
                words = [] if axis is None else [ast.keyword("axis", expression(repr(axis)))]
                words += [ast.keyword("keepdims", ast.Constant(True))] if keep else []
                words += [k for k in call.keywords if k.arg in ("out", "dtype")]
                yield (
                    ast.Call(reduces, kept, words),
                    0.1 * (keep != (keeps is not None)) + 0.02 * (axis not in (0, 1)),
                )


def _sums(node: Any) -> Iterator[Any]:
    method = ast.Attribute(node, "sum", ast.Load())
    for axis in (0, 1, None, (0, 1), (0, 2, 3), (0, 1, 2)):
        for keep in (False, True):
            words = [] if axis is None else [ast.keyword("axis", expression(repr(axis)))]
            words += [ast.keyword("keepdims", ast.Constant(True))] if keep else []
            yield ast.Call(method, [], words)


def digit_edits(statement: Statement, scope: Scope) -> Iterator[Edit]:
    """Yield the statement without what loses digits, and with shapes that do not broadcast."""
    value: Any = statement.node.value  # type: ignore[attr-defined]
    for part in ast.walk(value):
        name = called(part)
        if isinstance(part, ast.Call):
            inner = part.func.value if isinstance(part.func, ast.Attribute) and not _first(part) else None
            if inner is None and part.args:
                inner = part.args[0]
            key, form = _unwrapped(name)
            if inner is not None:
                yield _edit(key, form, statement, part, inner, 1.4 if key != "wrong-derivative" else 1.8)
            words = [k for k in part.keywords if k.arg != "dtype"]
            if len(words) < len(part.keywords):
                new = ast.Call(part.func, part.args, words)
                yield _edit("precision", "precision", statement, part, new, 0.5)
        loaded = isinstance(getattr(part, "ctx", ast.Load()), ast.Load)
        if loaded and isinstance(part, ast.Subscript) and isinstance(part.slice, (ast.Slice, ast.Tuple)):
            if any(map(_new_axis, ast.walk(part.slice))):
                yield _edit("broadcast", "broadcast", statement, part, part.value, 0.9)
            else:
                yield _edit("missing-term", "range", statement, part, part.value, 1.8)
        if loaded and isinstance(part, (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.Call)):
            yield from _shaped(statement, part, scope.shape(part))


def _new_axis(node: Any) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (
        isinstance(node, ast.Attribute) and node.attr == "newaxis"
    )


def _unwrapped(name: str) -> tuple[str, str]:
    if name in (
        "astype",
        "float16",
        "float32",
        "int",
        "round",
        "around",
        "rint",
        "floor",
        "trunc",
        "int32",
        "int64",
    ):
        return "precision", "precision"
    if name in _REDUCING:
        return "wrong-axis", "axis"
    if name in ("reshape", "ravel", "flatten", "squeeze"):
        return "broadcast", "broadcast"
    if name in ("abs", "absolute", "sign"):
        return "sign", "sign"
    if name in ("transpose", "swapaxes"):
        return "transposed", "transposed"
    return "derivative-place", "place"


def _shaped(statement: Statement, part: Any, shape: tuple[int, ...] | None) -> Iterator[Edit]:
    """Yield an operand as a column, a row or a vector."""
    forms = []
    if shape is not None and len(shape) == 1:
        forms = ["reshape(-1, 1)", "reshape(1, -1)"]
    elif shape is not None and len(shape) == 2 and 1 in shape:
        forms = ["ravel()", "T"]
    elif shape is not None and len(shape) in (2, 3) and shape[0] != shape[-1]:
        forms = ["ravel()"]
    for form in forms:
        shown = expression(f"__x__.{form}")
        inner = shown if form == "T" else shown.func
        inner.value = part
        yield _edit("broadcast", "broadcast", statement, part, shown, 1.7)
    if shape is not None and len(shape) == 1:
        for text in ("[:, None]", "[None, :]"):
            new = expression(f"x{text}")
            new.value = part
            yield _edit("broadcast", "broadcast", statement, part, new, 1.75)
