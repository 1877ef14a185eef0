"""Python's operators for every handle on a value, written once.

A Tensor and a value being traced both add with ``+``; which namespace carries it out is the only difference.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Operators"]


class Operators:
    """Arithmetic, comparison and indexing in terms of the handle's namespace (class attribute ``_F``)."""

    __slots__ = ()

    _F: Any
    __array_ufunc__ = None  # NumPy arrays leave mixed operators to the handle.

    def __add__(self, other: Any) -> Any:
        return self._F.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return self._F.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return self._F.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._F.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return self._F.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._F.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._F.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._F.divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return self._F.pow(self, other)

    def __rpow__(self, other: Any) -> Any:
        return self._F.pow(other, self)

    def __matmul__(self, other: Any) -> Any:
        return self._F.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self._F.matmul(other, self)

    def __neg__(self) -> Any:
        return self._F.negative(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self._F.abs(self)

    def __lt__(self, other: Any) -> Any:
        return self._F.less(self, other)

    def __le__(self, other: Any) -> Any:
        return self._F.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return self._F.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return self._F.greater_equal(self, other)

    def __eq__(self, other: Any) -> Any:
        return self._F.equal(self, other)

    def __ne__(self, other: Any) -> Any:
        return self._F.not_equal(self, other)

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Any:
        return self._F.logical_and(self, other)

    def __or__(self, other: Any) -> Any:
        return self._F.logical_or(self, other)

    def __invert__(self) -> Any:
        return self._F.logical_not(self)

    def __getitem__(self, index: Any) -> Any:
        return self._F.getitem(self, index)
