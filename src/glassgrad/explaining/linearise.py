"""Linearising: each operation as the local derivatives between single numbers, at the point where it ran.

A path runs from number to number, so explanations need to know which elements of a result an element feeds, and with
which local derivative. What only moves numbers moves their places likewise; elsewhere the record's own rule is asked,
for many elements at once where it is known which belong together, else for one element of the result after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from glassgrad.errors import OptionError
from glassgrad.explaining.links import Link, Product, Sparse
from glassgrad.explaining.replay import Replay
from glassgrad.graph.rules import Arrays, run_kernel
from glassgrad.ir import Node
from glassgrad.language import Text
from glassgrad.ops import Op, lookup
from glassgrad.ops.places import filled

__all__ = ["UNSEEN", "NotFollowed", "check_real", "links_of", "unseen"]

Array = np.ndarray[Any, Any]

_MOVES = frozenset(
    {"reshape", "permute_dims", "broadcast_to", "flip", "roll", "concat", "getitem", "diagonal"}
)
"""Operations that move numbers and change none."""

_FILLS = frozenset({"index_put", "embed_diagonal"})
"""Operations that move numbers in among others, or among zeros."""

UNSEEN = _MOVES | {"astype", "identity"}
"""Operations that a reader need not see: what leaves them is what came in."""
_REDUCTIONS = frozenset({"sum", "mean", "max", "min", "prod", "var", "std", "logsumexp", "vector_norm"})
_BY_ROW = frozenset({"cross_entropy"})
_ALONG = frozenset(
    {"softmax", "log_softmax", "cumulative_sum", "cumulative_prod", "cummax", "cummin", "sort"}
)
_LOOPS = frozenset({"scan", "cond"})
_LISTED = 1 << 22
"""The most local derivatives that are listed for one operation."""

_NAMED = 3
"""Operations on complex numbers that are named."""


class NotFollowed(OptionError):
    """Paths are not followed through an operation: it has too many local derivatives, or complex numbers.

    Attributes
    ----------
    text
        The reason in both languages.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def unseen(node: Node) -> bool:
    """Say whether a node moves real numbers and changes none, so that a reader need not see it."""
    data = node.inputs if node.op == "concat" else node.inputs[:1]
    return node.op in UNSEEN and all(v.dtype.kind == "f" for v in (*data, *node.outputs))


def check_real(nodes: Iterable[Node]) -> None:
    """Refuse operations on complex numbers: each has two parts, and a local derivative between two has four.

    Raises
    ------
    NotFollowed
        Where there are some; they are named.
    """
    found = [n for n in nodes if any(v.dtype.kind == "c" for v in (*n.inputs, *n.outputs))]
    if found:
        places = dict.fromkeys(map(_place, found))
        more = len(places) - _NAMED
        text = Text(
            "explanations follow real numbers; this run has complex ones at {places}"
            + (" and {more} more" if more > 0 else ""),
            "설명은 실수를 따라가는데 이 실행에는 복소수가 있다: {places}"
            + (" 그 밖에 {more}곳" if more > 0 else ""),
        )
        raise NotFollowed(text.fill(places=", ".join(list(places)[:_NAMED]), more=more))


def _place(node: Node) -> str:
    return (
        node.op
        if node.source is None
        else f"{node.op} ({PurePath(node.source.file).name}:{node.source.line})"
    )


