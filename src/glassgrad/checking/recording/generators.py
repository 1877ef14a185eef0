"""Random numbers in the program: what is drawn records, and a shuffle is written down as the order it made."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.checking.recording.arrays import Traced
from glassgrad.checking.recording.traced import Session, adopted, outside, plain

__all__ = ["Generator", "RandomState", "all_adopted", "default_rng", "of_random", "of_stdlib", "shuffled"]


def all_adopted(value: Any, name: str) -> Any:
    """Return what a function made with every array in it recording."""
    if type(value) in (list, tuple):
        return type(value)(adopted(item, name) for item in value)
    return adopted(value, name)


def shuffled(shuffle: Callable[..., None]) -> Callable[..., None]:
    """Return a function that shuffles as another does, and writes the new order down."""

    def call(values: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(values, Traced):
            shuffle(values, *args, **kwargs)
        elif args or kwargs:
            result = np.array(plain(values))
            shuffle(result, *args, **kwargs)
            values[...] = result
        else:
            order = np.arange(len(values))
            shuffle(order if values.ndim == 1 else order[:, np.newaxis])  # rows are drawn in another way
            values[...] = values[order]

    return call


def _draws(name: str, function: Any) -> Any:
    """Return a method of a generator: what it draws records."""

    def call(*args: Any, **kwargs: Any) -> Any:
        drawn = function(*plain(args), **plain(kwargs))
        if isinstance(drawn, (float, np.floating)):
            return outside(drawn, f"random.{name}")
        return all_adopted(drawn, f"random.{name}")

    call.__name__, call.__doc__ = name, function.__doc__
    return call


def _generating(base: Any) -> Any:
    """Return a class of generators whose draws record."""

    def wrapped(name: str) -> Any:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return _draws(name, getattr(base, name).__get__(self))(*args, **kwargs)

        return method

    own: dict[str, Any] = {
        name: wrapped(name)
        for name in dir(base)
        if name[0] != "_"
        and callable(getattr(base, name))
        and name not in ("spawn", "get_state", "set_state", "seed")
    }
    own["shuffle"] = lambda self, *args, **kwargs: shuffled(base.shuffle.__get__(self))(*args, **kwargs)
    return type(base.__name__, (base,), own)


def default_rng(seed: Any = None) -> Any:
    """``np.random.default_rng``: what its generator draws records."""
    real = np.random.default_rng(_seeded(seed))
    return real if real is seed else Generator(real.bit_generator)


def _seeded(seed: Any) -> Any:
    """Return a seed, where a program has none its own number: every run of it must be the same."""
    tape = Session.tape
    if seed is not None or tape is None:
        return seed
    tape.cache["generators"] = tape.cache.get("generators", 0) + 1
    return tape.cache["generators"]


Generator = _generating(np.random.Generator)
RandomState = _generating(np.random.RandomState)
RandomState.__init__ = lambda self, seed=None: np.random.RandomState.__init__(self, _seeded(seed))


def of_random(name: str, value: Any) -> Any:
    """Return a function of `numpy.random` whose draws record."""
    if isinstance(value, type) or not callable(value):
        return value
    return (
        _draws(name, value) if name not in ("seed", "get_state", "set_state", "get_bit_generator") else value
    )


def of_stdlib(name: str, value: Any) -> Any:
    """Return a function of `random` whose floats record."""
    if name == "Random":
        return _Random
    if name not in _DRAWS:
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        return outside(value(*plain(args), **plain(kwargs)), f"random.{name}")

    return call


_DRAWS = frozenset(
    ["random", "uniform", "gauss", "normalvariate", "triangular", "betavariate", "expovariate"]
)


class _Random(random.Random):
    """``random.Random``: its floats record."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return of_stdlib(name, value) if name in _DRAWS and _by_program() else value


def _by_program() -> bool:
    """Say whether a method is asked for by the program, and not by another method of its class."""
    frame = sys._getframe(2)
    return frame.f_code.co_filename != random.__file__
