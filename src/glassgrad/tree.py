"""Nested containers of values: flattened for graphs, which take and return flat lists, and put back together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["flatten", "map_tree"]


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """Return the leaves of a nesting of dicts, lists and tuples, and the function that puts leaves back.

    Examples
    --------
    >>> leaves, rebuild = flatten({"w": 1, "layers": [2, (3,)]})
    >>> leaves
    [1, 2, 3]
    >>> rebuild([10, 20, 30])
    {'w': 10, 'layers': [20, (30,)]}
    """
    leaves: list[Any] = []
    shape = _walk(tree, leaves)
    return leaves, lambda values: _put(shape, values)


def _walk(node: Any, leaves: list[Any]) -> Any:
    """Collect the leaves and return the nesting with their positions; a named tuple keeps its names."""
    if isinstance(node, Mapping):
        return {key: _walk(child, leaves) for key, child in node.items()}
    if isinstance(node, list):
        return [_walk(child, leaves) for child in node]
    if isinstance(node, tuple):
        return _like(node, [_walk(child, leaves) for child in node])
    leaves.append(node)
    return _Leaf(len(leaves) - 1)


def _put(node: Any, values: list[Any]) -> Any:
    if isinstance(node, dict):
        return {key: _put(child, values) for key, child in node.items()}
    if isinstance(node, list):
        return [_put(child, values) for child in node]
    if isinstance(node, tuple):
        return _like(node, [_put(child, values) for child in node])
    return values[node.position]


def _like(node: tuple[Any, ...], parts: list[Any]) -> tuple[Any, ...]:
    return type(node)(*parts) if hasattr(node, "_fields") else tuple(parts)


class _Leaf:
    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


def map_tree(f: Callable[[Any], Any], tree: Any) -> Any:
    """Apply `f` to every leaf."""
    leaves, rebuild = flatten(tree)
    return rebuild([f(leaf) for leaf in leaves])
