"""Derivatives of functions: `grad`, `vjp`, `jvp`, `jacobian`, `hessian`, to any order.

Each runs the function once on fresh variables, recording, and sweeps the tape. Where something outside wants the
gradient of the result (a transform around this one, or a parameter the function closes over), the sweep itself is
recorded, and so derivatives nest without limit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.graph.forward import forward_sweep
from glassgrad.graph.reverse import reverse_sweep
from glassgrad.ir import inexact
from glassgrad.tape import PLAIN, Leaf, TapeStep, collect
from glassgrad.tensors import T, Tensor, asarray, recording
from glassgrad.tree import flatten, map_tree

__all__ = ["grad", "hessian", "jacobian", "jvp", "value_and_grad", "vjp"]


def _variable(x: Any) -> Tensor:
    """Return a fresh variable with the value of `x`, linked to it where it wants a gradient itself."""
    given = asarray(x)
    if not inexact(given.dtype):
        raise DTypeError(
            f"only floating-point arguments can be differentiated, but one is {given.dtype}; write 1.0 instead of 1"
        )
    if given.requires_grad:
        linked: Tensor = T.identity(given)
        return linked
    fresh = given._bare()
    fresh.requires_grad = True
    return fresh


class _Run:
    """One recorded run of a function: its variables, its result, and the steps between them."""

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], argnums: tuple[int, ...], kwargs: Any
    ) -> None:
        with recording():
            flat = {i: flatten(args[i]) for i in argnums}
            variables = {i: [_variable(x) for x in leaves] for i, (leaves, _) in flat.items()}
            self.variables = [v for group in variables.values() for v in group]
            given = [flat[i][1](variables[i]) if i in flat else arg for i, arg in enumerate(args)]
            self.result = f(*given, **kwargs)

        def rebuild(values: Sequence[Tensor]) -> tuple[Any, ...]:
            remaining = iter(values)
            return tuple(flat[i][1]([next(remaining) for _ in group]) for i, group in variables.items())

        self.rebuild = rebuild
        leaves, self.rebuild_result = flatten(self.result)
        self.outputs = [asarray(o) for o in leaves]
        own = {v._key for v in self.variables}
        steps, sources = collect([o._key for o in self.outputs if o._key is not None], own)
        for key in own:
            if isinstance(key, Leaf):
                key.awaited = False
        self.nested = any(source.awaited for source in sources) or any(
            isinstance(v._key, TapeStep) for v in self.variables
        )
        self.steps = _between(steps, own)

    def sweep(self, given: Sequence[Tensor]) -> tuple[Any, list[Any]]:
        """Return the namespace that a sweep goes on in, and what it starts from.

        It is recorded where something outside wants its gradient: through the function's run, or through what is
        given to the sweep.
        """
        if self.nested or any(t.requires_grad for t in given):
            return T, list(given)
        return PLAIN, [t._payload for t in given]

    def pull(self, seeds: Sequence[Tensor]) -> Any:
        """Return the cotangents of the arguments for seeds on the outputs."""
        F, given = self.sweep(seeds)
        cotangents: dict[Hashable, Any] = {}
        with recording(F is T):
            for output, seed in zip(self.outputs, given, strict=True):
                if output._key is not None:
                    before = cotangents.get(output._key)
                    cotangents[output._key] = seed if before is None else F.add(before, seed)
            reverse_sweep(F, self.steps, cotangents)
            return self.rebuild([_reached(v, cotangents) for v in self.variables])

    def push(self, tangents: Sequence[Tensor]) -> Any:
        """Return the tangents of the outputs for tangents of the variables."""
        F, given = self.sweep(tangents)
        moving: dict[Hashable, Any] = {v._key: t for v, t in zip(self.variables, given, strict=True)}
        with recording(F is T):
            forward_sweep(F, reversed(self.steps), moving)
            return self.rebuild_result([_reached(o, moving) for o in self.outputs])


def _reached(tensor: Tensor, found: dict[Hashable, Any]) -> Tensor:
    """Return what a sweep found for `tensor`: zeros where it did not get there."""
    value = found.get(tensor._key) if tensor._key is not None else None
    if value is None:
        return T.zeros_like(tensor._bare())  # type: ignore[no-any-return]
    return value if isinstance(value, Tensor) else Tensor._make(value, None)


class _Narrowed:
    """A recorded step in which only the inputs that lead to the variables count."""

    __slots__ = ("attrs", "input_keys", "op", "operands", "origin", "output_keys", "results", "subgraphs")

    def __init__(self, step: TapeStep, keys: list[Hashable | None]) -> None:
        self.op, self.attrs, self.subgraphs, self.origin = step.op, step.attrs, step.subgraphs, step.origin
        self.output_keys, self.operands, self.results = step.output_keys, step.operands, step.results
        self.input_keys = keys


def _between(steps: Sequence[TapeStep], own: set[Hashable | None]) -> list[Any]:
    """Return the steps that lead from `own` to the outputs, last first, narrowed to those paths."""
    moving = set(own)
    kept: list[Any] = []
    for step in reversed(steps):
        if step in own:
            continue
        keys = [k if k in moving else None for k in step.input_keys]
        if any(k is not None for k in keys):
            kept.append(_Narrowed(step, keys))
            moving.update(step.output_keys)
    return kept[::-1]


def _argnums(argnums: int | Sequence[int], args: Sequence[Any]) -> tuple[int, ...]:
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for i in numbers:
        if not 0 <= i < len(args):
            raise ShapeError(
                f"argument {i} is to be differentiated, but the function was given {len(args)} arguments"
            )
    return numbers


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0
) -> Callable[..., tuple[Tensor, Any]]:
    """Return a function that computes ``f`` and its gradient.

    Parameters
    ----------
    f
        A function of Tensors (or of nested dicts, lists and tuples of them) that returns a scalar.
    argnums
        Which positional arguments to differentiate; with several, the gradient is a tuple.

    Raises
    ------
    ShapeError
        Where the result is not a scalar.
    DTypeError
        Where an argument to differentiate is not floating point.

    Examples
    --------
    >>> import glassgrad as gg
    >>> value_and_grad(lambda x: x ** 3)(2.0)
    (Tensor(8.), Tensor(12.))
    """

    def wrapped(*args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        run = _Run(f, args, _argnums(argnums, args), kwargs)
        if len(run.outputs) != 1:
            raise ShapeError(
                f"only a function with one scalar result has a gradient, but this one returned "
                f"{len(run.outputs)} values; return the loss alone"
            )
        if run.outputs[0].shape != ():
            raise ShapeError(
                f"only a function with a scalar result has a gradient, but this one returned shape "
                f"{run.outputs[0].shape}; use gg.jacobian, or reduce it"
            )
        (output,) = run.outputs
        gradients = run.pull([T.ones_like(output._bare())])
        value = output if run.nested else output._bare()
        return value, gradients[0] if isinstance(argnums, int) else gradients

    return wrapped


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return a function that computes the gradient of ``f``; the arguments are those of `value_and_grad`.

    Examples
    --------
    >>> import glassgrad as gg
    >>> grad(grad(lambda x: x ** 3))(2.0)
    Tensor(12.)
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
        Takes a cotangent of the result's structure and shapes; returns a tuple with one for each primal.

    Examples
    --------
    >>> import glassgrad as gg
    >>> _, pull = vjp(lambda x: x * x, [1.0, 2.0])
    >>> pull([1.0, 10.0])
    (Tensor([ 2., 40.]),)
    """
    primals = tuple(p if isinstance(p, dict) else asarray(p) if _numbers(p) else p for p in primals)
    run = _Run(f, primals, tuple(range(len(primals))), {})

    def pull(cotangent: Any) -> tuple[Any, ...]:
        seeds = (
            [cotangent]
            if len(run.outputs) == 1 and not isinstance(run.result, (list, tuple, dict))
            else flatten(cotangent)[0]
        )
        shaped = []
        for seed, output in zip(seeds, run.outputs, strict=True):
            seed = asarray(seed)
            if seed.shape != output.shape:
                raise ShapeError(f"the cotangent has shape {seed.shape}, the result {output.shape}")
            shaped.append(seed if seed.dtype == output.dtype else seed.astype(output.dtype))
        return run.pull(shaped)  # type: ignore[no-any-return]

    return map_tree(lambda o: asarray(o) if run.nested else asarray(o)._bare(), run.result), pull


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Run ``f`` and return its result and the Jacobian–vector product: how the result moves along `tangents`.

    Examples
    --------
    >>> import glassgrad as gg
    >>> jvp(lambda x: x * x, ([1.0, 2.0],), ([1.0, 1.0],))
    (Tensor([1., 4.]), Tensor([2., 4.]))
    """
    primals = tuple(asarray(p) if _numbers(p) else p for p in primals)
    run = _Run(f, primals, tuple(range(len(primals))), {})
    given = [t for tangent in tangents for t in ([tangent] if _numbers(tangent) else flatten(tangent)[0])]
    shaped = []
    for tangent, variable in zip(given, run.variables, strict=True):
        tangent = asarray(tangent)
        if tangent.shape != variable.shape:
            raise ShapeError(f"a tangent has shape {tangent.shape}, its argument {variable.shape}")
        shaped.append(tangent if tangent.dtype == variable.dtype else tangent.astype(variable.dtype))
    result = map_tree(lambda o: asarray(o) if run.nested else asarray(o)._bare(), run.result)
    return result, run.push(shaped)


def _numbers(x: Any) -> bool:
    """Say whether `x` is one array: a number, an array, or nested lists of numbers."""
    if isinstance(x, (list, tuple)):
        return all(_numbers(item) and not isinstance(item, (np.ndarray, Tensor)) for item in x)
    return not isinstance(x, dict)


def jacobian(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Tensor]:
    """Return a function that computes the Jacobian: shape of the result, then shape of the argument.

    It goes forward where the argument has fewer elements than the result, else in reverse.

    Examples
    --------
    >>> import glassgrad as gg
    >>> jacobian(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    """

    def wrapped(*args: Any, **kwargs: Any) -> Tensor:
        _argnums(argnum, args)
        args = tuple(asarray(a) if i == argnum else a for i, a in enumerate(args))
        run = _Run(f, args, (argnum,), kwargs)
        if len(run.outputs) != 1:
            raise ShapeError(
                f"jacobian needs a function with one result, but this one returned {len(run.outputs)}"
            )
        (output,), (variable,) = run.outputs, run.variables
        if variable.size == 0 or output.size == 0:
            return T.zeros((*output.shape, *variable.shape), output.dtype)  # type: ignore[no-any-return]
        if variable.size < output.size:
            columns = [run.push([e]) for e in _basis(variable)]
            flat = T.stack([asarray(c) for c in columns], axis=len(output.shape))
        else:
            rows = [run.pull([e])[0] for e in _basis(output)]
            flat = T.stack(rows)
        return T.reshape(flat, (*output.shape, *variable.shape))  # type: ignore[no-any-return]

    return wrapped


def _basis(like: Tensor) -> list[Tensor]:
    eye = np.eye(like.size, dtype=like.dtype)
    return [asarray(row.reshape(like.shape)) for row in eye]


def hessian(f: Callable[..., Any], argnum: int = 0) -> Callable[..., Tensor]:
    """Return a function that computes the matrix of second derivatives of a scalar function.

    Examples
    --------
    >>> import glassgrad as gg
    >>> hessian(lambda x: x[0] * x[1])([1.0, 2.0])
    Tensor([[0., 1.],
            [1., 0.]])
    """
    return jacobian(grad(f, argnum), argnum)
