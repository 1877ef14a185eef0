"""The array namespace: every operation and function as ``xp.name``, on Tensors, arrays and numbers.

The names are the Array API's where it has them. The functions are the records themselves, bound to Tensors, so
nothing is written twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import no_attribute
from glassgrad.ops import FUNCTIONS, REGISTRY
from glassgrad.ops.calls import public
from glassgrad.tensors import T, asarray

__all__ = ["asarray", "e", "inf", "nan", "newaxis", "pi"]

e, pi, inf, nan, newaxis = np.e, np.pi, np.inf, np.nan, None


def __getattr__(name: str) -> Any:
    if name in REGISTRY or name in FUNCTIONS:
        f = globals()[name] = public(T, name)
        return f
    raise no_attribute("glassgrad.xp", name, __dir__())


def __dir__() -> list[str]:
    return sorted([*__all__, *REGISTRY, *FUNCTIONS])
