"""The Tensor: a thin handle on a value, eager like a NumPy array, that remembers how it was made.

An operation on Tensors is carried out at once and recorded only where a gradient is wanted. The record is a *tape*
of steps; `Tensor.backward` sweeps it from the last step to the first with the records' rules, on plain arrays
unless derivatives of the derivatives are asked for. While a function is traced, a Tensor holds a traced value in
place of an array, and the same code builds a graph.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from glassgrad.array_object import ArrayObject
from glassgrad.errors import DTypeError, GlassgradError, ShapeError, TraceError, no_attribute
from glassgrad.graph.builder import Traced, active_builder
from glassgrad.graph.reverse import reverse_sweep
from glassgrad.in_place import InPlace
from glassgrad.ir import inexact, require_cpu
from glassgrad.ir.origin import caller, located
from glassgrad.ops.calls import public
from glassgrad.recorder import Recorder, adopt, no_grad, numbers, read_only, recording
from glassgrad.tape import PLAIN, Leaf, TapeStep, collect
from glassgrad.views import made_here, owned

__all__ = ["T", "Tensor", "adopt", "asarray", "no_grad", "recording", "tensor"]

_NEW, _ARRAY = object.__new__, np.ndarray


class Tensor(InPlace, ArrayObject):
    """An array that can be differentiated.

    Make one with `glassgrad.tensor`; NumPy arrays and numbers mix with Tensors in every operation.

    Attributes
    ----------
    grad : Tensor or None
        The gradient that `backward` has added up so far, where ``requires_grad`` was set.
    """

    __slots__ = ("grad", "name")

    def __init__(
        self, data: Any, *, dtype: Any = None, requires_grad: bool = False, name: str | None = None
    ) -> None:
        payload = data._payload if isinstance(data, Tensor) else numbers(data)
        if isinstance(payload, np.ndarray):
            payload = np.array(payload, dtype=dtype)
        elif dtype is not None and payload.dtype != np.dtype(dtype):
            payload = PLAIN.astype(payload, dtype)
        self._payload: Any = payload
        self._key: Hashable | None = None
        self._sight = None
        builder = active_builder()
        if builder is not None or not payload.shape:
            made_here(self, builder, made=True)
        self.grad: Tensor | None = None
        self.name = name
        if requires_grad:
            self.requires_grad = True

    @classmethod
    def _make(cls, payload: Any, key: Hashable | None) -> Tensor:
        self: Tensor = _NEW(Tensor)
        if type(payload) is not _ARRAY and type(payload) is not Traced:
            payload = np.asarray(payload)
        self._payload = payload
        self._key = key
        self._sight = None
        self.grad = None
        self.name = None
        return self

    # --- whether it is differentiated ---

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this Tensor are recorded; can be set on a Tensor that was not computed."""
        return self._key is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if isinstance(self._key, (TapeStep, tuple)):
            raise DTypeError(
                "requires_grad can be set only on a Tensor that was not computed; use detach() first"
            )
        if wanted and not inexact(self.dtype):
            raise DTypeError(
                f"only real and complex Tensors have gradients, but this one is {self.dtype}; use .astype('float64')"
            )
        if wanted:
            self._payload = owned(self._payload)
        self._key = Leaf(self) if wanted else None

    @property
    def is_leaf(self) -> bool:
        """Whether the Tensor was not computed from others that want a gradient."""
        return not isinstance(self._key, (TapeStep, tuple))

    def __repr__(self) -> str:
        if isinstance(self._payload, Traced):
            return f"Tensor({self._payload.value})"
        text = np.array2string(self._payload, separator=", ", prefix="Tensor(")
        notes = "" if self.dtype == np.float64 or self.dtype.kind in "ib" else f", dtype={self.dtype}"
        return f"Tensor({text}{notes}{', requires_grad=True' if self.requires_grad else ''})"

    def __reduce__(self) -> Any:
        """Copy and pickle a Tensor that was not computed as its values, its gradient and the wish for one."""
        if not self.is_leaf:
            raise DTypeError(
                "a computed Tensor cannot be copied or pickled with its history: use t.detach() for its values"
            )
        return _restored, (type(self), np.array(self.numpy()), self.requires_grad, self.name, self.grad)

    # --- its gradient ---

    def detach(self) -> Tensor:
        """Return the same values without their history: no gradient flows back through the result."""
        bare = self._bare()
        if isinstance(bare._payload, Traced) and active_builder() is not None:
            return Tensor._make(PLAIN.stop_gradient(bare._payload), None)
        return bare

    def _bare(self) -> Tensor:
        """Return the same values without their history; a graph being traced still knows where they come from."""
        builder = active_builder()
        return Tensor._make(self._payload if builder is None else adopt(builder, self), None)

    def assign(self, value: Any) -> None:
        """Put other values of the same shape in place, as an optimizer does with a parameter.

        Raises
        ------
        ShapeError
            Where the shape differs.
        DTypeError
            Where the Tensor was computed: only those that were not can be assigned.
        """
        if not self.is_leaf:
            raise DTypeError("only a Tensor that was not computed can be assigned new values")
        if isinstance(value, Tensor):
            payload = (
                value._payload if value.dtype == self.dtype else PLAIN.astype(value._payload, self.dtype)
            )
        else:
            payload = np.array(value, self.dtype)
        if tuple(payload.shape) != self.shape:
            raise ShapeError(
                f"cannot assign values of shape {tuple(payload.shape)} to a Tensor of shape {self.shape}"
            )
        self._write(Tensor._make(owned(payload), None))

    def backward(self, gradient: Any = None) -> None:
        """Add to ``.grad`` of every leaf that wants it the gradient of this Tensor.

        Parameters
        ----------
        gradient
            The seed, of this Tensor's shape; 1 by default for a scalar.

        Raises
        ------
        ShapeError
            Where the Tensor is no scalar and no seed is given, or the seed's shape differs.
        DTypeError
            Where nothing that wants a gradient led to this Tensor, or, without a seed, it is complex.

        Examples
        --------
        >>> import glassgrad as gg
        >>> x = gg.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        Tensor([2., 4.])
        """
        if self._key is None:
            raise DTypeError(
                f"backward() on a Tensor of shape {self.shape} and dtype {self.dtype} that does not depend on any "
                "Tensor with requires_grad=True, or was computed inside no_grad, from a detach(), or by an operation "
                f"that has no derivative (a comparison, a rounding to integers)\n  (at {caller()})"
            )
        if gradient is None:
            if self.shape != ():
                raise ShapeError(
                    f"backward() without a seed needs a scalar, but this Tensor has shape {self.shape}; "
                    f"reduce it first, e.g. with .sum(), or pass the gradient\n  (at {caller()})"
                )
            if self.dtype.kind == "c":
                raise DTypeError(
                    f"backward() without a seed needs a real number, but this one is {self.dtype}: complex numbers "
                    f"have no order to go up in. Take gg.abs(z), gg.real(z) or gg.imag(z)\n  (at {caller()})"
                )
            gradient = PLAIN.ones_like(self._payload)
        elif isinstance(gradient, Tensor):
            gradient = PLAIN.astype(gradient._payload, self.dtype)
        else:
            gradient = np.array(gradient, self.dtype)
        if tuple(gradient.shape) != self.shape:
            raise ShapeError(
                f"the seed has shape {tuple(gradient.shape)}, the Tensor {self.shape}\n  (at {caller()})"
            )
        cotangents: dict[Hashable, Any] = {self._key: gradient}
        steps, leaves = collect([self._key])
        if not any(leaf.awaited for leaf in leaves):
            raise DTypeError(
                "backward() on a Tensor that was computed inside a function which gg.grad or another transform has "
                "differentiated already: it belongs to that run. Return it from the function, and differentiate that"
                f"\n  (at {caller()})"
            )
        reverse_sweep(PLAIN, steps, cotangents, release=True)
        for leaf in leaves:
            target = leaf.tensor()
            found = cotangents.get(leaf)
            if target is not None and found is not None:
                before = target.grad
                target.grad = Tensor._make(
                    found if before is None else PLAIN.add(before._payload, found), None
                )

    # --- methods ---

    def astype(self, dtype: Any, *, copy: bool = True) -> Tensor:
        """Return the values in another dtype; where it is theirs and `copy` is not set, the Tensor itself."""
        return T.astype(self, dtype, copy=copy)  # type: ignore[no-any-return]

    def reshape(self, *shape: Any) -> Tensor:
        """Return the values in another shape; one size may be -1."""
        try:
            return T.reshape(self, shape[0] if len(shape) == 1 else shape)  # type: ignore[no-any-return]
        except GlassgradError as error:
            raise located(error, "reshape", (self,)) from error.__cause__

    @property
    def T(self) -> Tensor:
        """The transpose: axes reversed."""
        return T.transpose(self)  # type: ignore[no-any-return]

    @property
    def mT(self) -> Tensor:
        """The matrix transpose: the last two axes exchanged."""
        return T.matrix_transpose(self)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        raise no_attribute("a Tensor", name, dir(type(self)))


