"""Stand-ins for `numpy`, `math`, `random` and `time` in the program that is looked at.

What makes arrays gives arrays that record; everything else is the module's own. They exist only for the program:
the libraries it imports see the real modules.
"""

from __future__ import annotations

import math
import random
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.checking.recording.traced import (
    Session,
    Traced,
    TracedScalar,
    adopted,
    is_traced,
    outside,
    plain,
    record,
)

__all__ = ["STANDINS"]


class StandIn(types.ModuleType):
    """A module that gives its names as another does, but for those that are replaced."""

    def __init__(self, real: Any, replaced: dict[str, Any], wrap: Callable[[str, Any], Any]) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update({"_real": real, "_wrap": wrap, **replaced})
        self.__dict__["__all__"] = [name for name in dir(real) if not name.startswith("_")]

    def __getattr__(self, name: str) -> Any:
        value = self._wrap(name, getattr(self._real, name))
        self.__dict__[name] = value
        return value


def _tracing(name: str, value: Any) -> Any:
    """Return a function of NumPy so that what it makes records; a class, ufunc or constant as it is."""
    if isinstance(value, types.ModuleType):
        return StandIn(value, {}, _tracing) if value.__name__.startswith("numpy.") else value
    if isinstance(value, (type, np.ufunc)) or not callable(value):
        return _Generators(value) if value in _GENERATORS else value

    asks = type(value).__name__ == "_ArrayFunctionDispatcher"

    def call(*args: Any, **kwargs: Any) -> Any:
        if asks:
            return adopted_all(value(*args, **kwargs), name)
        return adopted_all(value(*plain(args), **plain(kwargs)), name)

    call.__name__, call.__doc__ = name, value.__doc__
    return call


def adopted_all(value: Any, name: str) -> Any:
    """Return what a function made with every array in it recording."""
    if type(value) in (list, tuple):
        return type(value)(adopted(item, name) for item in value)
    return adopted(value, name)


class _Generators:
    """A class of random generators: what its objects draw records."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return StandIn_of_generator(self._kind(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kind, name)


def StandIn_of_generator(generator: Any) -> Any:
    """Return a generator whose draws record."""
    return _Generator(generator)


class _Generator:
    def __init__(self, generator: Any) -> None:
        self._generator = generator

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._generator, name)
        return _tracing(name, value) if callable(value) else value


_GENERATORS = (np.random.RandomState,)


def _default_rng(*args: Any, **kwargs: Any) -> Any:
    return _Generator(np.random.default_rng(*args, **kwargs))


def _array(value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    """``np.array``: of traced values a recorded copy, of others a value from outside."""
    if dtype is not None:
        kwargs["dtype"] = dtype
    if isinstance(value, Traced) or _holds_traced(value):
        if dtype is object or _ragged(value):
            return np.array(value, **kwargs)
        return record(np.array, "array", (value,), kwargs)
    return adopted(np.array(value, **kwargs), "array")


def _asarray(value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if isinstance(value, Traced) and (dtype is None or value.dtype == dtype):
        return value
    return _array(value, dtype, **kwargs)


def _holds_traced(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(is_traced(item) or _holds_traced(item) for item in value)


def _ragged(value: Any) -> bool:
    try:
        return bool(np.asarray(plain(value)).dtype == object)
    except ValueError:
        return True


def _vectorize(function: Any, *args: Any, **kwargs: Any) -> Any:
    """``np.vectorize``: the function is called on numbers that record."""

    def call(*arrays: Any) -> Any:
        if not any(is_traced(a) or _holds_traced(a) for a in arrays):
            return np.vectorize(function, *args, **kwargs)(*arrays)
        arrays = tuple(_asarray(a) for a in arrays)
        shape = np.broadcast_shapes(*(np.shape(a) for a in arrays))
        spread = [np.broadcast_to(a, shape) for a in arrays]
        results = [function(*(a[i] for a in spread)) for i in np.ndindex(shape)]
        return np.reshape(_array(results), shape)

    return call


class _Concatenator:
    """``np.r_`` and ``np.c_``."""

    def __init__(self, real: Any, name: str) -> None:
        self._real, self._name = real, name

    def __getitem__(self, index: Any) -> Any:
        if any(is_traced(item) for item in (index if isinstance(index, tuple) else (index,))):
            return record(self._real.__getitem__, self._name, (index,), {})
        return adopted(self._real[index], self._name)


def _on_numbers(name: str, value: Any) -> Any:
    """Return a function of `math` that records where its argument does."""
    ufunc = getattr(np, _UFUNCS.get(name, name), None)
    if not isinstance(ufunc, np.ufunc):
        return value

    def call(*args: Any) -> Any:
        if any(is_traced(a) for a in args):
            return ufunc(*args)
        return value(*args)

    return call


_UFUNCS = {"pow": "power", "fabs": "absolute"}


def _drawing(name: str, value: Any) -> Any:
    """Return a function of `random` whose floats record."""
    if name not in _DRAWS:
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        return outside(value(*plain(args), **plain(kwargs)), f"random.{name}")

    return call


_DRAWS = frozenset("random uniform gauss normalvariate triangular betavariate expovariate".split())


def _number_of(kind: Any) -> Any:
    """Return ``np.float64`` and the like: a traced number stays one."""
    return kind


def _standins() -> dict[str, types.ModuleType]:
    randoms = StandIn(np.random, {"default_rng": _default_rng}, _tracing)
    replaced = {
        "random": randoms,
        "array": _array,
        "asarray": _asarray,
        "asanyarray": _asarray,
        "ascontiguousarray": _asarray,
        "vectorize": _vectorize,
        "r_": _Concatenator(np.r_, "r_"),
        "c_": _Concatenator(np.c_, "c_"),
    }
    return {
        "numpy": StandIn(np, replaced, _tracing),
        "numpy.random": randoms,
        "math": StandIn(math, {}, _on_numbers),
        "random": StandIn(random, {}, _drawing),
        "time": StandIn(time, {"sleep": lambda seconds: None}, lambda name, value: value),
    }


STANDINS = _standins()
