"""Stand-ins for `numpy`, `math`, `random` and others in the program that is looked at.

What makes arrays gives arrays that record; everything else is the module's own. They exist only for the program:
the libraries it imports see the real modules.
"""

from __future__ import annotations

import importlib
import math
import random
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.checking.recording.arrays import Traced, TracedMatrix, assembled, holds_traced
from glassgrad.checking.recording.generators import (
    Generator,
    RandomState,
    all_adopted,
    default_rng,
    of_random,
    of_stdlib,
    shuffled,
)
from glassgrad.checking.recording.scalars import TracedScalar
from glassgrad.checking.recording.traced import (
    Session,
    adopted,
    calculated,
    cell_of,
    is_traced,
    plain,
    record,
)

__all__ = ["STANDINS", "StandIn", "numbers_of", "standin"]


class StandIn(types.ModuleType):
    """A module that gives its names as another does, but for those that are replaced."""

    def __init__(self, real: Any, replaced: dict[str, Any], wrap: Callable[[str, Any], Any]) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update({"_real": real, "_wrap": wrap, **replaced})
        names = [name for name in dir(real) if not name.startswith("_")]
        self.__dict__["__all__"] = list(getattr(real, "__all__", names))

    def __getattr__(self, name: str) -> Any:
        value = self._wrap(name, getattr(self._real, name))
        self.__dict__[name] = value
        return value


class Function:
    """A function of NumPy's or SciPy's whose results record.

    NumPy asks the arguments themselves, but neither those in a list nor numbers of Python's: these are seen to here.
    """

    def __init__(self, real: Any, name: str) -> None:
        self._real, self._name = real, name
        self.__name__, self.__doc__ = name, real.__doc__
        self._ufunc = isinstance(real, np.ufunc)
        self._asks = self._ufunc or type(real).__name__ == "_ArrayFunctionDispatcher"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._asks and self._name != "block" and any(map(holds_traced, args)):
            nested = self._name in _OF_LISTS
            args = tuple(_ready(a, nested) if isinstance(a, (list, tuple)) else a for a in args)
        if not self._asks and any(is_traced(a) or holds_traced(a) for a in args):
            return record(self._real, self._name, args, kwargs)
        if not self._asks:
            return all_adopted(self._real(*plain(args), **plain(kwargs)), self._name)
        if self._ufunc and any(isinstance(a, TracedScalar) for a in args):
            return calculated(self._real, self._name, args, kwargs)
        return all_adopted(self._real(*args, **kwargs), self._name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real, name)

    def __repr__(self) -> str:
        return repr(self._real)

    def __reduce__(self) -> Any:
        return _itself, (self._real,)

    def __deepcopy__(self, memo: Any) -> Any:
        return self


def _itself(value: Any) -> Any:
    return value


_OF_LISTS = frozenset(
    (  # noqa: SIM905
        "concatenate stack hstack vstack dstack column_stack row_stack broadcast_arrays multi_dot "
        "select choose meshgrid lexsort ix_ piecewise append insert concat"
    ).split()
)
"""Functions that take a list of arrays."""


def _ready(value: Any, nested: bool) -> Any:
    """Return a list with traced values as an array, or as a list of arrays."""
    if not holds_traced(value) or _ragged(value):
        return (
            type(value)(_ready(v, nested) if isinstance(v, (list, tuple)) else v for v in value)
            if nested
            else value
        )
    if nested:
        return type(value)(assembled(item) if holds_traced(item) else item for item in value)
    return assembled(value)


def _tracing(name: str, value: Any) -> Any:
    """Return a function of NumPy so that what it makes records; a class or constant as it is."""
    if isinstance(value, types.ModuleType):
        return StandIn(value, {}, _tracing) if value.__name__.startswith(("numpy.", "scipy.")) else value
    if isinstance(value, type) or not callable(value):
        return value
    return Function(value, name)


# --- arrays ----------------------------------------------------------------------------------------------------------