T = Recorder(Tensor)
"""The operations on Tensors."""

Tensor._F = T

_METHODS = (
    "exp",
    "log",
    "sqrt",
    "square",
    "abs",
    "tanh",
    "sigmoid",
    "relu",
    "expand_dims",
    "broadcast_to",
)

for _name in _METHODS:
    setattr(Tensor, _name, public(T, _name))


def _restored(
    kind: type[Tensor], data: Any, requires_grad: bool, name: str | None, gradient: Tensor | None
) -> Tensor:
    copied = kind.__new__(kind)
    Tensor.__init__(copied, data, requires_grad=requires_grad, name=name)
    copied.grad = gradient
    return copied


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False, name: str | None = None) -> Tensor:
    """Make a Tensor from numbers, nested lists or an array (copied).

    Parameters
    ----------
    data
        The values.
    dtype
        NumPy dtype; by default NumPy's choice (float64 for Python floats).
    requires_grad
        Whether operations on it are recorded so that its gradient can be had.
    name
        A name for people, shown in graphs and messages.

    Raises
    ------
    DTypeError
        Where `data` are no numbers, or a gradient is wanted of integers.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.tensor([[1.0, 2.0]])
    Tensor([[1., 2.]])
    """
    return Tensor(data, dtype=dtype, requires_grad=requires_grad, name=name)


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return `obj` as a Tensor, itself where it is one already; arrays are shared, not copied.

    Parameters
    ----------
    obj
        A Tensor, an array, a number or nested lists of such; Tensors in lists keep their gradients.
    dtype
        The result's dtype; by default that of `obj`, and for Python numbers float64, int64, complex128 or bool.
    device
        ``"cpu"`` or None.
    copy
        Whether the values are copied: always, never, or (None) where they must be.

    Raises
    ------
    DTypeError
        Where `obj` holds no numbers, or complex ones that are to become real.
    ValueError
        Where `copy` is False and a copy is needed.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.asarray([1, 2], dtype="float32")
    Tensor([1., 2.], dtype=float32)
    """
    require_cpu(device)
    if not isinstance(obj, Tensor):
        try:
            payload = _read(obj, dtype, copy)
        except TraceError:
            if not isinstance(obj, (list, tuple)):
                raise
            return asarray(T.value(obj), dtype=dtype)
        obj, copy = Tensor._make(payload, None), None if copy else copy
        builder = active_builder()
        if builder is not None or not obj.shape:
            made_here(obj, builder, made=True)
    if dtype is not None and obj.dtype != np.dtype(dtype):
        if copy is False:
            raise ValueError(
                f"{obj.dtype} becomes {np.dtype(dtype)} by a copy, which copy=False forbids: leave copy out"
            )
        return T.astype(obj, dtype)  # type: ignore[no-any-return]
    return T.identity(obj) if copy else obj  # type: ignore[no-any-return]


def _read(obj: Any, dtype: Any, copy: bool | None) -> Any:
    """Return the array of what is no Tensor; Python's numbers are made `dtype` at once, so that none is cut short."""
    array = numbers(obj)
    if isinstance(array, Traced):
        return array
    if copy is False and not isinstance(obj, np.ndarray):
        try:
            return read_only(np.asarray(obj, copy=False))
        except ValueError:
            raise ValueError(
                f"an array is made of a {type(obj).__name__} by a copy, which copy=False forbids: leave copy out"
            ) from None
    if dtype is not None and isinstance(obj, (list, tuple, int, float)) and array.dtype.kind != "c":
        return np.asarray(obj, dtype)
    return np.array(array) if copy else array
