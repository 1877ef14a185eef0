"""Which dtypes have derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["inexact"]


def inexact(dtype: np.dtype[Any]) -> bool:
    """Say whether numbers of `dtype` vary continuously, so that there are derivatives: real and complex ones do.

    Examples
    --------
    >>> [inexact(np.dtype(name)) for name in ("float32", "complex128", "int64", "bool")]
    [True, True, False, False]
    """
    return dtype.kind in "fc"
