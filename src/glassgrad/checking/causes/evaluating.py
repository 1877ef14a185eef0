"""One statement evaluated in the program's own names, without leaving a trace in them."""

from __future__ import annotations

import ast
import copy
import operator
import re
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.checking.causes.edits import substituted, unwritten
from glassgrad.checking.causes.phrases import called
from glassgrad.checking.causes.sites import Site
from glassgrad.checking.recording.arrays import Traced
from glassgrad.checking.recording.targets import written
from glassgrad.checking.recording.traced import is_traced

__all__ = ["evaluation", "part_named", "part_of", "reads_itself", "safe_names"]


def evaluation(site: Site, node: Any) -> Callable[[dict[str, Any], Any], Any]:
    """Return what evaluates a statement in some names; it asks for a copy of what the statement adds to."""
    if written(node) is not None:
        node = ast.Return(unwritten(node.value))
    value = _compiled(site, node.value)
    at_risk = _at_risk(site, node.value)
    if isinstance(node, ast.Expr):
        at_risk = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    if isinstance(node, (ast.Return, ast.Expr)):
        return lambda names, shadow: eval(value, _safe(names, at_risk))
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    add = _IN_PLACE.get(type(node.op)) if isinstance(node, ast.AugAssign) else None
    path: list[Any] = []
    root = target
    while isinstance(root, ast.Subscript):
        path.insert(0, _compiled(site, root.slice))
        root = root.value
    simple = not path and add is None
    again = ast.unparse(target) if simple and isinstance(target, ast.Name) and reads_itself(node) else None
    whole = site.run.tape.bindings[site.binding].kind == "whole"
    holder = None if simple or isinstance(target, ast.Tuple) else _compiled(site, _load(root))

    def run(names: dict[str, Any], shadow: Any) -> Any:
        names = _safe(names, at_risk)
        if again is not None:
            current = names.get(again)
            own = shadow(again, current)
            return shadow(again, current, eval(value, {**names, again: own}))
        right = eval(value, names)
        if holder is None:
            return right
        current = eval(holder, names)
        indices = [eval(p, names) for p in path]
        key = ast.unparse(root)
        while indices and not is_traced(current) and not isinstance(current, np.ndarray):
            index = indices.pop(0)
            key = f"{key}[{index!r}]"
            if not indices and add is None:
                return shadow(key, None, right) if is_traced(right) else right
            current = current[index]
        if not indices:
            if add is None:
                return right
            kept = shadow(key, current)
            return shadow(key, current, add(kept, right))
        kept = shadow(key, current)
        inner = kept
        for index in indices[:-1]:
            inner = inner[index]
        stored = right if add is None else add(inner[indices[-1]], right)
        inner[indices[-1]] = stored
        shadow(key, current, kept)
        return kept if whole else stored

    return run


def _compiled(site: Site, node: Any) -> Any:
    tree = ast.Expression(site.instrumented(_load(node)))
    return compile(ast.fix_missing_locations(tree), site.source.file, "eval")


def _load(node: Any) -> Any:
    node = substituted(node, {})
    bound = {
        id(part)
        for child in ast.walk(node)
        if isinstance(child, (ast.comprehension, ast.NamedExpr))
        for part in ast.walk(child.target)
    }
    for child in ast.walk(node):
        if hasattr(child, "ctx") and id(child) not in bound:
            child.ctx = ast.Load()
    return node


def reads_itself(node: ast.AST) -> bool:
    """Say whether a statement gives a name a value that is made of the one it had."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return False
    own = node.targets[0].id
    return any(isinstance(n, ast.Name) and n.id == own for n in ast.walk(node.value))


_IN_PLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd,
    ast.Sub: operator.isub,
    ast.Mult: operator.imul,
    ast.Div: operator.itruediv,
    ast.FloorDiv: operator.ifloordiv,
    ast.Pow: operator.ipow,
    ast.MatMult: operator.imatmul,
}


def safe_names(site: Site, node: Any, names: dict[str, Any]) -> dict[str, Any]:
    """Return names in which an expression can be evaluated without a change to what they stand for."""
    return _safe(names, _at_risk(site, node))


def _at_risk(site: Site, node: Any) -> list[str]:
    """Return the names in an expression that calls functions of the program's which write what they are given."""
    if not any(isinstance(n, ast.Call) and called(n) in site.writing for n in ast.walk(node)):
        return []
    return list(dict.fromkeys(n.id for n in ast.walk(node) if isinstance(n, ast.Name)))


def _safe(names: dict[str, Any], at_risk: list[str]) -> dict[str, Any]:
    """Return names with copies in the place of some."""
    if not at_risk:
        return names
    memo: dict[int, Any] = {}
    own = dict(names)
    for name in at_risk:
        value = names.get(name)
        plain_object = (
            hasattr(value, "__dict__") and not callable(value) and not isinstance(value, types.ModuleType)
        )
        if isinstance(value, (Traced, list, dict)) or plain_object:
            own[name] = copy.deepcopy(value, memo)
    return own


def part_of(node: Any, name: str, value: Any) -> Any:
    """Return the part of a value that a name gets: of a tuple, list or dict the item that the name ends in."""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", written(node))
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (list, tuple)):
        for item, part in zip(target.elts, value, strict=False):
            text = ast.unparse(item)
            if name == text or name.startswith(f"{text}["):
                return _item(part, name[len(text) :])
        return value
    text = "return" if isinstance(node, ast.Return) else ast.unparse(target) if target is not None else ""
    return _item(value, name[len(text) :]) if name.startswith(text) else value


def part_named(node: Any, name: str) -> Any:
    """Return the part of a statement's expression that a name gets its value from, None where it is all of it."""
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    value = getattr(node, "value", None)
    text = "return" if isinstance(node, ast.Return) else ast.unparse(target) if target is not None else None
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=False)
        return next((part for item, part in pairs if ast.unparse(item) == name), None)
    if text is None or not name.startswith(f"{text}["):
        return None
    for key in _KEYS.findall(name[len(text) :]):
        found = [v for k, v in _items(value) if repr(k) == key]
        if len(found) != 1:
            return None
        value = found[0]
    return value


_KEYS = re.compile(r"\[([^\[\]]*)\]")


def _items(node: Any) -> list[tuple[Any, Any]]:
    if isinstance(node, (ast.Tuple, ast.List)):
        return list(enumerate(node.elts))
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [(k.value, v) for k, v in pairs if isinstance(k, ast.Constant)]
    return []


def _item(value: Any, path: str) -> Any:
    """Return what ``['W1'][0]`` leads to."""
    if not path or is_traced(value):
        return value
    return eval(f"value{path}", {"value": value})
