"""The table from NumPy's functions to the rules that carry them out.

A rule has NumPy's signature behind a namespace: ``rule(F, a, axis=None, ...)`` does on values of `F` what the function
does on arrays. Where a function differs from one of the namespace's only in how its arguments are called and ordered,
a row of the table says so (`same`); the others are written out, by family, in the modules beside this one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glassgrad.catalogue import Catalogue
from glassgrad.errors import OptionError

__all__ = ["RULES", "given", "only", "rule", "same", "value", "values"]

RULES: Catalogue[Callable[..., Any], Callable[..., Any]] = Catalogue()
"""For each NumPy function that has one, its rule."""


def rule(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the function below the rule of these NumPy functions."""

    def add(f: Callable[..., Any]) -> Callable[..., Any]:
        RULES.update(dict.fromkeys(functions, f))
        return f

    return add


def value(F: Any, x: Any) -> Any:
    """Return an argument as a value of `F`: lists and numbers become arrays."""
    return F.value(x if hasattr(x, "dtype") else np.asarray(x))


def values(F: Any, xs: Any) -> list[Any]:
    """Return each of `xs` as a value of `F`."""
    return [value(F, x) for x in xs]


def given(setting: Any) -> bool:
    """Say whether a setting was given a value, which NumPy marks the lack of in its own way."""
    return setting is not None and setting is not np._NoValue


def only(function: str, setting: str, found: Any, *known: Any) -> None:
    """Refuse a setting that NumPy has and values with gradients do not.

    Raises
    ------
    OptionError
        Where `found` is none of the `known`.
    """
    if not any(found is k or (isinstance(k, str) and found == k) for k in known):
        raise OptionError(
            f"np.{function} with {setting}={found!r} has no derivative rule: leave {setting} out, or compute it on "
            "t.detach().numpy() where no gradient is wanted"
        )


def same(functions: Mapping[Callable[..., Any], tuple[str, str]]) -> None:
    """Give rules to functions that the namespace has, perhaps by another name and with other names for arguments.

    Parameters
    ----------
    functions
        For each NumPy function the name in the namespace and, as text, NumPy's parameters in the order in which
        the namespace's function takes them; ``numpy=ours`` for those it takes by name. The first is an array.
    """
    RULES.update({f: _renamed(f, name, text.split()) for f, (name, text) in functions.items()})


def _renamed(function: Callable[..., Any], name: str, parameters: list[str]) -> Callable[..., Any]:
    signature = inspect.signature(function)
    positional = [p for p in parameters if "=" not in p]
    named = dict(p.split("=") for p in parameters if "=" in p)
    label = f"{function.__module__}.{function.__name__}".removeprefix("numpy.")

    def carry_out(F: Any, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        for setting, found in bound.arguments.items():
            if setting not in positional and setting not in named and setting != "out":
                only(label, setting, found, signature.parameters[setting].default)
        bound.apply_defaults()
        read = bound.arguments
        settings = {ours: read[theirs] for theirs, ours in named.items() if given(read[theirs])}
        return getattr(F, name)(value(F, read[positional[0]]), *(read[p] for p in positional[1:]), **settings)

    carry_out.__name__ = carry_out.__qualname__ = name
    namespace = inspect.Parameter("F", inspect.Parameter.POSITIONAL_ONLY)
    accepted = [namespace, *signature.parameters.values()]
    carry_out.__signature__ = signature.replace(parameters=accepted)  # type: ignore[attr-defined]
    return carry_out
