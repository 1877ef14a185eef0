"""The op record: everything glassgrad knows about one operation, in one place.

A record holds the name, the shape and dtype rule, the NumPy implementation, the derivative in both modes, the
batching rule, the formula, a sentence on why the derivative is what it is (English and Korean), the kinks with the
convention taken there, and sample inputs. Engines, differentiation, explanations, tests and documentation all read
it from here, so they cannot drift apart.

Derivative rules are written in the library's own operations: a rule receives the namespace ``F`` it is to be
written in. With plain arrays that evaluates it, with a graph builder it adds nodes, with Tensors it records, so
derivatives of any order need no further rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from glassgrad.catalogue import Catalogue
from glassgrad.errors import OptionError, did_you_mean
from glassgrad.ir import Shape
from glassgrad.language import Text

__all__ = [
    "REGISTRY",
    "Batched",
    "Home",
    "Kink",
    "Op",
    "Pull",
    "Push",
    "Sample",
    "Text",
    "lookup",
    "register",
]

Type: TypeAlias = tuple[Shape, np.dtype[Any]]
Pull: TypeAlias = Callable[..., Sequence[Any]]
Push: TypeAlias = Callable[..., Any]
Batched: TypeAlias = Callable[..., Any]
Home: TypeAlias = Literal["xp", "linalg", "fft", "inside"]


@dataclass(frozen=True, slots=True)
class Kink:
    """A place where the derivative does not exist, and what is taken there instead.

    Attributes
    ----------
    at
        The place, as a formula in the inputs.
    takes
        What glassgrad returns there: the subgradient of least norm.
    """

    at: str
    takes: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Inputs on which tests try the operation.

    Attributes
    ----------
    inputs
        For each input a shape, filled with random numbers of the domain, or the array itself.
    kwargs
        Keyword arguments of the call.
    low, high
        The domain random numbers are drawn from.
    complex
        Which of the inputs given by their shape are complex; real and imaginary parts are drawn.
    """

    inputs: tuple[tuple[int, ...] | np.ndarray[Any, Any], ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    low: float = -2.0
    high: float = 2.0
    complex: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Op:
    """One operation.

    Attributes
    ----------
    name
        The Array API's name where it has one.
    call
        ``call(F, *inputs, **settings)``: the function people call; normalises its settings and binds.
    infer
        ``infer(*inputs, **attrs)``: (shape, dtype) of the output from inputs that have a shape and a dtype; a list
        of them where there are several outputs.
    numpy
        The NumPy implementation, ``numpy(*arrays, **attrs)``; with ``out=`` where `writes_out`. A composite may
        lack one: its lowering is run.
    pull
        ``pull(F, wanted, g, z, xs, attrs, subgraphs)``: the cotangent of each wanted input from the output's `g`
        (the vector–Jacobian product); ``None`` in the place of the others. None where nothing is differentiable.
    push
        ``push(F, tangents, z, xs, attrs, subgraphs)``: the tangent of the output from those of the inputs, each
        of which may be None for zero (the Jacobian–vector product).
    batch
        ``batch(F, xs, batched, attrs, subgraphs)``: the operation applied to each row at once; where `batched`, the
        input has the rows along a new first axis, as the output has.
    latex
        The formula, with ``{0}``, ``{1}`` for the inputs.
    derivative
        LaTeX of the derivative, for people.
    why
        One sentence on the derivative.
    kinks
        Where the derivative does not exist.
    samples
        Inputs for the tests.
    definition, lowering
        For a composite: the textbook's form, which explanations open, and the numerically stable form, which engines
        run. Both are written as ``form(F, *inputs, **attrs)``.
    elementwise
        Whether each output element depends on the input elements at its own (broadcast) place alone.
    writes_out
        Whether the NumPy implementation takes ``out=``.
    view
        Whether the NumPy implementation may return a view of its first input.
    several
        Whether the operation has several outputs; its results are then tuples.
    home
        The namespace in which people find it: ``xp``, ``xp.linalg``, ``xp.fft``; ``inside`` where only rules use it.
    control
        Whether the operation runs graphs it owns (`scan`, `cond`): `infer` then takes ``subgraphs=``, and the
        NumPy implementation ``run=``, a function for each of them.
    """

    name: str
    call: Callable[..., Any]
    infer: Callable[..., Any]
    numpy: Callable[..., Any] | None
    pull: Pull | None
    push: Push | None
    batch: Batched
    latex: str
    derivative: str
    why: Text
    kinks: tuple[Kink, ...] = ()
    samples: tuple[Sample, ...] = ()
    definition: Callable[..., Any] | None = None
    lowering: Callable[..., Any] | None = None
    elementwise: bool = False
    writes_out: bool = False
    view: bool = False
    several: bool = False
    control: bool = False
    home: Home = "xp"

    @property
    def composite(self) -> bool:
        """Whether the operation has graphs inside."""
        return self.definition is not None

    def __repr__(self) -> str:
        return f"<op {self.name}>"


REGISTRY: Catalogue[str, Op] = Catalogue()
"""Every operation by name."""


def register(op: Op) -> Op:
    """Add `op` to the registry and return it; a name can be taken once."""
    if not REGISTRY.add(op.name, op):
        raise OptionError(f"an operation named {op.name!r} exists already")
    return op


def lookup(name: str) -> Op:
    """Return the record of the operation `name`.

    Raises
    ------
    OptionError
        Where there is none, with the nearest names.
    """
    try:
        return REGISTRY[name]
    except KeyError:
        raise OptionError(f"there is no operation {name!r}. {did_you_mean(name, REGISTRY)}") from None
