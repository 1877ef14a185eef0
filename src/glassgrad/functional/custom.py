"""Functions with a derivative rule of their own: `custom_vjp` and `custom_jvp`.

What such a function computes is not recorded: it becomes one step, with the rule that its author states. What a call
does with the rule is in `rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any

from glassgrad.errors import DTypeError, OptionError
from glassgrad.functional.rules import MODES, Call, Role, Rule
from glassgrad.functional.runs import label_of
from glassgrad.graph.builder import active_builder
from glassgrad.tensors import Tensor
from glassgrad.tree import flatten

__all__ = ["CustomFunction", "custom_jvp", "custom_vjp"]


class CustomFunction:
    """What `custom_vjp` and `custom_jvp` return: called like the function it was made of, and given a rule."""

    def __init__(self, f: Callable[..., Any], role: Role) -> None:
        if not callable(f):
            raise DTypeError(f"gg.custom_{MODES[role]} takes a function, but got {type(f).__name__}")
        update_wrapper(self, f, updated=())
        self.f = f
        self.label = label_of(f)
        self.role = role
        self.rule: Rule | None = None

    def defvjp(self, rule: Callable[..., Any], bwd: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """Set the rule for gradients and return it; see `custom_vjp`."""
        if self.role != "pull":
            raise OptionError(f"{self.label} was made by gg.custom_jvp: its rule is set by defjvp")
        if bwd is None:
            self.rule = rule
        else:

            def paired(result: Any, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
                residuals = rule(*args, **kwargs)[1]
                return lambda g: bwd(residuals, g)

            self.rule = paired
        return rule

    def defjvp(self, rule: Rule) -> Rule:
        """Set the rule for tangents and return it; see `custom_jvp`."""
        if self.role != "push":
            raise OptionError(f"{self.label} was made by gg.custom_vjp: its rule is set by defvjp")
        self.rule = rule
        return rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns."""
        if self.rule is None:
            mode = MODES[self.role]
            raise OptionError(
                f"{self.label} has no derivative rule yet: write one and decorate it with @{self.label}.def{mode}"
            )
        for name, value in kwargs.items():
            if any(isinstance(leaf, Tensor) and leaf.requires_grad for leaf in flatten(value)[0]):
                raise DTypeError(
                    f"{self.label}: {name} wants a gradient but was given by keyword; what is given by keyword is a "
                    "setting. Pass it by position, where the rule returns a cotangent for it"
                )
        call = Call(self, args, kwargs)
        return call.eagerly() if active_builder() is None else call.traced()

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return a method, so that methods can be decorated; the rule gets the instance, too."""
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<{self.label} with a {MODES[self.role]} rule of its own>"


def custom_vjp(f: Callable[..., Any]) -> CustomFunction:
    """Give a function a rule for gradients of its own, in place of those of what it is made of.

    Parameters
    ----------
    f
        A function of Tensors, or of nestings of them, that returns a Tensor or a nesting. Its inside is not recorded:
        it gets Tensors that want no gradient, and may use NumPy on them (``np.asarray(x)``), but for traced functions
        (`gg.compile`, `gg.trace`, `gg.vmap`, `gg.fit`), where it is traced itself. Python numbers, texts and the like
        are handed on as they are; keyword arguments are settings without a gradient.

    Returns
    -------
    CustomFunction
        To be given its rule by ``@f.defvjp``: a function of the result and the arguments of `f` that returns a function
        from the cotangent of the result to those of the positional arguments, a tuple with one for each (None for one
        without), each of the shape and dtype of its argument. JAX's pair is taken, too, as ``f.defvjp(fwd, bwd)``;
        `fwd` then runs in the backward pass.

        The rule is itself differentiated for higher derivatives. In forward mode (`gg.jvp`, `gg.hessian`) it is
        transposed, which needs a rule in glassgrad's functions.

    Raises
    ------
    OptionError
        When called without a rule.
    ShapeError, DTypeError
        When differentiated, where what the rule returns does not fit the arguments; when called, where `f` closes over
        a Tensor that wants a gradient.
    TraceError
        Where a function or rule that uses NumPy is traced or transposed.

    Examples
    --------
    >>> import numpy as np
    >>> import glassgrad as gg
    >>> @custom_vjp
    ... def clipped(x, bound):
    ...     return np.clip(np.asarray(x), -bound, bound)
    >>> @clipped.defvjp
    ... def clipped_vjp(result, x, bound):
    ...     return lambda g: (g, None)     # the gradient passes straight through
    >>> gg.grad(lambda x: gg.sum(clipped(x, 1.0) ** 2))(gg.tensor([0.5, 3.0]))
    Tensor([1., 2.])
    """
    return CustomFunction(f, "pull")


def custom_jvp(f: Callable[..., Any]) -> CustomFunction:
    """Give a function a rule for tangents of its own, in place of those of what it is made of.

    Parameters
    ----------
    f
        As in `custom_vjp`.

    Returns
    -------
    CustomFunction
        To be given its rule by ``@f.defjvp``: a function of the result and the arguments of `f` that returns a function
        from the tangents of the positional arguments to that of the result. What is no real or complex number or array
        has the tangent None. For gradients the rule is transposed, which needs a rule in
        glassgrad's functions, linear in the tangents.

    Raises
    ------
    OptionError, ShapeError, DTypeError, TraceError
        As in `custom_vjp`.

    Examples
    --------
    >>> import glassgrad as gg
    >>> @custom_jvp
    ... def softplus(x):
    ...     return gg.logaddexp(x, 0.0)
    >>> @softplus.defjvp
    ... def softplus_jvp(result, x):
    ...     return lambda dx: gg.sigmoid(x) * dx
    >>> gg.grad(softplus)(0.0), gg.jvp(softplus, (0.0,), (2.0,))[1]
    (Tensor(0.5), Tensor(1.))
    """
    return CustomFunction(f, "push")
