"""The names a statement could have used: every array the program's own phrases give there, and its functions."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.checking.causes.edits import expression, unwritten
from glassgrad.checking.recording.source import HOOK, Source
from glassgrad.checking.recording.traced import is_traced, plain

__all__ = ["Operand", "Scope", "derivative_like"]

_MOST = 60
_DERIVATIVE = re.compile(
    r"(deriv|prime|grad|slope|jacob|(^|_)d(er|iff?)?(_|$)|^d[a-z]|_d$|tangent)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Operand:
    """A phrase of the program that gives an array or a number: how it is written, and whether it is of the target."""

    text: str
    value: Any
    target: bool = False

    @property
    def node(self) -> Any:
        """Its syntax."""
        return expression(self.text)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return np.shape(plain(self.value))


class Scope:
    """What can be written at a statement.

    Parameters
    ----------
    source
        The statement's file.
    names
        What its names stand for.
    safe
        Gives the names in which an expression can be evaluated without a change to what they stand for.
    targets
        The values from outside of which targets are made, and predictions are not, as bits.
    """

    def __init__(
        self,
        source: Source,
        names: dict[str, Any],
        safe: Callable[[Any, dict[str, Any]], dict[str, Any]],
        targets: int = 0,
    ) -> None:
        self.source, self.names, self._safe, self._targets = source, names, safe, targets
        self._shapes: dict[str, tuple[int, ...] | None] = {}

    def within(self, names: dict[str, Any]) -> Scope:
        """Return what can be written there with other names."""
        return Scope(self.source, names, self._safe, self._targets)

    def value(self, node: Any) -> Any:
        """Return what an expression gives."""
        tree = ast.fix_missing_locations(ast.Expression(unwritten(node)))
        return eval(compile(tree, self.source.file, "eval"), self._safe(node, self.names))

    def shape(self, node: Any) -> tuple[int, ...] | None:
        """Return the shape of what an expression gives, or None where it gives no number."""
        text = ast.unparse(node)
        if text not in self._shapes:
            self._shapes[text] = self._shape(node)
        return self._shapes[text]

    def _shape(self, node: Any) -> tuple[int, ...] | None:
        try:
            value = plain(self.value(node))
            return np.shape(value) if np.asarray(value).dtype.kind in "fiub" else None
        except Exception:
            return None

    @functools.cached_property
    def operands(self) -> list[Operand]:
        """The arrays and numbers that the program's phrases give, names first."""
        found: dict[str, Operand] = {}
        for text in self._phrases():
            try:
                value = self.value(expression(text))
            except Exception:
                continue
            if _number(value) and text not in found:
                found[text] = Operand(text, value, self._of_target(value))
        return list(found.values())

    def _of_target(self, value: Any) -> bool:
        """Say whether a value is made of the target alone."""
        if not self._targets or not is_traced(value):
            return False
        leaves = value._tape.events[value._cell.event].leaves
        return bool(leaves) and not leaves & ~self._targets

    @functools.cached_property
    def arrays(self) -> list[Operand]:
        """The operands that record, and so may be different on other draws."""
        return [o for o in self.operands if is_traced(o.value)][: 2 * _MOST]

    @functools.cached_property
    def indices(self) -> list[str]:
        """The names of whole numbers, as of loops."""
        return [
            n
            for n, v in self.names.items()
            if type(v) is int and re.search(rf"\[[^\]]*\b{n}\b", self.source.text)
        ]

    @functools.cached_property
    def turns(self) -> list[str]:
        """The indices that the program makes of whole numbers, as of loops: ``-l``, ``i - 1``."""
        found: dict[str, None] = {}
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Subscript) and not isinstance(
                node.slice, (ast.Constant, ast.Slice, ast.Tuple)
            ):
                names = {n.id for n in ast.walk(node.slice) if isinstance(n, ast.Name)}
                if names and names <= set(self.indices):
                    found[ast.unparse(node.slice)] = None
        return list(found)[:6]

    @functools.cached_property
    def derivatives(self) -> list[Any]:
        """Calls in the program of functions that are named as derivatives are; the first argument may be another."""
        found: dict[str, Any] = {}
        for node in ast.walk(self.source.tree):
            if (
                isinstance(node, ast.Call)
                and len(node.args) <= 2
                and derivative_like(node)
                and not any(k.arg == "out" for k in node.keywords)
                and self._formula(node)
            ):
                shown = ast.Call(node.func, node.args, node.keywords)
                form = (
                    ast.unparse(ast.Call(node.func, node.args[1:], node.keywords))
                    if node.args
                    else ast.unparse(node)
                )
                found.setdefault(form, shown)
        for name, function in self.names.items():
            derives = isinstance(function, types.FunctionType) and _DERIVATIVE.search(name)
            if derives and name not in self._at_work and _single(function):
                call = ast.Call(ast.Name(name, ast.Load()), [ast.Constant(0)], [])
                found.setdefault(f"{name}()", call)
        return list(found.values())[:12]

    def _formula(self, call: ast.Call) -> bool:
        """Say whether a call is of a function that calculates and returns, and does not do more."""
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        return name not in self._at_work

    @functools.cached_property
    def _at_work(self) -> frozenset[str]:
        """The functions of the program that run loops or return nothing."""
        found = set()
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.FunctionDef):
                inner = list(ast.walk(node))
                loops = any(isinstance(n, (ast.For, ast.While)) for n in inner)
                if loops or not any(isinstance(n, ast.Return) and n.value is not None for n in inner):
                    found.add(node.name)
        return frozenset(found)

    @functools.cached_property
    def constants(self) -> list[str]:
        """The numbers below 1 that the program writes, and the names of single numbers: what may be a slope."""
        found: dict[str, None] = {}
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Constant) and type(node.value) is float and 0 < node.value < 1:
                found[repr(node.value)] = None
        found |= {o.text: None for o in self.operands if not o.shape and not is_traced(o.value)}
        return list(found)[:8]

    @functools.cached_property
    def activations(self) -> list[str]:
        """The functions of one argument that are not named as derivatives are."""
        return [
            name
            for name, value in self.names.items()
            if isinstance(value, types.FunctionType)
            and _single(value)
            and not _DERIVATIVE.search(name)
            and name not in self._at_work
        ][:4]

    def _phrases(self) -> list[str]:
        phrases: dict[str, None] = {}
        holders = {n: v for n, v in self.names.items() if not n.startswith("__") and n != HOOK}
        phrases |= {name: None for name, value in holders.items() if _number(value)}
        for name, value in holders.items():
            phrases |= dict.fromkeys(_inside(name, value))
        for node in ast.walk(self.source.tree):
            if isinstance(node, (ast.Attribute, ast.Subscript)) and _simple(node):
                phrases.setdefault(ast.unparse(_loaded(node)))
        parts = {
            ast.unparse(n.slice)
            for n in ast.walk(self.source.tree)
            if isinstance(n, ast.Subscript) and any(isinstance(s, ast.Slice) for s in ast.walk(n.slice))
        }
        parts = {part for part in parts if re.fullmatch(r"[-\d:, ]+", part) and re.search(r"\d", part)}
        if re.search(r"ones|np\.c_|stack|concatenate|insert", self.source.text):
            parts |= {":, 1:", "1:"}
        names = [p for p in phrases if p.replace(".", "").isidentifier()]
        for part in sorted(parts)[:4]:
            phrases |= {f"{name}[{part}]": None for name in names}
        for index in self.indices[:3]:
            phrases |= {f"{name}[{index}]": None for name in names if len(names) < 40}
        return list(phrases)


