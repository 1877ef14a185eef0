"""Updates that do not take their parameter down its gradient, and parameters that are not updated at all."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.checking.causes.edits import Edit, changed_text, expression, substituted
from glassgrad.checking.causes.phrases import leaves
from glassgrad.checking.causes.titles import Title, title
from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, Unplayable, writers
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.recording.source import Source, Statement

__all__ = ["Remedy", "remedies"]


@dataclass(frozen=True, eq=False)
class Remedy:
    """A change of a file that may mend an update.

    Attributes
    ----------
    key, title
        The cause.
    source, line
        The file and the line.
    before, after
        What stands there, and what should.
    text
        The whole file with it.
    """

    key: str
    title: Title
    source: Source
    line: int
    before: str
    after: str
    text: str


def remedies(program: Program, run: Run, judgement: Judgement, fault: Fault) -> Iterator[Remedy]:
    """Yield what may mend the update of a fault's parameter."""
    if 0 <= fault.statement < len(run.statements):
        statement = run.statements[fault.statement]
        if isinstance(statement.node, (ast.Assign, ast.AugAssign)):
            yield from _undivided(program, statement)
            yield from _whole(program, statement, fault)
            yield from _edited(program, statement)
    name = fault.parameters[0].parameter.name.split("[")[0].split(".")[-1]
    start = fault.parameters[0].parameter.start
    inside = {b.statement for b in run.tape.bindings if b.time > start + 1}
    for statement in run.statements:
        node = statement.node
        if statement.index not in inside:
            continue
        if (
            isinstance(node, ast.Assign)
            and statement.index != fault.statement
            and _last(node.targets[0]) == name
        ) and not isinstance(node.value, ast.Call):
            yield from _edited(program, statement)
    for source in program.sources.values():
        for statement in _lost(source):
            yield from _edited(program, statement)
    yield from _added(program, run, judgement, fault)


def _last(target: Any) -> str:
    """Return the last name of a target, without its indices."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")


def _lost(source: Source) -> Iterator[Statement]:
    """Yield the statements that calculate something and give it to nothing."""
    for node in ast.walk(source.tree):
        if (isinstance(node, ast.Expr) and isinstance(node.value, ast.BinOp)) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and len(node.value.args) == 2
        ):
            yield Statement(-1, source.file, node, "")


def _edited(program: Program, statement: Statement) -> Iterator[Remedy]:
    for key, new in _forms(statement.node):
        named = new.targets[0] if isinstance(new, ast.Assign) else new.target
        said = title("never", what=named) if key == "never-updated" else title("update", what=named, new=new)
        yield _remedy(program, Edit(key, said, statement, ((statement.node, new),), 1.0))


def _undivided(program: Program, statement: Statement) -> Iterator[Remedy]:
    """Yield the update with ``/`` where ``//`` makes the rate zero."""
    for node in ast.walk(statement.node):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
            new = ast.BinOp(node.left, ast.Div(), node.right)
            said = title("precision", old=node, new=new)
            edit = Edit("precision", said, statement, ((node, new),), 1.0)
            yield _remedy(program, edit)


def _remedy(program: Program, edit: Edit) -> Remedy:
    statement = edit.statement
    source = program.sources[statement.file]
    line, text = changed_text(source, edit)
    return Remedy(edit.key, edit.title, source, statement.line, source.segment(statement.node), line, text)


def _whole(program: Program, statement: Statement, fault: Fault) -> Iterator[Remedy]:
    """Yield the update of the whole parameter, where the one that is there leaves a part of it as it is."""
    node: Any = statement.node
    parts = [n for n in ast.walk(node) if isinstance(n, ast.Subscript) and _is_part(n.slice)]
    if not fault.part or not parts:
        return
    changes = {id(n): _stored(n.value) if isinstance(n.ctx, ast.Store) else n.value for n in parts}
    new = substituted(node, changes)
    said = title("never", what=f"{fault.parameters[0].parameter.name}{fault.part}")
    yield _remedy(program, Edit("never-updated", said, statement, ((node, new),), 1.0))


