"""Checkpointing: memory traded for time. What a function computes inside is computed once more in the backward pass.

Eagerly the function becomes one step of the tape that keeps the arguments and runs it again when a gradient comes.
In a graph it is the operation `checkpoint`, whose derivative rule does the same. What is drawn at random is keyed by
where it is drawn (`glassgrad.nn.random`), so a second run draws the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from glassgrad.errors import TraceError
from glassgrad.functional.runs import awaiting, between, label_of, variable
from glassgrad.graph.builder import active_builder
from glassgrad.graph.forward import forward_sweep
from glassgrad.graph.reverse import reverse_sweep
from glassgrad.ir import inexact
from glassgrad.nn.module import frozen_buffers
from glassgrad.nn.random import current_stream, drawing_from
from glassgrad.ops import Op, Text
from glassgrad.recorder import is_recording
from glassgrad.tape import Leaf, TapeStep, collect, mark
from glassgrad.tensors import T, Tensor, asarray, recording
from glassgrad.tracing import Spec, outside, trace_with
from glassgrad.tree import flatten
from glassgrad.views import owned

__all__ = ["checkpoint"]


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f` with the same results and gradients, of which the backward pass keeps nothing but the arguments.

    Parameters
    ----------
    f
        A function of Tensors, or of nestings of them, that returns Tensors; a module is one. It must give the same
        numbers when it is run again with the same arguments: random numbers that layers draw are repeated, buffers
        that it updates are updated once.

    Returns
    -------
    callable
        Called like `f`. Where a gradient is wanted, its backward pass runs `f` once more. Tensors that `f` closes
        over, such as the parameters of a module, get their gradients as usual. While traced (`gg.fit`, `gg.compile`),
        it is one operation of the graph, whose inside the backward pass computes again.

    Raises
    ------
    TraceError
        In the backward pass, where the second run gives other numbers than the first.

    Examples
    --------
    >>> import glassgrad as gg
    >>> block = checkpoint(lambda x: gg.exp(gg.sin(x)))     # neither sin(x) nor exp's result is kept for the gradient
    >>> gg.grad(lambda x: gg.sum(block(x)))(gg.tensor([0.0, 1.0]))
    Tensor([1.        , 1.25338077])
    """

    @wraps(f, updated=())
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs)
        return call.eagerly() if active_builder() is None else call.traced()

    return wrapped


class _Call:
    """One call of a function under `checkpoint`, and all it takes to repeat it."""

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], kwargs: Any) -> None:
        self.f, self.label = f, label_of(f)
        self.leaves, self.rebuild = flatten([list(args), dict(kwargs)])
        self.at = [i for i, x in enumerate(self.leaves) if isinstance(x, (Tensor, np.ndarray, np.generic))]
        self.tensors = [asarray(self.leaves[i]) for i in self.at]
        self.rebuild_result: Callable[[list[Any]], Any] = lambda leaves: leaves
        stream = current_stream()
        self.stream = stream.over(stream.inputs())

    def compute(self, tensors: Sequence[Any]) -> list[Tensor]:
        """Run the function with these Tensors in the place of the arrays, and return its results, flat."""
        leaves = list(self.leaves)
        for i, t in zip(self.at, tensors, strict=True):
            leaves[i] = t
        args, kwargs = self.rebuild(leaves)
        flat, self.rebuild_result = flatten(self.f(*args, **kwargs))
        return [asarray(o) for o in flat]

    # --- at once ---

    def eagerly(self) -> Any:
        if not is_recording():
            outputs = self.compute(self.tensors)
            return self.rebuild_result(outputs)
        begin = mark()
        variables = [_fresh(t) if t.requires_grad else t for t in self.tensors]
        outputs = self.compute(variables)
        own: set[Hashable | None] = {v._key for v in variables}
        around = _around(outputs, own, begin)
        z = tuple(owned(o._payload) for o in outputs)
        keys = [t._key for t in self.tensors]
        if keys.count(None) == len(keys) and not around:
            return self.rebuild_result([Tensor._make(o, None) for o in z])
        self.leaves = [None if i in self.at else leaf for i, leaf in enumerate(self.leaves)]
        xs = [owned(t._payload) for t in self.tensors] + [np.zeros(())] * len(around)
        self.tensors = []
        step = TapeStep(_EAGER, xs, [*keys, *around], {"call": self, "around": around}, None, z)
        results = zip(outputs, step.output_keys, strict=True)
        return self.rebuild_result(
            [Tensor._make(o._payload, key if o.requires_grad else None) for o, key in results]
        )

    def again(
        self, F: Any, xs: Sequence[Any], z: Sequence[Any], wanted: Sequence[bool], around: Sequence[Hashable]
    ) -> tuple[list[Any], list[Tensor], list[Any]]:
        """Run the function again, recording; return the keys of the arguments, the results and the steps between."""
        begin = mark()
        stream = self.stream
        with recording(), frozen_buffers(), drawing_from(stream.over(stream.inputs())):
            given = [x if isinstance(x, Tensor) else Tensor._make(x, None) for x in xs]
            variables = [variable(x) if want else x for x, want in zip(given, wanted, strict=True)]
            with awaiting(around):
                outputs = self.compute(variables)
        keys = [v._key if want else None for v, want in zip(variables, wanted, strict=True)]
        for key in keys:
            if isinstance(key, Leaf):
                key.awaited = False
        for new, old in zip(outputs, z, strict=True):
            if not _equal(new._payload, old._payload if isinstance(old, Tensor) else old):
                raise TraceError(
                    f"gg.checkpoint: {self.label} gave other numbers when it was run again for its gradient. It has to "
                    "depend on its arguments alone: not on weights, modes (train, eval) or counters that changed since"
                )
        own = {*keys, *around} - {None}
        found, _ = collect([o._key for o in outputs if o._key is not None], own)
        return keys, outputs, between([s for s in found if s.order > begin and s not in own], own)

    # --- while tracing ---

    def traced(self) -> Any:
        """Add the function to the graph as one operation."""
        updates: list[Any] = []

        def body(*tensors: Tensor) -> list[Tensor]:
            outputs = self.compute(tensors)
            builder = active_builder()
            assert builder is not None
            updates.extend(buffer for buffer, _ in builder.updates.values())
            return [*outputs, *(Tensor._make(payload, None) for _, payload in builder.updates.values())]

        specs = [Spec(t.shape, t.dtype) for t in self.tensors]
        graph, captured, _ = trace_with(body, specs, name=self.label, wants=outside, updates=True)
        out = list(T.checkpoint(graph, [*self.tensors, *captured]))
        n = len(out) - len(updates)
        for buffer, value in zip(updates, out[n:], strict=True):
            buffer.update(value)
        return self.rebuild_result(out[:n])


