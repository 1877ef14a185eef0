"""`gg.check`: is a backward pass right that somebody wrote by hand, as functions or as a rule?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.checking import sentences as say
from glassgrad.checking.foreign import foreign_rule
from glassgrad.checking.measuring import Measured, measure
from glassgrad.checking.own_rules import OwnRule
from glassgrad.checking.pairs import Pair
from glassgrad.checking.randomness import repeatable
from glassgrad.checking.results import GradientCheck
from glassgrad.checking.subject import Subject
from glassgrad.checking.verdicts import judge
from glassgrad.engines.numpy.threads import blas_threads
from glassgrad.errors import DTypeError, OptionError
from glassgrad.functional.custom import CustomFunction
from glassgrad.language import Text

__all__ = ["check"]

_MULTIPLICATIONS = 1 << 20
"""The size that products in the forward pass are taken to have: small ones, repeated hundreds of times, are done
soonest by one thread that waits for no other."""


def check(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    params: Any = None,
    inputs: Any = (),
    *,
    loss: Callable[[Any], Any] | None = None,
    seed: int = 0,
) -> GradientCheck:
    """Check gradients that were written by hand, element by element.

    Each gradient is compared with exact differentiation of the forward code, and both with numeric differentiation
    (complex step, or central differences over many widths), in float64: at the point given, and at three others, so
    that nothing is right by coincidence.

    Parameters
    ----------
    forward
        The forward pass, in NumPy or in glassgrad's functions: ``forward(params, *inputs)`` returns the loss, or an
        array, which is then weighted by random cotangents; or a tuple, in which what the backward pass needs follows
        after that. A tuple of parameters is spread out: ``forward(*params, *inputs)``.

        Or, without `backward`, a function with a derivative rule of its own: what `gg.custom_vjp` or `gg.custom_jvp`
        returns, a subclass of ``torch.autograd.Function``, a function with ``jax.custom_vjp`` or ``jax.custom_jvp``.
    backward
        The backward pass. Its parameters that are named as in `forward` are given the same; the others the cotangent
        of the result, where that is an array, and then what `forward` returned after its result: so
        ``backward(params, *inputs)``, ``backward(cache)`` and ``backward(dout, cache)`` all do. It returns the
        gradients in the structure of `params`, or a dict with their names (``"dW1"`` for ``"W1"``, too).
    params
        The parameters: an array, or a dict, list or tuple of arrays, nested as you like. Of a rule they may be left
        out: all floating-point arrays among its arguments are then checked.
    inputs
        The other arguments, a tuple: data, targets, settings. Arrays of measured numbers are moved a little, too;
        whole numbers, rows that sum to 1 and symmetric matrices stay as they are.
    loss
        A function from the result of `forward` to the loss that `backward` differentiates, where `forward` returns a
        prediction.
    seed
        Of the points nearby, the cotangents, and the sample of elements.

    Returns
    -------
    GradientCheck
        True where every gradient is right. ``print`` it for a report, ``.html()`` is one as a page; ``check["W1"]``
        holds the verdict on one gradient, its cause, error and place, and the gradient it should be.

        Right with a notice: a gradient of a loss that is off by a positive constant factor, one that differs at a kink
        only, and the like.

    Raises
    ------
    CheckError
        Where one of the functions fails (its own error is the cause), or returns something else each time.
    DTypeError, ShapeError
        Where parameters or results are no real numbers, or gradients are missing.
    OptionError
        Where it is not clear how the backward pass is called.

    Examples
    --------
    >>> import numpy as np
    >>> def forward(params, x, y):
    ...     hidden = np.tanh(x @ params["W1"])
    ...     error = hidden @ params["W2"] - y
    ...     return 0.5 * np.sum(error**2), (hidden, error)
    >>> def backward(params, x, cache):
    ...     hidden, error = cache
    ...     d_hidden = error @ params["W2"].T          # forgets tanh's derivative
    ...     return {"W1": x.T @ d_hidden, "W2": hidden.T @ error}
    >>> rng = np.random.default_rng(0)
    >>> params = {"W1": rng.normal(size=(3, 4)), "W2": rng.normal(size=(4, 2))}
    >>> found = check(forward, backward, params, (rng.normal(size=(5, 3)), rng.normal(size=(5, 2))))
    >>> found.ok, [g.verdict for g in found]
    (False, ['wrong', 'right'])
    """
    inputs = tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)
    subject = _subject(forward, backward, params, inputs, loss)
    with (
        repeatable(forward, backward, loss, params, inputs) as back,
        blas_threads(_MULTIPLICATIONS),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        # a complex step through code that keeps real parts only is noticed by its result
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        measured = measure(subject, back, seed)
        gradients = tuple(judge(measured, i) for i in range(len(subject.names)))
        faults = tuple(subject.faults(subject.start))
    return GradientCheck(subject.label, gradients, faults, _notes(measured), len(measured.draws))


def _subject(
    forward: Any, backward: Any, params: Any, inputs: Sequence[Any], loss: Callable[[Any], Any] | None
) -> Subject:
    if not callable(forward):
        raise DTypeError(
            f"gg.check takes functions, but forward is {type(forward).__name__}; a file is checked by "
            "`glassgrad check FILE.py`"
        )
    if backward is not None and not callable(backward):
        raise DTypeError(
            f"gg.check takes functions, but backward is {type(backward).__name__}: "
            "gg.check(forward, backward, params, inputs)"
        )
    if backward is not None:
        if params is None:
            raise OptionError(
                "gg.check needs the parameters: gg.check(forward, backward, params, inputs), params an array, or a "
                "dict, list or tuple of arrays"
            )
        return Pair(forward, backward, params, inputs, loss)
    if loss is not None:
        raise OptionError("loss= belongs to a forward and a backward pass; a rule is checked for any loss")
    if isinstance(forward, CustomFunction):
        return OwnRule(forward, params, inputs)
    rule = foreign_rule(forward, params, inputs)
    if rule is None:
        name = getattr(forward, "__name__", type(forward).__name__)
        raise OptionError(
            f"{name} has no derivative rule of its own, so there is nothing to check without a backward pass: "
            "gg.check(forward, backward, params, inputs). Rules are functions made by gg.custom_vjp, subclasses of "
            "torch.autograd.Function, and functions with jax.custom_vjp"
        )
    return rule


def _notes(measured: Measured) -> tuple[Text, ...]:
    """Say how it was checked, where that is not plain."""
    notes = []
    if measured.reason is not None:
        notes.append(say.NO_EXACT.fill(reason=measured.reason.split(". ")[0].rstrip(".")))
    if measured.random:
        notes.append(say.RANDOM)
    if measured.digits.itemsize < 8:
        notes.append(say.PRECISION.fill(dtype=str(measured.digits)))
    looked, size = (
        sum(values) for values in zip(*((len(n.at), n.size) for n in measured.numeric), strict=True)
    )
    if looked < size:
        text = say.SAMPLED if measured.reason is None else say.SAMPLED_ALONE
        notes.append(text.fill(n=looked, size=f"{size:,}"))
    if len(measured.draws) == 1:
        notes.append(say.ALONE)
    return tuple(notes)
