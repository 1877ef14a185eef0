"""What the Array API and Python ask of an array: its sizes, its place, and its values as numbers.

A Tensor is all of this as a NumPy array is, with one difference. Where a value wants a gradient, or is being traced
and has no number yet, reading it as a number is an error that says how the same is written with a gradient.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from glassgrad.errors import ConversionError, DTypeError, OptionError, ShapeError, TraceError
from glassgrad.graph.builder import Traced
from glassgrad.ir import CPU, require_cpu
from glassgrad.ir.origin import caller
from glassgrad.recorder import Handle

__all__ = ["API_VERSIONS", "ArrayObject"]

API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
"""The versions of the Array API standard that the namespace follows, the one it was written for last."""

_DLPACK_CPU = (1, 0)
"""How DLPack names the processor: its kind of device, and which of them."""


class ArrayObject(Handle):
    """A handle on an array or a traced value that answers as the Array API's array object does."""

    __slots__ = ()

    # --- what it is ---

    @property
    def shape(self) -> tuple[Any, ...]:
        """Sizes of the axes; the batch axis of a traced Tensor may be symbolic."""
        return tuple(self._payload.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy dtype."""
        return self._payload.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._payload.shape)

    @property
    def size(self) -> Any:
        """Number of elements; symbolic where the batch axis is."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> Any:
        """Bytes of all elements; symbolic where the batch axis is."""
        return self.size * self.itemsize

    @property
    def device(self) -> str:
        """Where the values lie: ``"cpu"``."""
        return CPU

    def to_device(self, device: str, /, *, stream: None = None) -> Any:
        """Return the Tensor itself: there is one device.

        Raises
        ------
        OptionError
            Where another one is named, or a stream, which the processor has none of.
        """
        require_cpu(device)
        _no_stream(stream)
        return self

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """Return `glassgrad.xp`, the namespace whose functions take this Tensor.

        Raises
        ------
        OptionError
            Where another version of the standard is asked for than it follows.
        """
        if api_version is not None and api_version not in API_VERSIONS:
            raise OptionError(
                f"glassgrad.xp follows the Array API standard {', '.join(API_VERSIONS)}, not {api_version!r}"
            )
        return importlib.import_module("glassgrad.xp")

    # --- reading it ---

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return the values as a read-only view.

        Raises
        ------
        TraceError
            While the Tensor is traced, because it has no numbers yet.
        """
        view: np.ndarray[Any, Any] = self._values().view()
        view.flags.writeable = False
        return view

    def _values(self) -> np.ndarray[Any, Any]:
        if isinstance(self._payload, Traced):
            self._payload._unknown()
        return self._payload  # type: ignore[no-any-return]

    def _plain(self, spelling: str, instead: str = "") -> np.ndarray[Any, Any]:
        """Return the values where reading them loses no gradient; `instead` is what keeps it."""
        values = self._values()
        if self._key is not None:
            raise TraceError(
                f"{spelling} would silently cut this Tensor from its gradient. "
                f"{f'{instead}. ' if instead else ''}Write t.detach().numpy() (or t.item()) where that is meant."
                f"\n  (at {caller()})"
            )
        return values

    def _number(self, spelling: str, instead: str) -> Any:
        """Return the one value as a Python number, where reading it loses no gradient."""
        values = self._plain(spelling, instead)
        if values.size != 1:
            raise ConversionError(
                f"{spelling} needs one number, but this Tensor has shape {self.shape}: pick one (t[0]), reduce it "
                "(t.sum()), or take all of them with t.tolist()"
            )
        return values.item()

    def _real_number(self, spelling: str, instead: str) -> Any:
        number = self._number(spelling, instead)
        if isinstance(number, complex):
            raise DTypeError(
                f"{spelling} has no answer for a complex number: take gg.real(t), gg.imag(t) or gg.abs(t) first"
            )
        return number

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        self._plain(
            "np.asarray(t)",
            "gg.stack([t, ...]) joins Tensors and keeps it; an array that it is written into, a[i] = t, is made by "
            "np.zeros_like(t, shape=...) or gg.zeros(...)",
        )
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __float__(self) -> float:
        return float(
            self._real_number(
                "float(t)",
                "gg.exp for math.exp keeps it; an array written into, a[i] = t, is made by np.zeros_like(t, shape=...)",
            )
        )

    def __complex__(self) -> complex:
        return complex(self._number("complex(t)", "gg.exp in the place of cmath.exp, and so on, keeps it"))

    def __int__(self) -> int:
        return int(self._real_number("int(t)", "gg.trunc(t) is a whole number whose gradient is 0"))

    def __index__(self) -> int:
        return self._plain("index(t)", "gg.take picks elements").__index__()

    def __bool__(self) -> bool:
        values = self._plain("bool(t)", "t != 0 wants none; gg.where(t != 0, x, y) chooses and keeps it")
        if values.size != 1:
            raise ShapeError(
                f"a Tensor of shape {self.shape} is not one truth value: ask gg.all(t) or gg.any(t), or choose "
                "element by element with gg.where"
            )
        return bool(values)

    def __len__(self) -> int:
        if not self.shape:
            raise ConversionError(
                "a Tensor without axes is one number: it has no length and no elements to go through"
            )
        if not isinstance(self.shape[0], int):
            raise TraceError(
                f"the length {self.shape[0]} is open while tracing: Python cannot count or go through the batch. "
                "Use gg.scan, or operations on the whole batch"
            )
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        n = len(self)
        return (self[i] for i in range(n))

    def item(self) -> Any:
        """Return the one value of a Tensor with one element as a Python number."""
        return self.numpy().item()

    def tolist(self) -> Any:
        """Return the values as nested lists."""
        return self.numpy().tolist()

    # --- giving it to other libraries ---

    def __dlpack_device__(self) -> tuple[int, int]:
        return _DLPACK_CPU

    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """Return the values for another library, which shares their memory unless `copy` is set.

        Values that share one place in memory (a broadcast array) are spread out first, in this Tensor, too. Memory that
        must not be written is copied for a reader that cannot be told so.

        Raises
        ------
        TraceError
            Where the Tensor wants a gradient, which the other library would not carry on.
        BufferError
            Where they are wanted on another device, or uncopied where only a copy can be given.
        """
        _no_stream(stream)
        if dl_device is not None and tuple(map(int, dl_device)) != _DLPACK_CPU:
            raise BufferError(f"a Tensor lies on DLPack's device {_DLPACK_CPU}, not on {tuple(dl_device)}")
        values = self._plain("giving it to another library by DLPack")
        if 0 in values.strides and not values.flags.writeable:
            self._payload = values = np.array(values)
        told = max_version is not None and tuple(max_version) >= (1, 0)
        given = values.copy() if copy else _lent(values)
        if not told and not given.flags.writeable:
            if copy is False:
                raise BufferError(
                    "these values must not be written, which this version of DLPack cannot say: ask for a copy"
                )
            given = values.copy()
        if np.may_share_memory(given, values):
            self._payload = self.numpy()  # from now on read-only here: another library may write there
        return given.__dlpack__(max_version=max_version) if told else given.__dlpack__()


def _lent(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a view that can be written where the memory allows it."""
    view = values.view()
    with suppress(ValueError):
        view.flags.writeable = True
    return view


def _no_stream(stream: Any) -> None:
    if stream is not None:
        raise OptionError(f"the processor has no streams, but stream={stream!r} was given")
