"""The array namespace: every operation and function as ``xp.name``, on Tensors, arrays and numbers.

The names are the Array API's where it has them. The functions are the records themselves, bound to Tensors, so
nothing is written twice; ``xp.linalg`` and ``xp.fft`` hold those whose home is there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.xp.members import member, names

__all__ = ["e", "inf", "nan", "newaxis", "pi"]

e, pi, inf, nan, newaxis = np.e, np.pi, np.inf, np.nan, None


def __getattr__(name: str) -> Any:
    return member(globals(), "xp", name, __dir__())


def __dir__() -> list[str]:
    return sorted([*__all__, "asarray", *names("xp")])
