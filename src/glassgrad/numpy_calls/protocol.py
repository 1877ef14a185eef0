"""How NumPy's functions reach values with gradients: its protocols ``__array_ufunc__`` and ``__array_function__``.

NumPy asks its arguments before it computes. A value answers with the rule from the table, carried out in its own
namespace, so that code written for NumPy computes, records or traces. A function without a rule runs on the plain
numbers where no gradient would be lost, and else says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from glassgrad.errors import DTypeError, GlassgradError, OptionError
from glassgrad.ir.origin import caller, located
from glassgrad.numpy_calls.table import RULES
from glassgrad.numpy_calls.ufuncs import find_method, find_ufunc
from glassgrad.ops.operators import Operators

__all__ = ["NumPyCalls", "place_of_out"]

_READS: frozenset[Callable[..., Any]] = frozenset(
    {
        np.allclose,
        np.argwhere,
        np.array2string,
        np.array_equal,
        np.array_equiv,
        np.array_repr,
        np.array_str,
        np.digitize,
        np.flatnonzero,
        np.isclose,
        np.iscomplex,
        np.isin,
        np.isneginf,
        np.isposinf,
        np.isreal,
        np.lexsort,
        np.may_share_memory,
        np.shares_memory,
    }
)
"""Functions whose results are truth values, places or text, and so have no gradient whatever they read."""


class NumPyCalls(Operators):
    """A value that NumPy's functions take; subclasses say what they are followed by and how they are read."""

    __slots__ = ()

    def _followed(self) -> bool:
        """Say whether a gradient is wanted of the value, or a graph is being traced through it."""
        raise NotImplementedError

    def _values(self) -> np.ndarray[Any, Any]:
        """Return the plain numbers; an error where there are none yet."""
        raise NotImplementedError

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Carry out one of NumPy's universal functions, or a method of it."""
        if method == "__call__" and not kwargs and (apply := find_ufunc(ufunc)) is not None:
            result = apply(self._F, *inputs)
            return self._F.identity(result) if any(result is x for x in inputs) else result
        spelling = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
        out = kwargs.pop("out", None)
        outs = out if isinstance(out, tuple) else () if out is None else (out,)
        if any(isinstance(o, np.ndarray) for o in outs):
            whole = getattr(ufunc, method)
            return _on_numbers(self._F, spelling, whole, inputs, {**kwargs, "out": out}, "write a = a + t")
        apply = find_ufunc(ufunc) if method == "__call__" else find_method(ufunc, method)
        if apply is None:
            return _on_numbers(self._F, spelling, getattr(ufunc, method), inputs, {**kwargs, **_given(out)})
        if method != "__call__":
            result = apply(self._F, *inputs, **kwargs)
        else:
            result = self._call(spelling, apply, inputs, kwargs, outs)
        return result if not outs else _written(result, outs)

    def _call(
        self, spelling: str, apply: Callable[..., Any], inputs: Any, kwargs: dict[str, Any], outs: Any
    ) -> Any:
        """Carry out a universal function with NumPy's ``dtype`` and ``where``."""
        F = self._F
        dtype, where = kwargs.pop("dtype", None), kwargs.pop("where", True)
        kwargs.pop("casting", None)
        if kwargs:
            raise OptionError(f"{spelling} takes no {', '.join(kwargs)} on a Tensor: leave it out")
        if dtype is not None:
            kind = np.dtype(dtype)
            inputs = [
                x if isinstance(x, (int, float, complex)) else F.astype(F.value(x), kind) for x in inputs
            ]
        result = apply(F, *inputs)
        if any(result is x for x in inputs):
            result = F.identity(result)  # in an array of its own, as NumPy's results are
        if where is True:
            return result
        if not outs:
            raise OptionError(
                f"{spelling} with where= leaves the other places as they happen to be: choose with "
                "np.where(mask, result, other), or give out="
            )
        return F.where(where, result, outs[0])

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Carry out one of NumPy's other functions."""
        rule = RULES.get(function)
        if rule is None:
            return _on_numbers(self._F, _spelling(function), function, args, kwargs)
        out = kwargs.get("out")
        at = place_of_out(function)
        if at is not None and len(args) > at:
            out, args = args[at], (*args[:at], None, *args[at + 1 :])
        if out is None:
            try:
                return rule(self._F, *args, **kwargs)
            except GlassgradError as error:
                raise located(error, _spelling(function), args) from error.__cause__
        if isinstance(out, np.ndarray):
            kwargs = {**kwargs, "out": out}
            return _on_numbers(self._F, _spelling(function), function, args, kwargs, "leave out= out")
        rest = {name: setting for name, setting in kwargs.items() if name != "out"}
        return _written(rule(self._F, *args, **rest), (out,))