def _array(value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    """``np.array``: of traced values a recorded copy, of others a value from outside."""
    if dtype is not None:
        kwargs["dtype"] = dtype
    if isinstance(value, (list, tuple)) and holds_traced(value) and _literal(value):
        value = plain(value)
    if is_traced(value) or holds_traced(value):
        if dtype in (object, "object", "O") or _ragged(value):
            return np.array(value, **kwargs)
        return assembled(value, **kwargs)
    if isinstance(value, np.ndarray) and value.dtype == object and dtype is not None and dtype is not object:
        return numbers_of(value, dtype)
    return adopted(np.array(value, **kwargs), "array")


def _literal(value: Any) -> bool:
    """Say whether everything in a list is a number as the program spells it."""
    if isinstance(value, (list, tuple)):
        return all(map(_literal, value))
    tape = Session.tape
    if tape is None or not is_traced(value):
        return not is_traced(value)
    event = tape.events[cell_of(tape, value).event]
    return event.function is None and event.name == "literal"


def _asarray(value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if isinstance(value, Traced) and (dtype is None or value.dtype == dtype):
        return value.A if isinstance(value, TracedMatrix) else value
    return _array(value, dtype, **kwargs)


def _asanyarray(value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    return value if isinstance(value, TracedMatrix) else _asarray(value, dtype, **kwargs)


def numbers_of(objects: Any, dtype: Any) -> Any:
    """Return an array of objects, some of which record, as one of numbers."""
    items = objects.ravel().tolist()
    if not any(map(is_traced, items)):
        return adopted(objects.astype(dtype), "astype")
    return np.reshape(assembled(items, dtype=dtype), objects.shape)


def _ragged(value: Any) -> bool:
    try:
        return bool(np.asarray(plain(value)).dtype == object)
    except ValueError:
        return True


def _full(shape: Any, value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    if is_traced(value):
        return record(
            np.full, "full", (plain(shape), value), {**kwargs, **({} if dtype is None else {"dtype": dtype})}
        )
    return adopted(np.full(plain(shape), value, dtype, **kwargs), "full")


def _fromiter(values: Any, dtype: Any, count: int = -1, **kwargs: Any) -> Any:
    items = list(values)
    return _array(items if count < 0 else items[:count], dtype)


def _vectorize(function: Any = None, otypes: Any = None, **kwargs: Any) -> Any:
    """``np.vectorize``: the function is called on numbers that record."""
    if function is None:
        return lambda given: _vectorize(given, otypes, **kwargs)

    def call(*arrays: Any) -> Any:
        if not any(is_traced(a) or holds_traced(a) for a in arrays) or kwargs.get("signature"):
            return np.vectorize(function, otypes, **kwargs)(*arrays)
        spread, shape = _spread(arrays)
        kind = otypes[0] if otypes else np.asarray(plain(function(*(a.flat[0] for a in spread)))).dtype
        results = [function(*(_python(a[i]) for a in spread)) for i in np.ndindex(shape)]
        return np.reshape(_array(results, kind), shape)

    call.__name__, call.__doc__ = getattr(function, "__name__", "vectorize"), function.__doc__
    return call


def _frompyfunc(function: Any, nin: int, nout: int, **kwargs: Any) -> Any:
    """``np.frompyfunc``: the function is called on numbers that record, and gives an array of objects."""
    real = np.frompyfunc(function, nin, nout, **kwargs)

    def call(*arrays: Any) -> Any:
        if nout != 1 or not any(is_traced(a) or holds_traced(a) for a in arrays):
            return real(*arrays)
        spread, shape = _spread(arrays)
        objects = np.empty(shape, dtype=object)
        for place in np.ndindex(shape):
            objects[place] = function(*(_python(a[place]) for a in spread))
        return objects if shape else objects[()]

    return call


def _spread(arrays: tuple[Any, ...]) -> tuple[list[Any], tuple[int, ...]]:
    together = tuple(_asarray(a) for a in arrays)
    shape = np.broadcast_shapes(*(a.shape for a in together))
    return [np.broadcast_to(a, shape) for a in together], shape


def _python(value: Any) -> Any:
    """Return an element as ``tolist`` gives it."""
    return (
        record(np.copy, "copy", (value,), {}, now=float)
        if is_traced(value) and np.ndim(value) == 0
        else value
    )


def _along_axis(function: Any, axis: int, array: Any, *args: Any, **kwargs: Any) -> Any:
    """``np.apply_along_axis``: the function is called on rows that record."""
    if not is_traced(array):
        return all_adopted(np.apply_along_axis(function, axis, array, *args, **kwargs), "apply_along_axis")
    rows = np.moveaxis(array, axis, -1)
    results = [function(rows[i], *args, **kwargs) for i in np.ndindex(rows.shape[:-1])]
    shape = rows.shape[:-1] + np.shape(results[0])
    joined = np.reshape(_array(results), shape)
    if np.ndim(results[0]) == 0:
        return joined
    axis %= array.ndim
    return np.moveaxis(
        joined, range(joined.ndim - np.ndim(results[0]), joined.ndim), range(axis, axis + np.ndim(results[0]))
    )


def _as_strided(array: Any, shape: Any = None, strides: Any = None, *args: Any, **kwargs: Any) -> Any:
    """``as_strided``: the windows are written down as the elements they show."""
    real = np.lib.stride_tricks.as_strided
    if not is_traced(array):
        return adopted(real(array, shape, strides, *args, **kwargs), "as_strided")
    raw = plain(array)
    numbers = np.arange(raw.size).reshape(raw.shape)
    if raw.flags.c_contiguous:
        strides = raw.strides if strides is None else strides
        places = real(numbers, shape, [s // raw.itemsize * numbers.itemsize for s in strides])
        return record(
            np.take, "take", (array, places), {}, now=lambda a, at: real(raw, shape, strides, *args, **kwargs)
        )
    return adopted(real(raw, shape, strides, *args, **kwargs), "as_strided")


def _piecewise(x: Any, conditions: Any, functions: Any, *args: Any, **kwargs: Any) -> Any:
    """``np.piecewise``: each function is called on values that record."""
    if not is_traced(x) or np.ndim(x) == 0:
        return all_adopted(np.piecewise(*plain((x, conditions, functions, *args)), **kwargs), "piecewise")
    masks = [np.asarray(plain(c), dtype=bool) for c in conditions]
    if len(functions) == len(masks) + 1:
        masks.append(~np.any(masks, axis=0))
    result = adopted(np.zeros(x.shape, x.dtype), "piecewise")
    for mask, function in zip(masks, functions, strict=True):
        if mask.any():
            result[mask] = function(x[mask], *args, **kwargs) if callable(function) else function
    return result


class _Concatenator:
    """``np.r_`` and ``np.c_``."""

    def __init__(self, real: Any, name: str) -> None:
        self._real, self._name = real, name

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if any(is_traced(item) or holds_traced(item) for item in parts):
            parts = tuple(_ready(p, False) if isinstance(p, (list, tuple)) else p for p in parts)
            return record(
                self._real.__getitem__, self._name, (parts if isinstance(index, tuple) else parts[0],), {}
            )
        return adopted(self._real[plain(index)], self._name)


def _bmat(blocks: Any, *args: Any, **kwargs: Any) -> Any:
    if isinstance(blocks, str) or not holds_traced(blocks):
        return adopted(np.bmat(plain(blocks), *plain(args), **plain(kwargs)), "bmat")
    return TracedMatrix(np.block(blocks), copy=False)


class _Grid:
    """``np.mgrid`` and ``np.ogrid``."""

    def __init__(self, real: Any, name: str) -> None:
        self._real, self._name = real, name

    def __getitem__(self, index: Any) -> Any:
        return all_adopted(self._real[plain(index)], self._name)


# --- numbers ---------------------------------------------------------------------------------------------------------


def _on_numbers(name: str, value: Any) -> Any:
    """Return a function of `math` that records where its argument does."""
    ufunc: Any = _REPLAYED.get(name) or getattr(np, _UFUNCS.get(name, name), None)
    if not callable(value) or ufunc is None:
        return value

    def call(*args: Any) -> Any:
        if any(map(is_traced, args)):
            return record(ufunc, getattr(ufunc, "__name__", name), args, {}, now=value)
        if any(map(holds_traced, args)):
            return record(ufunc, name, tuple(map(_ready_list, args)), {}, now=value)
        return value(*args)

    call.__name__, call.__doc__ = name, value.__doc__
    return call


def _ready_list(value: Any) -> Any:
    return assembled(value) if holds_traced(value) else value


def _log(x: Any, base: Any = None) -> Any:
    return np.log(x) if base is None else np.divide(np.log(x), np.log(base))


def _dist(a: Any, b: Any) -> Any:
    return np.sqrt(np.sum(np.square(np.subtract(a, b))))


_UFUNCS = {
    "pow": "power", "fabs": "absolute", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh",
    "acosh": "arccosh", "atanh": "arctanh", "atan2": "arctan2", "fsum": "sum", "prod": "prod",
}  # fmt: skip
_REPLAYED: dict[str, Any] = {"log": _log, "dist": _dist, "sumprod": np.dot}
_REPLAYED |= {name: np.vectorize(getattr(math, name)) for name in ("erf", "erfc", "gamma", "lgamma")}


# --- other modules ---------------------------------------------------------------------------------------------------


def standin(name: str) -> types.ModuleType | None:
    """Return what stands for a module in the program, or None where it is the module itself."""
    top, _, rest = name.partition(".")
    if top == "scipy" and top not in STANDINS:
        try:
            STANDINS[top] = StandIn(importlib.import_module(top), {}, _tracing)
        except ImportError:
            return None
    if top not in STANDINS:
        return None
    found: Any = STANDINS[top]
    for part in rest.split(".") if rest else ():
        importlib.import_module(f"{found.__name__}.{part}") if not hasattr(found._real, part) else None
        found = getattr(found, part)
    return found if isinstance(found, types.ModuleType) else None


def _standins() -> dict[str, types.ModuleType]:
    randoms = {
        "default_rng": default_rng,
        "Generator": Generator,
        "RandomState": RandomState,
        "shuffle": shuffled(np.random.shuffle),
    }
    replaced = {
        "random": StandIn(np.random, randoms, of_random),
        "array": _array,
        "asarray": _asarray,
        "asanyarray": _asanyarray,
        "ascontiguousarray": _asarray,
        "asfortranarray": _asarray,
        "full": _full,
        "fromiter": _fromiter,
        "vectorize": _vectorize,
        "frompyfunc": _frompyfunc,
        "apply_along_axis": _along_axis,
        "piecewise": _piecewise,
        "bmat": _bmat,
        "matrix": TracedMatrix,
        "asmatrix": lambda data, dtype=None: TracedMatrix(data, dtype, copy=False),
        "r_": _Concatenator(np.r_, "r_"),
        "c_": _Concatenator(np.c_, "c_"),
        "mgrid": _Grid(np.mgrid, "mgrid"),
        "ogrid": _Grid(np.ogrid, "ogrid"),
        "lib": StandIn(
            np.lib,
            {"stride_tricks": StandIn(np.lib.stride_tricks, {"as_strided": _as_strided}, _tracing)},
            _tracing,
        ),
    }
    return {
        "numpy": StandIn(np, replaced, _tracing),
        "math": StandIn(math, {}, _on_numbers),
        "random": StandIn(random, {}, of_stdlib),
        "time": StandIn(time, {"sleep": lambda seconds: None}, lambda name, value: value),
    }


STANDINS = _standins()
