"""One recorded run of a function, and sweeps over what it recorded, in either direction.

Where something outside wants the gradient of the result (a transform around this one, or a parameter the function
closes over), the sweep itself is recorded, and so derivatives nest without limit.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError
from glassgrad.graph.builder import Traced, active_builder
from glassgrad.graph.forward import forward_sweep
from glassgrad.graph.reverse import reverse_sweep
from glassgrad.ir import inexact
from glassgrad.ir.origin import Source, caller
from glassgrad.tape import PLAIN, Leaf, TapeStep, collect
from glassgrad.tensors import T, Tensor, asarray, recording
from glassgrad.tree import flatten

__all__ = [
    "Run",
    "argument_numbers",
    "awaiting",
    "between",
    "here",
    "is_array",
    "label_of",
    "matched",
    "parameter_name",
    "variable",
]


_AWAITED: ContextVar[frozenset[Hashable]] = ContextVar("glassgrad_awaited", default=frozenset())


@contextmanager
def awaiting(keys: Iterable[Hashable]) -> Iterator[None]:
    """Record inside what leads to these keys, although the run they belong to is over: it is being repeated."""
    token = _AWAITED.set(_AWAITED.get() | {key[0] if isinstance(key, tuple) else key for key in keys})
    try:
        yield
    finally:
        _AWAITED.reset(token)


def here() -> str:
    """Return the last line of a message: where the user's code is at work."""
    return f"\n  (at {caller()})"


def label_of(f: Callable[..., Any]) -> str:
    """Return the name of a function, as messages and graphs use it."""
    return str(getattr(f, "__name__", type(f).__name__)).strip("<>")


