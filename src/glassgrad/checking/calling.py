"""How a backward pass is called: what each of its parameters is given, by their names and number.

People write ``backward(params, x, y)``, ``backward(cache)``, ``backward(dout, cache)`` and much in between. Names tell
most: what is called the same in both passes is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter
from typing import Literal, TypeAlias

__all__ = ["Source", "sources"]

Source: TypeAlias = tuple[Literal["argument", "cotangent", "cache"], int]
"""What a parameter is given: an argument of the forward pass, the cotangent of its result, or a part of its cache."""


def sources(
    names: Sequence[str],
    wanted: Sequence[Parameter] | None,
    *,
    arguments: int,
    parameters: int,
    cache: int,
    scalar: bool,
) -> list[Source] | None:
    """Return what each parameter of a backward pass is given, in their order; None where that is not clear.

    Parameters
    ----------
    names
        The names of the forward pass's parameters, as far as they have a value; empty where they are not known.
    wanted
        The parameters of the backward pass; None where they are not known.
    arguments, parameters, cache
        How many arguments the forward pass was given, how many of those are parameters, and how many values it
        returned after its result.
    scalar
        Whether its result is one number, so that its cotangent is 1 and need not be given.
    """
    kept: list[Source] = [("cache", i) for i in range(cache)]
    same: list[Source] = [("argument", i) for i in range(arguments)]
    front: list[Source] = [] if scalar else [("cotangent", 0)]
    if wanted is None:
        return [*front, *(kept or same)]
    found = _by_name(names, wanted, kept, scalar=scalar)
    if found is not None:
        return found
    tries = [[*front, *kept]] if kept else []
    tries += [[*front, *same], [*front, *same, *kept], [*front, *same[:parameters], *kept]]
    tries += [[*front, *same[:parameters]]]
    if scalar:
        tries += [[("cotangent", 0), *kept], [("cotangent", 0), *same]]
    return next((one for one in tries if _fits(len(one), wanted)), None)


def _by_name(
    names: Sequence[str], wanted: Sequence[Parameter], kept: list[Source], *, scalar: bool
) -> list[Source] | None:
    """Return the sources where parameters named as in the forward pass leave as many others as there is to give."""
    claimed: dict[str, Source] = {
        p.name: ("argument", names.index(p.name)) for p in wanted if p.name in names
    }
    fills: list[list[Source]] = [kept, []] if scalar else [[("cotangent", 0), *kept], [("cotangent", 0)]]
    found = _filled(claimed, wanted, fills)
    if found is None and claimed and scalar:
        # before the first that is known by its name, the same place is the same thing
        for i, p in enumerate(wanted):
            if p.name in claimed or i >= len(names) or ("argument", i) in claimed.values():
                break
            claimed[p.name] = ("argument", i)
        found = _filled(claimed, wanted, fills)
    return found


def _filled(
    claimed: dict[str, Source], wanted: Sequence[Parameter], fills: Sequence[Sequence[Source]]
) -> list[Source] | None:
    """Return the sources with the first filling that there is room for."""
    left = [p for p in wanted if p.name not in claimed]
    for fill in fills:
        if _fits(len(fill), left):
            given = {**claimed, **dict(zip((p.name for p in left), fill, strict=False))}
            return [given[p.name] for p in wanted if p.name in given]
    return None


def _fits(count: int, wanted: Sequence[Parameter]) -> bool:
    """Say whether so many values can be given."""
    return sum(p.default is p.empty for p in wanted) <= count <= len(wanted)
