"""Edits of a statement: a piece of its syntax with another in its place, as syntax to be tried and as text to be shown.

An edit names the cause it would mean. Pieces of the user's line that an edit keeps are kept as they were written.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from glassgrad.checking.causes.titles import Title
from glassgrad.checking.recording.source import Source, Statement
from glassgrad.language import Text

__all__ = ["Called", "Edit", "changed_text", "expression", "same", "substituted", "unwritten"]


@dataclass(frozen=True, eq=False, slots=True)
class Called:
    """An edited function: what names it in the calls of a statement, and the function."""

    names: list[ast.expr]
    function: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Edit:
    """A change of one statement.

    Attributes
    ----------
    key
        The cause that it is the remedy of.
    title
        That cause in a sentence.
    statement
        The statement that is changed.
    changes
        Nodes of the statement, each with what stands in its place.
    cost
        How unlikely it is: of two edits that give the exact value, the one that costs less is meant.
    named
        Says more exactly, once the edit is known to be right, which cause it is, and the form of its title.
    called
        Where the edit is in a function that the statement to be tried calls: that function.
    """

    key: str
    title: Title
    statement: Statement
    changes: tuple[tuple[ast.AST, ast.AST], ...]
    cost: float
    named: Callable[[], tuple[str, str]] | None = None
    called: Called | None = None

    def cause(self) -> tuple[str, Text]:
        """Return the cause that the edit is the remedy of, and what is said of it."""
        key, form = self.named() if self.named is not None else (self.key, self.title.form)
        return key, Title(form, self.title.words).text

    @functools.cached_property
    def node(self) -> Any:
        """The statement as it is after the change."""
        changes = {id(o): n for o, n in self.changes}
        return ast.fix_missing_locations(substituted(self.statement.node, changes))


def expression(text: str) -> Any:
    """Return the syntax of an expression."""
    return ast.parse(text, mode="eval").body


def substituted(node: Any, changes: Mapping[int, ast.AST]) -> Any:
    """Return a copy of a tree with other nodes in the place of some, which are told by identity."""
    if id(node) in changes:
        return changes[id(node)]
    if isinstance(node, list):
        return [substituted(item, changes) for item in node]
    if not isinstance(node, ast.AST):
        return node
    copy = type(node)(**{name: substituted(value, changes) for name, value in ast.iter_fields(node)})
    return ast.copy_location(copy, node)


def unwritten(node: Any) -> Any:
    """Return an expression whose calls write nothing."""
    return _Unwritten().visit(substituted(node, {}))


class _Unwritten(ast.NodeTransformer):
    """Takes ``out=`` from calls, so that they write nothing; of ``np.copyto(z, x)`` it leaves ``x``."""

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if getattr(node.func, "attr", "") == "copyto" and len(node.args) == 2:
            return node.args[1]
        node.keywords = [k for k in node.keywords if k.arg != "out"]
        return node


def same(one: ast.AST, other: ast.AST) -> bool:
    """Say whether two pieces of syntax are written alike."""
    return ast.unparse(one) == ast.unparse(other)


def changed_text(source: Source, edit: Edit) -> tuple[str, str]:
    """Return the statement's new source, and the file's."""
    statement = edit.statement.node
    wanted = ast.unparse(edit.node)
    for kept, whole in ((False, False), (False, True), (True, False), (True, True)):
        text = _spliced(source, edit, kept, whole)
        line = _segment(text, statement, source)
        try:
            if ast.unparse(ast.parse(line).body[0]) == wanted:
                return line, text
        except SyntaxError:
            continue
    start, end = _range(source, statement)
    indent = " " * statement.col_offset
    line = wanted.replace("\n", "\n" + indent)
    data = source.text.encode()
    return line, (data[:start] + line.encode() + data[end:]).decode()


def _spliced(source: Source, edit: Edit, kept: bool, whole: bool) -> str:
    """Return the text with an edit: with brackets around what is kept of the user's, and around what is new."""
    data = source.text.encode()
    for old, new in sorted(edit.changes, key=lambda change: -_range(source, change[0])[0]):
        start, end = _range(source, old)
        text = _written(source, new, kept)
        data = data[:start] + (f"({text})" if whole else text).encode() + data[end:]
    return data.decode()


def _segment(text: str, statement: ast.AST, source: Source) -> str:
    """Return the statement's part of a text that differs from the source in nothing else."""
    start, end = _range(source, statement)
    rest = len(source.text.encode()) - end
    data = text.encode()
    return data[start : len(data) - rest].decode()


def _written(source: Source, new: Any, brackets: bool) -> str:
    """Return the text of new syntax in which the nodes of the user's are as the user wrote them."""
    kept: list[str] = []

    def hold(node: Any) -> Any:
        if (
            isinstance(node, ast.expr)
            and getattr(node, "end_col_offset", None)
            and getattr(node, "lineno", 0)
        ):
            segment = _text(source, node)
            if segment is not None and not isinstance(node, (ast.Name, ast.Constant)):
                kept.append(f"({segment})" if brackets and not _atomic(node) else segment)
                return ast.Name(f"__kept_{len(kept) - 1}__", ast.Load())
        if isinstance(node, list):
            return [hold(item) for item in node]
        if not isinstance(node, ast.AST):
            return node
        return type(node)(**{name: hold(value) for name, value in ast.iter_fields(node)})

    text = ast.unparse(ast.fix_missing_locations(hold(new)))
    for i, segment in enumerate(kept):
        text = text.replace(f"__kept_{i}__", segment)
    return text


def _text(source: Source, node: Any) -> str | None:
    """Return a node's own source, or None where its place is not where it stands."""
    start, end = _range(source, node)
    segment = source.text.encode()[start:end].decode(errors="ignore")
    try:
        return (
            segment if "\n" not in segment and ast.unparse(expression(segment)) == ast.unparse(node) else None
        )
    except SyntaxError:
        return None


def _atomic(node: ast.AST) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant, ast.List))


def _range(source: Source, node: Any) -> tuple[int, int]:
    """Return where a node stands in the text's bytes."""
    starts = _starts(source)
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


def _starts(source: Source) -> list[int]:
    return list(_offsets(source.text))


def _offsets(text: str) -> Iterator[int]:
    offset = 0
    for line in text.split("\n"):
        yield offset
        offset += len(line.encode()) + 1
    yield offset
