"""Arrays and numbers that record what is done with them, and are otherwise NumPy's own.

`Traced` is an ndarray and `Traced64` a float64, so that the program does what it always does: the same values, the
same errors, the same aliases. Each knows its cell on the tape. What a C function makes of them without asking has no
cell; it enters the tape as a value from outside when it is next used.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from glassgrad.checking.recording.tape import Cell, Event, Ref, State, Tape

__all__ = ["Session", "Traced", "TracedScalar", "is_traced", "plain"]

Array = np.ndarray[Any, Any]


class Session:
    """Holds the tape that records; None while nothing is recorded."""

    tape: Tape | None = None


def is_traced(value: Any) -> bool:
    """Say whether a value records what is done with it."""
    return isinstance(value, (Traced, TracedScalar))


def plain(value: Any) -> Any:
    """Return a value with every traced one in it as NumPy's own."""
    if isinstance(value, Traced):
        return value.view(np.ndarray)
    if isinstance(value, TracedScalar):
        return value.plain()
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(plain(item) for item in value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(plain(value.start), plain(value.stop), plain(value.step))
    return value


def referenced(tape: Tape, value: Any) -> Any:
    """Return arguments with a reference in place of every array."""
    if isinstance(value, (Traced, TracedScalar)):
        return Ref(cell_of(tape, value).index)
    if isinstance(value, np.ndarray):
        return value if value.dtype == object else Ref(tape.constant(value).index)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(referenced(tape, item) for item in value)
    if isinstance(value, dict):
        return {key: referenced(tape, item) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(*(referenced(tape, item) for item in (value.start, value.stop, value.step)))
    return value


def cell_of(tape: Tape, value: Any) -> Cell:
    """Return the cell of a traced value; one that has none yet comes from outside."""
    if value._tape is not tape:
        cell = tape.leaf(plain(value), "outside")
        value._tape, value._cell = tape, cell
    cell: Cell = value._cell
    return cell


def record(function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a NumPy function on plain arrays, and write the call down."""
    tape = Session.tape
    if tape is None:
        return function(*plain(args), **plain(kwargs))
    out = kwargs.get("out")
    targets = [t for t in (out if isinstance(out, tuple) else (out,)) if isinstance(t, Traced)]
    for target in targets:
        tape.writing(cell_of(tape, target))
    # Read before the call: an in-place call changes what its arguments hold.
    event = tape.call(function, name, referenced(tape, args), referenced(tape, kwargs))
    raw = plain(args)
    result = function(*raw, **plain(kwargs))
    if targets:
        for target in targets:
            tape.wrote(event, target._cell)
        return out[0] if isinstance(out, tuple) and len(out) == 1 else out
    return wrapped(tape, event, result, args, raw)


def wrapped(tape: Tape, event: Event, result: Any, args: Any, raw: Any) -> Any:
    """Return the results of an event as traced values."""
    if isinstance(result, (list, tuple)):
        parts = [wrapped(tape, event, item, args, raw) for item in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    if isinstance(result, np.ndarray):
        if result.dtype == object or result.dtype.kind not in "fiub":
            return result
        base = _viewed(result, args, raw)
        if base is not None and result is base[1] and isinstance(base[0], Traced):
            return base[0]
        if base is None:
            return _array(tape, tape.made(event, None), result)
        index = key(args[1]) if event.name == "getitem" else None
        return _array(tape, tape.made(event, cell_of(tape, base[0]), index), result)
    kind = _SCALARS.get(type(result))
    if kind is not None:
        scalar = kind(result)
        scalar._tape, scalar._cell = tape, tape.made(event, None)
        if event.name == "getitem" and args[0]._cell.state is not None:
            whole = args[0]._cell.state
            scalar._cell.buffer.state = State(whole.leaf, (*whole.path, key(args[1])), whole.version)
        return scalar
    if isinstance(result, np.integer):
        cell = tape.made(event, None)
        tape.guard(cell.index, int(result))
        return result
    if isinstance(result, np.bool_):
        return _array(tape, tape.made(event, None), np.array(result))
    return result


def adopted(value: Any, name: str) -> Any:
    """Return an array that came from outside as one that records; anything else as it is."""
    tape = Session.tape
    if tape is None or is_traced(value):
        return value
    if type(value) is np.ndarray and value.dtype.kind in "fiub":
        return _array(tape, tape.constant(value, name), value)
    kind = _SCALARS.get(type(value))
    return value if kind is None or type(value) is float else outside(value, name)


def outside(number: Any, name: str) -> Any:
    """Return a number of the program as one that records."""
    tape = Session.tape
    kind = _SCALARS.get(type(number))
    if tape is None or kind is None:
        return number
    scalar = kind(number)
    scalar._tape, scalar._cell = tape, tape.leaf(scalar.plain(), name)
    return scalar


def _array(tape: Tape, cell: Cell, value: Array) -> Traced:
    traced = value.view(Traced)
    traced._tape, traced._cell = tape, cell
    cell.shape = value.shape
    return traced


def _viewed(result: Array, args: Any, raw: Any) -> tuple[Any, Any] | None:
    """Return the argument whose memory a result shares."""
    pairs = list(zip(args, raw, strict=True))
    for traced, array in pairs:
        if isinstance(array, (list, tuple)):
            continue
        if isinstance(array, np.ndarray) and is_traced(traced) and _shares(result, array):
            return traced, array
    return None


def key(index: Any) -> str:
    """Return an index as a short text: equal for equal indices."""
    if isinstance(index, tuple):
        return ",".join(key(i) for i in index)
    if isinstance(index, slice):
        return ":".join("" if i is None else str(plain(i)) for i in (index.start, index.stop, index.step))
    index = np.asarray(plain(index)) if not isinstance(index, (int, str)) else index
    return str(index) if np.size(index) < 16 else f"{hash(index.tobytes()):x}"


def _shares(a: Array, b: Array) -> bool:
    return a is b or (a.size > 0 and b.size > 0 and np.may_share_memory(a, b))


_FACTS = frozenset(
    (np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.array_repr, np.array_str, np.array2string)
    + (np.may_share_memory, np.shares_memory, np.can_cast, np.result_type, np.min_scalar_type, np.common_type)
    + (np.savetxt, np.save, np.savez, np.array_equal, np.allclose)
)
"""Functions whose answer has no derivative to look for."""


_LIKE = frozenset((np.zeros_like, np.ones_like, np.empty_like, np.full_like))
"""Functions that take no more than shape and type from what they are given."""


class _Traced:
    """What arrays and numbers that record have in common."""

    _tape: Tape | None = None
    _cell: Any = None

    def item(self, *args: Any) -> Any:
        """Return a Python number, which no longer records."""
        return _left(self).item(*args)

    def tolist(self) -> Any:
        """Return Python numbers, which no longer record."""
        return _left(self).tolist()

    def __float__(self) -> float:
        return float(_left(self))

    def __int__(self) -> int:
        return _decided(self, int(plain(self)))

    def __index__(self) -> int:
        return _decided(self, operator.index(plain(self)))

    def __bool__(self) -> bool:
        return _decided(self, bool(plain(self)))

    def __str__(self) -> str:
        return str(_shown(self))

    def __repr__(self) -> str:
        return repr(_shown(self))

    def __format__(self, spec: str) -> str:
        return format(_shown(self), spec)

    def __reduce__(self) -> Any:
        return plain(self).__reduce__()

    def __copy__(self) -> Any:
        return record(np.copy, "copy", (self,), {})

    def __deepcopy__(self, memo: Any) -> Any:
        return record(np.copy, "copy", (self,), {})

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in _FACTS:
            return function(*plain(args), **plain(kwargs))
        if function in _LIKE and not any(map(is_traced, args[1:])):
            return adopted(function(*plain(args), **plain(kwargs)), function.__name__)
        return record(function, function.__name__, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "at":
            return _written(ufunc.at, f"{ufunc.__name__}.at", inputs)
        if method == "__call__":
            return calculated(ufunc, inputs, kwargs)
        return record(getattr(ufunc, method), f"{ufunc.__name__}.{method}", inputs, kwargs)


def calculated(ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a ufunc, and follow what may be a parameter through its update: ``w - step`` is the next state of w."""
    tape, name = Session.tape, ufunc.__name__
    if tape is None or name not in _STEPPING:
        return record(ufunc, name, inputs, kwargs)
    states = [cell_of(tape, x).state if is_traced(x) else None for x in inputs]
    bits = [0 if s is None else tape.bit(s) for s in states]
    before_leaves = [leaves(tape, x) if is_traced(x) else 0 for x in inputs]
    result = record(ufunc, name, inputs, kwargs)
    for i in _STEPPING[name]:
        before, other = states[i], inputs[1 - i]
        if before is None or not is_traced(result):
            continue
        if name in ("multiply", "divide"):
            if not is_traced(other) and not np.ndim(other):
                _follow(result, before, before.version)
            continue
        event = tape.events[result._cell.buffer.writer]
        bit = bits[i]
        depends = before_leaves[1 - i] & bit
        if depends or result.shape == inputs[i].shape:
            _follow(result, before, before.version + bool(depends))
        if depends:
            tape.updated(event, before, kept=event.target is not None)
            break
    return result


_STEPPING = {"add": (0, 1), "subtract": (0,), "multiply": (0, 1), "divide": (0,)}
"""Of which operands the result of a ufunc can be the next state."""


def _follow(result: Any, before: State, version: int) -> None:
    buffer = result._cell.buffer
    if not result._cell.path and (buffer.state is None or buffer.state.key == before.key):
        buffer.state = State(before.leaf, before.path, version)
    elif buffer.state is not None:
        buffer.state = State(buffer.state.leaf, buffer.state.path, max(buffer.state.version, version))


def leaves(tape: Tape, value: Any) -> int:
    """Return the values from outside that a traced value depends on, as bits."""
    cell = cell_of(tape, value)
    return tape.events[cell.event].leaves | tape.events[cell.buffer.writer].leaves


def _written(function: Callable[..., Any], name: str, args: tuple[Any, ...]) -> None:
    """Call what writes its first argument in place, and write the call down."""
    tape = Session.tape
    target = args[0]
    if tape is None or not isinstance(target, Traced):
        function(*plain(args))
        return
    cell = cell_of(tape, target)
    tape.writing(cell)
    event = tape.call(function, name, referenced(tape, args), {})
    function(*plain(args))
    tape.wrote(event, cell)


def _left(value: Any) -> Any:
    """Return the plain value, and note that it leaves the tape."""
    tape = Session.tape
    if tape is not None and value._tape is tape:
        tape.left.append((value._cell.index, tape.stack()))
    return plain(value)


def _decided(value: Any, answer: Any) -> Any:
    """Note what the program goes on with."""
    tape = Session.tape
    if tape is not None and value._tape is tape:
        tape.guard(value._cell.index, answer)
    return answer


def _shown(value: Any) -> Any:
    tape = Session.tape
    if tape is not None and value._tape is tape:
        tape.shown.append((value._cell.index, len(tape.events), tape.stack()))
    return plain(value)


def _operator(ufunc: Any, reflected: bool = False) -> Callable[..., Any]:
    def operate(self: Any, *others: Any) -> Any:
        if others and not (np.isscalar(others[0]) or isinstance(others[0], (np.ndarray, np.generic))):
            return NotImplemented
        return calculated(ufunc, (*others, self) if reflected else (self, *others), {})

    return operate


class TracedScalar(_Traced):
    """A number that records; the classes below are also NumPy's float types."""

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Any:
        return record(operator.getitem, "getitem", (self, index), {})


_BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
}
for _name, _ufunc in _BINARY.items():
    setattr(TracedScalar, f"__{_name}__", _operator(_ufunc))
    setattr(TracedScalar, f"__r{_name}__", _operator(_ufunc, reflected=True))
for _name, _ufunc in {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "neg": np.negative,
    "abs": np.absolute,
}.items():
    setattr(TracedScalar, f"__{_name}__", _operator(_ufunc))


def _recording(base: type[Any]) -> type[Any]:
    """Return NumPy's number type with everything of `TracedScalar`, which its own methods would hide if inherited.

    NumPy's type must come first among the bases: its C code reads the number where that type keeps it.
    """
    own = {k: v for kind in (_Traced, TracedScalar) for k, v in vars(kind).items() if k not in _ORDINARY}
    own["plain"] = lambda self: base(base.__float__(self))
    own["__hash__"] = lambda self: hash(self.plain())
    return type(f"Traced{base.__name__.capitalize()}", (base, TracedScalar), own)


_ORDINARY = frozenset(("__dict__", "__weakref__", "__module__", "__doc__", "__hash__"))

class Traced(_Traced, np.ndarray):
    """An array that records."""

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, index: Any) -> Any:
        return record(operator.getitem, "getitem", (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        tape = Session.tape
        held = cell_of(tape, value).state if tape is not None and is_traced(value) else None
        _written(operator.setitem, "setitem", (self, index, value))
        whole = self._cell.buffer if self._tape is tape and tape is not None else None
        if held is not None and whole is not None and whole.state is not None and whole.state.leaf == held.leaf:
            version = max(whole.state.version, held.version)
            whole.state = State(whole.state.leaf, whole.state.path, version)
            if tape is not None:
                tape.keep(held.key)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    @property
    def T(self) -> Any:
        """The transposed array."""
        return record(np.transpose, "transpose", (self,), {})

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape; assigning it reshapes in place."""
        return np.ndarray.shape.__get__(self)

    @shape.setter
    def shape(self, shape: Any) -> None:
        tape = Session.tape
        before = self[...] if tape is not None else None
        np.ndarray.shape.__set__(self, shape)
        if tape is not None:
            self._cell = record(np.reshape, "reshape", (before, np.ndarray.shape.__get__(self)), {})._cell


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return record(function, name, (self, *args), kwargs)

    return method


def _writing_method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> None:
        _written(getattr(np.ndarray, name), name, (self, *args, *kwargs.values()))

    return method


def _reshaped(array: Any, *shape: Any, **kwargs: Any) -> Any:
    return np.reshape(array, shape[0] if len(shape) == 1 else shape, **kwargs)


def _transposed(array: Any, *axes: Any) -> Any:
    return np.transpose(array, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)


def _flattened(array: Any, order: str = "C") -> Any:
    return np.array(np.ravel(array, order))


def _cast(array: Any, dtype: Any, *args: Any, **kwargs: Any) -> Any:
    return np.asarray(array).astype(dtype, *args, **kwargs)


_METHODS: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        "all any argmax argmin argsort clip compress copy cumprod cumsum diagonal dot max mean min nonzero prod ravel "
        "repeat round searchsorted squeeze std sum swapaxes take trace var"
    ).split()
} | {"reshape": _reshaped, "transpose": _transposed, "flatten": _flattened, "astype": _cast}

for _name, _function in _METHODS.items():
    for _class in (Traced, TracedScalar):
        setattr(_class, _name, _method(_name, _function))
_TRACED64 = _recording(np.float64)
_SCALARS: dict[type, type[Any]] = {np.float64: _TRACED64, float: _TRACED64, np.float32: _recording(np.float32)}

for _name in ("fill", "sort", "put", "partition"):
    setattr(Traced, _name, _writing_method(_name))
