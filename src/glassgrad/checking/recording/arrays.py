"""Arrays that record: NumPy's ndarray, and its matrix, in which ``*`` is the matrix product."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from glassgrad.checking.recording.scalars import METHODS, method
from glassgrad.checking.recording.traced import (
    ARRAYS,
    Recording,
    Session,
    adopted,
    decided,
    is_traced,
    on_ufunc,
    plain,
    record,
    written,
)

__all__ = ["Traced", "TracedMatrix", "assembled", "holds_traced"]


_SHAPE: Any = np.ndarray.shape


class Traced(Recording, np.ndarray):
    """An array that records."""

    __array_ufunc__ = on_ufunc

    __class__ = property(lambda self: np.ndarray)

    def __hash__(self) -> int:  # type: ignore[override]
        if self.ndim or self.dtype != np.bool_:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return hash(self.plain())  # a truth value, which NumPy does not let us derive from

    def __index__(self) -> int:
        return int(decided(self, operator.index(self.plain())))

    def plain(self) -> Any:
        """Return the same memory as an ordinary array; a single truth value as NumPy's."""
        array = np.ndarray.view(self, np.ndarray)
        return array[()] if self.dtype == np.bool_ and self.ndim == 0 else array

    def __getitem__(self, index: Any) -> Any:
        return record(operator.getitem, "getitem", (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        written(operator.setitem, "setitem", (self, index, value))

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __copy__(self) -> Any:
        return record(np.copy, "copy", (self,), {"subok": True})

    def __deepcopy__(self, memo: Any) -> Any:
        return record(np.copy, "copy", (self,), {"subok": True})

    def item(self, *args: Any) -> Any:
        """Return a Python number, which records on."""
        return record(_element, "item", (self, *args), {}, now=np.ndarray.item)

    def tolist(self) -> Any:
        """Return Python numbers, which no longer record."""
        return plain(self).tolist()

    def view(self, *args: Any, **kwargs: Any) -> Any:
        """Return the same memory, as an array or matrix that records."""
        kind = args[0] if args else kwargs.get("type")
        if kind in (np.matrix, TracedMatrix):
            return TracedMatrix(self, copy=False)
        if kind is np.ndarray or not (args or kwargs):
            return self[...] if kind is None else _as_array(self)
        return np.ndarray.view(self, *args, **kwargs)

    def resize(self, *shape: Any, refcheck: bool = True) -> None:
        """Change the shape in place."""
        wanted = shape[0] if len(shape) == 1 else shape
        if np.prod(wanted) != self.size:
            np.ndarray.resize(self, wanted, refcheck=refcheck)
        self.shape = wanted

    @property
    def T(self) -> Any:
        """The transposed array."""
        return record(np.transpose, "transpose", (self,), {})

    @property
    def flat(self) -> Any:
        """The elements in a row, to be read and written."""
        return _Flat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        _Flat(self)[:] = value

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape; assigning it reshapes in place."""
        return plain(self).shape  # type: ignore[no-any-return]

    @shape.setter
    def shape(self, shape: Any) -> None:
        tape = Session.tape
        before = self[...] if tape is not None else None
        _SHAPE.__set__(self, shape)
        if tape is not None:
            self._cell = record(np.reshape, "reshape", (before, self.shape), {})._cell


class _Flat:
    """``a.flat``: reads and writes go through the array, so that they are seen."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __len__(self) -> int:
        return int(self._array.size)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        return self._array[self._places(index)]

    def __setitem__(self, index: Any, value: Any) -> None:
        places = self._places(index)
        count = np.size(places[0])
        value = assembled(value) if holds_traced(value) else value
        if np.ndim(value) and count != np.size(value):
            value = np.resize(value, count)
        self._array[places] = np.reshape(value, np.shape(places[0])) if np.ndim(value) else value

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(plain(self._array).ravel(), dtype=dtype)

    def copy(self) -> Any:
        """Return the elements as an array of their own."""
        return self._array.flatten()

    def _places(self, index: Any) -> Any:
        return np.unravel_index(np.arange(len(self))[plain(index)], self._array.shape)


class TracedMatrix(Traced, np.matrix):
    """A matrix that records: always two axes, and ``*`` is the matrix product."""

    __class__ = property(lambda self: np.matrix)

    def __new__(cls, data: Any, dtype: Any = None, copy: bool = True) -> Any:  # noqa: D102
        if not (is_traced(data) or holds_traced(data)):
            return adopted(np.matrix(plain(data), dtype, copy), "matrix")
        array = data if is_traced(data) else assembled(data)
        if copy or (dtype is not None and array.dtype != dtype):
            array = record(np.array, "array", (array,), {} if dtype is None else {"dtype": dtype})
        return record(_two_axes, "asmatrix", (array,), {}, now=np.asmatrix)

    def plain(self) -> Any:
        """Return the same memory as an ordinary matrix."""
        return np.ndarray.view(self, np.matrix)

    def __setitem__(self, index: Any, value: Any) -> None:
        if np.ndim(value) > 1:
            shape = np.shape(np.asarray(plain(self))[plain(index)])
            value = np.reshape(_as_array(value), shape) if np.size(value) == np.prod(shape) else value
        _as_array(self)[index] = value

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, (np.ndarray, list, tuple)):
            return np.dot(self, _matrix(other))
        return np.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return np.dot(_matrix(other), self) if np.ndim(other) else np.multiply(other, self)

    def __imul__(self, other: Any) -> Any:
        self[:] = self * other
        return self

    def __pow__(self, other: Any) -> Any:  # type: ignore[override]
        return np.linalg.matrix_power(self, other)

    def __ipow__(self, other: Any) -> Any:  # type: ignore[override]
        self[:] = self**other
        return self

    @property
    def A(self) -> Any:
        """The same memory as an array."""
        return _as_array(self)

    @property
    def A1(self) -> Any:
        """The elements in a row, as an array."""
        return np.ravel(_as_array(self))

    @property
    def I(self) -> Any:  # noqa: E743
        """The inverse, or the pseudo-inverse of what is not square."""
        return (np.linalg.inv if self.shape[0] == self.shape[1] else np.linalg.pinv)(self)

    @property
    def H(self) -> Any:
        """The conjugate transpose, of real numbers the transpose."""
        return self.T

    getA, getA1, getI, getT, getH = (
        lambda self: self.A,
        lambda self: self.A1,
        lambda self: self.I,
        lambda self: self.T,
        lambda self: self.H,
    )


def _two_axes(array: Any) -> Any:
    return np.reshape(array, (1, -1)) if np.ndim(array) < 2 else array[...]


def _element(array: Any, *index: Any) -> Any:
    return np.ravel(array)[index[0] if index else 0] if len(index) < 2 else array[index]


def _as_array(value: Any) -> Any:
    return record(operator.getitem, "getitem", (value, ...), {}, now=_plainly) if is_traced(value) else value


def _plainly(value: Any, index: Any) -> Any:
    return np.asarray(value)[index]


def _matrix(value: Any) -> Any:
    return value if isinstance(value, np.matrix) else TracedMatrix(value, copy=False)


def holds_traced(value: Any) -> bool:
    """Say whether a list has something that records in it."""
    return isinstance(value, (list, tuple)) and any(is_traced(item) or holds_traced(item) for item in value)


def assembled(value: Any, **kwargs: Any) -> Any:
    """Return a list with traced values as one array."""
    return record(np.array, "array", (value,), kwargs)


def _writing(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> None:
        written(getattr(np.ndarray, name), name, (self, *args), kwargs)

    return call


for _name, _function in METHODS.items():
    setattr(Traced, _name, method(_name, _function))
for _name in ("fill", "sort", "put", "partition"):
    setattr(Traced, _name, _writing(_name))

Traced.__name__, TracedMatrix.__name__ = "numpy.ndarray", "matrix"  # as errors name them
ARRAYS[np.ndarray], ARRAYS[np.matrix] = Traced, TracedMatrix