def _spelling(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)


@cache
def place_of_out(function: Callable[..., Any]) -> int | None:
    """Return which argument ``out`` is, where it can be given by its place."""
    parameters = inspect.signature(function).parameters
    if "out" not in parameters or parameters["out"].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        return None
    return list(parameters).index("out")


def _given(out: Any) -> dict[str, Any]:
    return {} if out is None else {"out": out}


def _written(result: Any, outs: tuple[Any, ...]) -> Any:
    """Give the results to the values that ``out`` names, and return those."""
    results = result if isinstance(result, tuple) else (result,)
    for target, found in zip(outs, results, strict=True):
        if target is not None:
            target._become(found)
    kept = tuple(found if target is None else target for target, found in zip(outs, results, strict=True))
    return kept if isinstance(result, tuple) else kept[0]


def _tensors(x: Any) -> Iterator[NumPyCalls]:
    """Yield the values among nested arguments."""
    if isinstance(x, NumPyCalls):
        yield x
    elif isinstance(x, Mapping):
        for child in x.values():
            yield from _tensors(child)
    elif isinstance(x, (list, tuple)):
        for child in x:
            yield from _tensors(child)


def _plain(x: Any) -> Any:
    """Return nested arguments with the numbers of the values among them."""
    if isinstance(x, NumPyCalls):
        values = x._values().view()
        values.flags.writeable = False
        return values
    if isinstance(x, Mapping):
        return {key: _plain(child) for key, child in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(_plain, x))
    return type(x)(map(_plain, x)) if isinstance(x, (list, tuple)) else x


def _on_numbers(
    F: Any,
    spelling: str,
    function: Callable[..., Any],
    args: Any,
    kwargs: Mapping[str, Any],
    instead: str | None = None,
) -> Any:
    """Call NumPy itself on the plain numbers, where that loses no gradient; arrays it returns become values.

    Raises
    ------
    DTypeError
        Where it would.
    """
    if function not in _READS and any(t._followed() for t in _tensors((args, kwargs))):
        if instead is not None:
            raise DTypeError(
                f"{spelling} cannot write a Tensor into an array, which has no gradient: {instead} rather than a += t"
                if instead.startswith("write")
                else f"{spelling} cannot write a Tensor into an array, which has no gradient: {instead}"
            )
        name = spelling.rpartition(".")[2]
        raise DTypeError(
            f"{spelling} has no derivative rule in glassgrad and would cut a Tensor from its gradient. Write it in "
            "functions that have one, take t.detach().numpy() where no gradient is wanted, or give it a rule:\n"
            f"    @gg.custom_vjp\n    def {name}(x): return {spelling}(np.asarray(x))\n"
            f"    @{name}.defvjp\n    def {name}_vjp(result, x): return lambda g: (...,)\n"
            f"  (at {caller()})"
        )
    result = function(*map(_plain, args), **_plain(kwargs))
    return _back(F, result) if instead is None else result


def _back(F: Any, result: Any) -> Any:
    if isinstance(result, tuple):
        children = [_back(F, child) for child in result]
        return type(result)(*children) if hasattr(result, "_fields") else tuple(children)
    if isinstance(result, list):
        return [_back(F, child) for child in result]
    numbers = isinstance(result, (np.ndarray, np.generic)) and result.dtype.kind in "biufc"
    return F.value(result) if numbers and result.flags.writeable | isinstance(result, np.generic) else result
