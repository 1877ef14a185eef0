"""Functions of one row applied to every row at once.

The function is traced for one row, and every operation of its graph is carried out for all rows by its record's
batching rule. What is left of it is operations on whole batches, recorded or traced like any others, so that the
result can be differentiated, compiled, and batched again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError
from glassgrad.functional.derivatives import grad
from glassgrad.functional.runs import argument_numbers, is_array, label_of, parameter_name
from glassgrad.graph.batching import BatchedNamespace, Rows
from glassgrad.graph.passes.rewrite import without_dead_nodes
from glassgrad.graph.rules import evaluate
from glassgrad.tensors import T, Tensor, asarray
from glassgrad.tracing import Spec, outside, trace_with
from glassgrad.tree import flatten

__all__ = ["per_sample_grad", "vmap"]

Axes = int | None | Sequence[Any] | Mapping[Any, Any]


def vmap(f: Callable[..., Any], in_axes: Axes = 0) -> Callable[..., Any]:
    """Return a function that applies ``f`` to each row of its arguments, without a loop.

    Parameters
    ----------
    f
        A function of Tensors, or of nestings of them, for one row. It runs once, on values without numbers: what it
        does with Python's control flow cannot depend on them. It may take derivatives itself, and be differentiated
        through. Random numbers that it draws are the same for every row.
    in_axes
        Along which axis the rows of each positional argument lie; None for one that all rows share. One for all
        arguments, or a sequence with one for each, in which a nested argument may have a nesting of them. Python
        numbers, texts and arguments given by keyword are shared anyway.

    Returns
    -------
    callable
        Takes the batches and returns what `f` returns, in which every Tensor has the rows along a new first axis.

    Raises
    ------
    ShapeError
        Where an argument has no such axis, the numbers of rows differ, or none has rows.
    OptionError
        Where `in_axes` does not fit the arguments.
    TraceError
        Where `f` asks for the number of a value that differs from row to row (``if``, ``float``, ``np.asarray``),
        or the shape of a result depends on such a value.

    Examples
    --------
    >>> import glassgrad as gg
    >>> vmap(lambda x, y: x @ y)([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]])
    Tensor([1., 4.])
    >>> loss = lambda w, x: (w @ x) ** 2
    >>> vmap(gg.grad(loss), in_axes=(None, 0))([1.0, 2.0], [[1.0, 0.0], [0.0, 1.0]])
    Tensor([[2., 0.],
            [0., 4.]])
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        label = label_of(f)
        leaves: list[Any] = []
        axes: list[int | None] = []
        names: list[str] = []
        rebuilds = []
        for i, (arg, axis) in enumerate(zip(args, _for_each(in_axes, args, label), strict=True)):
            parts, rebuild = flatten(asarray(arg) if isinstance(arg, list) and is_array(arg) else arg)
            rebuilds.append((rebuild, len(parts)))
            leaves += parts
            axes += _spread(axis, arg, parts, parameter_name(f, i))
            names += [parameter_name(f, i)] * len(parts)
        own = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (Tensor, np.ndarray, np.generic))]
        tensors = {i: asarray(leaves[i]) for i in own}
        tensors = {i: t if axes[i] is None else _rows_first(t, axes[i], names[i]) for i, t in tensors.items()}
        count = _count({names[i]: t.shape[0] for i, t in tensors.items() if axes[i] is not None}, label)

        def body(*given: Any) -> Any:
            values = dict(zip(own, given, strict=True))
            rest = iter([values.get(i, leaf) for i, leaf in enumerate(leaves)])
            return f(*(rebuild([next(rest) for _ in range(n)]) for rebuild, n in rebuilds), **kwargs)

        specs = [Spec(t.shape if axes[i] is None else t.shape[1:], t.dtype) for i, t in tensors.items()]
        graph, captured, rebuild_result = trace_with(body, specs, name=f"vmap of {label}", wants=outside)
        inputs = [t if axes[i] is None else Rows(t) for i, t in tensors.items()]
        found = evaluate(BatchedNamespace(T), without_dead_nodes(graph), [*inputs, *captured])
        return rebuild_result([_with_rows(o, count) for o in found])

    return wrapped


