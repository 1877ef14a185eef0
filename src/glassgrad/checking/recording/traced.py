"""How calls on arrays and numbers are made and written down.

What records is otherwise NumPy's or Python's own, so that the program does what it always does: the same values, the
same errors, the same aliases. Each such value knows its cell on the tape. What a C function makes of them without
asking has no cell; it enters the tape as a value from outside when it is next used. The kinds of arrays are in
`arrays`, the kinds of numbers in `scalars`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.checking.recording.tape import Cell, Event, Ref, State, Tape

__all__ = [
    "ARRAYS",
    "SCALARS",
    "Recording",
    "Session",
    "adopted",
    "calculated",
    "cell_of",
    "decided",
    "is_traced",
    "key",
    "on_ufunc",
    "outside",
    "plain",
    "record",
    "written",
]

Array = np.ndarray[Any, Any]


ARRAYS: dict[type, type[Any]] = {}
"""For each kind of array the one that records."""

SCALARS: dict[type, type[Any]] = {}
"""For each kind of number the one that records."""


_SINGLE = frozenset((int, float, str, bool, type(None), type(Ellipsis), np.float64, np.int64))
"""Types of arguments that are taken as they are."""


class Session:
    """Holds the tape that records; None while nothing is recorded."""

    tape: Tape | None = None


def is_traced(value: Any) -> bool:
    """Say whether a value records what is done with it."""
    return isinstance(value, Recording)


def plain(value: Any) -> Any:
    """Return a value with every traced one in it as NumPy's own."""
    if type(value) in _SINGLE:
        return value
    if isinstance(value, Recording):
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
    if type(value) in _SINGLE:
        return value
    if isinstance(value, Recording):
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
        value._tape, value._cell = tape, tape.leaf(plain(value), "outside")
    cell: Cell = value._cell
    return cell


def record(
    function: Callable[..., Any],
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    now: Callable[..., Any] | None = None,
) -> Any:
    """Call a NumPy function on plain arrays, and write the call down.

    Parameters
    ----------
    function
        What is written down: it can be called on float64 arrays again.
    name, args, kwargs
        Its name and arguments.
    now
        What is called instead where the program calls something else, such as ``math.exp``, whose last bit differs.
    """
    tape = Session.tape
    now = now or function
    if tape is None:
        return now(*plain(args), **plain(kwargs))
    out = kwargs.get("out")
    targets = [t for t in (out if isinstance(out, tuple) else (out,)) if is_traced(t)]
    for target in targets:
        tape.writing(cell_of(tape, target))
    # Read before the call: an in-place call changes what its arguments hold.
    event = tape.call(function, name, referenced(tape, args), referenced(tape, kwargs))
    raw = plain(args)
    result = now(*raw, **plain(kwargs))
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
        event.matrix = event.matrix or isinstance(result, np.matrix)
        base = _viewed(result, args, raw)
        if base is not None and result is base[1] and is_traced(base[0]):
            return base[0]
        if base is None:
            made = _array(tape, tape.made(event, None), result)
            before = cell_of(tape, args[0]).state if event.name in _COPIES and is_traced(args[0]) else None
            if before is not None:
                _follow(made, before, before.version)
            return made
        index = key(args[1]) if event.name == "getitem" and args[1] is not Ellipsis else None
        return _array(tape, tape.made(event, cell_of(tape, base[0]), index), result)
    if isinstance(result, np.integer) and any(type(a) is SCALARS[int] or _is_cut(a) for a in args):
        result = int(result)
    kind = SCALARS.get(type(result))
    rounded = event.name == "int" or any(map(_is_cut, args))
    if type(result) is int and not rounded and not any(type(a) is kind for a in args):
        kind = None  # math.floor and the like
    if kind is not None:
        scalar = kind(result)
        scalar._tape, scalar._cell = tape, tape.made(event, None)
        if event.name == "getitem" and args[0]._cell.state is not None:
            whole = args[0]._cell.state
            buffer = scalar._cell.buffer
            buffer.state = State(
                whole.leaf, (*whole.path, key(args[1])), whole.version, frozenset((id(buffer),))
            )
        return scalar
    if isinstance(result, (np.integer, int)):
        cell = tape.made(event, None)
        tape.guard(cell.index, int(result))
        return result
    if isinstance(result, np.bool_):
        return _array(tape, tape.made(event, None), np.array(result))
    return result


