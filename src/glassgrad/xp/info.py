"""What the namespace can do, in the words the Array API gives libraries to ask it."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.ir import CPU, require_cpu
from glassgrad.xp import dtypes as _dtypes
from glassgrad.xp.data_types import isdtype

__all__ = ["NamespaceInfo"]


class NamespaceInfo:
    """What the namespace can do.

    Examples
    --------
    >>> from glassgrad import xp
    >>> info = xp.__array_namespace_info__()
    >>> info.default_dtypes()["real floating"]
    dtype('float64')
    >>> sorted(info.dtypes(kind="complex floating"))
    ['complex128', 'complex64']
    """

    def capabilities(self) -> dict[str, Any]:
        """Return what arrays can do: be indexed by truth values, have shapes that depend on values, have axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Return where new arrays lie."""
        return CPU

    def devices(self) -> list[str]:
        """Return where arrays can lie."""
        return [CPU]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype[Any]]:
        """Return the dtypes of arrays that are made without naming one, by their kind."""
        require_cpu(device)
        return {
            "real floating": _dtypes.float64,
            "complex floating": _dtypes.complex128,
            "integral": _dtypes.int64,
            "indexing": _dtypes.int64,
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, np.dtype[Any]]:
        """Return the dtypes by name: all of them, or those of a kind (see `isdtype`)."""
        require_cpu(device)
        found = {name: getattr(_dtypes, name) for name in _dtypes.__all__}
        return {name: dtype for name, dtype in found.items() if kind is None or isdtype(dtype, kind)}
