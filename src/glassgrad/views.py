"""Views: which values look at the same elements, so that writing to one of them is seen by the others.

Arrays are never changed. What looks like writing into a Tensor gives its handle a new value. NumPy's views are kept up
by noting, for a handle that looks at another one's elements, the operation it was made by: writing through it writes
the elements back into what it looks at, and whatever else looks at them is made anew by its operation.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, ShapeError, TraceError
from glassgrad.ir.origin import caller
from glassgrad.ops import Op

__all__ = ["Sight", "look", "made_here", "owned", "put_back", "unshared", "unwritable"]

_PRUNED_FROM = 16
"""Handles that are gone are dropped from a list of this length on."""


class Sight:
    """What a handle looks at, and who looks at it.

    Attributes
    ----------
    base
        The handle whose elements these are; None where they are its own.
    op, attrs
        The operation that picks them, and its settings.
    made
        Whether a person made the handle, as an array of its own; without axes it is an array then, not a number.
    home
        The builder at work when it was made; None outside of traces.
    """

    base: Any = None
    op: Any = None
    attrs: Mapping[str, Any] = {}
    made = False
    home: Any = None
    _lookers: list[weakref.ref[Any]] = []  # noqa: RUF012 -- the first looker gets a list of its own

    def seen_by(self, handle: Any) -> None:
        """Note a handle that looks at this one."""
        n = len(self._lookers)
        if n == 0 or (n >= _PRUNED_FROM and n & (n - 1) == 0):
            self._lookers = [r for r in self._lookers if r() is not None]
        self._lookers.append(weakref.ref(handle))

    def lookers(self) -> Iterator[Any]:
        """Yield the handles that look at this one and are still there."""
        for reference in tuple(self._lookers):
            handle = reference()
            if handle is not None:
                yield handle


def look(handle: Any, base: Any, op: Op, attrs: Mapping[str, Any]) -> None:
    """Note that `handle`, made of `base` by `op`, looks at its elements, where NumPy's array would be a view."""
    payload, seen = handle._payload, base._sight
    if not base.shape and not (seen is not None and (seen.made or seen.base is not None)):
        return  # what is made of a number is an array of its own
    if op.name == "getitem":
        if not handle.shape or any(isinstance(entry, str) for entry in attrs["index"]):
            return  # one number, or elements picked by arrays: a copy
    elif op.name == "reshape" and (
        attrs.get("copy") is True
        or (isinstance(payload, np.ndarray) and not np.may_share_memory(payload, base._payload))
    ):
        return
    sight = handle._sight
    if sight is None:
        sight = handle._sight = Sight()
    if base._sight is None:
        base._sight = Sight()
    sight.base, sight.op, sight.attrs = base, op, attrs
    base._sight.seen_by(handle)


def made_here(handle: Any, builder: Any, made: bool = False) -> None:
    """Note where a handle was made: the builder at work, and whether by a person."""
    if handle._sight is None:
        handle._sight = Sight()
    handle._sight.made, handle._sight.home = made, builder


def put_back(F: Any, base: Any, handle: Any) -> Any:
    """Return the value of `base` with the elements that `handle` looks at as they are in `handle`."""
    op, attrs = handle._sight.op, handle._sight.attrs
    if op.name == "getitem":
        return F.index_put(base, handle, attrs["index"])
    if op.name == "reshape":
        return F.reshape(handle, tuple(base.shape))
    if op.name == "permute_dims":
        return F.permute_dims(handle, tuple(int(i) for i in np.argsort(attrs["axes"])))
    assert op.name == "flip"
    return F.flip(handle, axis=attrs["axis"])


def unwritable(handle: Any) -> Exception | None:
    """Return why elements cannot be written through a view; None where they can."""
    sight = handle._sight
    while sight is not None and sight.base is not None:
        if sight.op.name not in ("getitem", "reshape", "permute_dims", "flip"):
            return DTypeError(
                f"this is a view that NumPy does not write through either ({sight.op.name}): write into a copy, "
                f"t = t.copy()\n  (at {caller()})"
            )
        above = sight.base._sight
        unsure = sight.op.name == "reshape" and above is not None and above.base is not None
        if unsure and not isinstance(handle._payload, np.ndarray):
            return TraceError(
                "whether the reshape of a view is a view or a copy depends on memory, of which a traced value has "
                f"none: write t = t.reshape(...).copy() where a copy is meant\n  (at {caller()})"
            )
        sight = above
    return None


def owned(payload: Any) -> Any:
    """Return what a Tensor holds as something nobody else can change: what it may not write to itself is shared."""
    if isinstance(payload, np.ndarray) and not payload.flags.writeable:
        return unshared(payload)
    return payload


def unshared(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return an array that nobody else can change: `x` itself where that is known, else a copy.

    An array that can be written, or that looks at one, may change before the gradient is asked for. Where axes repeat
    elements (a broadcast array), only the elements are copied.
    """
    if x.flags.writeable:
        return x.copy("K")
    root: Any = x.base
    while isinstance(root, np.ndarray) and not root.flags.writeable:
        root = root.base
    if root is None or isinstance(root, bytes):
        return x
    own = x[(*(slice(0, 1) if stride == 0 else slice(None) for stride in x.strides), ...)].copy()
    own.flags.writeable = False
    return own if own.shape == x.shape else np.broadcast_to(own, x.shape)


def fitting(F: Any, target: Any, value: Any, spelling: str) -> Any:
    """Return a value as it goes into `target`: in its shape and dtype.

    Raises
    ------
    ShapeError
        Where its shape does not broadcast to that of `target`.
    DTypeError
        Where the dtype of `target` cannot hold it.
    """
    have, want = tuple(value.shape), tuple(target.shape)
    if have != want:
        extra = len(have) - len(want)
        if extra > 0 or any(
            d not in (1, w) for d, w in zip(have, want[-extra:] if extra else want, strict=True)
        ):
            raise ShapeError(
                f"{spelling} keeps the shape, {want}, but the result has shape {have}: write a = a + b for an array of "
                f"another shape\n  (at {caller()})"
            )
        value = F.broadcast_to(value, want)
    if value.dtype != target.dtype:
        if not np.can_cast(value.dtype, target.dtype, "same_kind"):
            raise DTypeError(
                f"{spelling} keeps the dtype, {target.dtype}, which cannot hold the result, {value.dtype}: make it "
                f"{value.dtype} first, a = a.astype('{value.dtype}')\n  (at {caller()})"
            )
        value = F.astype(value, target.dtype)
    return value
