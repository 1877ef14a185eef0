"""Pairs of functions, a forward and a backward pass, in the ways in which people write them.

What the backward pass is given follows from its parameters' names and number and from what the forward pass returns
(`calling`). Its gradients come in the order or under the names of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from glassgrad.checking.calling import sources
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
from glassgrad.functional.derivatives import vjp
from glassgrad.functional.runs import is_array, label_of
from glassgrad.language import Text
from glassgrad.tensors import Tensor
from glassgrad.tree import map_tree

__all__ = ["Pair"]

Array = np.ndarray[Any, Any]

_NAMES = ("{}", "d{}", "d_{}", "grad_{}", "{}_grad", "g_{}", "∇{}")
"""What the gradient of a parameter is called in a dict."""


class Pair:
    """A forward and a backward pass.

    The forward pass is called ``forward(params, *inputs)``; a tuple of parameters is spread out,
    ``forward(*params, *inputs)``, unless the forward pass takes one argument for all of them. It returns its result,
    the loss or an array, or a tuple: the result, then whatever the backward pass needs (the *cache*).

    The backward pass is given, for its parameters named as in the forward pass, what that was given, and for the
    others the cotangent of the result (∂E/∂result), where the result is an array, and the cache. Where names do not
    tell, their number does: the cache, or the arguments, or both; before them the cotangent, if the result is an array.
    """

    rule = False
    complex_step = True

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        params: Any,
        inputs: Sequence[Any],
        loss: Callable[[Any], Any] | None,
    ) -> None:
        self.forward, self.backward, self.loss = forward, backward, loss
        self.label = label_of(forward)
        known = parameters_of(forward)
        self.spread = _spread(params, inputs, known)
        top = list(params) if self.spread else [params]
        taken = [p.name for p in known or ()][: len(top)]
        if len(taken) < len(top):
            taken = ["params"] if len(top) == 1 else [f"params[{i}]" for i in range(len(top))]
        self.leaves = Leaves(tuple(top), taken)
        self.names = self.leaves.names
        if not self.names:
            raise DTypeError(
                f"gg.check found no floating-point numbers in params, which is {_told(params)}: give a NumPy array or "
                "a Tensor, or a dict, list or tuple of them (of PyTorch and JAX it checks autograd.Function and "
                "custom_vjp, without a backward pass)"
            )
        self.start = Point(self.leaves.arrays, tuple(arrays_in(one) for one in inputs))

    def arguments(self, point: Point, arrays: Sequence[Any] | None = None) -> list[Any]:
        """Return the arguments of the forward pass, copies that it may write to."""
        given = [a.copy() for a in point.arrays] if arrays is None else arrays
        inputs = [
            map_tree(lambda x: x.copy() if isinstance(x, np.ndarray) else x, one) for one in point.inputs
        ]
        return [*self.leaves.put(given), *inputs]

    def forwards(self, arguments: Sequence[Any]) -> tuple[Any, tuple[Any, ...]]:
        """Run the forward pass: its result, and its cache."""
        found = self.forward(*arguments)
        cache: tuple[Any, ...] = ()
        if isinstance(found, tuple):
            if not found:
                raise ShapeError(
                    f"{self.label} returned (): it has to return its result, the loss or an array"
                )
            found, *rest = found
            cache = tuple(rest)
        return found if self.loss is None else self.loss(found), cache

    def run(self, point: Point) -> list[Array]:
        """Return the result."""
        try:
            result, _ = self.forwards(self.arguments(point))
        except OptionError:
            raise
        except Exception as error:
            if any(a.dtype.kind == "c" for a in point.arrays):
                raise
            raise failed(error, self._called("forward", len(point.inputs))) from error
        return [_result(result, self.label)]

    def given(self, point: Point, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return the gradients of the backward pass."""
        result, cache = self.forwards(self.arguments(point))
        cotangent: Any = cotangents[0][()] if cotangents[0].ndim == 0 else cotangents[0].copy()
        if isinstance(result, Tensor):
            cotangent = Tensor._make(cotangents[0].copy(), None)
        arguments = self._for_backward(point, cotangent, np.ndim(_result(result, self.label)) == 0, cache)
        try:
            found = self.backward(*arguments)
        except Exception as error:
            raise failed(error, f"{label_of(self.backward)}, the backward pass,") from error
        return self._gradients(found)

    def exact(self, point: Point, cotangents: Sequence[Array]) -> list[Array]:
        """Differentiate the forward pass, run on Tensors."""

        def f(*tensors: Tensor) -> Any:
            result, _ = self.forwards(self.arguments(point, tensors))
            if not isinstance(result, Tensor):
                result = np.asarray(result)
            return result

        try:
            with np.errstate(all="ignore"):
                found = vjp(f, *(Tensor._make(a.copy(), None) for a in point.arrays))[1](cotangents[0])
        except Exception as error:
            raise NotDifferentiated(place_of(error)) from error
        return [numbers(g) for g in found]

    def faults(self, point: Point) -> list[Text]:
        """Return nothing: a pair has its gradients alone to be wrong in."""
        return []

    # --- how backward is called ---

    def _for_backward(self, point: Point, cotangent: Any, scalar: bool, cache: tuple[Any, ...]) -> list[Any]:
        """Return the arguments of the backward pass."""
        arguments = self.arguments(point)
        known, wanted = parameters_of(self.forward) or [], parameters_of(self.backward)
        defaults = [p.default for p in known[len(arguments) :]]
        given = sources(
            [p.name for p in known],
            wanted,
            arguments=len(arguments),
            parameters=len(self.leaves.tree),
            cache=len(cache),
            scalar=scalar,
        )
        if given is None:
            raise OptionError(
                f"gg.check does not know how to call {label_of(self.backward)}"
                f"({', '.join(p.name for p in wanted or ())}). Parameters named as in {self.label}"
                f"({', '.join(p.name for p in known)}) are given the same; the others "
                f"{'' if scalar else 'the cotangent of the result, then '}what {self.label} returns after its "
                f"result, which is {len(cache)} more value(s). Otherwise wrap it: backward=lambda params, ...: ..."
            )
        values = {"argument": [*arguments, *defaults], "cotangent": [cotangent], "cache": cache}
        return [values[kind][i] for kind, i in given]

    def _called(self, role: str, inputs: int) -> str:
        count = len(self.leaves.tree) + inputs
        given = "argument" if count == 1 else "arguments"
        return f"{self.label}, the {role} pass, called with {count} {given},"

    # --- what backward returns ---

    def _gradients(self, found: Any) -> list[Array | None]:
        tree = self.leaves.tree if self.spread else self.leaves.tree[0]
        flat: list[Any] = []
        self._match(tree, found, "params", flat, top=self.spread)
        return [_gradient(flat[i], name) for i, name in zip(self.leaves.at, self.names, strict=True)]

    def _match(self, tree: Any, found: Any, path: str, flat: list[Any], *, top: bool = False) -> None:
        """Put the gradients in the order of the leaves of the parameters."""
        label = label_of(self.backward)
        if isinstance(tree, Mapping):
            if isinstance(found, Mapping):
                parts = [_named(found, key, tree, child, label) for key, child in tree.items()]
            else:
                parts = _ordered(found, list(map(str, tree)), path, label)
            for (key, child), part in zip(tree.items(), parts, strict=True):
                self._match(child, part, f"{path}[{key!r}]", flat)
        elif isinstance(tree, (list, tuple)):
            names = list(self.leaves.names) if top and len(self.leaves.names) == len(tree) else None
            if isinstance(found, Mapping) and names is not None:
                parts = [_named(found, n, names, child, label) for n, child in zip(names, tree, strict=True)]
            elif top and len(tree) == 1 and not (isinstance(found, (list, tuple)) and len(found) == 1):
                parts = [found]
            else:
                shown = names or [f"{path}[{i}]" for i in range(len(tree))]
                parts = _ordered(found, shown, path, label)
            for i, (child, part) in enumerate(zip(tree, parts, strict=True)):
                self._match(child, part, f"{path}[{i}]", flat)
        else:
            alone = isinstance(found, (list, tuple)) and len(found) == 1
            flat.append(found[0] if alone and np.shape(found[0]) == np.shape(tree) else found)


