"""Linear algebra: the namespace's functions on matrices, ``xp.linalg``."""

from __future__ import annotations

from typing import Any

from glassgrad.xp.members import member, names

_SHARED = ("matmul", "matrix_transpose", "tensordot", "vecdot")
"""Functions of the main namespace that the standard has here, too."""


def __getattr__(name: str) -> Any:
    return member(globals(), "linalg", name, __dir__, _SHARED)


def __dir__() -> list[str]:
    return sorted([*_SHARED, *names("linalg")])
