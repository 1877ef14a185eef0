"""Structure: what two graphs have in common when they compute the same by the same operations.

Values and nodes are compared by identity, so a function that is traced twice leaves two graphs. Whether the second is
worth compiling is a question of its structure: operations, settings, types, constants, and who reads whom. Names,
scopes and source lines are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from glassgrad.ir import Constant, Graph, Value, settings_key
from glassgrad.ops import lookup

__all__ = ["structure"]


def structure(graph: Graph) -> bytes:
    """Return a digest that two graphs share exactly when their structures are equal.

    Examples
    --------
    >>> import glassgrad as gg
    >>> one, two, other = (gg.trace(lambda x, k=k: x * k, gg.Spec((2,))) for k in (2.0, 2.0, 3.0))
    >>> structure(one) == structure(two), structure(one) == structure(other)
    (True, False)
    """
    sha = hashlib.sha256()
    for part in _parts(graph):
        sha.update(part)
    return sha.digest()


def _parts(graph: Graph) -> Iterator[bytes]:
    numbers: dict[Value, int] = {}

    def name(value: Value) -> str:
        if value in numbers:
            return str(numbers[value])
        numbers[value] = len(numbers)
        content = hashlib.sha256(value.array.tobytes()).hexdigest() if isinstance(value, Constant) else ""
        return f"{numbers[value]}:{value.dtype.str}{value.shape}{content}"

    yield repr([name(v) for v in graph.inputs]).encode()
    for node in graph.nodes:
        values = [name(v) for v in (*node.inputs, *node.outputs)]
        yield repr((node.op, values, settings_key(node.attrs))).encode()
        if lookup(node.op).control:
            for role, inner in sorted(node.subgraphs.items()):
                yield role.encode()
                yield from _parts(inner)
    yield repr([name(v) for v in graph.outputs]).encode()
