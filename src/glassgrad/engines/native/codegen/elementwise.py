"""What each elementwise operation is in machine terms: one rule an operation, in one table.

A rule gives the numbers NumPy gives. Arithmetic, comparisons and choices are the instructions NumPy runs, none fused
with another, so their results have the same bits; the smooth functions are those of `functions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from glassgrad.engines.native.codegen import circular, functions, quotients
from glassgrad.engines.native.codegen.floats import bits_of
from glassgrad.engines.native.codegen.ir import I1, Function, Module, V, kind_of
from glassgrad.engines.native.codegen.powers import power

__all__ = ["SUPPORTED", "Unsupported", "apply", "check", "convert"]

DType: TypeAlias = np.dtype[Any]
Rule: TypeAlias = Callable[[Function, Sequence[V], Sequence[DType], DType, Mapping[str, Any]], V]


class Unsupported(Exception):
    """The native engine has no rule for an operation or a dtype; the message names it."""


def apply(
    f: Function, op: str, args: Sequence[V], dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]
) -> V:
    """Write what an elementwise operation computes.

    Parameters
    ----------
    f
        Where to.
    op
        The operation's name, one of `SUPPORTED`.
    args, dtypes
        The operands, all of the same lanes, each of the kind of its dtype.
    out
        The dtype of the result.
    attrs
        The operation's settings.

    Returns
    -------
    V
        The result, of the kind of `out`.

    Raises
    ------
    Unsupported
        Where the operation has no rule for these dtypes.

    Examples
    --------
    >>> import numpy as np
    >>> from glassgrad.engines.native.codegen.ir import Module, V
    >>> f = Module().function("half", [V("%x", "float")], "float")
    >>> float32 = np.dtype("float32")
    >>> x = f.parameters[0]
    >>> print(apply(f, "multiply", [x, x], [float32, float32], float32, {}))
    float %v1
    """
    for dtype in (*dtypes, out):
        if not _known(dtype):
            raise Unsupported(f"{op} of {', '.join(d.name for d in dtypes)} to {out}: dtype {dtype}")
    if op not in _RULES:
        raise Unsupported(f"the operation {op!r}")
    try:
        return _RULES[op](f, args, dtypes, out, attrs)
    except OverflowError as error:
        raise Unsupported(f"{op} in {out}: {error}") from None


def check(op: str, dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]) -> None:
    """Refuse an elementwise operation that `apply` refuses for these dtypes.

    Raises
    ------
    Unsupported
        Where the operation has no rule for them.
    """
    f = Module().function("check", [])
    apply(f, op, [V("poison", kind_of(dtype)) for dtype in dtypes], dtypes, out, attrs)


def _known(dtype: DType) -> bool:
    return dtype.kind in "biu" or dtype in (np.float32, np.float64)


def convert(f: Function, v: V, have: DType, want: DType) -> V:
    """Write the conversion of a number from one dtype to another, as ``astype`` does it.

    Numbers a whole dtype cannot hold become any number it can.
    """
    if have == want:
        return v
    kind = kind_of(want)
    if want.kind == "b":
        return f.compare("une" if v.floating else "ne", v, f.like(0, v))
    if have.kind == "f":
        if want.kind == "f":
            return f.cast("fpext" if want.itemsize > have.itemsize else "fptrunc", v, kind)
        name = f"llvm.fpto{'u' if want.kind == 'u' else 's'}i.sat"
        return f.call(f"{name}.{_mangled(V('', kind, v.lanes))}.{_mangled(v)}", kind, [v], v.lanes)
    unsigned = have.kind != "i"
    if want.kind == "f":
        return f.cast("uitofp" if unsigned else "sitofp", v, kind)
    if have.itemsize == want.itemsize and have.kind != "b":
        return v
    return f.cast("trunc" if want.itemsize < have.itemsize else "zext" if unsigned else "sext", v, kind)


def _mangled(v: V) -> str:
    short = {"float": "f32", "double": "f64"}.get(v.kind, v.kind)
    return f"v{v.lanes}{short}" if v.lanes else short


# --- how rules are made --------------------------------------------------------------------------------------------


def _in_out(emit: Callable[..., V]) -> Rule:
    """Compute in the dtype of the result: ``emit(f, dtype, *args, **attrs)``."""

    def rule(
        f: Function, args: Sequence[V], dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]
    ) -> V:
        return emit(f, out, *(convert(f, a, d, out) for a, d in zip(args, dtypes, strict=True)), **attrs)

    return rule


def _instruction(floating: str, whole: str, truth: str) -> Rule:
    """Apply one instruction, by what the numbers are; NumPy has no such operation on truth values where it is ""."""

    def emit(f: Function, dtype: DType, a: V, b: V) -> V:
        op = floating if a.floating else truth if a.kind == I1 else whole
        if not op:
            raise Unsupported(f"{floating} of {dtype}")
        return f.binary(op, a, b)

    return _in_out(emit)


def _function(emit: Callable[..., V]) -> Rule:
    return _in_out(lambda f, _, *args: emit(f, *args))


def _rounding(name: str) -> Rule:
    """Round with an intrinsic; whole numbers are where it leads."""
    return _in_out(lambda f, _, x: f.intrinsic(name, x) if x.floating else x)


def _predicate(name: str) -> Rule:
    """Compare two numbers in the dtype that holds both."""

    def rule(
        f: Function, args: Sequence[V], dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]
    ) -> V:
        common = np.result_type(*dtypes)
        if common.kind == "f" and all(d.kind in "iu" for d in dtypes):
            # int64 beside uint64: no dtype holds both, but a longer number does
            a, b = (
                f.cast("sext" if d.kind == "i" else "zext", v, "i128")
                for v, d in zip(args, dtypes, strict=True)
            )
            return f.compare(_predicates(name, "i"), a, b)
        a, b = (convert(f, v, d, common) for v, d in zip(args, dtypes, strict=True))
        return f.compare(_predicates(name, common.kind), a, b)

    return rule


def _predicates(name: str, kind: str) -> str:
    """Return LLVM's name of ``eq``, ``ne``, ``gt`` … of a kind of numbers."""
    if kind == "f":
        return "une" if name == "ne" else f"o{name}"
    return name if name in ("eq", "ne") else f"{'s' if kind == 'i' else 'u'}{name}"


