"""The array namespace: every operation and function as ``xp.name``, on Tensors, arrays and numbers.

The names are the Array API's where it has them. The functions are the records themselves, bound to Tensors, so
nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from glassgrad.ops import FUNCTIONS, REGISTRY
from glassgrad.tensors import T, asarray

__all__ = ["asarray", "e", "inf", "nan", "newaxis", "pi"]

e, pi, inf, nan, newaxis = np.e, np.pi, np.inf, np.nan, None


_NO_ARRAY_FIRST = frozenset({"arange", "concat", "full", "ones", "stack", "zeros"})
"""Functions whose first argument is a shape, a size or a list of arrays; elsewhere a list is one array."""


def __getattr__(name: str) -> Any:
    if name in REGISTRY or name in FUNCTIONS:
        f = getattr(T, name)
        if name not in _NO_ARRAY_FIRST:
            every = name in REGISTRY and (REGISTRY[name].elementwise or name in ("linear", "matmul"))
            f = _of_lists(f, every)
        globals()[name] = f
        return f
    raise AttributeError(f"glassgrad.xp has no function {name!r}")


def _of_lists(f: Callable[..., Any], every: bool) -> Callable[..., Any]:
    """Let the first argument, or every one, be nested lists of numbers, too."""

    @wraps(f.func)  # type: ignore[attr-defined]
    def call(*args: Any, **kwargs: Any) -> Any:
        args = tuple(
            asarray(a) if isinstance(a, list) and (every or not i) else a for i, a in enumerate(args)
        )
        return f(*args, **kwargs)

    return call


def __dir__() -> list[str]:
    return sorted([*__all__, *REGISTRY, *FUNCTIONS])
