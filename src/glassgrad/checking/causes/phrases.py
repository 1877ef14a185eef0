"""Pieces of a statement: the operands it is made of, and the factors and terms of its products and sums."""

from __future__ import annotations

import ast
from typing import Any

__all__ = ["PRODUCTS", "called", "factors", "leaves", "matmuls", "parents", "reduced", "terms", "within"]

PRODUCTS = frozenset(["dot", "matmul", "outer", "inner", "vdot", "multi_dot", "kron"])
"""Functions of two matrices."""


def called(node: ast.AST) -> str:
    """Return the last name of what a call calls."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def reduced(call: Any) -> Any:
    """Return what a sum or a mean is of: ``x`` in ``np.sum(x)`` and in ``x.sum()``."""
    func = call.func
    if isinstance(func, ast.Name) or (isinstance(func.value, ast.Name) and func.value.id in ("np", "numpy")):
        return call.args[0] if call.args else None
    return func.value


def parents(statement: ast.AST) -> dict[int, ast.AST]:
    """Return for each node, by identity, the node that it is part of."""
    return {id(child): node for node in ast.walk(statement) for child in ast.iter_child_nodes(node)}


def within(node: ast.AST, above: dict[int, ast.AST]) -> list[Any]:
    """Return the nodes that a node is part of, from the inside out."""
    found = []
    while id(node) in above:
        node = above[id(node)]
        found.append(node)
    return found


def leaves(value: ast.AST) -> dict[str, list[Any]]:
    """Return the operands of an expression, each with all the places where it stands."""
    found: dict[str, list[Any]] = {}

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                visit(node.func.value)
            for argument in (*node.args, *(k.value for k in node.keywords)):
                visit(argument)
        elif isinstance(node, (ast.Attribute, ast.Subscript, ast.Name)):
            if isinstance(node, ast.Attribute) and node.attr == "T":
                visit(node.value)
            elif _plain(node):
                found.setdefault(ast.unparse(node), []).append(node)
            else:
                for child in ast.iter_child_nodes(node):
                    visit(child)
        else:
            for child in ast.iter_child_nodes(node):
                visit(child)

    visit(value)
    return found


def _plain(node: Any) -> bool:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute) and node.attr == "T":
            return False
        node = node.value
    return isinstance(node, ast.Name)


def matmuls(value: ast.AST) -> list[tuple[Any, Any, Any]]:
    """Return the products of matrices: each with its two operands."""
    found: list[tuple[Any, Any, Any]] = []
    for node in ast.walk(value):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.MatMult, ast.Mult)):
            found.append((node, node.left, node.right))
        elif called(node) in PRODUCTS and isinstance(node, ast.Call):
            if len(node.args) == 2:
                found.append((node, node.args[0], node.args[1]))
            elif len(node.args) == 1 and isinstance(node.func, ast.Attribute):
                found.append((node, node.func.value, node.args[0]))
    return found


def factors(node: Any) -> list[Any]:
    """Return the factors of a product, from left to right."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return factors(node.left) + factors(node.right)
    if called(node) == "multiply" and len(node.args) == 2:
        return factors(node.args[0]) + factors(node.args[1])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return factors(node.left)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return factors(node.operand)
    return [node]


def terms(node: Any) -> list[Any]:
    """Return the terms of a sum."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        return terms(node.left) + terms(node.right)
    return [node]
