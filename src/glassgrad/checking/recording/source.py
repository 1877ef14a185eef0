"""The user's files: read as they are, and compiled with a hook after each statement that gives a name a value.

The hooks change nothing in what the program does. Every node keeps its place, so that errors and records point into
the file as the user sees it.
"""

from __future__ import annotations

import ast
import copy
import tokenize
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from glassgrad.checking.recording.advice import advice_for_syntax
from glassgrad.checking.recording.notebooks import code_of
from glassgrad.checking.recording.targets import (
    last_name,
    loaded,
    repeatable,
    reshapes,
    root_of,
    single_targets,
    stepped_names,
    written_by,
)
from glassgrad.errors import CheckError

__all__ = ["HOOK", "Source", "Statement", "instrumenting", "read_source"]

HOOK = "__glassgrad__"
"""The name under which the hooks find what records."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that gives names a value."""

    index: int
    file: str
    node: ast.stmt
    function: str

    @property
    def line(self) -> int:
        """The first line, from 1."""
        return self.node.lineno


class Source:
    """One file of the user's.

    Parameters
    ----------
    file
        Its path, as errors show it.
    text
        What is in it.
    """

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text
        self.lines = text.splitlines()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of "\d" in a string, and the like
                self.tree = ast.parse(text, file)
        except SyntaxError as error:
            raise CheckError(_unreadable(file, error, self.lines)) from None
        except ValueError:
            raise CheckError(f"{file} is no Python file: there are null bytes in it.") from None
        except RecursionError:
            raise CheckError(f"{file} does not run: an expression in it is nested too deeply.") from None
        self.statements: list[Statement] = []

    def segment(self, node: ast.AST) -> str:
        """Return the source of a node."""
        return ast.get_source_segment(self.text, node) or ""

    def compiled(self, first: int = 0, *, probe: int | None = None, numbers: bool = False) -> CodeType:
        """Return the program with hooks.

        Parameters
        ----------
        first
            The number of the file's first statement.
        probe
            A statement before which the hook is to see the names in scope.
        numbers
            Whether the floats in lists and calls record too, for programs that keep their weights in lists.
        """
        hooks = _Hooks(self, first, probe, numbers)
        tree = hooks.visit(ast.parse(self.text, self.file))
        self.statements = hooks.statements
        return compile(ast.fix_missing_locations(tree), self.file, "exec")


def read_source(path: Path) -> Source:
    """Read a script or a notebook.

    Raises
    ------
    CheckError
        Where the file is not there, is no text, or is no Python of today.
    """
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except OSError as error:
        raise CheckError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (UnicodeDecodeError, SyntaxError):
        raise CheckError(f"{path} is no text, so it is no Python file or notebook.") from None
    if path.suffix == ".ipynb":
        text = code_of(path, text)
    return Source(str(path), text.lstrip("\ufeff"))


def instrumenting(source: Source, numbers: bool) -> Callable[[ast.expr], ast.expr]:
    """Return what puts the hooks into an expression that is evaluated as if it stood in a file."""
    hooks = _Hooks(source, 0, None, numbers)

    def instrumented(node: ast.expr) -> ast.expr:
        visited: ast.expr = hooks.visit(node)
        return visited

    return instrumented


def _unreadable(file: str, error: SyntaxError, lines: list[str]) -> str:
    line = error.lineno or 1
    shown = lines[line - 1].strip() if line <= len(lines) else ""
    return (
        f"{file} does not run: line {line} is no Python 3: {error.msg}\n    {shown}\n"
        f"{advice_for_syntax(error.msg, shown).en}"
    )


_FLOATS = frozenset(
    ["float", "float64", "float32", "float16", "double", "single", "longdouble", "float128", "half"]
)
"""Number types that are called to convert."""


