"""Constructors of records: each family of operations states its derivative once, and both modes follow.

An *elementwise* operation gives the local derivative for each input; the vector–Jacobian product multiplies it into
the upstream gradient (and sums over what was broadcast), the Jacobian–vector product into the tangents. A *linear*
operation gives its transpose; its Jacobian–vector product is the operation itself. A *bilinear* one is linear in
each input. A *composite* has graphs inside and may leave its derivative to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from glassgrad.ir import Shape, broadcast_shapes
from glassgrad.ops.record import Home, Kink, Op, Pull, Push, Sample, Text, lookup, register
from glassgrad.ops.rules import (
    cast,
    conj,
    each,
    floating,
    mixed_signs,
    promoted,
    real_floating,
    scale,
    sum_to,
    total,
)

__all__ = ["bilinear", "composite", "elementwise", "linear", "predicate", "ufunc_dtype"]

Partial = Callable[..., Any]

_INT64 = np.dtype(np.int64)


# --- elementwise -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def ufunc_dtype(ufunc: np.ufunc, dtypes: tuple[np.dtype[Any], ...]) -> np.dtype[Any]:
    """Return the dtype of a ufunc's result; one that keeps whole numbers whole refuses to lose their digits."""

    def resolved(given: tuple[np.dtype[Any], ...]) -> np.dtype[Any]:
        return np.dtype(ufunc.resolve_dtypes((*given, *(None,) * ufunc.nout))[ufunc.nin])

    result, kinds = resolved(dtypes), {d.kind for d in dtypes}
    if result.kind == "f" and kinds == {"i", "u"} and resolved((_INT64,) * len(dtypes)).kind == "i":
        raise mixed_signs(dtypes)
    return result


def _elementwise_batch(name: str) -> Any:
    def batch(
        F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], subgraphs: Any
    ) -> Any:
        rank = max(len(x.shape) - b for x, b in zip(xs, batched, strict=True))
        aligned = []
        for x, b in zip(xs, batched, strict=True):
            if b and len(x.shape) - 1 < rank:
                x = F.reshape(x, (x.shape[0], *(1,) * (rank - len(x.shape) + 1), *x.shape[1:]))
            aligned.append(x)
        return F.bind(lookup(name), aligned, attrs)

    return batch


def _in_floats(form: Callable[..., Any], dtype: Callable[..., np.dtype[Any]]) -> Callable[..., Any]:
    """Return a form that computes in the dtype of its result, whatever whole numbers it is given."""

    def run(F: Any, *xs: Any, **attrs: Any) -> Any:
        wide = dtype(*(x.dtype for x in xs))
        return form(F, *(cast(F, x, wide) for x in xs), **attrs)

    return run


def elementwise(
    name: str,
    numpy: Callable[..., Any] | None,
    partials: Sequence[Partial | None] | None,
    *,
    latex: str,
    derivative: str,
    why: Text,
    call: Callable[..., Any] | None = None,
    dtype: Callable[..., np.dtype[Any]] | None = None,
    strong: bool = False,
    kinks: tuple[Kink, ...] = (),
    samples: tuple[Sample, ...] = (),
    definition: Callable[..., Any] | None = None,
    lowering: Callable[..., Any] | None = None,
    writes_out: bool = False,
    pull: Pull | None = None,
    push: Push | None = None,
    home: Home = "xp",
) -> Op:
    """Register an elementwise operation from its local derivatives.

    The derivative of a complex function is that of complex analysis. Where it has none (the absolute value, the
    conjugate), `pull` and `push` are given.

    Parameters
    ----------
    name, numpy, latex, derivative, why, kinks, samples, definition, lowering, writes_out, pull, push, home
        As in `Op`.
    partials
        ``partial(F, z, *xs, **attrs)`` for each input: the local derivative ∂z/∂x, as a value or a Python number;
        None for an input that has none. None altogether where nothing is differentiable.
    call
        The function people call, where it is more than binding its inputs.
    dtype
        ``dtype(*input_dtypes, **attrs)``; by default the ufunc's own rule, or NumPy's promotion.
    strong
        Whether a local derivative can be infinite or NaN where the function is not used: an upstream gradient of
        exactly 0 then stays 0.
    """
    ufunc = numpy if isinstance(numpy, np.ufunc) else None
    lowering = lowering or definition
    if dtype in (floating, real_floating) and definition is not None and lowering is not None:
        definition, lowering = (_in_floats(form, dtype) for form in (definition, lowering))

    def infer(*xs: Any, **attrs: Any) -> tuple[Shape, np.dtype[Any]]:
        dtypes = tuple(x.dtype for x in xs)
        if dtype is not None:
            result = dtype(*dtypes, **attrs)
        else:
            result = ufunc_dtype(ufunc, dtypes) if ufunc is not None else promoted(*dtypes)
        return broadcast_shapes(*(tuple(x.shape) for x in xs)), result

    def back(
        F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
    ) -> list[Any]:
        out: list[Any] = []
        for want, partial, x in zip(wanted, partials or (), xs, strict=True):
            if not want or partial is None:
                out.append(None)
                continue
            product = scale(F, g, conj(F, partial(F, z, *xs, **attrs)), strong)
            out.append(cast(F, sum_to(F, product, x.shape), x.dtype))
        return out

    def along(
        F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
    ) -> Any:
        terms = []
        for t, partial in zip(tangents, partials or (), strict=True):
            if t is not None and partial is not None:
                term = scale(F, t, partial(F, z, *xs, **attrs), strong)
                if tuple(term.shape) != tuple(z.shape):
                    term = F.broadcast_to(term, z.shape)
                terms.append(cast(F, term, z.dtype))
        return total(F, terms)

    op: Op

    def bind(F: Any, *xs: Any) -> Any:
        return F.bind(op, xs)

    op = register(
        Op(
            name=name,
            call=call or bind,
            infer=infer,
            numpy=numpy,
            pull=pull or (None if partials is None else back),
            push=push or (None if partials is None else along),
            batch=_elementwise_batch(name),
            latex=latex,
            derivative=derivative,
            why=why,
            kinks=kinks,
            samples=samples,
            definition=definition,
            lowering=lowering,
            elementwise=True,
            writes_out=writes_out or ufunc is not None,
            home=home,
        )
    )
    return op