def derivative_like(node: ast.AST) -> bool:
    """Say whether an expression is written as a local derivative is."""
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if hasattr(np, name) or hasattr(np.ndarray, name):
            return name in ("where", "sign", "heaviside", "greater")
        flags = [k.arg or "" for k in node.keywords]
        flagged = any(
            isinstance(a, ast.Constant) and a.value is True
            for a in [*node.args, *(k.value for k in node.keywords)]
        )
        return bool(_DERIVATIVE.search(name)) or flagged or any(_DERIVATIVE.search(f) for f in flags)
    if isinstance(node, ast.Name):
        return bool(re.search(r"deriv|prime|slope|mask|local", node.id, re.IGNORECASE))
    if isinstance(node, ast.Compare):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Add)):
        return isinstance(node.left, ast.Constant) and node.left.value == 1
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return derivative_like(node.left) or derivative_like(node.right)
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and derivative_like(node.left)


def _single(function: types.FunctionType) -> bool:
    try:
        given = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return False
    needed = [p for p in given if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return len(needed) == 1


def _number(value: Any) -> bool:
    if is_traced(value):
        return True
    return isinstance(value, (float, np.ndarray, np.floating)) and np.asarray(value).dtype.kind in "fiub"


def _inside(name: str, value: Any, depth: int = 2) -> list[str]:
    """Return the phrases that lead from a name to the arrays it holds."""
    if _number(value):
        return [name]
    if not depth or isinstance(value, (types.ModuleType, types.FunctionType, type)):
        return []
    found = []
    if isinstance(value, dict):
        for key, item in list(value.items())[:_MOST]:
            if isinstance(key, (str, int)):
                found += _inside(f"{name}[{key!r}]", item, depth - 1)
    elif isinstance(value, (list, tuple)) and len(value) <= 12:
        for i, item in enumerate(value):
            found += _inside(f"{name}[{i}]", item, depth - 1)
    elif hasattr(value, "__dict__") and type(value).__module__ in ("__main__", "builtins"):
        for key, item in list(vars(value).items())[:_MOST]:
            found += _inside(f"{name}.{key}", item, depth - 1)
    return found


def _simple(node: Any) -> bool:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute) and node.attr in ("T", "shape", "size", "ndim"):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def _loaded(node: Any) -> Any:
    node = copy.deepcopy(node)
    for child in ast.walk(node):
        if hasattr(child, "ctx"):
            child.ctx = ast.Load()
    return node
