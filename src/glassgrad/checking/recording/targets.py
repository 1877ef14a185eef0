"""What a statement gives a value to: single targets, their roots and indices, and what may be a parameter."""

from __future__ import annotations

import ast
import copy
import re

__all__ = [
    "last_name",
    "loaded",
    "repeatable",
    "reshapes",
    "root_of",
    "single_targets",
    "stepped_names",
    "written",
    "written_by",
]


def stepped_names(tree: ast.AST) -> set[str]:
    """Return the names from which something is taken away again and again, as from a bias that begins as a number.

    Numbers that have a gradient by name are among them: ``b = 0.5`` where there is a ``db``.
    """
    found = _with_gradients(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign) and not isinstance(node.value, ast.Constant):
            if isinstance(node.op, ast.Sub) or (isinstance(node.op, ast.Add) and _scaled(node.value)):
                found.add(last_name(node.target))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
            left, op = node.value.left, node.value.op
            for target in node.targets:
                if ast.unparse(target) == ast.unparse(left) and (
                    isinstance(op, ast.Sub) or (isinstance(op, ast.Add) and _scaled(node.value.right))
                ):
                    found.add(last_name(target))
    return found - {""}


def _with_gradients(tree: ast.AST) -> set[str]:
    """Return the names of numbers of which there is a gradient, by its name."""
    numbers: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            single = {last_name(t) for target in node.targets for t in single_targets(target)}
            number = isinstance(node.value, ast.Constant) and type(node.value.value) is float
            (numbers if number else others).update(single)
        elif isinstance(node, ast.AugAssign):
            others.add(last_name(node.target))
    return {
        n
        for n in numbers
        if n and any(_OF_GRADIENT.fullmatch(o.removesuffix(n)) for o in others if o.endswith(n))
    }


def _scaled(node: ast.AST) -> bool:
    """Say whether something is multiplied by what may be a learning rate."""
    names = [
        n.id if isinstance(n, ast.Name) else n.attr
        for n in ast.walk(node)
        if isinstance(n, (ast.Name, ast.Attribute))
    ]
    product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
    return product and any(_RATE.search(name) for name in names)


_RATE = re.compile(
    r"(^|_)(lr|l_?rate|rate|eta|alpha|step|learning_?rate|epsilon|mu|gamma)(_|$|\d)", re.IGNORECASE
)


_OF_GRADIENT = re.compile(r"(d|d_|grad_|g_|gradient_|nabla_)", re.IGNORECASE)


def reshapes(tree: ast.AST) -> bool:
    """Say whether a program changes arrays' shapes in place, which every name of such an array must see."""
    return any(
        isinstance(n, ast.Attribute) and n.attr in ("shape", "dtype") and isinstance(n.ctx, ast.Store)
        for n in ast.walk(tree)
    )


def last_name(target: ast.expr) -> str:
    """Return the last name of a target: ``b`` of ``self.b``."""
    return (
        target.id
        if isinstance(target, ast.Name)
        else target.attr
        if isinstance(target, ast.Attribute)
        else ""
    )


def written(statement: ast.AST) -> ast.expr | None:
    """Return what a call that stands alone writes its result into."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return written_by(call) if isinstance(call, ast.Call) and last_name(call.func) != "at" else None


def single_targets(target: ast.expr) -> list[ast.expr]:
    """Return the single targets of a statement."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for item in target.elts for name in single_targets(item)]
    if isinstance(target, ast.Starred):
        return single_targets(target.value)
    return [target]


def written_by(call: ast.Call) -> ast.expr | None:
    """Return what a call writes into: ``z`` of ``np.multiply(x, y, out=z)`` and of ``np.copyto(z, x)``."""
    named = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if named in ("copyto", "at") and call.args:
        return call.args[0]
    out = next((k.value for k in call.keywords if k.arg == "out"), None)
    return out if isinstance(out, (ast.Name, ast.Attribute, ast.Subscript)) else None


def repeatable(target: ast.expr) -> bool:
    """Say whether a target can be evaluated again without doing anything."""
    for node in ast.walk(target):
        if isinstance(node, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)):
            return False
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else last_name(node.func)
            if name not in _PURE:
                return False
    return True


_PURE = frozenset(
    ("str int len repr min max abs tuple range slice float chr ord format join lower upper ix_").split()  # noqa: SIM905
)


def root_of(target: ast.expr) -> tuple[ast.expr, list[ast.expr]]:
    """Return the variable or attribute that holds a target, and the indices that lead from it to the target."""
    indices: list[ast.expr] = []
    while isinstance(target, ast.Subscript):
        indices.insert(0, target.slice)
        target = target.value
    return target, indices


def loaded(node: ast.expr) -> ast.expr:
    """Return a target as an expression that reads it."""
    node = copy.deepcopy(node)
    for child in ast.walk(node):
        if hasattr(child, "ctx"):
            child.ctx = ast.Load()
    return node