@np.errstate(all="ignore")  # a local derivative may be infinite where it is not used
def links_of(played: Replay, node: Node) -> list[Link]:
    """Return the links of each input of a node through which a gradient can flow, to each of its outputs.

    Raises
    ------
    NotFollowed
        Where the operation's local derivatives cannot be listed.
    """
    op = lookup(node.op)
    if op.pull is None:
        return []
    check_real([node])
    wanted = [i for i, v in enumerate(node.inputs) if v.dtype.kind == "f"]
    if node.op in _LOOPS:
        text = Text(
            "{op} has graphs of its own, through which paths are not followed; explain a number after it, or write its "
            "steps out",
            "{op:은/는} 안에 그래프를 따로 가지며 그 안으로는 경로를 따라가지 않는다. 그 뒤의 수를 설명하게 하거나 "
            "단계를 풀어 써라",
        )
        raise NotFollowed(text.fill(op=node.op))
    xs = [played.values[v] for v in node.inputs]
    if op.several:
        made = [k for k, v in enumerate(node.outputs) if v.dtype.kind == "f"]
        return [_several(played, op, node, xs, i, k) for i in wanted for k in made]
    if node.outputs[0].dtype.kind != "f":
        return []
    if node.op == "matmul":
        return [_product(played, node, i) for i in wanted]
    if node.op in _MOVES | _FILLS:
        return _moved(played, node, op, wanted)
    z = played.values[node.outputs[0]]
    found: list[Link] = []
    for i in wanted:
        if op.elementwise:
            links = _elementwise(op, node, xs, z, i)
        elif node.op in _REDUCTIONS or (node.op in _BY_ROW and xs[i].ndim == z.ndim + 1):
            links = _reduced(op, node, xs, z, i)
        elif node.op in _ALONG:
            links = _along(op, node, xs, z, i)
        elif node.op == "index_add":
            links = _added(node, xs, z)
        else:
            links = _each(op, node, xs, (z,), 0, i)
        if links is not None:
            found.append(Sparse(node, node.inputs[i], node.outputs[0], (xs[i].size, z.size), links))
    return found


def _several(played: Replay, op: Op, node: Node, xs: list[Array], i: int, k: int) -> Link:
    """Return the links from one input to one of several outputs."""
    zs = tuple(played.values[v] for v in node.outputs)
    links = _each(op, node, xs, zs, k, i)
    return Sparse(node, node.inputs[i], node.outputs[k], (xs[i].size, zs[k].size), links)


def _elementwise(op: Op, node: Node, xs: list[Array], z: Array, i: int) -> list[Array] | None:
    """Return the links of an input of which each element of the result reads one element."""
    assert op.push is not None
    tangents = [np.ones_like(x) if n == i else None for n, x in enumerate(xs)]
    slope = op.push(Arrays(), tangents, z, xs, node.attrs, node.subgraphs)
    if slope is None:
        return None
    begin = np.broadcast_to(np.arange(xs[i].size).reshape(xs[i].shape), z.shape)
    slope = np.broadcast_to(np.asarray(slope, np.float64), z.shape)
    return [begin.reshape(-1), np.arange(z.size), slope.reshape(-1)]


def _reduced(op: Op, node: Node, xs: list[Array], z: Array, i: int) -> list[Array] | None:
    """Return the links of an input of which each element feeds one element of the result."""
    assert op.pull is not None
    slope = _pulled(op, node, np.ones_like(z), z, xs, i)
    if slope is None:
        return None
    axes = node.attrs.get("axis", (xs[i].ndim - 1,))
    kept = tuple(1 if a in axes else d for a, d in enumerate(xs[i].shape))
    end = np.broadcast_to(np.arange(z.size).reshape(kept), xs[i].shape)
    return [np.arange(xs[i].size), end.reshape(-1), np.asarray(slope, np.float64).reshape(-1)]


def _check(node: Node, x: Array, count: int) -> None:
    if count > _LISTED:
        text = Text(
            "{op} of {shape} has {count:,} local derivatives, more than the {most:,} that can be listed; take smaller "
            "arrays, or ask about a value after it",
            "형상이 {shape}인 {op}의 국소적 미분은 {count:,}개로, 늘어놓을 수 있는 {most:,}개보다 많다. 더 작은 배열로 "
            "하거나 그 뒤의 값을 물어라",
        )
        raise NotFollowed(text.fill(op=node.op, shape=x.shape, count=count, most=_LISTED))


