"""Python's operators for every handle on a value, written once.

A Tensor and a value being traced both add with ``+``; which namespace carries it out is the only difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import GlassgradError
from glassgrad.ir.origin import located

__all__ = ["Operators"]


def _truths(*xs: Any) -> bool:
    """Say whether operands hold truth values, which the operators of bits combine by logic."""
    return all(isinstance(x, bool) or getattr(x, "dtype", None) == np.bool_ for x in xs)


class Operators:
    """Arithmetic, comparison and indexing in terms of the handle's namespace (class attribute ``_F``)."""

    __slots__ = ()

    _F: Any

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

    def __floordiv__(self, other: Any) -> Any:
        return self._F.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._F.floor_divide(other, self)

    def __mod__(self, other: Any) -> Any:
        return self._F.remainder(self, other)

    def __rmod__(self, other: Any) -> Any:
        return self._F.remainder(other, self)

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
        return self._F.positive(self)

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
        return (self._F.logical_and if _truths(self, other) else self._F.bitwise_and)(self, other)

    def __rand__(self, other: Any) -> Any:
        return (self._F.logical_and if _truths(self, other) else self._F.bitwise_and)(other, self)

    def __or__(self, other: Any) -> Any:
        return (self._F.logical_or if _truths(self, other) else self._F.bitwise_or)(self, other)

    def __ror__(self, other: Any) -> Any:
        return (self._F.logical_or if _truths(self, other) else self._F.bitwise_or)(other, self)

    def __xor__(self, other: Any) -> Any:
        return (self._F.logical_xor if _truths(self, other) else self._F.bitwise_xor)(self, other)

    def __rxor__(self, other: Any) -> Any:
        return (self._F.logical_xor if _truths(self, other) else self._F.bitwise_xor)(other, self)

    def __invert__(self) -> Any:
        return (self._F.logical_not if _truths(self) else self._F.bitwise_invert)(self)

    def __lshift__(self, other: Any) -> Any:
        return self._F.bitwise_left_shift(self, other)

    def __rlshift__(self, other: Any) -> Any:
        return self._F.bitwise_left_shift(other, self)

    def __rshift__(self, other: Any) -> Any:
        return self._F.bitwise_right_shift(self, other)

    def __rrshift__(self, other: Any) -> Any:
        return self._F.bitwise_right_shift(other, self)

    def __getitem__(self, index: Any) -> Any:
        try:
            return self._F.getitem(self, index)
        except GlassgradError as error:
            raise located(error, "getitem", (self,)) from error.__cause__
