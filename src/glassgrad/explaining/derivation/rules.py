"""What each operation makes of expressions: a rule for every record whose formula SymPy can say.

Not every record has one. Sorted arrays, running extremes and decompositions would be choices between cases without end;
what counts or picks places, and what is drawn at random, has no formula.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

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
    exact,
)
from glassgrad.explaining.derivation.functions import (
    Ceiling,
    CopiedSign,
    CubeRoot,
    Floor,
    FloorQuotient,
    LogGamma,
    Nearest,
    Remainder,
    Sinc,
    Truncated,
    TruncatedRemainder,
)
from glassgrad.ops import Op, lookup

__all__ = ["ELEMENTWISE", "FREE", "MOVES", "WHOLE", "elementwise", "lifted", "without_rule"]

Array = np.ndarray[Any, Any]

_ORDER = 4
"""The most rows of a matrix whose determinant or inverse is written out."""


def without_rule(op: Op) -> GraphError:
    """Return the error for an operation that has no formula."""
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


def lifted(arrays: Iterable[Array]) -> list[Array]:
    """Return arrays in which numbers and truth values are SymPy's."""
    return [np.asarray(_lift_all(x), object) for x in arrays]


def elementwise(rule: Callable[..., Any], inputs: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """Apply a rule to the expressions at each place of arrays that broadcast."""
    arrays = np.broadcast_arrays(*lifted(inputs))
    out = np.empty(arrays[0].shape, object)
    for place in np.ndindex(out.shape):
        out[place] = rule(*(x[place] for x in arrays), **attrs)
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
    return product if bias is None else elementwise(operator.add, (product, bias), {})


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


def _norm(x: Array, *, axis: tuple[int, ...], keepdims: bool, ord: float) -> Array:
    if ord == 0:
        raise without_rule(lookup("vector_norm"))
    if ord == 2:
        return _reduction(lambda *xs: sp.sqrt(sp.Add(*(v**2 for v in xs))))(x, axis=axis, keepdims=keepdims)

    def powers(*xs: Any) -> Any:
        return sp.Add(*(v ** exact(ord) for v in xs)) ** (1 / exact(ord))

    join = powers if np.isfinite(ord) else _extreme(Largest if ord > 0 else Smallest)
    return _reduction(join)(elementwise(Absolute, [x], {}), axis=axis, keepdims=keepdims)


def _matrices(of: str, rule: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """Return a rule for each matrix of a stack; a large one would have too many terms."""

    def run(x: Array, **_: Any) -> Array:
        if x.shape[-1] > _ORDER:
            raise GraphError(
                f"{of} of a matrix with {x.shape[-1]} rows is a formula without end; SymPy gets up to {_ORDER}.\n"
                "gg.explain still shows its gradient, from backpropagation."
            )
        made = [np.asarray(rule(sp.Matrix(x[place])), object) for place in np.ndindex(x.shape[:-2])]
        return np.stack(made).reshape((*x.shape[:-2], *made[0].shape))

    return run


def _inverse(matrix: Any) -> Any:
    return matrix.adjugate() / matrix.det(method="berkowitz")


def _solve(a: Array, b: Array) -> Array:
    return _product(_matrices("solve", _inverse)(a), b)


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
        raise without_rule(lookup("astype"))
    return sp.Integer(int(x)) if dtype.kind in "iu" else x


def _bits(join: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return the rule of an operation on bits: on truth values it is logic, and on numbers there is none."""

    def rule(*xs: Any) -> Any:
        if not all(isinstance(x, sp.logic.boolalg.Boolean) for x in xs):
            raise without_rule(lookup(name))
        return join(*xs)

    return rule


def _is(*kinds: Any) -> Callable[[Any], Any]:
    """Return the rule of a question about one number: symbols stand for finite ones."""
    return lambda x: sp.true if x in kinds else sp.false


def _clip(x: Any, *, min: float | None, max: float | None) -> Any:
    low, high = (None if bound is None else exact(bound) for bound in (min, max))
    if low is None or high is None:
        return x if low is high else AtLeast(x, low) if high is None else AtMost(x, high)
    return Clipped(x, low, high)


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "strong_multiply": operator.mul,
    "divide": operator.truediv,
    "reciprocal": lambda x: 1 / x,
    "positive": lambda x: x,
    "negative": operator.neg,
    "square": lambda x: x**2,
    "sqrt": sp.sqrt,
    "rsqrt": lambda x: 1 / sp.sqrt(x),
    "cbrt": CubeRoot,
    "hypot": lambda x, y: sp.sqrt(x**2 + y**2),
    "pow": operator.pow,
    "abs": Absolute,
    "sign": Sign,
    "direction": Sign,
    "copysign": CopiedSign,
    "floor": Floor,
    "ceil": Ceiling,
    "trunc": Truncated,
    "round": Nearest,
    "floor_divide": FloorQuotient,
    "remainder": Remainder,
    "fmod": TruncatedRemainder,
    "real": lambda x: x,
    "imag": lambda x: sp.Integer(0),
    "conj": lambda x: x,
    "exp": sp.exp,
    "expm1": lambda x: sp.exp(x) - 1,
    "exp2": lambda x: sp.Integer(2) ** x,
    "log": sp.log,
    "log1p": lambda x: sp.log(1 + x),
    "log2": lambda x: sp.log(x) / sp.log(2),
    "log10": lambda x: sp.log(x) / sp.log(10),
    "xlogy": lambda x, y: x * sp.log(y),
    "logaddexp": lambda x, y: sp.log(sp.exp(x) + sp.exp(y)),
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
    "atan2": sp.atan2,
    "erf": sp.erf,
    "erfc": sp.erfc,
    "lgamma": LogGamma,
    "digamma": lambda x: sp.polygamma(0, x),
    "digamma_slope": lambda x, *, order: sp.polygamma(order, x),
    "sinc": lambda x: Sinc(x, 0),
    "sinc_slope": lambda x, *, order: Sinc(x, order),
    "sigmoid": Sigmoid,
    "softplus": Softplus,
    "relu": Relu,
    "step": Step,
    "stop_gradient": Stopped,
    "maximum": Largest,
    "minimum": Smallest,
    "fmax": Largest,
    "fmin": Smallest,
    "fmax_scalar": lambda x, *, bound: x if bound != bound else AtLeast(x, exact(bound)),
    "fmin_scalar": lambda x, *, bound: x if bound != bound else AtMost(x, exact(bound)),
    "maximum_scalar": lambda x, *, bound: AtLeast(x, exact(bound)),
    "minimum_scalar": lambda x, *, bound: AtMost(x, exact(bound)),
    "clip": _clip,
    "where": _where,
    "identity": lambda x: x,
    "again": lambda x: x,
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
    "bitwise_and": _bits(sp.And, "bitwise_and"),
    "bitwise_or": _bits(sp.Or, "bitwise_or"),
    "bitwise_xor": _bits(sp.Xor, "bitwise_xor"),
    "bitwise_invert": _bits(sp.Not, "bitwise_invert"),
    "signbit": lambda x: sp.Lt(x, 0),
    "isnan": _is(sp.nan),
    "isinf": _is(sp.oo, -sp.oo),
    "isfinite": lambda x: sp.Not(_is(sp.nan, sp.oo, -sp.oo)(x)),
}
"""What an elementwise operation makes of expressions."""

WHOLE: dict[str, Callable[..., Array]] = {
    "matmul": _product,
    "linear": _linear,
    "sum": _reduction(sp.Add),
    "prod": _reduction(sp.Mul),
    "max": _reduction(_extreme(Largest)),
    "min": _reduction(_extreme(Smallest)),
    "cumulative_sum": _cumulative(operator.add),
    "cumulative_prod": _cumulative(operator.mul),
    "vector_norm": _norm,
    "det": _matrices("det", lambda matrix: matrix.det(method="berkowitz")),
    "inv": _matrices("inv", _inverse),
    "solve": _solve,
}
"""What an operation on whole arrays makes of expressions."""

MOVES = frozenset(
    {
        "reshape",
        "permute_dims",
        "broadcast_to",
        "flip",
        "roll",
        "concat",
        "getitem",
        "diagonal",
        "embed_diagonal",
    }
    | {"index_put", "index_add", "cross"}
)
"""Operations that move elements, add and multiply them: their NumPy implementation takes expressions as well."""

FREE = frozenset({"identity", "again", "astype", "dimension", "arange", "stop_gradient"})
