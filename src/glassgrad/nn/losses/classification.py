"""Losses of classes: how surprised the network is by the right answer.

Where classes are rare, ``class_weight`` makes them count more. The weights are an array the loss holds and
a trace can take as an input (`Loss.inputs`), so that other weights compile nothing anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad import xp
from glassgrad.errors import DataError, OptionError, ShapeError
from glassgrad.nn.losses.loss import LOSSES, Loss, cast, known
from glassgrad.options import require
from glassgrad.tensors import Tensor, asarray

__all__ = ["BinaryCrossEntropy", "BinaryCrossEntropyWithLogits", "CrossEntropy"]


@dataclass(frozen=True)
class _ClassWeighted(Loss):
    """A loss that can hold a weight for each class."""

    class_weight: Sequence[float] | None = None
    _weight: Tensor | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.class_weight is None:
            return
        try:
            values = tuple(float(w) for w in self.class_weight)
        except (TypeError, ValueError):
            values = ()
        if not values or not all(0 <= w < np.inf for w in values) or sum(values) == 0:
            raise OptionError(
                f"{self.name}: class_weight must be finite numbers ≥ 0, one a class and not all 0; "
                f"got {self.class_weight!r}"
            )
        object.__setattr__(self, "class_weight", values)
        object.__setattr__(self, "_weight", Tensor(np.array(values), name="class_weight"))

    def inputs(self) -> dict[str, Tensor]:
        """Return the weights of the classes, where there are some."""
        return {} if self._weight is None else {"class_weight": self._weight}


@LOSSES.add("cross_entropy")
@dataclass(frozen=True)
class CrossEntropy(_ClassWeighted):
    """The mean of −Σ_c t_c ln softmax(logits)_c over the rows, as `torch.nn.CrossEntropyLoss`.

    The target is either labels, whole numbers from 0 to C − 1 of shape (n,), or probabilities of the
    output's shape.

    Parameters
    ----------
    class_weight
        C weights w. Each class's term is multiplied by its weight; for labels the mean is Σ w_y ℓ / Σ w_y.
    label_smoothing
        ε, 0 ≤ ε < 1: the target becomes (1 − ε) t + ε/C.

    Raises
    ------
    OptionError
        Where a setting is out of range.

    Examples
    --------
    >>> CrossEntropy()([[0.0, 0.0], [100.0, 0.0]], [1, 0])
    Tensor(0.34657359)
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.name, "label_smoothing", self.label_smoothing, least=0, below=1)

    def check(self, output: Tensor, target: Tensor) -> None:
        """Check the shapes: (n, C) scores, and (n,) labels or (n, C) probabilities."""
        ours, theirs = output.shape, target.shape
        if len(ours) < 2 or ours[-1] == 1:
            raise ShapeError(
                f"cross_entropy takes one score for each of two or more classes, (n, C), but the output has shape "
                f"{ours}; for yes or no from one output use binary_cross_entropy_with_logits"
            )
        if theirs not in (ours, ours[:-1]):
            mend = "take its one column: target[:, 0]" if theirs == (*ours[:-1], 1) else ""
            raise ShapeError(
                f"cross_entropy: the output has shape {ours}, so the target has {ours[:-1]} (labels) or {ours} "
                f"(probabilities), but its shape is {theirs}" + (f"; {mend}" if mend else "")
            )
        if self._weight is not None and self._weight.shape != ours[-1:]:
            raise ShapeError(
                f"cross_entropy: class_weight has {self._weight.size} numbers, but the output {ours[-1]} classes"
            )

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row."""
        smoothing = float(self.label_smoothing)
        if self._weight is None:
            return asarray(xp.cross_entropy(output, target, smoothing))
        weight = cast(self._weight, output.dtype)
        if target.ndim == output.ndim:
            smooth = cast(target, output.dtype) * (1 - smoothing) + smoothing / output.shape[-1]
            return asarray(xp.cross_entropy(output, smooth * weight))
        sharp = xp.cross_entropy(output, target) * xp.take(weight, target, axis=0)
        if not smoothing:
            return asarray(sharp)
        blurred = xp.sum(xp.log_softmax(output, -1) * weight, axis=-1)
        return asarray(sharp * (1 - smoothing) - blurred * (smoothing / output.shape[-1]))

    def class_share(self, target: Tensor, dtype: Any) -> Tensor | None:
        """Return w_y for labels; probabilities have no one class, and each row counts 1, as in PyTorch."""
        if self._weight is None or target.dtype.kind == "f":
            return None
        return asarray(xp.take(cast(self._weight, dtype), target, axis=0))


@dataclass(frozen=True)
class _Binary(_ClassWeighted):
    """A loss of yes (1) or no (0), or of a probability between them, for each element of the output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._weight is not None and self._weight.size != 2:
            raise OptionError(
                f"{self.name}: class_weight has two numbers, for 0 and for 1; got {self.class_weight!r}"
            )

    def check(self, output: Tensor, target: Tensor) -> None:
        """Check that the shapes are equal and the targets lie between 0 and 1."""
        super().check(output, target)
        _check_probabilities(self.name, "target", target, "name the classes 0 and 1")

    def class_share(self, target: Tensor, dtype: Any) -> Tensor | None:
        """Return w₀ (1 − t) + w₁ t for each element."""
        if self._weight is None:
            return None
        no, yes = (cast(self._weight, dtype)[i] for i in range(2))
        return asarray(no + (yes - no) * cast(target, dtype))

    def _classed(self, elements: Tensor, target: Tensor) -> Tensor:
        shares = self.class_share(target, elements.dtype)
        return elements if shares is None else asarray(shares * elements)


