"""How a module of the namespace finds its members: the records and functions whose home it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glassgrad.errors import no_attribute
from glassgrad.ops import FUNCTIONS, HOMES, REGISTRY, Op
from glassgrad.ops.calls import public
from glassgrad.ops.namespace import find
from glassgrad.tensors import T

__all__ = ["member", "names"]


def names(home: str) -> list[str]:
    """Return the names of the records and functions whose home is `home`."""
    return [
        *(op.name for op in REGISTRY.values() if op.home == home),
        *(name for name in FUNCTIONS if HOMES[name] == home),
    ]


def member(
    module: dict[str, Any], home: str, name: str, known: Callable[[], list[str]], shared: Sequence[str] = ()
) -> Any:
    """Return the function `name` for people and keep it in `module`, whose namespace this is.

    `known` gives all names there are, for the error; `shared` are those whose home is another module.
    """
    found = find(name)
    at = found.home if isinstance(found, Op) else HOMES.get(name)
    if found is None or (at != home and name not in shared):
        raise no_attribute("glassgrad.xp" if home == "xp" else f"glassgrad.xp.{home}", name, known())
    return module.setdefault(name, public(T, name))