def _along(op: Op, node: Node, xs: list[Array], z: Array, i: int) -> list[Array]:
    """Return the links of an operation along one axis: the gradient of one place of the axis after the other."""
    axis = node.attrs["axis"]
    _check(node, xs[i], z.size * z.shape[axis])
    index = np.arange(z.size).reshape(z.shape)
    parts: list[tuple[Array, Array, Array]] = []
    for at in range(z.shape[axis]):
        seed = np.zeros_like(z)
        np.moveaxis(seed, axis, 0)[at] = 1
        slope = np.asarray(_pulled(op, node, seed, z, xs, i), np.float64)
        end = np.broadcast_to(index.take([at], axis), z.shape)
        used = slope != 0
        parts.append((index[used], end[used], slope[used]))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _added(node: Node, xs: list[Array], z: Array) -> list[Array]:
    """Return the links of values that are added at places: each leads to its place, where others may come, too."""
    places = np.arange(z.size).reshape(z.shape)[filled(node.attrs["index"], xs[1:])]
    begin = np.broadcast_to(np.arange(xs[0].size).reshape(xs[0].shape), places.shape)
    return [begin.reshape(-1), places.reshape(-1), np.ones(places.size)]


def _each(op: Op, node: Node, xs: list[Array], zs: Sequence[Array], k: int, i: int) -> list[Array]:
    """Return the links of any other operation: the gradient of one element of output `k` after the other."""
    _check(node, xs[i], zs[k].size * xs[i].size)
    none: Array = np.zeros(0)
    parts = [(none.astype(np.int64), none.astype(np.int64), none)]
    seeds = [np.zeros_like(z) for z in zs]
    for at in range(zs[k].size):
        seeds[k] = np.zeros_like(zs[k])
        seeds[k].reshape(-1)[at] = 1
        slope = _pulled(
            op, node, tuple(seeds) if op.several else seeds[0], zs if op.several else zs[0], xs, i
        )
        flat = none if slope is None else np.asarray(slope, np.float64).reshape(-1)
        (begin,) = np.nonzero(flat)
        parts.append((begin, np.full(len(begin), at), flat[begin]))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _pulled(op: Op, node: Node, seed: Any, z: Any, xs: list[Array], i: int) -> Any:
    assert op.pull is not None
    wanted = [n == i for n in range(len(xs))]
    with np.errstate(all="ignore"):
        return op.pull(Arrays(), wanted, seed, z, xs, node.attrs, node.subgraphs)[i]


def _moved(played: Replay, node: Node, op: Op, wanted: Sequence[int]) -> list[Link]:
    """Return the links of an operation that only moves numbers: it moves their places likewise."""
    places, first = [], 1
    data = {"concat": len(node.inputs), "index_put": 2}.get(node.op, 1)  # what comes after says where
    for i, v in enumerate(node.inputs):
        array = played.values[v]
        moves = v.dtype.kind == "f"
        numbered = np.arange(first, first + array.size) if moves else np.zeros(array.size, np.int64)
        places.append(numbered.reshape(array.shape) if i < data else array)
        first += array.size if moves else 0
    came = np.asarray(run_kernel(Arrays(), op, places, node.attrs, node.subgraphs)).reshape(-1)
    found: list[Link] = []
    for i in wanted:
        start, size = int(places[i].reshape(-1)[0]) if places[i].size else 0, places[i].size
        (end,) = np.nonzero((came >= start) & (came < start + size))
        links = [came[end] - start, end, np.ones(len(end))]
        found.append(Sparse(node, node.inputs[i], node.outputs[0], (size, came.size), links))
    return found


def _product(played: Replay, node: Node, i: int) -> Link:
    """Return the links of one operand of a product."""
    a, b = (played.values[v] for v in node.inputs)
    z = played.values[node.outputs[0]]
    source, target = node.inputs[i], node.outputs[0]
    left = a.reshape(-1, *a.shape[-2:]) if a.ndim > 1 else a.reshape(1, 1, -1)
    right = b.reshape(-1, *b.shape[-2:]) if b.ndim > 1 else b.reshape(1, -1, 1)
    if len(right) == 1:  # one matrix for a stack of others, whose rows are then rows of one matrix
        left = left.reshape(1, -1, left.shape[-1])
    elif a.shape[:-2] != b.shape[:-2]:
        return Sparse(
            node, source, target, ((a, b)[i].size, z.size), _each(lookup("matmul"), node, [a, b], (z,), 0, i)
        )
    shape = (len(left), left.shape[1], left.shape[2], right.shape[2])
    return Product(node, source, target, i == 0, right if i == 0 else left, shape)
