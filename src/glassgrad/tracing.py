"""Tracing: run a function once on values without numbers, and keep the graph it leaves behind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, TraceError
from glassgrad.graph.builder import Builder, Traced, active_builder
from glassgrad.ir import BATCH, Dim, Graph, Shape
from glassgrad.tensors import Tensor, adopt, asarray, recording
from glassgrad.tree import flatten

__all__ = ["Spec", "input_names", "outside", "trace", "trace_with"]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Spec:
    """The shape and dtype of an array that is not there yet.

    Parameters
    ----------
    shape
        Sizes of the axes; ``"N"`` stands for the batch size, which stays open.
    dtype
        NumPy dtype; float64 by default.

    Examples
    --------
    >>> Spec(("N", 3), "float32")
    Spec(shape=(N, 3), dtype=dtype('float32'))
    """

    shape: Shape
    dtype: np.dtype[Any]

    def __init__(self, shape: Sequence[int | str | Dim], dtype: Any = np.float64) -> None:
        sizes: list[int | Dim] = []
        for d in shape:
            if isinstance(d, str):
                if d != "N":
                    raise OptionError(f"the one open dimension is the batch size 'N', not {d!r}")
                d = BATCH
            sizes.append(d if isinstance(d, Dim) else int(d))
        object.__setattr__(self, "shape", tuple(sizes))
        object.__setattr__(self, "dtype", np.dtype(dtype))


def outside(t: Tensor) -> bool:
    """Say whether a body must be given `t`: it wants a gradient, or a graph around the body has it as an input."""
    if t.requires_grad or isinstance(t._payload, Traced):
        return True
    builder = active_builder()
    while builder is not None:
        if builder.wants is not outside and builder.wants(t):
            return True
        builder = builder.around
    return False


def trace_with(
    f: Callable[..., Any],
    examples: Sequence[Any],
    *,
    name: str,
    wants: Callable[[Any], bool] | None = None,
    names: Sequence[str] | None = None,
    updates: bool = False,
) -> tuple[Graph, list[Any], Callable[[list[Any]], Any]]:
    """Trace `f`; also return what it captured, and the function that gives flat outputs their structure.

    Parameters
    ----------
    f
        The function.
    examples
        A `Spec`, array or Tensor for each leaf of each argument.
    name
        Name of the graph.
    wants
        Says of an eager Tensor that `f` meets whether it becomes an extra input (a capture) or a constant.
    names
        Names of the inputs, one a leaf.
    updates
        Whether `f` hands on what buffers are updated to; else updating one is an error.

    Raises
    ------
    TraceError
        Where a buffer is updated and nobody would keep its value.
    """
    builder = Builder(name, wants=wants)
    leaves, rebuild = flatten(list(examples))
    handles = []
    for i, leaf in enumerate(leaves):
        spec = leaf if isinstance(leaf, Spec) else asarray(leaf)
        handle = builder.input(spec.shape, spec.dtype, names[i] if names else None)
        handles.append(Tensor._make(handle, None))
    with builder.active(), recording():
        result = f(*rebuild(handles))
        outputs, rebuild_result = flatten(result)
        tensors = [asarray(o) for o in outputs]
        values = [adopt(builder, t) for t in tensors]
    if builder.updates and not updates:
        raise TraceError(
            f"{name} updates a buffer of a module, and what it runs in (a loop, a choice, gg.vmap, a custom rule) "
            "keeps no buffers: call model.eval() first, or update the buffer outside"
        )
    return builder.finish(values), builder.captured, rebuild_result


def trace(f: Callable[..., Any], *examples: Any, name: str | None = None) -> Graph:
    """Return the graph of a function.

    Parameters
    ----------
    f
        A function of Tensors that returns a Tensor or a nesting of them. It runs once; what it does with Python
        numbers and control flow is done then, and values it closes over become constants.
    *examples
        For each argument a `Spec`, an array or a Tensor (or a nesting of them): only shape and dtype count.
    name
        Name of the graph; the function's own by default.

    Returns
    -------
    Graph
        Its inputs are the leaves of the arguments, its outputs the leaves of the result.

    Raises
    ------
    OptionError
        Where the examples do not fit the arguments of `f`.
    TraceError
        Where `f` asks a traced value for its number (`if`, ``float``, ``np.asarray``).

    Examples
    --------
    >>> import glassgrad as gg
    >>> graph = trace(lambda x, w: gg.tanh(x @ w), Spec(("N", 2)), Spec((2, 3)))
    >>> [node.op for node in graph.nodes], graph.outputs[0].shape
    (['matmul', 'tanh'], (N, 3))
    """
    label = name or getattr(f, "__name__", "graph").strip("<>")
    _check_examples(f, examples, label)
    graph, captured, _ = trace_with(f, examples, name=label, names=input_names(f, examples))
    if captured:
        raise TraceError(
            f"{label} reads {captured[0]}, which a graph around it is tracing: a graph of its own cannot depend on it. "
            "Pass it as an argument"
        )
    return graph


def _check_examples(f: Callable[..., Any], examples: Sequence[Any], label: str) -> None:
    """Raise an OptionError where the examples do not fit the function's parameters, or one is a bare shape."""
    for example in examples:
        if isinstance(example, tuple) and all(isinstance(d, (int, str, Dim)) for d in example):
            raise OptionError(
                f"{label}: {example} is no array; for one of that shape write gg.Spec({example})"
            )
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*examples)
    except TypeError as error:
        raise OptionError(
            f"{label} takes {signature}, but trace was given {len(examples)} example(s): {error}. "
            "Give a gg.Spec, array or Tensor for each argument"
        ) from None


def input_names(
    f: Callable[..., Any], examples: Sequence[Any], keywords: Mapping[str, Any] | None = None
) -> list[str]:
    """Return a name for each input: that of the function's parameter, numbered where it is a nesting."""
    try:
        known = [p.name for p in inspect.signature(f).parameters.values() if p.kind in _POSITIONAL]
    except (TypeError, ValueError):
        known = []
    named = [(known[i] if i < len(known) else f"x{i}", example) for i, example in enumerate(examples)]
    names: list[str] = []
    for name, example in (*named, *(keywords or {}).items()):
        nesting = isinstance(example, (Mapping, list, tuple))
        names += [f"{name}_{j}" for j in range(len(flatten(example)[0]))] if nesting else [name]
    return names