class _Hooks(ast.NodeTransformer):
    """Puts the hooks into a tree.

    Parameters
    ----------
    source
        The file.
    first
        The number of its first statement.
    probe
        A statement before which the hook is to see the names in scope.
    numbers
        Whether the floats in lists and calls record too.
    """

    def __init__(self, source: Source, first: int, probe: int | None, numbers: bool) -> None:
        self.source, self.first, self.probe, self.numbers = source, first, probe, numbers
        self.statements: list[Statement] = []
        self.functions: list[str] = []
        self.stepped = stepped_names(source.tree)
        self.reshaped = reshapes(source.tree)

    # -- statements that give names values --------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> Any:
        statement = self._statement(node)
        targets = [t for target in node.targets for t in single_targets(target)]
        after = self._bound(statement, targets, "assign", node)
        listed = isinstance(node.value, ast.List)
        self.generic_visit(node)
        stepped = any(last_name(t) in self.stepped for t in targets)
        if not isinstance(node.value, ast.Constant):
            again = isinstance(node.value, (ast.Name, ast.Attribute, ast.Subscript)) and not self.reshaped
            hook = "stepped" if stepped else "renamed" if again else "adopted"
            node.value = self._call(hook, [node.value], node.value)
        elif stepped and type(node.value.value) in (int, float):
            node.value = self._call("literal", [node.value], node.value)
        if stepped and listed:
            node.value = self._call("listed", [node.value], node.value)
        return self._probed(statement, node, after)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        statement = self._statement(node)
        after = self._bound(statement, single_targets(node.target), "assign", node)
        self.generic_visit(node)
        return self._probed(statement, node, after)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return node
        statement = self._statement(node)
        after = self._bound(statement, single_targets(node.target), "assign", node)
        self.generic_visit(node)
        return self._probed(statement, node, after)

    def visit_Expr(self, node: ast.Expr) -> Any:
        if not isinstance(node.value, ast.Call):
            return node
        statement = self._statement(node)
        written = written_by(node.value)
        after = [] if written is None else self._bound(statement, [written], "assign", node)
        self.generic_visit(node)
        return self._probed(statement, node, after)

    def visit_Return(self, node: ast.Return) -> Any:
        if node.value is None:
            return node
        statement = self._statement(node)
        self.generic_visit(node)
        node.value = self._call("returned", [ast.Constant(statement.index), node.value], node.value)
        return self._probed(statement, node, [])

    def visit_For(self, node: ast.For) -> Any:
        statement = self._statement(node)
        before = self._bound(statement, single_targets(node.target), "loop", node)
        self.generic_visit(node)
        node.body = [*before, *node.body]
        return node

    def visit_While(self, node: ast.While) -> Any:
        self.generic_visit(node)
        turn = ast.Expr(self._call("turn", [], node.test))
        node.body = [ast.copy_location(turn, node), *node.body]
        return node

    def visit_Try(self, node: ast.Try) -> Any:
        self.generic_visit(node)
        if any(h.type is None or "BaseException" in ast.unparse(h.type) for h in node.handlers):
            kind = ast.Attribute(ast.Name(HOOK, ast.Load()), "Enough", ast.Load())
            passing = ast.ExceptHandler(kind, None, [ast.Raise()])
            for part in ast.walk(passing):
                ast.copy_location(part, node)
            node.handlers = [passing, *node.handlers]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        statement = self._statement(node)
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()
        given = [
            a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.arg != "self"
        ]
        names: list[ast.expr] = [ast.copy_location(ast.Name(a, ast.Load()), node) for a in given]
        start = 1 if ast.get_docstring(node) is not None else 0
        body = node.body
        node.body = [*body[:start], *self._bound(statement, names, "argument", body[0]), *body[start:]]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()
        return node

    # -- expressions ------------------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        node.args = [self._number(a) for a in node.args]
        name = node.func.id if isinstance(node.func, ast.Name) else last_name(node.func)
        if len(node.args) == 1 and not node.keywords and (name in ("type", "int") or name in _FLOATS):
            return self._call("kind" if name == "type" else "number", [node.func, *node.args], node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "dot" and len(node.args) == 1:
            return self._call("dot", [node.func.value, *node.args], node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "astype" and not node.keywords:
            return self._call("astype", [node.func.value, *node.args], node)
        return node

    def visit_List(self, node: ast.List) -> Any:
        self.generic_visit(node)
        node.elts = [self._number(e) for e in node.elts]
        return node

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.elts = [self._number(e) for e in node.elts]
        return node

    def visit_Dict(self, node: ast.Dict) -> Any:
        self.generic_visit(node)
        numbers, self.numbers = self.numbers, True
        node.values = [self._number(v) for v in node.values]
        self.numbers = numbers
        return node

    def _number(self, node: ast.expr) -> ast.expr:
        bare = node.operand if isinstance(node, ast.UnaryOp) else node
        if self.numbers and isinstance(bare, ast.Constant) and type(bare.value) is float:
            return self._call("literal", [node], node)
        return node

    # -- the hooks --------------------------------------------------------------------------------------------------

    def _statement(self, node: ast.stmt) -> Statement:
        statement = Statement(
            self.first + len(self.statements), self.source.file, copy.deepcopy(node), ".".join(self.functions)
        )
        self.statements.append(statement)
        return statement

    def _call(self, name: str, args: list[ast.expr], at: ast.AST) -> ast.expr:
        function = ast.Attribute(ast.Name(HOOK, ast.Load()), name, ast.Load())
        call = ast.Call(function, args, [])
        for node in (function.value, function, call):
            ast.copy_location(node, at)
        for arg in args:
            if not hasattr(arg, "lineno"):
                ast.copy_location(arg, at)
        return call

    def _bound(self, statement: Statement, targets: list[ast.expr], kind: str, at: ast.AST) -> list[ast.stmt]:
        """Return the hook that says what names hold now: each with the values of its indices."""
        hooks: list[ast.stmt] = []
        for target in targets:
            if not repeatable(target):
                continue
            root, indices = root_of(target)
            args = [
                ast.Constant(statement.index),
                ast.Constant(kind),
                ast.Constant(ast.unparse(target)),
                ast.Constant(ast.unparse(root)),
                loaded(root),
                *(loaded(i) for i in indices),
            ]
            hook = ast.Expr(self._call("bound", args, at))
            hooks.append(ast.copy_location(hook, at))
        return hooks

    def _probed(self, statement: Statement, node: ast.stmt, after: list[ast.stmt]) -> Any:
        before: list[ast.stmt] = []
        if statement.index == self.probe:
            hook = ast.Expr(self._call("probe", [], node))
            before.append(ast.copy_location(hook, node))
        return [*before, node, *after]