def parameter_name(f: Callable[..., Any], position: int) -> str:
    """Return what a message calls a positional argument: its number, and its name where there is one."""
    try:
        names = [
            p.name
            for p in inspect.signature(f).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        names = []
    return f"argument {position}" + (f" ({names[position]})" if position < len(names) else "")


def is_array(x: Any) -> bool:
    """Say whether `x` is one array: a number, an array, or nested lists of numbers."""
    if isinstance(x, (list, tuple)):
        return all(is_array(item) and not isinstance(item, (np.ndarray, Tensor)) for item in x)
    return not isinstance(x, Mapping)


def variable(x: Any, name: str = "one") -> Tensor:
    """Return a fresh variable with the value of `x`, linked to it where it wants a gradient itself."""
    given = asarray(x)
    if not inexact(given.dtype):
        raise DTypeError(
            f"only real and complex arguments can be differentiated, but {name} is {given.dtype}; "
            f"write 1.0 instead of 1, or x.astype('float64'){here()}"
        )
    if given.requires_grad:
        linked: Tensor = T.identity(given)
        return linked
    fresh = given._bare()
    builder = active_builder()
    if builder is not None and not isinstance(fresh._payload, Traced):
        fresh._payload = Traced(builder, builder.lift(fresh._payload))
    fresh.requires_grad = True
    return fresh


class Run:
    """One recorded run of a function: its variables, its result, and the steps between them.

    Attributes
    ----------
    variables
        The Tensors that stood for the leaves of the arguments to differentiate.
    result
        What the function returned; `outputs` are its leaves as Tensors.
    rebuild, rebuild_result
        Give one value a variable the structure of those arguments (a tuple of them), and one value an output that
        of the result.
    nested
        Whether something outside wants the gradient of what the run computes.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        argnums: Sequence[int],
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        with recording():
            flat = {i: flatten(args[i]) for i in argnums}
            variables = {
                i: [variable(x, parameter_name(f, i)) for x in leaves] for i, (leaves, _) in flat.items()
            }
            self.variables = [v for group in variables.values() for v in group]
            handles = {i: [Tensor._make(v._payload, v._key) for v in group] for i, group in variables.items()}
            given = [flat[i][1](handles[i]) if i in flat else arg for i, arg in enumerate(args)]
            self.result = f(*given, **(kwargs or {}))

        def rebuild(values: Sequence[Any]) -> tuple[Any, ...]:
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
        asked = _AWAITED.get()
        self.nested = (
            any(source.awaited or source in asked for source in sources)
            or any(isinstance(v._key, TapeStep) for v in self.variables)
            or any(step in asked for step in steps)
        )
        self.steps = between(steps, own)

    def values(self) -> list[Tensor]:
        """Return the outputs, without their history where nothing outside wants it."""
        return [o if self.nested else o._bare() for o in self.outputs]

    def largest(self) -> int:
        """Return how many numbers the largest value has that the run computed."""
        results = (step.results(PLAIN) for step in self.steps)
        values = (z for r in results for z in (r if isinstance(r, tuple) else (r,)))
        return max((math.prod(z.shape) for z in values), default=1)

    def sweep(self, given: Sequence[Tensor]) -> tuple[Any, list[Any]]:
        """Return the namespace that a sweep goes on in, and what it starts from.

        It is recorded where something outside wants its gradient: through the function's run, or through what is
        given to the sweep.
        """
        if self.nested or any(t.requires_grad for t in given):
            return T, list(given)
        return PLAIN, [t._payload for t in given]

    def pull(self, seeds: Sequence[Tensor]) -> list[Tensor]:
        """Return the cotangent of each variable for seeds on the outputs."""
        F, given = self.sweep(seeds)
        cotangents: dict[Hashable, Any] = {}
        with recording(F is T):
            for output, seed in zip(self.outputs, given, strict=True):
                if output._key is not None:
                    before = cotangents.get(output._key)
                    cotangents[output._key] = seed if before is None else F.add(before, seed)
            reverse_sweep(F, self.steps, cotangents, release=True)
            return [_reached(v, cotangents) for v in self.variables]

    def push(self, tangents: Sequence[Tensor]) -> list[Tensor]:
        """Return the tangent of each output for tangents of the variables."""
        F, given = self.sweep(tangents)
        moving: dict[Hashable, Any] = {v._key: t for v, t in zip(self.variables, given, strict=True)}
        with recording(F is T):
            forward_sweep(F, reversed(self.steps), moving)
            return [_reached(o, moving) for o in self.outputs]


def _reached(tensor: Tensor, found: dict[Hashable, Any]) -> Tensor:
    """Return what a sweep found for `tensor`: zeros where it did not get there."""
    value = found.get(tensor._key) if tensor._key is not None else None
    if value is None:
        return T.zeros_like(tensor._bare())  # type: ignore[no-any-return]
    return value if isinstance(value, Tensor) else Tensor._make(value, None)


class _Narrowed:
    """A recorded step in which only the inputs that lead to the variables count."""

    __slots__ = (
        "attrs",
        "input_keys",
        "op",
        "operands",
        "origin",
        "output_keys",
        "results",
        "step",
        "subgraphs",
    )

    def __init__(self, step: TapeStep, keys: list[Hashable | None]) -> None:
        self.op, self.attrs, self.subgraphs, self.origin = step.op, step.attrs, step.subgraphs, step.origin
        self.output_keys, self.operands, self.results = step.output_keys, step.operands, step.results
        self.step, self.input_keys = step, keys

    @property
    def scope(self) -> str:
        """The scope in which the operation was carried out."""
        return self.step.scope

    @property
    def source(self) -> Source | None:
        """The user's line that did it."""
        return self.step.source


def between(steps: Sequence[TapeStep], own: set[Hashable | None]) -> list[Any]:
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


def matched(given: Sequence[Any], wanted: Sequence[Tensor], what: str, of: str) -> list[Tensor]:
    """Return cotangents or tangents as Tensors of the dtypes of the values they belong to.

    Raises
    ------
    ShapeError
        Where their number or a shape differs from that of the values.
    DTypeError
        Where one is complex and its value is real.
    """
    if len(given) != len(wanted):
        raise ShapeError(
            f"{len(given)} {what}(s) given for {len(wanted)} {of}(s); give one for each, in the same structure{here()}"
        )
    shaped = []
    for one, value in zip(given, wanted, strict=True):
        tensor = asarray(one)
        if tensor.shape != value.shape:
            raise ShapeError(f"the {what} has shape {tensor.shape}, the {of} {value.shape}{here()}")
        if tensor.dtype.kind == "c" and value.dtype.kind != "c":
            raise DTypeError(
                f"the {what} is {tensor.dtype}, but the {of} is {value.dtype}: a real value moves along real "
                f"numbers; take its real part{here()}"
            )
        shaped.append(tensor if tensor.dtype == value.dtype else tensor.astype(value.dtype))
    return shaped


def argument_numbers(argnums: int | Sequence[int], args: Sequence[Any]) -> tuple[int, ...]:
    """Return which arguments are to be differentiated, as a tuple of positions.

    Raises
    ------
    ShapeError
        Where the function was not given one of them.
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for i in numbers:
        if not 0 <= i < len(args):
            raise ShapeError(
                f"argument {i} is to be differentiated, but the function was given {len(args)} positional "
                f"arguments, counted from 0; arguments given by keyword are not differentiated{here()}"
            )
    return numbers
