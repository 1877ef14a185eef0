"""Expressions that somebody typed: read by an allow-list, and never evaluated as Python."""

from __future__ import annotations

import ast
import math
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glassgrad.errors import OptionError, did_you_mean
from glassgrad.ir import Graph

__all__ = ["Expression", "parse", "too_deep"]

_LONGEST = 2000
_WRITTEN = {"^": "**", "·": "*", "×": "*", "÷": "/", "−": "-", "²": "**2", "³": "**3"}
_UNARY = (
    "abs acos acosh asin asinh atan atanh cbrt ceil cos cosh digamma elu erf erfc exp exp2 expm1 floor gelu hardtanh "
    "leaky_relu lgamma log log10 log1p log2 reciprocal relu round rsqrt sigmoid sign silu sin sinc sinh softplus "
    "sqrt square step tan tanh trunc"
)
_BINARY = "atan2 copysign floor_divide fmax fmin fmod hypot logaddexp maximum minimum pow remainder xlogy"
_CALLS = {name: name for name in _UNARY.split()} | {"ln": "log", "σ": "sigmoid"}
_PAIRS = {name: name for name in _BINARY.split()} | {"mod": "remainder"}
_SEVERAL = {"max": "maximum", "min": "minimum"}
_KNOWN = (*_CALLS, *_PAIRS, *_SEVERAL)
_NUMBERS = {"pi": math.pi, "π": math.pi, "e": math.e}


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
        raise too_deep() from None
    found: dict[str, None] = {}
    try:
        _check(tree, typed, found)
    except RecursionError:
        raise too_deep() from None
    names = tuple(name for name in found if name not in _NUMBERS or name in variables)
    return Expression(text, names, tree)


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


def too_deep() -> OptionError:
    """Return the error for an expression with too many brackets in one another."""
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
            if name in _KNOWN:
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
    if name not in _KNOWN:
        near = did_you_mean(name, _KNOWN)
        hint = near if near.startswith("Did") else f"For a product write {name}*(…)."
        raise typed.error(f"There is no function {name!r}. {hint}", typed.place(node))
    if name in _SEVERAL and count < 2:
        raise typed.error(f"{name} takes two numbers or more.", typed.place(node))
    if name in _PAIRS and count != 2:
        raise typed.error(f"{name} takes two numbers, not {count}.", typed.place(node))
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
            if name in _PAIRS:
                return getattr(xp, _PAIRS[name])(*given)
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
