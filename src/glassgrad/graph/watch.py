"""Watching for NaN and Inf: which operation made the first one, where, and out of what.

A value that is not finite is a *suspect* from the operation on that made it out of finite numbers. Elementwise
operations and views hand the suspicion on. A `where` that does not take those elements clears it: nothing of them is
in its result, and in glassgrad nothing of them is in the gradient. Any other operation that reads a suspect, and the
end of watching, is an error that tells of the operation it came from.
"""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import NotFiniteError
from glassgrad.graph.rules import Arrays, row_major, run_kernel
from glassgrad.ir import Constant, Graph, Node, current_scope, inexact
from glassgrad.ir.origin import Source, caller
from glassgrad.ops import Op, lookup

__all__ = ["MaskedBranchWarning", "Watch", "unwatched", "watch_for_nans", "watching"]

Array = np.ndarray[Any, Any]


class MaskedBranchWarning(UserWarning):
    """A branch that `where` does not take computed NaN or Inf."""


_WATCH: ContextVar[Watch | None] = ContextVar("glassgrad_watch", default=None)


watching: Callable[[], Watch | None] = _WATCH.get
"""Return who watches here, if anybody does."""


@contextmanager
def watch_for_nans() -> Iterator[Watch]:
    """Watch inside; see `glassgrad.debug_nans`."""
    watch = Watch()
    token = _WATCH.set(watch)
    try:
        with np.errstate(all="ignore"):
            yield watch
    finally:
        _WATCH.reset(token)
    watch.settle()


@contextmanager
def unwatched() -> Iterator[None]:
    """Let nobody watch inside."""
    token = _WATCH.set(None)
    try:
        yield
    finally:
        _WATCH.reset(token)


@dataclass
class Suspect:
    """A value that is not finite, made out of finite ones.

    Attributes
    ----------
    found
        What was found, as a sentence with the values at the place.
    where
        Scope and line.
    masked
        Whether a `where` left it out, and nothing has read it since.
    """

    found: str
    where: str
    masked: bool = False

    def error(self) -> NotFiniteError:
        """Return the error that tells of it."""
        return NotFiniteError(f"{self.found}\n  ({self.where})")


class Watch:
    """Looks at the results of operations as they are computed.

    Attributes
    ----------
    masked : list of str
        What `where` left out: harmless values that are not finite, in branches that were not taken.
    """

    def __init__(self) -> None:
        self.masked: list[str] = []
        self._suspects: dict[int, tuple[Array, Suspect]] = {}
        self._muted = 0

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Look away: the inside of a derivative rule is judged by what comes out of it."""
        self._muted += 1
        try:
            yield
        finally:
            self._muted -= 1

    def settle(self) -> None:
        """Raise the first suspicion that nothing has cleared."""
        for _, suspect in self._suspects.values():
            if not suspect.masked:
                self._suspects.clear()
                raise suspect.error()

    def _of(self, xs: Sequence[Any]) -> Suspect | None:
        return next((self._suspects[id(x)][1] for x in xs if id(x) in self._suspects), None)

    # --- operations ---

    def computed(self, op: Op, xs: Sequence[Any], z: Any, node: Node | None = None) -> None:
        """Look at the result of an operation, of a graph's node where one is given."""
        if self._muted:
            return
        inherited = self._of(xs)
        for out in z if op.several else (z,):
            if not isinstance(out, np.ndarray) or not inexact(out.dtype):
                continue
            wrong = ~np.isfinite(out)
            if not wrong.any():
                if inherited is not None and op.name == "where":
                    self._leave_out(inherited, _place(node))
                continue
            if inherited is None and op.control:
                self.settle()  # what it runs has been looked at
            if inherited is None:
                new = wrong & _finite(op, xs, out)
                if new.any():
                    self._suspects[id(out)] = (out, Suspect(_made(op, xs, out, new, node), _place(node)))
            elif op.elementwise or op.view:
                inherited.masked = False
                self._suspects[id(out)] = (out, inherited)
            else:
                self._suspects.clear()
                raise inherited.error()

    def _leave_out(self, suspect: Suspect, where: str) -> None:
        if suspect.masked:
            return
        suspect.masked = True
        told = (
            f"{suspect.found}\n  ({suspect.where})\n"
            f"gg.where takes the other branch there ({where}), so that neither the result nor glassgrad's gradient has "
            "any of it. In PyTorch and JAX the gradient would be NaN: choose the argument, too, as in "
            "gg.where(x > 0, gg.log(gg.where(x > 0, x, 1.0)), 0.0), to be safe everywhere."
        )
        self.masked.append(told)
        warnings.warn(told, MaskedBranchWarning, stacklevel=2)

    def pulled(self, step: Any, g: Any, xs: Sequence[Any], cotangents: Sequence[Any]) -> None:
        """Look at what a derivative rule made of the gradient `g`.

        Raises
        ------
        NotFiniteError
            Where it is not finite, though the gradient and the operation's inputs are.
        """
        given, values = _arrays(g if isinstance(g, tuple) else (g,)), _arrays(xs)
        for i, (x, found) in enumerate(zip(values, _arrays(cotangents), strict=True)):
            if not isinstance(found, np.ndarray) or not inexact(found.dtype) or np.isfinite(found).all():
                continue
            if not isinstance(x, np.ndarray):
                continue
            wrong = ~np.isfinite(found)
            if step.op.elementwise and all(np.shape(v) == found.shape for v in (*given, x)):
                wrong &= np.isfinite(given[0]) & np.isfinite(x)
            elif not all(np.isfinite(v).all() for v in (*given, *values) if isinstance(v, np.ndarray)):
                continue
            if not wrong.any():
                continue
            at = _first(wrong)
            upstream = (
                f", upstream gradient {_number(given[0][at])}" if np.shape(given[0]) == found.shape else ""
            )
            raise NotFiniteError(
                f"the gradient of {step.op.name} with respect to its input {i} is {_number(found[at])} "
                f"at {_index(at)}, where that is {_number(x[at])}{upstream}: {_count(wrong)}; the derivative is "
                f"{step.op.derivative}\n"
                f"  (backward of {_where(step.op.name, step.scope, step.source)})"
            )

    # --- graphs ---

    def replay(self, graph: Graph, inputs: Sequence[Any]) -> list[Any]:
        """Run a graph node by node, looking at every result.

        Raises
        ------
        NotFiniteError
            Where an output is not finite because an operation made it so.
        """
        with np.errstate(all="ignore"):
            outputs = self.run(graph, [np.asarray(x) for x in inputs])
        suspect = self._of(outputs)
        self._suspects.clear()
        if suspect is not None:
            raise suspect.error()
        return outputs

    def run(self, graph: Graph, inputs: Sequence[Any]) -> list[Any]:
        """Return the outputs of a graph, every operation of which is looked at."""
        env: dict[Any, Any] = dict(zip(graph.inputs, inputs, strict=True))

        def read(value: Any) -> Any:
            return value.array if isinstance(value, Constant) and value not in env else env[value]

        arrays = _Replaying(self)
        for node in graph.nodes:
            op, xs = lookup(node.op), [read(v) for v in node.inputs]
            z = row_major(op, run_kernel(arrays, op, xs, node.attrs, node.subgraphs or None))
            z = tuple(map(np.asarray, z)) if op.several else np.asarray(z)
            self.computed(op, xs, z, node)
            env.update(zip(node.outputs, z if op.several else (z,), strict=True))
        return [read(v) for v in graph.outputs]


