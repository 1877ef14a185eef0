"""Graphs run on SymPy's expressions: what a network computes, as a formula.

The same graph that ran on numbers runs here on arrays of expressions, an expression an element. A record whose formula
SymPy can say has a rule below; a composite without one is opened, in its textbook's form. Named functions (σ, ReLU,
max) stay what they are called while a person reads them, with the derivative that people know; `opened` writes them
out, so that SymPy can find the derivative on its own.

SymPy comes with ``pip install 'glassgrad[explain]'`` and takes its time to load: import this module where it is needed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import sympy as sp

from glassgrad.errors import GraphError
from glassgrad.explaining.derivation.formulas import (
    Absolute,
    AtLeast,
    AtMost,
    Chosen,
    Clipped,
    Largest,
    Relu,
    Sigmoid,
    Sign,
    Smallest,
    Softplus,
    Step,
    Stopped,
)
from glassgrad.ir import Constant, Graph, Node, Value
from glassgrad.ops import Op, lookup

__all__ = ["DIGITS", "Settle", "exact", "expressions", "operations"]

Array = np.ndarray[Any, Any]
Settle: TypeAlias = Callable[[Node, Value, Array], Array]

DIGITS = 40
"""Decimal digits with which SymPy computes."""

_SIMPLE = 8
"""Constants that are whole multiples of 1/8 are written as fractions, others as decimals."""


def exact(number: float, digits: int = DIGITS) -> Any:
    """Return a number as SymPy's, without loss.

    Examples
    --------
    >>> exact(0.5), exact(3.0), exact(0.1, 20)
    (1/2, 3, 0.10000000000000000555)
    """
    number = float(number)
    if not np.isfinite(number):
        return sp.nan if np.isnan(number) else sp.oo if number > 0 else -sp.oo
    if (number * _SIMPLE).is_integer() and abs(number) < 2**53:
        return sp.Rational(int(number * _SIMPLE), _SIMPLE)
    return sp.Float(number, digits)


def expressions(graph: Graph, inputs: Sequence[Array], settle: Settle | None = None) -> dict[Value, Array]:
    """Run a graph on expressions.

    Parameters
    ----------
    graph
        A static graph.
    inputs
        For each input an array of expressions (dtype object) or of numbers, which stay numbers.
    settle
        Called with every node, one of its outputs and the expressions there, where they are expressions; returns what
        takes their place, such as symbols of their own. By default they stay.

    Returns
    -------
    dict
        An array for each value: of expressions where it depends on one, else of numbers.

    Raises
    ------
    GraphError
        Where an operation has no formula that SymPy knows; it is named.

    Examples
    --------
    >>> import glassgrad as gg
    >>> graph = gg.trace(lambda x, y: gg.sum(gg.tanh(x) * y), gg.Spec((2,)), gg.Spec((2,)))
    >>> x, y = (np.array(sp.symbols(f"{name}:2"), object) for name in "xy")
    >>> expressions(graph, [x, y])[graph.outputs[0]].item()
    y0*tanh(x0) + y1*tanh(x1)
    """
    values: dict[Value, Array] = dict(zip(graph.inputs, inputs, strict=True))
    values |= {c: c.array for c in graph.constants()}
    for node in graph.nodes:
        made = _apply(node, [values[v] for v in node.inputs], settle)
        for value, array in zip(node.outputs, made, strict=True):
            symbolic = settle is not None and array.dtype == object and not isinstance(value, Constant)
            values[value] = settle(node, value, array) if symbolic and settle is not None else array
    return values


def operations(graph: Graph) -> int:
    """Return about how many scalar operations a graph stands for: multiplications, additions, functions.

    Examples
    --------
    >>> import glassgrad as gg
    >>> operations(gg.trace(lambda W, x: gg.tanh(W @ x), gg.Spec((4, 3)), gg.Spec((3,))))
    16
    """
    return sum(map(_cost, graph.nodes))


def _cost(node: Node) -> int:
    if node.op in _MOVES or node.op in _FREE:
        return 0
    opened = _inside(node)
    if opened is not None:
        return operations(opened)
    sizes = [int(np.prod([int(d) for d in v.shape])) for v in (*node.inputs, *node.outputs)]  # type: ignore[arg-type]
    if node.op in ("matmul", "linear"):
        return sizes[-1] * int(node.inputs[0].shape[-1])  # type: ignore[arg-type]
    return max(sizes)


def _apply(node: Node, inputs: list[Array], settle: Settle | None) -> list[Array]:
    op = lookup(node.op)
    if all(x.dtype != object for x in inputs) and op.numpy is not None and not op.control:
        made = op.numpy(*inputs, **node.attrs)
        return [np.asarray(m) for m in (made if op.several else [made])]
    if node.op in _MOVES and op.numpy is not None:
        return [np.asarray(op.numpy(*_moved(inputs), **node.attrs))]
    if node.op in _ELEMENTWISE:
        return [_elementwise(_ELEMENTWISE[node.op], inputs, node.attrs)]
    if node.op in _WHOLE:
        return [np.asarray(_WHOLE[node.op](*_lifted(inputs), **node.attrs), object)]
    inside = _inside(node)
    if inside is None:
        raise _no_rule(op)
    found = expressions(inside, inputs, settle)
    return [np.asarray(found[v], object) for v in inside.outputs]


def _inside(node: Node) -> Graph | None:
    """Return the graph that a node without a rule stands for."""
    if node.op in _ELEMENTWISE or node.op in _WHOLE or node.op in _MOVES:
        return None
    return node.subgraphs.get("definition") or (node.subgraphs.get("body") if node.op == "call" else None)


def _no_rule(op: Op) -> GraphError:
    return GraphError(
        f"{op.name} has no formula for SymPy, so nothing that depends on it can be derived symbolically.\n"
        "gg.explain still shows its gradient, from backpropagation."
    )


# --- arrays of expressions -------------------------------------------------------------------------------------------


def _lift(x: Any) -> Any:
    if isinstance(x, sp.Basic):
        return x
    if isinstance(x, (bool, np.bool_)):
        return sp.true if x else sp.false
    return sp.Integer(int(x)) if isinstance(x, (int, np.integer)) else exact(float(x))


_lift_all = np.frompyfunc(_lift, 1, 1)


def _lifted(inputs: Iterable[Array]) -> list[Array]:
    return [np.asarray(_lift_all(x), object) for x in inputs]


def _moved(inputs: Sequence[Array]) -> list[Array]:
    """Lift what is moved, and leave the indices by which it is moved as they are."""
    return [
        np.asarray(_lift_all(x), object) if x.dtype.kind not in "iu" or i == 0 else x
        for i, x in enumerate(inputs)
    ]


def _elementwise(rule: Callable[..., Any], inputs: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    lifted = np.broadcast_arrays(*_lifted(inputs))
    out = np.empty(lifted[0].shape, object)
    for place in np.ndindex(out.shape):
        out[place] = rule(*(x[place] for x in lifted), **attrs)
    return out


def _product(a: Array, b: Array) -> Array:
    """Multiply matrices; every element is one sum, so that it stays one gate with many inputs."""
    rows, columns = a.ndim > 1, b.ndim > 1
    a2, b2 = (a if rows else a[None, :]), (b if columns else b[:, None])
    batch = np.broadcast_shapes(a2.shape[:-2], b2.shape[:-2])
    a2 = np.broadcast_to(a2, (*batch, *a2.shape[-2:]))
    b2 = np.broadcast_to(b2, (*batch, *b2.shape[-2:]))
    out = np.empty((*batch, a2.shape[-2], b2.shape[-1]), object)
    for place in np.ndindex(out.shape):
        *at, i, j = place
        out[place] = sp.Add(*(x * y for x, y in zip(a2[(*at, i)], b2[(*at, slice(None), j)], strict=True)))
    if not columns:
        out = out[..., 0]
    return out if rows else out[..., 0, :] if columns else out[..., 0]


def _linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    product = _product(x, weight.T)
    return product if bias is None else _elementwise(operator.add, (product, bias), {})


def _reduction(join: Callable[..., Any]) -> Callable[..., Array]:
    def reduce_along(x: Array, *, axis: tuple[int, ...], keepdims: bool) -> Array:
        kept = tuple(1 if a in axis else d for a, d in enumerate(x.shape))
        order = [a for a in range(x.ndim) if a not in axis] + list(axis)
        rest = [x.shape[a] for a in range(x.ndim) if a not in axis]
        parts = x.transpose(order).reshape(*rest, -1)
        out = np.empty(rest, object)
        for place in np.ndindex(*rest):
            out[place] = join(*parts[place])
        return out.reshape(kept) if keepdims else out

    return reduce_along


def _extreme(join: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs: xs[0] if len(xs) == 1 else join(*xs)


def _cumulative(join: Callable[..., Any]) -> Callable[..., Array]:
    running = np.frompyfunc(join, 2, 1)

    def accumulate(x: Array, *, axis: int, reverse: bool) -> Array:
        turned = np.flip(x, axis) if reverse else x
        made = np.asarray(running.accumulate(turned, axis=axis, dtype=object))
        return np.flip(made, axis) if reverse else made

    return accumulate


# --- rules -----------------------------------------------------------------------------------------------------------


def _truth(c: Any) -> Any:
    """Return a truth value as a number."""
    return Chosen(c, sp.Integer(1), sp.Integer(0))


def _where(c: Any, x: Any, y: Any) -> Any:
    return Chosen(c, x, y) if c not in (sp.true, sp.false) else x if c == sp.true else y


def _astype(x: Any, *, dtype: np.dtype[Any]) -> Any:
    boolean = isinstance(x, sp.logic.boolalg.Boolean) and not isinstance(x, sp.Symbol)
    if boolean and dtype.kind != "b":
        return _truth(x)
    if dtype.kind in "iu" and not x.is_number:
        raise _no_rule(lookup("astype"))
    return sp.Integer(int(x)) if dtype.kind in "iu" else x


def _clip(x: Any, *, min: float | None, max: float | None) -> Any:
    low, high = (None if bound is None else exact(bound) for bound in (min, max))
    if low is None or high is None:
        return x if low is high else AtLeast(x, low) if high is None else AtMost(x, high)
    return Clipped(x, low, high)


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "strong_multiply": operator.mul,
    "divide": operator.truediv,
    "reciprocal": lambda x: 1 / x,
    "negative": operator.neg,
    "square": lambda x: x**2,
    "sqrt": sp.sqrt,
    "pow": operator.pow,
    "abs": Absolute,
    "sign": Sign,
    "exp": sp.exp,
    "expm1": lambda x: sp.exp(x) - 1,
    "log": sp.log,
    "log1p": lambda x: sp.log(1 + x),
    "log2": lambda x: sp.log(x) / sp.log(2),
    "log10": lambda x: sp.log(x) / sp.log(10),
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "asinh": sp.asinh,
    "acosh": sp.acosh,
    "atanh": sp.atanh,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "asin": sp.asin,
    "acos": sp.acos,
    "atan": sp.atan,
    "erf": sp.erf,
    "sigmoid": Sigmoid,
    "softplus": Softplus,
    "relu": Relu,
    "step": Step,
    "stop_gradient": Stopped,
    "maximum": Largest,
    "minimum": Smallest,
    "maximum_scalar": lambda x, *, bound: AtLeast(x, exact(bound)),
    "minimum_scalar": lambda x, *, bound: AtMost(x, exact(bound)),
    "clip": _clip,
    "where": _where,
    "identity": lambda x: x,
    "astype": _astype,
    "equal": sp.Eq,
    "not_equal": sp.Ne,
    "less": sp.Lt,
    "less_equal": sp.Le,
    "greater": sp.Gt,
    "greater_equal": sp.Ge,
    "logical_and": sp.And,
    "logical_or": sp.Or,
    "logical_xor": sp.Xor,
    "logical_not": sp.Not,
}
"""What an elementwise operation makes of expressions."""

_WHOLE: dict[str, Callable[..., Array]] = {
    "matmul": _product,
    "linear": _linear,
    "sum": _reduction(sp.Add),
    "prod": _reduction(sp.Mul),
    "max": _reduction(_extreme(Largest)),
    "min": _reduction(_extreme(Smallest)),
    "cumulative_sum": _cumulative(operator.add),
    "cumulative_prod": _cumulative(operator.mul),
}
"""What an operation on whole arrays makes of expressions."""

_MOVES = frozenset({"reshape", "permute_dims", "broadcast_to", "flip", "concat", "getitem"})
"""Operations that move elements and change none: their NumPy implementation moves expressions as well."""

_FREE = frozenset({"identity", "astype", "dimension", "arange", "stop_gradient"})
