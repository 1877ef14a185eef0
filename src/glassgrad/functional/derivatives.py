"""Derivatives of functions: gradients, and products of the Jacobian with a vector from either side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.functional.runs import Run, argument_numbers, here, is_array, label_of, matched
from glassgrad.ir import inexact
from glassgrad.tensors import T, Tensor, asarray
from glassgrad.tree import flatten

__all__ = ["grad", "jvp", "value_and_grad", "vjp"]


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0
) -> Callable[..., tuple[Tensor, Any]]:
    """Return a function that computes ``f`` and its gradient.

    Parameters
    ----------
    f
        A function of Tensors (or of nested dicts, lists and tuples of them) that returns a real scalar. An argument
        that is a list of numbers is an array.
    argnums
        Which positional arguments to differentiate; with several, the gradient is a tuple.

    Returns
    -------
    callable
        Takes what `f` takes, returns ``(value, gradient)``. The gradient has the structure, shapes and dtypes of the
        arguments, and is 0 where the result does not depend on them. That of a complex argument is
        ∂f/∂Re + i·∂f/∂Im, the direction in which `f` grows fastest (PyTorch's convention; JAX has the conjugate).

    Raises
    ------
    ShapeError
        Where the result is not a scalar, or an argument of `argnums` is not given.
    DTypeError
        Where an argument to differentiate is neither real nor complex, or the result is not real.

    Examples
    --------
    >>> import glassgrad as gg
    >>> value_and_grad(lambda x: x ** 3)(2.0)
    (Tensor(8.), Tensor(12.))
    """

    def wrapped(*args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        wanted = argument_numbers(argnums, args)
        lists = [i in wanted and isinstance(a, list) and is_array(a) for i, a in enumerate(args)]
        args = tuple(asarray(a) if one else a for a, one in zip(args, lists, strict=True))
        run = Run(f, args, wanted, kwargs)
        output = _scalar(run.outputs, label_of(f))
        gradients = run.rebuild(run.pull([T.ones_like(output._bare())]))
        return run.values()[0], gradients[0] if isinstance(argnums, int) else gradients

    return wrapped


def _scalar(outputs: Sequence[Tensor], label: str) -> Tensor:
    """Return the one real number that was computed."""
    if len(outputs) != 1:
        raise ShapeError(
            f"only a function with one scalar result has a gradient, but {label} returned {len(outputs)} values; "
            f"return the loss alone{here()}"
        )
    (output,) = outputs
    if output.shape != ():
        raise ShapeError(
            f"only a function with a scalar result has a gradient, but {label} returned shape "
            f"{output.shape}; use gg.jacobian, or reduce it, e.g. with gg.sum or gg.mean{here()}"
        )
    if output.dtype.kind == "c":
        raise DTypeError(
            f"only a real number has a gradient, but {label} returned {output.dtype}: complex numbers have no order "
            "to go up in. Return gg.abs(z), gg.real(z) or gg.imag(z); for complex derivatives use "
            f"gg.jacobian(f, holomorphic=True){here()}"
        )
    if not inexact(output.dtype):
        raise DTypeError(
            f"only real numbers have gradients, but {label} returned {output.dtype}, which jumps and is flat in "
            f"between; compute the loss in floating point{here()}"
        )
    return output


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return a function that computes the gradient of ``f``; all else is as in `value_and_grad`.

    Examples
    --------
    >>> import glassgrad as gg
    >>> grad(grad(lambda x: x ** 3))(2.0)
    Tensor(12.)
    >>> grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (Tensor(3.), Tensor(2.))
    """
    both = value_and_grad(f, argnums)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., tuple[Any, ...]]]:
    """Run ``f`` and return its result and the vector–Jacobian product.

    Returns
    -------
    result
        ``f(*primals)``.
    pull
        Takes a cotangent of the result's structure and shapes; returns a tuple with one for each primal. With
        complex values it is the product with the conjugate transpose of the Jacobian.

    Raises
    ------
    ShapeError
        Where a cotangent does not have its result's shape.
    DTypeError
        Where a primal is neither real nor complex, or a cotangent of a real result is complex.

    Examples
    --------
    >>> import glassgrad as gg
    >>> _, pull = vjp(lambda x: x * x, [1.0, 2.0])
    >>> pull([1.0, 10.0])
    (Tensor([ 2., 40.]),)
    """
    primals = tuple(asarray(p) if is_array(p) else p for p in primals)
    run = Run(f, primals, range(len(primals)))

    def pull(cotangent: Any) -> tuple[Any, ...]:
        alone = len(run.outputs) == 1 and not isinstance(run.result, (list, tuple, Mapping))
        seeds = [cotangent] if alone else flatten(cotangent)[0]
        return run.rebuild(run.pull(matched(seeds, run.outputs, "cotangent", "result")))

    return run.rebuild_result(run.values()), pull


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Run ``f`` and return its result and the Jacobian–vector product: how the result moves along `tangents`.

    Parameters
    ----------
    f
        A function of Tensors, or of nestings of them.
    primals, tangents
        The arguments, and the direction in which each moves: of the same structure and shapes.

    Raises
    ------
    ShapeError
        Where a tangent does not have its argument's shape.
    DTypeError
        Where an argument is neither real nor complex, or the tangent of a real one is complex.

    Examples
    --------
    >>> import glassgrad as gg
    >>> jvp(lambda x: x * x, ([1.0, 2.0],), ([1.0, 1.0],))
    (Tensor([1., 4.]), Tensor([2., 4.]))
    """
    primals = tuple(asarray(p) if is_array(p) else p for p in primals)
    run = Run(f, primals, range(len(primals)))
    given = [t for tangent in tangents for t in ([tangent] if is_array(tangent) else flatten(tangent)[0])]
    moved = run.push(matched(given, run.variables, "tangent", "argument"))
    return run.rebuild_result(run.values()), run.rebuild_result(moved)
