"""The functions that a statement calls: their bodies are edited like the statement itself, as part of the call.

A derivative has a function of its own in most programs. What is wrong in its body is found where its value is wanted:
the call is made with the edited body, and all else in the statement stays.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from glassgrad.checking.causes.derivatives import at_other_place, taken_elsewhere
from glassgrad.checking.causes.edits import Called, Edit, substituted
from glassgrad.checking.causes.phrases import called
from glassgrad.checking.causes.scope import Scope
from glassgrad.checking.causes.sites import Site
from glassgrad.checking.recording.source import Source, Statement

__all__ = ["body_edits"]

_FAR = 0.25
"""What an edit of a function costs more than one of the statement that calls it."""
_MOST_STEPS = 8


@dataclass(frozen=True, eq=False, slots=True)
class _Step:
    """A statement of a function's body that its call comes to: the name it gives a value, None for what it returns."""

    target: str | None
    value: Any
    statement: Statement


def body_edits(
    site: Site, scope: Scope, edits_of: Callable[[Statement, Scope], list[Edit]]
) -> Iterator[Edit]:
    """Yield edits in the bodies of the program's functions that the site's statement calls.

    Parameters
    ----------
    site
        The site.
    scope
        The names where its statement stands.
    edits_of
        Gives the edits of a statement.
    """
    for calls in _calls(site.statement.node, scope):
        function = scope.value(calls[0].func)
        try:
            given = _given(function, calls[0], scope)
            steps = list(_steps(site, function, given))
        except Exception:
            continue  # the function asks for more than names and branches
        if not steps or len(steps) > _MOST_STEPS or any(_writes(site, s.value) for s in steps):
            continue
        names = dict(given)
        for i, step in enumerate(steps):
            source = site.program.sources[step.statement.file]
            inner = Scope(source, names, lambda _, names: names)
            alone = replace(step.statement, node=ast.Return(step.value))
            funcs = [call.func for call in calls]
            for edit in edits_of(alone, inner):
                edited = _edited(site, function, steps, i, edit)
                yield replace(
                    edit,
                    statement=step.statement,
                    cost=edit.cost + _FAR,
                    named=functools.partial(_named, edit, calls[0], scope, function, edited),
                    called=Called(funcs, edited),
                )
            if step.target is not None:
                names[step.target] = inner.value(step.value)


def _named(
    edit: Edit, call: ast.Call, scope: Scope, function: Callable[..., Any], edited: Callable[..., Any]
) -> tuple[str, str]:
    """Return the cause of an edited function: a derivative's place, if the function is right at another value."""

    def wanted() -> Any:
        return edited(
            *map(scope.value, call.args), **{k.arg: scope.value(k.value) for k in call.keywords if k.arg}
        )

    wrong = edit.key == "wrong-derivative"
    if wrong and (at_other_place(function, edited) or taken_elsewhere(call, scope, wanted)):
        return "derivative-place", edit.title.form
    return (edit.key, edit.title.form) if edit.named is None else edit.named()


def _calls(statement: ast.AST, scope: Scope) -> list[list[ast.Call]]:
    """Return the calls of the program's own functions in a statement, those of one function together."""
    found: dict[str, list[ast.Call]] = {}
    value = getattr(statement, "value", None)
    for node in ast.walk(value) if value is not None else ():
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute, ast.Subscript)):
            try:
                function = scope.value(node.func)
            except Exception:
                continue
            if isinstance(function, (types.FunctionType, types.MethodType)):
                found.setdefault(ast.unparse(node.func), []).append(node)
    return list(found.values())


def _given(function: Any, call: ast.Call, scope: Scope) -> dict[str, Any]:
    """Return the names that a function's body sees in a call."""
    args = [scope.value(a) for a in call.args]
    kwargs = {k.arg: scope.value(k.value) for k in call.keywords if k.arg is not None}
    return _bound(function, args, kwargs)


def _bound(function: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    plain = getattr(function, "__func__", function)
    names = dict(plain.__globals__)
    for name, cell in zip(plain.__code__.co_freevars, plain.__closure__ or (), strict=True):
        names[name] = cell.cell_contents
    if plain is not function:
        names[plain.__code__.co_varnames[0]] = function.__self__
    given = inspect.signature(function).bind(*args, **kwargs)
    given.apply_defaults()
    return names | given.arguments


def _steps(site: Site, function: Any, given: dict[str, Any]) -> Iterator[_Step]:
    """Yield the statements that a call comes to."""
    plain = getattr(function, "__func__", function)
    source = site.program.sources[plain.__code__.co_filename]
    node = _definition(source, plain.__code__)
    if isinstance(node, ast.Lambda):
        inside = [s for s in ast.walk(source.tree) if isinstance(s, ast.stmt) and _within(node, s)]
        around = min(inside, key=lambda s: (s.end_lineno or 0) - s.lineno)
        yield _Step(None, node.body, Statement(-1, source.file, around, ""))
    else:
        yield from _path(site, source, node.body, dict(given))


def _path(site: Site, source: Source, body: list[Any], names: dict[str, Any]) -> Iterator[_Step]:
    """Yield the statements of a block up to what it returns, as its conditions say."""
    for node in body:
        statement = Statement(-1, source.file, node, "")
        if isinstance(node, ast.Return) and node.value is not None:
            yield _Step(None, node.value, statement)
            return
        if isinstance(node, ast.If):
            chosen = node.body if _value(site, node.test, names) else node.orelse
            steps = list(_path(site, source, chosen, names))
            yield from steps
            if steps and steps[-1].target is None:
                return
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = _value(site, node.value, names)
            yield _Step(node.targets[0].id, node.value, statement)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            raise ValueError(node)


def _edited(site: Site, function: Any, steps: list[_Step], which: int, edit: Edit) -> Callable[..., Any]:
    """Return the function with an edit of one of the statements that its call comes to."""
    changes = {id(old): new for old, new in edit.changes}
    code = [
        (s.target, _compiled(site, substituted(s.value, changes) if i == which else s.value))
        for i, s in enumerate(steps)
    ]

    def call(*args: Any, **kwargs: Any) -> Any:
        names = _bound(function, args, kwargs)
        value = None
        for target, part in code:
            value = eval(part, names)
            if target is not None:
                names[target] = value
        return value

    return call


def _value(site: Site, node: Any, names: dict[str, Any]) -> Any:
    return eval(_compiled(site, node), names)


def _compiled(site: Site, node: Any) -> Any:
    tree = ast.Expression(site.instrumented(substituted(node, {})))
    return compile(ast.fix_missing_locations(tree), site.source.file, "eval")


def _writes(site: Site, node: Any) -> bool:
    return any(isinstance(n, ast.Call) and called(n) in site.writing for n in ast.walk(node))


def _definition(source: Source, code: types.CodeType) -> Any:
    """Return the syntax that a function was compiled from."""
    places = {(line, column) for line, _, column, _ in code.co_positions() if line and column is not None}
    for node in ast.walk(source.tree):
        if code.co_name == "<lambda>":
            if isinstance(node, ast.Lambda) and any(
                (node.body.lineno, node.body.col_offset) == place for place in places
            ):
                return node
        elif isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno and not node.decorator_list:
                return node
    raise ValueError(code)


def _within(node: Any, statement: Any) -> bool:
    start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return bool(
        (statement.lineno, statement.col_offset) <= start
        and end <= (statement.end_lineno, statement.end_col_offset)
    )
