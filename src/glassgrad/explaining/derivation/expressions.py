"""`gg.derive`: the derivative of an expression that somebody typed, or of a function of Tensors.

What was typed becomes a graph like any other, so that the backpropagation beside SymPy's answer is glassgrad's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, did_you_mean
from glassgrad.explaining.derivation.derivation import Derivation, write
from glassgrad.explaining.derivation.typed import parse, too_deep
from glassgrad.explaining.names import split_index
from glassgrad.explaining.replay import replay
from glassgrad.ir import Graph, Value

__all__ = ["derive"]


def derive(
    function: str | Callable[..., Any],
    *arrays: Any,
    wrt: str | int | None = None,
    at: Mapping[str, float] | None = None,
    index: Sequence[int] | None = None,
) -> Derivation:
    """Derive an expression, or a function of Tensors, by one number: the chain rule written out, and checked.

    Parameters
    ----------
    function
        An expression, such as ``"(x + y)*z"``, or a function of Tensors that returns a single number.
    *arrays
        The arguments of a function.
    wrt
        The variable of an expression. Of a function, the name or the place of the argument, ``"W"`` or ``"W[1,0]"``.
        May be left out where there is only one.
    at
        A number for each variable of an expression; without them it is derived in symbols alone.
    index
        Which element of the argument; places count from 0.

    Returns
    -------
    Derivation
        Its factors, paths, and the answers of SymPy, backpropagation and differences; shown by ``print``, as a
        document, in LaTeX.

    Raises
    ------
    OptionError
        Where the expression cannot be read, a name is unknown, or SymPy is not installed.

    Examples
    --------
    >>> found = derive("(x + y)*z", wrt="x", at={"x": -2, "y": 5, "z": -4})
    >>> found.value, found.check.symbolic, found.check.backpropagation
    (-4.0, -4.0, -4.0)
    >>> print(derive("x^3", wrt="x"))
    f = x³
    ∂f/∂x = ∂/∂x [x³] = 3·x²
    """
    if isinstance(function, str):
        if arrays or index is not None:
            raise OptionError("An expression takes its numbers by name: at={'x': 2.0}.")
        return _derive_expression(function, wrt, at)
    if not callable(function):
        raise OptionError(f"derive takes an expression or a function, not {type(function).__name__}")
    if at is not None:
        raise OptionError("at= is for expressions; give a function its arguments after it.")
    return _derive_function(function, arrays, wrt, index)


def _derive_expression(text: str, wrt: str | int | None, at: Mapping[str, float] | None) -> Derivation:
    given = dict(at or {})
    expression = parse(text, [*given, *([wrt] if isinstance(wrt, str) else [])])
    known = expression.variables
    if not known:
        raise OptionError(f"There is no variable in {text!r}, so there is nothing to derive by.")
    if wrt is None and len(known) == 1:
        wrt = known[0]
    if wrt is None:
        raise OptionError(
            f"Say which variable to derive by: wrt={known[0]!r}. There are: {', '.join(known)}."
        )
    if wrt not in known:
        raise OptionError(f"There is no variable {wrt!r} in {text!r}. {did_you_mean(str(wrt), known)}")
    unknown = [name for name in given if name not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise OptionError(
            f"There is a number for {unknown[0]!r}, but no such variable in the expression. {hint}"
        )
    missing = [name for name in known if name not in given]
    if given and missing:
        raise OptionError(
            f"at: there is no number for {', '.join(missing)}; give one for each variable, or none."
        )
    numbers = [_number(name, given[name]) for name in known if given]
    try:
        graph = expression.graph()
    except RecursionError:
        raise too_deep() from None
    except OverflowError:
        raise OptionError(f"{text!r} cannot be computed: a number in it is too large.") from None
    except ZeroDivisionError as error:
        raise OptionError(f"{text!r} cannot be computed: {error}.") from None
    place = known.index(str(wrt))
    if not given:
        return write(graph, graph.inputs[place], (), played=None, label=str(wrt), closed=True)
    played = replay(graph, numbers)
    return write(played.graph, played.graph.inputs[place], (), played=played, label=str(wrt), closed=True)


def _number(name: str, given: Any) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError):
        raise OptionError(f"{name} must be a number, not {given!r}.") from None
    if not math.isfinite(number):
        raise OptionError(f"{name} must be a finite number, not {given!r}.")
    return number


def _derive_function(
    function: Callable[..., Any], arrays: Sequence[Any], wrt: str | int | None, index: Sequence[int] | None
) -> Derivation:
    from glassgrad.tracing import trace

    if not arrays:
        raise OptionError("derive needs the function's arguments after it: gg.derive(f, W, x, wrt='W[0,1]').")
    exactly = [np.asarray(a) for a in arrays]
    exactly = [a.astype(np.float64) if a.dtype.kind in "iub" and a.ndim == 0 else a for a in exactly]
    graph = trace(function, *exactly)
    played = replay(graph, exactly)
    names = [v.name or f"x{i}" for i, v in enumerate(played.graph.inputs)]
    if isinstance(wrt, str) and index is None:
        wrt, index = split_index(wrt)
    if wrt is None:
        if len(names) > 1:
            raise OptionError(
                f"Say which argument to derive by: wrt={names[0]!r}. There are: {', '.join(names)}."
            )
        wrt = 0
    if isinstance(wrt, str):
        if wrt not in names:
            raise OptionError(f"There is no argument {wrt!r}. {did_you_mean(wrt, names)}")
        wrt = names.index(wrt)
    if not 0 <= wrt < len(names):
        raise OptionError(f"There is no argument {wrt}: they count from 0 to {len(names) - 1}.")
    value, called = played.graph.inputs[wrt], _variables(function, played.graph)
    return write(played.graph, value, tuple(index or ()), played=played, called=called)


def _variables(function: Callable[..., Any], graph: Graph) -> dict[Value, str]:
    """Return the names that a function's own lines give to values, such as ``q = x + y``."""
    from glassgrad.explaining.names import Names

    names = Names(graph)
    own = getattr(function, "__qualname__", "")
    found = {}
    for node in graph.nodes:
        name = names[node.outputs[0]]
        made_there = node.source is not None and node.source.function == own and not node.scope
        if made_there and name.isidentifier() and not name.startswith(node.op):
            found[node.outputs[0]] = name
    return found


# --- reading ---------------------------------------------------------------------------------------------------------
