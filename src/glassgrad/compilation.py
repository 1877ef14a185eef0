"""Compiled functions: a function of Tensors becomes one graph, and the graph a program.

The function is traced once for each combination of shapes and dtypes it is called with. A call is one operation
that owns the graph (`call`), so whatever works on operations works on it: the tape records it, its derivatives
are calls of the derivative graphs, to any order, and inside a trace it is one node, which engines open.

A function may depend on more than its arguments. Tensors it closes over become further inputs, read anew at
each call. Buffers it updates leave the graph as further outputs. What it draws at random comes from the stream
around the call. And a graph is used again only while the modules it called are in the mode they were in.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, update_wrapper
from types import MethodType
from typing import Any, overload

import numpy as np

from glassgrad.engines import engine as find_engine
from glassgrad.errors import DTypeError, OptionError, TraceError
from glassgrad.graph import Traced, active_builder
from glassgrad.graph.rules import typed
from glassgrad.graph.structure import structure
from glassgrad.ir import Graph, scope
from glassgrad.nn.module import Buffer, Module, called_modules, note_called
from glassgrad.nn.random import RandomStream, current_stream, drawing_from
from glassgrad.tensors import T, Tensor, asarray
from glassgrad.tracing import Spec, input_names, trace_with
from glassgrad.tree import flatten

__all__ = ["CompiledFunction", "compile"]

Types = tuple[tuple[Any, np.dtype[Any]], ...]

_KEPT = 128
"""Combinations of shapes and dtypes for which a function stays traced."""


@dataclass(frozen=True)
class _Version:
    """One graph of the function, and when it may be used.

    Attributes
    ----------
    graph
        Takes the arguments, what draws depend on where there are any, and the captured Tensors; returns the
        results, then the new values of the buffers.
    captured, types
        Tensors the function closes over, and their types.
    rebuild
        Gives the flat results their structure.
    buffers
        What the function updates.
    modes
        The modules it called, and whether each was in training.
    draws
        How many random numbers it draws.
    node
        At which node of the stream the draws begin.
    """

    graph: Graph
    captured: list[Tensor]
    types: Types
    rebuild: Callable[[list[Any]], Any]
    buffers: list[Buffer]
    modes: list[tuple[weakref.ref[Module], bool]]
    draws: int
    node: int | None

    def fits(self, stream: RandomStream) -> bool:
        """Say whether a new trace would leave the same graph."""
        modules = ((module(), mode) for module, mode in self.modes)
        return (
            all(module is None or module.training == mode for module, mode in modules)
            and _types(self.captured) == self.types
            and (not self.draws or self.node == stream.node)
        )


class CompiledFunction:
    """What `compile` returns: called like the function it was made of.

    Attributes
    ----------
    engine : str
        What runs it.
    """

    def __init__(self, f: Callable[..., Any], engine: str) -> None:
        find_engine(engine)
        if not callable(f):
            raise DTypeError(f"gg.compile takes a function of Tensors, but got {type(f).__name__}")
        update_wrapper(self, f, updated=())
        self._f = f
        self._label = getattr(f, "__name__", type(f).__name__).strip("<>")
        self._versions: dict[Hashable, list[_Version]] = {}
        self._graphs: dict[bytes, Graph] = {}
        self.engine = engine

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns."""
        stream = current_stream()
        version, inputs = self._find(args, kwargs, stream)
        if version.draws:
            inputs = [*inputs, *stream.inputs()]
            stream.drawn += version.draws
        engine = "native" if self.engine == "auto" else self.engine
        out = list(T.call(version.graph, [*inputs, *version.captured], engine=engine))
        n = len(out) - len(version.buffers)
        for buffer, value in zip(version.buffers, out[n:], strict=True):
            buffer.update(value)
        note_called(module for reference, _ in version.modes if (module := reference()) is not None)
        return version.rebuild(out[:n])

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return a method, so that methods can be decorated; a module is an argument like others."""
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        return CompiledFunction, (self._f, self.engine)

    def __repr__(self) -> str:
        graphs = sum(map(len, self._versions.values()))
        return f"<compiled {self._label}: {graphs} graph{'' if graphs == 1 else 's'}, engine {self.engine}>"

    def plan(self, *args: Any, **kwargs: Any) -> str:
        """Return what the native engine makes of a call with these arguments, as text: passes, kernels, memory.

        Raises
        ------
        OptionError
            Where the function runs with NumPy.
        """
        from glassgrad.engines.native.show import explain_graph

        if self.engine == "numpy":
            raise OptionError("there is no plan to show of what runs with NumPy: take engine='native'")
        return explain_graph(self.graph(*args, **kwargs))

    def graph(self, *args: Any, **kwargs: Any) -> Graph:
        """Return the graph that a call with these arguments runs; after the arguments it takes what is captured."""
        return self._find(args, kwargs, current_stream())[0].graph

    # --- finding the graph ---

    def _find(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], stream: RandomStream
    ) -> tuple[_Version, list[Tensor]]:
        """Return the graph for arguments of these types, and its inputs."""
        leaves, rebuild = flatten([list(args), dict(kwargs)])
        at = [i for i, leaf in enumerate(leaves) if not isinstance(leaf, _STATIC)]
        inputs = self._tensors([leaves[i] for i in at])
        fixed = {i: leaf for i, leaf in enumerate(leaves) if isinstance(leaf, _STATIC)}
        whole = repr(rebuild(list(range(len(leaves)))))
        known = tuple(weakref.ref(v) if isinstance(v, Module) else v for v in fixed.values())
        key = (whole, tuple(fixed), known, _types(inputs))
        for version in self._versions.get(key, ()):
            if version.fits(stream):
                return version, inputs

        def call(tensors: Sequence[Any]) -> Any:
            given = {**fixed, **dict(zip(at, tensors, strict=True))}
            positional, named = rebuild([given[i] for i in range(len(leaves))])
            return self._f(*positional, **named)

        names = input_names(self._f, args, kwargs)
        version = self._trace(call, inputs, [names[i] for i in at], stream)
        if not any(isinstance(t._payload, Traced) for t in version.captured):
            self._keep(key, version)
        return version, inputs

    def _tensors(self, leaves: Sequence[Any]) -> list[Tensor]:
        """Return arguments as Tensors; a Python number takes the dtype that NumPy would give it beside the others."""
        for leaf in leaves:
            if not isinstance(leaf, (Tensor, np.ndarray, np.generic, bool, int, float)):
                raise DTypeError(
                    f"{self._label} was given {_named(leaf)}, but a compiled function takes Tensors, arrays, numbers, "
                    "modules, and dicts, lists and tuples of them. Let the function close over anything else"
                )
        plain = [np.asarray(leaf) if isinstance(leaf, bool) else leaf for leaf in leaves]
        return [asarray(leaf) for leaf in typed(plain)]

    def _trace(
        self, call: Callable[..., Any], inputs: Sequence[Tensor], names: Sequence[str], stream: RandomStream
    ) -> _Version:
        """Run the function once, and return what it leaves behind."""
        random = stream.inputs()
        given, n = [*inputs, *random], len(inputs)
        buffers: list[Buffer] = []
        called: list[Module] = []
        draws = 0

        def body(*tensors: Tensor) -> tuple[Any, list[Tensor]]:
            nonlocal draws
            drawn = stream.over(tensors[n:])
            arrived = [t._payload for t in tensors[:n]]
            with scope(None), drawing_from(drawn), called_modules() as modules:
                result = call(tensors[:n])
            if any(t._payload is not was for t, was in zip(tensors, arrived, strict=False)):
                raise TraceError(
                    f"{self._label} writes into one of its arguments, which compiled would not change for the caller: "
                    "write x = x.copy() first, and return it where the caller wants it"
                )
            self._check(result)
            called.extend(modules)
            draws = drawn.drawn
            builder = active_builder()
            assert builder is not None
            updates = list(builder.updates.values())
            buffers.extend(buffer for buffer, _ in updates)
            return result, [Tensor._make(payload, None) for _, payload in updates]

        specs = [Spec(t.shape, t.dtype) for t in given]
        graph, captured, rebuild = trace_with(
            body,
            specs,
            name=self._label,
            wants=lambda _: True,
            updates=True,
            names=[*names, *(f"random{i}" for i in range(len(random)))],
        )
        if not draws:
            kept = (*graph.inputs[:n], *graph.inputs[len(given) :])
            graph = Graph(kept, graph.nodes, graph.outputs, graph.name)
        modes = [(weakref.ref(module), module.training) for module in dict.fromkeys(called)]
        return _Version(
            self._same(graph),
            captured,
            _types(captured),
            lambda out: rebuild([*out, *[None] * len(buffers)])[0],
            buffers,
            modes,
            draws,
            stream.node,
        )

    def _check(self, result: Any) -> None:
        leaves, _ = flatten(result)
        wrong = [x for x in leaves if not isinstance(x, (Tensor, np.ndarray, np.generic, int, float))]
        if wrong or not leaves:
            what = _named(wrong[0]) if wrong else "nothing"
            raise DTypeError(
                f"{self._label} returned {what}, but a compiled function returns Tensors, or dicts, lists and "
                "tuples of them"
            )

    def _keep(self, key: Hashable, version: _Version) -> None:
        if key not in self._versions and len(self._versions) >= _KEPT:
            del self._versions[next(iter(self._versions))]
        self._versions.setdefault(key, []).append(version)

    def _same(self, graph: Graph) -> Graph:
        """Return an earlier graph of the same structure, for which there is a program, or else this one."""
        digest = structure(graph)
        if digest not in self._graphs and len(self._graphs) >= _KEPT:
            del self._graphs[next(iter(self._graphs))]
        return self._graphs.setdefault(digest, graph)


def _types(tensors: Sequence[Tensor]) -> Types:
    return tuple((t.shape, t.dtype) for t in tensors)


def _named(x: Any) -> str:
    """Return what something is, as a message names it."""
    if x is None:
        return "None"
    if isinstance(x, str):
        return repr(x)
    name = type(x).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


_STATIC = (Module, str, type(None))
"""Arguments that belong to the function rather than to the graph: another one means another trace."""


@overload
def compile(f: Callable[..., Any], *, engine: str = "auto") -> CompiledFunction: ...


@overload
def compile(f: None = None, *, engine: str = "auto") -> Callable[[Callable[..., Any]], CompiledFunction]: ...


def compile(f: Callable[..., Any] | None = None, *, engine: str = "auto") -> Any:
    """Return `f` compiled: the same results, by one program instead of one operation after another.

    Parameters
    ----------
    f
        A function of Tensors, arrays and numbers, or of dicts, lists and tuples of them, that returns Tensors or
        a nesting of them; a module is one. It runs once for each combination of shapes and dtypes. What it does
        with Python's own numbers and control flow is done then, and cannot follow from a Tensor's value. A
        Python number among the arguments has the dtype that NumPy would give it beside the arrays; modules,
        texts and None there are part of the function, which is traced anew for others.
    engine
        ``"native"`` for machine code, or ``"numpy"``; ``"auto"`` is the first. What cannot be compiled runs with
        NumPy, and a warning says so.

    Returns
    -------
    CompiledFunction
        Called like `f`. Its results can be differentiated to any order (`Tensor.backward`, `gg.grad`, …); inside
        a trace, and so in `gg.fit`, the call becomes one node of the graph. Tensors that `f` closes over, such
        as the parameters of a model, are read at every call; that a name has come to mean another Tensor is not
        noticed, so change values with `Tensor.assign`, or pass the Tensor as an argument.

    Raises
    ------
    DTypeError
        When called, where an argument or a result is no number.
    TraceError
        When called, where `f` asks a Tensor for its number (``if``, ``float``, ``np.asarray``).

    Notes
    -----
    A gradient through the compiled function runs its forward pass again: compiling the gradient, as in
    ``gg.compile(gg.grad(f))``, gives one program in which nothing is computed twice.

    Examples
    --------
    >>> import glassgrad as gg
    >>> @compile
    ... def energy(x):
    ...     return gg.sum(x * gg.tanh(x))
    >>> energy(gg.tensor([1.0, 2.0]))
    Tensor(2.68964932)
    >>> gg.grad(energy)(gg.tensor([1.0, 2.0]))
    Tensor([1.1815685 , 1.10532923])
    """
    if f is None:
        return partial(compile, engine=engine)
    return CompiledFunction(f, engine)