def _is_part(index: ast.expr) -> bool:
    """Say whether an index takes a part of every axis that it does not take whole."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return all(isinstance(p, ast.Slice) for p in parts)


def _forms(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield updates that may have been meant."""
    value = node.value
    if isinstance(node, ast.Expr):
        if isinstance(value, ast.BinOp) and isinstance(value.left, (ast.Name, ast.Attribute, ast.Subscript)):
            yield "never-updated", ast.Assign([_stored(value.left)], value)
        elif isinstance(value, ast.Call):
            yield "never-updated", ast.Assign([_stored(value.args[0])], value)
        return
    target: Any = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if isinstance(target, (ast.Tuple, ast.List)):
        return
    if isinstance(node, ast.AugAssign):
        turned = ast.Add() if isinstance(node.op, ast.Sub) else ast.Sub()
        yield "update", ast.AugAssign(target, turned, value)
        for inner in _unwrapped(value):
            yield "update", ast.AugAssign(target, node.op, inner)
        return
    own = ast.unparse(target)
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub)):
        left = ast.unparse(value.left)
        if left == own:
            turned = ast.Add() if isinstance(value.op, ast.Sub) else ast.Sub()
            yield "update", ast.Assign([target], ast.BinOp(value.left, turned, value.right))
            yield "never-updated", ast.AugAssign(target, value.op, value.right)
            for inner in _unwrapped(value.right):
                yield "update", ast.Assign([target], ast.BinOp(value.left, value.op, inner))
        elif isinstance(value.left, (ast.Name, ast.Attribute, ast.Subscript)):
            yield "never-updated", ast.Assign([_stored(value.left)], value)
            yield "never-updated", ast.AugAssign(_stored(value.left), value.op, value.right)
            yield "update", ast.Assign([target], ast.BinOp(_loaded(target), value.op, value.right))
    yield "update", ast.AugAssign(target, ast.Sub(), value)
    yield "update", ast.AugAssign(target, ast.Add(), value)
    yield "update", ast.Assign([target], ast.BinOp(_loaded(target), ast.Add(), value))
    yield "update", ast.Assign([target], ast.BinOp(_loaded(target), ast.Sub(), value))


def _unwrapped(value: Any) -> Iterator[Any]:
    """Yield an expression without one of its calls: without ``.mean(axis=0)``."""
    for node in ast.walk(value):
        if isinstance(node, ast.Call):
            inner = node.args[0] if node.args else getattr(node.func, "value", None)
            if inner is not None:
                yield substituted(value, {id(node): inner})


def _stored(node: Any) -> Any:
    kind = type(node)
    return kind(**{**dict(ast.iter_fields(node)), "ctx": ast.Store()})


def _loaded(node: Any) -> Any:
    kind = type(node)
    return kind(**{**dict(ast.iter_fields(node)), "ctx": ast.Load()})


# --- a line that is not there ----------------------------------------------------------------------------------------


def _added(program: Program, run: Run, judgement: Judgement, fault: Fault) -> Iterator[Remedy]:
    """Yield the update in the style of another parameter's."""
    p = fault.parameters[0]
    gradients = _gradients_of(judgement, p)
    for other in judgement.parameters:
        statement = None if other is p or not other.right else _update_of(run, other)
        if statement is None or not isinstance(statement.node, (ast.Assign, ast.AugAssign)):
            continue
        source = program.sources[statement.file]
        node: Any = statement.node
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        theirs = _gradients_of(judgement, other)
        for gradient in gradients:
            changes: dict[int, ast.AST] = {}
            name = expression(p.parameter.name)
            for text, places in leaves(node.value).items():
                for place in places:
                    if text == ast.unparse(target):
                        changes[id(place)] = name
                    elif text in theirs:
                        changes[id(place)] = expression(gradient)
            if len(changes) < 1 + isinstance(node, ast.Assign):
                continue
            changes[id(target)] = _stored(name)
            new = ast.unparse(substituted(node, changes))
            lines = source.text.split("\n")
            indent = " " * node.col_offset
            end = node.end_lineno
            text = "\n".join([*lines[:end], indent + new, *lines[end:]])
            said = title("never", what=p.parameter.name)
            yield Remedy("never-updated", said, source, statement.line, source.segment(node), new, text)
            break


def _gradients_of(judgement: Judgement, p: ParameterVerdict) -> list[str]:
    """Return the names of what is the gradient in a parameter, whether the program goes on to use it or not."""
    tape, start = judgement.step.tape, p.parameter.start
    named = {
        At(b.time, b.cell): b.name
        for b in judgement.bindings
        if b.kind == "assign"
        and start + 1 < b.time <= judgement.step.end
        and math.prod(tape.cells[b.cell].shape) == p.exact[0].size
    }
    try:
        values = judgement.draws.values(list(named))
    except (Unplayable, ValueError, IndexError):
        return []
    if not any(map(np.any, p.exact)):
        return []
    found = (name for at, name in named.items() if match([v[at] for v in values], p.exact) is not None)
    return list(dict.fromkeys(found))


def _update_of(run: Run, p: ParameterVerdict) -> Statement | None:
    updates = set(p.parameter.updates)
    for b in run.tape.bindings:
        if b.kind in ("assign", "whole") and updates & set(writers(run.tape, At(b.time, b.cell))):
            return run.statements[b.statement]
    return None
