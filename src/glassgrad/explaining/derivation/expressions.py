"""`gg.derive`: the derivative of an expression that somebody typed, or of a function of Tensors.

What was typed is read by an allow-list and never evaluated as Python. It becomes a graph like any other, so that the
backpropagation beside SymPy's answer is glassgrad's own.
"""

from __future__ import annotations

import ast
import math
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, did_you_mean
from glassgrad.explaining.derivation.derivation import Derivation, write
from glassgrad.explaining.replay import replay
from glassgrad.ir import Graph, Value

__all__ = ["Expression", "derive", "parse"]

_LONGEST = 2000
_WRITTEN = {
    "^": "**",
    "·": "*",
    "×": "*",
    "÷": "/",
    "−": "-",
    "²": "**2",
    "³": "**3",
}
_UNARY = (
    *(
        "abs",
        "acos",
        "acosh",
        "asin",
        "asinh",
        "atan",
        "atanh",
        "cos",
        "cosh",
        "elu",
        "erf",
        "exp",
        "expm1",
        "gelu",
    ),
    *(
        "leaky_relu",
        "log",
        "log10",
        "log1p",
        "log2",
        "relu",
        "sigmoid",
        "sign",
        "silu",
        "sin",
        "sinh",
        "softplus",
    ),
    *("sqrt", "square", "step", "tan", "tanh"),
)
_CALLS = {name: name for name in _UNARY} | {"ln": "log", "σ": "sigmoid"}
_SEVERAL = {"max": "maximum", "min": "minimum"}
_NUMBERS = {"pi": math.pi, "π": math.pi, "e": math.e}
_ELEMENT = re.compile(r"^(?P<name>.*?)\s*\[(?P<index>[\d\s,]*)\]$")


@dataclass(frozen=True)
class Expression:
    """An expression that was read.

    Attributes
    ----------
    text
        As it was typed.
    variables
        The names in it, in order of first use.
    tree
        What it means.
    """

    text: str
    variables: tuple[str, ...]
    tree: ast.expr

    def graph(self) -> Graph:
        """Return the expression as a graph whose inputs are its variables, each a float64 number."""
        from glassgrad.tracing import Spec, trace_with

        def f(*tensors: Any) -> Any:
            return self.evaluate(dict(zip(self.variables, tensors, strict=True)))

        specs = [Spec(())] * len(self.variables)
        return trace_with(f, specs, name="the expression", names=self.variables)[0]

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Return the expression's value for Tensors or numbers in the place of its variables."""
        return _evaluate(self.tree, values, _Typed(self.text))


