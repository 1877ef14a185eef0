"""Things chosen by name: layers, losses, optimizers, schedules.

A model file, a command line and a person in a notebook all name what they want and give its settings. One
registry turns both into an object and back into JSON, and one set of checks refuses what makes no sense, so
that every such error reads the same.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from glassgrad.errors import OptionError, did_you_mean

__all__ = ["Registry", "config_of", "require"]

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Registry(Generic[T]):
    """The kinds of one thing, by name.

    Parameters
    ----------
    what
        What they are, for messages: ``"optimizer"``.
    key
        The key under which a configuration holds the name.

    Examples
    --------
    >>> shapes: Registry[Any] = Registry("shape")
    >>> @shapes.add("square")
    ... @dataclasses.dataclass(frozen=True)
    ... class Square:
    ...     side: float = 1.0
    >>> shapes.build({"name": "square", "side": 2.0})
    Square(side=2.0)
    >>> shapes.build("sqare")
    Traceback (most recent call last):
    glassgrad.errors.OptionError: there is no shape 'sqare'. Did you mean 'square'?
    """

    def __init__(self, what: str, key: str = "name") -> None:
        self.what = what
        self.key = key
        self._kinds: dict[str, type[Any]] = {}

    def add(self, name: str | None = None) -> Callable[[C], C]:
        """Return a decorator that adds a class under `name`, by default its own."""

        def decorate(kind: C) -> C:
            label = name or kind.__name__
            if label in self._kinds:
                raise OptionError(f"a {self.what} named {label!r} exists already")
            self._kinds[label] = kind
            return kind

        return decorate

    def __contains__(self, kind: object) -> bool:
        return kind in self._kinds.values()

    def names(self) -> list[str]:
        """Return every name, in the order they were added."""
        return list(self._kinds)

    def name_of(self, kind: type[Any]) -> str:
        """Return the name of a class.

        Raises
        ------
        OptionError
            Where the class was never added.
        """
        for name, known in self._kinds.items():
            if known is kind:
                return name
        raise OptionError(
            f"{kind.__name__} has no name among the {self.what}s, so it cannot be saved or built by name"
        )

    def find(self, name: Any) -> type[T]:
        """Return the class called `name`.

        Raises
        ------
        OptionError
            Where there is none, with the nearest names.
        """
        if not isinstance(name, str):
            raise OptionError(f"a {self.what} is chosen by a name, not by {name!r}")
        if name not in self._kinds:
            raise OptionError(f"there is no {self.what} {name!r}. {did_you_mean(name, self._kinds)}")
        return self._kinds[name]

    def split(self, config: str | Mapping[str, Any]) -> tuple[type[T], dict[str, Any]]:
        """Return the class and the settings that a name or a configuration states."""
        if isinstance(config, str):
            return self.find(config), {}
        if not isinstance(config, Mapping) or self.key not in config:
            raise OptionError(f"a {self.what} is a name or a mapping with {self.key!r}, but got {config!r}")
        settings = dict(config)
        return self.find(settings.pop(self.key)), settings

    def checked(self, kind: type[T], settings: dict[str, Any]) -> dict[str, Any]:
        """Return `settings` if the class has all of them.

        Raises
        ------
        OptionError
            Where it has not, with the nearest names.
        """
        known = inspect.signature(kind).parameters
        for name in settings:
            if name not in known:
                hint = did_you_mean(name, known) if known else "It has none."
                raise OptionError(f"the {self.what} {self.name_of(kind)!r} has no setting {name!r}. {hint}")
        return settings

    def build(self, config: str | Mapping[str, Any], **settings: Any) -> T:
        """Return the object that a name or a configuration states.

        Parameters
        ----------
        config
            A name, or ``{"name": …, setting: value, …}``.
        **settings
            More settings; they win over those of `config`.

        Raises
        ------
        OptionError
            Where the name or a setting is unknown, or a value out of range.
        """
        kind, stated = self.split(config)
        return kind(**self.checked(kind, stated | settings))


def config_of(registry: Registry[Any], item: Any) -> dict[str, Any]:
    """Return a dataclass instance as JSON: its name and its settings."""
    settings = {f.name: getattr(item, f.name) for f in dataclasses.fields(item) if f.init}
    return {
        registry.key: registry.name_of(type(item)),
        **{k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()},
    }


def require(
    owner: str,
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
    whole: bool = False,
) -> None:
    """Check that a setting is a finite number within its range.

    Raises
    ------
    OptionError
        Where it is not, with the range.

    Examples
    --------
    >>> require("Dropout", "rate", 1.5, least=0, below=1)
    Traceback (most recent call last):
    glassgrad.errors.OptionError: Dropout: rate must be a number with 0 ≤ rate < 1; got 1.5
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if number and above < value < below and least <= value <= most and (not whole or value == int(value)):
        return
    low = f"{_plain(above)} < " if above > -math.inf else f"{_plain(least)} ≤ " if least > -math.inf else ""
    high = f" < {_plain(below)}" if below < math.inf else f" ≤ {_plain(most)}" if most < math.inf else ""
    extent = f" with {low}{name}{high}" if low or high else ""
    if whole and least > -math.inf and most < math.inf:
        extent = f" from {_plain(least)} to {_plain(most)}"
    raise OptionError(f"{owner}: {name} must be a {'whole ' if whole else ''}number{extent}; got {value!r}")


def _plain(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:g}"
