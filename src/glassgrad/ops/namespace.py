"""A namespace: the operations as functions, bound to one way of carrying them out.

``F.multiply(x, y)`` means: evaluate it (on arrays), record it (on Tensors), or add a node for it (in a builder),
depending on whose namespace ``F`` is. Only `Namespace.bind` differs between them; everything written in terms of
``F`` — derivative rules, composites, layers — works in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from glassgrad.catalogue import Catalogue
from glassgrad.errors import OptionError
from glassgrad.ops.record import REGISTRY, Home, Op, lookup

__all__ = ["FUNCTIONS", "HOMES", "Namespace", "find", "function"]

FUNCTIONS: Catalogue[str, Callable[..., Any]] = Catalogue()
"""Functions that are no operations of their own but are written in them (``squeeze`` is a ``reshape``)."""


HOMES: Catalogue[str, Home] = Catalogue()
"""The public namespace in which people find a function, by its name."""


def function(f: Callable[..., Any], *, home: Home = "xp") -> Callable[..., Any]:
    """Make ``f(F, ...)`` available as ``F.name(...)`` in every namespace, and to people in the one that is its home."""
    FUNCTIONS[f.__name__] = f
    HOMES[f.__name__] = home
    return f


def find(name: str) -> Op | Callable[..., Any] | None:
    """Return the record or the function of that name, None where there is neither."""
    found = REGISTRY.here(name) or FUNCTIONS.here(name)
    if found is None:
        found = REGISTRY.get(name) or FUNCTIONS.get(name)
    return found


class Namespace:
    """The operations as methods; subclasses say what binding one means."""

    def bind(
        self,
        op: Op,
        inputs: Sequence[Any],
        attrs: Mapping[str, Any] | None = None,
        subgraphs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Apply `op`; returns one value, or a tuple where the operation has several outputs.

        Parameters
        ----------
        op
            The operation's record.
        inputs
            Values of this namespace, arrays, or Python numbers (which take the dtype of the others).
        attrs, subgraphs
            Static settings and owned graphs, already in normal form.
        """
        raise NotImplementedError

    def value(self, x: Any) -> Any:
        """Return `x`, an array perhaps, as a value of this namespace, where a function has nothing to do to it."""
        return x

    def pull_through(self, graph: Any, wanted: Sequence[bool], g: Any, xs: Sequence[Any]) -> Sequence[Any]:
        """Return the cotangents of the inputs of `graph` (used by operations that own graphs)."""
        raise NotImplementedError

    def push_through(self, graph: Any, tangents: Sequence[Any], xs: Sequence[Any]) -> Any:
        """Return the tangents of the outputs of `graph`."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = find(name)
        try:
            f = found or lookup(name)
        except OptionError as error:
            raise AttributeError(str(error)) from None
        method = partial(f.call if isinstance(f, Op) else f, self)
        self.__dict__[name] = method
        return method
