"""Recording: the namespace in which operations on Tensors are carried out and, where a gradient is wanted, taped.

It stands below the Tensor itself: a `Handle` is what recording needs of one, a payload and a key that says where it
came from. What a person can do with a Tensor is in `glassgrad.tensors`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError, TraceError
from glassgrad.graph.builder import Builder, Traced, active_builder
from glassgrad.graph.rules import RuleNamespace, checked_types, run_kernel
from glassgrad.graph.watch import watching
from glassgrad.ir import Node, inexact
from glassgrad.numpy_calls import ArrayMethods
from glassgrad.ops import Op
from glassgrad.tape import PLAIN, TapeStep
from glassgrad.views import Sight, look, made_here, unshared

__all__ = ["Handle", "Recorder", "adopt", "is_recording", "no_grad", "numbers", "read_only", "recording"]

_ARRAY, _FLOAT64 = np.ndarray, np.dtype(np.float64)
_PLAIN_INPUTS = (int, float, complex, np.ndarray)
_NO_SETTINGS: Mapping[str, Any] = {}

_RECORDING: ContextVar[bool] = ContextVar("glassgrad_recording", default=True)
_CUTTING: ContextVar[bool] = ContextVar("glassgrad_cutting", default=False)


@contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing inside: results want no gradient, and in a graph being traced none flows back through them.

    Examples
    --------
    >>> import glassgrad as gg
    >>> w = gg.tensor(2.0, requires_grad=True)
    >>> with gg.no_grad():
    ...     (w * 3).requires_grad
    False
    """
    with recording(False):
        token = _CUTTING.set(True)
        try:
            yield
        finally:
            _CUTTING.reset(token)


@contextmanager
def recording(wanted: bool = True) -> Iterator[None]:
    """Record inside, or not; transforms need it whatever is around them."""
    before, uncut = _RECORDING.set(wanted), _CUTTING.set(False)
    try:
        yield
    finally:
        _RECORDING.reset(before)
        _CUTTING.reset(uncut)


def is_recording() -> bool:
    """Say whether operations are recorded here where a gradient is wanted."""
    return _RECORDING.get()


class Handle(ArrayMethods):
    """A value and its key; the base of the Tensor.

    Attributes
    ----------
    _payload
        The array, or the traced value.
    _key
        The leaf or step it came from; None where no gradient is wanted.
    _sight
        What it looks at and who looks at it, where that, or where it was made, matters; see `glassgrad.views`.
    """

    __slots__ = ("__weakref__", "_key", "_payload", "_sight")

    _payload: Any
    _key: Hashable | None
    _sight: Sight | None

    @classmethod
    def _make(cls, payload: Any, key: Hashable | None) -> Any:
        """Return a handle of this class on a payload."""
        raise NotImplementedError

    def _followed(self) -> bool:
        return self._key is not None or isinstance(self._payload, Traced)


