"""Functions with a derivative rule of their own: what `gg.custom_vjp` and `gg.custom_jvp` make.

`Rule` is what all such functions share, in glassgrad, PyTorch and JAX: arguments of which some are arrays, and a
forward code that can be run, and often differentiated, without the rule.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.checking.subject import (
    Leaves,
    NotDifferentiated,
    Point,
    arrays_in,
    failed,
    numbers,
    parameters_of,
    place_of,
)
from glassgrad.errors import DTypeError, OptionError, ShapeError
from glassgrad.functional.custom import CustomFunction
from glassgrad.functional.derivatives import vjp
from glassgrad.language import Text
from glassgrad.tensors import Tensor
from glassgrad.tree import flatten, map_tree

__all__ = ["OwnRule", "Rule"]

Array = np.ndarray[Any, Any]


class Rule(ABC):
    """A function with a rule, and its arguments.

    Parameters
    ----------
    label
        Its name.
    function
        What has the names of the arguments.
    params, inputs
        The arguments: of `params` the gradients are checked, `inputs` come after them; without `params` the gradients
        of all arrays among `inputs` are checked.
    """

    rule = True
    complex_step = False

    def __init__(
        self, label: str, function: Callable[..., Any], params: Any, inputs: Sequence[Any], skip: int = 0
    ) -> None:
        self.label = label
        top = tuple(inputs) if params is None else params if isinstance(params, tuple) else (params,)
        known = [p.name for p in parameters_of(function) or ()][skip:]
        names = [known[i] if i < len(known) else f"argument {i}" for i in range(len(top))]
        self.leaves = Leaves(top, names, settings=True)
        self.names = self.leaves.names
        if not self.names:
            raise DTypeError(
                f"gg.check has nothing to check {label} at: give its arguments as inputs=(x, ...), arrays of "
                "floating-point numbers among them"
            )
        after = () if params is None else tuple(arrays_in(one) for one in inputs)
        self.start = Point(self.leaves.arrays, after)

    @abstractmethod
    def run(self, point: Point) -> list[Array]:
        """Return the results."""

    @abstractmethod
    def given(self, point: Point, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return the gradients that the rule makes of cotangents."""

    @abstractmethod
    def exact(self, point: Point, cotangents: Sequence[Array]) -> list[Array]:
        """Differentiate the function itself, without its rule."""

    def arguments(self, point: Point, arrays: Sequence[Any] | None = None) -> list[Any]:
        """Return the arguments, copies that the function may write to."""
        given = [a.copy() for a in point.arrays] if arrays is None else arrays
        after = [
            map_tree(lambda x: x.copy() if isinstance(x, np.ndarray) else x, one) for one in point.inputs
        ]
        return [*self.leaves.put(given), *after]

    def faults(self, point: Point) -> list[Text]:
        """Return what else is wrong, in sentences."""
        return []

    def spread_out(self, found: Any, arguments: Sequence[Any]) -> list[Array | None]:
        """Return the gradient of each checked array from those of the arguments, whatever their shapes."""
        count = len(arguments)
        if count == 1 and not (isinstance(found, (tuple, list)) and len(found) == 1):
            found = (found,)
        if not isinstance(found, (tuple, list)) or len(found) != count:
            returned = len(found) if isinstance(found, (tuple, list)) else 1
            raise ShapeError(
                f"the rule of {self.label} returned {returned} gradient(s), but {self.label} was given {count} "
                "argument(s): return one for each, None for those that have no gradient"
            )
        flat: list[Any] = []
        for one, argument in zip(found, arguments, strict=True):
            size = len(flatten(argument)[0])
            parts = [None] * size if one is None else flatten(one)[0]
            if len(parts) != size:
                raise ShapeError(
                    f"the rule of {self.label} returned {len(parts)} gradient(s) for an argument of {size} parts: a "
                    "gradient has the structure of its argument"
                )
            flat += parts
        return [None if flat[i] is None else numbers(flat[i]).astype(np.float64) for i in self.leaves.at]


class OwnRule(Rule):
    """A function made by `gg.custom_vjp` or `gg.custom_jvp`."""

    def __init__(self, function: CustomFunction, params: Any, inputs: Sequence[Any]) -> None:
        if function.rule is None:
            raise OptionError(f"{function.label} has no derivative rule yet, so there is nothing to check")
        self.function = function
        super().__init__(function.label, function.f, params, inputs)

    def arguments(self, point: Point, arrays: Sequence[Any] | None = None) -> list[Any]:
        """Return the arguments, with Tensors for arrays, which is what the function is given."""
        found = super().arguments(point, arrays)
        return [map_tree(_tensor, one) for one in found]

    def run(self, point: Point) -> list[Array]:
        """Return the results."""
        try:
            found = flatten(self.function.f(*self.arguments(point)))[0]
        except Exception as error:
            raise failed(error, f"{self.label}, the function itself,") from error
        return [np.asarray(one.detach().numpy() if isinstance(one, Tensor) else one) for one in found]

    def given(self, point: Point, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return what the rule makes of cotangents."""
        arguments = self.arguments(point)
        if self.function.role == "push":
            return self._transposed(point, cotangents)
        assert self.function.rule is not None
        result, rebuild = flatten(self.function.f(*arguments))
        tensors = [one if isinstance(one, Tensor) else _tensor(np.asarray(one)) for one in result]
        try:
            linear = self.function.rule(rebuild(tensors), *arguments)
            found = linear(rebuild([Tensor._make(c.copy(), None) for c in cotangents]))
        except Exception as error:
            raise failed(error, f"the rule of {self.label}") from error
        return self.spread_out(found, arguments)

    def _transposed(self, point: Point, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return what the rule for tangents makes of cotangents, which go through it backwards."""
        try:
            return list(self._pulled(self.function, point, cotangents))
        except Exception as error:
            raise failed(error, f"the rule of {self.label}") from error

    def exact(self, point: Point, cotangents: Sequence[Array]) -> list[Array]:
        """Differentiate the function itself, without its rule."""
        try:
            return self._pulled(self.function.f, point, cotangents)
        except Exception as error:
            raise NotDifferentiated(place_of(error)) from error

    def _pulled(self, f: Callable[..., Any], point: Point, cotangents: Sequence[Array]) -> list[Array]:
        tensors = [Tensor._make(a.copy(), None) for a in point.arrays]
        with np.errstate(all="ignore"):
            _, pull = vjp(lambda *xs: flatten(f(*self.arguments(point, xs)))[0], *tensors)
            return [numbers(g) for g in pull([Tensor._make(c.copy(), None) for c in cotangents])]


def _tensor(x: Any) -> Any:
    return Tensor._make(x.copy(), None) if isinstance(x, (np.ndarray, np.floating)) else x
