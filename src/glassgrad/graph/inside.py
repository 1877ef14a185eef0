"""The graphs inside a composite operation: its definition, which people read, and its lowering, which engines run."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from glassgrad.ir import Graph, settings_key
from glassgrad.ops import Op

__all__ = ["inside_of"]

_CACHE: dict[Hashable, Mapping[str, Graph]] = {}
_KEPT = 4096


def inside_of(op: Op, inputs: Sequence[Any], attrs: Mapping[str, Any]) -> Mapping[str, Graph]:
    """Return the ``definition`` and ``lowering`` of a composite for inputs of these shapes and dtypes.

    Graphs are immutable, so one pair serves every node of the same types and settings.
    """
    key = (op.name, tuple((tuple(x.shape), x.dtype) for x in inputs), settings_key(attrs))
    found = _CACHE.get(key)
    if found is None:
        from glassgrad.graph.builder import Builder

        graphs = {}
        for role, form in (("definition", op.definition), ("lowering", op.lowering)):
            assert form is not None
            builder = Builder(f"{op.name}.{role}")
            handles = [builder.input(tuple(x.shape), x.dtype, f"x{i}") for i, x in enumerate(inputs)]
            with builder.active():
                out = form(builder, *handles, **attrs)
            graphs[role] = builder.finish(out if op.several else [out])
        if len(_CACHE) >= _KEPT:
            _CACHE.pop(next(iter(_CACHE)), None)
        found = _CACHE[key] = graphs
    return found
