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

    def walk(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: walk(child) for key, child in node.items()}
        if isinstance(node, (list, tuple)):
            parts = [walk(child) for child in node]
            return tuple(parts) if isinstance(node, tuple) else parts
        leaves.append(node)
        return _Leaf(len(leaves) - 1)

    shape = walk(tree)

    def rebuild(values: list[Any]) -> Any:
        def put(node: Any) -> Any:
            if isinstance(node, dict):
                return {key: put(child) for key, child in node.items()}
            if isinstance(node, list):
                return [put(child) for child in node]
            if isinstance(node, tuple):
                return tuple(put(child) for child in node)
            return values[node.position]

        return put(shape)

    return leaves, rebuild


class _Leaf:
    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


def map_tree(f: Callable[[Any], Any], tree: Any) -> Any:
    """Apply `f` to every leaf."""
    leaves, rebuild = flatten(tree)
    return rebuild([f(leaf) for leaf in leaves])
