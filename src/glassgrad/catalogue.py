"""Tables that many modules fill, most of which a run has no use for.

Training needs a few families of operations of many, and a program of a few lines should not wait for the others. A
catalogue knows which modules would add to it and imports them when it is asked for something it does not have, or for
everything.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

__all__ = ["Catalogue"]

K = TypeVar("K")
V = TypeVar("V")

_lock = threading.RLock()


class Catalogue(dict[K, V]):
    """A dict whose last entries arrive when they are first needed."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._whole = True

    def wait_for(self, modules: Iterable[str]) -> None:
        """Let these modules be imported when they are needed."""
        self._waiting, self._whole = list(modules), False

    def complete(self) -> None:
        """Import the modules that have entries to add."""
        if not self._whole:
            with _lock:  # where another thread is at it, what it has not yet added is not missing
                waiting, self._waiting = self._waiting, []
                for module in waiting:
                    importlib.import_module(module)
                self._whole = True

    def here(self, key: K) -> V | None:
        """Return an entry that is there without any import, or None."""
        return dict.get(self, key)

    def add(self, key: K, value: V) -> bool:
        """Add an entry; returns False, and adds nothing, where the key has one already."""
        return dict.setdefault(self, key, value) is value

    def __missing__(self, key: K) -> V:
        self.complete()
        if dict.__contains__(self, key):
            return dict.__getitem__(self, key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        if not dict.__contains__(self, key):
            self.complete()
        return dict.__contains__(self, key)

    def get(self, key: K, default: Any = None) -> Any:
        """Return the entry, or `default`."""
        return dict.__getitem__(self, key) if key in self else default

    def __iter__(self) -> Iterator[K]:
        self.complete()
        return dict.__iter__(self)

    def __len__(self) -> int:
        self.complete()
        return dict.__len__(self)

    def keys(self) -> Any:
        """Return a view of all keys."""
        self.complete()
        return dict.keys(self)

    def values(self) -> Any:
        """Return a view of all values."""
        self.complete()
        return dict.values(self)

    def items(self) -> Any:
        """Return a view of all entries."""
        self.complete()
        return dict.items(self)