def _is_cut(value: Any) -> bool:
    """Say whether a value is an array of whole numbers that what was written into it was cut off to."""
    return is_traced(value) and value._cell is not None and value._cell.buffer.cut


def adopted(value: Any, name: str) -> Any:
    """Return an array that came from outside as one that records; anything else as it is."""
    tape = Session.tape
    if tape is None or is_traced(value):
        return value
    if type(value) in ARRAYS and value.dtype.kind in "fiub":
        return _array(tape, tape.constant(value, name), value)
    if type(value) is tuple and any(type(item) in ARRAYS for item in value):
        return tuple(adopted(item, name) for item in value)
    return value


def outside(number: Any, name: str) -> Any:
    """Return a number of the program as one that records."""
    tape = Session.tape
    kind = SCALARS.get(type(number))
    if tape is None or kind is None:
        return number
    scalar = kind(number)
    scalar._tape, scalar._cell = tape, tape.leaf(scalar.plain(), name)
    return scalar


def _array(tape: Tape, cell: Cell, value: Array) -> Any:
    traced = value.view(ARRAYS.get(type(value), ARRAYS[np.ndarray]))
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
    getattr(np, name)
    for name in (  # noqa: SIM905
        "shape ndim size iscomplexobj isrealobj array_repr array_str array2string may_share_memory shares_memory "
        "can_cast result_type min_scalar_type common_type savetxt save savez savez_compressed array_equal allclose"
    ).split()
)
"""Functions whose answer has no derivative to look for."""


_COPIES = frozenset(("array", "astype"))
"""Calls whose result is the same value in other memory."""

_LIKE = frozenset((np.zeros_like, np.ones_like, np.empty_like, np.full_like))
"""Functions that take no more than shape and type from what they are given."""


_WRITING = frozenset((np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal))
"""Functions that write their first argument in place."""

_OUT = {
    "dot": 2,
    "clip": 3,
    "take": 3,
    "round": 2,
    "around": 2,
    "sum": 3,
    "mean": 3,
    "prod": 3,
    "max": 2,
    "min": 2,
}
"""Where functions take the array that their result is written into, when it has no keyword."""


class Recording:
    """What arrays and numbers that record have in common."""

    _tape: Tape | None = None
    _cell: Any = None

    def plain(self) -> Any:
        """Return NumPy's or Python's own value."""
        raise NotImplementedError

    def __float__(self) -> float:
        return float(plain(self))

    def __int__(self) -> int:
        return int(decided(self, int(self.plain())))

    def __bool__(self) -> bool:
        return bool(decided(self, bool(self.plain())))

    def __str__(self) -> str:
        return str(plain(self))

    def __repr__(self) -> str:
        return repr(plain(self))

    def __format__(self, spec: str) -> str:
        return format(plain(self), spec)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.plain().__reduce_ex__(protocol)

    def __complex__(self) -> complex:
        return complex(plain(self))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in _FACTS:
            return function(*plain(args), **plain(kwargs))
        if function in _LIKE and not any(map(is_traced, args[1:])):
            return adopted(function(*plain(args), **plain(kwargs)), function.__name__)
        if function in _WRITING:
            return written(function, function.__name__, args, kwargs)
        place = _OUT.get(function.__name__)
        if place is not None and len(args) > place:
            args, kwargs = args[:place], {**kwargs, "out": args[place]}
        return record(function, function.__name__, args, kwargs)


def on_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """``__array_ufunc__`` of what is NumPy's: Python's numbers have none, or plain arrays would not leave them be."""
    if method == "at":
        return _stepped_at(ufunc, inputs)
    if method == "__call__":
        return calculated(ufunc, ufunc.__name__, inputs, kwargs)
    return record(getattr(ufunc, method), f"{ufunc.__name__}.{method}", inputs, kwargs)