def _kind_of_float(test: Callable[[Function, V], V], otherwise: bool) -> Rule:
    """Test a floating-point number; of others the answer is known."""

    def rule(
        f: Function, args: Sequence[V], dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]
    ) -> V:
        (x,) = args
        return test(f, x) if x.floating else f.constant(otherwise, I1, x.lanes)

    return rule


def _logical(emit: Callable[..., V]) -> Rule:
    """Compute with truth values."""

    def rule(
        f: Function, args: Sequence[V], dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]
    ) -> V:
        return emit(f, *(convert(f, a, d, np.dtype(bool)) for a, d in zip(args, dtypes, strict=True)))

    return rule


def _number(f: Function, value: float, dtype: DType, a: V) -> V:
    """Return a setting as a number of a dtype; what the dtype cannot hold is refused."""
    return f.like(np.asarray(value, dtype).item(), a)


# --- the rules ------------------------------------------------------------------------------------------------------


def _negative(f: Function, dtype: DType, x: V) -> V:
    return f.fneg(x) if x.floating else f.binary("sub", f.like(0, x), x)


def _abs(f: Function, dtype: DType, x: V) -> V:
    if x.floating:
        return f.intrinsic("fabs", x)
    if dtype.kind != "i":
        return x
    return f.select(f.compare("slt", x, f.like(0, x)), f.binary("sub", f.like(0, x), x), x)


def _sign(f: Function, dtype: DType, x: V) -> V:
    zero, one = f.like(0, x), f.like(1, x)
    positive = f.compare(_predicates("gt", dtype.kind), x, zero)
    if dtype.kind == "u":
        return f.select(positive, one, zero)
    rest = f.select(f.compare("uno", x, x), x, zero) if x.floating else zero
    negative = f.compare(_predicates("lt", dtype.kind), x, zero)
    return f.select(positive, one, f.select(negative, f.like(-1, x), rest))


