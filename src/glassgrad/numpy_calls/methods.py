"""The methods of NumPy's arrays: ``t.sum(axis=0)`` is ``np.sum(t, axis=0)``, so that nothing is written twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.errors import GlassgradError
from glassgrad.ir.origin import located
from glassgrad.numpy_calls.protocol import NumPyCalls, place_of_out
from glassgrad.numpy_calls.table import RULES

__all__ = ["ArrayMethods"]

_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    np.all,
    np.any,
    np.argmax,
    np.argmin,
    np.argpartition,
    np.argsort,
    np.clip,
    np.compress,
    np.cumprod,
    np.cumsum,
    np.diagonal,
    np.dot,
    np.max,
    np.mean,
    np.min,
    np.nonzero,
    np.prod,
    np.ravel,
    np.repeat,
    np.round,
    np.searchsorted,
    np.squeeze,
    np.std,
    np.sum,
    np.swapaxes,
    np.take,
    np.trace,
    np.var,
)
"""Functions that arrays have as methods of the same name and arguments."""


class ArrayMethods(NumPyCalls):
    """A value with the methods of NumPy's arrays."""

    __slots__ = ()

    @property
    def real(self) -> Any:
        """The real parts."""
        return self._F.real(self)

    @property
    def imag(self) -> Any:
        """The imaginary parts, zeros where the values are real."""
        return self._F.imag(self)

    def transpose(self, *axes: Any) -> Any:
        """Reverse the axes, or put them in another order, given one by one or as a tuple."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return self._F.transpose(self, order)

    def conj(self) -> Any:
        """Return the complex conjugates."""
        return self._F.conj(self)

    conjugate = conj

    def copy(self, order: str = "C") -> Any:
        """Return the values in an array of its own, which lies row by row in memory unless `order` says otherwise."""
        array: Any = self
        if order == "C":
            return self._F.reshape(array, tuple(array.shape), copy=True)
        return self._F.identity(array)

    def flatten(self, order: str = "C") -> Any:
        """Return the elements along one axis, in an array of its own."""
        return self._F.identity(RULES[np.ravel](self._F, self, order))


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    rule, out = RULES[function], place_of_out(function)
    direct = 1000 if out is None else out  # more arguments than that, and one of them is `out`
    parameters = list(inspect.signature(rule).parameters.values())[1:]
    signature = inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in parameters])
    shown = f"t.{name}{signature.replace(parameters=list(signature.parameters.values())[1:])}"

    def method(self: NumPyCalls, *args: Any, **kwargs: Any) -> Any:
        try:
            if "out" in kwargs or len(args) >= direct:
                return self.__array_function__(function, (), (self, *args), kwargs)
            return rule(self._F, self, *args, **kwargs)
        except (GlassgradError, TypeError) as problem:
            if isinstance(problem, TypeError):
                try:
                    signature.bind(self, *args, **kwargs)
                except TypeError as error:
                    raise TypeError(f"{name}() {error}; it is called {shown}") from None
            if isinstance(problem, GlassgradError):
                raise located(problem, name, (self,)) from problem.__cause__
            raise

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"As `numpy.{function.__name__}` of this array."
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


class _Later:
    """A method that is made when it is first asked for, because its rule may have to be imported."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name, self.function = name, function

    def __get__(self, instance: Any, owner: Any) -> Any:
        method = _method(self.name, self.function)
        setattr(ArrayMethods, self.name, method)
        return method.__get__(instance, owner)


for _function in _FUNCTIONS:
    _name = {np.max: "max", np.min: "min"}.get(_function, _function.__name__)
    setattr(ArrayMethods, _name, _Later(_name, _function))