def _spread(params: Any, inputs: Sequence[Any], known: Sequence[Any] | None) -> bool:
    """Say whether each of the parameters is an argument of its own."""
    if not isinstance(params, tuple) or hasattr(params, "_fields"):
        return False
    if known is None:
        return True

    def fits(count: int) -> bool:
        return sum(p.default is p.empty for p in known) <= count <= len(known)

    return fits(len(params) + len(inputs)) or not fits(1 + len(inputs))


def _result(result: Any, label: str) -> Array:
    """Return the result of a forward pass as an array of real numbers."""
    if result is None:
        raise ShapeError(f"{label} returned None: it has to return its result, the loss or an array")
    try:
        array = np.asarray(result.detach().numpy() if isinstance(result, Tensor) else result)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind in "biu":
        raise DTypeError(
            f"{label} returned {array.dtype}, which jumps and is flat in between: it has no gradient. A loss is "
            "computed in floating point; a count of right answers is none"
        )
    if array.dtype.kind not in "fc":
        raise DTypeError(
            f"{label} returned {_told(result)}, but its result has to be a number or an array of numbers. After it "
            "more may follow in a tuple: return result, cache"
        )
    return array


def _ordered(found: Any, names: Sequence[str], path: str, label: str) -> list[Any]:
    """Return gradients that come in the order of the parameters."""
    if isinstance(found, np.ndarray) and found.dtype != object and len(names) != 1 and found.ndim == 0:
        found = [found]
    if not isinstance(found, (list, tuple)) and not (isinstance(found, np.ndarray) and found.ndim > 0):
        raise ShapeError(
            f"{label} returned {_told(found)}, but there are {len(names)} parameters ({', '.join(names)}): return a "
            f"gradient for each, in the structure of {path}"
        )
    if len(found) != len(names):
        raise ShapeError(
            f"{label} returned {len(found)} gradient(s) for {len(names)} parameter(s) ({', '.join(names)}): return one "
            "for each, in their order, None for one that has none; what is not to be checked goes into inputs"
        )
    return list(found)


