"""One statement evaluated in the program's own names, without leaving a trace in them."""

from __future__ import annotations

import ast
import copy
import operator
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.checking.causes.edits import substituted
from glassgrad.checking.causes.phrases import called
from glassgrad.checking.causes.sites import Site
from glassgrad.checking.recording.arrays import Traced
from glassgrad.checking.recording.traced import is_traced

__all__ = ["evaluation", "part_of", "safe_names"]


def evaluation(site: Site, node: Any) -> Callable[[dict[str, Any], Any], Any]:
    """Return what evaluates a statement in some names; it asks for a copy of what the statement adds to."""
    value = _compiled(site, node.value)
    at_risk = _at_risk(site, node.value)
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
    whole = site.run.tape.bindings[site.binding].kind == "whole"
    holder = None if simple or isinstance(target, ast.Tuple) else _compiled(site, _load(root))

    def run(names: dict[str, Any], shadow: Any) -> Any:
        names = _safe(names, at_risk)
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
    tree = ast.Expression(site.hooks.visit(_load(node)))
    return compile(ast.fix_missing_locations(tree), site.source.file, "eval")


def _load(node: Any) -> Any:
    node = substituted(node, {})
    for child in ast.walk(node):
        if hasattr(child, "ctx"):
            child.ctx = ast.Load()
    return node


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
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (list, tuple)):
        for item, part in zip(target.elts, value, strict=False):
            text = ast.unparse(item)
            if name == text or name.startswith(f"{text}["):
                return _item(part, name[len(text) :])
        return value
    text = "return" if isinstance(node, ast.Return) else ast.unparse(target) if target is not None else ""
    return _item(value, name[len(text) :]) if name.startswith(text) else value


def _item(value: Any, path: str) -> Any:
    """Return what ``['W1'][0]`` leads to."""
    if not path or is_traced(value):
        return value
    return eval(f"value{path}", {"value": value})