def _check_probabilities(name: str, what: str, given: Tensor, mend: str) -> None:
    values = known(given)
    if values is None or not values.size:
        return
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):
        wrong = high if low >= 0 else low
        raise DataError(f"{name}: every {what} lies between 0 and 1, but one is {wrong}; {mend}")


@LOSSES.add("binary_cross_entropy_with_logits")
@dataclass(frozen=True)
class BinaryCrossEntropyWithLogits(_Binary):
    """The mean of −t ln p − (1 − t) ln(1 − p) over all elements, with p = sigmoid(output).

    Sigmoid and logarithm are taken together, so that no probability is rounded to 0 or 1.

    Parameters
    ----------
    class_weight
        Weights w₀ and w₁ of the classes; the mean is then Σ wℓ / Σ w with w = w₀ (1 − t) + w₁ t.

    Raises
    ------
    OptionError
        Where the weights are not two numbers ≥ 0.

    Examples
    --------
    >>> BinaryCrossEntropyWithLogits()([[0.0]], [[1]])
    Tensor(0.69314718)
    """

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each element."""
        return self._classed(asarray(xp.binary_cross_entropy_with_logits(output, target)), target)


@LOSSES.add("binary_cross_entropy")
@dataclass(frozen=True)
class BinaryCrossEntropy(_Binary):
    """The mean of −t ln p − (1 − t) ln(1 − p) over all elements, with probabilities p as the output.

    It suits a network that ends with a sigmoid; `BinaryCrossEntropyWithLogits` is the more exact one.

    Parameters
    ----------
    class_weight
        As in `BinaryCrossEntropyWithLogits`.

    Raises
    ------
    OptionError
        Where the weights are not two numbers ≥ 0.

    Examples
    --------
    >>> BinaryCrossEntropy()([[0.5]], [[1]])
    Tensor(0.69314718)
    """

    def check(self, output: Tensor, target: Tensor) -> None:
        """Check that the shapes are equal, and outputs and targets lie between 0 and 1."""
        super().check(output, target)
        mend = "end the network with a Sigmoid, or use binary_cross_entropy_with_logits"
        _check_probabilities(self.name, "output", output, mend)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each element."""
        return self._classed(asarray(xp.binary_cross_entropy(output, target)), target)