def calculated(function: Any, name: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a ufunc, and follow what may be a parameter through its update: ``w - step`` is the next state of w."""
    tape = Session.tape
    if tape is not None and any(isinstance(x, np.ndarray) and x.dtype == object for x in inputs):
        return function(*(_objects(x) for x in inputs), **plain(kwargs))
    if tape is None or name not in _STEPPING:
        return record(function, name, inputs, kwargs)
    states = [cell_of(tape, x).state if is_traced(x) else None for x in inputs]
    bits = [0 if s is None else tape.bit(s) for s in states]
    before_leaves = [leaves(tape, x) if is_traced(x) else 0 for x in inputs]
    result = record(function, name, inputs, kwargs)
    for i in _STEPPING[name]:
        before, other = states[i], inputs[1 - i]
        if before is None or not is_traced(result):
            continue
        if "out" in kwargs and result is not inputs[i]:
            continue  # written into another array, whose state this is not
        if name in ("multiply", "divide"):
            if not np.ndim(other) and (np.ndim(inputs[i]) or not is_traced(other)):
                _follow(result, before, before.version)
            continue
        event = tape.events[result._cell.buffer.writer]
        bit = bits[i]
        depends = before_leaves[1 - i] & bit
        if depends or np.shape(result) == np.shape(inputs[i]):
            _follow(result, before, before.version + bool(depends))
        if depends:
            tape.updated(event, before, kept="out" in kwargs)
            break
    return result


def _stepped_at(ufunc: Any, inputs: tuple[Any, ...]) -> None:
    """Call ``ufunc.at``, which can be a step of some rows: ``np.subtract.at(E, words, step)``."""
    tape, target = Session.tape, inputs[0]
    before = cell_of(tape, target).state if tape is not None and is_traced(target) else None
    step = inputs[2] if len(inputs) > 2 else None
    depends = (
        tape is not None and before is not None and is_traced(step) and leaves(tape, step) & tape.bit(before)
    )
    written(ufunc.at, f"{ufunc.__name__}.at", inputs)
    if depends and tape is not None and before is not None and ufunc in (np.add, np.subtract):
        cell = cell_of(tape, target)
        state = State(
            before.leaf, before.path[: len(before.path) - len(cell.path)], before.version + 1, before.home
        )
        cell.buffer.state = state
        tape.updated(tape.events[cell.buffer.writer], before, kept=True)


def _objects(value: Any) -> Any:
    """Return a traced value as an array of objects that record, to be calculated with one by one."""
    if not is_traced(value):
        return value
    objects = np.empty(np.shape(value), dtype=object)
    for place in np.ndindex(objects.shape):
        objects[place] = value[place] if isinstance(value, np.ndarray) else value
    return objects


_STEPPING = {"add": (0, 1), "subtract": (0,), "multiply": (0, 1), "divide": (0,)}
"""Of which operands the result of a ufunc can be the next state."""


def _follow(result: Any, before: State, version: int) -> None:
    buffer = result._cell.buffer
    if not result._cell.path and (buffer.state is None or buffer.state.key == before.key):
        home = frozenset((id(buffer),)) | (before.home if version == before.version else frozenset())
        buffer.state = State(before.leaf, before.path, version, home)
    elif buffer.state is not None:
        version = max(buffer.state.version, version)
        buffer.state = State(buffer.state.leaf, buffer.state.path, version, buffer.state.home)


def leaves(tape: Tape, value: Any) -> int:
    """Return the values from outside that a traced value depends on, as bits."""
    cell = cell_of(tape, value)
    return tape.events[cell.event].leaves | tape.events[cell.buffer.writer].leaves


def written(
    function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
) -> None:
    """Call what writes its first argument in place, and write the call down."""
    tape = Session.tape
    target, kwargs = args[0], kwargs or {}
    if tape is None or not is_traced(target):
        function(*plain(args), **plain(kwargs))
        return
    cell = cell_of(tape, target)
    tape.writing(cell)
    held = [cell_of(tape, value).state for value in args[1:] if is_traced(value)]
    event = tape.call(function, name, referenced(tape, args), referenced(tape, kwargs))
    function(*plain(args), **plain(kwargs))
    tape.wrote(event, cell)
    buffer = cell.buffer
    if name == "setitem" and plain(target).dtype.kind in "iu":
        buffer.cut = buffer.cut or np.asarray(plain(args[2])).dtype.kind == "f"
    for state in held:
        if state is not None and buffer.state is not None and buffer.state.leaf == state.leaf:
            version = max(buffer.state.version, state.version)
            buffer.state = State(buffer.state.leaf, buffer.state.path, version, buffer.state.home)
            tape.keep(state.key)


def decided(value: Any, answer: Any) -> Any:
    """Note what the program goes on with."""
    tape = Session.tape
    if tape is not None and value._tape is tape:
        tape.guard(value._cell.index, answer)
    return answer
