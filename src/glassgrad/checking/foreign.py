"""Rules of other libraries: subclasses of PyTorch's ``autograd.Function``, and functions with JAX's ``custom_vjp``.

Nothing is imported that is not there already: whoever gives such a rule has loaded its library. Each rule is run as its
library runs it, in float64. A gradient that the library refuses for its shape is fetched from the rule itself, so that
the check can say what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from glassgrad.checking.own_rules import Rule
from glassgrad.checking.subject import NotDifferentiated, Point, failed, numbers, place_of
from glassgrad.errors import GlassgradError, ShapeError
from glassgrad.functional.runs import label_of
from glassgrad.language import Text
from glassgrad.tree import flatten, map_tree

__all__ = ["JaxRule", "TorchRule", "foreign_rule"]

Array = np.ndarray[Any, Any]


def foreign_rule(forward: Any, params: Any, inputs: Sequence[Any]) -> Rule | None:
    """Return the subject for a rule of PyTorch or JAX; None for anything else."""
    function = (
        getattr(forward, "__self__", forward) if getattr(forward, "__name__", "") == "apply" else forward
    )
    if isinstance(function, type) and any(
        base.__module__.startswith("torch.autograd") and base.__name__ == "Function"
        for base in function.__mro__
    ):
        return TorchRule(function, params, inputs)
    while function is not None:
        kind = type(function)
        if kind.__module__.partition(".")[0] == "jax" and kind.__name__ in ("custom_vjp", "custom_jvp"):
            return JaxRule(function, params, inputs)
        function = getattr(function, "__wrapped__", None)
    return None


# --- PyTorch ---------------------------------------------------------------------------------------------------------


class _Context:
    """What a forward pass is handed in place of PyTorch's own context, while its code is differentiated."""

    def __init__(self, needs: Sequence[bool]) -> None:
        self.needs_input_grad = tuple(needs)
        self.saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        self.saved_tensors = tensors

    save_for_forward = save_for_backward

    def mark_dirty(self, *tensors: Any) -> None: ...

    def mark_non_differentiable(self, *tensors: Any) -> None: ...

    def set_materialize_grads(self, value: bool) -> None: ...