def predicate(name: str, numpy: Callable[..., Any], *, latex: str, samples: tuple[Sample, ...] = ()) -> Op:
    """Register an elementwise operation whose result is true or false, through which no gradient flows."""
    return elementwise(
        name,
        numpy,
        None,
        dtype=lambda *_: np.dtype(bool),
        latex=latex,
        derivative="0",
        why=Text(
            "a truth value jumps and is flat elsewhere, so nothing flows back",
            "참·거짓 값은 뛰거나 평평할 뿐이므로 기울기가 흐르지 않는다",
        ),
        samples=samples,
    )


# --- linear, bilinear ----------------------------------------------------------------------------------------------


def linear(
    name: str,
    numpy: Callable[..., Any],
    *,
    call: Callable[..., Any],
    infer: Callable[..., Any],
    transpose: Callable[..., Any],
    batch: Callable[..., Any],
    latex: str,
    derivative: str,
    why: Text,
    samples: tuple[Sample, ...] = (),
    inputs: int = 1,
    view: bool = False,
    writes_out: bool = False,
    home: Home = "xp",
) -> Op:
    """Register an operation linear in its first `inputs` inputs (the others are indices or the like).

    Parameters
    ----------
    transpose
        ``transpose(F, g, *xs, **attrs)``: the cotangent of the one linear input; a tuple of them where `inputs`
        is not 1 (0 means that every input is linear, however many there are).
    """

    def pull(
        F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
    ) -> list[Any]:
        count = inputs or len(xs)
        if not any(wanted[:count]):
            return [None] * len(xs)
        cotangents = transpose(F, g, *xs, **attrs)
        if inputs == 1:
            cotangents = (cotangents,)
        kept = [c if want else None for c, want in zip(cotangents, wanted, strict=False)]
        return kept + [None] * (len(xs) - count)

    def push(
        F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], subgraphs: Any
    ) -> Any:
        count = inputs or len(xs)
        if all(t is None for t in tangents[:count]):
            return None
        filled = [F.zeros_like(x) if t is None else t for t, x in zip(tangents[:count], xs, strict=False)]
        return F.bind(op, [*filled, *xs[count:]], attrs, subgraphs)

    op = register(
        Op(
            name=name,
            call=call,
            infer=infer,
            numpy=numpy,
            pull=pull,
            push=push,
            batch=batch,
            latex=latex,
            derivative=derivative,
            why=why,
            samples=samples,
            view=view,
            writes_out=writes_out,
            home=home,
        )
    )
    return op


def bilinear(
    name: str,
    numpy: Callable[..., Any],
    *,
    call: Callable[..., Any],
    infer: Callable[..., Any],
    pulls: tuple[Callable[..., Any], Callable[..., Any]],
    batch: Callable[..., Any],
    latex: str,
    derivative: str,
    why: Text,
    samples: tuple[Sample, ...] = (),
    home: Home = "xp",
) -> Op:
    """Register an operation linear in each of its two inputs; `pulls` are the two vector–Jacobian products."""

    def push(
        F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Mapping[str, Any], _: Any
    ) -> Any:
        a, b = xs
        da, db = tangents
        return total(
            F,
            [
                None if da is None else F.bind(op, [da, b], attrs),
                None if db is None else F.bind(op, [a, db], attrs),
            ],
        )

    op = register(
        Op(
            name=name,
            call=call,
            infer=infer,
            numpy=numpy,
            pull=each(*pulls),
            push=push,
            batch=batch,
            latex=latex,
            derivative=derivative,
            why=why,
            samples=samples,
            writes_out=isinstance(numpy, np.ufunc),
            home=home,
        )
    )
    return op


# --- composite -----------------------------------------------------------------------------------------------------


def composite(
    name: str,
    *,
    call: Callable[..., Any],
    infer: Callable[..., Any],
    definition: Callable[..., Any],
    lowering: Callable[..., Any] | None = None,
    numpy: Callable[..., Any] | None = None,
    pull: Any = None,
    push: Any = None,
    batch: Callable[..., Any],
    latex: str,
    derivative: str,
    why: Text,
    kinks: tuple[Kink, ...] = (),
    samples: tuple[Sample, ...] = (),
    writes_out: bool = False,
    home: Home = "xp",
) -> Op:
    """Register an operation with graphs inside that is not elementwise.

    Without a `pull` (or `push`) of its own, the operation is differentiated through its lowering.
    """

    def through(
        F: Any, wanted: Sequence[bool], g: Any, z: Any, xs: Sequence[Any], attrs: Any, subgraphs: Any
    ) -> Any:
        return F.pull_through(subgraphs["lowering"], wanted, g, xs)

    def along(F: Any, tangents: Sequence[Any], z: Any, xs: Sequence[Any], attrs: Any, subgraphs: Any) -> Any:
        return F.push_through(subgraphs["lowering"], tangents, xs)

    return register(
        Op(
            name=name,
            call=call,
            infer=infer,
            numpy=numpy,
            pull=pull or through,
            push=push or along,
            batch=batch,
            latex=latex,
            derivative=derivative,
            why=why,
            kinks=kinks,
            samples=samples,
            definition=definition,
            lowering=lowering or definition,
            writes_out=writes_out,
            home=home,
        )
    )