def _equal(new: Any, old: Any) -> bool:
    """Say whether two runs gave the same numbers; a value that is being traced has none to compare."""
    if not isinstance(new, np.ndarray) or not isinstance(old, np.ndarray):
        return True
    return np.array_equal(new, old, equal_nan=inexact(new.dtype))


def _fresh(t: Tensor) -> Tensor:
    """Return a leaf of its own with the same values."""
    leaf = t._bare()
    leaf.requires_grad = True
    return leaf


def _around(outputs: Sequence[Tensor], own: set[Hashable | None], begin: int) -> list[Hashable]:
    """Return the keys that the outputs depend on and that were there before the function ran, but for `own`."""
    found: dict[Hashable, None] = {}
    seen: set[TapeStep] = set()
    waiting = [o._key for o in outputs]
    while waiting:
        key = waiting.pop()
        step = key[0] if isinstance(key, tuple) else key
        if key is None or key in own:
            continue
        if not isinstance(step, TapeStep) or step.order < begin:
            found[key] = None
        elif step not in seen:
            seen.add(step)
            waiting.extend(step.input_keys)
    return list(found)


def _pull(F: Any, wanted: Any, g: Any, z: Any, xs: Any, attrs: Any, _: Any) -> list[Any]:
    around = attrs["around"]
    n = len(xs) - len(around)
    keys, outputs, steps = attrs["call"].again(F, xs[:n], z, wanted[:n], around)
    cotangents: dict[Hashable, Any] = {}
    with recording(F is T):
        for output, seed in zip(outputs, g, strict=True):
            if output._key is not None:
                before = cotangents.get(output._key)
                cotangents[output._key] = seed if before is None else F.add(before, seed)
        reverse_sweep(F, steps, cotangents, release=True)
    return [None if key is None else cotangents.get(key) for key in (*keys, *around)]


def _push(F: Any, tangents: Any, z: Any, xs: Any, attrs: Any, _: Any) -> tuple[Any, ...]:
    around = attrs["around"]
    n = len(xs) - len(around)
    keys, outputs, steps = attrs["call"].again(F, xs[:n], z, [t is not None for t in tangents[:n]], around)
    moving = {
        key: t for key, t in zip((*keys, *around), tangents, strict=True) if key is not None and t is not None
    }
    with recording(F is T):
        forward_sweep(F, reversed(steps), moving)
    return tuple(moving.get(o._key) for o in outputs)


def _unused(*_: Any, **__: Any) -> Any:
    raise AssertionError("a step of the tape is neither inferred nor batched")


_EAGER = Op(
    name="checkpoint",
    call=_unused,
    infer=_unused,
    numpy=None,
    pull=_pull,
    push=_push,
    batch=_unused,
    latex="f({0})",
    derivative=r"J_f^\top g",
    why=Text("what is inside is computed again", "안의 값을 다시 계산한다"),
    several=True,
)
"""A call under `checkpoint` on the tape, whose settings hold what repeats it."""