class TorchRule(Rule):
    """A subclass of ``torch.autograd.Function``."""

    def __init__(self, function: Any, params: Any, inputs: Sequence[Any]) -> None:
        import torch

        self.torch, self.function = torch, function
        self.apart = function.setup_context is not torch.autograd.Function.setup_context

        def plain(x: Any) -> Any:
            return x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x

        given = None if params is None else map_tree(plain, params)
        super().__init__(
            function.__name__,
            function.forward,
            given,
            [map_tree(plain, x) for x in inputs],
            0 if self.apart else 1,
        )

    def _tensors(self, point: Point, *, wanted: bool) -> tuple[list[Any], list[Any]]:
        """Return the checked arrays as tensors, and all arguments with them."""
        checked = [self.torch.tensor(a, requires_grad=wanted) for a in point.arrays]
        marks = [_Mark(i) for i in range(len(checked))]

        def convert(x: Any) -> Any:
            if isinstance(x, _Mark):
                return checked[x.number]
            return self.torch.tensor(x) if isinstance(x, (np.ndarray, np.generic)) else x

        return checked, [map_tree(convert, one) for one in self.arguments(point, marks)]

    def _results(self, found: Any) -> list[Any]:
        results = found if isinstance(found, (tuple, list)) else (found,)
        return [r for r in results if isinstance(r, self.torch.Tensor) and r.is_floating_point()]

    def run(self, point: Point) -> list[Array]:
        """Return the results."""
        _, arguments = self._tensors(point, wanted=False)
        try:
            with self.torch.no_grad():
                return [r.numpy().copy() for r in self._results(self.function.apply(*arguments))]
        except Exception as error:
            raise failed(error, f"{self.label}.forward") from error

    def given(self, point: Point, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return the gradients as PyTorch computes them with the rule."""
        try:
            checked, arguments = self._tensors(point, wanted=True)
            results = self._results(self.function.apply(*arguments))
            moving = [(r, c) for r, c in zip(results, cotangents, strict=True) if r.requires_grad]
            if not moving:
                return [None] * len(checked)
            seeds = [self.torch.tensor(c, dtype=r.dtype) for r, c in moving]
            found = self.torch.autograd.grad([r for r, _ in moving], checked, seeds, allow_unused=True)
        except RuntimeError as error:
            if "invalid gradient" not in str(error):
                raise self._failed(error) from error
            return self._raw(point, cotangents)
        except Exception as error:
            raise self._failed(error) from error
        return [None if g is None else numbers(g.detach().numpy()) for g in found]

    def _failed(self, error: Exception) -> GlassgradError:
        if "incorrect number of gradients" in str(error):
            return ShapeError(
                f"{self.label}.backward: {str(error).splitlines()[0]}; return one gradient for each argument of "
                "forward but ctx, None for those that have none"
            )
        return failed(error, f"{self.label}.backward")

    def _raw(self, point: Point, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return what the rule returns, before PyTorch looks at its shapes."""
        _, arguments = self._tensors(point, wanted=True)
        result = self.function.apply(*arguments)
        context = next(r.grad_fn for r in self._results(result) if r.grad_fn is not None)
        with self.torch.no_grad():
            found = self.function.backward(context, *(self.torch.tensor(c) for c in cotangents))
        found = found if isinstance(found, tuple) else (found,)
        while len(found) > len(arguments) and found[-1] is None:  # those of arguments left at their defaults
            found = found[:-1]
        plain = tuple(None if g is None else g.detach().numpy() for g in found)
        return self.spread_out(plain, arguments)

    def exact(self, point: Point, cotangents: Sequence[Array]) -> list[Array]:
        """Differentiate the code of ``forward`` with PyTorch's own rules."""
        torch = self.torch
        try:
            checked, arguments = self._tensors(point, wanted=True)
            # in-place code writes to its arguments, which no leaf allows
            arguments = [
                map_tree(lambda x: x.clone() if isinstance(x, torch.Tensor) else x, a) for a in arguments
            ]
            needs = [isinstance(a, torch.Tensor) and a.requires_grad for a in arguments]
            context = () if self.apart else (_Context(needs),)
            with torch.enable_grad():
                results = self._results(self.function.forward(*context, *arguments))
                moving = [
                    (r, torch.tensor(c)) for r, c in zip(results, cotangents, strict=True) if r.requires_grad
                ]
                if not moving:
                    raise NotDifferentiated(
                        f"{self.label}.forward leaves PyTorch's differentiable operations"
                    )
                outs, seeds = zip(*moving, strict=True)
                found = torch.autograd.grad(outs, checked, seeds, allow_unused=True)
        except NotDifferentiated:
            raise
        except Exception as error:
            raise NotDifferentiated(place_of(error)) from error
        return [
            np.zeros(a.shape) if g is None else numbers(g.detach().numpy())
            for a, g in zip(point.arrays, found, strict=True)
        ]


class _Mark:
    """Stands for a checked array until its library's own array takes the place."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


# --- JAX -------------------------------------------------------------------------------------------------------------


@contextmanager
def _in_float64() -> Iterator[None]:
    """Let JAX compute in float64 inside."""
    try:
        from jax import enable_x64
    except ImportError:  # before JAX 0.8
        from jax.experimental import enable_x64
    with enable_x64(True):
        yield


class JaxRule(Rule):
    """A function with ``jax.custom_vjp`` or ``jax.custom_jvp``."""

    def __init__(self, function: Any, params: Any, inputs: Sequence[Any]) -> None:
        import jax

        self.jax, self.function = jax, function

        def plain(x: Any) -> Any:
            return np.asarray(x) if isinstance(x, jax.Array) else x

        given = None if params is None else map_tree(plain, params)
        super().__init__(label_of(function), function.fun, given, [map_tree(plain, x) for x in inputs])

    def arguments(self, point: Point, arrays: Sequence[Any] | None = None) -> list[Any]:
        """Return the arguments, with JAX's arrays."""
        found = super().arguments(point, arrays)
        return [
            map_tree(lambda x: self.jax.numpy.asarray(x) if isinstance(x, np.ndarray) else x, a)
            for a in found
        ]

    def run(self, point: Point) -> list[Array]:
        """Return the results."""
        with _in_float64():
            try:
                return [np.array(r) for r in flatten(self.function.fun(*self.arguments(point)))[0]]
            except Exception as error:
                raise failed(error, f"{self.label}, the function itself,") from error

    def given(self, point: Point, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return the gradients as JAX computes them with the rule."""
        with _in_float64():
            try:
                return list(self._pulled(self.function, point, cotangents))
            except Exception as error:
                if not hasattr(self.function, "bwd") or not isinstance(error, (TypeError, ValueError)):
                    raise failed(error, f"the rule of {self.label}") from error
                try:
                    return self._raw(point, cotangents)
                except GlassgradError:
                    raise
                except Exception as again:
                    raise failed(again, f"the rule of {self.label}") from again

    def exact(self, point: Point, cotangents: Sequence[Array]) -> list[Array]:
        """Differentiate the function itself, without its rule."""
        with _in_float64():
            try:
                return self._pulled(self.function.fun, point, cotangents)
            except Exception as error:
                raise NotDifferentiated(place_of(error)) from error

    def faults(self, point: Point) -> list[Text]:
        """Say where the forward half of the rule computes something other than the function."""
        if not hasattr(self.function, "fwd"):
            return []
        with _in_float64():
            arguments = self.arguments(point)
            found = flatten(self.function.fwd(*arguments)[0])[0]
            wanted = flatten(self.function.fun(*arguments))[0]
            if len(found) == len(wanted) and all(map(np.allclose, found, wanted)):
                return []
        return [
            Text(
                "The forward half of the rule, {fwd}, returns another result than {name} itself: with a gradient "
                "wanted, another function is computed.",
                "규칙의 순전파 부분 {fwd:이/가} {name} 자체와 다른 결과를 돌려준다. 기울기를 구할 때에는 다른 함수가 "
                "계산되는 셈이다.",
            ).fill(fwd=label_of(self.function.fwd), name=self.label)
        ]

    def _pulled(self, f: Callable[..., Any], point: Point, cotangents: Sequence[Array]) -> list[Array]:
        jax = self.jax
        arrays = [jax.numpy.asarray(a) for a in point.arrays]
        _, pull = jax.vjp(lambda *xs: flatten(f(*self.arguments(point, xs)))[0], *arrays)
        return [np.array(g, np.float64) for g in pull([jax.numpy.asarray(c) for c in cotangents])]

    def _raw(self, point: Point, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return what the rule returns, before JAX looks at its shapes."""
        arguments = self.arguments(point)
        still = tuple(self.function.nondiff_argnums)
        result, kept = self.function.fwd(*arguments)
        _, rebuild = flatten(result)
        seeds = rebuild([self.jax.numpy.asarray(c) for c in cotangents])
        found = self.function.bwd(*(arguments[i] for i in still), kept, seeds)
        moving = [i for i in range(len(arguments)) if i not in still]
        if not isinstance(found, (tuple, list)):
            found = (found,)
        if len(found) == len(moving):
            parts = dict(zip(moving, found, strict=True))
            found = tuple(parts.get(i) for i in range(len(arguments)))
        return self.spread_out(found, arguments)