def parse(text: str, variables: Sequence[str] = ()) -> Expression:
    """Read an expression: numbers, names, ``+ - * / ^``, parentheses, and functions by name.

    Parameters
    ----------
    text
        What was typed. ``^`` and ``**`` are powers; ``pi`` and ``e`` are the constants, unless they are variables.
    variables
        Names that are variables, whatever else they could mean.

    Raises
    ------
    OptionError
        Where it cannot be read, with the place.

    Examples
    --------
    >>> parse("(x + y)*z").variables
    ('x', 'y', 'z')
    >>> parse("x^2 + 1").evaluate({"x": 3.0})
    10.0
    """
    typed = _Typed(text)
    if not text.strip():
        raise OptionError('There is no expression: write one such as "(x + y)*z".')
    if len(text) > _LONGEST:
        raise OptionError(f"The expression has {len(text):,} characters; it can have up to {_LONGEST:,}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SyntaxWarning)
            tree = ast.parse(typed.python, mode="eval").body
    except SyntaxError as error:
        raise typed.unreadable(error) from None
    except (RecursionError, MemoryError, ValueError):
        raise _too_deep() from None
    found: dict[str, None] = {}
    try:
        _check(tree, typed, found)
    except RecursionError:
        raise _too_deep() from None
    names = tuple(name for name in found if name not in _NUMBERS or name in variables)
    return Expression(text, names, tree)


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
        raise _too_deep() from None
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
    if isinstance(wrt, str) and (element := _ELEMENT.match(wrt)) is not None and index is None:
        wrt, index = element["name"], [int(i) for i in element["index"].split(",") if i.strip()]
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


class _Typed:
    """What was typed, what it is in Python, and which place of the one is which of the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        parts: list[str] = []
        self._places: list[int] = []
        for place, char in enumerate(text):
            written = " " if char.isspace() else _WRITTEN.get(char, char)
            parts.append(written)
            self._places += [place] * len(written)
        python = "".join(parts)
        self._skipped = len(python) - len(python.lstrip())
        self.python = python.strip()

    def place(self, node: ast.expr) -> int:
        """Return where a part of the expression begins in what was typed."""
        return self._at(len(self.python.encode()[: node.col_offset].decode(errors="ignore")))

    def error(self, message: str, place: int) -> OptionError:
        """Return an error that points at a place."""
        start = max(0, place - 60)
        shown = "".join(c if c.isprintable() else " " for c in self.text[start : start + 100])
        return OptionError(f"{message}\n  {shown}\n  {' ' * (place - start)}^")

    def unreadable(self, error: SyntaxError) -> OptionError:
        """Return the error for what Python's grammar refuses."""
        at = max(0, (error.offset or 1) - 1)
        place = self._at(min(at, len(self.python)))
        before, after = self.text[:place].rstrip(), self.text[place:].lstrip()
        juxtaposed = re.search(r"[\d)]$", before) and re.match(r"[^\W\d]|\(", after)
        if juxtaposed or "invalid decimal" in error.msg:
            return self.error("The expression cannot be read here; a product needs its sign: 2*x.", place)
        why = f": {error.msg}" if "(" in error.msg or ")" in error.msg else ""
        return self.error(f"The expression cannot be read here{why}.", place)

    def _at(self, column: int) -> int:
        at = column + self._skipped
        return self._places[at] if at < len(self._places) else len(self.text)


def _too_deep() -> OptionError:
    return OptionError("The expression is nested too deeply to be read. Split it up.")


def _check(node: ast.expr, typed: _Typed, names: dict[str, None]) -> None:
    """Refuse whatever is no part of an expression; collect the variables."""
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            if number > sys.float_info.max:
                raise typed.error("This number is too large.", typed.place(node))
            return
        case ast.Name(id=name):
            if name in _CALLS or name in _SEVERAL:
                raise typed.error(f"{name} is a function: write {name}(…).", typed.place(node))
            names[name] = None
            return
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check(operand, typed, names)
            return
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), left=left, right=right):
            _check(left, typed, names)
            _check(right, typed, names)
            return
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            _check_call(node, name, len(args), typed)
            for arg in args:
                _check(arg, typed, names)
            return
        case ast.Call():
            message = "What is called here is no function; a product needs its sign: (x + 1)*(x + 2)."
            raise typed.error(message, typed.place(node))
        case _:
            pass
    raise typed.error(
        "This is no part of an expression, which has numbers, names, + - * / ^, parentheses and functions.",
        typed.place(node),
    )


def _check_call(node: ast.expr, name: str, count: int, typed: _Typed) -> None:
    if name not in _CALLS and name not in _SEVERAL:
        near = did_you_mean(name, [*_CALLS, *_SEVERAL])
        hint = near if near.startswith("Did") else f"For a product write {name}*(…)."
        raise typed.error(f"There is no function {name!r}. {hint}", typed.place(node))
    if name in _SEVERAL and count < 2:
        raise typed.error(f"{name} takes two numbers or more.", typed.place(node))
    if name in _CALLS and count != 1:
        raise typed.error(f"{name} takes one number, not {count}.", typed.place(node))


def _evaluate(node: ast.expr, values: Mapping[str, Any], typed: _Typed) -> Any:
    from glassgrad import xp

    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values[name] if name in values else _NUMBERS[name]
        case ast.UnaryOp(op=op, operand=operand):
            inner = _evaluate(operand, values, typed)
            return -inner if isinstance(op, ast.USub) else inner
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _evaluate(left, values, typed), _evaluate(right, values, typed)
            return _OPERATORS[type(op)](a, b)
        case ast.Call(func=ast.Name(id=name), args=args):
            given = [_evaluate(arg, values, typed) for arg in args]
            if name in _CALLS:
                return getattr(xp, _CALLS[name])(given[0])
            best = given[0]
            for other in given[1:]:
                best = getattr(xp, _SEVERAL[name])(best, other)
            return best
    raise AssertionError(ast.dump(node))


def _power(a: Any, b: Any) -> Any:
    power = a**b
    if isinstance(power, complex):
        raise ZeroDivisionError(f"{a:g} to the power of {b:g} is no real number")
    return power


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: _power,
}
