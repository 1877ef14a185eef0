"""What every loss is: a number for each element (or row), and how they become the one that is minimised.

A loss states its elements and, where classes count differently, the weight that stands for each in the
denominator; the mean Σwℓ/Σw, or the sum, is taken here, once for all. `Loss.share` is that denominator: the
loss of an epoch is the mean of its mini-batches' losses by their shares.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from glassgrad import xp
from glassgrad.errors import ShapeError
from glassgrad.options import Registry, config_of
from glassgrad.tensors import Tensor, asarray

__all__ = ["LOSSES", "Loss", "cast", "known", "loss"]


def known(tensor: Tensor) -> np.ndarray[Any, Any] | None:
    """Return the values of a Tensor, None while they are traced."""
    return tensor._payload if isinstance(tensor._payload, np.ndarray) else None


def cast(tensor: Tensor, dtype: Any) -> Tensor:
    """Return a Tensor in another dtype, itself where it has it already."""
    return tensor if tensor.dtype == dtype else tensor.astype(dtype)


@dataclass(frozen=True)
class Loss(ABC):
    """Base of the losses; call one as ``loss(output, target)``.

    Attributes
    ----------
    reduction
        How the losses of mini-batches combine in an epoch: as a mean by `share`, or as a sum.
    """

    reduction: ClassVar[Literal["mean", "sum"]] = "mean"

    @abstractmethod
    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each element, or of each row, weighted by its class; the first axis is the rows."""

    def factor(self, output: Tensor) -> float:
        """Return what the mean (or sum) of the elements is multiplied by."""
        return 1.0

    def class_share(self, target: Tensor, dtype: Any) -> Tensor | None:
        """Return the weight of each element in the denominator of the mean, None where all count the same."""
        return None

    def inputs(self) -> dict[str, Tensor]:
        """Return the arrays the loss depends on by name; a trace can take them as inputs."""
        return {}

    def config(self) -> dict[str, Any]:
        """Return the loss as JSON, which `loss` takes."""
        return config_of(LOSSES, self)

    @property
    def name(self) -> str:
        """The name it is chosen by."""
        return LOSSES.name_of(type(self))

    def check(self, output: Tensor, target: Tensor) -> None:
        """Check that output and target fit each other; values only where they are known.

        Raises
        ------
        ShapeError
            Where their shapes differ.
        """
        ours, theirs = output.shape, target.shape
        if ours == theirs:
            return
        mend = "they must be equal"
        if ours == (*theirs, 1):
            mend = "give the target a second axis: target[:, None]"
        elif theirs == (*ours, 1):
            mend = "take the target's one column: target[:, 0]"
        elif len(ours) == 2 and theirs == ours[:1]:
            mend = "for classes use cross_entropy; class labels must be whole numbers: y.astype(int)"
        raise ShapeError(f"{self.name}: the output has shape {ours}, but the target {theirs}; {mend}")

    def __call__(self, output: Any, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the loss of a mini-batch.

        Parameters
        ----------
        output
            What the network returned; the first axis is the rows.
        target
            What it should have returned.
        sample_weight
            (n,) weights of the rows.

        Returns
        -------
        Tensor
            0-d, of the output's dtype.

        Raises
        ------
        ShapeError, DTypeError, DataError
            Where they do not fit each other.
        """
        output, target = asarray(output), asarray(target)
        self.check(output, target)
        elements = self.elements(output, target)
        weight = None if sample_weight is None else _row_weight(sample_weight, elements)
        shares = self.class_share(target, elements.dtype)
        weighted = elements if weight is None else elements * weight
        if self.reduction == "sum":
            total = xp.sum(weighted)
        elif shares is not None:
            total = xp.sum(weighted) / xp.sum(shares if weight is None else shares * weight)
        elif weight is not None:
            total = xp.sum(weighted) / (xp.sum(weight) * float(math.prod(elements.shape[1:])))
        else:
            total = xp.mean(elements)
        factor = self.factor(output)
        return total if factor == 1 else total * factor  # type: ignore[no-any-return]

    def share(self, target: Any, sample_weight: Any = None, dtype: Any = np.float64) -> Tensor:
        """Return how much a mini-batch counts in the mean over an epoch.

        Parameters
        ----------
        target, sample_weight
            As in the call.
        dtype
            Of the result; that of the weights where there are some.

        Returns
        -------
        Tensor
            0-d: the number of rows, or the sum of their weights.
        """
        target = asarray(target)
        weight = None if sample_weight is None else asarray(sample_weight)
        dtype = np.dtype(dtype) if weight is None else weight.dtype
        shares = self.class_share(target, dtype)
        if shares is not None:
            return asarray(xp.sum(shares if weight is None else shares * _row_weight(weight, shares)))
        if weight is not None:
            return asarray(xp.sum(weight))
        return asarray(xp.dimension(target.shape[0] if target.shape else 1, dtype))


def _row_weight(sample_weight: Any, elements: Tensor) -> Tensor:
    """Return the weights of the rows in a shape that broadcasts against the elements, in their dtype."""
    weight = asarray(sample_weight)
    if not elements.shape or weight.shape != elements.shape[:1]:
        rows = elements.shape[0] if elements.shape else "no"
        raise ShapeError(f"sample_weight has shape {weight.shape}, but there are {rows} rows to weigh")
    shaped = weight.reshape((*weight.shape, *(1,) * (elements.ndim - 1)))
    return cast(shaped, elements.dtype)


LOSSES: Registry[Loss] = Registry("loss")
"""Every loss by name."""


def loss(config: str | Mapping[str, Any], **settings: Any) -> Loss:
    """Return the loss that a name or a configuration states.

    Raises
    ------
    OptionError
        Where the name or a setting is unknown, or a value out of range.

    Examples
    --------
    >>> loss("huber", delta=2.0)
    Huber(delta=2.0)
    """
    return LOSSES.build(config, **settings)
