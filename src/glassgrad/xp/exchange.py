"""Arrays of other libraries, taken over by DLPack without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import DTypeError
from glassgrad.ir import require_cpu
from glassgrad.tensors import Tensor, asarray

__all__ = ["from_dlpack"]


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return another library's array as a Tensor that shares its memory, or, where `copy` is set, does not.

    Raises
    ------
    DTypeError
        Where `x` is no array that can be exchanged (it has no ``__dlpack__``).
    BufferError
        Where it lies on another device than the processor.

    Examples
    --------
    >>> import numpy as np
    >>> from glassgrad import xp
    >>> xp.from_dlpack(np.array([1.0, 2.0]))
    Tensor([1., 2.])
    """
    require_cpu(device)
    if not isinstance(x, Tensor):
        if not hasattr(x, "__dlpack__"):
            raise DTypeError(
                f"from_dlpack takes arrays that have __dlpack__, but a {type(x).__name__} has none: use asarray"
            )
        x = np.from_dlpack(x)
    return asarray(x, copy=copy)