class Recorder(RuleNamespace):
    """Operations on Tensors: carried out, and recorded where a gradient is wanted.

    Parameters
    ----------
    kind
        The class of the results.
    """

    def __init__(self, kind: type[Handle]) -> None:
        self.make = kind._make

    def bind(
        self,
        op: Op,
        inputs: Sequence[Any],
        attrs: Mapping[str, Any] | None = None,
        subgraphs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Apply `op` to Tensors, arrays and numbers; returns a Tensor, or a tuple of them."""
        if attrs is None:
            attrs = _NO_SETTINGS
        if active_builder() is not None:
            return self._trace(op, inputs, attrs, subgraphs)
        xs: list[Any] = []
        keys: list[Hashable | None] = []
        wanted = False
        for x in inputs:
            if isinstance(x, Handle):
                xs.append(x._payload)
                keys.append(key := x._key)
                if key is not None:
                    wanted = True
            else:
                xs.append(x if isinstance(x, _PLAIN_INPUTS) else numbers(x))
                keys.append(None)
        z = run_kernel(PLAIN, op, xs, attrs, subgraphs)
        watch = watching()
        if watch is not None:
            z = tuple(map(np.asarray, z)) if op.several else np.asarray(z)
            watch.computed(op, xs, z)
        step = None
        if wanted and op.pull is not None and _RECORDING.get():
            step = TapeStep(op, _kept(inputs, xs), keys, attrs, subgraphs, z)
        if op.several:
            return self._several(z, step)
        dtype = z.dtype
        result = self.make(z, step if step is not None and inexact(dtype) else None)
        if op.view or (xs and z is xs[0]):
            self._look(result, inputs[0], op, attrs)
        if step is None and dtype is _FLOAT64 and len(xs) > 1:
            last = xs[-1]
            if type(last) is _ARRAY and last.dtype.kind in "iu":
                _keep_digits(op, xs, attrs, subgraphs)
        return result

    def _trace(self, op: Op, inputs: Sequence[Any], attrs: Mapping[str, Any], subgraphs: Any) -> Any:
        """Add `op` to the graph at work; its results are Tensors on traced values."""
        builder = active_builder()
        assert builder is not None
        xs = [adopt(builder, x) for x in inputs]
        z = PLAIN.bind(op, xs, attrs, subgraphs)
        if _CUTTING.get():
            z = tuple(map(_cut, z)) if op.several else _cut(z)
        step = None
        if op.pull is not None and _RECORDING.get():
            keys = [x._key if isinstance(x, Handle) else None for x in inputs]
            if keys.count(None) < len(keys):
                first = z[0] if op.several else z
                origin = first.builder.nodes[-1] if isinstance(first, Traced) else None
                step = TapeStep(op, _kept(inputs, xs), keys, attrs, subgraphs, z, origin)
        if op.several:
            results = self._several(z, step)
            for handle in results:
                made_here(handle, builder)
            return results
        result = self.make(z, step if step is not None and inexact(z.dtype) else None)
        if op.view or (xs and z is xs[0]):
            self._look(result, inputs[0], op, attrs)
        made_here(result, builder)
        return result

    def _several(self, z: Sequence[Any], step: TapeStep | None) -> tuple[Any, ...]:
        keys = step.output_keys if step else (None,) * len(z)
        return tuple(self.make(o, key if inexact(o.dtype) else None) for o, key in zip(z, keys, strict=True))

    def _look(self, result: Any, given: Any, op: Op, attrs: Mapping[str, Any]) -> None:
        """Note that a result looks at the elements of what was given."""
        if not isinstance(given, Handle):
            result._payload = read_only(result._payload)
        elif op.view:
            look(result, given, op, attrs)

    def value(self, x: Any) -> Any:
        """Return `x` as a Tensor; Tensors in lists are joined, with their gradients."""
        if isinstance(x, Handle):
            return x
        try:
            handle = self.make(numbers(x), None)
        except TraceError:
            if not isinstance(x, (list, tuple)):
                raise
            return self.stack([self.value(row) for row in x])
        builder = active_builder()
        if builder is not None:
            made_here(handle, builder)
        return handle

    def wrap(self, payload: Any, key: Hashable | None) -> Any:
        """Return a Tensor that remembers where it came from."""
        return self.make(payload, key)

    def mark(self, cause: Node | None) -> None:
        """Mark what the builder at work adds as caused by a forward node."""
        PLAIN.mark(cause)


def _kept(inputs: Sequence[Any], xs: list[Any]) -> list[Any]:
    """Return what a step keeps of its inputs: arrays that somebody else could change are copied."""
    kept = xs
    for i, x in enumerate(xs):
        if isinstance(x, _ARRAY) and not (x.flags.writeable and isinstance(inputs[i], Handle)):
            kept = [*kept]
            kept[i] = unshared(x)
    return kept


def read_only(array: Any) -> Any:
    """Return an array of somebody else's as a view that is not written: its numbers are shared, not ours."""
    if isinstance(array, np.ndarray) and array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def _keep_digits(op: Op, xs: Sequence[Any], attrs: Mapping[str, Any], subgraphs: Any) -> None:
    """Let the record refuse to make float64 of uint64 beside a signed dtype, as NumPy does without a word."""
    kinds = {x.dtype.kind for x in xs if isinstance(x, np.ndarray)}
    if {"i", "u"} <= kinds <= {"i", "u", "b"}:
        checked_types(op, [np.asarray(x) for x in xs], attrs, subgraphs)


def _cut(z: Any) -> Any:
    """Return a result through which no gradient flows back in the graph that has it."""
    return PLAIN.stop_gradient(z) if isinstance(z, Traced) and inexact(z.dtype) else z


def numbers(x: Any) -> Any:
    """Return an array of what a person gave, or a traced value as it is; memory that is shared is not written to.

    Raises
    ------
    DTypeError
        Where it holds no numbers.
    ShapeError
        Where nested lists differ in length.
    """
    if isinstance(x, Traced):
        return x
    try:
        array = np.asarray(x)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ShapeError(
            "the nested lists differ in length, but an array is a rectangle: pad the short rows"
        ) from None
    if array.dtype.kind not in "fciub":
        raise DTypeError(
            f"cannot make a Tensor of {type(x).__name__!r} with dtype {array.dtype}: numbers are needed"
        )
    return array if array is not x and array.base is None else read_only(array)


def adopt(builder: Builder, x: Any) -> Any:
    """Return what an operation inside a trace takes for `x`: captures where the graph must depend on it."""
    if not isinstance(x, Handle):
        return x if isinstance(x, (int, float, complex)) else numbers(x)
    payload = x._payload
    if isinstance(payload, Traced):
        return payload if payload.builder is builder else builder.capture(x)
    return builder.capture(x) if builder.wants(x) else payload