def _square(f: Function, dtype: DType, x: V) -> V:
    return f.binary("fmul" if x.floating else "mul", x, x)


def _reciprocal(f: Function, dtype: DType, x: V) -> V:
    return f.binary("fdiv", f.like(1, x), x)


def _strong_multiply(f: Function, dtype: DType, g: V, d: V) -> V:
    if not g.floating:
        return f.binary("and" if g.kind == I1 else "mul", g, d)
    product, zero = f.binary("fmul", g, d), f.like(0, g)
    lost = f.binary("and", f.compare("uno", product, product), f.compare("oeq", g, zero))
    return f.select(lost, zero, product)


def _extreme(name: str) -> Callable[..., V]:
    """The larger or the smaller of two; NaN where one is NaN, and the second where they are equal, as in NumPy."""

    def emit(f: Function, dtype: DType, a: V, b: V) -> V:
        chosen = f.select(f.compare(_predicates(name, dtype.kind), a, b), a, b)
        return f.select(f.compare("uno", a, a), a, chosen) if a.floating else chosen

    return emit


def _bounded(name: str) -> Callable[..., V]:
    def emit(f: Function, dtype: DType, x: V, *, bound: float) -> V:
        limit = _number(f, bound, dtype, x)
        if x.floating and bound != bound:
            return limit
        wins = f"u{name}" if x.floating else _predicates(name, dtype.kind)  # NaN wins too
        return f.select(f.compare(wins, x, limit), x, limit)

    return emit


def _relu(f: Function, dtype: DType, x: V) -> V:
    return _bounded("gt")(f, dtype, x, bound=0)


def _clip(f: Function, dtype: DType, x: V, *, min: float | None, max: float | None) -> V:
    if not x.floating:  # NumPy takes bounds beyond the dtype where nothing is beyond them
        about = np.iinfo(dtype)
        min = None if min is not None and min < about.min else min
        max = None if max is not None and max > about.max else max
    for bound, name in ((min, "lt"), (max, "gt")):
        if bound is None:
            continue
        limit = _number(f, bound, dtype, x)
        beyond = f"u{name}" if bound != bound else _predicates(name, dtype.kind)
        x = f.select(f.compare(beyond, x, limit), limit, x)
    return x


def _leaky_relu(f: Function, dtype: DType, x: V, *, slope: float) -> V:
    return f.select(f.compare("ogt", x, f.like(0, x)), x, f.binary("fmul", x, f.like(slope, x)))


def _elu(f: Function, dtype: DType, x: V, *, alpha: float) -> V:
    below = functions.expm1(f, _bounded("lt")(f, dtype, x, bound=0))
    return f.select(f.compare("ogt", x, f.like(0, x)), x, f.binary("fmul", below, f.like(alpha, x)))


def _step(f: Function, dtype: DType, x: V) -> V:
    zero, one = f.like(0, x), f.like(1, x)
    risen = f.select(f.compare("olt", x, zero), zero, one)
    return f.select(f.compare("uno", x, x), x, risen)


def _power(f: Function, dtype: DType, x: V, y: V) -> V:
    if not x.floating:
        raise Unsupported(f"pow of {dtype}: whole numbers are refused where an exponent is negative")
    return power(f, x, y)


def _signbit(
    f: Function, args: Sequence[V], dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]
) -> V:
    (x,), (dtype,) = args, dtypes
    if dtype.kind in "bu":
        return f.constant(False, I1, x.lanes)
    bits = bits_of(f, x) if x.floating else x
    return f.compare("slt", bits, f.like(0, bits))


def _imaginary(
    f: Function, args: Sequence[V], dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]
) -> V:
    return f.constant(0, kind_of(out), args[0].lanes)


def _where(
    f: Function, args: Sequence[V], dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]
) -> V:
    condition, a, b = (
        convert(f, v, have, want)
        for v, have, want in zip(args, dtypes, (np.dtype(bool), out, out), strict=True)
    )
    return f.select(condition, a, b)