def _named(found: Mapping[Any, Any], key: Any, keys: Any, child: Any, label: str) -> Any:
    """Return the gradient of a parameter from a dict."""
    for name in (key, *(form.format(key) for form in _NAMES)):
        if name in found:
            return found[name]
    if not Leaves((child,), [str(key)]).names:
        return None if not isinstance(child, (Mapping, list, tuple)) else child
    raise ShapeError(
        f"{label} returned no gradient for {key!r}: it has {', '.join(map(repr, found))}. The gradients are named as "
        f"the parameters are ({', '.join(map(repr, keys))}), or with a d before that (d{key})"
    )


def _gradient(found: Any, name: str) -> Array | None:
    if found is None:
        return None
    array = np.asarray(None)
    if not isinstance(found, (list, tuple)) or is_array(found):
        with suppress(TypeError, ValueError):
            array = numbers(found)
    if array.dtype.kind not in "biuf":
        raise ShapeError(f"the gradient returned for {name} is {_told(found)}, not an array of real numbers")
    return array.astype(np.float64)


def _told(x: Any) -> str:
    """Return in a few words what was given."""
    if isinstance(x, Mapping):
        return f"a dict with {', '.join(map(repr, x)) or 'nothing in it'}"
    if isinstance(x, (list, tuple)):
        return f"a {type(x).__name__} of {len(x)}"
    if isinstance(x, np.ndarray):
        return f"an array of shape {x.shape} and dtype {x.dtype}"
    return type(x).__name__
