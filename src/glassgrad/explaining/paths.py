"""Paths: the gradient of one number as a sum over all ways on which it reaches the result.

Each path contributes the product of the local derivatives along it, and the contributions of all paths add up to the
gradient: that is the chain rule. Small networks have few paths, which are all listed. Wide ones have many; then the
largest are found best first, guided by the largest product that is still possible from each number on, which one sweep
backwards gives, and the others are summed without being told apart.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import numpy as np

from glassgrad.explaining.exact import difference, exact_sum, times
from glassgrad.explaining.linearise import links_of
from glassgrad.explaining.links import Link
from glassgrad.explaining.replay import Replay
from glassgrad.ir import Node, Value

__all__ = ["Path", "PathSum", "Paths", "Shares", "Stop"]

Array = np.ndarray[Any, Any]

LISTED = 100_000
"""The most paths that are all followed; beyond, the smaller ones are summed together."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A number on a path: an element of a value, the node that leads to it, and the local derivative of that step."""

    value: Value
    element: int
    node: Node
    derivative: float


@dataclass(frozen=True, slots=True)
class Path:
    """One way from a number to the result.

    Attributes
    ----------
    stops
        The numbers after the first, in order; the last is the result.
    product
        The product of the local derivatives: what the path contributes to the gradient.
    row
        The row of the mini-batch that the path runs through; None where there are no rows.
    """

    stops: tuple[Stop, ...]
    product: float
    row: int | None


@dataclass(frozen=True, slots=True)
class PathSum:
    """The gradient of one number as a sum over paths.

    Attributes
    ----------
    paths
        The largest paths, largest first.
    number
        How many paths there are; exact below 2**53.
    others
        What the paths that are not listed contribute together.
    size
        Σ|contribution| over all paths where they were all followed, else over the listed ones.
    gradient
        What backpropagation found.
    rounding
        gradient − (paths + others): what rounding, in the run's own dtype, made of it.
    complete
        Whether every path was followed; else `others` was carried forward all at once.
    """

    paths: tuple[Path, ...]
    number: float
    others: float
    size: float
    gradient: float
    rounding: float
    complete: bool


@dataclass(frozen=True, slots=True)
class Shares:
    """What each row of the mini-batch contributes to a gradient.

    Attributes
    ----------
    rows
        (n,) the contribution of each row.
    sizes
        (n,) Σ|term| of each.
    apart
        What goes through no row, such as a penalty on the weights themselves.
    rounding
        gradient − apart − Σ rows.
    """

    rows: Array
    sizes: Array
    apart: float
    rounding: float


