"""Numbers that record: NumPy's floats and Python's own.

Each is also a number of its kind and gives, to the last bit and in print, what that kind gives. What stands for a
whole number of the program is a float that shows and calculates as the whole number, since it becomes a float with
its first update.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.checking.recording.traced import (
    SCALARS,
    Recording,
    calculated,
    decided,
    on_ufunc,
    plain,
    record,
)

__all__ = ["METHODS", "TracedScalar", "method"]


class TracedScalar(Recording):
    """A number that records; the classes below are also NumPy's and Python's number types."""

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None:
            return round(self.plain())
        return record(np.round, "round", (self, digits), {}, now=round)


def _operator(function: Callable[..., Any], name: str, reflected: bool = False) -> Callable[..., Any]:
    def operate(self: Any, *others: Any) -> Any:
        listed = others and isinstance(self, np.generic) and isinstance(others[0], (list, tuple))
        if others and not listed and not isinstance(others[0], _NUMBERS):
            if isinstance(self, np.generic) and isinstance(others[0], (str, bytes)):
                return function(plain(self), others[0])  # NumPy's own error
            return NotImplemented
        return calculated(function, name, (*others, self) if reflected else (self, *others), {})

    return operate


_NUMBERS = (int, float, complex, np.generic, np.ndarray)

_BINARY: dict[str, tuple[Callable[..., Any], str]] = {
    "add": (operator.add, "add"),
    "sub": (operator.sub, "subtract"),
    "mul": (operator.mul, "multiply"),
    "truediv": (operator.truediv, "divide"),
    "floordiv": (operator.floordiv, "floor_divide"),
    "mod": (operator.mod, "remainder"),
    "pow": (operator.pow, "power"),
}
_UNARY: dict[str, tuple[Callable[..., Any], str]] = {
    "lt": (operator.lt, "less"),
    "le": (operator.le, "less_equal"),
    "gt": (operator.gt, "greater"),
    "ge": (operator.ge, "greater_equal"),
    "eq": (operator.eq, "equal"),
    "ne": (operator.ne, "not_equal"),
    "neg": (operator.neg, "negative"),
    "pos": (operator.pos, "positive"),
    "abs": (operator.abs, "absolute"),
}
for _short, (_function, _name) in _BINARY.items():
    setattr(TracedScalar, f"__{_short}__", _operator(_function, _name))
    setattr(TracedScalar, f"__r{_short}__", _operator(_function, _name, reflected=True))
for _short, (_function, _name) in _UNARY.items():
    setattr(TracedScalar, f"__{_short}__", _operator(_function, _name))


def method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that records as a function does, and gives what the method gives."""

    def now(array: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(array, name)(*args, **kwargs)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return record(function, name, (self, *args), kwargs, now)

    return call


def _reshaped(array: Any, *shape: Any, **kwargs: Any) -> Any:
    return np.reshape(array, shape[0] if len(shape) == 1 else shape, **kwargs)


def _transposed(array: Any, *axes: Any) -> Any:
    return np.transpose(array, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)


def _flattened(array: Any, order: str = "C") -> Any:
    return np.array(array.ravel(order))


def _cast(array: Any, dtype: Any, *args: Any, **kwargs: Any) -> Any:
    return array.astype(dtype, *args, **kwargs)


def _compressed(array: Any, condition: Any, axis: int | None = None) -> Any:
    return np.compress(condition, array, axis)


METHODS: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (  # noqa: SIM905
        "all any argmax argmin argsort choose clip conj copy cumprod cumsum diagonal dot max mean "
        "min nonzero prod ravel repeat round searchsorted squeeze std sum swapaxes take trace var"
    ).split()
} | {
    "reshape": _reshaped,
    "transpose": _transposed,
    "flatten": _flattened,
    "astype": _cast,
    "compress": _compressed,
}
"""The methods that arrays and NumPy's numbers share, as functions."""


def _indexed(self: Any, index: Any) -> Any:
    return record(operator.getitem, "getitem", (self, index), {})


def _place(self: Any) -> int:
    return int(decided(self, self.plain()))


def _item(self: Any, *args: Any) -> Any:
    return plain(self).item(*args)


def _tolist(self: Any) -> Any:
    return plain(self).tolist()


def _recording(base: type[Any], **more: Any) -> type[Any]:
    """Return a number type with everything of `TracedScalar`, which its own methods would hide if inherited.

    The number type must come first among the bases: C code reads the number where that type keeps it.
    """
    own = {k: v for kind in (Recording, TracedScalar) for k, v in vars(kind).items() if k not in _ORDINARY}
    own["plain"] = base.__pos__
    own["__class__"] = property(lambda self: more.get("of", base))
    own["__hash__"] = lambda self: hash(self.plain())
    name = base.__name__ if base is float else f"numpy.{base.__name__}"  # as errors name it
    return type(name, (base, TracedScalar), {**own, **more})


_ORDINARY = frozenset(("__dict__", "__weakref__", "__module__", "__doc__", "__hash__"))

_OF_NUMPY: dict[str, Any] = {name: method(name, function) for name, function in METHODS.items()}
_OF_NUMPY |= {"__getitem__": _indexed, "item": _item, "tolist": _tolist, "__array_ufunc__": on_ufunc}
_OF_PYTHON = {
    "__array_priority__": 1e6
}  # plain arrays leave an operation to what has a priority and no ufunc hook


def _of_bits(function: Callable[..., Any], reflected: bool) -> Callable[..., Any]:
    def operate(self: Any, other: Any) -> Any:
        pair = (other, self) if reflected else (self, other)
        return function(*(plain(x) for x in pair))

    return operate


_OF_BITS = {
    f"__{r}{name}__": _of_bits(function, bool(r))
    for name, function in (
        ("and", operator.and_),
        ("or", operator.or_),
        ("xor", operator.xor),
        ("lshift", operator.lshift),
        ("rshift", operator.rshift),
    )
    for r in ("", "r")
}

for _base in (np.float64, np.float32, np.float16, np.longdouble):
    SCALARS[_base] = _recording(_base, **_OF_NUMPY)
SCALARS[float] = _recording(float, **_OF_PYTHON)
SCALARS[int] = _recording(float, of=int, plain=float.__int__, __index__=_place, **_OF_BITS, **_OF_PYTHON)
