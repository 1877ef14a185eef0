"""The array namespace: every operation and function as ``xp.name``, on Tensors, arrays and numbers.

It is the Python Array API's, main namespace and extensions ``xp.linalg`` and ``xp.fft``, and holds further functions
that networks need. The functions are the records themselves, bound to Tensors, so nothing is written twice; each is
found in the module that is its home. What is written here are questions about dtypes and the exchange of arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.array_object import API_VERSIONS
from glassgrad.tensors import asarray
from glassgrad.xp import fft, linalg
from glassgrad.xp.data_types import broadcast_shapes, can_cast, finfo, iinfo, isdtype, result_type
from glassgrad.xp.dtypes import (
    bool,
    complex64,
    complex128,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from glassgrad.xp.exchange import from_dlpack
from glassgrad.xp.info import NamespaceInfo
from glassgrad.xp.members import member, names

__all__ = [
    "asarray",
    "bool",
    "broadcast_shapes",
    "can_cast",
    "complex64",
    "complex128",
    "e",
    "fft",
    "finfo",
    "float32",
    "float64",
    "from_dlpack",
    "iinfo",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "isdtype",
    "linalg",
    "nan",
    "newaxis",
    "pi",
    "result_type",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]

__array_api_version__ = API_VERSIONS[-1]

e, pi, inf, nan, newaxis = np.e, np.pi, np.inf, np.nan, None


def __array_namespace_info__() -> NamespaceInfo:
    """Return what the namespace can do, as the Array API asks for it."""
    return NamespaceInfo()


def __getattr__(name: str) -> Any:
    return member(globals(), "xp", name, __dir__)


def __dir__() -> list[str]:
    return sorted([*__all__, *names("xp")])