class Paths:
    """The paths of a replay.

    Parameters
    ----------
    played
        A graph that was run; layers are best opened to matrix products.

    Examples
    --------
    >>> import glassgrad as gg
    >>> from glassgrad.explaining.replay import replay
    >>> graph = gg.trace(lambda x: gg.sum(gg.square(x) * x), gg.Spec((2,)))
    >>> found = Paths(replay(graph, [[2.0, 3.0]])).why(graph.inputs[0], 0)
    >>> [path.product for path in found.paths], found.gradient
    ([8.0, 4.0], 12.0)
    """

    def __init__(self, played: Replay) -> None:
        self.played = played
        self._readers: dict[Value, list[Node]] = {}
        for node in played.graph.nodes:
            for value in dict.fromkeys(node.inputs):
                self._readers.setdefault(value, []).append(node)
        self._by_node: dict[Node, list[Link]] = {}
        self._largest: dict[Value, Array] = {played.result: np.ones(1)}
        self._count: dict[Value, Array] = {played.result: np.ones(1)}
        graph = played.graph
        every = [*graph.inputs, *graph.constants(), *(v for node in graph.nodes for v in node.outputs)]
        self._order = {v: i for i, v in enumerate(every)}
        self._meets: set[Value] = set()
        for node in reversed(graph.nodes):
            if any(v in played.rows or v in self._meets for v in node.outputs):
                self._meets.update(node.inputs)

    # --- questions ---

    @np.errstate(all="ignore")  # what is not finite is explained, too
    def why(self, value: Value, element: int, most: int = 10) -> PathSum:
        """Return the gradient of one element as a sum over paths, of which up to `most` are told apart.

        Parameters
        ----------
        value, element
            Which number, counted in row-major order.
        most
            How many paths to list.

        Raises
        ------
        NotFollowed
            Where an operation on the way has too many local derivatives.
        """
        gradient = float(self.played.gradient(value).reshape(-1)[element])
        start = np.array([element])
        number = float(self._at(value, start, self._count, "count")[0])
        multiplied = self._times(gradient)
        if number <= LISTED:
            terms = self._terms(value, start, multiplied)
            size, total, complete = float(np.abs(terms).sum()), exact_sum(terms), True
        else:
            terms, complete = np.zeros(0), False
            total = self._carried(value, element)
            size = 0.0
        paths = self._best(value, element, most, multiplied)
        listed = [path.product for path in paths]
        others = exact_sum([*(terms if complete else [total]), *(-p for p in listed)])
        if len(paths) == number:
            others = 0.0
        size = size if complete else float(np.abs(listed).sum()) + abs(others)
        rounding = difference(gradient, total)
        return PathSum(tuple(paths), number, others, size, gradient, rounding, complete)

    def total(self) -> float:
        """Return how many paths lead to the result from all inputs together: the leaves of its formula."""
        sizes = [(v, self.played.values[v].size) for v in self.played.graph.inputs if v.dtype.kind == "f"]
        return sum(float(self._at(v, np.arange(n), self._count, "count").sum()) for v, n in sizes)

    @np.errstate(all="ignore")
    def shares(self, value: Value, element: int) -> Shares | None:
        """Return what each row contributes to the gradient of one element; None where it feeds no row."""
        played = self.played
        if value in played.rows or value not in self._meets:
            return None
        rows = next(played.values[v].shape[0] for v in played.rows)
        gradient = float(played.gradient(value).reshape(-1)[element])
        multiplied = self._times(gradient)
        where: list[Array] = [np.zeros(0, np.int64)]
        terms: list[Array] = [np.zeros(0)]
        apart: list[Array] = [np.zeros(0)]
        front: dict[Value, list[tuple[Array, Array]]] = {value: [(np.array([element]), np.ones(1))]}
        while front:
            at = min(front, key=self._order.__getitem__)
            elements, products = map(np.concatenate, zip(*front.pop(at), strict=True))
            elements, places = np.unique(elements, return_inverse=True)
            products = np.bincount(places, weights=products, minlength=len(elements))
            for link in self._links(at):
                which, end, derivative = link.onward(elements)
                reached = multiplied(products[which], derivative)
                if link.target in self._meets and link.target not in played.rows:
                    front.setdefault(link.target, []).append((end, reached))
                    continue
                term = multiplied(reached, played.gradient(link.target).reshape(-1)[end].astype(np.float64))
                if link.target in played.rows:
                    where.append(end // max(played.values[link.target].size // rows, 1))
                    terms.append(term)
                else:
                    apart.append(term)
        at_row, term = np.concatenate(where), np.concatenate(terms)
        order = np.argsort(at_row, kind="stable")
        edges = np.searchsorted(at_row[order], np.arange(rows + 1))
        term = term[order]
        shares = np.array([exact_sum(term[a:b]) for a, b in pairwise(edges)])
        sizes = np.bincount(at_row[order], weights=np.abs(term), minlength=rows)
        rowless = exact_sum(np.concatenate(apart))
        return Shares(shares, sizes, rowless, difference(gradient, exact_sum([*shares, rowless])))

    # --- links ---

    def _links(self, value: Value) -> list[Link]:
        """Return the links that leave a value towards the result."""
        found = []
        for node in self._readers.get(value, ()):
            if node not in self._by_node:
                self._by_node[node] = links_of(self.played, node)
            found += [link for link in self._by_node[node] if link.source is value]
        return list(dict.fromkeys(found))

    def _at(self, value: Value, elements: Array, known: dict[Value, Array], what: str) -> Array:
        """Return the largest product (or the number of paths) from some elements on to the result.

        For values that have rows it is worked out for the whole array and kept; for weights, of which few elements are
        asked about, for these elements alone.
        """
        if value in known:
            return known[value][elements]
        asked = {value: [elements]}
        steps = []
        while asked:
            at = min(asked, key=self._order.__getitem__)
            size = self.played.values[at].size
            here = np.unique(np.concatenate(asked.pop(at)))
            whole = at in self.played.rows or len(here) * 4 > size
            hops = [(link, None if whole else link.onward(here)) for link in self._links(at)]
            for link, hop in hops:
                if link.target not in known:
                    ends = np.arange(self.played.values[link.target].size) if hop is None else hop[1]
                    asked.setdefault(link.target, []).append(ends)
            steps.append((at, np.arange(size) if whole else here, hops))
        partly: dict[Value, tuple[Array, Array]] = {}

        def after(target: Value, ends: Array) -> Array:
            if target in known:
                return known[target][ends]
            places, numbers = partly[target]
            return numbers[np.searchsorted(places, ends)]

        for at, here, hops in reversed(steps):
            found = np.zeros(len(here))
            for link, hop in hops:
                if hop is None:
                    beyond = after(link.target, np.arange(self.played.values[link.target].size))
                    own = link.count(beyond) if what == "count" else link.largest(beyond)
                    found = found + own if what == "count" else np.maximum(found, own)
                    continue
                which, ends, derivative = hop
                beyond = after(link.target, ends)
                if what == "count":
                    found += np.bincount(which, weights=beyond, minlength=len(here))
                else:
                    np.maximum.at(found, which, times(np.abs(derivative), beyond))
            found[np.isnan(found)] = np.inf  # what is no number comes first
            if len(here) == self.played.values[at].size:
                known[at] = found
            else:
                partly[at] = here, found
        return after(value, elements)

    # --- walks ---

    def _times(self, gradient: float) -> Callable[[Any, Any], Any]:
        """Return how local derivatives are multiplied: 0 · ∞ is 0, as in a backward pass that came out finite."""
        return times if np.isfinite(gradient) else np.multiply

    def _terms(self, value: Value, elements: Array, multiplied: Callable[[Any, Any], Any] = times) -> Array:
        """Return the contribution of every path."""
        done = [np.zeros(0)]
        front: dict[Value, list[tuple[Array, Array]]] = {value: [(elements, np.ones(len(elements)))]}
        while front:
            at = min(front, key=self._order.__getitem__)
            here, products = map(np.concatenate, zip(*front.pop(at), strict=True))
            if at is self.played.result:
                done.append(products)
            for link in self._links(at):
                which, end, derivative = link.onward(here)
                front.setdefault(link.target, []).append((end, multiplied(products[which], derivative)))
        return np.concatenate(done)

    def _carried(self, value: Value, element: int) -> float:
        """Return the sum over all paths at once: the derivative carried forward from one number."""
        moving: dict[Value, Array] = {value: np.zeros(self.played.values[value].size)}
        moving[value][element] = 1.0
        for at in self._order:
            for link in self._links(at) if at in moving else ():
                carried = link.carried(moving[at])
                moving[link.target] = moving.get(link.target, 0.0) + carried
        return float(moving.get(self.played.result, np.zeros(1))[0])

    def _best(
        self, value: Value, element: int, most: int, multiplied: Callable[[Any, Any], Any]
    ) -> list[Path]:
        """Return the paths of largest contribution, largest first."""
        order = count(0, -1)  # of equals the latest goes first, so that one path is followed to its end
        first = float(self._at(value, np.array([element]), self._largest, "largest")[0])
        waiting: list[tuple[float, int, Value, int, float, tuple[Stop, ...]]] = [
            (-first, next(order), value, element, 1.0, ())
        ]
        found: list[Path] = []
        while waiting and len(found) < most:
            _, _, at, here, product, stops = heapq.heappop(waiting)
            if at is self.played.result:
                found.append(Path(stops, product, self._row(value, element, stops)))
                continue
            for link in reversed(self._links(at)):
                _, ends, derivatives = link.onward(np.array([here]))
                after = self._at(link.target, ends, self._largest, "largest")
                hops = list(zip(ends.tolist(), derivatives.tolist(), after.tolist(), strict=True))
                for end, derivative, still in reversed(hops):
                    reached = float(multiplied(product, derivative))
                    bound = float(multiplied(abs(reached), still))
                    bound = math.inf if math.isnan(bound) else bound
                    stop = Stop(link.target, end, link.node, derivative)
                    item = (-bound, next(order), link.target, end, reached, (*stops, stop))
                    heapq.heappush(waiting, item)
        return found

    def _row(self, value: Value, element: int, stops: Sequence[Stop]) -> int | None:
        """Return the row that a path runs through."""
        rows = self.played.rows
        for at, here in ((value, element), *((s.value, s.element) for s in stops)):
            if at in rows:
                array = self.played.values[at]
                return int(here // max(array.size // array.shape[0], 1))
        return None