class _Replaying(Arrays):
    """Runs graphs that operations own under the eyes of the watch."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def run(self, graph: Graph, inputs: Sequence[Any], engine: str | None = None) -> list[Any]:
        """Return the outputs of a graph."""
        return self._watch.run(graph, [np.asarray(x) for x in inputs])


def _arrays(values: Sequence[Any]) -> list[Any]:
    """Return the arrays that values of any namespace hold."""
    return [getattr(v, "_payload", v) for v in values]


def _finite(op: Op, xs: Sequence[Any], out: Array) -> Any:
    """Say where the inputs of an operation are finite: element by element where it works so."""
    if op.elementwise:
        where = np.ones(out.shape, bool)
        for x in xs:
            where &= np.isfinite(x)
        return where
    return all(np.isfinite(x).all() for x in xs if np.asarray(x).dtype.kind in "fc")


def _made(op: Op, xs: Sequence[Any], out: Array, new: Any, node: Node | None) -> str:
    """Return the sentence on what an operation made out of what."""
    at = _first(new)
    if op.elementwise:
        values = [_number(np.broadcast_to(np.asarray(x), out.shape)[at]) for x in xs]
        given = "its input there is" if len(xs) == 1 else "its inputs there are"
        told = f"{given} {' and '.join(values)}"
    else:
        told = "its inputs are " + " and ".join(_extent(np.asarray(x)) for x in xs)
    back = ""
    if node is not None and node.cause is not None:
        back = f", in the backward pass of {_where(node.cause.op, node.cause.scope, node.cause.source)}"
    return f"{op.name} gave {_number(out[at])} at {_index(at)}; {told}: {_count(new)}{back}"


def _extent(x: Array) -> str:
    shape = f"{x.dtype}{list(x.shape)}"
    return (
        f"{shape} from {_number(x.min())} to {_number(x.max())}"
        if x.size and x.dtype.kind in "iuf"
        else shape
    )


def _first(wrong: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(wrong)[0])


def _index(at: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, at))}]" if at else "its one element"


def _number(x: Any) -> str:
    return f"{x:.6g}" if np.asarray(x).dtype.kind in "fc" else str(x)


def _count(wrong: Any) -> str:
    n, size = int(np.count_nonzero(wrong)), np.size(wrong)
    return f"{n} of {size} element{'s' if size != 1 else ''} became so"


def _place(node: Node | None) -> str:
    if node is None:
        return _where("", current_scope(), caller())
    return _where(node.op, node.scope, node.source)


def _where(name: str, scope: str, source: Source | None) -> str:
    """Return scope, line and text of a place in somebody's code."""
    parts = [name] if name else []
    if scope:
        parts.append(f"in {scope}")
    if source is not None:
        text = linecache.getline(source.file, source.line).strip()
        parts.append(f"at {source}" + (f": {text}" if text else ""))
    return ", ".join(parts)
