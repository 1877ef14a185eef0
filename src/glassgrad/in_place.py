"""In-place code: ``x[i] = v``, ``x += y`` and ``out=`` give a handle a new value, and so are differentiable.

No array is ever changed: the tape and every value computed before keep theirs. A second name of the same Tensor sees
the new value, as do its views, which is what NumPy's users expect of arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, TraceError
from glassgrad.graph.builder import Traced, active_builder
from glassgrad.ir.origin import caller
from glassgrad.ops.places import parse
from glassgrad.recorder import Handle, is_recording, recording
from glassgrad.tape import Leaf
from glassgrad.views import fitting, put_back, unwritable

__all__ = ["InPlace"]


class InPlace(Handle):
    """A handle that can be written into."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, Handle) and self._is_view_at(value, index):
            return  # the end of x[index] += v, which was written through the view already
        self._check_writable()
        F = self._F
        value = value if isinstance(value, (Handle, bool, int, float, complex)) else np.asarray(value)
        mask = getattr(index, "_payload", None)
        if isinstance(mask, Traced) and mask.dtype == np.bool_ and not np.shape(value):
            extra = len(self._payload.shape) - len(mask.shape)
            chosen = F.where(F.reshape(index, (*mask.shape, *(1,) * extra)), value, self)
            self._write(fitting(F, self, chosen, "x[mask] = v"))
        else:
            self._write(F.index_set(self, index, value))

    def fill(self, value: Any) -> None:
        """Write one value everywhere."""
        self[...] = value

    def sort(self, axis: int = -1) -> None:
        """Sort along an axis, in place; `gg.sort` returns the sorted values instead."""
        self[...] = self._F.sort(self, axis=axis)

    def _is_view_at(self, value: Handle, index: Any) -> bool:
        """Say whether `value` is what this handle's elements at `index` are seen through."""
        sight = value._sight
        if sight is None or sight.base is not self or sight.op is None or sight.op.name != "getitem":
            return False
        template, arrays = parse(tuple(self._payload.shape), index)
        return not arrays and template == sight.attrs["index"]

    def _become(self, value: Any, spelling: str = "out=") -> None:
        """Take another value on, of a shape and dtype that fit."""
        self._check_writable()
        self._write(fitting(self._F, self, self._F.value(value), spelling))

    def _is_own_leaf(self) -> bool:
        """Say whether gradients are collected in this very Tensor."""
        return isinstance(self._key, Leaf) and self._key.tensor() is self

    def _check_writable(self) -> None:
        """Raise where the elements of this handle, or of what it looks at, cannot be written."""
        error = unwritable(self)
        if error is not None:
            raise error
        root: Any = self
        while root._sight is not None and root._sight.base is not None:
            root = root._sight.base
        if root._is_own_leaf() and is_recording():
            raise DTypeError(
                "this Tensor has requires_grad=True: its gradient is that of the values it was made with, so they are "
                "not written over while operations are recorded. Write t = t.copy() first, or, to update it as an "
                f"optimizer does, write inside `with gg.no_grad():`\n  (at {caller()})"
            )
        builder = active_builder()
        if builder is None:
            return
        payload = root._payload
        home = payload.builder if isinstance(payload, Traced) else root._sight and root._sight.home
        if home is not builder:
            raise TraceError(
                "a Tensor made outside of a traced function cannot be written into within it, because the graph would "
                "not do it when it runs: write t = t.copy() first and return it, or keep state in a gg.nn.Buffer\n"
                f"  (at {caller()})"
            )

    def _write(self, value: Any) -> None:
        """Take on a value of the same shape and dtype; so does whatever shares elements with this handle."""
        chain: list[Any] = [self]
        self._take_on(value)
        while (sight := chain[-1]._sight) is not None and sight.base is not None:
            sight.base._take_on(put_back(self._F, sight.base, chain[-1]))
            chain.append(sight.base)
        for handle, base in zip(chain[-2::-1], chain[:0:-1], strict=True):
            handle._payload = handle._seen(base)._payload
            base._renew_lookers(handle)
        self._renew_lookers(None)

    def _seen(self, base: Any) -> Any:
        """Return the elements of `base` that this handle looks at."""
        with recording():
            return self._F.bind(self._sight.op, (base,), self._sight.attrs)  # type: ignore[union-attr]

    def _take_on(self, value: Any) -> None:
        """Take on a value, its numbers in the order of memory that the old ones had: views of it depend on that."""
        old, new = self._payload, value._payload
        if isinstance(old, np.ndarray) and isinstance(new, np.ndarray) and old.strides != new.strides:
            self._payload = np.empty_like(old)
            self._payload[...] = new
        else:
            self._payload = new
        if not self._is_own_leaf():
            self._key = value._key

    def _renew_lookers(self, but: Any) -> None:
        """Make the values of the handles that look at this one anew, and of those that look at them."""
        waiting: list[Any] = [self]
        while waiting:
            base = waiting.pop()
            for handle in base._sight.lookers() if base._sight is not None else ():
                if handle is not but and handle._sight.base is base:
                    error = unwritable(handle)
                    if isinstance(error, TraceError):
                        raise error  # it may be a view, which changes, or a copy, which does not
                    seen = handle._seen(base)
                    handle._payload, handle._key = seen._payload, seen._key
                    waiting.append(handle)

    def _updated(self, value: Any, spelling: str) -> Any:
        """Return this handle with its new value; a number that was computed is another number, as NumPy's are."""
        sight = self._sight
        array = sight is not None and (sight.made or sight.base is not None)
        if not self._payload.shape and not array and not self._is_own_leaf():
            return value
        self._become(value, spelling)
        return self


def _updating(operator: str, sign: str) -> Callable[..., Any]:
    def update(self: InPlace, other: Any) -> Any:
        self._check_writable()
        return self._updated(getattr(self, f"__{operator}__")(other), f"a {sign}= b")

    update.__name__ = update.__qualname__ = f"__i{operator}__"
    return update


for _operator, _sign in (
    ("add", "+"),
    ("sub", "-"),
    ("mul", "*"),
    ("truediv", "/"),
    ("floordiv", "//"),
    ("mod", "%"),
    ("pow", "**"),
    ("matmul", "@"),
    ("and", "&"),
    ("or", "|"),
    ("xor", "^"),
    ("lshift", "<<"),
    ("rshift", ">>"),
):
    setattr(InPlace, f"__i{_operator}__", _updating(_operator, _sign))