def _converted(
    f: Function, args: Sequence[V], dtypes: Sequence[DType], out: DType, attrs: Mapping[str, Any]
) -> V:
    return convert(f, args[0], dtypes[0], out)


def _isfinite(f: Function, x: V) -> V:
    return f.compare("olt", f.intrinsic("fabs", x), f.like(np.inf, x))


def _isinf(f: Function, x: V) -> V:
    return f.compare("oeq", f.intrinsic("fabs", x), f.like(np.inf, x))


_RULES: dict[str, Rule] = {
    "add": _instruction("fadd", "add", "or"),
    "subtract": _instruction("fsub", "sub", ""),
    "multiply": _instruction("fmul", "mul", "and"),
    "divide": _instruction("fdiv", "", ""),
    "positive": _converted,
    "negative": _in_out(_negative),
    "abs": _in_out(_abs),
    "sign": _in_out(_sign),
    "direction": _in_out(_sign),
    "square": _in_out(_square),
    "reciprocal": _in_out(_reciprocal),
    "sqrt": _function(lambda f, x: f.intrinsic("sqrt", x)),
    "floor": _rounding("floor"),
    "ceil": _rounding("ceil"),
    "trunc": _rounding("trunc"),
    "round": _rounding("rint"),
    "floor_divide": _in_out(quotients.floor_divide),
    "remainder": _in_out(quotients.remainder),
    "fmod": _in_out(quotients.fmod),
    "copysign": _function(lambda f, x, y: f.intrinsic("copysign", x, y)),
    "signbit": _signbit,
    "real": _converted,
    "imag": _imaginary,
    "conj": _converted,
    "strong_multiply": _in_out(_strong_multiply),
    "pow": _in_out(_power),
    "maximum": _in_out(_extreme("gt")),
    "minimum": _in_out(_extreme("lt")),
    "maximum_scalar": _in_out(_bounded("gt")),
    "minimum_scalar": _in_out(_bounded("lt")),
    "clip": _in_out(_clip),
    "relu": _in_out(_relu),
    "leaky_relu": _in_out(_leaky_relu),
    "elu": _in_out(_elu),
    "step": _in_out(_step),
    "where": _where,
    "identity": _converted,
    "stop_gradient": _converted,
    "again": _converted,
    "astype": _converted,
    "equal": _predicate("eq"),
    "not_equal": _predicate("ne"),
    "less": _predicate("lt"),
    "less_equal": _predicate("le"),
    "greater": _predicate("gt"),
    "greater_equal": _predicate("ge"),
    "isnan": _kind_of_float(lambda f, x: f.compare("uno", x, x), False),
    "isfinite": _kind_of_float(_isfinite, True),
    "isinf": _kind_of_float(_isinf, False),
    "bitwise_and": _in_out(lambda f, _, a, b: f.binary("and", a, b)),
    "bitwise_or": _in_out(lambda f, _, a, b: f.binary("or", a, b)),
    "bitwise_xor": _in_out(lambda f, _, a, b: f.binary("xor", a, b)),
    "bitwise_invert": _in_out(lambda f, _, a: f.binary("xor", a, f.like(-1, a))),
    "bitwise_left_shift": _in_out(quotients.shifted_left),
    "bitwise_right_shift": _in_out(quotients.shifted_right),
    "logical_and": _logical(lambda f, a, b: f.binary("and", a, b)),
    "logical_or": _logical(lambda f, a, b: f.binary("or", a, b)),
    "logical_xor": _logical(lambda f, a, b: f.binary("xor", a, b)),
    "logical_not": _logical(lambda f, a: f.binary("xor", a, f.like(True, a))),
}
_RULES |= {
    name: _function(getattr(functions, name))
    for name in ("exp", "expm1", "log", "log1p", "log2", "log10", "tanh", "sigmoid", "erf", "cbrt")
}
_RULES |= {name: _function(getattr(circular, name)) for name in ("sin", "cos", "tan")}
_RULES |= {name: _function(functions.by_library(name)) for name in functions.BY_LIBRARY}

SUPPORTED = frozenset(_RULES)
"""The operations that have a rule."""
