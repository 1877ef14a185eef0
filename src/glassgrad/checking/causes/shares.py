"""Values that are shares of one whole: the other share in the place of one, and what a softmax makes of a gradient."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import numpy as np

from glassgrad.checking.causes.edits import Edit, expression
from glassgrad.checking.causes.phrases import leaves
from glassgrad.checking.causes.scope import Scope
from glassgrad.checking.causes.titles import title
from glassgrad.checking.recording.source import Statement
from glassgrad.checking.recording.traced import plain

__all__ = ["share_edits"]

_MOST = 12


def share_edits(statement: Statement, scope: Scope) -> Iterator[Edit]:
    """Yield the statement with ``1 - z`` for a gate z, and with the derivative of a softmax along an axis."""
    value: Any = statement.node.value  # type: ignore[attr-defined]
    for places in leaves(value).values():
        if _shares(scope, places[0]) is not None:
            for place in places:
                rest = ast.BinOp(ast.Constant(1), ast.Sub(), place)
                said = title("wrong", old=place, new=rest)
                yield Edit("wrong-derivative", said, statement, ((place, rest),), 1.6)
    shape = scope.shape(value)
    alike = [o for o in scope.arrays if shape and o.shape == shape]
    for o in alike[:_MOST]:
        shares = _shares(scope, o.node)
        for axis in range(len(o.shape)) if shares is not None else ():
            if o.shape[axis] > 1 and np.allclose(np.sum(shares, axis=axis), 1.0):
                whole = expression(f"x * (y - (y * x).sum(axis={axis}, keepdims=True))")
                new = _filled(whole, {"x": o.node, "y": value})
                said = title("missing", new=o.node)
                yield Edit("missing-derivative", said, statement, ((value, new),), 1.75)


def _shares(scope: Scope, node: Any) -> Any:
    """Return what an expression gives where that is numbers between 0 and 1, else None."""
    try:
        array = np.asarray(plain(scope.value(node)))
    except Exception:
        return None
    fits = array.dtype.kind == "f" and array.size and np.all(array > 0) and np.all(array < 1)
    return array if fits else None


class _Filling(ast.NodeTransformer):
    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given

    def visit_Name(self, node: ast.Name) -> Any:
        return self.given.get(node.id, node)


def _filled(tree: Any, given: dict[str, Any]) -> Any:
    return _Filling(given).visit(tree)
