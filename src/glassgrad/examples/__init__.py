"""Built-in examples with known answers: from a single gate to handwritten digits.

``glassgrad examples`` lists them. Each can be run; the networks can be trained, and everything in them looked at.
"""

from __future__ import annotations

from glassgrad.errors import OptionError, did_you_mean
from glassgrad.examples.circuits import CIRCUITS
from glassgrad.examples.digits import DIGITS
from glassgrad.examples.example import Example, FunctionExample, NetworkExample
from glassgrad.examples.minima import MINIMA
from glassgrad.examples.networks import NETWORKS
from glassgrad.examples.perceptrons import PERCEPTRONS

__all__ = ["Example", "FunctionExample", "NetworkExample", "get", "names"]

_ALL: dict[str, Example] = {e.name: e for e in (PERCEPTRONS, *NETWORKS, *CIRCUITS, MINIMA, DIGITS)}


def names() -> list[str]:
    """Return the names of the examples, in the order of a course.

    Examples
    --------
    >>> names()[:2]
    ['perceptrons', 'xor']
    """
    return list(_ALL)


def get(name: str) -> Example:
    """Return an example by name.

    Raises
    ------
    OptionError
        Where there is none of that name.
    """
    if name not in _ALL:
        raise OptionError(f"there is no example {name!r}. {did_you_mean(name, _ALL)}")
    return _ALL[name]
