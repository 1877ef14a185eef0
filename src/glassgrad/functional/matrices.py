"""Whole matrices of derivatives, and products with the matrix of second derivatives.

A column of a Jacobian is one sweep forward, a row one sweep backwards. The sweeps differ in their seed alone, so they
are batched (`rows.vmap`): one pass with all seeds at once, in pieces where that would take much memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError, TraceError
from glassgrad.functional.derivatives import grad, jvp
from glassgrad.functional.rows import vmap
from glassgrad.functional.runs import Run, argument_numbers, is_array, label_of
from glassgrad.tensors import T, Tensor, asarray

__all__ = ["hessian", "hvp", "jacobian"]

Mode = Literal["auto", "forward", "reverse"]

_FEW = 8
"""Sweeps that are done one by one: recording one of them in order to batch it would not pay."""

_PIECE = 1 << 22
"""Numbers that the largest value of a batched sweep may have."""


def jacobian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    mode: Mode = "auto",
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """Return a function that computes the Jacobian: shape of the result, then shape of the argument.

    Parameters
    ----------
    f
        A function of Tensors, or of nestings of them, that returns a Tensor or a nesting.
    argnums
        Which positional arguments to differentiate; with several, there is a tuple of Jacobians.
    mode
        ``"forward"`` takes one sweep for each number that goes in, ``"reverse"`` one for each that comes out;
        ``"auto"`` is the one with fewer.
    holomorphic
        Says that `f` is a complex function with a complex derivative, which is then what is returned. That it has
        one is looked at along one direction.

    Returns
    -------
    callable
        Takes what `f` takes. Where result and argument are single arrays, it returns a Tensor; in general the
        structure of the result, in which each leaf is a structure like the argument's.

    Raises
    ------
    OptionError
        Where there is no such mode.
    ShapeError
        Where an argument of `argnums` is not given.
    DTypeError
        Where an argument has no derivative, or is complex without `holomorphic`, or `f` turns out not to be.

    Examples
    --------
    >>> import glassgrad as gg
    >>> jacobian(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    >>> jacobian(lambda z: z * z, holomorphic=True)(1 + 2j)
    Tensor(2.+4.j, dtype=complex128)
    """
    if mode not in ("auto", "forward", "reverse"):
        raise OptionError(f"mode is 'auto', 'forward' or 'reverse', but {mode!r} was given")

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        numbers = argument_numbers(argnums, args)
        args = tuple(asarray(a) if i in numbers and is_array(a) else a for i, a in enumerate(args))
        run = Run(f, args, numbers, kwargs)
        _check_sizes(run)
        _check_complex(run, label_of(f), holomorphic)
        sizes = [sum(t.size for t in side) for side in (run.variables, run.outputs)]
        real_to_complex = not holomorphic and any(o.dtype.kind == "c" for o in run.outputs)
        if mode == "forward" or (mode == "auto" and (real_to_complex or sizes[0] < sizes[1])):
            table = _columns(run)
        else:
            table = _rows(run, holomorphic or real_to_complex)
        parts = [run.rebuild(row) for row in table]
        return run.rebuild_result([p[0] for p in parts] if isinstance(argnums, int) else parts)

    return wrapped


def _check_sizes(run: Run) -> None:
    for t in (*run.variables, *run.outputs):
        if not isinstance(t.size, int):
            raise TraceError(
                f"a Jacobian of a value of shape {t.shape} has as many rows as it has numbers, and the batch size is "
                "open while tracing: trace for a fixed shape, or differentiate one row and use gg.vmap"
            )


def _check_complex(run: Run, label: str, holomorphic: bool) -> None:
    inside = [v.dtype.kind == "c" for v in run.variables]
    outside = [o.dtype.kind == "c" for o in run.outputs]
    if not holomorphic:
        if any(inside):
            raise DTypeError(
                f"{label} has complex arguments: a matrix of complex numbers holds its derivative only where that is "
                "complex, too (holomorphic=True). For others, differentiate with respect to real and imaginary part: "
                "gg.jacobian(lambda re, im: f(re + 1j * im), (0, 1)); for a real result, gg.grad"
            )
        return
    if not all(inside) or not all(outside):
        what = "argument" if not all(inside) else "result"
        raise DTypeError(
            f"holomorphic=True needs complex arguments and results, but one {what} of {label} is real"
        )
    rng = np.random.default_rng(0)
    along = [asarray(rng.normal(size=v.shape).astype(v.dtype)) for v in run.variables]
    once, turned = run.push(along), run.push([t * 1j for t in along])
    for a, b in zip(once, turned, strict=True):
        expected, found = a.detach(), b.detach()
        if not bool(T.all(T.abs(found - expected * 1j) <= 1e-3 * (T.abs(expected) + T.abs(found)))):
            raise DTypeError(
                f"holomorphic=True, but {label} has no complex derivative here: turning the step by i does not turn "
                "the change of the result by i (as it does not where conj, abs, real or imag are used)"
            )


def _columns(run: Run) -> list[list[Tensor]]:
    """Return for each output a list with its Jacobian for each variable, forwards."""
    table: list[list[Tensor]] = [[] for _ in run.outputs]
    for at, variable in enumerate(run.variables):

        def along(e: Any, at: int = at) -> list[Tensor]:
            still = [T.zeros_like(v._bare()) for v in run.variables]
            return run.push([e if i == at else zero for i, zero in enumerate(still)])

        for row, output, part in zip(table, run.outputs, _each(run, along, variable), strict=True):
            flat = T.moveaxis(part, 0, -1)
            row.append(T.reshape(flat, (*output.shape, *variable.shape)))
    return table


def _rows(run: Run, turned: bool) -> list[list[Tensor]]:
    """Return the same, backwards; a complex row comes out conjugated."""
    table = []
    for at, output in enumerate(run.outputs):

        def back(e: Any, at: int = at) -> list[Tensor]:
            still = [T.zeros_like(o._bare()) for o in run.outputs]
            return run.pull([e if i == at else zero for i, zero in enumerate(still)])

        parts = _each(run, back, output)
        if turned and output.dtype.kind == "c":
            parts = _complex_rows(run, back, output, parts)
        table.append(
            [T.reshape(part, (*output.shape, *v.shape)) for part, v in zip(parts, run.variables, strict=True)]
        )
    return table


def _complex_rows(run: Run, back: Any, output: Tensor, real_rows: list[Tensor]) -> list[Tensor]:
    """Return the rows for a complex output from those for its real parts; a real variable needs the imaginary, too."""
    if all(v.dtype.kind == "c" for v in run.variables):
        return [T.conj(part) for part in real_rows]
    imaginary = _each(run, lambda e: back(e * 1j), output)
    return [a + b * 1j for a, b in zip(real_rows, imaginary, strict=True)]


def _each(run: Run, sweep: Callable[[Any], list[Tensor]], like: Tensor) -> list[Tensor]:
    """Return what a sweep gives for each seed that is 1 in one place of `like`, along a new first axis."""
    basis = np.eye(like.size, dtype=like.dtype).reshape(like.size, *like.shape)
    piece = _PIECE // max(run.largest(), 1)
    if min(like.size, piece) >= _FEW:
        batched = vmap(sweep)
        try:
            pieces = [batched(basis[i : i + piece]) for i in range(0, like.size, piece)]
        except TraceError:  # a rule that somebody wrote in NumPy takes one seed at a time
            pass
        else:
            columns = zip(*pieces, strict=True)
            return [column[0] if len(column) == 1 else T.concat(column) for column in columns]
    swept = [sweep(asarray(e)) for e in basis] or [sweep(T.zeros_like(like._bare()))]
    return [T.stack(column)[: like.size] for column in zip(*swept, strict=True)]


def hessian(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return a function that computes the matrix of second derivatives of a scalar function.

    It goes forward over the gradient. With several arguments, or nestings, the result is the nesting of the gradient,
    in which each leaf is a nesting like the arguments: ``hessian(f, (0, 1))(x, y)[0][1]`` is ∂²f/∂x∂y.

    Examples
    --------
    >>> import glassgrad as gg
    >>> hessian(lambda x: x[0] * x[1])([1.0, 2.0])
    Tensor([[0., 1.],
            [1., 0.]])
    """
    return jacobian(grad(f, argnums), argnums, mode="forward")


def hvp(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return a function that multiplies the matrix of second derivatives of ``f`` with a vector, without making it.

    That is one sweep forward over the gradient: about the work of two gradients, whatever the number of arguments.

    Parameters
    ----------
    f
        A function of Tensors, or of nestings of them, that returns a real scalar.
    argnums
        Which positional arguments the vector belongs to.

    Returns
    -------
    callable
        Takes the arguments of `f` and, last, the vector: of the structure and shapes of the argument (with several
        `argnums` a tuple of them). Returns the product, of the same structure.

    Raises
    ------
    ShapeError
        Where the vector does not have the argument's shape, or `f` returns no scalar.

    Examples
    --------
    >>> import glassgrad as gg
    >>> hvp(lambda x: gg.sum(x ** 3))([1.0, 2.0], [1.0, 10.0])
    Tensor([  6., 120.])
    >>> hvp(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0, (1.0, 10.0))
    (Tensor(10.), Tensor(1.))
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        *given, vector = args
        numbers = argument_numbers(argnums, given)
        gradient = grad(f, argnums)

        def slope(*moving: Any) -> Any:
            at = dict(zip(numbers, moving, strict=True))
            return gradient(*(at.get(i, a) for i, a in enumerate(given)), **kwargs)

        vectors = (vector,) if isinstance(argnums, int) else tuple(vector)
        if len(vectors) != len(numbers):
            raise ShapeError(
                f"hvp is to move {len(numbers)} arguments, but was given a vector for {len(vectors)} of them; "
                "the last argument is a tuple with one for each"
            )
        return jvp(slope, [given[i] for i in numbers], vectors)[1]

    return wrapped