def _for_each(in_axes: Axes, args: Sequence[Any], label: str) -> Sequence[Any]:
    """Return the axes of each argument."""
    if in_axes is None or isinstance(in_axes, int):
        return [in_axes] * len(args)
    if not isinstance(in_axes, (tuple, list)) or len(in_axes) != len(args):
        raise OptionError(
            f"in_axes={in_axes!r} does not fit {len(args)} positional argument(s) of {label}: give one number, "
            "or a tuple with a number or None for each"
        )
    return in_axes


def _spread(axis: Any, arg: Any, parts: Sequence[Any], name: str) -> list[int | None]:
    """Return the axis of each leaf of an argument."""
    if axis is None or isinstance(axis, int):
        arrays = [isinstance(p, (Tensor, np.ndarray, np.generic)) for p in parts]
        return [axis if array else None for array in arrays]
    if isinstance(arg, Mapping) and isinstance(axis, Mapping) and arg.keys() == axis.keys():
        pairs = [(axis[key], arg[key]) for key in arg]
    elif isinstance(arg, (list, tuple)) and isinstance(axis, (list, tuple)) and len(arg) == len(axis):
        pairs = list(zip(axis, arg, strict=True))
    else:
        raise OptionError(f"in_axes has {axis!r} for {name}, which has another structure")
    return [one for inner, part in pairs for one in _spread(inner, part, flatten(part)[0], name)]


def _rows_first(t: Tensor, axis: Any, name: str) -> Tensor:
    if not -t.ndim <= axis < t.ndim:
        raise ShapeError(
            f"{name} of shape {t.shape} has no axis {axis} for the rows to lie along; "
            "give None in its place in in_axes where all rows share it"
        )
    return t if axis == 0 else T.moveaxis(t, axis, 0)


def _count(sizes: Mapping[str, Any], label: str) -> Any:
    """Return the number of rows."""
    if not sizes:
        raise ShapeError(f"vmap of {label}: no argument has rows; give at least one an axis in in_axes")
    if len(set(sizes.values())) > 1:
        each = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise ShapeError(f"vmap of {label}: the arguments must have equally many rows, but {each}")
    return next(iter(sizes.values()))


def _with_rows(found: Any, count: Any) -> Tensor:
    if isinstance(found, Rows):
        return asarray(found.value)
    shared = asarray(found)
    return T.broadcast_to(shared, (count, *shared.shape))  # type: ignore[no-any-return]


def per_sample_grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Return a function that computes the gradient of ``f`` for each sample of a batch.

    It is ``vmap(grad(f, argnums), in_axes=…)`` with the differentiated arguments shared and all others a row each.

    Parameters
    ----------
    f
        The loss of one sample: a function of parameters and of one row of data.
    argnums
        Which positional arguments are the parameters; the other ones are batches.

    Returns
    -------
    callable
        Takes the parameters and the batches; returns the gradients, with the samples along a new first axis.

    Raises
    ------
    ShapeError
        Where `f` returns no scalar for a sample, or the batches differ in length.
    TraceError
        As in `vmap`.

    Examples
    --------
    >>> import glassgrad as gg
    >>> loss = lambda w, x, y: (w @ x - y) ** 2
    >>> per_sample_grad(loss)([1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]], [0.0, 1.0])
    Tensor([[ 6., 12.],
            [36., 48.]])
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        shared = argument_numbers(argnums, args)
        if len(shared) == len(args):
            raise DTypeError("per_sample_grad needs a batch beside the parameters; for none there is gg.grad")
        axes = tuple(None if i in shared else 0 for i in range(len(args)))
        return vmap(grad(f, argnums), axes)(*args, **kwargs)

    return wrapped
