"""Random numbers inside of what is checked: drawn again as they were, so that two runs are the same function.

A derivative belongs to a function. Dropout in a loss makes a different one of every run, unless each starts from the
same state of whatever it draws from.
"""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MethodType
from typing import Any

import numpy as np

__all__ = ["repeatable"]


@contextmanager
def repeatable(*used: Any) -> Iterator[Callable[[], None]]:
    """Give a function that turns random numbers back to where they were at first; at the end they are back there, too.

    It knows NumPy's and Python's own, PyTorch's where that is loaded, and the generators that `used` (functions, their
    closures and globals, objects with methods, nestings) hold.
    """
    found: dict[int, Any] = {}
    for one in used:
        _generators(one, found, 0)
    sources: list[tuple[Callable[[Any], Any], Any]] = [
        (np.random.set_state, np.random.get_state()),
        (random.setstate, random.getstate()),
    ]
    for source in found.values():
        if isinstance(source, np.random.Generator):
            bits = source.bit_generator
            sources.append((lambda state, bits=bits: setattr(bits, "state", state), bits.state))  # type: ignore[misc]
        elif isinstance(source, np.random.RandomState):
            sources.append((source.set_state, source.get_state()))
        else:
            sources.append((source.setstate, source.getstate()))
    torch = sys.modules.get("torch")
    if torch is not None:
        sources.append((torch.set_rng_state, torch.get_rng_state()))

    def back() -> None:
        for put, state in sources:
            put(state)

    try:
        yield back
    finally:
        back()


def _generators(holder: Any, found: dict[int, Any], depth: int) -> None:
    if isinstance(holder, (np.random.Generator, np.random.RandomState, random.Random)):
        found[id(holder)] = holder
    elif depth > 3:
        return
    elif isinstance(holder, MethodType):
        _generators(holder.__self__, found, depth + 1)
        _generators(holder.__func__, found, depth)
    elif inspect.isfunction(holder):
        code = holder.__code__
        held = [holder.__globals__.get(name) for name in code.co_names]
        held += [cell.cell_contents for cell in holder.__closure__ or () if _filled(cell)]
        held += [*(holder.__defaults__ or ())]
        for one in held:
            _generators(one, found, depth + 1)
    elif isinstance(holder, (list, tuple)):
        for one in holder:
            _generators(one, found, depth + 1)
    elif isinstance(holder, Mapping):
        for one in holder.values():
            _generators(one, found, depth + 1)
    elif not isinstance(holder, type) and not inspect.ismodule(holder):
        for one in getattr(holder, "__dict__", {}).values():
            _generators(one, found, depth + 1)


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a name that has no value yet
        return False
