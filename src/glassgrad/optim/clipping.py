"""Clipping: keep one wild mini-batch from throwing the weights far away."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from glassgrad import xp
from glassgrad.errors import OptionError
from glassgrad.optim.optimizer import number
from glassgrad.options import require
from glassgrad.tensors import Tensor, asarray

__all__ = ["clip_by_norm", "clip_by_value", "global_norm"]


def clip_by_value(gradients: Sequence[Tensor], limit: float | Tensor) -> list[Tensor]:
    """Return the gradients with every element brought within ±`limit`.

    Parameters
    ----------
    gradients
        Tensors of any shapes, eager or traced.
    limit
        Above 0: a number, or a 0-d Tensor.

    Examples
    --------
    >>> import glassgrad as gg
    >>> clip_by_value([gg.tensor([-3.0, 0.5])], 1.0)
    [Tensor([-1. ,  0.5])]
    """
    if not isinstance(limit, Tensor):
        require("clip_by_value", "limit", limit, above=0)
    return [xp.maximum(xp.minimum(g, number(limit, g)), number(-limit, g)) for g in gradients]


def global_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm of all elements of all gradients together, 0-d.

    Raises
    ------
    OptionError
        Where no gradient is given.

    Examples
    --------
    >>> import glassgrad as gg
    >>> global_norm([gg.tensor([3.0]), gg.tensor([[4.0]])])
    Tensor(5.)
    """
    if not gradients:
        raise OptionError("the norm of no gradients at all is not defined: give at least one")
    return asarray(xp.sqrt(reduce(xp.add, [xp.sum(xp.square(g)) for g in gradients])))


def clip_by_norm(gradients: Sequence[Tensor], max_norm: float | Tensor) -> list[Tensor]:
    """Return the gradients scaled, all by the same factor, so that their global norm is at most `max_norm`.

    The factor is min(1, max_norm / (norm + 1e-6)), as in `torch.nn.utils.clip_grad_norm_`: the direction
    stays, and gradients that are all 0 stay 0.

    Parameters
    ----------
    gradients
        Tensors of any shapes, eager or traced.
    max_norm
        Above 0: a number, or a 0-d Tensor.

    Examples
    --------
    >>> import glassgrad as gg
    >>> [g] = clip_by_norm([gg.tensor([30.0, 40.0])], 5.0)
    >>> g.numpy().round(4).tolist()
    [3.0, 4.0]
    """
    if not isinstance(max_norm, Tensor):
        require("clip_by_norm", "max_norm", max_norm, above=0)
    norm = global_norm(gradients)
    factor = xp.minimum(number(max_norm, norm) / (norm + 1e-6), 1.0)
    return [number(factor, g) * g for g in gradients]
