"""Links: the local derivatives between the single numbers of an operation's input and those of its output.

Most operations touch few elements for each: their derivatives are listed (`Sparse`). In a matrix product every element
of a row meets every column; its local derivatives are the other operand's own numbers, which are read there instead of
being listed (`Product`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.explaining.exact import times
from glassgrad.ir import Node, Value

__all__ = ["Link", "Product", "Sparse"]

Array = np.ndarray[Any, Any]


class Link(ABC):
    """The local derivatives between an input of a node and its output.

    Attributes
    ----------
    source, target
        The two values; elements are counted in row-major order.
    node
        The node.
    """

    def __init__(self, node: Node, source: Value, target: Value) -> None:
        self.node, self.source, self.target = node, source, target

    @abstractmethod
    def onward(self, elements: Array) -> tuple[Array, Array, Array]:
        """Return the links that leave some elements of the source.

        Parameters
        ----------
        elements
            (k,) element numbers of the source.

        Returns
        -------
        ndarray, ndarray, ndarray
            For each link which of `elements` it leaves, the element of the target it leads to, and its local
            derivative in float64.
        """

    @abstractmethod
    def largest(self, after: Array) -> Array:
        """Return for each element of the source the largest |local derivative| · `after` over its links."""

    @abstractmethod
    def count(self, after: Array) -> Array:
        """Return for each element of the source the sum of `after` over its links."""

    @abstractmethod
    def carried(self, before: Array) -> Array:
        """Return for each element of the target the sum of local derivative · `before` over its links."""


class Sparse(Link):
    """Local derivatives listed one by one."""

    def __init__(
        self, node: Node, source: Value, target: Value, sizes: tuple[int, int], links: Sequence[Array]
    ) -> None:
        super().__init__(node, source, target)
        begin, end, derivative = links
        order = np.argsort(begin, kind="stable")
        self._begin, self._end, self._derivative = begin[order], end[order], derivative[order]
        self._sizes = sizes
        self._starts = np.searchsorted(self._begin, np.arange(sizes[0] + 1))

    def onward(self, elements: Array) -> tuple[Array, Array, Array]:
        """Return the links that leave some elements."""
        starts, ends = self._starts[elements], self._starts[elements + 1]
        counts = ends - starts
        which = np.repeat(np.arange(len(elements)), counts)
        places = (
            np.arange(counts.sum())
            - np.repeat(np.cumsum(counts) - counts, counts)
            + np.repeat(starts, counts)
        )
        return which, self._end[places], self._derivative[places]

    def largest(self, after: Array) -> Array:
        """Return the largest |local derivative| · `after` for each element of the source."""
        found = np.zeros(self._sizes[0])
        np.maximum.at(found, self._begin, times(np.abs(self._derivative), after[self._end]))
        return found

    def count(self, after: Array) -> Array:
        """Return the sum of `after` for each element of the source."""
        return np.bincount(self._begin, weights=after[self._end], minlength=self._sizes[0])

    def carried(self, before: Array) -> Array:
        """Return the sum of local derivative · `before` for each element of the target."""
        weights = times(self._derivative, before[self._begin])
        return np.bincount(self._end, weights=weights, minlength=self._sizes[1])


class Product(Link):
    """The links of one operand of a product of matrices, (batch, rows, depth) @ (batch, depth, columns)."""

    def __init__(
        self, node: Node, source: Value, target: Value, first: bool, other: Array, shape: tuple[int, ...]
    ) -> None:
        super().__init__(node, source, target)
        self._first = first
        self._other = np.asarray(other, np.float64)
        self._batch, self._rows, self._depth, self._columns = shape

    def onward(self, elements: Array) -> tuple[Array, Array, Array]:
        """Return the links that leave some elements."""
        count = len(elements)
        if self._first:
            b, m, k = np.unravel_index(elements, (self._batch, self._rows, self._depth))
            free, derivative = np.arange(self._columns), self._other[b, k, :]
            out = (b * self._rows + m)[:, None] * self._columns + free
        else:
            b, k, n = np.unravel_index(elements, (self._batch, self._depth, self._columns))
            free, derivative = np.arange(self._rows), self._other[b, :, k]
            out = (b[:, None] * self._rows + free) * self._columns + n[:, None]
        return np.repeat(np.arange(count), len(free)), out.reshape(-1), derivative.reshape(-1)

    def largest(self, after: Array) -> Array:
        """Return the largest |local derivative| · `after` for each element of the source."""
        after = after.reshape(self._batch, self._rows, self._columns)
        size = np.abs(self._other)
        if self._first:  # [b, m, k] = max over n of |other[b, k, n]| · after[b, m, n]
            rows = [np.max(size * after[:, m, None, :], axis=2) for m in range(self._rows)]
            return np.stack(rows, axis=1).reshape(-1)
        columns = [np.max(size * after[:, :, n, None], axis=1) for n in range(self._columns)]
        return np.stack(columns, axis=2).reshape(-1)

    def count(self, after: Array) -> Array:
        """Return the sum of `after` for each element of the source."""
        after = after.reshape(self._batch, self._rows, self._columns)
        total = after.sum(axis=2, keepdims=True) if self._first else after.sum(axis=1, keepdims=True)
        shape = (
            (self._batch, self._rows, self._depth)
            if self._first
            else (self._batch, self._depth, self._columns)
        )
        return np.broadcast_to(total, shape).reshape(-1)

    def carried(self, before: Array) -> Array:
        """Return the sum of local derivative · `before` for each element of the target."""
        if self._first:
            return (before.reshape(self._batch, self._rows, self._depth) @ self._other).reshape(-1)
        return (self._other @ before.reshape(self._batch, self._depth, self._columns)).reshape(-1)
