"""Operations as functions for people: with the name, the signature and the docstring that their records state.

A record's ``call(F, x, ...)`` is for namespaces. What a person calls, completes and asks ``help`` about is made from
it here, so that no operation is written, or described, twice.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from glassgrad.errors import GlassgradError
from glassgrad.ir.origin import located
from glassgrad.ops.namespace import FUNCTIONS, find
from glassgrad.ops.record import Op

__all__ = ["public"]

_LETTERS = ("x", "y", "z")
_NO_ARRAY_FIRST = frozenset(
    {"broadcast_arrays", "concat", "empty", "full", "meshgrid", "ones", "stack", "zeros"}
)
"""Functions whose first argument is a shape, a size or a list of arrays; elsewhere a list is one array."""


def public(F: Any, name: str) -> Callable[..., Any]:
    """Return the operation or function `name` of the namespace `F` for people.

    Where it takes an array it takes nested lists of numbers, too. A call that does not fit the signature raises a
    TypeError that shows it.
    """
    found = find(name)
    op = found if isinstance(found, Op) else None
    f: Callable[..., Any] = FUNCTIONS[name] if op is None else op.call
    signature = _signature(f, op)
    arrays = _arrays(name, op, signature)
    weak = op is None or op.elementwise  # numbers there take the dtype of the array beside them
    converted = frozenset([list]) if weak else frozenset([list, bool, int, float])

    def call(*args: Any, **kwargs: Any) -> Any:
        if not converted.isdisjoint(map(type, args)):
            args = tuple(F.value(a) if type(a) in converted and i < arrays else a for i, a in enumerate(args))
        try:
            return f(F, *args, **kwargs)
        except (GlassgradError, TypeError) as problem:
            if isinstance(problem, TypeError):
                try:
                    signature.bind(*args, **kwargs)
                except TypeError as error:
                    raise TypeError(f"{name}() {_reason(error)}; it is called {name}{signature}") from None
            if isinstance(problem, GlassgradError):
                raise located(problem, name, args) from problem.__cause__
            raise

    call.__name__ = call.__qualname__ = name
    call.__module__ = "glassgrad"
    call.__doc__ = f.__doc__ if op is None else _described(op, signature)
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def _reason(error: TypeError) -> str:
    text = str(error)
    return text if text.startswith(("got", "missing")) else f"got {text}"


def _signature(f: Callable[..., Any], op: Op | None) -> inspect.Signature:
    """Return the signature without the namespace, and with a name for each input."""
    given = list(inspect.signature(f).parameters.values())[1:]
    if op is not None and given[0].kind is inspect.Parameter.VAR_POSITIONAL:
        names = _LETTERS[: len(op.samples[0].inputs)]
        given = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    return inspect.Signature(
        [p.replace(annotation=inspect.Parameter.empty) for p in given if not p.name.startswith("_")]
    )


def _arrays(name: str, op: Op | None, signature: inspect.Signature) -> int:
    """Return how many of the first arguments are arrays."""
    if name in _NO_ARRAY_FIRST:
        return 0
    if op is None:
        return 1
    if op.elementwise:
        return len(signature.parameters)
    return len(op.samples[0].inputs) if op.samples else 0


def _described(op: Op, signature: inspect.Signature) -> str:
    """Return the docstring: formula, derivative, why it is that, and where there is none."""
    names = list(signature.parameters)[: len(op.samples[0].inputs) if op.samples else 1]
    if names[:1] == ["arrays"]:
        names = []
    formula = op.latex.format(*names, *_LETTERS[len(names) :])
    lines = [f"z = {formula}  (LaTeX)", "", f"Derivative: {op.derivative}", f"Why: {op.why.en}."]
    lines += [f"Kink: at {kink.at} the derivative is taken to be {kink.takes}." for kink in op.kinks]
    return "\n".join(lines)
